/*
 * udp.h: the media sockets of a worker: batched receive, batched send, answers
 * from the address the packet came to.
 *
 * Ports are known by a number (never reused while anything may still refer to it). Sends are queued
 * and leave at udp_flush(), which the worker calls at the end of a turn; at once where a datagram came
 * alone, after batch_end(). Input functions may open and close ports, also the one they were called
 * for.
 */
#pragma once

#include "dcmf/base/dgram.h"
#include "dcmf/base/err.h"
#include "dcmf/io/loop.h"

struct udp;

struct udp_config {
	/* A received datagram, valid during the call; path->local is the address it was sent to. */
	void (*input)(void *arg, tick_t now, const struct path *path, struct span dgram);
	/* A train of them (dcmf/base/dgram.h), in place of input() for each. May be NULL. */
	void (*input_train)(
		void *arg, tick_t now, const struct path *path, struct span bytes, size_t piece);
	/* A hint: datagrams from these paths come next, in this order. May be NULL. */
	void (*foresee)(void *arg, const struct path *paths, size_t n);
	/* After each received batch, with all of it handed over. May be NULL. */
	void (*batch_end)(void *arg, tick_t now);
	void *arg;
};

/* NULL: out of memory. */
struct udp *udp_create(struct loop *loop, const struct udp_config *config);
void udp_destroy(struct udp *u); /* closes what is open; not from inside input() */

/*
 * Opens a socket bound to `local` (its port must be set; the address may be 0.0.0.0 or ::).
 * ERR_ADDRESS: the address is not ours or not usable; ERR_EXISTS: the port is taken by somebody
 * else; ERR_NO_FILES: out of descriptors; ERR_NO_MEMORY; ERR_IO: anything else.
 */
enum err udp_open(struct udp *u, const struct addr *local, uint32_t *number);
/*
 * The same for a port that many peers share: where the kernel can, their STUN messages are read apart
 * from everything else and wait some milliseconds for one another (udp_aside.h).
 */
enum err udp_open_shared(struct udp *u, const struct addr *local, uint32_t *number);
void udp_close(struct udp *u, uint32_t number); /* what is queued for it is sent first */

/* Datagrams that came while the receive buffer of a port was full, closed ports included. */
uint64_t udp_lost(const struct udp *u);

/*
 * Queues; leaves from path->local (from wherever the kernel likes when that is not set). The bytes are
 * copied, but for those that are just being handed over to an input function: they leave from where
 * they are. A full queue is flushed at once. Dropped and counted when the number is unknown, or the
 * kernel has no room even after a short wait.
 */
void udp_send(struct udp *u, const struct path *path, struct span dgram);
void udp_send_train(struct udp *u, const struct path *path, struct span bytes, size_t piece);
void udp_flush(struct udp *u);
