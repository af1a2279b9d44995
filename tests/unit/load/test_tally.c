/* test_tally.c: what processes of the generator counted, added up, and what follows from it. */
#include "tests/unit/main.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/load/report.h"

static struct tally *fresh(void)
{
	static struct tally t[2];
	static unsigned next;
	struct tally *out = &t[next++ % 2];

	tally_init(out);
	return out;
}

START_TEST(counts_of_two_processes_add_up)
{
	struct tally *a = fresh(), *b = fresh();
	static struct part sum;

	a->parts[0].sent = 3;
	a->parts[1].sent = 4;
	b->parts[0].sent = 5;
	a->datagrams_in = 10;
	b->datagrams_in = 20;
	histogram_add(&a->parts[0].measure[MEASURE_MESSAGE], 100);
	histogram_add(&b->parts[1].measure[MEASURE_MESSAGE], 300);
	tally_add(a, b);
	ck_assert_uint_eq(a->parts[0].sent, 8);
	ck_assert_uint_eq(a->datagrams_in, 30);
	tally_sum(a, &sum);
	ck_assert_uint_eq(sum.sent, 12);
	ck_assert_uint_eq(sum.measure[MEASURE_MESSAGE].count, 2);
	ck_assert_int_eq(sum.measure[MEASURE_MESSAGE].max, 300);
}
END_TEST

START_TEST(of_times_the_outermost_count_and_never_does_not)
{
	struct tally *a = fresh(), *b = fresh();

	b->talk_first = (tick_t){ 5 };
	b->talk_last = (tick_t){ 9 };
	tally_add(a, b);
	ck_assert_int_eq(a->talk_first.us, 5);
	ck_assert_int_eq(a->talk_last.us, 9);
	b->talk_first = (tick_t){ 7 };
	b->talk_last = (tick_t){ 8 };
	tally_add(a, b);
	ck_assert_int_eq(a->talk_first.us, 5);
	ck_assert_int_eq(a->talk_last.us, 9);
	ck_assert(tick_is_never(a->last_up));
}
END_TEST

START_TEST(the_first_failure_of_a_kind_keeps_its_words_and_the_worker_is_read_from_the_context)
{
	struct tally *a = fresh(), *b = fresh();

	tally_fail(a, 0, FAILURE_DTLS, "3-abc", "first");
	tally_fail(a, 0, FAILURE_DTLS, "", "second");
	tally_fail(b, 1, FAILURE_DTLS, "3-abd", "third");
	tally_fail(b, 1, FAILURE_ICE, "99999-x", "of a worker that cannot be");
	tally_add(a, b);
	ck_assert_uint_eq(a->failures[FAILURE_DTLS], 3);
	ck_assert_str_eq(a->detail[FAILURE_DTLS], "first");
	ck_assert_str_eq(a->detail[FAILURE_ICE], "of a worker that cannot be");
	ck_assert_uint_eq(a->failed_on[3], 2);
	ck_assert_uint_eq(a->failed_on[METRICS_WORKERS_MAX], 2);
	ck_assert_uint_eq(a->parts[0].failed, 2);
	ck_assert_uint_eq(a->parts[1].failed, 2);
}
END_TEST

/* ---- the report ---- */

static struct report *a_report(void)
{
	static struct report r;
	static struct plan plan = { .count = 1 };

	memset(&r, 0, sizeof(r));
	r.plan = &plan;
	tally_init(&r.tally);
	return &r;
}

static struct metrics at(double cpu, double memory, double datagrams, double media)
{
	return (struct metrics){ .known = true,
		.workers = 1,
		.cpu_seconds = { cpu },
		.memory_bytes = { memory },
		.datagrams = datagrams,
		.media = media };
}

START_TEST(costs_of_set_up_and_of_messages_are_told_apart)
{
	struct report *r = a_report();
	struct cost c;

	r->wave_count = 1;
	r->waves[0] = (struct wave){ .before = at(1, 1000, 0, 0),
		.up = at(1.5, 21000, 100, 10),
		.worked = at(3.5, 30000, 1100, 10),
		.after = at(4, 20000, 1200, 0),
		.work_seconds = 4,
		.set_ups = 10,
		.messages = 500 };
	report_cost(r, &c);
	ck_assert_double_eq_tol(c.cpu_seconds, 3, 1e-9);
	ck_assert_double_eq_tol(c.set_up_us, 50000, 1e-6);
	ck_assert_double_eq_tol(c.message_us, 4000, 1e-6);
	ck_assert_double_eq_tol(c.packet_us, 2000, 1e-6);
	ck_assert_double_eq_tol(c.leg_bytes, 2000, 1e-6);
	ck_assert_double_eq_tol(c.work_share, 0.5, 1e-9);
}
END_TEST

START_TEST(what_nobody_measured_is_not_made_up)
{
	struct report *r = a_report();
	struct cost c;

	r->wave_count = 1;
	report_cost(r, &c);
	ck_assert(c.set_up_us < 0 && c.message_us < 0 && c.packet_us < 0 && c.leg_bytes < 0);
	r->waves[0] = (struct wave){ .before = at(1, 0, 0, 0), .after = at(2, 0, 10, 0) };
	report_cost(r, &c);
	ck_assert(c.set_up_us < 0 && c.message_us < 0 && c.packet_us > 0);
}
END_TEST

START_TEST(memory_grows_from_the_first_wave_to_the_last)
{
	struct report *r = a_report();
	double growth = -1;

	r->waves[0] = (struct wave){ .after = at(1, 5000, 0, 0) };
	r->wave_count = 1;
	ck_assert(!report_growth(r, &growth)); /* one wave says nothing */
	r->waves[1] = (struct wave){ .after = at(2, 9000, 0, 0) };
	r->waves[2] = (struct wave){ .after = at(3, 5600, 0, 0) };
	r->wave_count = 3;
	ck_assert(report_growth(r, &growth));
	ck_assert_double_eq_tol(growth, 600, 1e-9);
	r->waves[2].after.known = false;
	ck_assert(!report_growth(r, &growth));
}
END_TEST

START_TEST(a_generator_that_was_the_limit_says_so)
{
	struct report *r = a_report();

	r->seconds = 10;
	r->busiest_cpu_seconds = 8;
	ck_assert_ptr_null(report_bottleneck(r));
	r->busiest_cpu_seconds = 9;
	ck_assert_ptr_nonnull(strstr(report_bottleneck(r), "used its core up"));
	r->busiest_cpu_seconds = 5;
	histogram_add(&r->sum.measure[MEASURE_SEND_LATE], TICK_MS(60));
	ck_assert_ptr_nonnull(strstr(report_bottleneck(r), "it, not the gateway"));
	r->busiest_cpu_seconds = 1;
	ck_assert_ptr_nonnull(strstr(report_bottleneck(r), "this host was busy"));
	memset(&r->sum, 0, sizeof(r->sum));
	r->tally.dropped = 1;
	ck_assert_ptr_nonnull(strstr(report_bottleneck(r), "lost datagrams"));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("load/tally");
	TCase *tc = tcase_create("tally");

	tcase_add_test(tc, counts_of_two_processes_add_up);
	tcase_add_test(tc, of_times_the_outermost_count_and_never_does_not);
	tcase_add_test(tc,
		the_first_failure_of_a_kind_keeps_its_words_and_the_worker_is_read_from_the_context);
	tcase_add_test(tc, costs_of_set_up_and_of_messages_are_told_apart);
	tcase_add_test(tc, what_nobody_measured_is_not_made_up);
	tcase_add_test(tc, memory_grows_from_the_first_wave_to_the_last);
	tcase_add_test(tc, a_generator_that_was_the_limit_says_so);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
