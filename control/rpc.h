/* rpc.h: JSON-RPC 2.0, one object a line: requests in, answers and notifications out. */
#pragma once

#include <jansson.h>

#include "control/problem.h"
#include "dcmf/base/span.h"

#define RPC_LINE_MAX (1u << 20) /* bytes of a line */

enum rpc_error {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL_ERROR = -32603,
	RPC_REFUSED = -32000, /* the gateway refused; `data` is a ProblemDetails */
};

struct rpc_request {
	json_t *id;         /* NULL: a notification, which gets no answer; borrowed from doc */
	const char *method; /* borrowed from doc */
	json_t *params;     /* object or array; NULL when absent; borrowed from doc */
	json_t *doc;        /* owned */
};

void rpc_request_finish(struct rpc_request *r);

/*
 * 0: fine. Otherwise the error code, *why says it in a sentence, and
 * `id` is set where it could be read.
 */
int rpc_parse(struct span line, struct rpc_request *out, const char **why);

/*
 * Lines without their end, mem_alloc'ed; NULL: out of memory. `id` NULL is sent as
 * null. `result` and params are borrowed.
 */
char *rpc_result(const json_t *id, json_t *result);
char *rpc_error(const json_t *id, int code, const char *message);
char *rpc_refusal(const json_t *id, const struct problem *p);
char *rpc_request(const json_t *id, const char *method, json_t *params);
char *rpc_notification(const char *method, json_t *params);
