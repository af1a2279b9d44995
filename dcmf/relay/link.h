/*
 * link.h: the connection of a media to an application server that takes messages over TCP, TCP/TLS
 * or UDP (FRAMING.md). Only the files of this folder include it.
 *
 *     IDLE ──► CONNECTING ──► OPEN          the phone's association is up
 *                  │   ▲        │
 *                  ▼   │        ▼
 *                  WAITING ◄────┘           1, 2, 4 .. 30 s
 *
 * It lives as long as its media and has a connection while the association is up. What the channels
 * have for the server and the server for them is route_stream.c's.
 */
#pragma once

#include "dcmf/base/stream_filter.h"
#include "dcmf/relay/frame.h"
#include "dcmf/relay/message.h"
#include "dcmf/relay/parts.h"

struct link {
	struct media *media;
	enum link_state state;
	uint64_t tag;    /* in relay->links; 0: none */
	uint64_t handle; /* the world's; 0: no connection */
	struct frame_reader reader;
	/* WAITING: when to try again. OPEN: how long the server still waits for the phone. */
	struct timer timer;
	int64_t delay_us; /* before the next try */
	tick_t opened;

	struct list_node partings;
	size_t parted;       /* bytes that wait in them */
	uint16_t turn;       /* the stream that goes first when there is room again */
	size_t held;         /* bytes that all channels hold for the phone */
	unsigned complaints; /* of this connection */
	bool is_paused;      /* the server is not read */

	struct addr local;
	char protection[FILTER_TEXT_MAX]; /* of the last connection; "": there was none */
	char failure[FILTER_TEXT_MAX];    /* what the controller was told last; "": nothing */
	uint64_t messages_in, messages_out, bytes_in, bytes_out;
};

struct link *link_create(struct media *m); /* NULL: out of memory */
void link_destroy(struct link *k);
/* The association is up: connects. */
void link_start(struct link *k);
/* It is gone, and so are its channels: what was written still leaves. */
void link_stop(struct link *k);
/* The controller said something else than `old`, or the same again. */
void link_apply(struct link *k, const struct link_spec *old);
const struct link_spec *link_spec(const struct link *k);

/* The connection is of no use any more: the controller hears why, and it is tried again. */
void link_fail(struct link *k, const char *why);
/* Something that ends no connection; `sid` -1: of no channel. Those of channels are told ten times. */
void link_complain(struct link *k, int32_t sid, const char *what);
/*
 * A frame, or over UDP the message alone. False: no room, route_stream_room() follows; or there is
 * no connection.
 */
bool link_put(struct link *k, uint16_t sid, uint16_t type, uint32_t value, struct span payload);
/* The server waits, or no longer. */
void link_pause(struct link *k, bool pause);

/* route_stream.c */

/* There is room for the server. */
void route_stream_room(struct link *k);
/* The connection ended; the state is no longer OPEN. */
void route_stream_lost(struct link *k);
/* The server waited for the phone for too long. */
void route_stream_overdue(struct link *k);
/* What the server said. */
void route_stream_message(struct link *k, uint16_t sid, uint32_t ppid, struct span bytes);
void route_stream_too_large(struct link *k, uint16_t sid);
void route_stream_closed(struct link *k, uint16_t sid);
