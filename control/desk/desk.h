/*
 * desk.h: the front's half of control: controllers' JSON-RPC lines in, requests to workers out, and
 * back; which worker has which context; who wants which events; the node's state (running,
 * draining, drained). No sockets, no processes: those are front.c's.
 *
 * contextIds are "<worker>-<hex>": the worker's index tells where a context lives.
 */
#pragma once

#include <stdint.h>

#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"
#include "dcmf/base/tick.h"

struct desk;

/* What node.info and node.stats say; filled by the front. Texts are valid during the call only. */
struct desk_worker_info {
	unsigned index;
	int pid;         /* 0: not running at the moment */
	unsigned starts; /* 1: never replaced */
	double cpu_seconds;
	uint64_t memory_bytes; /* resident */
};

struct desk_ops {
	void (*to_controller)(void *front, uint64_t controller, struct span line);
	/* Has it closed its connection, if only desk_controller_left() was not called yet? */
	bool (*has_hung_up)(void *front, uint64_t controller);
	/* False: it is not there now, or has too much to read already. */
	bool (*to_worker)(void *front, unsigned worker, struct span line);
	/* Answered by desk_resolved() with the same ticket, later. */
	void (*resolve)(void *front, const char *host, uint16_t port, uint64_t ticket);
	bool (*worker_info)(void *front, unsigned worker, struct desk_worker_info *out);
	/* Of the table in dcmf/base/counters.h, summed over the workers. */
	int64_t (*counter)(void *front, int counter);
	int64_t (*wall_us)(void *front); /* microseconds since the epoch, for events */
	/* Draining, and nothing is left: neither contexts nor half-made ones. */
	void (*drained)(void *front);
	void *front;
};

/* What may change while the desk is open. */
struct desk_limits {
	uint64_t contexts;         /* at once, in all workers */
	int64_t drain_deadline_us; /* what is left then is deleted */
	bool others_may_change;    /* may controllers change contexts that others made? */
};

struct desk_config {
	const struct desk_ops *ops;
	const char *name, *version, *nf_instance_id; /* copied */
	unsigned workers;
	unsigned max_requests_per_controller; /* unanswered at once; beyond: 429 */
	struct desk_limits limits;
};

struct desk *desk_create(const struct desk_config *config, tick_t now);
void desk_destroy(struct desk *d);

void desk_set_limits(struct desk *d, const struct desk_limits *limits);
/* The certificate's fingerprints for node.info: "SHA-256 AB:..". Copied. */
void desk_set_fingerprints(struct desk *d, const char *const *texts, unsigned count);

/* `peer` is for the log and copied ("unix uid 0 pid 42"). */
void desk_controller_joined(struct desk *d, uint64_t controller, const char *peer);
/*
 * Whose contexts it makes from now on, over all its connections: a certificate's name, a user. It
 * may read what others made, and change it only where the limits say so. A controller of
 * which nothing is said is the operator, who may do everything. Copied.
 */
void desk_controller_identify(struct desk *d, uint64_t controller, const char *identity);
void desk_controller_line(struct desk *d, tick_t now, uint64_t controller, struct span line);
void desk_controller_too_long(struct desk *d, uint64_t controller);
/* Requests of it that workers have and did not answer yet; those of others stand behind them. */
unsigned desk_controller_at_workers(struct desk *d, uint64_t controller);
/*
 * What it asked for and was not answered yet is undone where it made
 * something: no half-made context stays.
 */
void desk_controller_left(struct desk *d, tick_t now, uint64_t controller);

void desk_worker_up(struct desk *d, tick_t now, unsigned worker);
void desk_worker_line(struct desk *d, tick_t now, unsigned worker, struct span line);
/* Its contexts are gone: worker.lost names them; its unanswered requests get 500. */
void desk_worker_lost(struct desk *d, tick_t now, unsigned worker, const char *how);

void desk_resolved(
	struct desk *d, tick_t now, uint64_t ticket, const struct addr *addr, const char *failed);

/*
 * As node.drain with the configured deadline, and for good: node.resume is
 * refused from now on. For SIGTERM.
 */
void desk_drain(struct desk *d, tick_t now);
bool desk_is_ready(const struct desk *d);     /* for /readyz: not draining, every worker up */
const char *desk_state(const struct desk *d); /* "running", "draining", "drained" */
bool desk_is_busy(const struct desk *d);      /* an answer is still to come */
uint64_t desk_contexts(const struct desk *d);
bool desk_has_context(const struct desk *d, const char *id);
uint64_t desk_contexts_of(const struct desk *d, unsigned worker);

tick_t desk_deadline(const struct desk *d);
void desk_expire(struct desk *d, tick_t now);
