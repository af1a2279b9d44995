/* timer.c: many deadlines, one "when next?", as a binary heap that knows where each timer lies. */
#include "dcmf/base/timer.h"

#include <assert.h>

#include "dcmf/base/alloc.h"

void timers_init(struct timers *ts)
{
	*ts = (struct timers){ 0 };
}

void timers_finish(struct timers *ts)
{
	assert(ts->count == 0);
	mem_free(ts->heap);
	*ts = (struct timers){ 0 };
}

void timer_init(struct timer *t, timer_fn *fn, void *arg)
{
	*t = (struct timer){ .at = TICK_NEVER, .fn = fn, .arg = arg };
}

static void put(struct timers *ts, size_t i, struct timer *t)
{
	ts->heap[i] = t;
	t->slot = i + 1;
}

static void sift_up(struct timers *ts, size_t i)
{
	struct timer *t = ts->heap[i];

	while (i > 0) {
		size_t parent = (i - 1) / 2;

		if (!tick_before(t->at, ts->heap[parent]->at))
			break;
		put(ts, i, ts->heap[parent]);
		i = parent;
	}
	put(ts, i, t);
}

static void sift_down(struct timers *ts, size_t i)
{
	struct timer *t = ts->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= ts->count)
			break;
		if (child + 1 < ts->count &&
			tick_before(ts->heap[child + 1]->at, ts->heap[child]->at))
			child++;
		if (!tick_before(ts->heap[child]->at, t->at))
			break;
		put(ts, i, ts->heap[child]);
		i = child;
	}
	put(ts, i, t);
}

void timer_cancel(struct timers *ts, struct timer *t)
{
	size_t i = t->slot - 1;
	struct timer *last;

	if (t->slot == 0)
		return;
	t->slot = 0;
	last = ts->heap[--ts->count];
	if (last == t)
		return;
	put(ts, i, last);
	sift_up(ts, i);
	sift_down(ts, last->slot - 1);
}

static bool make_room(struct timers *ts, size_t need)
{
	size_t cap = ts->cap ? ts->cap * 2 : 16;
	struct timer **heap;

	if (need <= ts->cap)
		return true;
	if ((heap = mem_realloc(ts->heap, cap * sizeof(*heap))) == NULL)
		return false;
	ts->heap = heap;
	ts->cap = cap;
	return true;
}

bool timer_set(struct timers *ts, struct timer *t, tick_t at)
{
	timer_cancel(ts, t);
	if (tick_is_never(at))
		return true;
	if (!make_room(ts, ts->count + 1))
		return false;
	t->at = at;
	put(ts, ts->count++, t);
	sift_up(ts, ts->count - 1);
	return true;
}

bool timers_reserve(struct timers *ts)
{
	if (!make_room(ts, ts->reserved + 1))
		return false;
	ts->reserved++;
	return true;
}

void timers_release(struct timers *ts)
{
	ts->reserved--;
}

tick_t timers_next(const struct timers *ts)
{
	return ts->count > 0 ? ts->heap[0]->at : TICK_NEVER;
}

void timers_run(struct timers *ts, tick_t now)
{
	while (ts->count > 0 && tick_due(ts->heap[0]->at, now)) {
		struct timer *t = ts->heap[0];

		timer_cancel(ts, t);
		t->fn(t->arg, now);
	}
}
