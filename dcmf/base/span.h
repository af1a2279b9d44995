/* span.h: borrowed bytes, and the two cursors that read and write wire formats. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Borrowed bytes. Whoever hands out a span says how long it stays
 * valid; p may be NULL when len is 0.
 */
struct span {
	const uint8_t *p;
	size_t len;
};

#define SPAN_NONE      ((struct span){ NULL, 0 })
#define SPAN(ptr, n)   ((struct span){ (const uint8_t *)(ptr), (n) })
#define SPAN_OF(array) ((struct span){ (const uint8_t *)(array), sizeof(array) })
#define SPAN_LIT(text) ((struct span){ (const uint8_t *)(text), sizeof(text) - 1 })
#define SPAN_STR(str)  span_str(str)

/* For printf("%.*s"): SPAN_FMT goes into the argument list. */
#define SPAN_FMT(s) (int)(s).len, (const char *)(s).p

static inline struct span span_str(const char *text)
{
	return SPAN(text, text ? strlen(text) : 0);
}

static inline bool span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* As span_eq, ASCII letters compared without case. */
bool span_eq_nocase(struct span a, struct span b);

static inline bool span_starts(struct span s, struct span prefix)
{
	return s.len >= prefix.len && span_eq(SPAN(s.p, prefix.len), prefix);
}

/* The span without its first n bytes; empty when it is shorter. */
static inline struct span span_skip(struct span s, size_t n)
{
	return n < s.len ? SPAN(s.p + n, s.len - n) : SPAN_NONE;
}

/* Its first n bytes; all of it when it is shorter. */
static inline struct span span_first(struct span s, size_t n)
{
	return SPAN(s.p, n < s.len ? n : s.len);
}

/* Without blanks, tabs, CR and LF at both ends. */
struct span span_trim(struct span s);

/*
 * Cuts `s` at the first `sep`: returns what stands before it and leaves the rest in *s.
 * Without a separator the whole is returned and *s is empty.
 */
struct span span_cut(struct span *s, uint8_t sep);

/* Decimal digits only, the whole span, at most `max`. False, and *out untouched, otherwise. */
bool span_to_u64(struct span s, uint64_t max, uint64_t *out);

/*
 * Reading cursor. It remembers that it failed: read a whole message, then check `failed` once.
 * A failed read returns zero or an empty span and consumes nothing more.
 */
struct rd {
	struct span rest;
	bool failed;
};

#define RD(s) ((struct rd){ .rest = (s) })

uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r); /* network order, like all below */
uint32_t rd_u24(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u48(struct rd *r);
struct span rd_span(struct rd *r, size_t len);

/* Writing cursor over storage of the caller. It fails, and stays failed, when the room is gone. */
struct wr {
	uint8_t *p;
	size_t len; /* written so far */
	size_t cap;
	bool failed;
};

#define WR(buf, n) ((struct wr){ .p = (uint8_t *)(buf), .cap = (n) })

void wr_u8(struct wr *w, uint8_t v);
void wr_u16(struct wr *w, uint16_t v);
void wr_u24(struct wr *w, uint32_t v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u48(struct wr *w, uint64_t v);
void wr_span(struct wr *w, struct span s);
