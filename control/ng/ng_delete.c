/* ng_delete.c: delete: a call, or some of its branches, and their contexts go. */
#include <string.h>

#include "control/ng/ng_parts.h"

/* rtpengine's words: a proxy deletes calls that it never offered, and means no harm. */
#define NOT_FOUND "Call-ID not found or tags didn't match"

static void answer_not_found(struct ng_request *r)
{
	struct problem p = { PROBLEM_NONE };
	json_t *answer;

	if (r->flags.fatal) {
		problem_set(&p, PROBLEM_NO_CONTEXT, "%s", NOT_FOUND);
		ng_fail(r, &p);
		return;
	}
	answer = json_object();
	js_put_text(answer, "warning", NOT_FOUND);
	ng_answer(r, "ok", answer);
}

/* An answer that was awaited has come; the command itself counts as one. */
static void one_less(struct ng_request *r)
{
	if (--r->waiting > 0)
		return;
	if (r->no_memory)
		ng_fail_as(r, NULL);
	else
		ng_answer(r, "ok", json_object());
}

/* Deleted now or gone before: both is what was wanted; a worker that does not answer is lost. */
void ng_deleted(struct ng_request *r, json_t *result, json_t *problem)
{
	one_less(r);
}

/* The branches that are left, and are meant; NULL: none. */
static struct ng_branch *next_branch(const struct ng_request *r, const struct ng_dialog *d)
{
	const struct ng_call *call = ng_call_find(&r->ng->calls, d->call_id);

	if (call == NULL)
		return NULL;
	list_for_each (n, &call->branches) {
		struct ng_branch *b = container_of(n, struct ng_branch, on_call);

		if (ng_branch_is_meant(b, d))
			return b;
	}
	return NULL;
}

static bool delete_branch(struct ng_request *r, struct ng_branch *b)
{
	bool has_context = b->context_id[0] != '\0';
	json_t *params = has_context ? json_object() : NULL;

	if (has_context && !js_put_text(params, "contextId", b->context_id)) {
		json_decref(params);
		return false;
	}
	ng_end_branch(r->ng, b, "the call was deleted meanwhile");
	if (has_context) {
		r->waiting++;
		ng_ask(r, "context.delete", params);
	}
	return true;
}

void ng_run_delete(struct ng_request *r)
{
	struct ng_dialog d = ng_dialog_of(r);
	struct problem p = { PROBLEM_NONE };
	struct ng_branch *b;

	if (d.call_id == NULL) {
		problem_set(&p, PROBLEM_IE_MISSING, "No call-id in message");
		ng_fail(r, &p);
		return;
	}
	if ((b = next_branch(r, &d)) == NULL) {
		answer_not_found(r);
		return;
	}
	r->waiting = 1;
	for (; b != NULL && !r->no_memory; b = next_branch(r, &d))
		r->no_memory = !delete_branch(r, b);
	one_less(r);
}
