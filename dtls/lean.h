/*
 * lean.h: OpenSSL's algorithms without those that no handshake of ours needs.
 *
 * To read the key of a peer's certificate OpenSSL 3.0 asks all decoders and all kinds of keys it has, some ninety, whether they
 * would like to try, for each certificate anew: a fifth of a handshake. A library context whose one provider hands on the default
 * provider's algorithms, but of decoders and keys only those a certificate here can have, spares that. Everything else is the default
 * provider's own code.
 */
#pragma once

#include <stdbool.h>

#include "dtls/openssl.h"

/* The context, made at the first call and kept. NULL: it cannot be made, and OpenSSL's own is to be used, which NULL means to it. */
OSSL_LIB_CTX *lean_libctx(void);

/* For tests and benchmarks: false, and the calls above answer NULL. */
void lean_allow(bool allowed);
