/* json.c: jansson on our allocator, and the few helpers that make building JSON short. */
#include "control/json.h"

#include <malloc.h>

#include "dcmf/base/alloc.h"

static bool is_set_up;
static bool wiping;

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
	json_set_alloc_funcs(mem_alloc, release);
	json_object_seed(0);
}

void js_wipe(bool on)
{
	wiping = on;
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

char *js_line(const json_t *value)
{
	return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}
