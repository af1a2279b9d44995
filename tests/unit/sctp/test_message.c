/*
 * test_message.c: messages over a network that loses, delays and
 * repeats, and towards readers that hold.
 */
#include "dcmf/base/counters.h"
#include "tests/unit/main.h"
#include "tests/unit/sctp/talk.h"

/* ---- messages ---- */

START_TEST(every_ppid_arrives_as_it_was_sent)
{
	static const uint32_t ppids[] = { PPID_STRING, PPID_BINARY, PPID_BINARY_PARTIAL,
		PPID_STRING_PARTIAL, 0, 46, 0xfffffffe };
	struct world w;

	world_start(&w);
	connect_with_channel(&w);
	for (size_t i = 0; i < sizeof(ppids) / sizeof(ppids[0]); i++) {
		ck_assert_int_eq(
			assoc_send(w.left.a, w.now, 0, ppids[i], SPAN_LIT("hello")), ERR_OK);
		world_run(&w, 100);
		ck_assert_int_eq(w.right.messages, i + 1);
		ck_assert_uint_eq(w.right.last.ppid, ppids[i]);
		ck_assert_int_eq(w.right.last.message.len, 5);
		ck_assert(!w.right.last.more && !w.right.last.unordered);
		ck_assert_int_eq(memcmp(w.right.head, "hello", 5), 0);
	}
	world_finish(&w);
}
END_TEST

START_TEST(empty_messages_travel_in_their_own_form)
{
	static const uint32_t pairs[][2] = { { PPID_STRING, PPID_STRING_EMPTY },
		{ PPID_BINARY, PPID_BINARY_EMPTY }, { PPID_STRING_EMPTY, PPID_STRING_EMPTY },
		{ PPID_BINARY_EMPTY, PPID_BINARY_EMPTY } };
	struct world w;

	world_start(&w);
	connect_with_channel(&w);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(assoc_send(w.left.a, w.now, 0, pairs[i][0], SPAN_NONE), ERR_OK);
		world_run(&w, 100);
		ck_assert_int_eq(w.right.messages, i + 1);
		ck_assert_uint_eq(w.right.last.ppid, pairs[i][1]);
		ck_assert_int_eq(w.right.last.message.len, 0);
	}
	ck_assert_int_eq(assoc_send(w.left.a, w.now, 0, 46, SPAN_NONE), ERR_UNSUPPORTED);
	ck_assert_int_eq(
		assoc_send(w.left.a, w.now, 0, PPID_STRING_EMPTY, SPAN_LIT("x")), ERR_UNSUPPORTED);
	ck_assert_int_eq(assoc_send(w.left.a, w.now, 0, PPID_DCEP, SPAN_LIT("x")), ERR_UNSUPPORTED);
	world_finish(&w);
}
END_TEST

START_TEST(a_mebibyte_arrives_in_order_through_heavy_loss)
{
	struct world w;
	struct pump p = { .total = 1 << 20, .message = 5000 };

	world_start(&w);
	connect_with_channel(&w);
	w.loss_percent = 30;
	transfer(&w, &p, 3600000);
	world_finish(&w);
}
END_TEST

START_TEST(reordering_and_repetition_change_nothing)
{
	struct world w;
	struct pump p = { .total = 1 << 20, .message = 3000 };

	world_start(&w);
	w.reorder_percent = 20;
	w.duplicate_percent = 20;
	connect_with_channel(&w);
	transfer(&w, &p, 600000);
	world_finish(&w);
}
END_TEST

START_TEST(large_messages_come_whole)
{
	static const size_t sizes[] = { 1, 1135, 1136, 65536, 256 * 1024 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct world w;
		struct pump p = { .total = 3 * sizes[i], .message = sizes[i] };

		world_start(&w);
		connect_with_channel(&w);
		w.loss_percent = 5;
		transfer(&w, &p, 600000);
		ck_assert_int_eq(w.right.messages, 3);
		world_finish(&w);
	}
}
END_TEST

START_TEST(messages_too_large_for_the_peer_or_for_us_are_refused_before_sending)
{
	static uint8_t big[256 * 1024 + 1];
	struct world w;

	world_start(&w);
	w.left.config.remote_max_message = 1024;
	connect_with_channel(&w);
	ck_assert_int_eq(
		assoc_send(w.left.a, w.now, 0, PPID_BINARY, SPAN(big, 1025)), ERR_MESSAGE_SIZE);
	ck_assert_int_eq(assoc_send(w.left.a, w.now, 0, PPID_BINARY, SPAN(big, 1024)), ERR_OK);
	ck_assert_int_eq(
		assoc_send(w.right.a, w.now, 0, PPID_BINARY, SPAN_OF(big)), ERR_MESSAGE_SIZE);
	world_finish(&w);
}
END_TEST

START_TEST(a_peer_that_sends_more_than_we_take_is_cut_off)
{
	static uint8_t big[2001];

	for (size_t len = 2000; len <= 2001; len++) {
		struct world w;

		world_start(&w);
		w.right.config.local_max_message = 2000;
		connect_with_channel(&w);
		ck_assert_int_eq(
			assoc_send(w.left.a, w.now, 0, PPID_BINARY, SPAN(big, len)), ERR_OK);
		world_run(&w, 1000);
		ck_assert_int_eq(w.right.messages, len == 2000);
		ck_assert_int_eq(w.right.closes, len > 2000);
		if (len > 2000) {
			ck_assert_int_eq(w.right.reason, CLOSE_SCTP_PROTOCOL);
			ck_assert_int_eq(w.left.reason, CLOSE_PEER_ABORT);
		}
		world_finish(&w);
	}
}
END_TEST

START_TEST(an_enormous_message_is_cut_off_too)
{
	static uint8_t big[200000];
	struct world w;

	world_start(&w);
	w.right.config.local_max_message = 2000;
	w.right.config.receive_buffer = 8000;
	connect_with_channel(&w);
	ck_assert_int_eq(assoc_send(w.left.a, w.now, 0, PPID_BINARY, SPAN_OF(big)), ERR_OK);
	world_run(&w, 60000);
	ck_assert_int_eq(w.right.messages, 0);
	ck_assert_int_eq(w.right.closes, 1);
	ck_assert_int_eq(w.right.reason, CLOSE_SCTP_PROTOCOL);
	world_finish(&w);
}
END_TEST

static void add_partial(struct side *s, uint8_t reliability, uint32_t limit, bool unordered)
{
	struct channel_config c = { .sid = 2,
		.negotiated = true,
		.quality = { .reliability = reliability, .limit = limit, .unordered = unordered } };

	ck_assert_int_eq(assoc_add_channel(s->a, &c), ERR_OK);
}

static unsigned arrivals_through_loss(uint8_t reliability, uint32_t limit)
{
	struct world w;
	unsigned got;

	world_start(&w);
	connect_with_channel(&w);
	add_partial(&w.left, reliability, limit, true);
	add_partial(&w.right, reliability, limit, true);
	w.loss_percent = 30;
	for (int i = 0; i < 200; i++) {
		while (assoc_send(w.left.a, w.now, 2, PPID_BINARY, SPAN_LIT("partial")) != ERR_OK)
			world_run(&w, 100);
		world_run(&w, 20);
	}
	world_run(&w, 20000);
	got = w.right.messages;
	if (got > 0)
		ck_assert(w.right.last.unordered);
	world_finish(&w);
	return got;
}

START_TEST(partial_reliability_gives_up_where_full_reliability_does_not)
{
	unsigned once = arrivals_through_loss(MAX_RETRANSMITS, 0);
	unsigned brief = arrivals_through_loss(MAX_LIFETIME, 50);

	ck_assert_int_lt(once, 190);
	ck_assert_int_gt(once, 20);
	ck_assert_int_lt(brief, 195);
	ck_assert_int_gt(brief, 20);
	ck_assert_int_eq(arrivals_through_loss(RELIABLE, 0), 200);
}
END_TEST

static bool drop_a_third_of_the_messages(struct world *w, const struct packet *p)
{
	return p->to == &w->right && p->len > 100 && world_random(w) % 3 == 0;
}

static void send_through_gaps(uint8_t reliability, uint32_t limit, bool unordered, bool pieces)
{
	static const uint8_t message[5000];
	size_t size = pieces ? 5000 : 100;
	int64_t before = counted(messages_abandoned_total);
	int64_t skips = counted(sctp_forward_tsn_total);
	struct world w;

	world_start(&w);
	connect_with_channel(&w);
	add_partial(&w.left, reliability, limit, unordered);
	add_partial(&w.right, reliability, limit, unordered);
	w.drop = drop_a_third_of_the_messages;
	for (int i = 0; i < 200; i++) {
		ck_assert_int_eq(
			send_message(&w.left, 2, PPID_BINARY, SPAN(message, size)), ERR_OK);
		world_run(&w, 2000);
	}
	world_run(&w, 20000);
	ck_assert_int_eq(w.right.messages + counted(messages_abandoned_total) - before, 200);
	ck_assert_int_eq(w.right.messages == 200, reliability == RELIABLE);
	ck_assert_int_eq(counted(sctp_forward_tsn_total) == skips, reliability == RELIABLE);
	world_finish(&w);
}

START_TEST(what_is_given_up_is_counted)
{
	send_through_gaps(MAX_RETRANSMITS, 0, _i & 1, _i & 2);
	send_through_gaps(MAX_LIFETIME, 10, _i & 1, _i & 2);
	send_through_gaps(RELIABLE, 0, _i & 1, _i & 2);
}
END_TEST

/* ---- back-pressure ---- */

START_TEST(a_held_reader_stops_its_peer_and_loses_nothing)
{
	struct world w;
	struct pump p = { .total = 1 << 20, .message = 1000 };

	world_start(&w);
	connect_with_channel(&w);
	w.left.arg = w.right.arg = &p;
	w.left.on_event = w.right.on_event = pump_event;
	assoc_hold(w.right.a, true);
	pump_more(&w.left);
	world_run(&w, 5000);
	ck_assert_int_eq(w.right.messages, 0);
	world_run(&w, 15000);
	ck_assert_int_lt(p.sent, 800 * 1024); /* both buffers are full, and that is all */
	assoc_hold(w.right.a, false);
	ck_assert(world_run_until(&w, pump_is_done, 60000));
	ck_assert(!p.damaged);
	world_finish(&w);
}
END_TEST

START_TEST(tiny_messages_are_bounded_in_number)
{
	struct world w;
	unsigned n = 0;

	world_start(&w);
	connect_with_channel(&w);
	w.cut = true;
	while (n < 100000 && say(&w.left, 0, "x") == ERR_OK)
		n++;
	ck_assert_int_lt(n, 5000);
	ck_assert_int_gt(n, 3000);
	w.cut = false;
	world_run(&w, 20000);
	ck_assert_int_eq(w.right.messages, n);
	ck_assert_int_eq(w.left.writables, 1);
	ck_assert_int_eq(say(&w.left, 0, "x"), ERR_OK);
	world_finish(&w);
}
END_TEST

START_TEST(loss_is_told_even_while_held)
{
	struct world w;

	world_start(&w);
	connect_with_channel(&w);
	assoc_hold(w.right.a, true);
	say(&w.left, 0, "unread");
	world_run(&w, 100);
	world_remove(&w.left);
	world_run(&w, 100);
	ck_assert_int_eq(w.right.messages, 0);
	ck_assert_int_eq(w.right.closes, 1);
	ck_assert_int_eq(w.right.reason, CLOSE_PEER_ABORT);
	world_finish(&w);
}
END_TEST

START_TEST(an_orderly_end_waits_behind_unread_messages)
{
	struct world w;

	world_start(&w);
	connect_with_channel(&w);
	assoc_hold(w.right.a, true);
	say(&w.left, 0, "unread");
	assoc_shutdown(w.left.a, w.now);
	world_run(&w, 1000);
	ck_assert_int_eq(w.left.reason, CLOSE_LOCAL);
	ck_assert_int_eq(w.right.messages + w.right.closes, 0);
	assoc_hold(w.right.a, false);
	world_run(&w, 0);
	ck_assert_int_eq(w.right.messages, 1);
	ck_assert_int_eq(w.right.reason, CLOSE_PEER_SHUTDOWN);
	world_finish(&w);
}
END_TEST

START_TEST(what_comes_before_a_message_is_told_while_held)
{
	struct world w;

	world_start(&w);
	connect_with_channel(&w);
	assoc_hold(w.right.a, true);
	assoc_close_channel(w.left.a, 0, w.now);
	world_run(&w, 1000);
	ck_assert_int_eq(w.right.channel_closes, 1);
	ck_assert_int_eq(w.left.channel_closes, 1);
	world_finish(&w);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sctp/message");
	TCase *t = talk_case("message");

	tcase_add_test(t, every_ppid_arrives_as_it_was_sent);
	tcase_add_test(t, empty_messages_travel_in_their_own_form);
	tcase_add_test(t, a_mebibyte_arrives_in_order_through_heavy_loss);
	tcase_add_test(t, reordering_and_repetition_change_nothing);
	tcase_add_test(t, large_messages_come_whole);
	tcase_add_test(t, messages_too_large_for_the_peer_or_for_us_are_refused_before_sending);
	tcase_add_test(t, a_peer_that_sends_more_than_we_take_is_cut_off);
	tcase_add_test(t, an_enormous_message_is_cut_off_too);
	tcase_add_test(t, partial_reliability_gives_up_where_full_reliability_does_not);
	tcase_add_loop_test(t, what_is_given_up_is_counted, 0, 4);
	tcase_add_test(t, a_held_reader_stops_its_peer_and_loses_nothing);
	tcase_add_test(t, tiny_messages_are_bounded_in_number);
	tcase_add_test(t, loss_is_told_even_while_held);
	tcase_add_test(t, an_orderly_end_waits_behind_unread_messages);
	tcase_add_test(t, what_comes_before_a_message_is_told_while_held);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
