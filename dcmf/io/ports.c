/* ports.c: which port numbers of a range are free, as a ring in the order they were given back. */
#include "dcmf/io/ports.h"

#include <stdbool.h>

#include "dcmf/base/alloc.h"

struct ports {
	uint16_t first;
	unsigned total, free;
	unsigned head; /* of the ring: the port that rested longest */
	int64_t rest_us;
	uint16_t *ring; /* `free` port numbers from `head` on */
	tick_t *rested; /* by port - first: when it may be taken again; TICK_NEVER while taken */
};

struct ports *ports_create(uint16_t first, uint16_t last, int64_t rest_us)
{
	struct ports *p = mem_zalloc(sizeof(*p));

	if (p == NULL)
		return NULL;
	p->first = first;
	p->total = first == 0 || first > last ? 0 : last - first + 1u;
	p->free = p->total;
	p->rest_us = rest_us;
	p->ring = mem_alloc(p->total * sizeof(*p->ring));
	p->rested = mem_alloc(p->total * sizeof(*p->rested));
	if (p->ring == NULL || p->rested == NULL) {
		ports_destroy(p);
		return NULL;
	}
	for (unsigned i = 0; i < p->total; i++) {
		p->ring[i] = (uint16_t)(first + i);
		p->rested[i] = (tick_t){ INT64_MIN };
	}
	return p;
}

void ports_destroy(struct ports *p)
{
	if (p == NULL)
		return;
	mem_free(p->ring);
	mem_free(p->rested);
	mem_free(p);
}

uint16_t ports_take(struct ports *p, tick_t now)
{
	uint16_t port;

	if (p->free == 0)
		return 0;
	port = p->ring[p->head];
	if (!tick_due(p->rested[port - p->first], now))
		return 0; /* those behind it rest longer still */
	p->rested[port - p->first] = TICK_NEVER;
	p->head = (p->head + 1) % p->total;
	p->free--;
	return port;
}

static bool is_taken(const struct ports *p, uint16_t port)
{
	return port >= p->first && port - p->first < (int)p->total &&
	       tick_is_never(p->rested[port - p->first]);
}

void ports_give(struct ports *p, uint16_t port, tick_t now)
{
	if (!is_taken(p, port))
		return; /* given twice, or never ours */
	p->rested[port - p->first] = tick_add(now, p->rest_us);
	p->ring[(p->head + p->free) % p->total] = port;
	p->free++;
}

unsigned ports_free(const struct ports *p)
{
	return p->free;
}
