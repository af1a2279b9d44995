/* turn.h: runs a loop until something is true, and fails the test when that takes too long. */
#pragma once

#include <check.h>

#include "dcmf/io/loop.h"

struct turn {
	struct loop *loop;
	struct alarm *look; /* what happens outside of the loop is looked at now and then */
	tick_t late;
	bool (*is_done)(void *arg);
	void *arg;
	bool is_late;
};

static inline void turn_look(void *arg, tick_t now)
{
	struct turn *t = arg;

	t->is_late = tick_due(t->late, now);
	if (t->is_late)
		loop_stop(t->loop);
	else
		alarm_set(t->look, tick_min(t->late, tick_add(now, TICK_MS(2))));
}

static inline void turn_end(void *arg, tick_t now)
{
	struct turn *t = arg;

	if (t->is_done != NULL && t->is_done(t->arg)) {
		t->is_late = false;
		loop_stop(t->loop);
	}
}

/* False: it did not happen in `ms`. */
static inline bool turn_until_ms(struct loop *l, int64_t ms, bool (*is_done)(void *arg), void *arg)
{
	struct turn t = { .loop = l, .is_done = is_done, .arg = arg };

	t.late = tick_add(loop_now(l), TICK_MS(ms));
	t.look = loop_alarm(l, turn_look, &t);
	alarm_set(t.look, loop_now(l));
	loop_run(l, turn_end, &t);
	alarm_destroy(t.look);
	return !t.is_late;
}

#define turn_until(l, is_done, arg) \
	ck_assert_msg(turn_until_ms(l, 10000, is_done, arg), "took too long")
/* Just lets time pass. */
#define turn_for(l, ms) turn_until_ms(l, ms, NULL, NULL)
