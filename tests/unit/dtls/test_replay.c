/* test_replay.c: which numbers are fresh, beside a model that remembers everything. */
#include "dtls/replay.h"

#include "tests/unit/main.h"

#define TOP 0xffffffffffffULL

START_TEST(each_number_is_fresh_once)
{
	struct replay r = { 0 };

	for (uint64_t seq = 0; seq < 1000; seq++) {
		ck_assert(replay_is_fresh(&r, seq));
		replay_take(&r, seq);
		ck_assert(!replay_is_fresh(&r, seq));
	}
	ck_assert(!replay_is_fresh(&r, 999 - REPLAY_WINDOW + 1));
}
END_TEST

START_TEST(what_is_a_window_behind_is_fresh_and_one_further_is_not)
{
	/* at every place within a word */
	for (uint64_t at = 1000; at < 1000 + 64; at++) {
		struct replay r = { 0 };

		replay_take(&r, at);
		ck_assert(replay_is_fresh(&r, at + 1));
		ck_assert(replay_is_fresh(&r, at - 1));
		ck_assert(replay_is_fresh(&r, at + 1 - REPLAY_WINDOW));
		ck_assert(!replay_is_fresh(&r, at - REPLAY_WINDOW));
		ck_assert(!replay_is_fresh(&r, 0));
	}
}
END_TEST

START_TEST(a_leap_forgets_what_it_leaves_behind_and_nothing_else)
{
	static const uint64_t leaps[] = { 1, 63, 64, 65, 127, 128, 191, 192, 193, 255, 256, 257,
		1000, 1 << 20, TOP - 500 };

	for (size_t i = 0; i < sizeof(leaps) / sizeof(*leaps); i++) {
		struct replay r = { 0 };
		uint64_t to = 300 + leaps[i];

		for (uint64_t seq = 0; seq <= 300; seq++)
			replay_take(&r, seq);
		replay_take(&r, to);
		for (uint64_t seq = to + 1 - REPLAY_WINDOW; seq < to; seq++)
			ck_assert_int_eq(replay_is_fresh(&r, seq), seq > 300);
		ck_assert(!replay_is_fresh(&r, to));
	}
}
END_TEST

START_TEST(the_last_number_of_all_is_one_like_any_other)
{
	struct replay r = { 0 };

	ck_assert(replay_is_fresh(&r, TOP));
	replay_take(&r, TOP);
	ck_assert(!replay_is_fresh(&r, TOP));
	ck_assert(replay_is_fresh(&r, TOP - 1));
	ck_assert(!replay_is_fresh(&r, TOP - REPLAY_WINDOW));
}
END_TEST

START_TEST(numbers_in_any_order_agree_with_a_model_that_remembers_all)
{
	static bool came[4000];
	struct replay r = { 0 };
	uint32_t state = 7;
	uint64_t highest = 0, base = 0;
	unsigned taken = 0, old = 0;

	memset(came, 0, sizeof(came));
	for (unsigned i = 0; i < 20000 && base < 3500; i++) {
		uint64_t seq;
		bool fresh;

		state = state * 1664525u + 1013904223u;
		base += (state >> 28) == 0 ? 3 : 0;
		seq = base + (state >> 8) % 400;
		fresh = !came[seq] && (taken == 0 || seq + REPLAY_WINDOW > highest);
		ck_assert_int_eq(replay_is_fresh(&r, seq), fresh);
		old += !came[seq] && !fresh;
		if (!fresh)
			continue;
		replay_take(&r, seq);
		came[seq] = true;
		taken++;
		highest = seq > highest ? seq : highest;
	}
	ck_assert_uint_gt(taken, 1000);
	ck_assert_uint_gt(old, 100);
}
END_TEST

static Suite *replay_suite(void)
{
	Suite *suite = suite_create("dtls/replay");
	TCase *c = tcase_create("replay");

	tcase_add_test(c, each_number_is_fresh_once);
	tcase_add_test(c, what_is_a_window_behind_is_fresh_and_one_further_is_not);
	tcase_add_test(c, a_leap_forgets_what_it_leaves_behind_and_nothing_else);
	tcase_add_test(c, the_last_number_of_all_is_one_like_any_other);
	tcase_add_test(c, numbers_in_any_order_agree_with_a_model_that_remembers_all);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(replay_suite)
