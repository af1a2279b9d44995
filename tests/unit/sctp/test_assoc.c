/* test_assoc.c: associations from set-up to end; time is made up, so nobody really waits. */
#include <stdlib.h>

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

/* ---- what is up ---- */

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
	tcase_add_test(t, different_ports_on_both_sides_are_fine);
	tcase_add_test(t, packets_for_other_ports_are_dropped);
	tcase_add_test(t, news_are_announced_once_until_they_are_fetched);
	tcase_add_test(t, shutdown_delivers_what_is_queued);
	tcase_add_test(t, shutdown_towards_silence_ends_all_the_same);
	tcase_add_test(t, shutdown_before_it_is_up_ends_at_once);
	tcase_add_test(t, destroying_aborts);
	tcase_add_test(t, gauges_return_to_where_they_were);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
