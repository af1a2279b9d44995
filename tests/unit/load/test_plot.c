/* test_plot.c: axes and text of the generator's plots. */
#include "tests/unit/main.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/load/plot.h"

START_TEST(axes_end_at_numbers_that_look_well)
{
	static const double pairs[][2] = { { 0, 1 }, { 1, 1 }, { 1.1, 1.2 }, { 1.21, 1.6 },
		{ 2.5, 3.2 }, { 7, 8 }, { 8.1, 10 }, { 101, 120 }, { 12000, 12000 }, { 371, 400 },
		{ 0.03, 0.032 }, { 0.011, 0.012 } };

	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		ck_assert_double_eq_tol(plot_round_up(pairs[i][0]), pairs[i][1], 1e-9);
	ck_assert_double_eq_tol(plot_round_up(-5), 1, 1e-9);
}
END_TEST

START_TEST(each_nine_is_as_far_as_the_one_before)
{
	ck_assert_double_eq_tol(plot_nines(0), 0, 1e-5);
	ck_assert_double_eq_tol(plot_nines(0.5), 0.30103, 1e-4);
	ck_assert_double_eq_tol(plot_nines(0.9), 1, 1e-4);
	ck_assert_double_eq_tol(plot_nines(0.99), 2, 1e-4);
	ck_assert_double_eq_tol(plot_nines(0.995), 2.30103, 1e-4);
	ck_assert_double_eq_tol(plot_nines(0.999), 3, 1e-4);
	ck_assert_double_eq_tol(plot_nines(1), 4, 1e-9);
}
END_TEST

static char *written(const struct plot *p)
{
	static char text[65536];
	FILE *f = fmemopen(text, sizeof(text), "w");

	memset(text, 0, sizeof(text));
	ck_assert_ptr_nonnull(f);
	plot_write(f, p);
	fclose(f);
	return text;
}

START_TEST(a_curve_goes_from_corner_to_corner_and_its_name_cannot_break_the_page)
{
	static const struct plot_point points[] = { { 0, 0 }, { 10, 100 } };
	struct plot p = { .title = "a <b> & c",
		.x_unit = "s",
		.y_unit = "ms",
		.count = 1,
		.curves = { { .name = "<x>", .points = points, .count = 2 } } };
	char *text = written(&p);

	ck_assert_ptr_nonnull(strstr(text, "points='70.0,252.0 710.0,12.0 '"));
	ck_assert_ptr_null(strstr(text, "<b>"));
	ck_assert_ptr_null(strstr(text, "<x>"));
}
END_TEST

START_TEST(what_has_no_two_points_is_no_plot)
{
	static const struct plot_point point = { 1, 1 };
	struct plot p = { .title = "t", .x_unit = "s", .y_unit = "ms" };

	ck_assert_str_eq(written(&p), "");
	p.curves[p.count++] = (struct plot_curve){ .name = "n", .points = &point, .count = 1 };
	ck_assert_str_eq(written(&p), "");
}
END_TEST

START_TEST(an_axis_of_nines_ends_where_the_curves_do)
{
	static const struct plot_point few[] = { { 0, 1 }, { 0.95, 2 } },
				       many[] = { { 0, 1 }, { 0.99999, 2 } };
	struct plot p = { .title = "t",
		.x_unit = "share",
		.y_unit = "ms",
		.nines = true,
		.count = 1,
		.curves = { { .name = "", .points = few, .count = 2 } } };

	ck_assert_ptr_nonnull(strstr(written(&p), "x='710.0' y='270' text-anchor='middle'>99 %<"));
	ck_assert_ptr_null(strstr(written(&p), "99.9"));
	p.curves[0].points = many;
	ck_assert_ptr_nonnull(
		strstr(written(&p), "x='710.0' y='270' text-anchor='middle'>99.99 %<"));
	ck_assert_ptr_nonnull(strstr(written(&p), " 710.0,12.0 '"));
}
END_TEST

START_TEST(names_stand_above_the_plot_and_long_axes_have_plain_numbers)
{
	static const struct plot_point a[] = { { 0, 0 }, { 1600, 4000000 } }, one[] = { { 0, 0 } };
	struct plot p = { .title = "t",
		.x_unit = "seconds",
		.y_unit = "",
		.count = 3,
		.curves = { { .name = "A", .points = a, .count = 2 },
			{ .name = "missing", .points = one, .count = 1 },
			{ .name = "B", .points = a, .count = 2 } } };
	char *text = written(&p);

	ck_assert_ptr_nonnull(
		strstr(text, "<h2>t</h2><p class=names><span class=c0>&#9632; A</span>"
			     "<span class=c2>&#9632; B</span></p>"));
	ck_assert_ptr_null(strstr(text, "missing"));
	ck_assert_ptr_nonnull(strstr(text, ">4000000<"));
	ck_assert_ptr_nonnull(strstr(text, ">1600<"));
	ck_assert_ptr_null(strstr(text, "e+"));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("load/plot");
	TCase *tc = tcase_create("plot");

	tcase_add_test(tc, axes_end_at_numbers_that_look_well);
	tcase_add_test(tc, each_nine_is_as_far_as_the_one_before);
	tcase_add_test(tc, a_curve_goes_from_corner_to_corner_and_its_name_cannot_break_the_page);
	tcase_add_test(tc, an_axis_of_nines_ends_where_the_curves_do);
	tcase_add_test(tc, names_stand_above_the_plot_and_long_axes_have_plain_numbers);
	tcase_add_test(tc, what_has_no_two_points_is_no_plot);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
