/* test_assoc.c: associations from set-up to end; time is made up, so nobody really waits. */
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "tests/unit/main.h"
#include "tests/unit/sctp/talk.h"

/* ---- set-up ---- */

START_TEST(both_sides_connecting_at_once_meet)
{
	struct world w;

	world_start(&w);
	world_connect(&w);
	ck_assert_int_eq(w.left.streams, 2048);
	ck_assert_int_eq(assoc_state(w.left.a), ASSOC_UP);
	ck_assert_ptr_eq(assoc_arg(w.left.a), &w.left);
	ck_assert_int_lt(tick_since((tick_t){ 0 }, w.now), INT64_MAX);
	world_finish(&w);
}
END_TEST

START_TEST(one_side_may_come_late)
{
	struct world w;

	world_start(&w);
	ck_assert(world_add(&w, &w.left, true));
	world_run(&w, 9000);
	ck_assert(world_add(&w, &w.right, false));
	ck_assert(world_run_until(&w, both_are_up, 4000));
	world_finish(&w);
}
END_TEST

START_TEST(set_up_survives_the_loss_of_any_one_packet)
{
	for (unsigned n = 1; n <= 12; n++) {
		struct world w;

		world_start(&w);
		w.drop_number = n;
		ck_assert(world_add(&w, &w.left, true));
		ck_assert(world_add(&w, &w.right, false));
		add_channel(&w.left, 0, false);
		world_run(&w, 8000);
		ck_assert_msg(both_are_up(&w), "packet %u lost", n);
		ck_assert_int_eq(w.left.channel_opens, 1);
		ck_assert_int_eq(w.right.channel_opens, 1);
		world_finish(&w);
	}
}
END_TEST

START_TEST(set_up_without_an_answer_ends_after_thirty_seconds)
{
	struct world w;
	int64_t failed = counted(sctp_failed_total);

	world_start(&w);
	ck_assert(world_add(&w, &w.left, true));
	world_run(&w, 29900);
	ck_assert_int_eq(w.left.closes, 0);
	world_run(&w, 200);
	ck_assert_int_eq(w.left.closes, 1);
	ck_assert_int_eq(w.left.reason, CLOSE_SCTP_TIMEOUT);
	ck_assert_int_eq(assoc_state(w.left.a), ASSOC_DOWN);
	ck_assert_int_eq(counted(sctp_failed_total), failed + 1);
	world_finish(&w);
}
END_TEST

START_TEST(impossible_configurations_are_refused)
{
	struct world w;

	world_start(&w);
	w.left.config.local_port = 0;
	ck_assert(!world_add(&w, &w.left, true));
	w.left.config.local_port = 5000;
	w.left.config.max_streams = 0;
	ck_assert(!world_add(&w, &w.left, true));
	w.left.config.max_streams = 1;
	ck_assert(world_add(&w, &w.left, true));
	world_finish(&w);
}
END_TEST

START_TEST(packets_stay_within_the_mtu)
{
	static const uint16_t mtus[] = { 1163, 1191, 1000, 548 };
	static uint8_t big[20000];

	for (size_t i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
		struct world w;

		world_start(&w);
		w.left.config.mtu = w.right.config.mtu = mtus[i];
		connect_with_channel(&w);
		assoc_send(w.left.a, w.now, 0, PPID_BINARY, SPAN_OF(big));
		world_run(&w, 2000);
		ck_assert_int_eq(w.right.bytes, sizeof(big));
		ck_assert_int_le(w.left.largest, mtus[i]);
		ck_assert_int_gt(w.left.largest, mtus[i] - 8);
		world_finish(&w);
	}
}
END_TEST

/* ---- silence ---- */

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

/* ---- the end ---- */

START_TEST(shutdown_delivers_what_is_queued)
{
	struct world w;
	struct pump p = { .total = 100000, .message = 1000 };

	world_start(&w);
	connect_with_channel(&w);
	w.loss_percent = 10;
	w.left.arg = w.right.arg = &p;
	w.right.on_event = pump_event;
	pump_more(&w.left);
	assoc_shutdown(w.left.a, w.now);
	ck_assert_int_eq(say(&w.left, 0, "too late"), ERR_CLOSED);
	ck_assert_int_eq(assoc_state(w.left.a), ASSOC_SHUTTING);
	world_run(&w, 29000);
	ck_assert_int_eq(p.received, p.total);
	ck_assert_int_eq(w.left.reason, CLOSE_LOCAL);
	ck_assert_int_eq(w.right.reason, CLOSE_PEER_SHUTDOWN);
	world_finish(&w);
}
END_TEST

START_TEST(shutdown_towards_silence_ends_all_the_same)
{
	struct world w;

	world_start(&w);
	connect_with_channel(&w);
	w.cut = true;
	say(&w.left, 0, "lost");
	assoc_shutdown(w.left.a, w.now);
	world_run(&w, 31000);
	ck_assert_int_eq(w.left.closes, 1);
	world_finish(&w);
}
END_TEST

START_TEST(shutdown_before_it_is_up_ends_at_once)
{
	struct world w;

	world_start(&w);
	ck_assert(world_add(&w, &w.left, true));
	assoc_shutdown(w.left.a, w.now);
	world_run(&w, 0);
	ck_assert_int_eq(w.left.reason, CLOSE_LOCAL);
	world_finish(&w);
}
END_TEST

START_TEST(destroying_aborts)
{
	struct world w;

	world_start(&w);
	connect_with_channel(&w);
	world_remove(&w.left);
	world_run(&w, 100);
	ck_assert_int_eq(w.right.closes, 1);
	ck_assert_int_eq(w.right.reason, CLOSE_PEER_ABORT);
	ck_assert_int_eq(say(&w.right, 0, "gone"), ERR_CLOSED);
	ck_assert_ptr_null(assoc_channel(w.right.a, 0));
	world_finish(&w);
}
END_TEST

START_TEST(gauges_return_to_where_they_were)
{
	int64_t associations = counted(associations), channels = counted(channels);
	struct world w;

	world_start(&w);
	connect_with_channel(&w);
	ck_assert_int_eq(counted(associations), associations + 2);
	ck_assert_int_eq(counted(channels), channels + 2);
	world_finish(&w);
	ck_assert_int_eq(counted(associations), associations);
	ck_assert_int_eq(counted(channels), channels);
}
END_TEST

/* ---- bad input ---- */

START_TEST(packets_for_other_ports_are_dropped)
{
	struct world w;
	int64_t malformed = counted(sctp_malformed_total);

	world_start(&w);
	w.left.config.remote_port = 5001; /* who is at 5000 */
	ck_assert(world_add(&w, &w.left, true));
	ck_assert(world_add(&w, &w.right, false));
	world_run(&w, 5000);
	ck_assert_int_eq(w.left.opens + w.right.opens, 0);
	ck_assert_int_gt(counted(sctp_malformed_total), malformed);
	world_finish(&w);
}
END_TEST

START_TEST(different_ports_on_both_sides_are_fine)
{
	struct world w;

	world_start(&w);
	w.left.config.local_port = w.right.config.remote_port = 6000;
	w.right.config.local_port = w.left.config.remote_port = 7000;
	world_connect(&w);
	world_finish(&w);
}
END_TEST

START_TEST(random_bytes_do_no_harm)
{
	struct world w;
	uint8_t bytes[200];

	world_start(&w);
	connect_with_channel(&w);
	for (int i = 0; i < 5000; i++) {
		size_t len = world_random(&w) % sizeof(bytes);

		for (size_t j = 0; j < len; j++)
			bytes[j] = (uint8_t)world_random(&w);
		if (i % 2 && len > 4)
			memcpy(bytes, "\x13\x88\x13\x88", 4); /* 5000, 5000 */
		assoc_input(w.right.a, w.now, SPAN(bytes, len));
	}
	say(&w.left, 0, "unharmed");
	world_run(&w, 1000);
	ck_assert_int_eq(w.right.messages, 1);
	world_finish(&w);
}
END_TEST

static bool flip_a_bit(struct world *w, const struct packet *p)
{
	if (world_random(w) % 4 == 0) {
		size_t at = 12 + world_random(w) % (p->len - 12);

		((struct packet *)(uintptr_t)p)->bytes[at] ^= (uint8_t)(1 << world_random(w) % 8);
	}
	return false;
}

START_TEST(damaged_packets_end_the_association_at_worst)
{
	for (unsigned seed = 0; seed < 60; seed++) {
		struct world w;
		struct pump p = { .total = 30000, .message = 700 };

		world_start(&w);
		w.random = seed;
		connect_with_channel(&w);
		w.drop = flip_a_bit;
		w.left.arg = w.right.arg = &p;
		w.left.on_event = pump_event;
		pump_more(&w.left);
		assoc_close_channel(w.right.a, 0, w.now);
		world_run(&w, 10000);
		world_finish(&w);
	}
}
END_TEST

/* ---- many, and memory ---- */

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

static void remember(void *arg)
{
	struct side *s = arg;

	s->announced++;
}

START_TEST(news_are_announced_once_until_they_are_fetched)
{
	struct world w;
	struct assoc_event ev;
	unsigned before;

	world_start(&w);
	w.right.config.ready = remember;
	connect_with_channel(&w);
	world_run(&w, 1000);
	before = w.right.announced;
	world_run(&w, 60000);
	ck_assert_uint_eq(w.right.announced, before); /* quiet */
	say(&w.left, 0, "news");
	say(&w.left, 0, "more news");
	while (w.in_flight != NULL) {
		struct packet *p = w.in_flight;

		w.in_flight = p->next;
		assoc_input(p->to->a, w.now, SPAN(p->bytes, p->len));
		free(p);
	}
	ck_assert_uint_eq(w.right.announced, before + 1);
	ck_assert(assoc_next_event(w.right.a, w.now, &ev));
	ck_assert(assoc_next_event(w.right.a, w.now, &ev));
	ck_assert(!assoc_next_event(w.right.a, w.now, &ev));
	assoc_close_channel(w.right.a, 0, w.now);
	ck_assert_uint_eq(w.right.announced, before + 2);
	world_run(&w, 1000);
	before = w.right.announced;
	world_remove(&w.right);
	ck_assert_uint_eq(w.right.announced, before); /* the dying say nothing */
	world_finish(&w);
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
	Suite *s = suite_create("sctp/assoc");
	TCase *t = talk_case("assoc");

	tcase_add_test(t, both_sides_connecting_at_once_meet);
	tcase_add_test(t, one_side_may_come_late);
	tcase_add_test(t, set_up_survives_the_loss_of_any_one_packet);
	tcase_add_test(t, set_up_without_an_answer_ends_after_thirty_seconds);
	tcase_add_test(t, impossible_configurations_are_refused);
	tcase_add_test(t, packets_stay_within_the_mtu);
	tcase_add_test(t, a_silent_peer_that_returns_in_time_gets_everything);
	tcase_add_test(t, a_silent_peer_that_does_not_return_is_given_up);
	tcase_add_test(t, a_reader_who_never_reads_is_a_stall_too);
	tcase_add_test(t, idle_associations_want_no_time);
	tcase_add_test(t, repetitions_after_a_long_silence_come_little_late);
	tcase_add_test(t, a_probe_is_answered_and_starts_no_timer);
	tcase_add_test(t, after_a_pause_nothing_is_repeated_too_early);
	tcase_add_test(t, a_process_that_was_away_takes_nothing_for_lost);
	tcase_add_test(t, shutdown_delivers_what_is_queued);
	tcase_add_test(t, shutdown_towards_silence_ends_all_the_same);
	tcase_add_test(t, shutdown_before_it_is_up_ends_at_once);
	tcase_add_test(t, destroying_aborts);
	tcase_add_test(t, gauges_return_to_where_they_were);
	tcase_add_test(t, packets_for_other_ports_are_dropped);
	tcase_add_test(t, different_ports_on_both_sides_are_fine);
	tcase_add_test(t, random_bytes_do_no_harm);
	tcase_add_test(t, damaged_packets_end_the_association_at_worst);
	tcase_add_test(t, many_associations_share_the_stack);
	tcase_add_test(t, news_are_announced_once_until_they_are_fetched);
	tcase_add_test(t, running_out_of_memory_anywhere_is_survived_and_leaks_nothing);
	tcase_add_test(t, the_stack_starts_once_and_stops_clean);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
