/*
 * stream_map.h: which stream of the stack stands for which stream id of the wire.
 *
 * The stack keeps an array of as many streams as the largest number it uses, and walks it; ids on
 * the wire begin where an application likes. So each id in use gets a small number of the stack,
 * the same in both directions:
 *
 *     inner = stream_bind(&m, wire)      the one it has, or a free one
 *     stream_inner(&m, wire)             every message
 *     stream_unbind(&m, inner)           when stream_is_idle(): both sides count from zero again
 *
 * Number 0 is never given away. So the stack never resets all its streams of its own accord, and
 * never writes the empty list that would mean every id of the wire (RFC 6525 4.1).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define STREAM_NONE     0xffff /* no stream, inside as on the wire (RFC 8832 6) */
#define STREAM_MAP_LAST 65534  /* the largest inner number: the stack has at most 65535 */

struct stream_slot {
	uint16_t wire; /* stays when it is free: whatever is still repeated of it goes there */
	uint16_t next_free;
	bool bound;
	bool in_used;    /* the peer has sent something since it last reset its direction */
	bool out_used;   /* we have, since our last reset was performed */
	bool out_wanted; /* the stack was asked to reset our direction */
	bool out_flight; /* that request is on the wire, and not answered */
};

struct stream_map {
	struct stream_slot *slots; /* by inner number */
	uint16_t *order;           /* inner numbers in use, by wire id */
	uint32_t count, cap;       /* in use; room */
	uint32_t fresh;            /* this one and all above it were never used */
	uint16_t free;             /* the first of those used before, or STREAM_NONE */
	uint16_t last;             /* found last: most look-ups are for the same one */
	bool loose;                /* some may have become idle */
};

/* Room for `streams` numbers to begin with. False: out of memory. */
bool stream_map_init(struct stream_map *m, uint32_t streams);
void stream_map_finish(struct stream_map *m);

/* STREAM_NONE: the id has none. */
uint16_t stream_inner(struct stream_map *m, uint16_t wire);
/* STREAM_NONE: out of memory, or all 65534 are in use. */
uint16_t stream_bind(struct stream_map *m, uint16_t wire);
void stream_unbind(struct stream_map *m, uint16_t inner);

/* The id that has it, STREAM_NONE: it is free, or no number at all. */
uint16_t stream_wire(const struct stream_map *m, uint16_t inner);
/* Of a number in use, else NULL. */
struct stream_slot *stream_slot(const struct stream_map *m, uint16_t inner);
/* Nothing was sent on it in either direction since the last resets, and none is under way. */
bool stream_is_idle(const struct stream_slot *s);
