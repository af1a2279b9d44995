/*
 * stun.h: binding requests and their responses (RFC 8489, RFC 8445 7) on libnice's codec. Inside
 * this folder only: the two agents, ICE Lite and the checker, stand on it.
 *
 * libnice proves and writes messages. What it takes for granted is looked at first: see
 * stun_shape().
 */
#pragma once

#include <stun/stunagent.h>

#include "dcmf/ice/ice.h"

#define STUN_UNKNOWN_MAX 8 /* ours: unknown attributes named in a 420 */

struct stun_codec {
	StunAgent agent; /* between two calls it remembers no transaction */
};

enum stun_type {
	STUN_TYPE_REQUEST = 0x0001,
	STUN_TYPE_INDICATION = 0x0011,
	STUN_TYPE_SUCCESS = 0x0101,
	STUN_TYPE_FAILURE = 0x0111,
};

/* What a message consists of; nothing is proved yet. The spans point into it. */
struct stun_shape {
	uint16_t type;
	struct span id;   /* magic cookie and transaction id, 16 bytes */
	struct span user; /* USERNAME; p is NULL when there is none */
	bool has_integrity, has_fingerprint;
	uint16_t unknown[STUN_UNKNOWN_MAX]; /* attributes one must understand, and we do not */
	size_t unknown_count;
};

/*
 * False: no STUN message whose parts add up. MESSAGE-INTEGRITY has its 20 bytes (libnice
 * would read them unasked), FINGERPRINT comes last, and nothing else after
 * MESSAGE-INTEGRITY is looked at (RFC 8489 14.5).
 */
bool stun_shape(struct span dgram, struct stun_shape *out);

/* "receiver:sender", cut at the first colon. False without one. */
bool stun_split_user(struct span user, struct span *receiver, struct span *sender);

/* The receiver's password for this user name, or NULL for a stranger. */
typedef const char *stun_password_fn(void *arg, struct span receiver, struct span sender);

enum stun_role { STUN_ROLE_UNSAID, STUN_ROLE_CONTROLLING, STUN_ROLE_CONTROLLED };

/* A binding request that was proved. */
struct stun_request {
	StunMessage msg; /* refers to the datagram and to the password */
	enum stun_role role;
	uint64_t tie_breaker;
	bool use_candidate;
};

enum stun_proof {
	STUN_BROKEN,   /* user name, integrity or fingerprint missing, or the fingerprint wrong */
	STUN_STRANGER, /* user name or integrity wrong */
	STUN_UNKNOWN,  /* authentic, with an attribute that one must understand and we do not */
	STUN_PROVED,
};

/*
 * `shape` is that of `dgram` and of a request. Where RFC 8489 asks for an
 * error response, `reply` holds it.
 */
enum stun_proof stun_prove_request(struct stun_codec *c, struct span dgram,
	const struct stun_shape *shape, stun_password_fn *password, void *arg,
	struct stun_request *out, struct ice_reply *reply);

void stun_answer(struct stun_codec *c, const struct stun_request *req, const struct addr *mapped,
	struct ice_reply *reply);
void stun_refuse(struct stun_codec *c, const struct stun_request *req, StunError code,
	struct ice_reply *reply);

/*
 * A check of a controlling agent with USE-CANDIDATE; 0 when it does not fit. `id` is for
 * stun_prove_response().
 */
size_t stun_write_check(struct stun_codec *c, const char *user, const char *password,
	uint64_t tie_breaker, struct span *id, uint8_t *buf, size_t cap);
/* A success response to the request `id` that we signed with `password`? */
bool stun_prove_response(struct stun_codec *c, struct span dgram, struct span id,
	const char *password, struct addr *mapped);
