/* test_timer.c: the heap of timers against a list that is searched. */
#include "dcmf/base/timer.h"

#include "dcmf/base/alloc.h"
#include "tests/unit/main.h"

enum { MANY = 64 };

static struct timers ts;
static struct timer timer[MANY];
static int64_t model[MANY]; /* due at; -1: not pending */
static int64_t last_run;
static unsigned runs;

static void on_timer(void *arg, tick_t now)
{
	struct timer *t = arg;
	size_t i = (size_t)(t - timer);

	ck_assert(!timer_is_pending(t));
	ck_assert_int_ge(model[i], 0);
	ck_assert_int_le(model[i], now.us);
	ck_assert_int_ge(model[i], last_run);
	last_run = model[i];
	model[i] = -1;
	runs++;
}

static void set_up(void)
{
	timers_init(&ts);
	for (int i = 0; i < MANY; i++) {
		timer_init(&timer[i], on_timer, &timer[i]);
		model[i] = -1;
	}
	last_run = 0;
	runs = 0;
}

static void tear_down(void)
{
	for (int i = 0; i < MANY; i++)
		timer_cancel(&ts, &timer[i]);
	timers_finish(&ts);
}

static int64_t model_next(void)
{
	int64_t next = INT64_MAX;

	for (int i = 0; i < MANY; i++) {
		if (model[i] >= 0 && model[i] < next)
			next = model[i];
	}
	return next;
}

START_TEST(random_operations_agree_with_a_naive_model)
{
	uint32_t dice = 1;
	int64_t now = 0;

	for (int step = 0; step < 50000; step++) {
		size_t i = (dice = dice * 1664525 + 1013904223) >> 26;
		int64_t at = now + (dice >> 8 & 0xff);

		switch (dice >> 16 & 7) {
		case 0:
			timer_cancel(&ts, &timer[i]);
			model[i] = -1;
			break;
		case 1:
			now += dice >> 8 & 0x3f;
			last_run = 0;
			timers_run(&ts, (tick_t){ now });
			ck_assert_int_gt(model_next(), now);
			break;
		case 2:
			ck_assert(timer_set(&ts, &timer[i], TICK_NEVER));
			model[i] = -1;
			break;
		default: ck_assert(timer_set(&ts, &timer[i], (tick_t){ at })); model[i] = at;
		}
		ck_assert_int_eq(timers_next(&ts).us, model_next());
		ck_assert_int_eq(timer_is_pending(&timer[i]), model[i] >= 0);
	}
	ck_assert_uint_gt(runs, 1000);
}
END_TEST

START_TEST(a_timer_runs_when_due_and_not_before)
{
	model[0] = 10;
	ck_assert(timer_set(&ts, &timer[0], (tick_t){ 10 }));
	timers_run(&ts, (tick_t){ 9 });
	ck_assert_uint_eq(runs, 0);
	timers_run(&ts, (tick_t){ 10 });
	ck_assert_uint_eq(runs, 1);
	timers_run(&ts, (tick_t){ 11 });
	ck_assert_uint_eq(runs, 1);
	ck_assert(tick_is_never(timers_next(&ts)));
}
END_TEST

static void again(void *arg, tick_t now)
{
	runs++;
	ck_assert(timer_set(&ts, arg, tick_add(now, 10)));
	timer_cancel(&ts, &timer[1]);
}

START_TEST(a_timer_may_set_itself_and_cancel_another_that_is_due)
{
	timer_init(&timer[0], again, &timer[0]);
	ck_assert(timer_set(&ts, &timer[0], (tick_t){ 1 }));
	ck_assert(timer_set(&ts, &timer[1], (tick_t){ 2 }));
	timers_run(&ts, (tick_t){ 5 });
	ck_assert_uint_eq(runs, 1);
	ck_assert(!timer_is_pending(&timer[1]));
	ck_assert_int_eq(timers_next(&ts).us, 15);
}
END_TEST

START_TEST(cancelling_twice_is_harmless)
{
	ck_assert(timer_set(&ts, &timer[0], (tick_t){ 1 }));
	timer_cancel(&ts, &timer[0]);
	timer_cancel(&ts, &timer[0]);
	ck_assert(tick_is_never(timers_next(&ts)));
}
END_TEST

START_TEST(a_timer_whose_room_is_reserved_is_always_set)
{
	for (int i = 0; i < 20; i++)
		ck_assert(timers_reserve(&ts));
	mem_fail_at(1);
	for (int i = 0; i < 20; i++)
		ck_assert(timer_set(&ts, &timer[i], (tick_t){ i }));
	ck_assert(!mem_failed());
	mem_fail_at(0);
	for (int i = 0; i < 20; i++) {
		timer_cancel(&ts, &timer[i]);
		timers_release(&ts);
	}
}
END_TEST

START_TEST(room_that_cannot_be_had_is_not_reserved)
{
	mem_fail_at(1);
	ck_assert(!timers_reserve(&ts));
	mem_fail_at(0);
	ck_assert_uint_eq(ts.reserved, 0);
	ck_assert(timers_reserve(&ts));
	timers_release(&ts);
}
END_TEST

START_TEST(a_timer_that_found_no_room_is_not_pending)
{
	mem_fail_at(1);
	ck_assert(!timer_set(&ts, &timer[0], (tick_t){ 1 }));
	ck_assert(!timer_is_pending(&timer[0]));
	for (int i = 0; i < 16; i++)
		ck_assert(timer_set(&ts, &timer[i], (tick_t){ i }));
	mem_fail_at(1);
	ck_assert(!timer_set(&ts, &timer[16], (tick_t){ 16 }));
	/* one that has been pending finds its room again */
	ck_assert(timer_set(&ts, &timer[3], (tick_t){ 100 }));
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base/timer");
	TCase *tc = tcase_create("timer");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, random_operations_agree_with_a_naive_model);
	tcase_add_test(tc, a_timer_runs_when_due_and_not_before);
	tcase_add_test(tc, a_timer_may_set_itself_and_cancel_another_that_is_due);
	tcase_add_test(tc, cancelling_twice_is_harmless);
	tcase_add_test(tc, a_timer_that_found_no_room_is_not_pending);
	tcase_add_test(tc, a_timer_whose_room_is_reserved_is_always_set);
	tcase_add_test(tc, room_that_cannot_be_had_is_not_reserved);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
