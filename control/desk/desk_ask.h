/*
 * desk_ask.h: the desk for interfaces that have a form of their own (SBI, ng): the methods and
 * parameters of the control socket as values, without lines, ids and connections.
 */
#pragma once

#include <jansson.h>

#include "control/desk/desk.h"

struct desk_asker_ops {
	/*
	 * Once for each request, perhaps before desk_ask() returns. One of the two is there:
	 * `result` as the control socket would give it, or a ProblemDetails; neither: out of
	 * memory. Both are borrowed. Asking again and cancelling are fine in here.
	 */
	void (*answered)(void *arg, json_t *result, json_t *problem);
	/*
	 * Has the one who asked gone, though nobody has cancelled yet? Then what was made for
	 * it is undone. NULL: never.
	 */
	bool (*has_gone)(void *arg);
};

struct desk_ask {
	const char *method; /* "context.create" */
	json_t *params;     /* an object, or NULL; borrowed */
	/*
	 * Who asks. What it makes is its own; what others made it may change only where
	 * desk_limits says so. NULL: the operator, who may do everything.
	 */
	const char *identity;
	const struct desk_asker_ops *ops;
	void *arg;
};

/* For desk_cancel(); 0: it was answered already. */
uint64_t desk_ask(struct desk *d, tick_t now, const struct desk_ask *ask);
/*
 * No answer is wanted any more: none comes, and what the request made is undone. An id of a request
 * that was answered is fine.
 */
void desk_cancel(struct desk *d, uint64_t id);
