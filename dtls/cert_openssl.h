/* cert_openssl.h: what the rest of this folder needs of a certificate, in OpenSSL's terms. */
#pragma once

#include "dtls/cert.h"
#include "dtls/openssl.h"

struct cert {
	X509 *x509;
	EVP_PKEY *key;
	unsigned refs;
};

/* The fingerprint of any certificate. ERR_CRYPTO: the library does not know the hash. */
enum err x509_fingerprint(const X509 *x509, enum hash hash, struct fingerprint *out);
