/* sbi.c: Nmf_MRM: what a request passes on its way to the desk, and its answer on the way back. */
#include "control/sbi/sbi.h"

#include <stdio.h>
#include <string.h>

#include "control/json.h"
#include "control/sbi/sbi_parts.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"

/* ---- exchanges ---- */

static void exchange_free(struct sbi_exchange *e)
{
	list_unlink(&e->on_list);
	e->s->under_way--;
	mem_free(e->root);
	mem_free(e);
}

static struct sbi_exchange *exchange_new(const struct sbi_call *c)
{
	struct sbi_exchange *e = mem_zalloc(sizeof(*e));
	int64_t patience = c->hints.until_us - c->s->ops->wall_us(c->s->ops->arg);
	char root[512];

	if (e == NULL)
		return NULL;
	list_init(&e->on_list);
	e->s = c->s;
	e->conn = c->from->conn;
	e->stream = c->request->stream;
	e->operation = c->operation;
	e->deadline = c->hints.until_us == INT64_MAX ? TICK_NEVER : tick_add(c->now, patience);
	if (c->operation->effect == SBI_MAKES && sbi_read_root(c->request, root) &&
		(e->root = mem_strdup(root)) == NULL) {
		mem_free(e);
		return NULL;
	}
	list_append(&c->s->exchanges, &e->on_list);
	c->s->under_way++;
	c->s->soonest = tick_min(c->s->soonest, e->deadline);
	return e;
}

static void answer_done(struct sbi_exchange *e, const json_t *result)
{
	const struct sbi_operation *o = e->operation;
	const char *id = js_get_text(result, "contextId");
	char *location = o->effect == SBI_MAKES && id != NULL
				 ? mem_printf("%s" SBI_API "/contexts/%s",
					   e->root != NULL ? e->root : "", id)
				 : NULL;
	const struct sbi_reply reply = {
		.status = o->status,
		.media_type = "application/json",
		.location = location,
		.binds = o->effect == SBI_MAKES,
	};

	sbi_answer(e->s, e->conn, e->stream, &reply, o->status == 204 ? NULL : result);
	mem_free(location);
}

/* The desk's. */
static void answered(void *arg, json_t *result, json_t *problem)
{
	struct sbi_exchange *e = arg;

	if (result != NULL)
		answer_done(e, result);
	else
		sbi_answer_problem(e->s, e->conn, e->stream, problem);
	exchange_free(e);
}

static bool has_gone(void *arg)
{
	const struct sbi_exchange *e = arg;

	return e->s->ops->has_hung_up(e->s->ops->arg, e->conn);
}

static const struct desk_asker_ops asker_ops = { answered, has_gone };

static void cancel(struct sbi_exchange *e)
{
	desk_cancel(e->s->desk, e->asked);
	exchange_free(e);
}

/* ---- requests ---- */

static bool check_excess(const struct sbi_call *c, struct problem *p)
{
	switch (c->request->excess) {
	case H2_HEAD_TOO_LARGE:
		return problem_set(p, PROBLEM_HEAD_TOO_LARGE, "the header fields are too large");
	case H2_BODY_TOO_LARGE:
		return problem_set(p, PROBLEM_TOO_LARGE, "the body is longer than %zu bytes",
			h2_usual_limits.body);
	case H2_NO_ROOM:
		return problem_set(p, PROBLEM_CONGESTION_RISK,
			"there are too many bodies under way at this moment");
	default: return true;
	}
}

static bool check_access(struct sbi_call *c, struct problem *p)
{
	const struct sbi_ops *ops = c->s->ops;

	ops->authorize(ops->arg, c->from, c->request, &c->access);
	return c->access.refused == PROBLEM_NONE ||
	       problem_set(p, c->access.refused, "%s", c->access.detail);
}

/* TS 29.500 6.11: what can only come too late is not begun. */
static bool check_time(const struct sbi_call *c, struct problem *p)
{
	if (c->hints.until_us > c->s->ops->wall_us(c->s->ops->arg))
		return true;
	count(sbi_timed_out_total);
	return problem_set(p, PROBLEM_TIMED_OUT, "the consumer has stopped waiting for it");
}

/*
 * As long as less than half of what may be under way is, everybody comes in; beyond that, the less
 * urgent are sent away first, in proportion; but for those who free something.
 */
static bool check_crowd(const struct sbi_call *c, struct problem *p)
{
	unsigned half = c->s->most / 2, above = c->s->under_way > half ? c->s->under_way - half : 0;
	unsigned least = SBI_PRIORITY_MAX - SBI_PRIORITY_MAX * above / (half > 0 ? half : 1);

	if (c->s->under_way < c->s->most &&
		(above == 0 || c->hints.priority <= least || c->operation->effect == SBI_FREES))
		return true;
	return problem_set(p, PROBLEM_CONGESTION_RISK,
		"%u requests are under way; message priority %u has to wait", c->s->under_way,
		c->hints.priority);
}

static bool is_elsewhere(const struct sbi_call *c)
{
	return c->operation->effect == SBI_MAKES && c->s->peer != NULL && c->s->peer[0] != '\0' &&
	       strcmp(desk_state(c->s->desk), "running") != 0;
}

static void ask(const struct sbi_call *c, json_t *params)
{
	struct sbi_exchange *e = exchange_new(c);
	struct problem p = { PROBLEM_NONE };
	struct desk_ask request = {
		.method = c->operation->desk_method,
		.params = params,
		.identity = c->access.identity,
		.ops = &asker_ops,
		.arg = e,
	};
	uint64_t asked;

	if (e == NULL) {
		problem_set(&p, PROBLEM_NO_RESOURCES, "out of memory");
		sbi_refuse(c, &p);
		return;
	}
	asked = desk_ask(c->s->desk, c->now, &request);
	if (asked != 0) /* else it was answered, and is gone */
		e->asked = asked;
}

void sbi_request(
	struct sbi *s, tick_t now, const struct sbi_origin *from, const struct h2_request *request)
{
	struct sbi_call c = { .s = s, .now = now, .from = from, .request = request };
	struct problem p = { PROBLEM_NONE };
	json_t *params = NULL;

	count(sbi_requests_total);
	sbi_read_hints(request, s->ops->wall_us(s->ops->arg), &c.hints);
	if (!check_excess(&c, &p) || !check_access(&c, &p) || !sbi_find_resource(&c, &p) ||
		!sbi_find_operation(&c, &p) || !check_time(&c, &p) || !check_crowd(&c, &p)) {
		sbi_refuse(&c, &p);
	} else if (is_elsewhere(&c)) {
		sbi_redirect(&c);
	} else if ((params = sbi_params(&c, &p)) == NULL) {
		sbi_refuse(&c, &p);
	} else {
		ask(&c, params);
		json_decref(params);
	}
}

void sbi_gone(struct sbi *s, uint64_t conn, int32_t stream)
{
	list_for_each (n, &s->exchanges) {
		struct sbi_exchange *e = container_of(n, struct sbi_exchange, on_list);

		if (e->conn != conn || e->stream != stream)
			continue;
		count(sbi_cancelled_total);
		cancel(e);
		return;
	}
}

void sbi_closed(struct sbi *s, uint64_t conn)
{
	list_for_each_safe (n, next, &s->exchanges) {
		struct sbi_exchange *e = container_of(n, struct sbi_exchange, on_list);

		if (e->conn != conn)
			continue;
		count(sbi_cancelled_total);
		cancel(e);
	}
}

unsigned sbi_under_way(const struct sbi *s)
{
	return s->under_way;
}

/* ---- time ---- */

tick_t sbi_deadline(const struct sbi *s)
{
	return s->soonest;
}

static void give_up(struct sbi_exchange *e)
{
	struct problem p = { PROBLEM_NONE };
	json_t *details;

	problem_set(&p, PROBLEM_TIMED_OUT, "the consumer does not wait any longer");
	details = problem_json(&p);
	count(sbi_timed_out_total);
	sbi_answer_problem(e->s, e->conn, e->stream, details);
	json_decref(details);
	problem_finish(&p);
	cancel(e);
}

void sbi_expire(struct sbi *s, tick_t now)
{
	if (!tick_due(s->soonest, now))
		return;
	s->soonest = TICK_NEVER;
	list_for_each_safe (n, next, &s->exchanges) {
		struct sbi_exchange *e = container_of(n, struct sbi_exchange, on_list);

		if (tick_due(e->deadline, now))
			give_up(e);
		else
			s->soonest = tick_min(s->soonest, e->deadline);
	}
}

/* ---- life ---- */

bool sbi_set_peer(struct sbi *s, const char *api_root)
{
	char *copy = mem_strdup(api_root);

	if (copy == NULL)
		return false;
	mem_free(s->peer);
	s->peer = copy;
	return true;
}

struct sbi *sbi_create(const struct sbi_config *config)
{
	struct sbi *s = mem_zalloc(sizeof(*s));

	control_init();
	if (s == NULL || (s->nf_instance_id = mem_strdup(config->nf_instance_id)) == NULL) {
		mem_free(s);
		return NULL;
	}
	s->ops = config->ops;
	s->desk = config->desk;
	s->most = config->most;
	s->soonest = TICK_NEVER;
	list_init(&s->exchanges);
	return s;
}

void sbi_destroy(struct sbi *s)
{
	if (s == NULL)
		return;
	list_for_each_safe (n, next, &s->exchanges)
		cancel(container_of(n, struct sbi_exchange, on_list));
	mem_free(s->nf_instance_id);
	mem_free(s->peer);
	mem_free(s);
}
