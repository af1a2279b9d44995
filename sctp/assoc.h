/*
 * assoc.h: one SCTP association over DTLS (RFC 8261) with the data
 * channels on it (RFC 8831, 8832, 8864).
 *
 *     a = assoc_create(&config);          both sides connect (simultaneous open, RFC 8841 9.3)
 *     assoc_add_channel(a, ...)           for each channel agreed in SDP; before or after it is up
 *     assoc_input(a, now, packet)         plaintext of one DTLS record
 *     while (assoc_next_event(a, &ev))    when config.ready was called
 *     assoc_send(a, sid, ppid, message)
 *     assoc_shutdown(a)                   orderly; wait for ASSOC_CLOSED as long as you like
 *     assoc_destroy(a)                    ABORT if it still lives
 *
 * Back-pressure: messages stay inside until assoc_next_event() fetches them; after assoc_hold(a,
 * true) none are fetched, the receive window closes and the peer stops. The stack keeps messages
 * and what it has to tell in one line, so an event that came behind an unread message waits with
 * it: resets, ACKs, and an orderly end. What came before the first unread message is told, and so
 * are CHANNEL_WRITABLE, what we do ourselves, and a loss (ABORT, path): ASSOC_CLOSED then comes at
 * once and unread messages are gone.
 *
 * A channel is named by its stream id. A stream id is free again only when both directions are
 * reset (RFC 8831 6.7).
 */
#pragma once

#include "dcmf/base/close.h"
#include "dcmf/base/err.h"
#include "dcmf/base/span.h"
#include "dcmf/base/tick.h"
#include "sctp/dcep.h"

#define SCTP_SID_MAX   65534
#define SCTP_LABEL_MAX 255 /* ours: bytes of label and of protocol we keep; longer ones are cut */

/* The stack makes packets of this length, whatever it is told. */
#define ASSOC_MTU_MIN 524

struct assoc_config {
	/* As in SDP; the private port inside usrsctp never shows on the wire. */
	uint16_t local_port, remote_port;
	/* Largest SCTP packet, bytes: DTLS MTU less the record overhead; ASSOC_MTU_MIN at least. */
	uint16_t mtu;
	uint16_t channels;    /* how many are known already: the stack has room for them at once */
	uint16_t max_streams; /* ids are below this, ours and the peer's; costs nothing by itself */
	uint32_t send_buffer; /* bytes */
	uint32_t receive_buffer;     /* bytes; raised to twice local_max_message */
	uint32_t remote_max_message; /* bytes the peer takes, 0: any size (RFC 8841 6.1) */
	uint32_t local_max_message;  /* bytes we take; a peer that sends more is cut off */
	bool dtls_client;            /* decides the parity of DCEP ids: client even, server odd */
	bool accept_dcep;            /* channels may be opened by DATA_CHANNEL_OPEN */
	/* Each packet to send, on the stack of the call that caused it: only pass it to DTLS. */
	void (*output)(void *arg, struct span packet);
	/*
	 * There may be something for assoc_next_event(): called on the stack of
	 * assoc_* and sctp_expire(), once until that has returned false, and
	 * only to be remembered. May be NULL.
	 */
	void (*ready)(void *arg);
	void *arg;
};

struct assoc;

/*
 * Starts connecting. NULL: out of memory, no private port left, an impossible configuration, or no
 * sctp_start().
 */
struct assoc *assoc_create(const struct assoc_config *config, tick_t now);
void assoc_destroy(struct assoc *a);

void assoc_input(struct assoc *a, tick_t now, struct span packet);

/*
 * Watchdog of this association alone: set-up not finished, data in flight without progress.
 * TICK_NEVER when idle.
 */
tick_t assoc_deadline(const struct assoc *a);
void assoc_expire(struct assoc *a, tick_t now);

enum assoc_event_kind {
	ASSOC_OPEN,       /* established */
	ASSOC_CLOSED,     /* `reason`; nothing follows, every channel is gone */
	CHANNEL_OPEN,     /* negotiated: when the association is up; DCEP: on OPEN or ACK */
	CHANNEL_MESSAGE,  /* `ppid`, `message`, `more` */
	CHANNEL_WRITABLE, /* after ERR_BLOCKED: try again */
	CHANNEL_CLOSED,   /* `reason`; the id may be used again */
};

struct assoc_event {
	enum assoc_event_kind kind;
	uint16_t sid;
	uint16_t streams; /* ASSOC_OPEN: our ids are below this, as the peer lets us */
	enum close_reason reason;
	uint32_t ppid;
	bool unordered;
	bool more; /* never set: messages come whole; one too large ends the association */
	/*
	 * Read into one buffer of the process: valid until the next assoc_next_event() or
	 * assoc_create(), of whatever association. Empty for the empty PPIDs.
	 */
	struct span message;
};

bool assoc_next_event(struct assoc *a, tick_t now, struct assoc_event *out);
void assoc_hold(struct assoc *a, bool hold);

enum assoc_state { ASSOC_CONNECTING, ASSOC_UP, ASSOC_SHUTTING, ASSOC_DOWN };
enum assoc_state assoc_state(const struct assoc *a);
void *assoc_arg(const struct assoc *a); /* config.arg */
/*
 * Orderly end: what is queued is delivered first, for at most 30 s.
 * ASSOC_CLOSED with LOCAL follows.
 */
void assoc_shutdown(struct assoc *a, tick_t now);

struct channel_config {
	uint16_t sid;
	struct channel_quality quality;
	struct span label, protocol; /* copied */
	bool negotiated; /* agreed outside: no DCEP. Otherwise we send DATA_CHANNEL_OPEN */
};

/*
 * ERR_EXISTS: the id is open or not yet fully reset; ERR_STREAM_RANGE: at or beyond max_streams;
 * ERR_DCEP_PARITY; ERR_NO_MEMORY; ERR_CLOSED.
 */
enum err assoc_add_channel(struct assoc *a, const struct channel_config *config);
/*
 * Resets our outgoing direction once its data has arrived; CHANNEL_CLOSED comes when
 * both directions are reset, or after 30 s: then the id stays taken (ERR_EXISTS)
 * until the peer's reset comes, at most two minutes more. Unknown ids are ignored.
 * Messages still to come on it are dropped.
 */
void assoc_close_channel(struct assoc *a, uint16_t sid, tick_t now);

/*
 * One whole message. `ppid` stands for itself; an empty message is sent in the empty form of
 * PPID_STRING or PPID_BINARY. A channel we open ourselves takes messages from the moment its
 * DATA_CHANNEL_OPEN is sent, before CHANNEL_OPEN.
 *
 * ERR_BLOCKED: nothing was taken, CHANNEL_WRITABLE follows. ERR_MESSAGE_SIZE: beyond
 * remote_max_message or send_buffer. ERR_STATE (not open), ERR_NOT_FOUND, ERR_CLOSED.
 * ERR_UNSUPPORTED: PPID_DCEP, or an empty message that is neither string nor binary, or bytes with
 * an empty PPID.
 */
enum err assoc_send(struct assoc *a, tick_t now, uint16_t sid, uint32_t ppid, struct span message);

/*
 * What is known of a channel; NULL for an unknown id. Valid until
 * the next call on this association.
 */
struct channel_view {
	uint16_t sid;
	struct channel_quality quality;
	const char *label, *protocol; /* never NULL */
	bool negotiated, open;
	uint64_t messages_in, messages_out, bytes_in, bytes_out;
};

const struct channel_view *assoc_channel(const struct assoc *a, uint16_t sid);
/* Walks the channels in order of their ids: start with *at = 0; NULL at the end. */
const struct channel_view *assoc_next_channel(const struct assoc *a, size_t *at);

/*
 * Asks the peer for a sign of life: one HEARTBEAT, no timer (SPP_HB_DEMAND). Whoever watches the
 * path calls it when nothing was heard for a while; the answer shows as a packet in assoc_input().
 */
void assoc_probe(struct assoc *a, tick_t now);

/*
 * Bytes the peer has not acknowledged yet, queued ones included, with
 * the chunk headers of those sent.
 */
size_t assoc_unsent(const struct assoc *a);
