/* sbi_answer.c: answers of the SBI: documents, ProblemDetails, and the headers around them. */
#include <stdio.h>
#include <string.h>

#include "control/json.h"
#include "control/sbi/sbi_parts.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"

#define HEADERS_MAX 12
/* Ours: when to come again, in seconds: after a crowd, and to a node that drains. */
#define RETRY_SOON  "1"
#define RETRY_LATER "30"

struct headers {
	struct h2_header list[HEADERS_MAX];
	size_t count;
};

static void put(struct headers *h, const char *name, const char *value)
{
	if (value != NULL)
		h->list[h->count++] = (struct h2_header){ SPAN_STR(name), SPAN_STR(value) };
}

void sbi_answer(struct sbi *s, uint64_t conn, int32_t stream, const struct sbi_reply *reply,
	const json_t *body)
{
	char date[SBI_HEADER_MAX], lci[SBI_HEADER_MAX], oci[SBI_HEADER_MAX], binding[64],
		server[48];
	int64_t wall_us = s->ops->wall_us(s->ops->arg);
	unsigned load = s->ops->load(s->ops->arg);
	char *text = body != NULL ? js_line(body) : NULL;
	struct headers h = { .count = 0 };
	struct h2_answer answer = { .status = reply->status, .headers = h.list };

	if (body != NULL && text == NULL) { /* out of memory */
		answer.status = 500;
	} else if (text != NULL) {
		put(&h, "content-type", reply->media_type);
		answer.body = reply->is_head ? SPAN_NONE : SPAN_STR(text);
	}
	snprintf(server, sizeof(server), "MF-%.36s", s->nf_instance_id);
	snprintf(binding, sizeof(binding), "bl=nf-instance; nfinst=%.36s", s->nf_instance_id);
	sbi_write_date(wall_us, date);
	put(&h, "server", server);
	put(&h, "date", date);
	put(&h, "location", reply->location);
	put(&h, "allow", reply->allow);
	put(&h, "accept-patch", reply->accept);
	put(&h, "www-authenticate", reply->challenge);
	put(&h, "retry-after", reply->retry_after);
	put(&h, "3gpp-sbi-binding", reply->binds ? binding : NULL);
	put(&h, "3gpp-sbi-lci", sbi_write_lci(wall_us, load, s->nf_instance_id, lci) ? lci : NULL);
	put(&h, "3gpp-sbi-oci", sbi_write_oci(wall_us, load, s->nf_instance_id, oci) ? oci : NULL);
	answer.header_count = h.count;
	s->ops->answer(s->ops->arg, conn, stream, &answer);
	mem_free(text);
}

static const char *retry_after(int status)
{
	return status == 429 ? RETRY_SOON : status == 503 ? RETRY_LATER : NULL;
}

static void count_refusal(int status)
{
	count(sbi_refused_total);
	if (status == 429)
		count(sbi_throttled_total);
}

/* NULL: out of memory. */
void sbi_answer_problem(struct sbi *s, uint64_t conn, int32_t stream, json_t *problem)
{
	int status = problem != NULL ? (int)js_get_integer(problem, "status", 500) : 500;
	const struct sbi_reply reply = {
		.status = status,
		.media_type = "application/problem+json",
		.retry_after = retry_after(status),
	};

	count_refusal(status);
	sbi_answer(s, conn, stream, &reply, problem);
}

/* Of a path that is of another API or version. */
static bool put_versions(json_t *details)
{
	json_t *versions = json_array();

	if (versions != NULL)
		js_append(versions, json_string("v1"));
	return js_put(details, "supportedApiVersions", versions);
}

void sbi_refuse(const struct sbi_call *c, struct problem *p)
{
	int status = problem_status(p->kind);
	bool is_patch = c->operation != NULL && strcmp(c->operation->method, "PATCH") == 0;
	const struct sbi_reply reply = {
		.status = status,
		.media_type = "application/problem+json",
		.allow = p->kind == PROBLEM_BAD_METHOD ? c->resource->allow : NULL,
		.accept = status == 415 && is_patch ? c->operation->media_type : NULL,
		.challenge = status == 401 || status == 403 ? c->access.challenge : NULL,
		.retry_after = retry_after(status),
		.is_head = span_eq(c->request->method, SPAN_LIT("HEAD")),
	};
	json_t *details = problem_json(p);

	if (p->kind == PROBLEM_BAD_API && details != NULL)
		put_versions(details);
	count_refusal(status);
	sbi_answer(c->s, c->from->conn, c->request->stream, &reply, details);
	json_decref(details);
	problem_finish(p);
}

void sbi_redirect(const struct sbi_call *c)
{
	char *location = mem_printf("%s" SBI_API "%s", c->s->peer, c->resource->path);
	const struct sbi_reply reply = {
		.status = 307,
		.media_type = "application/json",
		.location = location,
	};
	struct problem p = { PROBLEM_NONE };
	json_t *body = json_object();

	if (location != NULL && body != NULL &&
		js_put_text(body, "cause", problem_cause(PROBLEM_CONGESTION))) {
		count(sbi_redirected_total);
		sbi_answer(c->s, c->from->conn, c->request->stream, &reply, body);
	} else {
		problem_set(&p, PROBLEM_NO_RESOURCES, "out of memory");
		sbi_refuse(c, &p);
	}
	json_decref(body);
	mem_free(location);
}
