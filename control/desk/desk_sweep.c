/* desk_sweep.c: context.sweep: away with all contexts of one owner, worker by worker. */
#include "control/desk/desk_private.h"

static void sweep_next_worker(struct desk *d, tick_t now, struct desk_request *r, unsigned from);

static void swept(struct desk *d, tick_t now, struct desk_request *r, json_t *result)
{
	r->deleted += js_get_integer(result, "deleted", 0);
	sweep_next_worker(d, now, r, (unsigned)r->worker + 1);
}

/* Of a worker that died nothing is left; what another could not do is not counted. */
static void not_swept(struct desk *d, tick_t now, struct desk_request *r)
{
	sweep_next_worker(d, now, r, (unsigned)r->worker + 1);
}

/* What the owner has in this worker, as far as who asks may change it; NULL: out of memory. */
static json_t *owned_in(const struct desk *d, const struct desk_request *r, unsigned worker)
{
	const char *owner = js_get_text(r->params, "owner");
	json_t *ids = json_array();

	for (struct desk_context *x = d->contexts; x != NULL && ids != NULL; x = x->hh.next) {
		if (x->worker != worker || x->owner == NULL || strcmp(x->owner, owner) != 0 ||
			!context_may_change(d, r->identity, x))
			continue;
		if (!js_append(ids, json_string(x->id))) {
			json_decref(ids);
			return NULL;
		}
	}
	return ids;
}

static void answer(struct desk *d, struct desk_request *r)
{
	json_t *result = json_object();

	if (result == NULL || !js_put_integer(result, "deleted", r->deleted)) {
		json_decref(result);
		result = NULL;
	}
	request_result(d, r, result);
}

static void sweep_next_worker(struct desk *d, tick_t now, struct desk_request *r, unsigned from)
{
	struct problem p = { PROBLEM_NONE };

	for (unsigned w = from; w < d->worker_count; w++) {
		json_t *ids = owned_in(d, r, w);
		bool is_empty = ids != NULL && json_array_size(ids) == 0;

		if (is_empty)
			json_decref(ids);
		else if (js_put(r->params, "contextIds", ids)) {
			request_send(d, now, r, (int)w);
			return;
		} else {
			problem_set(&p, PROBLEM_NO_RESOURCES, "out of memory");
			request_refuse(d, r, &p);
			return;
		}
	}
	answer(d, r);
}

void method_context_sweep(struct desk_call *c)
{
	static const struct desk_purpose purpose = { "context.delete_all", false, swept,
		not_swept };
	struct desk_request *r = request_open(c, &purpose, json_copy(c->params));

	if (r != NULL)
		sweep_next_worker(c->d, c->now, r, 0);
}
