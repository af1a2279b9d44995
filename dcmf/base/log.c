/* log.c: one line a life event, as text for people or JSON for collectors. */
#include "dcmf/base/log.h"

#include <stdarg.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

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

/* How many bytes the well-formed UTF-8 character at `s` has (RFC 3629 4); 0: it is none. */
static size_t utf8_len(const unsigned char *s)
{
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;

	for (size_t i = 1; i < len; i++) {
		if (s[i] >> 6 != 2)
			return 0;
	}
	/* longer than needed, a surrogate, or beyond the last one */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static void put_json_text(FILE *out, const char *key, const char *text)
{
	fprintf(out, ",\"%s\":\"", key);
	while (*text != '\0') {
		unsigned char c = (unsigned char)*text;
		size_t len = utf8_len((const unsigned char *)text);

		if (len == 0)
			fputc('?', out);
		else if (len > 1)
			fwrite(text, len, 1, out);
		else if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
		text += len > 0 ? len : 1;
	}
	fputc('"', out);
}

/* Whatever a peer put into a name or a reason: it stays one line. */
static void put_plain_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		fputc(c < 0x20 || c == 0x7f ? '?' : c, out);
	}
}

void log_line(enum log_level level, const char *subject, const char *fmt, ...)
{
	FILE *out = sink ? sink : stderr;
	char text[2048], when[40];
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
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	flockfile(out);
	if (as_json) {
		fprintf(out, "{\"time\":\"%s.%03dZ\",\"level\":\"%s\"", when,
			(int)(tv.tv_usec / 1000), names[level]);
		if (who_name[0] != '\0')
			put_json_text(out, "who", who_name);
		if (subject != NULL)
			put_json_text(out, "subject", subject);
		put_json_text(out, "message", text);
		fputs("}\n", out);
	} else {
		fprintf(out, "%s.%03dZ %-5s ", when, (int)(tv.tv_usec / 1000), names[level]);
		if (who_name[0] != '\0')
			fprintf(out, "%s: ", who_name);
		if (subject != NULL) {
			put_plain_text(out, subject);
			fputs(": ", out);
		}
		put_plain_text(out, text);
		fputc('\n', out);
	}
	fflush(out);
	funlockfile(out);
}
