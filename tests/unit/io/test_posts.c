/* test_posts.c: messages posted over HTTP, byte by byte. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/posts.h"
#include "tests/unit/io/http_talk.h"
#include "tests/unit/io/loopback.h"
#include "tests/unit/io/turn.h"
#include "tests/unit/main.h"

static struct loop *loop;
static struct posts *posts;
static struct addr at;
static long live;
static bool is_stranger;
static char asked[256];
static uint64_t waiting;

/* "/later" is answered when the test says so, everything else at once. */
static void posted(void *arg, uint64_t id, const char *path, const char *type, struct span body)
{
	snprintf(asked, sizeof(asked), "%s %s %.*s", path, type, SPAN_FMT(body));
	waiting = id;
	if (strcmp(path, "/later") != 0) {
		posts_answer(posts, id, 200, "text/x", SPAN_LIT("now"));
		posts_answer(posts, id, 200, "text/x", SPAN_LIT("twice"));
	}
}

static bool may_post(void *arg, const struct addr *from)
{
	return !is_stranger && addr_is_loopback(from);
}

static void setup(void)
{
	static const struct posts_config config = { posted, may_post, NULL, 1000 };
	char failed[256];

	live = mem_live();
	asked[0] = '\0';
	is_stranger = false;
	loop = loop_create();
	loopback_find_port(SOCK_STREAM, &at);
	posts = posts_create(loop, &at, &config, failed);
	ck_assert_msg(posts != NULL, "%s", failed);
}

static void teardown(void)
{
	posts_destroy(posts);
	loop_destroy(loop);
	ck_assert_int_eq(mem_live(), live);
}

static bool was_asked(void *arg)
{
	return asked[0] != '\0';
}

static const char *expect(const char *text, const char *status)
{
	return http_expect(loop, &at, text, status);
}

START_TEST(a_post_is_handed_over_and_answered_once)
{
	const char *reply =
		expect(HTTP_HEAD("POST /now") "Content-Type: a/b\r\nContent-Length: 5\r\n\r\nhello",
			"200");

	ck_assert_str_eq(asked, "/now a/b hello");
	ck_assert_ptr_nonnull(strstr(reply, "Content-Length: 3\r\n"));
	ck_assert_ptr_nonnull(strstr(reply, "\r\n\r\nnow"));
	ck_assert_ptr_null(strstr(reply, "twice"));
	expect(HTTP_HEAD("POST /now") "Content-Length: 0\r\n\r\n", "200");
	ck_assert_str_eq(asked, "/now  ");
}
END_TEST

START_TEST(an_answer_may_come_later)
{
	int fd = http_say(&at, HTTP_HEAD("POST /later") "Content-Length: 1\r\n\r\n1");

	turn_until(loop, was_asked, NULL);
	posts_answer(posts, waiting + 1, 200, "text/x", SPAN_LIT("for nobody"));
	posts_answer(posts, waiting, 200, "text/x", SPAN_LIT("at last"));
	ck_assert_ptr_nonnull(strstr(http_hear(loop, fd), "\r\n\r\nat last"));
}
END_TEST

START_TEST(a_client_that_is_gone_is_answered_by_nobody)
{
	int fd = http_say(&at, HTTP_HEAD("POST /later") "Content-Length: 1\r\n\r\n1");

	turn_until(loop, was_asked, NULL);
	close(fd);
	turn_for(loop, 50);
	posts_answer(posts, waiting, 200, "text/x", SPAN_LIT("at last"));
	turn_for(loop, 20);
	expect(HTTP_HEAD("POST /now") "Content-Length: 1\r\n\r\n1", "200");
	fd = http_say(&at,
		HTTP_HEAD("POST /later") "Content-Length: 1\r\n\r\n1"); /* hung up on by teardown */
	asked[0] = '\0';
	turn_until(loop, was_asked, NULL);
	close(fd);
}
END_TEST

START_TEST(what_is_no_post_or_comes_from_elsewhere_is_refused)
{
	ck_assert_ptr_nonnull(
		strstr(expect(HTTP_HEAD("GET /now") "\r\n", "405"), "Allow: POST\r\n"));
	expect(HTTP_HEAD("OPTIONS /now") "\r\n", "405");
	expect(HTTP_HEAD("POST /now") "Content-Length: 1001\r\n\r\n", "413");
	is_stranger = true;
	expect(HTTP_HEAD("POST /now") "Content-Length: 1\r\n\r\n1", "403");
	ck_assert_str_eq(asked, "");
}
END_TEST

START_TEST(a_port_that_is_taken_is_named)
{
	static const struct posts_config config = { posted, may_post, NULL, 1000 };
	char failed[256] = "", text[ADDR_TEXT_MAX];

	ck_assert_ptr_null(posts_create(loop, &at, &config, failed));
	ck_assert_ptr_nonnull(strstr(failed, addr_text(&at, text)));
}
END_TEST

START_TEST(creation_survives_every_failed_allocation)
{
	static const struct posts_config config = { posted, may_post, NULL, 1000 };

	loopback_find_port(SOCK_STREAM, &at);
	for (unsigned long n = 1;; n++) {
		char failed[256];
		struct posts *p;

		mem_fail_at(n);
		p = posts_create(loop, &at, &config, failed);
		posts_destroy(p);
		if (!mem_failed())
			break;
		ck_assert_ptr_null(p);
	}
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io/posts");
	TCase *t = tcase_create("posts");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_post_is_handed_over_and_answered_once);
	tcase_add_test(t, an_answer_may_come_later);
	tcase_add_test(t, a_client_that_is_gone_is_answered_by_nobody);
	tcase_add_test(t, what_is_no_post_or_comes_from_elsewhere_is_refused);
	tcase_add_test(t, a_port_that_is_taken_is_named);
	tcase_add_test(t, creation_survives_every_failed_allocation);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
