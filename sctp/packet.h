/*
 * packet.h: what an SCTP packet must look like before the stack may see it.
 *
 * The stack is older than many fixes to its input validation, and a data channel needs only part of SCTP. So a packet
 * passes only when its lengths add up and when it holds nothing that was not negotiated.
 */
#pragma once

#include <stdbool.h>

#include "dcmf/base/err.h"
#include "dcmf/base/span.h"

#define SCTP_PACKET_MAX 16384 /* the plaintext of one DTLS record */

/* What the screen learns in passing. */
struct packet_facts {
	bool has_sack;
	uint32_t cum_tsn; /* of the last SACK */
};

/*
 * ERR_OK, ERR_MALFORMED: lengths that do not add up, or ports other than these; ERR_UNSUPPORTED: well formed, but not of
 * a data channel (ASCONF, AUTH, I-DATA, ...).
 */
enum err packet_screen(
	struct span packet, uint16_t source, uint16_t destination, struct packet_facts *facts);
