/*
 * packet.h: what an SCTP packet must look like before the stack may see it.
 *
 * The stack is older than many fixes to its input validation, and a data channel
 * needs only part of SCTP. So a packet passes only when its lengths add up and when
 * it holds nothing that was not negotiated.
 */
#pragma once

#include <stdbool.h>

#include "dcmf/base/err.h"
#include "dcmf/base/span.h"

#define SCTP_PACKET_MAX 16384 /* the plaintext of one DTLS record */

/* What the screen learns in passing. */
struct packet_facts {
	bool has_data, has_sack, has_init, has_reset;
	bool has_skip;      /* FORWARD-TSN: messages are not to be waited for (RFC 3758) */
	uint8_t reconfigs;  /* RE-CONFIG chunks */
	uint32_t cum_tsn;   /* of the last SACK */
	uint32_t first_tsn; /* of an INIT or INIT ACK: the first the sender will use */
	/*
	 * A request to reset streams of the sender, once all up to this
	 * one has arrived (RFC 6525 4.1).
	 */
	uint32_t reset_tsn;
	struct span reset; /* the whole chunk without its padding, in the packet */
};

/*
 * ERR_OK, ERR_MALFORMED: lengths that do not add up, or ports other than these; ERR_UNSUPPORTED:
 * well formed, but not of a data channel (ASCONF, AUTH, I-DATA, ...).
 */
enum err packet_screen(
	struct span packet, uint16_t source, uint16_t destination, struct packet_facts *facts);

/* Of a packet of our own: has_data, has_sack, cum_tsn. */
void packet_sent_facts(struct span packet, struct packet_facts *facts);
