/*
 * ssl_pair.h: two ends of DTLS 1.2 as bare OpenSSL has them, joined in memory: what our own code around OpenSSL is
 * measured against. Rules, suites and groups are those of dtls/.
 *
 *     ssl_side_init(&side, libctx)          NULL: OpenSSL's default
 *     ssl_pair_init(&p, &side)
 *     while (!ssl_pair_step(&p, CLIENT) ...) one flight each
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtls/openssl.h"

enum { SSL_SIDE_CLIENT, SSL_SIDE_SERVER };

#define WIRE_BYTES  (512u << 10)
#define WIRE_DGRAMS 512

/* Datagrams on their way to one end, as they were written. */
struct ssl_wire {
	uint8_t bytes[WIRE_BYTES];
	size_t at[WIRE_DGRAMS], len[WIRE_DGRAMS];
	unsigned first, count;
	size_t used;
};

struct ssl_side {
	SSL_CTX *ctx;
	BIO_METHOD *method;
};

struct ssl_pair {
	SSL *ssl[2];
	struct ssl_wire to[2]; /* what each end has not read yet */
};

void ssl_side_init(struct ssl_side *s, OSSL_LIB_CTX *libctx);
void ssl_side_finish(struct ssl_side *s);

/* Both ends with a certificate each, nothing said yet. */
void ssl_pair_init(struct ssl_pair *p, struct ssl_side *s);
void ssl_pair_finish(struct ssl_pair *p);
/* One end does what it can. True: its handshake is through. */
bool ssl_pair_step(struct ssl_pair *p, int side);
void ssl_pair_shake(struct ssl_pair *p);
