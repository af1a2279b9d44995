/*
 * spec.h: what a controller wants of a context: the MediaContext document of
 * TS 29.176 as plain C, without JSON.
 *
 * control/ decodes documents into it, the relay acts on it, and fills nothing in: what the relay
 * decides is read back from the relay (relay.h). Texts are mem_alloc'ed and owned by the spec; NULL
 * means absent. context_spec_finish() frees all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dcmf/base/addr.h"
#include "dcmf/ice/ice.h"
#include "dtls/fingerprint.h"
#include "sctp/dcep.h"

enum media_proxy { PROXY_HTTP, PROXY_UDP, PROXY_DC_APPLICATION };

/* Which reference point: to the UE; to the DCSF; to an application server (TS 23.228 Annex AC). */
enum hop { HOP_MB, HOP_MDC1, HOP_MDC2 };
const char *hop_name(uint8_t hop); /* "Mb", "MDC1", "MDC2" */

/* a=setup (RFC 4145, RFC 8842); NONE: not told yet. */
enum setup { SETUP_NONE, SETUP_ACTPASS, SETUP_ACTIVE, SETUP_PASSIVE };

/* One channel agreed outside DCEP (DcStream, a=dcmap). */
struct stream_spec {
	uint16_t sid;
	struct channel_quality quality;
	char *label, *subprotocol;
};

#define ROOT_ANY_SID \
	65535 /* no stream has this id: the root of every stream without one of its own */

/* The root of one stream (ReplaceHttpUrl) and where its host is. */
struct root_spec {
	uint16_t sid;
	char *url; /* absolute http or https */
	struct addr
		connect; /* the server's endpoint or resolved host; not set: cannot be fetched */
	uint8_t hop;     /* HOP_MDC1 or HOP_MDC2: whose TLS settings count */
};

/*
 * A server that takes the messages of a media's channels over something else than data channels.
 * Data channels toward a server are a media of their own, at another hop.
 */
enum link_protocol { LINK_TCP, LINK_TLS, LINK_UDP };
struct link_spec {
	uint8_t protocol;                 /* enum link_protocol */
	uint8_t hop;                      /* HOP_MDC1 or HOP_MDC2 */
	struct addr remote;               /* ADDR_NONE: not known yet */
	char *server_name;                /* of LINK_TLS, to be verified; NULL: the address */
	struct fingerprint *fingerprints; /* of LINK_TLS: its certificate is one of these */
	unsigned fingerprint_count;       /* 0: the configured authorities vouch for it */
	uint32_t max_message;             /* bytes the server takes; 0: any size */
};

#define SPEC_FINGERPRINTS_MAX 8
#define SPEC_STREAMS_MAX      256

struct media_spec {
	char *media_id;
	uint8_t proxy; /* enum media_proxy */
	uint8_t hop;   /* enum hop: who is on the other end */
	/*
	 * UDP_PROXY and DC_APPLICATION_PROXY join two medias of one context. At HOP_MB, where this
	 * is set, the other end is a server: over `link`, or else over the media of the same
	 * termination and media id at another hop. Where it is not set, it is the media of another
	 * termination with the mediaId of `twin` (associatedMediaId); NULL: with the same mediaId.
	 */
	bool has_server;
	struct link_spec *link;
	char *twin;
	/* Name of the configured media interface; NULL: the first of the right family. */
	char *interface;

	/*
	 * the remote side; each part may be unknown at first (TS 23.228
	 * AC.7.1: told later by PATCH).
	 */
	struct addr remote; /* remoteMbEndpoint; ADDR_NONE when not known */
	bool has_ice;       /* dcmf.ice is there: the peer speaks ICE */
	bool ice_checks;    /* the peer is ICE Lite and gets the checks from us; only servers */
	bool ice_restart;
	struct ice_credentials *ice; /* NULL: not known yet */
	struct fingerprint *fingerprints;
	unsigned fingerprint_count;  /* 0: not known yet */
	uint8_t remote_setup;        /* enum setup */
	uint8_t setup;               /* ours where the peer leaves it open; NONE: as configured */
	uint16_t remote_sctp_port;   /* 5000 when absent (RFC 8841) */
	uint32_t remote_max_message; /* bytes; 0: any size */
	char *remote_tls_id;         /* a new one asks for a new DTLS association (RFC 8842) */

	struct stream_spec *streams; /* ordered by sid */
	unsigned stream_count;
	bool accept_dcep;
	struct root_spec *roots;
	unsigned root_count;
};

/*
 * The far sides of a UE's medias that end at a server are a termination of their own, behind those of
 * the UEs, with the same id.
 */
struct termination_spec {
	char *termination_id;
	bool at_server; /* none of its medias is at HOP_MB */
	struct media_spec *medias;
	unsigned media_count;
};

struct context_spec {
	char *owner;
	struct termination_spec *terminations;
	unsigned termination_count;
};

/* What is said of an application media that stands alone. */
#define NO_TWIN_TEXT "an application media needs a server, or a twin in another termination"

/*
 * Are two medias of different terminations joined: by the name one gives, by the same mediaId where
 * neither gives one, or as the two sides of one media at different hops?
 */
bool media_specs_are_twins(const char *a_termination, const struct media_spec *a,
	const char *b_termination, const struct media_spec *b);
/* Does this media have a twin in another termination? */
bool context_spec_has_twin(const struct context_spec *spec, unsigned termination, unsigned media);

void context_spec_finish(struct context_spec *spec); /* copes with a half-built one */
void media_spec_finish(struct media_spec *m);
/* A deep copy. False: out of memory, and *to is finished. */
bool media_spec_copy(struct media_spec *to, const struct media_spec *from);
