/* ctx.h: what connections of one certificate share, in OpenSSL's terms. */
#pragma once

#include "dtls/bio.h"
#include "dtls/cert_openssl.h"
#include "dtls/dtls.h"
#include "dtls/openssl.h"
#include "dtls/protect.h"

struct dtls_ctx {
	SSL_CTX *ssl;
	BIO_METHOD *wire;
	struct algorithms algorithms; /* of open connections */
	struct cert *cert;
	unsigned refs;
};

/*
 * Called during a handshake with the certificate of the peer; made in
 * handshake.c. 1: it is the one we were told of.
 */
int dtls_verify_peer(X509_STORE_CTX *store, void *unused);
