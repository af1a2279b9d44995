/*
 * paired.h: the one world and the one pair in it that most tests of pairs begin with.
 *
 *     begin_with(__func__, &options)             a call that is up
 *     make(__func__, NULL, &options)             nothing is said yet, the lines may be made worse
 *     end()                                      both vanish, and nothing is left
 */
#pragma once

#include "tests/flow/pair.h"

static struct world *w;
static struct pair *p;

/* `change` may be NULL. */
static inline void make(
	const char *name, void (*change)(struct relay_config *config), const struct pair_options *o)
{
	w = world_create_with(name, change);
	p = pair_create(w, o);
}

static inline void begin_with(const char *name, const struct pair_options *o)
{
	make(name, NULL, o);
	pair_set_up(p);
}

static inline void end(void)
{
	pair_destroy(p);
	world_finish(w);
}
