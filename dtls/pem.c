/*
 * pem.c: certificates and keys out of PEM bytes, and what is wrong with
 * those, in words fit for an operator.
 */
#include "dtls/pem.h"

#include "dcmf/base/err.h"

/* Below this RSA is refused (NIST SP 800-57: 112 bits of security). */
#define RSA_BITS_MIN 2048
/* Ours: a file with more is not what it was taken for. */
#define CERTIFICATES_MAX 256

static BIO *open_pem(struct span pem)
{
	return pem.len > 0 && pem.len <= INT32_MAX ? BIO_new_mem_buf(pem.p, (int)pem.len) : NULL;
}

/* Certificates up to the end of the text. NULL: all of it was read. */
static const char *read_all(BIO *bio, STACK_OF(X509) * list)
{
	X509 *x509;

	ERR_clear_error();
	while ((x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (sk_X509_num(list) >= CERTIFICATES_MAX || sk_X509_push(list, x509) == 0) {
			X509_free(x509);
			return "too many certificates";
		}
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return "the certificate is damaged";
	return sk_X509_num(list) > 0 ? NULL : "no PEM block CERTIFICATE in it";
}

STACK_OF(X509) * pem_certificates(struct span pem, const char **why)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	BIO *bio = open_pem(pem);

	if (pem.len == 0)
		*why = "the certificate is empty";
	else if (list == NULL || bio == NULL)
		*why = err_text(ERR_NO_MEMORY);
	else
		*why = read_all(bio, list);
	BIO_free(bio);
	ERR_clear_error();
	if (*why == NULL)
		return list;
	sk_X509_pop_free(list, X509_free);
	return NULL;
}

/* OpenSSL asks for a passphrase on the terminal unless somebody says there is none. */
static int no_passphrase(char *buf, int size, int for_writing, void *was_asked)
{
	*(bool *)was_asked = true;
	return -1;
}

static const char *check_kind(const EVP_PKEY *key)
{
	char group[32] = "";

	if (EVP_PKEY_is_a(key, "RSA"))
		return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN
			       ? NULL
			       : "the RSA key is shorter than 2048 bits";
	if (!EVP_PKEY_is_a(key, "EC"))
		return "the key is neither EC nor RSA";
	EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
	if (strcmp(group, SN_X9_62_prime256v1) != 0 && strcmp(group, SN_secp384r1) != 0)
		return "the EC key is neither P-256 nor P-384";
	return NULL;
}

EVP_PKEY *pem_key(struct span pem, const char **why)
{
	bool is_encrypted = false;
	BIO *bio = open_pem(pem);
	EVP_PKEY *key;

	*why = pem.len == 0 ? "the key is empty" : err_text(ERR_NO_MEMORY);
	if (bio == NULL)
		return NULL;
	key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &is_encrypted);
	BIO_free(bio);
	ERR_clear_error();
	if (is_encrypted)
		*why = "the key is protected by a passphrase; give it without";
	else if (key == NULL)
		*why = "no usable PEM block PRIVATE KEY in the key";
	else
		*why = check_kind(key);
	if (*why == NULL)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}
