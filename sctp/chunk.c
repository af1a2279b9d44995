/* chunk.c: walks over the chunks of a packet and the parameters of a chunk. */
#include "sctp/chunk.h"

#include <string.h>

bool chunk_take(struct span *rest, struct span *item, uint16_t *length)
{
	struct rd r = RD(*rest);

	rd_u16(&r);
	*length = rd_u16(&r);
	if (r.failed || *length < 4 || *length > rest->len)
		return false;
	*item = SPAN(rest->p, *length);
	*rest = span_skip(*rest, chunk_padded(*length));
	return true;
}

size_t chunk_cut(uint8_t *packet, size_t len, size_t at, size_t length)
{
	size_t whole = chunk_padded(length);

	if (whole > len - at)
		whole = len - at;
	memmove(packet + at, packet + at + whole, len - at - whole);
	return len - whole;
}
