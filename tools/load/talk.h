/*
 * talk.h: numbered messages on the channels between the UEs of an actor, each checked where it arrives.
 *
 *     talk_init(t, owner)                             once
 *     talk_way(t, from, to) ... talk_channel(way, …)  who speaks to whom, on which channels
 *     talk_begin(t, now)                              load_actor_done() or load_actor_fail() follows
 *     talk_turned, talk_event, talk_late              as the actor's own
 *     talk_stop(t), talk_finish(t)
 *
 * Latency of a message counts from when it was sent, and from when it was due where it had to wait (pace.h).
 */
#pragma once

#include "tools/load/load_actor.h"
#include "tools/load/pace.h"
#include "tools/ue/ue_traffic.h"

#define TALK_RING 1024

struct talk_channel {
	uint16_t sid_from, sid_to; /* as each side calls it */
	bool in_order, reliable;
	uint32_t count; /* to be sent; UINT32_MAX: not known yet */
	uint32_t sent;
	struct ue_ledger ledger;   /* of those that came */
	tick_t sent_at[TALK_RING]; /* of every stride-th, the last so many of them */
};

/* One side speaks, one hears: the other one, or the same one where somebody in between echoes. */
struct talk_way {
	struct load_line *from, *to;
	struct talk_channel *channels[LOAD_CHANNELS_MAX];
	unsigned count, next;
	struct pace pace; /* with --message-rate */
};

/* A side that reads slowly. */
struct talk_reader {
	struct talk *talk;
	struct load_line *line;
	uint64_t read; /* bytes */
	struct timer timer;
};

struct talk {
	struct load_actor *owner;
	struct talk_way ways[2];
	unsigned way_count;
	uint32_t stride;
	bool binary; /* whatever is said comes as bytes */
	bool is_on, is_sending;
	tick_t began, heard; /* heard: the last message */
	struct timer pace;   /* the next message, or the end of the talk */
	struct timer settle; /* nothing came for a while: what is missing was given up on the way */
	struct talk_reader slow[2];
	unsigned slow_count;
};

void talk_init(struct talk *t, struct load_actor *owner);
struct talk_way *talk_add_way(struct talk *t, struct load_line *from, struct load_line *to);
/* `stream` as agreed; its id is `sid_from` for who speaks and `sid_to` for who hears. False: out of memory. */
bool talk_add_channel(struct talk *t, struct talk_way *w, const struct ue_stream *stream,
	uint16_t sid_from, uint16_t sid_to);
/* It reads --slow-reader bytes a second as long as the others talk. */
void talk_slow(struct talk *t, struct load_line *line);

void talk_begin(struct talk *t, tick_t now);
void talk_turned(struct talk *t, tick_t now);
void talk_event(struct talk *t, struct load_line *line, const struct ue_event *ev);
void talk_late(struct talk *t, tick_t now);
void talk_stop(struct talk *t);
void talk_finish(struct talk *t);

/* The i-th channel as the options want it: in order, in any order, or partially reliable. */
struct ue_stream talk_stream(const struct options *o, unsigned i);
