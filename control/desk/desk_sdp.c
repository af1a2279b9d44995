/* desk_sdp.c: sdp.terminate: an offer becomes a document, a worker's document the answer. */
#include "control/desk/desk_private.h"

static json_t *terminate_result(struct desk_request *r, json_t *document, struct problem *p)
{
	char *text = sdp_answer(r->sdp, document, p);
	json_t *result = text != NULL ? json_object() : NULL;
	bool complete = result != NULL &&
			js_put_text(result, "contextId", js_get_text(document, "contextId")) &&
			js_put(result, "sdp", json_string(text)) &&
			json_object_set(result, "context", document) == 0;

	mem_free(text);
	if (complete)
		return result;
	problem_set(p, PROBLEM_NO_RESOURCES, "out of memory");
	json_decref(result);
	return NULL;
}

static void terminated(struct desk *d, tick_t now, struct desk_request *r, json_t *document)
{
	struct problem p = { PROBLEM_NONE };
	bool is_new = r->purpose->makes_context;
	unsigned worker = (unsigned)r->worker;
	json_t *result = terminate_result(r, document, &p);
	struct desk_context *x = result != NULL || !is_new ? context_note(d, r, document) : NULL;

	if (result != NULL && x != NULL) {
		request_result(d, r, result);
		return;
	}
	json_decref(result);
	problem_set(&p, PROBLEM_NO_RESOURCES, "out of memory");
	request_refuse(d, r, &p);
	if (is_new && js_get_text(document, "contextId") != NULL)
		context_delete_unwanted(d, now, worker, js_get_text(document, "contextId"));
}

static const struct desk_purpose first_offer = { "context.create", true, terminated, NULL };
static const struct desk_purpose new_offer = { "context.replace", false, terminated, NULL };

/* The offer and what the controller adds to it as a document; NULL: refused. */
static json_t *read_offer(const struct desk_call *c, const struct desk_context *x, struct sdp **sdp)
{
	const json_t *text = json_object_get(c->params, "sdp");
	const char *owner = js_get_text(c->params, "owner");
	struct problem p = { PROBLEM_NONE };
	json_t *document = NULL;

	if (owner == NULL && x != NULL)
		owner = x->owner;
	*sdp = sdp_parse(SPAN(json_string_value(text), json_string_length(text)), &p);
	if (*sdp != NULL)
		document = sdp_document(*sdp, json_object_get(c->params, "dcMedia"), owner, &p);
	if (document == NULL) {
		sdp_destroy(*sdp);
		call_refuse(c, &p);
	}
	return document;
}

void method_sdp_terminate(struct desk_call *c)
{
	const char *id = js_get_text(c->params, "contextId");
	const struct desk_context *x = id != NULL ? changeable_context(c) : NULL;
	struct problem p = { PROBLEM_NONE };
	struct desk_request *r;
	struct sdp *sdp;
	json_t *document;

	if (id != NULL && x == NULL)
		return;
	if (x != NULL && x->dialog != NULL) {
		problem_set(&p, PROBLEM_CONFLICT,
			"the context stands between two sides: sdp.offer is for its offers");
		call_refuse(c, &p);
		return;
	}
	if (id == NULL && !context_may_begin(c))
		return;
	if ((document = read_offer(c, x, &sdp)) == NULL)
		return;
	r = request_open(
		c, id != NULL ? &new_offer : &first_offer, params_with_document(document, id));
	if (r != NULL) {
		r->sdp = sdp;
		request_resolve_and_send(
			c->d, c->now, r, document, x != NULL ? (int)x->worker : -1);
	} else {
		sdp_destroy(sdp);
	}
	json_decref(document);
}
