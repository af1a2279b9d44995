/*
 * h2_session.h: one HTTP/2 connection of a server as bytes in and bytes out (nghttp2): whole
 * requests in, whole answers out. No socket, no clock.
 *
 *     s = h2_session_create(&config, now);
 *     h2_session_feed(s, now, bytes);             requests come by ops->request()
 *     h2_session_answer(s, now, stream, &answer); at once or later
 *     bytes = h2_session_pending(s);              until it is empty
 *     h2_session_sent(s, n);                      so many of them have left
 *     h2_session_expire(s, now);                  at h2_session_deadline(s)
 *     h2_session_destroy(s);                      when h2_session_is_over(s), or at any time
 *
 * Everything that a peer can make us hold or do has a bound (struct h2_limits). A request that breaks
 * one of its own is answered or reset, a connection that is no good is told so by GOAWAY and is over.
 */
#pragma once

#include "dcmf/base/span.h"
#include "dcmf/base/tick.h"

struct h2_limits {
	unsigned streams; /* requests of a connection at once */
	size_t head; /* bytes of a header list: names, values and 32 a field (RFC 9113 6.5.2) */
	size_t body; /* bytes of a request's body */
	size_t held; /* bytes of bodies and answers held for all connections together */
	unsigned idle_talk;      /* frames that ask for nothing, before the connection is ended */
	unsigned idle_talk_rate; /* of them are forgiven each second */
	unsigned resets;         /* requests taken back by the peer, likewise */
	unsigned reset_rate;
	int64_t greeting_us; /* from the connection's start to its first SETTINGS */
	int64_t request_us;  /* from a request's first byte to its last */
	int64_t taking_us;   /* from an answer to its last byte leaving */
	int64_t idle_us;     /* without any request */
};

/* Ours; a body is as long as a line of the control socket may be. */
extern const struct h2_limits h2_usual_limits;

#define H2_HEADERS_MAX 64 /* ours: fields of a request */

struct h2_header {
	struct span name, value; /* names in lower case */
};

/* Which of its bounds a request has broken; what is too large is not there. */
enum h2_excess { H2_NO_EXCESS, H2_HEAD_TOO_LARGE, H2_BODY_TOO_LARGE, H2_NO_ROOM };

/* Valid during the call. */
struct h2_request {
	int32_t stream;
	struct span method, scheme, authority, path;
	const struct h2_header *headers; /* without those four */
	size_t header_count;
	struct span body;
	enum h2_excess excess;
};

/* The value of a header, lower case name; nothing: it is not there, or empty. */
struct span h2_header(const struct h2_request *r, const char *name);

struct h2_answer {
	int status;
	const struct h2_header *headers; /* content-length is added where there is a body */
	size_t header_count;
	struct span body; /* all is copied */
};

struct h2_session_ops {
	/* Is answered once, in here or later, unless gone() comes first. */
	void (*request)(void *arg, const struct h2_request *r);
	/* The peer has taken the request back, or the stream broke: no answer will reach it. */
	void (*gone)(void *arg, int32_t stream);
};

struct h2_session_config {
	const struct h2_limits *limits; /* lives as long as the session */
	const struct h2_session_ops *ops;
	void *arg;
	size_t *held; /* bytes that all sessions hold together */
};

struct h2_session;

struct h2_session *h2_session_create(const struct h2_session_config *config, tick_t now);
/* gone() is not called for what is not answered. */
void h2_session_destroy(struct h2_session *s);

void h2_session_feed(struct h2_session *s, tick_t now, struct span wire);
/* A stream that is gone is ignored. */
void h2_session_answer(
	struct h2_session *s, tick_t now, int32_t stream, const struct h2_answer *answer);
/* No more requests are taken; those that are there are answered, then it is over. */
void h2_session_bow_out(struct h2_session *s);

/* Bytes for the wire, valid until the next call; ask again when they have left. */
struct span h2_session_pending(struct h2_session *s);
void h2_session_sent(struct h2_session *s, size_t n);
/* Nothing comes and nothing is to be said any more. */
bool h2_session_is_over(const struct h2_session *s);
/* Why it ended, in words for an operator; "" in an orderly way. */
const char *h2_session_failure(const struct h2_session *s);

tick_t h2_session_deadline(const struct h2_session *s);
void h2_session_expire(struct h2_session *s, tick_t now);
