/*
 * replay.h: which records of a peer have come already (RFC 6347 4.1.2.6).
 *
 *     if (replay_is_fresh(&r, seq) && ...the record is authentic...)
 *         replay_take(&r, seq);
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define REPLAY_WORDS 4
/*
 * A record that is further behind the newest is taken for an old one. Ours: the RFC says 64 as a
 * rule, but a burst of datagrams may be reordered whole.
 */
#define REPLAY_WINDOW ((REPLAY_WORDS - 1) * 64)

/* All zero: nothing has come. */
struct replay {
	uint64_t next;               /* one above the highest number that came */
	uint64_t seen[REPLAY_WORDS]; /* a bit a number; a ring of words */
};

bool replay_is_fresh(const struct replay *r, uint64_t seq);
/*
 * Of a fresh number only, and only when its record was authentic: nobody else may move the window.
 */
void replay_take(struct replay *r, uint64_t seq);
