/* stream_map.c: binds stream ids of the wire to small numbers of the stack. */
#include "sctp/stream_map.h"

#include <string.h>

#include "dcmf/base/alloc.h"

static bool make_room(struct stream_map *m, uint32_t cap)
{
	struct stream_slot *slots;
	uint16_t *order;

	if (cap > STREAM_MAP_LAST + 1u)
		cap = STREAM_MAP_LAST + 1u;
	if (cap <= m->cap)
		return false;
	if ((slots = mem_realloc(m->slots, cap * sizeof(*slots))) == NULL)
		return false;
	m->slots = slots;
	if ((order = mem_realloc(m->order, cap * sizeof(*order))) == NULL)
		return false;
	m->order = order;
	for (uint32_t i = m->cap; i < cap; i++)
		m->slots[i] = (struct stream_slot){ .wire = STREAM_NONE };
	m->cap = cap;
	return true;
}

bool stream_map_init(struct stream_map *m, uint32_t streams)
{
	*m = (struct stream_map){ .fresh = 1, .free = STREAM_NONE, .last = STREAM_NONE };
	return make_room(m, streams < 2 ? 2 : streams);
}

void stream_map_finish(struct stream_map *m)
{
	mem_free(m->slots);
	mem_free(m->order);
	*m = (struct stream_map){ .fresh = 1, .free = STREAM_NONE, .last = STREAM_NONE };
}

/* Index in the order of the first id at or after `wire`. */
static uint32_t place_of(const struct stream_map *m, uint16_t wire)
{
	uint32_t low = 0, high = m->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (m->slots[m->order[middle]].wire < wire)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint16_t stream_inner(struct stream_map *m, uint16_t wire)
{
	uint32_t at;

	if (m->last != STREAM_NONE && m->slots[m->last].wire == wire)
		return m->last;
	at = place_of(m, wire);
	if (at == m->count || m->slots[m->order[at]].wire != wire)
		return STREAM_NONE;
	return m->last = m->order[at];
}

static uint16_t take_number(struct stream_map *m)
{
	uint16_t inner = m->free;

	if (inner != STREAM_NONE) {
		m->free = m->slots[inner].next_free;
		return inner;
	}
	if (m->fresh >= m->cap && !make_room(m, 2 * m->cap))
		return STREAM_NONE;
	return (uint16_t)m->fresh++;
}

uint16_t stream_bind(struct stream_map *m, uint16_t wire)
{
	uint16_t inner = stream_inner(m, wire);
	uint32_t at;

	if (inner != STREAM_NONE || wire == STREAM_NONE)
		return inner;
	if ((inner = take_number(m)) == STREAM_NONE)
		return STREAM_NONE;
	at = place_of(m, wire);
	memmove(m->order + at + 1, m->order + at, (m->count - at) * sizeof(*m->order));
	m->order[at] = inner;
	m->count++;
	m->slots[inner] = (struct stream_slot){ .wire = wire, .bound = true };
	return inner;
}

void stream_unbind(struct stream_map *m, uint16_t inner)
{
	struct stream_slot *s = stream_slot(m, inner);
	uint32_t at;

	if (s == NULL)
		return;
	at = place_of(m, s->wire);
	m->count--;
	memmove(m->order + at, m->order + at + 1, (m->count - at) * sizeof(*m->order));
	*s = (struct stream_slot){ .wire = s->wire, .next_free = m->free };
	m->free = inner;
	m->last = STREAM_NONE;
}

struct stream_slot *stream_slot(const struct stream_map *m, uint16_t inner)
{
	return inner < m->fresh && m->slots[inner].bound ? &m->slots[inner] : NULL;
}

uint16_t stream_wire(const struct stream_map *m, uint16_t inner)
{
	const struct stream_slot *s = stream_slot(m, inner);

	return s != NULL ? s->wire : STREAM_NONE;
}

bool stream_is_idle(const struct stream_slot *s)
{
	return !s->in_used && !s->out_used && !s->out_wanted && !s->out_flight;
}
