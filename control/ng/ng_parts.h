/*
 * ng_parts.h: what the ng_*.c files share: a message from its arrival to its answer; nobody else
 * includes it.
 */
#pragma once

#include "control/desk/desk_ask.h"
#include "control/json.h"
#include "control/ng/ng.h"
#include "control/ng/ng_calls.h"
#include "control/ng/ng_cookies.h"
#include "control/ng/ng_flags.h"
#include "control/problem.h"

#define NG_REQUESTS_MAX 1024 /* ours: under way at once */
#define NG_WAITING_MAX  8    /* ours: of one branch of a call */

struct ng {
	struct ng_config config;
	struct ng_cookies *cookies;
	struct ng_calls calls;
	struct list_node requests;
	unsigned request_count;
	tick_t sweep; /* when the calls are looked through again */
};

struct ng_command {
	const char *name;
	void (*run)(struct ng_request *r);
	/* The desk's answer; one of the two is there, neither: out of memory. Both are borrowed. */
	void (*answered)(struct ng_request *r, json_t *result, json_t *problem);
};

/* One message. It lives until ng_answer() or ng_fail(). */
struct ng_request {
	struct ng *ng;
	struct list_node on_ng;
	struct ng_from from;
	char *cookie;                 /* NULL: it had none */
	struct ng_cookie *remembered; /* NULL: it is not */
	bool is_json;
	const struct ng_command *command;
	json_t *dictionary;
	struct ng_flags flags;

	struct ng_branch *branch;    /* an offer's or answer's, which is busy with it; NULL: none */
	uint8_t side;                /* who offers */
	bool makes_context;          /* an offer, in a call without a context so far */
	struct list_node on_waiting; /* for another one to end; alone: it does not wait */
	uint64_t asked;              /* of the desk; 0: nothing */
	unsigned waiting; /* answers that are still to come, where there may be several */
	bool no_memory;   /* for one of them */
	json_t *found;    /* what they brought */
};

/* ng.c */
/* An answer: takes it over, NULL: out of memory; puts `result` in, and the request is over. */
void ng_answer(struct ng_request *r, const char *result, json_t *answer);
/* result: error; finishes p, and the request is over. */
void ng_fail(struct ng_request *r, struct problem *p);
/* The same with what the desk said; NULL: out of memory. */
void ng_fail_as(struct ng_request *r, const json_t *problem);
/* Takes the parameters over; NULL: out of memory. The request may be over when it returns. */
void ng_ask(struct ng_request *r, const char *method, json_t *params);
int64_t ng_wall_us(const struct ng *ng);
/*
 * The branch is the request's from now on, until it is over. False: it is another one's, and the
 * command runs again when that is over; or it was refused.
 */
bool ng_take(struct ng_request *r, struct ng_branch *b);
/* Away with the branch: who is busy with it, and who waits, is told why. */
void ng_end_branch(struct ng *ng, struct ng_branch *b, const char *why);
/* What the message says of its call. */
struct ng_dialog ng_dialog_of(const struct ng_request *r);

/* ng_offer.c */
void ng_run_offer(struct ng_request *r);
void ng_offered(struct ng_request *r, json_t *result, json_t *problem);
void ng_run_answer(struct ng_request *r);
void ng_answered(struct ng_request *r, json_t *result, json_t *problem);

/* ng_delete.c */
void ng_run_delete(struct ng_request *r);
void ng_deleted(struct ng_request *r, json_t *result, json_t *problem);

/* ng_tell.c */
void ng_run_query(struct ng_request *r);
void ng_queried(struct ng_request *r, json_t *result, json_t *problem);
void ng_run_list(struct ng_request *r);
void ng_run_statistics(struct ng_request *r);
void ng_stats_came(struct ng_request *r, json_t *result, json_t *problem);
