/*
 * stream.h: one byte stream: a TCP connection that we make or were given, a Unix socket, a socket
 * pair; plain, or through a filter (TLS). Lines (line.h) are read from it, and frames.
 *
 *     s = stream_connect(loop, &addr, &config)    opened() follows, or closed()
 *     s = stream_adopt(loop, fd, &config)         connected already; opened() only behind a filter
 *     stream_write(s, bytes)                      as soon as it exists
 *     stream_finish(s)                            what was written still leaves; then closed()
 *     stream_destroy(s)                           at any time, also from inside a callback
 *
 * No callback comes from inside a call.
 */
#pragma once

#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"
#include "dcmf/base/stream_filter.h"
#include "dcmf/io/loop.h"

struct stream;

/* The most that one input() brings. */
#define STREAM_CHUNK 16384

struct stream_ops {
	/* Connected, and behind a filter the peer has proved who it is. Once; may be NULL. */
	void (*opened)(void *arg, struct stream *s);
	/*
	 * What the peer says, valid during the call. After stream_pause(s, false) it comes once with
	 * nothing, for an owner that kept something.
	 */
	void (*input)(void *arg, struct stream *s, struct span bytes);
	/* The peer sends no more, but may still listen. NULL: then it is over. */
	void (*ended)(void *arg, struct stream *s);
	/* There is room again after stream_write() found none; may be NULL. */
	void (*writable)(void *arg, struct stream *s);
	/* It is over; destroyed after this returns. stream_failure() says why. */
	void (*closed)(void *arg, struct stream *s);
};

struct stream_config {
	const struct stream_ops *ops;
	void *arg;
	size_t max_queued; /* bytes that are written and have not left */
	size_t low_water;  /* writable() comes when no more are queued; 0: half of max_queued */
	/* Used during creation only; NULL: none. A handshake may take 10 s. */
	struct filter_factory *filter;
};

/* How long a connection may take to come up. */
#define STREAM_CONNECT_MS 5000

/*
 * NULL: out of memory; what else stands in the way is told by closed(). A peer that is
 * gone without a word, or takes nothing of what we send, is noticed within a minute.
 */
struct stream *stream_connect(
	struct loop *l, const struct addr *to, const struct stream_config *config);
/* Takes the descriptor over, also when it fails (NULL: out of memory). */
struct stream *stream_adopt(struct loop *l, int fd, const struct stream_config *config);
/* No callback; what is queued is written as far as the kernel takes it. NULL is fine. */
void stream_destroy(struct stream *s);
/* No input() any more. What is queued leaves, for at most 2 s; then closed(). */
void stream_finish(struct stream *s);
/* Given up by its owner: closed() follows, and `why` (a static text) is what stream_failure() says. */
void stream_fail(struct stream *s, const char *why);
/* As stream_destroy(), and closed() follows. */
void stream_end(struct stream *s);
/* Given up, or ended: only closed() is left to come. */
bool stream_is_over(const struct stream *s);

/* All or nothing. False: no room (writable() follows), or it is over (closed() does). */
bool stream_write(struct stream *s, struct span bytes);
/* As if stream_write() had found no room: writable() follows. */
void stream_await_room(struct stream *s);
/* Bytes that stream_write() takes now; 0 when it is over. */
size_t stream_room(const struct stream *s);
size_t stream_queued(const struct stream *s);
/* Stop and go on reading; whoever sends faster than we take waits in its socket. */
void stream_pause(struct stream *s, bool pause);

/* Has the peer closed the connection, though closed() was not called yet? */
bool stream_has_hung_up(const struct stream *s);
/* After ended(): has the peer only stopped sending, or is it gone? */
bool stream_is_half_closed(const struct stream *s);
/*
 * Who is there: "unix uid 0 pid 42", "127.0.0.1:4711"; once a filter knows,
 * "192.0.2.7:4711 CN=as1 DNS:as1.example".
 */
const char *stream_peer(const struct stream *s);
/* What guards it: "TLSv1.3 TLS_AES_128_GCM_SHA256", or "none". */
const char *stream_protection(const struct stream *s);
/* Our end. False: there is none (yet). */
bool stream_local(const struct stream *s, struct addr *out);
/* For closed(): why it is over, in words for an operator. */
const char *stream_failure(const struct stream *s);
/* For closed(): was it the filter that it failed in, its handshake included? */
bool stream_is_refused(const struct stream *s);
