/*
 * ue_http.h: the HTTP client of a phone on one bootstrap channel, as strict
 * and as poor as the ones in the field.
 *
 * Requests carry no Host. A response is complete when Content-Length bytes have come, at once
 * when there is no Content-Length, and after HEAD with its head. Chunked coding is not
 * understood. Message borders mean nothing.
 *
 *     ue_http_ask(h, &request)                        queues the text of a request
 *     h->out                                          bytes to send, in pieces as the owner likes
 *     while ((got = ue_http_feed(h, &rest)) != UE_HTTP_MORE) ...
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dcmf/base/bytes.h"
#include "dcmf/base/err.h"
#include "dcmf/base/span.h"

#define UE_HEAD_MAX    16384     /* bytes of a response head; a phone's own limit, made up */
#define UE_OUT_MAX     (8 << 20) /* bytes of requests that wait */
#define UE_PENDING_MAX 16        /* requests without their response */

struct ue_request {
	uint16_t sid;
	const char *method; /* NULL: GET */
	/* As it goes onto the wire: origin form, or absolute form as some phones send it. */
	const char *target;
	const char *etag;    /* If-None-Match; NULL: none */
	const char *headers; /* more header lines, each with CR LF; NULL: none */
	struct span body;    /* Content-Length is added when there is one */
	bool form;           /* the body is a form: Content-Type says so */
};

struct ue_response {
	int status;
	int64_t length;    /* Content-Length; -1: none was sent */
	struct span head;  /* status line and headers; valid until the response has ended */
	uint64_t received; /* bytes of the body so far */
};

/* The value of a header, trimmed; empty when it is not there. */
struct span ue_response_header(const struct ue_response *r, const char *name);

enum ue_http_got {
	UE_HTTP_MORE, /* all eaten */
	UE_HTTP_HEAD, /* h->response is filled */
	UE_HTTP_BODY, /* h->body holds bytes of the body, valid as long as what was fed */
	UE_HTTP_END,  /* the response is complete */
	/* Not a response, or one that nobody asked for: the channel is of no use any more. */
	UE_HTTP_GARBAGE,
};

struct ue_http {
	struct bytes out; /* requests, not sent yet */
	struct bytes head;
	struct ue_response response;
	struct span body;
	uint8_t state;
	bool head_only[UE_PENDING_MAX]; /* what was asked, oldest first: was it HEAD? */
	unsigned pending;
};

void ue_http_init(struct ue_http *h);
void ue_http_finish(struct ue_http *h);

/* ERR_NO_MEMORY, ERR_LIMIT (too many unanswered). */
enum err ue_http_ask(struct ue_http *h, const struct ue_request *r);
/* Any bytes, right or wrong, that will bring `responses` responses. */
enum err ue_http_ask_raw(struct ue_http *h, struct span bytes, unsigned responses);

enum ue_http_got ue_http_feed(struct ue_http *h, struct span *in);
