/*
 * test_http.c: what phones ask on a bootstrap channel, rightly and wrongly, and what they are told.
 *
 *     phone ── request, in pieces ──► relay ── rewritten ──► server
 *           ◄── head, body, pieces ──       ◄── anything ──
 */
#include <stdio.h>
#include <stdlib.h>

#include "dcmf/base/counters.h"
#include "tests/flow/world.h"

static struct world *w;
static struct phone *phone;

/* A phone that is up; the server has one good page. */
static void begin(const char *name)
{
	w = world_create(name);
	phone = phone_create(w, NULL);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE, .text = "root" });
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/page", .text = "page", .etag = "\"v1\"" });
	phone_set_up(phone);
}

/* The answer to one raw request. */
static const struct reply *answer_to(const char *text, double seconds)
{
	phone_raw(phone, 0, text, 1);
	ck_assert_msg(world_until(w, seconds, all_answered), "no answer to %.60s", text);
	return phone_reply(phone, phone->reply_count - 1);
}

static void still_works(void)
{
	ck_assert_str_eq(phone_fetch(phone, 0, "/page", 10)->text, "page");
}

static bool was_sent(const char *header)
{
	return strstr(dcsf_seen(w->dcsf)->headers, header) != NULL;
}

static bool has(const struct reply *r, const char *header)
{
	return strcasestr(r->head, header) != NULL;
}

/* ---- targets ---- */

static const struct {
	const char *target, *url;
} targets[] = {
	{ "/", BASE },
	{ "/page", BASE "/page" },
	{ "/?Terminal_Vendor=x&Terminal_Model=y", BASE "?Terminal_Vendor=x&Terminal_Model=y" },
	{ "/applicationlist?begin-index=0&app-num=9&sdkVersion=1",
		BASE "/applicationlist?begin-index=0&app-num=9&sdkVersion=1" },
	{ "http://some.host.example/page", BASE "/page" },
	{ "http:/page", BASE "/page" },
	{ "http:///page", BASE "/page" },
	{ "https://some.host.example:8443/page?q=1", BASE "/page?q=1" },
	{ "http://some.host.example", BASE },
};

START_TEST(a_target_is_put_below_the_root_of_its_stream)
{
	begin(__func__);
	phone_fetch(phone, 0, targets[_i].target, 10);
	ck_assert_str_eq(dcsf_seen(w->dcsf)->url, targets[_i].url);
	world_finish(w);
}
END_TEST

static const char *const bad_targets[] = {
	"/..",
	"/../other",
	"/a/../../b",
	"/%2e%2e/b",
	"/a/%2E./b",
	"..",
	"page",
	"http://h/../x",
	"*",
};

START_TEST(a_target_that_leaves_the_root_is_refused)
{
	const struct reply *r;

	begin(__func__);
	r = phone_fetch(phone, 0, bad_targets[_i], 10);
	ck_assert_int_eq(r->status, 400);
	ck_assert_int_ge(r->length, 0);
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->requests, 0);
	still_works();
	world_finish(w);
}
END_TEST

/* ---- what passes ---- */

START_TEST(an_application_is_refetched_with_its_etag)
{
	const struct reply *r;

	begin(__func__);
	r = phone_fetch(phone, 0, "/page", 10);
	ck_assert_str_eq(r->etag, "\"v1\"");
	phone_ask(phone, &(struct ue_request){ .target = "/page", .etag = r->etag });
	ck_assert(world_until(w, 10, all_answered));
	r = phone_reply(phone, 1);
	ck_assert_int_eq(r->status, 304);
	ck_assert_str_eq(r->etag, "\"v1\"");
	/* The server says how long the page would be; a phone would wait for it. */
	ck_assert_int_eq(r->length, -1);
	ck_assert(was_sent("If-None-Match: \"v1\"\n"));
	still_works();
	world_finish(w);
}
END_TEST

START_TEST(head_brings_the_length_and_no_body)
{
	const struct reply *r;

	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/h", .size = 5000 });
	phone_ask(phone, &(struct ue_request){ .method = "HEAD", .target = "/h" });
	ck_assert(world_until(w, 10, all_answered));
	r = phone_reply(phone, 0);
	ck_assert_int_eq(r->status, 200);
	ck_assert_int_eq(r->length, 5000);
	ck_assert_uint_eq(r->received, 0);
	still_works(); /* nothing but the head came */
	world_finish(w);
}
END_TEST

START_TEST(a_reply_without_content_has_no_length)
{
	const struct reply *r;

	begin(__func__);
	dcsf_page(w->dcsf,
		&(struct page){ .url = BASE "/204", .status = 204, .lies = true, .length = 7 });
	r = phone_fetch(phone, 0, "/204", 10);
	ck_assert_int_eq(r->status, 204);
	ck_assert_int_eq(r->length, -1);
	still_works();
	world_finish(w);
}
END_TEST

START_TEST(an_empty_reply_says_length_zero)
{
	const struct reply *r;

	begin(__func__);
	dcsf_page(
		w->dcsf, &(struct page){ .url = BASE "/empty", .lies = _i, .length = PAGE_SILENT });
	r = phone_fetch(phone, 0, "/empty", 10);
	ck_assert_int_eq(r->status, 200);
	ck_assert_int_eq(r->length, 0);
	still_works();
	world_finish(w);
}
END_TEST

START_TEST(hop_by_hop_headers_go_no_further)
{
	const struct reply *r;

	begin(__func__);
	dcsf_page(
		w->dcsf, &(struct page){ .url = BASE "/hop",
				 .text = "hop",
				 .headers = "Connection: close, X-Hop\nX-Hop: 1\nKeep-Alive: "
					    "timeout=5\nX-End: 2\nTransfer-Encoding: chunked\n" });
	r = answer_to("GET /hop HTTP/1.1\r\nConnection: X-Mine\r\nX-Mine: 1\r\nX-Yours: "
		      "2\r\nForwarded: for=1\r\nX-Forwarded-For: 1\r\n"
		      "Proxy-Authorization: x\r\nHost: elsewhere.example\r\n\r\n",
		10);
	ck_assert(!has(r, "X-Hop") && !has(r, "Keep-Alive") && !has(r, "Transfer-Encoding") &&
		  has(r, "X-End: 2"));
	ck_assert(!was_sent("X-Mine") && !was_sent("Forwarded") && !was_sent("X-Forwarded-For"));
	ck_assert(!was_sent("Proxy-Authorization") && !was_sent("elsewhere") &&
		  was_sent("X-Yours: 2\n"));
	world_finish(w);
}
END_TEST

static const struct {
	const char *sent, *got;
} locations[] = {
	{ BASE "/next?x=1", "/next?x=1" },
	{ BASE, "/" },
	{ "http://elsewhere.example/next", "http://elsewhere.example/next" },
	{ "http://dcsf.example/alicia/next", "http://dcsf.example/alicia/next" },
};

START_TEST(a_location_below_the_root_comes_back_under_it)
{
	const struct reply *r;
	char header[256];

	begin(__func__);
	snprintf(header, sizeof(header), "Location: %s\n", locations[_i].sent);
	dcsf_page(
		w->dcsf, &(struct page){ .url = BASE "/moved", .status = 302, .headers = header });
	r = phone_fetch(phone, 0, "/moved", 10);
	ck_assert_int_eq(r->status, 302);
	ck_assert_str_eq(r->location, locations[_i].got);
	world_finish(w);
}
END_TEST

/* ---- bodies of any size, both ways ---- */

START_TEST(a_body_streams_through_in_both_directions)
{
	static uint8_t body[3 << 20];
	const struct reply *r;

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = dcsf_byte(i);
	begin(__func__);
	dcsf_page(w->dcsf,
		&(struct page){
			.url = BASE "/echo", .echo = true, .read_us = _i ? TICK_MS(5) : 0 });
	phone_ask(phone,
		&(struct ue_request){
			.method = "POST", .target = "/echo", .body = SPAN_OF(body), .form = true });
	ck_assert(world_until(w, 600, all_answered));
	r = phone_reply(phone, 0);
	ck_assert_int_eq(r->status, 200);
	ck_assert_int_eq(dcsf_seen(w->dcsf)->body_length, sizeof(body));
	ck_assert(!dcsf_seen(w->dcsf)->body_wrong && !r->wrong);
	ck_assert_uint_eq(r->received, sizeof(body));
	ck_assert(was_sent("Content-Type: application/x-www-form-urlencoded\n"));
	world_finish(w);
}
END_TEST

/*
 * A server need not read what it refuses; the rest of the request is
 * read past, and the channel goes on.
 */
START_TEST(a_server_may_answer_before_the_request_is_complete)
{
	static uint8_t body[1 << 20];

	begin(__func__);
	dcsf_page(w->dcsf,
		&(struct page){
			.url = BASE "/no", .status = 413, .text = "too much", .early = true });
	phone_ask(phone,
		&(struct ue_request){ .method = "POST", .target = "/no", .body = SPAN_OF(body) });
	ck_assert(world_until(w, 60, all_answered));
	ck_assert_int_eq(phone_reply(phone, 0)->status, 413);
	ck_assert_str_eq(phone_reply(phone, 0)->text, "too much");
	still_works();
	world_finish(w);
}
END_TEST

/* Phones take any head without a length as a reply: only who asks for it is told to go on. */
START_TEST(the_word_to_continue_goes_to_those_who_wait_for_it)
{
	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/echo", .echo = true });
	phone_raw(phone, 0,
		"POST /echo HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n", 2);
	world_run(w, 1);
	ck_assert_uint_eq(phone->complete, 1);
	ck_assert_int_eq(phone_reply(phone, 0)->status, 100);
	phone_raw(phone, 0, "four", 0);
	ck_assert(world_until(w, 10, all_answered));
	ck_assert_str_eq(phone_reply(phone, 1)->text, "four");
	ck_assert(!was_sent("Expect"));
	still_works();
	world_finish(w);
}
END_TEST

START_TEST(a_chunked_request_arrives_without_its_chunks)
{
	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/echo", .echo = true });
	ck_assert_str_eq(answer_to("POST /echo HTTP/1.1\r\nTransfer-Encoding: "
				   "chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
				 10)
				 ->text,
		"hello world");
	still_works();
	world_finish(w);
}
END_TEST

START_TEST(a_reply_of_unknown_length_is_collected_first)
{
	const struct reply *r;

	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/unknown",
				   .size = 300000,
				   .lies = true,
				   .length = PAGE_SILENT,
				   .pace_us = TICK_MS(3) });
	r = phone_fetch(phone, 0, "/unknown", 60);
	ck_assert_int_eq(r->status, 200);
	ck_assert_int_eq(r->length, 300000);
	ck_assert_uint_eq(r->received, 300000);
	ck_assert(!r->wrong);
	world_finish(w);
}
END_TEST

START_TEST(a_reply_of_unknown_length_beyond_the_bound_is_a_502)
{
	const struct reply *r;

	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/endless",
				   .size = 64 << 20,
				   .lies = true,
				   .length = PAGE_SILENT });
	r = phone_fetch(phone, 0, "/endless", 60);
	ck_assert_int_eq(r->status, 502);
	ck_assert_int_gt(r->length, 0);
	ck_assert_uint_eq(world_count(w, phone, RELAY_EVENT_MDC_FAILED), 1);
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->under_way, 0);
	still_works();
	world_finish(w);
}
END_TEST

/* ---- a phone that does not read ---- */

/*
 *     server 64 MiB ──► relay ──► phone that reads nothing
 *
 * The server is stopped, memory stays bounded.
 */
START_TEST(a_slow_phone_stops_the_server)
{
	const struct dcsf_seen *server;
	int64_t highest = 0;

	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/huge", .size = 16 << 20 });
	phone_get(phone, 0, "/huge");
	world_run(w, 0.2);
	ue_hold(phone->ue, true);
	for (unsigned i = 0; i < 50; i++) {
		world_run(w, 0.1);
		if (counter_value[CNT_buffered_bytes] > highest)
			highest = counter_value[CNT_buffered_bytes];
	}
	server = dcsf_seen(w->dcsf);
	/* The phone's window, the relay's send buffer, and what a channel may hold. */
	ck_assert_uint_lt(server->offered, 4 << 20);
	ck_assert_int_lt(highest, 4 << 20);
	ue_hold(phone->ue, false);
	phone->touched = true;
	ck_assert(world_until(w, 300, all_answered));
	ck_assert(!phone_reply(phone, 0)->wrong);
	ck_assert_uint_eq(phone_reply(phone, 0)->received, 16 << 20);
	world_run(w, 1);
	ck_assert_int_eq(counter_value[CNT_buffered_bytes], 0);
	world_finish(w);
}
END_TEST

/* ---- requests that are wrong ---- */

START_TEST(a_megabyte_of_header_is_a_431)
{
	size_t len = 1 << 20;
	char *text = malloc(len + 1);
	const struct reply *r;

	memset(text, 'x', len);
	memcpy(text, "GET / HTTP/1.1\r\nX-Long: ", 24);
	text[len] = '\0';
	begin(__func__);
	r = answer_to(text, 60);
	ck_assert_int_eq(r->status, 431);
	ck_assert_int_ge(r->length, 0);
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->requests, 0);
	world_finish(w);
	free(text);
}
END_TEST

static const struct {
	const char *text;
	int status;
} bad_requests[] = {
	{ "GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400 },
	{ "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello", 400 },
	{ "GET / HTTP/1.1\r\nName : value\r\n\r\n", 400 },
	{ "GET / HTTP/2.0\r\n\r\n", 505 },
	{ "GET /\r\n\r\n", 400 },
	{ "\x16\x03\x01\x02\x03\r\n\r\n", 400 },
};

START_TEST(a_request_that_cannot_be_understood_is_told_so)
{
	const struct reply *r;

	begin(__func__);
	r = answer_to(bad_requests[_i].text, 10);
	ck_assert_msg(r->status == bad_requests[_i].status ||
			      (bad_requests[_i].status == 400 && r->status == 505),
		"%d for %.30s", r->status, bad_requests[_i].text);
	ck_assert_int_ge(r->length, 0);
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->requests, 0);
	world_finish(w);
}
END_TEST

/* The body is shorter than it says: the phone stays silent in the middle of it. */
START_TEST(a_body_shorter_than_announced_times_out)
{
	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/post", .text = "thanks" });
	ck_assert_int_eq(
		answer_to("POST /post HTTP/1.1\r\nContent-Length: 100\r\n\r\nonly this", 90)
			->status,
		408);
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->under_way, 0);
	ck_assert(!dcsf_seen(w->dcsf)->body_complete);
	world_finish(w);
}
END_TEST

/* The body is longer than it says: what follows is read as a request, and is none. */
START_TEST(a_body_longer_than_announced_is_no_second_request)
{
	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/post", .text = "thanks" });
	phone_raw(phone, 0, "POST /post HTTP/1.1\r\nContent-Length: 4\r\n\r\nfour and more\r\n\r\n",
		2);
	ck_assert(world_until(w, 90, all_answered));
	ck_assert_str_eq(phone_reply(phone, 0)->text, "thanks");
	ck_assert_int_eq(phone_reply(phone, 1)->status, 400);
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->body, 4);
	world_finish(w);
}
END_TEST

START_TEST(half_a_request_and_silence_is_a_408)
{
	begin(__func__);
	ck_assert_int_eq(answer_to("GET /page HTT", 90)->status, 408);
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->requests, 0);
	world_finish(w);
}
END_TEST

/* No pipelining is needed, but two requests back to back are answered in their order. */
START_TEST(two_requests_back_to_back_are_answered_in_order)
{
	begin(__func__);
	dcsf_page(w->dcsf,
		&(struct page){ .url = BASE "/slow", .text = "slow", .delay_us = TICK_S(2) });
	phone_raw(phone, 0, "GET /slow HTTP/1.1\r\n\r\nGET /page HTTP/1.1\r\n\r\n", 2);
	ck_assert(world_until(w, 10, all_answered));
	ck_assert_str_eq(phone_reply(phone, 0)->text, "slow");
	ck_assert_str_eq(phone_reply(phone, 1)->text, "page");
	world_finish(w);
}
END_TEST

/* ---- a server that is wrong ---- */

static const struct {
	struct page page;
	int status;
} bad_servers[] = {
	{ { .url = BASE "/bad", .dead = true }, 502 },
	{ { .url = BASE "/bad", .refused = true }, 502 },
	{ { .url = BASE "/bad", .hangs = true }, 504 },
	{ { .url = BASE "/bad", .size = 1000, .lies = true, .length = PAGE_SILENT, .breaks = true },
		502 },
	{ { .url = BASE "/bad", .size = 1000, .lies = true, .length = PAGE_SILENT, .hangs = true },
		504 },
};

START_TEST(a_server_that_fails_is_a_502_or_504_and_an_event)
{
	const struct reply *r;
	const struct seen *s;

	begin(__func__);
	dcsf_page(w->dcsf, &bad_servers[_i].page);
	r = phone_fetch(phone, 0, "/bad", 90);
	ck_assert_int_eq(r->status, bad_servers[_i].status);
	ck_assert_int_gt(r->length, 0);
	ck_assert_uint_eq(world_count(w, phone, RELAY_EVENT_MDC_FAILED), 1);
	s = world_last(w, phone, RELAY_EVENT_MDC_FAILED);
	ck_assert_str_ne(s->detail, "");
	ck_assert_int_eq(s->sid, 0);
	still_works();
	world_finish(w);
}
END_TEST

/* As long as the head was kept back, a lie is a clean 502. */
START_TEST(a_server_that_lies_about_its_length_is_a_502)
{
	const struct reply *r;

	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/lie",
				   .size = _i ? 1000 : 5000,
				   .lies = true,
				   .length = _i ? 5000 : 1000 });
	r = phone_fetch(phone, 0, "/lie", 10);
	ck_assert_int_eq(r->status, 502);
	ck_assert_int_gt(r->length, 0);
	ck_assert_uint_eq(world_count(w, phone, RELAY_EVENT_MDC_FAILED), 1);
	still_works();
	world_finish(w);
}
END_TEST

/*
 * The head has gone out with the length the server gave: what is missing cannot be made up,
 * so the channel is reset and the phone knows.
 */
START_TEST(a_server_that_stops_in_the_middle_ends_the_channel)
{
	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/short",
				   .size = 500000,
				   .lies = true,
				   .length = 1000000,
				   .breaks = _i == 0,
				   .hangs = _i == 1 });
	phone_get(phone, 0, "/short");
	world_run(w, 90);
	ck_assert_uint_eq(phone->reply_count, 1);
	ck_assert_uint_eq(phone->complete, 0);
	ck_assert_uint_eq(phone->channels_closed, 1);
	ck_assert_uint_eq(world_count(w, phone, RELAY_EVENT_MDC_FAILED), 1);
	ck_assert_uint_eq(world_count(w, phone, RELAY_EVENT_CHANNEL_CLOSED), 1);
	world_finish(w);
}
END_TEST

START_TEST(deleting_the_context_ends_what_the_server_is_asked)
{
	begin(__func__);
	dcsf_page(w->dcsf,
		&(struct page){ .url = BASE "/slow", .size = 1 << 20, .pace_us = TICK_MS(100) });
	phone_get(phone, 0, "/slow");
	world_run(w, 1);
	phone_hang_up(phone);
	world_run(w, 0.1);
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->under_way, 0);
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->cancelled, 1);
	ck_assert(world_until(w, 10, nothing_left));
	world_finish(w);
}
END_TEST

/* Each stream has its own HTTP: a slow answer on one does not hold up the other. */
START_TEST(streams_are_answered_independently)
{
	w = world_create(__func__);
	phone = phone_create(w, &(struct phone_options){ .sids = { 0, 10 }, .sid_count = 2 });
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/page", .text = "page" });
	dcsf_page(w->dcsf,
		&(struct page){ .url = BASE "/slow", .text = "slow", .delay_us = TICK_S(5) });
	phone_set_up(phone);
	phone_get(phone, 0, "/slow");
	phone_get(phone, 10, "/page");
	world_run(w, 1);
	ck_assert_uint_eq(phone->complete, 1);
	ck_assert_uint_eq(phone_reply(phone, 0)->sid, 10);
	ck_assert(world_until(w, 10, all_answered));
	world_finish(w);
}
END_TEST

#define LOOP(test, table) tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof(table[0]))

static void add(TCase *tc)
{
	LOOP(a_target_is_put_below_the_root_of_its_stream, targets);
	LOOP(a_target_that_leaves_the_root_is_refused, bad_targets);
	tcase_add_test(tc, an_application_is_refetched_with_its_etag);
	tcase_add_test(tc, head_brings_the_length_and_no_body);
	tcase_add_test(tc, a_reply_without_content_has_no_length);
	tcase_add_loop_test(tc, an_empty_reply_says_length_zero, 0, 2);
	tcase_add_test(tc, hop_by_hop_headers_go_no_further);
	LOOP(a_location_below_the_root_comes_back_under_it, locations);
	tcase_add_loop_test(tc, a_body_streams_through_in_both_directions, 0, 2);
	tcase_add_test(tc, a_server_may_answer_before_the_request_is_complete);
	tcase_add_test(tc, the_word_to_continue_goes_to_those_who_wait_for_it);
	tcase_add_test(tc, a_chunked_request_arrives_without_its_chunks);
	tcase_add_test(tc, a_reply_of_unknown_length_is_collected_first);
	tcase_add_test(tc, a_reply_of_unknown_length_beyond_the_bound_is_a_502);
	tcase_add_test(tc, a_slow_phone_stops_the_server);
	tcase_add_test(tc, a_megabyte_of_header_is_a_431);
	LOOP(a_request_that_cannot_be_understood_is_told_so, bad_requests);
	tcase_add_test(tc, a_body_shorter_than_announced_times_out);
	tcase_add_test(tc, a_body_longer_than_announced_is_no_second_request);
	tcase_add_test(tc, half_a_request_and_silence_is_a_408);
	tcase_add_test(tc, two_requests_back_to_back_are_answered_in_order);
	LOOP(a_server_that_fails_is_a_502_or_504_and_an_event, bad_servers);
	tcase_add_loop_test(tc, a_server_that_lies_about_its_length_is_a_502, 0, 2);
	tcase_add_loop_test(tc, a_server_that_stops_in_the_middle_ends_the_channel, 0, 3);
	tcase_add_test(tc, deleting_the_context_ends_what_the_server_is_asked);
	tcase_add_test(tc, streams_are_answered_independently);
}

int main(void)
{
	return world_main("http", add);
}
