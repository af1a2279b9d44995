/* loop.c: the event loop of a process (libevent) in turns, with the time read once a turn. */
#include "dcmf/io/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <time.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"

struct loop {
	struct event_base *base;
	tick_t now;
	bool is_fresh; /* `now` was read in this turn */
	bool is_running, is_stopping;
};

struct watch {
	struct event event;
	struct loop *loop;
	void (*fn)(void *arg, tick_t now);
	void *arg;
};

struct alarm {
	struct event event;
	struct loop *loop;
	tick_t at; /* TICK_NEVER while not armed */
	void (*fn)(void *arg, tick_t now);
	void *arg;
};

static void on_libevent_says(int severity, const char *text)
{
	if (severity == EVENT_LOG_DEBUG || severity == EVENT_LOG_MSG)
		log_debug("libevent", "%s", text);
	else
		log_warn("libevent", "%s", text);
}

struct loop *loop_create(void)
{
	struct loop *l = mem_zalloc(sizeof(*l));

	if (l == NULL)
		return NULL;
	/*
	 * A peer that is gone shows as EPIPE where it is written to, never as
	 * a signal that ends the process.
	 */
	signal(SIGPIPE, SIG_IGN);
	event_set_log_callback(on_libevent_says);
	if ((l->base = event_base_new()) == NULL) {
		mem_free(l);
		return NULL;
	}
	return l;
}

void loop_destroy(struct loop *l)
{
	if (l == NULL)
		return;
	/* what foreign libraries put off while they were destroyed still frees its memory */
	event_base_loop(l->base, EVLOOP_NONBLOCK);
	event_base_free(l->base);
	mem_free(l);
}

struct event_base *loop_base(const struct loop *l)
{
	return l->base;
}

tick_t loop_now(struct loop *l)
{
	struct timespec ts;

	if (l->is_fresh)
		return l->now;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	l->now = (tick_t){ (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 };
	l->is_fresh = l->is_running;
	return l->now;
}

void loop_run(struct loop *l, void (*turn_end)(void *arg, tick_t now), void *arg)
{
	l->is_running = true;
	while (!l->is_stopping) {
		/* the wait comes first: the first handler (or turn_end) reads the clock after it */
		l->is_fresh = false;
		if (event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY) < 0)
			break;
		if (turn_end != NULL)
			turn_end(arg, loop_now(l));
	}
	l->is_running = l->is_stopping = l->is_fresh = false;
}

void loop_stop(struct loop *l)
{
	l->is_stopping = true;
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	w->fn(w->arg, loop_now(w->loop));
}

static struct watch *watch_create(
	struct loop *l, int fd, short what, void (*fn)(void *arg, tick_t now), void *arg)
{
	struct watch *w = mem_zalloc(sizeof(*w));

	if (w == NULL)
		return NULL;
	w->loop = l;
	w->fn = fn;
	w->arg = arg;
	if (event_assign(&w->event, l->base, fd, what | EV_PERSIST, on_watch, w) != 0 ||
		event_add(&w->event, NULL) != 0) {
		mem_free(w);
		return NULL;
	}
	return w;
}

struct watch *loop_watch(struct loop *l, int fd, void (*readable)(void *arg, tick_t now), void *arg)
{
	return watch_create(l, fd, EV_READ, readable, arg);
}

struct watch *loop_signal(struct loop *l, int signum, void (*fn)(void *arg, tick_t now), void *arg)
{
	return watch_create(l, signum, EV_SIGNAL, fn, arg);
}

void loop_unwatch(struct watch *w)
{
	if (w == NULL)
		return;
	event_del(&w->event);
	mem_free(w);
}

static void alarm_arm(struct alarm *a)
{
	int64_t us = tick_since(loop_now(a->loop), a->at);
	struct timeval tv = { 0, 0 };

	if (us > 0) {
		tv.tv_sec = us / 1000000;
		tv.tv_usec = us % 1000000;
	}
	event_add(&a->event, &tv);
}

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
	struct alarm *a = arg;
	tick_t now = loop_now(a->loop);

	/* libevent counts on the coarse clock, which may run some milliseconds early */
	if (!tick_due(a->at, now)) {
		alarm_arm(a);
		return;
	}
	a->at = TICK_NEVER;
	a->fn(a->arg, now);
}

struct alarm *loop_alarm(struct loop *l, void (*fn)(void *arg, tick_t now), void *arg)
{
	struct alarm *a = mem_zalloc(sizeof(*a));

	if (a == NULL)
		return NULL;
	*a = (struct alarm){ .loop = l, .at = TICK_NEVER, .fn = fn, .arg = arg };
	event_assign(&a->event, l->base, -1, 0, on_alarm, a);
	return a;
}

void alarm_set(struct alarm *a, tick_t at)
{
	if (a->at.us == at.us)
		return;
	a->at = at;
	if (tick_is_never(at))
		event_del(&a->event);
	else
		alarm_arm(a);
}

void alarm_destroy(struct alarm *a)
{
	if (a == NULL)
		return;
	event_del(&a->event);
	mem_free(a);
}
