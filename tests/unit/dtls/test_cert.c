/* test_cert.c: certificates made, handed over as PEM, and refused with a reason. */
#include "dtls/cert.h"

#include <time.h>

#include "dcmf/base/alloc.h"
#include "dtls/cert_openssl.h"
#include "tests/unit/main.h"

START_TEST(a_generated_certificate_is_self_signed_p256_and_valid_now)
{
	struct cert *c = cert_generate(30);
	char group[32];
	time_t end = time(NULL) + 30 * 86400 - 3600;

	ck_assert_ptr_nonnull(c);
	ck_assert_int_eq(X509_verify(c->x509, c->key), 1);
	ck_assert_int_eq(EVP_PKEY_get_group_name(c->key, group, sizeof(group), NULL), 1);
	ck_assert_str_eq(group, "prime256v1");
	ck_assert_int_lt(X509_cmp_current_time(X509_get0_notBefore(c->x509)), 0);
	ck_assert_int_gt(X509_cmp_time(X509_get0_notAfter(c->x509), &end), 0);
	cert_unref(c);
}
END_TEST

START_TEST(no_two_certificates_are_alike)
{
	struct cert *a = cert_generate(1), *b = cert_generate(1);
	struct fingerprint fa, fb;

	ck_assert_int_ne(
		X509_NAME_cmp(X509_get_subject_name(a->x509), X509_get_subject_name(b->x509)), 0);
	ck_assert_int_ne(
		ASN1_INTEGER_cmp(X509_get_serialNumber(a->x509), X509_get_serialNumber(b->x509)),
		0);
	ck_assert_int_eq(cert_fingerprint(a, HASH_SHA256, &fa), ERR_OK);
	ck_assert_int_eq(cert_fingerprint(b, HASH_SHA256, &fb), ERR_OK);
	ck_assert(!fingerprint_eq(&fa, &fb));
	cert_unref(a);
	cert_unref(b);
}
END_TEST

START_TEST(pem_carries_a_certificate_to_another_process)
{
	struct cert *a = cert_generate(1), *b;
	struct fingerprint fa, fb;
	const char *why;
	size_t len;
	char *pem = cert_to_pem(a, &len);

	ck_assert_uint_eq(strlen(pem), len);
	b = cert_from_pem(SPAN(pem, len), SPAN(pem, len), &why);
	ck_assert_ptr_nonnull(b);
	ck_assert_str_eq(why, "ok");
	for (enum hash h = HASH_SHA1; h < HASH_MAX; h++) {
		ck_assert_int_eq(cert_fingerprint(a, h, &fa), ERR_OK);
		ck_assert_int_eq(cert_fingerprint(b, h, &fb), ERR_OK);
		ck_assert(fingerprint_eq(&fa, &fb));
	}
	mem_wipe(pem, len);
	mem_free(pem);
	cert_unref(a);
	cert_unref(b);
}
END_TEST

START_TEST(a_hash_the_library_does_not_know_is_an_error)
{
	struct cert *c = cert_generate(1);
	struct fingerprint f;

	ck_assert_int_eq(cert_fingerprint(c, HASH_MAX, &f), ERR_CRYPTO);
	cert_unref(c);
}
END_TEST

START_TEST(references_keep_a_certificate_alive)
{
	long live = mem_live();
	struct cert *c = cert_generate(1);
	struct fingerprint f;

	cert_unref(cert_ref(c));
	ck_assert_int_eq(cert_fingerprint(c, HASH_SHA256, &f), ERR_OK);
	cert_unref(c);
	cert_unref(NULL);
	ck_assert_int_eq(mem_live(), live);
}
END_TEST

/* A key of any kind as PEM, terminated; the caller frees. */
static char *pem_of_key(EVP_PKEY *key, const EVP_CIPHER *cipher)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes, *text;
	long n;

	PEM_write_bio_PKCS8PrivateKey(
		bio, key, cipher, cipher ? "pass" : NULL, cipher ? 4 : 0, NULL, NULL);
	n = BIO_get_mem_data(bio, &bytes);
	text = mem_span_dup(SPAN(bytes, n));
	BIO_free(bio);
	EVP_PKEY_free(key);
	return text;
}

static void expect(struct span certificate, struct span key, const char *reason)
{
	const char *why;
	long live = mem_live();

	ck_assert_ptr_null(cert_from_pem(certificate, key, &why));
	ck_assert_str_eq(why, reason);
	ck_assert_int_eq(mem_live(), live);
}

START_TEST(what_cannot_be_used_is_refused_with_a_reason)
{
	struct cert *c = cert_generate(1);
	size_t len;
	char *good = cert_to_pem(c, &len), *damaged = mem_strdup(good);
	char *other = pem_of_key(EVP_EC_gen("P-256"), NULL);
	char *locked = pem_of_key(EVP_EC_gen("P-256"), EVP_aes_128_cbc());
	char *short_rsa = pem_of_key(EVP_RSA_gen(1024), NULL);
	char *odd_group = pem_of_key(EVP_EC_gen("P-521"), NULL);
	char *edwards = pem_of_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);

	memcpy(damaged + 60, "????", 4);
	expect(SPAN_NONE, SPAN(good, len), "the certificate is empty");
	expect(SPAN_STR(other), SPAN(good, len), "no PEM block CERTIFICATE in it");
	expect(SPAN(damaged, len), SPAN(good, len), "the certificate is damaged");
	expect(SPAN(good, len), SPAN_NONE, "the key is empty");
	expect(SPAN(good, len), SPAN_LIT("hello"), "no usable PEM block PRIVATE KEY in the key");
	expect(SPAN(good, len), SPAN_STR(locked),
		"the key is protected by a passphrase; give it without");
	expect(SPAN(good, len), SPAN_STR(other), "the key does not belong to the certificate");
	expect(SPAN(good, len), SPAN_STR(short_rsa), "the RSA key is shorter than 2048 bits");
	expect(SPAN(good, len), SPAN_STR(odd_group), "the EC key is neither P-256 nor P-384");
	expect(SPAN(good, len), SPAN_STR(edwards), "the key is neither EC nor RSA");
	mem_free(good);
	mem_free(damaged);
	mem_free(other);
	mem_free(locked);
	mem_free(short_rsa);
	mem_free(odd_group);
	mem_free(edwards);
	cert_unref(c);
}
END_TEST

static Suite *cert_suite(void)
{
	Suite *suite = suite_create("dtls/cert");
	TCase *c = tcase_create("cert");

	tcase_add_test(c, a_generated_certificate_is_self_signed_p256_and_valid_now);
	tcase_add_test(c, no_two_certificates_are_alike);
	tcase_add_test(c, pem_carries_a_certificate_to_another_process);
	tcase_add_test(c, a_hash_the_library_does_not_know_is_an_error);
	tcase_add_test(c, references_keep_a_certificate_alive);
	tcase_add_test(c, what_cannot_be_used_is_refused_with_a_reason);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(cert_suite)
