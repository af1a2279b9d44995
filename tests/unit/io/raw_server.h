/*
 * raw_server.h: an HTTP server that answers byte by byte what a test told it to, true or not.
 *
 * The path picks the answer from the table in raw_server.c. A request with a body has it
 * counted and checked against raw_byte().
 */
#pragma once

#include <openssl/ssl.h>

#include "dcmf/base/addr.h"
#include "dcmf/io/loop.h"

struct raw_server {
	struct loop *loop;
	struct evconnlistener *listener;
	struct raw_conn *conns;
	SSL_CTX *tls; /* NULL: plain */
	struct addr at;
	unsigned connections, requests; /* so far */
	char last_head[8192];
	uint64_t body_bytes; /* of the last request; chunked framing taken off */
	bool body_is_right;
	bool stop_reading; /* bodies wait in their sockets */
};

void raw_server_open(struct raw_server *s, struct loop *l, SSL_CTX *tls);
void raw_server_close(struct raw_server *s);
void raw_server_read_on(struct raw_server *s);

/* What bodies in both directions are made of. */
static inline uint8_t raw_byte(uint64_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7);
}

enum { RAW_BIG = 3 << 20 }; /* the length of /big */
