/*
 * renumber.h: rewrites the stream numbers of packets between the wire and the stack (stream_map.h).
 *
 * Both sides of the boundary keep counts of streams of their own. The peer is told as many as ids
 * are allowed, once and for all; the stack begins with few and gets more when they are needed. The
 * requests that this takes (RFC 6525) stay inside: its own are answered here, and the peer's part
 * is played here. So request numbers differ on both sides too, by the requests that stayed inside.
 *
 * Packets come screened (packet.h) and are changed in place; checksums are not looked at.
 */
#pragma once

#include "sctp/chunk.h"
#include "sctp/stream_map.h"

struct renumber {
	struct stream_map map;

	/* the wire: ids below these may be used */
	uint16_t offered; /* told to the peer, each way */
	uint16_t out_limit, in_limit;
	bool peer_reconfigures; /* it knows RFC 6525 */
	/* As far as the stack is concerned: it takes requests, and an INIT is no part of the set-up. */
	bool established;

	/* the stack: how many it has of the peer's, and at the start of either direction */
	uint32_t in_count;
	uint16_t at_start;

	uint32_t tag;                 /* the stack's, in packets to it */
	uint32_t in_next;             /* number of the peer's next request, as the stack counts */
	uint32_t taken;               /* of the packet being looked at: requests before this one */
	uint32_t in_shift, out_shift; /* the stack's number less the one of the wire */
	uint32_t out_request;         /* the last of ours that asked for resets */
	bool out_open;                /* it is not answered */
	bool set_aside;               /* the stack has put off a reset of the peer's */
	struct {
		uint32_t number; /* on the wire */
		uint32_t result;
	} answered; /* the last request of the peer */

	/* requests that stay inside */
	struct {
		bool open;
		uint32_t number;
		uint16_t streams;
	} asked; /* of the stack, as if by the peer */
	struct {
		bool due, any;
		uint32_t number;
	} asks; /* by the stack */

	uint16_t refused; /* the last id of the peer that no stream of the stack stands for */

	/*
	 * Asks the stack for streams of the peer up to `inner`: renumber_ask() into the stack.
	 * False: not now, and what needs it is left out of the packet as if it had been lost.
	 */
	bool (*more)(void *arg, uint16_t inner);
	void *arg;
};

/*
 * `offered`: ids below it are allowed. `streams`: how many the stack has at the start, each way.
 * False: out of memory.
 */
bool renumber_init(struct renumber *r, uint16_t offered, uint16_t streams);
void renumber_finish(struct renumber *r);

/*
 * A packet of the peer's, for the stack. `received_tsn`: all up to it has come, as we told the
 * peer. Returns the length that is left; chunks that have to come again are cut out.
 *
 * What belongs to an id beyond the limits, or to one that no stream can be had for, goes to a
 * stream the stack does not have: it is acknowledged, reported to the peer as "invalid stream
 * identifier", and delivered to nobody.
 */
size_t renumber_in(struct renumber *r, uint32_t received_tsn, uint8_t *packet, size_t len);
/* A packet of the stack's, for the peer. Returns the length; COMMON_HEADER: nothing is in it. */
size_t renumber_out(struct renumber *r, uint8_t *packet, size_t len);

/* The packets that stay inside; ports are not filled in. */
#define RENUMBER_PACKET (COMMON_HEADER + 16)
/* Asks the stack for enough streams of the peer's to have `inner`. */
void renumber_ask(struct renumber *r, uint16_t inner, uint8_t packet[RENUMBER_PACKET]);
/* The stack has asked for more of its own: it gets them. False: it has not asked. */
bool renumber_grant(struct renumber *r, uint8_t packet[RENUMBER_PACKET]);
