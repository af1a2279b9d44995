/* desk_world.h: a desk for fuzz targets, in a world where workers take every line, nobody hangs up and nothing is logged. */
#pragma once

#include <stdio.h>

#include "control/desk/desk.h"
#include "dcmf/base/log.h"

static inline void world_to_controller(void *front, uint64_t controller, struct span line)
{
}

static inline bool world_has_hung_up(void *front, uint64_t controller)
{
	return false;
}

static inline bool world_to_worker(void *front, unsigned worker, struct span line)
{
	return true;
}

static inline void world_resolve(void *front, const char *host, uint16_t port, uint64_t ticket)
{
}

static inline bool world_worker_info(void *front, unsigned worker, struct desk_worker_info *out)
{
	return true;
}

static inline int64_t world_counter(void *front, int which)
{
	return which;
}

static inline int64_t world_wall_us(void *front)
{
	return INT64_C(1580806177845000);
}

static inline void world_drained(void *front)
{
}

/* A target replaces what it looks at. */
static const struct desk_ops world_ops = {
	.to_controller = world_to_controller,
	.has_hung_up = world_has_hung_up,
	.to_worker = world_to_worker,
	.resolve = world_resolve,
	.worker_info = world_worker_info,
	.counter = world_counter,
	.wall_us = world_wall_us,
	.drained = world_drained,
};

/* With all its workers; `ops` outlives it. NULL: out of memory. */
static inline struct desk *world_desk(const struct desk_ops *ops, unsigned workers, tick_t now)
{
	const struct desk_config config = {
		.ops = ops,
		.name = "n",
		.version = "v",
		.nf_instance_id = "i",
		.workers = workers,
		.max_requests_per_controller = 8,
		.limits = { .contexts = 4, .drain_deadline_us = TICK_S(1) },
	};
	static FILE *quiet; /* what the desk logs of bad lines is of no use here */
	struct desk *d = desk_create(&config, now);

	if (quiet == NULL && (quiet = fopen("/dev/null", "w")) != NULL)
		log_open(quiet, false);
	for (unsigned i = 0; d != NULL && i < workers; i++)
		desk_worker_up(d, now, i);
	return d;
}
