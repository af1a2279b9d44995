/*
 * ice.h: the ICE Lite side of a media (RFC 8445 2.5, RFC 8839, RFC
 * 7675), as bytes in and bytes out.
 *
 * It answers connectivity checks and never sends any. A path becomes usable when a check with valid
 * MESSAGE-INTEGRITY came over it, selected when the check carried USE-CANDIDATE; every valid check
 * renews consent.
 */
#pragma once

#include "dcmf/base/dgram.h"
#include "dcmf/base/span.h"
#include "dcmf/base/tick.h"

#define ICE_UFRAG_LEN 8  /* ours; RFC 8839 5.4 asks for 4..256 */
#define ICE_PWD_LEN   24 /* ours; 22..256 */
#define ICE_TEXT_MAX  256
#define ICE_REPLY_MAX 640 /* a check with the longest user name fits (RFC 8489 14.3: 513 bytes) */
#define ICE_PATHS_MAX 8   /* ours: validated paths remembered a media */

/* The STUN codec (libnice's StunAgent); one a process is enough. */
struct stun_codec;
struct stun_codec *stun_codec_create(void); /* NULL: out of memory */
void stun_codec_destroy(struct stun_codec *c);

struct ice_credentials {
	char ufrag[ICE_TEXT_MAX + 1];
	char pwd[ICE_TEXT_MAX + 1];
};

/* Is it STUN (first byte 0..3, magic cookie, length)? Cheap; proves nothing. */
bool stun_is_one(struct span dgram);
/*
 * The part of USERNAME that names the receiver ("ours:theirs"), for finding the media a datagram
 * from an unknown path belongs to. False: no STUN request, or no user name. Nothing is verified.
 * *ufrag points into dgram.
 */
bool stun_receiver(struct span dgram, struct span *ufrag);

struct ice_lite;

/* Makes fresh local credentials. `remote` may be NULL (not known yet). NULL: out of memory. */
struct ice_lite *ice_lite_create(const struct ice_credentials *remote, tick_t now);
void ice_lite_destroy(struct ice_lite *ice);

const char *ice_lite_ufrag(const struct ice_lite *ice);
const char *ice_lite_pwd(const struct ice_lite *ice);
/*
 * The remote side became known or changed its mind; fresh remote credentials with fresh local ones
 * are an ICE restart.
 */
bool ice_lite_set_remote(struct ice_lite *ice, const struct ice_credentials *remote);
/*
 * New local credentials (RFC 8445 9). The selected path stays usable until a check with the new
 * ones selects another. The previous credentials are accepted until then.
 */
void ice_lite_restart(struct ice_lite *ice);

enum ice_verdict {
	ICE_MALFORMED,    /* no check: not STUN, required attributes missing, or a keepalive */
	ICE_UNAUTHORIZED, /* refused: wrong user name, integrity or role, unknown attribute */
	ICE_CHECKED,      /* valid: send `reply`; the path is usable */
	ICE_SELECTED,     /* valid and nominated: send `reply`; this is the path now */
};

struct ice_reply {
	uint8_t bytes[ICE_REPLY_MAX];
	size_t len; /* 0: nothing to send */
};

/*
 * One STUN message. Whatever the verdict, `reply` goes back the way it came when its len is not 0;
 * an error to a stranger is 48 to 52 bytes. The last nomination wins: browsers nominate again when
 * they move to another network.
 */
enum ice_verdict ice_lite_input(struct ice_lite *ice, struct stun_codec *codec, tick_t now,
	const struct path *from, struct span dgram, struct ice_reply *reply);

/* Has a valid check come over exactly this path? */
bool ice_lite_knows(const struct ice_lite *ice, const struct path *path);
/*
 * The nominated path, or, as long as there is none, the last one checked;
 * NULL before the first valid check.
 */
const struct path *ice_lite_path(const struct ice_lite *ice);
/*
 * When the last valid check came; TICK_NEVER before the first. The
 * owner decides when that is path loss.
 */
tick_t ice_lite_last_check(const struct ice_lite *ice);
