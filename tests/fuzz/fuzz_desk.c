/* fuzz_desk.c: lines of a controller and of a worker: the first byte of each says whose it is. */
#include <stdio.h>
#include <string.h>

#include "control/desk/desk.h"
#include "dcmf/base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void to_controller(void *front, uint64_t controller, struct span line)
{
	if (memchr(line.p, '\n', line.len) != NULL)
		__builtin_trap(); /* it would be two lines */
}

static bool has_hung_up(void *front, uint64_t controller)
{
	return false;
}

static bool to_worker(void *front, unsigned worker, struct span line)
{
	return memchr(line.p, '\n', line.len) == NULL;
}

static void resolve(void *front, const char *host, uint16_t port, uint64_t ticket)
{
}

static bool worker_info(void *front, unsigned worker, struct desk_worker_info *out)
{
	return true;
}

static int64_t counter(void *front, int which)
{
	return which;
}

static int64_t wall_us(void *front)
{
	return 0;
}

static void drained(void *front)
{
}

static const struct desk_ops ops = { to_controller, has_hung_up, to_worker, resolve, worker_info,
	counter, wall_us, drained, NULL };

static void play(struct desk *d, tick_t now, struct span line)
{
	switch (line.len > 0 ? line.p[0] : 0) {
	case '<': desk_worker_line(d, now, line.p[line.len - 1] % 2, span_skip(line, 1)); break;
	case '!': desk_worker_lost(d, now, 0, "gone"); break;
	case '-': desk_controller_left(d, now, 1); break;
	case '+': desk_expire(d, tick_add(now, TICK_S(6))); break;
	default: desk_controller_line(d, now, 1, line); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct desk_config config = {
		.ops = &ops,
		.name = "n",
		.version = "v",
		.nf_instance_id = "i",
		.workers = 2,
		.max_requests_per_controller = 8,
		.limits = { .contexts = 4, .drain_deadline_us = TICK_S(1) },
	};
	static FILE *quiet; /* what the desk logs of bad lines is of no use here */
	struct span rest = SPAN(data, size);
	tick_t now = { 0 };
	struct desk *d = desk_create(&config, now);

	if (quiet == NULL && (quiet = fopen("/dev/null", "w")) != NULL)
		log_open(quiet, false);
	if (d == NULL)
		return 0;
	desk_worker_up(d, now, 0);
	desk_worker_up(d, now, 1);
	desk_controller_joined(d, 1, "fuzz");
	while (rest.len > 0)
		play(d, now, span_cut(&rest, '\n'));
	desk_destroy(d);
	return 0;
}
