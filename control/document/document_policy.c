/*
 * document_policy.c: what a document asks, as questions to the policy; the one place where it is
 * refused for that.
 */
#include "control/document/document_schema.h"

#include <stdio.h>
#include <string.h>

#include "control/json.h"
#include "control/policy/policy.h"

/* The document under decision, and the media where the decision stands. */
struct decision {
	const struct document_rules *rules;
	const char *third_party;         /* dcmf.thirdParty */
	bool is_p2a2p;                   /* two UEs meet at an application server */
	const struct context_spec *wish; /* the whole */
	struct problem *p;

	unsigned termination, media;
	const json_t *said;            /* the media as the controller said it */
	const json_t *dc;              /* its dcMedia */
	const struct media_spec *spec; /* the same as the relay is to have it */
	bool has_server;               /* it names one, */
	struct media_server server;    /* this one */
};

static const struct policy *policy_of(const struct document_rules *rules)
{
	static const struct policy built_in; /* zeroed: the tail alone */

	return rules->policy != NULL ? rules->policy : &built_in;
}

/* Nothing falls silently from one mode to the other, not even an attribute that is only shown. */
void document_check_mode(struct check *k, const json_t *media)
{
	const char *proxy = js_get_text(json_object_get(media, "dcMedia"), "mediaProxyConfig");
	const char *said = js_get_text(json_object_get(media, "dcmf"), "securityMode");
	bool passes = proxy != NULL && strncmp(proxy, "UDP", 3) == 0;
	const char *mode = passes ? "E2E" : "E2AE";

	if (said != NULL && strcmp(said, mode) != 0)
		check_refused(k, PROBLEM_SECURITY_POLICY, "dcmf/securityMode",
			"with %s %s: the mode is %s", proxy != NULL ? proxy : "HTTP",
			passes ? "DTLS passes through" : "the gateway ends DTLS", mode);
}

/* Servers. */

/* By where the connection goes. */
static bool plain_is_allowed(
	const struct document_rules *rules, const struct plain_rules *plain, const struct addr *at)
{
	if (plain->always)
		return true;
	if (plain->loopback && addr_is_loopback(at))
		return true;
	return plain->operator_networks && policy_is_internal(policy_of(rules), at);
}

/*
 * The embedded DCSF is a part of this node: what goes there leaves nobody's hands. A configured one
 * is where the streams without a URL go, too, and away from the host it is as any other.
 */
static bool is_part_of_node(const struct document_rules *rules, const struct root_spec *root)
{
	return rules->embedded_root != NULL && addr_is_loopback(&root->connect) &&
	       addr_eq(&root->connect, &rules->embedded_addr);
}

static bool has_tls(const char *protocol)
{
	return protocol != NULL && strstr(protocol, "TLS") != NULL; /* DTLS too */
}

/* The one that is named, else nobody: then there is no hop that wants protection. */
static void name_server(const struct decision *d, struct policy_question *q)
{
	q->protected_mdc = true;
	if (!d->has_server)
		return;
	q->server = document_endpoint(d->server.endpoint);
	q->protocol = d->server.protocol;
	/* what passes is protected by the UE's own DTLS, which goes on to the server */
	q->protected_mdc = q->wanted == POLICY_E2E || has_tls(q->protocol);
}

/* `root` NULL: requests on that stream go nowhere. */
static void name_root(
	const struct decision *d, const struct root_spec *root, struct policy_question *q)
{
	bool is_tls = root != NULL && strncasecmp(root->url, "https:", 6) == 0;

	if (root == NULL) {
		q->protected_mdc = true;
		if (d->has_server && d->server.hop == HOP_MDC2)
			name_server(d, q);
		return;
	}
	q->own_server = is_part_of_node(d->rules, root);
	q->server = root->connect;
	q->protected_mdc = q->own_server || is_tls;
	if (root->hop == HOP_MDC2)
		q->protocol = is_tls ? "TCP/TLS" : "TCP";
}

/* Questions. */

/* A rule of the configuration says more than the policy: unprotected only where it is allowed. */
static void decide_plain(
	const struct decision *d, const struct policy_question *q, struct policy_answer *a)
{
	bool is_mdc2 = d->has_server && d->server.hop == HOP_MDC2;
	const struct plain_rules *plain = is_mdc2 ? &d->rules->mdc2_plain : &d->rules->mdc1_plain;
	const char *key = is_mdc2 ? "mdc2.allow_plain" : "mdc1.allow_plain";
	const char *words = d->spec->proxy == PROXY_HTTP ? "HTTP" : "data channels";
	char where[ADDR_TEXT_MAX] = "a server not known yet";

	if (q->protected_mdc || plain_is_allowed(d->rules, plain, &q->server))
		return;
	if (addr_is_set(&q->server))
		addr_text(&q->server, where);
	*a = (struct policy_answer){ .number = -1 };
	snprintf(a->rule, sizeof(a->rule), "%s", key);
	snprintf(a->detail, sizeof(a->detail), "%s forbids plain %s to %s", key,
		q->protocol != NULL ? q->protocol : words, where);
}

/* `place`: the member of dcMedia that a refusal points at. */
static void ask(struct decision *d, int32_t sid, const struct policy_question *q, const char *place)
{
	struct policy_answer answer;
	struct document_verdict verdict = { .termination = d->termination,
		.media = d->media,
		.sid = sid,
		.question = q,
		.answer = &answer };
	char pointer[160];

	if (policy_decide(policy_of(d->rules), q, &answer))
		decide_plain(d, q, &answer);
	if (d->rules->heard != NULL)
		d->rules->heard(d->rules->heard_arg, &verdict);
	if (answer.allowed)
		return;
	snprintf(pointer, sizeof(pointer), "/terminations/%u/medias/%u/dcMedia/%s", d->termination,
		d->media, place);
	problem_param(d->p, PROBLEM_SECURITY_POLICY, pointer, "%s%s", answer.detail,
		sid < 0 ? "; DCEP may open such a channel (dcmf.acceptDcep)" : "");
}

/* TS 29.176 has no word for the application but in its early shape; dcmf.applications is ours. */
static const char *application_of(const struct decision *d, const char *key)
{
	const char *ours =
		js_get_text(json_object_get(json_object_get(d->said, "dcmf"), "applications"), key);

	return ours != NULL ? ours
			    : js_get_text(json_object_get(json_object_get(d->dc, "streams"), key),
				      "appBindingInfo");
}

/* What does not depend on where it goes. */
static struct policy_question question(
	const struct decision *d, int32_t sid, bool is_bootstrap, bool has_server)
{
	struct policy_question q = {
		.kind = is_bootstrap ? POLICY_BDC : POLICY_ADC,
		.third_party = d->third_party,
		.wanted = d->spec->proxy == PROXY_UDP ? POLICY_E2E : POLICY_E2AE,
	};
	char key[12];

	if (is_bootstrap && sid >= 0)
		q.bdc = (uint8_t)policy_bdc_side((uint16_t)sid);
	if (is_bootstrap)
		return q;
	q.topology = !has_server ? POLICY_P2P : d->is_p2a2p ? POLICY_P2A2P : POLICY_P2A;
	snprintf(key, sizeof(key), "%d", sid);
	q.application = application_of(d, key);
	return q;
}

/* HTTP, each stream by where its requests go. */

static const struct root_spec *find_root(const struct media_spec *spec, uint16_t sid)
{
	for (unsigned i = 0; i < spec->root_count; i++) {
		if (spec->roots[i].sid == sid)
			return &spec->roots[i];
	}
	return NULL;
}

static void ask_root(struct decision *d, uint16_t sid, const struct root_spec *root)
{
	struct policy_question q = question(d, sid, sid < POLICY_APPLICATION_SID, true);
	char place[32];

	name_root(d, root, &q);
	snprintf(place, sizeof(place), "replaceHttpUrl/%u", sid);
	ask(d, sid, &q, place);
}

/* DCEP may open a bootstrap channel of either side: both must be allowed. */
static void ask_any_root(struct decision *d, const struct root_spec *root)
{
	struct policy_question q = question(d, -1, true, true);

	name_root(d, root, &q);
	for (q.bdc = POLICY_BDC_LOCAL; q.bdc <= POLICY_BDC_REMOTE; q.bdc++)
		ask(d, -1, &q, "mediaProxyConfig");
}

static void decide_http(struct decision *d)
{
	const struct media_spec *spec = d->spec;

	for (unsigned i = 0; i < spec->root_count; i++) {
		if (spec->roots[i].sid == ROOT_ANY_SID)
			ask_any_root(d, &spec->roots[i]);
		else
			ask_root(d, spec->roots[i].sid, &spec->roots[i]);
	}
	for (unsigned i = 0; i < spec->stream_count; i++) {
		if (find_root(spec, spec->streams[i].sid) == NULL)
			ask_root(d, spec->streams[i].sid, NULL);
	}
	if (spec->stream_count == 0 && spec->root_count == 0)
		ask_any_root(d, NULL);
}

/* Channels that end at a server or at another UE. What DCEP will open has no id yet. */
static void decide_channels(struct decision *d)
{
	const struct media_spec *spec = d->spec;

	for (unsigned i = 0; i < spec->stream_count || (i == 0 && spec->stream_count == 0); i++) {
		const struct stream_spec *s = spec->stream_count > 0 ? &spec->streams[i] : NULL;
		int32_t sid = s != NULL ? s->sid : -1;
		bool is_bootstrap = s != NULL && policy_is_bootstrap(sid, s->subprotocol);
		struct policy_question q = question(d, sid, is_bootstrap, d->has_server);

		name_server(d, &q);
		ask(d, sid, &q, "mediaProxyConfig");
	}
}

static void refuse_member(
	const struct decision *d, enum problem_kind kind, const char *member, const char *why)
{
	char pointer[160];

	snprintf(pointer, sizeof(pointer), "/terminations/%u/medias/%u/dcMedia%s", d->termination,
		d->media, member);
	problem_param(d->p, kind, pointer, "%s", why);
}

/* What the policy allows and the gateway cannot do. */
static void refuse_unbuilt(struct decision *d)
{
	bool is_sctp = d->has_server && d->server.way == WAY_UNBUILT;

	if (is_sctp)
		refuse_member(d, PROBLEM_NOT_BUILT, "/mdc2Info/mdc2Protocol",
			"SCTP straight on IP is not built: no user of it is known");
	else if (d->spec->proxy != PROXY_HTTP && d->spec->link == NULL &&
		 !context_spec_has_twin(d->wish, d->termination, d->media))
		refuse_member(d, PROBLEM_IE_MISSING, "/mediaProxyConfig", NO_TWIN_TEXT);
}

static void each_media(struct decision *d, const json_t *doc, const struct context_spec *spec,
	void (*fn)(struct decision *d))
{
	for (d->termination = 0; d->termination < document_terminations(doc); d->termination++) {
		const struct termination_spec *t = &spec->terminations[d->termination];

		for (d->media = 0; d->media < t->media_count; d->media++) {
			d->said =
				document_media(document_termination(doc, d->termination), d->media);
			d->dc = json_object_get(d->said, "dcMedia");
			d->spec = &t->medias[d->media];
			d->has_server = media_server(d->said, &d->server);
			fn(d);
		}
	}
}

static void decide_media(struct decision *d)
{
	if (d->spec->proxy == PROXY_HTTP)
		decide_http(d);
	else
		decide_channels(d);
}

/* Do the channels of two terminations end at application servers? */
static bool is_p2a2p(const json_t *doc)
{
	unsigned ends = 0;

	for (size_t t = 0; t < document_terminations(doc); t++) {
		const json_t *termination = document_termination(doc, t);
		bool has_server = false;

		for (size_t m = 0; m < document_medias(termination); m++) {
			const json_t *dc =
				json_object_get(document_media(termination, m), "dcMedia");

			has_server = has_server || json_object_get(dc, "mdc2Info") != NULL;
		}
		ends += has_server;
	}
	return ends > 1;
}

bool document_decide(const json_t *doc, const struct document_rules *rules,
	const struct context_spec *spec, struct problem *p)
{
	struct decision d = {
		.rules = rules,
		.third_party = js_get_text(json_object_get(doc, "dcmf"), "thirdParty"),
		.is_p2a2p = is_p2a2p(doc),
		.wish = spec,
		.p = p,
	};

	each_media(&d, doc, spec, decide_media);
	if (p->kind == PROBLEM_NONE)
		each_media(&d, doc, spec, refuse_unbuilt);
	return p->kind == PROBLEM_NONE;
}
