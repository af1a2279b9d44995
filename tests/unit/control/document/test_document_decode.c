/* test_document_decode.c: what a document becomes for the relay. */
#include <stdio.h>
#include <string.h>

#include "control/json.h"
#include "control/policy/policy.h"
#include "tests/unit/control/document/document_samples.h"
#include "tests/unit/control/fake_relay.h"
#include "tests/unit/main.h"

static const char *wish_by(const char *operations, const struct document_rules *r,
	const char *resolved, struct problem *p)
{
	static char buf[FAKE_WISH_MAX];
	json_t *doc = sample_changed(operations),
	       *hosts = resolved != NULL ? sample_load(resolved) : NULL;
	struct context_spec spec;
	bool rel18;

	ck_assert_msg(document_check(doc, r, &rel18, p), "%s: %s", operations, p->detail);
	buf[0] = '\0';
	if (document_decode(doc, r, hosts, &spec, p)) {
		fake_wish(&spec, buf);
		context_spec_finish(&spec);
	}
	json_decref(doc);
	json_decref(hosts);
	return buf;
}

static void expect_wish(const char *operations, const char *part)
{
	struct problem p = { .kind = PROBLEM_NONE };
	const char *wish = wish_by(operations, &sample_rules, NULL, &p);

	ck_assert_msg(strstr(wish, part) != NULL, "%s\n%s\n%s", operations, wish, p.detail);
}

START_TEST(a_document_becomes_a_wish)
{
	expect_wish("", "owner=- ue{m0 http if=- remote=192.0.2.1:4000 ice=- fp=1 setup=actpass "
			"sctp=5000 max=65536 "
			"tls=abcdefghijklmnopqrst dcep=no 0[ordered reliable 256 label=- http] "
			"0>http://127.0.0.1/alice@127.0.0.1:80}");
	expect_wish(ADD("/dcmf", "{\"owner\":\"alice\"}"), "owner=alice ");
}
END_TEST

START_TEST(medias_that_are_joined_have_a_twin_and_no_root)
{
	expect_wish(JOINED("m0", "DC_APPLICATION_PROXY", ""),
		"m0 dc if=- remote=192.0.2.1:4000 ice=- fp=0 setup=none sctp=5000 max=65536 tls=- "
		"dcep=no 1000[ordered reliable 256 label=- -]}");
	expect_wish(JOINED("bobs", "UDP_PROXY",
			    ",{\"op\":\"add\",\"path\":\"" M
			    "/associatedMediaId\",\"value\":\"bobs\"}"),
		"m0 udp if=- twin=bobs remote=192.0.2.1:4000 ice=- fp=0 setup=none sctp=5000 "
		"max=65536 tls=- dcep=no");
}
END_TEST

START_TEST(what_is_not_told_is_not_known)
{
	expect_wish("[{\"op\":\"remove\",\"path\":\"" M
		    "/remoteMbEndpoint\"},{\"op\":\"remove\",\"path\":\"" D
		    "/remoteDcEndpoint\"},{\"op\":\"remove\",\"path\":\"" D "/maxMessageSize\"}]",
		"remote=- ice=- fp=0 setup=none sctp=5000 max=65536 tls=-");
	expect_wish(ADD(M "/remoteMbEndpoint/portNumber", "0"), "remote=- ");
	expect_wish(ADD(M "/remoteMbEndpoint/ip/ipv4Addr", "\"0.0.0.0\""), "remote=- ");
}
END_TEST

START_TEST(message_sizes_count_in_kib_unless_told_exactly)
{
	expect_wish(ADD(D "/maxMessageSize", "1"), "max=1024 ");
	expect_wish(ADD(D "/maxMessageSize", "0"), "max=0 ");
	expect_wish(ADD(M "/dcmf", "{\"maxMessageSize\":1000}"), "max=1000 ");
	expect_wish(ADD(M "/dcmf", "{\"maxMessageSize\":0}"), "max=0 ");
}
END_TEST

START_TEST(reliability_copes_with_written_defaults)
{
	expect_wish(ADD(D "/streams/10", "{\"streamId\":10}"), "10[ordered reliable 256");
	expect_wish(ADD(D "/streams/10", "{\"streamId\":10,\"maxRetry\":0,\"maxTime\":0}"),
		"10[ordered reliable 256");
	expect_wish(
		ADD(D "/streams/10", "{\"streamId\":10,\"maxRetry\":0}"), "10[ordered retr=0 256");
	expect_wish(
		ADD(D "/streams/10", "{\"streamId\":10,\"maxTime\":0}"), "10[ordered time=0 256");
	expect_wish(ADD(D "/streams/10", "{\"streamId\":10,\"maxRetry\":0,\"maxTime\":7}"),
		"10[ordered time=7 256");
	expect_wish(ADD(D "/streams/10", "{\"streamId\":10,\"maxRetry\":7,\"maxTime\":0,\"order\":"
					 "false,\"priority\":1}"),
		"10[unordered retr=7 1 ");
}
END_TEST

START_TEST(streams_are_ordered_by_id_and_carry_their_labels)
{
	expect_wish("[{\"op\":\"replace\",\"path\":\"" D
		    "/streams\",\"value\":{\"110\":{\"streamId\":110},\"10\":{\"streamId\":10}}},"
		    "{\"op\":\"add\",\"path\":\"" M
		    "/dcmf\",\"value\":{\"labels\":{\"110\":\"remote\"},\"interface\":\"core\"}}]",
		"10[ordered reliable 256 label=- -] 110[ordered reliable 256 label=remote -]");
	expect_wish(ADD(M "/dcmf", "{\"interface\":\"core\"}"), "if=core ");
}
END_TEST

START_TEST(ice_is_asked_for_by_its_presence_but_not_by_a_lite_peer)
{
	expect_wish(ADD(M "/dcmf", "{\"ice\":{}}"), "ice=: fp=1");
	expect_wish(ADD(M "/dcmf", "{\"ice\":{}}"), "dcep=yes");
	expect_wish(ADD(M "/dcmf", "{\"ice\":{},\"acceptDcep\":false}"), "dcep=no");
	expect_wish(ADD(M "/dcmf", "{\"ice\":{\"ufrag\":\"abcd\",\"pwd\":"
				   "\"aaaaaaaaaaaaaaaaaaaaaa\",\"restart\":true}}"),
		"ice=abcd:aaaaaaaaaaaaaaaaaaaaaa! ");
	expect_wish(ADD(M "/dcmf", "{\"ice\":{\"ufrag\":\"abcd\",\"pwd\":"
				   "\"aaaaaaaaaaaaaaaaaaaaaa\",\"lite\":true}}"),
		"ice=- fp=1 setup=actpass sctp=5000 max=65536 tls=abcdefghijklmnopqrst dcep=no");
	expect_wish(ADD(M "/dcmf", "{\"acceptDcep\":true}"), "dcep=yes");
}
END_TEST

START_TEST(weak_fingerprints_are_never_matched)
{
	expect_wish(ADD(D "/remoteDcEndpoint/fingerprints", "[\"" SHA1 "\",\"" FP "\"]"), "fp=1 ");
	expect_wish(ADD(D "/remoteDcEndpoint",
			    "{\"fingerprint\":\"" FP_LOWER "\",\"fingerprints\":[\"" FP "\"]}"),
		"fp=1 ");
}
END_TEST

START_TEST(a_root_is_at_its_endpoint_or_its_resolved_or_literal_host)
{
	static const char named[] =
		ADD(D "/replaceHttpUrl/0/replaceHttpUrl", "\"https://dcsf.example/a\"");
	struct problem p = { .kind = PROBLEM_NONE };

	ck_assert_ptr_nonnull(strstr(
		wish_by(named, &sample_rules, "{\"dcsf.example:443\":\"192.0.2.80:443\"}", &p),
		"0>https://dcsf.example/a@192.0.2.80:443"));
	ck_assert_str_eq(wish_by(named, &sample_rules, NULL, &p), "");
	ck_assert_int_eq(p.kind, PROBLEM_OPTIONAL_INCORRECT);
	ck_assert_ptr_nonnull(strstr(p.detail, "dcsf.example"));
	problem_finish(&p);
	expect_wish("[{\"op\":\"add\",\"path\":\"" D
		    "/replaceHttpUrl/0/replaceHttpUrl\",\"value\":\"https://dcsf.example/a\"},"
		    "{\"op\":\"add\",\"path\":\"" D "/mdc1Info\",\"value\":{\"remoteMdc1Endpoint\":"
		    "{\"ip\":{\"ipv4Addr\":\"192.0.2.9\"},"
		    "\"portNumber\":8443}}}]",
		"0>https://dcsf.example/a@192.0.2.9:8443");
	expect_wish(ADD(D "/replaceHttpUrl/0/replaceHttpUrl", "\"https://[2001:db8::1]/a\""),
		"0>https://[2001:db8::1]/a@[2001:db8::1]:443");
}
END_TEST

static struct document_rules with_embedded(void)
{
	struct document_rules r = sample_rules;

	r.embedded_root = "http://127.0.0.1:9999/";
	addr_parse(SPAN_LIT("127.0.0.1:9999"), &r.embedded_addr);
	return r;
}

START_TEST(streams_without_a_root_get_the_embedded_one)
{
	struct document_rules r = with_embedded();
	struct problem p = { .kind = PROBLEM_NONE };
	const char *wish;

	wish = wish_by(ADD(D "/streams/10", "{\"streamId\":10}"), &r, NULL, &p);
	ck_assert_ptr_nonnull(strstr(wish, " 0>http://127.0.0.1/alice@127.0.0.1:80 "
					   "10>http://127.0.0.1:9999/@127.0.0.1:9999}"));
	wish = wish_by(ADD(M "/dcmf", "{\"acceptDcep\":true}"), &r, NULL, &p);
	ck_assert_ptr_nonnull(
		strstr(wish, "@127.0.0.1:80 65535>http://127.0.0.1:9999/@127.0.0.1:9999}"));
	r.mdc1_plain.loopback = false; /* it is a part of the node */
	wish = wish_by(REMOVE(D "/replaceHttpUrl"), &r, NULL, &p);
	ck_assert_ptr_nonnull(strstr(wish, "0>http://127.0.0.1:9999/@127.0.0.1:9999}"));
	/* another MDC1 endpoint was named: the embedded one is not meant */
	wish = wish_by("[{\"op\":\"remove\",\"path\":\"" D
		       "/replaceHttpUrl\"},{\"op\":\"add\",\"path\":\"" D
		       "/mdc1Info\",\"value\":{\"remoteMdc1Endpoint\":{\"ip\":{\"ipv4Addr\":\"127."
		       "0.0.1\"},\"portNumber\":80}}}]",
		&r, NULL, &p);
	ck_assert_ptr_null(strchr(wish, '>'));
	/* and without an embedded one there is none */
	ck_assert_ptr_null(
		strchr(wish_by(REMOVE(D "/replaceHttpUrl"), &sample_rules, NULL, &p), '>'));
	ck_assert_int_eq(p.kind, PROBLEM_NONE);
}
END_TEST

START_TEST(plain_http_is_fetched_only_where_it_is_allowed)
{
	static const char *const urls[] = { "http://127.0.0.1/", "http://10.1.2.3/",
		"http://192.0.2.1/", "https://192.0.2.1/" };
	/* by mdc1.allow_plain: never, loopback, operator, always */
	static const bool allowed[4][4] = { { 0, 0, 0, 1 }, { 1, 0, 0, 1 }, { 1, 1, 0, 1 },
		{ 1, 1, 1, 1 } };
	struct policy policy = { 0 };
	const char *why;

	ck_assert(policy_add_network(&policy, SPAN_LIT("10.0.0.0/8"), &why));
	for (int plain = 0; plain < 4; plain++) {
		struct document_rules r = { .max_streams = 2048,
			.mdc1_plain.loopback = plain >= 1,
			.mdc1_plain.operator_networks = plain >= 2,
			.mdc1_plain.always = plain >= 3,
			.policy = &policy };

		for (int u = 0; u < 4; u++) {
			struct problem p = { .kind = PROBLEM_NONE };
			char change[256];
			bool granted;

			snprintf(change, sizeof(change),
				ADD(D "/replaceHttpUrl/0/replaceHttpUrl", "\"%s\""), urls[u]);
			granted = wish_by(change, &r, NULL, &p)[0] != '\0';
			ck_assert_msg(granted == allowed[plain][u], "%d %s: %s", plain, urls[u],
				p.detail);
			if (!granted) {
				ck_assert_int_eq(p.kind, PROBLEM_SECURITY_POLICY);
				ck_assert_ptr_nonnull(strstr(p.detail, "mdc1.allow_plain"));
			}
			problem_finish(&p);
		}
	}
	policy_finish(&policy);
}
END_TEST

START_TEST(a_policy_rule_can_refuse_a_root)
{
	struct policy policy = { 0 };
	struct document_rules r = sample_rules;
	struct problem p = { .kind = PROBLEM_NONE };
	const char *why;

	ck_assert_ptr_nonnull(policy_add_rule(&policy));
	ck_assert(policy_rule_match(&policy.rules[0], "third_party", "evil.example", &why));
	r.policy = &policy;
	ck_assert_str_ne(wish_by("", &r, NULL, &p), "");
	ck_assert_str_eq(
		wish_by(ADD("/dcmf", "{\"thirdParty\":\"evil.example\"}"), &r, NULL, &p), "");
	ck_assert_int_eq(p.kind, PROBLEM_SECURITY_POLICY);
	ck_assert_ptr_nonnull(strstr(p.detail, "policy.rules[0]"));
	problem_finish(&p);
	policy_finish(&policy);
}
END_TEST

static void collect(void *arg, const char *host, uint16_t port)
{
	char *text = arg;

	sprintf(text + strlen(text), "%s:%u ", host, port);
}

START_TEST(hosts_to_resolve_are_found_in_documents_and_patches)
{
	static const struct {
		const char *json, *hosts;
	} cases[] = {
		{ "{\"replaceHttpUrl\":{\"0\":{\"replaceHttpUrl\":\"https://a.example/"
		  "x\"},\"10\":{\"replaceHttpUrl\":"
		  "\"http://b.example:81\"}}}",
			"a.example:443 b.example:81 " },
		{ "{\"mdc1Info\":{\"remoteMdc1Endpoint\":{}},\"replaceHttpUrl\":{\"0\":{"
		  "\"replaceHttpUrl\":\"https://a/\"}}}",
			"" },
		{ "{\"remoteMdc1Endpoint\":{},\"replaceHttpUrl\":{\"0\":{\"replaceHttpUrl\":"
		  "\"https://a/\"}}}",
			"" },
		{ "[{\"op\":\"add\",\"path\":\"/a/replaceHttpUrl/"
		  "0\",\"value\":{\"replaceHttpUrl\":\"http://c/\"}}]",
			"c:80 " },
		{ "[{\"op\":\"replace\",\"path\":\"/a/replaceHttpUrl/0/"
		  "replaceHttpUrl\",\"value\":\"http://d/\"}]",
			"d:80 " },
		{ "[{\"op\":\"replace\",\"path\":\"/a/colour\",\"value\":\"http://d/\"}]", "" },
		{ "{\"replaceHttpUrl\":\"http://192.0.2.1/\"}", "" },
		{ "{\"replaceHttpUrl\":\"nonsense\"}", "" },
		{ "[1,\"x\",null]", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *value = sample_load(cases[i].json);
		char hosts[256] = "";

		document_hosts(value, collect, hosts);
		ck_assert_str_eq(hosts, cases[i].hosts);
		json_decref(value);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("document_decode");
	TCase *t = tcase_create("document_decode");

	control_init();
	tcase_add_test(t, a_document_becomes_a_wish);
	tcase_add_test(t, medias_that_are_joined_have_a_twin_and_no_root);
	tcase_add_test(t, what_is_not_told_is_not_known);
	tcase_add_test(t, message_sizes_count_in_kib_unless_told_exactly);
	tcase_add_test(t, reliability_copes_with_written_defaults);
	tcase_add_test(t, streams_are_ordered_by_id_and_carry_their_labels);
	tcase_add_test(t, ice_is_asked_for_by_its_presence_but_not_by_a_lite_peer);
	tcase_add_test(t, weak_fingerprints_are_never_matched);
	tcase_add_test(t, a_root_is_at_its_endpoint_or_its_resolved_or_literal_host);
	tcase_add_test(t, streams_without_a_root_get_the_embedded_one);
	tcase_add_test(t, plain_http_is_fetched_only_where_it_is_allowed);
	tcase_add_test(t, a_policy_rule_can_refuse_a_root);
	tcase_add_test(t, hosts_to_resolve_are_found_in_documents_and_patches);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
