/*
 * policy.h: who may end DTLS where (contract, section 5), as a function of a question.
 *
 * The configured rules are asked in order and the first that matches decides; behind them stands
 * the built-in tail, the table in README.md: bootstrap channels end here, application servers of
 * the operator are reached through the gateway, foreign ones end to end where they speak data
 * channels and protected where they do not, and whatever fits nothing is refused.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"

enum policy_kind { POLICY_KIND_ANY, POLICY_BDC, POLICY_ADC };
enum policy_bdc { POLICY_BDC_ANY, POLICY_BDC_LOCAL, POLICY_BDC_REMOTE };
enum policy_topology { POLICY_TOPOLOGY_ANY, POLICY_P2A, POLICY_P2P, POLICY_P2A2P };
enum policy_server { POLICY_SERVER_ANY, POLICY_INTERNAL, POLICY_EXTERNAL };

/* Zeroed refuses: a rule that says nothing fails closed. */
enum policy_then {
	POLICY_REFUSE,
	POLICY_E2AE,     /* the gateway ends DTLS */
	POLICY_E2E,      /* DTLS passes through */
	POLICY_AS_ASKED, /* either; only the built-in tail says so */
};

/* What is not set matches everything. Texts are owned by the policy. */
struct policy_rule {
	unsigned line; /* where it starts in its file; 0: in none */
	uint8_t kind, bdc, topology, server;
	char *protocol;    /* an mdc2Protocol */
	char *application; /* application id */
	char *third_party; /* dcmf.thirdParty */
	uint8_t then;
	bool require_protected_mdc;
};

struct policy_network {
	struct addr prefix; /* port 0 */
	unsigned bits;
};

/* Zeroed is the built-in tail alone, with every server external. */
struct policy {
	struct policy_network *operator_networks;
	unsigned network_count;
	struct policy_rule *rules;
	unsigned rule_count;
	/* Without ICE the source that completes the handshake may be another than signalled. */
	bool latch;
};

void policy_finish(struct policy *policy);

/* "10.0.0.0/8", "2001:db8::/32", "192.0.2.7". False: *why says what is wrong; nothing was added. */
bool policy_add_network(struct policy *policy, struct span text, const char **why);
/*
 * Appends a rule that matches everything and refuses; NULL: out of memory. It is valid until the
 * next one is added.
 */
struct policy_rule *policy_add_rule(struct policy *policy);
/* One `key: value` of a rule, of its `match` or beside it. False: *why says what is wrong. */
bool policy_rule_match(
	struct policy_rule *rule, const char *key, const char *value, const char **why);
bool policy_rule_set(
	struct policy_rule *rule, const char *key, const char *value, const char **why);
/* The word for a value of `key`; NULL: it has none, which matches everything. */
const char *policy_word(const char *key, uint8_t value);
/*
 * Can anything match the rule? False: *key of its `match` contradicts the rest, and *why says how.
 * Asked when all networks are known.
 */
bool policy_rule_makes_sense(const struct policy *policy, const struct policy_rule *rule,
	const char **key, const char **why);

/* The same in the same order? Lines in files do not count. */
bool policy_networks_equal(const struct policy *a, const struct policy *b);
bool policy_rules_equal(const struct policy *a, const struct policy *b);

/* A channel of a media, as far as policy cares. Texts may be NULL. */
struct policy_question {
	uint8_t kind;       /* POLICY_BDC or POLICY_ADC */
	uint8_t bdc;        /* of a bdc: local or remote */
	uint8_t topology;   /* of an adc */
	struct addr server; /* MDC1 or MDC2 endpoint; ADDR_NONE: not known, counts as external */
	bool own_server;    /* it is a part of this node: internal, whatever the networks are */
	const char *protocol, *application, *third_party;
	/* POLICY_E2AE (HTTP_PROXY, DC_APPLICATION_PROXY) or POLICY_E2E (UDP_PROXY) */
	uint8_t wanted;
	bool protected_mdc; /* MDC1 or MDC2 runs over TLS or DTLS, or there is none */
};

struct policy_answer {
	bool allowed;
	bool require_protected_mdc; /* also later, when the server is told by an update */
	int number;       /* the rule that decided, in policy.rules; -1: one of the built-in tail */
	char rule[80];    /* its name: "policy.rules[2]", "built-in tail: bdc ends here" */
	char detail[160]; /* a sentence that names the rule; empty when allowed */
};

/*
 * A pure function. Returns answer->allowed; a refusal is for the controller as SECURITY_POLICY, and
 * never turned into the other mode.
 */
bool policy_decide(const struct policy *policy, const struct policy_question *question,
	struct policy_answer *answer);

/* Is the server in one of policy.operator_networks? */
bool policy_is_internal(const struct policy *policy, const struct addr *server);
/* On which side a question's server is; POLICY_SERVER_ANY: between two UEs there is none. */
enum policy_server policy_server_of(
	const struct policy *policy, const struct policy_question *question);

/* Application channels start here, bootstrap ones stand below (TS 24.186 9.3.2.2). */
#define POLICY_APPLICATION_SID 1000

/*
 * Local: the network of the UE's own side (streams 0, 10); remote: the other side's (100, 110).
 * POLICY_BDC_ANY: neither (TS 26.114 6.2.10.1).
 */
enum policy_bdc policy_bdc_side(uint16_t sid);
/* One of the four, or another below 1000 that speaks http. `subprotocol` NULL: not told. */
bool policy_is_bootstrap(int64_t sid, const char *subprotocol);
