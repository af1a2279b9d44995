/* wire.h: what a datagram on a media port is, by its first byte. */
#pragma once

#include <stdbool.h>

#include "dcmf/base/span.h"

enum wire_kind { WIRE_STUN, WIRE_DTLS, WIRE_RTP, WIRE_OTHER };

static inline enum wire_kind wire_kind(struct span d)
{
	uint8_t b = d.len > 0 ? d.p[0] : 255; /* RFC 7983, section 7 */

	if (b <= 3)
		return WIRE_STUN;
	if (b >= 20 && b <= 63)
		return WIRE_DTLS;
	if (b >= 128 && b <= 191)
		return WIRE_RTP;
	return WIRE_OTHER;
}

/* The DTLS content types that the relay tells apart (RFC 6347 4.1). */
enum { DTLS_ALERT_RECORD = 21, DTLS_HANDSHAKE_RECORD = 22, DTLS_DATA_RECORD = 23 };

/* The first record of a datagram: its content type, and is it still in the clear (epoch 0)? */
static inline bool wire_dtls_first(struct span d, uint8_t *type, bool *clear)
{
	if (d.len < 13)
		return false;
	*type = d.p[0];
	*clear = d.p[3] == 0 && d.p[4] == 0;
	return true;
}

/* Does it begin with a ClientHello, or a fragment of one? */
static inline bool wire_is_client_hello(struct span d)
{
	return d.len > 13 && d.p[0] == DTLS_HANDSHAKE_RECORD && d.p[3] == 0 && d.p[4] == 0 &&
	       d.p[13] == 1;
}

/*
 * The first bytes of the random of a ClientHello's first fragment (RFC
 * 6347 4.2.1); false for anything else.
 */
static inline bool wire_hello_random(struct span d, uint8_t random[8])
{
	static const uint8_t at_start[3];
	enum { OFFSET_AT = 13 + 6, RANDOM_AT = 13 + 12 + 2 };

	if (!wire_is_client_hello(d) || d.len < RANDOM_AT + 8 ||
		memcmp(d.p + OFFSET_AT, at_start, 3) != 0)
		return false;
	memcpy(random, d.p + RANDOM_AT, 8);
	return true;
}
