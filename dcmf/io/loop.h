/*
 * loop.h: the event loop of a process (libevent) in turns: handlers run, then the
 * end-of-turn function, then it waits.
 *
 * Time is read once a turn. Handlers may destroy what they stand on
 * only through the end of the turn.
 */
#pragma once

#include <stdbool.h>

#include "dcmf/base/tick.h"

struct loop;
struct event_base;

struct loop *loop_create(void);    /* NULL: out of memory. SIGPIPE is ignored from now on. */
void loop_destroy(struct loop *l); /* after everything that watches or waits in it */

/* Runs until loop_stop(). After each turn's handlers `turn_end` runs with the time of the turn. */
void loop_run(struct loop *l, void (*turn_end)(void *arg, tick_t now), void *arg);
void loop_stop(struct loop *l); /* after the present turn */
/* Of this turn; outside of loop_run() every call reads the clock. */
tick_t loop_now(struct loop *l);
/* For the other files of this folder only. */
struct event_base *loop_base(const struct loop *l);

/* A descriptor to watch for reading. Freed by loop_unwatch(); the descriptor stays the caller's. */
struct watch;
struct watch *loop_watch(
	struct loop *l, int fd, void (*readable)(void *arg, tick_t now), void *arg);
void loop_unwatch(struct watch *w);

/* One deadline. Create once, set as often as you like; TICK_NEVER disarms. */
struct alarm;
struct alarm *loop_alarm(struct loop *l, void (*fn)(void *arg, tick_t now), void *arg);
void alarm_set(struct alarm *a, tick_t at);
void alarm_destroy(struct alarm *a);

/* A signal, as an ordinary event of the loop. */
struct watch *loop_signal(struct loop *l, int signum, void (*fn)(void *arg, tick_t now), void *arg);
