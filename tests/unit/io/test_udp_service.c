/* test_udp_service.c: requests in datagrams, and their answers. */
#include <string.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/udp_service.h"
#include "tests/unit/io/loopback.h"
#include "tests/unit/io/turn.h"
#include "tests/unit/main.h"

static struct loop *loop;
static struct udp_service *service;
static struct addr at;
static char why_not[256], reply[64];
static long live;

/* Everything comes back. */
static void echo(void *arg, const struct addr *from, struct span dgram)
{
	udp_service_send(service, from, dgram);
}

static void setup(void)
{
	live = mem_live();
	loop = loop_create();
	loopback_find_port(SOCK_DGRAM, &at);
	service = udp_service_create(loop, &at, echo, NULL, why_not);
	ck_assert_msg(service != NULL, "%s", why_not);
}

static void teardown(void)
{
	udp_service_destroy(service);
	loop_destroy(loop);
	ck_assert_int_eq(mem_live(), live);
}

static void say(int fd, const char *text)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&at, &ss);

	ck_assert_int_ge(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&ss, len), 0);
}

static bool came_back(void *arg)
{
	return recv(*(int *)arg, reply, sizeof(reply) - 1, MSG_DONTWAIT) > 0;
}

START_TEST(request_is_answered_where_it_came_from)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	say(fd, "hello");
	turn_until(loop, came_back, &fd);
	ck_assert_str_eq(reply, "hello");
	close(fd);
}
END_TEST

START_TEST(client_that_is_gone_and_an_empty_datagram_disturb_nobody)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	say(fd, "gone");
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	say(fd, "");
	say(fd, "hello");
	turn_until(loop, came_back, &fd);
	ck_assert_str_eq(reply, "hello");
	close(fd);
}
END_TEST

START_TEST(port_that_is_taken_is_named)
{
	ck_assert_ptr_null(udp_service_create(loop, &at, echo, NULL, why_not));
	ck_assert_ptr_nonnull(strstr(why_not, "cannot bind to UDP 127.0.0.1:"));
	udp_service_destroy(NULL);
}
END_TEST

START_TEST(creation_survives_every_failed_allocation)
{
	struct addr other;

	for (unsigned long n = 1;; n++) {
		struct udp_service *u;

		loopback_find_port(SOCK_DGRAM, &other);
		mem_fail_at(n);
		u = udp_service_create(loop, &other, echo, NULL, why_not);
		udp_service_destroy(u);
		if (!mem_failed())
			break;
		ck_assert_ptr_null(u);
	}
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io/udp_service");
	TCase *t = tcase_create("udp_service");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, request_is_answered_where_it_came_from);
	tcase_add_test(t, client_that_is_gone_and_an_empty_datagram_disturb_nobody);
	tcase_add_test(t, port_that_is_taken_is_named);
	tcase_add_test(t, creation_survives_every_failed_allocation);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
