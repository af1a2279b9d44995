/*
 * hello.h: ClientHellos from sources that have proved nothing yet,
 * answered without state (RFC 6347 4.2.1).
 *
 * A hello without our cookie gets a HelloVerifyRequest and is forgotten. Only the datagram that
 * brings the right cookie is worth a connection (dtls_create with cookie_shown). A post-quantum
 * hello spans several datagrams: its cookie lies in the first fragment, and fragments that overtake
 * the first are dropped (the client repeats them).
 */
#pragma once

#include "dcmf/base/dgram.h"
#include "dcmf/base/span.h"
#include "dcmf/base/tick.h"

#define HELLO_REPLY_MAX 64

/*
 * Keys of the cookies. A cookie lives through one rotation: between one
 * and two epochs. Init once a worker.
 */
struct hello_keys {
	uint8_t key[2][32]; /* newest first */
	tick_t rotate_at;
};

enum hello_verdict {
	HELLO_NOT_ONE,   /* DTLS, but no ClientHello: drop */
	HELLO_MALFORMED, /* drop, counted */
	/* A fragment that is not the first: of use only to a connection that exists. */
	HELLO_LATER_PART,
	HELLO_CHALLENGED, /* no cookie or a wrong one: send `reply` back on the same path */
	HELLO_PROVEN,     /* right cookie: the peer receives at this address */
};

void hello_keys_init(struct hello_keys *k, tick_t now);

/*
 * `reply` holds HELLO_REPLY_MAX bytes. The cookie is an HMAC over both
 * addresses of the path and the client random.
 */
enum hello_verdict hello_screen(struct hello_keys *k, tick_t now, const struct path *path,
	struct span dgram, uint8_t *reply, size_t *reply_len);
