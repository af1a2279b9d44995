/*
 * sources.h: which media a datagram belongs to, by the socket it came to and by where it came from.
 *
 * A source is entered for each path that ICE has proved, or, where a port belongs to one media
 * alone, for all that comes there (its key's remote is then not set). A lookup costs two lines of
 * memory, whether there are ten sources or a hundred thousand; it can be told of in advance, so
 * that those of a whole batch are fetched at once.
 */
#pragma once

#include "dcmf/base/dgram.h"

struct media;

/* No padding: hashed and compared as a whole. */
struct source_key {
	uint32_t port;
	struct addr remote; /* not set: any */
};

/* Belongs to its media. */
struct source {
	struct source_key key;
	bool is_proved;    /* ICE knows the path with this `local` */
	struct addr local; /* ours, where the last check came to */
	struct media *media;
};

struct source_slot {
	uint64_t hash;
	struct source *source; /* NULL: free */
};

struct sources {
	struct source_slot *slot;
	size_t slots, count; /* slots: a power of two, or 0 */
	uint64_t seed; /* strangers choose their addresses: they must not know where these go */
};

/* An empty one holds no memory. */
void sources_init(struct sources *all);

bool sources_add(
	struct sources *all, struct source *src); /* false: out of memory. The key must be new */
void sources_remove(struct sources *all, const struct source *src);
/* NULL: unknown. */
struct source *sources_find(const struct sources *all, const struct source_key *key);

/* In three steps: where it will be looked for, which one it most likely is. */
uint64_t sources_hash(const struct sources *all, const struct source_key *key);
void sources_prefetch(const struct sources *all, uint64_t hash);
struct source *sources_guess(const struct sources *all, uint64_t hash); /* NULL: none */
