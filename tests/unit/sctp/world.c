/* world.c: a network and a clock for two associations. */
#include "world.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static int64_t clock_us = 1000000000000000;

/*
 * A test that fails leaves its world on a stack that is gone; only the
 * associations can still be tidied up.
 */
#define ALIVE_MAX 256
static struct assoc *alive[ALIVE_MAX];
static bool tidying;

static void replace_alive(const struct assoc *old, struct assoc *new)
{
	for (int i = 0; i < ALIVE_MAX; i++)
		if (alive[i] == old) {
			alive[i] = new;
			return;
		}
}

/* The stack asks this one: a program's own functions come before those of shared libraries. */
int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	tv->tv_sec = clock_us / 1000000;
	tv->tv_usec = clock_us % 1000000;
	return 0;
}

uint32_t world_random(struct world *w)
{
	w->random = w->random * 1664525u + 1013904223u;
	return w->random >> 8;
}

static bool chance(struct world *w, unsigned percent)
{
	return percent > 0 && world_random(w) % 100 < percent;
}

static void enqueue(struct world *w, struct packet *p)
{
	struct packet **at = &w->in_flight;

	while (*at != NULL && (*at)->due_us <= p->due_us)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
}

static void transmit(struct side *from, struct span bytes, int64_t extra_us)
{
	struct world *w = from->world;
	struct packet *p = malloc(sizeof(*p) + bytes.len);

	p->to = from->peer;
	p->number = w->sent;
	p->len = bytes.len;
	p->due_us = w->now.us + w->delay_us + extra_us;
	memcpy(p->bytes, bytes.p, bytes.len);
	if (w->cut || p->number == w->drop_number || chance(w, w->loss_percent) ||
		(w->drop != NULL && w->drop(w, p)))
		free(p);
	else
		enqueue(w, p);
}

static void output(void *arg, struct span bytes)
{
	struct side *s = arg;
	struct world *w;

	if (tidying)
		return;
	w = s->world;
	w->sent++;
	s->packets++;
	if (bytes.len > s->largest)
		s->largest = bytes.len;
	transmit(s, bytes, chance(w, w->reorder_percent) ? 25000 : 0);
	if (chance(w, w->duplicate_percent))
		transmit(s, bytes, 5000);
}

static void side_init(struct world *w, struct side *s, struct side *peer)
{
	*s = (struct side){ .world = w, .peer = peer };
	s->config = (struct assoc_config){
		.local_port = 5000,
		.remote_port = 5000,
		.mtu = 1163,
		.max_streams = 2048,
		.send_buffer = 256 * 1024,
		.receive_buffer = 256 * 1024,
		.remote_max_message = 0,
		.local_max_message = 256 * 1024,
		.accept_dcep = true,
		.output = output,
		.arg = s,
	};
}

void world_start(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->now.us = clock_us;
	w->delay_us = 10000;
	w->random = 12345;
	side_init(w, &w->left, &w->right);
	side_init(w, &w->right, &w->left);
}

bool world_add(struct world *w, struct side *s, bool dtls_client)
{
	s->config.dtls_client = dtls_client;
	s->a = assoc_create(&s->config, w->now);
	if (s->a != NULL)
		replace_alive(NULL, s->a);
	return s->a != NULL;
}

bool both_are_up(struct world *w)
{
	return w->left.opens == 1 && w->right.opens == 1;
}

void world_connect(struct world *w)
{
	ck_assert(world_add(w, &w->left, true));
	ck_assert(world_add(w, &w->right, false));
	ck_assert(world_run_until(w, both_are_up, 30000));
}

static void note(struct side *s, const struct assoc_event *ev)
{
	switch (ev->kind) {
	case ASSOC_OPEN:
		s->opens++;
		s->streams = ev->streams;
		break;
	case ASSOC_CLOSED:
		s->closes++;
		s->reason = ev->reason;
		break;
	case CHANNEL_OPEN: s->channel_opens++; break;
	case CHANNEL_WRITABLE: s->writables++; break;
	case CHANNEL_CLOSED:
		s->channel_closes++;
		s->channel_reason = ev->reason;
		break;
	case CHANNEL_MESSAGE:
		s->messages++;
		s->bytes += ev->message.len;
		s->last = *ev;
		memset(s->head, 0, sizeof(s->head));
		if (ev->message.len > 0)
			memcpy(s->head, ev->message.p,
				ev->message.len < sizeof(s->head) ? ev->message.len
								  : sizeof(s->head));
		break;
	}
}

void world_drain(struct side *s)
{
	struct assoc_event ev;

	while (s->a != NULL && assoc_next_event(s->a, s->world->now, &ev)) {
		ck_assert_msg(s->closes == 0, "an event after ASSOC_CLOSED");
		note(s, &ev);
		if (s->on_event != NULL)
			s->on_event(s, &ev);
	}
}

static tick_t next_time(struct world *w, tick_t end)
{
	tick_t t = tick_min(end, sctp_deadline());

	if (w->in_flight != NULL)
		t = tick_min(t, (tick_t){ w->in_flight->due_us });
	if (w->left.a != NULL)
		t = tick_min(t, assoc_deadline(w->left.a));
	if (w->right.a != NULL)
		t = tick_min(t, assoc_deadline(w->right.a));
	return tick_before(t, w->now) ? w->now : t;
}

static void deliver_due(struct world *w)
{
	while (w->in_flight != NULL && w->in_flight->due_us <= w->now.us) {
		struct packet *p = w->in_flight;

		w->in_flight = p->next;
		if (p->to->a != NULL)
			assoc_input(p->to->a, w->now, SPAN(p->bytes, p->len));
		free(p);
	}
}

static void expire(struct side *s)
{
	if (s->a != NULL && tick_due(assoc_deadline(s->a), s->world->now))
		assoc_expire(s->a, s->world->now);
}

static void turn(struct world *w, tick_t end)
{
	w->now = next_time(w, end);
	clock_us = w->now.us;
	deliver_due(w);
	if (tick_due(sctp_deadline(), w->now))
		sctp_expire(w->now);
	expire(&w->left);
	expire(&w->right);
	world_drain(&w->left);
	world_drain(&w->right);
}

static bool never(struct world *w)
{
	return false;
}

bool world_run_until(struct world *w, bool (*done)(struct world *w), int64_t ms)
{
	tick_t end = tick_add(w->now, TICK_MS(ms));

	world_drain(&w->left);
	world_drain(&w->right);
	while (!done(w)) {
		if (!tick_before(w->now, end))
			return false;
		turn(w, end);
	}
	return true;
}

void world_run(struct world *w, int64_t ms)
{
	world_run_until(w, never, ms);
}

void world_remove(struct side *s)
{
	if (s->a != NULL)
		replace_alive(s->a, NULL);
	assoc_destroy(s->a);
	s->a = NULL;
}

void world_tidy(void)
{
	tidying = true;
	for (int i = 0; i < ALIVE_MAX; i++) {
		assoc_destroy(alive[i]);
		alive[i] = NULL;
	}
	tidying = false;
}

void world_finish(struct world *w)
{
	world_remove(&w->left);
	world_remove(&w->right);
	while (w->in_flight != NULL) {
		struct packet *p = w->in_flight;

		w->in_flight = p->next;
		free(p);
	}
	clock_us = w->now.us + 1000000;
}
