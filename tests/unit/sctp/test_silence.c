/*
 * test_silence.c: associations on which nothing comes for a while: peers that are away, pairs that
 * have nothing to say, a process that had no time.
 */
#include "dcmf/base/counters.h"
#include "tests/unit/main.h"
#include "tests/unit/sctp/talk.h"

START_TEST(a_silent_peer_that_returns_in_time_gets_everything)
{
	struct world w;
	struct pump p = { .total = 1 << 20, .message = 1000 };

	world_start(&w);
	connect_with_channel(&w);
	w.left.arg = w.right.arg = &p;
	w.left.on_event = w.right.on_event = pump_event;
	w.cut = true;
	pump_more(&w.left);
	ck_assert_int_lt(p.sent, p.total);
	world_run(&w, 25000);
	w.cut = false;
	ck_assert(world_run_until(&w, pump_is_done, 60000));
	ck_assert(!p.damaged);
	ck_assert_int_eq(w.left.closes, 0);
	world_finish(&w);
}
END_TEST

START_TEST(a_silent_peer_that_does_not_return_is_given_up)
{
	struct world w;
	int64_t stalled = counted(sctp_stalled_total);

	world_start(&w);
	connect_with_channel(&w);
	world_run(&w, 60000);
	w.cut = true;
	say(&w.left, 0, "anybody?");
	world_run(&w, 29000);
	ck_assert_int_eq(w.left.closes, 0);
	world_run(&w, 2000);
	ck_assert_int_eq(w.left.closes, 1);
	ck_assert_int_eq(w.left.reason, CLOSE_SCTP_STALLED);
	ck_assert_int_eq(counted(sctp_stalled_total), stalled + 1);
	world_finish(&w);
}
END_TEST

START_TEST(a_reader_who_never_reads_is_a_stall_too)
{
	struct world w;
	struct pump p = { .total = 1 << 20, .message = 1000 };

	world_start(&w);
	connect_with_channel(&w);
	w.left.arg = w.right.arg = &p;
	w.left.on_event = pump_event;
	assoc_hold(w.right.a, true);
	pump_more(&w.left);
	world_run(&w, 200000);
	ck_assert_int_eq(w.left.closes, 1);
	world_finish(&w);
}
END_TEST

START_TEST(idle_associations_want_no_time)
{
	struct world w;
	unsigned packets;

	world_start(&w);
	ck_assert(tick_is_never(sctp_deadline()));
	connect_with_channel(&w);
	ck_assert_int_eq(tick_since(w.now, sctp_deadline()) <= TICK_MS(10), 1);
	say(&w.left, 0, "last words");
	world_run(&w, 40000);
	packets = w.sent;
	ck_assert(tick_is_never(assoc_deadline(w.left.a)));
	ck_assert(tick_is_never(assoc_deadline(w.right.a)));
	ck_assert_int_gt(tick_since(w.now, sctp_deadline()), TICK_MS(20));
	world_run(&w, 2000 - 1);
	ck_assert_int_le(tick_since(w.now, sctp_deadline()), TICK_S(2));
	world_run(&w, 600000);
	ck_assert_int_eq(w.sent, packets); /* no heartbeats */
	ck_assert_int_eq(assoc_unsent(w.left.a), 0);
	say(&w.left, 0, "still there");
	world_run(&w, 1000);
	ck_assert_int_eq(w.right.messages, 2);
	world_finish(&w);
	ck_assert(tick_is_never(sctp_deadline()));
}
END_TEST

/* The stack is looked after the more seldom the longer nothing went either way. */
START_TEST(repetitions_after_a_long_silence_come_little_late)
{
	int64_t gap = 0, last_gap;
	struct world w;
	tick_t sent;

	world_start(&w);
	connect_with_channel(&w);
	world_run(&w, 600000);
	w.cut = true;
	say(&w.left, 0, "into the void");
	world_run(&w, 10);
	sent = w.now;
	for (int i = 0; i < 5; i++) {
		unsigned packets = w.left.packets;

		while (w.left.packets == packets)
			world_run(&w, 10);
		last_gap = gap;
		gap = tick_since(sent, w.now);
		sent = w.now;
		/* each pause is twice the last (RFC 9260 6.3.3) up to two seconds, and a fifth late at most */
		ck_assert(i == 0 || gap >= last_gap);
		ck_assert(i == 0 || gap <= last_gap * 2 * 6 / 5 + TICK_MS(20));
		ck_assert_int_le(gap, TICK_S(2) * 6 / 5);
	}
	ck_assert_int_ge(gap, TICK_S(2));
	world_finish(&w);
}
END_TEST

START_TEST(a_probe_is_answered_and_starts_no_timer)
{
	struct world w;
	unsigned left, right;

	world_start(&w);
	connect_with_channel(&w);
	world_run(&w, 60000);
	left = w.left.packets;
	right = w.right.packets;
	assoc_probe(w.left.a, w.now);
	world_run(&w, 200);
	ck_assert_uint_eq(w.right.packets, right + 1);
	ck_assert_int_gt(tick_since(w.now, sctp_deadline()), TICK_MS(20)); /* and none runs */
	world_run(&w, 600000);
	ck_assert_uint_eq(w.left.packets, left + 1);
	ck_assert_uint_eq(w.right.packets, right + 1);
	w.cut = true;
	for (int i = 0; i < 10; i++) {
		assoc_probe(w.left.a, w.now);
		world_run(&w, 30000);
	}
	ck_assert_int_eq(w.left.closes, 0); /* what silence means is for others to say */
	world_finish(&w);
}
END_TEST

START_TEST(after_a_pause_nothing_is_repeated_too_early)
{
	struct world w;
	unsigned packets;

	world_start(&w);
	w.delay_us = 45000;
	connect_with_channel(&w);
	for (int i = 0; i < 20; i++) {
		world_run(&w, 5000 + 7 * i);
		packets = w.left.packets;
		say(&w.left, 0, "one packet");
		world_run(&w, 1000);
		ck_assert_int_eq(w.left.packets, packets + 1);
	}
	world_finish(&w);
}
END_TEST

/*
 * A busy machine lets a worker wait: what came meanwhile lies in its sockets, and is not lost. The
 * time is told in the order it comes in there: datagrams first.
 */
START_TEST(a_process_that_was_away_takes_nothing_for_lost)
{
	static const uint8_t message[60000];
	struct channel_config once = { .sid = 2,
		.negotiated = true,
		.quality = { .unordered = true, .reliability = MAX_RETRANSMITS } };
	int64_t before = counted(messages_abandoned_total);
	struct world w;

	world_start(&w);
	connect_with_channel(&w);
	ck_assert_int_eq(assoc_add_channel(w.left.a, &once), ERR_OK);
	ck_assert_int_eq(assoc_add_channel(w.right.a, &once), ERR_OK);
	for (unsigned i = 0; i < 20; i++) {
		send_message(&w.left, 2, PPID_BINARY, SPAN_OF(message));
		world_run(&w, 25 + i);
		w.now = tick_add(w.now, TICK_MS(300 + 50 * i)); /* nobody runs */
		world_run(&w, 2000);
		ck_assert_uint_eq(w.right.messages, i + 1);
	}
	ck_assert_int_eq(counted(messages_abandoned_total), before);
	world_finish(&w);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sctp/silence");
	TCase *t = talk_case("silence");

	tcase_add_test(t, a_silent_peer_that_returns_in_time_gets_everything);
	tcase_add_test(t, a_silent_peer_that_does_not_return_is_given_up);
	tcase_add_test(t, a_reader_who_never_reads_is_a_stall_too);
	tcase_add_test(t, idle_associations_want_no_time);
	tcase_add_test(t, repetitions_after_a_long_silence_come_little_late);
	tcase_add_test(t, a_probe_is_answered_and_starts_no_timer);
	tcase_add_test(t, after_a_pause_nothing_is_repeated_too_early);
	tcase_add_test(t, a_process_that_was_away_takes_nothing_for_lost);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
