/* policy.c: who may end DTLS where: rules asked in order, and the tail that stands behind them. */
#include "control/policy.h"

#include <stdio.h>
#include <strings.h>

#include "dcmf/base/alloc.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- bootstrap channels ----------------------------------------------------------------- */

#define BOOTSTRAP_END 1000 /* application channels start here (TS 24.186 9.3.2.2) */

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
	if (sid < 0 || sid >= BOOTSTRAP_END)
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

static enum policy_server side_of(const struct policy *policy, const struct addr *server)
{
	for (unsigned i = 0; server->family != ADDR_NONE && i < policy->network_count; i++) {
		if (network_has(&policy->operator_networks[i], server))
			return POLICY_INTERNAL;
	}
	return POLICY_EXTERNAL;
}

bool policy_is_internal(const struct policy *policy, const struct addr *server)
{
	return side_of(policy, server) == POLICY_INTERNAL;
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
	enum policy_server server = side_of(policy, &q->server);
	unsigned i;

	for (i = 0; i < policy->rule_count; i++) {
		if (matches(&policy->rules[i], q, server)) {
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

	*answer = (struct policy_answer){ 0 };
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

#define WORDS_MAX 4

static const struct key {
	const char *key;
	const char *why; /* what is wanted */
	size_t at;       /* offset in struct policy_rule */
	bool is_text;    /* the word itself is kept; without words any text is */
	bool beside_match;
	struct word words[WORDS_MAX];
} keys[] = {
#define AT(member) offsetof(struct policy_rule, member)
	{ "kind", "bdc or adc", AT(kind), false, false,
		{ { "bdc", POLICY_BDC }, { "adc", POLICY_ADC } } },
	{ "bdc", "local or remote", AT(bdc), false, false,
		{ { "local", POLICY_BDC_LOCAL }, { "remote", POLICY_BDC_REMOTE } } },
	{ "topology", "p2a, p2p or p2a2p", AT(topology), false, false,
		{ { "p2a", POLICY_P2A }, { "p2p", POLICY_P2P }, { "p2a2p", POLICY_P2A2P } } },
	{ "server", "internal or external", AT(server), false, false,
		{ { "internal", POLICY_INTERNAL }, { "external", POLICY_EXTERNAL } } },
	{ "protocol", "a text", AT(protocol), true, false, { { NULL, 0 } } },
	{ "application", "a text", AT(application), true, false, { { NULL, 0 } } },
	{ "third_party", "a text", AT(third_party), true, false, { { NULL, 0 } } },
	{ "then", "e2ae, e2e or refuse", AT(then), false, true,
		{ { "refuse", POLICY_REFUSE }, { "e2ae", POLICY_E2AE }, { "e2e", POLICY_E2E } } },
	{ "require_protected_mdc", "true or false", AT(require_protected_mdc), false, true,
		{ { "true", true }, { "false", false } } },
};

static bool set_text(char **at, const char *value, const char **why)
{
	char *copy = value[0] != '\0' ? mem_strdup(value) : NULL;

	if (copy == NULL) {
		*why = value[0] != '\0' ? "out of memory" : "a text is wanted";
		return false;
	}
	mem_free(*at);
	*at = copy;
	return true;
}

static bool set(struct policy_rule *rule, const char *key, const char *value, bool beside_match,
	const char **why)
{
	*why = "there is no such key";
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		const struct key *k = &keys[i];
		uint8_t *at = (uint8_t *)rule + k->at;

		if (k->beside_match != beside_match || strcmp(k->key, key) != 0)
			continue;
		if (k->is_text)
			return set_text((char **)(void *)at, value, why);
		*why = k->why;
		for (size_t w = 0; w < WORDS_MAX && k->words[w].word != NULL; w++) {
			if (strcmp(k->words[w].word, value) == 0) {
				*at = k->words[w].value;
				return true;
			}
		}
		return false;
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
