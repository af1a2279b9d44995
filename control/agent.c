/* agent.c: the worker's half of control: which line is which request, and how it is answered. */
#include "control/agent.h"

#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "control/agent_parts.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"

struct agent *agent_create(const struct agent_ops *ops)
{
	struct agent *a;

	control_init();
	a = mem_zalloc(sizeof(*a));
	if (a != NULL)
		a->ops = *ops;
	return a;
}

void agent_destroy(struct agent *a)
{
	struct stored *s, *next;

	if (a == NULL)
		return;
	HASH_ITER (hh, a->contexts, s, next)
		agent_forget(a, s);
	mem_free(a);
}

/* worker.start, worker.reload */

static bool text_member(struct call *c, const char *key, const char **out)
{
	const json_t *value = json_object_get(c->params, key);

	*out = json_string_value(value);
	if (value == NULL || json_is_null(value) || json_is_string(value))
		return true;
	c->bad_params = "a member that is a text has another type";
	return false;
}

/* *has_it: NULL, or is there such a member? */
static bool tls_member(struct call *c, const char *key, struct agent_tls *out, bool *has_it)
{
	const json_t *value = json_object_get(c->params, key);

	if (has_it != NULL)
		*has_it = value != NULL;
	if (value == NULL)
		return true;
	if (!json_is_object(value)) {
		c->bad_params = "mdc1 or mdc2 is no object";
		return false;
	}
	out->ca = json_string_value(json_object_get(value, "ca"));
	out->certificate = json_string_value(json_object_get(value, "certificate"));
	out->key = json_string_value(json_object_get(value, "key"));
	return true;
}

static bool read_start(struct call *c, struct agent_start *s)
{
	const char *addr;

	s->index = (unsigned)js_get_integer(c->params, "index", 0);
	s->workers = (unsigned)js_get_integer(c->params, "workers", 1);
	if (!text_member(c, "yaml", &s->yaml) || !text_member(c, "yaml_name", &s->yaml_name) ||
		!text_member(c, "certificate", &s->certificate) ||
		!tls_member(c, "mdc1", &s->mdc1, NULL) || !tls_member(c, "mdc2", &s->mdc2, NULL) ||
		!text_member(c, "embedded_root", &s->embedded_root) ||
		!text_member(c, "embedded_addr", &addr))
		return false;
	if (s->yaml == NULL)
		s->yaml = "";
	if (s->yaml_name == NULL)
		s->yaml_name = "";
	if (s->certificate == NULL)
		c->bad_params = "certificate is missing";
	else if (addr != NULL && !addr_parse(span_str(addr), &s->embedded_addr))
		c->bad_params = "embedded_addr is no address with a port";
	return c->bad_params == NULL;
}

static json_t *worker_start(struct call *c)
{
	struct agent_start s = { 0 };
	char failed[256] = "";

	if (c->a->relay != NULL) {
		problem_set(&c->p, PROBLEM_CONFLICT, "the worker has been started already");
		return NULL;
	}
	if (!read_start(c, &s))
		return NULL;
	c->a->index = s.index;
	c->a->relay = c->a->ops.start(c->a->ops.arg, &s, &c->a->rules, failed);
	if (c->a->relay != NULL)
		return json_object();
	problem_set(&c->p, PROBLEM_FAILURE, "%s", failed);
	return NULL;
}

static json_t *worker_reload(struct call *c)
{
	struct agent_tls mdc1, mdc2;
	struct agent_reload r;
	bool has_mdc1, has_mdc2;
	char failed[256] = "";

	if (!text_member(c, "certificate", &r.certificate) ||
		!text_member(c, "log_level", &r.log_level) ||
		!tls_member(c, "mdc1", &mdc1, &has_mdc1) ||
		!tls_member(c, "mdc2", &mdc2, &has_mdc2))
		return NULL;
	r.mdc1 = has_mdc1 ? &mdc1 : NULL;
	r.mdc2 = has_mdc2 ? &mdc2 : NULL;
	if (c->a->ops.reload(c->a->ops.arg, &r, failed))
		return json_object();
	problem_set(&c->p, PROBLEM_FAILURE, "%s", failed);
	return NULL;
}

/* Requests */

static const struct method {
	const char *name;
	bool makes_policy; /* a refusal of it is worth the counter, and one by policy an event */
	json_t *(*run)(struct call *c);
} methods[] = {
	{ "worker.start", false, worker_start },
	{ "worker.reload", false, worker_reload },
	{ "context.create", true, agent_context_create },
	{ "context.replace", true, agent_context_replace },
	{ "context.update", true, agent_context_update },
	{ "context.get", false, agent_context_get },
	{ "context.list", false, agent_context_list },
	{ "context.delete", false, agent_context_delete },
	{ "context.delete_all", false, agent_context_delete_all },
};

static const struct method *find_method(const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	}
	return NULL;
}

/* Takes the line over. */
static void send_line(struct agent *a, char *line)
{
	if (line != NULL)
		a->ops.send(a->ops.arg, span_str(line));
	else
		count(allocation_failed_total);
	mem_free(line);
}

static void note_refusal(const struct call *c, const struct method *m)
{
	const char *id = js_get_text(c->params, "contextId");
	const char *owner = js_get_text(
		json_object_get(json_object_get(c->params, "context"), "dcmf"), "owner");

	if (!m->makes_policy)
		return;
	count(contexts_refused_total);
	log_info(id, "%s refused: %s: %s", m->name, problem_cause(c->p.kind), c->p.detail);
	if (c->p.kind == PROBLEM_SECURITY_POLICY)
		agent_tell(c->a, &(struct agent_news){ .type = "policy.refused",
					 .context_id = id,
					 .owner = owner,
					 .detail = c->p.detail,
					 .sid = -1 });
}

static char *answer_refusal(struct call *c, const struct method *m, const json_t *id)
{
	if (c->bad_params != NULL)
		return rpc_error(id, RPC_INVALID_PARAMS, c->bad_params);
	problem_set(&c->p, PROBLEM_NO_RESOURCES, "out of memory");
	note_refusal(c, m);
	return rpc_refusal(id, &c->p);
}

static void run(struct agent *a, tick_t now, const struct method *m, const struct rpc_request *rpc)
{
	struct call c = { .a = a, .now = now, .params = rpc->params };
	json_t *result = m->run(&c);
	char *line = result != NULL ? rpc_result(rpc->id, result) : NULL;

	if (line == NULL) {
		/* A context whose id nobody will ever know must not stay. */
		if (c.made != NULL)
			agent_drop(a, now, c.made, CLOSE_NO_MEMORY);
		line = answer_refusal(&c, m, rpc->id);
	}
	if (rpc->id != NULL)
		send_line(a, line);
	else
		mem_free(line);
	json_decref(result);
	problem_finish(&c.p);
}

static bool carries_key(struct span line)
{
	static const char mark[] = "PRIVATE KEY";

	return line.len > 0 && memmem(line.p, line.len, mark, sizeof(mark) - 1) != NULL;
}

void agent_line(struct agent *a, tick_t now, struct span line)
{
	bool is_secret = carries_key(line);
	struct rpc_request rpc;
	const struct method *m;
	const char *why = "";
	int error;

	js_wipe(is_secret);
	error = rpc_parse(line, &rpc, &why);
	if (is_secret)
		mem_wipe((void *)(uintptr_t)line.p, line.len);
	m = error == 0 ? find_method(rpc.method) : NULL;
	if (error != 0)
		send_line(a, rpc_error(rpc.id, error, why));
	else if (m == NULL)
		send_line(a, rpc_error(rpc.id, RPC_METHOD_NOT_FOUND, "there is no such method"));
	else if (a->relay == NULL && m->run != worker_start)
		send_line(a, rpc_error(rpc.id, RPC_INVALID_REQUEST, "worker.start comes first"));
	else
		run(a, now, m, &rpc);
	rpc_request_finish(&rpc);
	js_wipe(false);
}

/* Events */

/* RFC 3339 with milliseconds. Only people and log collectors read it; nothing is timed by it. */
static const char *wall_clock(char buf[40])
{
	struct timeval tv;
	struct tm tm;
	size_t len;

	gettimeofday(&tv, NULL);
	gmtime_r(&tv.tv_sec, &tm);
	len = strftime(buf, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + len, 40 - len, ".%03dZ", (int)(tv.tv_usec / 1000));
	return buf;
}

void agent_tell(struct agent *a, const struct agent_news *news)
{
	json_t *params = json_object();
	char time[40];
	bool done = js_put_text(params, "type", news->type) &&
		    js_put_text(params, "time", wall_clock(time)) &&
		    js_put_text(params, "contextId", news->context_id) &&
		    js_put_text(params, "terminationId", news->termination_id) &&
		    js_put_text(params, "mediaId", news->media_id) &&
		    js_put_text(params, "hop", news->hop) &&
		    js_put_text(params, "owner", news->owner) &&
		    (news->sid < 0 || js_put_integer(params, "streamId", news->sid)) &&
		    js_put_text(params, "reason", news->reason) &&
		    js_put_text(params, "detail", news->detail);

	send_line(a, done ? rpc_notification("event", params) : NULL);
	json_decref(params);
}

/* The relay ended it by itself, as it does with an idle one. */
static void forget_deleted(struct agent *a, const char *context_id)
{
	struct stored *s = agent_find(a, context_id);

	if (s != NULL)
		agent_forget(a, s);
}

void agent_event(struct agent *a, const struct relay_event *ev)
{
	bool has_ended = ev->reason != CLOSE_NONE;

	if (a == NULL)
		return;
	if (ev->type == RELAY_EVENT_CONTEXT_DELETED)
		forget_deleted(a, ev->context_id);
	agent_tell(a, &(struct agent_news){ .type = relay_event_name(ev->type),
			      .context_id = ev->context_id,
			      .termination_id = ev->termination_id,
			      .media_id = ev->media_id,
			      .hop = ev->hop != HOP_MB ? hop_name(ev->hop) : NULL,
			      .owner = ev->owner,
			      .reason = has_ended ? close_name(ev->reason) : NULL,
			      .detail = ev->detail != NULL ? ev->detail
					: has_ended        ? close_text(ev->reason)
							   : NULL,
			      .sid = ev->sid });
}
