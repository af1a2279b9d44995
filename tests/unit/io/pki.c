/* pki.c: a small certificate authority for tests, in memory. */
#include "tests/unit/io/pki.h"

#include <check.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text_of(BIO *bio)
{
	char *data, *text;
	long len = BIO_get_mem_data(bio, &data);

	text = calloc(1, (size_t)len + 1);
	memcpy(text, data, (size_t)len);
	BIO_free(bio);
	return text;
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ck_assert_ptr_nonnull(ext);
	X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
}

void pki_issue(struct pki_cert *out, const char *name, const struct pki_cert *issuer,
	const struct pki_wish *wish)
{
	static long serial;
	const struct pki_cert *signer = issuer != NULL ? issuer : out;
	char dns[300];
	BIO *bio;

	out->key = EVP_EC_gen("P-256");
	out->x509 = X509_new();
	X509_set_version(out->x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(out->x509), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(out->x509), wish->from_s);
	X509_gmtime_adj(X509_getm_notAfter(out->x509), wish->to_s);
	X509_set_pubkey(out->x509, out->key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(out->x509), "CN", MBSTRING_ASC,
		(const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(out->x509, X509_get_subject_name(signer->x509));
	snprintf(dns, sizeof(dns), "DNS:%s", name);
	extend(out->x509, signer->x509, NID_basic_constraints,
		wish->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
	extend(out->x509, signer->x509, NID_subject_alt_name,
		wish->alt_names != NULL ? wish->alt_names : dns);
	ck_assert_int_gt(X509_sign(out->x509, signer->key, EVP_sha256()), 0);
	PEM_write_bio_X509(bio = BIO_new(BIO_s_mem()), out->x509);
	out->pem = text_of(bio);
	PEM_write_bio_PrivateKey(bio = BIO_new(BIO_s_mem()), out->key, NULL, NULL, 0, NULL, NULL);
	out->key_pem = text_of(bio);
}

void pki_make(struct pki_cert *out, const char *name, const struct pki_cert *issuer)
{
	const struct pki_wish usual = { .is_ca = issuer == NULL, .from_s = -3600, .to_s = 86400 };

	pki_issue(out, name, issuer, &usual);
}

void pki_free(struct pki_cert *c)
{
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
	free(c->pem);
	free(c->key_pem);
}

SSL_CTX *pki_server(const struct pki_cert *c, const struct pki_cert *client_ca)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_use_certificate(ctx, c->x509);
	SSL_CTX_use_PrivateKey(ctx, c->key);
	if (client_ca != NULL) {
		X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), client_ca->x509);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	return ctx;
}
