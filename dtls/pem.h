/*
 * pem.h: certificates and keys out of PEM bytes, and what is wrong with
 * those, in words fit for an operator.
 */
#pragma once

#include "dcmf/base/span.h"
#include "dtls/openssl.h"

/*
 * All certificates of the text, at least one, in their order. NULL:
 * `*why` (static) says what is wrong.
 */
STACK_OF(X509) * pem_certificates(struct span pem, const char **why);
/*
 * The first private key, of a kind that ECDHE suites sign with and browsers verify: EC P-256 or
 * P-384, RSA from 2048 bits. NULL: as above; key material is never quoted.
 */
EVP_PKEY *pem_key(struct span pem, const char **why);
