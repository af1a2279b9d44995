/* fuzz_desk.c: lines of a controller and of a worker: the first byte of each says whose it is. */
#include <string.h>

#include "tests/fuzz/desk_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void to_controller(void *front, uint64_t controller, struct span line)
{
	if (memchr(line.p, '\n', line.len) != NULL)
		__builtin_trap(); /* it would be two lines */
}

static bool to_worker(void *front, unsigned worker, struct span line)
{
	return memchr(line.p, '\n', line.len) == NULL;
}

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
	struct desk_ops ops = world_ops;
	struct span rest = SPAN(data, size);
	tick_t now = { 0 };
	struct desk *d;

	ops.to_controller = to_controller;
	ops.to_worker = to_worker;
	d = world_desk(&ops, 2, now);
	if (d == NULL)
		return 0;
	desk_controller_joined(d, 1, "fuzz");
	while (rest.len > 0)
		play(d, now, span_cut(&rest, '\n'));
	desk_destroy(d);
	return 0;
}
