/* test_pace.c: open loop: what is due, and from when on its time counts. */
#include "tests/unit/main.h"

#include "tools/load/pace.h"

#define START ((tick_t){ 5000000 })

static tick_t after(int64_t ms)
{
	return tick_add(START, TICK_MS(ms));
}

static struct pace hundred_a_second(void)
{
	struct pace p;

	pace_begin(&p, START, 100);
	return p;
}

/* Does what is due; returns how many, and the sum of the times that their stamps would give. */
static unsigned do_all(struct pace *p, tick_t now, int64_t *sum)
{
	unsigned n = 0;

	while (pace_is_due(p, now)) {
		*sum += tick_since(pace_stamp(p, now), now);
		pace_done(p);
		n++;
	}
	return n;
}

START_TEST(the_first_is_due_at_once_and_the_others_at_their_rate)
{
	struct pace p = hundred_a_second();
	int64_t sum = 0;

	ck_assert_uint_eq(do_all(&p, START, &sum), 1);
	ck_assert_int_eq(pace_due(&p).us, after(10).us);
	ck_assert_uint_eq(do_all(&p, after(9), &sum), 0);
	ck_assert_uint_eq(do_all(&p, after(10), &sum), 1);
	ck_assert_uint_eq(do_all(&p, after(1000), &sum), 99);
	ck_assert_int_eq(pace_due_of(START, 2.5, 5).us, after(2000).us);
}
END_TEST

START_TEST(rates_do_not_drift)
{
	ck_assert_int_eq(pace_due_of(START, 3, 3 * 86400).us, tick_add(START, TICK_S(86400)).us);
	ck_assert_int_eq(pace_due_of(START, 48000, 48000).us, tick_add(START, TICK_S(1)).us);
}
END_TEST

/* A stall of a second: the hundred that were due in it waited half a second on average, though all are done in one instant. */
START_TEST(what_had_to_wait_counts_from_when_it_was_due)
{
	struct pace p = hundred_a_second();
	int64_t sum = 0;

	do_all(&p, START, &sum);
	ck_assert(pace_is_due(&p, after(10)));
	pace_blocked(&p);
	ck_assert_uint_eq(do_all(&p, after(1000), &sum), 100);
	ck_assert_int_eq(sum / 100, 495000);

	/* caught up: again from when it is done */
	sum = 0;
	ck_assert_uint_eq(do_all(&p, after(1009), &sum), 0);
	ck_assert_uint_eq(do_all(&p, after(1012), &sum), 1);
	ck_assert_int_eq(sum, 0);
}
END_TEST

START_TEST(the_doers_own_delay_is_told_apart)
{
	struct pace p = hundred_a_second();
	int64_t sum = 0;

	do_all(&p, START, &sum);
	ck_assert(pace_is_due(&p, after(17)));
	ck_assert_int_eq(pace_own_delay(&p, after(17)), 7000);
	ck_assert_int_eq(pace_stamp(&p, after(17)).us, after(17).us);
	pace_blocked(&p);
	ck_assert_int_eq(pace_own_delay(&p, after(18)), 0);
	ck_assert_int_eq(pace_stamp(&p, after(18)).us, after(10).us);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("load/pace");
	TCase *tc = tcase_create("pace");

	tcase_add_test(tc, the_first_is_due_at_once_and_the_others_at_their_rate);
	tcase_add_test(tc, rates_do_not_drift);
	tcase_add_test(tc, what_had_to_wait_counts_from_when_it_was_due);
	tcase_add_test(tc, the_doers_own_delay_is_told_apart);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
