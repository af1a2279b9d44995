/*
 * line.h: connections that carry one text line a message: Unix sockets, TCP, socket
 * pairs; plain, or through a filter (TLS).
 */
#pragma once

#include <sys/types.h>

#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"
#include "dcmf/base/stream_filter.h"
#include "dcmf/io/loop.h"

struct line_conn;
struct line_listener;

struct line_ops {
	/* One line without its end, at most `max_line` bytes; valid during the call. */
	void (*line)(void *arg, struct line_conn *c, struct span line);
	/*
	 * A line longer than max_line: its bytes are thrown away up to its
	 * end, the connection stays usable.
	 */
	void (*too_long)(void *arg, struct line_conn *c);
	/* The peer is gone or the connection broke; it is destroyed after this returns. */
	void (*closed)(void *arg, struct line_conn *c);
	/*
	 * With a filter: the peer has proved who it is, line_peer() tells. Lines
	 * come only after it. NULL: not needed.
	 */
	void (*opened)(void *arg, struct line_conn *c);
};

struct line_config {
	size_t max_line; /* bytes */
	/* Unsent bytes after which the connection is given up: a reader that does not read. */
	size_t max_queued;
	const struct line_ops *ops;
	void *arg;
	/*
	 * What the lines pass through; used during line_conn_create() only. NULL:
	 * nothing. A handshake may take 10 s.
	 */
	struct filter_factory *filter;
};

/* Takes the descriptor over, also when it fails (NULL: out of memory). */
struct line_conn *line_conn_create(struct loop *l, int fd, const struct line_config *config);
/* No callback; what is queued is written as far as the kernel takes it. */
void line_conn_destroy(struct line_conn *c);
/* Queues the text and a line end. False: given up (closed() follows at the end of the turn). */
bool line_send(struct line_conn *c, struct span text);
/* Bytes that may be queued before the connection is given up. */
size_t line_room(const struct line_conn *c);
/* Has the peer closed the connection, though closed() was not called yet? */
bool line_has_hung_up(const struct line_conn *c);
/* Stop and go on reading; a controller that sends faster than we answer waits in its socket. */
void line_pause(struct line_conn *c, bool pause);
void line_set_arg(struct line_conn *c, void *arg);
void *line_arg(const struct line_conn *c);
/*
 * Who is there: "unix uid 0 pid 42", "127.0.0.1:4711"; once a filter knows,
 * "192.0.2.7:4711 CN=as1 DNS:as1.example".
 */
const char *line_peer(const struct line_conn *c);
/* For closed(): what went wrong with the filter, in words for an operator; "": nothing did. */
const char *line_failure(const struct line_conn *c);

/*
 * `accepted` is called with each new connection's descriptor, which it owns then. `failed` gets a
 * sentence that names the culprit; it is a buffer of 256 bytes. A stale socket file that nobody
 * listens on is replaced, one that answers is not.
 */
struct line_listener *line_listen_unix(struct loop *l, const char *path, mode_t mode,
	void (*accepted)(void *arg, int fd), void *arg, char failed[256]);
struct line_listener *line_listen_tcp(struct loop *l, const struct addr *at,
	void (*accepted)(void *arg, int fd), void *arg, char failed[256]);
void line_listener_destroy(struct line_listener *ls); /* removes the socket file */
