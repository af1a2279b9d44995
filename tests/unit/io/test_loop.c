/* test_loop.c: turns, alarms, watches and signals. */
#include <signal.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "tests/unit/io/turn.h"
#include "tests/unit/main.h"

static struct loop *loop;
static long live;

static void setup(void)
{
	live = mem_live();
	loop = loop_create();
}

static void teardown(void)
{
	loop_destroy(loop);
	ck_assert_int_eq(mem_live(), live);
}

struct seen {
	int times;
	tick_t at;
};

static void see(void *arg, tick_t now)
{
	struct seen *s = arg;

	s->times++;
	s->at = now;
}

static bool was_seen(void *arg)
{
	return ((struct seen *)arg)->times > 0;
}

START_TEST(alarm_rings_once_and_never_early)
{
	struct seen seen = { 0 };
	struct alarm *a = loop_alarm(loop, see, &seen);
	tick_t start = loop_now(loop);

	alarm_set(a, tick_add(start, TICK_MS(30)));
	turn_until(loop, was_seen, &seen);
	ck_assert_int_ge(tick_since(start, seen.at), TICK_MS(30));
	turn_for(loop, 50);
	ck_assert_int_eq(seen.times, 1);
	alarm_destroy(a);
}
END_TEST

START_TEST(alarm_in_the_past_rings_in_the_next_turn_and_not_from_inside_alarm_set)
{
	struct seen seen = { 0 };
	struct alarm *a = loop_alarm(loop, see, &seen);

	alarm_set(a, (tick_t){ 0 });
	ck_assert_int_eq(seen.times, 0);
	turn_until(loop, was_seen, &seen);
	alarm_destroy(a);
}
END_TEST

START_TEST(alarm_that_was_disarmed_does_not_ring)
{
	struct seen seen = { 0 };
	struct alarm *a = loop_alarm(loop, see, &seen);

	alarm_set(a, tick_add(loop_now(loop), TICK_MS(5)));
	alarm_set(a, TICK_NEVER);
	turn_for(loop, 30);
	ck_assert_int_eq(seen.times, 0);
	alarm_destroy(a);
}
END_TEST

START_TEST(alarm_that_was_put_off_rings_late_and_one_brought_forward_rings_early)
{
	struct seen later = { 0 }, sooner = { 0 };
	struct alarm *a = loop_alarm(loop, see, &later), *b = loop_alarm(loop, see, &sooner);
	tick_t start = loop_now(loop);

	alarm_set(a, tick_add(start, TICK_MS(5)));
	alarm_set(a, tick_add(start, TICK_MS(60)));
	alarm_set(b, tick_add(start, TICK_S(60)));
	alarm_set(b, tick_add(start, TICK_MS(5)));
	turn_until(loop, was_seen, &later);
	ck_assert_int_ge(tick_since(start, later.at), TICK_MS(60));
	ck_assert(tick_before(sooner.at, later.at));
	alarm_destroy(a);
	alarm_destroy(b);
}
END_TEST

static tick_t first_reading;

static void waste_time(void *arg, tick_t now)
{
	first_reading = now;
	usleep(3000);
	ck_assert_int_eq(loop_now(loop).us, now.us);
}

static void compare(void *arg, tick_t now)
{
	ck_assert_int_eq(now.us, first_reading.us);
	loop_stop(loop);
}

START_TEST(time_stands_still_within_a_turn)
{
	struct alarm *a = loop_alarm(loop, waste_time, NULL);

	alarm_set(a, (tick_t){ 0 });
	loop_run(loop, compare, NULL);
	ck_assert_int_gt(loop_now(loop).us, first_reading.us);
	alarm_destroy(a);
}
END_TEST

START_TEST(watch_reports_what_can_be_read_until_it_is_unwatched)
{
	struct seen seen = { 0 };
	struct watch *w;
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	w = loop_watch(loop, fd[0], see, &seen);
	turn_for(loop, 10);
	ck_assert_int_eq(seen.times, 0);
	ck_assert_int_eq(write(fd[1], "x", 1), 1);
	turn_until(loop, was_seen, &seen);
	loop_unwatch(w);
	seen.times = 0;
	turn_for(loop, 10);
	ck_assert_int_eq(seen.times, 0);
	close(fd[0]);
	close(fd[1]);
}
END_TEST

START_TEST(signal_is_an_event_of_the_loop)
{
	struct seen seen = { 0 };
	struct watch *w = loop_signal(loop, SIGUSR1, see, &seen);

	raise(SIGUSR1);
	ck_assert_int_eq(seen.times, 0);
	turn_until(loop, was_seen, &seen);
	raise(SIGPIPE); /* ignored */
	loop_unwatch(w);
}
END_TEST

START_TEST(destroying_nothing_is_fine)
{
	loop_destroy(NULL);
	loop_unwatch(NULL);
	alarm_destroy(NULL);
}
END_TEST

START_TEST(creation_survives_every_failed_allocation)
{
	for (unsigned long n = 1;; n++) {
		struct loop *l;
		struct alarm *a = NULL;

		mem_fail_at(n);
		if ((l = loop_create()) != NULL)
			a = loop_alarm(l, see, NULL);
		alarm_destroy(a);
		loop_destroy(l);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io/loop");
	TCase *t = tcase_create("loop");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, alarm_rings_once_and_never_early);
	tcase_add_test(t, alarm_in_the_past_rings_in_the_next_turn_and_not_from_inside_alarm_set);
	tcase_add_test(t, alarm_that_was_disarmed_does_not_ring);
	tcase_add_test(t, alarm_that_was_put_off_rings_late_and_one_brought_forward_rings_early);
	tcase_add_test(t, time_stands_still_within_a_turn);
	tcase_add_test(t, watch_reports_what_can_be_read_until_it_is_unwatched);
	tcase_add_test(t, signal_is_an_event_of_the_loop);
	tcase_add_test(t, destroying_nothing_is_fine);
	tcase_add_test(t, creation_survives_every_failed_allocation);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
