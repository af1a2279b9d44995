/* udp_play.c: media sockets under test, the peers that speak to them, and what came in. */
#include "tests/unit/io/udp_play.h"

#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "tests/unit/io/udp_kernel.h"

struct loop *loop;
struct udp *udp;
struct arrivals got;
static long live;

/* ---- our side ---- */

static void on_input(void *arg, tick_t now, const struct path *path, struct span dgram)
{
	if (got.datagrams < 256) {
		got.lengths[got.datagrams] = dgram.len;
		got.marks[got.datagrams] = dgram.len > 0 ? dgram.p[0] : 0;
	}
	got.datagrams++;
	got.path = *path;
	got.len = dgram.len;
	memcpy(got.bytes, dgram.p, dgram.len);
	if (got.echo)
		udp_send(udp, path, dgram);
	if (got.close_number != 0)
		udp_close(udp, got.close_number);
}

static void on_input_train(
	void *arg, tick_t now, const struct path *path, struct span bytes, size_t piece)
{
	got.trains++;
	got.datagrams += train_count(bytes.len, piece);
	got.path = *path;
	if (got.echo)
		udp_send_train(udp, path, bytes, piece);
}

static void on_foresee(void *arg, const struct path *paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(paths[i].remote.family, ADDR_IPV4);
	got.foreseen += n;
}

static void on_batch_end(void *arg, tick_t now)
{
	got.batches++;
	if (!got.keep)
		udp_flush(udp);
}

const struct udp_config play_config = { .input = on_input, .batch_end = on_batch_end };

void play_start(void)
{
	live = mem_live();
	memset(&got, 0, sizeof(got));
	memset(&kernel, 0, sizeof(kernel));
	loop = loop_create();
	udp = udp_create(loop, &play_config);
}

void play_end(void)
{
	udp_destroy(udp);
	loop_destroy(loop);
	ck_assert_int_eq(mem_live(), live);
	ck_assert_int_eq(counter_value[CNT_ports], 0);
}

void take_trains(void)
{
	struct udp_config config = { .input = on_input,
		.input_train = on_input_train,
		.foresee = on_foresee,
		.batch_end = on_batch_end };

	udp_destroy(udp);
	udp = udp_create(loop, &config);
}

static bool something_came(void *arg)
{
	return got.datagrams >= *(unsigned *)arg;
}

void wait_for(unsigned datagrams)
{
	turn_until(loop, something_came, &datagrams);
}

/* ---- the other side ---- */

struct addr at(const char *ip, uint16_t port)
{
	struct addr a;

	ck_assert(addr_parse_ip(SPAN_STR(ip), port, &a));
	return a;
}

int peer_open(const char *ip, struct addr *self)
{
	struct addr a = at(ip, 0);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&a, &ss);
	struct timeval patience = { 5, 0 };
	int fd = socket(ss.ss_family, SOCK_DGRAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&ss, len), 0);
	len = sizeof(ss);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	addr_from_sockaddr((struct sockaddr *)&ss, self);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

uint16_t free_port(const char *ip)
{
	struct addr self;

	close(peer_open(ip, &self));
	return self.port;
}

void peer_send(int fd, const struct addr *to, struct span s)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(to, &ss);

	ck_assert_int_eq(sendto(fd, s.p, s.len, 0, (struct sockaddr *)&ss, len), s.len);
}

struct addr peer_receive(int fd, void *buf, size_t *len)
{
	struct sockaddr_storage ss;
	socklen_t ss_len = sizeof(ss);
	ssize_t n = recvfrom(fd, buf, *len, 0, (struct sockaddr *)&ss, &ss_len);
	struct addr from;

	ck_assert_int_ge(n, 0);
	*len = (size_t)n;
	addr_from_sockaddr((struct sockaddr *)&ss, &from);
	return from;
}

void peer_send_train(int fd, const struct addr *to, uint8_t *bytes, size_t len, uint16_t piece)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(piece))] = { 0 };
	struct sockaddr_storage ss;
	struct iovec iov = { bytes, len };
	struct msghdr h = { .msg_name = &ss,
		.msg_namelen = addr_to_sockaddr(to, &ss),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);

	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(piece));
	memcpy(CMSG_DATA(c), &piece, sizeof(piece));
	ck_assert_int_eq(sendmsg(fd, &h, 0), len);
}

/* ---- rows from one to the other ---- */

const char *const loopback[] = { "127.0.0.1", "::1" };

struct path open_toward(const char *ip, int *fd)
{
	struct path path = { .local = at(ip, free_port(ip)) };

	*fd = peer_open(ip, &path.remote);
	ck_assert_int_eq(udp_open(udp, &path.local, &path.port), ERR_OK);
	return path;
}

struct span numbered(unsigned i, size_t len)
{
	static uint8_t bytes[2048];

	memset(bytes, 0x5a, sizeof(bytes));
	bytes[0] = (uint8_t)i;
	return SPAN(bytes, len);
}

void send_row(const struct path *path, unsigned first, unsigned n, size_t len, size_t last)
{
	for (unsigned i = first; i < first + n; i++)
		udp_send(udp, path, numbered(i, i == first + n - 1 ? last : len));
}

void expect_row(int fd, unsigned first, unsigned n, size_t len, size_t last)
{
	for (unsigned i = first; i < first + n; i++) {
		uint8_t buf[2048];
		size_t got_len = sizeof(buf);

		peer_receive(fd, buf, &got_len);
		ck_assert_uint_eq(buf[0], (uint8_t)i);
		ck_assert_uint_eq(got_len, i == first + n - 1 ? last : len);
	}
}
