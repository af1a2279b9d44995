/* replay.c: which records of a peer have come already (RFC 6347 4.1.2.6). */
#include "dtls/replay.h"

#define BITS 64

bool replay_is_fresh(const struct replay *r, uint64_t seq)
{
	if (seq >= r->next)
		return true;
	if (r->next - seq > REPLAY_WINDOW)
		return false;
	return (r->seen[seq / BITS % REPLAY_WORDS] >> seq % BITS & 1) == 0;
}

/*
 * The window moves by whole words, which are cleared as they come in; so a word less than there
 * are counts as window.
 */
static void move_to(struct replay *r, uint64_t seq)
{
	uint64_t word = r->next > 0 ? (r->next - 1) / BITS : 0;

	for (unsigned n = 0; word < seq / BITS && n < REPLAY_WORDS; n++)
		r->seen[++word % REPLAY_WORDS] = 0;
	r->next = seq + 1;
}

void replay_take(struct replay *r, uint64_t seq)
{
	if (seq >= r->next)
		move_to(r, seq);
	r->seen[seq / BITS % REPLAY_WORDS] |= (uint64_t)1 << seq % BITS;
}
