/*
 * pace.h: things that are due at a rate, whatever became of those before them (open loop).
 *
 *     while (pace_is_due(&p, now))
 *             if (do it, timed from pace_stamp(&p, now)) pace_done(&p);
 *             else { pace_blocked(&p); break; }              and again when it may go on
 *
 * What had to wait for others counts from when it was due: a system that stalls keeps the generator from doing things, and
 * would hide the worst of its times if they counted from when they were done (coordinated omission).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dcmf/base/tick.h"

struct pace {
	tick_t start;
	double rate;    /* a second, above 0 */
	uint64_t next;  /* the number of the next one; the first is 0, due at once */
	bool is_behind; /* one that was due could not be done */
};

/* When the n-th is due. */
tick_t pace_due_of(tick_t start, double rate, uint64_t n);

void pace_begin(struct pace *p, tick_t start, double rate);
tick_t pace_due(const struct pace *p); /* of the next one */
bool pace_is_due(struct pace *p, tick_t now);
/* From when on the time of the next one counts if it is done now. */
tick_t pace_stamp(const struct pace *p, tick_t now);
/* By how much it is later than due only because whoever does it was late itself; 0 when it had to wait. */
int64_t pace_own_delay(const struct pace *p, tick_t now);
void pace_done(struct pace *p);
void pace_blocked(struct pace *p);
