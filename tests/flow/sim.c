/* sim.c: a clock and a network that are made up. */
#include "tests/flow/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "dcmf/base/list.h"
#include "tests/flow/pcap.h"

/* ---- the clock ---- */

#define EPOCH_S 1750000000 /* a day in June 2025 */

static tick_t clock_now = { TICK_S(1000) };

tick_t sim_now(void)
{
	return clock_now;
}

void sim_advance(tick_t to)
{
	if (tick_before(clock_now, to))
		clock_now = to;
}

/* Found by the shared libraries before the C library's own. */
int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	(void)tz;
	tv->tv_sec = EPOCH_S + clock_now.us / 1000000;
	tv->tv_usec = clock_now.us % 1000000;
	return 0;
}

time_t time(time_t *out)
{
	time_t t = EPOCH_S + clock_now.us / 1000000;

	if (out != NULL)
		*out = t;
	return t;
}

/* ---- the network ---- */

#define ENDS_MAX 4096

struct end {
	struct addr at;
	struct link *up, *down;
	net_input *fn;
	void *arg;
	bool used;
};

struct travelling {
	struct list_node on_way; /* ordered by arrival */
	tick_t arrives;
	struct addr from, to;
	struct link *down; /* still before it; NULL: passed, or none */
	bool passed;
	size_t len;
	uint8_t bytes[];
};

struct net {
	uint64_t random;
	struct list_node way;
	struct end ends[ENDS_MAX];
	unsigned end_count;
	struct pcap *pcap;
};

struct net *net_create(uint64_t seed)
{
	struct net *n = calloc(1, sizeof(*n));

	if (n == NULL)
		abort();
	n->random = seed * 2862933555777941757u + 3037000493u;
	list_init(&n->way);
	n->pcap = pcap_create();
	return n;
}

void net_destroy(struct net *n)
{
	if (n == NULL)
		return;
	list_for_each_safe (node, tmp, &n->way) {
		list_unlink(node);
		free(container_of(node, struct travelling, on_way));
	}
	pcap_destroy(n->pcap);
	free(n);
}

/* xorshift64* (Vigna) */
uint32_t net_random(struct net *n)
{
	n->random ^= n->random >> 12;
	n->random ^= n->random << 25;
	n->random ^= n->random >> 27;
	return (uint32_t)((n->random * 2685821657736338717u) >> 32);
}

static struct end *end_at(struct net *n, const struct addr *at)
{
	for (unsigned i = 0; i < n->end_count; i++)
		if (n->ends[i].used && addr_eq(&n->ends[i].at, at))
			return &n->ends[i];
	return NULL;
}

void net_attach(struct net *n, const struct addr *at, struct link *up, struct link *down,
	net_input *fn, void *arg)
{
	struct end *e = n->ends;

	while (e < n->ends + n->end_count && e->used)
		e++;
	if (e == n->ends + ENDS_MAX)
		abort();
	if (e == n->ends + n->end_count)
		n->end_count++;
	*e = (struct end){ .at = *at, .up = up, .down = down, .fn = fn, .arg = arg, .used = true };
}

void net_detach(struct net *n, const struct addr *at)
{
	struct end *e = end_at(n, at);

	if (e == NULL)
		return;
	e->used = false;
	list_for_each (node, &n->way) {
		struct travelling *t = container_of(node, struct travelling, on_way);

		if (t->down == e->down) /* the line may go away with its owner */
			t->down = NULL;
	}
}

static bool is_lost(struct net *n, struct link *l, struct span dgram)
{
	bool is_check = dgram.len > 0 && dgram.p[0] <= 3; /* RFC 7983 7 */
	bool lost = false;

	l->sent++;
	if (dgram.len > l->largest)
		l->largest = dgram.len;
	if (l->cut || l->sent == l->drop_nth)
		lost = true;
	/* what is spared draws no number: when checks come is random, and what else is lost stays the same */
	if (l->loss_permille > 0 && !(is_check && l->spare_checks))
		lost |= net_random(n) % 1000 < l->loss_permille;
	l->lost += lost;
	return lost;
}

static int64_t travel_time(struct net *n, const struct link *l)
{
	return l->delay_us + (l->jitter_us > 0 ? net_random(n) % l->jitter_us : 0);
}

static void set_out(struct net *n, struct travelling *t)
{
	struct list_node *after = n->way.prev;

	while (after != &n->way &&
		tick_before(t->arrives, container_of(after, struct travelling, on_way)->arrives))
		after = after->prev;
	t->on_way.prev = after;
	t->on_way.next = after->next;
	after->next->prev = &t->on_way;
	after->next = &t->on_way;
}

static void travel(struct net *n, struct link *l, const struct addr *from, const struct addr *to,
	struct link *down, bool passed, struct span dgram)
{
	struct travelling *t;

	if (l != NULL && is_lost(n, l, dgram))
		return;
	t = malloc(sizeof(*t) + dgram.len);
	if (t == NULL)
		abort();
	*t = (struct travelling){ .arrives = tick_add(clock_now, l ? travel_time(n, l) : 0),
		.from = *from,
		.to = *to,
		.down = down,
		.passed = passed,
		.len = dgram.len };
	memcpy(t->bytes, dgram.p, dgram.len);
	set_out(n, t);
}

void net_send(struct net *n, const struct addr *from, const struct addr *to, struct span dgram)
{
	struct end *src = end_at(n, from), *dst = end_at(n, to);
	struct link *up = src ? src->up : NULL;

	pcap_add(n->pcap, clock_now, from, to, dgram);
	travel(n, up, from, to, dst ? dst->down : NULL, false, dgram);
	if (up != NULL && up->twice_permille > 0 && net_random(n) % 1000 < up->twice_permille)
		travel(n, up, from, to, dst ? dst->down : NULL, false, dgram);
}

tick_t net_next(const struct net *n)
{
	return list_is_empty(&n->way)
		       ? TICK_NEVER
		       : container_of(n->way.next, struct travelling, on_way)->arrives;
}

/* Through the first line: into the second, or arrived. */
static void arrive(struct net *n, struct travelling *t)
{
	struct end *e;
	struct link *down = t->down;

	if (!t->passed && down != NULL) {
		travel(n, down, &t->from, &t->to, NULL, true, SPAN(t->bytes, t->len));
		if (down->twice_permille > 0 && net_random(n) % 1000 < down->twice_permille)
			travel(n, down, &t->from, &t->to, NULL, true, SPAN(t->bytes, t->len));
		return;
	}
	if ((e = end_at(n, &t->to)) != NULL)
		e->fn(e->arg, &t->from, &t->to, SPAN(t->bytes, t->len));
}

void net_run(struct net *n)
{
	while (tick_due(net_next(n), clock_now)) {
		struct travelling *t = container_of(n->way.next, struct travelling, on_way);

		list_unlink(&t->on_way);
		arrive(n, t);
		free(t);
	}
}

bool net_save(const struct net *n, const char *path)
{
	return pcap_save(n->pcap, path);
}
