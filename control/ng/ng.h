/*
 * ng.h: rtpengine's control protocol, for SIP proxies that speak it (Kamailio's rtpengine module).
 *
 *     message = cookie SP dictionary
 *
 * The dictionary is bencode or JSON, and the answer comes in the same form with the same cookie. A
 * message that comes again is answered as it was the first time. Commands become requests of the
 * desk: an `offer` is an sdp.offer, a `delete` a context.delete; README.md tells it all.
 *
 * No sockets, no clock: front_ng.c carries the messages.
 */
#pragma once

#include "control/desk/desk.h"
#include "control/ng/ng_frame.h"

struct ng;

/* Who sent a message. Zero unused bytes: senders are compared as a whole. */
struct ng_from {
	uint64_t connection; /* of a stream or a request over HTTP; 0: a datagram */
	struct addr addr;
	bool plain; /* a dictionary alone, without cookie */
};

/* A media interface that a proxy may choose. */
struct ng_interface {
	const char *name;
	struct addr address; /* as peers are told; its family is what counts, its port does not */
};

struct ng_config {
	struct desk *desk;
	/* The answer to a message; whoever asked may be gone. */
	void (*reply)(void *front, const struct ng_from *to, struct span message);
	tick_t (*now)(void *front);
	int64_t (*wall_us)(void *front); /* since the epoch */
	void *front;
	const struct ng_interface *interfaces; /* must live as long as the ng */
	unsigned interface_count;
};

struct ng *ng_create(const struct ng_config *config); /* NULL: out of memory */
/* Right before the desk: what it was asked and has not answered is never answered. */
void ng_destroy(struct ng *ng);

/*
 * At most NG_MESSAGE_MAX bytes. False: no answer comes, for it is too long or has no cookie, or
 * memory ran out. A message that comes again while it is worked on is answered once.
 */
bool ng_message(struct ng *ng, const struct ng_from *from, struct span message);

tick_t ng_deadline(const struct ng *ng);
void ng_expire(struct ng *ng, tick_t now);
