/*
 * known_keys.h: keys and records that others have computed.
 *
 * The secrets are of NIST's test vectors for the key derivation of TLS 1.2 (CAVP, "tls.rsp",
 * SHA-256, first of its kind); the records were sealed with what Python's hmac makes of them, by
 * Python's cryptography: data, record number 0x010203040506, explicit nonce 2^64 - 2, epoch 1.
 */
#pragma once

#include "dtls/protect.h"

#define KNOWN_PLAIN "as by another hand"
#define KNOWN_SEQ   0x010203040506ULL
#define KNOWN_NONCE (UINT64_MAX - 1)

struct known {
	enum aead aead;
	const char *hash;
	bool by_client;
	struct span record;
};

#define KNOWN_COUNT 6

extern const struct known known[KNOWN_COUNT];

/* Of one of those sides, going on where its record was or is to be made again. */
struct protect_config known_config(
	const struct known *k, const struct algorithms *a, struct secrets *s);
