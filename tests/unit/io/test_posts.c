/* test_posts.c: messages posted over HTTP, and requests in datagrams, byte by byte. */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/posts.h"
#include "dcmf/io/udp_service.h"
#include "tests/unit/io/turn.h"
#include "tests/unit/main.h"

static struct loop *loop;
static struct posts *posts;
static struct addr at;
static long live;
static bool is_stranger;
static char asked[256], reply[4096];
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

static void find_port(int type)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, type, 0);

	bind(fd, (struct sockaddr *)&in, len);
	getsockname(fd, (struct sockaddr *)&in, &len);
	close(fd);
	addr_from_sockaddr((struct sockaddr *)&in, &at);
}

static void setup(void)
{
	static const struct posts_config config = { posted, may_post, NULL, 1000 };
	char failed[256];

	live = mem_live();
	asked[0] = '\0';
	is_stranger = false;
	loop = loop_create();
	find_port(SOCK_STREAM);
	posts = posts_create(loop, &at, &config, failed);
	ck_assert_msg(posts != NULL, "%s", failed);
}

static void teardown(void)
{
	posts_destroy(posts);
	loop_destroy(loop);
	ck_assert_int_eq(mem_live(), live);
}

static int client(const char *text)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&at, &ss);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(reply, 0, sizeof(reply));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&ss, len), 0);
	ck_assert_int_gt(send(fd, text, strlen(text), MSG_NOSIGNAL), 0);
	return fd;
}

static bool has_closed(void *arg)
{
	size_t have = strlen(reply);

	return recv(*(int *)arg, reply + have, sizeof(reply) - 1 - have, MSG_DONTWAIT) == 0;
}

static bool was_asked(void *arg)
{
	return asked[0] != '\0';
}

static void check_status(const char *text, const char *status)
{
	int fd = client(text);

	turn_until(loop, has_closed, &fd);
	close(fd);
	ck_assert_msg(
		strncmp(reply + strlen("HTTP/1.1 "), status, 3) == 0, "%s got %s", text, reply);
}

#define HEAD(line) line " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"

START_TEST(a_post_is_handed_over_and_answered_once)
{
	check_status(
		HEAD("POST /now") "Content-Type: a/b\r\nContent-Length: 5\r\n\r\nhello", "200");
	ck_assert_str_eq(asked, "/now a/b hello");
	ck_assert_ptr_nonnull(strstr(reply, "Content-Length: 3\r\n"));
	ck_assert_ptr_nonnull(strstr(reply, "\r\n\r\nnow"));
	ck_assert_ptr_null(strstr(reply, "twice"));
	check_status(HEAD("POST /now") "Content-Length: 0\r\n\r\n", "200");
	ck_assert_str_eq(asked, "/now  ");
}
END_TEST

START_TEST(an_answer_may_come_later)
{
	int fd = client(HEAD("POST /later") "Content-Length: 1\r\n\r\n1");

	turn_until(loop, was_asked, NULL);
	posts_answer(posts, waiting + 1, 200, "text/x", SPAN_LIT("for nobody"));
	posts_answer(posts, waiting, 200, "text/x", SPAN_LIT("at last"));
	turn_until(loop, has_closed, &fd);
	ck_assert_ptr_nonnull(strstr(reply, "\r\n\r\nat last"));
	close(fd);
}
END_TEST

START_TEST(a_client_that_is_gone_is_answered_by_nobody)
{
	int fd = client(HEAD("POST /later") "Content-Length: 1\r\n\r\n1");

	turn_until(loop, was_asked, NULL);
	close(fd);
	turn_for(loop, 50);
	posts_answer(posts, waiting, 200, "text/x", SPAN_LIT("at last"));
	turn_for(loop, 20);
	check_status(HEAD("POST /now") "Content-Length: 1\r\n\r\n1", "200");
	fd = client(HEAD("POST /later") "Content-Length: 1\r\n\r\n1"); /* hung up on by teardown */
	asked[0] = '\0';
	turn_until(loop, was_asked, NULL);
	close(fd);
}
END_TEST

START_TEST(what_is_no_post_or_comes_from_elsewhere_is_refused)
{
	check_status(HEAD("GET /now") "\r\n", "405");
	ck_assert_ptr_nonnull(strstr(reply, "Allow: POST\r\n"));
	check_status(HEAD("OPTIONS /now") "\r\n", "405");
	check_status(HEAD("POST /now") "Content-Length: 1001\r\n\r\n", "413");
	is_stranger = true;
	check_status(HEAD("POST /now") "Content-Length: 1\r\n\r\n1", "403");
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

/* ---- datagrams -------------------------------------------------------------------------- */

static struct udp_service *service;

/* Everything comes back. */
static void echo(void *arg, const struct addr *from, struct span dgram)
{
	udp_service_send(service, from, dgram);
}

static bool came_back(void *arg)
{
	return recv(*(int *)arg, reply, sizeof(reply), MSG_DONTWAIT) > 0;
}

START_TEST(a_datagram_is_answered_where_it_came_from)
{
	struct sockaddr_storage ss;
	char failed[256] = "";
	socklen_t len;
	int fd;

	find_port(SOCK_DGRAM);
	service = udp_service_create(loop, &at, echo, NULL, failed);
	ck_assert_msg(service != NULL, "%s", failed);
	len = addr_to_sockaddr(&at, &ss);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	memset(reply, 0, sizeof(reply));
	/* one from a socket that will not be there any more, and an empty one */
	sendto(fd, "gone", 4, 0, (struct sockaddr *)&ss, len);
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	sendto(fd, "", 0, 0, (struct sockaddr *)&ss, len);
	sendto(fd, "hello", 5, 0, (struct sockaddr *)&ss, len);
	turn_until(loop, came_back, &fd);
	ck_assert_str_eq(reply, "hello");
	close(fd);
	ck_assert_ptr_null(udp_service_create(loop, &at, echo, NULL, failed));
	ck_assert_ptr_nonnull(strstr(failed, "cannot bind to UDP 127.0.0.1:"));
	udp_service_destroy(service);
	udp_service_destroy(NULL);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("posts");
	TCase *t = tcase_create("posts");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_post_is_handed_over_and_answered_once);
	tcase_add_test(t, an_answer_may_come_later);
	tcase_add_test(t, a_client_that_is_gone_is_answered_by_nobody);
	tcase_add_test(t, what_is_no_post_or_comes_from_elsewhere_is_refused);
	tcase_add_test(t, a_port_that_is_taken_is_named);
	tcase_add_test(t, a_datagram_is_answered_where_it_came_from);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
