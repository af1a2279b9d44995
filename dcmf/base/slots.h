/*
 * slots.h: ids with a generation for objects that others refer to.
 *
 * References that leave our hands - into usrsctp, to an upstream request, to the
 * other side of a bridge - are ids. When the object dies its id finds nobody, also
 * after the slot has been taken again.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* 0 is never a valid id. Low 32 bits: slot + 1; high 32 bits: generation. */
typedef uint64_t slot_id;

struct slot;

/* Zeroed is an empty table. */
struct slots {
	struct slot *slot;
	size_t cap, used;
	uint32_t free_head; /* slot + 1; 0 when none is free */
};

void slots_finish(struct slots *s);

slot_id slots_add(struct slots *s, void *object);   /* 0: out of memory */
void *slots_get(const struct slots *s, slot_id id); /* NULL: nobody, or somebody else by now */
void slots_remove(struct slots *s, slot_id id);     /* a stale id is ignored */

static inline size_t slots_count(const struct slots *s)
{
	return s->used;
}

/*
 * Walks all objects: start with *at = 0; NULL at the end. Removing the
 * returned object on the way is allowed.
 */
void *slots_next(const struct slots *s, size_t *at);
