/*
 * socket.h: one socket of the stack for one association, and what it has to say, in our own words.
 *
 * Only this pair and sctp.c know usrsctp. Recipes and traps are explained in socket.c.
 */
#pragma once

#include <stdbool.h>

#include "dcmf/base/err.h"
#include "dcmf/base/slots.h"
#include "dcmf/base/span.h"
#include "sctp/dcep.h"

struct assoc_config;
struct socket; /* the stack's own type */

/*
 * Bound to the address `id` and `private_port`, and connecting to the same address and the remote
 * port: the INIT has gone out when this returns. `out_streams` to begin with. NULL: the stack has
 * no memory or refuses the options.
 */
struct socket *sock_open(
	const struct assoc_config *config, slot_id id, uint16_t private_port, uint16_t out_streams);
/* ABORT when the association lives; afterwards the stack knows neither socket nor address. */
void sock_close(struct socket *so, slot_id id);
/* SHUTDOWN once everything is delivered. */
void sock_shutdown(struct socket *so);
/* One HEARTBEAT now. */
void sock_probe(struct socket *so, slot_id id);
/* A packet for the address `id`; its destination port is the private one. */
void sock_input(slot_id id, struct span packet);

/*
 * One whole message, not empty. ERR_BLOCKED: no room, nothing was taken. ERR_MESSAGE_SIZE: will
 * never fit. ERR_STATE: the stream cannot send. ERR_CLOSED.
 */
enum err sock_send(struct socket *so, uint16_t sid, uint32_t ppid,
	const struct channel_quality *quality, struct span message);

/* ERR_UNSUPPORTED: the peer cannot reset streams. ERR_CLOSED: the association is not up. */
enum err sock_reset_stream(struct socket *so, uint16_t sid);
/* ERR_BLOCKED: another request is under way. ERR_UNSUPPORTED as above; ERR_CLOSED. */
enum err sock_add_streams(struct socket *so, uint16_t count);

/* Bytes queued or unacknowledged, chunk headers included; 0 when the association is gone. */
size_t sock_unsent(struct socket *so);
/* Messages given up by partial reliability so far; 0 when the association is gone. */
uint64_t sock_abandoned(struct socket *so);
/* The association has failed; the notice may still stand behind unread messages. */
bool sock_has_failed(struct socket *so);
/* What is read next is a notice. */
bool sock_notice_is_next(struct socket *so);

enum notice_kind {
	NOTICE_UP,
	NOTICE_LOST,      /* by_peer: it sent ABORT; in_setup: was never up */
	NOTICE_ENDED,     /* shutdown is complete */
	NOTICE_SHUTDOWN,  /* the peer has begun to shut down */
	NOTICE_RESTART,   /* the peer began anew */
	NOTICE_RESET_IN,  /* streams the peer has reset */
	NOTICE_RESET_OUT, /* streams we have reset; failed: the peer refused */
	NOTICE_OTHER,
};

struct notice {
	enum notice_kind kind;
	bool by_peer, in_setup, failed;
	uint16_t out_streams; /* NOTICE_UP */
	const uint16_t *sids; /* in the caller's buffer */
	size_t sid_count;     /* 0: all of them */
};

enum received {
	RECEIVED_NOTHING,
	RECEIVED_MESSAGE,
	RECEIVED_TOO_MUCH, /* a piece of a message larger than the buffer */
	RECEIVED_NOTICE,
	RECEIVED_END, /* the association is over and all was read */
};

struct reception {
	uint16_t sid;
	uint32_t ppid;
	bool unordered;
	struct span message; /* in the caller's buffer */
	struct notice notice;
};

/* `buf` is aligned as by mem_alloc and holds at least SOCK_NOTICE_MAX bytes. */
#define SOCK_NOTICE_MAX 4096
enum received sock_receive(struct socket *so, void *buf, size_t cap, struct reception *out);
