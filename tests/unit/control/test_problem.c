/* test_problem.c: refusals become ProblemDetails, the same on every interface. */
#include <stdio.h>
#include <string.h>

#include "control/json.h"
#include "control/problem.h"
#include "dcmf/base/alloc.h"
#include "tests/unit/main.h"

START_TEST(the_first_refusal_wins)
{
	struct problem p = { .kind = PROBLEM_NONE };

	ck_assert(!problem_set(&p, PROBLEM_NO_CONTEXT, "no %s", "such"));
	problem_set(&p, PROBLEM_FAILURE, "later");
	ck_assert_int_eq(p.kind, PROBLEM_NO_CONTEXT);
	ck_assert_str_eq(p.detail, "no such");
	problem_finish(&p);
	ck_assert_int_eq(p.kind, PROBLEM_NONE);
}
END_TEST

START_TEST(details_carry_status_cause_and_invalid_params)
{
	struct problem p = { .kind = PROBLEM_NONE };
	const json_t *first;
	json_t *details;

	problem_param(&p, PROBLEM_IE_MISSING, "/terminations/0/medias", "missing");
	problem_param(&p, PROBLEM_OPTIONAL_INCORRECT, "/x", "there is no such attribute");
	details = problem_json(&p);
	ck_assert_int_eq(js_get_integer(details, "status", 0), 400);
	ck_assert_str_eq(js_get_text(details, "cause"), "MANDATORY_IE_MISSING");
	ck_assert_str_eq(js_get_text(details, "detail"), "/terminations/0/medias: missing");
	ck_assert_uint_eq(json_array_size(json_object_get(details, "invalidParams")), 2);
	first = json_array_get(json_object_get(details, "invalidParams"), 0);
	ck_assert_str_eq(js_get_text(first, "param"), "/terminations/0/medias");
	ck_assert_str_eq(js_get_text(first, "reason"), "missing");
	json_decref(details);
	problem_finish(&p);
}
END_TEST

START_TEST(at_most_sixteen_params_are_listed)
{
	struct problem p = { .kind = PROBLEM_NONE };

	for (int i = 0; i < 40; i++)
		problem_param(&p, PROBLEM_OPTIONAL_INCORRECT, "/x", "wrong");
	ck_assert_uint_eq(json_array_size(p.invalid_params), 16);
	problem_finish(&p);
}
END_TEST

START_TEST(texts_of_strangers_are_made_harmless)
{
	struct problem p = { .kind = PROBLEM_NONE };
	json_t *details;

	problem_set(&p, PROBLEM_FAILURE, "bad \xff\x01 text\n");
	details = problem_json(&p);
	ck_assert_ptr_nonnull(details);
	ck_assert_str_eq(js_get_text(details, "detail"), "bad ?? text?");
	json_decref(details);
	problem_finish(&p);
}
END_TEST

START_TEST(a_long_detail_cut_inside_a_character_is_still_text)
{
	struct problem p = { .kind = PROBLEM_NONE };
	char text[400];
	json_t *details;

	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 3);
	text[0] = 'x'; /* so that the cut falls between two bytes */
	memmove(text + 1, text + 2, strlen(text + 2) + 1);
	problem_set(&p, PROBLEM_FAILURE, "%s", text);
	details = problem_json(&p);
	ck_assert_ptr_nonnull(details);
	json_decref(details);
	problem_finish(&p);
}
END_TEST

START_TEST(every_kind_has_a_status_and_a_cause)
{
	for (int k = PROBLEM_NONE + 1; k < PROBLEM_MAX; k++) {
		ck_assert_int_ge(problem_status((enum problem_kind)k), 400);
		ck_assert_int_gt(strlen(problem_cause((enum problem_kind)k)), 0);
	}
}
END_TEST

START_TEST(errors_of_the_relay_are_sorted_into_problems)
{
	static const struct {
		enum err err;
		enum problem_kind kind;
	} cases[] = {
		{ ERR_OK, PROBLEM_NONE },
		{ ERR_NO_PORT, PROBLEM_NO_RESOURCES },
		{ ERR_NO_FILES, PROBLEM_NO_RESOURCES },
		{ ERR_LIMIT, PROBLEM_NO_RESOURCES },
		{ ERR_NO_MEMORY, PROBLEM_NO_RESOURCES },
		{ ERR_ADDRESS, PROBLEM_NO_RESOURCES },
		{ ERR_CRYPTO, PROBLEM_FAILURE },
		{ ERR_UNSUPPORTED, PROBLEM_NOT_BUILT },
		{ ERR_FORBIDDEN, PROBLEM_SECURITY_POLICY },
		{ ERR_STATE, PROBLEM_CONFLICT },
		{ ERR_STREAM_RANGE, PROBLEM_OPTIONAL_INCORRECT },
		{ (enum err)999, PROBLEM_FAILURE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_int_eq(problem_of_err(cases[i].err), cases[i].kind);
}
END_TEST

START_TEST(without_memory_the_refusal_stays_and_nothing_leaks)
{
	long before = mem_live();

	for (unsigned long n = 1;; n++) {
		struct problem p = { .kind = PROBLEM_NONE };
		json_t *details;
		int failed;

		mem_fail_at(n);
		problem_param(&p, PROBLEM_IE_MISSING, "/a", "missing");
		problem_param(&p, PROBLEM_IE_MISSING, "/b", "missing");
		ck_assert_int_eq(p.kind, PROBLEM_IE_MISSING);
		details = problem_json(&p);
		failed = mem_failed();
		mem_fail_at(0);
		json_decref(details);
		problem_finish(&p);
		ck_assert_int_eq(mem_live(), before);
		if (!failed)
			break;
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("problem");
	TCase *t = tcase_create("problem");

	control_init();
	tcase_add_test(t, the_first_refusal_wins);
	tcase_add_test(t, details_carry_status_cause_and_invalid_params);
	tcase_add_test(t, at_most_sixteen_params_are_listed);
	tcase_add_test(t, texts_of_strangers_are_made_harmless);
	tcase_add_test(t, a_long_detail_cut_inside_a_character_is_still_text);
	tcase_add_test(t, every_kind_has_a_status_and_a_cause);
	tcase_add_test(t, errors_of_the_relay_are_sorted_into_problems);
	tcase_add_test(t, without_memory_the_refusal_stays_and_nothing_leaks);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
