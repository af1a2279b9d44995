/* fingerprint.h: certificate fingerprints as SDP and TS 29.571 write them (RFC 8122 5). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcmf/base/err.h"
#include "dcmf/base/span.h"

enum hash {
	HASH_MD2,
	HASH_MD5,
	HASH_SHA1,
	HASH_SHA224,
	HASH_SHA256,
	HASH_SHA384,
	HASH_SHA512,
	HASH_MAX
};

struct fingerprint {
	uint8_t hash; /* enum hash */
	uint8_t len;  /* bytes in md */
	uint8_t md[64];
};

#define FINGERPRINT_TEXT_MAX 208 /* "SHA-512 " + 64 * 3 and the end */

/* SHA-256 or longer (TS 33.310, RFC 8827 6.5). Weaker ones parse: a refusal names them. */
bool hash_is_strong(enum hash h);
const char *hash_name(enum hash h); /* "SHA-256" */

/*
 * "SHA-256 AB:CD:..", hash name and hex in any case, blanks around it tolerated. ERR_MALFORMED: no
 * such hash, a wrong length or a wrong digit; ERR_WEAK_HASH: parsed, but below SHA-256.
 */
enum err fingerprint_parse(struct span text, struct fingerprint *out);
/* Upper case, one blank: the form of TS 29.571 Fingerprint. Returns buf. */
const char *fingerprint_text(const struct fingerprint *f, char buf[FINGERPRINT_TEXT_MAX]);
bool fingerprint_eq(const struct fingerprint *a, const struct fingerprint *b);
