/* pki.h: a small certificate authority for tests, in memory. */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

struct pki_cert {
	X509 *x509;
	EVP_PKEY *key;
	char *pem, *key_pem; /* terminated */
};

struct pki_wish {
	bool is_ca;
	long from_s, to_s;     /* valid, in seconds from now */
	const char *alt_names; /* as in openssl.cnf, "DNS:a,URI:b"; NULL: the name, as DNS */
};

/*
 * `issuer` NULL: signs itself and may sign others. `name` becomes the
 * common name and the only DNS name.
 */
void pki_make(struct pki_cert *out, const char *name, const struct pki_cert *issuer);
void pki_issue(struct pki_cert *out, const char *name, const struct pki_cert *issuer,
	const struct pki_wish *wish);
void pki_free(struct pki_cert *c);
/* A server with that certificate; with `client_ca` it wants a client certificate from there. */
SSL_CTX *pki_server(const struct pki_cert *c, const struct pki_cert *client_ca);
