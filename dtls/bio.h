/*
 * bio.h: how OpenSSL sees the network: each read gives one datagram, each write makes one.
 *
 * Memory BIOs merge datagrams and forget the MTU; this one keeps both, and copies nothing but
 * what OpenSSL reads. During a handshake it puts together what OpenSSL writes and one
 * datagram holds: OpenSSL repeats a flight message by message, and the more datagrams a
 * flight takes, the less likely it gets through whole.
 */
#pragma once

#include "dcmf/base/span.h"
#include "dtls/numbers.h"
#include "dtls/openssl.h"

struct wire {
	struct span in; /* the datagram OpenSSL has not read yet; none when len is 0 */
	uint16_t mtu;
	bool is_mute;      /* what OpenSSL writes is thrown away */
	struct wr *flight; /* where writes gather; NULL: each goes out at once */
	/* Added to the sequence numbers of plaintext records going out. */
	uint64_t seq_shift;
	struct numbers numbers; /* of everything that OpenSSL wrote, as it wrote it */
	void (*output)(void *arg, struct span dgram);
	void *arg;
};

/* A network for OpenSSL of any kind; each BIO made of it finds its `end` with BIO_get_data(). */
BIO_METHOD *bio_method_create(const char *name, int (*read)(BIO *, char *, int),
	int (*write)(BIO *, const char *, int), long (*ctrl)(BIO *, int, long, void *));
BIO *bio_create(const BIO_METHOD *method, void *end);

/* NULL: out of memory. Free with BIO_meth_free() after the last BIO made of it. */
BIO_METHOD *wire_method_create(void);
/* Reads from and writes to `w`, which outlives it. NULL: out of memory. */
BIO *wire_bio_create(const BIO_METHOD *method, struct wire *w);

/* Sends what has gathered. */
void wire_flush(struct wire *w);
