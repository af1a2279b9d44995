/*
 * list.h: intrusive doubly linked lists. An unlinked node points to
 * itself, so unlinking twice is harmless.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list_node {
	struct list_node *prev, *next;
};

/* A list is a node that belongs to nobody. */
#define list_init(n) ((n)->prev = (n)->next = (n))

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline bool list_is_empty(const struct list_node *l)
{
	return l->next == l;
}

static inline void list_unlink(struct list_node *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

/* Last in the list; a node that is in another list leaves it first. */
static inline void list_append(struct list_node *l, struct list_node *n)
{
	list_unlink(n);
	n->prev = l->prev;
	n->next = l;
	l->prev->next = n;
	l->prev = n;
}

/* `n` walks; the safe form keeps the next one in `tmp`, so that `n` may be unlinked. */
#define list_for_each(n, l) for (struct list_node *n = (l)->next; n != (l); n = n->next)
#define list_for_each_safe(n, tmp, l) \
	for (struct list_node *n = (l)->next, *tmp = n->next; n != (l); n = tmp, tmp = n->next)
