/* test_response.c: which headers pass, and what our responses look like. */
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/http/http.h"
#include "tests/unit/main.h"

static struct http_headers headers;

static void clear(void)
{
	headers.count = 0;
}

static void add(const char *name, const char *value)
{
	headers.h[headers.count++] = (struct http_header){ SPAN_STR(name), SPAN_STR(value) };
}

static const char *head(int status, int64_t length)
{
	static char out[2048];
	size_t len = 0;
	uint8_t *bytes = http_response_head(status, &headers, length, &len);

	ck_assert_ptr_nonnull(bytes);
	ck_assert_uint_lt(len, sizeof(out));
	memcpy(out, bytes, len);
	out[len] = '\0';
	mem_free(bytes);
	return out;
}

static const char *own(int status, const char *sentence, bool head_only)
{
	static char out[2048];
	size_t len = 0;
	uint8_t *bytes = http_response_own(status, sentence, head_only, &len);

	ck_assert_ptr_nonnull(bytes);
	memcpy(out, bytes, len);
	out[len] = '\0';
	mem_free(bytes);
	return out;
}

static bool passes(const char *name)
{
	struct http_header h = { SPAN_STR(name), SPAN_LIT("x") };

	return http_header_passes(&headers, &h);
}

START_TEST(a_header_is_found_in_any_case)
{
	clear();
	add("ETag", "\"1\"");
	add("etag", "\"2\"");
	ck_assert(span_eq(http_headers_get(&headers, SPAN_LIT("ETAG"))->value, SPAN_LIT("\"1\"")));
	ck_assert_ptr_null(http_headers_get(&headers, SPAN_LIT("ETa")));
	ck_assert_ptr_null(http_headers_get(&headers, SPAN_NONE));
}
END_TEST

START_TEST(end_to_end_headers_pass)
{
	static const char *const names[] = { "ETag", "If-None-Match", "Content-Type",
		"Content-Encoding", "Range", "Authorization", "Cookie", "X-App", "Tea", "Hosts",
		"Proxyless", "Last-Modified" };

	clear();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_msg(passes(names[i]), "%s", names[i]);
}
END_TEST

START_TEST(headers_of_one_hop_and_of_proxies_do_not_pass)
{
	static const char *const names[] = { "Connection", "keep-alive", "TE", "Trailer",
		"Transfer-Encoding", "Upgrade", "host", "Content-Length", "Expect", "Forwarded",
		"Via", "X-Forwarded-For", "x-forwarded-", "X-Real-IP", "Proxy-Authorization",
		"Proxy-Connection", "X-Original-URL", "X-Rewrite-URL" };

	clear();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_msg(!passes(names[i]), "%s", names[i]);
}
END_TEST

START_TEST(headers_named_by_connection_do_not_pass)
{
	clear();
	add("Connection", "close, X-One ,,");
	add("connection", "x-two");
	ck_assert(!passes("x-one"));
	ck_assert(!passes("X-Two"));
	ck_assert(!passes("Close"));
	ck_assert(passes("X-Three"));
	ck_assert(passes("X"));
}
END_TEST

START_TEST(a_response_head_has_its_length_at_the_end)
{
	clear();
	add("Transfer-Encoding", "chunked");
	add("Content-Length", "99");
	add("ETag", "\"1\"");
	add("Connection", "X-Hop");
	add("X-Hop", "1");
	ck_assert_str_eq(
		head(200, 5), "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 5\r\n\r\n");
	ck_assert_str_eq(
		head(404, 0), "HTTP/1.1 404 Not Found\r\nETag: \"1\"\r\nContent-Length: 0\r\n\r\n");
	ck_assert_str_eq(head(200, -1), "HTTP/1.1 200 OK\r\nETag: \"1\"\r\n\r\n");
	ck_assert_ptr_nonnull(
		strstr(head(200, INT64_MAX), "Content-Length: 9223372036854775807\r\n"));
}
END_TEST

START_TEST(a_response_without_body_has_no_length)
{
	clear();
	add("ETag", "\"1\"");
	add("Content-Length", "99");
	ck_assert_str_eq(head(304, 99), "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n");
	ck_assert_str_eq(head(204, 0), "HTTP/1.1 204 No Content\r\nETag: \"1\"\r\n\r\n");
	ck_assert_str_eq(head(100, 0), "HTTP/1.1 100 Continue\r\nETag: \"1\"\r\n\r\n");
}
END_TEST

START_TEST(headers_with_control_bytes_are_left_out)
{
	clear();
	add("A", "1\r\nSet-Cookie: x");
	add("B\r\nC", "1");
	add("D E", "1");
	add("", "1");
	add("F", "a\tb\xe5");
	headers.h[headers.count++] = (struct http_header){ SPAN_LIT("G"), SPAN_LIT("a\0b") };
	ck_assert_str_eq(
		head(200, 0), "HTTP/1.1 200 OK\r\nF: a\tb\xe5\r\nContent-Length: 0\r\n\r\n");
}
END_TEST

START_TEST(a_response_of_our_own_says_its_sentence)
{
	ck_assert_str_eq(own(502, "The server closed.", false),
		"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: 18\r\n\r\n"
		"The server closed.");
	ck_assert_str_eq(own(502, "The server closed.", true),
		"HTTP/1.1 502 Bad Gateway\r\nContent-Type: "
		"text/plain\r\nContent-Length: 18\r\n\r\n");
	ck_assert_str_eq(own(404, "", false),
		"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n");
	ck_assert_str_eq(own(100, "x", false), "HTTP/1.1 100 Continue\r\n\r\n");
}
END_TEST

START_TEST(every_status_has_words)
{
	ck_assert_str_eq(http_status_text(431), "Request Header Fields Too Large");
	ck_assert_str_eq(http_status_text(505), "HTTP Version Not Supported");
	ck_assert_str_eq(http_status_text(299), "Status");
	ck_assert_str_eq(http_status_text(-1), "Status");
}
END_TEST

START_TEST(running_out_of_memory_is_said)
{
	size_t len;

	clear();
	mem_fail_at(1);
	ck_assert_ptr_null(http_response_head(200, &headers, 0, &len));
	mem_fail_at(1);
	ck_assert_ptr_null(http_response_own(200, "x", false, &len));
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("http/response");
	TCase *tc = tcase_create("response");

	tcase_add_test(tc, a_header_is_found_in_any_case);
	tcase_add_test(tc, end_to_end_headers_pass);
	tcase_add_test(tc, headers_of_one_hop_and_of_proxies_do_not_pass);
	tcase_add_test(tc, headers_named_by_connection_do_not_pass);
	tcase_add_test(tc, a_response_head_has_its_length_at_the_end);
	tcase_add_test(tc, a_response_without_body_has_no_length);
	tcase_add_test(tc, headers_with_control_bytes_are_left_out);
	tcase_add_test(tc, a_response_of_our_own_says_its_sentence);
	tcase_add_test(tc, every_status_has_words);
	tcase_add_test(tc, running_out_of_memory_is_said);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
