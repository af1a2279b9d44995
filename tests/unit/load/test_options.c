/* test_options.c: the generator's command line. */
#include "tests/unit/main.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tools/load/options.h"

/* Words of a command line, cut at blanks. */
static bool parse(struct options *o, const char *line)
{
	static char copy[512];
	static char name[] = "dcmf-load";
	char *argv[32] = { name };
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word != NULL && argc < 31; word = strtok(NULL, " "))
		argv[argc++] = word;
	optind = 0;
	return options_parse(o, argc, argv);
}

START_TEST(defaults_are_a_small_wave_without_ice)
{
	struct options o;

	ck_assert(parse(&o, "bootstrap"));
	ck_assert_int_eq(o.ues, 100);
	ck_assert_uint_eq(o.ice_percent, 0);
	ck_assert_int_eq(o.message_size, 1024);
	ck_assert(!o.hold_all && o.hold_s == 0);
	ck_assert_uint_eq(o.bind_count, 65534);
	ck_assert_uint_eq(o.bind_first.ip[3], 1);
}
END_TEST

START_TEST(every_form_of_an_option_is_taken)
{
	struct options o;

	ck_assert(parse(&o, "--ice mixed --hold all bootstrap --bind ::1 --no-refetch"));
	ck_assert_uint_eq(o.ice_percent, 50);
	ck_assert(o.hold_all && o.no_refetch);
	ck_assert_uint_eq(o.bind_count, 1);
	ck_assert(parse(&o, "bootstrap --ice 33 --hold 2.5 --duration 10 --rate 20"));
	ck_assert_uint_eq(o.ice_percent, 33);
	ck_assert(o.hold_s == 2.5);
	ck_assert_int_eq(o.ues, 200);
	ck_assert(parse(&o, "--help"));
}
END_TEST

static const char *const wrong[] = {
	"",
	"p2p",
	"bootstrap again",
	"bootstrap --ues many",
	"bootstrap --ues -1",
	"bootstrap --ues 0",
	"bootstrap --rate 0",
	"bootstrap --rate nan",
	"bootstrap --ice 101",
	"bootstrap --ice sometimes",
	"bootstrap --setup both",
	"bootstrap --style sip",
	"bootstrap --lines 3",
	"bootstrap --hold long",
	"bootstrap --bind host.example",
	"bootstrap --bind 127.0.0.0/7",
	"bootstrap --mtu 100",
	"bootstrap --message-size 1",
	"bootstrap --unknown",
};

START_TEST(what_cannot_be_done_is_refused)
{
	struct options o;

	ck_assert_msg(!parse(&o, wrong[_i]), "\"%s\" was taken", wrong[_i]);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("load/options");
	TCase *tc = tcase_create("options");

	tcase_add_test(tc, defaults_are_a_small_wave_without_ice);
	tcase_add_test(tc, every_form_of_an_option_is_taken);
	tcase_add_loop_test(
		tc, what_cannot_be_done_is_refused, 0, sizeof(wrong) / sizeof(wrong[0]));
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
