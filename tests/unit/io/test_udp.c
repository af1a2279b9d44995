/* test_udp.c: media sockets on loopback: which address answers, numbers, batches, errors. */
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/io/udp.h"
#include "tests/unit/io/turn.h"
#include "tests/unit/main.h"

/* The kernel of a machine that cannot send trains, or not to this peer. */
static struct {
	int refuse_trains; /* with this error; 0: as it is */
	unsigned refused;
	unsigned calls;
} kernel;

static bool is_train(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c))
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_SEGMENT)
			return true;
	return false;
}

/* Found before the C library's own. */
int sendmmsg(int fd, struct mmsghdr *msg, unsigned n, int flags)
{
	unsigned before = 0;

	kernel.calls++;
	while (kernel.refuse_trains != 0 && before < n && !is_train(&msg[before].msg_hdr))
		before++;
	if (kernel.refuse_trains == 0 || before > 0)
		return (int)syscall(
			SYS_sendmmsg, fd, msg, kernel.refuse_trains ? before : n, flags);
	kernel.refused++;
	errno = kernel.refuse_trains;
	return -1;
}

static struct loop *loop;
static struct udp *udp;
static long live;

/* What came in last, and what to do then. */
static struct {
	unsigned datagrams, batches;
	struct path path;
	uint8_t bytes[70000];
	size_t len;
	size_t lengths[256];       /* of the first ones */
	uint8_t marks[256];        /* their first bytes */
	bool echo, keep;           /* keep: what is sent waits for the end of the turn */
	unsigned trains, foreseen; /* handed over whole; paths in hints */
	uint32_t close_number;     /* closed from inside input() */
} got;

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

static void setup(void)
{
	struct udp_config config = { .input = on_input, .batch_end = on_batch_end };

	live = mem_live();
	memset(&got, 0, sizeof(got));
	memset(&kernel, 0, sizeof(kernel));
	loop = loop_create();
	udp = udp_create(loop, &config);
}

static void teardown(void)
{
	udp_destroy(udp);
	loop_destroy(loop);
	ck_assert_int_eq(mem_live(), live);
	ck_assert_int_eq(counter_value[CNT_ports], 0);
}

static struct addr at(const char *ip, uint16_t port)
{
	struct addr a;

	ck_assert(addr_parse_ip(SPAN_STR(ip), port, &a));
	return a;
}

/* A plain socket of the other side, on a port the kernel chooses. */
static int peer_open(const char *ip, struct addr *self)
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

/* A port that was free a moment ago. */
static uint16_t free_port(const char *ip)
{
	struct addr self;

	close(peer_open(ip, &self));
	return self.port;
}

static void peer_send(int fd, const struct addr *to, struct span s)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(to, &ss);

	ck_assert_int_eq(sendto(fd, s.p, s.len, 0, (struct sockaddr *)&ss, len), s.len);
}

static struct addr peer_receive(int fd, void *buf, size_t *len)
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

static bool something_came(void *arg)
{
	return got.datagrams >= *(unsigned *)arg;
}

static void wait_for(unsigned datagrams)
{
	turn_until(loop, something_came, &datagrams);
}

static void check_echo(const char *bound, const char *called, const char *peer_ip)
{
	struct addr self, local = at(bound, free_port(peer_ip)), to = at(called, local.port), from;
	int fd = peer_open(peer_ip, &self);
	uint32_t number;
	char buf[16];
	size_t len = sizeof(buf);

	ck_assert_int_eq(udp_open(udp, &local, &number), ERR_OK);
	got.echo = true;
	got.datagrams = 0;
	peer_send(fd, &to, SPAN_LIT("ping"));
	wait_for(1);
	ck_assert_uint_eq(got.path.port, number);
	ck_assert(addr_eq(&got.path.local, &to));
	ck_assert(addr_eq(&got.path.remote, &self));
	from = peer_receive(fd, buf, &len);
	ck_assert(addr_eq(&from, &to));
	ck_assert(span_eq(SPAN(buf, len), SPAN_LIT("ping")));
	udp_close(udp, number);
	close(fd);
}

START_TEST(answer_leaves_from_the_address_the_packet_came_to)
{
	check_echo("127.0.0.1", "127.0.0.1", "127.0.0.1");
	check_echo("0.0.0.0", "127.0.0.1", "127.0.0.1");
	check_echo("0.0.0.0", "127.0.0.2", "127.0.0.1");
	check_echo("0.0.0.0", "127.0.0.3", "127.0.0.9");
	check_echo("::1", "::1", "::1");
	check_echo("::", "::1", "::1");
}
END_TEST

START_TEST(ipv4_and_ipv6_can_have_the_same_port)
{
	uint16_t port = free_port("127.0.0.1");
	struct addr four = at("0.0.0.0", port), six = at("::", port);
	uint32_t a, b;

	ck_assert_int_eq(udp_open(udp, &four, &a), ERR_OK);
	ck_assert_int_eq(udp_open(udp, &six, &b), ERR_OK);
	ck_assert_uint_ne(a, b);
	ck_assert_int_eq(counter_value[CNT_ports], 2);
}
END_TEST

START_TEST(opening_tells_a_foreign_address_from_a_taken_port)
{
	struct addr local = at("127.0.0.1", free_port("127.0.0.1")),
		    foreign = at("192.0.2.1", 4000);
	struct addr no_port = at("127.0.0.1", 0), none = { 0 };
	uint32_t number, other;

	ck_assert_int_eq(udp_open(udp, &local, &number), ERR_OK);
	ck_assert_int_eq(udp_open(udp, &local, &other), ERR_EXISTS);
	ck_assert_int_eq(udp_open(udp, &foreign, &other), ERR_ADDRESS);
	ck_assert_int_eq(udp_open(udp, &no_port, &other), ERR_ADDRESS);
	ck_assert_int_eq(udp_open(udp, &none, &other), ERR_ADDRESS);
	ck_assert_int_eq(counter_value[CNT_ports], 1);
}
END_TEST

START_TEST(number_of_a_closed_port_is_not_given_again)
{
	struct addr local = at("127.0.0.1", free_port("127.0.0.1"));
	struct path path = { .local = local, .remote = at("127.0.0.1", 9) };
	int64_t dropped = counter_value[CNT_datagrams_dropped_total];
	uint32_t first, number;

	ck_assert_int_eq(udp_open(udp, &local, &first), ERR_OK);
	udp_close(udp, first);
	udp_close(udp, first);
	udp_close(udp, 0);
	for (int i = 0; i < 500; i++) {
		ck_assert_int_eq(udp_open(udp, &local, &number), ERR_OK);
		ck_assert_uint_ne(number, first);
		udp_close(udp, number);
	}
	path.port = first;
	udp_send(udp, &path, SPAN_LIT("to nobody"));
	ck_assert_int_eq(counter_value[CNT_datagrams_dropped_total], dropped + 1);
}
END_TEST

START_TEST(burst_beyond_queue_and_batch_leaves_whole_and_in_order)
{
	enum { BURST = 3000 };
	struct addr self, local = at("127.0.0.1", free_port("127.0.0.1"));
	int fd = peer_open("127.0.0.1", &self), size = 8 << 20;
	struct path path = { .local = local, .remote = self };
	int64_t sent = counter_value[CNT_datagrams_sent_total];
	unsigned received = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	ck_assert_int_eq(udp_open(udp, &local, &path.port), ERR_OK);
	for (unsigned i = 0; i < BURST; i++) {
		unsigned seen;
		size_t len = sizeof(seen);

		udp_send(udp, &path, SPAN(&i, sizeof(i)));
		if (i % 1024 != 100 && i != BURST - 1)
			continue;
		if (i == BURST - 1)
			udp_flush(udp);
		/* a receive buffer that was too small for all of it is no fault of the sender */
		while (recv(fd, &seen, len, MSG_DONTWAIT) == (ssize_t)len) {
			ck_assert_uint_ge(seen, received);
			received = seen + 1;
		}
	}
	ck_assert_int_eq(counter_value[CNT_datagrams_sent_total], sent + BURST);
	if (received == 0)
		ck_abort_msg("nothing arrived");
	close(fd);
}
END_TEST

START_TEST(flood_is_read_in_batches_and_leaves_the_turn_to_others)
{
	enum { FLOOD = 200 };
	struct addr self, local = at("127.0.0.1", free_port("127.0.0.1"));
	int fd = peer_open("127.0.0.1", &self);
	uint32_t number;

	ck_assert_int_eq(udp_open(udp, &local, &number), ERR_OK);
	for (int i = 0; i < FLOOD; i++)
		peer_send(fd, &local, SPAN_LIT("x"));
	wait_for(1);
	ck_assert_uint_lt(got.datagrams, FLOOD);
	ck_assert_uint_le(got.batches, 8);
	wait_for(FLOOD);
	close(fd);
}
END_TEST

/* Nobody reads: the buffer of a port, 4 MiB where the kernel allows that, is full soon. */
START_TEST(what_a_full_buffer_loses_is_known_also_when_the_port_is_closed)
{
	static uint8_t big[60000];
	struct addr port = at("127.0.0.1", free_port("127.0.0.1")), self;
	int fd = peer_open("127.0.0.1", &self);
	uint32_t number;
	uint64_t lost;

	ck_assert_int_eq(udp_open(udp, &port, &number), ERR_OK);
	ck_assert_uint_eq(udp_lost(udp), 0);
	for (unsigned i = 0; i < 300; i++)
		peer_send(fd, &port, SPAN_OF(big));
	lost = udp_lost(udp);
	ck_assert_uint_gt(lost, 0);
	ck_assert_uint_lt(lost, 300);
	udp_close(udp, number);
	ck_assert_uint_eq(udp_lost(udp), lost);
	close(fd);
}
END_TEST

START_TEST(port_closed_from_inside_input_hears_no_more)
{
	struct addr self, local = at("127.0.0.1", free_port("127.0.0.1"));
	int fd = peer_open("127.0.0.1", &self);

	ck_assert_int_eq(udp_open(udp, &local, &got.close_number), ERR_OK);
	for (int i = 0; i < 5; i++)
		peer_send(fd, &local, SPAN_LIT("x"));
	wait_for(1);
	turn_for(loop, 10);
	ck_assert_uint_eq(got.datagrams, 1);
	close(fd);
}
END_TEST

START_TEST(largest_and_empty_datagrams_pass)
{
	static uint8_t large[DGRAM_MAX];
	struct addr self, local = at("127.0.0.1", free_port("127.0.0.1"));
	int fd = peer_open("127.0.0.1", &self);
	struct path path = { .local = local, .remote = self };
	static uint8_t buf[DGRAM_MAX];
	size_t len = sizeof(buf);

	memset(large, 0xa5, sizeof(large));
	ck_assert_int_eq(udp_open(udp, &local, &path.port), ERR_OK);
	peer_send(fd, &local, SPAN_OF(large));
	wait_for(1);
	ck_assert(span_eq(SPAN(got.bytes, got.len), SPAN_OF(large)));
	peer_send(fd, &local, SPAN_NONE);
	wait_for(2);
	ck_assert_uint_eq(got.len, 0);
	udp_send(udp, &path, SPAN_OF(large));
	udp_flush(udp);
	peer_receive(fd, buf, &len);
	ck_assert_uint_eq(len, sizeof(large));
	close(fd);
}
END_TEST

START_TEST(send_that_the_kernel_refuses_is_counted_and_does_not_stop_the_next)
{
	struct addr self, local = at("0.0.0.0", free_port("127.0.0.1"));
	int fd = peer_open("127.0.0.1", &self);
	struct path path = { .local = at("192.0.2.7", local.port), .remote = self };
	int64_t dropped = counter_value[CNT_datagrams_dropped_total];
	char buf[8];
	size_t len = sizeof(buf);

	ck_assert_int_eq(udp_open(udp, &local, &path.port), ERR_OK);
	udp_send(udp, &path, SPAN_LIT("lost"));
	path.local = at("127.0.0.1", local.port);
	udp_send(udp, &path, SPAN_LIT("found"));
	udp_flush(udp);
	ck_assert_int_eq(counter_value[CNT_datagrams_dropped_total], dropped + 1);
	peer_receive(fd, buf, &len);
	ck_assert(span_eq(SPAN(buf, len), SPAN_LIT("found")));
	close(fd);
}
END_TEST

START_TEST(peer_that_is_gone_does_not_disturb_the_port)
{
	struct addr self, local = at("127.0.0.1", free_port("127.0.0.1"));
	int fd = peer_open("127.0.0.1", &self);
	struct path path = { .local = local, .remote = at("127.0.0.1", free_port("127.0.0.1")) };

	ck_assert_int_eq(udp_open(udp, &local, &path.port), ERR_OK);
	for (int i = 0; i < 3; i++) {
		udp_send(udp, &path, SPAN_LIT("anybody?"));
		udp_flush(udp);
		turn_for(loop, 5);
	}
	peer_send(fd, &local, SPAN_LIT("yes"));
	wait_for(1);
	close(fd);
}
END_TEST

START_TEST(what_is_queued_is_sent_before_its_port_closes)
{
	struct addr self, local = at("127.0.0.1", free_port("127.0.0.1"));
	int fd = peer_open("127.0.0.1", &self);
	struct path path = { .local = local, .remote = self };
	char buf[8];
	size_t len = sizeof(buf);

	ck_assert_int_eq(udp_open(udp, &local, &path.port), ERR_OK);
	udp_send(udp, &path, SPAN_LIT("bye"));
	udp_close(udp, path.port);
	peer_receive(fd, buf, &len);
	ck_assert(span_eq(SPAN(buf, len), SPAN_LIT("bye")));
	close(fd);
}
END_TEST

/* ---- trains ---- */

/* Datagram i of a row, with its number in it. */
static struct span numbered(unsigned i, size_t len)
{
	static uint8_t bytes[2048];

	memset(bytes, 0x5a, sizeof(bytes));
	bytes[0] = (uint8_t)i;
	return SPAN(bytes, len);
}

static void send_row(const struct path *path, unsigned first, unsigned n, size_t len, size_t last)
{
	for (unsigned i = first; i < first + n; i++)
		udp_send(udp, path, numbered(i, i == first + n - 1 ? last : len));
}

static void expect_row(int fd, unsigned first, unsigned n, size_t len, size_t last)
{
	for (unsigned i = first; i < first + n; i++) {
		uint8_t buf[2048];
		size_t got_len = sizeof(buf);

		peer_receive(fd, buf, &got_len);
		ck_assert_uint_eq(buf[0], (uint8_t)i);
		ck_assert_uint_eq(got_len, i == first + n - 1 ? last : len);
	}
}

/* Two peers on one port of ours, by IPv4 or IPv6. */
static const char *const loopback[] = { "127.0.0.1", "::1" };

static struct path open_toward(const char *ip, int *fd)
{
	struct path path = { .local = at(ip, free_port(ip)) };

	*fd = peer_open(ip, &path.remote);
	ck_assert_int_eq(udp_open(udp, &path.local, &path.port), ERR_OK);
	return path;
}

START_TEST(row_to_one_peer_leaves_as_a_train_and_arrives_one_by_one)
{
	int64_t trains = counter_value[CNT_trains_sent_total];
	int64_t bytes = counter_value[CNT_datagram_bytes_sent_total];
	int fd;
	struct path path = open_toward(loopback[_i], &fd);

	send_row(&path, 0, 40, 1200, 300);
	udp_flush(udp);
	expect_row(fd, 0, 40, 1200, 300);
	ck_assert_int_eq(counter_value[CNT_trains_sent_total], trains + 1);
	ck_assert_int_eq(counter_value[CNT_datagram_bytes_sent_total], bytes + 39 * 1200 + 300);
	ck_assert_uint_eq(kernel.calls, 1);
	close(fd);
}
END_TEST

START_TEST(train_ends_where_the_length_grows_or_after_a_shorter_one)
{
	int64_t trains = counter_value[CNT_trains_sent_total];
	int fd;
	struct path path = open_toward("127.0.0.1", &fd);

	send_row(&path, 0, 5, 100, 100);
	send_row(&path, 5, 5, 900, 40); /* longer; its last is shorter */
	send_row(&path, 10, 5, 40, 40); /* not part of that train */
	udp_send(udp, &path, SPAN_NONE);
	udp_flush(udp);
	expect_row(fd, 0, 5, 100, 100);
	expect_row(fd, 5, 5, 900, 40);
	expect_row(fd, 10, 5, 40, 40);
	ck_assert_int_eq(counter_value[CNT_trains_sent_total], trains + 3);
	close(fd);
}
END_TEST

START_TEST(row_longer_than_the_kernel_takes_leaves_as_several_trains)
{
	int64_t trains = counter_value[CNT_trains_sent_total];
	int64_t dropped = counter_value[CNT_datagrams_dropped_total];
	int fd;
	struct path path = open_toward("127.0.0.1", &fd);

	send_row(&path, 0, 200, 1200, 1200); /* 54 in 65,000 bytes */
	udp_flush(udp);
	expect_row(fd, 0, 100, 1200, 1200);
	ck_assert_int_eq(counter_value[CNT_trains_sent_total], trains + 4);
	ck_assert_int_eq(counter_value[CNT_datagrams_dropped_total], dropped);
	close(fd);
}
END_TEST

START_TEST(rows_of_different_peers_and_ports_keep_their_order)
{
	int a, b;
	struct path one = open_toward("127.0.0.1", &a), two = open_toward("127.0.0.1", &b);

	two.port = one.port; /* of two peers on one port of ours */
	two.local = one.local;
	for (unsigned i = 0; i < 20; i += 4) {
		send_row(&one, i, 4, 500, 500);
		send_row(&two, i, 4, 700, 600);
	}
	udp_flush(udp);
	for (unsigned i = 0; i < 20; i += 4) {
		expect_row(a, i, 4, 500, 500);
		expect_row(b, i, 4, 700, 600);
	}
	close(a);
	close(b);
}
END_TEST

/* A kernel that has no such offload, or a path behind which it is missing, says one of these. */
static const int refusals[] = { EIO, EOPNOTSUPP, EINVAL, EMSGSIZE };

START_TEST(train_that_the_kernel_refuses_leaves_one_by_one)
{
	int64_t dropped = counter_value[CNT_datagrams_dropped_total];
	bool for_ever = refusals[_i] == EIO || refusals[_i] == EOPNOTSUPP;
	int fd;
	struct path path = open_toward("127.0.0.1", &fd);

	kernel.refuse_trains = refusals[_i];
	udp_send(udp, &path, numbered(200, 7)); /* not part of it */
	send_row(&path, 0, 20, 1200, 300);
	send_row(&path, 20, 20, 1200, 300);
	udp_flush(udp);
	expect_row(fd, 200, 1, 7, 7);
	expect_row(fd, 0, 20, 1200, 300);
	expect_row(fd, 20, 20, 1200, 300);
	ck_assert_uint_eq(kernel.refused, for_ever ? 1 : 2);

	kernel.refuse_trains = 0;
	kernel.calls = 0;
	send_row(&path, 0, 20, 1200, 300);
	udp_flush(udp);
	expect_row(fd, 0, 20, 1200, 300);
	ck_assert_int_eq(counter_value[CNT_datagrams_dropped_total], dropped);
	close(fd);
}
END_TEST

START_TEST(train_without_room_is_dropped_and_counted_as_what_it_is)
{
	int64_t dropped = counter_value[CNT_datagrams_dropped_total];
	int fd;
	struct path path = open_toward("127.0.0.1", &fd);

	kernel.refuse_trains = EAGAIN;
	send_row(&path, 0, 20, 1200, 300);
	udp_send(udp, &path, numbered(20, 1500));
	udp_flush(udp);
	expect_row(fd, 20, 1, 1500, 1500);
	ck_assert_int_eq(counter_value[CNT_datagrams_dropped_total], dropped + 20);
	close(fd);
}
END_TEST

static void peer_send_train(
	int fd, const struct addr *to, uint8_t *bytes, size_t len, uint16_t piece)
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

START_TEST(train_that_comes_in_is_handed_over_one_by_one)
{
	static uint8_t bytes[10 * 1200 + 17];
	int64_t trains = counter_value[CNT_trains_received_total];
	int64_t datagrams = counter_value[CNT_datagrams_received_total];
	int fd;
	struct path path = open_toward(loopback[_i], &fd);

	for (unsigned i = 0; i <= 10; i++)
		bytes[i * 1200] = (uint8_t)(i + 1);
	peer_send_train(fd, &path.local, bytes, sizeof(bytes), 1200);
	wait_for(11);
	for (unsigned i = 0; i <= 10; i++) {
		ck_assert_uint_eq(got.lengths[i], i < 10 ? 1200 : 17);
		ck_assert_uint_eq(got.marks[i], i + 1);
	}
	ck_assert(addr_eq(&got.path.remote, &path.remote));
	ck_assert(addr_eq(&got.path.local, &path.local));
	ck_assert_int_eq(counter_value[CNT_trains_received_total], trains + 1);
	ck_assert_int_eq(counter_value[CNT_datagrams_received_total], datagrams + 11);
	close(fd);
}
END_TEST

START_TEST(port_closed_within_a_train_hears_no_more)
{
	static uint8_t bytes[10 * 100];
	int fd;
	struct path path = open_toward("127.0.0.1", &fd);

	got.close_number = path.port;
	peer_send_train(fd, &path.local, bytes, sizeof(bytes), 100);
	wait_for(1);
	turn_for(loop, 10);
	ck_assert_uint_eq(got.datagrams, 1);
	close(fd);
}
END_TEST

START_TEST(flood_of_trains_leaves_the_turn_to_others)
{
	static uint8_t bytes[50 * 100];
	int fd;
	struct path path = open_toward("127.0.0.1", &fd);

	for (int i = 0; i < 60; i++)
		peer_send_train(fd, &path.local, bytes, sizeof(bytes), 100);
	wait_for(1);
	ck_assert_uint_lt(got.datagrams, 60 * 50);
	wait_for(60 * 50);
	close(fd);
}
END_TEST

/* Trains are handed over whole from now on. */
static void take_trains(void)
{
	struct udp_config config = { .input = on_input,
		.input_train = on_input_train,
		.foresee = on_foresee,
		.batch_end = on_batch_end };

	udp_destroy(udp);
	udp = udp_create(loop, &config);
}

START_TEST(train_is_handed_over_whole_to_who_asks_for_it_and_may_leave_as_it_is)
{
	static uint8_t bytes[10 * 1200 + 17];
	int64_t sent = counter_value[CNT_trains_sent_total];
	int64_t datagrams = counter_value[CNT_datagrams_sent_total];
	int fd;
	struct path path;

	take_trains();
	path = open_toward("127.0.0.1", &fd);
	got.echo = true;
	for (unsigned i = 0; i <= 10; i++)
		bytes[i * 1200] = (uint8_t)i;
	peer_send_train(fd, &path.local, bytes, sizeof(bytes), 1200);
	peer_send(fd, &path.local, SPAN_LIT("alone"));
	wait_for(12);
	ck_assert_uint_eq(got.trains, 1);
	expect_row(fd, 0, 11, 1200, 17);
	expect_row(fd, 'a', 1, 5, 5);
	ck_assert_int_eq(counter_value[CNT_trains_sent_total], sent + 1);
	ck_assert_int_eq(counter_value[CNT_datagrams_sent_total], datagrams + 12);
	close(fd);
}
END_TEST

START_TEST(what_is_sent_on_from_the_receive_buffers_leaves_before_they_are_read_into_again)
{
	enum { MANY = 90 }; /* three batches */
	struct addr self;
	int fd = peer_open("127.0.0.1", &self);
	struct path path = { .local = at("127.0.0.1", free_port("127.0.0.1")), .remote = self };

	take_trains();
	got.echo = got.keep = true;
	ck_assert_int_eq(udp_open(udp, &path.local, &path.port), ERR_OK);
	for (unsigned i = 0; i < MANY; i++)
		peer_send(fd, &path.local, numbered(i, 500 + i));
	wait_for(MANY);
	ck_assert_uint_ge(got.foreseen, MANY - 8); /* of one alone nothing is told */
	ck_assert_uint_le(got.foreseen, MANY);
	udp_flush(udp);
	for (unsigned i = 0; i < MANY; i++)
		expect_row(fd, i, 1, 500 + i, 500 + i);
	close(fd);
}
END_TEST

START_TEST(answer_to_one_alone_leaves_at_once_those_to_several_together)
{
	struct addr self;
	int fd = peer_open("127.0.0.1", &self);
	struct path path = { .local = at("127.0.0.1", free_port("127.0.0.1")), .remote = self };

	got.echo = got.keep = true;
	ck_assert_int_eq(udp_open(udp, &path.local, &path.port), ERR_OK);
	peer_send(fd, &path.local, numbered(1, 10));
	wait_for(1);
	expect_row(fd, 1, 1, 10, 10);
	ck_assert_uint_eq(kernel.calls, 1);
	for (unsigned i = 2; i < 5; i++)
		peer_send(fd, &path.local, numbered(i, 10));
	wait_for(4);
	ck_assert_uint_eq(kernel.calls, 1);
	udp_flush(udp);
	expect_row(fd, 2, 3, 10, 10);
	close(fd);
}
END_TEST

START_TEST(train_longer_than_the_kernel_takes_leaves_as_several)
{
	static uint8_t bytes[150 * 300 - 1];
	int64_t trains = counter_value[CNT_trains_sent_total];
	int fd;
	struct path path = open_toward("127.0.0.1", &fd);

	for (unsigned i = 0; i < 150; i++)
		bytes[i * 300] = (uint8_t)i;
	udp_send_train(udp, &path, SPAN_OF(bytes), 300);
	udp_flush(udp);
	expect_row(fd, 0, 150, 300, 299);
	ck_assert_int_eq(counter_value[CNT_trains_sent_total], trains + 3);
	close(fd);
}
END_TEST

START_TEST(trains_and_datagrams_to_one_peer_join_as_long_as_the_pieces_fit)
{
	static uint8_t bytes[4 * 300];
	int64_t trains = counter_value[CNT_trains_sent_total];
	int fd;
	struct path path = open_toward("127.0.0.1", &fd);

	for (unsigned i = 0; i < 4; i++)
		bytes[i * 300] = (uint8_t)(i + 1);
	udp_send(udp, &path, numbered(0, 300));
	udp_send_train(udp, &path, SPAN_OF(bytes), 300);
	udp_send(udp, &path, numbered(5, 10));
	udp_send_train(udp, &path, SPAN_OF(bytes), 300);    /* behind a shorter piece */
	udp_send_train(udp, &path, SPAN(bytes, 300), 150);  /* in other pieces */
	udp_send_train(udp, &path, SPAN(bytes, 300), 1200); /* a datagram like any other */
	udp_flush(udp);
	expect_row(fd, 0, 6, 300, 10);
	expect_row(fd, 1, 4, 300, 300);
	expect_row(fd, 1, 1, 150, 150);
	expect_row(fd, 0, 1, 150, 150);
	expect_row(fd, 1, 1, 300, 300);
	ck_assert_int_eq(counter_value[CNT_trains_sent_total], trains + 3);
	close(fd);
}
END_TEST

START_TEST(train_pushed_as_one_leaves_one_by_one_where_it_is_refused)
{
	static uint8_t bytes[20 * 300];
	int64_t dropped = counter_value[CNT_datagrams_dropped_total];
	int fd;
	struct path path = open_toward("127.0.0.1", &fd);

	for (unsigned i = 0; i < 20; i++)
		bytes[i * 300] = (uint8_t)i;
	kernel.refuse_trains = refusals[_i];
	for (int i = 0; i < 3; i++) {
		udp_send_train(udp, &path, SPAN_OF(bytes), 300);
		udp_send(udp, &path, numbered(20, 7));
		udp_flush(udp);
		expect_row(fd, 0, 21, 300, 7);
	}
	udp_send_train(udp, &path, SPAN_OF(bytes), 300);
	kernel.refuse_trains = EAGAIN;
	udp_flush(udp);
	if (kernel.refused == 1) /* it was for ever: there are no trains any more */
		expect_row(fd, 0, 20, 300, 300);
	else
		dropped += 20;
	ck_assert_int_eq(counter_value[CNT_datagrams_dropped_total], dropped);
	path.port += 1;
	udp_send_train(udp, &path, SPAN_OF(bytes), 300);
	ck_assert_int_eq(counter_value[CNT_datagrams_dropped_total], dropped + 20);
	close(fd);
}
END_TEST

START_TEST(creation_survives_every_failed_allocation)
{
	struct udp_config config = { .input = on_input };
	struct addr local = at("127.0.0.1", free_port("127.0.0.1"));

	for (unsigned long n = 1;; n++) {
		uint32_t number;
		struct udp *u;

		mem_fail_at(n);
		if ((u = udp_create(loop, &config)) != NULL &&
			udp_open(u, &local, &number) != ERR_OK)
			ck_assert(mem_failed());
		udp_destroy(u);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io/udp");
	TCase *t = tcase_create("udp");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, answer_leaves_from_the_address_the_packet_came_to);
	tcase_add_test(t, ipv4_and_ipv6_can_have_the_same_port);
	tcase_add_test(t, opening_tells_a_foreign_address_from_a_taken_port);
	tcase_add_test(t, number_of_a_closed_port_is_not_given_again);
	tcase_add_test(t, burst_beyond_queue_and_batch_leaves_whole_and_in_order);
	tcase_add_test(t, flood_is_read_in_batches_and_leaves_the_turn_to_others);
	tcase_add_test(t, what_a_full_buffer_loses_is_known_also_when_the_port_is_closed);
	tcase_add_test(t, port_closed_from_inside_input_hears_no_more);
	tcase_add_test(t, largest_and_empty_datagrams_pass);
	tcase_add_test(t, send_that_the_kernel_refuses_is_counted_and_does_not_stop_the_next);
	tcase_add_test(t, peer_that_is_gone_does_not_disturb_the_port);
	tcase_add_test(t, what_is_queued_is_sent_before_its_port_closes);
	tcase_add_loop_test(t, row_to_one_peer_leaves_as_a_train_and_arrives_one_by_one, 0, 2);
	tcase_add_test(t, train_ends_where_the_length_grows_or_after_a_shorter_one);
	tcase_add_test(t, row_longer_than_the_kernel_takes_leaves_as_several_trains);
	tcase_add_test(t, rows_of_different_peers_and_ports_keep_their_order);
	tcase_add_loop_test(t, train_that_the_kernel_refuses_leaves_one_by_one, 0, 4);
	tcase_add_test(t, train_without_room_is_dropped_and_counted_as_what_it_is);
	tcase_add_loop_test(t, train_that_comes_in_is_handed_over_one_by_one, 0, 2);
	tcase_add_test(t, port_closed_within_a_train_hears_no_more);
	tcase_add_test(t, flood_of_trains_leaves_the_turn_to_others);
	tcase_add_test(t, train_is_handed_over_whole_to_who_asks_for_it_and_may_leave_as_it_is);
	tcase_add_test(
		t, what_is_sent_on_from_the_receive_buffers_leaves_before_they_are_read_into_again);
	tcase_add_test(t, answer_to_one_alone_leaves_at_once_those_to_several_together);
	tcase_add_test(t, train_longer_than_the_kernel_takes_leaves_as_several);
	tcase_add_test(t, trains_and_datagrams_to_one_peer_join_as_long_as_the_pieces_fit);
	tcase_add_loop_test(t, train_pushed_as_one_leaves_one_by_one_where_it_is_refused, 0, 4);
	tcase_add_test(t, creation_survives_every_failed_allocation);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
