/*
 * desk_private.h: what the desk's files share: controllers, workers, contexts, requests under way.
 *
 * A line of a controller becomes a `call`, which lives while it is looked at. What a worker must
 * answer first becomes a `request`, which lives in desk.requests under the id that the worker sees,
 * until the answer, the timeout or the worker's death.
 */
#pragma once

#include "control/desk/desk_ask.h"
#include "control/json.h"
#include "control/problem.h"
#include "control/rpc.h"
#include "control/sdp/sdp.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/list.h"
#include "dcmf/base/map.h"
#include "dcmf/base/slots.h"

#define DESK_REQUEST_US TICK_S(5) /* ours: a worker that takes longer is in trouble */
#define DESK_HOSTS_MAX  16        /* ours: names in one document */
#define DESK_LIST_LIMIT 100
#define DESK_LIST_MAX   1000

enum desk_node_state { NODE_RUNNING, NODE_DRAINING, NODE_DRAINED };

struct desk_controller {
	uint64_t id;
	char *peer;
	char *identity; /* NULL: the operator */
	unsigned unanswered;
	unsigned at_workers; /* of them */
	bool subscribed;
	json_t *types;    /* array of texts; NULL: all */
	char *context_id; /* NULL: all */
	UT_hash_handle hh;
};

struct desk_context {
	char *id, *owner; /* owner may be NULL */
	char *maker;      /* who may change it, beside the operator; NULL: nobody */
	unsigned worker;
	struct sdp_dialog *dialog; /* of a context that sdp.offer made; else NULL */
	slot_id forwarding;        /* the last request of its dialog; it may be long gone */
	UT_hash_handle hh;
};

struct desk_worker {
	bool up;
	uint64_t contexts;
	unsigned creating; /* sent, not answered */
};

struct desk_request;

/*
 * What a request is for: how it ends. Exactly one of the two is
 * called, unless nobody waits any more.
 */
struct desk_purpose {
	const char *method; /* for the worker */
	bool makes_context; /* its answer brings a context into the world */
	/* The worker's result; answers the controller and closes the request. */
	void (*done)(struct desk *d, tick_t now, struct desk_request *r, json_t *result);
	/*
	 * NULL, or what happens instead of a refusal: by an error of the
	 * worker, its death or the timeout.
	 */
	void (*failed)(struct desk *d, tick_t now, struct desk_request *r);
};

struct desk_host {
	char *name; /* "host:port" */
	slot_id ticket;
};

struct desk_request {
	slot_id id;
	const struct desk_purpose *purpose;
	struct list_node on_waiting; /* in desk.waiting, by deadline; alone when nobody waits */
	tick_t deadline;
	uint64_t controller; /* 0: the desk's own, or nobody waits any more */
	json_t *rpc_id;      /* NULL: a notification, answered by silence */
	const struct desk_asker_ops
		*asker; /* of desk_ask(); NULL: a controller's, or nobody waits */
	void *asker_arg;
	char *identity;   /* who asks; NULL: the operator, or the desk itself */
	int target;       /* the worker it is meant for while names are resolved; -1: any */
	int worker;       /* -1: not sent yet */
	bool at_worker;   /* it has left, and is among its controller's at_workers */
	json_t *params;   /* for the worker */
	char *context_id; /* NULL: a new one */
	struct sdp *sdp;  /* the offer, for sdp.terminate */
	struct sdp_dialog *dialog; /* as it becomes, for sdp.offer and sdp.answer */
	json_t *page;              /* contexts collected, for context.list */
	unsigned limit;
	int64_t deleted; /* so far, for context.sweep */

	struct desk_host hosts[DESK_HOSTS_MAX];
	unsigned host_count, resolving;
	json_t *resolved;
	struct problem *hosts_problem; /* only while hosts are collected */
};

struct desk_ticket {
	slot_id request;
	unsigned host;
};

struct desk {
	const struct desk_ops *ops;
	char *name, *version, *nf_instance_id;
	unsigned max_requests;
	struct desk_limits limits;
	tick_t started;

	enum desk_node_state state;
	bool stopping;
	tick_t drain_deadline;

	struct desk_worker *workers;
	unsigned worker_count, last_chosen;
	struct desk_context *contexts;
	struct desk_controller *controllers;
	struct slots requests, tickets;
	struct list_node waiting;
	unsigned creating; /* requests that will make a context, names being resolved included */
	json_t *fingerprints;
};

struct desk_call {
	struct desk *d;
	tick_t now;
	uint64_t controller;
	const struct rpc_request *rpc;
	const struct desk_ask *ask; /* NULL: it came as a line of the controller */
	const char *identity;       /* NULL: the operator */
	slot_id *opened;            /* of desk_ask(): set to the request that will answer */
	json_t *params;             /* an object, checked against the method's table; borrowed */
};

/* desk.c */
/* Takes the result over; NULL: out of memory. */
void call_result(const struct desk_call *c, json_t *result);
void call_error(const struct desk_call *c, int code, const char *message);
void call_refuse(const struct desk_call *c, struct problem *p); /* finishes p */
/* An error of JSON-RPC for those who do not speak it; NULL: out of memory. */
json_t *problem_of_rpc(int code, const char *message);
/* Takes the line over; NULL: out of memory. */
void desk_send(struct desk *d, uint64_t controller, char *line);
struct desk_controller *desk_controller(struct desk *d, uint64_t id);

/* desk_request.c */
/* NULL: refused already. `params` is taken over. */
struct desk_request *request_open(
	const struct desk_call *c, const struct desk_purpose *purpose, json_t *params);
/* Of the desk itself: nobody waits. NULL: out of memory. */
struct desk_request *request_open_own(
	struct desk *d, tick_t now, const struct desk_purpose *purpose, json_t *params);
void request_send(struct desk *d, tick_t now, struct desk_request *r, int worker);
/* Answers and closes; takes result over. */
void request_result(struct desk *d, struct desk_request *r, json_t *result);
/* Answers, finishes p, closes. */
void request_refuse(struct desk *d, struct desk_request *r, struct problem *p);
void request_close(struct desk *d, struct desk_request *r);
void request_forget_controller(struct desk *d, struct desk_request *r);
void requests_answered(struct desk *d, tick_t now, unsigned worker, const json_t *answer);
void requests_expire(struct desk *d, tick_t now);
void requests_of_lost_worker(struct desk *d, tick_t now, unsigned worker);

/* desk_resolve.c */
/* Resolves the names in `value`, then sends the request to `worker` (-1: the least loaded one). */
void request_resolve_and_send(
	struct desk *d, tick_t now, struct desk_request *r, const json_t *value, int worker);
void request_drop_tickets(struct desk *d, struct desk_request *r);

/* desk_context.c */
void method_context_create(struct desk_call *c);
void method_context_update(struct desk_call *c);
void method_context_get(struct desk_call *c);
void method_context_list(struct desk_call *c);
void method_context_delete(struct desk_call *c);
struct desk_context *context_find(struct desk *d, const char *id);
/* The context that the call's contextId names; NULL: refused. */
struct desk_context *named_context(const struct desk_call *c);
/* The same, for what changes it: NULL too where it belongs to somebody else. */
struct desk_context *changeable_context(const struct desk_call *c);
/*
 * Takes note of a document that a worker returned for the request. NULL: out of memory, or no
 * document.
 */
struct desk_context *context_note(
	struct desk *d, const struct desk_request *r, const json_t *document);
/* What a worker is told of a document; `context_id` NULL: of a new one. NULL: out of memory. */
json_t *params_with_document(json_t *document, const char *context_id);
void context_forget(struct desk *d, tick_t now, struct desk_context *x);
void contexts_forget_worker(struct desk *d, tick_t now, unsigned worker);
/* May a new context be made now? False: refused. */
bool context_may_begin(const struct desk_call *c);
/* Asks the worker to delete a context that nobody wants any more. */
void context_delete_unwanted(struct desk *d, tick_t now, unsigned worker, const char *id);
/* -1: none is up. */
int worker_least_loaded(struct desk *d);

/* May `identity` change what it did not make? NULL is the operator. */
bool context_may_change(const struct desk *d, const char *identity, const struct desk_context *x);

/* desk_sweep.c */
void method_context_sweep(struct desk_call *c);

/* desk_sdp.c */
void method_sdp_terminate(struct desk_call *c);

/* desk_dialog.c */
void method_sdp_offer(struct desk_call *c);
void method_sdp_answer(struct desk_call *c);

/* desk_event.c */
void method_events_subscribe(struct desk_call *c);
/* Adds the time, sends it to those who want it; takes params over, NULL is ignored. */
void event_tell(struct desk *d, json_t *params);
json_t *event_new(const char *type);
void event_from_worker(struct desk *d, tick_t now, json_t *params);
void event_worker_lost(struct desk *d, unsigned worker, const char *how);

/* desk_node.c */
void method_node_info(struct desk_call *c);
void method_node_stats(struct desk_call *c);
void method_node_drain(struct desk_call *c);
void method_node_resume(struct desk_call *c);
void node_begin_drain(struct desk *d, tick_t now, int64_t deadline_us);
void node_drain_expire(struct desk *d, tick_t now);
void node_check_drained(struct desk *d);
