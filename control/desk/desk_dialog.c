/*
 * desk_dialog.c: sdp.offer and sdp.answer: a message of one side becomes a document, the worker's
 * document the message for the other.
 */
#include "control/desk/desk_private.h"
#include "control/sdp/sdp_dialog.h"

/* ---- the worker's answer ---------------------------------------------------------------- */

/* What goes on to the other side; and the dialog is at rest. */
static json_t *forward_result(struct desk_request *r, const json_t *document, struct problem *p)
{
	char *text = sdp_dialog_text(r->dialog, document, p);
	json_t *result = text != NULL ? json_object() : NULL;
	bool complete = result != NULL &&
			js_put_text(result, "contextId", js_get_text(document, "contextId")) &&
			js_put(result, "sdp", json_string(text)) && sdp_dialog_rest(r->dialog);

	mem_free(text);
	if (complete)
		return result;
	problem_set(p, PROBLEM_NO_RESOURCES, "out of memory");
	json_decref(result);
	return NULL;
}

static void keep_dialog(struct desk_context *x, struct desk_request *r)
{
	sdp_dialog_destroy(x->dialog);
	x->dialog = r->dialog;
	r->dialog = NULL;
}

static void forwarded(struct desk *d, tick_t now, struct desk_request *r, json_t *document)
{
	const char *id = js_get_text(document, "contextId");
	struct problem p = { PROBLEM_NONE };
	bool is_new = r->purpose->makes_context;
	unsigned worker = (unsigned)r->worker;
	json_t *result = forward_result(r, document, &p);
	struct desk_context *x = result != NULL ? context_note(d, r, document) : NULL;

	if (x != NULL) {
		keep_dialog(x, r);
		request_result(d, r, result);
		return;
	}
	json_decref(result);
	problem_set(&p, PROBLEM_NO_RESOURCES, "out of memory");
	request_refuse(d, r, &p);
	if (is_new && id != NULL)
		context_delete_unwanted(d, now, worker, id);
}

/* ---- the methods ------------------------------------------------------------------------ */

static const struct desk_purpose first_message = { "context.create", true, forwarded, NULL };
static const struct desk_purpose next_message = { "context.replace", false, forwarded, NULL };

static bool refuse(const struct desk_call *c, enum problem_kind kind, const char *why)
{
	struct problem p = { PROBLEM_NONE };

	problem_set(&p, kind, "%s", why);
	call_refuse(c, &p);
	return false;
}

/*
 * May the call go on in this context? Messages of one call follow each other: each needs what the
 * one before came to.
 */
static bool may_go_on(const struct desk_call *c, const struct desk_context *x)
{
	const struct desk_request *last = slots_get(&c->d->requests, x->forwarding);

	if (x->dialog == NULL)
		return refuse(c, PROBLEM_CONFLICT, "the context was not made by sdp.offer");
	/* who asks in the answer to the last one finds it there, and answered */
	if (last != NULL && (last->asker != NULL || last->controller != 0))
		return refuse(c, PROBLEM_CONFLICT,
			"another offer or answer of this context is under way");
	return true;
}

static json_t *read_message(const struct desk_call *c, const struct desk_context *x,
	struct sdp_dialog *d, bool is_answer, struct problem *p)
{
	const json_t *text = json_object_get(c->params, "sdp");
	struct span sdp = SPAN(json_string_value(text), json_string_length(text));
	struct sdp_wish wish = {
		.dc_media = json_object_get(c->params, "dcMedia"),
		.security_mode = js_get_text(c->params, "securityMode"),
		.add_bootstrap = json_is_true(json_object_get(c->params, "addBootstrap")),
		.owner = js_get_text(c->params, "owner"),
		.stances = { json_object_get(c->params, "own"),
			json_object_get(c->params, "other") },
	};

	if (wish.owner == NULL && x != NULL)
		wish.owner = x->owner;
	if (!is_answer)
		return sdp_dialog_offer(d, sdp, &wish, p);
	if (!sdp_dialog_stand(d, &wish.stances, p))
		return NULL;
	return sdp_dialog_answer(d, sdp, wish.owner, p);
}

/* Takes the dialog over. */
static void send_document(const struct desk_call *c, struct desk_context *x,
	struct sdp_dialog *dialog, json_t *document)
{
	struct desk_request *r = request_open(c, x != NULL ? &next_message : &first_message,
		params_with_document(document, x != NULL ? x->id : NULL));

	if (r == NULL) {
		sdp_dialog_destroy(dialog);
		return;
	}
	r->dialog = dialog;
	if (x != NULL)
		x->forwarding = r->id;
	request_resolve_and_send(c->d, c->now, r, document, x != NULL ? (int)x->worker : -1);
}

static void forward(const struct desk_call *c, struct desk_context *x, bool is_answer)
{
	struct sdp_dialog *dialog = sdp_dialog_next(x != NULL ? x->dialog : NULL);
	struct problem p = { PROBLEM_NONE };
	json_t *document = NULL;

	if (dialog != NULL)
		document = read_message(c, x, dialog, is_answer, &p);
	else
		problem_set(&p, PROBLEM_NO_RESOURCES, "out of memory");
	if (document != NULL) {
		send_document(c, x, dialog, document);
	} else {
		sdp_dialog_destroy(dialog);
		call_refuse(c, &p);
	}
	json_decref(document);
}

void method_sdp_offer(struct desk_call *c)
{
	const char *mode = js_get_text(c->params, "securityMode");
	struct desk_context *x = NULL;

	if (mode != NULL && strcmp(mode, "E2AE") != 0 && strcmp(mode, "E2E") != 0) {
		call_error(c, RPC_INVALID_PARAMS, "params: securityMode is E2AE or E2E");
		return;
	}
	if (json_object_get(c->params, "contextId") != NULL) {
		if ((x = changeable_context(c)) == NULL || !may_go_on(c, x))
			return;
	} else if (!context_may_begin(c)) {
		return;
	}
	forward(c, x, false);
}

void method_sdp_answer(struct desk_call *c)
{
	struct desk_context *x = changeable_context(c);

	if (x != NULL && may_go_on(c, x))
		forward(c, x, true);
}
