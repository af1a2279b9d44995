/*
 * ng_offer.c: offer and answer: what a proxy says of a call becomes sdp.offer and sdp.answer of the
 * desk.
 */
#include <string.h>

#include "control/ng/ng_parts.h"
#include "control/sdp/sdp_replace.h"
#include "dcmf/base/log.h"

#define OWNER_MAX 255 /* bytes of dcmf.owner */

/* ---- what the message must have --------------------------------------------------------- */

static bool refuse(struct ng_request *r, enum problem_kind kind, const char *why)
{
	struct problem p = { PROBLEM_NONE };

	problem_set(&p, kind, "%s", why);
	ng_fail(r, &p);
	return false;
}

static bool is_complete(struct ng_request *r, bool wants_to_tag)
{
	const struct ng_flags *f = &r->flags;

	if (f->sdp == NULL)
		return refuse(r, PROBLEM_IE_MISSING, "No SDP body in message");
	if (f->call_id == NULL)
		return refuse(r, PROBLEM_IE_MISSING, "No call-id in message");
	if (f->from_tag == NULL)
		return refuse(r, PROBLEM_IE_MISSING, "No from-tag in message");
	if (wants_to_tag && f->to_tag == NULL)
		return refuse(r, PROBLEM_IE_MISSING, "No to-tag in message");
	return true;
}

/* ---- what is remembered ----------------------------------------------------------------- */

static bool keep_text(char **to, const char *text)
{
	char *copy = mem_strdup(text);

	if (text == NULL)
		return true;
	if (copy == NULL)
		return false;
	mem_free(*to);
	*to = copy;
	return true;
}

/* Who speaks, who is spoken to, and what else is said of them. */
static bool note(struct ng_request *r, struct ng_branch *b, unsigned side)
{
	const struct ng_flags *f = &r->flags;
	const char *speaker = r->command->run == ng_run_offer ? f->from_tag : f->to_tag;
	const char *other = r->command->run == ng_run_offer ? f->to_tag : f->from_tag;
	struct ng_tag *tag = ng_branch_tag(b, speaker, side, ng_wall_us(r->ng));

	b->last_us = ng_wall_us(r->ng);
	return tag != NULL && keep_text(&tag->label, f->label) &&
	       keep_text(&b->metadata, f->metadata) &&
	       (other == NULL || ng_branch_tag(b, other, 1 - side, b->last_us) != NULL);
}

/* The side that offers, in a branch that was found for it. */
static unsigned offering_side(const struct ng_request *r, const struct ng_branch *b)
{
	int from = ng_branch_side(b, r->flags.from_tag);

	return from >= 0 ? (unsigned)from : 1u - (unsigned)ng_branch_side(b, r->flags.to_tag);
}

/* ---- parameters for the desk ------------------------------------------------------------ */

static bool put_root(json_t *roots, const char *sid, int64_t number, const char *url)
{
	json_t *root = json_object();
	bool fine = js_put_integer(root, "streamId", number) &&
		    js_put_text(root, "replaceHttpUrl", url) &&
		    json_object_set(roots, sid, root) == 0;

	json_decref(root);
	return fine;
}

/* {"replaceHttpUrl": {...}}: each line takes those of its own channels. */
static bool put_roots(json_t *dc_media, const char *line, const char *url)
{
	json_t *roots = json_object(), *dc = json_object();
	bool fine = put_root(roots, "0", 0, url) &&
		    (strcmp(line, "*") != 0 || put_root(roots, "10", 10, url)) &&
		    json_object_set(dc, "replaceHttpUrl", roots) == 0 &&
		    json_object_set(dc_media, line, dc) == 0;

	json_decref(roots);
	json_decref(dc);
	return fine;
}

static bool put_dc_media(json_t *params, const struct ng_flags *f)
{
	json_t *dc = json_object();
	bool fine = (f->root == NULL || put_roots(dc, "*", f->root)) &&
		    (f->bootstrap_root == NULL || !f->add_bootstrap ||
			    put_roots(dc, "bootstrap", f->bootstrap_root)) &&
		    (json_object_size(dc) == 0 || json_object_set(params, "dcMedia", dc) == 0);

	json_decref(dc);
	return fine;
}

static const char *setup_word(enum setup setup)
{
	return setup == SETUP_ACTIVE ? "ACTIVE" : setup == SETUP_PASSIVE ? "PASSIVE" : NULL;
}

/* {interface?, setup?, fingerprint?, ice?}: how the gateway stands toward a side. */
static bool put_side(json_t *params, const char *key, const char *interface, enum setup setup,
	const char *fingerprint, enum ng_ice ice)
{
	json_t *side = json_object();
	bool fine = js_put_text(side, "interface", interface) &&
		    js_put_text(side, "setup", setup_word(setup)) &&
		    js_put_text(side, "fingerprint", fingerprint) &&
		    js_put_text(side, "ice",
			    ice == NG_ICE_FORCE    ? "force"
			    : ice == NG_ICE_REMOVE ? "remove"
						   : NULL) &&
		    (json_object_size(side) == 0 || json_object_set(params, key, side) == 0);

	json_decref(side);
	return fine;
}

/* Toward the other side; NULL: the first that fits. */
static const char *interface_of(const struct ng_request *r)
{
	const struct ng_config *c = &r->ng->config;

	if (r->flags.direction[1] != NULL)
		return r->flags.direction[1];
	for (unsigned i = 0; i < c->interface_count && r->flags.family != ADDR_NONE; i++) {
		if (c->interfaces[i].address.family == r->flags.family)
			return c->interfaces[i].name;
	}
	return NULL;
}

static bool has_interface(const struct ng_config *c, const char *name)
{
	for (unsigned i = 0; i < c->interface_count; i++) {
		if (strcmp(c->interfaces[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Are there such as the flags want? False: refused. */
static bool check_interfaces(struct ng_request *r)
{
	const struct ng_flags *f = &r->flags;
	struct problem p = { PROBLEM_NONE };

	for (unsigned d = 0; d < 2 && f->direction[d] != NULL; d++) {
		if (!has_interface(&r->ng->config, f->direction[d]))
			problem_set(&p, PROBLEM_IE_INCORRECT,
				"direction: there is no media interface \"%.64s\"",
				f->direction[d]);
	}
	if (f->family != ADDR_NONE && interface_of(r) == NULL)
		problem_set(&p, PROBLEM_IE_INCORRECT,
			"address-family: no media interface has IPv%d", (int)f->family);
	if (p.kind == PROBLEM_NONE)
		return true;
	ng_fail(r, &p);
	return false;
}

/* The Call-ID: in events, lists and records. */
static json_t *owner_of(const char *call_id)
{
	size_t len = strlen(call_id);

	if (len > OWNER_MAX) {
		len = OWNER_MAX;
		while (len > 0 && ((uint8_t)call_id[len] & 0xc0) == 0x80)
			len--; /* not in the middle of a character */
	}
	return json_stringn(call_id, len);
}

static bool put_context(json_t *params, const struct ng_branch *b)
{
	return b->context_id[0] == '\0' || js_put_text(params, "contextId", b->context_id);
}

static json_t *params_of_offer(const struct ng_request *r)
{
	const struct ng_flags *f = &r->flags;
	json_t *params = json_object();

	if (js_put(params, "sdp", json_string(f->sdp)) && put_context(params, r->branch) &&
		js_put(params, "owner", owner_of(f->call_id)) &&
		js_put_text(params, "securityMode", f->mode) &&
		(!f->add_bootstrap || js_put_bool(params, "addBootstrap", true)) &&
		put_dc_media(params, f) &&
		put_side(params, "own", f->direction[0], f->setup_reverse, NULL,
			NG_ICE_AS_OFFERED) &&
		put_side(params, "other", interface_of(r), f->setup, f->fingerprint, f->ice))
		return params;
	json_decref(params);
	return NULL;
}

static json_t *params_of_answer(const struct ng_request *r)
{
	const struct ng_flags *f = &r->flags;
	json_t *params = json_object();

	if (js_put(params, "sdp", json_string(f->sdp)) && put_context(params, r->branch) &&
		put_side(params, "other", NULL, f->setup, f->fingerprint, NG_ICE_AS_OFFERED))
		return params;
	json_decref(params);
	return NULL;
}

/* ---- the desk's answer ------------------------------------------------------------------ */

/* As the flags of this message want it. NULL: out of memory. */
static char *text_for_the_other(const struct ng_request *r, const char *sdp)
{
	const struct ng_config *c = &r->ng->config;
	struct addr ours[16];
	struct sdp_replacing what = {
		.origin = r->flags.replace & NG_REPLACE_ORIGIN,
		.connection = r->flags.replace & NG_REPLACE_CONNECTION,
		.ours = ours,
	};

	for (; what.count < c->interface_count && what.count < 16; what.count++)
		ours[what.count] = c->interfaces[what.count].address;
	return sdp_replace(sdp, &what);
}

static void answer_with(struct ng_request *r, const char *sdp)
{
	char *text = text_for_the_other(r, sdp);
	json_t *answer = json_object();

	if (text == NULL || !js_put(answer, "sdp", json_string(text))) {
		json_decref(answer);
		answer = NULL;
	}
	mem_free(text);
	ng_answer(r, "ok", answer);
}

/* The proxy may have other nodes. */
static bool is_load(const json_t *problem)
{
	const char *cause = js_get_text(problem, "cause");
	int64_t status = js_get_integer(problem, "status", 0);

	return status == 503 || status == 429 ||
	       (cause != NULL && strcmp(cause, "INSUFFICIENT_RESOURCES") == 0);
}

static void answer_load_limit(struct ng_request *r, const char *why)
{
	json_t *answer = json_object();

	log_info(NULL, "ng: a call is turned away: %s", why != NULL ? why : "out of memory");
	if (!r->flags.takes_load_limit) {
		json_decref(answer);
		/* the words by which older proxies know that another node may take it */
		refuse(r, PROBLEM_CONGESTION, "Parallel session limit reached");
		return;
	}
	if (!js_put_text(answer, "message", why)) {
		json_decref(answer);
		answer = NULL;
	}
	ng_answer(r, "load limit", answer);
}

/* A branch that never came to be. Those that wait for it find it as it is, and begin again. */
static void forget_new(struct ng_request *r)
{
	struct ng_branch *b = r->branch;

	if (!r->makes_context || b->waiting_count > 0)
		return;
	r->branch = NULL;
	ng_branch_forget(&r->ng->calls, b);
}

static void ask_offer(struct ng_request *r);

/* The context has gone, with a worker or by another hand: the call goes on in a new one. */
static bool begins_anew(struct ng_request *r, const json_t *problem)
{
	if (r->makes_context || js_get_integer(problem, "status", 0) != 404)
		return false;
	r->branch->context_id[0] = '\0';
	r->makes_context = true;
	ask_offer(r);
	return true;
}

static void offer_failed(struct ng_request *r, const json_t *problem)
{
	bool is_new = r->makes_context;

	if (begins_anew(r, problem))
		return;
	forget_new(r);
	if (is_new && is_load(problem))
		answer_load_limit(r, js_get_text(problem, "detail"));
	else
		ng_fail_as(r, problem);
}

void ng_offered(struct ng_request *r, json_t *result, json_t *problem)
{
	const char *id = js_get_text(result, "contextId"), *sdp = js_get_text(result, "sdp");
	struct ng_branch *b = r->branch;

	if (id == NULL || sdp == NULL || strlen(id) >= sizeof(b->context_id)) {
		offer_failed(r, problem);
		return;
	}
	strcpy(b->context_id, id);
	b->offerer = r->side;
	answer_with(r, sdp);
}

void ng_answered(struct ng_request *r, json_t *result, json_t *problem)
{
	const char *sdp = js_get_text(result, "sdp");

	if (sdp != NULL)
		answer_with(r, sdp);
	else
		ng_fail_as(r, problem);
}

/* ---- the commands ----------------------------------------------------------------------- */

static void ask_offer(struct ng_request *r)
{
	ng_ask(r, "sdp.offer", params_of_offer(r));
}

/* Without data channels there is nothing to make, and the call passes as it is. */
static bool passes(struct ng_request *r, struct problem *p)
{
	bool has = sdp_has_channels(span_str(r->flags.sdp), p);

	return p->kind == PROBLEM_NONE && r->makes_context && !has && !r->flags.add_bootstrap;
}

/* A call that begins: not while the node wants to be rid of calls, or knows too many. */
static bool may_begin(struct ng_request *r, const char *call_id)
{
	const char *state = desk_state(r->ng->config.desk);

	if (strcmp(state, "running") != 0)
		answer_load_limit(r, state);
	else if (!ng_calls_have_room(&r->ng->calls, call_id))
		answer_load_limit(r, "too many calls, or branches of this one, at once");
	else
		return true;
	return false;
}

static struct ng_branch *branch_of_offer(struct ng_request *r)
{
	struct ng_dialog d = ng_dialog_of(r);
	struct ng_branch *b = ng_branch_of_offer(&r->ng->calls, &d);

	if (b == NULL && !may_begin(r, d.call_id))
		return NULL;
	if (b == NULL && (b = ng_branch_new(&r->ng->calls, &d, ng_wall_us(r->ng))) == NULL) {
		ng_fail_as(r, NULL);
		return NULL;
	}
	return ng_take(r, b) ? b : NULL;
}

void ng_run_offer(struct ng_request *r)
{
	struct problem p = { PROBLEM_NONE };
	struct ng_branch *b;

	if (!is_complete(r, false) || !check_interfaces(r) || (b = branch_of_offer(r)) == NULL)
		return;
	r->makes_context = b->context_id[0] == '\0';
	r->side = (uint8_t)offering_side(r, b);
	if (!note(r, b, r->side)) {
		forget_new(r);
		ng_fail_as(r, NULL);
	} else if (passes(r, &p)) {
		b->offerer = r->side;
		answer_with(r, r->flags.sdp);
	} else if (p.kind != PROBLEM_NONE) {
		forget_new(r);
		ng_fail(r, &p);
	} else {
		ask_offer(r);
	}
}

void ng_run_answer(struct ng_request *r)
{
	struct ng_dialog d = ng_dialog_of(r);
	struct ng_branch *b;

	if (!is_complete(r, true))
		return;
	if (ng_call_find(&r->ng->calls, d.call_id) == NULL) {
		refuse(r, PROBLEM_NO_CONTEXT, "Unknown call-id");
		return;
	}
	if ((b = ng_branch_of_answer(&r->ng->calls, &d)) == NULL) {
		refuse(r, PROBLEM_CONFLICT,
			"the last offer of this call was not made by this from-tag");
		return;
	}
	if (!ng_take(r, b))
		return;
	if (!note(r, b, 1u - b->offerer))
		ng_fail_as(r, NULL);
	else if (b->context_id[0] != '\0')
		ng_ask(r, "sdp.answer", params_of_answer(r));
	else
		answer_with(r, r->flags.sdp);
}
