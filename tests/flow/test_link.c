/*
 * test_link.c: phones and an application server that takes messages as frames or datagrams:
 * messages, channels that come and go, who waits for whom.
 *
 *     phone ══ DTLS, SCTP ══ relay ══ TCP, TCP/TLS or UDP ══ server (app_server.h)
 */
#include <stdio.h>

#include "dcmf/base/counters.h"
#include "sctp/dcep.h"
#include "tests/flow/served.h"

/* ---- messages ---- */

START_TEST(server_hears_of_the_call_and_its_channels_first)
{
	uint8_t wire[64];
	struct dcep_open open;
	const struct heard *h;

	begin(__func__);
	ck_assert_uint_eq(app_server_count(server, -1), 4);
	h = app_server_heard(server, 3);
	ck_assert_int_eq(h->type, FRAME_HELLO);
	ck_assert_uint_eq(h->value, FRAME_VERSION);
	snprintf((char *)wire, sizeof(wire), "%s\n0", p->context_id);
	ck_assert_str_eq(h->text, (char *)wire);
	ck_assert_ptr_nonnull(h = find(FRAME_OPEN, 1001));
	ck_assert_uint_eq(h->value, 64 * KIB);
	memcpy(wire, h->text, h->len);
	ck_assert_int_eq(dcep_parse_open(SPAN(wire, h->len), &open), ERR_OK);
	ck_assert(span_eq(open.label, SPAN_LIT("pointer")));
	ck_assert(open.quality.unordered && open.quality.reliability == MAX_RETRANSMITS);
	ck_assert_uint_eq(open.quality.limit, 3);
	end();
}
END_TEST

START_TEST(messages_pass_both_ways_with_stream_ppid_and_borders)
{
	const struct heard *h;

	begin(__func__);
	say(1000, "hello");
	say(1002, "");
	world_run(w, 0.2);
	ck_assert_ptr_nonnull(h = find(FRAME_MESSAGE, 1000));
	ck_assert_uint_eq(h->value, PPID_STRING);
	ck_assert_str_eq(h->text, "hello");
	ck_assert_ptr_nonnull(h = find(FRAME_MESSAGE, 1002));
	ck_assert_uint_eq(h->value, PPID_STRING_EMPTY);
	ck_assert_uint_eq(h->len, 0);
	serve(1002, "answer");
	world_run(w, 0.2);
	ck_assert_str_eq(got.text, "answer");
	ck_assert_uint_eq(got.sid, 1002);
	ck_assert_uint_eq(got.ppid, PPID_STRING);
	app_server_frame(server, 1000, FRAME_MESSAGE, PPID_BINARY, SPAN_NONE);
	world_run(w, 0.2);
	ck_assert_uint_eq(got.count, 2);
	ck_assert_uint_eq(got.ppid, PPID_BINARY_EMPTY);
	ck_assert_uint_eq(got.len, 0);
	end();
}
END_TEST

static bool all_came(struct world *world)
{
	(void)world;
	return ledger.received == 500;
}

START_TEST(an_echo_of_many_messages_over_a_bad_line_is_whole_and_in_order)
{
	static uint8_t buf[20000];

	begin(__func__);
	ways->echo = is_numbered = true;
	p->up.loss_permille = p->down.loss_permille = 50;
	for (uint32_t n = 0; n < 500; n++) {
		size_t len = 12 + (n * 37) % sizeof(buf) / 2;

		ue_traffic_fill(buf, len, 0, n);
		p->touched = true;
		while (ue_send(p->ue, sim_now(), 1000, ue_traffic_ppid(n), SPAN(buf, len)) !=
			ERR_OK)
			world_run(w, 0.05);
	}
	ck_assert(world_until(w, 200, all_came));
	ck_assert_uint_eq(ledger.wrong + ledger.doubled + ledger.overtaken, 0);
	ck_assert_int_eq(counter_value[CNT_buffered_bytes], 0);
	end();
}
END_TEST

START_TEST(what_a_phone_says_before_the_server_is_there_waits)
{
	begin_with(__func__, small_queues, NULL);
	ways->hangs = true;
	call(&three);
	say(1000, "early");
	say(1000, "bird");
	world_run(w, 1);
	ck_assert_uint_eq(app_server_count(server, -1), 0);
	ck_assert_uint_eq(counter_value[CNT_links_open], 0);
	app_server_break(server, "no answer in 5 s");
	ways->hangs = false;
	world_run(w, 2);
	ck_assert_uint_eq(app_server_count(server, FRAME_MESSAGE), 2);
	ck_assert_str_eq(app_server_heard(server, 0)->text, "bird");
	ck_assert_str_eq(failure(), "TCP 198.51.100.7:7000: no answer in 5 s");
	ck_assert_int_eq(world_last(w, p, RELAY_EVENT_MDC_FAILED)->hop, HOP_MDC2);
	end();
}
END_TEST

/* ---- channels come and go ---- */

/* Stream 1000, which both sides know to be closed. */
static void open_again(void)
{
	unsigned opened = app_server_count(server, FRAME_OPEN);

	ck_assert(phone_update(p));
	ck_assert_int_eq(ue_open(p->ue, &streams[0], false), ERR_OK);
	ck_assert(phone_update(p));
	world_run(w, 1);
	ck_assert_uint_eq(app_server_count(server, FRAME_OPEN), opened + 1);
}

START_TEST(channel_that_the_phone_closes_is_closed_at_the_server_and_may_come_again)
{
	begin(__func__);
	for (int round = 0; round < 3; round++) {
		say(1000, "last words");
		ue_close_channel(p->ue, sim_now(), 1000);
		p->touched = true;
		world_run(w, 1);
		ck_assert_int_eq(closed_by(1000), CLOSE_PEER_RESET);
		ck_assert_str_eq(app_server_heard(server, 1)->text, "last words");
		ck_assert_int_eq(app_server_heard(server, 0)->type, FRAME_CLOSE);
		open_again();
	}
	end();
}
END_TEST

START_TEST(channel_that_the_server_closes_ends_after_its_last_words_and_stays_closed)
{
	unsigned opened;

	begin(__func__);
	opened = app_server_count(server, FRAME_OPEN);
	serve(1000, "good bye");
	app_server_frame(server, 1000, FRAME_CLOSE, 0, SPAN_NONE);
	world_run(w, 2);
	ck_assert_str_eq(got.text, "good bye");
	ck_assert_uint_eq(p->channels_closed, 1);
	ck_assert_uint_eq(app_server_count(server, FRAME_CLOSE), 1); /* the answer */
	ck_assert_uint_eq(app_server_count(server, FRAME_OPEN), opened);
	say(1002, "the others go on");
	world_run(w, 0.2);
	ck_assert_str_eq(app_server_heard(server, 0)->text, "the others go on");
	end();
}
END_TEST

START_TEST(what_the_server_says_on_a_closed_stream_is_of_the_old_channel)
{
	begin(__func__);
	ways->never_closes = true;
	ue_close_channel(p->ue, sim_now(), 1000);
	p->touched = true;
	world_run(w, 1);
	open_again();
	serve(1000, "old");
	world_run(w, 0.2);
	ck_assert_uint_eq(got.count, 0);
	app_server_frame(server, 1000, FRAME_CLOSE, 0, SPAN_NONE);
	serve(1000, "new");
	world_run(w, 0.2);
	ck_assert_str_eq(got.text, "new");
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 0);
	end();
}
END_TEST

START_TEST(channel_that_a_phone_opens_by_dcep_is_announced_with_its_label)
{
	static const struct ue_stream own = { .sid = 20, .label = "own", .protocol = "x" };
	struct phone_options o = three;
	uint16_t sid;

	o.accept_dcep = true;
	begin_with(__func__, small_queues, &o);
	ck_assert_int_eq(ue_open(p->ue, &own, true), ERR_OK);
	p->touched = true;
	world_run(w, 1);
	ck_assert(ue_find_label(p->ue, "own", &sid));
	ck_assert_ptr_nonnull(find(FRAME_OPEN, sid));
	say(sid, "hi");
	world_run(w, 0.2);
	ck_assert_str_eq(find(FRAME_MESSAGE, sid)->text, "hi");
	end();
}
END_TEST

START_TEST(ten_thousand_channels_in_turn_leave_nothing_behind)
{
	static const struct ue_stream own = { .sid = 20, .label = "own" };
	struct phone_options o = three;

	o.accept_dcep = true;
	begin_with(__func__, small_queues, &o);
	ways->echo = true;
	for (int i = 0; i < 10000; i++) {
		uint16_t sid;

		ck_assert_int_eq(ue_open(p->ue, &own, true), ERR_OK);
		p->touched = true;
		world_run(w, 0.15);
		ck_assert(ue_find_label(p->ue, "own", &sid));
		say(sid, "hi");
		ue_close_channel(p->ue, sim_now(), sid);
		p->touched = true;
		world_run(w, 0.25);
	}
	ck_assert_uint_eq(app_server_count(server, FRAME_MESSAGE), 10000);
	ck_assert_uint_eq(app_server_count(server, FRAME_CLOSE), 10000);
	ck_assert_int_eq(counter_value[CNT_channels], 6); /* the phone's own are counted too */
	ck_assert_int_eq(counter_value[CNT_buffered_bytes], 0);
	end();
}
END_TEST

/* ---- who waits for whom ---- */

START_TEST(server_that_does_not_read_shuts_the_window_and_reliable_channels_end)
{
	begin(__func__);
	ways->deaf = true;
	say_much(1000, 512 * KIB);
	world_run(w, 1);
	ck_assert_int_le(counter_value[CNT_buffered_bytes], 64 * KIB + 64 * KIB);
	ck_assert_int_eq(closed_by(1000), CLOSE_NONE);
	world_run(w, 6);
	ck_assert_int_eq(closed_by(1000), CLOSE_QUEUE_LIMIT);
	ways->deaf = false;
	world_run(w, 3);
	say(1002, "the others go on");
	world_run(w, 1);
	ck_assert_ptr_nonnull(find(FRAME_MESSAGE, 1002));
	end();
}
END_TEST

START_TEST(server_that_does_not_read_lets_partially_reliable_channels_drop_the_oldest)
{
	int64_t dropped = counter_value[CNT_messages_dropped_total];

	begin(__func__);
	ways->deaf = true;
	for (int i = 0; i < 40; i++) {
		say_much(1001, 32 * KIB);
		world_run(w, 0.5);
	}
	ck_assert_int_eq(closed_by(1001), CLOSE_NONE);
	ck_assert_int_gt(counter_value[CNT_messages_dropped_total], dropped);
	ck_assert_int_le(counter_value[CNT_buffered_bytes], 128 * KIB);
	ways->deaf = false;
	say(1001, "newest");
	world_run(w, 2);
	ck_assert_str_eq(find(FRAME_MESSAGE, 1001)->text, "newest");
	end();
}
END_TEST

static void close_channel(uint16_t sid)
{
	ue_close_channel(p->ue, sim_now(), sid);
	p->touched = true;
	world_run(w, 1);
}

/*
 *     1000, closed ──► 48 KiB ──┐
 *     1002, closed ──► 48 KiB ──┴► server that does not read        together more than a channel may hold
 */
START_TEST(last_words_to_a_server_that_does_not_read_are_bounded)
{
	int64_t dropped = counter_value[CNT_messages_dropped_total];

	begin(__func__);
	ways->deaf = true;
	while (counter_value[CNT_buffered_bytes] == 0) { /* what has left is not ours to hold */
		say_much(1001, 16 * KIB);
		world_run(w, 0.2);
	}
	say_much(1000, 48 * KIB);
	world_run(w, 1);
	close_channel(1000);
	ck_assert_int_eq(counter_value[CNT_messages_dropped_total], dropped);
	say_much(1002, 48 * KIB);
	world_run(w, 1);
	close_channel(1002);
	ck_assert_int_eq(counter_value[CNT_messages_dropped_total], dropped + 3);
	ck_assert_int_le(counter_value[CNT_buffered_bytes], 2 * 64 * KIB);
	ways->deaf = false;
	world_run(w, 2);
	ck_assert_ptr_nonnull(find(FRAME_CLOSE, 1000));
	ck_assert_ptr_nonnull(find(FRAME_CLOSE, 1002));
	ck_assert_ptr_nonnull(find(FRAME_MESSAGE, 1000));
	ck_assert_ptr_null(find(FRAME_MESSAGE, 1002));
	end();
}
END_TEST

/* How far back the server heard it on stream 1000. */
static unsigned since(unsigned type, const char *text)
{
	const struct heard *h;

	for (unsigned i = 0; (h = app_server_heard(server, i)) != NULL && i < HEARD_MAX; i++)
		if (h->sid == 1000 && h->type == type && (text == NULL || !strcmp(h->text, text)))
			return i;
	ck_abort_msg("the server has not heard %s", text ? text : "of its end");
	return 0;
}

/*
 *     1000: "one" "two", closed, open again, "three", closed ──► server that does not read yet
 */
START_TEST(last_words_reach_a_server_that_reads_later_in_order_and_before_the_end)
{
	begin(__func__);
	ways->deaf = true;
	while (counter_value[CNT_buffered_bytes] == 0) {
		say_much(1001, 16 * KIB);
		world_run(w, 0.2);
	}
	say(1000, "one");
	say(1000, "two");
	close_channel(1000);
	ck_assert(phone_update(p));
	ck_assert_int_eq(ue_open(p->ue, &streams[0], false), ERR_OK);
	ck_assert(phone_update(p));
	world_run(w, 1);
	say(1000, "three");
	close_channel(1000);
	ck_assert_uint_eq(app_server_count(server, FRAME_CLOSE), 0);
	ways->deaf = false;
	world_run(w, 2);
	ck_assert_uint_eq(app_server_count(server, FRAME_CLOSE), 2);
	ck_assert_uint_eq(since(FRAME_CLOSE, NULL) + 1, since(FRAME_MESSAGE, "three"));
	ck_assert_uint_eq(since(FRAME_OPEN, NULL), since(FRAME_MESSAGE, "three") + 1);
	ck_assert_int_eq(app_server_heard(server, since(FRAME_OPEN, NULL) + 1)->type, FRAME_CLOSE);
	ck_assert_uint_eq(since(FRAME_MESSAGE, "two"), since(FRAME_OPEN, NULL) + 2);
	ck_assert_uint_eq(since(FRAME_MESSAGE, "one"), since(FRAME_MESSAGE, "two") + 1);
	end();
}
END_TEST

static bool everything_heard(struct world *world)
{
	(void)world;
	return app_server_bytes(server) == 1024 * KIB;
}

START_TEST(slow_server_gets_everything_within_the_bound)
{
	int64_t most = 0;

	begin(__func__);
	ways->pace = 2000; /* 200 kB a second, never still for long */
	for (unsigned sent = 0; sent < 1024 * KIB; sent += 4 * KIB) {
		static uint8_t piece[4 * KIB];

		p->touched = true;
		while (ue_send(p->ue, sim_now(), 1000, PPID_BINARY, SPAN_OF(piece)) != ERR_OK)
			world_run(w, 0.05);
		if (counter_value[CNT_buffered_bytes] > most)
			most = counter_value[CNT_buffered_bytes];
	}
	ck_assert(world_until(w, 60, everything_heard));
	ck_assert_int_le(most, 64 * KIB + 64 * KIB);
	ck_assert_int_eq(closed_by(1000), CLOSE_NONE);
	end();
}
END_TEST

START_TEST(phone_that_does_not_read_keeps_the_server_waiting_and_gets_everything_later)
{
	begin(__func__);
	ue_hold(p->ue, true);
	serve_much(1000, 1024 * KIB);
	world_run(w, 3);
	ck_assert(app_server_is_paused(server));
	ck_assert_uint_gt(app_server_unsaid(server), 256 * KIB);
	ck_assert_int_le(counter_value[CNT_buffered_bytes], 96 * KIB);
	ue_hold(p->ue, false);
	p->touched = true;
	world_run(w, 30);
	ck_assert_uint_eq(got.bytes, 1024 * KIB);
	ck_assert(!app_server_is_paused(server));
	ck_assert_int_eq(closed_by(1000), CLOSE_NONE);
	end();
}
END_TEST

START_TEST(phone_that_does_not_read_for_long_loses_reliable_channels_and_old_messages_of_others)
{
	uint16_t sid = _i == 0 ? 1000 : 1001;

	begin(__func__);
	ue_hold(p->ue, true);
	serve_much(sid, 2048 * KIB);
	world_run(w, 12);
	if (_i == 0) {
		ck_assert_int_eq(closed_by(1000), CLOSE_NONE); /* its reset waits for its data */
		ck_assert(!app_server_is_paused(server));
	} else {
		ck_assert_int_eq(closed_by(1001), CLOSE_NONE);
	}
	ck_assert_uint_eq(app_server_unsaid(server), 0);
	ck_assert_int_le(counter_value[CNT_buffered_bytes], 96 * KIB);
	ue_hold(p->ue, false);
	p->touched = true;
	world_run(w, 20);
	ck_assert_int_eq(closed_by(sid), _i == 0 ? CLOSE_QUEUE_LIMIT : CLOSE_NONE);
	serve(1002, "the others go on");
	world_run(w, 1);
	ck_assert_str_eq(got.text, "the others go on");
	end();
}
END_TEST

/* A message of 4 KiB on each of the three channels, from the phone or to it. */
static bool three_more(bool from_phone)
{
	static uint8_t piece[4 * KIB];
	bool went = false;

	for (uint16_t sid = 1000; sid <= 1002; sid++) {
		p->touched = true;
		if (!from_phone)
			app_server_frame(server, sid, FRAME_MESSAGE, PPID_BINARY, SPAN_OF(piece));
		else if (ue_send(p->ue, sim_now(), sid, PPID_BINARY, SPAN_OF(piece)) == ERR_OK)
			went = true;
	}
	return went || !from_phone;
}

/*
 *     1000 ── 43 KiB ──┐
 *     1001 ── 43 KiB ──┼── 128 KiB: enough, though each alone may hold 64
 *     1002 ── 43 KiB ──┘
 */
START_TEST(channels_of_a_phone_hold_together_no_more_than_two_may)
{
	bool from_phone = _i == 0;

	begin(__func__);
	ways->deaf = from_phone;
	ue_hold(p->ue, !from_phone);
	while (counter_value[CNT_buffered_bytes] == 0) { /* what others hold */
		(from_phone ? say_much : serve_much)(1000, 4 * KIB);
		world_run(w, 0.2);
	}
	for (unsigned i = 0; i < 200 && three_more(from_phone); i++)
		world_run(w, 0.01);
	world_run(w, 1);
	ck_assert_int_ge(counter_value[CNT_buffered_bytes], 2 * 64 * KIB);
	ck_assert_int_le(counter_value[CNT_buffered_bytes], 2 * 64 * KIB + 24 * KIB);
	ck_assert_int_eq(app_server_is_paused(server), !from_phone);
	ways->deaf = false;
	ue_hold(p->ue, false);
	p->touched = true;
	world_run(w, 20);
	ck_assert(!app_server_is_paused(server));
	ck_assert_int_eq(closed_by(1000), CLOSE_NONE);
	ck_assert_int_eq(counter_value[CNT_buffered_bytes], 0);
	end();
}
END_TEST

static enum err say_number(unsigned n)
{
	static char text[4 * KIB];

	snprintf(text, sizeof(text), "%u", n);
	p->touched = true;
	return ue_send(p->ue, sim_now(), 1001, PPID_STRING, SPAN_OF(text));
}

/* The same of what waits for the server; from then on the phone is not stopped any more. */
START_TEST(server_that_reads_again_gets_the_newest_half_and_the_phone_goes_on)
{
	static const struct ue_stream lossy = { .sid = 1001,
		.quality = { false, MAX_LIFETIME, 256, 600000 } };
	struct phone_options o = { .streams = &lossy, .stream_count = 1 };
	unsigned n = 0;

	begin_with(__func__, small_queues, &o);
	ways->deaf = true;
	for (; counter_value[CNT_buffered_bytes] < 64 * KIB; n++) {
		ck_assert_int_eq(say_number(n), ERR_OK);
		world_run(w, 0.1);
	}
	world_run(w, 6);
	ck_assert_int_lt(counter_value[CNT_buffered_bytes], 32 * KIB);
	ck_assert_int_gt(counter_value[CNT_buffered_bytes], 24 * KIB);
	for (unsigned last = n + 300; n < last; n++) {
		ck_assert_int_eq(say_number(n), ERR_OK);
		world_run(w, 0.1);
		ck_assert_int_le(counter_value[CNT_buffered_bytes], 64 * KIB);
	}
	say(1001, "newest");
	ways->deaf = false;
	world_run(w, 2);
	ck_assert_str_eq(find(FRAME_MESSAGE, 1001)->text, "newest");
	ck_assert_int_eq(closed_by(1001), CLOSE_NONE);
	end();
}
END_TEST

/* Of a partially reliable channel half of what waits: the oldest. What is left still arrives. */
START_TEST(phone_that_reads_again_gets_the_newest_half)
{
	int64_t dropped = counter_value[CNT_messages_dropped_total], held;
	/* so long that SCTP itself gives nothing up */
	static const struct ue_stream lossy = { .sid = 1001,
		.quality = { false, MAX_LIFETIME, 256, 600000 } };
	struct phone_options o = { .streams = &lossy, .stream_count = 1 };
	char text[4 * KIB] = "";
	unsigned said = 0;

	begin_with(__func__, small_queues, &o);
	ue_hold(p->ue, true);
	for (; counter_value[CNT_buffered_bytes] == 0; said++) {
		serve_much(1001, 16 * KIB); /* one message */
		world_run(w, 2);
	}
	while (!app_server_is_paused(server)) {
		snprintf(text, sizeof(text), "%u", ++said);
		app_server_frame(server, 1001, FRAME_MESSAGE, PPID_STRING, SPAN_OF(text));
		world_run(w, 0.05);
	}
	ck_assert_uint_eq(app_server_unsaid(server), 0);
	ck_assert_int_ge(counter_value[CNT_buffered_bytes], 64 * KIB);
	world_run(w, 6);
	ck_assert(!app_server_is_paused(server));
	held = counter_value[CNT_buffered_bytes];
	ck_assert_int_lt(held, 32 * KIB);
	ck_assert_int_gt(held, 24 * KIB);
	ue_hold(p->ue, false);
	p->touched = true;
	world_run(w, 20);
	ck_assert_str_eq(got.text, text);
	ck_assert_uint_eq(got.count + counter_value[CNT_messages_dropped_total] - dropped, said);
	end();
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, server_hears_of_the_call_and_its_channels_first);
	tcase_add_test(tc, messages_pass_both_ways_with_stream_ppid_and_borders);
	tcase_add_test(tc, an_echo_of_many_messages_over_a_bad_line_is_whole_and_in_order);
	tcase_add_test(tc, what_a_phone_says_before_the_server_is_there_waits);
	tcase_add_test(
		tc, channel_that_the_phone_closes_is_closed_at_the_server_and_may_come_again);
	tcase_add_test(
		tc, channel_that_the_server_closes_ends_after_its_last_words_and_stays_closed);
	tcase_add_test(tc, what_the_server_says_on_a_closed_stream_is_of_the_old_channel);
	tcase_add_test(tc, channel_that_a_phone_opens_by_dcep_is_announced_with_its_label);
	tcase_add_test(tc, ten_thousand_channels_in_turn_leave_nothing_behind);
	tcase_add_test(tc, server_that_does_not_read_shuts_the_window_and_reliable_channels_end);
	tcase_add_test(
		tc, server_that_does_not_read_lets_partially_reliable_channels_drop_the_oldest);
	tcase_add_test(tc, last_words_to_a_server_that_does_not_read_are_bounded);
	tcase_add_test(tc, last_words_reach_a_server_that_reads_later_in_order_and_before_the_end);
	tcase_add_test(tc, slow_server_gets_everything_within_the_bound);
	tcase_add_test(
		tc, phone_that_does_not_read_keeps_the_server_waiting_and_gets_everything_later);
	tcase_add_loop_test(tc,
		phone_that_does_not_read_for_long_loses_reliable_channels_and_old_messages_of_others,
		0, 2);
	tcase_add_loop_test(tc, channels_of_a_phone_hold_together_no_more_than_two_may, 0, 2);
	tcase_add_test(tc, phone_that_reads_again_gets_the_newest_half);
	tcase_add_test(tc, server_that_reads_again_gets_the_newest_half_and_the_phone_goes_on);
}

int main(void)
{
	return world_main("link", add);
}
