/*
 * frame.h: messages of data channels on a byte stream, byte for byte as FRAMING.md says.
 *
 *     frame_head(head, sid, FRAME_MESSAGE, ppid, len)      then the payload
 *
 *     while ((got = frame_next(&reader, &in, &frame)) != FRAME_MORE)
 *             ...                                          one frame, or the end of all
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dcmf/base/bytes.h"

#define FRAME_HEAD        12
#define FRAME_PAYLOAD_MAX (16u << 20)
#define FRAME_VERSION     1

enum frame_type { FRAME_MESSAGE, FRAME_OPEN, FRAME_CLOSE, FRAME_HELLO };

struct frame {
	uint16_t sid;
	uint16_t type;       /* enum frame_type, or one we do not know */
	uint32_t value;      /* of a message its PPID */
	struct span payload; /* valid until the next call */
};

/* `len`: of the payload, at most FRAME_PAYLOAD_MAX. */
void frame_head(
	uint8_t head[FRAME_HEAD], uint16_t sid, enum frame_type type, uint32_t value, size_t len);

enum frame_got {
	FRAME_MORE,      /* all was taken, and the next frame is not complete */
	FRAME_WHOLE,     /* *out is filled */
	FRAME_TOO_LARGE, /* *out is filled but for its payload, which is skipped as it comes */
	FRAME_BROKEN,    /* no such length: nothing more can be understood */
	FRAME_NO_MEMORY, /* likewise: a part of the stream is lost */
};

struct frame_reader {
	struct bytes part; /* the beginning of a frame */
	size_t skip;       /* bytes still to come of a frame that is too large */
	size_t max;        /* bytes of a payload */
	bool is_told;      /* `part` was handed out, and goes with the next call */
};

void frame_reader_init(struct frame_reader *r, size_t max_payload);
void frame_reader_finish(struct frame_reader *r);
/* Takes from the front of *in. Only what has come is stored, never what a length promises. */
enum frame_got frame_next(struct frame_reader *r, struct span *in, struct frame *out);
