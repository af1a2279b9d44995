/* slots.c: ids with a generation for objects that others refer to. */
#include "dcmf/base/slots.h"

#include "dcmf/base/alloc.h"

struct slot {
	void *object;
	uint32_t generation;
	uint32_t next_free;
};

void slots_finish(struct slots *s)
{
	mem_free(s->slot);
	*s = (struct slots){ 0 };
}

static int grow(struct slots *s)
{
	size_t cap = s->cap ? s->cap * 2 : 16;
	struct slot *slot;

	if (cap > UINT32_MAX / 2 || (slot = mem_realloc(s->slot, cap * sizeof(*slot))) == NULL)
		return 0;
	for (size_t i = s->cap; i < cap; i++) {
		slot[i] = (struct slot){ .next_free = s->free_head };
		s->free_head = (uint32_t)i + 1;
	}
	s->slot = slot;
	s->cap = cap;
	return 1;
}

slot_id slots_add(struct slots *s, void *object)
{
	struct slot *slot;
	uint32_t at;

	if (s->free_head == 0 && !grow(s))
		return 0;
	at = s->free_head;
	slot = &s->slot[at - 1];
	s->free_head = slot->next_free;
	slot->object = object;
	s->used++;
	return (uint64_t)slot->generation << 32 | at;
}

static struct slot *find(const struct slots *s, slot_id id)
{
	uint32_t at = (uint32_t)id;

	if (at == 0 || at > s->cap || s->slot[at - 1].object == NULL ||
		s->slot[at - 1].generation != (uint32_t)(id >> 32))
		return NULL;
	return &s->slot[at - 1];
}

void *slots_get(const struct slots *s, slot_id id)
{
	struct slot *slot = find(s, id);

	return slot ? slot->object : NULL;
}

void slots_remove(struct slots *s, slot_id id)
{
	struct slot *slot = find(s, id);

	if (slot == NULL)
		return;
	slot->object = NULL;
	slot->generation++;
	slot->next_free = s->free_head;
	s->free_head = (uint32_t)id;
	s->used--;
}

void *slots_next(const struct slots *s, size_t *at)
{
	while (*at < s->cap) {
		void *object = s->slot[(*at)++].object;

		if (object != NULL)
			return object;
	}
	return NULL;
}
