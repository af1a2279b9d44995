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
	ck_assert_int_eq(o.arrivals, 200);
	ck_assert(parse(&o, "--help"));
}
END_TEST

START_TEST(pairs_have_options_of_their_own)
{
	struct options o;

	ck_assert(parse(&o, "p2p"));
	ck_assert(options_scenario(&o)->ues == 2 && !options_scenario(&o)->passes);
	ck_assert(o.kind == LOAD_MIXED && !o.together);
	ck_assert_int_eq(o.arrivals, 50);
	ck_assert(parse(&o,
		"passthrough --pairs 7 --reliability partial --message-rate 2.5 --together "
		"--processes 3"));
	ck_assert(options_scenario(&o)->passes && o.together);
	ck_assert(o.kind == LOAD_PARTIAL && o.message_rate == 2.5);
	ck_assert_int_eq(o.arrivals, 7);
	ck_assert_int_eq(o.processes, 3);
}
END_TEST

/* Help and manual are made of the table: no row may be without words. */
START_TEST(every_scenario_has_words_and_an_example_that_parses)
{
	struct options o;

	ck_assert_uint_gt(strlen(scenario_info[_i].words), 20);
	ck_assert_str_eq(scenario_info[_i].noun, scenario_info[_i].ues > 1 ? "pairs" : "UEs");
	ck_assert_msg(parse(&o, scenario_info[_i].example), "%s", scenario_info[_i].example);
	ck_assert_uint_eq(o.scenario, (unsigned)_i);
}
END_TEST

static const char *const wrong[] = {
	"",
	"p2p --pairs 0",
	"p2p --channels 17",
	"p2p --payload 11",
	"p2p --messages 0",
	"p2p --processes 0",
	"p2p --window -1",
	"passthrough --reliability none",
	"bootstrap --waves 0",
	"bootstrap --memory-bound 1000",
	"call",
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
	tcase_add_test(tc, pairs_have_options_of_their_own);
	tcase_add_loop_test(
		tc, every_scenario_has_words_and_an_example_that_parses, 0, SCENARIO_MAX);
	tcase_add_loop_test(
		tc, what_cannot_be_done_is_refused, 0, sizeof(wrong) / sizeof(wrong[0]));
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
