/*
 * test_document_server.c: documents that name a server behind a media: what they wish of the relay,
 * what is refused, and what is shown of the server's side.
 */
#include <stdio.h>
#include <string.h>

#include "control/json.h"
#include "control/patch.h"
#include "control/policy/policy.h"
#include "dcmf/base/alloc.h"
#include "tests/unit/control/document/document_samples.h"
#include "tests/unit/control/fake_relay.h"
#include "tests/unit/main.h"

/* JSON with ' for ": the documents of this file are long. */
static json_t *load(const char *text)
{
	char json[4096];
	size_t i = 0;

	for (; text[i] != '\0' && i < sizeof(json) - 1; i++)
		json[i] = (char)(text[i] == '\'' ? '"' : text[i]);
	json[i] = '\0';
	return sample_load(json);
}

#define AT         "'ip':{'ipv4Addr':'10.1.2.3'},'portNumber':4000"
#define STREAM     "'streams':{'1000':{'streamId':1000}}"
#define PRINTS     "'fingerprints':['" FP "']"
#define TOLD       AT "," PRINTS ",'sctpPort':5001,'tlsId':'ServerServerServer20','securitySetup':"
#define MDC2(p, e) "'mdc2Info':{'mdc2Protocol':'" p "','remoteMdc2Endpoint':{" e "}}"
#define MDC1(e)    "'mdc1Info':{'remoteMdc1Endpoint':{" e "}}"
#define ENDED      "'mediaProxyConfig':'DC_APPLICATION_PROXY'," STREAM ","
#define PASSED     "'mediaProxyConfig':'UDP_PROXY'," STREAM ","
#define FETCHED                                                                                 \
	"'mediaProxyConfig':'HTTP_PROXY'," STREAM ",'replaceHttpUrl':{'1000':{'streamId':1000," \
	"'replaceHttpUrl':'https://as.example/app'}},"
#define ICE "'ice':{'ufrag':'abcd','pwd':'aaaaaaaaaaaaaaaaaaaaaa'"

static struct policy policy; /* 10.0.0.0/8 is ours */
static struct document_rules rules;

static void set_up(void)
{
	const char *why;

	ck_assert(policy_add_network(&policy, SPAN_LIT("10.0.0.0/8"), &why));
	rules = sample_rules;
	rules.policy = &policy;
	rules.mdc2_plain.operator_networks = true;
	rules.mdc1_plain.operator_networks = true;
}

static void tear_down(void)
{
	policy_finish(&policy);
}

static json_t *document(const char *dc, const char *dcmf)
{
	char text[3500];

	snprintf(text, sizeof(text),
		"{'terminations':[{'terminationId':'ue','medias':[{'mediaId':'m',"
		"'mediaResourceType':'DC','dcMedia':{%s},'dcmf':{%s}}]}]}",
		dc, dcmf);
	return load(text);
}

static json_t *media_of(const json_t *doc)
{
	return json_array_get(
		json_object_get(json_array_get(json_object_get(doc, "terminations"), 0), "medias"),
		0);
}

/* Checks and decodes. False: *p says why. */
static bool wish_of(json_t *doc, struct context_spec *spec, struct problem *p)
{
	bool rel18;

	return document_check(doc, &rules, &rel18, p) &&
	       document_decode(doc, &rules, NULL, spec, p);
}

static void expect_wish(const char *dc, const char *dcmf, const char *part)
{
	struct problem p = { .kind = PROBLEM_NONE };
	char wish[FAKE_WISH_MAX];
	struct context_spec spec;
	json_t *doc = document(dc, dcmf);

	ck_assert_msg(wish_of(doc, &spec, &p), "%s %s: %s", dc, dcmf, p.detail);
	fake_wish(&spec, wish);
	ck_assert_msg(strstr(wish, part) != NULL, "%s\n%s", wish, part);
	context_spec_finish(&spec);
	json_decref(doc);
}

static void expect_refused(
	const char *dc, const char *dcmf, enum problem_kind kind, const char *words)
{
	struct problem p = { .kind = PROBLEM_NONE };
	struct context_spec spec;
	json_t *doc = document(dc, dcmf);

	ck_assert_msg(!wish_of(doc, &spec, &p), "%s %s", dc, dcmf);
	ck_assert_msg(p.kind == kind, "%d: %s", p.kind, p.detail);
	ck_assert_msg(strstr(p.detail, words) != NULL, "\"%s\" lacks \"%s\"", p.detail, words);
	problem_finish(&p);
	json_decref(doc);
}

/* ---- wishes ---- */

#define FAR(p, rest) " ue{m " p " if=- at=MDC2 remote=" rest

START_TEST(a_server_that_speaks_data_channels_is_a_second_side)
{
	static const char far[] = "10.1.2.3:4000 ice=- fp=1 setup=passive sctp=5001 max=65536 "
				  "tls=ServerServerServer20 dcep=no 1000[ordered reliable 256 "
				  "label=text -]}";
	char part[400];

	snprintf(part, sizeof(part), "label=text -]}" FAR("dc", "%s"), far);
	expect_wish(
		ENDED MDC2("UDP/DTLS/SCTP", TOLD "'PASSIVE'"), "'labels':{'1000':'text'}", part);
	expect_wish(ENDED MDC2("UDP/DTLS/SCTP", AT), "'acceptDcep':true",
		FAR("dc",
			"10.1.2.3:4000 ice=- fp=0 setup=none sctp=5000 max=65536 tls=- dcep=yes"));
	expect_wish(ENDED MDC2("UDP/DTLS/SCTP", AT ",'fingerprint':'" FP_LOWER "'"), "", " fp=1 ");
}
END_TEST

/* One that is not known counts as foreign: only a rule can let its channels end here. */
START_TEST(a_server_that_is_not_known_yet_has_its_side_already)
{
	static const char dc[] = ENDED "'mdc2Info':{'mdc2Protocol':'UDP/DTLS/SCTP'}";
	const char *why;

	expect_refused(dc, "", PROBLEM_SECURITY_POLICY, "DTLS is to pass (e2e)");
	ck_assert(policy_rule_set(policy_add_rule(&policy), "then", "e2ae", &why));
	expect_wish(dc, "", FAR("dc", "- ice=- fp=0 setup=none"));
}
END_TEST

START_TEST(what_passes_through_has_a_second_side_too)
{
	const char *why;
	struct policy_rule *r = policy_add_rule(&policy);

	ck_assert(policy_rule_set(r, "then", "e2e", &why));
	expect_wish(PASSED MDC2("UDP/DTLS/SCTP", TOLD "'ACTIVE'"), "",
		FAR("udp", "10.1.2.3:4000 ice=- fp=1 setup=active sctp=5001"));
	expect_wish(PASSED MDC2("UDP", AT), "", FAR("udp", "10.1.2.3:4000 ice=- fp=0"));
	expect_wish(PASSED "'mdc2Info':{'remoteMdc2Endpoint':{" AT "}}", "",
		FAR("udp", "10.1.2.3:4000"));
}
END_TEST

START_TEST(the_dcsf_may_speak_data_channels_where_a_rule_lets_them_go_there)
{
	expect_wish(
		"'mediaProxyConfig':'DC_APPLICATION_PROXY','streams':{'0':{'streamId':0}}," MDC1(
			TOLD "'ACTPASS'"),
		"", " ue{m dc if=- at=MDC1 remote=10.1.2.3:4000 ice=- fp=1 setup=actpass");
	expect_refused("'mediaProxyConfig':'UDP_PROXY','streams':{'0':{'streamId':0}}," MDC1(
			       TOLD "'ACTPASS'"),
		"", PROBLEM_SECURITY_POLICY, "bdc ends here");
}
END_TEST

START_TEST(a_rule_lets_bootstrap_channels_pass_to_the_dcsf)
{
	const char *why;
	struct policy_rule *r = policy_add_rule(&policy);

	ck_assert(policy_rule_match(r, "kind", "bdc", &why));
	ck_assert(policy_rule_set(r, "then", "e2e", &why));
	expect_wish("'mediaProxyConfig':'UDP_PROXY','streams':{'0':{'streamId':0}}," MDC1(
			    TOLD "'PASSIVE'"),
		"", " ue{m udp if=- at=MDC1 remote=10.1.2.3:4000 ice=- fp=1 setup=passive");
}
END_TEST

START_TEST(ice_toward_a_server_is_its_own_affair)
{
	expect_wish(ENDED MDC2("UDP/DTLS/SCTP", AT), "'mdc2':{" ICE "},'interface':'core'}",
		" ue{m dc if=core at=MDC2 remote=10.1.2.3:4000 ice=abcd:aaaaaaaaaaaaaaaaaaaaaa "
		"fp=0");
	expect_wish(ENDED MDC2("UDP/DTLS/SCTP", AT), "'mdc2':{" ICE ",'lite':true}}",
		"ice=abcd:aaaaaaaaaaaaaaaaaaaaaa? fp=0");
	expect_wish(ENDED MDC2("UDP/DTLS/SCTP", AT), "'mdc2':{" ICE ",'restart':true}}",
		"ice=abcd:aaaaaaaaaaaaaaaaaaaaaa! fp=0");
	expect_wish(ENDED MDC2("UDP/DTLS/SCTP", AT), "'mdc2':{'ice':{}}", "ice=: fp=0");
	expect_wish(ENDED MDC2("UDP/DTLS/SCTP", AT), "'mdc2':{'maxMessageSize':1000}",
		" max=1000 tls=-");
	expect_wish(ENDED MDC1(TOLD "'ACTIVE'"), "'mdc1':{" ICE "}}", "ice=abcd:");
	expect_refused(ENDED MDC2("UDP/DTLS/SCTP", AT), "'mdc2':{" ICE ",'gather':true}}",
		PROBLEM_NOT_BUILT, "/dcmf/mdc2/ice/gather: addresses behind a NAT");
	expect_refused(ENDED MDC2("UDP/DTLS/SCTP", AT), "'mdc2':{'ice':{'ufrag':'abcd'}}",
		PROBLEM_OPTIONAL_INCORRECT, "/dcmf/mdc2/ice: ufrag and pwd come together");
}
END_TEST

START_TEST(http_goes_to_mdc2_as_it_goes_to_mdc1)
{
	expect_wish(
		FETCHED MDC2("TCP/TLS", AT), "", "1000>https://as.example/app@10.1.2.3:4000/MDC2}");
	expect_wish(FETCHED "'mdc2Info':{'remoteMdc2Endpoint':{" AT "}}", "", "/MDC2}");
	expect_wish(FETCHED MDC1(AT), "", "1000>https://as.example/app@10.1.2.3:4000}");
	expect_wish("'mediaProxyConfig':'HTTP_PROXY'," STREAM "," MDC2("TCP/TLS", AT), "",
		" 1000[ordered reliable 256 label=- -]}");
	expect_refused(FETCHED MDC2("TCP", AT), "", PROBLEM_OPTIONAL_INCORRECT,
		"replaceHttpUrl/1000: the URL and mdc2Protocol TCP contradict each other");
	expect_refused(FETCHED "'mdc2Info':{'mdc2Protocol':'TCP/TLS'}", "",
		PROBLEM_OPTIONAL_INCORRECT, "the host as.example has no address");
}
END_TEST

START_TEST(plain_http_on_mdc2_needs_its_own_permission)
{
	static const char plain[] = "'mediaProxyConfig':'HTTP_PROXY'," STREAM
				    ",'replaceHttpUrl':{'1000':{'streamId':1000,"
				    "'replaceHttpUrl':'http://10.1.2.3/'}}," MDC2("TCP", AT);

	expect_wish(plain, "", "/MDC2}");
	rules.mdc2_plain.operator_networks = false;
	expect_refused(plain, "", PROBLEM_SECURITY_POLICY,
		"mdc2.allow_plain forbids plain TCP to 10.1.2.3:4000");
}
END_TEST

/* A policy allows it; until the relay has the connection, 501 says so. */
START_TEST(links_are_wished_for_or_refused_by_what_is_wrong_with_them)
{
	static const struct {
		const char *dc, *dcmf, *words;
	} wrong[] = {
		{ ENDED MDC2("TCP", AT "," PRINTS), "", "only DTLS and TCP/TLS have certificates" },
		{ ENDED MDC2("TCP", AT ",'sctpPort':5"), "", "sctpPort: only data channels" },
		{ ENDED MDC2("TCP/TLS", AT ",'securitySetup':'ACTIVE'"), "",
			"securitySetup: only data channels" },
		{ ENDED MDC2("UDP", AT ",'tlsId':'ServerServerServer20'"), "", "tlsId: only data" },
		{ ENDED MDC2("TCP", AT), "'mdc2':{" ICE "}}", "dcmf/mdc2/ice: only what goes" },
		{ ENDED MDC2("TCP", AT), "'mdc2':{'interface':'a'}", "dcmf/mdc2/interface: " },
		{ ENDED MDC2("TCP", AT), "'mdc2':{'serverName':'a'}", "only TCP/TLS verifies it" },
		{ ENDED MDC2("UDP/DTLS/SCTP", AT), "'mdc2':{'serverName':'a'}", "only TCP/TLS" },
		{ ENDED MDC2("UDP", AT), "'acceptDcep':true",
			"dcmf/acceptDcep: UDP carries the messages of one stream: no other" },
		{ "'mediaProxyConfig':'DC_APPLICATION_PROXY','streams':{'1000':{'streamId':1000},"
		  "'1001':{'streamId':1001}}," MDC2("UDP", AT),
			"", "dcMedia/streams: UDP carries the messages of one stream: exactly" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect_refused(
			wrong[i].dc, wrong[i].dcmf, PROBLEM_OPTIONAL_INCORRECT, wrong[i].words);
}
END_TEST

START_TEST(what_contradicts_itself_is_named)
{
	static const struct {
		const char *dc, *dcmf;
		enum problem_kind kind;
		const char *words;
	} wrong[] = {
		{ ENDED "'mdc2Info':{}", "", PROBLEM_OPTIONAL_INCORRECT,
			"/dcMedia/mdc2Info/mdc2Protocol: missing: with DC_APPLICATION_PROXY" },
		{ ENDED MDC2("PIGEON", AT), "", PROBLEM_NOT_BUILT, "PIGEON is not served" },
		{ FETCHED MDC2("UDP", AT), "", PROBLEM_OPTIONAL_INCORRECT,
			"HTTP goes over TCP, not over UDP" },
		{ FETCHED MDC2("SCTP/DTLS", AT), "", PROBLEM_OPTIONAL_INCORRECT,
			"HTTP goes over TCP, not over SCTP/DTLS" },
		{ PASSED MDC2("TCP/TLS", AT), "", PROBLEM_OPTIONAL_INCORRECT,
			"what passes through goes over UDP, not over TCP/TLS" },
		{ ENDED MDC2("SCTP/DTLS", AT), "", PROBLEM_NOT_BUILT,
			"/dcMedia/mdc2Info/mdc2Protocol: SCTP straight on IP is not built" },
		{ ENDED MDC2("UDP/DTLS/SCTP", AT) "," MDC1(AT), "", PROBLEM_NOT_BUILT,
			"a media goes to one server: mdc1Info or mdc2Info" },
		{ ENDED MDC2("UDP/DTLS/SCTP", AT ",'fingerprints':['" SHA1 "']"), "",
			PROBLEM_SECURITY_POLICY, "the hash function is too weak" },
		{ ENDED MDC2("UDP/DTLS/SCTP", AT ",'sctpPort':0"), "", PROBLEM_OPTIONAL_INCORRECT,
			"port 0 means a closed association" },
		{ ENDED MDC2("UDP/DTLS/SCTP", AT ",'securitySetup':'HOLDCONN'"), "",
			PROBLEM_NOT_BUILT, "HOLDCONN is not served" },
		{ ENDED MDC2("UDP/DTLS/SCTP", AT ",'transport':'UDP'"), "",
			PROBLEM_OPTIONAL_INCORRECT, "transport: there is no such attribute" },
		{ FETCHED MDC2("TCP/TLS", AT "," PRINTS), "", PROBLEM_OPTIONAL_INCORRECT,
			"HTTPS is trusted by its authority" },
		{ FETCHED MDC2("TCP/TLS", AT), "'mdc2':{'serverName':'a'}",
			PROBLEM_OPTIONAL_INCORRECT, "serverName: the URL names the host" },
		{ FETCHED MDC2("TCP/TLS", AT), "'mdc2':{'maxMessageSize':5}",
			PROBLEM_OPTIONAL_INCORRECT, "maxMessageSize: HTTP has no messages" },
		{ ENDED MDC2("UDP/DTLS/SCTP", AT), "'mdc1':{'protocol':'TCP'}",
			PROBLEM_OPTIONAL_INCORRECT, "/dcmf/mdc1: no server at MDC1 is named" },
		{ ENDED MDC1(AT), "'mdc2':{}", PROBLEM_OPTIONAL_INCORRECT,
			"/dcmf/mdc2: no server at MDC2 is named" },
		{ ENDED MDC2("UDP/DTLS/SCTP", AT), "'mdc2':{'protocol':'TCP'}",
			PROBLEM_OPTIONAL_INCORRECT, "/dcmf/mdc2/protocol: there is no such" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect_refused(wrong[i].dc, wrong[i].dcmf, wrong[i].kind, wrong[i].words);
}
END_TEST

START_TEST(a_media_with_a_server_is_joined_with_no_other)
{
	struct problem p = { .kind = PROBLEM_NONE };
	struct context_spec spec;
	json_t *doc = document(ENDED MDC2("UDP/DTLS/SCTP", AT), "");
	json_t *media = media_of(doc);

	js_put_text(media, "associatedMediaId", "n");
	ck_assert(!wish_of(doc, &spec, &p));
	ck_assert_ptr_nonnull(strstr(p.detail, "associatedMediaId: a media that goes to a server"));
	problem_finish(&p);
	json_decref(doc);
}
END_TEST

/* P2A2P: two phones, each with its own way to the application. */
START_TEST(two_legs_of_one_application_do_not_become_twins)
{
	static const char leg[] = "{'terminationId':'%s','medias':[{'mediaId':'m',"
				  "'mediaResourceType':'DC','dcMedia':{%s}}]}";
	char a[1000], b[1000], text[2500], wish[FAKE_WISH_MAX];
	struct problem p = { .kind = PROBLEM_NONE };
	struct context_spec spec;
	json_t *doc;

	snprintf(a, sizeof(a), leg, "a", ENDED MDC2("UDP/DTLS/SCTP", AT));
	snprintf(b, sizeof(b), leg, "b", ENDED MDC2("UDP/DTLS/SCTP", AT));
	snprintf(text, sizeof(text), "{'terminations':[%s,%s]}", a, b);
	doc = load(text);
	ck_assert_msg(wish_of(doc, &spec, &p), "%s", p.detail);
	ck_assert_uint_eq(spec.termination_count, 4);
	ck_assert(!spec.terminations[1].at_server && spec.terminations[2].at_server);
	fake_wish(&spec, wish);
	ck_assert_ptr_nonnull(strstr(wish, " a{m dc if=- at=MDC2"));
	ck_assert_ptr_nonnull(strstr(wish, " b{m dc if=- at=MDC2"));
	for (unsigned t = 0; t < 2; t++) {
		for (unsigned u = 0; u < 4; u++)
			ck_assert_int_eq(media_specs_are_twins(spec.terminations[t].termination_id,
						 &spec.terminations[t].medias[0],
						 spec.terminations[u].termination_id,
						 &spec.terminations[u].medias[0]),
				u == t + 2);
	}
	context_spec_finish(&spec);
	json_decref(doc);
}
END_TEST

/* ---- the early shape ---- */

START_TEST(the_early_shape_says_it_flat_and_is_answered_so)
{
	struct problem p = { .kind = PROBLEM_NONE };
	json_t *doc =
		document("'mediaProxyConfig':'UDP'," STREAM ",'mdc2Protocol':'UDP/DTLS/SCTP',"
			 "'remoteMdc2Endpoint':{'ip':{'ipv4Addr':'203.0.113.9'},'transport':'UDP',"
			 "'portNumber':4000}",
			"");
	json_t *early, *dc;
	struct context_spec spec;
	char wish[FAKE_WISH_MAX];

	ck_assert_msg(wish_of(doc, &spec, &p), "%s", p.detail);
	fake_wish(&spec, wish);
	ck_assert_ptr_nonnull(strstr(wish, FAR("udp", "203.0.113.9:4000")));
	context_spec_finish(&spec);
	js_put(json_object_get(json_object_get(media_of(doc), "dcMedia"), "mdc2Info"),
		"localMdc2Endpoint", load("{" TOLD "'PASSIVE'}"));
	early = document_to_rel18(doc);
	dc = json_object_get(media_of(early), "dcMedia");
	ck_assert_str_eq(js_get_text(dc, "mdc2Protocol"), "UDP/DTLS/SCTP");
	ck_assert_str_eq(
		js_get_text(json_object_get(dc, "remoteMdc2Endpoint"), "transport"), "UDP");
	ck_assert_str_eq(js_get_text(json_object_get(dc, "localMdc2Endpoint"), "transport"), "UDP");
	ck_assert_str_eq(js_get_text(json_object_get(dc, "localMdc2Endpoint"), "fingerprint"), FP);
	ck_assert_ptr_null(json_object_get(dc, "mdc2Info"));
	json_decref(early);
	json_decref(doc);
}
END_TEST

/* What it says is taken back. */
START_TEST(the_early_shape_of_a_server_is_accepted_again)
{
	static const struct {
		const char *dc, *dcmf, *at, *transport;
	} rows[] = {
		{ ENDED MDC1(AT), "'mdc1':{'protocol':'TCP/TLS'}", "remoteMdc1Endpoint", "TCP" },
		{ ENDED MDC1(AT), "'mdc1':{'protocol':'UDP'}", "remoteMdc1Endpoint", "UDP" },
		{ ENDED MDC1(AT), "", "remoteMdc1Endpoint", "UDP" },
		{ FETCHED MDC1(AT), "", "remoteMdc1Endpoint", "TCP" },
		{ ENDED MDC2("TCP", AT), "", "remoteMdc2Endpoint", "TCP" },
		{ ENDED MDC2("UDP/DTLS/SCTP", AT), "", "remoteMdc2Endpoint", "UDP" },
		{ FETCHED MDC2("TCP/TLS", AT), "", "remoteMdc2Endpoint", "TCP" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *doc = document(rows[i].dc, rows[i].dcmf), *early;
		struct problem p = { .kind = PROBLEM_NONE };
		bool rel18;

		ck_assert_msg(document_check(doc, &rules, &rel18, &p), "%s", p.detail);
		early = document_to_rel18(doc);
		ck_assert_str_eq(
			js_get_text(json_object_get(json_object_get(media_of(early), "dcMedia"),
					    rows[i].at),
				"transport"),
			rows[i].transport);
		ck_assert_msg(document_check(early, &rules, &rel18, &p), "%zu: %s", i, p.detail);
		json_decref(early);
		json_decref(doc);
	}
}
END_TEST

START_TEST(the_transport_of_the_early_shape_must_fit)
{
	expect_refused("'mediaProxyConfig':'UDP'," STREAM ",'remoteMdc2Endpoint':{" AT
		       ",'transport':'TCP'}",
		"", PROBLEM_NOT_BUILT,
		"/dcMedia/remoteMdc2Endpoint/transport: the server is reached over UDP");
	expect_refused("'mediaProxyConfig':'HTTP'," STREAM ",'remoteMdc1Endpoint':{" AT
		       ",'transport':'UDP'}",
		"", PROBLEM_NOT_BUILT,
		"/dcMedia/remoteMdc1Endpoint/transport: the server is reached over TCP");
}
END_TEST

/* ---- what is shown ---- */

struct shown {
	struct relay *relay;
	struct relay_context *context;
	json_t *doc;
};

static void show_begin(struct shown *s, const char *dc, const char *dcmf)
{
	struct problem p = { .kind = PROBLEM_NONE };
	struct relay_refusal refusal;
	struct context_spec spec;

	s->relay = fake_relay_create();
	s->doc = document(dc, dcmf);
	ck_assert_msg(wish_of(s->doc, &spec, &p), "%s", p.detail);
	s->context = relay_context_create(s->relay, (tick_t){ 0 }, "3-abc", &spec, &refusal);
	context_spec_finish(&spec);
}

static void show_end(struct shown *s)
{
	json_decref(s->doc);
	fake_relay_destroy(s->relay);
}

static void is_json(const json_t *value, const char *text)
{
	json_t *wanted = load(text);

	ck_assert_msg(json_equal(value, wanted), "%s", json_dumps(value, 0));
	json_decref(wanted);
}

#define GATEWAY_FP                                                                               \
	"SHA-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:" \
	"AB:AB:AB:AB:AB:AB"

START_TEST(the_server_is_told_our_side_toward_it)
{
	struct shown s;
	json_t *doc, *media;

	show_begin(&s, ENDED MDC2("UDP/DTLS/SCTP", TOLD "'ACTIVE'"),
		"'mdc2':{" ICE "},'maxMessageSize':9000,'interface':'core'}");
	doc = document_show(s.doc, s.relay, s.context);
	media = media_of(doc);
	is_json(json_object_get(json_object_get(json_object_get(media, "dcMedia"), "mdc2Info"),
			"localMdc2Endpoint"),
		"{'ip':{'ipv4Addr':'198.51.100.7'},'portNumber':20100,'sctpPort':5000,"
		"'fingerprints':['" GATEWAY_FP "'],'tlsId':'0123456789abcdef01234567',"
		"'securitySetup':'PASSIVE'}");
	is_json(json_object_get(json_object_get(media, "dcmf"), "mdc2"),
		"{'ice':{'ufrag':'oursoursours','pwd':'ourpasswordourpassword24','lite':true,"
		"'candidates':['candidate:1 1 UDP 2130706431 198.51.100.7 20100 typ host']},"
		"'maxMessageSize':262144,'interface':'core'}");
	json_decref(doc);
	show_end(&s);
}
END_TEST

START_TEST(toward_a_lite_server_we_are_not_lite)
{
	struct shown s;
	json_t *doc;

	show_begin(&s, ENDED MDC2("UDP/DTLS/SCTP", AT), "'mdc2':{" ICE ",'lite':true}}");
	doc = document_show(s.doc, s.relay, s.context);
	ck_assert(json_is_false(json_object_get(
		json_object_get(
			json_object_get(json_object_get(media_of(doc), "dcmf"), "mdc2"), "ice"),
		"lite")));
	json_decref(doc);
	show_end(&s);
}
END_TEST

START_TEST(what_was_shown_of_a_server_can_be_sent_back_without_harm)
{
	struct problem p = { .kind = PROBLEM_NONE };
	struct shown s;
	json_t *doc, *echo;
	bool rel18;

	show_begin(&s, ENDED MDC2("UDP/DTLS/SCTP", TOLD "'ACTIVE'"),
		_i ? "'mdc2':{" ICE "},'maxMessageSize':9000,'interface':'core'}" : "");
	doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
	echo = json_deep_copy(doc);
	ck_assert(document_forget_echo(echo, s.doc, doc));
	ck_assert_msg(document_check(echo, &rules, &rel18, &p), "%s", p.detail);
	json_object_del(json_object_get(media_of(echo), "dcMedia"), "maxMessageSize");
	ck_assert_msg(json_equal(json_object_get(media_of(echo), "dcMedia"),
			      json_object_get(media_of(s.doc), "dcMedia")),
		"%s", json_dumps(echo, 0));
	ck_assert(json_equal(json_object_get(json_object_get(media_of(echo), "dcmf"), "mdc2"),
			  json_object_get(json_object_get(media_of(s.doc), "dcmf"), "mdc2")) ||
		  !_i);
	json_decref(echo);
	json_decref(doc);
	show_end(&s);
}
END_TEST

START_TEST(the_status_tells_both_sides_and_what_protects_each_hop)
{
	struct shown s;
	json_t *doc, *status, *server;

	show_begin(&s, ENDED MDC2("UDP/DTLS/SCTP", TOLD "'ACTIVE'"), "");
	fake_relay(s.relay)->state = LEG_OPEN;
	fake_relay(s.relay)->secured = true;
	doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
	status = json_object_get(json_object_get(media_of(doc), "dcmf"), "status");
	server = json_object_get(status, "server");
	ck_assert_str_eq(js_get_text(server, "hop"), "MDC2");
	ck_assert_str_eq(js_get_text(server, "state"), "open");
	ck_assert_str_eq(
		js_get_text(json_object_get(server, "endpoints"), "bound"), "127.0.0.1:20100");
	ck_assert_uint_eq(json_array_size(json_object_get(server, "channels")), 1);
	is_json(json_object_get(status, "protection"),
		"[{'hop':'Mb','protocol':'DTLSv1.2','cipher':'ECDHE-ECDSA-AES128-GCM-SHA256',"
		"'peer':'certificate fingerprint','self':'certificate fingerprint'},"
		"{'hop':'MDC2','protocol':'DTLSv1.2','cipher':'ECDHE-ECDSA-AES128-GCM-SHA256',"
		"'peer':'certificate fingerprint','self':'certificate fingerprint'}]");
	json_decref(doc);
	show_end(&s);
}
END_TEST

START_TEST(a_connection_is_told_with_both_ends_and_what_guards_it)
{
	struct fingerprint print = { .hash = HASH_SHA256, .len = 32 };
	struct addr local = { .ip = { 10, 1, 2, 9 }, .port = 40000, .family = ADDR_IPV4 };
	struct link_spec spec = { .protocol = LINK_TLS,
		.hop = HOP_MDC2,
		.remote = { .ip = { 10, 1, 2, 3 }, .port = 4000, .family = ADDR_IPV4 },
		.fingerprints = &print,
		.fingerprint_count = 1 };
	struct link_view link = { .spec = &spec,
		.state = LINK_OPEN,
		.local = &local,
		.protection = "TLSv1.3 TLS_AES_128_GCM_SHA256 certificate",
		.messages_in = 1,
		.messages_out = 2,
		.bytes_in = 3,
		.bytes_out = 4 };
	struct shown s;
	json_t *doc, *status;

	show_begin(&s, ENDED MDC2("TCP/TLS", AT "," PRINTS), "");
	fake_relay(s.relay)->link = &link;
	doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
	status = json_object_get(json_object_get(media_of(doc), "dcmf"), "status");
	is_json(json_object_get(status, "server"),
		"{'hop':'MDC2','protocol':'TCP/TLS','state':'open','endpoints':{'remote':"
		"'10.1.2.3:4000','local':'10.1.2.9:40000'},'traffic':{'messagesIn':1,"
		"'messagesOut':2,'bytesIn':3,'bytesOut':4}}");
	is_json(json_array_get(json_object_get(status, "protection"), 1),
		"{'hop':'MDC2','protocol':'TLSv1.3','cipher':'TLS_AES_128_GCM_SHA256','peer':"
		"'certificate fingerprint','self':'certificate'}");
	is_json(json_object_get(
			json_object_get(json_object_get(media_of(doc), "dcMedia"), "mdc2Info"),
			"localMdc2Endpoint"),
		"{'ip':{'ipv4Addr':'10.1.2.9'},'portNumber':40000}");
	json_decref(doc);
	link.state = LINK_WAITING;
	link.local = NULL;
	link.protection = NULL;
	link.failure = "connection refused";
	doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
	status = json_object_get(json_object_get(media_of(doc), "dcmf"), "status");
	ck_assert_str_eq(
		js_get_text(json_object_get(status, "server"), "reasonText"), "connection refused");
	is_json(json_array_get(json_object_get(status, "protection"), 1),
		"{'hop':'MDC2','protocol':'not established'}");
	json_decref(doc);
	show_end(&s);
}
END_TEST

START_TEST(https_is_told_with_who_knows_whom)
{
	static const struct {
		const char *upstream, *told;
	} rows[] = {
		{ "none", "{'hop':'MDC1','protocol':'none'}" },
		{ "TLSv1.3 TLS_AES_256_GCM_SHA384",
			"{'hop':'MDC1','protocol':'TLSv1.3','cipher':'TLS_AES_256_GCM_SHA384',"
			"'peer':'certificate authority and host name'}" },
		{ "TLSv1.3 TLS_AES_256_GCM_SHA384 certificate",
			"{'hop':'MDC1','protocol':'TLSv1.3','cipher':'TLS_AES_256_GCM_SHA384',"
			"'peer':'certificate authority and host name','self':'certificate'}" },
	};
	struct shown s;
	json_t *doc, *status;

	show_begin(&s, FETCHED MDC2("TCP/TLS", AT), "");
	fake_relay(s.relay)->upstream_protection = rows[_i].upstream;
	doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
	status = json_object_get(json_object_get(media_of(doc), "dcmf"), "status");
	is_json(json_array_get(json_object_get(status, "protection"), 1), rows[_i].told);
	ck_assert_ptr_null(json_object_get(status, "server"));
	json_decref(doc);
	show_end(&s);
}
END_TEST

/* ---- memory ---- */

START_TEST(any_allocation_may_fail)
{
	struct shown s;
	json_t *doc;

	show_begin(&s, ENDED MDC2("UDP/DTLS/SCTP", TOLD "'ACTIVE'"), "'mdc2':{" ICE "}}");
	for (unsigned long n = 1;; n++) {
		struct problem p = { .kind = PROBLEM_NONE };
		struct context_spec spec;
		long live = mem_live();
		bool done;

		mem_fail_at(n);
		done = document_decode(s.doc, &rules, NULL, &spec, &p);
		if (done)
			context_spec_finish(&spec);
		doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
		ck_assert(done || p.kind == PROBLEM_NO_RESOURCES);
		json_decref(doc);
		problem_finish(&p);
		ck_assert_int_eq(mem_live(), live);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
	show_end(&s);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("document_server");
	TCase *t = tcase_create("document_server");

	control_init();
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_server_that_speaks_data_channels_is_a_second_side);
	tcase_add_test(t, a_server_that_is_not_known_yet_has_its_side_already);
	tcase_add_test(t, what_passes_through_has_a_second_side_too);
	tcase_add_test(t, the_dcsf_may_speak_data_channels_where_a_rule_lets_them_go_there);
	tcase_add_test(t, a_rule_lets_bootstrap_channels_pass_to_the_dcsf);
	tcase_add_test(t, ice_toward_a_server_is_its_own_affair);
	tcase_add_test(t, http_goes_to_mdc2_as_it_goes_to_mdc1);
	tcase_add_test(t, plain_http_on_mdc2_needs_its_own_permission);
	tcase_add_test(t, links_are_wished_for_or_refused_by_what_is_wrong_with_them);
	tcase_add_test(t, what_contradicts_itself_is_named);
	tcase_add_test(t, a_media_with_a_server_is_joined_with_no_other);
	tcase_add_test(t, two_legs_of_one_application_do_not_become_twins);
	tcase_add_test(t, the_early_shape_says_it_flat_and_is_answered_so);
	tcase_add_test(t, the_early_shape_of_a_server_is_accepted_again);
	tcase_add_test(t, the_transport_of_the_early_shape_must_fit);
	tcase_add_test(t, the_server_is_told_our_side_toward_it);
	tcase_add_test(t, toward_a_lite_server_we_are_not_lite);
	tcase_add_loop_test(t, what_was_shown_of_a_server_can_be_sent_back_without_harm, 0, 2);
	tcase_add_test(t, the_status_tells_both_sides_and_what_protects_each_hop);
	tcase_add_test(t, a_connection_is_told_with_both_ends_and_what_guards_it);
	tcase_add_loop_test(t, https_is_told_with_who_knows_whom, 0, 3);
	tcase_add_test(t, any_allocation_may_fail);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
