/*
 * token_keys.h: the keys that access tokens are signed with: out of a JWKS (RFC 7517), out of
 * PEM, or told by an NRF.
 *
 * A key is for one algorithm: EC P-256 for ES256, RSA for RS256. A set takes at most
 * TOKEN_KEYS_MAX.
 */
#pragma once

#include <stdint.h>

#include "dtls/public_key.h"

#define TOKEN_KEYS_MAX 64
/* Of a kid, with its end; a longer one is no kid of ours. */
#define TOKEN_KID_MAX 128

struct token_keys;

struct token_keys *token_keys_create(void);       /* empty */
void token_keys_destroy(struct token_keys *keys); /* NULL is fine */
/*
 * A JWKS, a single JWK, or PEM with certificates and public keys, each of which is a key. Keys of a
 * JWKS that are of another kind or for another use are passed over, and counted in
 * *passed_over. NULL: `why` says what is wrong; no usable key is wrong, too.
 */
struct token_keys *token_keys_read(struct span text, unsigned *passed_over, char why[160]);
unsigned token_keys_count(const struct token_keys *keys);

/*
 * A key of the issuer alone, good until `until_s` (seconds since the epoch). `kid` NULL: for
 * tokens without one. Takes *key over, and the place of what was told before for the same two, or
 * of the one that ends first. False: out of memory, and *key is finished.
 */
bool token_keys_learn(struct token_keys *keys, const char *issuer, const char *kid, int64_t until_s,
	struct public_key *key);

/*
 * Keys that a token may be signed with, one after the other: *at is 0 at first. `kid` NULL: the
 * token has none, and every key of a file will do; one without a kid will do for every token.
 * NULL: no more.
 */
const struct public_key *token_keys_next(const struct token_keys *keys, int64_t now_s,
	enum public_key_kind kind, const char *issuer, const char *kid, unsigned *at);
/* Until when a key that token_keys_next() gave is good; INT64_MAX: it is out of a file. */
int64_t token_keys_until(const struct public_key *key);
