/* public_key.c: public keys of others, out of the forms they come in, as PEM. */
#include "dtls/public_key.h"

#include "dcmf/base/alloc.h"
#include "dcmf/base/err.h"
#include "dtls/openssl.h"

#define P256_BYTES 32
/*
 * Below it RSA is refused (NIST SP 800-57: 112 bits of security); above, checking takes too long.
 */
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
/* Ours: an exponent is small, and one that is not costs time at every signature. */
#define RSA_EXPONENT_BYTES_MAX 4

void public_key_finish(struct public_key *k)
{
	mem_free(k->pem);
	*k = (struct public_key){ .pem = NULL };
}

static const char *check_kind(const EVP_PKEY *key, enum public_key_kind *kind)
{
	char group[32] = "";

	if (EVP_PKEY_is_a(key, "RSA")) {
		*kind = PUBLIC_KEY_RSA;
		if (EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
			return "the RSA key is shorter than 2048 bits";
		return EVP_PKEY_get_bits(key) > RSA_BITS_MAX
			       ? "the RSA key is longer than 8192 bits"
			       : NULL;
	}
	*kind = PUBLIC_KEY_EC;
	if (!EVP_PKEY_is_a(key, "EC"))
		return "the key is neither EC nor RSA";
	EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
	return strcmp(group, SN_X9_62_prime256v1) == 0 ? NULL : "the EC key is not on P-256";
}

static char *write_pem(const EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes, *pem = NULL;
	long len;

	if (bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1 &&
		(len = BIO_get_mem_data(bio, &bytes)) > 0)
		pem = mem_span_dup(SPAN(bytes, len));
	BIO_free(bio);
	return pem;
}

/* Takes `key` over, which may be NULL: then `*why` has been said. */
static bool take(EVP_PKEY *key, struct public_key *out, const char **why)
{
	*out = (struct public_key){ .pem = NULL };
	if (key == NULL) {
		ERR_clear_error();
		return false;
	}
	*why = check_kind(key, &out->kind);
	if (*why == NULL && (out->pem = write_pem(key)) == NULL)
		*why = err_text(ERR_NO_MEMORY);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return *why == NULL;
}

/* NULL where the numbers are no key, or memory ran out. */
static EVP_PKEY *make(const char *type, OSSL_PARAM_BLD *build)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY *key = NULL;

	if (ctx == NULL || params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

bool public_key_from_ec(struct span x, struct span y, struct public_key *out, const char **why)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	uint8_t point[1 + 2 * P256_BYTES] = { POINT_CONVERSION_UNCOMPRESSED };
	EVP_PKEY *key = NULL;

	*why = "the point is not on P-256";
	if (x.len == P256_BYTES && y.len == P256_BYTES && build != NULL) {
		memcpy(point + 1, x.p, P256_BYTES);
		memcpy(point + 1 + P256_BYTES, y.p, P256_BYTES);
		if (OSSL_PARAM_BLD_push_utf8_string(
			    build, OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1, 0) == 1 &&
			OSSL_PARAM_BLD_push_octet_string(
				build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)) == 1)
			key = make("EC", build); /* looks whether the point is on the curve */
	}
	OSSL_PARAM_BLD_free(build);
	return take(key, out, why);
}

bool public_key_from_rsa(struct span n, struct span e, struct public_key *out, const char **why)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	BIGNUM *modulus = NULL, *exponent = NULL;

	*why = "modulus and exponent are no RSA key";
	if (build != NULL && n.len > 0 && n.len <= RSA_BITS_MAX / 8 && e.len > 0 &&
		e.len <= RSA_EXPONENT_BYTES_MAX) {
		modulus = BN_bin2bn(n.p, (int)n.len, NULL);
		exponent = BN_bin2bn(e.p, (int)e.len, NULL);
	}
	/*
	 * an even number is no product of odd primes, and 1 would make everything its own
	 * signature
	 */
	if (modulus != NULL && exponent != NULL && BN_is_odd(modulus) && BN_is_odd(exponent) &&
		!BN_is_one(exponent) &&
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
		key = make("RSA", build);
	OSSL_PARAM_BLD_free(build);
	BN_free(modulus);
	BN_free(exponent);
	return take(key, out, why);
}

static EVP_PKEY *of_certificate(struct span der)
{
	const unsigned char *at = der.p;
	X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
	EVP_PKEY *key = x509 != NULL && at == der.p + der.len ? X509_get_pubkey(x509) : NULL;

	X509_free(x509);
	return key;
}

static EVP_PKEY *of_key_info(struct span der)
{
	const unsigned char *at = der.p;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)der.len);

	if (key == NULL || at == der.p + der.len)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

bool public_key_from_der(struct span der, struct public_key *out, const char **why)
{
	EVP_PKEY *key = NULL;

	*why = "neither a public key nor a certificate in DER";
	if (der.len > 0 && der.len <= INT32_MAX && (key = of_key_info(der)) == NULL)
		key = of_certificate(der);
	return take(key, out, why);
}

/* The block that PEM_read_bio() found, in OpenSSL's memory. */
struct block {
	char *name, *header;
	unsigned char *data;
	long len;
};

static EVP_PKEY *of_block(const struct block *b, const char **why)
{
	if (strcmp(b->name, PEM_STRING_X509) == 0) {
		*why = "a certificate is damaged, or its key is of an unknown kind";
		return of_certificate(SPAN(b->data, b->len));
	}
	if (strcmp(b->name, PEM_STRING_PUBLIC) == 0) {
		*why = "a public key is damaged, or of an unknown kind";
		return of_key_info(SPAN(b->data, b->len));
	}
	*why = strstr(b->name, "PRIVATE KEY") != NULL
		       ? "a private key stands there: only its public half is wanted"
		       : "a PEM block is neither CERTIFICATE nor PUBLIC KEY";
	return NULL;
}

bool public_key_from_pem(struct span *pem, struct public_key *out, const char **why)
{
	BIO *bio = pem->len > 0 && pem->len <= INT32_MAX ? BIO_new_mem_buf(pem->p, (int)pem->len)
							 : NULL;
	struct block b = { .name = NULL };
	EVP_PKEY *key = NULL;

	ERR_clear_error();
	*out = (struct public_key){ .pem = NULL };
	*why = pem->len > 0 ? err_text(ERR_NO_MEMORY) : NULL;
	if (bio == NULL)
		return false;
	if (PEM_read_bio(bio, &b.name, &b.header, &b.data, &b.len) == 1) {
		*pem = span_skip(*pem, pem->len - BIO_ctrl_pending(bio));
		key = of_block(&b, why);
	} else {
		*why = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE
			       ? NULL
			       : "a PEM block is damaged";
	}
	if (b.data != NULL)
		OPENSSL_cleanse(b.data, (size_t)b.len); /* it may have been a private key */
	OPENSSL_free(b.name);
	OPENSSL_free(b.header);
	OPENSSL_free(b.data);
	BIO_free(bio);
	return take(key, out, why);
}
