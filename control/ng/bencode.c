/* bencode.c: bencoding (BEP 3) into JSON values and back. */
#include "control/ng/bencode.h"

#include <stdio.h>
#include <stdlib.h>

#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/bytes.h"
#include "dcmf/base/chars.h"

#define WRITE_MAX (16u << 20) /* ours: nothing we ever write is nearly as long */

/* ---- reading ---------------------------------------------------------------------------- */

struct reading {
	struct rd r;
	unsigned depth, items;
	const char *why; /* NULL: all is well so far */
};

static json_t *fail(struct reading *b, const char *why)
{
	if (b->why == NULL)
		b->why = why;
	return NULL;
}

/* Digits up to `end`, which is taken too: no leading zeros, at most `max`. */
static bool read_number(struct reading *b, uint8_t end, uint64_t max, uint64_t *out)
{
	const uint8_t *at = b->r.rest.len > 0 ? memchr(b->r.rest.p, end, b->r.rest.len) : NULL;
	size_t len = at != NULL ? (size_t)(at - b->r.rest.p) : 0;
	struct span digits = rd_span(&b->r, len);

	if (len == 0 || (len > 1 && digits.p[0] == '0') || !span_to_u64(digits, max, out))
		return false;
	rd_u8(&b->r);
	return true;
}

/* i-42e */
static json_t *read_integer(struct reading *b)
{
	bool negative;
	uint64_t value;

	rd_u8(&b->r);
	negative = b->r.rest.len > 0 && b->r.rest.p[0] == '-';
	if (negative)
		rd_u8(&b->r);
	if (!read_number(b, 'e', INT64_MAX, &value) || (negative && value == 0))
		return fail(b, "an integer that is none");
	return json_integer(negative ? -(json_int_t)value : (json_int_t)value);
}

/* 4:spam */
static bool read_bytes(struct reading *b, struct span *out)
{
	uint64_t len;

	if (!read_number(b, ':', UINT32_MAX, &len))
		return fail(b, "a string without a length that can be") != NULL;
	*out = rd_span(&b->r, (size_t)len);
	if (b->r.failed)
		return fail(b, "a string that is longer than what is there") != NULL;
	return true;
}

/* 4:spam, where it is a text; what is not is given to nobody. */
static bool read_characters(struct reading *b, struct span *out)
{
	size_t len;

	if (!read_bytes(b, out))
		return false;
	if (out->len == 0)
		out->p = (const uint8_t *)""; /* jansson wants a pointer */
	for (struct span rest = *out; rest.len > 0; rest = span_skip(rest, len)) {
		if ((len = char_utf8(rest)) == 0)
			return fail(b, "a string that is no UTF-8") != NULL;
	}
	return true;
}

static json_t *read_text(struct reading *b)
{
	struct span s;

	return read_characters(b, &s) ? json_stringn_nocheck((const char *)s.p, s.len) : NULL;
}

static json_t *read_value(struct reading *b);

static bool at_end(struct reading *b)
{
	if (b->r.rest.len == 0)
		return fail(b, "it ends in the middle") == NULL;
	if (b->r.rest.p[0] != 'e')
		return false;
	rd_u8(&b->r);
	return true;
}

static bool read_entry(struct reading *b, json_t *dictionary)
{
	struct span key;
	json_t *value;

	if (b->r.rest.p[0] < '0' || b->r.rest.p[0] > '9')
		return fail(b, "a key that is no string") != NULL;
	if (!read_characters(b, &key) || (value = read_value(b)) == NULL)
		return false;
	if (json_object_getn(dictionary, (const char *)key.p, key.len) == NULL)
		return json_object_setn_new_nocheck(
			       dictionary, (const char *)key.p, key.len, value) == 0;
	json_decref(value);
	return true;
}

static bool read_element(struct reading *b, json_t *list)
{
	json_t *value = read_value(b);

	return value != NULL && js_append(list, value);
}

/* l...e or d...e */
static json_t *read_many(
	struct reading *b, json_t *many, bool (*read_one)(struct reading *, json_t *))
{
	bool fine = many != NULL;

	if (b->depth >= BENCODE_DEPTH_MAX) {
		json_decref(many);
		return fail(b, "nested too deep");
	}
	b->depth++;
	rd_u8(&b->r);
	while (fine && !at_end(b))
		fine = read_one(b, many);
	b->depth--;
	if (fine && b->why == NULL)
		return many;
	json_decref(many);
	return NULL;
}

static json_t *read_value(struct reading *b)
{
	if (b->r.rest.len == 0)
		return fail(b, "it ends in the middle");
	if (++b->items > BENCODE_ITEMS_MAX)
		return fail(b, "too many values");
	switch (b->r.rest.p[0]) {
	case 'i': return read_integer(b);
	case 'l': return read_many(b, json_array(), read_element);
	case 'd': return read_many(b, json_object(), read_entry);
	default: return read_text(b);
	}
}

json_t *bencode_read(struct span text, const char **why)
{
	struct reading b = { .r = RD(text) };
	json_t *value = read_value(&b);

	if (value != NULL && b.r.rest.len > 0) {
		json_decref(value);
		value = fail(&b, "something stands behind it");
	}
	if (value == NULL)
		*why = b.why != NULL ? b.why : "out of memory";
	return value;
}

/* ---- writing ---------------------------------------------------------------------------- */

static bool write_bytes(struct bytes *out, const char *text, size_t len)
{
	char head[24];
	int n = snprintf(head, sizeof(head), "%zu:", len);

	return bytes_append(out, SPAN(head, n)) && bytes_append(out, SPAN(text, len));
}

static bool write_integer(struct bytes *out, json_int_t value)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "i%llde", (long long)value);

	return bytes_append(out, SPAN(text, n));
}

static bool write_real(struct bytes *out, double value)
{
	char text[40];
	int n = snprintf(text, sizeof(text), "%.15g", value);

	return write_bytes(out, text, (size_t)n);
}

static bool write_value(struct bytes *out, const json_t *value, unsigned depth);

static bool write_list(struct bytes *out, const json_t *list, unsigned depth)
{
	const json_t *value;
	size_t i;

	if (!bytes_append(out, SPAN_LIT("l")))
		return false;
	json_array_foreach (list, i, value) {
		if (!write_value(out, value, depth))
			return false;
	}
	return bytes_append(out, SPAN_LIT("e"));
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool write_dictionary(struct bytes *out, json_t *dictionary, unsigned depth)
{
	size_t count = json_object_size(dictionary), n = 0;
	const char **keys = mem_alloc((count + 1) * sizeof(*keys));
	const char *key;
	json_t *value;
	bool fine = keys != NULL && bytes_append(out, SPAN_LIT("d"));

	if (fine) {
		json_object_foreach (dictionary, key, value)
			keys[n++] = key;
		qsort(keys, n, sizeof(*keys), by_bytes);
	}
	for (size_t i = 0; fine && i < n; i++)
		fine = write_bytes(out, keys[i], strlen(keys[i])) &&
		       write_value(out, json_object_get(dictionary, keys[i]), depth);
	mem_free(keys);
	return fine && bytes_append(out, SPAN_LIT("e"));
}

static bool write_value(struct bytes *out, const json_t *value, unsigned depth)
{
	if (depth > JS_DEPTH_MAX)
		return false;
	switch (json_typeof(value)) {
	case JSON_STRING:
		return write_bytes(out, json_string_value(value), json_string_length(value));
	case JSON_INTEGER: return write_integer(out, json_integer_value(value));
	case JSON_REAL: return write_real(out, json_real_value(value));
	case JSON_ARRAY: return write_list(out, value, depth + 1);
	case JSON_OBJECT: return write_dictionary(out, (json_t *)(uintptr_t)value, depth + 1);
	case JSON_NULL: return write_bytes(out, "", 0);
	default: return write_integer(out, json_is_true(value));
	}
}

char *bencode_write(const json_t *value, size_t *len)
{
	struct bytes out = { .limit = WRITE_MAX };
	char *text = NULL;

	if (value != NULL && write_value(&out, value, 0) && bytes_append(&out, SPAN("", 1))) {
		*len = bytes_view(&out).len - 1;
		text = mem_span_dup(SPAN(bytes_view(&out).p, *len));
	}
	bytes_finish(&out);
	return text;
}
