/*
 * token_forge.h: access tokens with any header and claims, signed by any key, and the keys as JWK
 * and PEM.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

EVP_PKEY *forge_ec(const char *curve);
EVP_PKEY *forge_rsa(void); /* of 2048 bits */

/* All texts are mem_alloc'ed and terminated. */

/* base64url without padding. */
char *forge_base64(const void *bytes, size_t len);
/*
 * Signed as the key can: ES256 or RS256, whatever the header says. `key` NULL: an empty third
 * part.
 */
char *forge_token(const char *header, const char *claims, EVP_PKEY *key);
/* HMAC-SHA256 with the bytes as secret: the old trick. */
char *forge_hmac_token(const char *header, const char *claims, const void *secret, size_t len);
/* A JWK; `kid` NULL: without. `more` are further members, ",\"use\":\"enc\"". */
char *forge_jwk(EVP_PKEY *key, const char *kid, const char *more);
char *forge_pem(EVP_PKEY *key);
