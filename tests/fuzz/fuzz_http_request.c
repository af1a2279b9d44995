/*
 * fuzz_http_request.c: a byte stream of requests, whole and in pieces of the size the first byte
 * says: the story is the same.
 */
#include <assert.h>

#include "dcmf/base/alloc.h"
#include "dcmf/http/http.h"
#include "tests/fuzz/pieces.h"

/* What happened, summed up: events, bytes of heads and bodies, a checksum over all of it. */
struct story {
	size_t heads, ends, errors, body_bytes;
	uint64_t sum; /* no holes: stories are compared as bytes */
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

struct run {
	struct http_request *request;
	struct story story;
};

static bool feed(void *arg, struct span in)
{
	struct run *run = arg;
	struct http_request *r = run->request;
	struct story *s = &run->story;

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

static void tell(struct span wire, size_t step, void *out)
{
	struct run run = { .request = http_request_create() };

	feed_pieces(wire, step, feed, &run);
	http_request_destroy(run.request);
	memcpy(out, &run.story, sizeof(run.story));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct story whole, pieces;

	tell_twice(SPAN(data, size), tell, &whole, &pieces, sizeof(whole));
	assert(mem_live() == 0);
	return 0;
}
