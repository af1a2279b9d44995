/*
 * protect.h: the record protection of one open connection: the keys of both directions, the numbers
 * of its records, and what has come.
 *
 *     algorithms_init(&a)                    once for many connections
 *     protect_init(&p, &config)              the keys, out of what the handshake agreed
 *     protect_seal(&p, type, plain, out)     a record to send
 *     protect_open(&p, &record, ...)         the plaintext of one that came
 *     protect_finish(&p)
 *
 * OpenSSL's EVP does the cryptography, in the form that its own TLS uses: a cipher that is told the
 * fixed part of the nonce takes whole TLS records, in place, with one call a record ("tlsaad" and
 * "tlsivfixed" in provider-cipher(7)). That is a third cheaper than the same in single steps.
 */
#pragma once

#include "dtls/openssl.h"
#include "dtls/record.h"
#include "dtls/replay.h"

#define MASTER_SECRET 48
#define TLS_RANDOM    32
/* The only epoch that is protected: nothing here negotiates anew. */
#define EPOCH_SEALED 1
/* The most a record can be, header included. */
#define RECORD_MAX (RECORD_HEADER + 8 + 16384 + 16)

enum aead { AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305, AEADS };

/* OpenSSL's algorithms, fetched once: to look for them takes longer than a record. */
struct algorithms {
	EVP_KDF *prf;
	EVP_CIPHER *cipher[AEADS];
};

bool algorithms_init(struct algorithms *a); /* false: OpenSSL has not all of them */
void algorithms_finish(struct algorithms *a);

/* Of the cipher of a suite, by OpenSSL's number of it. AEADS: not one of ours. */
enum aead aead_of_nid(int nid);

/* What the handshake leaves. Whoever fills it wipes it. */
struct secrets {
	uint8_t master[MASTER_SECRET];
	uint8_t client_random[TLS_RANDOM], server_random[TLS_RANDOM];
};

struct protect_config {
	const struct algorithms *algorithms;
	enum aead aead;
	const char *hash; /* of the PRF, as OpenSSL calls it */
	struct secrets *secrets;
	bool is_client;
	/*
	 * What the handshake has not used of record numbers and explicit nonces, which are counted
	 * upwards from here. The latter means nothing with ChaCha20.
	 */
	uint64_t next_seq, next_nonce;
	/*
	 * A record that this side has sealed in the handshake. It must open with what comes out as
	 * our own key.
	 */
	struct span proof;
};

struct protect {
	EVP_CIPHER_CTX *seal, *open; /* keyed; NULL when finished */
	uint64_t next_seq;           /* above RECORD_SEQ_MASK: the numbers are used up */
	uint64_t next_nonce; /* what the next record will say; checked, OpenSSL counts itself */
	struct replay replay;
	uint8_t nonce_explicit; /* bytes of the nonce that a record carries */
};

/*
 * False: out of memory, the suite is not one of ours, or the proof does not open; *p can be
 * finished. `proved` receives the plaintext of the proof, at most `cap` bytes.
 */
bool protect_init(struct protect *p, const struct protect_config *config, uint8_t *proved,
	size_t cap, size_t *proved_len);
void protect_finish(struct protect *p); /* keys are wiped; twice is harmless */

/*
 * The whole record into `out`, RECORD_MAX bytes; its length. 0: the plaintext is too long, the
 * numbers are used up, or OpenSSL failed. A number once tried is never used again.
 */
size_t protect_seal(struct protect *p, uint8_t type, struct span plain, uint8_t *out);
/* One number is left, which is for a close_notify; or none. */
bool protect_is_spent(const struct protect *p);

/*
 * The plaintext into `buf`, at most `cap` bytes; it may be empty. False, and counted: not
 * authentic, came before, longer than `cap`, or not of this epoch. Nothing that is not authentic
 * gets into `buf`.
 */
bool protect_open(
	struct protect *p, const struct record *rec, uint8_t *buf, size_t cap, size_t *len);
/* The record of this number was taken by the handshake: if it comes again it came before. */
void protect_was_taken(struct protect *p, uint64_t seq);
