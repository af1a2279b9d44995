/* desk_context.c: the context.* methods, and which worker has which context. */
#include "control/desk/desk_private.h"
#include "control/sdp/sdp_dialog.h"

struct desk_context *context_find(struct desk *d, const char *id)
{
	struct desk_context *x;

	HASH_FIND_STR(d->contexts, id, x);
	return x;
}

bool desk_has_context(const struct desk *d, const char *id)
{
	const struct desk_context *x;

	HASH_FIND_STR(d->contexts, id, x);
	return x != NULL;
}

static void context_free(struct desk_context *x)
{
	if (x == NULL)
		return;
	mem_free(x->id);
	sdp_dialog_destroy(x->dialog);
	mem_free(x->owner);
	mem_free(x->maker);
	mem_free(x);
}

static struct desk_context *context_add(
	struct desk *d, unsigned worker, const char *id, const char *maker)
{
	struct desk_context *x = mem_zalloc(sizeof(*x));

	if (x == NULL || (x->id = mem_strdup(id)) == NULL ||
		((x->maker = mem_strdup(maker)) == NULL && maker != NULL)) {
		context_free(x);
		return NULL;
	}
	x->worker = worker;
	HASH_ADD_KEYPTR(hh, d->contexts, x->id, strlen(x->id), x);
	if (x->hh.tbl == NULL) {
		context_free(x);
		return NULL;
	}
	d->workers[worker].contexts++;
	return x;
}

struct desk_context *context_note(
	struct desk *d, const struct desk_request *r, const json_t *document)
{
	const char *id = js_get_text(document, "contextId");
	const char *owner = js_get_text(json_object_get(document, "dcmf"), "owner");
	struct desk_context *x = id != NULL ? context_find(d, id) : NULL;
	bool is_new = x == NULL;
	char *copy;

	if (id == NULL ||
		(is_new && (x = context_add(d, (unsigned)r->worker, id, r->identity)) == NULL))
		return NULL;
	copy = mem_strdup(owner);
	if (copy == NULL && owner != NULL) {
		if (is_new)
			context_forget(d, d->started, x);
		return NULL;
	}
	mem_free(x->owner);
	x->owner = copy;
	return x;
}

void context_forget(struct desk *d, tick_t now, struct desk_context *x)
{
	d->workers[x->worker].contexts--;
	HASH_DEL(d->contexts, x);
	context_free(x);
}

void contexts_forget_worker(struct desk *d, tick_t now, unsigned worker)
{
	for (struct desk_context *x = d->contexts, *next; x != NULL; x = next) {
		next = x->hh.next;
		if (x->worker == worker)
			context_forget(d, now, x);
	}
}

/* Ties go round, so that a quiet node fills its workers evenly. */
int worker_least_loaded(struct desk *d)
{
	int best = -1;
	uint64_t least = 0;

	for (unsigned i = 1; i <= d->worker_count; i++) {
		unsigned w = (d->last_chosen + i) % d->worker_count;
		uint64_t load = d->workers[w].contexts + d->workers[w].creating;

		if (d->workers[w].up && (best < 0 || load < least)) {
			best = (int)w;
			least = load;
		}
	}
	if (best >= 0)
		d->last_chosen = (unsigned)best;
	return best;
}

bool context_may_begin(const struct desk_call *c)
{
	struct desk *d = c->d;
	struct problem p = { PROBLEM_NONE };

	if (d->state != NODE_RUNNING)
		problem_set(&p, PROBLEM_CONGESTION, "the node is %s", desk_state(d));
	else if (HASH_COUNT(d->contexts) + d->creating >= d->limits.contexts)
		problem_set(&p, PROBLEM_NO_RESOURCES, "limits.contexts is reached: %llu",
			(unsigned long long)d->limits.contexts);
	if (p.kind == PROBLEM_NONE)
		return true;
	call_refuse(c, &p);
	return false;
}

static void deleted_unwanted(struct desk *d, tick_t now, struct desk_request *r, json_t *result)
{
	request_close(d, r);
}

static void not_deleted_unwanted(struct desk *d, tick_t now, struct desk_request *r)
{
	request_close(d, r);
}

void context_delete_unwanted(struct desk *d, tick_t now, unsigned worker, const char *id)
{
	static const struct desk_purpose purpose = {
		.method = "context.delete",
		.done = deleted_unwanted,
		.failed = not_deleted_unwanted,
	};
	json_t *params = json_object();
	struct desk_request *r;

	if (params != NULL)
		js_put_text(params, "contextId", id);
	r = request_open_own(d, now, &purpose, params);
	if (r != NULL)
		request_send(d, now, r, (int)worker);
}

/* A copy of the call's own parameters for the worker; shallow: values are shared, not changed. */
static json_t *params_for_worker(const struct desk_call *c)
{
	return json_copy(c->params);
}

json_t *params_with_document(json_t *document, const char *context_id)
{
	json_t *params = json_object();

	if (params != NULL && json_object_set(params, "context", document) == 0 &&
		js_put_text(params, "contextId", context_id))
		return params;
	json_decref(params);
	return NULL;
}

static void created(struct desk *d, tick_t now, struct desk_request *r, json_t *result)
{
	struct problem p = { PROBLEM_NONE };
	const char *id = js_get_text(result, "contextId");
	unsigned worker = (unsigned)r->worker;

	if (context_note(d, r, result) != NULL) {
		request_result(d, r, json_incref(result));
		return;
	}
	problem_set(&p, id != NULL ? PROBLEM_NO_RESOURCES : PROBLEM_FAILURE, "%s",
		id != NULL ? "out of memory" : "the worker made no context");
	request_refuse(d, r, &p);
	if (id != NULL)
		context_delete_unwanted(d, now, worker, id);
}

void method_context_create(struct desk_call *c)
{
	static const struct desk_purpose purpose = { "context.create", true, created, NULL };
	struct desk_request *r;

	if (!context_may_begin(c))
		return;
	r = request_open(c, &purpose, params_for_worker(c));
	if (r != NULL)
		request_resolve_and_send(
			c->d, c->now, r, json_object_get(c->params, "context"), -1);
}

struct desk_context *named_context(const struct desk_call *c)
{
	const char *id = js_get_text(c->params, "contextId");
	struct desk_context *x = context_find(c->d, id);
	struct problem p = { PROBLEM_NONE };

	if (x == NULL) {
		problem_set(&p, PROBLEM_NO_CONTEXT, "there is no context \"%.64s\"", id);
		call_refuse(c, &p);
	}
	return x;
}

bool context_may_change(const struct desk *d, const char *identity, const struct desk_context *x)
{
	return identity == NULL || d->limits.others_may_change ||
	       (x->maker != NULL && strcmp(x->maker, identity) == 0);
}

struct desk_context *changeable_context(const struct desk_call *c)
{
	struct desk_context *x = named_context(c);
	struct problem p = { PROBLEM_NONE };

	if (x == NULL || context_may_change(c->d, c->identity, x))
		return x;
	problem_set(&p, PROBLEM_NOT_ALLOWED, "context %.64s belongs to another controller", x->id);
	call_refuse(c, &p);
	return NULL;
}

static void updated(struct desk *d, tick_t now, struct desk_request *r, json_t *result)
{
	/* the owner may have changed; without memory the old one stays */
	context_note(d, r, result);
	request_result(d, r, json_incref(result));
}

void method_context_update(struct desk_call *c)
{
	static const struct desk_purpose purpose = { "context.update", false, updated, NULL };
	const struct desk_context *x = changeable_context(c);
	struct desk_request *r = x != NULL ? request_open(c, &purpose, params_for_worker(c)) : NULL;

	if (r != NULL)
		request_resolve_and_send(
			c->d, c->now, r, json_object_get(c->params, "patch"), (int)x->worker);
}

static void got(struct desk *d, tick_t now, struct desk_request *r, json_t *result)
{
	request_result(d, r, json_incref(result));
}

void method_context_get(struct desk_call *c)
{
	static const struct desk_purpose purpose = { "context.get", false, got, NULL };
	const struct desk_context *x = named_context(c);
	struct desk_request *r = x != NULL ? request_open(c, &purpose, params_for_worker(c)) : NULL;

	if (r != NULL)
		request_send(c->d, c->now, r, (int)x->worker);
}

static void deleted(struct desk *d, tick_t now, struct desk_request *r, json_t *result)
{
	struct desk_context *x = context_find(d, r->context_id);

	if (x != NULL)
		context_forget(d, now, x);
	request_result(d, r, json_object());
}

void method_context_delete(struct desk_call *c)
{
	static const struct desk_purpose purpose = { "context.delete", false, deleted, NULL };
	const struct desk_context *x = changeable_context(c);
	struct desk_request *r = x != NULL ? request_open(c, &purpose, params_for_worker(c)) : NULL;
	struct problem p = { PROBLEM_NONE };

	if (r == NULL)
		return;
	r->context_id = mem_strdup(x->id);
	if (r->context_id != NULL) {
		request_send(c->d, c->now, r, (int)x->worker);
		return;
	}
	problem_set(&p, PROBLEM_NO_RESOURCES, "out of memory");
	request_refuse(c->d, r, &p);
}

/* context.list walks the workers one after the other, until the page is full. */

static void list_next_worker(struct desk *d, tick_t now, struct desk_request *r, unsigned from);

static void list_answer(struct desk *d, struct desk_request *r, const char *next)
{
	json_t *result = json_object();

	if (result != NULL && json_object_set(result, "contexts", r->page) == 0 &&
		js_put_text(result, "next", next)) {
		request_result(d, r, result);
		return;
	}
	json_decref(result);
	request_result(d, r, NULL);
}

/* The first worker from `from` on that has something to list; worker_count: none. */
static unsigned list_worker(const struct desk *d, unsigned from)
{
	while (from < d->worker_count && (!d->workers[from].up || d->workers[from].contexts == 0))
		from++;
	return from;
}

static void listed(struct desk *d, tick_t now, struct desk_request *r, json_t *result)
{
	unsigned after = (unsigned)r->worker + 1;
	json_t *last;

	json_array_extend(r->page, json_object_get(result, "contexts"));
	if (json_array_size(r->page) < r->limit) {
		list_next_worker(d, now, r, after);
		return;
	}
	last = json_array_get(r->page, json_array_size(r->page) - 1);
	if (json_object_get(result, "next") == NULL && list_worker(d, after) >= d->worker_count)
		list_answer(d, r, NULL);
	else
		list_answer(d, r, js_get_text(last, "contextId"));
}

static void not_listed(struct desk *d, tick_t now, struct desk_request *r)
{
	list_next_worker(d, now, r, (unsigned)r->worker + 1);
}

static void list_next_worker(struct desk *d, tick_t now, struct desk_request *r, unsigned from)
{
	struct problem p = { PROBLEM_NONE };
	int64_t missing = r->limit - (int64_t)json_array_size(r->page);
	unsigned w = list_worker(d, from);

	if (w >= d->worker_count) {
		list_answer(d, r, NULL);
		return;
	}
	if (w != from || r->worker >= 0)
		json_object_del(r->params, "after"); /* it stands in a worker before this one */
	if (js_put_integer(r->params, "limit", missing)) {
		request_send(d, now, r, (int)w);
		return;
	}
	problem_set(&p, PROBLEM_NO_RESOURCES, "out of memory");
	request_refuse(d, r, &p);
}

/* "2-ab": the worker that the page begins in. */
static bool worker_of_id(const char *id, unsigned *worker)
{
	struct span rest = SPAN_STR(id), index = span_cut(&rest, '-');
	uint64_t value;

	if (!span_to_u64(index, 0xffff, &value) || rest.len == 0)
		return false;
	*worker = (unsigned)value;
	return true;
}

void method_context_list(struct desk_call *c)
{
	static const struct desk_purpose purpose = { "context.list", false, listed, not_listed };
	const char *after = js_get_text(c->params, "after");
	int64_t limit = js_get_integer(c->params, "limit", DESK_LIST_LIMIT);
	struct desk_request *r;
	unsigned from = 0;

	if (limit < 1 || limit > DESK_LIST_MAX) {
		call_error(c, RPC_INVALID_PARAMS, "params: limit must be 1 to 1000");
		return;
	}
	if (after != NULL && !worker_of_id(after, &from)) {
		call_error(c, RPC_INVALID_PARAMS, "params: after is no contextId");
		return;
	}
	r = request_open(c, &purpose, c->params != NULL ? params_for_worker(c) : json_object());
	if (r == NULL)
		return;
	r->limit = (unsigned)limit;
	r->page = json_array();
	list_next_worker(c->d, c->now, r, from);
}
