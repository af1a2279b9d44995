/*
 * udp_peer.h: a UDP socket of one peer: the kernel lets nobody else in, and tells when nobody
 * listens there. No callback comes from inside a call.
 */
#pragma once

#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"
#include "dcmf/io/loop.h"

/* The most that fits in a datagram of either IP version. */
#define UDP_PEER_MAX 65507

struct udp_peer;

struct udp_peer_ops {
	/* It can be spoken to: the first thing that is told, unless closed() is. */
	void (*opened)(void *arg, struct udp_peer *p);
	/* Valid during the call; may be empty. */
	void (*input)(void *arg, struct udp_peer *p, struct span dgram);
	/* There is no such peer, in words for an operator; destroyed after this returns. */
	void (*closed)(void *arg, struct udp_peer *p, const char *why);
};

/* NULL: out of memory; what else stands in the way is told by closed(). */
struct udp_peer *udp_peer_create(
	struct loop *l, const struct addr *to, const struct udp_peer_ops *ops, void *arg);
/* Also from inside a callback; NULL is fine. */
void udp_peer_destroy(struct udp_peer *p);
/* At most UDP_PEER_MAX bytes. False: dropped, because the kernel has no room or the peer is gone. */
bool udp_peer_send(struct udp_peer *p, struct span dgram);
/* Stop and go on reading; what the kernel has no room for then is lost. */
void udp_peer_pause(struct udp_peer *p, bool pause);
/* Our end. False: there is none. */
bool udp_peer_local(const struct udp_peer *p, struct addr *out);
