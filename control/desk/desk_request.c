/* desk_request.c: requests that a worker must answer: sent, answered, timed out, orphaned. */
#include "control/agent.h"
#include "control/desk/desk_private.h"
#include "control/sdp/sdp_dialog.h"
#include "dcmf/base/log.h"

static struct desk_request *request_new(
	struct desk *d, tick_t now, const struct desk_purpose *purpose, json_t *params)
{
	struct desk_request *r = params != NULL ? mem_zalloc(sizeof(*r)) : NULL;

	if (r == NULL || (r->id = slots_add(&d->requests, r)) == 0) {
		mem_free(r);
		json_decref(params);
		return NULL;
	}
	r->purpose = purpose;
	r->params = params;
	r->worker = -1;
	r->deadline = tick_add(now, DESK_REQUEST_US);
	list_init(&r->on_waiting);
	list_append(&d->waiting, &r->on_waiting);
	if (purpose->makes_context)
		d->creating++;
	return r;
}

static bool too_many(const struct desk_call *c)
{
	const struct desk_controller *who = desk_controller(c->d, c->controller);
	struct problem p = { PROBLEM_NONE };

	if (who->unanswered < c->d->max_requests)
		return false;
	problem_set(&p, PROBLEM_CONGESTION_RISK,
		"%u requests of this connection are not answered yet", who->unanswered);
	call_refuse(c, &p);
	return true;
}

static void note_who_asks(const struct desk_call *c, struct desk_request *r)
{
	if (c->ask != NULL) {
		r->asker = c->ask->ops;
		r->asker_arg = c->ask->arg;
		*c->opened = r->id;
		return;
	}
	r->controller = c->controller;
	r->rpc_id = json_incref(c->rpc->id);
	desk_controller(c->d, c->controller)->unanswered++;
}

struct desk_request *request_open(
	const struct desk_call *c, const struct desk_purpose *purpose, json_t *params)
{
	struct desk_request *r;

	if (c->ask == NULL && too_many(c)) {
		json_decref(params);
		return NULL;
	}
	r = request_new(c->d, c->now, purpose, params);
	if (r != NULL && (r->identity = mem_strdup(c->identity)) == NULL && c->identity != NULL) {
		request_close(c->d, r);
		r = NULL;
	}
	if (r == NULL) {
		call_error(c, RPC_INTERNAL_ERROR, "out of memory");
		return NULL;
	}
	note_who_asks(c, r);
	return r;
}

struct desk_request *request_open_own(
	struct desk *d, tick_t now, const struct desk_purpose *purpose, json_t *params)
{
	return request_new(d, now, purpose, params);
}

static struct desk_worker *creating_worker(struct desk *d, const struct desk_request *r)
{
	return r->purpose->makes_context && r->worker >= 0 ? &d->workers[r->worker] : NULL;
}

/* The controller has its answer, or is gone. */
static void nobody_waits(struct desk *d, struct desk_request *r)
{
	struct desk_controller *c = r->controller != 0 ? desk_controller(d, r->controller) : NULL;

	if (c != NULL) {
		c->unanswered--;
		c->at_workers -= r->at_worker;
	}
	r->controller = 0;
	r->asker = NULL;
	list_unlink(&r->on_waiting);
}

void request_close(struct desk *d, struct desk_request *r)
{
	struct desk_worker *w = creating_worker(d, r);

	if (w != NULL)
		w->creating--;
	if (r->purpose->makes_context)
		d->creating--;
	nobody_waits(d, r);
	request_drop_tickets(d, r);
	slots_remove(&d->requests, r->id);
	json_decref(r->rpc_id);
	json_decref(r->params);
	json_decref(r->page);
	json_decref(r->resolved);
	sdp_destroy(r->sdp);
	sdp_dialog_destroy(r->dialog);
	mem_free(r->context_id);
	mem_free(r->identity);
	mem_free(r);
}

/* Is there somebody who takes the answer as a line? */
static bool wants_line(const struct desk_request *r)
{
	return r->controller != 0 && r->rpc_id != NULL;
}

/* False: nobody asked by desk_ask(), or it has its answer. */
static bool answer_asker(struct desk_request *r, json_t *result, json_t *problem)
{
	const struct desk_asker_ops *asker = r->asker;

	if (asker == NULL)
		return false;
	r->asker = NULL; /* it may cancel in there */
	asker->answered(r->asker_arg, result, problem);
	return true;
}

static void answer_problem(struct desk *d, struct desk_request *r, const struct problem *p)
{
	json_t *details = r->asker != NULL ? problem_json(p) : NULL;

	if (!answer_asker(r, NULL, details) && wants_line(r))
		desk_send(d, r->controller, rpc_refusal(r->rpc_id, p));
	json_decref(details);
}

void request_result(struct desk *d, struct desk_request *r, json_t *result)
{
	if (!answer_asker(r, result, NULL) && wants_line(r))
		desk_send(d, r->controller, rpc_result(r->rpc_id, result));
	json_decref(result);
	request_close(d, r);
}

void request_refuse(struct desk *d, struct desk_request *r, struct problem *p)
{
	answer_problem(d, r, p);
	problem_finish(p);
	request_close(d, r);
}

static void fail(struct desk *d, tick_t now, struct desk_request *r, struct problem *p)
{
	if (r->purpose->failed == NULL) {
		request_refuse(d, r, p);
		return;
	}
	problem_finish(p);
	r->purpose->failed(d, now, r);
}

static void note_sent(struct desk *d, struct desk_request *r)
{
	if (r->controller == 0 || r->at_worker)
		return;
	desk_controller(d, r->controller)->at_workers++;
	r->at_worker = true;
}

void request_send(struct desk *d, tick_t now, struct desk_request *r, int worker)
{
	struct problem p = { PROBLEM_NONE };
	json_t *id = json_integer((json_int_t)r->id);
	char *line = id != NULL ? rpc_request(id, r->purpose->method, r->params) : NULL;
	bool sent = false, is_long = false, is_up = false;

	if (worker >= 0) {
		r->worker = worker;
		if (creating_worker(d, r) != NULL)
			d->workers[worker].creating++;
		is_long = line != NULL && strlen(line) > AGENT_LINE_MAX;
		is_up = d->workers[worker].up;
		sent = line != NULL && !is_long && is_up &&
		       d->ops->to_worker(d->ops->front, (unsigned)worker, SPAN_STR(line));
	}
	if (line == NULL)
		problem_set(&p, PROBLEM_NO_RESOURCES, "out of memory");
	else if (is_long)
		problem_set(&p, PROBLEM_TOO_LARGE,
			"the document that becomes of it is longer than %u bytes", AGENT_LINE_MAX);
	else if (worker < 0)
		problem_set(&p, PROBLEM_FAILURE, "no worker is running");
	else if (!is_up)
		problem_set(&p, PROBLEM_FAILURE, "worker %d is not running", worker);
	else if (!sent)
		problem_set(&p, PROBLEM_CONGESTION_RISK,
			"worker %d takes no more requests at this moment", worker);
	json_decref(id);
	mem_free(line);
	if (sent)
		note_sent(d, r);
	else
		fail(d, now, r, &p);
}

/*
 * What a sent request makes must be undone when its answer comes;
 * anything else needs no answer any more.
 */
void request_forget_controller(struct desk *d, struct desk_request *r)
{
	if (r->purpose->makes_context && r->worker >= 0)
		nobody_waits(d, r);
	else
		request_close(d, r);
}

void desk_cancel(struct desk *d, uint64_t id)
{
	struct desk_request *r = slots_get(&d->requests, id);

	if (r == NULL || r->asker == NULL)
		return;
	request_forget_controller(d, r);
	node_check_drained(d);
}

/* To one who asked by desk_ask(): the ProblemDetails in it, or what can be made of it. */
static void pass_problem(struct desk_request *r, const json_t *error)
{
	json_t *problem = json_incref(json_object_get(error, "data"));

	if (!json_is_object(problem)) {
		json_decref(problem);
		problem = problem_of_rpc(
			(int)js_get_integer(error, "code", 0), js_get_text(error, "message"));
	}
	answer_asker(r, NULL, problem);
	json_decref(problem);
}

/* The same as a line, with the controller's id. */
static void pass_line(struct desk *d, struct desk_request *r, json_t *error)
{
	json_t *m = json_object();
	char *line = NULL;

	if (m != NULL && js_put_text(m, "jsonrpc", "2.0") &&
		js_put(m, "id", r->rpc_id != NULL ? json_incref(r->rpc_id) : json_null()) &&
		json_object_set(m, "error", error) == 0)
		line = js_line(m);
	json_decref(m);
	desk_send(d, r->controller, line);
}

/* The worker's own refusal. */
static void pass_error(struct desk *d, struct desk_request *r, json_t *error)
{
	if (r->asker != NULL)
		pass_problem(r, error);
	else if (wants_line(r))
		pass_line(d, r, error);
	request_close(d, r);
}

static bool is_awaited(const struct desk *d, const struct desk_request *r)
{
	if (r->asker != NULL)
		return r->asker->has_gone == NULL || !r->asker->has_gone(r->asker_arg);
	return r->controller != 0 && !d->ops->has_hung_up(d->ops->front, r->controller);
}

/* Nobody waits for what was made: away with it. */
static void undo(struct desk *d, tick_t now, struct desk_request *r, const json_t *result)
{
	const char *id = js_get_text(result, "contextId");
	unsigned worker = (unsigned)r->worker;

	request_close(d, r);
	if (id != NULL)
		context_delete_unwanted(d, now, worker, id);
}

static void answer_without_request(unsigned worker, const json_t *answer_json)
{
	const json_t *error = json_object_get(answer_json, "error");

	if (json_is_object(error))
		log_error(NULL, "worker %u: %s", worker, js_get_text(error, "message"));
}

void requests_answered(struct desk *d, tick_t now, unsigned worker, const json_t *message)
{
	json_t *result = json_object_get(message, "result"),
	       *error = json_object_get(message, "error");
	slot_id id = (slot_id)js_get_integer(message, "id", 0);
	struct desk_request *r = slots_get(&d->requests, id);

	if (r == NULL || r->worker != (int)worker) {
		answer_without_request(worker, message);
	} else if (result != NULL) {
		if (r->purpose->makes_context && !is_awaited(d, r))
			undo(d, now, r, result);
		else
			r->purpose->done(d, now, r, result);
	} else if (r->purpose->failed != NULL) {
		r->purpose->failed(d, now, r);
	} else {
		pass_error(d, r, error);
	}
	node_check_drained(d);
}

static void expire(struct desk *d, tick_t now, struct desk_request *r)
{
	struct problem p = { PROBLEM_NONE };

	problem_set(&p, PROBLEM_FAILURE, "%s did not answer within %d s",
		r->worker < 0 ? "the name server" : "the worker",
		(int)(DESK_REQUEST_US / TICK_S(1)));
	log_error(NULL, "%s: %s", r->purpose->method, p.detail);
	if (!r->purpose->makes_context || r->worker < 0) {
		fail(d, now, r, &p);
		return;
	}
	answer_problem(d, r, &p); /* and stays, so that a late context is undone */
	problem_finish(&p);
	nobody_waits(d, r);
}

void requests_expire(struct desk *d, tick_t now)
{
	while (!list_is_empty(&d->waiting)) {
		struct desk_request *r =
			container_of(d->waiting.next, struct desk_request, on_waiting);

		if (!tick_due(r->deadline, now))
			return;
		expire(d, now, r);
	}
}

void requests_of_lost_worker(struct desk *d, tick_t now, unsigned worker)
{
	struct desk_request *r;
	size_t at = 0;

	while ((r = slots_next(&d->requests, &at)) != NULL) {
		struct problem p = { PROBLEM_NONE };

		if (r->worker != (int)worker)
			continue;
		problem_set(&p, PROBLEM_FAILURE, "worker %u died while it worked on the request",
			worker);
		fail(d, now, r, &p);
	}
}
