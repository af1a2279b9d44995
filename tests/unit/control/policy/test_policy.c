/* test_policy.c: the policy table, row by row, and rules before it. */
#include "tests/unit/main.h"

#include <string.h>

#include "control/policy/policy.h"
#include "dcmf/base/alloc.h"

static struct addr at(const char *text)
{
	struct addr a = { 0 };

	if (text != NULL)
		ck_assert(addr_parse_ip(span_str(text), 443, &a));
	return a;
}

static struct policy operator_policy(void)
{
	struct policy policy = { 0 };
	const char *why;

	ck_assert(policy_add_network(&policy, SPAN_LIT("10.0.0.0/9"), &why));
	ck_assert(policy_add_network(&policy, SPAN_LIT("2001:db8::/33"), &why));
	return policy;
}

#define INSIDE  "10.127.255.255"
#define OUTSIDE "10.128.0.0"

START_TEST(the_built_in_tail_is_the_table_of_the_specification)
{
	static const struct {
		struct policy_question q;
		const char *server;
		bool allowed;
		const char *rule;
	} rows[] = {
#define E2AE      .wanted = POLICY_E2AE
#define E2E       .wanted = POLICY_E2E
#define PROTECTED .protected_mdc = true
		{ { .kind = POLICY_BDC, .bdc = POLICY_BDC_LOCAL, E2AE }, INSIDE, true,
			"bdc ends here" },
		{ { .kind = POLICY_BDC, .bdc = POLICY_BDC_REMOTE, E2AE }, OUTSIDE, true,
			"bdc ends here" },
		{ { .kind = POLICY_BDC, .bdc = POLICY_BDC_LOCAL, E2E }, INSIDE, false,
			"bdc ends here" },
		{ { .kind = POLICY_ADC, .topology = POLICY_P2A, E2AE }, INSIDE, true,
			"operator's own" },
		{ { .kind = POLICY_ADC, .topology = POLICY_P2A2P, E2AE }, INSIDE, true,
			"operator's own" },
		{ { .kind = POLICY_ADC, .topology = POLICY_P2A, E2E }, INSIDE, false,
			"operator's own" },
		{ { .kind = POLICY_ADC, .topology = POLICY_P2A, .protocol = "UDP/DTLS/SCTP", E2E },
			OUTSIDE, true, "speaks data channels" },
		{ { .kind = POLICY_ADC, .topology = POLICY_P2A, .protocol = "UDP", E2E }, OUTSIDE,
			true, "speaks data channels" },
		{ { .kind = POLICY_ADC,
			  .topology = POLICY_P2A,
			  .protocol = "UDP/DTLS/SCTP",
			  E2AE,
			  PROTECTED },
			OUTSIDE, false, "speaks data channels" },
		{ { .kind = POLICY_ADC,
			  .topology = POLICY_P2A,
			  .protocol = "TCP/TLS",
			  E2AE,
			  PROTECTED },
			OUTSIDE, true, "protected behind" },
		{ { .kind = POLICY_ADC, .topology = POLICY_P2A, .protocol = "TCP", E2AE }, OUTSIDE,
			false, "protected behind" },
		{ { .kind = POLICY_ADC,
			  .topology = POLICY_P2A,
			  .protocol = "TCP/TLS",
			  E2E,
			  PROTECTED },
			OUTSIDE, false, "protected behind" },
		{ { .kind = POLICY_ADC, .topology = POLICY_P2A, E2AE }, NULL, false,
			"protected behind" },
		{ { .kind = POLICY_ADC, .topology = POLICY_P2P, E2AE }, NULL, true,
			"between two UEs" },
		{ { .kind = POLICY_ADC, .topology = POLICY_P2P, E2E }, NULL, true,
			"between two UEs" },
		{ { E2AE }, INSIDE, false, "fits nothing" },
		{ { E2E }, NULL, false, "fits nothing" },
	};
	struct policy policy = operator_policy();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_question q = rows[i].q;
		struct policy_answer a;

		q.server = at(rows[i].server);
		ck_assert_msg(policy_decide(&policy, &q, &a) == rows[i].allowed, "row %zu: %s", i,
			a.rule);
		ck_assert_msg(strstr(a.rule, rows[i].rule) != NULL, "row %zu: %s", i, a.rule);
		ck_assert_msg(
			strncmp(a.rule, "built-in tail: ", 15) == 0, "row %zu: %s", i, a.rule);
		ck_assert_msg(
			a.allowed ? a.detail[0] == '\0' : strstr(a.detail, a.rule) == a.detail,
			"row %zu: %s", i, a.detail);
	}
	policy_finish(&policy);
}
END_TEST

START_TEST(a_refusal_says_which_rule_and_what_it_wants)
{
	struct policy policy = { 0 };
	struct policy_question q = { .kind = POLICY_BDC, .wanted = POLICY_E2E };
	struct policy_answer a;

	ck_assert(!policy_decide(&policy, &q, &a));
	ck_assert_str_eq(a.detail, "built-in tail: bdc ends here: DTLS is to end here (e2ae)");
}
END_TEST

static void add_rule(
	struct policy *policy, const char *const *matches, const char *then, const char *mdc)
{
	struct policy_rule *r = policy_add_rule(policy);
	const char *why = "";

	ck_assert_ptr_nonnull(r);
	for (; *matches != NULL; matches += 2)
		ck_assert_msg(policy_rule_match(r, matches[0], matches[1], &why), "%s: %s",
			matches[0], why);
	ck_assert(policy_rule_set(r, "then", then, &why));
	ck_assert(policy_rule_set(r, "require_protected_mdc", mdc, &why));
}

#define MATCH(...) ((const char *const[]){ __VA_ARGS__, NULL })

START_TEST(each_thing_a_rule_matches_is_looked_at)
{
	static const struct {
		const char *key, *value, *other;
	} rows[] = {
		{ "kind", "adc", "bdc" },
		{ "bdc", "local", "remote" },
		{ "topology", "p2a", "p2a2p" },
		{ "server", "internal", "external" },
		{ "protocol", "TCP/TLS", "TCP" },
		{ "application", "whiteboard", "game" },
		{ "application", "whiteboard", "Whiteboard" },
		{ "third_party", "auth.example", "other.example" },
		{ "third_party", "auth.example", "AUTH.example" },
	};
	struct policy_question q = { .kind = POLICY_ADC,
		.bdc = POLICY_BDC_LOCAL,
		.topology = POLICY_P2A,
		.server = at(INSIDE),
		.protocol = "TCP/TLS",
		.application = "whiteboard",
		.third_party = "auth.example",
		.wanted = POLICY_E2E };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy policy = operator_policy();
		struct policy_answer a;

		add_rule(&policy, MATCH(rows[i].key, rows[i].other), "refuse", "false");
		add_rule(&policy, MATCH(rows[i].key, rows[i].value), "e2e", "false");
		ck_assert_msg(policy_decide(&policy, &q, &a), "%s: %s", rows[i].key, a.detail);
		ck_assert_str_eq(a.rule, "policy.rules[1]");
		policy_finish(&policy);
	}
}
END_TEST

START_TEST(the_first_rule_that_matches_decides)
{
	struct policy policy = { 0 };
	struct policy_question q = {
		.kind = POLICY_ADC, .topology = POLICY_P2P, .wanted = POLICY_E2E
	};
	struct policy_answer a;

	add_rule(&policy, MATCH("kind", "adc", "topology", "p2p"), "e2ae", "true");
	add_rule(&policy, MATCH("kind", "adc"), "e2e", "false");

	ck_assert(!policy_decide(&policy, &q, &a));
	ck_assert_str_eq(a.detail, "policy.rules[0]: DTLS is to end here (e2ae)");
	ck_assert_int_eq(a.number, 0);
	q.wanted = POLICY_E2AE;
	ck_assert(!policy_decide(&policy, &q, &a));
	ck_assert(a.require_protected_mdc);
	ck_assert_str_eq(a.detail, "policy.rules[0]: TLS or DTLS is wanted towards the server");
	q.protected_mdc = true;
	ck_assert(policy_decide(&policy, &q, &a));
	q.topology = POLICY_P2A;
	ck_assert(!policy_decide(&policy, &q, &a)); /* the second, and it wants e2e */
	ck_assert_int_eq(a.number, 1);
	q.wanted = POLICY_E2E;
	ck_assert(policy_decide(&policy, &q, &a));
	q.kind = POLICY_BDC;
	ck_assert(!policy_decide(&policy, &q, &a)); /* neither of them */
	ck_assert_int_eq(a.number, -1);
	policy_finish(&policy);
}
END_TEST

START_TEST(a_rule_that_says_nothing_refuses)
{
	struct policy policy = { 0 };
	struct policy_question q = { .kind = POLICY_BDC, .wanted = POLICY_E2AE };
	struct policy_answer a;

	ck_assert_ptr_nonnull(policy_add_rule(&policy));
	ck_assert(!policy_decide(&policy, &q, &a));
	ck_assert_str_eq(a.detail, "policy.rules[0]: refused");
	policy_finish(&policy);
}
END_TEST

START_TEST(a_rule_with_a_text_does_not_match_where_there_is_none)
{
	struct policy policy = { 0 };
	struct policy_question q = { .kind = POLICY_BDC, .wanted = POLICY_E2AE };
	struct policy_answer a;

	add_rule(&policy, MATCH("third_party", "auth.example"), "refuse", "false");
	ck_assert(policy_decide(&policy, &q, &a));
	q.third_party = "auth.example";
	ck_assert(!policy_decide(&policy, &q, &a));
	policy_finish(&policy);
}
END_TEST

START_TEST(networks_end_where_their_prefix_ends)
{
	static const struct {
		const char *network, *in, *out;
	} rows[] = {
		{ "10.0.0.0/8", "10.255.255.255", "11.0.0.0" },
		{ "10.0.0.0/9", "10.127.255.255", "10.128.0.0" },
		{ "192.0.2.7", "192.0.2.7", "192.0.2.6" },
		{ "192.0.2.7/32", "192.0.2.7", "192.0.2.8" },
		{ "0.0.0.0/0", "203.0.113.1", "2001:db8::1" },
		{ "2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1" },
		{ "2001:db8::1", "2001:db8::1", "2001:db8::2" },
		{ "::/0", "2001:db8::1", "10.0.0.1" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy policy = { 0 };
		struct policy_question q = {
			.kind = POLICY_ADC, .topology = POLICY_P2A, .wanted = POLICY_E2AE
		};
		struct policy_answer a;
		const char *why;

		ck_assert(policy_add_network(&policy, span_str(rows[i].network), &why));
		q.server = at(rows[i].in);
		ck_assert_msg(policy_decide(&policy, &q, &a), "row %zu", i);
		q.server = at(rows[i].out);
		ck_assert_msg(!policy_decide(&policy, &q, &a), "row %zu", i);
		policy_finish(&policy);
	}
}
END_TEST

START_TEST(what_cannot_be_a_network_or_a_rule_is_refused_with_a_reason)
{
	static const char *const networks[] = { "", "/", "10.0.0.0/", "10.0.0.0/33",
		"2001:db8::/129", "example.net", "10.0.0/8", "10.0.0.0/8/8" };
	static const struct {
		const char *key, *value, *why;
	} rows[] = {
		{ "kind", "xdc", "bdc or adc is wanted" },
		{ "kind", "BDC", "bdc or adc is wanted" },
		{ "bdc", "", "local or remote is wanted" },
		{ "topology", "p2p2p", "p2a, p2p or p2a2p is wanted" },
		{ "server", "mine", "internal or external is wanted" },
		{ "protocol", "TCP/TSL",
			"UDP/DTLS/SCTP, UDP, TCP, TCP/TLS, SCTP or SCTP/DTLS is wanted" },
		{ "application", "", "a text is wanted" }, { "colour", "blue", "unknown key" },
		{ "then", "e2e", "unknown key" }, /* belongs beside match */
	};
	struct policy policy = { 0 };
	struct policy_rule *r = policy_add_rule(&policy);
	const char *why;

	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++)
		ck_assert_msg(!policy_add_network(&policy, span_str(networks[i]), &why), "%s",
			networks[i]);
	ck_assert_uint_eq(policy.network_count, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(
			!policy_rule_match(r, rows[i].key, rows[i].value, &why), "row %zu", i);
		ck_assert_str_eq(why, rows[i].why);
	}
	ck_assert_str_eq(policy_word("topology", POLICY_P2A2P), "p2a2p");
	ck_assert_str_eq(policy_word("then", POLICY_REFUSE), "refuse");
	ck_assert_ptr_null(policy_word("server", POLICY_SERVER_ANY));
	ck_assert_ptr_null(policy_word("colour", 1));
	ck_assert(!policy_rule_set(r, "then", "as-asked", &why));
	ck_assert(!policy_rule_set(r, "kind", "bdc", &why));
	policy_finish(&policy);
}
END_TEST

START_TEST(a_rule_that_nothing_can_match_is_told_from_one_that_makes_sense)
{
	static const struct {
		const char *matches[7], *key, *why;
	} rows[] = {
		{ { "kind", "bdc", "bdc", "remote", "server", "external" }, NULL, NULL },
		{ { "topology", "p2a", "server", "external", "protocol", "TCP" }, NULL, NULL },
		{ { NULL }, NULL, NULL },
		{ { "kind", "adc", "bdc", "local" }, "bdc", "the rule of application ones" },
		{ { "kind", "bdc", "topology", "p2a" }, "topology", "the rule of bootstrap ones" },
		{ { "bdc", "local", "protocol", "TCP" }, "protocol", "the rule of bootstrap ones" },
		{ { "kind", "bdc", "application", "a" }, "application",
			"the rule of bootstrap ones" },
		{ { "topology", "p2p", "server", "external" }, "server", "there is none" },
		{ { "topology", "p2p", "protocol", "UDP" }, "protocol", "p2p has none" },
		{ { "server", "internal" }, "server", "needs policy.operator_networks" },
	};
	struct policy policy = { 0 };
	const char *key = NULL, *why = NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		add_rule(&policy, rows[i].matches, "e2ae", "false");
		ck_assert_msg(policy_rule_makes_sense(&policy, &policy.rules[i], &key, &why) ==
				      (rows[i].key == NULL),
			"row %zu", i);
		if (rows[i].key == NULL)
			continue;
		ck_assert_str_eq(key, rows[i].key);
		ck_assert_msg(strstr(why, rows[i].why) != NULL, "row %zu: %s", i, why);
	}
	ck_assert(policy_add_network(&policy, SPAN_LIT("10.0.0.0/8"), &why));
	ck_assert(
		policy_rule_makes_sense(&policy, &policy.rules[policy.rule_count - 1], &key, &why));
	policy_finish(&policy);
}
END_TEST

START_TEST(a_server_is_internal_by_its_network_or_because_it_is_ours)
{
	struct policy policy = operator_policy();
	struct policy_question q = { .kind = POLICY_ADC,
		.topology = POLICY_P2A,
		.server = at(INSIDE),
		.wanted = POLICY_E2AE };

	ck_assert_int_eq(policy_server_of(&policy, &q), POLICY_INTERNAL);
	q.server = at(OUTSIDE);
	ck_assert_int_eq(policy_server_of(&policy, &q), POLICY_EXTERNAL);
	q.own_server = true;
	ck_assert_int_eq(policy_server_of(&policy, &q), POLICY_INTERNAL);
	q = (struct policy_question){ .kind = POLICY_ADC, .topology = POLICY_P2P };
	ck_assert_int_eq(policy_server_of(&policy, &q), POLICY_SERVER_ANY);
	q.topology = POLICY_P2A; /* not known yet */
	ck_assert_int_eq(policy_server_of(&policy, &q), POLICY_EXTERNAL);
	policy_finish(&policy);
}
END_TEST

START_TEST(rules_are_compared_by_all_that_they_say)
{
	static const struct {
		const char *key, *one, *other;
	} rows[] = {
		{ "kind", "adc", "bdc" },
		{ "bdc", "local", "remote" },
		{ "topology", "p2a", "p2p" },
		{ "server", "internal", "external" },
		{ "protocol", "TCP", "UDP" },
		{ "application", "game", "chess" },
		{ "third_party", "a.example", "b.example" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy a = { 0 }, same = { 0 }, other = { 0 }, without = { 0 };

		add_rule(&a, MATCH(rows[i].key, rows[i].one), "e2e", "false");
		add_rule(&same, MATCH(rows[i].key, rows[i].one), "e2e", "false");
		add_rule(&other, MATCH(rows[i].key, rows[i].other), "e2e", "false");
		add_rule(&without, MATCH(NULL), "e2e", "false");
		same.rules[0].line = 7;
		ck_assert_msg(policy_rules_equal(&a, &same), "%s", rows[i].key);
		ck_assert_msg(!policy_rules_equal(&a, &other), "%s", rows[i].key);
		ck_assert_msg(!policy_rules_equal(&a, &without), "%s", rows[i].key);
		ck_assert_msg(!policy_rules_equal(&without, &a), "%s", rows[i].key);
		policy_finish(&a);
		policy_finish(&same);
		policy_finish(&other);
		policy_finish(&without);
	}
}
END_TEST

START_TEST(policies_are_compared_by_what_their_rules_do_and_how_many_there_are)
{
	struct policy a = { 0 }, b = { 0 };
	const char *why;

	add_rule(&a, MATCH(NULL), "e2e", "false");
	add_rule(&b, MATCH(NULL), "e2e", "false");
	ck_assert(policy_rules_equal(&a, &b));
	ck_assert(policy_rule_set(&b.rules[0], "then", "e2ae", &why));
	ck_assert(!policy_rules_equal(&a, &b));
	ck_assert(policy_rule_set(&b.rules[0], "then", "e2e", &why));
	ck_assert(policy_rule_set(&b.rules[0], "require_protected_mdc", "true", &why));
	ck_assert(!policy_rules_equal(&a, &b));
	ck_assert(policy_rule_set(&b.rules[0], "require_protected_mdc", "false", &why));
	ck_assert(policy_rules_equal(&a, &b));
	add_rule(&b, MATCH("kind", "bdc"), "refuse", "false");
	ck_assert(!policy_rules_equal(&a, &b) && !policy_rules_equal(&b, &a));
	policy_finish(&a);
	policy_finish(&b);
}
END_TEST

START_TEST(networks_are_compared_by_prefix_and_length)
{
	static const char *const others[] = { "10.0.0.0/9", "11.0.0.0/8", "::/8" };
	struct policy a = { 0 }, b = { 0 };
	const char *why;

	ck_assert(policy_add_network(&a, SPAN_LIT("10.0.0.0/8"), &why));
	ck_assert(!policy_networks_equal(&a, &b) && !policy_networks_equal(&b, &a));
	ck_assert(policy_add_network(&b, SPAN_LIT("10.0.0.0/8"), &why));
	ck_assert(policy_networks_equal(&a, &b));
	policy_finish(&b);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		ck_assert(policy_add_network(&b, span_str(others[i]), &why));
		ck_assert_msg(!policy_networks_equal(&a, &b), "%s", others[i]);
		policy_finish(&b);
	}
	policy_finish(&a);
}
END_TEST

START_TEST(bootstrap_channels_are_known_by_id_and_subprotocol)
{
	ck_assert_int_eq(policy_bdc_side(0), POLICY_BDC_LOCAL);
	ck_assert_int_eq(policy_bdc_side(10), POLICY_BDC_LOCAL);
	ck_assert_int_eq(policy_bdc_side(100), POLICY_BDC_REMOTE);
	ck_assert_int_eq(policy_bdc_side(110), POLICY_BDC_REMOTE);
	ck_assert_int_eq(policy_bdc_side(1000), POLICY_BDC_ANY);
	ck_assert(policy_is_bootstrap(0, NULL));
	ck_assert(policy_is_bootstrap(110, "HTTP"));
	ck_assert(policy_is_bootstrap(999, "http"));
	ck_assert(!policy_is_bootstrap(999, NULL));
	ck_assert(!policy_is_bootstrap(0, "mqtt"));
	ck_assert(!policy_is_bootstrap(1000, "http"));
	ck_assert(!policy_is_bootstrap(-1, "http"));
}
END_TEST

START_TEST(running_out_of_memory_leaves_a_usable_policy)
{
	long live = mem_live();

	for (unsigned long n = 1;; n++) {
		struct policy policy = { 0 };
		struct policy_rule *r;
		const char *why;

		mem_fail_at(n);
		if (policy_add_network(&policy, SPAN_LIT("10.0.0.0/8"), &why) &&
			policy_add_network(&policy, SPAN_LIT("::/0"), &why) &&
			(r = policy_add_rule(&policy)) != NULL)
			(void)(policy_rule_match(r, "protocol", "TCP", &why) &&
				policy_rule_match(r, "application", "a", &why) &&
				policy_rule_match(r, "application", "b", &why));
		policy_finish(&policy);
		ck_assert_int_eq(mem_live(), live);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("policy");
	TCase *t = tcase_create("policy");

	tcase_add_test(t, the_built_in_tail_is_the_table_of_the_specification);
	tcase_add_test(t, a_refusal_says_which_rule_and_what_it_wants);
	tcase_add_test(t, each_thing_a_rule_matches_is_looked_at);
	tcase_add_test(t, the_first_rule_that_matches_decides);
	tcase_add_test(t, a_rule_that_says_nothing_refuses);
	tcase_add_test(t, a_rule_with_a_text_does_not_match_where_there_is_none);
	tcase_add_test(t, networks_end_where_their_prefix_ends);
	tcase_add_test(t, what_cannot_be_a_network_or_a_rule_is_refused_with_a_reason);
	tcase_add_test(t, a_rule_that_nothing_can_match_is_told_from_one_that_makes_sense);
	tcase_add_test(t, a_server_is_internal_by_its_network_or_because_it_is_ours);
	tcase_add_test(t, rules_are_compared_by_all_that_they_say);
	tcase_add_test(t, policies_are_compared_by_what_their_rules_do_and_how_many_there_are);
	tcase_add_test(t, networks_are_compared_by_prefix_and_length);
	tcase_add_test(t, bootstrap_channels_are_known_by_id_and_subprotocol);
	tcase_add_test(t, running_out_of_memory_leaves_a_usable_policy);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
