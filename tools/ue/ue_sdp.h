/*
 * ue_sdp.h: offers and answers of a UE, written and read. Shares nothing with the gateway's own SDP code, so that the two
 * test one another.
 */
#pragma once

#include <stdbool.h>

#include "dcmf/base/addr.h"
#include "dcmf/ice/ice.h"
#include "dcmf/relay/spec.h"
#include "dtls/fingerprint.h"

#define UE_SIDS_MAX    16 /* bootstrap channels of one m-line, ours */
#define UE_STREAMS_MAX 32 /* channels agreed in one m-line, ours */
#define UE_TEXT_MAX    96 /* of a label or a protocol, with its end, ours */

enum ue_style {
	UE_STYLE_IMS,    /* an IMS phone: real address in c=, one dcmap a channel */
	UE_STYLE_WEBRTC, /* a browser: port 9, 0.0.0.0, candidates, no dcmap */
};

/* One channel agreed in SDP (a=dcmap, RFC 8864 5.1). */
struct ue_stream {
	uint16_t sid;
	struct channel_quality quality;
	char label[UE_TEXT_MAX], protocol[UE_TEXT_MAX]; /* empty: none */
};

/* What one m=application line of ours says. */
struct ue_media {
	enum ue_style style;
	struct addr local;
	bool ice;
	struct ice_credentials credentials;
	enum setup setup;
	struct fingerprint fingerprint;
	const char *tls_id;
	uint16_t sctp_port;
	uint32_t max_message; /* bytes; 0: any size, written so */
	struct ue_stream streams[UE_STREAMS_MAX];
	unsigned stream_count;
};

/* The other end, from what it sent. */
struct ue_remote {
	bool accepted; /* port not 0 */
	struct addr addr;
	struct addr other; /* a candidate of the other address family; not set: there is none */
	uint32_t priority, other_priority; /* of candidates; 0: the address is not one */
	bool ice, ice_lite;
	struct ice_credentials credentials;
	enum setup setup;
	struct fingerprint fingerprint;
	char tls_id[256]; /* empty: none */
	uint16_t sctp_port;
	uint32_t max_message;
	struct ue_stream streams[UE_STREAMS_MAX]; /* dcmap lines */
	unsigned stream_count;
};

/* A whole offer with one m-line a media, mem_alloc'ed; NULL: out of memory. `speech`: begins with an audio line, as a call. */
char *ue_sdp_write_offer(const struct ue_media *medias, unsigned count, bool speech);
/*
 * The whole answer to an offer, mem_alloc'ed: its data channel lines are answered with the medias in order, refused (port 0) where there
 * is none or where they are not offered; speech is accepted, everything else refused. NULL: out of memory.
 */
char *ue_sdp_write_answer(struct span offer, const struct ue_media *medias, unsigned count);

/*
 * Read the m=application lines in order; *count is room in, lines found out. NULL: fine; otherwise what is
 * wrong, a static text. An answer has to decide the roles, an offer may leave that open.
 */
const char *ue_sdp_read_offer(struct span sdp, struct ue_remote *medias, unsigned *count);
const char *ue_sdp_read_answer(struct span sdp, struct ue_remote *medias, unsigned *count);
