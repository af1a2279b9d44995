/*
 * document_policy.c: what a document asks, as questions to the policy; the one place where it is
 * refused for that.
 */
#include "control/document_schema.h"

#include <stdio.h>
#include <string.h>

#include "control/json.h"
#include "control/policy.h"

#define APPLICATION_SIDS \
	1000 /* the first id of an application channel (TS 24.186); HTTP below it is bootstrap */

static const struct policy built_in; /* zeroed: the tail alone */

static const struct policy *policy_of(const struct document_rules *rules)
{
	return rules->policy != NULL ? rules->policy : &built_in;
}

/* A bootstrap channel among the agreed ones; false when there is none. */
static bool find_bootstrap(const json_t *dc, uint16_t *sid)
{
	json_t *streams = json_object_get(dc, "streams"), *stream;
	const char *key;

	json_object_foreach (streams, key, stream) {
		if (stream_id_parse(key, sid) &&
			policy_is_bootstrap(*sid, js_get_text(stream, "subprotocol")))
			return true;
	}
	return false;
}

/* DTLS is to pass through: the policy may forbid it; what it allows is not built. */
static void decide_passing(struct check *k, const json_t *dc)
{
	struct policy_question q = {
		.kind = POLICY_BDC, .topology = POLICY_P2A, .wanted = POLICY_E2E
	};
	struct policy_answer answer;
	uint16_t sid = 0;

	if (find_bootstrap(dc, &sid)) {
		q.bdc = (uint8_t)policy_bdc_side(sid);
		if (!policy_decide(policy_of(k->rules), &q, &answer)) {
			check_refused(k, PROBLEM_SECURITY_POLICY, "dcMedia/mediaProxyConfig", "%s",
				answer.detail);
			return;
		}
	}
	check_refused(k, PROBLEM_NOT_BUILT, "dcMedia/mediaProxyConfig",
		"application data channels are not built yet");
}

void document_decide_proxy(struct check *k, const json_t *media)
{
	const json_t *dc = json_object_get(media, "dcMedia");
	const char *proxy = js_get_text(dc, "mediaProxyConfig");
	const char *mode = js_get_text(json_object_get(media, "dcmf"), "securityMode");

	if (proxy == NULL || strcmp(proxy, "HTTP_PROXY") == 0 || strcmp(proxy, "HTTP") == 0) {
		/* Nothing falls silently from one mode to the other, not even an attribute that is only shown. */
		if (mode != NULL && strcmp(mode, "E2AE") != 0)
			check_refused(k, PROBLEM_SECURITY_POLICY, "dcmf/securityMode",
				"with HTTP_PROXY the gateway ends DTLS: the mode is E2AE");
	} else if (strcmp(proxy, "UDP_PROXY") == 0 || strcmp(proxy, "UDP") == 0) {
		decide_passing(k, dc);
	} else if (strcmp(proxy, "DC_APPLICATION_PROXY") == 0) {
		check_refused(k, PROBLEM_NOT_BUILT, "dcMedia/mediaProxyConfig",
			"application data channels are not built yet");
	} else {
		check_refused(k, PROBLEM_NOT_BUILT, "dcMedia/mediaProxyConfig",
			"%.64s is not known here", proxy);
	}
}

/* mdc1.allow_plain, by where the connection goes. */
static bool plain_is_allowed(const struct document_rules *rules, const struct addr *at)
{
	if (rules->mdc1_plain_always)
		return true;
	if (rules->mdc1_plain_loopback && addr_is_loopback(at))
		return true;
	return rules->mdc1_plain_operator && policy_is_internal(policy_of(rules), at);
}

/* The embedded DCSF is a part of this node: what goes there leaves nobody's hands. */
static bool is_part_of_node(const struct document_rules *rules, const struct root_spec *root)
{
	return rules->embedded_root != NULL && addr_is_loopback(&root->connect) &&
	       addr_eq(&root->connect, &rules->embedded_addr);
}

bool document_decide_root(const struct document_rules *rules, const char *third_party, uint16_t sid,
	const struct root_spec *root, char why[160])
{
	bool is_tls = root != NULL && strncasecmp(root->url, "https:", 6) == 0;
	bool is_inside = root == NULL || is_part_of_node(rules, root);
	bool is_bootstrap = sid == ROOT_ANY_SID || sid < APPLICATION_SIDS;
	struct policy_question q = {
		.kind = is_bootstrap ? POLICY_BDC : POLICY_ADC,
		.bdc = (uint8_t)policy_bdc_side(sid),
		.topology = POLICY_P2A,
		.third_party = third_party,
		.wanted = POLICY_E2AE,
		.protected_mdc = is_tls || is_inside,
	};
	struct policy_answer answer;
	char where[ADDR_TEXT_MAX];

	if (root != NULL)
		q.server = root->connect;
	if (!policy_decide(policy_of(rules), &q, &answer)) {
		snprintf(why, 160, "%s", answer.detail);
		return false;
	}
	if (is_tls || is_inside || plain_is_allowed(rules, &root->connect))
		return true;
	snprintf(why, 160, "mdc1.allow_plain forbids plain HTTP to %s",
		addr_text(&root->connect, where));
	return false;
}
