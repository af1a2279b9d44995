/* text.c: which bytes may stand where in HTTP. */
#include "dcmf/http/text.h"

#include "dcmf/base/chars.h"

static bool is_token_byte(uint8_t c)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c != '\0' && strchr(marks, c) != NULL);
}

size_t text_token_len(struct span s)
{
	size_t n = 0;

	while (n < s.len && is_token_byte(s.p[n]))
		n++;
	return n;
}

bool text_is_value(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	}
	return true;
}

bool text_is_url_part(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	}
	return true;
}

bool text_starts_nocase(struct span s, struct span prefix)
{
	return s.len >= prefix.len && span_eq_nocase(SPAN(s.p, prefix.len), prefix);
}

struct span text_cut_query(struct span *s, bool *has_query)
{
	*has_query = s->len > 0 && memchr(s->p, '?', s->len) != NULL;
	return span_cut(s, '?');
}

/*
 * Undoes one layer of percent-encoding in place. False: a percent sign
 * without two digits (left as it is).
 */
static bool decode(uint8_t *s, size_t *len)
{
	size_t out = 0;
	bool is_clean = true;

	for (size_t i = 0; i < *len; i++) {
		int high = i + 2 < *len ? char_hex(s[i + 1]) : -1;
		int low = high >= 0 ? char_hex(s[i + 2]) : -1;

		if (s[i] == '%' && low >= 0) {
			s[out++] = (uint8_t)(high << 4 | low);
			i += 2;
		} else {
			is_clean = is_clean && s[i] != '%';
			s[out++] = s[i];
		}
	}
	*len = out;
	return is_clean;
}

/*
 * UTF-8 that is longer than it needs to be, for an ASCII character: how many bytes, or 0. Old
 * decoders take it.
 */
static size_t overlong(const uint8_t *s, size_t len, uint8_t *ascii)
{
	if (len >= 2 && (s[0] & 0xfe) == 0xc0 && s[1] >> 6 == 2) {
		*ascii = (uint8_t)((s[0] & 1) << 6 | (s[1] & 0x3f));
		return 2;
	}
	if (len >= 3 && s[0] == 0xe0 && (s[1] & 0xfe) == 0x80 && s[2] >> 6 == 2) {
		*ascii = (uint8_t)((s[1] & 1) << 6 | (s[2] & 0x3f));
		return 3;
	}
	if (len >= 4 && s[0] == 0xf0 && s[1] == 0x80 && (s[2] & 0xfe) == 0x80 && s[3] >> 6 == 2) {
		*ascii = (uint8_t)((s[2] & 1) << 6 | (s[3] & 0x3f));
		return 4;
	}
	return 0;
}

/* Long UTF-8 becomes short, and a backslash a slash. */
static size_t simplify(uint8_t *s, size_t len)
{
	size_t out = 0;

	for (size_t i = 0; i < len;) {
		uint8_t c = s[i];
		size_t n = overlong(s + i, len - i, &c);

		s[out++] = c == '\\' ? '/' : c;
		i += n > 0 ? n : 1;
	}
	return out;
}

static bool has_dot_dot(struct span path)
{
	while (path.len > 0) {
		struct span segment = span_cut(&path, '/');

		if (span_eq(span_cut(&segment, ';'), SPAN_LIT("..")))
			return true;
	}
	return false;
}

bool text_path_climbs(struct span path, char *scratch)
{
	uint8_t *s = (uint8_t *)scratch;
	size_t len = path.len, before;

	if (len == 0)
		return false;
	memcpy(s, path.p, len);
	if (!decode(s, &len) || !text_is_value(SPAN(s, len)) || memchr(s, '\t', len) != NULL ||
		memchr(s, '\\', len) != NULL)
		return true;
	/* a server behind a server may decode again: until nothing is left to decode */
	do {
		len = before = simplify(s, len);
		if (has_dot_dot(SPAN(s, len)))
			return true;
		decode(s, &len);
	} while (len < before);
	return false;
}
