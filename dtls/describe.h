/* describe.h: what protects a TLS connection that somebody else's library made. */
#pragma once

/*
 * Version and cipher of OpenSSL's `ssl` (an SSL *, opaque to the caller), "TLSv1.3
 * TLS_AES_256_GCM_SHA384". The text is valid until the next call. NULL in: "none".
 */
const char *tls_describe(void *ssl);
