/* dgram.h: a datagram with the path it came or goes by, and a queue of those to send. */
#pragma once

#include <stdbool.h>

#include "dcmf/base/addr.h"
#include "dcmf/base/list.h"
#include "dcmf/base/span.h"

/* The largest datagram we ever take or make: a UDP payload over IPv4. */
#define DGRAM_MAX 65507

/*
 * Where a datagram travels: one of our sockets (by number), our address it came to
 * and leaves from, and the peer. `local` carries our port too. A path with
 * remote.family == ADDR_NONE is "nowhere yet".
 */
struct path {
	uint32_t port; /* number of the local socket, given by whoever opened it; 0 is none */
	struct addr local, remote;
};

bool path_eq(const struct path *a, const struct path *b);

/*
 * A train is datagrams of one path behind each other, each `piece` bytes long, the last may be
 * shorter: that is how the kernel hands rows over and takes them. How many there are; one that is not
 * longer than its piece is a datagram like any other, an empty one too.
 */
static inline size_t train_count(size_t len, size_t piece)
{
	return len <= piece ? 1 : (len + piece - 1) / piece;
}

/* One datagram in a queue; owned by the queue until taken. */
struct dgram {
	struct list_node on_queue;
	struct path path;
	uint16_t len;
	uint8_t bytes[];
};

/* A FIFO bounded in bytes. Init before use; finish frees what is left. */
struct dgram_queue {
	struct list_node list;
	size_t bytes, limit;
};

void dgram_queue_init(struct dgram_queue *q, size_t limit_bytes);
void dgram_queue_finish(struct dgram_queue *q);
/* Copies. False: over the limit or out of memory; the datagram is lost, as on any network. */
bool dgram_queue_push(struct dgram_queue *q, const struct path *path, struct span bytes);
/* NULL when empty. The caller frees it with dgram_free(). */
struct dgram *dgram_queue_pop(struct dgram_queue *q);
void dgram_free(struct dgram *d);

static inline bool dgram_queue_is_empty(const struct dgram_queue *q)
{
	return list_is_empty(&q->list);
}

static inline struct span dgram_span(const struct dgram *d)
{
	return SPAN(d->bytes, d->len);
}
