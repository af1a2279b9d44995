/*
 * ue_sdp.h: the offer a UE writes and the answer it reads. Shares nothing with the gateway's own
 * SDP code, so that the two test one another.
 */
#pragma once

#include <stdbool.h>

#include "dcmf/base/addr.h"
#include "dcmf/ice/ice.h"
#include "dcmf/relay/spec.h"
#include "dtls/fingerprint.h"

#define UE_SIDS_MAX 16 /* channels of one m-line, ours */

enum ue_style {
	UE_STYLE_IMS,    /* an IMS phone: real address in c=, one dcmap a channel */
	UE_STYLE_WEBRTC, /* a browser: port 9, 0.0.0.0, candidates, no dcmap */
};

/* What one m=application line of an offer says. */
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
	uint16_t sids[UE_SIDS_MAX];
	unsigned sid_count;
};

/* The gateway's end, from the answer. */
struct ue_remote {
	bool accepted; /* port not 0 */
	struct addr addr;
	bool ice, ice_lite;
	struct ice_credentials credentials;
	enum setup setup;
	struct fingerprint fingerprint;
	char tls_id[256]; /* empty: none */
	uint16_t sctp_port;
	uint32_t max_message;
	uint16_t sids[UE_SIDS_MAX]; /* dcmap lines that came back */
	unsigned sid_count;
};

/*
 * A whole offer with one m-line a media, mem_alloc'ed; NULL: out of memory.
 * `speech`: begins with an audio line, as a call.
 */
char *ue_sdp_offer(const struct ue_media *medias, unsigned count, bool speech);

/*
 * Reads the m=application lines of an answer in order; *count is room in, lines found out. NULL:
 * fine; otherwise what is wrong, a static text.
 */
const char *ue_sdp_answer(struct span sdp, struct ue_remote *medias, unsigned *count);
