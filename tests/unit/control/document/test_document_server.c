/*
 * test_document_server.c: documents that name a server behind a media: what they wish of the relay
 * and what is refused.
 */
#include <string.h>

#include "control/json.h"
#include "tests/unit/control/document/server_play.h"

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
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
