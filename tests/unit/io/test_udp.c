/* test_udp.c: media sockets on loopback: which address answers, numbers, batches, errors. */
#include <string.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/io/udp.h"
#include "tests/unit/io/turn.h"
#include "tests/unit/main.h"

static struct loop *loop;
static struct udp *udp;
static long live;

/* What came in last, and what to do then. */
static struct {
	unsigned datagrams, batches;
	struct path path;
	uint8_t bytes[70000];
	size_t len;
	bool echo;
	uint32_t close_number; /* closed from inside input() */
} got;

static void on_input(void *arg, tick_t now, const struct path *path, struct span dgram)
{
	got.datagrams++;
	got.path = *path;
	got.len = dgram.len;
	memcpy(got.bytes, dgram.p, dgram.len);
	if (got.echo)
		udp_send(udp, path, dgram);
	if (got.close_number != 0)
		udp_close(udp, got.close_number);
}

static void on_batch_end(void *arg, tick_t now)
{
	got.batches++;
	udp_flush(udp);
}

static void setup(void)
{
	struct udp_config config = { .input = on_input, .batch_end = on_batch_end };

	live = mem_live();
	memset(&got, 0, sizeof(got));
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
	tcase_add_test(t, port_closed_from_inside_input_hears_no_more);
	tcase_add_test(t, largest_and_empty_datagrams_pass);
	tcase_add_test(t, send_that_the_kernel_refuses_is_counted_and_does_not_stop_the_next);
	tcase_add_test(t, peer_that_is_gone_does_not_disturb_the_port);
	tcase_add_test(t, what_is_queued_is_sent_before_its_port_closes);
	tcase_add_test(t, creation_survives_every_failed_allocation);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
