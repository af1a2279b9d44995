/*
 * dcep.c: reads and writes the two messages of the Data Channel
 * Establishment Protocol (RFC 8832 5).
 */
#include "sctp/dcep.h"

#define MESSAGE_ACK  0x02
#define MESSAGE_OPEN 0x03

#define TYPE_UNORDERED 0x80 /* RFC 8832 5.1: the high bit of the channel type */

bool dcep_is_open(struct span msg)
{
	return msg.len > 0 && msg.p[0] == MESSAGE_OPEN;
}

/* RFC 8832 5.2: one byte. What follows it means nothing, and is no reason to lose the channel. */
bool dcep_is_ack(struct span msg)
{
	return msg.len > 0 && msg.p[0] == MESSAGE_ACK;
}

enum err dcep_parse_open(struct span msg, struct dcep_open *out)
{
	struct rd r = RD(msg);
	uint8_t message = rd_u8(&r);
	uint8_t type = rd_u8(&r);
	uint16_t label_len, protocol_len;

	out->quality.unordered = (type & TYPE_UNORDERED) != 0;
	out->quality.reliability = (uint8_t)(type & ~TYPE_UNORDERED);
	out->quality.priority = rd_u16(&r);
	out->quality.limit = rd_u32(&r);
	label_len = rd_u16(&r);
	protocol_len = rd_u16(&r);
	out->label = rd_span(&r, label_len);
	out->protocol = rd_span(&r, protocol_len);

	if (r.failed || r.rest.len > 0 || message != MESSAGE_OPEN ||
		out->quality.reliability > MAX_LIFETIME)
		return ERR_DCEP_MALFORMED;
	if (out->quality.reliability == RELIABLE)
		out->quality.limit = 0; /* RFC 8832 5.1: to be ignored */
	return ERR_OK;
}

size_t dcep_write_open(const struct dcep_open *open, uint8_t *buf, size_t cap)
{
	const struct channel_quality *q = &open->quality;
	struct wr w = WR(buf, cap);

	if (open->label.len > UINT16_MAX || open->protocol.len > UINT16_MAX)
		return 0;
	wr_u8(&w, MESSAGE_OPEN);
	wr_u8(&w, (uint8_t)(q->reliability | (q->unordered ? TYPE_UNORDERED : 0)));
	wr_u16(&w, q->priority);
	wr_u32(&w, q->reliability == RELIABLE ? 0 : q->limit);
	wr_u16(&w, (uint16_t)open->label.len);
	wr_u16(&w, (uint16_t)open->protocol.len);
	wr_span(&w, open->label);
	wr_span(&w, open->protocol);
	return w.failed ? 0 : w.len;
}
