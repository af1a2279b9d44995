/*
 * sdp_dcmap.c: a=dcmap (RFC 8864 5.1): a channel that is agreed in SDP,
 * with its options and their escaping.
 */
#include "control/sdp/sdp_parts.h"
#include "dcmf/base/chars.h"

#define PRIORITY_NORMAL 256 /* RFC 8864 5.1.7 */

/* One dcmap line on its way in. */
struct dcmap_reader {
	struct sdp_dcmap *to;
	uint8_t *words; /* where the next unescaped text goes */
	size_t *words_len;
	const char *why;
};

static bool refuse(struct dcmap_reader *r, const char *why)
{
	r->why = why;
	return false;
}

/* ---- texts ------------------------------------------------------------------------------ */

static bool is_text(struct span s)
{
	while (s.len > 0) {
		size_t n = char_utf8(s);

		if (n == 0)
			return false;
		s = span_skip(s, n);
	}
	return true;
}

/* Quoted as the RFC has it, or bare as some write it; %-escapes are resolved. */
static bool read_text(struct dcmap_reader *r, struct span value, struct span *out)
{
	uint8_t *to = r->words + *r->words_len;
	size_t len = 0;

	if (value.len >= 2 && value.p[0] == '"' && value.p[value.len - 1] == '"')
		value = SPAN(value.p + 1, value.len - 2);
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.p[i];

		if (c == '"')
			return refuse(r, "a quote within a text");
		if (c == '%') {
			if (value.len - i < 3 || char_hex(value.p[i + 1]) < 0 ||
				char_hex(value.p[i + 2]) < 0)
				return refuse(
					r, "a % that is not followed by two hexadecimal digits");
			c = (uint8_t)(char_hex(value.p[i + 1]) << 4 | char_hex(value.p[i + 2]));
			i += 2;
		}
		to[len++] = c;
	}
	if (!is_text(SPAN(to, len)))
		return refuse(r, "a text that is not UTF-8");
	*r->words_len += len;
	*out = SPAN(to, len);
	return true;
}

/* ---- options ---------------------------------------------------------------------------- */

static bool read_label(struct dcmap_reader *r, struct span value)
{
	return read_text(r, value, &r->to->label);
}

static bool read_subprotocol(struct dcmap_reader *r, struct span value)
{
	return read_text(r, value, &r->to->subprotocol);
}

static bool read_ordered(struct dcmap_reader *r, struct span value)
{
	r->to->quality.unordered = span_eq_nocase(value, SPAN_LIT("false"));
	if (!r->to->quality.unordered && !span_eq_nocase(value, SPAN_LIT("true")))
		return refuse(r, "ordered is true or false");
	return true;
}

static bool read_limit(struct dcmap_reader *r, struct span value, enum reliability kind)
{
	uint64_t limit;

	if (r->to->quality.reliability != RELIABLE)
		return refuse(r, "max-retr or max-time may stand there once, and not both");
	if (!span_to_u64(value, UINT32_MAX, &limit))
		return refuse(r, "max-retr and max-time are numbers");
	r->to->quality.reliability = (uint8_t)kind;
	r->to->quality.limit = (uint32_t)limit;
	return true;
}

static bool read_max_retr(struct dcmap_reader *r, struct span value)
{
	return read_limit(r, value, MAX_RETRANSMITS);
}

static bool read_max_time(struct dcmap_reader *r, struct span value)
{
	return read_limit(r, value, MAX_LIFETIME);
}

static bool read_priority(struct dcmap_reader *r, struct span value)
{
	uint64_t priority;

	if (!span_to_u64(value, UINT16_MAX, &priority))
		return refuse(r, "priority is a number up to 65535");
	r->to->quality.priority = (uint16_t)priority;
	return true;
}

static const struct {
	const char *name;
	bool (*read)(struct dcmap_reader *r, struct span value);
} options[] = {
	{ "label", read_label },
	{ "subprotocol", read_subprotocol },
	{ "ordered", read_ordered },
	{ "max-retr", read_max_retr },
	{ "max-time", read_max_time },
	{ "priority", read_priority },
};

/* Options that nobody here knows are kept in the line and mean nothing (RFC 8864 5.1.1). */
static bool read_option(struct dcmap_reader *r, struct span option)
{
	struct span value = option;
	struct span name = span_trim(span_cut(&value, '='));

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (span_eq_nocase(name, SPAN_STR(options[i].name)))
			return options[i].read(r, span_trim(value));
	}
	return true;
}

/* As span_cut at ';', but not within quotes. */
static struct span cut_option(struct span *rest)
{
	struct span option = *rest;
	bool quoted = false;
	size_t i = 0;

	for (; i < option.len && (quoted || option.p[i] != ';'); i++)
		quoted ^= option.p[i] == '"';
	*rest = span_skip(option, i + 1);
	option.len = i;
	return option;
}

bool sdp_dcmap_sid(struct span value, uint16_t *sid)
{
	struct span text = span_trim(value);
	uint64_t number;

	if (!span_to_u64(span_cut(&text, ' '), UINT16_MAX, &number))
		return false;
	*sid = (uint16_t)number;
	return true;
}

bool sdp_dcmap_parse(struct span value, struct sdp_dcmap *out, uint8_t *words, size_t *words_len,
	const char **why)
{
	struct dcmap_reader r = { .to = out, .words = words, .words_len = words_len };
	struct span rest = span_trim(value);

	*out = (struct sdp_dcmap){ .quality = { .priority = PRIORITY_NORMAL } };
	if (!sdp_dcmap_sid(rest, &out->sid)) {
		*why = "a stream id from 0 to 65535 comes first";
		return false;
	}
	span_cut(&rest, ' ');
	while (rest.len > 0) {
		if (!read_option(&r, cut_option(&rest))) {
			*why = r.why;
			return false;
		}
	}
	return true;
}
