/* sbi_resource.c: the resources of Nmf_MRM: which one a path names, what may be done with it. */
#include <string.h>

#include "control/json.h"
#include "control/sbi/sbi_parts.h"
#include "dcmf/base/chars.h"

static const struct sbi_resource resources[] = {
	{ "/contexts", false, "POST",
		{ { "POST", "application/json", "context.create", "context", 201, SBI_MAKES } } },
	{ "/contexts/", true, "PATCH, DELETE",
		{ { "PATCH", "application/json-patch+json", "context.update", "patch", 200,
			  SBI_CHANGES },
			{ "DELETE", NULL, "context.delete", NULL, 204, SBI_FREES } } },
};

#define RESOURCES (sizeof(resources) / sizeof(resources[0]))

/* A path segment without its percent signs. False: no contextId looks like that. */
static bool decode(struct span segment, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < segment.len; i++) {
		int c = segment.p[i];

		if (c == '%' && i + 2 < segment.len) {
			int high = char_hex(segment.p[i + 1]), low = char_hex(segment.p[i + 2]);

			c = high < 0 || low < 0 ? -1 : high << 4 | low;
			i += 2;
		}
		if (c <= ' ' || c > '~' || c == '/' || n + 1 >= cap)
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return n > 0;
}

static bool is_resource(struct sbi_call *c, const struct sbi_resource *r, struct span path)
{
	struct span prefix = SPAN_STR(r->path);

	if (!r->has_id)
		return span_eq(path, prefix);
	return span_starts(path, prefix) &&
	       decode(span_skip(path, prefix.len), c->context_id, sizeof(c->context_id));
}

static bool refuse_query(struct span query, struct problem *p)
{
	struct span name = span_cut(&query, '&');
	char param[80];

	name = span_cut(&name, '=');
	snprintf(param, sizeof(param), "query %.*s", (int)(name.len < 64 ? name.len : 64),
		(const char *)name.p);
	return problem_param(p, PROBLEM_BAD_QUERY, param, "there is no such query parameter");
}

bool sbi_find_resource(struct sbi_call *c, struct problem *p)
{
	struct span query = c->request->path, path = span_cut(&query, '?');
	struct span api = SPAN_LIT(SBI_API);

	if (!span_starts(path, api) || (path.len > api.len && path.p[api.len] != '/'))
		return problem_set(
			p, PROBLEM_BAD_API, "what is spoken here is nmf-mrm, version v1");
	path = span_skip(path, api.len);
	for (size_t i = 0; i < RESOURCES; i++) {
		if (!is_resource(c, &resources[i], path))
			continue;
		c->resource = &resources[i];
		return query.len == 0 || refuse_query(query, p);
	}
	return problem_set(p, PROBLEM_NO_RESOURCE, "there is no such resource below " SBI_API);
}

bool sbi_find_operation(struct sbi_call *c, struct problem *p)
{
	for (int i = 0; i < SBI_OPERATIONS_MAX; i++) {
		const struct sbi_operation *o = &c->resource->operations[i];

		if (o->method == NULL || !span_eq(c->request->method, SPAN_STR(o->method)))
			continue;
		c->operation = o;
		return true;
	}
	return problem_set(
		p, PROBLEM_BAD_METHOD, "what may be done here is %s", c->resource->allow);
}

/* ---- bodies ---- */

static bool check_media_type(const struct sbi_call *c, struct problem *p)
{
	const char *wanted = c->operation->media_type;
	struct span coding = h2_header(c->request, "content-encoding");

	if (coding.len > 0 && !span_eq_nocase(coding, SPAN_LIT("identity")))
		return problem_param(p, PROBLEM_MEDIA_TYPE, "header Content-Encoding",
			"no content coding is taken");
	if (!sbi_is_media_type(h2_header(c->request, "content-type"), wanted))
		return problem_param(
			p, PROBLEM_MEDIA_TYPE, "header Content-Type", "%s is needed", wanted);
	return true;
}

/* The one thing that the schemas of both bodies say of the whole. */
static bool check_kind(const struct sbi_call *c, const json_t *body, struct problem *p)
{
	if (c->operation->effect != SBI_MAKES && !json_is_array(body))
		return problem_set(
			p, PROBLEM_BAD_MESSAGE, "a JSON Patch is an array of operations");
	if (c->operation->effect != SBI_MAKES && json_array_size(body) == 0)
		return problem_set(
			p, PROBLEM_BAD_MESSAGE, "a JSON Patch has at least one operation");
	if (c->operation->effect == SBI_MAKES && !json_is_object(body))
		return problem_set(p, PROBLEM_BAD_MESSAGE, "a MediaContext is an object");
	return true;
}

static json_t *read_body(const struct sbi_call *c, struct problem *p)
{
	bool no_memory = false;
	json_t *body;

	if (!check_media_type(c, p))
		return NULL;
	if (c->request->body.len == 0) {
		problem_set(p, PROBLEM_NO_LENGTH, "a body is needed, and its length is 0");
		return NULL;
	}
	body = js_parse(c->request->body, &no_memory);
	if (body == NULL)
		problem_set(p, no_memory ? PROBLEM_NO_RESOURCES : PROBLEM_BAD_MESSAGE, "%s",
			no_memory ? "out of memory" : "the body is not JSON");
	else if (check_kind(c, body, p))
		return body;
	json_decref(body);
	return NULL;
}

json_t *sbi_params(const struct sbi_call *c, struct problem *p)
{
	const struct sbi_operation *o = c->operation;
	json_t *body = NULL, *params;
	bool is_complete;

	if (o->body_param != NULL && (body = read_body(c, p)) == NULL)
		return NULL;
	params = json_object();
	is_complete = params != NULL &&
		      (body == NULL || json_object_set(params, o->body_param, body) == 0) &&
		      (c->context_id[0] == '\0' || js_put_text(params, "contextId", c->context_id));
	json_decref(body);
	if (is_complete)
		return params;
	json_decref(params);
	problem_set(p, PROBLEM_NO_RESOURCES, "out of memory");
	return NULL;
}
