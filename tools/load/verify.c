/* verify.c: is it the right list, and is it the right package, byte for byte? */
#include "tools/load/verify.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "tools/dcsf/synthetic.h"
#include "tools/load/metrics.h"

#define PACKAGE_MAX (256u << 20)

void verify_init(struct verify *v, const char *app)
{
	*v = (struct verify){ .app = app };
}

void verify_finish(struct verify *v)
{
	mem_free(v->bytes);
	v->bytes = NULL;
}

bool verify_direct(struct verify *v, const char *url)
{
	v->bytes = (uint8_t *)http_get_body(url, &v->len);
	v->way = VERIFY_DIRECT;
	v->complete = true;
	return v->bytes != NULL;
}

const char *verify_words(const struct verify *v)
{
	static const char *const words[] = {
		[VERIFY_UNDECIDED] = "none was fetched",
		[VERIFY_DIRECT] = "every byte against a direct fetch",
		[VERIFY_SYNTHETIC] = "every byte against the pattern of synthetic packages",
		[VERIFY_FIRST] = "every byte against the first package fetched",
	};

	return words[v->way];
}

/* ---- the list ---- */

/* The application's id, under whichever of the names the field uses. */
static const char *app_id(const json_t *app)
{
	static const char *const names[] = { "appId", "appid", "appID", "applicationId", "id" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_is_string(json_object_get(app, names[i])))
			return json_string_value(json_object_get(app, names[i]));
	return NULL;
}

static const char *find_app(struct verify *v, const json_t *apps)
{
	for (size_t i = 0; i < json_array_size(apps); i++) {
		const char *id = app_id(json_array_get(apps, i));

		if (id == NULL)
			return "an application without an id";
		if (v->app == NULL) {
			snprintf(v->app_found, sizeof(v->app_found), "%s", id);
			v->app = v->app_found;
		}
		if (strcmp(id, v->app) == 0)
			return NULL;
	}
	return v->app ? "the application is not in it" : "no application in it";
}

const char *verify_list(struct verify *v, struct span text)
{
	json_t *list = json_loadb((const char *)text.p, text.len, 0, NULL);
	const json_t *apps = json_object_get(list, "applications");
	const char *wrong = "not JSON";

	if (list != NULL)
		wrong = json_is_array(apps) ? find_app(v, apps) : "without applications";
	json_decref(list);
	return wrong;
}

/* ---- the package ---- */

/* Nobody has said what packages look like: the first bytes of the first one do. */
static void decide(struct check *c, struct span bytes)
{
	struct verify *v = c->v;

	if (v->way == VERIFY_UNDECIDED) {
		v->seed = synthetic_seed(v->app);
		v->way = synthetic_matches(v->seed, 0, bytes.p, bytes.len) ? VERIFY_SYNTHETIC
									   : VERIFY_FIRST;
	}
	if (v->way != VERIFY_FIRST || v->bytes != NULL)
		return;
	v->bytes = mem_alloc(PACKAGE_MAX); /* pages that are not used cost nothing */
	v->len = 0;
	c->is_first = v->bytes != NULL;
}

void check_begin(struct check *c, struct verify *v)
{
	*c = (struct check){ .v = v };
}

void check_bytes(struct check *c, struct span bytes)
{
	struct verify *v = c->v;

	if (c->at == 0)
		decide(c, bytes);
	if (v->way == VERIFY_SYNTHETIC) {
		c->wrong |= !synthetic_matches(v->seed, c->at, bytes.p, bytes.len);
	} else if (c->is_first && v->len + bytes.len <= PACKAGE_MAX) {
		memcpy(v->bytes + v->len, bytes.p, bytes.len);
		v->len += bytes.len;
	} else if (v->bytes == NULL || c->at + bytes.len > v->len ||
		   memcmp(v->bytes + c->at, bytes.p, bytes.len) != 0) {
		c->wrong = true;
	}
	c->at += bytes.len;
}

static const char *check_against(struct check *c, struct span etag)
{
	struct verify *v = c->v;

	if (c->wrong)
		return "bytes that differ";
	if (v->way != VERIFY_UNDECIDED && v->complete && c->at != v->len)
		return "another length than expected";
	if (v->etag[0] != '\0' && !span_eq(etag, SPAN_STR(v->etag)))
		return "another ETag than the package before";
	return NULL;
}

const char *check_end(struct check *c, int64_t length, struct span etag)
{
	struct verify *v = c->v;
	const char *wrong = check_against(c, etag);

	if (c->at == 0 || length != (int64_t)c->at)
		wrong = "empty, or not as long as it said";
	if (wrong != NULL)
		return wrong;
	if (v->etag[0] == '\0')
		snprintf(v->etag, sizeof(v->etag), "%.*s", SPAN_FMT(etag));
	if (!v->complete && v->way != VERIFY_UNDECIDED) {
		v->len = (size_t)c->at;
		v->complete = true;
	}
	c->is_first = false;
	return NULL;
}

void check_abandon(struct check *c)
{
	if (!c->is_first)
		return;
	verify_finish(c->v);
	c->v->way = VERIFY_UNDECIDED;
	c->is_first = false;
}
