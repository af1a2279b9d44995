/* sources.c: which media a datagram belongs to: a table with open addressing, at most half full. */
#include "dcmf/relay/sources.h"

#include "dcmf/base/alloc.h"
#include "dcmf/base/random.h"

enum { SLOTS_MIN = 64 };

_Static_assert(sizeof(struct source_key) == 28, "a key has no padding");

void sources_init(struct sources *all)
{
	*all = (struct sources){ .seed = random_u64() };
}

static uint64_t stir(uint64_t h, const void *at, size_t len)
{
	uint64_t word = 0;

	memcpy(&word, at, len);
	h = (h ^ word) * 0x9e3779b97f4a7c15; /* 2^64 divided by the golden ratio: odd, no pattern */
	return h ^ h >> 32;
}

uint64_t sources_hash(const struct sources *all, const struct source_key *key)
{
	const uint8_t *bytes = (const uint8_t *)key;
	uint64_t h = all->seed;

	h = stir(h, bytes, 8);
	h = stir(h, bytes + 8, 8);
	h = stir(h, bytes + 16, 8);
	return stir(h, bytes + 24, 4);
}

void sources_prefetch(const struct sources *all, uint64_t hash)
{
	if (all->slots > 0)
		__builtin_prefetch(&all->slot[hash & (all->slots - 1)]);
}

static bool same_key(const struct source_key *a, const struct source_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* `key` NULL: the hash will do. */
static struct source *search(const struct sources *all, uint64_t hash, const struct source_key *key)
{
	size_t mask = all->slots - 1;

	if (all->slots == 0)
		return NULL;
	for (size_t i = hash & mask; all->slot[i].source != NULL; i = (i + 1) & mask) {
		const struct source_slot *s = &all->slot[i];

		if (s->hash == hash && (key == NULL || same_key(&s->source->key, key)))
			return s->source;
	}
	return NULL;
}

struct source *sources_guess(const struct sources *all, uint64_t hash)
{
	return search(all, hash, NULL);
}

struct source *sources_find(const struct sources *all, const struct source_key *key)
{
	return search(all, sources_hash(all, key), key);
}

static void put(struct source_slot *slot, size_t slots, struct source_slot s)
{
	size_t i = s.hash & (slots - 1);

	while (slot[i].source != NULL)
		i = (i + 1) & (slots - 1);
	slot[i] = s;
}

static bool grow(struct sources *all)
{
	size_t slots = all->slots < SLOTS_MIN ? SLOTS_MIN : all->slots * 2;
	struct source_slot *slot = mem_zalloc(slots * sizeof(*slot));

	if (slot == NULL)
		return false;
	for (size_t i = 0; i < all->slots; i++)
		if (all->slot[i].source != NULL)
			put(slot, slots, all->slot[i]);
	mem_free(all->slot);
	all->slot = slot;
	all->slots = slots;
	return true;
}

bool sources_add(struct sources *all, struct source *src)
{
	if (2 * (all->count + 1) > all->slots && !grow(all))
		return false;
	put(all->slot, all->slots, (struct source_slot){ sources_hash(all, &src->key), src });
	all->count++;
	return true;
}

/*
 * Those behind it move up, where that brings them nearer to their place; so a search may end at the
 * first free slot.
 */
void sources_remove(struct sources *all, const struct source *src)
{
	size_t mask = all->slots - 1, hole = sources_hash(all, &src->key) & mask;

	while (all->slot[hole].source != src)
		hole = (hole + 1) & mask;
	for (size_t i = (hole + 1) & mask; all->slot[i].source != NULL; i = (i + 1) & mask) {
		size_t home = all->slot[i].hash & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		all->slot[hole] = all->slot[i];
		hole = i;
	}
	all->slot[hole] = (struct source_slot){ 0 };
	if (--all->count == 0) { /* an idle worker keeps nothing of a wave of calls */
		mem_free(all->slot);
		all->slot = NULL;
		all->slots = 0;
	}
}
