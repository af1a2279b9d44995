/* bytes.c: a bounded queue of bytes: append at the end, take from the front. */
#include "dcmf/base/bytes.h"

#include <string.h>

#include "dcmf/base/alloc.h"

enum { KEEP_BYTES = 4096 }; /* ours: an idle queue holds no more than a page */

void bytes_finish(struct bytes *q)
{
	mem_free(q->store);
	*q = (struct bytes){ .limit = q->limit };
}

size_t bytes_room(const struct bytes *q)
{
	return q->limit > q->len ? q->limit - q->len : 0;
}

struct span bytes_view(const struct bytes *q)
{
	return q->len > 0 ? SPAN(q->store + q->head, q->len) : SPAN_NONE;
}

static bool make_room(struct bytes *q, size_t more)
{
	size_t cap = q->cap ? q->cap : 256;
	uint8_t *store;

	if (q->head > 0 && q->head + q->len + more > q->cap) {
		memmove(q->store, q->store + q->head, q->len);
		q->head = 0;
	}
	if (q->len + more <= q->cap)
		return true;
	while (cap < q->len + more)
		cap *= 2;
	if ((store = mem_realloc(q->store, cap)) == NULL)
		return false;
	q->store = store;
	q->cap = cap;
	return true;
}

bool bytes_append(struct bytes *q, struct span s)
{
	if (s.len == 0)
		return true;
	if (s.len > bytes_room(q) || !make_room(q, s.len))
		return false;
	memcpy(q->store + q->head + q->len, s.p, s.len);
	q->len += s.len;
	return true;
}

void bytes_take(struct bytes *q, size_t n)
{
	if (n > q->len)
		n = q->len;
	q->head += n;
	q->len -= n;
	if (q->len > 0)
		return;
	q->head = 0;
	if (q->cap > KEEP_BYTES)
		bytes_finish(q);
}
