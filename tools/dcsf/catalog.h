/*
 * catalog.h: the applications of a folder, and which of them a subscriber may use.
 *
 *     DIR/<id>/app.json              name, version, description, ...
 *     DIR/<id>/package.zip           what a phone fetches
 *     DIR/subscribers/<name>.json    ["id", ...]: all that this subscriber may use
 *
 * A subscriber without a file may use everything.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that may be on their way to somebody while the catalog is loaded anew. */
struct package {
	unsigned refs;
	size_t size;
	uint8_t bytes[];
};

struct package *package_ref(struct package *p);
void package_unref(struct package *p);

struct app {
	char *id, *name, *version, *description, *icon, *phase, *qos_hint; /* never NULL */
	bool autolaunch, autoload, works_without_peer;
	int scene;
	struct package *package;
	char etag[160]; /* with its quotes: version and content */
};

struct catalog {
	char *dir;       /* NULL: only synthetic ones */
	struct app *app; /* sorted by id */
	size_t count;
};

/*
 * `dir` may be NULL. NULL: `failed` says why. An application that cannot be read
 * is left out, with a warning in the log.
 */
struct catalog *catalog_load(const char *dir, char failed[256]);
void catalog_destroy(struct catalog *c);
/*
 * A package of `size` bytes after the rule of synthetic.h. False:
 * out of memory, or the id is taken.
 */
bool catalog_add_synthetic(struct catalog *c, const char *id, size_t size);

/*
 * What a subscriber may use, in order: fills `apps` (room for c->count) and returns how many. An
 * unreadable selection allows nothing. `subscriber` empty: nobody in particular, everything.
 */
size_t catalog_select(const struct catalog *c, const char *subscriber, const struct app **apps);
