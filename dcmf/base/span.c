/* span.c: borrowed bytes, and the two cursors that read and write wire formats. */
#include "dcmf/base/span.h"

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool span_eq_nocase(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	}
	return true;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(struct span s)
{
	while (s.len > 0 && is_blank(s.p[0]))
		s = span_skip(s, 1);
	while (s.len > 0 && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

struct span span_cut(struct span *s, uint8_t sep)
{
	const uint8_t *at = s->len > 0 ? memchr(s->p, sep, s->len) : NULL;
	struct span head = *s;

	if (at == NULL) {
		*s = SPAN_NONE;
		return head;
	}
	head.len = (size_t)(at - s->p);
	*s = span_skip(*s, head.len + 1);
	return head;
}

bool span_to_u64(struct span s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		uint64_t digit = (uint64_t)s.p[i] - '0';

		if (s.p[i] < '0' || s.p[i] > '9' || digit > max || v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

static uint64_t rd_be(struct rd *r, size_t bytes)
{
	struct span s = rd_span(r, bytes);
	uint64_t v = 0;

	for (size_t i = 0; i < s.len; i++)
		v = v << 8 | s.p[i];
	return v;
}

uint8_t rd_u8(struct rd *r)
{
	return (uint8_t)rd_be(r, 1);
}

uint16_t rd_u16(struct rd *r)
{
	return (uint16_t)rd_be(r, 2);
}

uint32_t rd_u24(struct rd *r)
{
	return (uint32_t)rd_be(r, 3);
}

uint32_t rd_u32(struct rd *r)
{
	return (uint32_t)rd_be(r, 4);
}

uint64_t rd_u48(struct rd *r)
{
	return rd_be(r, 6);
}

struct span rd_span(struct rd *r, size_t len)
{
	struct span s = SPAN(r->rest.p, len);

	if (r->failed || len > r->rest.len) {
		r->failed = true;
		return SPAN_NONE;
	}
	r->rest = span_skip(r->rest, len);
	return s;
}

static void wr_be(struct wr *w, uint64_t v, size_t bytes)
{
	uint8_t be[8];

	for (size_t i = 0; i < bytes; i++)
		be[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
	wr_span(w, SPAN(be, bytes));
}

void wr_u8(struct wr *w, uint8_t v)
{
	wr_be(w, v, 1);
}

void wr_u16(struct wr *w, uint16_t v)
{
	wr_be(w, v, 2);
}

void wr_u24(struct wr *w, uint32_t v)
{
	wr_be(w, v, 3);
}

void wr_u32(struct wr *w, uint32_t v)
{
	wr_be(w, v, 4);
}

void wr_u48(struct wr *w, uint64_t v)
{
	wr_be(w, v, 6);
}

void wr_span(struct wr *w, struct span s)
{
	if (w->failed || s.len > w->cap - w->len) {
		w->failed = true;
		return;
	}
	if (s.len > 0)
		memcpy(w->p + w->len, s.p, s.len);
	w->len += s.len;
}
