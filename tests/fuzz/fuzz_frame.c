/*
 * fuzz_frame.c: frames of an application server, whole and in pieces of the size the first byte
 * says: the story is the same, and no more is stored than came.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/relay/frame.h"

#define MAX 1000

struct story {
	size_t whole, large, broken;
	uint32_t sum;
};

static void add(struct story *s, const struct frame *f)
{
	s->sum = s->sum * 31 + f->sid;
	s->sum = s->sum * 31 + f->type;
	s->sum = s->sum * 31 + f->value;
	for (size_t i = 0; i < f->payload.len; i++)
		s->sum = s->sum * 31 + f->payload.p[i];
}

static bool feed(struct story *s, struct frame_reader *r, struct span in)
{
	struct frame f;

	for (;;) {
		switch (frame_next(r, &in, &f)) {
		case FRAME_MORE: assert(in.len == 0); return true;
		case FRAME_WHOLE:
			assert(f.payload.len <= MAX);
			s->whole++;
			add(s, &f);
			break;
		case FRAME_TOO_LARGE:
			assert(f.payload.len == 0);
			s->large++;
			add(s, &f);
			break;
		case FRAME_BROKEN: s->broken++; return false;
		case FRAME_NO_MEMORY: assert(false); return false;
		}
	}
}

static struct story tell(struct span wire, size_t step)
{
	struct frame_reader r;
	struct story s = { 0 };
	bool goes_on = true;

	frame_reader_init(&r, MAX);
	while (wire.len > 0 && goes_on) {
		size_t n = step < wire.len ? step : wire.len;
		uint8_t *piece = malloc(n);

		memcpy(piece, wire.p, n);
		goes_on = feed(&s, &r, SPAN(piece, n));
		free(piece);
		assert(r.part.len <= FRAME_HEAD + MAX);
		wire = span_skip(wire, n);
	}
	frame_reader_finish(&r);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct story whole, pieces;

	if (size == 0)
		return 0;
	whole = tell(SPAN(data + 1, size - 1), SIZE_MAX);
	pieces = tell(SPAN(data + 1, size - 1), data[0] % 64 + 1);
	assert(memcmp(&whole, &pieces, sizeof(whole)) == 0);
	assert(mem_live() == 0);
	return 0;
}
