/*
 * fuzz_frame.c: frames of an application server, whole and in pieces of the size the first byte
 * says: the story is the same, and no more is stored than came.
 */
#include <assert.h>

#include "dcmf/base/alloc.h"
#include "dcmf/relay/frame.h"
#include "tests/fuzz/pieces.h"

#define MAX 1000

struct story {
	size_t whole, large, broken;
	uint64_t sum; /* no holes: stories are compared as bytes */
};

static void add(struct story *s, const struct frame *f)
{
	s->sum = s->sum * 31 + f->sid;
	s->sum = s->sum * 31 + f->type;
	s->sum = s->sum * 31 + f->value;
	for (size_t i = 0; i < f->payload.len; i++)
		s->sum = s->sum * 31 + f->payload.p[i];
}

struct run {
	struct frame_reader reader;
	struct story story;
};

/* False: the reader wants no more. */
static bool take_frames(struct run *run, struct span in)
{
	struct story *s = &run->story;
	struct frame f;

	for (;;) {
		switch (frame_next(&run->reader, &in, &f)) {
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

static bool feed(void *arg, struct span piece)
{
	struct run *run = arg;
	bool goes_on = take_frames(run, piece);

	assert(run->reader.part.len <= FRAME_HEAD + MAX);
	return goes_on;
}

static void tell(struct span wire, size_t step, void *out)
{
	struct run run = { 0 };

	frame_reader_init(&run.reader, MAX);
	feed_pieces(wire, step, feed, &run);
	frame_reader_finish(&run.reader);
	memcpy(out, &run.story, sizeof(run.story));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct story whole, pieces;

	tell_twice(SPAN(data, size), tell, &whole, &pieces, sizeof(whole));
	assert(mem_live() == 0);
	return 0;
}
