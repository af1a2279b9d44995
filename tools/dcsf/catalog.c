/* catalog.c: the applications of a folder, and which of them a subscriber may use. */
#include "tools/dcsf/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "tools/dcsf/synthetic.h"
#include "tools/dcsf/target.h"

enum { PACKAGE_MAX = 1 << 30, ETAG_DIGEST_BYTES = 12 };

/* ---- packages ---- */

static struct package *package_create(size_t size)
{
	struct package *p = size <= PACKAGE_MAX ? mem_alloc(sizeof(*p) + size) : NULL;

	if (p == NULL)
		return NULL;
	p->refs = 1;
	p->size = size;
	return p;
}

struct package *package_ref(struct package *p)
{
	p->refs++;
	return p;
}

void package_unref(struct package *p)
{
	if (p != NULL && --p->refs == 0)
		mem_free(p);
}

static struct package *package_read(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct package *p = NULL;
	struct stat st;

	if (f == NULL)
		return NULL;
	if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) &&
		(p = package_create((size_t)st.st_size)) != NULL &&
		fread(p->bytes, 1, p->size, f) != p->size) {
		package_unref(p);
		p = NULL;
	}
	fclose(f);
	return p;
}

/*
 * "1.2.0-3f9a...": phones take the whole as the version; the content
 * is in it, so that it never lies.
 */
static void set_etag(struct app *a)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[2 * ETAG_DIGEST_BYTES + 1];

	EVP_Digest(a->package->bytes, a->package->size, digest, NULL, EVP_sha256(), NULL);
	for (int i = 0; i < ETAG_DIGEST_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	snprintf(a->etag, sizeof(a->etag), "\"%.64s-%s\"", a->version, hex);
}

/* ---- applications ---- */

static void app_finish(struct app *a)
{
	mem_free(a->id);
	mem_free(a->name);
	mem_free(a->version);
	mem_free(a->description);
	mem_free(a->icon);
	mem_free(a->phase);
	mem_free(a->qos_hint);
	package_unref(a->package);
}

static char *text_of(const json_t *meta, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(meta, key));

	return mem_strdup(text != NULL ? text : otherwise);
}

static bool app_is_whole(const struct app *a)
{
	return a->id != NULL && a->name != NULL && a->version != NULL && a->description != NULL &&
	       a->icon != NULL && a->phase != NULL && a->qos_hint != NULL && a->package != NULL;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct app *)a)->id, ((const struct app *)b)->id);
}

/* Takes the package over. */
static bool add(struct catalog *c, const char *id, const json_t *meta, struct package *package)
{
	struct app a = {
		.id = mem_strdup(id),
		.name = text_of(meta, "name", id),
		.version = text_of(meta, "version", "1"),
		.description = text_of(meta, "description", ""),
		.icon = text_of(meta, "icon", ""),
		.phase = text_of(meta, "phase", "INCALL"),
		.qos_hint = text_of(meta, "qos-hint", ""),
		.autolaunch = json_is_true(json_object_get(meta, "autolaunch")),
		.autoload = json_is_true(json_object_get(meta, "autoload")),
		.works_without_peer = json_is_true(json_object_get(meta, "ifWorkWithoutPeerDC")),
		.scene = (int)json_integer_value(json_object_get(meta, "supportScene")),
		.package = package,
	};
	struct app *longer =
		app_is_whole(&a) ? mem_realloc(c->app, (c->count + 1) * sizeof(*longer)) : NULL;

	if (longer == NULL) {
		app_finish(&a);
		return false;
	}
	set_etag(&a);
	c->app = longer;
	c->app[c->count++] = a;
	qsort(c->app, c->count, sizeof(*c->app), by_id);
	return true;
}

bool catalog_add_synthetic(struct catalog *c, const char *id, size_t size)
{
	struct package *p;

	for (size_t i = 0; i < c->count; i++) {
		if (strcmp(c->app[i].id, id) == 0)
			return false;
	}
	if ((p = package_create(size)) == NULL)
		return false;
	synthetic_fill(synthetic_seed(id), 0, p->bytes, size);
	return add(c, id, NULL, p);
}

static void load_app(struct catalog *c, const char *id)
{
	char path[4096];
	json_error_t error;
	struct package *package;
	json_t *meta;

	snprintf(path, sizeof(path), "%s/%s/app.json", c->dir, id);
	if ((meta = json_load_file(path, 0, &error)) == NULL || !json_is_object(meta)) {
		log_warn(id, "left out: %s: %s", path, meta == NULL ? error.text : "not an object");
		json_decref(meta);
		return;
	}
	snprintf(path, sizeof(path), "%s/%s/package.zip", c->dir, id);
	if ((package = package_read(path)) == NULL)
		log_warn(id, "left out: %s: %s", path,
			errno != 0 ? strerror(errno) : "cannot be read");
	else if (!add(c, id, meta, package))
		log_warn(id, "left out: out of memory");
	json_decref(meta);
}

static bool has_app_json(const struct catalog *c, const char *id)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s/app.json", c->dir, id);
	return target_is_name(id) && access(path, F_OK) == 0;
}

struct catalog *catalog_load(const char *dir, char failed[256])
{
	struct catalog *c = mem_zalloc(sizeof(*c));
	struct dirent *entry;
	DIR *d;

	if (c == NULL || (dir != NULL && (c->dir = mem_strdup(dir)) == NULL)) {
		snprintf(failed, 256, "out of memory");
		catalog_destroy(c);
		return NULL;
	}
	if (dir == NULL)
		return c;
	if ((d = opendir(dir)) == NULL) {
		snprintf(failed, 256, "cannot read the folder of applications %s: %s", dir,
			strerror(errno));
		catalog_destroy(c);
		return NULL;
	}
	while ((entry = readdir(d)) != NULL) {
		if (has_app_json(c, entry->d_name))
			load_app(c, entry->d_name);
	}
	closedir(d);
	return c;
}

void catalog_destroy(struct catalog *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->count; i++)
		app_finish(&c->app[i]);
	mem_free(c->app);
	mem_free(c->dir);
	mem_free(c);
}

/* ---- subscribers ---- */

static bool is_listed(const json_t *ids, const char *id)
{
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *text = json_string_value(json_array_get(ids, i));

		if (text != NULL && strcmp(text, id) == 0)
			return true;
	}
	return false;
}

size_t catalog_select(const struct catalog *c, const char *subscriber, const struct app **apps)
{
	json_t *ids = NULL;
	bool has_selection = false;
	char path[4096];
	size_t n = 0;

	/* read each time: what a subscriber may use can change between two of its calls */
	if (c->dir != NULL && subscriber[0] != '\0') {
		json_error_t error;

		snprintf(path, sizeof(path), "%s/subscribers/%s.json", c->dir, subscriber);
		has_selection = access(path, F_OK) == 0;
		if (has_selection && (ids = json_load_file(path, 0, &error)) == NULL)
			log_warn(NULL, "%s: %s", path, error.text);
	}
	for (size_t i = 0; i < c->count; i++) {
		if (!has_selection || is_listed(ids, c->app[i].id))
			apps[n++] = &c->app[i];
	}
	json_decref(ids);
	return n;
}
