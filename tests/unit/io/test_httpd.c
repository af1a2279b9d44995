/* test_httpd.c: the operators' server, spoken to byte by byte. */
#include <stdio.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/httpd.h"
#include "tests/unit/io/http_talk.h"
#include "tests/unit/io/loopback.h"
#include "tests/unit/main.h"

static struct loop *loop;
static struct httpd *httpd;
static struct addr at;
static long live;
static char asked[256];

static void on_request(void *arg, const char *path, struct httpd_reply *r)
{
	snprintf(asked, sizeof(asked), "%s", path);
	if (strcmp(path, "/metrics") == 0)
		httpd_answer(r, 200, "text/plain", SPAN_LIT("up 1\n"));
	if (strcmp(path, "/readyz") == 0) {
		httpd_answer(r, 503, "text/plain", SPAN_LIT("draining\n"));
		httpd_answer(r, 200, "text/plain", SPAN_LIT("a second answer\n"));
	}
}

static void setup(void)
{
	char failed[256];

	live = mem_live();
	asked[0] = '\0';
	loop = loop_create();
	loopback_find_port(SOCK_STREAM, &at);
	httpd = httpd_create(loop, &at, on_request, NULL, failed);
	ck_assert_msg(httpd != NULL, "%s", failed);
}

static void teardown(void)
{
	httpd_destroy(httpd);
	loop_destroy(loop);
	ck_assert_int_eq(mem_live(), live);
}

#define REQUEST(line) HTTP_HEAD(line) "\r\n"

static const char *expect(const char *text, const char *status)
{
	return http_expect(loop, &at, text, status);
}

START_TEST(get_is_answered_with_a_length_and_the_path_without_its_query)
{
	const char *reply = expect(REQUEST("GET /metrics?x=1"), "200");

	ck_assert_ptr_nonnull(strstr(reply, "Content-Length: 5\r\n"));
	ck_assert_ptr_nonnull(strstr(reply, "\r\n\r\nup 1\n"));
	ck_assert_str_eq(asked, "/metrics");
	expect(REQUEST("GET /a%20b"), "404");
	ck_assert_str_eq(asked, "/a b");
}
END_TEST

START_TEST(head_has_the_length_and_no_body)
{
	const char *reply = expect(REQUEST("HEAD /metrics"), "200");

	ck_assert_ptr_nonnull(strstr(reply, "Content-Length: 5\r\n"));
	ck_assert_ptr_null(strstr(reply, "up 1"));
}
END_TEST

START_TEST(first_answer_counts_and_none_is_a_404)
{
	ck_assert_ptr_null(strstr(expect(REQUEST("GET /readyz"), "503"), "second"));
	ck_assert_ptr_nonnull(
		strstr(expect(REQUEST("GET /nothing"), "404"), "Content-Length: 10\r\n"));
}
END_TEST

START_TEST(other_methods_and_bad_requests_are_refused)
{
	ck_assert_ptr_nonnull(
		strstr(expect(REQUEST("DELETE /metrics"), "405"), "Allow: GET, HEAD\r\n"));
	expect(HTTP_HEAD("POST /metrics") "Content-Length: 2\r\n\r\nhi", "405");
	expect(REQUEST("GET /a%00b"), "400");
	ck_assert_str_eq(asked, "");
}
END_TEST

START_TEST(head_without_end_is_refused)
{
	static char text[60000];
	size_t len = (size_t)snprintf(text, sizeof(text), "GET /metrics HTTP/1.1\r\nX: ");

	memset(text + len, 'a', sizeof(text) - len - 1);
	http_hear(loop, http_say(&at, text));
	ck_assert_str_eq(asked, "");
}
END_TEST

START_TEST(address_that_is_taken_is_named)
{
	char failed[256], text[ADDR_TEXT_MAX];

	ck_assert_ptr_null(httpd_create(loop, &at, on_request, NULL, failed));
	ck_assert_msg(strstr(failed, addr_text(&at, text)) != NULL, "%s", failed);
}
END_TEST

START_TEST(creation_survives_every_failed_allocation)
{
	loopback_find_port(SOCK_STREAM, &at);
	for (unsigned long n = 1;; n++) {
		char failed[256];
		struct httpd *h;

		mem_fail_at(n);
		h = httpd_create(loop, &at, on_request, NULL, failed);
		httpd_destroy(h);
		if (!mem_failed())
			break;
		ck_assert_ptr_null(h);
	}
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io/httpd");
	TCase *t = tcase_create("httpd");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, get_is_answered_with_a_length_and_the_path_without_its_query);
	tcase_add_test(t, head_has_the_length_and_no_body);
	tcase_add_test(t, first_answer_counts_and_none_is_a_404);
	tcase_add_test(t, other_methods_and_bad_requests_are_refused);
	tcase_add_test(t, head_without_end_is_refused);
	tcase_add_test(t, address_that_is_taken_is_named);
	tcase_add_test(t, creation_survives_every_failed_allocation);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
