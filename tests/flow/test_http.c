/*
 * test_http.c: what phones ask on a bootstrap channel, rightly and wrongly, and what comes back of it.
 *
 *     phone ── request, in pieces ──► relay ── rewritten ──► server
 *           ◄── head, body, pieces ──       ◄── head, body ──
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/flow/http.h"

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
	phone_fetch(p, 0, targets[_i].target, 10);
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
	r = phone_fetch(p, 0, bad_targets[_i], 10);
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
	r = phone_fetch(p, 0, "/page", 10);
	ck_assert_str_eq(r->etag, "\"v1\"");
	phone_ask(p, &(struct ue_request){ .target = "/page", .etag = r->etag });
	ck_assert(world_until(w, 10, all_answered));
	r = phone_reply(p, 1);
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
	phone_ask(p, &(struct ue_request){ .method = "HEAD", .target = "/h" });
	ck_assert(world_until(w, 10, all_answered));
	r = phone_reply(p, 0);
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
	r = phone_fetch(p, 0, "/204", 10);
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
	r = phone_fetch(p, 0, "/empty", 10);
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
	r = phone_fetch(p, 0, "/moved", 10);
	ck_assert_int_eq(r->status, 302);
	ck_assert_str_eq(r->location, locations[_i].got);
	world_finish(w);
}
END_TEST

/* Phones take any head without a length as a reply: only who asks for it is told to go on. */
START_TEST(the_word_to_continue_goes_to_those_who_wait_for_it)
{
	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/echo", .echo = true });
	phone_raw(p, 0, "POST /echo HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n",
		2);
	world_run(w, 1);
	ck_assert_uint_eq(p->complete, 1);
	ck_assert_int_eq(phone_reply(p, 0)->status, 100);
	phone_raw(p, 0, "four", 0);
	ck_assert(world_until(w, 10, all_answered));
	ck_assert_str_eq(phone_reply(p, 1)->text, "four");
	ck_assert(!was_sent("Expect"));
	still_works();
	world_finish(w);
}
END_TEST

/* No pipelining is needed, but two requests back to back are answered in their order. */
START_TEST(two_requests_back_to_back_are_answered_in_order)
{
	begin(__func__);
	dcsf_page(w->dcsf,
		&(struct page){ .url = BASE "/slow", .text = "slow", .delay_us = TICK_S(2) });
	phone_raw(p, 0, "GET /slow HTTP/1.1\r\n\r\nGET /page HTTP/1.1\r\n\r\n", 2);
	ck_assert(world_until(w, 10, all_answered));
	ck_assert_str_eq(phone_reply(p, 0)->text, "slow");
	ck_assert_str_eq(phone_reply(p, 1)->text, "page");
	world_finish(w);
}
END_TEST

/* Each stream has its own HTTP: a slow answer on one does not hold up the other. */
START_TEST(streams_are_answered_independently)
{
	begin_with(__func__, NULL, &(struct phone_options){ .sids = { 0, 10 }, .sid_count = 2 });
	dcsf_page(w->dcsf,
		&(struct page){ .url = BASE "/slow", .text = "slow", .delay_us = TICK_S(5) });
	phone_get(p, 0, "/slow");
	phone_get(p, 10, "/page");
	world_run(w, 1);
	ck_assert_uint_eq(p->complete, 1);
	ck_assert_uint_eq(phone_reply(p, 0)->sid, 10);
	ck_assert(world_until(w, 10, all_answered));
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
	phone_raw(p, 0, "POST /post HTTP/1.1\r\nContent-Length: 4\r\n\r\nfour and more\r\n\r\n", 2);
	ck_assert(world_until(w, 90, all_answered));
	ck_assert_str_eq(phone_reply(p, 0)->text, "thanks");
	ck_assert_int_eq(phone_reply(p, 1)->status, 400);
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
	tcase_add_test(tc, the_word_to_continue_goes_to_those_who_wait_for_it);
	tcase_add_test(tc, two_requests_back_to_back_are_answered_in_order);
	tcase_add_test(tc, streams_are_answered_independently);
	tcase_add_test(tc, a_megabyte_of_header_is_a_431);
	LOOP(a_request_that_cannot_be_understood_is_told_so, bad_requests);
	tcase_add_test(tc, a_body_shorter_than_announced_times_out);
	tcase_add_test(tc, a_body_longer_than_announced_is_no_second_request);
	tcase_add_test(tc, half_a_request_and_silence_is_a_408);
}

int main(void)
{
	return world_main("http", add);
}
