/* test_tables.c: counters, errors and close reasons: every row has a proper name and words. */
#include <string.h>

#include "dcmf/base/close.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/err.h"
#include "tests/unit/main.h"

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

START_TEST(every_counter_has_a_prometheus_name)
{
	for (int i = 0; i < COUNTER_MAX; i++) {
		const char *name = counter_info[i].name;

		ck_assert_ptr_nonnull(name);
		ck_assert_msg(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name),
			"%s", name);
		ck_assert_msg(name[0] >= 'a' && name[0] <= 'z', "%s", name);
		ck_assert_msg(ends_with(name, "_total") == !counter_info[i].is_gauge, "%s", name);
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(name, counter_info[j].name);
	}
}
END_TEST

START_TEST(every_counter_has_words_that_fit_a_help_line)
{
	for (int i = 0; i < COUNTER_MAX; i++) {
		const char *help = counter_info[i].help;

		ck_assert_ptr_nonnull(help);
		ck_assert_msg(strlen(help) >= 8, "%s", counter_info[i].name);
		ck_assert_msg(strpbrk(help, "\n\\") == NULL, "%s", counter_info[i].name);
		ck_assert_msg(!ends_with(help, "."), "%s", counter_info[i].name);
	}
}
END_TEST

START_TEST(counting_counts_also_after_a_move_to_shared_memory)
{
	static int64_t shared[COUNTER_MAX];
	int64_t *own = counter_value;

	count(http_requests_total);
	count_add(legs, 3);
	count_add(legs, -1);
	ck_assert_int_eq(counter_value[CNT_http_requests_total], 1);
	ck_assert_int_eq(counter_value[CNT_legs], 2);
	shared[CNT_legs] = 10;
	counters_use(shared);
	ck_assert_ptr_eq(counter_value, shared);
	ck_assert_int_eq(shared[CNT_legs], 12);
	ck_assert_int_eq(shared[CNT_http_requests_total], 1);
	count(legs);
	ck_assert_int_eq(shared[CNT_legs], 13);
	ck_assert_int_eq(own[CNT_legs], 2);
	counter_value = own;
}
END_TEST

START_TEST(every_error_has_words)
{
	for (int e = 0; e < ERR_MAX; e++) {
		ck_assert_ptr_nonnull(err_text((enum err)e));
		ck_assert_uint_gt(strlen(err_text((enum err)e)), 1);
	}
	ck_assert_str_eq(err_text(ERR_OK), "ok");
	ck_assert_str_eq(err_text(ERR_MAX), "unknown error");
}
END_TEST

START_TEST(every_close_reason_has_a_name_for_machines_and_words_for_people)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	for (int r = 0; r < CLOSE_MAX; r++) {
		const char *name = close_name((enum close_reason)r);

		ck_assert_uint_eq(strspn(name, set), strlen(name));
		ck_assert_uint_gt(strlen(close_text((enum close_reason)r)), 3);
	}
	ck_assert_str_eq(close_name(CLOSE_DTLS_FINGERPRINT), "DTLS_FINGERPRINT");
	ck_assert(close_is_fault(CLOSE_DTLS_FINGERPRINT));
	ck_assert(!close_is_fault(CLOSE_LOCAL));
	ck_assert_str_eq(close_name(CLOSE_MAX), "UNKNOWN");
	ck_assert_str_eq(close_text(CLOSE_MAX), "unknown reason");
	ck_assert(!close_is_fault(CLOSE_MAX));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base/tables");
	TCase *tc = tcase_create("tables");

	tcase_add_test(tc, every_counter_has_a_prometheus_name);
	tcase_add_test(tc, every_counter_has_words_that_fit_a_help_line);
	tcase_add_test(tc, counting_counts_also_after_a_move_to_shared_memory);
	tcase_add_test(tc, every_error_has_words);
	tcase_add_test(tc, every_close_reason_has_a_name_for_machines_and_words_for_people);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
