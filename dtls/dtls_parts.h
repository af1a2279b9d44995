/*
 * dtls_parts.h: the inside of a connection, which its three files share.
 *
 *     dtls.c         creates it and closes it, and says which of the two below has a datagram
 *     handshake.c    until DTLS_OPEN: OpenSSL sees what belongs to the handshake, nothing else
 *     open.c         from then on: OpenSSL's connection is gone, records are ours
 */
#pragma once

#include "dtls/bio.h"
#include "dtls/dtls.h"
#include "dtls/openssl.h"
#include "dtls/protect.h"

/* Header and verify_data of a Finished (RFC 5246 7.4.9). */
#define FINISHED_MAX (FRAGMENT_HEADER + 12)

struct dtls {
	struct dtls_ctx *ctx;
	struct wire wire; /* SSL's BIO points here */
	enum dtls_role role;
	enum dtls_state state;
	enum close_reason reason;
	tick_t now;            /* of the last input */
	struct dtls_info info; /* info.peer.len 0: no certificate of the peer matched yet */

	/* handshake */
	SSL *ssl; /* NULL once open */
	tick_t deadline;
	bool cookie_shown;
	bool awaits_hello;         /* server: no first fragment of a hello has come yet */
	enum close_reason refusal; /* of the peer's certificate */
	/* Encrypted records that came before they could be read, one behind the other. Owned. */
	uint8_t *early;
	size_t early_len;

	/* open */
	struct protect protect;
	struct span early_rest; /* what of `early` was not read yet */
	struct span in;         /* what of the last datagram was not read yet; borrowed */
	/* Server: our last message, for a peer that did not get it. */
	uint8_t finished[FINISHED_MAX];
	size_t finished_len;
	unsigned repeats;
	tick_t repeated;

	size_t peer_count;
	struct fingerprint peer[];
};

void dtls_set_closed(struct dtls *d, enum close_reason reason);

/* ---- handshake.c ---- */

bool handshake_init(struct dtls *d, const struct dtls_config *config); /* false: out of memory */
void handshake_start(struct dtls *d);
/* What is left of the datagram when the handshake ends with a record in it is in d->in. */
void handshake_input(struct dtls *d, struct span dgram);
void handshake_expire(struct dtls *d);

/* ---- open.c ---- */

/* The handshake is done. */
void open_begin(struct dtls *d);
/* Acts on the records up to the first one that says it is data. */
void open_absorb(struct dtls *d);
bool open_read(struct dtls *d, uint8_t *buf, size_t cap, size_t *len);
enum err open_send(struct dtls *d, struct span plaintext);
void open_close(struct dtls *d); /* says close_notify */
