/*
 * sim.h: a clock and a network that are made up, the same in every run.
 *
 * The program exports its own gettimeofday(), so the shared OpenSSL and usrsctp live in this
 * time too. It begins at a fixed date and only goes forward, over all tests of a program.
 * Datagrams travel between attached addresses; each address has an access line with two
 * directions, and each direction has its own faults.
 */
#pragma once

#include <stdbool.h>

#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"
#include "dcmf/base/tick.h"

tick_t sim_now(void);
void sim_advance(tick_t to); /* never back */

/* One direction of an access line. Zeroed is perfect and instant. */
struct link {
	int64_t delay_us, jitter_us; /* jitter reorders */
	unsigned loss_permille, twice_permille;
	unsigned drop_nth; /* this one, counted from 1 with `sent`, is lost; 0: none */
	bool cut;          /* everything is lost */
	/*
	 * Random loss leaves STUN alone: consent would not live through
	 * long transfers (RFC 7675 5.1).
	 */
	bool spare_checks;

	unsigned sent, lost; /* how many entered it, and how many of them never left */
	size_t largest;      /* bytes of the largest datagram that entered it */
};

struct net;

typedef void net_input(
	void *arg, const struct addr *from, const struct addr *to, struct span dgram);

struct net *net_create(uint64_t seed);
void net_destroy(struct net *n);

/*
 * `up` leads from the address into the network, `down` back; NULL is a
 * perfect line. Both stay the caller's.
 */
void net_attach(struct net *n, const struct addr *at, struct link *up, struct link *down,
	net_input *fn, void *arg);
void net_detach(struct net *n, const struct addr *at);

/* Also from an address nobody is attached to, as a spoofer does. Copied. */
void net_send(struct net *n, const struct addr *from, const struct addr *to, struct span dgram);
tick_t net_next(const struct net *n); /* when the next one arrives; TICK_NEVER when none travels */
void net_run(struct net *n);          /* delivers what is due now */

uint32_t net_random(struct net *n); /* the seeded generator, for other made-up things */
/* Everything that was sent, the latest 16 MiB of it, as a pcap file. */
bool net_save(const struct net *n, const char *path);
