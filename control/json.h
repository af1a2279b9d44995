/* json.h: jansson on our allocator, and the few functions that make building JSON short. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "dcmf/base/span.h"

/*
 * Once a process, before the first JSON value; again is harmless. jansson allocates through
 * dcmf/base/alloc.h from then on, and has seeded its hash tables, so that it needs no file later.
 */
void control_init(void);

/*
 * While on, every piece of memory that jansson gives back is wiped
 * first: for lines that carry keys.
 */
void js_wipe(bool on);

/*
 * The value a whole text stands for, of any type; a member that comes twice is
 * an error. NULL: not JSON, or *no_memory. What comes from outside is read with
 * this and never with json_loadb() itself.
 */
json_t *js_parse(struct span text, bool *no_memory);

/*
 * Ours: no message or document of ours is nested half as deep. What walks JSON
 * here and in jansson calls itself for each level, and a stack has an end.
 */
#define JS_DEPTH_MAX 64

/* Is the value nested deeper than that many levels? A text or number has one. */
bool js_is_deeper(const json_t *value, size_t levels);

/*
 * A string of any bytes: control characters, and everything but ASCII
 * where it is no UTF-8, become '?'.
 */
json_t *js_text(const char *text);

/* Put `value` into the object and take it over. False: out of memory, or `value` is NULL. */
bool js_put(json_t *object, const char *key, json_t *value);
/* NULL: leaves the member out. */
bool js_put_text(json_t *object, const char *key, const char *text);
bool js_put_integer(json_t *object, const char *key, int64_t value);
bool js_put_bool(json_t *object, const char *key, bool value);
bool js_append(json_t *array, json_t *value);

/* The text of a member; NULL when it is absent or no string. */
const char *js_get_text(const json_t *object, const char *key);
/* The member's value, or `absent` when it is no integer. */
int64_t js_get_integer(const json_t *object, const char *key, int64_t absent);

/* The value in one line, mem_alloc'ed; NULL: out of memory. */
char *js_line(const json_t *value);
