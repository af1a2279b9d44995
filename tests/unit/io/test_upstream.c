/* test_upstream.c: what servers answer, and bodies both ways. */
#include <string.h>

#include "tests/unit/io/fetcher.h"
#include "tests/unit/main.h"

/* ---- answers ---- */

START_TEST(answer_arrives_with_headers_length_and_body)
{
	struct client *c = fetch("http://dcsf.example/plain");

	ck_assert(c->is_complete);
	ck_assert_int_eq(c->status, 200);
	ck_assert_int_eq(c->length, 5);
	ck_assert_str_eq((char *)c->body, "hello");
	ck_assert_str_eq(c->protection, "none");
	ck_assert_str_eq(c->headers, "Content-Length=5\nETag=\"v1\"\nX-Empty=\n");
	ck_assert_ptr_nonnull(strstr(server.last_head, "GET /plain HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(server.last_head, "Host: dcsf.example\r\n"));
	ck_assert_ptr_null(strstr(server.last_head, "Accept"));
}
END_TEST

START_TEST(heads_of_every_kind_are_understood)
{
	static const struct {
		const char *url;
		int status;
		int64_t length;
		const char *body, *header;
	} cases[] = {
		{ "http://x/none", 204, -1, "", "" },
		{ "http://x/same", 304, 5, "", "ETag=\"v1\"\n" },
		{ "http://x/interim", 200, 2, "ok", "X-Final=1\n" },
		{ "http://x/chunked", 200, -1, "abcde", "" },
		{ "http://x/chunked-with-length", 200, -1, "abc", "" },
		{ "http://x/until-close", 200, -1, "all of it", "" },
		{ "http://x/folded", 200, 0, "", "X-Long=one two\n" },
		{ "http://x/moved", 302, 0, "", "Location=/plain\n" },
		{ "http://x/zipped", 200, 3, "raw", "Content-Encoding=gzip\n" },
		{ "http://x/unknown", 404, 0, "", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client *c = fetch(cases[i].url);

		ck_assert_msg(c->is_complete, "%s: %s", cases[i].url, c->failed);
		ck_assert_uint_eq(c->heads, 1);
		ck_assert_int_eq(c->status, cases[i].status);
		ck_assert_int_eq(c->length, cases[i].length);
		ck_assert_str_eq((char *)c->body, cases[i].body);
		ck_assert_msg(strstr(c->headers, cases[i].header) != NULL, "%s: %s", cases[i].url,
			c->headers);
	}
}
END_TEST

START_TEST(head_request_has_a_length_and_no_body)
{
	struct client *c = fetch_as(
		0, (struct upstream_request){ .method = SPAN_LIT("HEAD") }, "http://x/head");

	ck_assert(c->is_complete);
	ck_assert_int_eq(c->length, 1234);
	ck_assert_uint_eq(c->body_bytes, 0);
	ck_assert_ptr_nonnull(strstr(server.last_head, "HEAD /head"));
}
END_TEST

START_TEST(connection_is_used_again_and_a_dead_one_is_replaced)
{
	for (int i = 0; i < 5; i++)
		ck_assert(fetch("http://x/plain")->is_complete);
	ck_assert_uint_eq(server.connections, 1);
	/* the server closes after this one, which shows only when the next request is sent */
	ck_assert(fetch("http://x/last")->is_complete);
	ck_assert(fetch("http://x/plain")->is_complete);
	ck_assert_uint_eq(server.connections, 2);
}
END_TEST

START_TEST(requests_beyond_the_bound_wait_for_a_connection)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		begin(i, (struct upstream_request){ 0 }, "http://x/plain");
	for (unsigned i = 0; i < CLIENTS; i++) {
		turn_until(loop, has_ended, &client[i]);
		ck_assert_msg(client[i].is_complete, "%s", client[i].failed);
	}
	ck_assert_uint_le(server.connections, 4);
}
END_TEST

START_TEST(answer_waits_for_a_slow_reader_and_nobody_loses_patience_meanwhile)
{
	struct client *c = begin(0, (struct upstream_request){ 0 }, "http://x/big");

	c->room = 100000;
	turn_for(loop, 3 * TIMEOUT_MS);
	ck_assert_uint_eq(c->ends, 0);
	ck_assert_uint_le(c->body_bytes, 100000);
	ck_assert_uint_gt(c->body_bytes, 50000);
	for (int i = 0; i < 10; i++) {
		c->room = 50000;
		inside = true;
		upstream_resume(upstream, c->id);
		inside = false;
		turn_for(loop, 10);
	}
	ck_assert_uint_lt(c->body_bytes, RAW_BIG);
	c->room = UINT64_MAX;
	upstream_resume(upstream, c->id);
	turn_until(loop, has_ended, c);
	ck_assert(c->is_complete && c->body_is_right);
	ck_assert_uint_eq(c->body_bytes, RAW_BIG);
}
END_TEST

START_TEST(slow_reader_does_not_hold_up_others)
{
	client[0].room = 0;
	begin(0, (struct upstream_request){ 0 }, "http://x/big");
	turn_for(loop, 20);
	ck_assert(fetch_as(1, (struct upstream_request){ 0 }, "http://x/plain")->is_complete);
}
END_TEST

/* ---- request bodies ---- */

/*
 * Writes `total` bytes as room comes; -1 tells the length beforehand.
 * Returns what the first attempt took.
 */
static size_t upload(struct client *c, uint64_t total, uint64_t *at)
{
	static uint8_t block[1 << 20];
	size_t n = total - *at < sizeof(block) ? (size_t)(total - *at) : sizeof(block);
	size_t taken;

	for (size_t i = 0; i < n; i++)
		block[i] = raw_byte(*at + i);
	inside = true;
	taken = upstream_write(upstream, c->id, SPAN(block, n));
	inside = false;
	*at += taken;
	return taken;
}

static void check_upload(int64_t declared, uint64_t total)
{
	struct client *c;
	unsigned served = 0;
	uint64_t at = 0;

	client[0] = (struct client){ .room = UINT64_MAX, .body_is_right = true };
	c = begin(0,
		(struct upstream_request){ .method = SPAN_LIT("POST"), .body_length = declared },
		"http://x/count");
	upload(c, total, &at);
	ck_assert_uint_le(at, 65536);
	for (int i = 0; i < 2000 && at < total; i++) {
		turn_for(loop, 1);
		if (c->writables != served)
			upload(c, total, &at);
		served = c->writables;
	}
	ck_assert_uint_eq(at, total);
	upstream_finish(upstream, c->id);
	turn_until(loop, has_ended, c);
	ck_assert_msg(c->is_complete, "%s", c->failed);
	ck_assert_uint_eq(server.body_bytes, total);
	ck_assert(server.body_is_right);
}

START_TEST(bodies_of_known_and_unknown_length_stream_through_a_bounded_buffer)
{
	check_upload(1, 1);
	ck_assert_ptr_null(strstr(server.last_head, "Expect"));
	check_upload(3000000, 3000000);
	ck_assert_ptr_nonnull(strstr(server.last_head, "Content-Length: 3000000\r\n"));
	ck_assert_ptr_null(strstr(server.last_head, "Expect"));
	check_upload(-1, 700000);
	ck_assert_ptr_nonnull(strstr(server.last_head, "Transfer-Encoding: chunked\r\n"));
	check_upload(-1, 0);
}
END_TEST

START_TEST(server_that_does_not_read_stops_the_writer)
{
	struct client *c;
	uint64_t at = 0, before;

	server.stop_reading = true;
	c = begin(0, (struct upstream_request){ .method = SPAN_LIT("PUT"), .body_length = 1 << 28 },
		"http://x/count");
	/* until nothing moves for twenty rounds */
	for (int still = 0; still < 20; still++) {
		before = at;
		upload(c, 1 << 28, &at);
		turn_for(loop, 1);
		if (at != before)
			still = 0;
		ck_assert_uint_lt(at, 32 << 20); /* what kernels hold for a connection */
	}
	ck_assert_uint_eq(c->ends, 0);
	upstream_cancel(upstream, c->id);
}
END_TEST

START_TEST(body_that_comes_late_does_not_count_against_the_server)
{
	struct client *c =
		begin(0, (struct upstream_request){ .method = SPAN_LIT("POST"), .body_length = 10 },
			"http://x/count");
	uint64_t at = 0;

	turn_for(loop, 2 * TIMEOUT_MS);
	ck_assert_uint_eq(c->ends, 0);
	upload(c, 10, &at);
	ck_assert_uint_eq(at, 10);
	/* beyond what was declared */
	ck_assert_uint_eq(upstream_write(upstream, c->id, SPAN_LIT("x")), 0);
	turn_until(loop, has_ended, c);
	ck_assert(c->is_complete);
}
END_TEST

START_TEST(body_shorter_than_declared_fails_the_request)
{
	struct client *c =
		begin(0, (struct upstream_request){ .method = SPAN_LIT("POST"), .body_length = 10 },
			"http://x/count");
	uint64_t at = 0;

	upload(c, 5, &at);
	upstream_finish(upstream, c->id);
	turn_until(loop, has_ended, c);
	ck_assert(!c->is_complete);
}
END_TEST

START_TEST(methods_without_body_say_so_where_one_was_to_be_expected)
{
	fetch_as(0, (struct upstream_request){ .method = SPAN_LIT("POST") }, "http://x/plain");
	ck_assert_ptr_nonnull(strstr(server.last_head, "POST /plain"));
	ck_assert_ptr_nonnull(strstr(server.last_head, "Content-Length: 0\r\n"));
	fetch_as(1, (struct upstream_request){ .method = SPAN_LIT("DELETE") }, "http://x/plain");
	ck_assert_ptr_nonnull(strstr(server.last_head, "DELETE /plain"));
	ck_assert_ptr_null(strstr(server.last_head, "Content-Length"));
}
END_TEST

START_TEST(headers_pass_except_those_that_frame_the_message)
{
	const struct upstream_header headers[] = {
		{ SPAN_LIT("If-None-Match"), SPAN_LIT("\"v1\"") },
		{ SPAN_LIT("X-Empty"), SPAN_NONE },
		{ SPAN_LIT("Accept"), SPAN_LIT("text/html") },
		{ SPAN_LIT("Host"), SPAN_LIT("evil") },
		{ SPAN_LIT("content-length"), SPAN_LIT("77") },
		{ SPAN_LIT("Transfer-Encoding"), SPAN_LIT("chunked") },
	};

	fetch_as(0, (struct upstream_request){ .headers = headers, .header_count = 6 },
		"http://x:8080/plain?a=b&c=%20");
	ck_assert_ptr_nonnull(
		strstr(server.last_head, "GET /plain?a=b&c=%20 HTTP/1.1\r\nHost: x:8080\r\n"));
	ck_assert_ptr_nonnull(strstr(server.last_head, "If-None-Match: \"v1\"\r\n"));
	ck_assert_ptr_nonnull(strstr(server.last_head, "X-Empty:\r\n"));
	ck_assert_ptr_nonnull(strstr(server.last_head, "Accept: text/html\r\n"));
	ck_assert_ptr_null(strstr(server.last_head, "evil"));
	ck_assert_ptr_null(strstr(server.last_head, "77"));
	ck_assert_ptr_null(strstr(server.last_head, "chunked"));
}
END_TEST

START_TEST(a_plain_server_is_spoken_to_in_h2_only_where_it_is_known_to_speak_it)
{
	struct client *c =
		fetch_as(0, (struct upstream_request){ .knows_h2 = true }, "http://x/plain");

	/* h2 begins with "PRI * HTTP/2.0", an empty line and this */
	ck_assert_int_eq(strncmp(server.last_head, "SM\r\n", 4), 0);
	ck_assert(!c->is_complete); /* this one does not */
	c = fetch("http://x/plain");
	ck_assert_int_eq(strncmp(server.last_head, "GET /plain HTTP/1.1\r\n", 21), 0);
	ck_assert(c->is_complete);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io/upstream");
	TCase *a = tcase_create("answers"), *b = tcase_create("bodies");

	tcase_add_checked_fixture(a, fetcher_open, fetcher_close);
	tcase_add_test(a, answer_arrives_with_headers_length_and_body);
	tcase_add_test(a, heads_of_every_kind_are_understood);
	tcase_add_test(a, head_request_has_a_length_and_no_body);
	tcase_add_test(a, connection_is_used_again_and_a_dead_one_is_replaced);
	tcase_add_test(a, requests_beyond_the_bound_wait_for_a_connection);
	tcase_add_test(a, answer_waits_for_a_slow_reader_and_nobody_loses_patience_meanwhile);
	tcase_add_test(a, slow_reader_does_not_hold_up_others);
	suite_add_tcase(s, a);
	tcase_add_checked_fixture(b, fetcher_open, fetcher_close);
	tcase_add_test(b, bodies_of_known_and_unknown_length_stream_through_a_bounded_buffer);
	tcase_add_test(b, server_that_does_not_read_stops_the_writer);
	tcase_add_test(b, body_that_comes_late_does_not_count_against_the_server);
	tcase_add_test(b, body_shorter_than_declared_fails_the_request);
	tcase_add_test(b, methods_without_body_say_so_where_one_was_to_be_expected);
	tcase_add_test(b, headers_pass_except_those_that_frame_the_message);
	tcase_add_test(b, a_plain_server_is_spoken_to_in_h2_only_where_it_is_known_to_speak_it);
	suite_add_tcase(s, b);
	return s;
}

UNIT_MAIN(suite)
