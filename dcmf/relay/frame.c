/* frame.c: messages of data channels on a byte stream, byte for byte as FRAMING.md says. */
#include "dcmf/relay/frame.h"

#define AFTER_LENGTH (FRAME_HEAD - 4) /* what `length` counts besides the payload */

void frame_head(
	uint8_t head[FRAME_HEAD], uint16_t sid, enum frame_type type, uint32_t value, size_t len)
{
	struct wr w = WR(head, FRAME_HEAD);

	wr_u32(&w, (uint32_t)(AFTER_LENGTH + len));
	wr_u16(&w, sid);
	wr_u16(&w, (uint16_t)type);
	wr_u32(&w, value);
}

void frame_reader_init(struct frame_reader *r, size_t max_payload)
{
	*r = (struct frame_reader){ .max = max_payload };
	r->part.limit = FRAME_HEAD + max_payload;
}

void frame_reader_finish(struct frame_reader *r)
{
	bytes_finish(&r->part);
}

/* False: no such length. */
static bool read_head(struct span head, struct frame *out, size_t *payload)
{
	struct rd rd = RD(head);
	uint32_t length = rd_u32(&rd);

	out->sid = rd_u16(&rd);
	out->type = rd_u16(&rd);
	out->value = rd_u32(&rd);
	out->payload = SPAN_NONE;
	*payload = length - AFTER_LENGTH;
	return length >= AFTER_LENGTH && *payload <= FRAME_PAYLOAD_MAX;
}

/* Moves bytes until `want` of the frame are there. */
static enum frame_got collect(struct frame_reader *r, struct span *in, size_t want)
{
	size_t missing = want > r->part.len ? want - r->part.len : 0;
	size_t n = missing < in->len ? missing : in->len;

	if (!bytes_append(&r->part, SPAN(in->p, n)))
		return FRAME_NO_MEMORY;
	*in = span_skip(*in, n);
	return n == missing ? FRAME_WHOLE : FRAME_MORE;
}

static void skip(struct frame_reader *r, struct span *in)
{
	size_t n = r->skip < in->len ? r->skip : in->len;

	r->skip -= n;
	*in = span_skip(*in, n);
}

static enum frame_got begin_to_skip(struct frame_reader *r, struct span *in, size_t payload)
{
	r->skip = r->part.len > 0 ? payload : FRAME_HEAD + payload;
	bytes_finish(&r->part);
	skip(r, in);
	return FRAME_TOO_LARGE;
}

enum frame_got frame_next(struct frame_reader *r, struct span *in, struct frame *out)
{
	enum frame_got got;
	size_t payload;

	if (r->is_told)
		bytes_take(&r->part, r->part.len);
	r->is_told = false;
	skip(r, in);
	if (in->len == 0)
		return FRAME_MORE;
	if ((r->part.len > 0 || in->len < FRAME_HEAD) &&
		(got = collect(r, in, FRAME_HEAD)) != FRAME_WHOLE)
		return got;
	if (!read_head(SPAN(r->part.len > 0 ? bytes_view(&r->part).p : in->p, FRAME_HEAD), out,
		    &payload))
		return FRAME_BROKEN;
	if (payload > r->max)
		return begin_to_skip(r, in, payload);
	if (r->part.len == 0 && in->len >= FRAME_HEAD + payload) { /* all of it: no copy */
		out->payload = SPAN(in->p + FRAME_HEAD, payload);
		*in = span_skip(*in, FRAME_HEAD + payload);
		return FRAME_WHOLE;
	}
	if ((got = collect(r, in, FRAME_HEAD + payload)) != FRAME_WHOLE)
		return got;
	out->payload = span_skip(bytes_view(&r->part), FRAME_HEAD);
	r->is_told = true;
	return FRAME_WHOLE;
}
