/*
 * server.h: DC application servers that the generator plays itself, so that nothing else is needed behind the gateway: they listen on
 * --server-bind and say back what they hear.
 *
 * Servers that speak data channels are UEs of their actor (p2a.c); these here are the others, one of a kind in a process.
 */
#pragma once

#include "dcmf/base/addr.h"
#include "dcmf/io/loop.h"
#include "dtls/fingerprint.h"
#include "tools/load/options.h"

struct server;

#define SERVER_APP   "server" /* the application that the HTTP server has; its package is synthetic */
#define SERVER_BYTES 65536    /* of its package */

/*
 * As --protocol, --server-bind and --server-pem say: TCP, TCP/TLS, UDP or HTTP. NULL: `failed` says why.
 */
struct server *server_create(struct loop *l, const struct options *o, char failed[256]);
void server_destroy(struct server *s); /* its connections end; NULL is fine */
const struct addr *server_addr(const struct server *s);
/* NULL: it speaks no TLS. */
const struct fingerprint *server_fingerprint(const struct server *s);
