/*
 * test_ue_http.c: the HTTP client of the test UE: if it were forgiving, nothing
 * it says about the gateway would count.
 */
#include "tests/unit/main.h"

#include <string.h>

#include "dcmf/base/alloc.h"
#include "tools/ue/ue_http.h"

static struct ue_http http;
static char body[256];
static size_t body_len;
static unsigned heads, ends, garbage;

static void begin(void)
{
	ue_http_init(&http);
	body_len = heads = ends = garbage = 0;
}

static void end(void)
{
	ue_http_finish(&http);
	ck_assert_int_eq(mem_live(), 0);
}

static void feed(const char *text, size_t len)
{
	struct span rest = SPAN(text, len);
	enum ue_http_got got;

	while ((got = ue_http_feed(&http, &rest)) != UE_HTTP_MORE) {
		heads += got == UE_HTTP_HEAD;
		ends += got == UE_HTTP_END;
		garbage += got == UE_HTTP_GARBAGE;
		if (got == UE_HTTP_BODY) {
			memcpy(body + body_len, http.body.p, http.body.len);
			body_len += http.body.len;
		}
	}
	ck_assert_uint_eq(rest.len, 0);
}

static void ask(const char *method)
{
	ck_assert_int_eq(
		ue_http_ask(&http, &(struct ue_request){ .method = method, .target = "/x" }),
		ERR_OK);
}

START_TEST(a_request_has_no_host)
{
	begin();
	ck_assert_int_eq(
		ue_http_ask(&http, &(struct ue_request){ .target = "/a?b", .etag = "\"1\"" }),
		ERR_OK);
	ck_assert(span_eq(bytes_view(&http.out),
		SPAN_LIT("GET /a?b HTTP/1.1\r\nIf-None-Match: \"1\"\r\n\r\n")));
	end();
}
END_TEST

START_TEST(a_body_brings_its_length)
{
	begin();
	ck_assert_int_eq(ue_http_ask(&http, &(struct ue_request){ .method = "POST",
						    .target = "/",
						    .body = SPAN_LIT("abc") }),
		ERR_OK);
	ck_assert(span_eq(bytes_view(&http.out),
		SPAN_LIT("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")));
	end();
}
END_TEST

/* However it is cut, the same comes out. */
START_TEST(a_response_may_come_in_any_pieces)
{
	static const char text[] =
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"7\"\r\n\r\nhello";

	for (size_t cut = 0; cut <= sizeof(text) - 1; cut++) {
		begin();
		ask(NULL);
		feed(text, cut);
		feed(text + cut, sizeof(text) - 1 - cut);
		ck_assert_uint_eq(heads, 1);
		ck_assert_uint_eq(ends, 1);
		ck_assert_uint_eq(garbage, 0);
		ck_assert_uint_eq(body_len, 5);
		ck_assert_mem_eq(body, "hello", 5);
		end();
	}
}
END_TEST

START_TEST(headers_are_found_in_any_case)
{
	static const char text[] =
		"HTTP/1.1 302 Found\r\nlocation:  /y \r\ncontent-LENGTH: 0\r\n\r\n";
	struct span rest = SPAN_OF(text);

	begin();
	ask(NULL);
	rest.len--;
	ck_assert_int_eq(ue_http_feed(&http, &rest), UE_HTTP_HEAD);
	ck_assert_int_eq(http.response.status, 302);
	ck_assert_int_eq(http.response.length, 0);
	ck_assert(span_eq(ue_response_header(&http.response, "Location"), SPAN_LIT("/y")));
	ck_assert_uint_eq(ue_response_header(&http.response, "ETag").len, 0);
	end();
}
END_TEST

/* As phones do it: what follows is the next response, or nonsense. */
START_TEST(without_length_a_response_is_complete_at_once)
{
	static const char text[] = "HTTP/1.1 200 OK\r\n\r\nhello\r\n\r\n";

	begin();
	ask(NULL);
	feed(text, sizeof(text) - 1);
	ck_assert_uint_eq(ends, 1);
	ck_assert_uint_eq(garbage, 1);
	end();
}
END_TEST

START_TEST(every_announced_byte_is_waited_for)
{
	static const char text[] = "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n";

	begin();
	ask(NULL);
	feed(text, sizeof(text) - 1);
	ck_assert_uint_eq(heads, 1);
	ck_assert_uint_eq(ends, 0);
	end();
}
END_TEST

START_TEST(after_head_no_body_is_waited_for)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";

	begin();
	ask("HEAD");
	feed(text, sizeof(text) - 1);
	ck_assert_uint_eq(ends, 1);
	end();
}
END_TEST

static const char *const nonsense[] = {
	"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
	"hello\r\n\r\n",
	"HTTP/1.1 abc\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
};

START_TEST(what_is_no_response_is_garbage)
{
	begin();
	ask(NULL);
	feed(nonsense[_i], strlen(nonsense[_i]));
	ck_assert_uint_eq(garbage, 1);
	ck_assert_uint_eq(ends, 0);
	end();
}
END_TEST

START_TEST(a_response_nobody_asked_for_is_garbage)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

	begin();
	feed(text, sizeof(text) - 1);
	ck_assert_uint_eq(garbage, 1);
	end();
}
END_TEST

START_TEST(responses_come_one_after_the_other)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"
				   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\ncd";

	begin();
	ask(NULL);
	ask(NULL);
	feed(text, sizeof(text) - 1);
	ck_assert_uint_eq(ends, 2);
	ck_assert_mem_eq(body, "abcd", 4);
	ck_assert_uint_eq(http.pending, 0);
	end();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ue/http");
	TCase *tc = tcase_create("http");

	tcase_add_test(tc, a_request_has_no_host);
	tcase_add_test(tc, a_body_brings_its_length);
	tcase_add_test(tc, a_response_may_come_in_any_pieces);
	tcase_add_test(tc, headers_are_found_in_any_case);
	tcase_add_test(tc, without_length_a_response_is_complete_at_once);
	tcase_add_test(tc, every_announced_byte_is_waited_for);
	tcase_add_test(tc, after_head_no_body_is_waited_for);
	tcase_add_loop_test(
		tc, what_is_no_response_is_garbage, 0, sizeof(nonsense) / sizeof(nonsense[0]));
	tcase_add_test(tc, a_response_nobody_asked_for_is_garbage);
	tcase_add_test(tc, responses_come_one_after_the_other);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
