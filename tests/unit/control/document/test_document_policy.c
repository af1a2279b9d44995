/* test_document_policy.c: what documents ask of the policy, and what they are told. */
#include "tests/unit/main.h"

#include <stdio.h>
#include <string.h>

#include "control/json.h"
#include "control/patch.h"
#include "control/policy/policy.h"
#include "tests/unit/control/document/document_samples.h"

#define INSIDE  "10.1.2.3"
#define OUTSIDE "203.0.113.5"
#define SERVER(ip, protocol)                                                               \
	"\"mdc2Info\":{\"mdc2Protocol\":\"" protocol "\",\"remoteMdc2Endpoint\":{\"ip\":{" \
	"\"ipv4Addr\":\"" ip "\"},\"portNumber\":5000}}"
#define STREAM(sid)        "\"streams\":{\"" sid "\":{\"streamId\":" sid "}}"
#define DC(proxy, members) "{\"mediaProxyConfig\":\"" proxy "\"," members "}"
#define MEDIA(id, dc, members) \
	"{\"mediaId\":\"" id "\",\"mediaResourceType\":\"DC\",\"dcMedia\":" dc members "}"
#define TERMINATION(id, medias) "{\"terminationId\":\"" id "\",\"medias\":[" medias "]}"
#define ONE(dc)                 "{\"terminations\":[" TERMINATION("ue", MEDIA("m", dc, "")) "]}"

static char verdicts[2048];

/* "0/1:1000 bdc e2ae built-in tail: bdc ends here; " */
static void note(void *arg, const struct document_verdict *v)
{
	size_t len = strlen(verdicts);
	const char *topology = policy_word("topology", v->question->topology);

	snprintf(verdicts + len, sizeof(verdicts) - len, "%u/%u:%d %s%s%s %s %s; ", v->termination,
		v->media, (int)v->sid, policy_word("kind", v->question->kind),
		topology != NULL ? " " : "", topology != NULL ? topology : "",
		v->answer->allowed ? "yes" : "no", v->answer->rule);
}

static struct policy policy; /* 10.0.0.0/8 is ours */
static struct document_rules rules;

static void set_up(void)
{
	const char *why;

	rules = sample_rules;
	rules.policy = &policy;
	rules.heard = note;
	ck_assert(policy_add_network(&policy, SPAN_LIT("10.0.0.0/8"), &why));
}

static void tear_down(void)
{
	policy_finish(&policy);
}

static void add_rule(const char *key, const char *value, const char *then)
{
	struct policy_rule *r = policy_add_rule(&policy);
	const char *why;

	ck_assert(policy_rule_match(r, key, value, &why));
	ck_assert(policy_rule_set(r, "then", then, &why));
}

/* Checks and decodes; verdicts has what was heard. The caller finishes the problem. */
static struct problem decide(const char *text)
{
	struct problem p = { .kind = PROBLEM_NONE };
	struct context_spec spec;
	json_t *doc = sample_load(text);
	bool rel18;

	verdicts[0] = '\0';
	if (document_check(doc, &rules, &rel18, &p) &&
		document_decode(doc, &rules, NULL, &spec, &p))
		context_spec_finish(&spec);
	json_decref(doc);
	return p;
}

static void expect(const char *text, enum problem_kind kind, const char *detail, const char *heard)
{
	struct problem p = decide(text);

	ck_assert_msg(p.kind == kind, "%s: %s", p.detail, text);
	ck_assert_msg(strstr(p.detail, detail) != NULL, "%s: %s", p.detail, text);
	ck_assert_msg(strstr(verdicts, heard) != NULL, "%s: %s", verdicts, text);
	problem_finish(&p);
}

START_TEST(each_case_of_the_table_is_asked_as_what_it_is)
{
	static const struct {
		const char *text;
		enum problem_kind kind;
		const char *detail, *heard;
	} rows[] = {
		{ ONE(DC("HTTP_PROXY", STREAM("0"))), PROBLEM_NONE, "",
			"0/0:0 bdc yes built-in tail: bdc ends here; " },
		{ ONE(DC("UDP_PROXY", STREAM("0"))), PROBLEM_SECURITY_POLICY,
			D "/mediaProxyConfig: built-in tail: bdc ends here: DTLS is to end",
			"0/0:0 bdc no " },
		{ ONE(DC("UDP_PROXY", "\"streams\":{\"20\":{\"streamId\":20,\"subprotocol\":"
				      "\"http\"}}")),
			PROBLEM_SECURITY_POLICY, "bdc ends here", "0/0:20 bdc no " },
		{ ONE(DC("DC_APPLICATION_PROXY", STREAM("110"))), PROBLEM_IE_MISSING,
			D "/mediaProxyConfig: an application media needs", "0/0:110 bdc yes " },
		{ ONE(DC("UDP_PROXY", STREAM("1000"))), PROBLEM_IE_MISSING, "needs a server",
			"adc p2p yes built-in tail: adc between two UEs" },
		{ ONE(DC("DC_APPLICATION_PROXY", STREAM("1000"))), PROBLEM_IE_MISSING,
			"needs a server", "adc p2p yes built-in tail: adc between two UEs" },
		{ ONE(DC("DC_APPLICATION_PROXY",
			  STREAM("1000") "," SERVER(INSIDE, "UDP/DTLS/SCTP"))),
			PROBLEM_NONE, "", "adc p2a yes built-in tail: adc to the" },
		{ ONE(DC("DC_APPLICATION_PROXY", STREAM("1000") "," SERVER(INSIDE, "SCTP/DTLS"))),
			PROBLEM_NOT_BUILT, D "/mdc2Info/mdc2Protocol: SCTP straight on IP",
			"adc p2a yes built-in tail: adc to the" },
		{ ONE(DC("DC_APPLICATION_PROXY", STREAM("1000") "," SERVER(OUTSIDE, "SCTP"))),
			PROBLEM_SECURITY_POLICY, "TLS or DTLS is wanted", "adc p2a no " },
		{ ONE(DC("DC_APPLICATION_PROXY", STREAM("1000") "," SERVER(INSIDE, "TCP/TLS"))),
			PROBLEM_NONE, "", "adc p2a yes built-in tail: adc to the" },
		{ ONE(DC("DC_APPLICATION_PROXY", STREAM("1000") "," SERVER(INSIDE, "TCP"))),
			PROBLEM_SECURITY_POLICY,
			"mdc2.allow_plain forbids plain TCP to " INSIDE ":5000",
			"adc p2a no mdc2.allow_plain" },
		{ ONE(DC("UDP_PROXY", STREAM("1000") "," SERVER(INSIDE, "UDP"))),
			PROBLEM_SECURITY_POLICY, "operator's own", "adc p2a no " },
		{ ONE(DC("UDP_PROXY", STREAM("1000") "," SERVER(OUTSIDE, "UDP"))), PROBLEM_NONE, "",
			"speaks data channels passes" },
		{ ONE(DC("UDP_PROXY", STREAM("1000") "," SERVER(OUTSIDE, "UDP/DTLS/SCTP"))),
			PROBLEM_NONE, "", "speaks data channels passes" },
		{ ONE(DC("DC_APPLICATION_PROXY",
			  STREAM("1000") "," SERVER(OUTSIDE, "UDP/DTLS/SCTP"))),
			PROBLEM_SECURITY_POLICY, "DTLS is to pass (e2e)", "adc p2a no " },
		{ ONE(DC("DC_APPLICATION_PROXY", STREAM("1000") "," SERVER(OUTSIDE, "TCP"))),
			PROBLEM_SECURITY_POLICY, "TLS or DTLS is wanted", "adc p2a no " },
		{ ONE(DC("DC_APPLICATION_PROXY", STREAM("1000") "," SERVER(OUTSIDE, "TCP/TLS"))),
			PROBLEM_NONE, "", "adc p2a yes " },
		{ ONE(DC("HTTP_PROXY", STREAM("1000") "," SERVER(OUTSIDE, "TCP/TLS"))),
			PROBLEM_NONE, "", "0/0:1000 adc p2a yes " },
		{ ONE(DC("HTTP_PROXY", STREAM("1000") "," SERVER(OUTSIDE, "TCP"))),
			PROBLEM_SECURITY_POLICY, "TLS or DTLS is wanted", "adc p2a no " },
		/* nothing is known of the server but that there is one */
		{ ONE(DC("HTTP_PROXY", STREAM("1000") ",\"mdc2Info\":{}")), PROBLEM_SECURITY_POLICY,
			"TLS or DTLS is wanted", "adc p2a no " },
		{ ONE(DC("UDP_PROXY", STREAM("1000") ",\"mdc2Info\":{}")), PROBLEM_NONE, "",
			"adc p2a yes built-in tail: adc to a foreign server that speaks" },
		/* the early shape says the same */
		{ ONE(DC("UDP", STREAM("1000") ",\"mdc2Protocol\":\"UDP\",\"remoteMdc2Endpoint\":"
					       "{\"ip\":{\"ipv4Addr\":\"" INSIDE
					       "\"},\"transport\":\"UDP\",\"portNumber\":7}")),
			PROBLEM_SECURITY_POLICY, "operator's own", "adc p2a no " },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(rows[i].text, rows[i].kind, rows[i].detail, rows[i].heard);
}
END_TEST

#define LEG(id)                                                                                   \
	TERMINATION(id,                                                                           \
		MEDIA("m",                                                                        \
			DC("DC_APPLICATION_PROXY", STREAM("1000") "," SERVER(INSIDE, "TCP/TLS")), \
			""))

START_TEST(two_legs_to_servers_are_p2a2p)
{
	add_rule("topology", "p2a2p", "refuse");
	expect("{\"terminations\":[" LEG("a") "]}", PROBLEM_NONE, "", "adc p2a yes");
	expect("{\"terminations\":[" LEG("a") "," LEG("b") "]}", PROBLEM_SECURITY_POLICY,
		"policy.rules[0]: refused", "1/0:1000 adc p2a2p no policy.rules[0]");
}
END_TEST

START_TEST(rules_match_applications_and_third_parties)
{
	static const char adc[] = DC("UDP_PROXY", STREAM("1000"));
	char text[512];

	add_rule("application", "game", "refuse");
	add_rule("third_party", "evil.example", "refuse");
	expect(ONE(DC("UDP_PROXY", STREAM("1000"))), PROBLEM_IE_MISSING, "", "yes");
	snprintf(text, sizeof(text),
		"{\"terminations\":[" TERMINATION("ue",
			"{\"mediaId\":\"m\",\"mediaResourceType\":"
			"\"DC\",\"dcMedia\":%s,\"dcmf\":{\"applications\":{\"1000\":\"%s\"}}}") "]"
												"}",
		adc, "game");
	expect(text, PROBLEM_SECURITY_POLICY, "policy.rules[0]", "no policy.rules[0]");
	expect(ONE(DC("UDP", "\"streams\":{\"1000\":{\"appBindingInfo\":\"game\"}}")),
		PROBLEM_SECURITY_POLICY, "policy.rules[0]", "no policy.rules[0]");
	snprintf(text, sizeof(text),
		"{\"dcmf\":{\"thirdParty\":\"evil.example\"},"
		"\"terminations\":[" TERMINATION("ue", "{\"mediaId\":\"m\",\"mediaResourceType\":"
						       "\"DC\",\"dcMedia\":%s}") "]}",
		adc);
	expect(text, PROBLEM_SECURITY_POLICY, "policy.rules[1]", "no policy.rules[1]");
}
END_TEST

START_TEST(a_rule_for_remote_bootstrap_channels_leaves_local_ones_alone)
{
	add_rule("bdc", "remote", "refuse");
	expect(ONE(DC("HTTP_PROXY", STREAM("0"))), PROBLEM_NONE, "", "yes");
	expect(ONE(DC("HTTP_PROXY", STREAM("100"))), PROBLEM_SECURITY_POLICY,
		"policy.rules[0]: refused", "0/0:100 bdc no policy.rules[0]");
}
END_TEST

START_TEST(a_rule_may_let_bootstrap_channels_pass)
{
	add_rule("kind", "bdc", "e2e");
	expect(ONE(DC("UDP_PROXY", STREAM("0"))), PROBLEM_IE_MISSING, "", "yes policy.rules[0]");
	expect(ONE(DC("HTTP_PROXY", STREAM("0"))), PROBLEM_SECURITY_POLICY,
		"policy.rules[0]: DTLS is to pass (e2e)", "no policy.rules[0]");
}
END_TEST

START_TEST(every_channel_is_heard_of_and_every_refusal_listed)
{
	struct problem p;

	add_rule("bdc", "remote", "refuse");
	p = decide("{\"terminations\":[" TERMINATION(
		"ue", MEDIA("1",
			      DC("HTTP_PROXY", "\"streams\":{\"0\":{\"streamId\":0},"
					       "\"100\":{\"streamId\":100}}"),
			      "") "," MEDIA("2", DC("UDP_PROXY", STREAM("10")), "") "," MEDIA("3",
			      DC("UDP_PROXY", STREAM("1000")), "")) "]}");
	ck_assert_int_eq(p.kind, PROBLEM_SECURITY_POLICY);
	ck_assert_uint_eq(json_array_size(p.invalid_params), 2);
	ck_assert_str_eq(verdicts,
		"0/0:0 bdc yes built-in tail: bdc ends here; 0/0:100 bdc no policy.rules[0]; "
		"0/1:10 bdc no built-in tail: bdc ends here; "
		"0/2:1000 adc p2p yes built-in tail: adc between two UEs may end here or pass; ");
	problem_finish(&p);
}
END_TEST

START_TEST(channels_that_dcep_will_open_are_decided_without_an_id)
{
	char text[512];

	for (int is_http = 0; is_http < 2; is_http++) {
		snprintf(text, sizeof(text),
			"{\"terminations\":[" TERMINATION("ue",
				"{\"mediaId\":\"m\",\"mediaResourceType\":\"DC\",\"dcMedia\":{"
				"\"mediaProxyConfig\":\"%s\"},\"dcmf\":{\"acceptDcep\":true}}") "]"
												"}",
			is_http ? "HTTP_PROXY" : "UDP_PROXY");
		expect(text, is_http ? PROBLEM_NONE : PROBLEM_IE_MISSING, "",
			is_http ? "0/0:-1 bdc yes" : "0/0:-1 adc p2p yes");
	}
}
END_TEST

#define DCEP                                                                    \
	"{\"terminations\":[" TERMINATION("ue",                                 \
		"{\"mediaId\":\"m\",\"mediaResourceType\":\"DC\",\"dcMedia\":{" \
		"\"mediaProxyConfig\":\"HTTP_PROXY\"},\"dcmf\":{\"acceptDcep\":true}}") "]}"

START_TEST(dcep_is_refused_where_it_could_open_what_a_rule_refuses)
{
	static const char *const sides[] = { "remote", "local" };

	for (int has_root = 0; has_root < 2; has_root++) {
		for (size_t i = 0; i < 2; i++) {
			add_rule("bdc", sides[i], "refuse");
			expect(DCEP, PROBLEM_SECURITY_POLICY,
				D "/mediaProxyConfig: policy.rules[0]: refused; DCEP may open such "
				  "a channel (dcmf.acceptDcep)",
				"0/0:-1 bdc yes built-in tail: bdc ends here; ");
			tear_down();
			expect(DCEP, PROBLEM_NONE, "", "0/0:-1 bdc yes");
		}
		rules.embedded_root = "http://127.0.0.1:9999/"; /* it would be fetched from there */
		addr_parse(SPAN_LIT("127.0.0.1:9999"), &rules.embedded_addr);
	}
}
END_TEST

START_TEST(each_stream_of_a_media_is_decided)
{
	static const char channels[] = "\"streams\":{\"1000\":{\"streamId\":1000},"
				       "\"0\":{\"streamId\":0},\"1002\":{\"streamId\":1002}}";
	char text[512];

	snprintf(text, sizeof(text), ONE(DC("UDP_PROXY", "%s")), channels);
	expect(text, PROBLEM_SECURITY_POLICY, "bdc ends here",
		"0/0:0 bdc no built-in tail: bdc ends here; ");
	expect(text, PROBLEM_SECURITY_POLICY, "", "0/0:1000 adc p2p yes ");
	expect(text, PROBLEM_SECURITY_POLICY, "", "0/0:1002 adc p2p yes ");
}
END_TEST

#define HTTP_URL(url)                                                                  \
	ONE(DC("HTTP_PROXY", STREAM("0") ",\"replaceHttpUrl\":{\"0\":{\"streamId\":0," \
					 "\"replaceHttpUrl\":\"" url "\"}}"))

START_TEST(a_rule_for_a_protocol_is_about_application_servers_and_not_about_dcsfs)
{
	add_rule("protocol", "TCP", "refuse");
	expect(HTTP_URL("http://127.0.0.1/a"), PROBLEM_NONE, "", "0/0:0 bdc yes built-in");
	rules.mdc2_plain.operator_networks = true;
	expect(ONE(DC("DC_APPLICATION_PROXY", STREAM("1000") "," SERVER(INSIDE, "TCP"))),
		PROBLEM_SECURITY_POLICY, "policy.rules[0]: refused", "no policy.rules[0]");
}
END_TEST

/* Where streams without a URL of their own are served: by the node itself, or by mdc1.url. */
static void serve_at(const char *url, const char *addr)
{
	rules.embedded_root = url;
	ck_assert(addr_parse(span_str(addr), &rules.embedded_addr));
}

START_TEST(the_embedded_dcsf_is_internal_and_protected_and_no_other_is)
{
	static const char unnamed[] = ONE(DC("HTTP_PROXY", STREAM("0")));
	static const char forbids[] = "mdc1.allow_plain forbids plain HTTP";

	rules.mdc1_plain.loopback = false;
	add_rule("server", "external", "refuse");
	serve_at("http://127.0.0.1:9999/", "127.0.0.1:9999");
	expect(unnamed, PROBLEM_NONE, "", "0/0:0 bdc yes built-in");
	expect(HTTP_URL("http://127.0.0.1:9999/a"), PROBLEM_NONE, "", "0/0:0 bdc yes built-in");
	/* another server on the same host */
	expect(HTTP_URL("http://127.0.0.1:9998/a"), PROBLEM_SECURITY_POLICY, "policy.rules[0]",
		"no policy.rules[0]");
	tear_down();
	expect(HTTP_URL("http://127.0.0.1:9998/a"), PROBLEM_SECURITY_POLICY, forbids, "no mdc1.");
	/* mdc1.url, away from the node */
	serve_at("http://" OUTSIDE "/", OUTSIDE ":80");
	expect(unnamed, PROBLEM_SECURITY_POLICY, forbids, "no mdc1.");
	add_rule("server", "external", "refuse");
	expect(unnamed, PROBLEM_SECURITY_POLICY, "policy.rules[0]", "no policy.rules[0]");
}
END_TEST

START_TEST(the_mode_that_is_shown_must_be_the_mode_that_is_asked)
{
	char text[512];

	for (int mode = 0; mode < 2; mode++) {
		snprintf(text, sizeof(text),
			"{\"terminations\":[" TERMINATION("ue",
				"{\"mediaId\":\"m\",\"mediaResourceType\":\"DC\",\"dcMedia\":%s,"
				"\"dcmf\":{\"securityMode\":\"%s\"}}") "]}",
			DC("UDP_PROXY", STREAM("1000")), mode ? "E2E" : "E2AE");
		expect(text, mode ? PROBLEM_IE_MISSING : PROBLEM_SECURITY_POLICY,
			mode ? "needs a server" : "DTLS passes through: the mode is E2E", "");
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("document policy");
	TCase *t = tcase_create("document policy");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, each_case_of_the_table_is_asked_as_what_it_is);
	tcase_add_test(t, two_legs_to_servers_are_p2a2p);
	tcase_add_test(t, rules_match_applications_and_third_parties);
	tcase_add_test(t, a_rule_for_remote_bootstrap_channels_leaves_local_ones_alone);
	tcase_add_test(t, a_rule_may_let_bootstrap_channels_pass);
	tcase_add_test(t, every_channel_is_heard_of_and_every_refusal_listed);
	tcase_add_test(t, channels_that_dcep_will_open_are_decided_without_an_id);
	tcase_add_test(t, dcep_is_refused_where_it_could_open_what_a_rule_refuses);
	tcase_add_test(t, each_stream_of_a_media_is_decided);
	tcase_add_test(t, a_rule_for_a_protocol_is_about_application_servers_and_not_about_dcsfs);
	tcase_add_test(t, the_embedded_dcsf_is_internal_and_protected_and_no_other_is);
	tcase_add_test(t, the_mode_that_is_shown_must_be_the_mode_that_is_asked);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
