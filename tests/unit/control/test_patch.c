/*
 * test_patch.c: JSON Patch, after the examples of RFC 6902 appendix A in words of
 * our own, and what hostile patches get.
 */
#include <stdio.h>
#include <string.h>

#include "control/json.h"
#include "control/patch.h"
#include "dcmf/base/alloc.h"
#include "tests/unit/main.h"

static json_t *load(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	ck_assert_msg(value != NULL, "not JSON: %s", text);
	return value;
}

struct good {
	const char *doc, *patch, *result;
};

static const struct good goods[] = {
	/* A.1 a member is added */
	{ "{\"list\":1}", "[{\"op\":\"add\",\"path\":\"/more\",\"value\":2}]",
		"{\"list\":1,\"more\":2}" },
	/* A.2 an element is inserted before another */
	{ "{\"l\":[1,3]}", "[{\"op\":\"add\",\"path\":\"/l/1\",\"value\":2}]", "{\"l\":[1,2,3]}" },
	/* A.3, A.4 removed again */
	{ "{\"a\":1,\"b\":2}", "[{\"op\":\"remove\",\"path\":\"/b\"}]", "{\"a\":1}" },
	{ "{\"l\":[1,2,3]}", "[{\"op\":\"remove\",\"path\":\"/l/1\"}]", "{\"l\":[1,3]}" },
	/* A.5 replaced */
	{ "{\"a\":1,\"b\":2}", "[{\"op\":\"replace\",\"path\":\"/b\",\"value\":\"x\"}]",
		"{\"a\":1,\"b\":\"x\"}" },
	{ "{\"l\":[1,2,3]}", "[{\"op\":\"replace\",\"path\":\"/l/1\",\"value\":9}]",
		"{\"l\":[1,9,3]}" },
	/* A.6, A.7 moved, to another object and within an array */
	{ "{\"from\":{\"k\":1,\"v\":2},\"to\":{\"w\":3}}",
		"[{\"op\":\"move\",\"from\":\"/from/v\",\"path\":\"/to/v\"}]",
		"{\"from\":{\"k\":1},\"to\":{\"w\":3,\"v\":2}}" },
	{ "{\"l\":[\"a\",\"b\",\"c\",\"d\"]}",
		"[{\"op\":\"move\",\"from\":\"/l/1\",\"path\":\"/l/3\"}]",
		"{\"l\":[\"a\",\"c\",\"d\",\"b\"]}" },
	/* A.8 tested */
	{ "{\"s\":\"x\",\"l\":[\"a\",2]}",
		"[{\"op\":\"test\",\"path\":\"/s\",\"value\":\"x\"},{\"op\":\"test\",\"path\":\"/l/"
		"1\",\"value\":2}]",
		"{\"s\":\"x\",\"l\":[\"a\",2]}" },
	/* A.10 an object inside */
	{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/child\",\"value\":{\"grand\":{}}}]",
		"{\"a\":1,\"child\":{\"grand\":{}}}" },
	/* A.11 members that nobody knows are ignored */
	{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\",\"value\":2,\"why\":7}]",
		"{\"a\":1,\"b\":2}" },
	/* A.14 the escapes of pointers: ~01 is "~1" */
	{ "{\"/\":9,\"~1\":10}", "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":10}]",
		"{\"/\":9,\"~1\":10}" },
	{ "{\"/\":9,\"~1\":10}", "[{\"op\":\"test\",\"path\":\"/~1\",\"value\":9}]",
		"{\"/\":9,\"~1\":10}" },
	/* A.16 an array appended to an array */
	{ "{\"l\":[1]}", "[{\"op\":\"add\",\"path\":\"/l/-\",\"value\":[2,3]}]",
		"{\"l\":[1,[2,3]]}" },
	/* the whole document, the empty name, copies, numbers by value, add over what is there */
	{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"\",\"value\":[1]}]", "[1]" },
	{ "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":{}}]", "{}" },
	{ "{\"\":1}", "[{\"op\":\"replace\",\"path\":\"/\",\"value\":2}]", "{\"\":2}" },
	{ "{\"a\":[1]}",
		"[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"},{\"op\":\"add\",\"path\":\"/b/"
		"0\",\"value\":0}]",
		"{\"a\":[1],\"b\":[0,1]}" },
	{ "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":1.0}]", "{\"a\":1}" },
	{ "{\"a\":[{\"b\":1}]}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":[{\"b\":1.0}]}]",
		"{\"a\":[{\"b\":1}]}" },
	{ "{\"a\":null}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":null}]", "{\"a\":null}" },
	{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a\",\"value\":2}]", "{\"a\":2}" },
	{ "{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a\"}]", "{\"a\":1}" },
	{ "{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/ab\"}]", "{\"ab\":1}" },
	{ "{\"l\":[]}", "[{\"op\":\"add\",\"path\":\"/l/0\",\"value\":1}]", "{\"l\":[1]}" },
};

START_TEST(operations_do_what_the_rfc_says)
{
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		json_t *doc = load(goods[i].doc), *before = json_deep_copy(doc),
		       *patch = load(goods[i].patch);
		json_t *wanted = load(goods[i].result);
		struct problem p = { .kind = PROBLEM_NONE };
		json_t *result = patch_apply(doc, patch, &p);

		ck_assert_msg(result != NULL && json_equal(result, wanted), "%s: %s",
			goods[i].patch, p.detail);
		ck_assert_msg(json_equal(doc, before), "the original changed: %s", goods[i].patch);
		json_decref(doc);
		json_decref(before);
		json_decref(patch);
		json_decref(wanted);
		json_decref(result);
	}
}
END_TEST

static const struct {
	const char *doc, *patch;
	enum problem_kind kind;
} bads[] = {
	/* A.9 a test that fails, A.15 a text is no number */
	{ "{\"a\":\"x\"}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":\"y\"}]",
		PROBLEM_CONFLICT },
	{ "{\"~1\":10}", "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":\"10\"}]",
		PROBLEM_CONFLICT },
	{ "{\"a\":[1,2]}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":[1]}]", PROBLEM_CONFLICT },
	{ "{\"a\":{\"b\":1}}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":{\"c\":1}}]",
		PROBLEM_CONFLICT },
	/* A.12 the parent is not there */
	{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b/c\",\"value\":1}]", PROBLEM_CONFLICT },
	{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a/c\",\"value\":1}]", PROBLEM_CONFLICT },
	{ "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/b\"}]", PROBLEM_CONFLICT },
	{ "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/b\",\"value\":1}]", PROBLEM_CONFLICT },
	{ "{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"/b\",\"path\":\"/c\"}]", PROBLEM_CONFLICT },
	{ "{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/b\",\"path\":\"/b\"}]", PROBLEM_CONFLICT },
	{ "{\"l\":[1]}", "[{\"op\":\"add\",\"path\":\"/l/2\",\"value\":1}]", PROBLEM_CONFLICT },
	{ "{\"l\":[1]}", "[{\"op\":\"remove\",\"path\":\"/l/1\"}]", PROBLEM_CONFLICT },
	{ "{\"l\":[1]}", "[{\"op\":\"remove\",\"path\":\"/l/-\"}]", PROBLEM_CONFLICT },
	{ "{\"l\":[1]}", "[{\"op\":\"replace\",\"path\":\"/l/-\",\"value\":1}]", PROBLEM_CONFLICT },
	/* pointers and operations that are none */
	{ "{\"l\":[1]}", "[{\"op\":\"add\",\"path\":\"/l/01\",\"value\":1}]", PROBLEM_BAD_MESSAGE },
	{ "{\"l\":[1]}", "[{\"op\":\"add\",\"path\":\"/l/-1\",\"value\":1}]", PROBLEM_BAD_MESSAGE },
	{ "{\"l\":[1]}", "[{\"op\":\"add\",\"path\":\"/l/x\",\"value\":1}]", PROBLEM_BAD_MESSAGE },
	{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", PROBLEM_BAD_MESSAGE },
	{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a~2\",\"value\":1}]", PROBLEM_BAD_MESSAGE },
	{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a~\",\"value\":1}]", PROBLEM_BAD_MESSAGE },
	{ "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"\"}]", PROBLEM_BAD_MESSAGE },
	{ "{\"a\":{}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]",
		PROBLEM_BAD_MESSAGE },
	{ "{\"a\":1}", "[{\"op\":\"swap\",\"path\":\"/a\"}]", PROBLEM_BAD_MESSAGE },
	{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a\"}]", PROBLEM_BAD_MESSAGE },
	{ "{\"a\":1}", "[{\"op\":\"copy\",\"path\":\"/a\"}]", PROBLEM_BAD_MESSAGE },
	{ "{\"a\":1}", "[{\"path\":\"/a\"}]", PROBLEM_BAD_MESSAGE },
	{ "{\"a\":1}", "[{\"op\":\"remove\"}]", PROBLEM_BAD_MESSAGE },
	{ "{\"a\":1}", "[5]", PROBLEM_BAD_MESSAGE },
	{ "{\"a\":1}", "[]", PROBLEM_BAD_MESSAGE },
	{ "{\"a\":1}", "{}", PROBLEM_BAD_MESSAGE },
};

START_TEST(what_cannot_be_done_is_refused_and_changes_nothing)
{
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		json_t *doc = load(bads[i].doc), *before = json_deep_copy(doc),
		       *patch = load(bads[i].patch);
		struct problem p = { .kind = PROBLEM_NONE };

		ck_assert_msg(patch_apply(doc, patch, &p) == NULL, "%s", bads[i].patch);
		ck_assert_msg(p.kind == bads[i].kind, "%s: %s", bads[i].patch, p.detail);
		ck_assert(json_equal(doc, before));
		problem_finish(&p);
		json_decref(doc);
		json_decref(before);
		json_decref(patch);
	}
}
END_TEST

START_TEST(the_failing_operation_is_named_whichever_it_is)
{
	for (int fail_at = 0; fail_at < 6; fail_at++) {
		json_t *doc = load("{\"a\":{\"n\":0}}"), *before = json_deep_copy(doc),
		       *patch = json_array();
		struct problem p = { .kind = PROBLEM_NONE };
		char wanted[64];

		for (int i = 0; i < 6; i++)
			json_array_append_new(patch,
				json_pack("{s:s,s:s,s:i}", "op", i == fail_at ? "test" : "replace",
					"path", "/a/n", "value", i == fail_at ? 99 : i + 1));
		ck_assert_ptr_null(patch_apply(doc, patch, &p));
		snprintf(wanted, sizeof(wanted), "(failed operation index= %d)", fail_at);
		ck_assert_ptr_nonnull(
			strstr(js_get_text(json_array_get(p.invalid_params, 0), "reason"), wanted));
		ck_assert_str_eq(js_get_text(json_array_get(p.invalid_params, 0), "param"), "/a/n");
		ck_assert(json_equal(doc, before));
		problem_finish(&p);
		json_decref(doc);
		json_decref(before);
		json_decref(patch);
	}
}
END_TEST

START_TEST(a_document_cannot_be_doubled_until_memory_is_gone)
{
	json_t *doc = load("{\"a\":[\"0123456789\"]}"), *patch = json_array();
	struct problem p = { .kind = PROBLEM_NONE };

	for (int i = 0; i < 200; i++)
		json_array_append_new(patch,
			json_pack("{s:s,s:s,s:s}", "op", "copy", "from", "/a", "path", "/a/-"));
	ck_assert_ptr_null(patch_apply(doc, patch, &p));
	ck_assert_int_eq(p.kind, PROBLEM_TOO_LARGE);
	problem_finish(&p);
	json_decref(doc);
	json_decref(patch);
}
END_TEST

START_TEST(a_document_cannot_be_nested_until_the_stack_is_gone)
{
	static const char *const ops[] = { "copy", "add", "move" };

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		json_t *doc = load("{\"a\":[]}"), *patch = json_array(),
		       *deep = load("[[[[[[[[[[]]]]]]]]]]");
		struct problem p = { .kind = PROBLEM_NONE };
		char path[400] = "/a";

		for (int n = 0; n < 15; n++) {
			json_array_append_new(patch, json_pack("{s:s,s:s,s:O}", "op", "add", "path",
							     "/b", "value", deep));
			json_array_append_new(
				patch, json_pack("{s:s,s:s,s:s+,s:O}", "op", ops[i], "from", "/b",
					       "path", path, "/-", "value", deep));
			strcat(path, "/0/0/0/0/0/0/0/0/0/0");
		}
		ck_assert_ptr_null(patch_apply(doc, patch, &p));
		ck_assert_int_eq(p.kind, PROBLEM_TOO_LARGE);
		problem_finish(&p);
		json_decref(doc);
		json_decref(deep);
		json_decref(patch);
	}
}
END_TEST

START_TEST(a_patch_of_too_many_operations_is_refused)
{
	json_t *doc = load("{}"), *patch = json_array();
	struct problem p = { .kind = PROBLEM_NONE };

	for (int i = 0; i < 257; i++)
		json_array_append_new(
			patch, json_pack("{s:s,s:s,s:i}", "op", "add", "path", "/a", "value", i));
	ck_assert_ptr_null(patch_apply(doc, patch, &p));
	ck_assert_int_eq(p.kind, PROBLEM_TOO_LARGE);
	problem_finish(&p);
	json_array_remove(patch, 256);
	json_decref(patch_apply(doc, patch, &p));
	ck_assert_int_eq(p.kind, PROBLEM_NONE);
	json_decref(doc);
	json_decref(patch);
}
END_TEST

START_TEST(without_memory_nothing_leaks)
{
	json_t *doc = load("{\"a\":{\"b\":[1,2]},\"c\":\"x\"}");
	json_t *patch =
		load("[{\"op\":\"add\",\"path\":\"/a/b/"
		     "0\",\"value\":{\"x\":1}},{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/d\"},"
		     "{\"op\":\"move\",\"from\":\"/c\",\"path\":\"/d/"
		     "c\"},{\"op\":\"replace\",\"path\":\"/d/c\",\"value\":1}]");
	long before = mem_live();

	for (unsigned long n = 1;; n++) {
		struct problem p = { .kind = PROBLEM_NONE };
		json_t *result;
		int failed;

		mem_fail_at(n);
		result = patch_apply(doc, patch, &p);
		failed = mem_failed();
		mem_fail_at(0);
		ck_assert_int_eq(result == NULL, p.kind != PROBLEM_NONE);
		ck_assert(result != NULL || p.kind == PROBLEM_NO_RESOURCES);
		json_decref(result);
		problem_finish(&p);
		ck_assert_int_eq(mem_live(), before);
		if (!failed)
			break;
	}
	json_decref(doc);
	json_decref(patch);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("patch");
	TCase *t = tcase_create("patch");

	control_init();
	tcase_add_test(t, operations_do_what_the_rfc_says);
	tcase_add_test(t, what_cannot_be_done_is_refused_and_changes_nothing);
	tcase_add_test(t, the_failing_operation_is_named_whichever_it_is);
	tcase_add_test(t, a_document_cannot_be_doubled_until_memory_is_gone);
	tcase_add_test(t, a_document_cannot_be_nested_until_the_stack_is_gone);
	tcase_add_test(t, a_patch_of_too_many_operations_is_refused);
	tcase_add_test(t, without_memory_nothing_leaks);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
