/* fetch.h: what a UE fetches on each of its lines, one after the other: the application list, the package, the package again. */
#pragma once

#include "tools/load/load_actor.h"

enum fetch_of { FETCH_LIST, FETCH_PACKAGE, FETCH_AGAIN };

struct fetch {
	struct load_actor *owner;
	unsigned line;
	uint16_t sid; /* of the only line; 0: the bootstrap channel of each */
	enum fetch_of of;
	bool is_on;
	tick_t asked;
	long fetched;
	struct bytes list;
	struct check check;
	char etag[128];
};

/* The bootstrap channel of a line: the local one, then the remote one. */
static inline uint16_t fetch_sid(unsigned line)
{
	return line == 0 ? 0 : 100;
}

/* load_actor_done() or load_actor_fail() follows. */
void fetch_begin(struct fetch *f, struct load_actor *owner);
void fetch_event(struct fetch *f, const struct ue_event *ev);
void fetch_late(struct fetch *f);
/* It will not be completed. */
void fetch_stop(struct fetch *f);
void fetch_finish(struct fetch *f);
