/*
 * test_policy_table.c: the table in control/policy/README.md says what the policy answers, when it
 * is asked, and when a document asks it.
 */
#include "tests/unit/main.h"

#include <stdio.h>
#include <string.h>

#include "control/document/document.h"
#include "control/json.h"
#include "control/policy/policy.h"

#define COLUMNS   9
#define DOCUMENTS 44 /* cases that a document can ask for */

enum column { CASE, CHANNEL, TOPOLOGY, SERVER, PROTOCOL, PROTECTED, PLAIN, PASSED, RULE };

struct row {
	char text[1024];
	struct span cell[COLUMNS];
};

static const char *const protocols[] = { "none", "UDP/DTLS/SCTP", "UDP", "TCP", "TCP/TLS", "SCTP",
	"SCTP/DTLS" };
#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

/* How many rows speak of it: by kind, topology, server, protocol. */
static unsigned covered[3][4][3][PROTOCOLS];

static struct policy policy;

static FILE *open_table(void)
{
	static const char heading[] = "## The built-in tail\n";
	char line[1024];
	FILE *page = fopen(POLICY_PAGE, "r");

	ck_assert_msg(page != NULL, "%s", POLICY_PAGE);
	while (fgets(line, sizeof(line), page) != NULL) {
		if (strcmp(line, heading) == 0)
			return page;
	}
	ck_abort_msg("no heading %s", heading);
	return NULL;
}

/* The next row after the head of the table; false: the table has ended. */
static bool next_row(FILE *page, struct row *row)
{
	while (fgets(row->text, sizeof(row->text), page) != NULL && row->text[0] != '#') {
		struct span rest = span_trim(span_str(row->text));

		if (row->text[0] != '|' || span_starts(rest, SPAN_LIT("| case")) ||
			span_starts(rest, SPAN_LIT("|---")))
			continue;
		span_cut(&rest, '|');
		for (int i = 0; i < COLUMNS; i++) {
			ck_assert_msg(rest.len > 0, "too few cells: %s", row->text);
			row->cell[i] = span_trim(span_cut(&rest, '|'));
		}
		return true;
	}
	return false;
}

static bool says(struct span cell, const char *word)
{
	while (cell.len > 0) {
		if (span_eq(span_trim(span_cut(&cell, ',')), span_str(word)))
			return true;
	}
	return false;
}

/* ---- the same case as a document ---- */

#define HTTP_BY(scheme, sid)                                                                    \
	"\"mediaProxyConfig\":\"HTTP_PROXY\",\"streams\":{\"" sid "\":{\"streamId\":" sid       \
	"}},\"replaceHttpUrl\":{\"" sid "\":{\"streamId\":" sid ",\"replaceHttpUrl\":\"" scheme \
	"://as.example/\"}}"
#define CHANNELS_BY(proxy, sid) \
	"\"mediaProxyConfig\":\"" proxy "\",\"streams\":{\"" sid "\":{\"streamId\":" sid "}}"

/* The DcMedia without its server; NULL: no document can ask that. */
static const char *media_of(const struct policy_question *q, enum column column)
{
	bool has_tls = q->protocol != NULL && strstr(q->protocol, "TLS") != NULL;
	bool is_udp = q->protocol != NULL && strncmp(q->protocol, "UDP", 3) == 0;

	if (q->kind == POLICY_BDC)
		return column == PASSED      ? CHANNELS_BY("UDP_PROXY", "0")
		       : column == PROTECTED ? HTTP_BY("https", "0")
					     : HTTP_BY("http", "0");
	if (q->topology == POLICY_P2P) /* there is no hop behind */
		return column == PASSED      ? CHANNELS_BY("UDP_PROXY", "1000")
		       : column == PROTECTED ? CHANNELS_BY("DC_APPLICATION_PROXY", "1000")
					     : NULL;
	if (q->protocol == NULL)
		return q->topology == POLICY_P2A2P || column == PASSED ? NULL
		       : column == PROTECTED                           ? HTTP_BY("https", "1000")
								       : HTTP_BY("http", "1000");
	if (column == PASSED)
		return is_udp ? CHANNELS_BY("UDP_PROXY", "1000") : NULL;
	return has_tls == (column == PROTECTED) ? CHANNELS_BY("DC_APPLICATION_PROXY", "1000")
						: NULL;
}

static void write_server(char *buf, size_t cap, const struct policy_question *q)
{
	char ip[ADDR_TEXT_MAX];

	buf[0] = '\0';
	if (!addr_is_set(&q->server))
		return;
	addr_ip_text(&q->server, ip);
	if (q->protocol != NULL)
		snprintf(buf, cap,
			",\"mdc2Info\":{\"mdc2Protocol\":\"%s\",\"remoteMdc2Endpoint\":{\"ip\":{"
			"\"ipv4Addr\":\"%s\"},\"portNumber\":443}}",
			q->protocol, ip);
	else
		snprintf(buf, cap,
			",\"mdc1Info\":{\"remoteMdc1Endpoint\":{\"ip\":{\"ipv4Addr\":\"%s\"},"
			"\"portNumber\":443}}",
			ip);
}

static json_t *document_of(const struct policy_question *q, const char *media)
{
	static const char termination[] =
		"{\"terminationId\":\"%s\",\"medias\":[{\"mediaId\":\"m\","
		"\"mediaResourceType\":\"DC\",\"dcMedia\":{%s%s}}]}";
	bool has_two = q->topology == POLICY_P2P || q->topology == POLICY_P2A2P;
	char server[300], a[1000], b[1000], text[2200];

	write_server(server, sizeof(server), q);
	snprintf(a, sizeof(a), termination, "a", media, server);
	snprintf(b, sizeof(b), termination, "b", media, server);
	snprintf(text, sizeof(text), "{\"terminations\":[%s%s%s]}", a, has_two ? "," : "",
		has_two ? b : "");
	return json_loads(text, 0, NULL);
}

static unsigned documents, verdicts;

struct hearing {
	const struct policy_question *asked;
	bool expected;
	const char *rule;
};

static void hear(void *arg, const struct document_verdict *v)
{
	const struct hearing *h = arg;

	verdicts++;
	ck_assert_int_eq(v->question->kind, h->asked->kind);
	ck_assert_int_eq(v->question->topology, h->asked->topology);
	ck_assert_int_eq(v->answer->allowed, h->expected);
	ck_assert_str_eq(v->answer->rule, h->rule);
}

/* Only what the table says is tried: plain connections are allowed wherever they go. */
static void ask_by_document(
	const struct policy_question *q, enum column column, bool expected, const char *rule)
{
	struct hearing h = { q, expected, rule };
	const struct document_rules rules = { .max_streams = 2048,
		.max_message = 262144,
		.mdc1_plain.always = true,
		.mdc2_plain.always = true,
		.policy = &policy,
		.heard = hear,
		.heard_arg = &h };
	const char *media = media_of(q, column);
	struct problem p = { .kind = PROBLEM_NONE };
	struct context_spec spec;
	json_t *doc;
	bool rel18;

	if (media == NULL)
		return;
	doc = document_of(q, media);
	ck_assert_ptr_nonnull(doc);
	documents++;
	verdicts = 0;
	ck_assert_msg(document_check(doc, &rules, &rel18, &p), "%s", p.detail);
	if (document_decode(doc, &rules, NULL, &spec, &p))
		context_spec_finish(&spec);
	ck_assert_uint_ge(verdicts, 1);
	ck_assert_int_eq(p.kind == PROBLEM_SECURITY_POLICY, !expected);
	problem_finish(&p);
	json_decref(doc);
}

/* ---- the table ---- */

static void expect(struct policy_question *q, const struct row *row, enum column column)
{
	struct policy_answer a;
	bool expected = says(row->cell[column], "yes");
	char rule[100];

	ck_assert_msg(
		expected || says(row->cell[column], "no"), "neither yes nor no: %s", row->text);
	q->wanted = column == PASSED ? POLICY_E2E : POLICY_E2AE;
	q->protected_mdc = column != PLAIN;
	snprintf(rule, sizeof(rule), "built-in tail: %.*s", SPAN_FMT(row->cell[RULE]));
	ck_assert_msg(
		policy_decide(&policy, q, &a) == expected, "column %d of %s", column, row->text);
	ck_assert_str_eq(a.rule, rule);
	if (q->kind != POLICY_KIND_ANY)
		ask_by_document(q, column, expected, rule);
}

static void check_case(
	const struct row *row, uint8_t kind, uint8_t topology, uint8_t server, unsigned protocol)
{
	struct policy_question q = { .kind = kind,
		.topology = topology,
		.protocol = protocol > 0 ? protocols[protocol] : NULL };

	if (server == POLICY_INTERNAL)
		addr_parse_ip(SPAN_LIT("10.0.0.1"), 443, &q.server);
	if (server == POLICY_EXTERNAL)
		addr_parse_ip(SPAN_LIT("192.0.2.1"), 443, &q.server);
	covered[kind][topology][server][protocol]++;
	expect(&q, row, PROTECTED);
	expect(&q, row, PLAIN);
	expect(&q, row, PASSED);
}

/* Every combination of the words in its cells. */
static void check_row(const struct row *row)
{
	static const char *const kinds[] = { "other", "bdc", "adc" };
	static const char *const topologies[] = { "none", "p2a", "p2p", "p2a2p" };
	static const char *const servers[] = { "none", "internal", "external" };

	for (unsigned n = 0; n < 3 * 4 * 3 * PROTOCOLS; n++) {
		unsigned k = n % 3, t = n / 3 % 4, s = n / 12 % 3, p = n / 36;

		if (says(row->cell[CHANNEL], kinds[k]) &&
			says(row->cell[TOPOLOGY], topologies[t]) &&
			says(row->cell[SERVER], servers[s]) &&
			says(row->cell[PROTOCOL], protocols[p]))
			check_case(row, (uint8_t)k, (uint8_t)t, (uint8_t)s, p);
	}
}

/* Every channel that can be is in one row. */
static void check_cover(void)
{
	for (unsigned s = POLICY_INTERNAL; s <= POLICY_EXTERNAL; s++) {
		ck_assert_uint_eq(covered[POLICY_BDC][POLICY_TOPOLOGY_ANY][s][0], 1);
		for (unsigned p = 0; p < PROTOCOLS; p++) {
			ck_assert_uint_eq(covered[POLICY_ADC][POLICY_P2A][s][p], 1);
			ck_assert_uint_eq(covered[POLICY_ADC][POLICY_P2A2P][s][p], 1);
		}
	}
	ck_assert_uint_eq(covered[POLICY_ADC][POLICY_P2P][POLICY_SERVER_ANY][0], 1);
}

START_TEST(the_table_of_the_page_is_what_the_policy_answers)
{
	FILE *page = open_table();
	const char *why;
	struct row row;
	unsigned rows = 0;

	ck_assert(policy_add_network(&policy, SPAN_LIT("10.0.0.0/8"), &why));
	for (; next_row(page, &row); rows++)
		check_row(&row);
	fclose(page);
	ck_assert_uint_eq(rows, 6);
	check_cover();
	ck_assert_uint_eq(documents, DOCUMENTS);
	policy_finish(&policy);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("policy table");
	TCase *t = tcase_create("policy table");

	control_init();
	tcase_add_test(t, the_table_of_the_page_is_what_the_policy_answers);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
