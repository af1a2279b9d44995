/*
 * talk.h: what tests of associations say and do over the made-up network of world.h: channels,
 * texts, and a stream of bytes that is checked on arrival.
 */
#pragma once

#include <check.h>

#include "tests/unit/sctp/world.h"

#define counted(name) (counter_value[CNT_##name])

/* A case with the stack started before its first test and stopped after its last. */
TCase *talk_case(const char *name);

/* A reliable channel; must be granted. */
void add_channel(struct side *s, uint16_t sid, bool negotiated);
/* An unordered one that gives up after seven tries; may be refused. */
enum err propose(struct side *s, uint16_t sid, bool negotiated);
/* Both sides up, and stream 0 agreed. */
void connect_with_channel(struct world *w);

enum err say(struct side *s, uint16_t sid, const char *text);
enum err send_message(struct side *s, uint16_t sid, uint32_t ppid, struct span message);

/* Bytes that the left side sends on stream 0, as fast as it may. Both sides' `arg`. */
struct pump {
	uint64_t sent, received, total;
	size_t message;
	bool damaged;
};

void pump_more(struct side *s);
void pump_event(struct side *s, const struct assoc_event *ev); /* a side's on_event */
bool pump_is_done(struct world *w);
/* All of it, within the limit and undamaged. */
void transfer(struct world *w, struct pump *p, int64_t limit_ms);
