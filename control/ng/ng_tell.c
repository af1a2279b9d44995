/*
 * ng_tell.c: query, list and statistics, in rtpengine's form, and what only a data channel has
 * under `dcmf`.
 */
#include <string.h>

#include "control/ng/ng_parts.h"

#define US 1000000

/* ---- list ------------------------------------------------------------------------------- */

void ng_run_list(struct ng_request *r)
{
	json_t *answer = json_object(), *calls = json_array();
	bool fine = answer != NULL && calls != NULL;

	for (const struct ng_call *c = r->ng->calls.by_id;
		fine && c != NULL && (int64_t)json_array_size(calls) < r->flags.limit;
		c = c->hh.next)
		fine = js_append(calls, json_string(c->id));
	fine = js_put(answer, "calls", calls) && fine;
	if (!fine) {
		json_decref(answer);
		answer = NULL;
	}
	ng_answer(r, "ok", answer);
}

/* ---- statistics ------------------------------------------------------------------------- */

/* "0" for what is not counted here; both have the name they have in rtpengine. */
static bool put_current(json_t *to, int64_t sessions)
{
	json_t *o = json_object();
	bool fine = js_put_integer(o, "sessionsown", sessions) &&
		    js_put_integer(o, "sessionsforeign", 0) &&
		    js_put_integer(o, "sessionstotal", sessions) &&
		    js_put_integer(o, "transcodedmedia", 0) &&
		    json_object_set(to, "currentstatistics", o) == 0;

	json_decref(o);
	return fine;
}

/* What rtpengine has, and which counter of ours it is. */
struct figure {
	const char *name, *counter;
};

static const struct figure of_calls[] = {
	{ "managedsessions", "contexts_created_total" },
	{ "rejectedsessions", "contexts_refused_total" },
	{ "relayedpackets", "datagrams_received_total" },
	{ NULL, NULL },
};
static const struct figure of_messages[] = {
	{ "totalmessagecount", "ng_messages_total" },
	{ "totalerrorcount", "ng_refused_total" },
	{ NULL, NULL },
};

static bool put_figures(
	json_t *to, const char *key, const struct figure *figures, const json_t *stats)
{
	json_t *o = json_object();
	bool fine = json_object_set(to, key, o) == 0;

	for (const struct figure *f = figures; fine && f->name != NULL; f++)
		fine = js_put_integer(o, f->name, js_get_integer(stats, f->counter, 0));
	json_decref(o);
	return fine;
}

void ng_stats_came(struct ng_request *r, json_t *result, json_t *problem)
{
	json_t *answer, *statistics;
	bool fine;

	if (result == NULL) {
		ng_fail_as(r, problem);
		return;
	}
	answer = json_object();
	statistics = json_object();
	fine = put_current(statistics, (int64_t)desk_contexts(r->ng->config.desk)) &&
	       put_figures(statistics, "totalstatistics", of_calls, result) &&
	       put_figures(statistics, "controlstatistics", of_messages, result) &&
	       json_object_set(answer, "statistics", statistics) == 0 &&
	       json_object_set(answer, "dcmf", result) == 0;
	json_decref(statistics);
	if (!fine) {
		json_decref(answer);
		answer = NULL;
	}
	ng_answer(r, "ok", answer);
}

void ng_run_statistics(struct ng_request *r)
{
	ng_ask(r, "node.stats", json_object());
}

/* ---- query ------------------------------------------------------------------------------ */

/* Of all medias of a context. */
struct traffic {
	int64_t packets, bytes;
};

static const json_t *part(const json_t *o, const char *key)
{
	return json_object_get(o, key);
}

static void add_traffic(struct traffic *t, const json_t *media)
{
	const json_t *traffic = part(part(part(media, "dcmf"), "status"), "traffic");

	t->packets += js_get_integer(traffic, "datagramsIn", 0);
	t->bytes += js_get_integer(traffic, "bytesIn", 0);
}

static bool put_stats(json_t *to, const char *key, const struct traffic *t)
{
	json_t *o = json_object();
	bool fine = js_put_integer(o, "packets", t->packets) &&
		    js_put_integer(o, "bytes", t->bytes) && js_put_integer(o, "errors", 0) &&
		    json_object_set(to, key, o) == 0;

	json_decref(o);
	return fine;
}

static bool put_endpoint(json_t *stream, const json_t *endpoint)
{
	const json_t *ip = part(endpoint, "ip");
	const char *v4 = js_get_text(ip, "ipv4Addr"), *v6 = js_get_text(ip, "ipv6Addr");
	json_t *o;
	bool fine;

	if (v4 == NULL && v6 == NULL)
		return true;
	o = json_object();
	fine = js_put_text(o, "family", v4 != NULL ? "IPv4" : "IPv6") &&
	       js_put_text(o, "address", v4 != NULL ? v4 : v6) &&
	       js_put_integer(o, "port", js_get_integer(endpoint, "portNumber", 0)) &&
	       json_object_set(stream, "endpoint", o) == 0;
	json_decref(o);
	return fine;
}

/* {"index", "type", "protocol", "streams": [{"local port", "endpoint", "stats"}]} */
static json_t *media_json(const json_t *media, size_t index)
{
	json_t *o = json_object(), *streams = json_array(), *stream = json_object();
	struct traffic t = { 0 };
	bool fine;

	add_traffic(&t, media);
	fine = js_put_integer(stream, "local port",
		       js_get_integer(part(media, "localMbEndpoint"), "portNumber", 0)) &&
	       put_endpoint(stream, part(media, "remoteMbEndpoint")) &&
	       put_stats(stream, "stats", &t) && json_array_append(streams, stream) == 0 &&
	       js_put_integer(o, "index", (int64_t)index + 1) &&
	       js_put_text(o, "type", "application") &&
	       js_put_text(o, "protocol", "UDP/DTLS/SCTP") &&
	       json_object_set(o, "streams", streams) == 0;
	json_decref(streams);
	json_decref(stream);
	if (fine)
		return o;
	json_decref(o);
	return NULL;
}

static const json_t *termination_of(const json_t *context, unsigned side)
{
	const json_t *t;
	size_t i;

	json_array_foreach (part(context, "terminations"), i, t) {
		const char *id = js_get_text(t, "terminationId");

		if (id != NULL && strcmp(id, side == 0 ? "a" : "b") == 0)
			return t;
	}
	return NULL;
}

static bool put_medias(json_t *tag, const json_t *context, unsigned side)
{
	json_t *list = json_array();
	const json_t *media;
	bool fine = list != NULL;
	size_t i;

	json_array_foreach (part(termination_of(context, side), "medias"), i, media)
		fine = fine && js_append(list, media_json(media, i));
	return js_put(tag, "medias", list) && fine;
}

/* The last tag of the other side. */
static const char *other_tag(const struct ng_branch *b, unsigned side)
{
	for (unsigned i = b->tag_count; i > 0; i--) {
		if (b->tags[i - 1].side != side)
			return b->tags[i - 1].text;
	}
	return NULL;
}

static bool put_tag(
	json_t *tags, const struct ng_branch *b, const struct ng_tag *tag, const json_t *context)
{
	json_t *o = json_object();
	bool fine = js_put_text(o, "tag", tag->text) && js_put_text(o, "label", tag->label) &&
		    js_put_text(o, "via-branch", b->via) &&
		    js_put_integer(o, "created", tag->created_us / US) &&
		    js_put_text(o, "in dialogue with", other_tag(b, tag->side)) &&
		    put_medias(o, context, tag->side) && json_object_set(tags, tag->text, o) == 0;

	json_decref(o);
	return fine;
}

/* What a branch adds to the answer; `context` NULL: it has none. */
static bool put_branch(json_t *answer, const struct ng_branch *b, json_t *context)
{
	json_t *tags = json_object_get(answer, "tags");
	bool fine = js_put_integer(answer, "created", b->created_us / US) &&
		    js_put_integer(answer, "last signal", b->last_us / US) &&
		    js_put_text(answer, "metadata", b->metadata);

	for (unsigned i = 0; fine && i < b->tag_count; i++)
		fine = put_tag(tags, b, &b->tags[i], context);
	return fine && (context == NULL ||
			       json_array_append(json_object_get(answer, "dcmf"), context) == 0);
}

static json_t *empty_answer(void)
{
	json_t *answer = json_object();

	if (js_put(answer, "tags", json_object()) && js_put(answer, "SSRC", json_object()) &&
		js_put(answer, "dcmf", json_array()))
		return answer;
	json_decref(answer);
	return NULL;
}

static void sum_up(struct traffic *t, const json_t *answer)
{
	const json_t *context, *termination, *media;
	size_t c, i, m;

	json_array_foreach (json_object_get(answer, "dcmf"), c, context) {
		json_array_foreach (part(context, "terminations"), i, termination) {
			json_array_foreach (part(termination, "medias"), m, media)
				add_traffic(t, media);
		}
	}
}

static bool put_totals(json_t *answer)
{
	json_t *totals = json_object();
	struct traffic t = { 0 }, none = { 0 };
	bool fine;

	sum_up(&t, answer);
	fine = put_stats(totals, "RTP", &t) && put_stats(totals, "RTCP", &none) &&
	       json_object_set(answer, "totals", totals) == 0;
	json_decref(totals);
	return fine;
}

static struct ng_branch *branch_with(const struct ng_call *call, const char *context_id)
{
	if (call == NULL || context_id == NULL)
		return NULL;
	list_for_each (n, &call->branches) {
		struct ng_branch *b = container_of(n, struct ng_branch, on_call);

		if (strcmp(b->context_id, context_id) == 0)
			return b;
	}
	return NULL;
}

/* An answer of the desk that was awaited has come; the command itself counts as one. */
static void one_less(struct ng_request *r)
{
	json_t *answer = r->found;

	if (--r->waiting > 0)
		return;
	if (r->no_memory || !put_totals(answer)) {
		ng_fail_as(r, NULL);
		return;
	}
	ng_answer(r, "ok", json_incref(answer));
}

/* What is gone meanwhile is not told of. */
void ng_queried(struct ng_request *r, json_t *result, json_t *problem)
{
	struct ng_call *call = ng_call_find(&r->ng->calls, r->flags.call_id);
	struct ng_branch *b = branch_with(call, js_get_text(result, "contextId"));

	if (b != NULL && !put_branch(r->found, b, result))
		r->no_memory = true;
	one_less(r);
}

static void ask_branch(struct ng_request *r, const struct ng_branch *b)
{
	json_t *params = json_object();

	if (b->context_id[0] == '\0') {
		r->no_memory = r->no_memory || !put_branch(r->found, b, NULL);
		json_decref(params);
		return;
	}
	if (!js_put_text(params, "contextId", b->context_id)) {
		json_decref(params);
		params = NULL;
	}
	r->waiting++;
	ng_ask(r, "context.get", params);
}

void ng_run_query(struct ng_request *r)
{
	struct ng_dialog d = ng_dialog_of(r);
	const struct ng_call *call =
		d.call_id != NULL ? ng_call_find(&r->ng->calls, d.call_id) : NULL;
	struct problem p = { PROBLEM_NONE };

	if (d.call_id == NULL)
		problem_set(&p, PROBLEM_IE_MISSING, "No call-id in message");
	else if (call == NULL)
		problem_set(&p, PROBLEM_NO_CONTEXT, "Unknown call-id");
	if (p.kind != PROBLEM_NONE) {
		ng_fail(r, &p);
		return;
	}
	if ((r->found = empty_answer()) == NULL) {
		ng_fail_as(r, NULL);
		return;
	}
	r->waiting = 1;
	list_for_each (n, &call->branches) {
		struct ng_branch *b = container_of(n, struct ng_branch, on_call);

		if (ng_branch_is_meant(b, &d))
			ask_branch(r, b);
	}
	one_less(r);
}
