/*
 * floor_udp.c: bare loops that relay UDP and do nothing else: rows of datagrams by UDP_GRO and UDP_SEGMENT, the same by recvmmsg and
 * sendmmsg, and single datagrams of 10,000 peers through one socket. Arguments: the figures to take, without any all.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/figure.h"
#include "tests/bench/traffic.h"

enum { DATAGRAMS = 200000, WARM = 20000, ROW = 64, LONG_BYTES = 65536, BUFFERS = 4 << 20 };

static uint8_t bytes[ROW][LONG_BYTES];

static int open_socket(struct addr *self)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = BUFFERS;
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0) {
		perror("socket");
		exit(1);
	}
	getsockname(fd, (struct sockaddr *)&sin, &len);
	addr_from_sockaddr((struct sockaddr *)&sin, self);
	return fd;
}

/* What there is to read is passed on; how many datagrams. */
typedef unsigned relay(
	int fd, struct sockaddr_storage *to, socklen_t to_len, const struct traffic *t);

static unsigned relay_trains(
	int fd, struct sockaddr_storage *to, socklen_t to_len, const struct traffic *t)
{
	_Alignas(struct cmsghdr) uint8_t in[64], out[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
	struct iovec iov = { bytes[0], LONG_BYTES };
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = in, .msg_controllen = sizeof(in)
	};
	ssize_t len = recvmsg(fd, &h, 0);
	uint16_t piece = TRAFFIC_BYTES;
	struct cmsghdr *c;

	(void)t;
	if (len <= 0)
		return 0;
	iov.iov_len = (size_t)len;
	h = (struct msghdr){ .msg_name = to,
		.msg_namelen = to_len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = out,
		.msg_controllen = sizeof(out) };
	c = CMSG_FIRSTHDR(&h);
	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(piece));
	memcpy(CMSG_DATA(c), &piece, sizeof(piece));
	if (sendmsg(fd, &h, 0) < 0)
		return 0;
	return ((unsigned)len + TRAFFIC_BYTES - 1) / TRAFFIC_BYTES;
}

static struct mmsghdr msg[ROW];
static struct iovec iovs[ROW];
static struct sockaddr_storage names[ROW];

static int receive_row(int fd, bool with_names)
{
	for (int i = 0; i < ROW; i++) {
		iovs[i] = (struct iovec){ bytes[i], LONG_BYTES };
		msg[i].msg_hdr = (struct msghdr){ .msg_iov = &iovs[i],
			.msg_iovlen = 1,
			.msg_name = with_names ? &names[i] : NULL,
			.msg_namelen = with_names ? sizeof(names[i]) : 0 };
	}
	return recvmmsg(fd, msg, ROW, MSG_DONTWAIT, NULL);
}

static unsigned send_row(int fd, int n)
{
	for (int i = 0; i < n; i++)
		iovs[i].iov_len = msg[i].msg_len;
	n = sendmmsg(fd, msg, (unsigned)n, MSG_DONTWAIT);
	return n > 0 ? (unsigned)n : 0;
}

static unsigned relay_rows(
	int fd, struct sockaddr_storage *to, socklen_t to_len, const struct traffic *t)
{
	int n = receive_row(fd, false);

	(void)t;
	for (int i = 0; i < n; i++) {
		msg[i].msg_hdr.msg_name = to;
		msg[i].msg_hdr.msg_namelen = to_len;
	}
	return n > 0 ? send_row(fd, n) : 0;
}

/* To the peer of the same number on the other side. */
static unsigned relay_sparse(
	int fd, struct sockaddr_storage *to, socklen_t to_len, const struct traffic *t)
{
	int n = receive_row(fd, true);

	(void)to;
	(void)to_len;
	for (int i = 0; i < n; i++) {
		struct sockaddr_in *sin = (struct sockaddr_in *)&names[i];

		((uint8_t *)&sin->sin_addr)[1] = t->b.ip[1];
		sin->sin_port = htons(t->b.port);
	}
	return n > 0 ? send_row(fd, n) : 0;
}

static void measure(struct figures *f, const char *name, relay *fn, bool sparse, bool trains)
{
	struct sockaddr_storage to;
	struct traffic t;
	struct addr self;
	int fd = open_socket(&self), on = trains;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	socklen_t to_len;
	uint64_t relayed = 0;
	int64_t begin = 0;

	setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
	traffic_open(&t, sparse);
	to_len = addr_to_sockaddr(&t.b, &to);
	traffic_start(&t, &self);
	while (relayed < WARM + DATAGRAMS) {
		unsigned n = fn(fd, &to, to_len, &t);

		if (n == 0)
			poll(&p, 1, 1000);
		if (relayed < WARM && relayed + n >= WARM) {
			relayed = WARM;
			n = 0;
			begin = cpu_begin();
		}
		relayed += n;
	}
	figure_add(f, name, cpu_end(begin), DATAGRAMS);
	traffic_stop(&t);
	close(fd);
}

int main(int argc, char **argv)
{
	struct figures f;

	figure_init(&f, &argc, argv);
	cpu_pin(1);
	while (figure_round(&f)) {
		if (figure_is_wanted(argc, argv, "udp-trains"))
			measure(&f, "udp-trains", relay_trains, false, true);
		if (figure_is_wanted(argc, argv, "udp-rows"))
			measure(&f, "udp-rows", relay_rows, false, false);
		if (figure_is_wanted(argc, argv, "udp-sparse"))
			measure(&f, "udp-sparse", relay_sparse, true, false);
	}
	figure_print(&f);
	return 0;
}
