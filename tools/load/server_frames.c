/* server_frames.c: messages of data channels on a TCP connection (dcmf/relay/FRAMING.md), said back on the same stream. */
#include "tools/load/server_parts.h"

#include "dcmf/base/span.h"

#define HEAD       12
#define LENGTH_MAX (8 + (16u << 20))

enum type { MESSAGE, OPEN, CLOSE, HELLO };

/* What is to be said to a whole frame: nothing to OPEN, HELLO, and what a later version may bring. */
static bool answer(struct bytes *out, uint16_t type, struct span frame)
{
	if (type != MESSAGE && type != CLOSE)
		return true;
	return bytes_append(out, frame); /* an echo, or the CLOSE that a CLOSE is answered by */
}

bool server_echo_frames(struct bytes *in, struct bytes *out)
{
	for (;;) {
		struct span view = bytes_view(in);
		struct rd r = RD(view);
		uint32_t length = rd_u32(&r);
		uint16_t type;

		if (r.failed)
			return true;
		if (length < HEAD - 4 || length > LENGTH_MAX)
			return false;
		if (view.len < 4 + (size_t)length)
			return true;
		rd_u16(&r); /* the stream */
		type = rd_u16(&r);
		/* a whole frame that finds no room is tried again when more comes */
		if (bytes_room(out) < 4 + (size_t)length)
			return true;
		if (!answer(out, type, SPAN(view.p, 4 + (size_t)length)))
			return false;
		bytes_take(in, 4 + (size_t)length);
	}
}
