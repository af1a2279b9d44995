/* wire.h: blocking bytes to and from the gateway: its Unix socket, or TCP with TLS. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define WIRE_WHY_MAX 512

/*
 * Where the gateway is and how it is met; file names. Without the three files
 * TCP is plain, and for loopback only.
 */
struct wire_place {
	const char *at; /* "mf1.example:9055", "[2001:db8::1]:9055" */
	const char *ca, *certificate, *key;
};

struct wire;

/* NULL: errno says why. */
struct wire *wire_open_unix(const char *path);
/* After the handshake. NULL: `why` names the place or the file. */
struct wire *wire_open_tcp(const struct wire_place *place, char why[WIRE_WHY_MAX]);
void wire_close(struct wire *w); /* NULL is fine */

/* All of it. 0, or -1 when the connection broke; the gateway's last words can still be received. */
int wire_send(struct wire *w, const char *bytes, size_t len);
/* Waits for at least a byte. 0: the end; -1: the connection broke. */
ssize_t wire_recv(struct wire *w, char *buf, size_t cap);
/* After a failure: why, valid until the next call. */
const char *wire_why(const struct wire *w);
