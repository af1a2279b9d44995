/* test_compare.c: which figures two reports have in common, and how they are told as a page. */
#include "tests/unit/main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/load/compare.h"

#define A_PATH    "test_compare_<a>.json"
#define B_PATH    "test_compare_b.json"
#define PAGE_PATH "test_compare.html"

#define TIMES(count, p99) \
	"{\"count\": " count ", \"minUs\": 10, \"p50Us\": 2000, \"p99Us\": " p99 "}"
#define REPORT(failed, cpu, message)                                                              \
	"{\"scenario\": \"p2p\", \"failed\": " failed ", \"gateway\": {\"cpuUsPerMessage\": " cpu \
	"}, \"samples\": [{\"seconds\": 0, \"messages\": 0, \"up\": 1}, {\"seconds\": 1, "        \
	"\"messages\": 50, \"up\": 2}, "                                                          \
	"{\"seconds\": 2, \"messages\": 70, \"up\": 2}], \"parts\": [{\"scenario\": \"p2p\", "    \
	"\"latency\": {\"message\": " message ", \"setUp\": " TIMES("0", "0") "}}]}"

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

static const struct compared *find(const struct comparison *c, const char *words)
{
	for (unsigned i = 0; i < c->count; i++)
		if (strcmp(c->figures[i].words, words) == 0)
			return &c->figures[i];
	return NULL;
}

static struct comparison *open_both(void)
{
	static struct comparison c;

	put(A_PATH, REPORT("0", "5.5", TIMES("9", "4000")));
	put(B_PATH, REPORT("2", "null", TIMES("9", "6000")));
	ck_assert(compare_open(&c, A_PATH, B_PATH));
	return &c;
}

START_TEST(figures_are_those_that_both_have)
{
	struct comparison *c = open_both();
	const struct compared *p99 = find(c, "p2p message p99, ms");

	ck_assert_double_eq_tol(find(c, "failed")->b, 2, 1e-9);
	ck_assert_ptr_nonnull(p99);
	ck_assert_double_eq_tol(p99->a, 4, 1e-9);
	ck_assert_double_eq_tol(p99->b, 6, 1e-9);
	ck_assert_ptr_null(find(c, "CPU a message, us")); /* B does not know it */
	ck_assert_ptr_null(find(c, "p2p setUp p50, ms")); /* nobody measured any */
	compare_close(c);
}
END_TEST

START_TEST(the_page_has_both_curves_and_names_of_files_cannot_break_it)
{
	static char page[65536];
	struct comparison *c = open_both();
	FILE *f;

	ck_assert(compare_save_html(c, PAGE_PATH));
	compare_close(c);
	f = fopen(PAGE_PATH, "r");
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	fclose(f);
	ck_assert_ptr_nonnull(strstr(page, "p2p: message, sent (or due) to received"));
	ck_assert_ptr_null(strstr(page, "p2p: whole set-up"));
	ck_assert_ptr_nonnull(strstr(page, "Messages received"));
	ck_assert_ptr_null(strstr(page, "Memory of the workers")); /* nobody knew it */
	ck_assert_ptr_nonnull(strstr(page, "&#9632; B"));
	ck_assert_ptr_null(strstr(page, "<a>"));
}
END_TEST

START_TEST(what_cannot_be_written_is_said)
{
	struct comparison *c = open_both();

	ck_assert(!compare_save_html(c, "no-such-folder/page.html"));
	ck_assert(!compare_save_html(c, "/dev/full"));
	compare_close(c);
}
END_TEST

START_TEST(what_is_no_report_is_not_compared)
{
	static struct comparison c;

	put(A_PATH, "{\"parts\": 5}");
	put(B_PATH, REPORT("0", "1", TIMES("1", "1")));
	ck_assert(!compare_open(&c, A_PATH, B_PATH));
	ck_assert(!compare_open(&c, B_PATH, A_PATH));
	ck_assert(!compare_open(&c, B_PATH, "no-such-file"));
	ck_assert(compare_open(&c, B_PATH, B_PATH));
	compare_close(&c);
}
END_TEST

static void clean_up(void)
{
	unlink(A_PATH);
	unlink(B_PATH);
	unlink(PAGE_PATH);
}

static Suite *suite(void)
{
	Suite *s = suite_create("load/compare");
	TCase *tc = tcase_create("compare");

	tcase_add_checked_fixture(tc, NULL, clean_up);
	tcase_add_test(tc, figures_are_those_that_both_have);
	tcase_add_test(tc, the_page_has_both_curves_and_names_of_files_cannot_break_it);
	tcase_add_test(tc, what_cannot_be_written_is_said);
	tcase_add_test(tc, what_is_no_report_is_not_compared);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
