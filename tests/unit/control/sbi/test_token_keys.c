/* test_token_keys.c: keys out of files, and those that an NRF tells. */
#include "control/sbi/token_keys.h"

#include <stdio.h>
#include <string.h>

#include "control/sbi/base64.h"
#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/uuid.h"
#include "tests/unit/control/sbi/token_forge.h"
#include "tests/unit/main.h"

#define NRF "11111111-2222-4333-8444-555555555555"

static EVP_PKEY *ec, *rsa, *p384;
static unsigned passed_over;
static char why[160];

static void make_keys(void)
{
	control_init();
	ec = forge_ec("P-256");
	p384 = forge_ec("P-384");
	rsa = forge_rsa();
}

static void drop_keys(void)
{
	EVP_PKEY_free(ec);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa);
}

static unsigned count_of(const struct token_keys *keys, enum public_key_kind kind, const char *kid)
{
	unsigned at = 0, n = 0;

	while (token_keys_next(keys, 0, kind, NRF, kid, &at) != NULL)
		n++;
	return n;
}

static struct token_keys *read_keys(char *text)
{
	struct token_keys *keys = token_keys_read(SPAN_STR(text), &passed_over, why);

	mem_free(text);
	return keys;
}

static void refused(char *text, const char *sentence)
{
	long live = mem_live();
	struct token_keys *keys = token_keys_read(SPAN_STR(text), &passed_over, why);

	ck_assert_ptr_null(keys);
	ck_assert_str_eq(why, sentence);
	ck_assert_int_eq(mem_live(), live);
	mem_free(text);
}

START_TEST(a_jwks_gives_what_can_be_used_and_counts_the_rest)
{
	char *a = forge_jwk(ec, "a", ""), *b = forge_jwk(rsa, "b", ",\"key_ops\":[\"verify\"]"),
	     *enc = forge_jwk(ec, "c", ",\"use\":\"enc\""),
	     *alg = forge_jwk(rsa, "d", ",\"alg\":\"PS256\""),
	     *ops = forge_jwk(rsa, "e", ",\"key_ops\":[\"sign\"]");
	struct token_keys *keys = read_keys(mem_printf(
		"\n {\"keys\":[%s,%s,%s,%s,%s,{\"kty\":\"oct\",\"k\":\"AAAA\"},{\"kty\":\"EC\","
		"\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"},7,{}]}",
		a, b, enc, alg, ops));

	ck_assert_msg(keys != NULL, "%s", why);
	ck_assert_uint_eq(token_keys_count(keys), 2);
	ck_assert_uint_eq(passed_over, 7);
	ck_assert_uint_eq(count_of(keys, PUBLIC_KEY_EC, "a"), 1);
	ck_assert_uint_eq(count_of(keys, PUBLIC_KEY_EC, "b"), 0);
	ck_assert_uint_eq(count_of(keys, PUBLIC_KEY_RSA, "b"), 1);
	ck_assert_uint_eq(count_of(keys, PUBLIC_KEY_RSA, NULL), 1);
	token_keys_destroy(keys);
	mem_free(a);
	mem_free(b);
	mem_free(enc);
	mem_free(alg);
	mem_free(ops);
}
END_TEST

/* A key that is one of ours by its numbers, on the curve that it names. */
static char *jwk_of_curve(const char *curve)
{
	char *jwk = forge_jwk(ec, NULL, ""), *at = strstr(jwk, "P-256");

	ck_assert_ptr_nonnull(at);
	memcpy(at, curve, strlen("P-256"));
	return jwk;
}

START_TEST(a_key_is_on_the_curve_that_it_names)
{
	static const char no_kind[] = "a key is neither EC P-256 for ES256 nor RSA for RS256";
	struct token_keys *keys = read_keys(jwk_of_curve("P-256"));

	ck_assert_msg(keys != NULL, "%s", why);
	token_keys_destroy(keys);
	refused(jwk_of_curve("P-384"), no_kind);
	refused(jwk_of_curve("p-256"), no_kind);
}
END_TEST

START_TEST(a_single_jwk_and_pem_are_key_sets_too)
{
	struct token_keys *keys = read_keys(forge_jwk(ec, NULL, ""));
	char *a = forge_pem(ec), *b = forge_pem(rsa);

	ck_assert_msg(keys != NULL, "%s", why);
	ck_assert_uint_eq(count_of(keys, PUBLIC_KEY_EC, "any"), 1);
	token_keys_destroy(keys);
	keys = read_keys(mem_printf("%s%s", a, b));
	ck_assert_msg(keys != NULL, "%s", why);
	ck_assert_uint_eq(token_keys_count(keys), 2);
	token_keys_destroy(keys);
	mem_free(a);
	mem_free(b);
}
END_TEST

START_TEST(a_file_without_a_usable_key_is_refused_in_words)
{
	static const char no_kind[] = "a key is neither EC P-256 for ES256 nor RSA for RS256";
	char *many, *jwk;

	refused(mem_strdup(""), "neither JSON nor a PEM block CERTIFICATE or PUBLIC KEY in it");
	refused(mem_strdup("-----BEGIN"),
		"neither JSON nor a PEM block CERTIFICATE or PUBLIC KEY in it");
	refused(mem_strdup("{"), "it is no JSON");
	refused(mem_strdup("{}"), no_kind);
	refused(mem_strdup("{\"keys\":[]}"), "neither a JWKS nor a JWK");
	refused(mem_strdup("{\"keys\":7}"), "neither a JWKS nor a JWK");
	refused(mem_strdup("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}"), no_kind);
	refused(mem_strdup("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}"),
		"the point is not on P-256");
	refused(mem_strdup("{\"kty\":\"RSA\",\"n\":\"!\",\"e\":\"AQAB\"}"), no_kind);
	refused(mem_strdup("{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}"),
		"the RSA key is shorter than 2048 bits");
	refused(forge_pem(p384), "the EC key is not on P-256");
	many = mem_alloc(200);
	memset(many, 'k', 199);
	many[199] = '\0';
	jwk = forge_jwk(ec, many, "");
	refused(jwk, no_kind);
	mem_free(many);
}
END_TEST

START_TEST(a_set_takes_a_bounded_number)
{
	char *one = forge_pem(ec), *text = mem_strdup("");

	for (int i = 0; i <= TOKEN_KEYS_MAX; i++) {
		char *longer = mem_printf("%s%s", text, one);

		mem_free(text);
		text = longer;
	}
	refused(text, "more keys than we keep");
	mem_free(one);
}
END_TEST

START_TEST(what_an_nrf_tells_replaces_what_it_told_and_ends)
{
	struct token_keys *keys = token_keys_create();
	struct public_key key;
	char kid[8];
	unsigned at = 0;

	for (int i = 0; i < TOKEN_KEYS_MAX + 3; i++) {
		for (int twice = 0; twice < 2; twice++) {
			key = (struct public_key){ PUBLIC_KEY_EC, forge_pem(ec) };
			snprintf(kid, sizeof(kid), "%d", i);
			ck_assert(token_keys_learn(keys, NRF, kid, 100 + i, &key));
		}
	}
	ck_assert_uint_eq(token_keys_count(keys), TOKEN_KEYS_MAX);
	ck_assert_uint_eq(count_of(keys, PUBLIC_KEY_EC, "2"), 0); /* the first to end made room */
	ck_assert_uint_eq(count_of(keys, PUBLIC_KEY_EC, "3"), 1);
	ck_assert_uint_eq(count_of(keys, PUBLIC_KEY_EC, NULL), 0);
	ck_assert_ptr_nonnull(token_keys_next(keys, 102, PUBLIC_KEY_EC, NRF, "3", &at));
	at = 0;
	ck_assert_ptr_null(token_keys_next(keys, 103, PUBLIC_KEY_EC, NRF, "3", &at));
	token_keys_destroy(keys);
}
END_TEST

START_TEST(issuers_may_name_their_keys_alike)
{
	static const char other[] = "99999999-2222-4333-8444-555555555555";
	struct token_keys *keys = token_keys_create();
	struct public_key a = { PUBLIC_KEY_EC, forge_pem(ec) },
			  b = { PUBLIC_KEY_RSA, forge_pem(rsa) };
	unsigned at = 0;

	ck_assert(token_keys_learn(keys, NRF, "k", 100, &a));
	ck_assert(token_keys_learn(keys, other, "k", 100, &b));
	ck_assert_uint_eq(token_keys_count(keys), 2);
	ck_assert_uint_eq(count_of(keys, PUBLIC_KEY_EC, "k"), 1);
	ck_assert_uint_eq(count_of(keys, PUBLIC_KEY_RSA, "k"), 0);
	ck_assert_ptr_nonnull(token_keys_next(keys, 0, PUBLIC_KEY_RSA, other, "k", &at));
	token_keys_destroy(keys);
}
END_TEST

START_TEST(running_out_of_memory_leaks_nothing)
{
	char *a = forge_jwk(ec, "a", ""), *b = forge_jwk(rsa, "b", ""), *pem = forge_pem(ec);
	char *text = mem_printf("{\"keys\":[%s,%s]}", a, b);
	long live = mem_live();

	for (unsigned n = 1;; n++) {
		struct token_keys *keys;
		struct public_key key;

		mem_fail_at(n);
		keys = token_keys_read(SPAN_STR(text), &passed_over, why);
		key = (struct public_key){ PUBLIC_KEY_EC, mem_strdup(pem) };
		if (keys != NULL && key.pem != NULL)
			token_keys_learn(keys, NRF, "k", 9, &key);
		public_key_finish(&key);
		token_keys_destroy(keys);
		ck_assert_int_eq(mem_live(), live);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
	mem_free(a);
	mem_free(b);
	mem_free(pem);
	mem_free(text);
}
END_TEST

START_TEST(base64_has_one_form_for_each_text)
{
	static const struct {
		const char *mime, *url, *bytes;
	} good[] = {
		{ "", "", "" },
		{ "Zg==", "Zg", "f" },
		{ "Zm8=", "Zm8", "fo" },
		{ "Zm9v", "Zm9v", "foo" },
		{ "+/+/", "-_-_", "\xfb\xff\xbf" },
	};
	static const char *const bad_url[] = { "Z", "Zh", "Zm9", "Zg==", "Z g", "Zm9v\n", "+/+/" };
	static const char *const bad_mime[] = { "Zg",
		"Zg=", "Zh==", "Z===", "====", "Zm9=", "-_-_" };
	uint8_t out[8];
	size_t len;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		ck_assert(base64_decode(SPAN_STR(good[i].mime), out, sizeof(out), &len));
		ck_assert(span_eq(SPAN(out, len), SPAN_STR(good[i].bytes)));
		ck_assert(base64url_decode(SPAN_STR(good[i].url), out, sizeof(out), &len));
		ck_assert(span_eq(SPAN(out, len), SPAN_STR(good[i].bytes)));
	}
	for (size_t i = 0; i < sizeof(bad_url) / sizeof(*bad_url); i++)
		ck_assert_msg(!base64url_decode(SPAN_STR(bad_url[i]), out, sizeof(out), &len), "%s",
			bad_url[i]);
	for (size_t i = 0; i < sizeof(bad_mime) / sizeof(*bad_mime); i++)
		ck_assert_msg(!base64_decode(SPAN_STR(bad_mime[i]), out, sizeof(out), &len), "%s",
			bad_mime[i]);
	ck_assert(base64url_decode(SPAN_LIT("Zm9v"), out, 3, &len));
	ck_assert(!base64url_decode(SPAN_LIT("Zm9v"), out, 2, &len));
}
END_TEST

START_TEST(a_uuid_has_its_form)
{
	ck_assert(uuid_is(SPAN_LIT(NRF)));
	ck_assert(uuid_is(SPAN_LIT("6F1C0C1E-2A7b-4d0f-9a51-3d0f2b7c8e11")));
	ck_assert(!uuid_is(SPAN_LIT("6f1c0c1e-2a7b-4d0f-9a51-3d0f2b7c8e1")));
	ck_assert(!uuid_is(SPAN_LIT("6f1c0c1e-2a7b-4d0f-9a51-3d0f2b7c8e111")));
	ck_assert(!uuid_is(SPAN_LIT("6f1c0c1e-2a7b-4d0f-9a51-3d0f2b7c8e1g")));
	ck_assert(!uuid_is(SPAN_LIT("6f1c0c1e02a7b-4d0f-9a51-3d0f2b7c8e11")));
	ck_assert(!uuid_is(SPAN_NONE));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("token_keys");
	TCase *tc = tcase_create("token_keys");

	tcase_add_unchecked_fixture(tc, make_keys, drop_keys);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_jwks_gives_what_can_be_used_and_counts_the_rest);
	tcase_add_test(tc, a_key_is_on_the_curve_that_it_names);
	tcase_add_test(tc, a_single_jwk_and_pem_are_key_sets_too);
	tcase_add_test(tc, a_file_without_a_usable_key_is_refused_in_words);
	tcase_add_test(tc, a_set_takes_a_bounded_number);
	tcase_add_test(tc, what_an_nrf_tells_replaces_what_it_told_and_ends);
	tcase_add_test(tc, issuers_may_name_their_keys_alike);
	tcase_add_test(tc, running_out_of_memory_leaks_nothing);
	tcase_add_test(tc, base64_has_one_form_for_each_text);
	tcase_add_test(tc, a_uuid_has_its_form);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(make_suite)
