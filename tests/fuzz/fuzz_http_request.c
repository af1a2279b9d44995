/*
 * fuzz_http_request.c: a byte stream of requests, whole and in pieces of the size the first byte
 * says: the story is the same.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/http/http.h"

/* What happened, summed up: events, bytes of heads and bodies, a checksum over all of it. */
struct story {
	size_t heads, ends, errors, body_bytes;
	uint32_t sum;
};

static void add(struct story *s, struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		s->sum = s->sum * 31 + bytes.p[i];
}

static void add_head(struct story *s, const struct http_request *r)
{
	const struct http_headers *hs = http_request_headers(r);

	s->heads++;
	add(s, http_request_method(r));
	add(s, http_request_target(r));
	assert(hs->count <= HTTP_HEADERS_MAX);
	for (size_t i = 0; i < hs->count; i++) {
		add(s, hs->h[i].name);
		add(s, hs->h[i].value);
		s->sum += http_header_passes(hs, &hs->h[i]);
	}
}

static bool feed(struct story *s, struct http_request *r, struct span in)
{
	for (;;) {
		switch (http_request_feed(r, &in)) {
		case HTTP_MORE: assert(in.len == 0); return true;
		case HTTP_HEAD: add_head(s, r); break;
		case HTTP_BODY:
			s->body_bytes += http_request_body(r).len;
			add(s, http_request_body(r));
			break;
		case HTTP_END:
			s->ends++;
			http_request_next(r);
			break;
		case HTTP_ERROR:
			s->errors += (size_t)http_request_status(r);
			assert(http_request_reason(r) != NULL);
			return false;
		}
	}
}

static struct story tell(struct span wire, size_t step)
{
	struct http_request *r = http_request_create();
	struct story s = { 0 };

	while (wire.len > 0) {
		size_t n = step < wire.len ? step : wire.len;
		uint8_t *piece = malloc(n);
		bool goes_on;

		memcpy(piece, wire.p, n);
		goes_on = feed(&s, r, SPAN(piece, n));
		free(piece);
		if (!goes_on)
			break;
		wire = span_skip(wire, n);
	}
	http_request_destroy(r);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct story whole, pieces;

	if (size == 0)
		return 0;
	whole = tell(SPAN(data + 1, size - 1), SIZE_MAX);
	pieces = tell(SPAN(data + 1, size - 1), data[0] % 64 + 1);
	assert(memcmp(&whole, &pieces, sizeof(whole)) == 0);
	assert(mem_live() == 0);
	return 0;
}
