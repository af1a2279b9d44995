/*
 * h2.h: an HTTP/2 server: takes connections, plain or through a filter (TLS), and hands on their
 * requests whole (h2_session.h tells what a request and an answer are).
 *
 * Connections are known by ids that find nobody once the connection is gone. No callback comes from
 * inside a call.
 */
#pragma once

#include "dcmf/base/addr.h"
#include "dcmf/base/stream_filter.h"
#include "dcmf/io/h2_session.h"
#include "dcmf/io/loop.h"

struct h2_server;

struct h2_server_ops {
	/* The connection is there, and behind a filter its peer has proved who it is. */
	void (*opened)(void *arg, uint64_t conn);
	/* To be answered by h2_server_answer(), in here or later. */
	void (*request)(void *arg, uint64_t conn, const struct h2_request *r);
	/* Nobody waits for that answer any more. Not called where closed() is. */
	void (*gone)(void *arg, uint64_t conn, int32_t stream);
	/*
	 * It is over, also when it was never opened; h2_server_peer() still works. `failure` in
	 * words for an operator, "": in an orderly way; `refused`: the filter did not let it in.
	 */
	void (*closed)(void *arg, uint64_t conn, const char *failure, bool refused);
};

struct h2_server_config {
	const struct h2_limits *limits; /* NULL: h2_usual_limits */
	const struct h2_server_ops *ops;
	void *arg;
};

/* NULL: `failed` says why, naming the address. */
struct h2_server *h2_server_create(struct loop *l, const struct addr *at,
	const struct h2_server_config *config, char failed[256]);
/* No callbacks. NULL is fine. */
void h2_server_destroy(struct h2_server *h);
/* Of connections to come; NULL: plain. The factory stays the caller's. */
void h2_server_set_filter(struct h2_server *h, struct filter_factory *filter);

void h2_server_answer(
	struct h2_server *h, uint64_t conn, int32_t stream, const struct h2_answer *answer);
/* No new connections and requests; what is under way is answered. */
void h2_server_bow_out(struct h2_server *h);

/* "192.0.2.7:4711 CN=as1 DNS:as1.example"; "" when it is gone. */
const char *h2_server_peer(const struct h2_server *h, uint64_t conn);
/* What it has proved by a filter: "CN=as1 DNS:as1.example"; "": nothing. */
const char *h2_server_names(const struct h2_server *h, uint64_t conn);
/* Has the peer closed the connection, if only closed() was not called yet? */
bool h2_server_has_hung_up(const struct h2_server *h, uint64_t conn);
unsigned h2_server_connections(const struct h2_server *h);
