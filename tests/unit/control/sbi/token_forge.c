/* token_forge.c: access tokens of any kind, with OpenSSL alone. */
#include "tests/unit/control/sbi/token_forge.h"

#include <check.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "dcmf/base/alloc.h"

EVP_PKEY *forge_ec(const char *curve)
{
	return EVP_EC_gen(curve);
}

EVP_PKEY *forge_rsa(void)
{
	return EVP_RSA_gen(2048);
}

char *forge_base64(const void *bytes, size_t len)
{
	char *text = mem_alloc((len + 2) / 3 * 4 + 1);
	int n = EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);

	for (int i = 0; i < n; i++)
		text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
	while (n > 0 && text[n - 1] == '=')
		text[--n] = '\0';
	return text;
}

/* r and s, 32 bytes each (RFC 7518 3.4). */
static size_t raw_form(const unsigned char *der, size_t len, unsigned char raw[64])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);

	ck_assert_ptr_nonnull(sig);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32);
	ECDSA_SIG_free(sig);
	return 64;
}

static char *sign(const char *text, EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[1024], raw[64];
	size_t len = sizeof(sig);

	ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	ck_assert_int_eq(
		EVP_DigestSign(ctx, sig, &len, (const unsigned char *)text, strlen(text)), 1);
	EVP_MD_CTX_free(ctx);
	if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) == 256)
		return forge_base64(raw, raw_form(sig, len, raw));
	return forge_base64(sig, len);
}

static char *first_two(const char *header, const char *claims)
{
	char *a = forge_base64(header, strlen(header)), *b = forge_base64(claims, strlen(claims));
	char *text = mem_printf("%s.%s", a, b);

	mem_free(a);
	mem_free(b);
	return text;
}

static char *join(char *text, char *signature)
{
	char *token = mem_printf("%s.%s", text, signature);

	mem_free(text);
	mem_free(signature);
	return token;
}

char *forge_token(const char *header, const char *claims, EVP_PKEY *key)
{
	char *text = first_two(header, claims);

	return join(text, key != NULL ? sign(text, key) : mem_strdup(""));
}

char *forge_hmac_token(const char *header, const char *claims, const void *secret, size_t len)
{
	char *text = first_two(header, claims);
	unsigned char mac[32];
	unsigned n = sizeof(mac);

	HMAC(EVP_sha256(), secret, (int)len, (const unsigned char *)text, strlen(text), mac, &n);
	return join(text, forge_base64(mac, n));
}

static char *number(EVP_PKEY *key, const char *name)
{
	unsigned char bytes[1024];
	BIGNUM *n = NULL;
	int len;

	ck_assert_int_eq(EVP_PKEY_get_bn_param(key, name, &n), 1);
	len = EVP_PKEY_is_a(key, "EC") ? BN_bn2binpad(n, bytes, 32) : BN_bn2bin(n, bytes);
	BN_free(n);
	return forge_base64(bytes, (size_t)len);
}

char *forge_jwk(EVP_PKEY *key, const char *kid, const char *more)
{
	bool is_ec = EVP_PKEY_is_a(key, "EC");
	char *a = number(key, is_ec ? OSSL_PKEY_PARAM_EC_PUB_X : OSSL_PKEY_PARAM_RSA_N);
	char *b = number(key, is_ec ? OSSL_PKEY_PARAM_EC_PUB_Y : OSSL_PKEY_PARAM_RSA_E);
	char *text = mem_printf("{%s%s\"%s\":\"%s\",\"%s\":\"%s\"%s%s%s%s}",
		is_ec ? "\"kty\":\"EC\",\"crv\":\"P-256\"" : "\"kty\":\"RSA\"", ",",
		is_ec ? "x" : "n", a, is_ec ? "y" : "e", b, kid ? ",\"kid\":\"" : "",
		kid ? kid : "", kid ? "\"" : "", more);

	mem_free(a);
	mem_free(b);
	return text;
}

char *forge_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes, *pem;
	long len;

	ck_assert_int_eq(PEM_write_bio_PUBKEY(bio, key), 1);
	len = BIO_get_mem_data(bio, &bytes);
	pem = mem_span_dup(SPAN(bytes, len));
	BIO_free(bio);
	return pem;
}
