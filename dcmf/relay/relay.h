/*
 * relay.h: contexts, terminations, medias, legs, channels and routes of one worker,
 * in memory: no socket, no clock, no JSON.
 *
 *     r = relay_create(&config)                       its ops are the world
 *     relay_context_create(r, now, id, &spec, &fail)  a controller's wish
 *     relay_input(r, now, &path, dgram)               a datagram came
 *     relay_upstream_*(r, now, ...)                   an HTTP server answered
 *     relay_deadline(r), relay_expire(r, now)         time passed
 *     relay_turn_end(r, now)                          after each batch: events, and reaping
 *
 * The world is ports, datagrams out, upstream requests and events. Its functions are called on the
 * stack of these calls, must not call back into the relay, and only queue.
 */
#pragma once

#include "dcmf/base/close.h"
#include "dcmf/base/dgram.h"
#include "dcmf/base/err.h"
#include "dcmf/base/tick.h"
#include "dcmf/http/http.h"
#include "dcmf/relay/spec.h"
#include "dtls/dtls.h"
#include "sctp/assoc.h"

struct relay;
struct relay_context;

enum relay_event_type {
#define RELAY_EVENT(name, word) RELAY_EVENT_##name,
#include "dcmf/relay/events.def"
#undef RELAY_EVENT
	RELAY_EVENT_MAX
};

/* Event types as controllers know them: "dtls.connected". */
const char *relay_event_name(enum relay_event_type t);

struct relay_event {
	enum relay_event_type type;
	const char *context_id;
	const char *termination_id, *media_id, *owner; /* each may be NULL */
	uint8_t hop;              /* enum hop: of the side of the media that it is about */
	int32_t sid;              /* -1: not about a channel */
	enum close_reason reason; /* CLOSE_NONE where nothing ended */
	const char *detail;       /* a sentence, or NULL */
};

/* An HTTP request for the world to make. Everything is valid during the call only. */
struct relay_request {
	uint64_t tag; /* comes back in relay_upstream_*() */
	struct span method;
	const char *url;
	struct addr connect;
	uint8_t hop; /* enum hop: whose TLS settings count */
	const struct http_header *headers;
	size_t header_count;
	int64_t body_length; /* 0 none, -1 unknown */
};

struct relay_ops {
	/*
	 * A media port: `family` as the peer's (ADDR_NONE: any), `ice`: a shared port will do.
	 * Fills number and the bound address in *at (local), and what to tell the peer in
	 * *advertise.
	 */
	enum err (*port_open)(void *world, const char *interface, enum addr_family family, bool ice,
		struct path *at, struct addr *advertise);
	void (*port_close)(void *world, uint32_t number);
	void (*send)(void *world, const struct path *path, struct span dgram);
	/* A train (dcmf/base/dgram.h). NULL: send() for each of them. */
	void (*send_train)(void *world, const struct path *path, struct span bytes, size_t piece);
	void (*event)(void *world, const struct relay_event *event);
	/* 0: cannot be started. */
	uint64_t (*request_start)(void *world, const struct relay_request *request);
	size_t (*request_write)(void *world, uint64_t request, struct span bytes);
	void (*request_finish)(void *world, uint64_t request);
	void (*request_resume)(void *world, uint64_t request);
	void (*request_cancel)(void *world, uint64_t request);
	/* A connection to an application server. 0: out of memory; else relay_link_*() tell of it. */
	uint64_t (*link_open)(void *world, uint64_t tag, const struct link_spec *to);
	/*
	 * All or nothing: both parts behind each other, over UDP as one datagram. False: no room,
	 * relay_link_writable() follows; a datagram is never refused for that, but dropped.
	 */
	bool (*link_write)(void *world, uint64_t link, struct span head, struct span body);
	void (*link_pause)(void *world, uint64_t link, bool pause); /* reading */
	/* No word of it follows; what was written still leaves. */
	void (*link_close)(void *world, uint64_t link);
};

struct relay_config {
	const struct relay_ops *ops;
	void *world;
	struct dtls_ctx *dtls; /* for new legs; the relay takes a reference */
	uint16_t mtu;          /* largest DTLS datagram, DTLS_MTU_MIN..DTLS_MTU_MAX */
	/* Our role where the remote says actpass: SETUP_PASSIVE or SETUP_ACTIVE. */
	enum setup setup;
	/* Without ICE: whoever completes the handshake first need not be the signalled one. */
	bool latch;
	uint16_t max_streams;
	uint32_t max_message, send_buffer, receive_buffer; /* bytes */
	uint32_t channel_queue;  /* bytes a channel may hold for a slow route */
	int64_t channel_hold_us; /* how long it may be full */
	int64_t consent_us;      /* without a valid check for so long: path loss */
	int64_t silence_us;      /* without ICE: nothing heard for so long: path loss */
	int64_t handshake_us; /* DTLS and SCTP have to be up in this time from their first packet */
	/* A context whose peers sent nothing for so long, and its controller neither, ends; 0: never. */
	int64_t context_idle_us;
	int64_t request_us;       /* half a request and silence for so long: 408 and close */
	uint32_t half_open;       /* handshakes at once */
	uint32_t setup_rate;      /* handshakes begun a second; 0: any */
	uint32_t response_buffer; /* bytes of a reply of unknown length; beyond: 502 */
	/* Bytes held for slow phones and servers, all together; beyond, requests get 503. */
	size_t buffer_total;
};

/* Defaults as the configuration has them; ops, world and dtls are left empty. */
void relay_config_init(struct relay_config *config);

struct relay *relay_create(const struct relay_config *config, tick_t now); /* NULL: out of memory */
void relay_destroy(struct relay *r); /* every context ends at once, without orderly shutdown */
/* New legs use this certificate from now on; contexts that were told of the old one keep it. */
void relay_set_dtls(struct relay *r, struct dtls_ctx *dtls);

/* Which part of a wish was refused and why, for invalidParams. */
struct relay_refusal {
	enum err err;
	int termination, media; /* indexes, -1: the whole */
	char detail[160];
};

/*
 * All or nothing. `id` is the worker's own choice and copied. The spec stays the caller's.
 * NULL: *refusal tells why.
 */
struct relay_context *relay_context_create(struct relay *r, tick_t now, const char *id,
	const struct context_spec *spec, struct relay_refusal *refusal);
struct relay_context *relay_context_find(const struct relay *r, const char *id);
/*
 * Brings the context to the new wish without disturbing what stays the same; terminations and
 * medias are matched by their ids. A media gets a new DTLS association when fingerprints, tls-id
 * or setup role change, an ICE restart when its remote credentials change; streams are added and
 * reset one by one. False: nothing was changed.
 */
bool relay_context_update(struct relay *r, tick_t now, struct relay_context *c,
	const struct context_spec *spec, struct relay_refusal *refusal);
/*
 * Answers at once: the id is free, ports are given back when SCTP shutdown and
 * close_notify are through, at most 2 s later.
 */
void relay_context_delete(
	struct relay *r, tick_t now, struct relay_context *c, enum close_reason reason);

const char *relay_context_id(const struct relay_context *c);
size_t relay_context_count(const struct relay *r);
/* Walks them in no order: start with *at = 0; NULL at the end. */
struct relay_context *relay_context_next(const struct relay *r, size_t *at);

/*
 * What the relay decided for a media, and how it fares. Spans and texts are
 * valid until the next call on the relay.
 */
enum leg_state {
#define LEG_STATE(name, word) LEG_##name,
#include "dcmf/relay/leg_states.def"
#undef LEG_STATE
	LEG_STATE_MAX
};
const char *leg_state_name(enum leg_state s);

enum link_state {
#define LINK_STATE(name, word) LINK_##name,
#include "dcmf/relay/link_states.def"
#undef LINK_STATE
	LINK_STATE_MAX
};
const char *link_state_name(enum link_state s);
const char *link_protocol_name(enum link_protocol p); /* as mdc2Protocol has it: "TCP/TLS" */

/* How the connection to an application server fares. */
struct link_view {
	const struct link_spec *spec;
	enum link_state state;
	const struct addr *local; /* NULL: not connected */
	const char *protection;   /* as relay_link_opened() told last; NULL: not yet */
	const char *failure;      /* why it is tried again; NULL: nothing wrong */
	uint64_t messages_in, messages_out, bytes_in, bytes_out;
};

struct media_view {
	uint8_t hop; /* enum hop */
	bool passes; /* UDP_PROXY: DTLS passes through; `far` is what the peer is told as ours */
	const struct media_spec *
		far; /* the twin's remote side: fingerprints, tls-id, setup, SCTP port; NULL: none, or not told yet */
	struct addr local;               /* advertised */
	struct addr bound;               /* where the socket is */
	const char *ice_ufrag, *ice_pwd; /* NULL without ICE */
	bool ice_checks;                 /* we check, the peer is ICE Lite */
	const struct path *path;         /* where the peer is now; NULL: not known */
	tick_t last_check;               /* that succeeded; TICK_NEVER: none yet */
	const struct cert *cert;         /* ours, whose fingerprints the peer is told */
	const char *tls_id;              /* ours */
	enum setup setup;     /* ours, resolved; ACTPASS while the remote's is not known */
	uint16_t sctp_port;   /* ours */
	uint32_t max_message; /* what we take, bytes */
	enum leg_state state;
	enum close_reason reason; /* of the last end */
	bool secured;             /* info is valid */
	struct dtls_info info;
	const struct assoc *assoc; /* NULL: none yet */
	uint64_t datagrams_in, datagrams_out, bytes_in, bytes_out;
	/* Of the last HTTP connection: "TLSv1.3 ...", "none"; NULL: not used yet. */
	const char *upstream_protection;
	uint8_t upstream_hop;
	bool has_link;
	struct link_view link;
};

/* False: no such indexes. */
bool relay_media_view(const struct relay *r, const struct relay_context *c, unsigned termination,
	unsigned media, struct media_view *out);
/* The far side of the same media, where a server speaks data channels. False: it has none. */
bool relay_server_view(const struct relay *r, const struct relay_context *c, unsigned termination,
	unsigned media, struct media_view *out);

/* A datagram from a media port. */
void relay_input(struct relay *r, tick_t now, const struct path *path, struct span dgram);
/* A train (dcmf/base/dgram.h): as each datagram of it, but what is one for all is done once. */
void relay_input_train(
	struct relay *r, tick_t now, const struct path *path, struct span bytes, size_t piece);
/* A hint: datagrams from these paths come next. What they need is fetched, for all at once. */
void relay_foresee(const struct relay *r, const struct path *paths, size_t n);

/*
 * Upstream, by the tag of the request; unknown tags are ignored. See
 * dcmf/io/upstream.h for what each means.
 */
void relay_upstream_head(struct relay *r, tick_t now, uint64_t tag, int status,
	const struct http_headers *headers, int64_t length, const char *protection);
bool relay_upstream_body(struct relay *r, tick_t now, uint64_t tag, struct span bytes);
void relay_upstream_end(
	struct relay *r, tick_t now, uint64_t tag, const char *failed, bool timed_out);
void relay_upstream_writable(struct relay *r, tick_t now, uint64_t tag);

/* Connections to application servers, by their tag; unknown tags are ignored. */
void relay_link_opened(struct relay *r, tick_t now, uint64_t tag, const struct addr *local,
	const char *protection); /* "TLSv1.3 TLS_AES_128_GCM_SHA256", or "none" */
void relay_link_input(struct relay *r, tick_t now, uint64_t tag, struct span bytes);
void relay_link_writable(struct relay *r, tick_t now, uint64_t tag);
void relay_link_closed(struct relay *r, tick_t now, uint64_t tag, const char *why);

tick_t relay_deadline(const struct relay *r);
void relay_expire(struct relay *r, tick_t now);
void relay_turn_end(struct relay *r, tick_t now);
