/* test_nrf.c: the node's standing with its NRFs, in virtual time. */
#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "tests/unit/control/sbi/nrf_play.h"

START_TEST(nothing_goes_out_before_it_is_wanted)
{
	start(2);
	is_idle();
	ck_assert(tick_is_never(nrf_deadline(n)));
	ck_assert(nrf_is_out(n));
	nrf_deregister(n, now);
	is_idle();
	stop();
}
END_TEST

START_TEST(the_profile_says_what_we_are)
{
	static const char expected[] =
		"{\"nfInstanceId\":\"" US "\",\"nfType\":\"MF\",\"nfStatus\":\"REGISTERED\","
		"\"heartBeatTimer\":10,\"ipv4Addresses\":[\"192.0.2.10\"],\"locality\":\"dc-east-"
		"1\","
		"\"allowedNfTypes\":[\"IMS_AS\"],\"capacity\":65535,\"load\":7,"
		"\"recoveryTime\":\"2027-01-15T08:00:00Z\","
		"\"mfInfoList\":{\"default\":{\"mediaCapabilityList\":[\"DC\"]}},"
		"\"nfServiceList\":{\"mrm\":{\"serviceInstanceId\":\"mrm\",\"serviceName\":\"nmf-"
		"mrm\","
		"\"versions\":[{\"apiVersionInUri\":\"v1\",\"apiFullVersion\":\"1.1.1\"}],"
		"\"scheme\":\"https\",\"nfServiceStatus\":\"REGISTERED\",\"ipEndPoints\":[{"
		"\"ipv4Address\":"
		"\"192.0.2.10\",\"transport\":\"TCP\",\"port\":8443}],\"allowedNfTypes\":[\"IMS_"
		"AS\"],"
		"\"oauth2Required\":true}}}";

	start(1);
	nrf_set_load(n, 7);
	nrf_register(n, now);
	wants("PUT", A PATH);
	ck_assert_str_eq(request.content_type, "application/json");
	ck_assert_str_eq(request.body, expected);
	ck_assert_ptr_null(request.authorization);
	ck_assert_uint_eq(request.nrf, 0);
	is_idle();
	stop();
}
END_TEST

START_TEST(what_is_configured_besides_is_in_the_profile_too)
{
	struct nrf_profile kept = config.profile;

	config.profile.fqdn = "mf1.ims.example";
	config.profile.plmn = "262-01";
	config.profile.nf_set_id = "set1.mfset.5gc.mnc001.mcc262";
	config.profile.has_tls = config.profile.needs_token = false;
	start(1);
	nrf_destroy(n);
	ck_assert(addr_parse(SPAN_LIT("[2001:db8::7]:80"), &config.profile.at));
	n = nrf_create(&config);
	nrf_set_load(n, 700);
	nrf_register(n, now);
	wants("PUT", A PATH);
	ck_assert_ptr_nonnull(strstr(request.body, "\"fqdn\":\"mf1.ims.example\","
						   "\"ipv6Addresses\":[\"2001:db8::7\"]"));
	ck_assert_ptr_nonnull(
		strstr(request.body, "\"plmnList\":[{\"mcc\":\"262\",\"mnc\":\"01\"}]"));
	ck_assert_ptr_nonnull(
		strstr(request.body, "\"nfSetIdList\":[\"set1.mfset.5gc.mnc001.mcc262\"]"));
	ck_assert_ptr_nonnull(strstr(request.body, "\"load\":100,"));
	ck_assert_ptr_nonnull(strstr(request.body, "\"scheme\":\"http\","));
	ck_assert_ptr_nonnull(strstr(request.body, "\"ipv6Address\":\"2001:db8::7\""));
	ck_assert_ptr_nonnull(strstr(request.body, "\"oauth2Required\":false"));
	stop();
	config.profile = kept;
}
END_TEST

START_TEST(heartbeats_keep_the_time_the_nrf_says_and_carry_the_load)
{
	start(1);
	register_at_a();
	is_due_in(18, 18);
	nrf_set_load(n, 42);
	wants("PATCH", A PATH);
	ck_assert_str_eq(request.content_type, "application/json-patch+json");
	ck_assert_str_eq(request.body,
		"[{\"op\":\"replace\",\"path\":\"/nfStatus\",\"value\":\"REGISTERED\"},"
		"{\"op\":\"replace\",\"path\":\"/load\",\"value\":42}]");
	reply(204, "");
	is_due_in(18, 18);
	wants("PATCH", A PATH);
	reply(200, "{\"heartBeatTimer\":60}");
	is_due_in(54, 54);
	wants("PATCH", A PATH);
	reply(200, "not JSON");
	is_due_in(54, 54);
	stop();
}
END_TEST

START_TEST(an_nrf_that_says_nothing_sensible_gets_a_heartbeat_every_half_minute)
{
	static const char *const bodies[] = { "", "{}", "[]", "{\"heartBeatTimer\":0}",
		"{\"heartBeatTimer\":-5}", "{\"heartBeatTimer\":99999999}",
		"{\"heartBeatTimer\":\"10\"}", "{\"heartBeatTimer\":" };

	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		start(1);
		nrf_register(n, now);
		wants("PUT", A PATH);
		reply(200, bodies[i]);
		is_due_in(27, 27);
		stop();
	}
}
END_TEST

START_TEST(who_has_forgotten_us_is_told_again)
{
	start(1);
	register_at_a();
	wait_s(18);
	wants("PATCH", A PATH);
	reply(404, "{\"cause\":\"x\"}");
	ck_assert_uint_eq(nrf_registrations(n), 0);
	wants("PUT", A PATH);
	reply(201, "{\"heartBeatTimer\":20}");
	ck_assert_uint_eq(nrf_registrations(n), 1);
	is_due_in(18, 18);
	stop();
}
END_TEST

START_TEST(an_nrf_that_is_down_is_asked_less_and_less_and_comes_back)
{
	double expected = 1;

	start(1);
	nrf_register(n, now);
	for (int i = 0; i < 10; i++) {
		wants("PUT", A PATH);
		reply(i % 2 == 0 ? 0 : 503, "");
		is_due_in(expected * 0.79, expected * 1.21);
		expected = expected < 30 ? expected * 2 : 60;
	}
	wants("PUT", A PATH);
	reply(201, "{\"heartBeatTimer\":20}");
	is_due_in(18, 18);
	for (int i = 0; i < 3; i++) {
		wants("PATCH", A PATH); /* it may still know us */
		reply(0, "");
		ck_assert_uint_eq(nrf_registrations(n), 0);
		now = nrf_deadline(n);
	}
	wants("PATCH", A PATH);
	reply(204, "");
	ck_assert_uint_eq(nrf_registrations(n), 1);
	is_due_in(18, 18);
	stop();
}
END_TEST

START_TEST(retry_after_is_obeyed_within_reason)
{
	start(1);
	nrf_register(n, now);
	wants("PUT", A PATH);
	reply_with(503, (struct nrf_reply){ .retry_after_s = 77 });
	is_due_in(77, 77);
	wants("PUT", A PATH);
	reply_with(429, (struct nrf_reply){ .retry_after_s = INT64_MAX });
	is_due_in(600, 600);
	wants("PUT", A PATH);
	reply_with(429, (struct nrf_reply){ .retry_after_s = -5 });
	is_due_in(3, 5);
	stop();
}
END_TEST

START_TEST(a_heartbeat_that_is_not_understood_becomes_a_registration)
{
	static const struct {
		int status;
		const char *next;
	} cases[] = { { 400, "PUT" }, { 409, "PUT" }, { 412, "PUT" }, { 415, "PUT" },
		{ 403, "PATCH" }, { 429, "PATCH" }, { 500, "PATCH" }, { 504, "PATCH" },
		{ 100, "PATCH" }, { 302, "PATCH" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start(1);
		register_at_a();
		wait_s(18);
		wants("PATCH", A PATH);
		reply(cases[i].status, "");
		is_due_in(0.79, 1.21);
		wants(cases[i].next, A PATH);
		stop();
	}
}
END_TEST

START_TEST(leaving_is_told_and_coming_back_too)
{
	start(1);
	register_at_a();
	nrf_deregister(n, now);
	ck_assert(!nrf_is_out(n));
	wants("DELETE", A PATH);
	ck_assert_ptr_null(request.body);
	ck_assert_ptr_null(request.content_type);
	reply(204, "");
	ck_assert(nrf_is_out(n));
	ck_assert(tick_is_never(nrf_deadline(n)));
	nrf_register(n, now);
	wants("PUT", A PATH);
	stop();
}
END_TEST

START_TEST(who_leaves_while_a_request_is_under_way_leaves_after_it)
{
	start(1);
	nrf_register(n, now);
	wants("PUT", A PATH);
	nrf_deregister(n, now);
	is_idle();
	ck_assert(!nrf_is_out(n));
	reply(201, "{\"heartBeatTimer\":20}");
	wants("DELETE", A PATH);
	nrf_register(n, now);
	reply(204, "");
	wants("PUT", A PATH);
	stop();
}
END_TEST

START_TEST(an_nrf_that_cannot_be_told_finds_out_by_itself)
{
	start(1);
	register_at_a();
	nrf_deregister(n, now);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(nrf_is_out(n), i > 0); /* who stops does not wait for it */
		now = nrf_deadline(n);
		wants("DELETE", A PATH);
		ck_assert(!nrf_is_out(n));
		reply(500, "");
	}
	ck_assert(nrf_is_out(n));
	ck_assert(tick_is_never(nrf_deadline(n)));
	stop();
}
END_TEST

START_TEST(each_nrf_has_a_life_of_its_own)
{
	uint64_t a;

	start(2);
	nrf_register(n, now);
	wants("PUT", A PATH);
	a = request.id;
	wants("PUT", B PATH);
	ck_assert_uint_eq(request.nrf, 1);
	reply(0, "");
	request.id = a;
	reply(201, "{\"heartBeatTimer\":20}");
	ck_assert_uint_eq(nrf_registrations(n), 1);
	now = nrf_deadline(n);
	wants("PUT", B PATH);
	reply(200, "{\"heartBeatTimer\":100}");
	ck_assert_uint_eq(nrf_registrations(n), 2);
	wait_s(20);
	wants("PATCH", A PATH);
	is_idle();
	stop();
}
END_TEST

START_TEST(a_token_is_asked_for_where_one_is_needed)
{
	start(1);
	nrf_register(n, now);
	wants("PUT", A PATH);
	reply(401, "");
	wants("POST", A "/oauth2/token");
	ck_assert_str_eq(request.content_type, "application/x-www-form-urlencoded");
	ck_assert_str_eq(request.body, "grant_type=client_credentials&nfInstanceId=" US
				       "&nfType=MF&targetNfType=NRF&scope=nnrf-nfm");
	ck_assert_ptr_null(request.authorization);
	reply(200,
		"{\"access_token\":\"aaa.bbb.ccc\",\"token_type\":\"Bearer\",\"expires_in\":65}");
	wants("PUT", A PATH);
	ck_assert_str_eq(request.authorization, "Bearer aaa.bbb.ccc");
	reply(201, "{\"heartBeatTimer\":40}");
	wait_s(36);
	wants("PATCH", A PATH);
	ck_assert_str_eq(request.authorization, "Bearer aaa.bbb.ccc");
	reply(204, "");
	wait_s(36); /* it ends before the next heartbeat */
	wants("POST", A "/oauth2/token");
	reply(200, "{\"access_token\":\"ddd\",\"token_type\":\"bearer\"}");
	wants("PATCH", A PATH);
	ck_assert_str_eq(request.authorization, "Bearer ddd");
	reply(204, "");
	wait_s(36);
	wants("PATCH", A PATH);
	reply(401, ""); /* revoked before its time */
	wants("POST", A "/oauth2/token");
	stop();
}
END_TEST

START_TEST(a_token_that_is_not_taken_is_not_fetched_for_ever)
{
	start(1);
	nrf_register(n, now);
	wants("PUT", A PATH);
	reply(401, "");
	wants("POST", A "/oauth2/token");
	reply(200, "{\"access_token\":\"aaa\",\"token_type\":\"Bearer\"}");
	wants("PUT", A PATH);
	reply(401, "");
	is_due_in(0.79, 1.21);
	wants("POST", A "/oauth2/token");
	stop();
}
END_TEST

START_TEST(answers_without_a_token_are_failures)
{
	static const struct {
		int status;
		const char *body;
	} answers[] = {
		{ 200, "" },
		{ 200, "{}" },
		{ 200, "{\"access_token\":\"a\"}" },
		{ 200, "{\"access_token\":\"\",\"token_type\":\"Bearer\"}" },
		{ 200, "{\"access_token\":\"a\\r\\nX: y\",\"token_type\":\"Bearer\"}" },
		{ 200, "{\"access_token\":\"a\",\"token_type\":\"mac\"}" },
		{ 400, "{\"error\":\"invalid_client\"}" },
		{ 400, "{\"error\":\"\\u001b[31m\"}" },
		{ 401, "" },
		{ 0, "" },
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		start(1);
		nrf_register(n, now);
		wants("PUT", A PATH);
		reply(401, "");
		wants("POST", A "/oauth2/token");
		reply(answers[i].status, answers[i].body);
		is_due_in(0.79, 1.21);
		wants("POST", A "/oauth2/token");
		stop();
	}
}
END_TEST

static void redirect(const char *location)
{
	reply_with(307, (struct nrf_reply){ .location = SPAN_STR(location) });
}

START_TEST(redirects_are_followed_until_something_fails)
{
	start(1);
	nrf_register(n, now);
	wants("PUT", A PATH);
	redirect("https://other.example:99/x" PATH);
	wants("PUT", "https://other.example:99/x" PATH);
	ck_assert_uint_eq(request.nrf, 0);
	reply(201, "{\"heartBeatTimer\":20}");
	wait_s(18);
	wants("PATCH", "https://other.example:99/x" PATH);
	reply(0, "");
	wait_s(2);
	wants("PATCH", A PATH);
	stop();
}
END_TEST

START_TEST(redirects_in_a_circle_or_to_nowhere_are_failures)
{
	static const char *const nowhere[] = { "", "x", PATH, "ftp://x" PATH, "https://x/other",
		"https://x\r\ny" PATH, "https://u:p@x" PATH, "http://plain.example" PATH };

	for (size_t i = 0; i < sizeof(nowhere) / sizeof(*nowhere); i++) {
		start(1);
		nrf_register(n, now);
		wants("PUT", A PATH);
		redirect(nowhere[i]);
		is_due_in(0.79, 1.21);
		wants("PUT", A PATH);
		stop();
	}
	start(1);
	nrf_register(n, now);
	for (int i = 0; i < 4; i++) {
		wants("PUT", i == 0 ? A PATH : "https://b" PATH);
		redirect("https://b" PATH);
	}
	is_due_in(0.79, 1.21);
	wants("PUT", A PATH);
	stop();
}
END_TEST

/* RFC 3986 3.1: a scheme has no case, and one that is written large protects as well. */
START_TEST(redirects_never_lead_from_https_to_http_however_it_is_written)
{
	static const char *const large[] = { "HTTPS://nrf.example" };

	config.roots = large;
	start(1);
	config.roots = roots;
	nrf_register(n, now);
	wants("PUT", "HTTPS://nrf.example" PATH);
	redirect("http://plain.example" PATH);
	is_due_in(0.79, 1.21);
	wants("PUT", "HTTPS://nrf.example" PATH);
	redirect("Https://other.example" PATH);
	wants("PUT", "Https://other.example" PATH);
	stop();
}
END_TEST

START_TEST(answers_to_nobodys_question_are_ignored)
{
	start(1);
	request.id = 0;
	reply(201, "");
	request.id = 99;
	reply(201, "");
	ck_assert_uint_eq(nrf_registrations(n), 0);
	register_at_a();
	reply(404, ""); /* a second time */
	ck_assert_uint_eq(nrf_registrations(n), 1);
	stop();
}
END_TEST

static void whole_life(void)
{
	static const char token[] = "{\"access_token\":\"t\",\"token_type\":\"Bearer\"}";

	if ((n = nrf_create(&config)) == NULL)
		return;
	nrf_register(n, now);
	nrf_ask_key(n, now, ISS, "k1", "ES256");
	for (int i = 0; i < 40; i++) {
		if (!nrf_next_request(n, now, &request)) {
			now = tick_is_never(nrf_deadline(n)) ? now : nrf_deadline(n);
			if (i > 20)
				nrf_deregister(n, now);
			continue;
		}
		if (strstr(request.url, "token") != NULL)
			reply(200, token);
		else if (i == 3)
			redirect("https://b" PATH);
		else
			reply(request.authorization == NULL ? 401 : 200, "{\"heartBeatTimer\":9}");
	}
	nrf_destroy(n);
}

START_TEST(running_out_of_memory_is_survived_and_leaks_nothing)
{
	start(2);
	nrf_destroy(n);
	for (unsigned i = 1;; i++) {
		mem_fail_at(i);
		whole_life();
		ck_assert_int_eq(mem_live(), live);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("nrf");
	TCase *tc = tcase_create("nrf");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, nothing_goes_out_before_it_is_wanted);
	tcase_add_test(tc, the_profile_says_what_we_are);
	tcase_add_test(tc, what_is_configured_besides_is_in_the_profile_too);
	tcase_add_test(tc, heartbeats_keep_the_time_the_nrf_says_and_carry_the_load);
	tcase_add_test(tc, an_nrf_that_says_nothing_sensible_gets_a_heartbeat_every_half_minute);
	tcase_add_test(tc, who_has_forgotten_us_is_told_again);
	tcase_add_test(tc, an_nrf_that_is_down_is_asked_less_and_less_and_comes_back);
	tcase_add_test(tc, retry_after_is_obeyed_within_reason);
	tcase_add_test(tc, a_heartbeat_that_is_not_understood_becomes_a_registration);
	tcase_add_test(tc, leaving_is_told_and_coming_back_too);
	tcase_add_test(tc, who_leaves_while_a_request_is_under_way_leaves_after_it);
	tcase_add_test(tc, an_nrf_that_cannot_be_told_finds_out_by_itself);
	tcase_add_test(tc, each_nrf_has_a_life_of_its_own);
	tcase_add_test(tc, a_token_is_asked_for_where_one_is_needed);
	tcase_add_test(tc, a_token_that_is_not_taken_is_not_fetched_for_ever);
	tcase_add_test(tc, answers_without_a_token_are_failures);
	tcase_add_test(tc, redirects_are_followed_until_something_fails);
	tcase_add_test(tc, redirects_in_a_circle_or_to_nowhere_are_failures);
	tcase_add_test(tc, redirects_never_lead_from_https_to_http_however_it_is_written);
	tcase_add_test(tc, answers_to_nobodys_question_are_ignored);
	tcase_add_test(tc, running_out_of_memory_is_survived_and_leaks_nothing);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(make_suite)
