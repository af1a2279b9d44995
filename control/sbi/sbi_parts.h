/* sbi_parts.h: what the sbi*.c files share; nobody else includes it. */
#pragma once

#include "control/desk/desk_ask.h"
#include "control/sbi/sbi.h"
#include "dcmf/base/list.h"

#define SBI_API "/nmf-mrm/v1"

/* A request that the desk works on. */
struct sbi_exchange {
	struct sbi *s;
	struct list_node on_list; /* in sbi.exchanges */
	uint64_t conn;
	int32_t stream;
	uint64_t asked;  /* for desk_cancel() */
	tick_t deadline; /* the consumer waits no longer */
	const struct sbi_operation *operation;
	char *root; /* of Location; NULL: a path will do */
};

struct sbi {
	const struct sbi_ops *ops;
	struct desk *desk;
	char *nf_instance_id, *peer; /* peer may be NULL */
	unsigned most, under_way;
	struct list_node exchanges;
	tick_t soonest; /* no exchange has an earlier deadline */
};

/* A request while it is looked at. */
struct sbi_call {
	struct sbi *s;
	tick_t now;
	const struct sbi_origin *from;
	const struct h2_request *request;
	struct sbi_hints hints;
	struct sbi_access access;
	const struct sbi_resource *resource;
	const struct sbi_operation *operation;
	char context_id[64]; /* "": the resource is the collection */
};

enum sbi_effect {
	SBI_MAKES, /* a resource, which Location tells */
	SBI_CHANGES,
	SBI_FREES, /* it does not wait for more urgent requests */
};

/* What is done with a resource. */
struct sbi_operation {
	const char *method;     /* of HTTP */
	const char *media_type; /* of the body; NULL: it has none */
	const char *desk_method;
	const char *body_param; /* of the desk's method */
	int status;             /* when it is done */
	enum sbi_effect effect;
};

#define SBI_OPERATIONS_MAX 2

struct sbi_resource {
	const char *path; /* below the API; what follows it is a contextId where there is one */
	bool has_id;
	const char *allow; /* its methods */
	struct sbi_operation operations[SBI_OPERATIONS_MAX];
};

/*
 * sbi_resource.c: which resource and operation the request is for. False: *p says why there is
 * none.
 */
bool sbi_find_resource(struct sbi_call *c, struct problem *p);
bool sbi_find_operation(struct sbi_call *c, struct problem *p);
/* The body as the desk's parameters, a new reference; NULL: *p. */
json_t *sbi_params(const struct sbi_call *c, struct problem *p);

/* sbi_answer.c */
/* Takes nothing over. `challenge` and `allow` may be NULL. */
struct sbi_reply {
	int status;
	const char *media_type; /* NULL: without a body */
	const char *location, *allow, *accept, *challenge;
	const char *retry_after;
	bool binds; /* the resource lives in this instance */
	bool is_head;
};
void sbi_answer(struct sbi *s, uint64_t conn, int32_t stream, const struct sbi_reply *reply,
	const json_t *body);
void sbi_refuse(const struct sbi_call *c, struct problem *p); /* finishes p */
void sbi_answer_problem(struct sbi *s, uint64_t conn, int32_t stream, json_t *problem);
void sbi_redirect(const struct sbi_call *c);
