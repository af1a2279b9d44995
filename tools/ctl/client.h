/*
 * client.h: a controller's blocking connection to the gateway: one JSON-RPC object a line.
 *
 *     c = client_connect(NULL, why)                     the usual socket
 *     answer = client_call(c, "node.info", params, why)
 *     while ((event = client_next(c, why))) ...         notifications, after events.subscribe
 *     client_close(c)
 */
#pragma once

#include <jansson.h>

#include "tools/ctl/wire.h"

#define CLIENT_WHY_MAX WIRE_WHY_MAX

struct client;

/*
 * `path` NULL: $DCMF_SOCKET, else where dcmf puts its socket: /run/dcmf/control.sock, then
 * $XDG_RUNTIME_DIR/dcmf/control.sock. NULL: `why` names the socket.
 */
struct client *client_connect(const char *path, char why[CLIENT_WHY_MAX]);
/* Over TCP, with TLS where `place` has the files. NULL: `why` names the place or the file. */
struct client *client_connect_tcp(const struct wire_place *place, char why[CLIENT_WHY_MAX]);
void client_close(struct client *c); /* NULL is fine */

/*
 * Sends a request and waits for its answer; notifications that come meanwhile are kept for
 * client_next(). `params` is taken over, NULL: none. The whole answer, with `result` or `error`; a
 * new reference. NULL: the connection broke, `why` says how.
 */
json_t *client_call(struct client *c, const char *method, json_t *params, char why[CLIENT_WHY_MAX]);

/*
 * For those who pipeline: sends only; returns the id, -1 when the
 * connection broke. Takes params over.
 */
long client_send(struct client *c, const char *method, json_t *params);
/* The next line, whatever it is; blocks. NULL: the connection ended. */
json_t *client_next(struct client *c, char why[CLIENT_WHY_MAX]);
