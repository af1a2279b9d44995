/* dgram.c: a datagram with the path it came or goes by, and a queue of those to send. */
#include "dcmf/base/dgram.h"

#include "dcmf/base/alloc.h"

bool path_eq(const struct path *a, const struct path *b)
{
	return a->port == b->port && addr_eq(&a->remote, &b->remote) &&
	       addr_eq(&a->local, &b->local);
}

void dgram_queue_init(struct dgram_queue *q, size_t limit_bytes)
{
	list_init(&q->list);
	q->bytes = 0;
	q->limit = limit_bytes;
}

void dgram_queue_finish(struct dgram_queue *q)
{
	struct dgram *d;

	while ((d = dgram_queue_pop(q)) != NULL)
		dgram_free(d);
}

bool dgram_queue_push(struct dgram_queue *q, const struct path *path, struct span bytes)
{
	struct dgram *d;

	if (bytes.len > DGRAM_MAX || bytes.len > q->limit - q->bytes)
		return false;
	if ((d = mem_alloc(sizeof(*d) + bytes.len)) == NULL)
		return false;
	d->path = *path;
	d->len = (uint16_t)bytes.len;
	if (bytes.len > 0)
		memcpy(d->bytes, bytes.p, bytes.len);
	list_init(&d->on_queue);
	list_append(&q->list, &d->on_queue);
	q->bytes += bytes.len;
	return true;
}

struct dgram *dgram_queue_pop(struct dgram_queue *q)
{
	struct dgram *d;

	if (list_is_empty(&q->list))
		return NULL;
	d = container_of(q->list.next, struct dgram, on_queue);
	list_unlink(&d->on_queue);
	q->bytes -= d->len;
	return d;
}

void dgram_free(struct dgram *d)
{
	mem_free(d);
}
