/*
 * udp_queue.h: the datagrams of one turn on their way out: copied into one stretch of memory, sent socket by
 * socket; those to one peer that follow one another as one train (UDP_SEGMENT), where the kernel can. For udp.c only.
 */
#pragma once

#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"

struct udp_queue;

struct udp_queue *udp_queue_create(void);    /* NULL: out of memory */
void udp_queue_destroy(struct udp_queue *q); /* what is queued is lost */

/* `from` NULL, unset or 0.0.0.0: the kernel chooses. Flushes first when there is no room. */
void udp_queue_push(struct udp_queue *q, int fd, const struct addr *from, const struct addr *to,
	struct span dgram);
/*
 * Everything leaves or is counted as dropped; waits a few milliseconds at
 * most where the kernel has no room.
 */
void udp_queue_flush(struct udp_queue *q);
