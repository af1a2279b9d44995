/* http_talk.c: an HTTP client that says what it is told byte by byte and hears until the server closes. */
#include "tests/unit/io/http_talk.h"

#include <string.h>

#include "tests/unit/io/loopback.h"
#include "tests/unit/io/turn.h"

static char reply[70000];

int http_say(const struct addr *at, const char *text)
{
	int fd = loopback_connect(at);

	ck_assert_int_gt(send(fd, text, strlen(text), MSG_NOSIGNAL), 0);
	return fd;
}

static bool has_closed(void *arg)
{
	size_t have = strlen(reply);

	return recv(*(int *)arg, reply + have, sizeof(reply) - 1 - have, MSG_DONTWAIT) == 0;
}

const char *http_hear(struct loop *l, int fd)
{
	memset(reply, 0, sizeof(reply));
	turn_until(l, has_closed, &fd);
	close(fd);
	return reply;
}

const char *http_expect(struct loop *l, const struct addr *at, const char *text, const char *status)
{
	http_hear(l, http_say(at, text));
	ck_assert_msg(
		strncmp(reply + strlen("HTTP/1.1 "), status, 3) == 0, "%s got %s", text, reply);
	return reply;
}
