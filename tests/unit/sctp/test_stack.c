/*
 * test_stack.c: the one stack below all associations: many share it, it runs short of memory, it
 * stops and starts.
 */
#include "dcmf/base/alloc.h"
#include "tests/unit/main.h"
#include "tests/unit/sctp/talk.h"

START_TEST(many_associations_share_the_stack)
{
	enum { PAIRS = 50 };
	static struct world w[PAIRS];

	for (int i = 0; i < PAIRS; i++) {
		world_start(&w[i]);
		world_connect(&w[i]);
		w[i].random = (uint32_t)i;
	}
	for (int i = 0; i < PAIRS; i++) {
		w[i].now = w[PAIRS - 1].now;
		add_channel(&w[i].left, 0, true);
		add_channel(&w[i].right, 0, true);
		say(&w[i].left, 0, "mine");
		world_run(&w[i], 0);
	}
	for (int i = 0; i < PAIRS; i++) {
		w[i].now = w[PAIRS - 1].now;
		world_run(&w[i], 200);
		ck_assert_int_eq(w[i].right.messages, 1);
	}
	for (int i = 0; i < PAIRS; i++)
		world_finish(&w[i]);
}
END_TEST

/* Everything that allocates: set-up, channels of both kinds, resets, a message before its ACK. */
static void scenario(void)
{
	struct channel_config agreed = { .sid = 1, .negotiated = true };
	struct channel_config asked = { .sid = 4, .label = SPAN_LIT("asked") };
	struct world w;

	world_start(&w);
	if (!world_add(&w, &w.left, true) || !world_add(&w, &w.right, false)) {
		world_finish(&w);
		return;
	}
	assoc_add_channel(w.left.a, &agreed);
	assoc_add_channel(w.right.a, &agreed);
	world_run(&w, 500);
	assoc_add_channel(w.left.a, &asked);
	world_run(&w, 500);
	say(&w.left, 4, "a");
	say(&w.right, 4, "b");
	world_run(&w, 500);
	assoc_close_channel(w.left.a, 4, w.now);
	assoc_send(w.right.a, w.now, 1, PPID_STRING, SPAN_LIT("c"));
	world_run(&w, 500);
	world_finish(&w);
}

START_TEST(running_out_of_memory_anywhere_is_survived_and_leaks_nothing)
{
	long live;
	unsigned long n;

	scenario(); /* tables that stay have been made */
	live = mem_live();
	for (n = 1;; n++) {
		mem_fail_at(n);
		scenario();
		ck_assert_int_eq(mem_live(), live);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
	ck_assert_int_gt(n, 5);
}
END_TEST

START_TEST(the_stack_starts_once_and_stops_clean)
{
	long live;

	ck_assert(!sctp_start());
	ck_assert(sctp_stop());
	live = mem_live();
	ck_assert_int_eq(live, 0);
	ck_assert(sctp_start());
	scenario();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sctp/stack");
	TCase *t = talk_case("stack");

	tcase_add_test(t, many_associations_share_the_stack);
	tcase_add_test(t, running_out_of_memory_anywhere_is_survived_and_leaks_nothing);
	tcase_add_test(t, the_stack_starts_once_and_stops_clean);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
