/* test_options.c: the generator's command line. */
#include "tests/unit/main.h"

#include <stdio.h>
#include <string.h>

#include "tools/load/plan.h"

/* Words of a command line, cut at blanks. */
static bool parse_plan(struct plan *p, const char *line)
{
	static char copy[512];
	static char name[] = "dcmf-load";
	char *argv[32] = { name };
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word != NULL && argc < 31; word = strtok(NULL, " "))
		argv[argc++] = word;
	return plan_parse(p, argc, argv);
}

/* Of the only part, with the number of arrivals, which is the plan's. */
static bool parse(struct options *o, const char *line)
{
	static struct plan p;
	bool ok = parse_plan(&p, line);

	*o = p.count > 0 ? p.parts[0] : p.all;
	o->arrivals = p.all.arrivals;
	return ok;
}

START_TEST(defaults_are_a_small_wave_without_ice)
{
	struct options o;

	ck_assert(parse(&o, "bootstrap"));
	ck_assert_int_eq(o.arrivals, 100);
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

START_TEST(servers_are_spoken_to_in_one_of_the_ways_there_are)
{
	struct options o;

	ck_assert(parse(&o, "p2a"));
	ck_assert(o.protocol == PROTOCOL_DC && !o.passes && o.channels == 3);
	ck_assert_int_eq(o.arrivals, 100);
	ck_assert(parse(&o, "p2a --protocol UDP_PROXY"));
	ck_assert(o.passes);
	ck_assert(parse(&o, "p2a --protocol UDP --channels 5"));
	ck_assert(o.protocol == PROTOCOL_UDP && o.channels == 1);
	ck_assert(parse(&o, "p2a --protocol TCP/TLS --server-pem all.pem"));
	ck_assert(options_protocol(&o)->mdc2_protocol != NULL);
	ck_assert(parse(&o, "passthrough --protocol TCP"));
	ck_assert(o.passes);
}
END_TEST

/* Help and manual are made of the table: no row may be without words. */
START_TEST(every_scenario_has_words_and_an_example_that_parses)
{
	static struct plan p;

	ck_assert_uint_gt(strlen(scenario_info[_i].words), 20);
	if (_i == SCENARIO_mix)
		return; /* its example names a file */
	ck_assert_msg(parse_plan(&p, scenario_info[_i].example), "%s", scenario_info[_i].example);
	ck_assert_uint_eq(p.scenario, (unsigned)_i);
	ck_assert_uint_gt(plan_ues(&p), 0);
}
END_TEST

START_TEST(idle_and_churn_are_made_of_others)
{
	static struct plan p;

	ck_assert(parse_plan(&p, "idle --of passthrough --pairs 9 --idle 3"));
	ck_assert_uint_eq(p.parts[0].scenario, SCENARIO_passthrough);
	ck_assert(p.parts[0].idles && p.all.together && p.all.idle == 3);
	ck_assert_int_eq(p.all.arrivals, 9);
	ck_assert(parse_plan(&p, "churn --rate 20"));
	ck_assert_uint_eq(p.parts[0].scenario, SCENARIO_bootstrap);
	ck_assert_int_eq(p.all.arrivals, 200);
	ck_assert(parse_plan(&p, "churn --of p2p --rate 20 --duration 2"));
	ck_assert_int_eq(p.all.arrivals, 40);
}
END_TEST

START_TEST(sockets_of_a_process_are_those_of_its_share_of_arrivals)
{
	static struct plan p;

	ck_assert(parse_plan(&p, "idle --of bootstrap --ues 9 --lines 2 --processes 2"));
	ck_assert_uint_eq(plan_sockets(&p), 10);
	ck_assert(plan_is_all_at_once(&p));
	ck_assert(parse_plan(&p, "passthrough --pairs 10 --processes 3"));
	ck_assert_uint_eq(plan_sockets(&p), 8);
	ck_assert(!plan_is_all_at_once(&p));
	ck_assert(parse_plan(&p, "passthrough --pairs 10 --hold all"));
	ck_assert(plan_is_all_at_once(&p));
	ck_assert(parse_plan(&p, "churn --of p2p --rate 20 --duration 2"));
	ck_assert_uint_eq(plan_sockets(&p), 80);
	ck_assert(!plan_is_all_at_once(&p));
}
END_TEST

/* ---- mixes ---- */

#define MIX "test_options_mix.txt"

static bool parse_mix(struct plan *p, const char *text, const char *words)
{
	FILE *f = fopen(MIX, "w");
	char line[200];
	bool ok;

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	snprintf(line, sizeof(line), "mix " MIX " %s", words);
	ok = parse_plan(p, line);
	remove(MIX);
	return ok;
}

START_TEST(a_mix_has_shares_and_each_part_options_of_its_own)
{
	static struct plan p;
	unsigned seen[3] = { 0 };

	ck_assert(parse_mix(&p,
		"# who comes\n\n6 bootstrap --lines 2\n3 p2p --messages 10 # briefly\n1 "
		"passthrough",
		"--ues 1000 --ice on --channels 2"));
	ck_assert_uint_eq(p.count, 3);
	ck_assert_int_eq(p.all.arrivals, 1000);
	ck_assert_uint_eq(p.parts[0].scenario, SCENARIO_bootstrap);
	ck_assert_int_eq(p.parts[0].lines, 2);
	ck_assert_int_eq(p.parts[1].lines, 1);
	ck_assert_int_eq(p.parts[1].messages, 10);
	ck_assert_int_eq(p.parts[2].messages, 300);
	ck_assert_uint_eq(p.parts[2].ice_percent, 100);
	ck_assert_int_eq(p.parts[2].channels, 2);
	ck_assert_str_eq(plan_noun(&p), "arrivals");
	for (unsigned i = 0; i < 1000; i++)
		seen[plan_part(&p, i)]++;
	ck_assert(seen[0] > 590 && seen[0] < 610);
	ck_assert(seen[1] > 290 && seen[1] < 310);
	ck_assert(seen[2] > 90 && seen[2] < 110);
}
END_TEST

static const char *const wrong_mixes[] = {
	"",
	"# nothing\n",
	"bootstrap\n",
	"0 bootstrap\n",
	"-1 bootstrap\n",
	"1\n",
	"1 call\n",
	"1 mix\n",
	"1 bootstrap again\n",
	"1 bootstrap --rate 5\n",
	"1 bootstrap --lines 3\n",
	"1 bootstrap --unknown\n",
	"1 p2p\n1 p2p\n1 p2p\n1 p2p\n1 p2p\n1 p2p\n1 p2p\n1 p2p\n1 p2p\n",
};

START_TEST(a_mix_that_cannot_be_is_refused)
{
	static struct plan p;

	ck_assert_msg(!parse_mix(&p, wrong_mixes[_i], ""), "\"%s\" was taken", wrong_mixes[_i]);
}
END_TEST

static const char *const wrong[] = {
	"",
	"mix",
	"mix no-such-file",
	"idle --of call",
	"idle --of churn",
	"--compare one.json",
	"p2p --per-address 0",
	"p2a --protocol SCTP",
	"p2a --protocol TCP/TLS",
	"p2a --server-bind as.example",
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
	tcase_add_test(tc, servers_are_spoken_to_in_one_of_the_ways_there_are);
	tcase_add_test(tc, idle_and_churn_are_made_of_others);
	tcase_add_test(tc, sockets_of_a_process_are_those_of_its_share_of_arrivals);
	tcase_add_test(tc, a_mix_has_shares_and_each_part_options_of_its_own);
	tcase_add_loop_test(tc, a_mix_that_cannot_be_is_refused, 0,
		sizeof(wrong_mixes) / sizeof(wrong_mixes[0]));
	tcase_add_loop_test(
		tc, every_scenario_has_words_and_an_example_that_parses, 0, SCENARIO_MAX);
	tcase_add_loop_test(
		tc, what_cannot_be_done_is_refused, 0, sizeof(wrong) / sizeof(wrong[0]));
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
