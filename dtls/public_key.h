/*
 * public_key.h: the public keys that others sign with, out of the forms they come in: a
 * certificate, SubjectPublicKeyInfo, the numbers of a JWK. They leave as PEM, for libraries that
 * check signatures.
 *
 * Two kinds are taken: EC on P-256 (ES256), and RSA of 2048 to 8192 bits (RS256).
 */
#pragma once

#include <stdbool.h>

#include "dcmf/base/span.h"

enum public_key_kind { PUBLIC_KEY_EC, PUBLIC_KEY_RSA };

struct public_key {
	enum public_key_kind kind;
	char *pem; /* PUBLIC KEY, terminated; ours */
};

void public_key_finish(struct public_key *k);

/*
 * Each fills *out and returns true; or returns false, leaves it empty, and `*why` (static) says
 * what is wrong in words fit for an operator.
 */

/* The coordinates of a point on P-256, 32 bytes each (RFC 7518 6.2). */
bool public_key_from_ec(struct span x, struct span y, struct public_key *out, const char **why);
/* Modulus and exponent, unsigned, most significant byte first (RFC 7518 6.3). */
bool public_key_from_rsa(struct span n, struct span e, struct public_key *out, const char **why);
/* DER: SubjectPublicKeyInfo (RFC 7250), or a certificate, whose dates are not looked at. */
bool public_key_from_der(struct span der, struct public_key *out, const char **why);
/*
 * The first block CERTIFICATE or PUBLIC KEY of a PEM text; *pem is left with what follows it.
 * Another block before it is an error. `*why` NULL with false: there is no block any more.
 */
bool public_key_from_pem(struct span *pem, struct public_key *out, const char **why);
