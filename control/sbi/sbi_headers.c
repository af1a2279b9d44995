/* sbi_headers.c: the headers of the service based interface: read and written. */
#include "control/sbi/sbi_headers.h"

#include <stdio.h>
#include <time.h>

#define LOADED     50 /* ours: percent from which on our load is told */
#define OVERLOADED 90 /* ours: from which on less is asked for, 5 % for each percent and one more */
#define VALID_S    10 /* ours */

static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
	"Oct", "Nov", "Dec" };
static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

static int index_of(struct span word, const char *const *words, int count)
{
	for (int i = 0; i < count; i++) {
		if (span_eq(word, SPAN_STR(words[i])))
			return i;
	}
	return -1;
}

/* Exactly so many digits. */
static bool take_number(struct rd *r, size_t digits, int *out)
{
	uint64_t value;

	if (!span_to_u64(rd_span(r, digits), 9999, &value))
		return false;
	*out = (int)value;
	return true;
}

static bool take_text(struct rd *r, const char *text)
{
	return span_eq(rd_span(r, strlen(text)), SPAN_STR(text));
}

bool sbi_read_timestamp(struct span text, int64_t *us)
{
	struct rd r = RD(span_trim(text));
	struct tm tm = { 0 };
	int ms, year;

	if (index_of(rd_span(&r, 3), days, 7) < 0 || !take_text(&r, ", ") ||
		!take_number(&r, 2, &tm.tm_mday) || !take_text(&r, " "))
		return false;
	tm.tm_mon = index_of(rd_span(&r, 3), months, 12);
	if (tm.tm_mon < 0 || !take_text(&r, " ") || !take_number(&r, 4, &year) ||
		!take_text(&r, " ") || !take_number(&r, 2, &tm.tm_hour) || !take_text(&r, ":") ||
		!take_number(&r, 2, &tm.tm_min) || !take_text(&r, ":") ||
		!take_number(&r, 2, &tm.tm_sec) || !take_text(&r, ".") ||
		!take_number(&r, 3, &ms) || !take_text(&r, " GMT") || r.failed || r.rest.len > 0)
		return false;
	tm.tm_year = year - 1900;
	*us = (int64_t)timegm(&tm) * 1000000 + (int64_t)ms * 1000;
	return true;
}

static int64_t read_until(const struct h2_request *r, int64_t wall_us)
{
	struct span most = span_trim(h2_header(r, "3gpp-sbi-max-rsp-time"));
	struct span sent = h2_header(r, "3gpp-sbi-sender-timestamp");
	int64_t from = wall_us;
	uint64_t ms;

	if (!span_to_u64(most, 99999, &ms))
		return INT64_MAX;
	if (sent.len > 0 && !sbi_read_timestamp(sent, &from))
		from = wall_us;
	if (from > wall_us) /* its clock is ahead of ours: it waits no longer for that */
		from = wall_us;
	return from + (int64_t)ms * 1000;
}

void sbi_read_hints(const struct h2_request *r, int64_t wall_us, struct sbi_hints *out)
{
	struct span priority = span_trim(h2_header(r, "3gpp-sbi-message-priority"));
	uint64_t value;

	out->until_us = read_until(r, wall_us);
	out->priority = SBI_PRIORITY_USUAL;
	if (span_to_u64(priority, SBI_PRIORITY_MAX, &value))
		out->priority = (unsigned)value;
}

void sbi_write_date(int64_t wall_us, char out[SBI_HEADER_MAX])
{
	time_t seconds = (time_t)(wall_us / 1000000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(out, SBI_HEADER_MAX, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
		tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

bool sbi_write_lci(int64_t wall_us, unsigned load, const char *nf, char out[SBI_HEADER_MAX])
{
	char date[SBI_HEADER_MAX];

	if (load < LOADED)
		return false;
	sbi_write_date(wall_us, date);
	snprintf(out, SBI_HEADER_MAX, "Timestamp: \"%.40s\"; Load-Metric: %u%%; NF-Instance: %.36s",
		date, load < 100 ? load : 100, nf);
	return true;
}

bool sbi_write_oci(int64_t wall_us, unsigned load, const char *nf, char out[SBI_HEADER_MAX])
{
	char date[SBI_HEADER_MAX];

	if (load < OVERLOADED)
		return false;
	sbi_write_date(wall_us, date);
	snprintf(out, SBI_HEADER_MAX,
		"Timestamp: \"%.40s\"; Period-of-Validity: %ds; Overload-Reduction-Metric: %u%%; "
		"NF-Instance: %.36s",
		date, VALID_S, ((load < 100 ? load : 100) - OVERLOADED + 1) * 5, nf);
	return true;
}

/* What a scheme, an authority and a prefix are made of (RFC 3986), and nothing else. */
static bool is_root(struct span s)
{
	if (!span_starts(s, SPAN_LIT("http://")) && !span_starts(s, SPAN_LIT("https://")))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9') &&
			(c == '\0' || strchr("-._~:/[]%", c) == NULL))
			return false;
	}
	return s.p[s.len - 1] != '/';
}

bool sbi_read_root(const struct h2_request *r, char out[512])
{
	struct span target = span_trim(h2_header(r, "3gpp-sbi-target-apiroot"));

	if (target.len > 0 && is_root(target) && target.len < 512) {
		snprintf(out, 512, "%.*s", SPAN_FMT(target));
		return true;
	}
	if (r->authority.len == 0 || r->authority.len > 300 || r->scheme.len > 5)
		return false;
	snprintf(out, 512, "%.*s://%.*s", SPAN_FMT(r->scheme), SPAN_FMT(r->authority));
	return is_root(SPAN_STR(out));
}

bool sbi_is_media_type(struct span content_type, const char *media_type)
{
	return span_eq_nocase(span_trim(span_cut(&content_type, ';')), SPAN_STR(media_type));
}
