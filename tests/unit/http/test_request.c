/* test_request.c: requests of one byte stream, whole and byte by byte. */
#include "dcmf/http/http.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "tests/unit/main.h"

/*
 * What happened, as text: "GET /x 5 {Name=value}[hello].", an error as
 * "!400". Requests follow each other.
 */
struct story {
	char text[12000];
	size_t len;
	bool in_body;
	long live; /* allocations when idle */
};

static void tell(struct story *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void tell(struct story *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	s->len += (size_t)vsnprintf(s->text + s->len, sizeof(s->text) - s->len, fmt, ap);
	va_end(ap);
	ck_assert_uint_lt(s->len, sizeof(s->text));
}

static void tell_bytes(struct story *s, struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		tell(s, "%c", bytes.p[i] != 0 ? bytes.p[i] : '?');
}

static void tell_head(struct story *s, const struct http_request *r)
{
	const struct http_headers *hs = http_request_headers(r);

	tell(s, "%.*s %.*s %lld%s {", SPAN_FMT(http_request_method(r)),
		SPAN_FMT(http_request_target(r)), (long long)http_request_length(r),
		http_request_expects_continue(r) ? " expects" : "");
	for (size_t i = 0; i < hs->count; i++)
		tell(s, "%s%.*s=%.*s", i ? ";" : "", SPAN_FMT(hs->h[i].name),
			SPAN_FMT(hs->h[i].value));
	tell(s, "}");
}

/* Feeds one piece; false when the stream is broken. */
static bool feed(struct story *s, struct http_request *r, struct span in)
{
	for (;;) {
		switch (http_request_feed(r, &in)) {
		case HTTP_MORE: ck_assert_uint_eq(in.len, 0); return true;
		case HTTP_HEAD: tell_head(s, r); break;
		case HTTP_BODY:
			if (!s->in_body)
				tell(s, "[");
			s->in_body = true;
			tell_bytes(s, http_request_body(r));
			break;
		case HTTP_END:
			tell(s, s->in_body ? "]." : ".");
			s->in_body = false;
			ck_assert(!http_request_is_open(r));
			http_request_next(r);
			ck_assert_int_eq(mem_live(), s->live); /* an idle object owns nothing */
			if (in.len == 0)
				return true;
			break;
		case HTTP_ERROR:
			tell(s, "!%d", http_request_status(r));
			ck_assert_ptr_nonnull(http_request_reason(r));
			ck_assert_int_eq(http_request_feed(r, &in), HTTP_ERROR);
			return false;
		}
	}
}

static const char *told(struct span wire, size_t step)
{
	static struct story s;
	struct http_request *r = http_request_create();

	ck_assert_ptr_nonnull(r);
	s = (struct story){ .live = mem_live() };
	while (wire.len > 0) {
		size_t n = step < wire.len ? step : wire.len;
		/* a copy of the exact size: reading beyond it is seen */
		uint8_t *piece = malloc(n);
		bool goes_on;

		memcpy(piece, wire.p, n);
		goes_on = feed(&s, r, SPAN(piece, n));
		free(piece);
		if (!goes_on)
			break;
		wire = span_skip(wire, n);
	}
	if (wire.len == 0 && http_request_is_open(r))
		tell(&s, "...");
	http_request_destroy(r);
	return s.text;
}

static void check(struct span wire, const char *expected)
{
	static const size_t steps[] = { SIZE_MAX, 1, 2, 3, 7, 64 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		ck_assert_str_eq(told(wire, steps[i]), expected);
}

#define CHECK(wire, expected) check(SPAN_LIT(wire), expected)

START_TEST(requests_of_real_phones_are_understood)
{
	CHECK("GET /?Terminal_Vendor=V&Terminal_Model=M HTTP/1.1\r\n\r\n",
		"GET /?Terminal_Vendor=V&Terminal_Model=M 0 {}.");
	CHECK("GET /applicationlist?begin-index=0&app-num=20&sdkVersion=1.0 HTTP/1.1\r\n"
	      "If-None-Match: \"1\"\r\n\r\n",
		"GET /applicationlist?begin-index=0&app-num=20&sdkVersion=1.0 0 "
		"{If-None-Match=\"1\"}.");
	CHECK("GET http:/applications?appid=7&sdkVersion=1.0 HTTP/1.1\r\nAccept:*/*\r\n\r\n",
		"GET http:/applications?appid=7&sdkVersion=1.0 0 {Accept=*/*}.");
	CHECK("GET http://ims.example/ HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
		"GET http://ims.example/ 0 {Host=x;Connection=keep-alive}.");
	CHECK("POST /form HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
	      "Content-Length: 8\r\n\r\n--b\r\n--\n",
		"POST /form 8 {Content-Type=multipart/form-data; boundary=b;Content-Length=8}"
		"[--b\r\n--\n].");
}
END_TEST

START_TEST(method_and_target_are_told_as_sent)
{
	CHECK("PROPFIND /a%20b?x=1 HTTP/1.1\r\n\r\n", "PROPFIND /a%20b?x=1 0 {}.");
	CHECK("OPTIONS * HTTP/1.1\r\n\r\n", "OPTIONS * 0 {}.");
	CHECK("HEAD / HTTP/1.0\r\n\r\n", "HEAD / 0 {}.");
	CHECK("GET /\xe5\xba\x94 HTTP/1.1\r\n\r\n", "GET /\xe5\xba\x94 0 {}.");
	CHECK("ABCDEFGHIJKLMNOP / HTTP/1.1\r\n\r\n", "ABCDEFGHIJKLMNOP / 0 {}.");
	CHECK("ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\n\r\n", "!501");
	CHECK("CONNECT h:1 HTTP/1.1\r\n\r\n", "!501");
	CHECK("TRACE / HTTP/1.1\r\n\r\n", "!501");
}
END_TEST

START_TEST(what_is_no_request_line_is_refused)
{
	CHECK("\x16\x03\x01\x02", "!400");
	CHECK("(GET / HTTP/1.1\r\n", "!400");
	CHECK(" GET / HTTP/1.1\r\n", "!400");
	CHECK("GET\r\n", "!400");
	CHECK("GET  / HTTP/1.1\r\n", "!400");
	CHECK("GET / HTTP/1.1 \r\n", "!400");
	CHECK("GET /a b HTTP/1.1\r\n", "!400");
	CHECK("GET\t/ HTTP/1.1\r\n", "!400");
	CHECK("GET /\x01 HTTP/1.1\r\n", "!400");
	CHECK("GET /\x7f HTTP/1.1\r\n", "!400");
	CHECK("GET /\0 HTTP/1.1\r\n", "!400");
	CHECK("GET /\rX HTTP/1.1\r\n", "!400");
	CHECK("\rGET / HTTP/1.1\r\n", "!400");
	CHECK("GET / HTTP/1.1\r\r\n", "!400");
}
END_TEST

START_TEST(versions_other_than_1_0_and_1_1_are_refused)
{
	CHECK("GET /\r\n", "!400"); /* HTTP/0.9 */
	CHECK("GET / \r\n", "!400");
	CHECK("GET / http/1.1\r\n", "!400");
	CHECK("GET / HTTP/11\r\n", "!400");
	CHECK("GET / HTTP/1.10\r\n", "!400");
	CHECK("GET / HTTP/0.9\r\n", "!505");
	CHECK("GET / HTTP/1.2\r\n", "!505");
	CHECK("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "!505");
}
END_TEST

START_TEST(empty_lines_before_a_request_are_dropped)
{
	CHECK("\r\n\r\nGET / HTTP/1.1\r\n\r\n\r\n", "GET / 0 {}.");
	CHECK("\nGET / HTTP/1.1\n\n", "GET / 0 {}.");
	CHECK("\r\n", "");
	CHECK("\r", "");
}
END_TEST

START_TEST(header_lines_are_strict)
{
	CHECK("GET / HTTP/1.1\r\nA:  b c \t\r\nEmpty:\r\nx: \xe5\tz\r\n\r\n",
		"GET / 0 {A=b c;Empty=;x=\xe5\tz}.");
	CHECK("GET / HTTP/1.1\r\nA : b\r\n\r\n", "!400");
	CHECK("GET / HTTP/1.1\r\nA B: b\r\n\r\n", "!400");
	CHECK("GET / HTTP/1.1\r\n: b\r\n\r\n", "!400");
	CHECK("GET / HTTP/1.1\r\nnothing\r\n\r\n", "!400");
	CHECK("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "!400");
	CHECK("GET / HTTP/1.1\r\n A: b\r\n\r\n", "!400");
	CHECK("GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", "!400");
	CHECK("GET / HTTP/1.1\r\nA: b\r\r\n\r\n", "!400");
	CHECK("GET / HTTP/1.1\r\nA: \x01\r\n\r\n", "!400");
	CHECK("GET / HTTP/1.1\r\nA: b\0\r\n\r\n", "!400");
	CHECK("GET / HTTP/1.1\r\n\rX\r\n", "!400");
}
END_TEST

START_TEST(a_body_has_one_length_or_none)
{
	CHECK("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
		"POST / 5 {Content-Length=5}[hello].");
	CHECK("POST / HTTP/1.1\r\ncontent-length:0\r\n\r\n", "POST / 0 {content-length=0}.");
	CHECK("POST / HTTP/1.1\r\n\r\n", "POST / 0 {}.");
	CHECK("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell",
		"POST / 5 {Content-Length=5}[hell...");
	CHECK("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "!400");
	CHECK("POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n", "!400");
	CHECK("POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", "!400");
	CHECK("POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", "!400");
	CHECK("POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\n", "!400");
	CHECK("POST / HTTP/1.1\r\nContent-Length: 5 5\r\n\r\n", "!400");
	CHECK("POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", "!400");
	CHECK("POST / HTTP/1.1\r\nContent-Length: 9223372036854775808\r\n\r\n", "!400");
	CHECK("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", "!400");
	CHECK("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "!400");
	CHECK("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "!400");
	CHECK("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "!400");
}
END_TEST

START_TEST(the_largest_length_is_taken_without_its_body)
{
	CHECK("PUT / HTTP/1.1\r\nContent-Length: 9223372036854775807\r\n\r\nab",
		"PUT / 9223372036854775807 {Content-Length=9223372036854775807}[ab...");
}
END_TEST

#define CHUNKED      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_TOLD "POST / -1 {Transfer-Encoding=chunked}"

START_TEST(chunks_are_decoded)
{
	CHECK(CHUNKED "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n", CHUNKED_TOLD "[hello world].");
	CHECK(CHUNKED "00A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", CHUNKED_TOLD "[0123456789].");
	CHECK(CHUNKED "0\r\n\r\nGET / HTTP/1.1\r\n\r\n", CHUNKED_TOLD ".GET / 0 {}.");
	CHECK("POST / HTTP/1.1\r\nTransfer-Encoding: Chunked \r\n\r\n1\r\n\r\r\n0\r\n\r\n",
		"POST / -1 {Transfer-Encoding=Chunked}[\r].");
}
END_TEST

START_TEST(broken_chunks_are_refused)
{
	CHECK(CHUNKED "x\r\n", CHUNKED_TOLD "!400");
	CHECK(CHUNKED "-1\r\n", CHUNKED_TOLD "!400");
	CHECK(CHUNKED " 5\r\n", CHUNKED_TOLD "!400");
	CHECK(CHUNKED "5\rXhello", CHUNKED_TOLD "!400");
	CHECK(CHUNKED "5\nhello", CHUNKED_TOLD "!400");
	CHECK(CHUNKED "5\r\nhelloXY0\r\n\r\n", CHUNKED_TOLD "[hello!400");
	CHECK(CHUNKED "5\r\nhello\rX", CHUNKED_TOLD "[hello!400");
	CHECK(CHUNKED "FFFFFFFFFFFFFFFFF\r\n", CHUNKED_TOLD "!400");
	CHECK(CHUNKED "0\r\nA: b\rC\r\n\r\n", CHUNKED_TOLD "!400");
}
END_TEST

START_TEST(other_transfer_codings_are_not_implemented)
{
	CHECK("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "!501");
	CHECK("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", "!501");
	CHECK("POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n", "!501");
	CHECK("POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", "!501");
	CHECK("POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", "!501");
	CHECK("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		"!501");
	CHECK("POST / HTTP/1.1\r\nTransfer-Encoding:\r\n\r\n", "!501");
}
END_TEST

START_TEST(an_expectation_is_told_and_others_are_refused)
{
	CHECK("POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
		"POST / 1 expects {Expect=100-Continue;Content-Length=1}[x].");
	CHECK("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", "POST / 0 {Expect=100-continue}.");
	CHECK("POST / HTTP/1.1\r\nExpect: gold\r\n\r\n", "!417");
}
END_TEST

START_TEST(an_upgrade_is_not_followed)
{
	CHECK("POST / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: "
	      "2\r\n\r\nab"
	      "GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\n\r\n",
		"POST / 2 {Upgrade=h2c;Connection=Upgrade;Content-Length=2}[ab]."
		"GET / 0 {Connection=close}.GET /2 0 {}.");
	CHECK("GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nGET /2 "
	      "HTTP/1.1\r\n\r\n",
		"GET / 0 {Upgrade=h2c;Connection=Upgrade}.GET /2 0 {}.");
}
END_TEST

START_TEST(a_second_request_waits_in_the_callers_buffer)
{
	struct span in = SPAN_LIT("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
	struct http_request *r = http_request_create();

	ck_assert_int_eq(http_request_feed(r, &in), HTTP_HEAD);
	ck_assert(http_request_is_open(r));
	ck_assert_int_eq(http_request_feed(r, &in), HTTP_END);
	ck_assert_uint_eq(in.len, 19);
	ck_assert_int_eq(http_request_feed(r, &in), HTTP_END);
	ck_assert_uint_eq(in.len, 19);
	ck_assert(span_eq(http_request_target(r), SPAN_LIT("/1")));
	http_request_next(r);
	ck_assert_int_eq(http_request_feed(r, &in), HTTP_HEAD);
	ck_assert(span_eq(http_request_target(r), SPAN_LIT("/2")));
	ck_assert_int_eq(http_request_feed(r, &in), HTTP_END);
	ck_assert_uint_eq(in.len, 0);
	http_request_destroy(r);
}
END_TEST

START_TEST(next_does_nothing_in_the_middle_of_a_request)
{
	struct span in = SPAN_LIT("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na");
	struct http_request *r = http_request_create();

	ck_assert_int_eq(http_request_feed(r, &in), HTTP_HEAD);
	http_request_next(r);
	ck_assert_int_eq(http_request_feed(r, &in), HTTP_BODY);
	http_request_next(r);
	ck_assert_int_eq(http_request_feed(r, &in), HTTP_MORE);
	ck_assert(http_request_is_open(r));
	http_request_destroy(r);
}
END_TEST

/* "GET /aaa... HTTP/1.1" with a target of that many bytes, and an end or not. */
static const char *told_of_target(size_t bytes, size_t step)
{
	char *wire = malloc(bytes + 64);
	const char *text;
	size_t n;

	ck_assert_ptr_nonnull(wire);
	memcpy(wire, "GET ", 4);
	memset(wire + 4, 'a', bytes);
	n = 4 + bytes + (size_t)sprintf(wire + 4 + bytes, " HTTP/1.1\r\n\r\n");
	text = told(SPAN(wire, n), step);
	free(wire);
	return text;
}

START_TEST(a_target_may_be_as_long_as_promised)
{
	for (size_t step = 1; step <= 40000; step *= 100) {
		ck_assert_int_eq(told_of_target(HTTP_TARGET_MAX, step)[4], 'a');
		ck_assert_str_eq(told_of_target(HTTP_TARGET_MAX + 1, step), "!414");
		ck_assert_str_eq(told_of_target(1000000, step), "!414");
	}
}
END_TEST

static const char *told_of_headers(size_t lines, size_t bytes, size_t step)
{
	char *wire = malloc(64 + lines * (bytes + 16));
	static char answer[16];
	size_t n;

	ck_assert_ptr_nonnull(wire);
	n = (size_t)sprintf(wire, "GET / HTTP/1.1\r\n");
	for (size_t i = 0; i < lines; i++) {
		n += (size_t)sprintf(wire + n, "a:");
		memset(wire + n, 'v', bytes);
		n += bytes;
		n += (size_t)sprintf(wire + n, "\r\n");
	}
	n += (size_t)sprintf(wire + n, "\r\n");
	struct span in = SPAN(wire, n);
	struct http_request *r = http_request_create();
	enum http_event ev = HTTP_MORE;

	while (in.len > 0 && ev == HTTP_MORE) {
		struct span piece = SPAN(in.p, step < in.len ? step : in.len);

		in = span_skip(in, piece.len);
		ev = http_request_feed(r, &piece);
	}
	if (ev == HTTP_ERROR)
		sprintf(answer, "!%d", http_request_status(r));
	else
		sprintf(answer, "%zu", ev == HTTP_HEAD ? http_request_headers(r)->count : 999);
	http_request_destroy(r);
	free(wire);
	return answer;
}

START_TEST(a_head_has_bounds_in_bytes_and_lines)
{
	for (size_t step = 1; step <= 1000000; step *= 1000) {
		ck_assert_str_eq(told_of_headers(HTTP_HEADERS_MAX, 1, step), "64");
		ck_assert_str_eq(told_of_headers(HTTP_HEADERS_MAX + 1, 1, step), "!431");
		/* 16 + 64 * (2 + 505 + 2) + 2 bytes is a little below the bound */
		ck_assert_str_eq(told_of_headers(HTTP_HEADERS_MAX, 505, step), "64");
		ck_assert_str_eq(told_of_headers(HTTP_HEADERS_MAX, 509, step), "!431");
		ck_assert_str_eq(told_of_headers(1, HTTP_HEAD_MAX - 22, step), "1");
		ck_assert_str_eq(told_of_headers(1, HTTP_HEAD_MAX - 21, step), "!431");
		ck_assert_str_eq(told_of_headers(1, 1000000, step), "!431");
	}
}
END_TEST

START_TEST(endless_chunk_extensions_and_trailers_end)
{
	static char wire[200000];
	size_t n = (size_t)sprintf(wire, CHUNKED "5;");

	memset(wire + n, 'x', sizeof(wire) - n);
	ck_assert_str_eq(told(SPAN_OF(wire), SIZE_MAX), CHUNKED_TOLD "!431");
	n = (size_t)sprintf(wire, CHUNKED "0\r\n");
	memset(wire + n, 'x', sizeof(wire) - n);
	ck_assert_str_eq(told(SPAN_OF(wire), SIZE_MAX), CHUNKED_TOLD "!431");
}
END_TEST

START_TEST(running_out_of_memory_is_an_answer)
{
	struct span wire = SPAN_LIT("GET / HTTP/1.1\r\nA: b\r\n\r\n");
	long live = mem_live();

	for (unsigned n = 1;; n++) {
		struct http_request *r;
		struct span in = wire;
		enum http_event ev = HTTP_ERROR;

		mem_fail_at(n);
		if ((r = http_request_create()) != NULL)
			ev = http_request_feed(r, &in);
		if (!mem_failed()) {
			ck_assert_int_eq(ev, HTTP_HEAD);
			ck_assert_uint_gt(n, 2);
			mem_fail_at(0);
			http_request_destroy(r);
			break;
		}
		ck_assert_int_eq(ev, HTTP_ERROR);
		if (r != NULL)
			ck_assert_int_eq(http_request_status(r), 503);
		http_request_destroy(r);
		ck_assert_int_eq(mem_live(), live);
	}
	http_request_destroy(NULL);
	ck_assert_int_eq(mem_live(), live);
}
END_TEST

START_TEST(whole_and_byte_by_byte_are_the_same_with_any_byte_wrong)
{
	static const uint8_t wrong[] = "\0\x01\t\n\r !05:;AFGax\x7f\x80";
	uint8_t wire[] = CHUNKED "5\r\nhello\r\n0\r\nT: x\r\n\r\nGET / HTTP/1.1\r\nA: b\r\n\r\n";
	char whole[sizeof(struct story)];

	for (size_t at = 0; at + 1 < sizeof(wire); at++) {
		uint8_t right = wire[at];

		for (size_t i = 0; i + 1 < sizeof(wrong); i++) {
			wire[at] = wrong[i];
			strcpy(whole, told(SPAN(wire, sizeof(wire) - 1), SIZE_MAX));
			ck_assert_str_eq(told(SPAN(wire, sizeof(wire) - 1), 1), whole);
		}
		wire[at] = right;
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("http/request");
	TCase *tc = tcase_create("request");

	tcase_add_test(tc, requests_of_real_phones_are_understood);
	tcase_add_test(tc, method_and_target_are_told_as_sent);
	tcase_add_test(tc, what_is_no_request_line_is_refused);
	tcase_add_test(tc, versions_other_than_1_0_and_1_1_are_refused);
	tcase_add_test(tc, empty_lines_before_a_request_are_dropped);
	tcase_add_test(tc, header_lines_are_strict);
	tcase_add_test(tc, a_body_has_one_length_or_none);
	tcase_add_test(tc, the_largest_length_is_taken_without_its_body);
	tcase_add_test(tc, chunks_are_decoded);
	tcase_add_test(tc, broken_chunks_are_refused);
	tcase_add_test(tc, other_transfer_codings_are_not_implemented);
	tcase_add_test(tc, an_expectation_is_told_and_others_are_refused);
	tcase_add_test(tc, an_upgrade_is_not_followed);
	tcase_add_test(tc, a_second_request_waits_in_the_callers_buffer);
	tcase_add_test(tc, next_does_nothing_in_the_middle_of_a_request);
	tcase_add_test(tc, a_target_may_be_as_long_as_promised);
	tcase_add_test(tc, a_head_has_bounds_in_bytes_and_lines);
	tcase_add_test(tc, endless_chunk_extensions_and_trailers_end);
	tcase_add_test(tc, running_out_of_memory_is_an_answer);
	tcase_add_test(tc, whole_and_byte_by_byte_are_the_same_with_any_byte_wrong);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
