/* bytes.h: a bounded queue of bytes: append at the end, take from the front. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dcmf/base/span.h"

/* Zeroed with a limit is an empty queue: struct bytes q = { .limit = 65536 }. */
struct bytes {
	uint8_t *store; /* ours */
	size_t head;    /* first unread byte */
	size_t len;     /* unread bytes */
	size_t cap;
	size_t limit; /* bound on len, in bytes */
};

void bytes_finish(struct bytes *q); /* frees; the queue is empty and usable again */

/* All or nothing. False: beyond the limit or out of memory, and nothing was taken. */
bool bytes_append(struct bytes *q, struct span s);
/* Room before the limit. */
size_t bytes_room(const struct bytes *q);
/* What is unread; valid until the next append, take or finish. */
struct span bytes_view(const struct bytes *q);
/* Forgets the first n bytes; at most what is there. An emptied queue gives large storage back. */
void bytes_take(struct bytes *q, size_t n);
