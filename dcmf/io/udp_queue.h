/*
 * udp_queue.h: the datagrams of one turn on their way out, sent socket by socket; those to one peer
 * that follow one another as one train (UDP_SEGMENT), where the kernel can. For udp.c only.
 */
#pragma once

#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"

struct udp_queue;

/* A datagram, or a train of them (dcmf/base/dgram.h). */
struct udp_item {
	int fd;
	bool is_borrowed; /* the bytes stay valid until the queue is flushed; otherwise they are copied */
	struct addr from, to; /* `from` unset or 0.0.0.0: the kernel chooses */
	struct span bytes;
	size_t piece;
};

struct udp_queue *udp_queue_create(void);    /* NULL: out of memory */
void udp_queue_destroy(struct udp_queue *q); /* what is queued is lost */

/* Flushes first when there is no room. */
void udp_queue_push(struct udp_queue *q, const struct udp_item *item);
/*
 * Everything leaves or is counted as dropped; waits a few milliseconds at
 * most where the kernel has no room.
 */
void udp_queue_flush(struct udp_queue *q);
/* Is there anything in it whose bytes are borrowed? */
bool udp_queue_borrows(const struct udp_queue *q);
