/* log.c: one line a life event, as text for people or JSON for collectors. */
#include "dcmf/base/log.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "dcmf/base/chars.h"

#define LINE_MAX_BYTES PIPE_BUF /* written at once and whole, whoever else writes there */
#define LINE_ROOM      (LINE_MAX_BYTES - 64) /* for values; what frames them fits behind it */

/* A line that grows; once something did not fit, nothing more of its values does. */
struct line {
	char p[LINE_MAX_BYTES];
	size_t len;
	bool is_cut;
};

static FILE *sink;
static bool as_json;
static enum log_level limit = LOG_INFO;
static char who_name[32];

static const char *const names[] = { "error", "warn", "info", "debug" };

void log_open(FILE *out, bool json)
{
	sink = out;
	as_json = json;
}

void log_set_level(enum log_level level)
{
	limit = level;
}

enum log_level log_get_level(void)
{
	return limit;
}

const char *log_level_name(enum log_level level)
{
	return names[level];
}

bool log_level_parse(const char *word, enum log_level *out)
{
	for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
		if (strcmp(word, names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

void log_set_who(const char *who)
{
	snprintf(who_name, sizeof(who_name), "%s", who);
}

/* All of it or nothing: no character is cut in two. */
static void put(struct line *l, const char *p, size_t len)
{
	if (l->is_cut || l->len + len > LINE_ROOM) {
		l->is_cut = true;
		return;
	}
	memcpy(l->p + l->len, p, len);
	l->len += len;
}

/* Keys, quotes and ends: they always fit. */
static void put_frame(struct line *l, const char *text)
{
	size_t len = strlen(text);

	if (l->len + len > sizeof(l->p))
		return;
	memcpy(l->p + l->len, text, len);
	l->len += len;
}

/* A character that JSON does not take as it is. */
static void put_escape(struct line *l, unsigned char c)
{
	char escape[8];
	int len = snprintf(escape, sizeof(escape), c == '"' || c == '\\' ? "\\%c" : "\\u%04x", c);

	put(l, escape, (size_t)len);
}

static void put_json_text(struct line *l, const char *key, const char *text)
{
	put_frame(l, ",\"");
	put_frame(l, key);
	put_frame(l, "\":\"");
	for (struct span rest = SPAN_STR(text); rest.len > 0;) {
		uint8_t c = rest.p[0];
		size_t len = char_utf8(rest);

		if (len == 0)
			put(l, "?", 1);
		else if (c == '"' || c == '\\' || c < 0x20 || c == 0x7f)
			put_escape(l, c);
		else
			put(l, (const char *)rest.p, len);
		rest = span_skip(rest, len > 0 ? len : 1);
	}
	put_frame(l, "\"");
}

/* Whatever a peer put into a name or a reason: it stays one line. */
static void put_plain_text(struct line *l, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		put(l, c < 0x20 || c == 0x7f ? "?" : text, 1);
	}
}

static void put_json_line(struct line *l, const char *when, enum log_level level,
	const char *subject, const char *text)
{
	put_frame(l, "{\"time\":\"");
	put_frame(l, when);
	put_frame(l, "\",\"level\":\"");
	put_frame(l, names[level]);
	put_frame(l, "\"");
	if (who_name[0] != '\0')
		put_json_text(l, "who", who_name);
	if (subject != NULL)
		put_json_text(l, "subject", subject);
	put_json_text(l, "message", text);
	put_frame(l, "}\n");
}

static void put_plain_line(struct line *l, const char *when, enum log_level level,
	const char *subject, const char *text)
{
	char head[64];

	snprintf(head, sizeof(head), "%s %-5s ", when, names[level]);
	put_frame(l, head);
	if (who_name[0] != '\0') {
		put_plain_text(l, who_name);
		put(l, ": ", 2);
	}
	if (subject != NULL) {
		put_plain_text(l, subject);
		put(l, ": ", 2);
	}
	put_plain_text(l, text);
	put_frame(l, "\n");
}

void log_line(enum log_level level, const char *subject, const char *fmt, ...)
{
	FILE *out = sink ? sink : stderr;
	char text[2048], when[40];
	struct line line = { .len = 0 };
	size_t len;
	struct timeval tv;
	struct tm tm;
	va_list ap;

	if (level > limit)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	gettimeofday(&tv, NULL);
	gmtime_r(&tv.tv_sec, &tm);
	len = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when + len, sizeof(when) - len, ".%03dZ", (int)(tv.tv_usec / 1000));
	(as_json ? put_json_line : put_plain_line)(&line, when, level, subject, text);
	fwrite(line.p, line.len, 1, out);
	fflush(out);
}
