/*
 * route_http.h: what the two halves of the HTTP route share: requests toward
 * the server, replies toward the phone.
 */
#pragma once

#include "dcmf/relay/parts.h"

enum {
	FEED_BYTES = 16384,      /* ours: parsed at a time */
	KEEP_BYTES = 65536,      /* ours: of a reply before any of it leaves */
	TO_PHONE_BYTES = 262144, /* ours: of replies waiting for the phone; then the server waits */
};

struct http_route {
	struct channel *channel;
	struct http_request *request;
	struct timer silence; /* half a request and then nothing */
	tick_t fed;

	/* of the exchange under way */
	uint64_t tag;      /* 0: none */
	uint64_t upstream; /* the world's handle; 0: none, or over */
	bool request_over; /* the whole request was read */
	bool finished;     /* and the server has all of it */
	bool discard;      /* its body is of no interest any more */
	bool is_head;      /* the method is HEAD */
	bool answered;     /* the reply is complete in to_phone */
	bool head_out;     /* a byte of the reply may have left: 502 is no longer possible */
	bool paused;       /* the server waits for us */
	enum close_reason close_after; /* reset the channel once the reply has left */
	int status;
	int64_t left; /* bytes of the body to come; -1: unknown, collected in `whole` */
	struct http_headers *headers; /* of a reply of unknown length, until it is complete */
	uint8_t *header_bytes;        /* what they point into */
	char *base;                   /* root of this exchange, for Location */
	struct bytes to_server, to_phone, whole;
};

static inline struct relay *http_route_relay(const struct http_route *h)
{
	return h->channel->leg->media->context->relay;
}

/* route_http.c */

/* Parses, sends and begins the next exchange, as far as it goes. */
void http_route_pump(struct http_route *h);
void http_route_send_to_server(struct http_route *h);
/* Queues for the phone, counted; the limit of q holds. */
bool http_route_hold(struct http_route *h, struct bytes *q, struct span s);
void http_route_release_all(struct http_route *h, struct bytes *q);
/* Queues mem_alloc'ed bytes for the phone and frees them; NULL is out of memory. */
void http_route_reply(struct http_route *h, uint8_t *bytes, size_t len);
/* Nothing honest can be said any more: the channel ends. */
void http_route_give_up(struct http_route *h, enum close_reason reason);
/*
 * The server failed. Before a byte of its reply has left the phone gets `status`;
 * after that only the end of the channel is honest. `why` is for the operator and may
 * name addresses: the phone is told `told`.
 */
void http_route_failed(struct http_route *h, int status, const char *why, const char *told);
/* As above, where the reason is ours and fit for both. */
static inline void http_route_server_failed(struct http_route *h, int status, const char *why)
{
	http_route_failed(h, status, why, why);
}
/* Headers of a reply that waits for its length. */
void http_route_forget_headers(struct http_route *h);
