/* message.h: a message on its way from one side to the other, that waits in a queue of its channel. */
#pragma once

#include "dcmf/base/list.h"
#include "dcmf/base/span.h"

struct message {
	struct list_node on_queue;
	uint32_t ppid;
	uint32_t len;
	uint16_t type; /* enum frame_type; to a phone there are messages only */
	uint8_t bytes[];
};

/* A copy. NULL: out of memory, counted. */
struct message *message_create(uint16_t type, uint32_t ppid, struct span bytes);

static inline struct span message_bytes(const struct message *m)
{
	return SPAN(m->bytes, m->len);
}

/* What it costs us to keep, bytes. */
static inline int64_t message_cost(const struct message *m)
{
	return (int64_t)(sizeof(*m) + m->len);
}

/* NULL: the queue is empty. */
static inline struct message *message_first(const struct list_node *queue)
{
	return list_is_empty(queue) ? NULL : container_of(queue->next, struct message, on_queue);
}
