/*
 * udp_aside.h: a second socket of a port that many peers share, to which the kernel takes their STUN
 * messages. For udp.c only.
 *
 * Thousands of idle peers send nothing but consent checks, each at its own time: a wake-up for each of
 * them costs more than its answer. So checks that come thick are read together, at intervals, while
 * everything else still wakes the worker at once.
 */
#pragma once

#include "dcmf/base/addr.h"
#include "dcmf/io/loop.h"

/*
 * Ours: a check waits at most about so long for others, and only while checks come closer together than
 * that. Consent has 30 s, a repetition comes after 500 ms (RFC 8445 14.3).
 */
#define UDP_ASIDE_WAIT_MS 4
/* Ours: with so many at once nothing is gained by waiting for more. */
#define UDP_ASIDE_MANY 32

struct udp_aside;

/* Reads what is there and hands it over; how many datagrams it was, or -1: this was destroyed meanwhile. */
typedef int udp_aside_fn(void *arg, int fd);

/*
 * Beside `fd`, which is bound to `local` and stays the caller's.
 * NULL: out of memory or descriptors, or the kernel cannot tell STUN apart; then all comes to `fd`, as without it.
 */
struct udp_aside *udp_aside_create(
	struct loop *loop, int fd, const struct addr *local, udp_aside_fn *read, void *arg);
void udp_aside_destroy(struct udp_aside *a);
/* Its socket, for what the kernel counts a socket. */
int udp_aside_fd(const struct udp_aside *a);
