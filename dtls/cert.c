/* cert.c: our own certificate and key. */
#include "dtls/cert.h"

#include "dcmf/base/alloc.h"
#include "dcmf/base/random.h"
#include "dtls/cert_openssl.h"
#include "dtls/openssl.h"
#include "dtls/pem.h"

/* A certificate made a moment ago must also please a peer whose clock is slow. Ours: a day. */
#define BACKDATE_S 86400L

static struct cert *cert_create(void)
{
	struct cert *c = mem_zalloc(sizeof(*c));

	if (c != NULL)
		c->refs = 1;
	return c;
}

struct cert *cert_ref(struct cert *c)
{
	c->refs++;
	return c;
}

void cert_unref(struct cert *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
	mem_free(c);
}

/* RFC 5280 4.1.2.2: positive, at most 20 bytes; and nobody guesses it. */
static bool set_random_serial(X509 *x509)
{
	return ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), random_u64() >> 1 | 1) == 1;
}

/* Subject and issuer are one random word that tells nothing of the node (RFC 8827 6.5). */
static bool set_random_subject(X509 *x509)
{
	X509_NAME *name = X509_get_subject_name(x509);
	char word[17];

	random_token(word, sizeof(word) - 1);
	return X509_NAME_add_entry_by_txt(
		       name, "CN", MBSTRING_ASC, (const unsigned char *)word, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(x509, name) == 1;
}

static bool fill_and_sign(X509 *x509, EVP_PKEY *key, int days)
{
	return X509_set_version(x509, X509_VERSION_3) == 1 && set_random_serial(x509) &&
	       set_random_subject(x509) &&
	       X509_gmtime_adj(X509_getm_notBefore(x509), -BACKDATE_S) != NULL &&
	       X509_time_adj_ex(X509_getm_notAfter(x509), days, 0, NULL) != NULL &&
	       X509_set_pubkey(x509, key) == 1 && X509_sign(x509, key, EVP_sha256()) > 0;
}

struct cert *cert_generate(int days)
{
	struct cert *c = cert_create();

	if (c == NULL)
		return NULL;
	if ((c->key = EVP_EC_gen("P-256")) == NULL || (c->x509 = X509_new()) == NULL ||
		!fill_and_sign(c->x509, c->key, days)) {
		ERR_clear_error();
		cert_unref(c);
		return NULL;
	}
	return c;
}

/* A chain may follow; peers that go by the fingerprint need none. */
static const char *load(struct cert *c, struct span certificate, struct span key)
{
	const char *why = NULL;
	STACK_OF(X509) *chain = pem_certificates(certificate, &why);

	c->x509 = sk_X509_shift(chain);
	sk_X509_pop_free(chain, X509_free);
	if (c->x509 == NULL || (c->key = pem_key(key, &why)) == NULL)
		return why;
	return X509_check_private_key(c->x509, c->key) == 1
		       ? NULL
		       : "the key does not belong to the certificate";
}

struct cert *cert_from_pem(struct span certificate, struct span key, const char **why)
{
	struct cert *c = cert_create();

	*why = c ? load(c, certificate, key) : err_text(ERR_NO_MEMORY);
	ERR_clear_error();
	if (*why == NULL) {
		*why = err_text(ERR_OK);
		return c;
	}
	cert_unref(c);
	return NULL;
}

static const char *digest_name(enum hash h)
{
	static const char *const names[HASH_MAX] = {
		[HASH_MD2] = "MD2",
		[HASH_MD5] = "MD5",
		[HASH_SHA1] = "SHA1",
		[HASH_SHA224] = "SHA224",
		[HASH_SHA256] = "SHA256",
		[HASH_SHA384] = "SHA384",
		[HASH_SHA512] = "SHA512",
	};

	return h < HASH_MAX ? names[h] : "";
}

enum err x509_fingerprint(const X509 *x509, enum hash hash, struct fingerprint *out)
{
	const EVP_MD *md = EVP_get_digestbyname(digest_name(hash));
	struct fingerprint f = { .hash = (uint8_t)hash };
	unsigned len = sizeof(f.md);

	if (md == NULL || X509_digest(x509, md, f.md, &len) != 1) {
		ERR_clear_error();
		return ERR_CRYPTO;
	}
	f.len = (uint8_t)len;
	*out = f;
	return ERR_OK;
}

enum err cert_fingerprint(const struct cert *c, enum hash hash, struct fingerprint *out)
{
	return x509_fingerprint(c->x509, hash, out);
}

char *cert_to_pem(const struct cert *c, size_t *len)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL, *bytes;
	long n;

	*len = 0;
	if (bio == NULL)
		return NULL;
	if (PEM_write_bio_X509(bio, c->x509) == 1 &&
		PEM_write_bio_PrivateKey(bio, c->key, NULL, NULL, 0, NULL, NULL) == 1 &&
		(n = BIO_get_mem_data(bio, &bytes)) > 0 &&
		(pem = mem_span_dup(SPAN(bytes, n))) != NULL)
		*len = (size_t)n;
	BIO_free(bio); /* wipes what it held */
	ERR_clear_error();
	return pem;
}
