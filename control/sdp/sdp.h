/*
 * sdp.h: session descriptions (RFC 8866) as far as m=application lines need
 * them, everything else kept byte for byte.
 *
 *     sdp = sdp_parse(text, &problem)
 *     doc = sdp_document(sdp, dc_media, owner, &problem)     the offer as a document
 *     ... context.create with it; `filled` comes back ...
 *     text = sdp_answer(sdp, filled, &problem)               the gateway's own answer
 *
 * What is served: `UDP/DTLS/SCTP webrtc-datachannel` (RFC 8841), and `DTLS/SCTP` as it was before
 * the RFC, with a=sctpmap or with `webrtc-datachannel`. What is seen and not served, so that its
 * answer is port 0: TCP/DTLS/SCTP and everything that is no data channel.
 */
#pragma once

#include <jansson.h>

#include "control/problem.h"
#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"
#include "dcmf/ice/ice.h"
#include "dcmf/relay/spec.h"

#define SDP_MAX            (256u << 10) /* bytes, ours */
#define SDP_MEDIAS_MAX     64
#define SDP_DCMAPS_MAX     256
#define SDP_CANDIDATES_MAX 32 /* ours; further ones still take part in the choice of the best */
#define SDP_MID_MAX        71 /* ours */

/* One a=dcmap line (RFC 8864 5.1). */
struct sdp_dcmap {
	uint16_t sid;
	struct channel_quality quality;
	struct span label, subprotocol; /* unescaped, owned by the sdp; empty when absent */
	struct span line;               /* the whole line without its end */
};

/*
 * One m= section, session-level fingerprint, setup, ICE and c= inherited.
 * Spans point into the sdp's own copy.
 */
struct sdp_media {
	unsigned line;                /* number of its m= line, from 1 */
	struct span whole;            /* m= line to the end of the section, line ends included */
	struct span type, proto, fmt; /* "application", "UDP/DTLS/SCTP", "webrtc-datachannel" */
	uint16_t port;
	bool is_datachannel; /* m=application over (UDP/)DTLS/SCTP that we can serve */
	bool is_legacy;      /* DTLS/SCTP, the form before RFC 8841 */
	bool bundle_only;
	int bundle;          /* number of the a=group:BUNDLE line that names it, from 0; -1: none */
	struct span mid;     /* empty when absent */
	struct span sctpmap; /* its value, where the format is a port (legacy); else empty */
	bool has_connection; /* the section or the session has a c= */
	/*
	 * c= and port; ADDR_NONE when nothing can be sent there: a name,
	 * 0.0.0.0, multicast, port 0 or 9.
	 */
	struct addr connection;
	enum setup setup; /* SETUP_NONE when absent */
	struct span tls_id;
	struct fingerprint fingerprint[SPEC_FINGERPRINTS_MAX]; /* strong ones */
	unsigned fingerprint_count;
	unsigned weak_fingerprints; /* below SHA-256, or of a hash nobody here knows */
	unsigned weak_line;         /* where the last of them stands */
	uint16_t sctp_port;         /* 5000 when absent */
	uint32_t max_message;       /* 65536 when absent; 0: any */
	struct span ice_ufrag, ice_pwd;
	bool ice_lite, ice2, end_of_candidates;
	struct span *candidates; /* the lines' values after "a="; owned by the sdp */
	unsigned candidate_count;
	struct addr candidate; /* best usable UDP host/srflx/relay one; ADDR_NONE: none (trickle) */
	uint32_t candidate_priority;
	struct sdp_dcmap *dcmaps; /* ordered by sid; owned by the sdp */
	unsigned dcmap_count;
};

struct sdp {
	char *text; /* own copy */
	size_t len;
	struct span session; /* everything before the first m= */
	uint64_t version;    /* third field of o=; 1 where it is no number */
	struct sdp_media *medias;
	unsigned media_count;
	uint8_t *words; /* labels and subprotocols, unescaped */
	size_t words_len;
};

/*
 * NULL: *p says which line cannot be understood (BAD_SDP). LF and CRLF line ends are taken;
 * unknown lines and attributes are kept. Attributes of sections that are no data channels, or
 * are refused by port 0, are not ours to judge.
 */
struct sdp *sdp_parse(struct span text, struct problem *p);
void sdp_destroy(struct sdp *s);

/* The mediaId of a section: its a=mid, or its index as text. Returns buf. */
const char *sdp_media_id(const struct sdp *s, unsigned media, char buf[72]);

/*
 * A MediaContext document for the sections that end here: those that `dc_media` (mediaId or "*" to
 * a partial DcMedia, null to leave a section out) claims, and those whose channels are all local
 * bootstrap channels (0, 10) where it does not speak of them. One termination "ue". Sections with
 * port 0 (not bundle-only) or no data channels are left out; none left at all is a problem, and so
 * is a mediaId that the SDP does not have. `owner` and dc_media may be NULL. A new reference.
 *
 * - Channels are the a=dcmap lines, reduced to `streams` of dc_media where it has any. Without
 *   dcmap lines they are `streams` of dc_media, or none, and dcmf.acceptDcep is true: no id is made
 *   up, because DATA_CHANNEL_OPEN on an agreed id is refused, and a browser that is the DTLS client
 *   opens 0 first.
 * - TS 29.176 has no attribute for labels and counts message sizes in KiB up to 64, so MediaInfo's
 *   dcmf has `labels` (stream id to text) and the exact `maxMessageSize` in bytes: the remote
 *   side's here, the gateway's in what sdp_answer() reads.
 * - Without mediaProxyConfig, bootstrap channels get HTTP_PROXY; application channels without it
 *   are a problem.
 * - remoteMbEndpoint is the best candidate, else c= and port; left out when nothing can be sent
 *   there yet.
 * - dcmf.ice is the remote side's. A Lite peer never sends checks and ours is a Lite side too, so
 *   it is answered without ICE, which means the default addresses to both (RFC 8445 6.1.1).
 * - Bundled sections share a transport (RFC 8843); each section we end has its own. So of several
 *   claimed sections of a bundle, those that are bundle-only cannot be served beside the first:
 *   they are left out, or a problem where dc_media names them.
 */
json_t *sdp_document(
	const struct sdp *s, const json_t *dc_media, const char *owner, struct problem *p);

/*
 * The gateway's answer: every m-line in order, port 0 where it does not end here, a=mid repeated,
 * a=group:BUNDLE reduced to accepted mids, 3gpp-* and accepted dcmap/dcsa lines repeated, nothing
 * else. `filled` is the document with the gateway's endpoints. mem_alloc'ed.
 *
 * Several accepted sections of one bundle would have to share a transport: their group is left out,
 * which answers "not bundled". The version in o= is the offer's, so that it grows with every new
 * offer; the session id comes from the contextId.
 */
char *sdp_answer(const struct sdp *s, const json_t *filled, struct problem *p);
