/* test_bencode.c: what is bencoding, what is not, and what is too much of it. */
#include <stdio.h>
#include <stdlib.h>

#include "control/ng/bencode.h"
#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "tests/unit/main.h"

/* Read and written as JSON; NULL: refused, and *why is set. */
static char *as_json(struct span text, const char **why)
{
	json_t *value = bencode_read(text, why);
	char *line = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	json_decref(value);
	return line;
}

static const struct {
	const char *text, *json;
} good[] = {
	{ "d7:command4:pinge", "{\"command\":\"ping\"}" },
	{ "de", "{}" },
	{ "le", "[]" },
	{ "0:", "\"\"" },
	{ "i0e", "0" },
	{ "i-42e", "-42" },
	{ "i9223372036854775807e", "9223372036854775807" },
	{ "li1e1:ali2eee", "[1,\"a\",[2]]" },
	{ "d1:bi1e1:ai2ee", "{\"b\":1,\"a\":2}" },
	{ "d1:a1:x1:a1:ye", "{\"a\":\"x\"}" },
	{ "d0:0:e", "{\"\":\"\"}" },
	{ "5:a\nb\xc3\xa4", "\"a\\nb\xc3\xa4\"" },
};

START_TEST(what_is_bencoding_is_read)
{
	const char *why = NULL;
	char *json = as_json(SPAN_STR(good[_i].text), &why);

	ck_assert_msg(json != NULL, "%s: %s", good[_i].text, why);
	ck_assert_str_eq(json, good[_i].json);
	mem_free(json);
}
END_TEST

#define BAD(text, why)                      \
	{                                   \
		text, sizeof(text) - 1, why \
	}

static const struct {
	const char *text;
	size_t len;
	const char *why;
} bad[] = {
	BAD("", "ends in the middle"),
	BAD("x", "without a length"),
	BAD("i", "integer"),
	BAD("ie", "integer"),
	BAD("i-e", "integer"),
	BAD("i-0e", "integer"),
	BAD("i03e", "integer"),
	BAD("i1.5e", "integer"),
	BAD("i+1e", "integer"),
	BAD("i9223372036854775808e", "integer"),
	BAD("i12", "integer"),
	BAD("4:spa", "longer than what is there"),
	BAD("04:spam", "without a length"),
	BAD("-1:x", "without a length"),
	BAD("99999999999999999999:x", "without a length"),
	BAD("3:a\0b", "UTF-8"),
	BAD("2:\xc3(", "UTF-8"),
	BAD("3:\xed\xa0\x80", "UTF-8"),
	BAD("2:\xc0\x80", "UTF-8"),
	BAD("1:\xff", "UTF-8"),
	BAD("d1:\xff"
	    "0:e",
		"UTF-8"),
	BAD("l", "ends in the middle"),
	BAD("li1e", "ends in the middle"),
	BAD("d", "ends in the middle"),
	BAD("d1:a", "ends in the middle"),
	BAD("d1:ae", "without a length"),
	BAD("di1e1:ae", "key"),
	BAD("dlee", "key"),
	BAD("dee", "behind"),
	BAD("4:spam ", "behind"),
	BAD("e", "without a length"),
};

START_TEST(what_is_no_bencoding_is_refused_with_a_reason)
{
	const char *why = "nothing";
	char *json = as_json(SPAN(bad[_i].text, bad[_i].len), &why);

	ck_assert_msg(json == NULL, "%s is %s", bad[_i].text, json);
	ck_assert_msg(strstr(why, bad[_i].why) != NULL, "%s: %s", bad[_i].text, why);
}
END_TEST

/* `count` times `open`, then as often `close`. */
static char *nested(const char *open, unsigned count, const char *close)
{
	char *text = calloc(count, strlen(open) + strlen(close) + 1);

	for (unsigned i = 0; i < count; i++)
		strcat(text, open);
	for (unsigned i = 0; i < count; i++)
		strcat(text, close);
	return text;
}

START_TEST(nesting_has_an_end)
{
	const char *why = "nothing";
	char *fine = nested("l", BENCODE_DEPTH_MAX, "e"),
	     *bomb = nested("l", BENCODE_DEPTH_MAX + 1, "e"), *deep = nested("d1:a", 20000, ""),
	     *json = as_json(SPAN_STR(fine), &why);

	ck_assert_ptr_nonnull(json);
	ck_assert_ptr_null(as_json(SPAN_STR(bomb), &why));
	ck_assert_str_eq(why, "nested too deep");
	ck_assert_ptr_null(as_json(SPAN_STR(deep), &why));
	ck_assert_str_eq(why, "nested too deep");
	mem_free(json);
	free(fine);
	free(bomb);
	free(deep);
}
END_TEST

/* A list of so many empty lists: NULL, or why not. */
static const char *why_not_many(unsigned count)
{
	const char *why = NULL;
	char *text = malloc(2 * count + 2);

	text[0] = 'l';
	for (unsigned i = 0; i < count; i++)
		memcpy(text + 1 + 2 * i, "le", 2);
	text[2 * count + 1] = 'e';
	mem_free(as_json(SPAN(text, 2 * count + 2), &why));
	free(text);
	return why;
}

START_TEST(many_small_values_are_too_many)
{
	ck_assert_ptr_null(why_not_many(BENCODE_ITEMS_MAX - 1));
	ck_assert_str_eq(why_not_many(BENCODE_ITEMS_MAX), "too many values");
}
END_TEST

/* A whole that is cut anywhere is an error, never something else. */
START_TEST(no_beginning_of_a_whole_is_a_whole)
{
	const char *why;
	struct span text = SPAN_LIT("d7:command5:offer5:flagsl13:trust addresse3:numi-7ee");
	char *json;

	for (size_t n = 0; n < text.len; n++) {
		char *part = malloc(n + 1); /* so that reading beyond it shows */

		memcpy(part, text.p, n);
		why = NULL;
		ck_assert_ptr_null(as_json(SPAN(part, n), &why));
		ck_assert_ptr_nonnull(why);
		free(part);
	}
	json = as_json(text, &why);
	ck_assert_ptr_nonnull(json);
	mem_free(json);
}
END_TEST

static const struct {
	const char *json, *text;
} written[] = {
	{ "{\"result\":\"pong\"}", "d6:result4:ponge" },
	{ "{\"b\":1,\"a\":[true,false,null,-3]}", "d1:ali1ei0e0:i-3ee1:bi1ee" },
	{ "[0.5,\"\\u00e4\"]", "l3:0.52:\xc3\xa4"
			       "e" },
};

START_TEST(values_are_written_with_sorted_keys)
{
	json_t *value = json_loads(written[_i].json, 0, NULL);
	size_t len;
	char *text = bencode_write(value, &len);

	ck_assert_str_eq(text, written[_i].text);
	ck_assert_uint_eq(len, strlen(text));
	mem_free(text);
	json_decref(value);
}
END_TEST

START_TEST(without_memory_nothing_is_read_or_written_and_nothing_leaks)
{
	struct span text = SPAN_LIT("d1:ali1e4:spame1:bd1:ci2eee");
	long live = mem_live();

	for (unsigned long n = 1;; n++) {
		const char *why = NULL;
		json_t *value;
		char *out = NULL;
		size_t len;

		mem_fail_at(n);
		if ((value = bencode_read(text, &why)) != NULL)
			out = bencode_write(value, &len);
		ck_assert(mem_failed() ? out == NULL : out != NULL);
		if (value == NULL)
			ck_assert_str_eq(why, "out of memory");
		json_decref(value);
		mem_free(out);
		ck_assert_int_eq(mem_live(), live);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("bencode");
	TCase *t = tcase_create("bencode");

	control_init();
	tcase_add_loop_test(t, what_is_bencoding_is_read, 0, sizeof(good) / sizeof(good[0]));
	tcase_add_loop_test(
		t, what_is_no_bencoding_is_refused_with_a_reason, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(t, nesting_has_an_end);
	tcase_add_test(t, many_small_values_are_too_many);
	tcase_add_test(t, no_beginning_of_a_whole_is_a_whole);
	tcase_add_loop_test(
		t, values_are_written_with_sorted_keys, 0, sizeof(written) / sizeof(written[0]));
	tcase_add_test(t, without_memory_nothing_is_read_or_written_and_nothing_leaks);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
