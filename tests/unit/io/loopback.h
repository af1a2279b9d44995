/* loopback.h: TCP and UDP sockets of a test at 127.0.0.1, on ports that the kernel chooses. */
#pragma once

#include <check.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcmf/base/addr.h"

/* A bound socket; `type` is SOCK_STREAM or SOCK_DGRAM, SOCK_NONBLOCK may be added. */
static inline int loopback_bind(int type, struct addr *at)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, type, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	ck_assert(addr_from_sockaddr((struct sockaddr *)&in, at));
	return fd;
}

/* A port that was free a moment ago. */
static inline void loopback_find_port(int type, struct addr *at)
{
	close(loopback_bind(type, at));
}

/* A TCP connection to it. */
static inline int loopback_connect(const struct addr *at)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(at, &ss);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&ss, len), 0);
	return fd;
}
