/* test_token_claims.c: what a genuine access token must say to be good here. */
#include "tests/unit/control/sbi/token_play.h"

#include "dcmf/base/alloc.h"

START_TEST(the_issuer_must_be_in_the_list_where_there_is_one)
{
	struct tokens_config any = strict;
	static const char foreign[] = "{\"iss\":\"" OTHER "\",\"sub\":\"" AS
				      "\",\"aud\":\"MF\",\"scope\":\"nmf-mrm\",\"exp\":1800000600}";

	start();
	is_invalid(signed_claims(foreign), "the token's issuer is not trusted");
	is_invalid(signed_claims("{\"iss\":\"nrf\"}"), "the token's issuer is not trusted");
	is_invalid(signed_claims("{}"), "the token's issuer is not trusted");
	stop();
	any.issuer_count = 0;
	start_with(&any);
	is_good(signed_claims(foreign));
	is_invalid(signed_claims("{\"iss\":\"nrf\"}"), "the token's issuer is not trusted");
	stop();
}
END_TEST

START_TEST(the_audience_is_our_type_or_our_id)
{
	static const char another[] = "the token is for another audience";

	start();
	is_good(signed_claims("{" ISS SUB SCO "\"aud\":[\"" OTHER "\",\"" US "\"]," EXP "}"));
	is_good(signed_claims("{" ISS SUB SCO "\"aud\":[7,null,\"" US "\"]," EXP "}"));
	is_good(signed_claims("{" ISS SUB SCO "\"aud\":\"" US "\"," EXP "}"));
	is_invalid(signed_claims("{" ISS SUB SCO "\"aud\":\"NRF\"," EXP "}"), another);
	is_invalid(signed_claims("{" ISS SUB SCO "\"aud\":\"mf\"," EXP "}"), another);
	is_invalid(signed_claims("{" ISS SUB SCO "\"aud\":[\"" OTHER "\"]," EXP "}"), another);
	is_invalid(signed_claims("{" ISS SUB SCO "\"aud\":[\"MF\"]," EXP "}"), another);
	is_invalid(signed_claims("{" ISS SUB SCO "\"aud\":[]," EXP "}"), another);
	is_invalid(signed_claims("{" ISS SUB SCO "\"aud\":{\"" US "\":1}," EXP "}"), another);
	is_invalid(signed_claims("{" ISS SUB SCO EXP "}"), another);
	stop();
}
END_TEST

START_TEST(the_scope_is_a_word_of_its_own)
{
	static const char wrong[] = "the token's scope is not nmf-mrm";

	start();
	is_good(signed_claims("{" ISS SUB AUD "\"scope\":\"nnrf-disc nmf-mrm\"," EXP "}"));
	is_refused(signed_claims("{" ISS SUB AUD "\"scope\":\"nnrf-disc\"," EXP "}"), TOKEN_SCOPE,
		wrong);
	is_refused(signed_claims("{" ISS SUB AUD "\"scope\":\"nmf-mrm2 nmf-mr\"," EXP "}"),
		TOKEN_SCOPE, wrong);
	is_refused(signed_claims("{" ISS SUB AUD "\"scope\":[\"nmf-mrm\"]," EXP "}"), TOKEN_SCOPE,
		wrong);
	is_refused(signed_claims("{" ISS SUB AUD EXP "}"), TOKEN_SCOPE, wrong);
	ck_assert_int_eq(token_status(TOKEN_SCOPE), 403);
	ck_assert_str_eq(token_challenge(TOKEN_SCOPE),
		"Bearer error=\"insufficient_scope\", scope=\"nmf-mrm\"");
	stop();
}
END_TEST

START_TEST(a_token_has_its_time_and_clocks_may_differ_a_little)
{
	char *text;

	start();
	for (int late = -6; late <= 6; late++) {
		text = mem_printf("{" ISS SUB AUD SCO "\"exp\":%lld}", (long long)(NOW - late));
		show(NOW, signed_claims(text), &plain);
		ck_assert_int_eq(verdict.answer, late < 5 ? TOKEN_GOOD : TOKEN_INVALID);
		mem_free(text);
		text = mem_printf(
			"{" ISS SUB AUD SCO EXP ",\"nbf\":%lld}", (long long)(NOW + late));
		show(NOW, signed_claims(text), &plain);
		ck_assert_int_eq(verdict.answer, late <= 5 ? TOKEN_GOOD : TOKEN_INVALID);
		mem_free(text);
	}
	is_invalid(signed_claims(CLAIMS(",\"nbf\":1800000006")), "the token is not valid yet");
	is_invalid(
		signed_claims(CLAIMS(",\"iat\":1800000006")), "the token was issued in the future");
	is_invalid(signed_claims(CLAIMS(",\"nbf\":\"1\"")), "a time in the token is no integer");
	is_invalid(
		signed_claims("{" ISS SUB AUD SCO "\"exp\":1799999995}"), "the token has expired");
	is_invalid(signed_claims("{" ISS SUB AUD SCO "\"exp\":-9223372036854775808}"),
		"the token has expired");
	is_good(signed_claims("{" ISS SUB AUD SCO "\"exp\":9223372036854775807}"));
	is_invalid(signed_claims("{" ISS SUB AUD SCO "\"exp\":1.8e9}"),
		"the token does not say when it expires");
	is_invalid(signed_claims("{" ISS SUB AUD "\"scope\":\"nmf-mrm\"}"),
		"the token does not say when it expires");
	stop();
}
END_TEST

START_TEST(claims_about_producers_must_be_true_of_us)
{
	static const struct {
		const char *more, *why;
	} claims[] = {
		{ ",\"producerPlmnId\":{\"mcc\":\"262\",\"mnc\":\"01\"}", NULL },
		{ ",\"producerPlmnId\":{\"mcc\":\"262\",\"mnc\":\"001\"}",
			"the token is for producers of another PLMN" },
		{ ",\"producerPlmnId\":{\"mcc\":\"310\",\"mnc\":\"01\"}",
			"the token is for producers of another PLMN" },
		{ ",\"producerPlmnId\":{\"mcc\":\"2621\",\"mnc\":\"01\"}",
			"the token is for producers of another PLMN" },
		{ ",\"producerPlmnId\":{\"mcc\":\"26\",\"mnc\":\"01\"}",
			"the token is for producers of another PLMN" },
		{ ",\"producerPlmnId\":{\"mcc\":\"262\"}",
			"the token is for producers of another PLMN" },
		{ ",\"producerPlmnId\":\"262-01\"", "the token is for producers of another PLMN" },
		{ ",\"producerSnpnId\":{\"mcc\":\"262\",\"mnc\":\"01\",\"nid\":\"0000000000a\"}",
			"the token is for producers of a private network" },
		{ ",\"producerNfSetId\":\"set1.mfset.5gc.mnc001.mcc262\"", NULL },
		{ ",\"producerNfSetId\":\"set2.mfset.5gc.mnc001.mcc262\"",
			"the token is for producers of another NF set" },
		{ ",\"producerNfSetId\":1", "the token is for producers of another NF set" },
		{ ",\"producerNfServiceSetId\":\"s\"",
			"the token is for producers of another NF service set" },
		{ ",\"producerSnssaiList\":[{\"sst\":1}]", NULL },
	};
	struct tokens_config nowhere = strict;

	start();
	for (size_t i = 0; i < sizeof(claims) / sizeof(*claims); i++) {
		char *text = mem_printf("{" ISS SUB AUD SCO EXP "%s}", claims[i].more);

		if (claims[i].why == NULL)
			is_good(signed_claims(text));
		else
			is_invalid(signed_claims(text), claims[i].why);
		mem_free(text);
	}
	stop();
	nowhere.plmn = nowhere.nf_set_id = "";
	start_with(&nowhere);
	is_good(signed_claims(CLAIMS("")));
	is_invalid(signed_claims(CLAIMS(",\"producerPlmnId\":{\"mcc\":\"262\",\"mnc\":\"01\"}")),
		"the token is for producers of another PLMN");
	is_invalid(signed_claims(CLAIMS(",\"producerNfSetId\":\"\"")),
		"the token is for producers of another NF set");
	stop();
}
END_TEST

START_TEST(a_plmn_is_three_digits_and_two_or_three)
{
	static const char *const others[] = { "", "262", "262-", "262-1", "262-0123", "2620-01",
		"26-201", "262_01", "262-0a", "x62-01" };

	ck_assert(token_plmn_is(SPAN_LIT("262-01")));
	ck_assert(token_plmn_is(SPAN_LIT("310-410")));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		ck_assert_msg(!token_plmn_is(SPAN_STR(others[i])), "%s", others[i]);
}
END_TEST

static Suite *make_suite(void)
{
	TCase *tc;
	Suite *s = token_suite("token_claims", &tc);

	tcase_add_test(tc, the_issuer_must_be_in_the_list_where_there_is_one);
	tcase_add_test(tc, the_audience_is_our_type_or_our_id);
	tcase_add_test(tc, the_scope_is_a_word_of_its_own);
	tcase_add_test(tc, a_token_has_its_time_and_clocks_may_differ_a_little);
	tcase_add_test(tc, claims_about_producers_must_be_true_of_us);
	tcase_add_test(tc, a_plmn_is_three_digits_and_two_or_three);
	return s;
}

UNIT_MAIN(make_suite)
