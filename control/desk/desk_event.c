/* desk_event.c: who wants which events, and the events that the desk itself tells. */
#include <time.h>

#include "control/desk/desk_private.h"
#include "dcmf/base/log.h"

#define LOST_PER_EVENT \
	2000 /* ours: a line of worker.lost stays well below 1 MiB with owners of usual length */

static const char *const event_types[] = {
#define RELAY_EVENT(name, word) word,
#include "dcmf/relay/events.def"
#undef RELAY_EVENT
	"policy.refused",
	"worker.lost",
	"node.draining",
	"node.drained",
};

static bool is_event_type(const char *type)
{
	for (size_t i = 0; i < sizeof(event_types) / sizeof(event_types[0]); i++) {
		if (strcmp(event_types[i], type) == 0)
			return true;
	}
	return false;
}

static bool check_types(const struct desk_call *c, const json_t *types)
{
	char message[160];
	size_t i;
	json_t *type;

	json_array_foreach (types, i, type) {
		if (json_is_string(type) && is_event_type(json_string_value(type)))
			continue;
		snprintf(message, sizeof(message), "params: types[%zu] is no event type: %.60s", i,
			json_is_string(type) ? json_string_value(type) : "not a text");
		call_error(c, RPC_INVALID_PARAMS, message);
		return false;
	}
	return true;
}

void method_events_subscribe(struct desk_call *c)
{
	struct desk_controller *who = desk_controller(c->d, c->controller);
	json_t *types = json_object_get(c->params, "types");
	const char *context_id = js_get_text(c->params, "contextId");
	char *copy;

	if (who == NULL) {
		call_error(
			c, RPC_METHOD_NOT_FOUND, "events go to connections of the control socket");
		return;
	}
	copy = mem_strdup(context_id);
	if (copy == NULL && context_id != NULL) {
		call_error(c, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	if (!check_types(c, types)) {
		mem_free(copy);
		return;
	}
	json_decref(who->types);
	mem_free(who->context_id);
	who->types = json_incref(types);
	who->context_id = copy;
	who->subscribed = true;
	call_result(c, json_object());
}

static bool wants_type(const struct desk_controller *who, const char *type)
{
	size_t i;
	json_t *wanted;

	if (who->types == NULL)
		return true;
	json_array_foreach (who->types, i, wanted) {
		if (strcmp(json_string_value(wanted), type) == 0)
			return true;
	}
	return false;
}

static bool wants(const struct desk_controller *who, const json_t *params)
{
	const char *id = js_get_text(params, "contextId");

	if (!who->subscribed || !wants_type(who, js_get_text(params, "type")))
		return false;
	return who->context_id == NULL || (id != NULL && strcmp(who->context_id, id) == 0);
}

/* RFC 3339 in UTC with milliseconds; what a worker tells has its own. */
static bool put_time(struct desk *d, json_t *params)
{
	int64_t us = d->ops->wall_us(d->ops->front);
	time_t seconds = (time_t)(us / 1000000);
	char text[48];
	struct tm tm;
	size_t len;

	if (json_object_get(params, "time") != NULL)
		return true;
	gmtime_r(&seconds, &tm);
	len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%03dZ", (int)(us / 1000 % 1000));
	return js_put_text(params, "time", text);
}

json_t *event_new(const char *type)
{
	json_t *params = json_object();

	if (params != NULL && js_put_text(params, "type", type))
		return params;
	json_decref(params);
	return NULL;
}

void event_tell(struct desk *d, json_t *params)
{
	char *line = NULL;

	for (struct desk_controller *who = d->controllers, *next; who != NULL && params != NULL;
		who = next) {
		next = who->hh.next;
		if (!wants(who, params))
			continue;
		if (line == NULL && (!put_time(d, params) ||
					    (line = rpc_notification("event", params)) == NULL)) {
			log_error(NULL, "out of memory: event %s is lost",
				js_get_text(params, "type"));
			break;
		}
		d->ops->to_controller(d->ops->front, who->id, SPAN_STR(line));
	}
	mem_free(line);
	json_decref(params);
}

void event_from_worker(struct desk *d, tick_t now, json_t *params)
{
	const char *type = js_get_text(params, "type"), *id = js_get_text(params, "contextId");
	struct desk_context *x = id != NULL ? context_find(d, id) : NULL;

	if (type == NULL)
		return;
	event_tell(d, json_incref(params));
	if (x != NULL && strcmp(type, "context.deleted") == 0) {
		context_forget(d, now, x);
		node_check_drained(d);
	}
}

static json_t *lost_context(const struct desk_context *x)
{
	json_t *entry = json_object();

	if (entry != NULL && js_put_text(entry, "contextId", x->id) &&
		js_put_text(entry, "owner", x->owner))
		return entry;
	json_decref(entry);
	return NULL;
}

/* Takes `contexts` over. */
static void tell_lost(struct desk *d, unsigned worker, const char *how, json_t *contexts, bool more)
{
	json_t *params = event_new("worker.lost");

	if (params != NULL && js_put_integer(params, "worker", worker) &&
		js_put_text(params, "detail", how) &&
		json_object_set(params, "contexts", contexts) == 0 &&
		(!more || js_put_bool(params, "more", true)))
		event_tell(d, params);
	else
		json_decref(params);
	json_decref(contexts);
}

void event_worker_lost(struct desk *d, unsigned worker, const char *how)
{
	json_t *part = json_array();

	for (const struct desk_context *x = d->contexts; x != NULL && part != NULL;
		x = x->hh.next) {
		if (x->worker != worker)
			continue;
		js_append(part, lost_context(x));
		if (json_array_size(part) < LOST_PER_EVENT)
			continue;
		tell_lost(d, worker, how, part, true);
		part = json_array();
	}
	if (part != NULL)
		tell_lost(d, worker, how, part, false);
}
