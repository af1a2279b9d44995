/*
 * upstream.h: HTTP requests to MDC1 and MDC2 servers (libcurl), many at once, with
 * connection reuse, h2 and back-pressure both ways.
 *
 * It never resolves a name and never opens a file: the caller gives
 * a numeric address and PEM bytes.
 */
#pragma once

#include <stdint.h>

#include "dcmf/base/addr.h"
#include "dcmf/base/slots.h"
#include "dcmf/base/span.h"
#include "dcmf/io/loop.h"

struct upstream_header {
	struct span name, value;
};

/*
 * Trust and identity toward a server; PEM texts, terminated, any may be
 * NULL. ca NULL: no server is trusted.
 */
struct upstream_tls {
	const char *ca, *certificate, *key;
};

struct upstream_config {
	unsigned connect_timeout_ms;
	unsigned response_timeout_ms; /* to the first byte of the head, and between bytes */
	unsigned max_connections_per_host;
	/*
	 * Version and cipher of the connection behind OpenSSL's `ssl` (curl's pointer, opaque
	 * here), e.g. "TLSv1.3 TLS_AES_256_GCM_SHA384"; valid during the call that gets it.
	 * NULL: protected connections are called "TLS".
	 */
	const char *(*describe_tls)(void *ssl);
	/*
	 * The response head. `length` -1 when the server did not say. 1xx never shows.
	 * `protection` is what guards this hop: describe_tls()'s words, or "none". Headers
	 * and texts are valid during the call.
	 */
	void (*head)(void *arg, uint64_t tag, int status, const struct upstream_header *h,
		size_t count, int64_t length, const char *protection);
	/*
	 * Bytes of the body (decoded from chunked). False: no room; they
	 * come again after upstream_resume().
	 */
	bool (*body)(void *arg, uint64_t tag, struct span bytes);
	/*
	 * The request is over, nothing follows. `failed` NULL: complete;
	 * otherwise why, in words for an operator.
	 */
	void (*end)(void *arg, uint64_t tag, const char *failed, bool timed_out);
	/* Room for more request body: upstream_write() again. */
	void (*writable)(void *arg, uint64_t tag);
	void *arg;
};

struct upstream;

struct upstream *upstream_create(struct loop *loop, const struct upstream_config *config);
void upstream_destroy(struct upstream *u); /* requests under way end without a callback */

struct upstream_request {
	uint64_t tag; /* the caller's, comes back in every callback */
	struct span method;
	const char *url;     /* its host is used for Host, SNI and the name check, never resolved */
	struct addr connect; /* where to connect */
	const struct upstream_header *headers;
	size_t header_count;
	int64_t body_length;            /* 0: none; -1: unknown, sent chunked or as h2 data */
	const struct upstream_tls *tls; /* must live as long as the upstream; NULL for http */
	/* http: the server is known to speak h2 (RFC 9113 3.3), as those of the 5G core do */
	bool knows_h2;
};

/*
 * 0: refused (out of memory, a URL curl does not take). Everything is copied.
 * Callbacks come later, never from inside.
 */
slot_id upstream_start(struct upstream *u, const struct upstream_request *r);
/* Takes as much as fits in a bounded buffer; returns the bytes taken. */
size_t upstream_write(struct upstream *u, slot_id id, struct span bytes);
void upstream_finish(struct upstream *u, slot_id id); /* the body is complete */
void upstream_resume(struct upstream *u, slot_id id); /* after body() said false */
/* No callback follows; unknown ids are ignored. */
void upstream_cancel(struct upstream *u, slot_id id);
