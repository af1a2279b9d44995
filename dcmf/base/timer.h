/*
 * timer.h: many deadlines, one "when next?".
 *
 * Timers are members of the objects that own them and are cancelled by their owner's
 * destroy. A heap keeps the order: set and cancel cost O(log n), the next deadline
 * O(1). An idle object owns no pending timer.
 */
#pragma once

#include <stddef.h>

#include "dcmf/base/tick.h"

struct timer;

typedef void timer_fn(void *arg, tick_t now);

struct timers {
	struct timer **heap; /* heap[0] is the earliest */
	size_t count, cap, reserved;
};

struct timer {
	tick_t at;
	size_t slot; /* place in the heap + 1; 0 while not pending */
	timer_fn *fn;
	void *arg;
};

void timers_init(struct timers *ts);
/* The timers themselves belong to their owners and must not be pending. */
void timers_finish(struct timers *ts);

/* Once, before the first set; does not allocate. */
void timer_init(struct timer *t, timer_fn *fn, void *arg);
/*
 * Pending at `at`, whatever it was before; TICK_NEVER cancels. False: out of memory, and the
 * timer is not pending. Room that was once needed is kept, so a timer that has been pending can
 * be set again unless the heap has grown since.
 */
bool timer_set(struct timers *ts, struct timer *t, tick_t at);
void timer_cancel(struct timers *ts, struct timer *t);

static inline bool timer_is_pending(const struct timer *t)
{
	return t->slot != 0;
}

/*
 * Room for one timer, until timers_release(). Where every timer of a heap has its room reserved by
 * whoever creates its owner, timer_set() cannot fail.
 */
bool timers_reserve(struct timers *ts); /* false: out of memory */
void timers_release(struct timers *ts);

/* TICK_NEVER when nothing is pending. */
tick_t timers_next(const struct timers *ts);
/*
 * Runs everything due. A timer is no longer pending when its function
 * runs; it may set itself or others.
 */
void timers_run(struct timers *ts, tick_t now);
