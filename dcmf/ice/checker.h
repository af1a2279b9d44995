/*
 * checker.h: a small controlling ICE agent with one remote candidate (RFC 8445 7.2.2, RFC 7675):
 * checks with aggressive nomination, retransmission and consent. For the traffic generator, the
 * flow tests and ICE Lite application servers.
 *
 *     c = ice_checker_create(&local, &remote, now)
 *     while (ice_checker_next(c, codec, now, buf, &len)) send it
 *     ice_checker_input(c, codec, now, dgram)         responses, and checks of the peer's
 *     ice_checker_deadline(), then ice_checker_next() again
 */
#pragma once

#include "dcmf/ice/ice.h"

struct ice_checker;

enum ice_checker_state { CHECKER_CHECKING, CHECKER_CONNECTED, CHECKER_FAILED };

/* Credentials are copied. NULL: out of memory. */
struct ice_checker *ice_checker_create(
	const struct ice_credentials *local, const struct ice_credentials *remote, tick_t now);
void ice_checker_destroy(struct ice_checker *c);

/* The next STUN message to send now, at most ICE_REPLY_MAX bytes; false when there is none. */
bool ice_checker_next(
	struct ice_checker *c, struct stun_codec *codec, tick_t now, uint8_t *buf, size_t *len);
/* False: not for us, malformed or unauthentic. */
bool ice_checker_input(struct ice_checker *c, struct stun_codec *codec, tick_t now,
	const struct addr *from, struct span dgram);
tick_t ice_checker_deadline(const struct ice_checker *c);
/* When the last valid response came; TICK_NEVER before the first. */
tick_t ice_checker_last_response(const struct ice_checker *c);
/* FAILED: no answer to the first checks within 39.5 s (RFC 8489 6.2.1), or no consent for 30 s. */
enum ice_checker_state ice_checker_state(const struct ice_checker *c);
