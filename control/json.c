/* json.c: jansson on our allocator, and the few functions that make building JSON short. */
#include "control/json.h"

#include <malloc.h>
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"

/* Ours: with four times the text, more than its parser's own buffers ever need at once. */
#define PROBE_BYTES 65536

static bool is_set_up;
static bool wiping;
static bool parsing;

/*
 * jansson 2.14 ignores that the text buffer of its parser could not grow, and writes past what it
 * has. So a parser is never told that memory ran out: js_parse() makes sure beforehand that there
 * is some, and here is the end if there is none all the same.
 */
static void *take(size_t size)
{
	void *p = mem_alloc(size);

	if (p != NULL || !parsing)
		return p;
	if ((p = mem_alloc(size)) == NULL) {
		log_error(
			NULL, "out of memory inside the JSON parser, which does not survive that");
		abort();
	}
	return p;
}

static void release(void *p)
{
	if (wiping && p != NULL)
		mem_wipe(p, malloc_usable_size(p));
	mem_free(p);
}

void control_init(void)
{
	if (is_set_up)
		return;
	is_set_up = true;
	json_set_alloc_funcs(take, release);
	json_object_seed(0);
}

void js_wipe(bool on)
{
	wiping = on;
}

json_t *js_parse(struct span text, bool *no_memory)
{
	void *probe = mem_alloc(PROBE_BYTES + 4 * text.len);
	json_t *value;

	*no_memory = probe == NULL;
	mem_free(probe);
	if (*no_memory)
		return NULL;
	control_init();
	parsing = true;
	value = json_loadb(
		(const char *)text.p, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	parsing = false;
	return value;
}

bool js_is_deeper(const json_t *value, size_t levels)
{
	const char *name;
	json_t *part;
	size_t i;

	if (levels == 0)
		return true;
	json_array_foreach (value, i, part) {
		if (js_is_deeper(part, levels - 1))
			return true;
	}
	json_object_foreach ((json_t *)(uintptr_t)value, name, part) {
		if (js_is_deeper(part, levels - 1))
			return true;
	}
	return false;
}

static bool has_control_characters(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	}
	return false;
}

json_t *js_text(const char *text)
{
	json_t *value = has_control_characters(text) ? NULL : json_string(text);
	char *plain;

	if (value != NULL || (plain = mem_strdup(text)) == NULL)
		return value;
	for (char *p = plain; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			*p = '?';
	}
	value = json_string(plain);
	mem_free(plain);
	return value;
}

bool js_put(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) == 0;
}

bool js_put_text(json_t *object, const char *key, const char *text)
{
	return text == NULL || js_put(object, key, js_text(text));
}

bool js_put_integer(json_t *object, const char *key, int64_t value)
{
	return js_put(object, key, json_integer(value));
}

bool js_put_bool(json_t *object, const char *key, bool value)
{
	return js_put(object, key, json_boolean(value));
}

bool js_append(json_t *array, json_t *value)
{
	return json_array_append_new(array, value) == 0;
}

const char *js_get_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

int64_t js_get_integer(const json_t *object, const char *key, int64_t absent)
{
	const json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : absent;
}

/*
 * A line that grows. jansson does not always look whether a piece of it could be
 * written, so that is remembered here.
 */
struct growing {
	char *text;
	size_t len, cap;
	bool failed;
};

static int append(const char *piece, size_t len, void *arg)
{
	struct growing *g = arg;

	if (!g->failed && g->len + len + 1 > g->cap) {
		size_t cap = 2 * (g->len + len + 1);
		char *more = mem_realloc(g->text, cap);

		g->failed = more == NULL;
		if (more != NULL) {
			g->text = more;
			g->cap = cap;
		}
	}
	if (g->failed)
		return -1;
	memcpy(g->text + g->len, piece, len);
	g->len += len;
	g->text[g->len] = '\0';
	return 0;
}

char *js_line(const json_t *value)
{
	struct growing g = { .cap = 0 };

	if (json_dump_callback(value, append, &g, JSON_COMPACT | JSON_ENCODE_ANY) == 0 && !g.failed)
		return g.text;
	mem_free(g.text);
	return NULL;
}
