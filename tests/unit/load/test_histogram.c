/* test_histogram.c: the generator's arithmetic. */
#include "tests/unit/main.h"

#include "tools/load/histogram.h"

static struct histogram *empty(void)
{
	static struct histogram h;

	h = (struct histogram){ .count = 0 };
	return &h;
}

START_TEST(an_empty_histogram_says_zero)
{
	struct histogram *h = empty();

	ck_assert_int_eq(histogram_percentile(h, 50), 0);
	ck_assert_int_eq(histogram_mean(h), 0);
}
END_TEST

START_TEST(one_value_is_every_percentile)
{
	struct histogram *h = empty();

	histogram_add(h, 123457);
	ck_assert_int_eq(histogram_percentile(h, 0), 123457);
	ck_assert_int_eq(histogram_percentile(h, 50), 123457);
	ck_assert_int_eq(histogram_percentile(h, 100), 123457);
	ck_assert_int_eq(h->min, 123457);
	ck_assert_int_eq(h->max, 123457);
}
END_TEST

START_TEST(percentiles_of_a_row_are_within_a_step)
{
	struct histogram *h = empty();

	for (int64_t i = 1; i <= 100000; i++)
		histogram_add(h, i);
	for (int p = 1; p <= 99; p++) {
		int64_t exact = p * 1000, got = histogram_percentile(h, p);

		ck_assert_int_ge(got, exact);
		ck_assert_int_le(got, exact + exact / HISTOGRAM_SUB + 1);
	}
	ck_assert_int_eq(histogram_percentile(h, 100), 100000);
	ck_assert_int_eq(histogram_mean(h), 50000);
}
END_TEST

/* Each value lies in the cell whose top is the smallest that is not below it. */
START_TEST(every_value_is_within_a_32nd_of_its_cell)
{
	for (int64_t v = 0; v < (int64_t)1 << 40; v = v < 100 ? v + 1 : v + v / 7) {
		struct histogram *h = empty();
		int64_t top;

		histogram_add(h, v);
		histogram_add(h, (int64_t)1 << 42); /* so that max does not cut it */
		top = histogram_percentile(h, 50);
		ck_assert_int_ge(top, v);
		ck_assert_int_le(top - v, v / HISTOGRAM_SUB);
	}
}
END_TEST

START_TEST(what_is_out_of_range_lands_at_the_ends)
{
	struct histogram *h = empty();

	histogram_add(h, -5);
	histogram_add(h, INT64_MAX / 4);
	ck_assert_uint_eq(h->cell[0], 1);
	ck_assert_uint_eq(h->cell[HISTOGRAM_CELLS - 1], 1);
	ck_assert_uint_eq(h->count, 2);
}
END_TEST

START_TEST(merging_is_adding_all)
{
	struct histogram *both = empty();
	static struct histogram a, b;

	for (int64_t i = 0; i < 1000; i++) {
		histogram_add(i % 2 ? &a : &b, i * i);
		histogram_add(both, i * i);
	}
	histogram_merge(&a, &b);
	ck_assert_mem_eq(&a, both, sizeof(a));
	histogram_merge(&a, &(struct histogram){ .count = 0 });
	ck_assert_mem_eq(&a, both, sizeof(a));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("load/histogram");
	TCase *tc = tcase_create("histogram");

	tcase_add_test(tc, an_empty_histogram_says_zero);
	tcase_add_test(tc, one_value_is_every_percentile);
	tcase_add_test(tc, percentiles_of_a_row_are_within_a_step);
	tcase_add_test(tc, every_value_is_within_a_32nd_of_its_cell);
	tcase_add_test(tc, what_is_out_of_range_lands_at_the_ends);
	tcase_add_test(tc, merging_is_adding_all);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
