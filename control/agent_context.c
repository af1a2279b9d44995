/*
 * agent_context.c: the context.* methods: documents in, wishes for the relay
 * out, and what stays of them for later.
 */
#include "control/agent_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcmf/base/random.h"

#define LIST_LIMIT     100
#define LIST_LIMIT_MAX 1000
#define ID_MAX         32 /* "4294967295-" and 12 hex digits */

/* Stored documents */

struct stored *agent_find(const struct agent *a, const char *id)
{
	struct stored *s;

	HASH_FIND_STR(a->contexts, id, s);
	return s;
}

static void stored_free(struct stored *s)
{
	if (s == NULL)
		return;
	json_decref(s->doc);
	json_decref(s->resolved);
	mem_free(s->id);
	mem_free(s);
}

void agent_forget(struct agent *a, struct stored *s)
{
	HASH_DEL(a->contexts, s);
	stored_free(s);
}

void agent_drop(struct agent *a, tick_t now, const char *id, enum close_reason reason)
{
	struct relay_context *c = relay_context_find(a->relay, id);
	struct stored *s = agent_find(a, id);

	/* `id` may be the stored one's own: it is needed until here and no longer */
	if (s != NULL)
		agent_forget(a, s);
	if (c != NULL)
		relay_context_delete(a->relay, now, c, reason);
}

/* "<worker>-<12 hex>"; the worker's index tells the front where a context lives. */
static void make_id(const struct agent *a, char id[ID_MAX])
{
	do
		snprintf(id, ID_MAX, "%u-%012llx", a->index,
			(unsigned long long)(random_u64() >> 16));
	while (agent_find(a, id) != NULL || relay_context_find(a->relay, id) != NULL);
}

static struct stored *stored_create(struct agent *a)
{
	struct stored *s = mem_zalloc(sizeof(*s));
	char id[ID_MAX];

	make_id(a, id);
	if (s == NULL || (s->id = mem_strdup(id)) == NULL) {
		stored_free(s);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, a->contexts, s->id, strlen(s->id), s);
	if (map_has(s))
		return s;
	stored_free(s);
	return NULL;
}

/* Wishes */

/* What a document became on its way to the relay. */
struct wish {
	json_t *doc, *resolved; /* new references */
	struct context_spec spec;
	bool rel18;
};

static void wish_finish(struct wish *w)
{
	json_decref(w->doc);
	json_decref(w->resolved);
	context_spec_finish(&w->spec);
}

static bool no_memory(struct call *c)
{
	return problem_set(&c->p, PROBLEM_NO_RESOURCES, "out of memory");
}

/* Addresses that are known: what the front resolved now over what it had before. */
static json_t *known_hosts(const struct call *c, const struct stored *s)
{
	json_t *hosts = json_object();
	json_t *now = json_object_get(c->params, "resolved");

	if (hosts != NULL && (s == NULL || json_object_update(hosts, s->resolved) == 0) &&
		(!json_is_object(now) || json_object_update(hosts, now) == 0))
		return hosts;
	json_decref(hosts);
	return NULL;
}

struct keeping {
	const json_t *all;
	json_t *kept;
	bool failed;
};

static void keep_host(void *arg, const char *host, uint16_t port)
{
	struct keeping *k = arg;
	char *name = mem_printf("%s:%u", host, port);
	json_t *addr = name != NULL ? json_object_get(k->all, name) : NULL;

	k->failed = k->failed || name == NULL ||
		    (addr != NULL && json_object_set(k->kept, name, addr) != 0);
	mem_free(name);
}

/* Only hosts that the document names stay: patches must not pile up addresses. Takes `all` over. */
static json_t *hosts_of(const json_t *doc, json_t *all)
{
	struct keeping k = { .all = all, .kept = json_object() };

	if (k.kept != NULL)
		document_hosts(doc, keep_host, &k);
	json_decref(all);
	if (!k.failed)
		return k.kept;
	json_decref(k.kept);
	return NULL;
}

/* Checks and decodes w->doc; `s` is what is stored already, or NULL. */
static bool make_wish(struct call *c, const struct stored *s, struct wish *w)
{
	json_t *hosts;

	if (!document_check(w->doc, &c->a->rules, &w->rel18, &c->p))
		return false;
	if ((hosts = known_hosts(c, s)) == NULL || (w->resolved = hosts_of(w->doc, hosts)) == NULL)
		return no_memory(c);
	return document_decode(w->doc, &c->a->rules, w->resolved, &w->spec, &c->p);
}

static void forget_in(json_t *object)
{
	json_object_del(json_object_get(object, "ice"), "restart");
}

/* A restart is asked for once: what is stored must not ask again with the next update. */
static void forget_restart(json_t *doc)
{
	json_t *termination, *media;
	size_t t, m;

	json_array_foreach (json_object_get(doc, "terminations"), t, termination) {
		json_array_foreach (json_object_get(termination, "medias"), m, media) {
			json_t *dcmf = json_object_get(media, "dcmf");

			forget_in(dcmf);
			forget_in(json_object_get(dcmf, "mdc1"));
			forget_in(json_object_get(dcmf, "mdc2"));
		}
	}
}

/* The wish came true: its document is the stored one now. Cannot fail. */
static void store(struct stored *s, struct wish *w)
{
	json_decref(s->doc);
	json_decref(s->resolved);
	s->doc = w->doc;
	s->resolved = w->resolved;
	s->rel18 = w->rel18;
	w->doc = w->resolved = NULL;
	forget_restart(s->doc);
}

/*
 * What is refused of the server's side of a media is refused of that media. Returns which side it
 * was.
 */
static uint8_t point_into_document(const struct context_spec *spec, struct relay_refusal *r)
{
	const struct termination_spec *far;
	const struct media_spec *refused;
	unsigned t = 0, m = 0;

	if (r->termination < 0 || !spec->terminations[r->termination].at_server)
		return HOP_MB;
	far = &spec->terminations[r->termination];
	while (strcmp(spec->terminations[t].termination_id, far->termination_id) != 0)
		t++;
	r->termination = (int)t;
	if (r->media < 0)
		return HOP_MB;
	refused = &far->medias[r->media];
	while (strcmp(spec->terminations[t].medias[m].media_id, refused->media_id) != 0)
		m++;
	r->media = (int)m;
	return refused->hop;
}

static void refused_by_relay(
	struct call *c, const struct context_spec *spec, struct relay_refusal *r)
{
	static const char *const interfaces[] = { "/dcmf/interface", "/dcmf/mdc1/interface",
		"/dcmf/mdc2/interface" };
	const char *detail = r->detail[0] != '\0' ? r->detail : err_text(r->err);
	const char *attribute = "";
	enum problem_kind kind = problem_of_err(r->err);
	uint8_t hop = point_into_document(spec, r);
	char pointer[80];

	/* The one thing that a media names and that may not be there. */
	if (r->err == ERR_NOT_FOUND && r->media >= 0) {
		attribute = interfaces[hop];
		detail = "there is no media interface of this name for the peer's address family";
	}
	if (r->termination < 0) {
		problem_set(&c->p, kind, "%s", detail);
		return;
	}
	if (r->media < 0)
		snprintf(pointer, sizeof(pointer), "/terminations/%d", r->termination);
	else
		snprintf(pointer, sizeof(pointer), "/terminations/%d/medias/%d%s", r->termination,
			r->media, attribute);
	problem_param(&c->p, kind, pointer, "%s", detail);
}

/* In the shape the controller speaks; takes `doc` over. */
static json_t *in_shape(json_t *doc, bool rel18)
{
	json_t *early;

	if (!rel18 || doc == NULL)
		return doc;
	early = document_to_rel18(doc);
	json_decref(doc);
	return early;
}

static json_t *show(const struct call *c, const struct stored *s)
{
	const struct relay_context *context = relay_context_find(c->a->relay, s->id);

	return context != NULL ? in_shape(document_show(s->doc, c->a->relay, context), s->rel18)
			       : NULL;
}

/* Methods */

json_t *agent_context_create(struct call *c)
{
	struct wish w = { .doc = json_incref(json_object_get(c->params, "context")) };
	struct relay_refusal refusal = { .termination = -1, .media = -1 };
	struct stored *s = NULL;
	json_t *result = NULL;

	if (w.doc == NULL) {
		c->bad_params = "context is missing";
		return NULL;
	}
	if (make_wish(c, NULL, &w) && (s = stored_create(c->a)) == NULL)
		no_memory(c);
	if (s != NULL) {
		if (relay_context_create(c->a->relay, c->now, s->id, &w.spec, &refusal) != NULL) {
			store(s, &w);
			c->made = s->id;
			result = show(c, s);
		} else {
			refused_by_relay(c, &w.spec, &refusal);
			agent_forget(c->a, s);
		}
	}
	wish_finish(&w);
	return result;
}

/* The context the request names; NULL: the reason is set. */
static struct stored *named(struct call *c)
{
	const char *id = js_get_text(c->params, "contextId");
	struct stored *s = id != NULL ? agent_find(c->a, id) : NULL;

	if (id == NULL)
		c->bad_params = "contextId is missing or no text";
	else if (s == NULL)
		problem_set(&c->p, PROBLEM_NO_CONTEXT, "there is no context %.64s", id);
	return s;
}

/* The relay's half of a stored context; NULL cannot be but is answered all the same. */
static struct relay_context *relayed(struct call *c, const struct stored *s)
{
	struct relay_context *context = relay_context_find(c->a->relay, s->id);

	if (context == NULL)
		problem_set(&c->p, PROBLEM_NO_CONTEXT, "context %s is gone", s->id);
	return context;
}

static bool keeps_its_id(struct call *c, const json_t *doc, const struct stored *s)
{
	const char *id = js_get_text(doc, "contextId");

	return id == NULL || strcmp(id, s->id) == 0 ||
	       problem_param(&c->p, PROBLEM_NOT_ALLOWED, "/contextId", "a context keeps its id");
}

static bool forget_echo(
	struct call *c, json_t *doc, const struct stored *s, const struct relay_context *context)
{
	json_t *shown = document_show(s->doc, c->a->relay, context);
	bool done = shown != NULL && document_forget_echo(doc, s->doc, shown);

	json_decref(shown);
	return done || no_memory(c);
}

/* Brings a context to another document, taken over; `patched`: in the shape it had. */
static json_t *bring_to(struct call *c, struct stored *s, json_t *doc, bool patched)
{
	struct relay_context *context = relayed(c, s);
	struct relay_refusal refusal = { .termination = -1, .media = -1 };
	struct wish w = { .doc = doc };
	json_t *result = NULL;

	if (context != NULL && keeps_its_id(c, doc, s) && forget_echo(c, doc, s, context) &&
		make_wish(c, s, &w)) {
		if (relay_context_update(c->a->relay, c->now, context, &w.spec, &refusal)) {
			w.rel18 = patched ? s->rel18 : w.rel18;
			store(s, &w);
			if ((result = show(c, s)) == NULL)
				problem_set(&c->p, PROBLEM_NO_RESOURCES,
					"out of memory after the change was made");
		} else {
			refused_by_relay(c, &w.spec, &refusal);
		}
	}
	wish_finish(&w);
	return result;
}

json_t *agent_context_replace(struct call *c)
{
	struct stored *s = named(c);
	json_t *doc = json_object_get(c->params, "context");

	if (s != NULL && doc == NULL)
		c->bad_params = "context is missing";
	return s != NULL && doc != NULL ? bring_to(c, s, json_incref(doc), false) : NULL;
}

json_t *agent_context_update(struct call *c)
{
	struct stored *s = named(c);
	const json_t *patch = json_object_get(c->params, "patch");
	struct relay_context *context;
	json_t *before, *after;

	if (s != NULL && patch == NULL)
		c->bad_params = "patch is missing";
	if (s == NULL || patch == NULL || (context = relayed(c, s)) == NULL)
		return NULL;
	before = in_shape(document_to_patch(s->doc, c->a->relay, context), s->rel18);
	after = before != NULL ? patch_apply(before, patch, &c->p) : NULL;
	json_decref(before);
	return after != NULL ? bring_to(c, s, after, true) : NULL;
}

json_t *agent_context_get(struct call *c)
{
	struct stored *s = named(c);
	const struct relay_context *context = s != NULL ? relayed(c, s) : NULL;

	if (context == NULL)
		return NULL;
	return in_shape(document_with_status(s->doc, c->a->relay, context, c->now), s->rel18);
}

/* Lists */

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The ids behind `after`, in order; the array is the caller's. NULL: out of memory. */
static const char **ids_after(const struct agent *a, const char *after, size_t *count)
{
	const char **ids = mem_alloc((HASH_COUNT(a->contexts) + 1) * sizeof(*ids));

	*count = 0;
	if (ids == NULL)
		return NULL;
	for (const struct stored *s = a->contexts; s != NULL; s = s->hh.next) {
		if (after == NULL || strcmp(s->id, after) > 0)
			ids[(*count)++] = s->id;
	}
	qsort(ids, *count, sizeof(*ids), compare_ids);
	return ids;
}

static json_t *summary(const struct agent *a, const struct stored *s)
{
	const struct relay_context *c = relay_context_find(a->relay, s->id);
	json_t *entry = json_object();
	int64_t medias = 0, open = 0;
	struct media_view v;

	for (unsigned t = 0; c != NULL && relay_media_view(a->relay, c, t, 0, &v); t++) {
		for (unsigned m = 0; relay_media_view(a->relay, c, t, m, &v); m++) {
			medias++;
			open += v.state == LEG_OPEN;
		}
	}
	if (js_put_text(entry, "contextId", s->id) &&
		js_put_text(
			entry, "owner", js_get_text(json_object_get(s->doc, "dcmf"), "owner")) &&
		js_put_integer(entry, "medias", medias) && js_put_integer(entry, "open", open))
		return entry;
	json_decref(entry);
	return NULL;
}

json_t *agent_context_list(struct call *c)
{
	int64_t limit = js_get_integer(c->params, "limit", LIST_LIMIT);
	const char **ids;
	json_t *result, *list;
	size_t count, n;
	bool done;

	if (limit < 1 || limit > LIST_LIMIT_MAX) {
		c->bad_params = "limit is not in 1 to 1000";
		return NULL;
	}
	if ((ids = ids_after(c->a, js_get_text(c->params, "after"), &count)) == NULL)
		return NULL;
	n = count < (size_t)limit ? count : (size_t)limit;
	result = json_object();
	list = json_array();
	done = list != NULL;
	for (size_t i = 0; done && i < n; i++)
		done = js_append(list, summary(c->a, agent_find(c->a, ids[i])));
	done = done && json_object_set(result, "contexts", list) == 0 &&
	       (n == count || js_put_text(result, "next", ids[n - 1]));
	json_decref(list);
	mem_free(ids);
	if (done)
		return result;
	json_decref(result);
	return NULL;
}

/* Ends */

json_t *agent_context_delete(struct call *c)
{
	struct stored *s = named(c);

	if (s == NULL)
		return NULL;
	agent_drop(c->a, c->now, s->id, CLOSE_LOCAL);
	return json_object();
}

static int64_t delete_everything(struct call *c)
{
	struct stored *s, *next;
	int64_t deleted = 0;

	HASH_ITER (hh, c->a->contexts, s, next) {
		agent_drop(c->a, c->now, s->id, CLOSE_SHUTDOWN);
		deleted++;
	}
	return deleted;
}

static int64_t delete_named(struct call *c, const json_t *ids)
{
	int64_t deleted = 0;
	const json_t *id;
	size_t i;

	json_array_foreach (ids, i, id) {
		const char *text = json_string_value(id);

		if (text == NULL || agent_find(c->a, text) == NULL)
			continue;
		agent_drop(c->a, c->now, text, CLOSE_LOCAL);
		deleted++;
	}
	return deleted;
}

json_t *agent_context_delete_all(struct call *c)
{
	const json_t *ids = json_object_get(c->params, "contextIds");
	int64_t deleted = ids != NULL ? delete_named(c, ids) : delete_everything(c);
	json_t *result = json_object();

	if (result != NULL && js_put_integer(result, "deleted", deleted))
		return result;
	json_decref(result);
	return NULL;
}
