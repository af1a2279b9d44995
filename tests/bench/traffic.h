/*
 * traffic.h: UDP traffic through something that relays it: a process of its own that sends on one side and counts what comes
 * out on the other, on the loopback interface.
 *
 *     traffic_open(&t, sparse)           the addresses of the peers are known from here on
 *     traffic_start(&t, &toward)         datagrams of 1200 bytes to that address, at most TRAFFIC_WINDOW under way
 *     traffic_stop(&t)
 *
 * Trains: one peer on each side, rows of 40 datagrams. Sparse: FLOWS_SPARSE peers on each side, one datagram each in turn.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "dcmf/base/addr.h"

#define TRAFFIC_BYTES  1200
#define TRAFFIC_TRAIN  40
#define TRAFFIC_WINDOW 400
#define FLOWS_SPARSE   10000

struct traffic {
	bool sparse;
	int from, to;  /* sockets of the two sides */
	struct addr a; /* peer 0 of the sending side */
	struct addr b; /* peer 0 of the receiving side */
	pid_t pid;
};

void traffic_open(struct traffic *t, bool sparse);
/* The n-th peer on the side of `first`. */
struct addr traffic_peer(const struct addr *first, unsigned n);
/* Its number: what a relay needs to find the peer on the other side. */
unsigned traffic_number(const struct addr *peer);
void traffic_start(struct traffic *t, const struct addr *toward);
void traffic_stop(struct traffic *t);
