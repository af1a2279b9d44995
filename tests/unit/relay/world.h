/*
 * world.h: what surrounds a relay under test: counted ports, remembered events.
 *
 *     fixture: world_start, world_end for each test
 *     world.fail_at = 2; world.error = ERR_NO_PORT;     the second port from now cannot be had
 */
#pragma once

#include "dcmf/relay/relay.h"

enum { PORTS_MAX = 64, EVENTS_MAX = 64 };

extern struct world {
	bool open[PORTS_MAX];
	unsigned ports, opened; /* now, ever */
	unsigned fail_at;       /* the n-th port from now cannot be had; 0: none */
	enum err error;
	char interface[32]; /* of the last one */
	struct {
		enum relay_event_type type;
		enum close_reason reason;
		char context[16], owner[16], detail[160];
	} events[EVENTS_MAX];
	unsigned event_count, datagrams;
} world;

extern struct relay *relay;
extern struct relay_config config; /* its */
extern const tick_t now;

void world_start(void);
void world_end(void); /* nothing is left: no port, no memory, no count */
unsigned events_of(enum relay_event_type type);
