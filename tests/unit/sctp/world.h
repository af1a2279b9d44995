/*
 * world.h: two associations, the network between them and the clock of both, all made up.
 *
 *     world_start(&w)                      packets take 10 ms; nothing is lost
 *     world_add(&w, &w.left, true)         true: DTLS client
 *     world_run(&w, 1000)                  a second passes; events are noted and shown to on_event
 *     world_finish(&w)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sctp/assoc.h"
#include "sctp/sctp.h"

#define WORLD_CHANNELS 65535

struct world;

struct side {
	struct world *world;
	struct side *peer;
	struct assoc *a;
	struct assoc_config config; /* may be changed before world_add() */

	/* noted: */
	unsigned opens, closes; /* of the association */
	enum close_reason reason;
	uint16_t streams;
	unsigned channel_opens, channel_closes, writables, messages;
	enum close_reason channel_reason; /* of the last CHANNEL_CLOSED */
	struct assoc_event last;          /* the last message, without its bytes */
	uint8_t head[16];                 /* first bytes of it */
	uint64_t bytes;
	unsigned packets;   /* sent */
	unsigned announced; /* for tests that set config.ready */
	size_t largest;     /* packet sent */

	void (*on_event)(struct side *s, const struct assoc_event *ev);
	void *arg;
};

struct packet {
	struct packet *next;
	struct side *to;
	int64_t due_us;
	unsigned number; /* in sending order, both directions */
	size_t len;
	uint8_t bytes[];
};

struct world {
	tick_t now;
	struct side left, right;
	struct packet *in_flight;
	unsigned sent;
	int64_t delay_us;

	/* The network: */
	unsigned loss_percent, duplicate_percent, reorder_percent;
	unsigned drop_number; /* this packet is lost; 0: none */
	bool cut;             /* all are lost */
	uint32_t random;
	bool (*drop)(struct world *w, const struct packet *p); /* may be NULL */
};

void world_start(struct world *w);
bool world_add(struct world *w, struct side *s, bool dtls_client);
/* Both sides, up. */
void world_connect(struct world *w);
void world_run(struct world *w, int64_t ms);
/* Until `done`, at most this long. False: it did not come. */
bool world_run_until(struct world *w, bool (*done)(struct world *w), int64_t ms);
/* What has been sent arrives now; no time passes. */
void world_drain(struct side *s);
/* Destroys the association, with an ABORT. */
void world_remove(struct side *s);
void world_finish(struct world *w);
/* After each test: what a failed one left behind. */
void world_tidy(void);

uint32_t world_random(struct world *w);
bool both_are_up(struct world *w);
