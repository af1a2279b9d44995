/* problem.c: every refusal, from one table, as the ProblemDetails of TS 29.571. */
#include "control/problem.h"

#include <stdarg.h>
#include <stdio.h>

#include "control/json.h"

#define INVALID_PARAMS_MAX 16 /* ours: enough to mend a document, too little to flood a log */

static const struct {
	int status;
	const char *cause, *title;
} problems[] = {
#define PROBLEM(name, status, cause, title) [PROBLEM_##name] = { (status), (cause), (title) },
#include "control/problems.def"
#undef PROBLEM
};

/*
 * What the relay cannot do is the request's fault, the policy's, or ours.
 * Errors that are not named here are ours.
 */
static const enum problem_kind of_err[ERR_MAX] = {
	[ERR_NO_MEMORY] = PROBLEM_NO_RESOURCES,
	[ERR_LIMIT] = PROBLEM_NO_RESOURCES,
	[ERR_NO_PORT] = PROBLEM_NO_RESOURCES,
	[ERR_NO_FILES] = PROBLEM_NO_RESOURCES,
	[ERR_BLOCKED] = PROBLEM_NO_RESOURCES,
	[ERR_ADDRESS] = PROBLEM_NO_RESOURCES,
	[ERR_UNSUPPORTED] = PROBLEM_NOT_BUILT,
	[ERR_FORBIDDEN] = PROBLEM_SECURITY_POLICY,
	[ERR_WEAK_HASH] = PROBLEM_SECURITY_POLICY,
	[ERR_EXISTS] = PROBLEM_CONFLICT,
	[ERR_STATE] = PROBLEM_CONFLICT,
	[ERR_NOT_FOUND] = PROBLEM_OPTIONAL_INCORRECT,
	[ERR_MALFORMED] = PROBLEM_OPTIONAL_INCORRECT,
	[ERR_TOO_LONG] = PROBLEM_OPTIONAL_INCORRECT,
	[ERR_STREAM_RANGE] = PROBLEM_OPTIONAL_INCORRECT,
	[ERR_MESSAGE_SIZE] = PROBLEM_OPTIONAL_INCORRECT,
};

void problem_finish(struct problem *p)
{
	json_decref(p->invalid_params);
	*p = (struct problem){ PROBLEM_NONE };
}

bool problem_set(struct problem *p, enum problem_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (p->kind != PROBLEM_NONE)
		return false;
	p->kind = kind;
	va_start(ap, fmt);
	vsnprintf(p->detail, sizeof(p->detail), fmt, ap);
	va_end(ap);
	return false;
}

/* Out of memory costs the entry, not the refusal. */
static void add_invalid_param(struct problem *p, const char *pointer, const char *reason)
{
	json_t *entry;

	if (p->invalid_params == NULL && (p->invalid_params = json_array()) == NULL)
		return;
	if (json_array_size(p->invalid_params) >= INVALID_PARAMS_MAX)
		return;
	if ((entry = json_object()) == NULL)
		return;
	if (js_put_text(entry, "param", pointer) && js_put_text(entry, "reason", reason))
		json_array_append(p->invalid_params, entry);
	json_decref(entry);
	if (json_array_size(p->invalid_params) == 0) {
		json_decref(p->invalid_params);
		p->invalid_params = NULL;
	}
}

bool problem_param(
	struct problem *p, enum problem_kind kind, const char *pointer, const char *fmt, ...)
{
	char reason[sizeof(p->detail)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	add_invalid_param(p, pointer, reason);
	return problem_set(p, kind, "%s%s%s", pointer, pointer[0] != '\0' ? ": " : "", reason);
}

enum problem_kind problem_of_err(enum err e)
{
	if (e == ERR_OK)
		return PROBLEM_NONE;
	return e < ERR_MAX && of_err[e] != PROBLEM_NONE ? of_err[e] : PROBLEM_FAILURE;
}

int problem_status(enum problem_kind kind)
{
	return problems[kind].status;
}

const char *problem_cause(enum problem_kind kind)
{
	return problems[kind].cause;
}

json_t *problem_json(const struct problem *p)
{
	json_t *details = json_object();

	if (details != NULL && js_put_text(details, "title", problems[p->kind].title) &&
		js_put_integer(details, "status", problems[p->kind].status) &&
		js_put_text(details, "detail", p->detail) &&
		js_put_text(details, "cause", problems[p->kind].cause) &&
		(p->invalid_params == NULL ||
			json_object_set(details, "invalidParams", p->invalid_params) == 0))
		return details;
	json_decref(details);
	return NULL;
}
