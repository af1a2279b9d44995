/* test_server.c: what the generator's own application servers say. */
#include "tests/unit/main.h"

#include <stdio.h>
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/span.h"
#include "tools/dcsf/synthetic.h"
#include "tools/load/server_parts.h"

static struct bytes in, out;

static void begin(void)
{
	in = (struct bytes){ .limit = 1 << 20 };
	out = (struct bytes){ .limit = 1 << 20 };
}

static void end(void)
{
	bytes_finish(&in);
	bytes_finish(&out);
	ck_assert_int_eq(mem_live(), 0);
}

/* A byte at a time: nothing may depend on where TCP cuts. */
static bool say(server_talk *talk, struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (!bytes_append(&in, SPAN(bytes.p + i, 1)) || !talk(&in, &out))
			return false;
	return true;
}

static void expect(struct span bytes)
{
	ck_assert_uint_eq(out.len, bytes.len);
	ck_assert_mem_eq(bytes_view(&out).p, bytes.p, bytes.len);
	bytes_take(&out, out.len);
}

/* ---- frames: bytes as FRAMING.md writes them ---- */

static const uint8_t hi[] = { 0, 0, 0, 10, 3, 0xe8, 0, 0, 0, 0, 0, 51, 'h', 'i' };

START_TEST(a_message_is_said_back)
{
	ck_assert(say(server_echo_frames, SPAN_OF(hi)));
	expect(SPAN_OF(hi));
	ck_assert_uint_eq(in.len, 0);
}
END_TEST

START_TEST(an_empty_message_is_said_back)
{
	static const uint8_t empty[] = { 0, 0, 0, 8, 3, 0xe8, 0, 0, 0, 0, 0, 56 };

	ck_assert(say(server_echo_frames, SPAN_OF(empty)));
	expect(SPAN_OF(empty));
}
END_TEST

START_TEST(a_close_is_answered_by_a_close_and_an_open_by_nothing)
{
	static const uint8_t hello[] = { 0, 0, 0, 9, 0, 0, 0, 3, 0, 0, 0, 1, 'x' };
	static const uint8_t open[] = { 0, 0, 0, 8, 3, 0xe8, 0, 1, 0, 1, 0, 0 };
	static const uint8_t close[] = { 0, 0, 0, 8, 3, 0xe8, 0, 2, 0, 0, 0, 0 };
	static const uint8_t unknown[] = { 0, 0, 0, 8, 3, 0xe8, 0, 99, 0, 0, 0, 0 };

	ck_assert(say(server_echo_frames, SPAN_OF(hello)));
	ck_assert(say(server_echo_frames, SPAN_OF(open)));
	ck_assert(say(server_echo_frames, SPAN_OF(unknown)));
	ck_assert_uint_eq(out.len, 0);
	ck_assert(say(server_echo_frames, SPAN_OF(close)));
	expect(SPAN_OF(close));
}
END_TEST

START_TEST(a_length_that_cannot_be_ends_the_connection)
{
	static const uint8_t lengths[][4] = { { 0, 0, 0, 0 }, { 0, 0, 0, 7 },
		{ 1, 0, 0, 9 } /* 16 MiB and 9 */, { 255, 255, 255, 255 } };

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		ck_assert(!say(server_echo_frames, SPAN_OF(lengths[i])));
		bytes_take(&in, in.len);
	}
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(what_finds_no_room_waits)
{
	out.limit = sizeof(hi);
	ck_assert(say(server_echo_frames, SPAN_OF(hi)));
	ck_assert(say(server_echo_frames, SPAN_OF(hi)));
	ck_assert_uint_eq(in.len, sizeof(hi));
	expect(SPAN_OF(hi));
	ck_assert(server_echo_frames(&in, &out));
	expect(SPAN_OF(hi));
}
END_TEST

/* ---- HTTP ---- */

static void expect_start(const char *status, size_t body)
{
	char start[64];
	int n = snprintf(
		start, sizeof(start), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n", status, body);

	ck_assert_uint_ge(out.len, (size_t)n + body);
	ck_assert_mem_eq(bytes_view(&out).p, start, (size_t)n);
}

START_TEST(the_list_and_the_package_are_there)
{
	struct span package;

	ck_assert(say(server_answer_http,
		SPAN_LIT("GET /applicationlist?begin-index=0 HTTP/1.1\r\nHost: x\r\n\r\n")));
	expect_start("200 OK", 79);
	bytes_take(&out, out.len);
	ck_assert(say(server_answer_http,
		SPAN_LIT("GET /applications?appid=server HTTP/1.1\r\nHost: x\r\n\r\n")));
	expect_start("200 OK", SERVER_BYTES);
	package = span_skip(bytes_view(&out), out.len - SERVER_BYTES);
	ck_assert(synthetic_matches(synthetic_seed(SERVER_APP), 0, package.p, package.len));
}
END_TEST

START_TEST(what_is_known_already_is_not_sent_again_and_what_is_not_there_is_404)
{
	ck_assert(say(server_answer_http,
		SPAN_LIT("GET /applications?appid=server HTTP/1.1\r\nIf-None-Match: "
			 "\"server-1\"\r\n\r\n")));
	expect_start("304 Not Modified", 0);
	bytes_take(&out, out.len);
	ck_assert(say(server_answer_http, SPAN_LIT("GET / HTTP/1.1\r\n\r\n")));
	expect_start("404 Not Found", 0);
	bytes_take(&out, out.len);
	ck_assert(say(server_answer_http, SPAN_LIT("PUT / HTTP/1.1\r\n\r\n")));
	expect_start("405 Method Not Allowed", 0);
}
END_TEST

START_TEST(a_head_without_end_ends_the_connection)
{
	static const uint8_t noise[10000] = { 'G' };

	ck_assert(!say(server_answer_http, SPAN_OF(noise)));
}
END_TEST

/* Whatever allocation fails: refused, or answered whole. */
START_TEST(without_memory_a_server_gives_up_cleanly)
{
	for (unsigned long n = 1;; n++) {
		bool ok;

		mem_fail_at(n);
		ok = say(server_echo_frames, SPAN_OF(hi)) &&
		     say(server_answer_http, SPAN_LIT("GET /applications?x HTTP/1.1\r\n\r\n"));
		if (!mem_failed())
			break;
		ck_assert(!ok);
		bytes_finish(&in);
		bytes_finish(&out);
	}
	mem_fail_at(0);
	ck_assert_uint_gt(out.len, SERVER_BYTES);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("load/server");
	TCase *tc = tcase_create("server");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, a_message_is_said_back);
	tcase_add_test(tc, an_empty_message_is_said_back);
	tcase_add_test(tc, a_close_is_answered_by_a_close_and_an_open_by_nothing);
	tcase_add_test(tc, a_length_that_cannot_be_ends_the_connection);
	tcase_add_test(tc, what_finds_no_room_waits);
	tcase_add_test(tc, the_list_and_the_package_are_there);
	tcase_add_test(tc, what_is_known_already_is_not_sent_again_and_what_is_not_there_is_404);
	tcase_add_test(tc, a_head_without_end_ends_the_connection);
	tcase_add_test(tc, without_memory_a_server_gives_up_cleanly);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
