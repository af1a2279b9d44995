/* test_notify.c: what systemd gets to hear. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dcmf/front/notify.h"
#include "tests/unit/main.h"

/* A socket with an abstract name of its own; `name` as systemd puts it into the environment. */
static int listen_abstract(char name[64])
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), len;

	len = snprintf(name, 64, "@dcmf-test-notify-%d", (int)getpid());
	memcpy(at.sun_path + 1, name + 1, (size_t)len - 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
		0);
	return fd;
}

START_TEST(a_message_reaches_the_socket_that_was_named)
{
	char name[64], got[128] = "";
	int fd = listen_abstract(name);

	setenv("NOTIFY_SOCKET", name, 1);
	notify("READY=1\nSTATUS=%d workers", 2);
	ck_assert_int_gt(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT), 0);
	ck_assert_str_eq(got, "READY=1\nSTATUS=2 workers");
	close(fd);
}
END_TEST

START_TEST(without_a_named_socket_or_with_a_wrong_name_nothing_happens)
{
	unsetenv("NOTIFY_SOCKET");
	notify("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify("READY=1");
	setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
	notify("READY=1");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("notify");
	TCase *t = tcase_create("notify");

	tcase_add_test(t, a_message_reaches_the_socket_that_was_named);
	tcase_add_test(t, without_a_named_socket_or_with_a_wrong_name_nothing_happens);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
