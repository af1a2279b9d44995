/*
 * parts.h: how the relay's objects hang together. Only the files of this folder include it.
 *
 *     relay ── contexts ── terminations ── medias ── leg ── channels ── route
 *
 * Ownership goes down this line. Sideways there are ids: the world knows an HTTP
 * exchange by its tag. Nothing is freed while it may stand on the stack: what ends is
 * marked, and reaped in relay_turn_end().
 */
#pragma once

#include "dcmf/base/bytes.h"
#include "dcmf/base/list.h"
#include "dcmf/base/map.h"
#include "dcmf/base/slots.h"
#include "dcmf/base/timer.h"
#include "dcmf/ice/ice.h"
#include "dcmf/relay/sources.h"
#include "dcmf/relay/relay.h"
#include "dtls/hello.h"
#include "sctp/sctp.h"

#define LINGER_US   TICK_S(2) /* ours: an orderly end goes on after the answer for so long */
#define EARLY_BYTES 6000      /* ours: one ClientHello of a post-quantum client, twice */
#define SHAKES_MAX  4         /* ours: handshakes at once on one leg; only one can win */
/* RFC 8842 4: 20..255, and 120 bits. Early Release 18 has no letters above F in it. */
#define TLS_ID_LEN  32
#define SUBJECT_MAX 160

struct media;
struct leg;
struct channel;
struct message;

struct relay {
	struct relay_config config;
	struct timers timers;
	struct stun_codec *stun;
	struct hello_keys hello;
	tick_t now; /* of the call that is under way */

	struct relay_context *contexts; /* by id; deleted ones are no longer in it */
	struct sources sources;         /* medias by where their datagrams come from */
	struct media *by_ufrag;         /* medias with ICE */
	struct slots exchanges;         /* HTTP exchanges under way, by tag */
	struct slots links;             /* connections to application servers, by tag */

	struct list_node busy; /* legs with something to work off */
	/* Deleted contexts and replaced medias, until their peers were told. */
	struct list_node dying;
	size_t buffered;    /* bytes held for slow phones and servers */
	unsigned half_open; /* handshakes under way, SCTP's included */
	/* Handshakes that may begin now, in millionths: a bucket of one second. */
	int64_t setup_tokens;
	tick_t setup_filled;
	uint8_t plain[DTLS_PLAINTEXT_MAX];
};

struct termination {
	char *id;
	struct media **medias; /* in the order of the spec */
	unsigned media_count;
};

struct relay_context {
	struct relay *relay;
	char *id;
	char *owner; /* may be NULL */
	struct termination *terminations;
	unsigned termination_count;
	unsigned media_count; /* all that exist, those being torn down included */
	bool deleted;
	tick_t heard;      /* last word of the controller; its medias know when their peers spoke */
	struct timer idle; /* set where relay_config.context_idle_us asks for it */
	UT_hash_handle hh;
};

/*
 * One DTLS handshake of a leg, and, when it has won, the connection. The path is the one it came
 * by; with ICE the media's selected path is used instead.
 */
struct shake {
	struct leg *leg;
	struct dtls *dtls;
	struct path path;
	tick_t begun;
	bool has_random;
	/* Of the hello it answers: another one begins another handshake. */
	uint8_t client_random[8];
	struct list_node on_leg;
};

/* The end of a DTLS/SCTP association: handshakes, then the association, then its channels. */
struct leg {
	struct media *media;
	enum leg_state state;
	enum close_reason reason; /* of the last end */
	enum dtls_role role;

	struct list_node shakes;
	unsigned shake_count;
	struct shake *secured; /* the one that won; NULL before */
	struct assoc *assoc;
	uint32_t peer_max_message; /* what the association was told, bytes; 0: any size */
	struct list_node channels; /* ordered by when they opened */
	size_t queued;             /* bytes its channels hold, all together */
	bool held;                 /* assoc_hold() is on */
	tick_t held_since;
	/* A proven ClientHello that came before the remote side was told. */
	struct dgram_queue early;

	tick_t heard;        /* last authentic datagram */
	tick_t probed;       /* last sign of life asked for */
	tick_t begun;        /* of the shutdown under way */
	tick_t again;        /* when to try our handshake again: there was no room, or no server */
	int64_t patience_us; /* the last pause for a server that is gone; 0: it is there */
	struct timer timer;
	struct list_node on_busy;
	bool secured_once;
	bool has_random;
	/* Of the hello of the last association: late copies begin nothing. */
	uint8_t client_random[8];
	struct dtls_info info;
};

/*
 * A media line: its port, its ICE side, where its peer is. What each datagram that passes through
 * touches stands in front, in as few lines of the cache as can be: with thousands of splices each of
 * them is a wait for memory.
 */
struct media {
	struct source first; /* where it fits; further ones have memory of their own */
	struct relay *relay;
	struct media *
		twin; /* the media of another termination that this one is joined with; NULL: none */
	struct leg *leg;       /* NULL: DTLS passes through, nothing ends here */
	struct ice_lite *ice;  /* the peer checks; NULL otherwise */
	struct checks *checks; /* we check, a server that is ICE Lite; NULL otherwise */
	tick_t heard;          /* last datagram of the peer, or when the media was made */
	uint64_t datagrams_in, bytes_in, datagrams_out, bytes_out;
	tick_t consented; /* with `ice`: the last valid check; TICK_NEVER: none yet */
	struct path path; /* where the peer is; path.remote.family NONE: not known */

	struct relay_context *context;
	char *termination_id; /* own copy */
	struct media_spec spec;
	struct path at;        /* our socket: number and bound address */
	struct addr advertise; /* what peers are told */
	char tls_id[TLS_ID_LEN + 1];
	struct dtls_ctx *dtls;         /* the certificate its peer was told */
	char ufrag[ICE_UFRAG_LEN + 1]; /* key in by_ufrag */
	/* What finds it: with ICE the paths that were proved, else one for all that comes to its port. */
	struct source *sources[ICE_PATHS_MAX];
	struct link *link; /* to an application server that takes messages as frames; NULL: none */
	bool is_second;    /* of two twins the one in the later termination: its role gives way */
	char *upstream_protection; /* of the last upstream connection; NULL: none yet */
	bool has_timer_room;       /* timers_reserve() was called for the leg's */
	struct list_node on_dying; /* removed by an update, being torn down */
	UT_hash_handle hh;         /* in by_ufrag */
};

/* What a channel is connected to. */
struct route_ops {
	const char *name;
	/* The channel is open. May be NULL. */
	void (*opened)(struct channel *ch, tick_t now);
	void (*message)(struct channel *ch, tick_t now, uint32_t ppid, struct span message);
	void (*writable)(struct channel *ch, tick_t now);
	/* Full for too long. True: the route made room; otherwise, or NULL, the channel is closed. */
	bool (*overdue)(struct channel *ch, tick_t now);
	/* We reset the channel: what the route holds for it is of no use any more. May be NULL. */
	void (*discard)(struct channel *ch);
	void (*destroy)(struct channel *ch);
};

struct channel {
	struct leg *leg;
	uint16_t sid;
	struct bytes in;       /* received, not yet taken: of routes to which it is a byte stream */
	size_t queued;         /* bytes the channel holds for its route, `in` included */
	tick_t full_since;     /* TICK_NEVER unless it keeps the window shut */
	size_t enough;         /* while it does: with fewer bytes queued it no longer does */
	struct timer hold;     /* ends the patience with a channel that is full */
	enum close_reason why; /* we reset it: why; CLOSE_NONE while it lives */
	const struct route_ops *route;
	void *state; /* the route's */
	bool told;   /* the controller knows of it: it is, or was, open */
	struct list_node on_leg;
};

/* relay.c */
void relay_say(const struct media *m, enum relay_event_type type, int32_t sid,
	enum close_reason reason, const char *detail);
/* The same of a server at `hop` that is no side of a media of its own. */
void relay_say_of(const struct media *m, enum hop hop, enum relay_event_type type, int32_t sid,
	enum close_reason reason, const char *detail);
void relay_half_open(struct relay *r, int n);
void relay_buffered(struct relay *r, int64_t n);
bool relay_has_room(const struct relay *r, size_t n);
/* "leg 0-3f2a.ue.1{securing}", of a server's side "leg 0-3f2a.ue.1/mdc2{securing}"; returns buf. */
const char *media_subject(const struct media *m, char buf[SUBJECT_MAX]);

/* context.c: frees a deleted context once its last media is gone. */
void relay_context_reap(struct relay_context *c);

/* media.c */
struct media *media_create(struct relay_context *c, const char *termination_id,
	const struct media_spec *spec, struct relay_refusal *why);
void media_destroy(struct media *m);
/* What one receives goes to the other. `second` is the one in the later termination. */
void media_join(struct media *first, struct media *second);
/* The remote side, the path or the certificate changed: begin what can begin. */
void media_go(struct media *m);
/* Orderly end; media_is_done() some time later. */
void media_close(struct media *m, enum close_reason reason);
bool media_is_done(const struct media *m);
/* Takes over `spec`, which was copied before; can no longer fail as a whole. */
void media_apply(struct media *m, struct media_spec *spec);
/*
 * A datagram, or a row of DTLS in pieces of so many bytes. `source` is what found the media; NULL: a
 * check named it.
 */
void media_input(struct media *m, const struct source *source, const struct path *path,
	struct span row, size_t piece);
void media_send(struct media *m, const struct path *path, struct span dgram);
void media_send_train(struct media *m, const struct path *path, struct span bytes, size_t piece);
static inline bool media_has_path(const struct media *m)
{
	return m->path.remote.family != ADDR_NONE;
}
enum setup media_setup(const struct media *m);
/* Ours; NULL without ICE. */
const char *media_ufrag(const struct media *m);
const char *media_pwd(const struct media *m);
/* When ICE last proved the path; TICK_NEVER: not yet, or without ICE. */
tick_t media_last_check(const struct media *m);
/* Does each message go to the same channel of the twin's leg? */
static inline bool media_is_bridge(const struct media *m)
{
	return m->spec.proxy == PROXY_DC_APPLICATION && m->spec.link == NULL;
}

/* checks.c: lives as long as its media. */
struct checks *checks_create(struct media *m); /* NULL: out of memory */
void checks_destroy(struct checks *c);
/* Begins, where enough is known and nothing is under way. */
void checks_go(struct checks *c);
/* The server's address or credentials changed; `anew`: with new credentials of ours. */
void checks_restart(struct checks *c, bool anew);
void checks_input(struct checks *c, const struct path *path, struct span dgram);
const struct ice_credentials *checks_own(const struct checks *c);
tick_t checks_last(const struct checks *c);

/* leg.c */
void leg_init(struct leg *l, struct media *m);
void leg_finish(struct leg *l);
/* The remote side, the path or the certificate changed: begin what can begin. */
void leg_go(struct leg *l);
void leg_input(struct leg *l, const struct path *path, struct span dgram);
/* Ends the association at once and tells the controller; a new handshake is allowed. */
void leg_end(struct leg *l, enum close_reason reason, const char *detail);
/* The same where no association came to be: no handshake came through. */
void leg_failed(struct leg *l, enum close_reason reason, const char *detail);
/* The controller says again what it wants: a handshake of ours that failed may be tried again. */
void leg_revive(struct leg *l);
/* SCTP shutdown, close_notify; at most LINGER_US. */
void leg_close(struct leg *l, enum close_reason reason);
/* Forgets the association in favour of a new one that the remote side asked for. */
void leg_restart(struct leg *l);
void leg_work(struct leg *l); /* association events */
void leg_busy(struct leg *l);

/* leg_channels.c */
/* Those that are agreed; the association is new. */
void leg_open_streams(struct leg *l);
void leg_channel_opened(struct leg *l, uint16_t sid);
void leg_channel_closed(struct leg *l, uint16_t sid, enum close_reason reason);
/* Agreed streams that were closed are opened again; the association is there. */
void leg_reopen_streams(struct leg *l);
/* The streams of the spec changed from `old` to what the media has now. */
void leg_sync_streams(struct leg *l, const struct media_spec *old);

/* handshake.c */
void shake_input(struct leg *l, const struct path *path, struct span dgram);
bool shake_start_client(struct leg *l); /* false: no room now */
/*
 * The signalled address changed: our handshake follows it, those of
 * sources that are no longer believed end.
 */
void shakes_move(struct leg *l);
void shakes_replay_early(struct leg *l);
void shakes_expire(struct leg *l);
tick_t shakes_deadline(const struct leg *l);
void shakes_finish(struct leg *l);
/* The one that a datagram of this path would be for; NULL: none is under way there. */
struct shake *shake_find(const struct leg *l, const struct path *path);
/* It has won: no longer one of those under way. */
void shake_leave(struct shake *s);
void shake_destroy(struct shake *s);
/* Without ICE only the signalled source counts, until policy says that another may prove itself. */
bool source_is_allowed(const struct leg *l, const struct path *path);
/* leg.c: a handshake came through. */
void leg_secured(struct leg *l, struct shake *s);

/* channel.c */
static inline struct relay *channel_relay(const struct channel *ch)
{
	return ch->leg->media->context->relay;
}
struct channel *channel_open(struct leg *l, uint16_t sid, const struct route_ops *route);
void channel_destroy(struct channel *ch);
struct channel *leg_channel(struct leg *l, uint16_t sid);
void channel_message(struct channel *ch, uint32_t ppid, struct span message);
/* Appends to channel->in; out of memory ends the channel. */
bool channel_append(struct channel *ch, struct span bytes);
/* The route took n bytes of channel->in. */
void channel_took(struct channel *ch, size_t n);
/* The route holds n bytes more, or less: counted and bounded with those of channel->in. */
void channel_queued(struct channel *ch, int64_t n);
/*
 * A message for the route to keep. NULL: out of memory; then a reliable channel ends, and of another
 * one the message is lost, and counted.
 */
struct message *channel_copy(struct channel *ch, uint32_t ppid, struct span bytes);
/* The route keeps it, counted as above, last in a queue, or before another one. */
void channel_keep(struct channel *ch, struct list_node *before, struct message *m);
void channel_forget(struct channel *ch, struct message *m); /* and frees it */
/* Opens or shuts the window as the bound says; after the route took, or did not take. */
void channel_look(struct channel *ch);
bool channel_is_full(const struct channel *ch);
/* May none of its messages be lost? */
bool channel_is_reliable(const struct channel *ch);
enum err channel_send(struct channel *ch, struct span bytes);
void channel_close(struct channel *ch, enum close_reason reason);
/* The most one message to this peer may hold. */
size_t channel_piece(const struct channel *ch);

/* route_http.c */
extern const struct route_ops route_http;

/* route_bridge.c */
extern const struct route_ops route_bridge;
/* A channel of the twin's leg that never opened, or is gone, takes its counterpart here with it. */
void bridge_far_closed(struct leg *far, uint16_t sid);
/* The id is free again on `l`: a counterpart that waited for it is opened here now. */
void bridge_freed(struct leg *l, uint16_t sid);
/* This leg's association is new: what the twin's leg has is opened here too. */
void bridge_leg_ready(struct leg *l);
/* Is the counterpart of this stream alive on the twin's leg? */
bool bridge_is_wanted(struct leg *l, uint16_t sid);

/* route_stream.c: channels that are joined with an application server over media->link */
extern const struct route_ops route_stream;

/* splice.c: DTLS on its way to the twin's peer, a datagram or a train of them. */
void splice_input(struct media *m, const struct path *path, struct span bytes, size_t piece);
