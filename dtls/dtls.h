/*
 * dtls.h: one DTLS 1.2 connection, as bytes in and bytes out.
 *
 *     d = dtls_create(&config);           client: dtls_start(d, now)
 *     dtls_input(d, now, datagram)        until dtls_state() leaves DTLS_HANDSHAKING
 *     while (dtls_read(d, buf, &len))     after each input: records of that datagram, one by one
 *     dtls_send(d, plaintext)             each becomes one record in one datagram
 *     dtls_deadline(), dtls_expire()      retransmission of flights
 *     dtls_close(d)                       close_notify, then destroy
 *
 * Datagrams that are no DTLS are dropped and counted; they change nothing (RFC 6347 4.1.2.7). After
 * a fatal alert or a close_notify of the peer, which is answered, the state is DTLS_CLOSED, noticed
 * by dtls_input() or, behind data, by dtls_read().
 *
 * The peer must present a certificate and it must match one of the given fingerprints (RFC 8122),
 * otherwise the handshake ends with CLOSE_DTLS_FINGERPRINT or CLOSE_DTLS_NO_CERTIFICATE and no byte
 * of data is ever delivered. Only ECDHE with AEAD suites; no renegotiation, no compression, no
 * tickets. Retransmission runs on OpenSSL's own wall clock underneath; `now` is the caller's clock
 * and is used for deadlines only.
 *
 * OpenSSL shakes hands and is gone when it has: an open connection keeps its keys, what came of the
 * peer's records and little else. What only OpenSSL's connection can tell (keys for SRTP would be
 * such a thing) has to be taken at that moment, in handshake.c.
 */
#pragma once

#include "dcmf/base/close.h"
#include "dcmf/base/err.h"
#include "dcmf/base/span.h"
#include "dcmf/base/tick.h"
#include "dtls/cert.h"

#define DTLS_MTU_MIN 576
#define DTLS_MTU_MAX 1500
/* A record costs this much with AES-GCM: header 13, explicit nonce 8, tag 16. */
#define DTLS_RECORD_OVERHEAD 37
/* The largest plaintext of one record (RFC 6347 4.1). */
#define DTLS_PLAINTEXT_MAX 16384

/*
 * What connections of one certificate share (an SSL_CTX). Reference
 * counted; connections hold a reference.
 */
struct dtls_ctx;

/* Takes its own reference to the certificate. NULL: out of memory, or OpenSSL refused. */
struct dtls_ctx *dtls_ctx_create(struct cert *cert);
struct dtls_ctx *dtls_ctx_ref(struct dtls_ctx *ctx);
void dtls_ctx_unref(struct dtls_ctx *ctx);
const struct cert *dtls_ctx_cert(const struct dtls_ctx *ctx);
/*
 * Clients say that they could do SRTP (RFC 5764), as browsers always do: some servers take nobody
 * else, be there media or not. Keys for it are never made. False: OpenSSL refused.
 */
bool dtls_ctx_offer_srtp(struct dtls_ctx *ctx);

enum dtls_role { DTLS_CLIENT, DTLS_SERVER };
enum dtls_state { DTLS_HANDSHAKING, DTLS_OPEN, DTLS_CLOSED };

struct dtls_config {
	struct dtls_ctx *ctx;
	enum dtls_role role;
	/* Largest datagram of the handshake, UDP payload bytes; DTLS_MTU_MIN..DTLS_MTU_MAX. */
	uint16_t mtu;
	/* Copied; at least one; only those of strong hashes count. */
	const struct fingerprint *peer;
	size_t peer_count;
	/*
	 * Called with each datagram to send, on the stack of the call that
	 * caused it: only copy it away.
	 */
	void (*output)(void *arg, struct span dgram);
	void *arg;
	/*
	 * Server only: the client has shown a cookie to hello_screen(), and the first
	 * datagram of dtls_input() is the one that was HELLO_PROVEN; others are dropped
	 * until it comes. False where something else proved the path, as ICE does: a hello
	 * that shows a cookie is taken all the same.
	 */
	bool cookie_shown;
};

struct dtls;

struct dtls *dtls_create(const struct dtls_config *config); /* NULL: out of memory */
void dtls_destroy(struct dtls *d);                          /* sends nothing */

void dtls_start(struct dtls *d, tick_t now); /* client: the first flight; server: nothing to do */
/*
 * `dgram` is borrowed until dtls_read() has returned false, or until the next call of this: its
 * records of data are decrypted only when they are read, and those that were not read by then are
 * lost.
 */
void dtls_input(struct dtls *d, tick_t now, struct span dgram);
tick_t dtls_deadline(const struct dtls *d); /* TICK_NEVER once open */
void dtls_expire(struct dtls *d, tick_t now);

/*
 * The next plaintext record, at most `cap` bytes (DTLS_PLAINTEXT_MAX is always enough; a longer one
 * is dropped, and counted). False when there is none. Records received are delivered only here;
 * call until false after every input.
 */
bool dtls_read(struct dtls *d, uint8_t *buf, size_t cap, size_t *len);
/*
 * ERR_STATE before DTLS_OPEN; ERR_TOO_LONG above what dtls_info() says that a record may hold;
 * ERR_CLOSED; ERR_CRYPTO. Never blocks, allocates nothing. Nothing is sent for an empty plaintext.
 * After 2^48 records the connection is closed with CLOSE_DTLS_KEYS.
 */
enum err dtls_send(struct dtls *d, struct span plaintext);
/*
 * close_notify (silence before DTLS_OPEN); state becomes DTLS_CLOSED
 * with CLOSE_LOCAL. Twice is harmless.
 */
void dtls_close(struct dtls *d);

enum dtls_state dtls_state(const struct dtls *d);
enum close_reason dtls_close_reason(const struct dtls *d); /* CLOSE_NONE until DTLS_CLOSED */

/* What the handshake agreed; texts are static. Valid once the state has been DTLS_OPEN. */
struct dtls_info {
	const char *version; /* "DTLSv1.2" */
	const char *cipher;  /* "ECDHE-ECDSA-AES128-GCM-SHA256" */
	const char *group;   /* "X25519" */
	/* What a record of ours may hold: DTLS_PLAINTEXT_MAX, or what a client asks for (RFC 6066 4). */
	uint16_t plaintext_max;
	struct fingerprint peer; /* the one that matched */
};

void dtls_info(const struct dtls *d, struct dtls_info *out);
