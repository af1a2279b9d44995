/* assoc_impl.h: the body of an association and of a channel, for the files of this folder alone. */
#pragma once

#include "dcmf/base/list.h"
#include "dcmf/base/slots.h"
#include "sctp/assoc.h"
#include "sctp/renumber.h"
#include "sctp/socket.h"

enum channel_state {
	CHANNEL_WAITING, /* for the association, for our stream, or for room for OPEN */
	CHANNEL_OPENING, /* DATA_CHANNEL_OPEN is sent: we may send already, in order (RFC 8832 6) */
	CHANNEL_USABLE,
	CHANNEL_CLOSING, /* until both directions are reset */
};

/* What a channel still has to tell; one bit an event. */
enum { TELL_OPEN = 1, TELL_WRITABLE = 2, TELL_CLOSED = 4 };

struct channel {
	struct channel_view view; /* first: what the outside sees */
	uint16_t inner; /* the stack's number for its stream, as long as it is in the table */
	enum channel_state state;
	enum close_reason reason;
	uint8_t tell;

	bool in_table; /* false: over, only its last event is still to be told */
	bool hidden; /* nobody outside knows it (any more): a refused stream, or one told closed */
	bool owes_ack;  /* DATA_CHANNEL_ACK found no room, or our stream cannot send yet */
	bool old_reset; /* our stream is still being reset for the id's user before */
	bool in_reset;  /* the peer's stream is reset */
	bool out_reset; /* ours is */
	bool given_up;  /* CLOSING took too long: told closed, and waits for a late reset */
	uint8_t reset_tries;
	tick_t patience; /* CLOSING: when we stop waiting for the peer */
	size_t needs;    /* bytes the blocked message needs; 0: not blocked */

	struct list_node on_telling; /* assoc.telling */
	struct list_node on_waiting; /* assoc.waiting: owes an OPEN or an ACK */
	struct list_node on_blocked; /* assoc.blocked: waits for room */
	char text[];                 /* label and protocol, both terminated */
};

/* Ordered by stream id. */
struct channel_table {
	struct channel **at;
	size_t count, cap;
};

/*
 * Which of the last messages are still queued: bytes sent before each mark, a mark every
 * BACKLOG_STEP messages.
 */
#define BACKLOG_STEP  256
#define BACKLOG_MARKS 16
struct backlog {
	uint64_t sent_bytes;
	uint64_t mark[BACKLOG_MARKS];
	unsigned next, since; /* place of the next mark; messages since the last */
};

struct assoc {
	struct assoc_config config;
	slot_id id;
	uint16_t private_port;
	struct socket *so; /* NULL once it is over */
	enum assoc_state state;
	enum close_reason reason;
	bool tell_open, tell_closed;
	bool local_end; /* we began the shutdown */
	bool held;
	bool discard;   /* lost while held: unread messages are thrown away */
	bool touched;   /* the stack had something to do with us since we last asked it */
	bool announced; /* config.ready was called, and not everything has been fetched since */

	struct renumber numbers; /* streams of the wire and of the stack */
	uint32_t out_streams;    /* ours, that the stack has */
	uint32_t wanted_streams; /* more than out_streams: to grow */
	uint32_t granted;        /* what it has then */

	struct channel_table channels;
	struct list_node telling, waiting, blocked; /* of channels */
	struct backlog backlog;
	bool partial;       /* partially reliable messages were sent */
	uint64_t abandoned; /* of them, given up; as far as counted */

	tick_t setup_until; /* set-up or shutdown must be finished */
	tick_t stalled_at;  /* TICK_NEVER: nothing was in flight when we last looked */
	tick_t patience;    /* the earliest of the closing channels, or earlier */
	tick_t heard;       /* last packet of the peer */
	tick_t progress;    /* last time the peer acknowledged something new */
	uint32_t cum_tsn;   /* of its last SACK */
	tick_t tried;       /* when we last sent data */
	unsigned tries;     /* how often since the peer acknowledged something new */

	uint32_t received_tsn; /* everything up to this has come, as our last SACK says */
	uint8_t *kept_reset;   /* a packet that waits until kept_tsn has come; NULL: none */
	size_t kept_len;
	uint32_t kept_tsn;

	void *parked; /* a message that came before its channel was told open, copied */
	struct assoc_event parked_event;
};

/* wire.c: a packet of the stack, ours to change: gets its public port and checksum, and leaves. */
void assoc_output(struct assoc *a, uint8_t *packet, size_t len);
/* What was kept back of the peer's packets may go on now. */
void wire_pump(struct assoc *a);
void wire_finish(struct assoc *a);
/* renumber.more: the stack gets more of the peer's streams. */
bool wire_more(void *arg, uint16_t inner);
/* If the stack has asked for more of its own, it gets them. */
void wire_grant(struct assoc *a);
/* The stack had to do with it: it may have news. */
void assoc_touch(struct assoc *a);

/*
 * assoc.c: there may be something for assoc_next_event(): the owner is
 * told, once until it has drained.
 */
void assoc_news(struct assoc *a);
/* It is over: channels and socket go, ASSOC_CLOSED is told. */
void assoc_finish(struct assoc *a, enum close_reason reason);
/* Queued or unacknowledged data is watched from now on. */
void assoc_watch(struct assoc *a);

/* channels.c: the table and the records. */
struct channel *channel_find(const struct assoc *a, uint16_t sid);
/* The first at or after `sid`; NULL at the end. */
struct channel *channel_from(const struct assoc *a, uint32_t sid);
/* Entered, with a stream; WAITING and hidden. NULL: out of memory. */
struct channel *channel_create(
	struct assoc *a, uint16_t sid, struct span label, struct span protocol);
/* Leaves the table. Its last event is told before it goes. */
void channel_over(struct assoc *a, struct channel *c);
void channel_tell(struct assoc *a, struct channel *c, uint8_t what);
bool channel_next_event(struct assoc *a, struct assoc_event *out);
/* Waits to be told CLOSED: its id is not yet free for the outside. */
bool channel_is_ending(const struct assoc *a, uint16_t sid);
/* All at once, without events. */
void channels_drop(struct assoc *a);
void channels_finish(struct assoc *a);

/* streams.c: opening, closing and growing. */
void streams_up(struct assoc *a);
void streams_open(struct assoc *a, struct channel *c);
void streams_close(struct assoc *a, struct channel *c, enum close_reason reason);
void streams_notice(struct assoc *a, const struct notice *n);
/* Everything that waited for room or for a stream tries again. */
void streams_pump(struct assoc *a);
/* With nothing left to read: the streams that nobody needs any more are free for other ids. */
void streams_sweep(struct assoc *a);
void streams_expire(struct assoc *a, tick_t now);
/* Our half of its stream can carry nothing at the moment. */
bool streams_is_mute(const struct assoc *a, const struct channel *c);
/* DCEP is dealt with; true: a message to deliver, on *c. */
bool streams_receive(struct assoc *a, const struct reception *r, struct channel **c);
/* Like sock_send(), and remembers what is in flight. */
enum err streams_send(struct assoc *a, struct channel *c, uint32_t ppid,
	const struct channel_quality *quality, struct span message);
