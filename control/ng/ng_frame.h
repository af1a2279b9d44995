/*
 * ng_frame.h: where a message of the ng protocol ends in a stream: "cookie dictionary", nothing
 * between messages but blanks and line ends.
 *
 * Only as much is understood as it takes to find the end: whoever reads the message judges it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dcmf/base/span.h"

#define NG_MESSAGE_MAX \
	(320u << 10)      /* bytes, ours: the largest SDP we take, and what is around it */
#define NG_COOKIE_MAX 255 /* bytes, ours */

/* Zeroed: nothing of the message has been looked at. */
struct ng_frame {
	size_t at; /* bytes that were looked at */
	size_t blanks;
	unsigned depth;
	char form; /* 0: the cookie is not over; 'd' or '{' */
	bool in_text, is_escaped;
};

enum ng_frame_end { NG_FRAME_MORE, NG_FRAME_WHOLE, NG_FRAME_BAD };

/*
 * `bytes`: everything since the end of the last message. NG_FRAME_WHOLE: *message is it, *len bytes
 * are used up, and the frame is zeroed for the next one. NG_FRAME_BAD: the stream is lost.
 */
enum ng_frame_end ng_frame_next(
	struct ng_frame *f, struct span bytes, struct span *message, size_t *len);
