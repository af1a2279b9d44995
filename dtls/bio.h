/*
 * bio.h: how OpenSSL sees the network: each read gives one datagram, each write makes one.
 *
 * Memory BIOs merge datagrams and forget the MTU; this one keeps both, and copies nothing but what OpenSSL reads.
 */
#pragma once

#include "dcmf/base/span.h"
#include "dtls/openssl.h"

struct wire {
	struct span in; /* the datagram OpenSSL has not read yet; none when len is 0 */
	uint16_t mtu;
	bool is_mute; /* what OpenSSL writes is thrown away */
	/* Added to the sequence numbers of plaintext records going out. */
	uint64_t seq_shift;
	void (*output)(void *arg, struct span dgram);
	void *arg;
};

/* NULL: out of memory. Free with BIO_meth_free() after the last BIO made of it. */
BIO_METHOD *wire_method_create(void);
/* Reads from and writes to `w`, which outlives it. NULL: out of memory. */
BIO *wire_bio_create(const BIO_METHOD *method, struct wire *w);
