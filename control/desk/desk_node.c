/* desk_node.c: the node.* methods: what it is, how it fares, and its way out of service. */
#include "control/desk/desk_private.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"

/* What a controller may rely on: words for machines. */
static const char *const capabilities[] = {
	"mediacontext-r19",
	"mediacontext-r18",
	"bootstrap",
	"ice-lite",
	"dtls12",
	"sdp.terminate",
};

static json_t *worker_json(struct desk *d, unsigned w)
{
	struct desk_worker_info info = { .index = w };
	json_t *j = json_object();

	d->ops->worker_info(d->ops->front, w, &info);
	if (j != NULL && js_put_integer(j, "index", w) && js_put_bool(j, "up", d->workers[w].up) &&
		js_put_integer(j, "pid", info.pid) && js_put_integer(j, "starts", info.starts) &&
		js_put_integer(j, "contexts", (int64_t)d->workers[w].contexts) &&
		js_put(j, "cpuSeconds", json_real(info.cpu_seconds)) &&
		js_put_integer(j, "memoryBytes", (int64_t)info.memory_bytes))
		return j;
	json_decref(j);
	return NULL;
}

static bool put_workers(struct desk *d, json_t *result)
{
	json_t *list = json_array();

	for (unsigned w = 0; list != NULL && w < d->worker_count; w++) {
		if (js_append(list, worker_json(d, w)))
			continue;
		json_decref(list);
		list = NULL;
	}
	return js_put(result, "workers", list);
}

static bool put_capabilities(json_t *result)
{
	json_t *list = json_array();

	for (size_t i = 0; list != NULL && i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
		js_append(list, json_string(capabilities[i]));
	return js_put(result, "capabilities", list);
}

static json_t *complete(json_t *result, bool is_complete)
{
	if (is_complete)
		return result;
	json_decref(result);
	return NULL;
}

void method_node_info(struct desk_call *c)
{
	struct desk *d = c->d;
	json_t *result = json_object();
	bool ok = result != NULL && js_put_text(result, "name", d->name) &&
		  js_put_text(result, "version", d->version) &&
		  js_put_text(result, "nfInstanceId", d->nf_instance_id) &&
		  js_put_text(result, "state", desk_state(d)) && put_workers(d, result) &&
		  js_put(result, "fingerprints",
			  d->fingerprints != NULL ? json_incref(d->fingerprints) : json_array()) &&
		  js_put_integer(
			  result, "uptimeSeconds", tick_since(d->started, c->now) / TICK_S(1)) &&
		  put_capabilities(result);

	call_result(c, complete(result, ok));
}

void method_node_stats(struct desk_call *c)
{
	struct desk *d = c->d;
	json_t *result = json_object();
	bool ok = result != NULL;

	for (int i = 0; ok && i < COUNTER_MAX; i++)
		ok = js_put_integer(
			result, counter_info[i].name, d->ops->counter(d->ops->front, i));
	call_result(c, complete(result, ok && put_workers(d, result)));
}

static json_t *state_json(struct desk *d)
{
	json_t *result = json_object();
	bool ok = result != NULL && js_put_text(result, "state", desk_state(d)) &&
		  js_put_integer(result, "contexts", (int64_t)desk_contexts(d));

	return complete(result, ok);
}

/* A drain ends in the deletion of everybody's contexts. */
static bool may_drain(const struct desk_call *c)
{
	struct problem p = { PROBLEM_NONE };

	if (c->identity == NULL || c->d->limits.others_may_change)
		return true;
	problem_set(&p, PROBLEM_NOT_ALLOWED, "draining the node is the operator's");
	call_refuse(c, &p);
	return false;
}

void method_node_drain(struct desk_call *c)
{
	int64_t seconds = js_get_integer(
		c->params, "deadlineSeconds", c->d->limits.drain_deadline_us / TICK_S(1));
	struct problem p = { PROBLEM_NONE };

	if (!may_drain(c))
		return;
	if (seconds > 365 * 86400) {
		call_error(c, RPC_INVALID_PARAMS, "params: deadlineSeconds is longer than a year");
		return;
	}
	if (c->d->stopping) {
		problem_set(&p, PROBLEM_CONFLICT, "the node is stopping; its deadline stands");
		call_refuse(c, &p);
		return;
	}
	node_begin_drain(c->d, c->now, TICK_S(seconds));
	call_result(c, state_json(c->d));
}

void method_node_resume(struct desk_call *c)
{
	struct problem p = { PROBLEM_NONE };

	if (!may_drain(c))
		return;
	if (c->d->stopping) {
		problem_set(&p, PROBLEM_CONFLICT, "the node is stopping");
		call_refuse(c, &p);
		return;
	}
	if (c->d->state != NODE_RUNNING)
		log_info(NULL, "node: running again");
	c->d->state = NODE_RUNNING;
	c->d->drain_deadline = TICK_NEVER;
	call_result(c, state_json(c->d));
}

static void tell_state(struct desk *d, const char *type)
{
	json_t *params = event_new(type);

	if (params != NULL && js_put_integer(params, "contexts", (int64_t)desk_contexts(d)))
		event_tell(d, params);
	else
		json_decref(params);
}

void node_begin_drain(struct desk *d, tick_t now, int64_t deadline_us)
{
	if (d->state == NODE_RUNNING) {
		d->state = NODE_DRAINING;
		log_info(NULL, "node: draining, %llu contexts left, deadline %lld s",
			(unsigned long long)desk_contexts(d), (long long)(deadline_us / TICK_S(1)));
		tell_state(d, "node.draining");
	} else if (d->state == NODE_DRAINED && d->stopping) {
		d->ops->drained(d->ops->front);
	}
	if (d->state == NODE_DRAINING)
		d->drain_deadline = tick_add(now, deadline_us);
	node_check_drained(d);
	node_drain_expire(d, now);
}

void node_check_drained(struct desk *d)
{
	if (d->state != NODE_DRAINING || HASH_COUNT(d->contexts) > 0 || d->creating > 0)
		return;
	d->state = NODE_DRAINED;
	d->drain_deadline = TICK_NEVER;
	log_info(NULL, "node: drained");
	tell_state(d, "node.drained");
	d->ops->drained(d->ops->front);
}

/* The worker has deleted what it had, or does not answer: its contexts no longer keep the node. */
static void all_deleted(struct desk *d, tick_t now, struct desk_request *r, json_t *result)
{
	contexts_forget_worker(d, now, (unsigned)r->worker);
	request_close(d, r);
	node_check_drained(d);
}

static void not_all_deleted(struct desk *d, tick_t now, struct desk_request *r)
{
	all_deleted(d, now, r, NULL);
}

/*
 * Contexts that are still being made: those not sent yet are refused, those
 * nobody waits for are not waited for.
 */
static void stop_creating(struct desk *d)
{
	struct desk_request *r;
	size_t at = 0;

	while ((r = slots_next(&d->requests, &at)) != NULL) {
		struct problem p = { PROBLEM_NONE };

		if (!r->purpose->makes_context ||
			(r->worker >= 0 && !list_is_empty(&r->on_waiting)))
			continue;
		problem_set(&p, PROBLEM_CONGESTION, "the node is %s", desk_state(d));
		request_refuse(d, r, &p);
	}
}

void node_drain_expire(struct desk *d, tick_t now)
{
	static const struct desk_purpose purpose = { "context.delete_all", false, all_deleted,
		not_all_deleted };

	if (!tick_due(d->drain_deadline, now))
		return;
	d->drain_deadline = TICK_NEVER;
	stop_creating(d);
	log_warn(NULL, "node: the deadline has passed, %llu contexts are deleted",
		(unsigned long long)desk_contexts(d));
	for (unsigned w = 0; w < d->worker_count; w++) {
		bool has_some = d->workers[w].contexts + d->workers[w].creating > 0;
		struct desk_request *r =
			has_some ? request_open_own(d, now, &purpose, json_object()) : NULL;

		if (r != NULL)
			request_send(d, now, r, (int)w);
		else
			contexts_forget_worker(d, now, w);
	}
	node_check_drained(d);
}
