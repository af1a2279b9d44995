/* desk.c: the desk itself: controllers come and go, their lines find a method. */
#include "control/desk/desk_private.h"
#include "dcmf/base/log.h"

#define PARAMS_MAX 8

enum param_type { PARAM_TEXT, PARAM_OBJECT, PARAM_ARRAY, PARAM_COUNT, PARAM_FLAG };

struct param {
	const char *name;
	enum param_type type;
	bool needed;
};

/* Methods that a later release brings. */
static void method_not_built(struct desk_call *c)
{
	struct problem p = { PROBLEM_NONE };

	problem_set(&p, PROBLEM_NOT_BUILT, "%s is not built yet", c->rpc->method);
	call_refuse(c, &p);
}

static const struct method {
	const char *name;
	void (*fn)(struct desk_call *c);
	struct param params[PARAMS_MAX];
} methods[] = {
	{ "node.info", method_node_info, { { NULL } } },
	{ "node.stats", method_node_stats, { { NULL } } },
	{ "node.drain", method_node_drain, { { "deadlineSeconds", PARAM_COUNT, false } } },
	{ "node.resume", method_node_resume, { { NULL } } },
	{ "context.create", method_context_create, { { "context", PARAM_OBJECT, true } } },
	{ "context.update", method_context_update,
		{ { "contextId", PARAM_TEXT, true }, { "patch", PARAM_ARRAY, true } } },
	{ "context.get", method_context_get, { { "contextId", PARAM_TEXT, true } } },
	{ "context.list", method_context_list,
		{ { "limit", PARAM_COUNT, false }, { "after", PARAM_TEXT, false } } },
	{ "context.delete", method_context_delete, { { "contextId", PARAM_TEXT, true } } },
	{ "context.sweep", method_context_sweep, { { "owner", PARAM_TEXT, true } } },
	{ "sdp.terminate", method_sdp_terminate,
		{ { "sdp", PARAM_TEXT, true }, { "dcMedia", PARAM_OBJECT, true },
			{ "contextId", PARAM_TEXT, false }, { "owner", PARAM_TEXT, false } } },
	{ "sdp.offer", method_sdp_offer,
		{ { "sdp", PARAM_TEXT, true }, { "contextId", PARAM_TEXT, false },
			{ "dcMedia", PARAM_OBJECT, false }, { "securityMode", PARAM_TEXT, false },
			{ "addBootstrap", PARAM_FLAG, false }, { "owner", PARAM_TEXT, false },
			{ "own", PARAM_OBJECT, false }, { "other", PARAM_OBJECT, false } } },
	{ "sdp.answer", method_sdp_answer,
		{ { "contextId", PARAM_TEXT, true }, { "sdp", PARAM_TEXT, true },
			{ "own", PARAM_OBJECT, false }, { "other", PARAM_OBJECT, false } } },
	{ "context.trace", method_not_built, { { NULL } } },
	{ "policy.show", method_not_built, { { NULL } } },
	{ "events.subscribe", method_events_subscribe,
		{ { "types", PARAM_ARRAY, false }, { "contextId", PARAM_TEXT, false } } },
};

static bool take_config(struct desk *d, const struct desk_config *config)
{
	d->name = mem_strdup(config->name);
	d->version = mem_strdup(config->version);
	d->nf_instance_id = mem_strdup(config->nf_instance_id);
	d->workers = mem_zalloc(config->workers * sizeof(*d->workers));
	d->worker_count = config->workers;
	d->max_requests = config->max_requests_per_controller;
	d->limits = config->limits;
	return d->name != NULL && d->version != NULL && d->nf_instance_id != NULL &&
	       d->workers != NULL;
}

struct desk *desk_create(const struct desk_config *config, tick_t now)
{
	struct desk *d;

	control_init();
	d = mem_zalloc(sizeof(*d));
	if (d == NULL)
		return NULL;
	d->ops = config->ops;
	d->started = now;
	d->drain_deadline = TICK_NEVER;
	list_init(&d->waiting);
	if (!take_config(d, config)) {
		desk_destroy(d);
		return NULL;
	}
	return d;
}

static void controller_free(struct desk *d, struct desk_controller *c)
{
	HASH_DEL(d->controllers, c);
	json_decref(c->types);
	mem_free(c->context_id);
	mem_free(c->identity);
	mem_free(c->peer);
	mem_free(c);
}

void desk_destroy(struct desk *d)
{
	struct desk_request *r;
	size_t at = 0;

	if (d == NULL)
		return;
	while ((r = slots_next(&d->requests, &at)) != NULL)
		request_close(d, r);
	for (struct desk_controller *c = d->controllers, *next; c != NULL; c = next) {
		next = c->hh.next;
		controller_free(d, c);
	}
	d->state = NODE_RUNNING; /* nobody is to be told that the last context has gone */
	for (unsigned w = 0; w < d->worker_count && d->workers != NULL; w++)
		contexts_forget_worker(d, d->started, w);
	slots_finish(&d->requests);
	slots_finish(&d->tickets);
	json_decref(d->fingerprints);
	mem_free(d->workers);
	mem_free(d->name);
	mem_free(d->version);
	mem_free(d->nf_instance_id);
	mem_free(d);
}

void desk_set_limits(struct desk *d, const struct desk_limits *limits)
{
	d->limits = *limits;
}

static json_t *fingerprint_json(const char *text)
{
	struct span value = SPAN_STR(text), algorithm = span_cut(&value, ' ');
	json_t *f = json_object();

	if (f != NULL &&
		js_put(f, "algorithm", json_stringn((const char *)algorithm.p, algorithm.len)) &&
		js_put(f, "value", json_stringn((const char *)value.p, value.len)))
		return f;
	json_decref(f);
	return NULL;
}

void desk_set_fingerprints(struct desk *d, const char *const *texts, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; list != NULL && i < count; i++)
		js_append(list, fingerprint_json(texts[i]));
	json_decref(d->fingerprints);
	d->fingerprints = list;
}

struct desk_controller *desk_controller(struct desk *d, uint64_t id)
{
	struct desk_controller *c;

	HASH_FIND(hh, d->controllers, &id, sizeof(id), c);
	return c;
}

void desk_controller_joined(struct desk *d, uint64_t id, const char *peer)
{
	struct desk_controller *c = mem_zalloc(sizeof(*c));

	if (c == NULL)
		return; /* its requests are refused: it is not known */
	c->id = id;
	c->peer = mem_strdup(peer);
	HASH_ADD(hh, d->controllers, id, sizeof(c->id), c);
	if (c->hh.tbl == NULL || c->peer == NULL) {
		if (c->hh.tbl != NULL)
			HASH_DEL(d->controllers, c);
		mem_free(c->peer);
		mem_free(c);
		return;
	}
	log_info(NULL, "controller %s joined", peer);
}

/* Without memory it is nobody: better that than the operator. */
void desk_controller_identify(struct desk *d, uint64_t id, const char *identity)
{
	struct desk_controller *c = desk_controller(d, id);

	if (c == NULL)
		return;
	mem_free(c->identity);
	if ((c->identity = mem_strdup(identity)) == NULL)
		controller_free(d, c);
}

void desk_controller_left(struct desk *d, tick_t now, uint64_t id)
{
	struct desk_controller *c = desk_controller(d, id);
	struct desk_request *r;
	size_t at = 0;

	if (c == NULL)
		return;
	while ((r = slots_next(&d->requests, &at)) != NULL) {
		if (r->controller == id)
			request_forget_controller(d, r);
	}
	log_info(NULL, "controller %s left", c->peer);
	controller_free(d, c);
	node_check_drained(d);
}

void desk_send(struct desk *d, uint64_t controller, char *line)
{
	static const char no_memory[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-"
					"32603,\"message\":\"out of memory\"}}";

	d->ops->to_controller(
		d->ops->front, controller, line != NULL ? SPAN_STR(line) : SPAN_LIT(no_memory));
	mem_free(line);
}

static void answer_ask(const struct desk_ask *ask, json_t *result, json_t *problem)
{
	ask->ops->answered(ask->arg, result, problem);
}

void call_result(const struct desk_call *c, json_t *result)
{
	if (c->ask != NULL)
		answer_ask(c->ask, result, NULL);
	else if (c->rpc->id != NULL)
		desk_send(c->d, c->controller, rpc_result(c->rpc->id, result));
	json_decref(result);
}

json_t *problem_of_rpc(int code, const char *message)
{
	struct problem p = { PROBLEM_NONE };
	json_t *details;

	problem_set(&p, code == RPC_INTERNAL_ERROR ? PROBLEM_NO_RESOURCES : PROBLEM_BAD_MESSAGE,
		"%s", message != NULL ? message : "");
	details = problem_json(&p);
	problem_finish(&p);
	return details;
}

void call_error(const struct desk_call *c, int code, const char *message)
{
	if (c->ask != NULL) {
		json_t *problem = problem_of_rpc(code, message);

		answer_ask(c->ask, NULL, problem);
		json_decref(problem);
	} else if (c->rpc->id != NULL) {
		desk_send(c->d, c->controller, rpc_error(c->rpc->id, code, message));
	}
}

void call_refuse(const struct desk_call *c, struct problem *p)
{
	if (c->ask != NULL) {
		json_t *problem = problem_json(p);

		answer_ask(c->ask, NULL, problem);
		json_decref(problem);
	} else if (c->rpc->id != NULL)
		desk_send(c->d, c->controller, rpc_refusal(c->rpc->id, p));
	problem_finish(p);
}

static bool has_type(const json_t *value, enum param_type type)
{
	switch (type) {
	case PARAM_TEXT: return json_is_string(value);
	case PARAM_OBJECT: return json_is_object(value);
	case PARAM_ARRAY: return json_is_array(value);
	case PARAM_COUNT: return json_is_integer(value) && json_integer_value(value) >= 0;
	case PARAM_FLAG: return json_is_boolean(value);
	}
	return false;
}

static bool params_fail(struct desk_call *c, const char *name, const char *why)
{
	char message[160];

	snprintf(message, sizeof(message), "params: %.80s%s%s", name, name[0] != '\0' ? " " : "",
		why);
	call_error(c, RPC_INVALID_PARAMS, message);
	return false;
}

static const struct param *find_param(const struct method *m, const char *name)
{
	for (const struct param *p = m->params; p < m->params + PARAMS_MAX && p->name != NULL;
		p++) {
		if (strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

static bool check_params(struct desk_call *c, const struct method *m)
{
	static const char *const kinds[] = {
		[PARAM_TEXT] = "must be a text",
		[PARAM_OBJECT] = "must be an object",
		[PARAM_ARRAY] = "must be an array",
		[PARAM_COUNT] = "must be an integer that is not negative",
		[PARAM_FLAG] = "must be true or false",
	};
	const char *key;
	json_t *value;

	if (c->params != NULL && !json_is_object(c->params))
		return params_fail(c, "", "must be an object");
	if (m->fn == method_not_built)
		return true; /* the refusal says more than a parameter's name */
	json_object_foreach (c->params, key, value) {
		const struct param *p = find_param(m, key);

		if (p == NULL)
			return params_fail(c, key, "is unknown");
		if (!has_type(value, p->type))
			return params_fail(c, key, kinds[p->type]);
	}
	for (const struct param *p = m->params; p < m->params + PARAMS_MAX && p->name != NULL;
		p++) {
		if (p->needed && json_object_get(c->params, p->name) == NULL)
			return params_fail(c, p->name, "is missing");
	}
	return true;
}

static void run_method(struct desk_call *c)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i].name, c->rpc->method) != 0)
			continue;
		if (check_params(c, &methods[i]))
			methods[i].fn(c);
		return;
	}
	call_error(c, RPC_METHOD_NOT_FOUND, "there is no such method");
}

void desk_controller_line(struct desk *d, tick_t now, uint64_t controller, struct span line)
{
	struct rpc_request rpc;
	struct desk_call c = { .d = d, .now = now, .controller = controller, .rpc = &rpc };
	const struct desk_controller *who = desk_controller(d, controller);
	const char *why = "";
	int code;

	if (span_trim(line).len == 0)
		return; /* an empty line is nobody's request */
	code = rpc_parse(line, &rpc, &why);
	c.params = rpc.params;
	if (code == 0 && js_is_deeper(rpc.doc, JS_DEPTH_MAX)) {
		code = RPC_INVALID_REQUEST; /* a worker could not read what becomes of it */
		why = "the request is nested too deep";
	}
	if (code != 0)
		desk_send(d, controller, rpc_error(rpc.id, code, why));
	else if (who == NULL)
		call_error(&c, RPC_INTERNAL_ERROR, "out of memory");
	else {
		c.identity = who->identity;
		run_method(&c);
	}
	rpc_request_finish(&rpc);
}

uint64_t desk_ask(struct desk *d, tick_t now, const struct desk_ask *ask)
{
	const struct rpc_request rpc = { .method = ask->method };
	slot_id opened = 0;
	struct desk_call c = {
		.d = d,
		.now = now,
		.rpc = &rpc,
		.ask = ask,
		.identity = ask->identity,
		.opened = &opened,
		.params = ask->params,
	};

	if (js_is_deeper(ask->params, JS_DEPTH_MAX))
		call_error(&c, RPC_INVALID_REQUEST, "the request is nested too deep");
	else
		run_method(&c);
	return slots_get(&d->requests, opened) != NULL ? opened : 0;
}

void desk_controller_too_long(struct desk *d, uint64_t controller)
{
	desk_send(d, controller,
		rpc_error(NULL, RPC_INVALID_REQUEST, "the line is longer than 1 MiB"));
}

unsigned desk_controller_at_workers(struct desk *d, uint64_t controller)
{
	const struct desk_controller *c = desk_controller(d, controller);

	return c != NULL ? c->at_workers : 0;
}

void desk_worker_up(struct desk *d, tick_t now, unsigned worker)
{
	d->workers[worker].up = true;
}

void desk_worker_line(struct desk *d, tick_t now, unsigned worker, struct span line)
{
	bool no_memory = false;
	json_t *message = js_parse(line, &no_memory);
	const char *method = js_get_text(message, "method");

	if (message == NULL)
		log_error(NULL, "worker %u sent a line that %s", worker,
			no_memory ? "found no memory" : "is not JSON");
	else if (method == NULL)
		requests_answered(d, now, worker, message);
	else if (strcmp(method, "event") == 0)
		event_from_worker(d, now, json_object_get(message, "params"));
	json_decref(message);
}

void desk_worker_lost(struct desk *d, tick_t now, unsigned worker, const char *how)
{
	d->workers[worker].up = false;
	event_worker_lost(d, worker, how);
	requests_of_lost_worker(d, now, worker);
	contexts_forget_worker(d, now, worker);
	node_check_drained(d);
}

void desk_drain(struct desk *d, tick_t now)
{
	d->stopping = true;
	node_begin_drain(d, now, d->limits.drain_deadline_us);
}

bool desk_is_busy(const struct desk *d)
{
	return slots_count(&d->requests) > 0;
}

bool desk_is_ready(const struct desk *d)
{
	for (unsigned w = 0; w < d->worker_count; w++) {
		if (!d->workers[w].up)
			return false;
	}
	return d->state == NODE_RUNNING;
}

const char *desk_state(const struct desk *d)
{
	static const char *const names[] = {
		[NODE_RUNNING] = "running",
		[NODE_DRAINING] = "draining",
		[NODE_DRAINED] = "drained",
	};

	return names[d->state];
}

uint64_t desk_contexts(const struct desk *d)
{
	return HASH_COUNT(d->contexts);
}

uint64_t desk_contexts_of(const struct desk *d, unsigned worker)
{
	return d->workers[worker].contexts;
}

tick_t desk_deadline(const struct desk *d)
{
	tick_t at = d->drain_deadline;

	if (!list_is_empty(&d->waiting))
		at = tick_min(at,
			container_of(d->waiting.next, struct desk_request, on_waiting)->deadline);
	return at;
}

void desk_expire(struct desk *d, tick_t now)
{
	requests_expire(d, now);
	node_drain_expire(d, now);
	node_check_drained(d);
}
