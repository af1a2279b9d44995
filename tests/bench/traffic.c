/* traffic.c: UDP traffic through something that relays it, from a process of its own. */
#include "tests/bench/traffic.h"

#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/figure.h"

enum {
	BUFFERS = 4 << 20,
	ROW = 64,           /* datagrams a system call */
	PATIENCE_MS = 20,   /* then what is under way counts as lost */
	LONG_BYTES = 65536, /* of a row received as one */
};

static void must(bool is_so, const char *what)
{
	if (is_so)
		return;
	perror(what);
	exit(1);
}

static int open_side(const char *ip, struct addr *self)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = BUFFERS;
	struct sockaddr_storage ss;
	struct addr any;
	socklen_t len;

	addr_parse_ip(span_str(ip), 0, &any);
	len = addr_to_sockaddr(&any, &ss);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	must(fd >= 0 && bind(fd, (struct sockaddr *)&ss, len) == 0, "socket");
	len = sizeof(ss);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	addr_from_sockaddr((struct sockaddr *)&ss, self);
	return fd;
}

/* Peers are addresses of 127.0.0.0/8 on one port: 127.SIDE.n/250.1+n%250. */
static void name_first(struct addr *a, uint8_t side)
{
	const uint8_t ip[4] = { 127, side, 0, 1 };

	memcpy(a->ip, ip, sizeof(ip));
}

struct addr traffic_peer(const struct addr *first, unsigned n)
{
	struct addr a = *first;

	a.ip[2] = (uint8_t)(n / 250);
	a.ip[3] = (uint8_t)(1 + n % 250);
	return a;
}

unsigned traffic_number(const struct addr *peer)
{
	return peer->ip[2] * 250u + peer->ip[3] - 1u;
}

void traffic_open(struct traffic *t, bool sparse)
{
	*t = (struct traffic){ .sparse = sparse };
	t->from = open_side(sparse ? "0.0.0.0" : "127.0.0.1", &t->a);
	t->to = open_side(sparse ? "0.0.0.0" : "127.0.0.1", &t->b);
	if (sparse) {
		name_first(&t->a, 1);
		name_first(&t->b, 2);
	}
}

/* ---- the process ---- */

static uint8_t bytes[ROW][LONG_BYTES], row[LONG_BYTES];

static void send_train(const struct traffic *t, struct sockaddr_storage *to, socklen_t to_len)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
	struct iovec iov = { row, TRAFFIC_TRAIN * TRAFFIC_BYTES };
	struct msghdr h = { .msg_name = to,
		.msg_namelen = to_len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	uint16_t piece = TRAFFIC_BYTES;

	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(piece));
	memcpy(CMSG_DATA(c), &piece, sizeof(piece));
	if (sendmsg(t->from, &h, 0) < 0)
		usleep(100);
}

static void name_source(struct msghdr *h, const struct addr *from)
{
	struct in_pktinfo info = { 0 };
	struct cmsghdr *c = CMSG_FIRSTHDR(h);

	memcpy(&info.ipi_spec_dst, from->ip, sizeof(info.ipi_spec_dst));
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
}

/* One datagram each of the next peers. */
static void send_sparse(const struct traffic *t, struct sockaddr_storage *to, socklen_t to_len)
{
	static _Alignas(struct cmsghdr) uint8_t control[ROW][CMSG_SPACE(sizeof(struct in_pktinfo))];
	static struct mmsghdr msg[ROW];
	static unsigned next;
	struct iovec iov = { row, TRAFFIC_BYTES };

	for (unsigned i = 0; i < TRAFFIC_TRAIN; i++) {
		struct addr from = traffic_peer(&t->a, next++ % FLOWS_SPARSE);

		msg[i].msg_hdr = (struct msghdr){ .msg_name = to,
			.msg_namelen = to_len,
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control[i],
			.msg_controllen = sizeof(control[i]) };
		name_source(&msg[i].msg_hdr, &from);
	}
	if (sendmmsg(t->from, msg, TRAFFIC_TRAIN, 0) < 0)
		usleep(100);
}

static unsigned drain(const struct traffic *t)
{
	static struct mmsghdr msg[ROW];
	static struct iovec iov[ROW];
	unsigned dgrams = 0;
	int n;

	for (int i = 0; i < ROW; i++) {
		iov[i] = (struct iovec){ bytes[i], LONG_BYTES };
		msg[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(t->to, msg, ROW, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		dgrams += (msg[i].msg_len + TRAFFIC_BYTES - 1) / TRAFFIC_BYTES;
	return dgrams;
}

static void run(const struct traffic *t, const struct addr *toward)
{
	struct pollfd p = { .fd = t->to, .events = POLLIN };
	struct sockaddr_storage to;
	socklen_t to_len = addr_to_sockaddr(toward, &to);
	uint64_t sent = 0, received = 0;

	for (;;) {
		unsigned n;

		while (sent - received < TRAFFIC_WINDOW) {
			if (t->sparse)
				send_sparse(t, &to, to_len);
			else
				send_train(t, &to, to_len);
			sent += TRAFFIC_TRAIN;
		}
		n = drain(t);
		received += n;
		if (received > sent || (n == 0 && poll(&p, 1, PATIENCE_MS) == 0))
			received = sent;
	}
}

void traffic_start(struct traffic *t, const struct addr *toward)
{
	int on = 1;

	fflush(stdout);
	if ((t->pid = fork()) > 0)
		return;
	must(t->pid == 0, "fork");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cpu_pin(0);
	for (int i = 0; i < TRAFFIC_TRAIN; i++) /* all look like DTLS records (RFC 7983) */
		row[i * TRAFFIC_BYTES] = 23;
	if (!t->sparse)
		setsockopt(t->to, SOL_UDP, UDP_GRO, &on, sizeof(on));
	run(t, toward);
}

void traffic_stop(struct traffic *t)
{
	if (t->pid > 0) {
		kill(t->pid, SIGKILL);
		waitpid(t->pid, NULL, 0);
	}
	close(t->from);
	close(t->to);
}
