/* document_policy.c: what a document asks, as questions to the policy; the one place where it is refused for that. */
#include "control/document_schema.h"

#include <stdio.h>
#include <string.h>

#include "control/json.h"
#include "control/policy.h"

#define APPLICATION_SIDS \
	1000 /* the first id of an application channel (TS 24.186); with HTTP_PROXY all below is bootstrap */

static const struct policy built_in; /* zeroed: the tail alone */

static const struct policy *policy_of(const struct document_rules *rules)
{
	return rules->policy != NULL ? rules->policy : &built_in;
}

/* One channel between two UEs, or with `stream` NULL those that DCEP will open. */
static bool decide_channel(struct check *k, uint16_t sid, const json_t *stream, uint8_t wanted)
{
	bool is_bootstrap =
		stream != NULL && policy_is_bootstrap(sid, js_get_text(stream, "subprotocol"));
	struct policy_question q = {
		.kind = is_bootstrap ? POLICY_BDC : POLICY_ADC,
		.bdc = is_bootstrap ? (uint8_t)policy_bdc_side(sid) : POLICY_BDC_ANY,
		.topology = is_bootstrap ? POLICY_TOPOLOGY_ANY : POLICY_P2P,
		.wanted = wanted,
		.protected_mdc = true, /* there is no server to go to */
	};
	struct policy_answer answer;

	if (policy_decide(policy_of(k->rules), &q, &answer))
		return true;
	check_refused(k, PROBLEM_SECURITY_POLICY, "dcMedia/mediaProxyConfig", "%s", answer.detail);
	return false;
}

/* Channels that go on to the other termination: ended in between, or passed. */
static void decide_joined(struct check *k, const json_t *dc, uint8_t wanted)
{
	json_t *streams = json_object_get(dc, "streams"), *stream;
	const char *key;
	uint16_t sid = 0;

	if (json_object_get(dc, "mdc1Info") != NULL)
		check_refused(k, PROBLEM_NOT_BUILT, "dcMedia/mdc1Info",
			"data channels toward the DCSF are not built yet: MDC1 speaks HTTP");
	if (json_object_size(streams) == 0)
		decide_channel(k, 0, NULL, wanted);
	json_object_foreach (streams, key, stream) {
		if (stream_id_parse(key, &sid) && !decide_channel(k, sid, stream, wanted))
			return;
	}
}

/* Nothing falls silently from one mode to the other, not even an attribute that is only shown. */
static void check_mode(struct check *k, const json_t *media, const char *proxy)
{
	const char *said = js_get_text(json_object_get(media, "dcmf"), "securityMode");
	bool passes = media_passes(media);
	const char *mode = passes ? "E2E" : "E2AE";

	if (said != NULL && strcmp(said, mode) != 0)
		check_refused(k, PROBLEM_SECURITY_POLICY, "dcmf/securityMode",
			"with %s %s: the mode is %s", proxy != NULL ? proxy : "HTTP_PROXY",
			passes ? "DTLS passes through" : "the gateway ends DTLS", mode);
}

void document_decide_proxy(struct check *k, const json_t *media)
{
	const json_t *dc = json_object_get(media, "dcMedia");
	const char *proxy = js_get_text(dc, "mediaProxyConfig");
	bool is_http =
		proxy == NULL || strcmp(proxy, "HTTP_PROXY") == 0 || strcmp(proxy, "HTTP") == 0;

	if (media_passes(media))
		decide_joined(k, dc, POLICY_E2E);
	else if (!is_http && strcmp(proxy, "DC_APPLICATION_PROXY") == 0)
		decide_joined(k, dc, POLICY_E2AE);
	else if (!is_http)
		check_refused(k, PROBLEM_NOT_BUILT, "dcMedia/mediaProxyConfig",
			"%.64s is not known here", proxy);
	check_mode(k, media, proxy);
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
