/* patch.c: JSON Patch (RFC 6902) and JSON Pointer (RFC 6901): all operations or none. */
#include "control/patch.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "control/json.h"
#include "dcmf/base/alloc.h"

#define OPERATIONS_MAX 256 /* ours */
/* Ours: bytes that values of a patch may grow the document by; stops doubling by `copy`. */
#define COPIED_MAX (4u << 20)
#define VALUE_COST 48 /* ours: what a value weighs beside its text */

/* One operation under way. */
struct operation {
	size_t index;
	const char *path, *from;
	const json_t *value;
	size_t *budget; /* of the whole patch */
	struct problem *p;
};

/* Where a pointer leads: a member or an element of `parent`, or the root (parent NULL). */
struct place {
	json_t *parent;
	char *name;   /* the last reference token, unescaped; mem_alloc'ed */
	size_t index; /* in an array; its size for "-" */
};

__attribute__((format(printf, 3, 4))) static bool fail(
	struct operation *op, enum problem_kind kind, const char *fmt, ...);

static bool fail(struct operation *op, enum problem_kind kind, const char *fmt, ...)
{
	char why[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return problem_param(op->p, kind, op->path != NULL ? op->path : "",
		"%s (failed operation index= %zu)", why, op->index);
}

static bool fail_memory(struct operation *op)
{
	return fail(op, PROBLEM_NO_RESOURCES, "out of memory");
}

/* What a value weighs in memory, roughly, taken off the budget. False: it is used up. */
static bool weigh(const json_t *value, size_t *budget)
{
	size_t cost = VALUE_COST + (json_is_string(value) ? json_string_length(value) : 0), i;
	const char *name;
	json_t *part;

	if (cost > *budget)
		return false;
	*budget -= cost;
	json_array_foreach (value, i, part) {
		if (!weigh(part, budget))
			return false;
	}
	json_object_foreach ((json_t *)(uintptr_t)value, name, part) {
		if (strlen(name) > *budget)
			return false;
		*budget -= strlen(name);
		if (!weigh(part, budget))
			return false;
	}
	return true;
}

static json_t *copy_of(struct operation *op, const json_t *value)
{
	json_t *copy;

	if (!weigh(value, op->budget)) {
		fail(op, PROBLEM_TOO_LARGE, "the document would become too large");
		return NULL;
	}
	if ((copy = json_deep_copy(value)) == NULL)
		fail_memory(op);
	return copy;
}

/* "~1" is '/', "~0" is '~', any other '~' is an error (RFC 6901 3, 4). In place. */
static bool unescape(char *token)
{
	char *to = token;

	for (const char *from = token; *from != '\0'; from++) {
		if (*from != '~') {
			*to++ = *from;
		} else {
			from++;
			if (*from != '0' && *from != '1')
				return false;
			*to++ = *from == '0' ? '~' : '/';
		}
	}
	*to = '\0';
	return true;
}

/* An array index has no leading zero (RFC 6901 4). */
static bool read_index(const char *token, size_t *index)
{
	uint64_t n;

	if (token[0] == '0' && token[1] != '\0')
		return false;
	if (!span_to_u64(span_str(token), UINT32_MAX, &n))
		return false;
	*index = (size_t)n;
	return true;
}

/* One step down from `at`. NULL: nothing is there. */
static json_t *step(const json_t *at, const char *token)
{
	size_t index;

	if (json_is_object(at))
		return json_object_get(at, token);
	if (json_is_array(at) && read_index(token, &index))
		return json_array_get(at, index);
	return NULL;
}

/*
 * Follows all but the last token of `pointer`. In an array the last
 * token may be "-", one behind the end.
 */
static bool find(struct operation *op, json_t *root, const char *pointer, struct place *out)
{
	char *text, *token, *slash;
	bool found = false;

	*out = (struct place){ NULL };
	if (pointer[0] == '\0')
		return true;
	if (pointer[0] != '/')
		return fail(op, PROBLEM_BAD_MESSAGE, "a pointer is empty or begins with '/'");
	if ((text = mem_strdup(pointer + 1)) == NULL)
		return fail_memory(op);
	for (token = text; (slash = strchr(token, '/')) != NULL; token = slash + 1) {
		*slash = '\0';
		if (!unescape(token)) {
			fail(op, PROBLEM_BAD_MESSAGE, "'~' in a pointer is followed by 0 or 1");
			goto out;
		}
		if ((root = step(root, token)) == NULL) {
			fail(op, PROBLEM_CONFLICT, "the path is not there");
			goto out;
		}
	}
	if (!unescape(token))
		fail(op, PROBLEM_BAD_MESSAGE, "'~' in a pointer is followed by 0 or 1");
	else if (!json_is_object(root) && !json_is_array(root))
		fail(op, PROBLEM_CONFLICT, "the path is not there");
	else if (json_is_array(root) && strcmp(token, "-") == 0)
		out->index = json_array_size(root), found = true;
	else if (json_is_array(root) && !read_index(token, &out->index))
		fail(op, PROBLEM_BAD_MESSAGE, "not an array index");
	else
		found = true;
	if (found && (out->name = mem_strdup(token)) == NULL)
		found = fail_memory(op);
	out->parent = root;
out:
	mem_free(text);
	return found;
}

/* What stands at a place; borrowed. NULL: nothing. */
static json_t *value_at(json_t *root, const struct place *at)
{
	if (at->parent == NULL)
		return root;
	if (json_is_object(at->parent))
		return json_object_get(at->parent, at->name);
	return json_array_get(at->parent, at->index);
}

/* Looks the value of a pointer up; borrowed. NULL: *op->p says why. */
static json_t *get(struct operation *op, json_t *root, const char *pointer)
{
	struct place at;
	json_t *value;

	if (!find(op, root, pointer, &at))
		return NULL;
	if ((value = value_at(root, &at)) == NULL)
		fail(op, PROBLEM_CONFLICT, "nothing is there");
	mem_free(at.name);
	return value;
}

static size_t steps_of(const char *pointer)
{
	size_t n = 0;

	for (; *pointer != '\0'; pointer++)
		n += *pointer == '/';
	return n;
}

/* Operations may put value into value until no stack is long enough to walk the document. */
static bool is_too_deep(const char *pointer, const json_t *value)
{
	size_t steps = steps_of(pointer);

	return steps >= JS_DEPTH_MAX || js_is_deeper(value, JS_DEPTH_MAX - steps);
}

/*
 * Puts `value`, which it takes over, where `pointer` says (RFC 6902 4.1); in an
 * array before or instead of what is there.
 */
static bool put(
	struct operation *op, json_t **root, const char *pointer, json_t *value, bool instead)
{
	struct place at;
	bool done = true;

	if (value == NULL)
		return false;
	if (is_too_deep(pointer, value)) {
		json_decref(value);
		return fail(op, PROBLEM_TOO_LARGE, "the document would be nested too deep");
	}
	if (!find(op, *root, pointer, &at)) {
		json_decref(value);
		return false;
	}
	if (at.parent == NULL) {
		json_decref(*root);
		*root = value;
	} else if (json_is_object(at.parent)) {
		if (json_object_set_new(at.parent, at.name, value) != 0)
			done = fail_memory(op);
	} else if (at.index > json_array_size(at.parent)) {
		json_decref(value);
		done = fail(op, PROBLEM_CONFLICT, "the index is beyond the end of the array");
	} else if ((instead ? json_array_set_new : json_array_insert_new)(
			   at.parent, at.index, value) != 0) {
		done = fail_memory(op);
	}
	mem_free(at.name);
	return done;
}

/* Takes the value out and hands its reference over through *taken, when that is not NULL. */
static bool take_out(struct operation *op, json_t *root, const char *pointer, json_t **taken)
{
	struct place at;
	json_t *value;
	bool done = true;

	if (!find(op, root, pointer, &at))
		return false;
	value = value_at(root, &at);
	if (at.parent == NULL)
		done = fail(op, PROBLEM_BAD_MESSAGE, "the whole document cannot be removed");
	else if (value == NULL)
		done = fail(op, PROBLEM_CONFLICT, "nothing is there");
	if (done) {
		if (taken != NULL)
			*taken = json_incref(value);
		if (json_is_object(at.parent))
			json_object_del(at.parent, at.name);
		else
			json_array_remove(at.parent, at.index);
	}
	mem_free(at.name);
	return done;
}

/* Numbers are equal by value (RFC 6902 4.6), which json_equal() does not say of 1 and 1.0. */
static bool is_equal(const json_t *a, const json_t *b)
{
	const char *name;
	json_t *part;
	size_t i;

	if (json_is_number(a) && json_is_number(b) && json_typeof(a) != json_typeof(b))
		return json_number_value(a) == json_number_value(b);
	if (json_is_array(a) && json_is_array(b)) {
		if (json_array_size(a) != json_array_size(b))
			return false;
		json_array_foreach (a, i, part) {
			if (!is_equal(part, json_array_get(b, i)))
				return false;
		}
		return true;
	}
	if (json_is_object(a) && json_is_object(b)) {
		if (json_object_size(a) != json_object_size(b))
			return false;
		json_object_foreach ((json_t *)(uintptr_t)a, name, part) {
			const json_t *other = json_object_get(b, name);

			if (other == NULL || !is_equal(part, other))
				return false;
		}
		return true;
	}
	return json_equal(a, b);
}

static bool op_add(struct operation *op, json_t **root)
{
	return put(op, root, op->path, copy_of(op, op->value), false);
}

static bool op_remove(struct operation *op, json_t **root)
{
	return take_out(op, *root, op->path, NULL);
}

static bool op_replace(struct operation *op, json_t **root)
{
	return get(op, *root, op->path) != NULL &&
	       put(op, root, op->path, copy_of(op, op->value), true);
}

static bool op_move(struct operation *op, json_t **root)
{
	size_t len = strlen(op->from);
	json_t *value = NULL;

	if (strcmp(op->from, op->path) == 0)
		return get(op, *root, op->path) != NULL;
	if (strncmp(op->path, op->from, len) == 0 && op->path[len] == '/')
		return fail(op, PROBLEM_BAD_MESSAGE, "a value cannot be moved into itself");
	return take_out(op, *root, op->from, &value) && put(op, root, op->path, value, false);
}

static bool op_copy(struct operation *op, json_t **root)
{
	const json_t *value = get(op, *root, op->from);

	return value != NULL && put(op, root, op->path, copy_of(op, value), false);
}

static bool op_test(struct operation *op, json_t **root)
{
	const json_t *value = get(op, *root, op->path);

	if (value == NULL)
		return false;
	return is_equal(value, op->value) || fail(op, PROBLEM_CONFLICT, "the value is another");
}

static const struct {
	const char *name;
	bool needs_value, needs_from;
	bool (*apply)(struct operation *op, json_t **root);
} operations[] = {
	{ "add", true, false, op_add },
	{ "remove", false, false, op_remove },
	{ "replace", true, false, op_replace },
	{ "move", false, true, op_move },
	{ "copy", false, true, op_copy },
	{ "test", true, false, op_test },
};

static bool apply(struct operation *op, json_t **root, const json_t *item)
{
	const char *name = js_get_text(item, "op");

	op->path = js_get_text(item, "path");
	op->from = js_get_text(item, "from");
	op->value = json_object_get(item, "value");
	if (!json_is_object(item) || name == NULL || op->path == NULL)
		return fail(op, PROBLEM_BAD_MESSAGE, "an operation is an object with op and path");
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(operations[i].name, name) != 0)
			continue;
		if (operations[i].needs_value && op->value == NULL)
			return fail(op, PROBLEM_BAD_MESSAGE, "%s needs a value", name);
		if (operations[i].needs_from && op->from == NULL)
			return fail(op, PROBLEM_BAD_MESSAGE, "%s needs from", name);
		return operations[i].apply(op, root);
	}
	return fail(op, PROBLEM_BAD_MESSAGE, "there is no such operation");
}

json_t *patch_apply(const json_t *doc, const json_t *patch, struct problem *p)
{
	size_t budget = COPIED_MAX;
	struct operation op = { .budget = &budget, .p = p };
	json_t *root, *item;

	if (!json_is_array(patch) || json_array_size(patch) == 0) {
		problem_set(
			p, PROBLEM_BAD_MESSAGE, "a patch is an array of at least one operation");
		return NULL;
	}
	if (json_array_size(patch) > OPERATIONS_MAX) {
		problem_set(
			p, PROBLEM_TOO_LARGE, "a patch has at most %d operations", OPERATIONS_MAX);
		return NULL;
	}
	if ((root = json_deep_copy(doc)) == NULL) {
		problem_set(p, PROBLEM_NO_RESOURCES, "out of memory");
		return NULL;
	}
	json_array_foreach (patch, op.index, item) {
		if (!apply(&op, &root, item)) {
			json_decref(root);
			return NULL;
		}
	}
	return root;
}
