/*
 * sdp.h: session descriptions (RFC 8866) as far as m=application lines need them, everything else kept byte for byte.
 *
 *     sdp = sdp_parse(text, &problem)
 *     doc = sdp_document(sdp, dc_media, options, &problem)      the MediaContext document of the offer
 *     ... context.create with it; `filled` comes back ...
 *     text = sdp_answer(sdp, filled, ...)                       the gateway's own answer
 */
#pragma once

#include <jansson.h>

#include "control/problem.h"
#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"
#include "dcmf/ice/ice.h"
#include "dcmf/relay/spec.h"

#define SDP_MAX        (256u << 10) /* bytes, ours */
#define SDP_MEDIAS_MAX 64
#define SDP_DCMAPS_MAX 256

/* One a=dcmap line (RFC 8864 5.1) with its dcsa lines. */
struct sdp_dcmap {
	uint16_t sid;
	struct channel_quality quality;
	struct span label, subprotocol; /* unescaped, owned by the sdp; empty when absent */
	struct span line;               /* the whole line without its end */
};

/* One m= section, session-level fingerprint, setup, ICE and c= inherited. Spans point into the sdp's own copy. */
struct sdp_media {
	struct span whole;      /* m= line to the end of the section, line ends included */
	struct span type, proto, fmt; /* "application", "UDP/DTLS/SCTP", "webrtc-datachannel" */
	uint16_t port;
	bool is_datachannel;    /* m=application over (UDP/)DTLS/SCTP that we can serve */
	bool is_legacy;         /* DTLS/SCTP with a=sctpmap */
	bool bundle_only;
	struct span mid;        /* empty when absent */
	struct addr connection; /* c= and port; ADDR_NONE for names and for 0.0.0.0 */
	enum setup setup;       /* SETUP_NONE when absent */
	struct span tls_id;
	struct fingerprint fingerprint[SPEC_FINGERPRINTS_MAX]; /* strong ones */
	unsigned fingerprint_count;
	unsigned weak_fingerprints;
	uint16_t sctp_port;       /* 5000 when absent */
	uint32_t max_message;     /* 65536 when absent; 0: any */
	struct span ice_ufrag, ice_pwd;
	bool ice_lite, ice2, end_of_candidates;
	struct span *candidates;  /* the lines' values after "a="; owned by the sdp */
	unsigned candidate_count;
	struct addr candidate;    /* best usable UDP host/srflx/relay candidate; ADDR_NONE when none (trickle) */
	struct sdp_dcmap *dcmaps; /* ordered by sid; owned by the sdp */
	unsigned dcmap_count;
};

struct sdp {
	char *text; /* own copy */
	size_t len;
	struct span session; /* everything before the first m= */
	struct sdp_media *medias;
	unsigned media_count;
};

/* NULL: *p says which line cannot be understood (BAD_SDP). LF and CRLF line ends are taken; unknown lines and attributes are kept. */
struct sdp *sdp_parse(struct span text, struct problem *p);
void sdp_destroy(struct sdp *s);

/* The mediaId of a section: its a=mid, or its index as text. Returns buf. */
const char *sdp_media_id(const struct sdp *s, unsigned media, char buf[72]);

/*
 * A MediaContext document for the sections that end here: those that `dc_media` (contract, section 3: mediaId or "*" to a partial DcMedia)
 * or policy claims. One termination "ue". Sections not claimed, with port 0 (not bundle-only) or not data channels are left out; none left
 * at all is a problem. `owner` may be NULL. A new reference.
 */
json_t *sdp_document(const struct sdp *s, const json_t *dc_media, const char *owner, struct problem *p);

/*
 * The gateway's answer: every m-line in order, port 0 where it does not end here, a=mid repeated, a=group:BUNDLE reduced to accepted mids,
 * 3gpp-* and accepted dcmap/dcsa lines repeated, nothing else. `filled` is the document with the gateway's endpoints. mem_alloc'ed.
 */
char *sdp_answer(const struct sdp *s, const json_t *filled, struct problem *p);
