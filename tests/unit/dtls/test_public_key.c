/* test_public_key.c: public keys of others, in every form they come in. */
#include "dtls/public_key.h"

#include "dcmf/base/alloc.h"
#include "dtls/digest.h"
#include "dtls/openssl.h"
#include "tests/unit/io/pki.h"
#include "tests/unit/main.h"

static struct public_key key;
static const char *why;

static void refused(bool taken, const char *sentence)
{
	ck_assert(!taken);
	ck_assert_ptr_null(key.pem);
	ck_assert_str_eq(why, sentence);
}

static char *pem_of(EVP_PKEY *pkey)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes, *pem;
	long len;

	ck_assert_int_eq(PEM_write_bio_PUBKEY(bio, pkey), 1);
	len = BIO_get_mem_data(bio, &bytes);
	pem = mem_span_dup(SPAN(bytes, len));
	BIO_free(bio);
	return pem;
}

/* Taken, it is the key `pkey` and nothing else. */
static void is_taken_as(bool taken, EVP_PKEY *pkey, enum public_key_kind kind)
{
	char *pem = pem_of(pkey);

	ck_assert_msg(taken, "%s", why);
	ck_assert_int_eq(key.kind, kind);
	ck_assert_str_eq(key.pem, pem);
	mem_free(pem);
	public_key_finish(&key);
}

static size_t number(EVP_PKEY *pkey, const char *name, uint8_t *buf, size_t size)
{
	BIGNUM *n = NULL;
	int len;

	ck_assert_int_eq(EVP_PKEY_get_bn_param(pkey, name, &n), 1);
	len = BN_num_bytes(n);
	ck_assert_int_le(len, (int)size);
	BN_bn2bin(n, buf);
	BN_free(n);
	return (size_t)len;
}

static void coordinates(EVP_PKEY *pkey, uint8_t x[32], uint8_t y[32])
{
	BIGNUM *n[2] = { NULL, NULL };

	ck_assert_int_eq(EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_X, &n[0]), 1);
	ck_assert_int_eq(EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &n[1]), 1);
	BN_bn2binpad(n[0], x, 32);
	BN_bn2binpad(n[1], y, 32);
	BN_free(n[0]);
	BN_free(n[1]);
}

START_TEST(a_point_on_p256_is_a_key_and_one_beside_it_is_none)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	uint8_t x[33] = { 0 }, y[33] = { 0 };

	coordinates(pkey, x, y);
	is_taken_as(public_key_from_ec(SPAN(x, 32), SPAN(y, 32), &key, &why), pkey, PUBLIC_KEY_EC);
	refused(public_key_from_ec(SPAN(x, 31), SPAN(y, 32), &key, &why),
		"the point is not on P-256");
	refused(public_key_from_ec(SPAN(x, 33), SPAN(y, 32), &key, &why),
		"the point is not on P-256");
	y[31] ^= 1;
	refused(public_key_from_ec(SPAN(x, 32), SPAN(y, 32), &key, &why),
		"the point is not on P-256");
	memset(x, 0, sizeof(x));
	memset(y, 0, sizeof(y));
	refused(public_key_from_ec(SPAN(x, 32), SPAN(y, 32), &key, &why),
		"the point is not on P-256");
	EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(modulus_and_exponent_are_a_key_unless_they_are_too_small_or_senseless)
{
	EVP_PKEY *pkey = EVP_RSA_gen(2048), *weak = EVP_RSA_gen(1024);
	uint8_t n[1025], e[8], one = 1, even = 4;
	size_t n_len = number(pkey, OSSL_PKEY_PARAM_RSA_N, n, sizeof(n)),
	       e_len = number(pkey, OSSL_PKEY_PARAM_RSA_E, e, sizeof(e));

	is_taken_as(public_key_from_rsa(SPAN(n, n_len), SPAN(e, e_len), &key, &why), pkey,
		PUBLIC_KEY_RSA);
	refused(public_key_from_rsa(SPAN(n, n_len), SPAN_NONE, &key, &why),
		"modulus and exponent are no RSA key");
	refused(public_key_from_rsa(SPAN(n, n_len), SPAN(&one, 1), &key, &why),
		"modulus and exponent are no RSA key");
	refused(public_key_from_rsa(SPAN(n, n_len), SPAN(&even, 1), &key, &why),
		"modulus and exponent are no RSA key");
	refused(public_key_from_rsa(SPAN_NONE, SPAN(e, e_len), &key, &why),
		"modulus and exponent are no RSA key");
	memset(n, 0xff, sizeof(n));
	refused(public_key_from_rsa(SPAN_OF(n), SPAN(e, e_len), &key, &why),
		"modulus and exponent are no RSA key");
	n_len = number(weak, OSSL_PKEY_PARAM_RSA_N, n, sizeof(n));
	refused(public_key_from_rsa(SPAN(n, n_len), SPAN(e, e_len), &key, &why),
		"the RSA key is shorter than 2048 bits");
	EVP_PKEY_free(pkey);
	EVP_PKEY_free(weak);
}
END_TEST

START_TEST(der_is_a_key_or_a_certificate_and_nothing_may_follow)
{
	struct pki_cert nrf;
	unsigned char *der = NULL;
	int len;

	pki_make(&nrf, "nrf", NULL);
	len = i2d_PUBKEY(nrf.key, &der);
	is_taken_as(public_key_from_der(SPAN(der, len), &key, &why), nrf.key, PUBLIC_KEY_EC);
	refused(public_key_from_der(SPAN(der, len - 1), &key, &why),
		"neither a public key nor a certificate in DER");
	OPENSSL_free(der);
	der = NULL;
	len = i2d_X509(nrf.x509, &der);
	is_taken_as(public_key_from_der(SPAN(der, len), &key, &why), nrf.key, PUBLIC_KEY_EC);
	der = OPENSSL_realloc(der, len + 1);
	der[len] = 0;
	refused(public_key_from_der(SPAN(der, len + 1), &key, &why),
		"neither a public key nor a certificate in DER");
	refused(public_key_from_der(SPAN_NONE, &key, &why),
		"neither a public key nor a certificate in DER");
	OPENSSL_free(der);
	pki_free(&nrf);
}
END_TEST

START_TEST(pem_blocks_are_read_one_after_the_other)
{
	struct pki_cert a, b;
	char *second, *text;
	struct span rest;

	pki_make(&a, "a", NULL);
	pki_make(&b, "b", NULL);
	second = pem_of(b.key);
	text = mem_printf("words before\n%s\nwords between\n%s", a.pem, second);
	rest = SPAN_STR(text);
	is_taken_as(public_key_from_pem(&rest, &key, &why), a.key, PUBLIC_KEY_EC);
	is_taken_as(public_key_from_pem(&rest, &key, &why), b.key, PUBLIC_KEY_EC);
	ck_assert(!public_key_from_pem(&rest, &key, &why));
	ck_assert_ptr_null(why);
	mem_free(text);
	mem_free(second);
	pki_free(&a);
	pki_free(&b);
}
END_TEST

START_TEST(other_pem_blocks_and_broken_ones_are_refused_by_name)
{
	static const char broken[] = "-----BEGIN CERTIFICATE-----\nMIIB\n";
	static const char senseless[] =
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
	static const char request[] =
		"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
	struct pki_cert a;
	struct span text;

	pki_make(&a, "a", NULL);
	text = SPAN_STR(a.key_pem);
	refused(public_key_from_pem(&text, &key, &why),
		"a private key stands there: only its public half is wanted");
	text = SPAN_LIT(broken);
	refused(public_key_from_pem(&text, &key, &why), "a PEM block is damaged");
	text = SPAN_LIT(senseless);
	refused(public_key_from_pem(&text, &key, &why),
		"a public key is damaged, or of an unknown kind");
	text = SPAN_LIT(request);
	refused(public_key_from_pem(&text, &key, &why),
		"a PEM block is neither CERTIFICATE nor PUBLIC KEY");
	pki_free(&a);
}
END_TEST

START_TEST(keys_of_other_kinds_are_refused)
{
	static const struct {
		const char *type, *sentence;
	} kinds[] = {
		{ "P-384", "the EC key is not on P-256" },
		{ "ED25519", "the key is neither EC nor RSA" },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		EVP_PKEY *pkey = i == 0 ? EVP_EC_gen(kinds[i].type)
					: EVP_PKEY_Q_keygen(NULL, NULL, kinds[i].type);
		char *pem = pem_of(pkey);
		struct span text = SPAN_STR(pem);

		refused(public_key_from_pem(&text, &key, &why), kinds[i].sentence);
		mem_free(pem);
		EVP_PKEY_free(pkey);
	}
}
END_TEST

START_TEST(running_out_of_memory_is_said_and_leaks_nothing)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	char *pem = pem_of(pkey);
	long before = mem_live();
	struct span text = SPAN_STR(pem);

	mem_fail_at(1);
	refused(public_key_from_pem(&text, &key, &why), "out of memory");
	ck_assert(mem_failed());
	mem_fail_at(0);
	ck_assert_int_eq(mem_live(), before);
	mem_free(pem);
	EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(a_digest_is_what_fips_180_says)
{
	static const uint8_t of_abc[DIGEST_BYTES] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf,
		0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96,
		0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad };
	uint8_t out[DIGEST_BYTES];

	ck_assert(digest_sha256(SPAN_LIT("abc"), out));
	ck_assert_mem_eq(out, of_abc, sizeof(out));
	ck_assert(digest_sha256(SPAN_NONE, out));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("public_key");
	TCase *tc = tcase_create("public_key");

	tcase_add_test(tc, a_point_on_p256_is_a_key_and_one_beside_it_is_none);
	tcase_add_test(tc, modulus_and_exponent_are_a_key_unless_they_are_too_small_or_senseless);
	tcase_add_test(tc, der_is_a_key_or_a_certificate_and_nothing_may_follow);
	tcase_add_test(tc, pem_blocks_are_read_one_after_the_other);
	tcase_add_test(tc, other_pem_blocks_and_broken_ones_are_refused_by_name);
	tcase_add_test(tc, keys_of_other_kinds_are_refused);
	tcase_add_test(tc, running_out_of_memory_is_said_and_leaks_nothing);
	tcase_add_test(tc, a_digest_is_what_fips_180_says);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(make_suite)
