/* rpc.c: JSON-RPC 2.0, one object a line: requests in, answers and notifications out. */
#include "control/rpc.h"

#include <string.h>

#include "control/json.h"

void rpc_request_finish(struct rpc_request *r)
{
	json_decref(r->doc);
	*r = (struct rpc_request){ NULL };
}

static bool is_id(const json_t *id)
{
	return json_is_string(id) || json_is_number(id) || json_is_null(id);
}

int rpc_parse(struct span line, struct rpc_request *out, const char **why)
{
	const char *version;
	json_t *id, *params;
	bool no_memory;

	*out = (struct rpc_request){ NULL };
	out->doc = js_parse(line, &no_memory);
	if (no_memory) {
		*why = "out of memory";
		return RPC_INTERNAL_ERROR;
	}
	if (out->doc == NULL) {
		*why = "the line is not JSON";
		return RPC_PARSE_ERROR;
	}
	if (!json_is_object(out->doc)) {
		*why = "a request is one JSON object; batches are not taken";
		return RPC_INVALID_REQUEST;
	}
	id = json_object_get(out->doc, "id");
	if (id != NULL && !is_id(id)) {
		*why = "id is neither text nor number";
		return RPC_INVALID_REQUEST;
	}
	out->id = id;
	version = js_get_text(out->doc, "jsonrpc");
	if (version == NULL || strcmp(version, "2.0") != 0) {
		*why = "jsonrpc is not \"2.0\"";
		return RPC_INVALID_REQUEST;
	}
	out->method = js_get_text(out->doc, "method");
	if (out->method == NULL) {
		*why = "method is missing or no text";
		return RPC_INVALID_REQUEST;
	}
	params = json_object_get(out->doc, "params");
	if (params != NULL && !json_is_object(params) && !json_is_array(params)) {
		*why = "params is neither an object nor an array";
		return RPC_INVALID_REQUEST;
	}
	out->params = params;
	return 0;
}

/* A new message with what every message has; `id` NULL leaves the member out. */
static json_t *message(const json_t *id)
{
	json_t *m = json_object();

	if (m != NULL && js_put_text(m, "jsonrpc", "2.0") &&
		(id == NULL || js_put(m, "id", json_copy((json_t *)(uintptr_t)id))))
		return m;
	json_decref(m);
	return NULL;
}

/* Members point at what the caller owns: they are taken as one more reference. */
static bool put_borrowed(json_t *m, const char *key, json_t *value)
{
	return value == NULL || json_object_set(m, key, value) == 0;
}

static char *finish(json_t *m, bool complete)
{
	char *line = m != NULL && complete ? js_line(m) : NULL;

	json_decref(m);
	return line;
}

static json_t *answer(const json_t *id)
{
	return message(id != NULL ? id : json_null());
}

char *rpc_result(const json_t *id, json_t *result)
{
	json_t *m = answer(id);

	return finish(m, m != NULL && result != NULL && put_borrowed(m, "result", result));
}

/* Takes `data` over. */
static char *error_line(const json_t *id, int code, const char *text, json_t *data)
{
	json_t *m = answer(id), *error = json_object();
	bool complete = m != NULL && error != NULL && js_put_integer(error, "code", code) &&
			js_put_text(error, "message", text) && put_borrowed(error, "data", data) &&
			put_borrowed(m, "error", error);

	json_decref(data);
	json_decref(error);
	return finish(m, complete);
}

char *rpc_error(const json_t *id, int code, const char *message_text)
{
	return error_line(id, code, message_text, NULL);
}

char *rpc_refusal(const json_t *id, const struct problem *p)
{
	json_t *details = problem_json(p);
	const char *title = js_get_text(details, "title");

	return details == NULL ? NULL
			       : error_line(id, RPC_REFUSED,
					 p->detail[0] != '\0' ? p->detail : title, details);
}

char *rpc_request(const json_t *id, const char *method, json_t *params)
{
	json_t *m = message(id);

	return finish(m,
		m != NULL && js_put_text(m, "method", method) && put_borrowed(m, "params", params));
}

char *rpc_notification(const char *method, json_t *params)
{
	return rpc_request(NULL, method, params);
}
