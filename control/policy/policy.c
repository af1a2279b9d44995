/* policy.c: who may end DTLS where: rules asked in order, and the tail that stands behind them. */
#include "control/policy/policy.h"

#include <stdio.h>
#include <strings.h>

#include "dcmf/base/alloc.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- bootstrap channels ----------------------------------------------------------------- */

enum policy_bdc policy_bdc_side(uint16_t sid)
{
	switch (sid) {
	case 0:
	case 10: return POLICY_BDC_LOCAL;
	case 100:
	case 110: return POLICY_BDC_REMOTE;
	default: return POLICY_BDC_ANY;
	}
}

bool policy_is_bootstrap(int64_t sid, const char *subprotocol)
{
	if (sid < 0 || sid >= POLICY_APPLICATION_SID)
		return false;
	if (subprotocol != NULL)
		return strcasecmp(subprotocol, "http") == 0;
	return policy_bdc_side((uint16_t)sid) != POLICY_BDC_ANY;
}

/* ---- the built-in tail ------------------------------------------------------------------ */

struct tail_rule {
	const char *words;
	struct policy_rule rule;
};

static const char data_channels[] = "UDP/DTLS/SCTP", datagrams[] = "UDP";

#define TEXT(array) ((char *)(uintptr_t)(array))

/* Spec 7.2. A server of a P2A2P leg is as any server; P2P has none. */
static const struct tail_rule tail[] = {
	{ "bdc ends here", { .kind = POLICY_BDC, .then = POLICY_E2AE } },
	{ "adc between two UEs may end here or pass",
		{ .kind = POLICY_ADC, .topology = POLICY_P2P, .then = POLICY_AS_ASKED } },
	{ "adc to the operator's own server ends here",
		{ .kind = POLICY_ADC, .server = POLICY_INTERNAL, .then = POLICY_E2AE } },
	{ "adc to a foreign server that speaks data channels passes",
		{ .kind = POLICY_ADC,
			.server = POLICY_EXTERNAL,
			.protocol = TEXT(data_channels),
			.then = POLICY_E2E } },
	{ "adc to a foreign server that speaks data channels passes",
		{ .kind = POLICY_ADC,
			.server = POLICY_EXTERNAL,
			.protocol = TEXT(datagrams),
			.then = POLICY_E2E } },
	{ "adc to a foreign server ends here, protected behind",
		{ .kind = POLICY_ADC,
			.server = POLICY_EXTERNAL,
			.then = POLICY_E2AE,
			.require_protected_mdc = true } },
	{ "what fits nothing is refused", { .then = POLICY_REFUSE } },
};

/* ---- asking ----------------------------------------------------------------------------- */

static bool network_has(const struct policy_network *n, const struct addr *a)
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	if (n->prefix.family != a->family || memcmp(n->prefix.ip, a->ip, whole) != 0)
		return false;
	return rest == 0 || ((n->prefix.ip[whole] ^ a->ip[whole]) & mask) == 0;
}

bool policy_is_internal(const struct policy *policy, const struct addr *server)
{
	for (unsigned i = 0; i < policy->network_count; i++) {
		if (network_has(&policy->operator_networks[i], server))
			return true;
	}
	return false;
}

enum policy_server policy_server_of(const struct policy *policy, const struct policy_question *q)
{
	if (q->kind == POLICY_ADC && q->topology == POLICY_P2P)
		return POLICY_SERVER_ANY;
	return q->own_server || policy_is_internal(policy, &q->server) ? POLICY_INTERNAL
								       : POLICY_EXTERNAL;
}

static bool fits(uint8_t wanted, uint8_t is)
{
	return wanted == 0 || wanted == is;
}

static bool fits_text(const char *wanted, const char *is)
{
	return wanted == NULL || (is != NULL && strcmp(wanted, is) == 0);
}

static bool matches(
	const struct policy_rule *r, const struct policy_question *q, enum policy_server server)
{
	return fits(r->kind, q->kind) && fits(r->bdc, q->bdc) && fits(r->topology, q->topology) &&
	       fits(r->server, (uint8_t)server) && fits_text(r->protocol, q->protocol) &&
	       fits_text(r->application, q->application) &&
	       fits_text(r->third_party, q->third_party);
}

static const struct policy_rule *find_rule(
	const struct policy *policy, const struct policy_question *q, struct policy_answer *answer)
{
	enum policy_server server = policy_server_of(policy, q);
	unsigned i;

	for (i = 0; i < policy->rule_count; i++) {
		if (matches(&policy->rules[i], q, server)) {
			answer->number = (int)i;
			snprintf(answer->rule, sizeof(answer->rule), "policy.rules[%u]", i);
			return &policy->rules[i];
		}
	}
	for (i = 0; !matches(&tail[i].rule, q, server); i++)
		; /* the last one matches everything */
	snprintf(answer->rule, sizeof(answer->rule), "built-in tail: %s", tail[i].words);
	return &tail[i].rule;
}

bool policy_decide(const struct policy *policy, const struct policy_question *question,
	struct policy_answer *answer)
{
	static const char *const modes[] = {
		[POLICY_E2AE] = "DTLS is to end here (e2ae)", [POLICY_E2E] = "DTLS is to pass (e2e)"
	};
	const struct policy_rule *r;

	*answer = (struct policy_answer){ .number = -1 };
	r = find_rule(policy, question, answer);
	answer->require_protected_mdc = r->require_protected_mdc;

	if (r->then == POLICY_REFUSE)
		snprintf(answer->detail, sizeof(answer->detail), "%s: refused", answer->rule);
	else if (r->then != POLICY_AS_ASKED && r->then != question->wanted)
		snprintf(answer->detail, sizeof(answer->detail), "%s: %s", answer->rule,
			modes[r->then]);
	else if (r->require_protected_mdc && !question->protected_mdc)
		snprintf(answer->detail, sizeof(answer->detail),
			"%s: TLS or DTLS is wanted towards the server", answer->rule);
	else
		answer->allowed = true;
	return answer->allowed;
}

/* ---- building --------------------------------------------------------------------------- */

void policy_finish(struct policy *policy)
{
	for (unsigned i = 0; i < policy->rule_count; i++) {
		mem_free(policy->rules[i].protocol);
		mem_free(policy->rules[i].application);
		mem_free(policy->rules[i].third_party);
	}
	mem_free(policy->rules);
	mem_free(policy->operator_networks);
	*policy = (struct policy){ 0 };
}

bool policy_add_network(struct policy *policy, struct span text, const char **why)
{
	struct policy_network n = { 0 }, *more;
	struct span bits = span_trim(text), ip = span_cut(&bits, '/');
	bool has_bits = ip.len < span_trim(text).len;
	uint64_t number;

	*why = "an IP network is wanted, as 10.0.0.0/8 or 2001:db8::/32";
	if (!addr_parse_ip(ip, 0, &n.prefix))
		return false;
	number = n.prefix.family == ADDR_IPV6 ? 128 : 32;
	if (has_bits && !span_to_u64(bits, number, &number))
		return false;
	n.bits = (unsigned)number;

	*why = "out of memory";
	more = mem_realloc(policy->operator_networks, (policy->network_count + 1) * sizeof(*more));
	if (more == NULL)
		return false;
	policy->operator_networks = more;
	more[policy->network_count++] = n;
	return true;
}

struct policy_rule *policy_add_rule(struct policy *policy)
{
	struct policy_rule *more =
		mem_realloc(policy->rules, (policy->rule_count + 1) * sizeof(*more));

	if (more == NULL)
		return NULL;
	policy->rules = more;
	more[policy->rule_count] = (struct policy_rule){ 0 };
	return &more[policy->rule_count++];
}

/* A value of a rule, by its word. */
struct word {
	const char *word;
	uint8_t value;
};

#define WORDS_MAX 6

static const struct key {
	const char *key;
	const char *why; /* what is wanted */
	size_t at;       /* offset in struct policy_rule */
	bool is_text;    /* the word itself is kept; without words any text is */
	bool beside_match;
	struct word words[WORDS_MAX];
} keys[] = {
#define AT(member) offsetof(struct policy_rule, member)
	{ "kind", "bdc or adc is wanted", AT(kind), false, false,
		{ { "bdc", POLICY_BDC }, { "adc", POLICY_ADC } } },
	{ "bdc", "local or remote is wanted", AT(bdc), false, false,
		{ { "local", POLICY_BDC_LOCAL }, { "remote", POLICY_BDC_REMOTE } } },
	{ "topology", "p2a, p2p or p2a2p is wanted", AT(topology), false, false,
		{ { "p2a", POLICY_P2A }, { "p2p", POLICY_P2P }, { "p2a2p", POLICY_P2A2P } } },
	{ "server", "internal or external is wanted", AT(server), false, false,
		{ { "internal", POLICY_INTERNAL }, { "external", POLICY_EXTERNAL } } },
	{ "protocol", "UDP/DTLS/SCTP, UDP, TCP, TCP/TLS, SCTP or SCTP/DTLS is wanted", AT(protocol),
		true, false,
		{ { data_channels, 0 }, { datagrams, 0 }, { "TCP", 0 }, { "TCP/TLS", 0 },
			{ "SCTP", 0 }, { "SCTP/DTLS", 0 } } },
	{ "application", "a text is wanted", AT(application), true, false, { { NULL, 0 } } },
	{ "third_party", "a text is wanted", AT(third_party), true, false, { { NULL, 0 } } },
	{ "then", "e2ae, e2e or refuse is wanted", AT(then), false, true,
		{ { "refuse", POLICY_REFUSE }, { "e2ae", POLICY_E2AE }, { "e2e", POLICY_E2E } } },
	{ "require_protected_mdc", "true or false is wanted", AT(require_protected_mdc), false,
		true, { { "true", true }, { "false", false } } },
};

static bool set_text(char **at, const char *value, const char **why)
{
	char *copy = mem_strdup(value);

	if (copy == NULL) {
		*why = "out of memory";
		return false;
	}
	mem_free(*at);
	*at = copy;
	return true;
}

static const struct word *find_word(const struct key *k, const char *value)
{
	for (size_t w = 0; w < WORDS_MAX && k->words[w].word != NULL; w++) {
		if (strcmp(k->words[w].word, value) == 0)
			return &k->words[w];
	}
	return NULL;
}

static bool set(struct policy_rule *rule, const char *key, const char *value, bool beside_match,
	const char **why)
{
	*why = "unknown key";
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		const struct key *k = &keys[i];
		const struct word *word = find_word(k, value);
		bool takes_any = k->is_text && k->words[0].word == NULL && value[0] != '\0';
		uint8_t *at = (uint8_t *)rule + k->at;

		if (k->beside_match != beside_match || strcmp(k->key, key) != 0)
			continue;
		*why = k->why;
		if (word == NULL && !takes_any)
			return false;
		if (k->is_text)
			return set_text((char **)(void *)at, value, why);
		*at = word->value;
		return true;
	}
	return false;
}

bool policy_rule_match(
	struct policy_rule *rule, const char *key, const char *value, const char **why)
{
	return set(rule, key, value, false, why);
}

bool policy_rule_set(struct policy_rule *rule, const char *key, const char *value, const char **why)
{
	return set(rule, key, value, true, why);
}

const char *policy_word(const char *key, uint8_t value)
{
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		for (size_t w = 0; strcmp(keys[i].key, key) == 0 && w < WORDS_MAX; w++) {
			if (keys[i].words[w].word != NULL && keys[i].words[w].value == value)
				return keys[i].words[w].word;
		}
	}
	return NULL;
}

bool policy_rule_makes_sense(const struct policy *policy, const struct policy_rule *r,
	const char **key, const char **why)
{
	static const char not_bdc[] = "is of application channels, the rule of bootstrap ones";
	bool is_bdc = r->kind == POLICY_BDC || r->bdc != POLICY_BDC_ANY;
	bool is_p2p = r->topology == POLICY_P2P;
	const struct {
		bool is_wrong;
		const char *key, *why;
	} faults[] = {
		{ r->kind == POLICY_ADC && r->bdc != POLICY_BDC_ANY, "bdc",
			"is of bootstrap channels, the rule of application ones" },
		{ is_bdc && r->topology != POLICY_TOPOLOGY_ANY, "topology", not_bdc },
		{ is_bdc && r->protocol != NULL, "protocol", not_bdc },
		{ is_bdc && r->application != NULL, "application", not_bdc },
		{ is_p2p && r->server != POLICY_SERVER_ANY, "server",
			"between two UEs there is none" },
		{ is_p2p && r->protocol != NULL, "protocol", "is a server's, p2p has none" },
		{ r->server == POLICY_INTERNAL && policy->network_count == 0, "server",
			"internal needs policy.operator_networks" },
	};

	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		if (faults[i].is_wrong) {
			*key = faults[i].key;
			*why = faults[i].why;
			return false;
		}
	}
	return true;
}

/* ---- comparing -------------------------------------------------------------------------- */

bool policy_networks_equal(const struct policy *a, const struct policy *b)
{
	const struct policy_network *x = a->operator_networks, *y = b->operator_networks;

	if (a->network_count != b->network_count)
		return false;
	for (unsigned i = 0; i < a->network_count; i++) {
		if (x[i].bits != y[i].bits || !addr_eq(&x[i].prefix, &y[i].prefix))
			return false;
	}
	return true;
}

static bool texts_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool rule_equal(const struct policy_rule *a, const struct policy_rule *b)
{
	return a->kind == b->kind && a->bdc == b->bdc && a->topology == b->topology &&
	       a->server == b->server && a->then == b->then &&
	       a->require_protected_mdc == b->require_protected_mdc &&
	       texts_equal(a->protocol, b->protocol) &&
	       texts_equal(a->application, b->application) &&
	       texts_equal(a->third_party, b->third_party);
}

bool policy_rules_equal(const struct policy *a, const struct policy *b)
{
	if (a->rule_count != b->rule_count)
		return false;
	for (unsigned i = 0; i < a->rule_count; i++) {
		if (!rule_equal(&a->rules[i], &b->rules[i]))
			return false;
	}
	return true;
}
