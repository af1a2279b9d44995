/* test_h2_session.c: requests and answers of HTTP/2, and what a peer may not make us hold or do. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/io/h2_client.h"
#include "tests/unit/main.h"

static void set_up(void)
{
	limits = h2_usual_limits;
	open_pair();
	ck_assert_ptr_nonnull(session);
	talk();
}

START_TEST(a_request_comes_whole_and_its_answer_goes_back)
{
	int32_t id = ask("POST", "/nmf-mrm/v1/contexts", 1000);

	talk();
	ck_assert_uint_eq(request_count, 1);
	ck_assert_str_eq(requests[0].line, "POST http mf1 /nmf-mrm/v1/contexts yes");
	ck_assert_uint_eq(requests[0].body, 1000);
	ck_assert_int_eq(requests[0].excess, H2_NO_EXCESS);
	ck_assert_int_eq(replies[id].status, 200);
	ck_assert_str_eq(replies[id].text, "aaaaa");
	ck_assert_str_eq(replies[id].location, "/here");
	ck_assert(replies[id].is_complete && !replies[id].is_reset);
	ck_assert_uint_eq(held, 0);
}
END_TEST

START_TEST(answers_may_come_late_and_in_any_order)
{
	int32_t first, second;

	answers_at_once = false;
	first = ask("POST", "/1", 10);
	second = ask("DELETE", "/2", 0);
	talk();
	ck_assert_uint_eq(request_count, 2);
	answer(second, 204, 0);
	talk();
	ck_assert_int_eq(replies[second].status, 204);
	ck_assert(replies[second].is_complete && !replies[first].is_complete);
	answer(first, 201, 3);
	talk();
	ck_assert_int_eq(replies[first].status, 201);
	answer(first, 500, 0); /* twice, and to nobody */
	answer(77, 500, 0);
	talk();
	ck_assert_int_eq(replies[first].status, 201);
	ck_assert_int_eq(goaway_code, -1);
}
END_TEST

START_TEST(large_bodies_and_answers_go_through)
{
	int32_t id = ask("POST", "/", limits.body);

	answers_at_once = false;
	talk();
	ck_assert_uint_eq(requests[0].body, limits.body);
	ck_assert_int_eq(requests[0].excess, H2_NO_EXCESS);
	answer(id, 200, 1 << 20);
	talk();
	ck_assert_uint_eq(replies[id].body, 1 << 20);
	ck_assert(replies[id].is_complete);
}
END_TEST

START_TEST(a_body_that_is_too_large_is_answered_before_it_is_whole)
{
	int32_t id = ask("POST", "/", 10 << 20), next;

	talk();
	ck_assert_uint_eq(request_count, 1);
	ck_assert_int_eq(requests[0].excess, H2_BODY_TOO_LARGE);
	ck_assert_uint_eq(requests[0].body, 0);
	ck_assert_int_eq(replies[id].status, 413);
	ck_assert(replies[id].is_complete && !replies[id].is_reset);
	next = ask("POST", "/", 10);
	talk();
	ck_assert_int_eq(replies[next].status, 200);
	ck_assert_int_eq(goaway_code, -1);
}
END_TEST

START_TEST(a_body_announced_too_large_is_not_waited_for)
{
	int32_t id = ask_unfinished("/", limits.body + 1);

	talk();
	ck_assert_int_eq(requests[0].excess, H2_BODY_TOO_LARGE);
	ck_assert_int_eq(replies[id].status, 413);
	wait_us(limits.taking_us - 1);
	ck_assert(!replies[id].is_reset); /* it may still send the rest */
	wait_us(1);
	ck_assert(replies[id].is_reset);
	ck_assert_uint_eq(replies[id].reset_code, NGHTTP2_NO_ERROR);
}
END_TEST

START_TEST(a_head_that_is_too_large_is_handed_over_as_such)
{
	static char path[20000];
	int32_t id;

	memset(path, '/', sizeof(path) - 1);
	id = ask("GET", path, 0);
	talk();
	ck_assert_int_eq(requests[0].excess, H2_HEAD_TOO_LARGE);
	ck_assert_int_eq(replies[id].status, 413);
	ck_assert_int_eq(goaway_code, -1);
}
END_TEST

START_TEST(what_all_bodies_together_hold_is_bounded)
{
	int32_t id;

	close_pair();
	limits.held = 40000;
	open_pair();
	ask_unfinished("/1", 0);
	id = ask("POST", "/", 50000);
	talk();
	ck_assert_uint_eq(request_count, 1);
	ck_assert_int_eq(requests[0].excess, H2_NO_ROOM);
	ck_assert_int_eq(replies[id].status, 413);
	ck_assert_uint_le(held, limits.held);
}
END_TEST

START_TEST(requests_beyond_the_allowed_are_refused_and_the_others_are_served)
{
	close_pair();
	limits.streams = 8;
	open_pair();
	is_deaf = true; /* it does not know our SETTINGS yet */
	talk();
	answers_at_once = false;
	for (int32_t id = 1; id < 24; id += 2)
		say_get(id);
	overhear();
	ck_assert_uint_eq(request_count, 8);
	ck_assert(!replies[15].is_reset && replies[17].is_reset && replies[23].is_reset);
	ck_assert_uint_eq(replies[17].reset_code, NGHTTP2_REFUSED_STREAM);
	ck_assert_int_eq(goaway_code, -1);
}
END_TEST

START_TEST(a_request_taken_back_is_told_once)
{
	int32_t id;

	answers_at_once = false;
	id = ask("POST", "/", 10);
	talk();
	nghttp2_submit_rst_stream(client, 0, id, NGHTTP2_CANCEL);
	talk();
	ck_assert_uint_eq(gone_count, 1);
	answer(id, 200, 5);
	talk();
	ck_assert_int_eq(replies[id].status, 0);
	ck_assert_uint_eq(held, 0);
}
END_TEST

/* ---- floods ---- */

static const uint8_t ping[8], window[4] = { 0, 0, 0, 1 };

static const struct flood {
	uint8_t type, flags;
	int32_t stream;
	const void *payload;
	size_t len;
} floods[] = {
	{ NGHTTP2_PING, 0, 0, ping, sizeof(ping) },
	{ NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, ping, sizeof(ping) },
	{ NGHTTP2_SETTINGS, 0, 0, NULL, 0 },
	{ NGHTTP2_WINDOW_UPDATE, 0, 0, window, sizeof(window) },
	{ NGHTTP2_DATA, 0, 1, NULL, 0 },
};

static unsigned flood_with(const struct flood *f, unsigned most)
{
	unsigned n = 0;

	for (; n < most && goaway_code < 0 && !h2_session_is_over(session); n++) {
		say_frame(f->type, f->flags, f->stream, f->payload, f->len);
		overhear();
	}
	return n;
}

START_TEST(a_flood_ends_the_connection)
{
	const struct flood *f = &floods[_i];

	ask_unfinished("/", 0);
	talk();
	ck_assert_uint_le(flood_with(f, limits.idle_talk + 100), limits.idle_talk + 10);
	ck_assert_int_eq(goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
	ck_assert(strstr(h2_session_failure(session), "too many") != NULL);
	ck_assert(h2_session_is_over(session));
}
END_TEST

START_TEST(the_same_frames_at_an_honest_pace_are_welcome)
{
	const struct flood *f = &floods[_i];

	ask_unfinished("/", 0);
	talk();
	for (unsigned i = 0; i < 2 * limits.idle_talk; i++) {
		now = tick_add(now, TICK_S(1) / limits.idle_talk_rate + 1);
		say_frame(f->type, f->flags, f->stream, f->payload, f->len);
		overhear();
	}
	ck_assert_int_eq(goaway_code, -1);
}
END_TEST

START_TEST(acknowledgements_that_nobody_reads_end_the_connection)
{
	is_deaf = true;
	for (unsigned i = 0; i < 2000 && h2_session_failure(session)[0] == '\0'; i++)
		say_frame(NGHTTP2_PING, 0, 0, ping, sizeof(ping));
	ck_assert_str_eq(
		h2_session_failure(session), "the peer does not read our acknowledgements");
	is_deaf = false;
}
END_TEST

START_TEST(requests_taken_back_by_the_hundred_end_the_connection)
{
	answers_at_once = false;
	for (unsigned i = 0; i < limits.resets + 10 && goaway_code < 0; i++) {
		int32_t id = ask("POST", "/", 10);

		if (id < 0)
			break;
		talk();
		nghttp2_submit_rst_stream(client, 0, id, NGHTTP2_CANCEL);
		talk();
	}
	ck_assert_int_eq(goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
	ck_assert_uint_le(request_count, limits.resets + 2);
	ck_assert_uint_eq(gone_count, request_count);
}
END_TEST

START_TEST(a_header_block_that_does_not_end_ends_the_connection)
{
	static const uint8_t get[] = { 0x82 };
	static uint8_t more[1000];

	memset(more, 0x82, sizeof(more));
	say_frame(NGHTTP2_HEADERS, 0, 1, get, sizeof(get));
	for (int i = 0; i < 100 && !h2_session_is_over(session); i++) {
		say_frame(NGHTTP2_CONTINUATION, 0, 1, more, sizeof(more));
		talk();
	}
	ck_assert(h2_session_is_over(session));
	ck_assert_uint_eq(request_count, 0);
}
END_TEST

START_TEST(a_header_block_that_is_no_hpack_ends_the_connection)
{
	static const uint8_t nonsense[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	say_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, nonsense, sizeof(nonsense));
	talk();
	ck_assert_int_eq(goaway_code, NGHTTP2_COMPRESSION_ERROR);
	ck_assert(h2_session_is_over(session));
}
END_TEST

START_TEST(a_request_that_is_not_http_is_reset_and_the_connection_lives)
{
	static const uint8_t get_only[] = { 0x82 }; /* :method: GET and nothing else */

	say_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, get_only,
		sizeof(get_only));
	overhear();
	ck_assert(replies[1].is_reset);
	ck_assert_uint_eq(request_count, 0);
	say_get(3);
	overhear();
	ck_assert_uint_eq(request_count, 1);
	ck_assert_str_eq(requests[0].line, "GET http mf1 / ");
	ck_assert_int_eq(goaway_code, -1);
}
END_TEST

START_TEST(a_peer_that_does_not_speak_http_2_is_found_out)
{
	close_pair();
	open_pair();
	h2_session_feed(session, now, SPAN_LIT("GET / HTTP/1.1\r\nHost: mf1\r\n\r\n"));
	ck_assert_str_eq(h2_session_failure(session), "the peer does not speak HTTP/2");
}
END_TEST

/* ---- patience ---- */

START_TEST(a_body_that_does_not_come_is_not_waited_for_and_others_are_served)
{
	int32_t slow = ask_unfinished("/", 0), other;

	talk();
	wait_us(limits.request_us - 1);
	ck_assert(!replies[slow].is_reset);
	wait_us(1);
	ck_assert(replies[slow].is_reset);
	ck_assert_uint_eq(replies[slow].reset_code, NGHTTP2_CANCEL);
	ck_assert_uint_eq(request_count, 0);
	other = ask("POST", "/", 10);
	talk();
	ck_assert_int_eq(replies[other].status, 200);
}
END_TEST

START_TEST(a_head_that_does_not_come_ends_the_connection)
{
	static const uint8_t get[] = { 0x82 };

	say_frame(NGHTTP2_HEADERS, 0, 1, get, sizeof(get));
	wait_us(limits.request_us);
	ck_assert_int_eq(goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
	ck_assert(h2_session_is_over(session));
}
END_TEST

START_TEST(an_answer_that_is_not_taken_is_given_up)
{
	int32_t id;

	answers_at_once = false;
	id = ask("POST", "/", 10);
	talk();
	answer(id, 200, 1 << 20);
	nghttp2_session_set_local_window_size(client, 0, id, 100);
	is_deaf = true;
	now = tick_add(now, limits.taking_us);
	h2_session_expire(session, now);
	is_deaf = false;
	talk();
	ck_assert(replies[id].is_reset);
	ck_assert_uint_eq(held, 0);
	ck_assert_uint_eq(gone_count, 0);
}
END_TEST

START_TEST(an_answer_under_way_for_long_is_waited_for)
{
	int32_t id;

	answers_at_once = false;
	id = ask("POST", "/", 10);
	talk();
	wait_us(10 * limits.idle_us);
	answer(id, 200, 5);
	talk();
	ck_assert_int_eq(replies[id].status, 200);
}
END_TEST

START_TEST(an_idle_connection_is_ended_in_order)
{
	int32_t id = ask("POST", "/", 10);

	talk();
	ck_assert_int_eq(replies[id].status, 200);
	wait_us(limits.idle_us - 1);
	ck_assert_int_eq(goaway_code, -1);
	wait_us(2);
	ck_assert_int_eq(goaway_code, NGHTTP2_NO_ERROR);
	ck_assert(h2_session_is_over(session));
	ck_assert_str_eq(h2_session_failure(session), "");
}
END_TEST

START_TEST(a_peer_that_says_nothing_is_not_waited_for)
{
	close_pair();
	open_pair();
	now = tick_add(now, limits.greeting_us);
	ck_assert(tick_due(h2_session_deadline(session), now));
	h2_session_expire(session, now);
	h2_session_sent(session, h2_session_pending(session).len);
	ck_assert(h2_session_is_over(session));
	ck_assert(h2_session_failure(session)[0] != '\0');
}
END_TEST

START_TEST(bowing_out_finishes_what_is_under_way_and_takes_nothing_new)
{
	int32_t id, late;

	answers_at_once = false;
	id = ask("POST", "/", 10);
	talk();
	h2_session_bow_out(session);
	talk();
	ck_assert_int_eq(goaway_code, NGHTTP2_NO_ERROR);
	ck_assert(!h2_session_is_over(session));
	late = ask("POST", "/", 10);
	talk();
	ck_assert_uint_eq(request_count, 1);
	ck_assert_int_eq(replies[late > 0 ? late : 3].status, 0);
	answer(id, 200, 5);
	talk();
	ck_assert_int_eq(replies[id].status, 200);
	ck_assert(h2_session_is_over(session));
}
END_TEST

START_TEST(running_out_of_memory_costs_a_request_or_the_connection)
{
	close_pair();
	for (unsigned long n = 1;; n++) {
		bool failed;

		mem_fail_at(n);
		open_pair();
		if (session != NULL) {
			ask("POST", "/", 1000);
			talk();
		}
		failed = mem_failed();
		mem_fail_at(0);
		if (session != NULL && !failed)
			ck_assert_int_eq(replies[1].status, 200);
		close_pair();
		if (!failed)
			break;
	}
	open_pair();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("h2_session");
	TCase *t = tcase_create("h2_session");

	tcase_add_checked_fixture(t, set_up, close_pair);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_request_comes_whole_and_its_answer_goes_back);
	tcase_add_test(t, answers_may_come_late_and_in_any_order);
	tcase_add_test(t, large_bodies_and_answers_go_through);
	tcase_add_test(t, a_body_that_is_too_large_is_answered_before_it_is_whole);
	tcase_add_test(t, a_body_announced_too_large_is_not_waited_for);
	tcase_add_test(t, a_head_that_is_too_large_is_handed_over_as_such);
	tcase_add_test(t, what_all_bodies_together_hold_is_bounded);
	tcase_add_test(t, requests_beyond_the_allowed_are_refused_and_the_others_are_served);
	tcase_add_test(t, a_request_taken_back_is_told_once);
	tcase_add_loop_test(t, a_flood_ends_the_connection, 0, sizeof(floods) / sizeof(floods[0]));
	tcase_add_loop_test(t, the_same_frames_at_an_honest_pace_are_welcome, 0,
		sizeof(floods) / sizeof(floods[0]));
	tcase_add_test(t, acknowledgements_that_nobody_reads_end_the_connection);
	tcase_add_test(t, requests_taken_back_by_the_hundred_end_the_connection);
	tcase_add_test(t, a_header_block_that_does_not_end_ends_the_connection);
	tcase_add_test(t, a_header_block_that_is_no_hpack_ends_the_connection);
	tcase_add_test(t, a_request_that_is_not_http_is_reset_and_the_connection_lives);
	tcase_add_test(t, a_peer_that_does_not_speak_http_2_is_found_out);
	tcase_add_test(t, a_body_that_does_not_come_is_not_waited_for_and_others_are_served);
	tcase_add_test(t, a_head_that_does_not_come_ends_the_connection);
	tcase_add_test(t, an_answer_that_is_not_taken_is_given_up);
	tcase_add_test(t, an_answer_under_way_for_long_is_waited_for);
	tcase_add_test(t, an_idle_connection_is_ended_in_order);
	tcase_add_test(t, a_peer_that_says_nothing_is_not_waited_for);
	tcase_add_test(t, bowing_out_finishes_what_is_under_way_and_takes_nothing_new);
	tcase_add_test(t, running_out_of_memory_costs_a_request_or_the_connection);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
