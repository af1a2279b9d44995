/*
 * problem.h: every refusal, from one table, as the ProblemDetails of TS 29.571.
 *
 * The same refusal has the same status and cause on every interface.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "dcmf/base/err.h"

enum problem_kind {
#define PROBLEM(name, status, cause, title) PROBLEM_##name,
#include "control/problems.def"
#undef PROBLEM
	PROBLEM_MAX
};

/* Zeroed (PROBLEM_NONE) is "nothing wrong". Finish it when it was used. */
struct problem {
	enum problem_kind kind;
	char detail[256];
	json_t *invalid_params; /* array of {param, reason}; owned, or NULL */
};

void problem_finish(struct problem *p);

/*
 * Sets kind and detail, if nothing is set yet: the first refusal wins.
 * Returns false, to be returned at once.
 */
__attribute__((format(printf, 3, 4))) bool problem_set(
	struct problem *p, enum problem_kind kind, const char *fmt, ...);
/*
 * As problem_set with an invalidParams entry; `pointer` is a JSON pointer (RFC
 * 6901), also "header X" or "query X".
 */
__attribute__((format(printf, 4, 5))) bool problem_param(
	struct problem *p, enum problem_kind kind, const char *pointer, const char *fmt, ...);
/* What the relay said: which problem is it? */
enum problem_kind problem_of_err(enum err e);

int problem_status(enum problem_kind kind);
const char *problem_cause(enum problem_kind kind);
/* {status, title, cause, detail, invalidParams}; a new reference, NULL: out of memory. */
json_t *problem_json(const struct problem *p);
