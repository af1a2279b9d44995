/*
 * verify.h: is it the right list, and is it the right package, byte for byte?
 *
 * A package is held against what a direct fetch brought (--direct), or against the pattern of
 * synthetic packages where the first bytes show it, or else against the first one that a UE
 * fetched: length, ETag and bytes have to be the same for everybody.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcmf/base/span.h"

enum verify_way { VERIFY_UNDECIDED, VERIFY_DIRECT, VERIFY_SYNTHETIC, VERIFY_FIRST };

/* What all packages are held against. */
struct verify {
	enum verify_way way;
	const char *app; /* the id; NULL: not chosen yet */
	char app_found[128];
	uint32_t seed;  /* VERIFY_SYNTHETIC */
	uint8_t *bytes; /* VERIFY_DIRECT, VERIFY_FIRST */
	size_t len;
	bool complete; /* VERIFY_FIRST: all of it is there */
	char etag[128];
};

/* One package on its way. */
struct check {
	struct verify *v;
	uint64_t at;
	bool wrong;
	bool is_first; /* it becomes the reference of VERIFY_FIRST */
};

void verify_init(struct verify *v, const char *app);
void verify_finish(struct verify *v);
bool verify_direct(struct verify *v, const char *url); /* False: why was printed */
const char *verify_words(const struct verify *v);

/* NULL: it is right, and the app to fetch is known; otherwise what is wrong. */
const char *verify_list(struct verify *v, struct span json);

void check_begin(struct check *c, struct verify *v);
void check_bytes(struct check *c, struct span bytes);
/* NULL: it was right; otherwise what is wrong. */
const char *check_end(struct check *c, int64_t length, struct span etag);
/* It will not be completed: whoever is the reference leaves that to somebody else. */
void check_abandon(struct check *c);
