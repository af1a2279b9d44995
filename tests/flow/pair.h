/*
 * pair.h: two phones, or a phone and a server, and the context that joins them, ended at the relay
 * (bridge, e2ae) or passed through (splice, e2e).
 *
 *     phone a ── line ── relay ── line ── phone b, or the server b
 *
 *     p = pair_create(w, &options)
 *     pair_call(p, NULL)             the controller: a's offer in, context made; offer to b, b's answer in by update; answer to a
 *     pair_set_up(p)                 that, and every agreed channel open on both sides
 *     pair_flow(p, p->a, 1000, ...)  numbered messages on their way; world_until(w, s, flows_done)
 *     pair_destroy(p)                before world_finish()
 *
 * What every kind of pair has to stand is here too, from bad lines to memory that runs out.
 * paired.h is what most tests begin with.
 */
#pragma once

#include "tests/flow/world.h"
#include "tools/ue/ue_traffic.h"

#define FLOWS_MAX 32
#define NOTES_MAX 64

/* Numbered messages in one direction of one channel, as fast as they go. */
struct flow {
	struct phone *from, *to;
	uint16_t sid_from, sid_to;
	size_t size; /* bytes of each */
	uint32_t count, sent;
	bool paused;
	enum err refused; /* what the latest message met with */
	struct ue_ledger ledger;
};

/* A message that belongs to no flow, as it came. */
struct note {
	uint16_t sid;
	uint32_t ppid;
	size_t len;
	bool unordered;
	char text[64]; /* its first bytes */
};

struct pair_options {
	uint8_t proxy; /* PROXY_DC_APPLICATION or PROXY_UDP */
	uint8_t hop;   /* HOP_MDC1 or HOP_MDC2: b is a server there; HOP_MB: another UE */
	struct phone_options a, b;
	bool together; /* both sides are told at once: neither is asked to fit the other */
	const struct ue_stream *streams; /* agreed in SDP, on both sides */
	unsigned stream_count;
	uint32_t
		a_believes; /* a is told that so many bytes are taken, whatever is true; 0: the truth */
};

struct pair {
	struct world *world;
	struct pair_options options;
	struct phone *a, *b;
	char context_id[24];
	struct flow flows[FLOWS_MAX];
	unsigned flow_count;
	struct note notes[2][NOTES_MAX]; /* of a, of b */
	unsigned note_count[2];
};

struct pair *pair_create(struct world *w, const struct pair_options *options);
void pair_destroy(struct pair *p); /* phones included: they vanish without a word */

bool pair_call(struct pair *p, struct relay_refusal *refusal);
void pair_set_up(struct pair *p);
/* a is told at once, of b nothing is known: until p->b->unknown is taken back and pair_update() tells. */
void pair_call_without_b(struct pair *p);
/* What the controller wishes now, with both phones as they are; the caller finishes it. */
void pair_spec(const struct pair *p, struct context_spec *out);
/* context.update with that, and both phones are told what came of it. */
bool pair_update(struct pair *p);
void pair_hang_up(struct pair *p);
void pair_view(const struct pair *p, const struct phone *of, struct media_view *out);
/* What the relay would tell this phone of its other end now. False: it knows too little. */
bool pair_remote(const struct pair *p, const struct phone *of, struct ue_remote *out);

/* Begins at once; the other side has the channel by the same id, or by another one. */
struct flow *pair_flow(struct pair *p, struct phone *from, uint16_t sid_from, uint16_t sid_to,
	size_t size, uint32_t count);
/* Both ways on every agreed channel; the same on those that lose nothing. */
void pair_flow_all(struct pair *p, size_t size, uint32_t count);
void pair_flow_reliable(struct pair *p, size_t size, uint32_t count);
/* Everything of it came once, unchanged, and, where that was asked, in order. */
void flow_is_whole(const struct flow *f, bool in_order);
/* The same of all of them: in order where that was agreed. */
void flows_are_whole(const struct pair *p);
/* All of them, whatever they have done: their channels may be used otherwise. */
void pair_forget_flows(struct pair *p);

enum err pair_say(
	struct pair *p, struct phone *from, uint16_t sid, uint32_t ppid, struct span message);
/* The n-th note of a phone, waited for; NULL: it does not come within five seconds. */
const struct note *pair_note(struct pair *p, const struct phone *of, unsigned n);

/* The agreed channels once more on one side, where they had ended. */
void pair_reopen(struct pair *p, struct phone *of);
/* A channel that `from` opens by DCEP, open on both sides within five seconds; its id on each side. */
void pair_open(struct pair *p, struct phone *from, const struct ue_stream *stream,
	uint16_t *of_from, uint16_t *of_other);

/* ---- what every pair has to stand ---- */

/* So many messages both ways on every agreed channel arrive, within a minute. */
void pair_works(struct pair *p, size_t size, uint32_t count);
/* The call comes up over lines that lose, repeat and reorder, and so do 100 messages each way. */
void pair_works_over_bad_lines(struct pair *p);
/* Ten updates that say what is true already, with traffic: no message is lost, no association made anew. */
void pair_stands_updates(struct pair *p);
/* In a world of its own: a call ends every 10 ms of its set-up, and leaves nothing. */
void pair_ends_at_any_moment(const char *name, const struct pair_options *options);
/* In a world of its own: world_sweep() over a call with channels of both kinds, traffic and an update. */
void pair_sweep(const char *name, const struct pair_options *options, unsigned at_least);

/* Conditions. */
bool flows_done(struct world *w); /* every message of every flow that is not paused was received */
