/*
 * ue.h: one m=application line of a UE: ICE, DTLS, SCTP, channels and an HTTP client on each, as bytes in and bytes out.
 *
 *     u = ue_create(&config, now)
 *     ue_media(u, &media); ue_sdp_write_offer(&media, 1, ...)    what to offer
 *     ue_connect(u, now, &remote)                            what was answered (ue_sdp_read_answer)
 *     ue_input(u, now, from, datagram)
 *     while (ue_next_event(u, now, &ev))                     after input, ue_expire(), and when config.ready was called
 *     while ((d = ue_next_dgram(u)))                         after that: datagrams to send, to be freed
 *     ue_deadline(u), ue_expire(u, now)
 *     ue_ask(u, &request)                                    any time; sent when the channel is open, at the next ue_next_event()
 *
 * It is built from the same dtls, sctp and ice layers as the gateway and never uses the relay. sctp_start() comes first; whoever owns
 * the clock calls sctp_expire(); whom that concerns says so through config.ready.
 */
#pragma once

#include "dcmf/base/close.h"
#include "dcmf/base/dgram.h"
#include "dtls/dtls.h"
#include "sctp/assoc.h"
#include "tools/ue/ue_http.h"
#include "tools/ue/ue_sdp.h"

#define UE_CHANNELS_MAX    64
#define UE_APPLICATION_SID 1000 /* application channels begin here (TS 26.114 6.2.10.1) */

struct ue;

struct ue_config {
	struct dtls_ctx *dtls;    /* with the UE's own certificate; a reference is taken */
	struct stun_codec *codec; /* shared by all UEs; stays the caller's; NULL: no ICE */
	bool ice;                 /* controlling checks to one candidate, nomination, consent */
	enum ue_style style;
	enum setup setup; /* what is offered */
	bool dcep; /* opens its bootstrap channel by DATA_CHANNEL_OPEN instead of a negotiated one */
	bool accept_dcep; /* the peer may open application channels by DATA_CHANNEL_OPEN */
	uint16_t sids
		[UE_SIDS_MAX]; /* bootstrap channels, HTTP on them; with dcep the first, moved to the parity of our role */
	unsigned sid_count;
	struct path local; /* number and address of our socket; remote is not looked at */
	uint16_t mtu;      /* largest datagram */
	uint16_t sctp_port;
	uint32_t max_message; /* bytes of a message we take, said in the offer; 0: any size */
	uint32_t
		piece; /* requests are cut into messages of at most so many bytes; 0: as the peer takes */
	uint32_t send_buffer, receive_buffer;
	/*
	 * ue_next_event() or ue_next_dgram() has something: called from anywhere inside, also from sctp_expire(), and only to be
	 * remembered. May be NULL.
	 */
	void (*ready)(void *arg);
	void *arg;
};

/* A phone: IMS style, no ICE, offers actpass, channel 0, messages of 1024 bytes. dtls and local are left empty. */
void ue_config_init(struct ue_config *config);

struct ue *ue_create(const struct ue_config *config, tick_t now); /* NULL: out of memory */
void ue_destroy(struct ue *u);                                    /* vanishes without a word */

void ue_media(const struct ue *u, struct ue_media *out); /* texts are valid as long as the UE */
/*
 * The first answer starts ICE and DTLS. A later one with other ICE credentials restarts ICE, and one after ue_renew() starts a new DTLS
 * association; otherwise what runs goes on. ERR_STATE: the line was not accepted, or roles do not fit; ERR_NO_MEMORY.
 */
enum err ue_connect(struct ue *u, tick_t now, const struct ue_remote *remote);
/*
 * The other way round: takes an offer, opens the channels it names (those below UE_APPLICATION_SID with an HTTP client), decides
 * our role and begins. ue_media() then is the answer. A further one is a re-offer, as a later answer above. Errors as
 * ue_connect() and ue_open().
 */
enum err ue_accept(struct ue *u, tick_t now, const struct ue_remote *offer);

/* New local ICE credentials for the next offer (RFC 8445 9). */
void ue_restart_ice(struct ue *u);
/* The next ue_connect() makes a new DTLS association, with a new tls-id, and another certificate unless `dtls` is NULL. */
void ue_renew(struct ue *u, struct dtls_ctx *dtls);
/* The network gave us another address. */
void ue_move(struct ue *u, const struct path *local);
/* Orderly end: SCTP shutdown, then close_notify; UE_CLOSED follows. */
void ue_close(struct ue *u, tick_t now);
/* No messages are taken from SCTP as long as it is held: a phone that is busy. */
void ue_hold(struct ue *u, bool hold);

void ue_input(struct ue *u, tick_t now, const struct addr *from, struct span dgram);
tick_t ue_deadline(const struct ue *u);
void ue_expire(struct ue *u, tick_t now);
struct dgram *ue_next_dgram(struct ue *u); /* NULL when empty; dgram_free() it */

/* ERR_NOT_FOUND: no such channel; others as ue_http_ask(). The sid is the configured one. */
enum err ue_ask(struct ue *u, const struct ue_request *request);
enum err ue_ask_raw(struct ue *u, uint16_t sid, struct span bytes, unsigned responses);
/* One message as it is, now, on a stream of the wire. As assoc_send(); after ERR_BLOCKED comes UE_WRITABLE. */
enum err ue_send(struct ue *u, tick_t now, uint16_t sid, uint32_t ppid, struct span message);
/* Adds a bootstrap channel, before or after the association is up. */
enum err ue_add_channel(struct ue *u, uint16_t sid);
/*
 * Adds an application channel: agreed in SDP, or opened by DATA_CHANNEL_OPEN with `dcep`. An id of the wrong parity for our DTLS role is
 * then moved to its neighbour, at once or when the association starts: UE_CHANNEL_OPEN says which it became. ERR_EXISTS,
 * ERR_LIMIT, and as assoc_add_channel().
 */
enum err ue_open(struct ue *u, const struct ue_stream *stream, bool dcep);
/* Resets its stream, of whatever kind it is. UE_CHANNEL_CLOSED follows, and the id is free. */
void ue_close_channel(struct ue *u, tick_t now, uint16_t sid);

enum ue_event_kind {
	UE_PATH_UP,        /* ICE has a nominated path */
	UE_SECURED,        /* DTLS is up: ue_dtls() tells about it */
	UE_CHANNEL_OPEN,   /* sid */
	UE_HEAD,           /* sid, response */
	UE_BODY,           /* sid, response, bytes */
	UE_RESPONSE_END,   /* sid, response */
	UE_GARBAGE,        /* sid: bytes that are no response */
	UE_MESSAGE,        /* sid, ppid, bytes, more, unordered: on an application channel */
	UE_WRITABLE,       /* sid: an application channel takes messages again */
	UE_CHANNEL_CLOSED, /* sid, reason; the channel is forgotten */
	UE_CLOSED, /* reason; nothing follows until the next ue_connect() after ue_renew() */
};

struct ue_event {
	enum ue_event_kind kind;
	uint16_t sid;
	enum close_reason reason;
	const struct ue_response *response; /* valid until the next call on this UE */
	uint32_t ppid;
	bool more, unordered;
	struct span bytes; /* valid until the next call on any UE */
};

bool ue_next_event(struct ue *u, tick_t now, struct ue_event *out);

const struct dtls *ue_dtls(const struct ue *u);   /* NULL: none */
const struct assoc *ue_assoc(const struct ue *u); /* NULL: none */
/* The id on the wire of a configured sid: another one only where DCEP moved it. */
uint16_t ue_wire_sid(const struct ue *u, uint16_t sid);
/* What is known of a channel; NULL: no such channel, or no association. */
const struct channel_view *ue_channel(const struct ue *u, uint16_t sid);
/* The id of the open channel with that label, whoever opened it. */
bool ue_find_label(const struct ue *u, const char *label, uint16_t *sid);
bool ue_is_client(const struct ue *u); /* DTLS role, once connected */
bool ue_has_path(const struct ue *u);  /* ICE has found one */
struct ue_stream ue_bootstrap_stream(uint16_t sid);
