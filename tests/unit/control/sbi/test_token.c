/* test_token.c: which access tokens open the door, and what the others are told. */
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "tests/unit/control/sbi/token_play.h"

START_TEST(a_token_of_the_nrf_is_good_with_es256_and_with_rs256)
{
	start();
	is_good(signed_claims(CLAIMS("")));
	is_good(forge_token("{\"alg\":\"RS256\",\"kid\":\"k2\"}", CLAIMS(""), rsa));
	is_good(forge_token("{\"alg\":\"ES256\"}", CLAIMS(""), ec));
	ck_assert_int_eq(token_status(TOKEN_GOOD), 200);
	ck_assert_ptr_null(token_challenge(TOKEN_GOOD));
	stop();
}
END_TEST

START_TEST(a_request_without_a_token_is_told_what_it_needs)
{
	static const char *const values[] = { "", "Basic dTpw", "Bearer", "Bearer  ", "BearerX a" };

	start();
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		tokens_check(tokens, NOW, SPAN_STR(values[i]), &plain, &verdict);
		ck_assert_int_eq(verdict.answer, TOKEN_MISSING);
	}
	tokens_check(tokens, NOW, SPAN_NONE, &plain, &verdict);
	ck_assert_int_eq(verdict.answer, TOKEN_MISSING);
	ck_assert_int_eq(token_status(verdict.answer), 401);
	ck_assert_str_eq(token_challenge(verdict.answer), "Bearer scope=\"nmf-mrm\"");
	stop();
}
END_TEST

START_TEST(the_scheme_is_read_in_any_case)
{
	char *token = signed_claims(CLAIMS("")), *header = mem_printf("bEARER   %s ", token);

	start();
	tokens_check(tokens, NOW, SPAN_STR(header), &plain, &verdict);
	ck_assert_int_eq(verdict.answer, TOKEN_GOOD);
	stop();
	mem_free(header);
	mem_free(token);
}
END_TEST

START_TEST(a_token_signed_by_nobody_or_by_a_stranger_is_invalid)
{
	start();
	is_invalid(forge_token(HEADER, CLAIMS(""), NULL), "the token has not three parts");
	is_invalid(forge_token(HEADER, CLAIMS(""), other_ec), "the token's signature is wrong");
	is_invalid(forge_token("{\"alg\":\"RS256\",\"kid\":\"k1\"}", CLAIMS(""), ec),
		"the key that signed the token is not known");
	ck_assert_int_eq(token_status(TOKEN_INVALID), 401);
	ck_assert_str_eq(token_challenge(TOKEN_INVALID), "Bearer error=\"invalid_token\"");
	stop();
}
END_TEST

START_TEST(claims_or_signature_changed_after_signing_are_found)
{
	char *token = signed_claims(CLAIMS("")),
	     *forged = forge_token(HEADER, CLAIMS(",\"iat\":1"), NULL);
	char *grafted = mem_printf("%s%s", forged, strrchr(token, '.') + 1);

	start();
	is_invalid(grafted, "the token's signature is wrong");
	for (char *c = strrchr(token, '.') + 1; c[1] != '\0'; c++) {
		char kept = *c;

		*c = kept == 'A' ? 'B' : 'A';
		is_invalid(mem_strdup(token), "the token's signature is wrong");
		*c = kept;
	}
	is_good(token);
	mem_free(forged);
	stop();
}
END_TEST

START_TEST(only_algorithms_of_the_list_are_taken)
{
	static const char *const headers[] = { "{\"alg\":\"none\"}", "{\"alg\":\"None\"}",
		"{\"alg\":\"HS256\",\"kid\":\"k1\"}", "{\"alg\":\"es256\",\"kid\":\"k1\"}",
		"{\"alg\":\"ES384\"}", "{\"alg\":\"RS512\",\"kid\":\"k2\"}", "{\"alg\":7}", "{}" };
	static const char sentence[] = "the token is signed with neither ES256 nor RS256";

	start();
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		is_invalid(forge_token(headers[i], CLAIMS(""), ec), sentence);
	/* without the last part, as libraries write it that know "none" */
	is_invalid(forge_token("{\"alg\":\"none\"}", CLAIMS(""), NULL),
		"the token has not three parts");
	stop();
}
END_TEST

START_TEST(the_public_key_is_no_hmac_secret)
{
	char *pem = forge_pem(ec), *rsa_pem = forge_pem(rsa);

	start();
	is_invalid(forge_hmac_token(
			   "{\"alg\":\"HS256\",\"kid\":\"k1\"}", CLAIMS(""), pem, strlen(pem)),
		"the token is signed with neither ES256 nor RS256");
	is_invalid(forge_hmac_token("{\"alg\":\"RS256\",\"kid\":\"k2\"}", CLAIMS(""), rsa_pem,
			   strlen(rsa_pem)),
		"the token's signature is wrong");
	stop();
	mem_free(pem);
	mem_free(rsa_pem);
}
END_TEST

START_TEST(a_kid_chooses_the_key)
{
	start();
	is_invalid(forge_token("{\"alg\":\"ES256\",\"kid\":\"k9\"}", CLAIMS(""), ec),
		"the key that signed the token is not known");
	is_invalid(forge_token("{\"alg\":\"ES256\",\"kid\":7}", CLAIMS(""), ec),
		"the token's kid is no short text");
	tokens_use(tokens, keys_of(forge_pem(ec))); /* a key without a kid is for all of them */
	is_good(forge_token("{\"alg\":\"ES256\",\"kid\":\"k9\"}", CLAIMS(""), ec));
	stop();
}
END_TEST

START_TEST(a_kid_is_told_whole_or_not_at_all)
{
	struct tokens_config asking = strict;
	char kid[TOKEN_KID_MAX + 1];
	char *header;

	asking.can_ask = true;
	start_with(&asking);
	for (size_t len = TOKEN_KID_MAX - 1; len <= TOKEN_KID_MAX; len++) {
		memset(kid, 'k', len);
		kid[len] = '\0';
		header = mem_printf("{\"alg\":\"ES256\",\"kid\":\"%s\"}", kid);
		show(NOW, forge_token(header, CLAIMS(""), ec), &plain);
		if (len < TOKEN_KID_MAX) {
			ck_assert_int_eq(verdict.answer, TOKEN_KEY_UNKNOWN);
			ck_assert_str_eq(verdict.kid, kid);
		} else {
			ck_assert_int_eq(verdict.answer, TOKEN_INVALID);
			ck_assert_str_eq(verdict.why, "the token's kid is no short text");
		}
		mem_free(header);
	}
	stop();
}
END_TEST

/* Of keys without a kid any may be the one, and each costs as much as a signature does. */
START_TEST(no_more_than_eight_keys_are_tried)
{
	char *pem = forge_pem(ec), *other = forge_pem(other_ec), *seven, *eight;

	seven = mem_printf("%s%s%s%s%s%s%s", other, other, other, other, other, other, other);
	eight = mem_printf("%s%s%s", seven, other, pem);
	start();
	tokens_use(tokens, keys_of(mem_printf("%s%s", seven, pem)));
	is_good(signed_claims(CLAIMS("")));
	tokens_use(tokens, keys_of(eight));
	is_invalid(signed_claims(CLAIMS("")), "the token's signature is wrong");
	stop();
	mem_free(seven);
	mem_free(other);
	mem_free(pem);
}
END_TEST

START_TEST(headers_that_ask_for_more_than_we_do_are_refused)
{
	start();
	is_invalid(
		forge_token("{\"alg\":\"ES256\",\"kid\":\"k1\",\"crit\":[\"b64\"],\"b64\":false}",
			CLAIMS(""), ec),
		"the token has critical header parameters");
	is_invalid(
		forge_token("{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"JOSE\"}", CLAIMS(""), ec),
		"the token's type is not JWT");
	is_invalid(forge_token("{\"alg\":\"ES256\",\"alg\":\"ES256\"}", CLAIMS(""), ec),
		"a part of the token is no JSON object in base64url");
	stop();
}
END_TEST

START_TEST(a_token_is_good_only_for_the_one_it_was_made_for)
{
	struct token_peer as = { true, AS },
			  upper = { true, "3FA85F64-5717-4562-B3FC-2C963F66AFA6" },
			  other = { true, OTHER }, nameless = { true, NULL };
	char *token = signed_claims(CLAIMS(""));

	start();
	for (int cached = 0; cached < 2; cached++) {
		show(NOW, mem_strdup(token), &as);
		ck_assert_int_eq(verdict.from_cache, cached);
		ck_assert_int_eq(verdict.answer, TOKEN_GOOD);
		show(NOW, mem_strdup(token), &upper);
		ck_assert_int_eq(verdict.answer, TOKEN_GOOD);
		show(NOW, mem_strdup(token), &other);
		ck_assert_int_eq(verdict.answer, TOKEN_INVALID);
		ck_assert_str_eq(
			verdict.why, "the token is another consumer's than the certificate");
		ck_assert_str_eq(verdict.consumer, "");
		show(NOW, mem_strdup(token), &nameless);
		ck_assert_int_eq(verdict.answer, TOKEN_INVALID);
		ck_assert_str_eq(verdict.why,
			"the certificate names no NF instance, so the token may be another's");
	}
	is_invalid(signed_claims("{" ISS AUD SCO EXP "}"), "the token names no consumer");
	is_invalid(signed_claims("{" ISS "\"sub\":\"as1\"," AUD SCO EXP "}"),
		"the token names no consumer");
	mem_free(token);
	stop();
}
END_TEST

START_TEST(huge_and_deep_tokens_are_refused_before_anything_is_made_of_them)
{
	char filler[7001], *text, *token;

	memset(filler, 'x', 7000);
	filler[7000] = 0;
	start();
	text = mem_printf("{" ISS SUB AUD SCO EXP ",\"x\":\"%s\"}", filler);
	is_invalid(signed_claims(text), "the token is too long");
	mem_free(text);
	memset(filler, '[', 2000);
	filler[2000] = '\0';
	is_invalid(signed_claims(filler), "a part of the token is no JSON object in base64url");
	is_invalid(signed_claims("{" ISS SUB AUD SCO EXP ",\"x\":[[[[[[[[1]]]]]]]]}"),
		"the token is nested too deep");
	is_good(signed_claims("{" ISS SUB AUD SCO EXP ",\"x\":[[[[[[]]]]]]}"));
	token = signed_claims(CLAIMS(""));
	text = mem_printf("%s.%s", token, "AAAA");
	is_invalid(text, "the token has not three parts");
	mem_free(token);
	stop();
}
END_TEST

START_TEST(garbage_is_refused)
{
	static const struct {
		const char *token, *why;
	} cases[] = {
		{ "x", "the token has not three parts" },
		{ "..", "the token has not three parts" },
		{ "a.b.", "the token has not three parts" },
		{ "a.b.c.d", "the token has not three parts" },
		{ "a.b.c", "the token's signature is no base64url" },
		{ "!!!!.AAAA.AAAA", "a part of the token is no JSON object in base64url" },
		{ "AAAA.AAAA.AA==", "the token's signature is no base64url" },
		{ "AAAA.AAAA.AB", "the token's signature is no base64url" },
		{ "e30.e30.AAAA", "the token is signed with neither ES256 nor RS256" },
		{ "W10.e30.AAAA", "a part of the token is no JSON object in base64url" },
		{ "\xff\xfe.e30.AAAA", "a part of the token is no JSON object in base64url" },
	};

	start();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		is_invalid(mem_strdup(cases[i].token), cases[i].why);
	is_invalid(forge_token(HEADER, "{\"iss\":\"\\u0000\"}", ec),
		"a part of the token is no JSON object in base64url");
	is_invalid(forge_token(HEADER, "{\"iss\":\"" NRF "\",\"iss\":\"" NRF "\"}", ec),
		"a part of the token is no JSON object in base64url");
	is_invalid(forge_token(HEADER, CLAIMS("") " x", ec),
		"a part of the token is no JSON object in base64url");
	stop();
}
END_TEST

START_TEST(a_verified_token_is_remembered_until_it_expires)
{
	char *token = signed_claims(CLAIMS(""));

	start();
	show(NOW, mem_strdup(token), &plain);
	ck_assert(!verdict.from_cache);
	show(NOW + 604, mem_strdup(token), &plain);
	ck_assert(verdict.from_cache);
	ck_assert_int_eq(verdict.answer, TOKEN_GOOD);
	ck_assert_str_eq(verdict.consumer, AS);
	for (int i = 0; i < 2; i++) {
		show(NOW + 605, mem_strdup(token), &plain);
		ck_assert(!verdict.from_cache);
		ck_assert_int_eq(verdict.answer, TOKEN_INVALID);
		ck_assert_str_eq(verdict.why, "the token has expired");
	}
	mem_free(token);
	stop();
}
END_TEST

START_TEST(what_was_refused_is_not_remembered)
{
	char *token = forge_token(HEADER, CLAIMS(""), other_ec);

	start();
	show(NOW, mem_strdup(token), &plain);
	show(NOW, mem_strdup(token), &plain);
	ck_assert_int_eq(verdict.answer, TOKEN_INVALID);
	ck_assert(!verdict.from_cache);
	mem_free(token);
	stop();
}
END_TEST

START_TEST(other_keys_forget_what_the_old_ones_verified)
{
	char *token = signed_claims(CLAIMS(""));

	start();
	is_good(mem_strdup(token));
	tokens_use(tokens, keys_of(forge_jwk(other_ec, "k1", "")));
	is_invalid(mem_strdup(token), "the token's signature is wrong");
	tokens_use(tokens, NULL);
	is_invalid(token, "the key that signed the token is not known");
	stop();
}
END_TEST

START_TEST(the_memory_for_tokens_is_bounded_and_the_least_used_go_first)
{
	char *first = signed_claims(CLAIMS("")), *second = signed_claims(CLAIMS(",\"n\":-1"));
	long before;

	start();
	is_good(mem_strdup(first));
	is_good(mem_strdup(second));
	before = 0;
	for (int i = 0; i < TOKENS_CACHED + 10; i++) {
		char *text = mem_printf("{" ISS SUB AUD SCO EXP ",\"n\":%d}", i);

		is_good(signed_claims(text));
		mem_free(text);
		is_good(mem_strdup(first)); /* it is in use */
		ck_assert(verdict.from_cache);
		if (i == TOKENS_CACHED)
			before = mem_live();
	}
	ck_assert_int_eq(mem_live(), before);
	is_good(second);
	ck_assert(!verdict.from_cache);
	mem_free(first);
	stop();
}
END_TEST

START_TEST(an_unknown_key_is_asked_for_where_there_is_somebody_to_ask)
{
	struct tokens_config asking = strict;
	struct public_key key = { PUBLIC_KEY_EC, NULL };

	asking.can_ask = true;
	start_with(&asking);
	tokens_use(tokens, NULL);
	show(NOW, signed_claims(CLAIMS("")), &plain);
	ck_assert_int_eq(verdict.answer, TOKEN_KEY_UNKNOWN);
	ck_assert_int_eq(token_status(verdict.answer), 503);
	ck_assert_str_eq(verdict.issuer, NRF);
	ck_assert_str_eq(verdict.kid, "k1");
	ck_assert_str_eq(verdict.algorithm, "ES256");
	ck_assert(verdict.wants_key);

	key.pem = forge_pem(ec);
	ck_assert(tokens_learn(tokens, NRF, "k1", NOW + 3600, &key));
	ck_assert_ptr_null(key.pem);
	is_good(signed_claims(CLAIMS("")));
	ck_assert(!verdict.wants_key);
	key.pem = forge_pem(ec);
	ck_assert(tokens_learn(tokens, NRF, "k1", NOW + 100, &key));
	is_good(signed_claims(CLAIMS(",\"n\":0")));
	ck_assert(verdict.wants_key); /* in time, so that nobody is sent away */
	ck_assert_str_eq(verdict.kid, "k1");
	show(NOW, forge_token("{\"alg\":\"ES256\"}", CLAIMS(""), ec), &plain);
	ck_assert_int_eq(verdict.answer, TOKEN_KEY_UNKNOWN);
	ck_assert_str_eq(verdict.kid, "");
	is_invalid(forge_token(HEADER, CLAIMS(",\"n\":1"), other_ec),
		"the token's signature is wrong");
	show(NOW + 101, signed_claims(CLAIMS(",\"n\":2")), &plain);
	ck_assert_int_eq(verdict.answer, TOKEN_KEY_UNKNOWN);
	/* nobody is asked for a stranger's key */
	is_invalid(signed_claims("{\"iss\":\"" OTHER "\"}"), "the token's issuer is not trusted");
	stop();
}
END_TEST

START_TEST(a_key_that_was_told_is_one_issuers_alone)
{
	static const char *const two[] = { NRF, OTHER };
	struct tokens_config asking = strict;
	struct public_key key = { PUBLIC_KEY_EC, NULL };

	asking.can_ask = true;
	asking.issuers = two;
	asking.issuer_count = 2;
	start_with(&asking);
	tokens_use(tokens, NULL);
	key.pem = forge_pem(ec);
	ck_assert(tokens_learn(tokens, OTHER, "k1", NOW + 100, &key));
	show(NOW, signed_claims(CLAIMS("")), &plain);
	ck_assert_int_eq(verdict.answer, TOKEN_KEY_UNKNOWN);
	stop();
}
END_TEST

START_TEST(running_out_of_memory_lets_nobody_in_and_leaks_nothing)
{
	char *token = signed_claims(CLAIMS("")), *header = mem_printf("Bearer %s", token);
	char *pem = forge_pem(ec), *jwk = forge_jwk(ec, "k1", "");
	struct tokens *t;
	struct token_keys *keys;
	struct public_key key;
	unsigned passed_over;
	char why[160];
	long before;

	before = mem_live();
	for (unsigned n = 1;; n++) {
		mem_fail_at(n);
		t = tokens_create(&strict);
		keys = t != NULL ? token_keys_read(SPAN_STR(jwk), &passed_over, why) : NULL;
		if (keys != NULL) {
			tokens_use(t, keys);
			key = (struct public_key){ PUBLIC_KEY_EC, mem_strdup(pem) };
			if (key.pem != NULL)
				tokens_learn(t, NRF, "k2", NOW + 9, &key);
			tokens_check(t, NOW, SPAN_STR(header), &plain, &verdict);
			ck_assert(verdict.answer == TOKEN_GOOD || mem_failed());
			ck_assert(verdict.answer == TOKEN_GOOD || verdict.consumer[0] == '\0');
		}
		tokens_destroy(t);
		ck_assert_int_eq(mem_live(), before);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
	ck_assert_ptr_nonnull(keys);
	ck_assert_int_eq(verdict.answer, TOKEN_GOOD);
	mem_free(pem);
	mem_free(jwk);
	mem_free(header);
	mem_free(token);
}
END_TEST

static Suite *make_suite(void)
{
	TCase *tc;
	Suite *s = token_suite("token", &tc);

	tcase_add_test(tc, a_token_of_the_nrf_is_good_with_es256_and_with_rs256);
	tcase_add_test(tc, a_request_without_a_token_is_told_what_it_needs);
	tcase_add_test(tc, the_scheme_is_read_in_any_case);
	tcase_add_test(tc, a_token_signed_by_nobody_or_by_a_stranger_is_invalid);
	tcase_add_test(tc, claims_or_signature_changed_after_signing_are_found);
	tcase_add_test(tc, only_algorithms_of_the_list_are_taken);
	tcase_add_test(tc, the_public_key_is_no_hmac_secret);
	tcase_add_test(tc, a_kid_chooses_the_key);
	tcase_add_test(tc, a_kid_is_told_whole_or_not_at_all);
	tcase_add_test(tc, no_more_than_eight_keys_are_tried);
	tcase_add_test(tc, headers_that_ask_for_more_than_we_do_are_refused);
	tcase_add_test(tc, a_token_is_good_only_for_the_one_it_was_made_for);
	tcase_add_test(tc, huge_and_deep_tokens_are_refused_before_anything_is_made_of_them);
	tcase_add_test(tc, garbage_is_refused);
	tcase_add_test(tc, a_verified_token_is_remembered_until_it_expires);
	tcase_add_test(tc, what_was_refused_is_not_remembered);
	tcase_add_test(tc, other_keys_forget_what_the_old_ones_verified);
	tcase_add_test(tc, the_memory_for_tokens_is_bounded_and_the_least_used_go_first);
	tcase_add_test(tc, an_unknown_key_is_asked_for_where_there_is_somebody_to_ask);
	tcase_add_test(tc, a_key_that_was_told_is_one_issuers_alone);
	tcase_add_test(tc, running_out_of_memory_lets_nobody_in_and_leaks_nothing);
	return s;
}

UNIT_MAIN(make_suite)
