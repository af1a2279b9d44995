/* server.h: answers requests from a catalog, over HTTP or HTTPS (libevent's evhttp). */
#pragma once

#include <openssl/ssl.h>

#include "dcmf/base/addr.h"
#include "dcmf/io/loop.h"
#include "tools/dcsf/catalog.h"

struct server;

/* Takes the catalog over. `tls` NULL: plain HTTP. NULL: `failed` says why. */
struct server *server_create(
	struct loop *l, const struct addr *at, SSL_CTX *tls, struct catalog *c, char failed[256]);
void server_destroy(struct server *s);
/* From the next request on. Takes the catalog over. */
void server_set_catalog(struct server *s, struct catalog *c);
/* From the next connection on. The server takes a reference. */
void server_set_tls(struct server *s, SSL_CTX *tls);
/* Where it listens, with the port the system chose. */
struct addr server_address(const struct server *s);

/*
 * certificate and key as PEM files; `client_ca`, or NULL: whose clients
 * are let in. NULL: `failed` says why.
 */
SSL_CTX *server_tls_load(
	const char *certificate, const char *key, const char *client_ca, char failed[256]);
