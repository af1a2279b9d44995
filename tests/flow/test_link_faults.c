/*
 * test_link_faults.c: application servers that refuse, break, or talk nonsense; what the controller
 * changes; memory that runs out.
 *
 *     phone ══ DTLS, SCTP ══ relay ══ TCP, TCP/TLS or UDP ══ server (app_server.h)
 */
#include <stdio.h>

#include "dcmf/base/counters.h"
#include "sctp/dcep.h"
#include "tests/flow/served.h"

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

static bool is_connected(struct world *world)
{
	(void)world;
	return app_server_is_connected(server);
}

/* How long the server waits for the next connection after it has broken this one. */
static double pause_after_break(void)
{
	tick_t broken = sim_now();

	app_server_break(server, "the peer reset the connection");
	world_run(w, 0.1);
	ck_assert(world_until(w, 40, is_connected));
	return (double)tick_since(broken, sim_now()) / (double)TICK_S(1);
}

START_TEST(only_a_connection_that_lasts_is_followed_by_a_short_pause)
{
	double pause;

	begin(__func__);
	for (int expected = 1; expected <= 8; expected *= 2) {
		pause = pause_after_break();
		ck_assert_double_ge(pause, expected);
		ck_assert_double_lt(pause, expected + 0.5);
	}
	world_run(w, 29);
	ck_assert_double_ge(pause_after_break(), 16);
	world_run(w, 31);
	pause = pause_after_break();
	ck_assert_double_ge(pause, 1);
	ck_assert_double_lt(pause, 1.5);
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

static void flood(void)
{
	for (uint16_t sid = 100; sid < 1000; sid++)
		serve(sid, "anybody?");
}

START_TEST(server_that_floods_strange_streams_is_counted_and_told_of_ten_times_a_connection)
{
	int64_t unknown = counter_value[CNT_link_stream_unknown_total];

	begin(__func__);
	ways->never_closes = true;
	flood();
	serve(1000, "behind it");
	world_run(w, 1);
	ck_assert_str_eq(got.text, "behind it");
	ck_assert_int_eq(counter_value[CNT_link_stream_unknown_total], unknown + 900);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 10);
	ck_assert_uint_eq(app_server_conns(server), 1);
	app_server_break(server, "the peer reset the connection");
	world_run(w, 2);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 11);
	flood();
	world_run(w, 1);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 21);
	ck_assert_uint_eq(app_server_conns(server), 2);
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

/* The controller says so; the phone is not told. */
static void server_takes_less(uint32_t bytes)
{
	struct context_spec spec;

	to.max_message = bytes;
	phone_spec(p, &spec);
	ck_assert(world_update_context(w, p->context_id, &spec));
	context_spec_finish(&spec);
}

START_TEST(message_that_is_larger_than_the_server_takes_is_refused)
{
	int64_t refused = counter_value[CNT_messages_refused_total];
	struct media_view v;

	to = (struct link_spec){ .protocol = LINK_TCP, .hop = HOP_MDC2, .max_message = 1000 };
	addr_parse(SPAN_LIT("198.51.100.7:7000"), &to.remote);
	begin(__func__);
	view(&v);
	ck_assert_uint_eq(v.max_message, 1000);
	say_much(1001, 1000);
	world_run(w, 0.2);
	ck_assert_uint_eq(app_server_bytes(server), 1000);
	server_takes_less(999);
	say_much(1001, 1000);
	world_run(w, 0.2);
	ck_assert_uint_eq(app_server_bytes(server), 1000);
	ck_assert_int_eq(counter_value[CNT_messages_refused_total], refused + 1);
	ck_assert_str_eq(failure(), "TCP 198.51.100.7:7000: a message of the phone is larger than "
				    "the server takes");
	ck_assert_int_eq(closed_by(1001), CLOSE_NONE);
	say_much(1000, 1000); /* where none may be lost the channel ends */
	world_run(w, 0.2);
	ck_assert_int_eq(closed_by(1000), CLOSE_MESSAGE_SIZE);
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
	ue_renew(p->ue, NULL);
	ck_assert_int_eq(ue_connect(p->ue, sim_now(), &p->remote), ERR_OK);
	p->touched = true;
	ck_assert(world_until(w, 10, all_up));
	world_run(w, 0.2);
	ck_assert_uint_eq(app_server_conns(server), 2);
	ck_assert_int_eq(find(FRAME_OPEN, 1000)->conn, 1);
	say(1000, "first words");
	world_run(w, 0.2);
	ck_assert_str_eq(find(FRAME_MESSAGE, 1000)->text, "first words");
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
	ck_assert(phone_update(p)); /* the same again changes nothing */
	world_run(w, 0.5);
	ck_assert_uint_eq(app_server_conns(server), 1);
	prints[0].md[0]++; /* another certificate: connect anew */
	ck_assert(phone_update(p));
	world_run(w, 0.5);
	ck_assert_uint_eq(app_server_conns(server), 2);
	name[0] = 'b'; /* it shall prove another name: likewise */
	ck_assert(phone_update(p));
	world_run(w, 0.5);
	ck_assert_uint_eq(app_server_conns(server), 3);
	ck_assert_str_eq(app_server_called(server)->server_name, "bs.example");
	name[0] = 'a';
	prints[0].md[0]--;
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
static void whole_call(struct world *world, const void *arg)
{
	const uint8_t *protocol = arg;
	struct phone_options o = three;

	to.protocol = *protocol;
	o.application = true;
	o.server = &to;
	o.stream_count = *protocol == LINK_UDP ? 1 : 3;
	p = phone_create(world, &o);
	p->heard = hear;
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

/*
 *     phone ── 1001, partially reliable ──► queue ──► server that is not there yet
 *     phone that does not read ◄── queue ◄── 1001 ── server
 */
START_TEST(message_that_finds_no_memory_to_wait_in_is_lost_and_counted)
{
	int64_t dropped = counter_value[CNT_messages_dropped_total];
	unsigned said = 0, before = 0, heard;

	begin_with(__func__, small_queues, NULL);
	ways->hangs = _i == 0;
	call(&three);
	if (_i == 1)
		ue_hold(p->ue, true);
	for (; _i == 1 && counter_value[CNT_buffered_bytes] == 0; before++) {
		serve_much(1001, 16 * KIB); /* one message */
		world_run(w, 0.1);
	}
	for (w->failed = true; w->failed; said++) {
		ck_assert_uint_lt(said, 100);
		w->fail_at = said + 1;
		w->failed = false;
		if (_i == 0)
			say(1001, "does it fit?");
		else
			serve(1001, "does it fit?");
		world_run(w, 0.2);
		w->fail_at = 0;
	}
	dropped = counter_value[CNT_messages_dropped_total] - dropped;
	ck_assert_int_gt(dropped, 0);
	ck_assert_int_eq(closed_by(1001), CLOSE_NONE);
	if (_i == 0) {
		app_server_break(server, "no answer in 5 s");
		ways->hangs = false;
	} else {
		ue_hold(p->ue, false);
		p->touched = true;
	}
	world_run(w, 30);
	heard = _i == 0 ? app_server_count(server, FRAME_MESSAGE) : got.count;
	ck_assert_int_eq(heard + dropped, before + said);
	end();
}
END_TEST

START_TEST(every_failed_allocation_is_survived)
{
	uint8_t protocol = (uint8_t)_i;

	begin_with(__func__, small_queues, NULL);
	world_sweep(w, whole_call, &protocol, _i == LINK_UDP ? 25 : 50);
	world_finish(w);
	to = (struct link_spec){ 0 };
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, server_that_refuses_is_tried_again_ever_later_and_told_of_once);
	tcase_add_test(tc, connection_that_breaks_resets_reliable_channels_and_comes_back);
	tcase_add_test(tc, only_a_connection_that_lasts_is_followed_by_a_short_pause);
	tcase_add_loop_test(tc, server_that_answers_nonsense_loses_its_connection, 0,
		sizeof(nonsense) / sizeof(nonsense[0]));
	tcase_add_test(tc, frame_of_an_unknown_type_is_skipped);
	tcase_add_test(
		tc, message_on_a_stream_that_is_not_open_is_dropped_and_the_server_told_once);
	tcase_add_test(tc,
		server_that_floods_strange_streams_is_counted_and_told_of_ten_times_a_connection);
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
	tcase_add_loop_test(tc, message_that_finds_no_memory_to_wait_in_is_lost_and_counted, 0, 2);
	tcase_add_loop_test(tc, every_failed_allocation_is_survived, LINK_TCP, LINK_UDP + 1);
}

int main(void)
{
	return world_main("link_faults", add);
}
