/*
 * test_link.c: phones and an application server that takes messages as frames or datagrams.
 *
 *     phone ══ DTLS, SCTP ══ relay ══ TCP, TCP/TLS or UDP ══ server (app_server.h)
 */
#include <stdio.h>

#include "dcmf/base/counters.h"
#include "sctp/dcep.h"
#include "tests/flow/inside.h"
#include "tools/ue/ue_traffic.h"

#define KIB 1024u

static const struct ue_stream streams[] = {
	{ .sid = 1000, .quality = { .priority = 256 }, .label = "text", .protocol = "chat" },
	{ .sid = 1001, .quality = { true, MAX_RETRANSMITS, 256, 3 }, .label = "pointer" },
	{ .sid = 1002, .quality = { .priority = 256 }, .label = "more" },
};

static struct world *w;
static struct phone *p;
static struct app_server *server;
static struct app_server_ways *ways;
static struct link_spec to;

/* What the phone heard. */
static struct {
	unsigned count;
	uint16_t sid;
	uint32_t ppid;
	size_t len, bytes;
	char text[64];
} got;

static struct ue_ledger ledger; /* of numbered messages */
static bool is_numbered;

static void heard(struct phone *phone, const struct ue_event *ev)
{
	(void)phone;
	got.count++;
	got.sid = ev->sid;
	got.ppid = ev->ppid;
	got.len = ev->bytes.len;
	got.bytes += ev->bytes.len;
	snprintf(got.text, sizeof(got.text), "%.*s", SPAN_FMT(ev->bytes));
	if (is_numbered)
		ck_assert(ue_ledger_take(&ledger, ev->ppid, ev->bytes));
}

static void small_queues(struct relay_config *config)
{
	config->channel_queue = 64 * KIB;
	config->channel_hold_us = TICK_S(5);
	config->max_message = 64 * KIB;
	config->send_buffer = 128 * KIB;
}

static void call(const struct phone_options *more)
{
	struct phone_options o = *more;

	o.application = true;
	o.server = &to;
	if (o.max_message == 0)
		o.max_message = 64 * KIB;
	p = phone_create(w, &o);
	p->heard = heard;
	phone_set_up(p);
	world_run(w, 0.2);
}

static void begin_with(
	const char *name, void (*change)(struct relay_config *), const struct phone_options *o)
{
	memset(&got, 0, sizeof(got));
	ledger = (struct ue_ledger){ 0 };
	is_numbered = false;
	w = world_create_with(name, change);
	server = w->server;
	ways = app_server_ways(server);
	if (!addr_is_set(&to.remote)) {
		to = (struct link_spec){ .protocol = LINK_TCP, .hop = HOP_MDC2 };
		addr_parse(SPAN_LIT("198.51.100.7:7000"), &to.remote);
	}
	if (o != NULL)
		call(o);
}

static const struct phone_options three = { .streams = streams, .stream_count = 3 };

static void begin(const char *name)
{
	begin_with(name, small_queues, &three);
}

static void end(void)
{
	phone_hang_up(p);
	ck_assert(world_until(w, 3, nothing_left));
	ue_ledger_finish(&ledger);
	world_finish(w);
	to = (struct link_spec){ 0 };
}

static enum err say(uint16_t sid, const char *text)
{
	p->touched = true;
	return ue_send(p->ue, sim_now(), sid, PPID_STRING, SPAN_STR(text));
}

static void say_much(uint16_t sid, size_t bytes)
{
	static uint8_t piece[16 * KIB];

	while (bytes > 0) {
		size_t n = bytes < sizeof(piece) ? bytes : sizeof(piece);

		p->touched = true;
		if (ue_send(p->ue, sim_now(), sid, PPID_BINARY, SPAN(piece, n)) != ERR_OK) {
			world_run(w, 0.05);
			if (ue_send(p->ue, sim_now(), sid, PPID_BINARY, SPAN(piece, n)) != ERR_OK)
				return; /* the window is shut */
		}
		bytes -= n;
	}
}

static void serve(uint16_t sid, const char *text)
{
	app_server_frame(server, sid, FRAME_MESSAGE, PPID_STRING, SPAN_STR(text));
}

static void serve_much(uint16_t sid, size_t bytes)
{
	static uint8_t piece[16 * KIB];

	for (; bytes > 0; bytes -= bytes < sizeof(piece) ? bytes : sizeof(piece))
		app_server_frame(server, sid, FRAME_MESSAGE, PPID_BINARY,
			SPAN(piece, bytes < sizeof(piece) ? bytes : sizeof(piece)));
}

static const struct heard *find(unsigned type, uint16_t sid)
{
	const struct heard *h;

	for (unsigned i = 0; (h = app_server_heard(server, i)) != NULL && i < HEARD_MAX; i++)
		if (h->type == type && h->sid == sid)
			return h;
	return NULL;
}

static const char *failure(void)
{
	const struct seen *s = world_last(w, p, RELAY_EVENT_MDC_FAILED);

	return s != NULL ? s->detail : "";
}

static enum close_reason closed_by(uint16_t sid)
{
	for (unsigned i = w->seen_count; i-- > 0;)
		if (w->seen[i].type == RELAY_EVENT_CHANNEL_CLOSED && w->seen[i].sid == sid)
			return w->seen[i].reason;
	return CLOSE_NONE;
}

static void view(struct media_view *out)
{
	phone_view(p, out);
	ck_assert(out->has_link);
}

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

/* ---- servers that do otherwise ---- */

START_TEST(server_that_refuses_is_tried_again_ever_later_and_told_of_once)
{
	static const unsigned tries_after[] = { 1, 1, 2, 2, 3, 3, 3, 3, 4 }; /* 0 1 3 7 s */

	begin_with(__func__, small_queues, NULL);
	ways->refuses = "connection refused";
	call(&three);
	for (unsigned s = 0; s < sizeof(tries_after) / sizeof(tries_after[0]); s++) {
		ck_assert_uint_ge(app_server_conns(server), tries_after[s]);
		world_run(w, 1);
	}
	ck_assert_uint_le(app_server_conns(server), 5);
	world_run(w, 120);
	ck_assert_uint_le(app_server_conns(server), 11);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 1);
	ck_assert_str_eq(failure(), "TCP 198.51.100.7:7000: connection refused");
	ck_assert_uint_eq(p->channels_closed, 0);
	ways->refuses = NULL;
	say(1000, "at last");
	world_run(w, 31);
	ck_assert_str_eq(find(FRAME_MESSAGE, 1000)->text, "at last");
	end();
}
END_TEST

START_TEST(connection_that_breaks_resets_reliable_channels_and_comes_back)
{
	struct media_view v;

	begin(__func__);
	say(1000, "a");
	say(1001, "b");
	world_run(w, 0.2);
	app_server_break(server, "the peer reset the connection");
	world_run(w, 0.5);
	ck_assert_int_eq(closed_by(1000), CLOSE_SERVER_LOST);
	ck_assert_int_eq(closed_by(1002), CLOSE_SERVER_LOST);
	ck_assert_int_eq(closed_by(1001), CLOSE_NONE);
	view(&v);
	ck_assert_int_eq(v.link.state, LINK_WAITING);
	ck_assert_str_eq(v.link.failure, "the peer reset the connection");
	say(1001, "meanwhile");
	world_run(w, 2);
	ck_assert_uint_eq(app_server_conns(server), 2);
	ck_assert_int_eq(find(FRAME_HELLO, 0)->conn, 1);
	ck_assert_int_eq(find(FRAME_OPEN, 1001)->conn, 1);
	ck_assert_int_eq(find(FRAME_OPEN, 1000)->conn, 1);
	ck_assert_str_eq(find(FRAME_MESSAGE, 1001)->text, "meanwhile");
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 1);
	view(&v);
	ck_assert_int_eq(v.link.state, LINK_OPEN);
	ck_assert_ptr_null(v.link.failure);
	end();
}
END_TEST

static const struct {
	const char *name;
	uint8_t wire[16];
	size_t len;
	const char *why;
} nonsense[] = {
	{ "garbage", "HTTP/1.1 200 OK", 15, "it sent a frame of impossible length" },
	{ "short", { 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0 }, 12,
		"it sent a frame of impossible length" },
	{ "open", { 0, 0, 0, 8, 3, 232, 0, 1, 0, 0, 0, 0 }, 12,
		"it wants to open a channel, which only phones do" },
	{ "hello", { 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 1 }, 12,
		"it sent a HELLO, which only the gateway does" },
	{ "fat close", { 0, 0, 0, 9, 3, 232, 0, 2, 0, 0, 0, 0, 1 }, 13,
		"it sent a CLOSE with a payload" },
	{ "stream", { 0, 0, 0, 9, 255, 255, 0, 0, 0, 0, 0, 51, 'x' }, 13,
		"it sent a stream id that cannot be" },
};

START_TEST(server_that_answers_nonsense_loses_its_connection)
{
	int64_t bad = counter_value[CNT_link_frames_bad_total];
	char expected[128];

	begin(nonsense[_i].name);
	app_server_say(server, SPAN(nonsense[_i].wire, nonsense[_i].len));
	world_run(w, 0.5);
	ck_assert_int_eq(counter_value[CNT_link_frames_bad_total], bad + 1);
	snprintf(expected, sizeof(expected), "TCP 198.51.100.7:7000: %s", nonsense[_i].why);
	ck_assert_str_eq(failure(), expected);
	world_run(w, 2);
	ck_assert_uint_eq(app_server_conns(server), 2);
	end();
}
END_TEST

START_TEST(frame_of_an_unknown_type_is_skipped)
{
	begin(__func__);
	app_server_frame(server, 65535, 77, 9, SPAN_LIT("from a later version"));
	serve(1000, "behind it");
	world_run(w, 0.2);
	ck_assert_str_eq(got.text, "behind it");
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 0);
	end();
}
END_TEST

START_TEST(message_on_a_stream_that_is_not_open_is_dropped_and_the_server_told_once)
{
	int64_t unknown = counter_value[CNT_link_stream_unknown_total];

	begin(__func__);
	ways->never_closes = true;
	for (int i = 0; i < 5; i++)
		serve(7, "anybody?");
	serve(1000, "behind it");
	world_run(w, 0.5);
	ck_assert_str_eq(got.text, "behind it");
	ck_assert_uint_eq(app_server_count(server, FRAME_CLOSE), 1);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 1);
	ck_assert_int_eq(counter_value[CNT_link_stream_unknown_total], unknown + 1);
	app_server_frame(server, 7, FRAME_CLOSE, 0, SPAN_NONE);
	app_server_frame(server, 7, FRAME_CLOSE, 0, SPAN_NONE); /* once too often */
	world_run(w, 0.2);
	ck_assert_int_eq(counter_value[CNT_link_stream_unknown_total], unknown + 2);
	ck_assert_uint_eq(app_server_conns(server), 1);
	end();
}
END_TEST

START_TEST(message_that_is_larger_than_the_phone_takes_is_refused)
{
	static uint8_t large[256 * KIB];
	int64_t refused = counter_value[CNT_messages_refused_total];
	size_t len = _i < 2 ? 65 * KIB : sizeof(large); /* the phone's bound, and ours */
	uint16_t sid = _i % 2 == 0 ? 1000 : 1001;

	begin(__func__);
	app_server_frame(server, sid, FRAME_MESSAGE, PPID_BINARY, SPAN(large, len));
	serve(1002, "behind it");
	world_run(w, 1);
	ck_assert_str_eq(got.text, "behind it");
	ck_assert_int_eq(counter_value[CNT_messages_refused_total], refused + 1);
	ck_assert_int_eq(closed_by(sid), sid == 1000 ? CLOSE_MESSAGE_SIZE : CLOSE_NONE);
	ck_assert_str_eq(failure(), "TCP 198.51.100.7:7000: a message of the server is larger "
				    "than the phone takes");
	end();
}
END_TEST

START_TEST(message_that_is_larger_than_the_server_takes_is_refused)
{
	struct media_view v;

	to = (struct link_spec){ .protocol = LINK_TCP, .hop = HOP_MDC2, .max_message = 1000 };
	addr_parse(SPAN_LIT("198.51.100.7:7000"), &to.remote);
	begin(__func__);
	view(&v);
	ck_assert_uint_eq(v.max_message, 1000);
	say_much(1001, 1000);
	world_run(w, 0.2);
	ck_assert_uint_eq(app_server_bytes(server), 1000);
	end();
}
END_TEST

START_TEST(message_with_an_impossible_ppid_is_dropped)
{
	begin(__func__);
	app_server_frame(server, 1000, FRAME_MESSAGE, PPID_DCEP, SPAN_LIT("\x03"));
	app_server_frame(server, 1000, FRAME_MESSAGE, PPID_STRING_EMPTY, SPAN_LIT("not empty"));
	serve(1000, "good");
	world_run(w, 0.2);
	ck_assert_uint_eq(got.count, 1);
	ck_assert_str_eq(got.text, "good");
	end();
}
END_TEST

/* ---- the controller ---- */

START_TEST(another_endpoint_is_connected_to_at_once)
{
	struct media_view v;

	begin(__func__);
	addr_parse(SPAN_LIT("198.51.100.8:7001"), &to.remote);
	ck_assert(phone_update(p));
	world_run(w, 0.5);
	ck_assert_uint_eq(app_server_conns(server), 2);
	ck_assert(addr_eq(&app_server_called(server)->remote, &to.remote));
	view(&v);
	ck_assert_int_eq(v.link.state, LINK_OPEN);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 0);
	ck_assert(phone_update(p)); /* the same again changes nothing */
	world_run(w, 0.5);
	ck_assert_uint_eq(app_server_conns(server), 2);
	end();
}
END_TEST

START_TEST(word_of_the_controller_ends_the_wait_for_the_next_try)
{
	begin_with(__func__, small_queues, NULL);
	ways->refuses = "connection refused";
	call(&three);
	world_run(w, 60);
	ways->refuses = NULL;
	ck_assert(phone_update(p));
	world_run(w, 0.5);
	ck_assert(app_server_is_connected(server));
	end();
}
END_TEST

START_TEST(server_that_is_named_later_is_connected_to_then)
{
	begin_with(__func__, small_queues, NULL);
	to.remote = (struct addr){ 0 };
	call(&three);
	say(1000, "early");
	world_run(w, 5);
	ck_assert_uint_eq(app_server_conns(server), 0);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 0);
	addr_parse(SPAN_LIT("198.51.100.7:7000"), &to.remote);
	ck_assert(phone_update(p));
	world_run(w, 0.5);
	ck_assert_str_eq(find(FRAME_MESSAGE, 1000)->text, "early");
	end();
}
END_TEST

START_TEST(end_of_the_association_ends_the_connection_and_a_new_one_makes_a_new_one)
{
	begin(__func__);
	say(1000, "last words");
	ue_close(p->ue, sim_now());
	p->touched = true;
	world_run(w, 3);
	ck_assert(app_server_was_finished(server));
	ck_assert_ptr_nonnull(find(FRAME_MESSAGE, 1000));
	ck_assert_uint_eq(app_server_conns(server), 1);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 0);
	end();
}
END_TEST

START_TEST(tls_and_its_name_and_fingerprints_reach_the_world)
{
	static struct fingerprint prints[2] = { { .hash = HASH_SHA256, .len = 32, .md = { 1 } } };
	static char name[] = "as.example";
	struct media_view v;

	to = (struct link_spec){ .protocol = LINK_TLS,
		.hop = HOP_MDC1,
		.server_name = name,
		.fingerprints = prints,
		.fingerprint_count = 2 };
	addr_parse(SPAN_LIT("198.51.100.7:7000"), &to.remote);
	begin(__func__);
	ck_assert_uint_eq(app_server_called(server)->fingerprint_count, 2);
	view(&v);
	ck_assert_str_eq(v.link.protection, "TLSv1.3 TLS_AES_128_GCM_SHA256");
	prints[0].md[0]++; /* another certificate: connect anew */
	ck_assert(phone_update(p));
	world_run(w, 0.5);
	ck_assert_uint_eq(app_server_conns(server), 2);
	end();
}
END_TEST

/* ---- UDP ---- */

static void begin_udp(const char *name)
{
	static struct phone_options one = { .streams = streams, .stream_count = 1 };

	to = (struct link_spec){ .protocol = LINK_UDP, .hop = HOP_MDC2, .max_message = 65507 };
	addr_parse(SPAN_LIT("198.51.100.7:7000"), &to.remote);
	begin_with(name, small_queues, &one);
}

START_TEST(over_udp_each_message_is_a_datagram)
{
	begin_udp(__func__);
	ck_assert_uint_eq(app_server_count(server, -1), 0); /* no HELLO, no OPEN */
	say(1000, "ping");
	world_run(w, 0.2);
	ck_assert_uint_eq(app_server_count(server, -1), 1);
	ck_assert_str_eq(app_server_heard(server, 0)->text, "ping");
	app_server_frame(server, 0, 0, 0, SPAN_LIT("pong"));
	world_run(w, 0.2);
	ck_assert_str_eq(got.text, "pong");
	ck_assert_uint_eq(got.ppid, PPID_BINARY);
	ck_assert_uint_eq(got.sid, 1000);
	end();
}
END_TEST

START_TEST(udp_server_that_is_not_there_closes_no_channel)
{
	begin_udp(__func__);
	say(1000, "ping");
	world_run(w, 0.2);
	app_server_break(server, "connection refused");
	world_run(w, 0.2);
	ck_assert_str_eq(failure(), "UDP 198.51.100.7:7000: connection refused");
	ck_assert_int_eq(closed_by(1000), CLOSE_NONE);
	say(1000, "again");
	world_run(w, 2);
	ck_assert_str_eq(app_server_heard(server, 0)->text, "again");
	end();
}
END_TEST

/* ---- memory ---- */

/* A call with traffic both ways, a channel that ends, a connection that breaks. */
static void whole_call(int protocol)
{
	struct phone_options o = three;

	to.protocol = (uint8_t)protocol;
	o.application = true;
	o.server = &to;
	o.stream_count = protocol == LINK_UDP ? 1 : 3;
	p = phone_create(w, &o);
	p->heard = heard;
	ways->echo = true;
	ways->deaf = false;
	if (phone_call(p, NULL)) {
		world_run(w, 1.5);
		for (int i = 0; i < 3; i++)
			say(1000, "hello");
		world_run(w, 0.2);
		ways->deaf = true;
		say_much(1000, 40 * KIB);
		ue_close_channel(p->ue, sim_now(), 1000);
		p->touched = true;
		world_run(w, 0.5);
		if (app_server_is_connected(server))
			app_server_break(server, "the peer reset the connection");
		world_run(w, 1.5);
		phone_hang_up(p);
	}
	phone_destroy(p);
	world_run(w, 3);
}

START_TEST(every_failed_allocation_is_survived)
{
	begin_with(__func__, small_queues, NULL);
	world_sweep(w, whole_call, _i, _i == LINK_UDP ? 25 : 50);
	world_finish(w);
	to = (struct link_spec){ 0 };
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
	tcase_add_test(tc, slow_server_gets_everything_within_the_bound);
	tcase_add_test(
		tc, phone_that_does_not_read_keeps_the_server_waiting_and_gets_everything_later);
	tcase_add_loop_test(tc,
		phone_that_does_not_read_for_long_loses_reliable_channels_and_old_messages_of_others,
		0, 2);
	tcase_add_test(tc, server_that_refuses_is_tried_again_ever_later_and_told_of_once);
	tcase_add_test(tc, connection_that_breaks_resets_reliable_channels_and_comes_back);
	tcase_add_loop_test(tc, server_that_answers_nonsense_loses_its_connection, 0,
		sizeof(nonsense) / sizeof(nonsense[0]));
	tcase_add_test(tc, frame_of_an_unknown_type_is_skipped);
	tcase_add_test(
		tc, message_on_a_stream_that_is_not_open_is_dropped_and_the_server_told_once);
	tcase_add_loop_test(tc, message_that_is_larger_than_the_phone_takes_is_refused, 0, 4);
	tcase_add_test(tc, message_that_is_larger_than_the_server_takes_is_refused);
	tcase_add_test(tc, message_with_an_impossible_ppid_is_dropped);
	tcase_add_test(tc, another_endpoint_is_connected_to_at_once);
	tcase_add_test(tc, word_of_the_controller_ends_the_wait_for_the_next_try);
	tcase_add_test(tc, server_that_is_named_later_is_connected_to_then);
	tcase_add_test(
		tc, end_of_the_association_ends_the_connection_and_a_new_one_makes_a_new_one);
	tcase_add_test(tc, tls_and_its_name_and_fingerprints_reach_the_world);
	tcase_add_test(tc, over_udp_each_message_is_a_datagram);
	tcase_add_test(tc, udp_server_that_is_not_there_closes_no_channel);
	tcase_add_loop_test(tc, every_failed_allocation_is_survived, LINK_TCP, LINK_UDP + 1);
}

int main(void)
{
	return world_main("link", add);
}
