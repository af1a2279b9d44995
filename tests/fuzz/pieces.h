/* pieces.h: a byte stream that arrives in pieces, each on a block of its own size, so that the sanitizer sees a read beyond its end. */
#pragma once

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dcmf/base/span.h"

/* Feeds the reader `step` bytes at a time, until it is over for it (`feed` says false) or the wire is empty. */
static inline void feed_pieces(
	struct span wire, size_t step, bool (*feed)(void *arg, struct span piece), void *arg)
{
	bool goes_on = true;

	while (wire.len > 0 && goes_on) {
		size_t n = step < wire.len ? step : wire.len;
		uint8_t *piece = malloc(n);

		memcpy(piece, wire.p, n);
		goes_on = feed(arg, SPAN(piece, n));
		free(piece);
		wire = span_skip(wire, n);
	}
}

/*
 * The rest of `input` is told as one piece, and in pieces of the size that its first byte says:
 * both stories, of `size` bytes without holes, must be the same.
 */
static inline void tell_twice(struct span input,
	void (*tell)(struct span wire, size_t step, void *story), void *whole, void *pieces,
	size_t size)
{
	struct span wire;

	if (input.len == 0)
		return;
	wire = span_skip(input, 1);
	tell(wire, SIZE_MAX, whole);
	tell(wire, input.p[0] % 64 + 1, pieces);
	assert(memcmp(whole, pieces, size) == 0);
}
