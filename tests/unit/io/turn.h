/* turn.h: runs a loop until something is true, and fails the test when that takes too long. */
#pragma once

#include <check.h>

#include "dcmf/io/loop.h"

struct turn {
	struct loop *loop;
	bool (*is_done)(void *arg);
	void *arg;
	bool is_late;
};

static inline void turn_late(void *arg, tick_t now)
{
	struct turn *t = arg;

	t->is_late = true;
	loop_stop(t->loop);
}

static inline void turn_end(void *arg, tick_t now)
{
	struct turn *t = arg;

	if (t->is_done != NULL && t->is_done(t->arg))
		loop_stop(t->loop);
}

/* False: it did not happen in `ms`. */
static inline bool turn_until_ms(struct loop *l, int64_t ms, bool (*is_done)(void *arg), void *arg)
{
	struct turn t = { .loop = l, .is_done = is_done, .arg = arg };
	struct alarm *late = loop_alarm(l, turn_late, &t);

	alarm_set(late, tick_add(loop_now(l), TICK_MS(ms)));
	loop_run(l, turn_end, &t);
	alarm_destroy(late);
	return !t.is_late;
}

#define turn_until(l, is_done, arg) \
	ck_assert_msg(turn_until_ms(l, 10000, is_done, arg), "took too long")
/* Just lets time pass. */
#define turn_for(l, ms) turn_until_ms(l, ms, NULL, NULL)
