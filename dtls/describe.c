/* describe.c: what protects a TLS connection that somebody else's library made. */
#include "dtls/describe.h"

#include <openssl/ssl.h>
#include <stdio.h>

const char *tls_describe(void *ssl)
{
	static char text[96];
	const SSL *s = ssl;

	if (s == NULL)
		return "none";
	snprintf(text, sizeof(text), "%s %s%s", SSL_get_version(s), SSL_get_cipher_name(s),
		SSL_get_certificate(s) != NULL ? " certificate" : "");
	return text;
}
