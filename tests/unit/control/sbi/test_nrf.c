/* test_nrf.c: the node's standing with its NRFs, in virtual time. */
#include "control/sbi/nrf.h"

#include <openssl/x509.h>
#include <stdio.h>

#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "tests/unit/control/sbi/token_forge.h"
#include "tests/unit/main.h"

#define US   "6f1c0c1e-2a7b-4d0f-9a51-3d0f2b7c8e11"
#define ISS  "11111111-2222-4333-8444-555555555555"
#define A    "https://nrf-a.example"
#define B    "https://nrf-b.example:8443/core"
#define PATH "/nnrf-nfm/v1/nf-instances/" US

static const char *const roots[] = { A, B "/" };
static struct nrf_config config = {
	.roots = roots,
	.count = 1,
	.profile = { .nf_instance_id = US,
		.fqdn = "",
		.locality = "dc-east-1",
		.plmn = "",
		.nf_set_id = "",
		.has_tls = true,
		.needs_token = true,
		.capacity = 100000,
		.started_s = 1800000000 },
};

static struct nrf *n;
static tick_t now;
static struct nrf_request request;
static long live;

static void start(unsigned count)
{
	control_init();
	log_set_level(LOG_ERROR);
	live = mem_live();
	now = (tick_t){ TICK_S(1000) };
	config.count = count;
	ck_assert(addr_parse(SPAN_LIT("192.0.2.10:8443"), &config.profile.at));
	n = nrf_create(&config);
	ck_assert_ptr_nonnull(n);
}

static void stop(void)
{
	nrf_destroy(n);
	ck_assert_int_eq(mem_live(), live);
	ck_assert_int_eq(counter_value[CNT_nrf_registered], 0);
}

static void wait_s(int64_t seconds)
{
	now = tick_add(now, TICK_S(seconds));
}

static void wants(const char *method, const char *url)
{
	ck_assert_msg(nrf_next_request(n, now, &request), "nothing where %s is due", method);
	ck_assert_str_eq(request.method, method);
	ck_assert_str_eq(request.url, url);
}

static void is_idle(void)
{
	struct nrf_request other;

	ck_assert_msg(!nrf_next_request(n, now, &other), "%s %s", other.method, other.url);
}

static void reply_with(int status, struct nrf_reply reply)
{
	reply.status = status;
	nrf_reply(n, now, request.id, &reply);
}

static void reply(int status, const char *body)
{
	reply_with(status, (struct nrf_reply){ .failed = status == 0 ? "no answer" : NULL,
				   .body = SPAN_STR(body) });
}

/* The time of the next request lies in between, in seconds from now. */
static void is_due_in(double from, double to)
{
	double due = (double)tick_since(now, nrf_deadline(n)) / 1e6;

	ck_assert_msg(due >= from && due <= to, "due in %f s, not %f to %f", due, from, to);
	is_idle();
	now = nrf_deadline(n);
}

static void register_at_a(void)
{
	nrf_register(n, now);
	wants("PUT", A PATH);
	reply(201, "{\"heartBeatTimer\":20}");
	ck_assert_uint_eq(nrf_registrations(n), 1);
}

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

/* Keys */

static char *raw_key_answer(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	char *text = mem_alloc((size_t)len * 2), *body;

	EVP_EncodeBlock((unsigned char *)text, der, len);
	body = mem_printf("{\"rawPubKey\":\"%s\"}", text);
	OPENSSL_free(der);
	mem_free(text);
	return body;
}

START_TEST(a_key_is_asked_for_once_and_told)
{
	EVP_PKEY *key = forge_ec("P-256");
	struct nrf_key told;
	char *body = raw_key_answer(key), *pem = forge_pem(key);

	start(1);
	nrf_ask_key(n, now, ISS, "k1", "ES256");
	nrf_ask_key(n, now, ISS, "k1", "ES256");
	wants("POST", A "/oauth2/retrieve-key");
	ck_assert_str_eq(request.content_type, "application/json");
	ck_assert_str_eq(request.body, "{\"headerParameters\":{\"alg\":\"ES256\",\"kid\":\"k1\"},"
				       "\"issuer\":\"" ISS "\"}");
	nrf_ask_key(n, now, ISS, "k1", "ES256");
	is_idle();
	ck_assert(!nrf_next_key(n, &told));
	reply(200, body);
	ck_assert(nrf_next_key(n, &told));
	ck_assert_str_eq(told.issuer, ISS);
	ck_assert_str_eq(told.kid, "k1");
	ck_assert_str_eq(told.key.pem, pem);
	ck_assert(!nrf_next_key(n, &told));
	public_key_finish(&told.key);
	nrf_ask_key(n, now, ISS, "", "RS256");
	wants("POST", A "/oauth2/retrieve-key");
	ck_assert_str_eq(
		request.body, "{\"headerParameters\":{\"alg\":\"RS256\"},\"issuer\":\"" ISS "\"}");
	nrf_destroy(n);
	mem_free(body);
	mem_free(pem);
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(a_key_comes_as_a_certificate_in_a_part_of_its_own_too)
{
	static const char type[] =
		"multipart/related; type=\"application/json\"; boundary=\"-xx-\"";
	EVP_PKEY *key = forge_ec("P-256");
	unsigned char *der = NULL, *body;
	int len = i2d_PUBKEY(key, &der);
	char *pem = forge_pem(key), *head;
	struct nrf_key told;
	size_t total;

	head = mem_printf("\r\n---xx-\r\nContent-Type: application/json\r\n\r\n"
			  "{\"x509Cert\":{\"contentId\":\"c1\"}}\r\n---xx-\r\n"
			  "Content-Type: application/pkix-cert\r\nContent-ID: <c1>\r\n\r\n");
	total = strlen(head) + (size_t)len + 12;
	body = mem_alloc(total);
	memcpy(body, head, strlen(head));
	memcpy(body + strlen(head), der, (size_t)len);
	memcpy(body + strlen(head) + len, "\r\n---xx---\r\n", 12);
	start(1);
	for (size_t cut = 0; cut <= 12; cut += 12) {
		nrf_ask_key(n, now, ISS, "k1", "ES256");
		wants("POST", A "/oauth2/retrieve-key");
		reply_with(200, (struct nrf_reply){ .content_type = SPAN_LIT(type),
					.body = SPAN(body, total - cut) });
		ck_assert_int_eq(nrf_next_key(n, &told), cut == 0);
		if (cut != 0)
			break;
		ck_assert_str_eq(told.key.pem, pem);
		public_key_finish(&told.key);
	}
	nrf_destroy(n);
	mem_free(head);
	mem_free(body);
	mem_free(pem);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(keys_that_nobody_knows_make_room_for_one_that_somebody_knows)
{
	char kid[16];

	start(1);
	for (int i = 0; i < 16; i++) {
		snprintf(kid, sizeof(kid), "made up %d", i);
		nrf_ask_key(n, now, ISS, kid, "ES256");
		wants("POST", A "/oauth2/retrieve-key");
		reply(404, "");
	}
	nrf_ask_key(n, now, ISS, "genuine", "ES256");
	is_idle(); /* nor are the NRFs kept busy */
	wait_s(3);
	nrf_ask_key(n, now, ISS, "made up 0", "ES256");
	is_idle();
	nrf_ask_key(n, now, ISS, "genuine", "ES256");
	wants("POST", A "/oauth2/retrieve-key");
	ck_assert_ptr_nonnull(strstr(request.body, "genuine"));
	nrf_destroy(n);
}
END_TEST

START_TEST(where_no_nrf_knows_a_key_nobody_is_asked_again_at_once)
{
	start(2);
	nrf_ask_key(n, now, ISS, "k1", "ES256");
	wants("POST", A "/oauth2/retrieve-key");
	reply(404, "");
	wants("POST", B "/oauth2/retrieve-key");
	reply(200, "{\"rawPubKey\":\"AAAA\"}");
	is_idle();
	nrf_ask_key(n, now, ISS, "k1", "ES256");
	is_idle();
	nrf_ask_key(n, now, ISS, "k2", "ES256"); /* another one is another matter */
	wants("POST", A "/oauth2/retrieve-key");
	wait_s(30);
	nrf_ask_key(n, now, ISS, "k1", "ES256");
	wants("POST", A "/oauth2/retrieve-key");
	stop();
}
END_TEST

START_TEST(keys_that_are_asked_for_are_bounded)
{
	char kid[8];
	int asked = 0;

	start(1);
	for (int i = 0; i < 100; i++) {
		snprintf(kid, sizeof(kid), "%d", i);
		nrf_ask_key(n, now, ISS, kid, "ES256");
	}
	while (nrf_next_request(n, now, &request)) {
		reply(404, "");
		asked++;
	}
	ck_assert_int_eq(asked, 16);
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
	tcase_add_test(tc, a_key_is_asked_for_once_and_told);
	tcase_add_test(tc, a_key_comes_as_a_certificate_in_a_part_of_its_own_too);
	tcase_add_test(tc, keys_that_nobody_knows_make_room_for_one_that_somebody_knows);
	tcase_add_test(tc, where_no_nrf_knows_a_key_nobody_is_asked_again_at_once);
	tcase_add_test(tc, keys_that_are_asked_for_are_bounded);
	tcase_add_test(tc, answers_to_nobodys_question_are_ignored);
	tcase_add_test(tc, running_out_of_memory_is_survived_and_leaks_nothing);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(make_suite)
