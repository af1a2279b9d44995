/* test_udp_aside.c: a port that many share on loopback: STUN may wait for more of it, nothing else does. */
#include <string.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/io/udp.h"
#include "dcmf/io/udp_aside.h"
#include "tests/unit/io/turn.h"
#include "tests/unit/main.h"

#define CHECK SPAN_LIT("\x00\x01 a check")      /* the first byte of STUN is 0..3 (RFC 7983) */
#define DATA  SPAN_LIT("\x17\xfe\xfd a record") /* of DTLS: 20..63 */

static struct loop *loop;
static struct udp *udp;
static struct addr local;
static uint32_t number;
static int peer;
static long live;

/* What came in, in its order. */
static struct {
	unsigned datagrams, batches;
	uint8_t marks[512]; /* their first bytes; 255: an empty one */
	struct path path;
	bool echo;
	uint32_t close_number; /* closed from inside input() */
} got;

static void on_input(void *arg, tick_t now, const struct path *path, struct span dgram)
{
	got.marks[got.datagrams++ % 512] = dgram.len > 0 ? dgram.p[0] : 255;
	got.path = *path;
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

static int peer_open(const char *ip, struct addr *self)
{
	struct sockaddr_storage ss;
	struct timeval patience = { 5, 0 };
	struct addr a;
	socklen_t len;
	int fd;

	ck_assert(addr_parse_ip(SPAN_STR(ip), 0, &a));
	len = addr_to_sockaddr(&a, &ss);
	fd = socket(ss.ss_family, SOCK_DGRAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&ss, len), 0);
	len = sizeof(ss);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	ck_assert(addr_from_sockaddr((struct sockaddr *)&ss, self));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static void peer_send(struct span s)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&local, &ss);

	ck_assert_int_eq(sendto(peer, s.p, s.len, 0, (struct sockaddr *)&ss, len), s.len);
}

static void open_shared(const char *bound, const char *ip)
{
	struct addr self, wanted;

	close(peer_open(ip, &self)); /* a port that was free a moment ago */
	peer = peer_open(ip, &local);
	local.port = self.port;
	ck_assert(addr_parse_ip(SPAN_STR(bound), self.port, &wanted));
	ck_assert_int_eq(udp_open_shared(udp, &wanted, &number), ERR_OK);
}

static void setup(void)
{
	struct udp_config config = { .input = on_input, .batch_end = on_batch_end };

	live = mem_live();
	memset(&got, 0, sizeof(got));
	loop = loop_create();
	udp = udp_create(loop, &config);
	open_shared("127.0.0.1", "127.0.0.1");
}

static void teardown(void)
{
	close(peer);
	udp_destroy(udp);
	loop_destroy(loop);
	ck_assert_int_eq(mem_live(), live);
	ck_assert_int_eq(counter_value[CNT_ports], 0);
}

static bool something_came(void *arg)
{
	return got.datagrams >= *(unsigned *)arg;
}

static void wait_for(unsigned datagrams)
{
	turn_until(loop, something_came, &datagrams);
}

/* Checks that follow one another closely, until a pause is made before the next. */
static void send_thick(void)
{
	for (unsigned i = 0; i < 8; i++) {
		unsigned before = got.datagrams;

		peer_send(CHECK);
		wait_for(before + 1);
	}
}

static void check_one_port(const char *bound, const char *ip)
{
	const struct span sent[] = { CHECK, DATA, SPAN_NONE };
	const uint8_t marks[] = { 0, 0x17, 255 };

	close(peer);
	udp_close(udp, number);
	open_shared(bound, ip);
	got.echo = true;
	for (unsigned i = 0; i < 3; i++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		struct addr from;
		uint8_t buf[64];

		got.datagrams = 0;
		peer_send(sent[i]);
		wait_for(1);
		ck_assert_uint_eq(got.marks[0], marks[i]);
		ck_assert_uint_eq(got.path.port, number);
		ck_assert(addr_eq(&got.path.local, &local));
		ck_assert_int_eq(recvfrom(peer, buf, sizeof(buf), 0, (struct sockaddr *)&ss, &len),
			sent[i].len);
		ck_assert(addr_from_sockaddr((struct sockaddr *)&ss, &from));
		ck_assert(addr_eq(&from, &local));
	}
	got.echo = false;
}

START_TEST(stun_and_all_else_are_one_port_to_its_owner_and_to_its_peers)
{
	check_one_port("127.0.0.1", "127.0.0.1");
	check_one_port("0.0.0.0", "127.0.0.1");
	check_one_port("::1", "::1");
	check_one_port("::", "::1");
}
END_TEST

START_TEST(shared_port_can_be_had_by_nobody_else)
{
	struct udp_config config = { .input = on_input };
	struct udp *other = udp_create(loop, &config);
	uint32_t n;

	ck_assert_int_eq(udp_open_shared(other, &local, &n), ERR_EXISTS);
	ck_assert_int_eq(udp_open(other, &local, &n), ERR_EXISTS);
	udp_close(udp, number);
	ck_assert_int_eq(udp_open_shared(other, &local, &n), ERR_OK);
	udp_destroy(other);
	ck_assert_int_eq(udp_open_shared(udp, &local, &number), ERR_OK);
}
END_TEST

START_TEST(lone_check_does_not_wait)
{
	/* as often as it takes on a machine with other work: late once is no proof */
	for (unsigned i = 0; i < 200; i++) {
		tick_t begun;

		turn_for(loop, 3 * UDP_ASIDE_WAIT_MS);
		begun = loop_now(loop);
		got.datagrams = 0;
		peer_send(CHECK);
		wait_for(1);
		if (tick_since(begun, loop_now(loop)) < TICK_MS(UDP_ASIDE_WAIT_MS))
			return;
	}
	ck_abort_msg("each of 200 came late");
}
END_TEST

START_TEST(checks_that_come_thick_wait_for_one_another_and_data_overtakes_them)
{
	for (unsigned i = 0; i < 200; i++) {
		send_thick();
		memset(&got, 0, sizeof(got));
		for (unsigned k = 0; k < 6; k++)
			peer_send(CHECK);
		peer_send(DATA);
		wait_for(7);
		/* a machine with other work may have let so much time pass that they were read at once */
		if (got.marks[0] != 0x17)
			continue;
		for (unsigned k = 1; k < 7; k++)
			ck_assert_uint_eq(got.marks[k], 0);
		ck_assert_uint_eq(got.batches, 2);
		return;
	}
	ck_abort_msg("data never came first");
}
END_TEST

START_TEST(pause_ends_when_nothing_came_in_it)
{
	for (unsigned round = 0; round < 3; round++) {
		send_thick();
		turn_for(loop, 5 * UDP_ASIDE_WAIT_MS);
		got.datagrams = 0;
		peer_send(CHECK);
		wait_for(1);
	}
}
END_TEST

START_TEST(flood_of_checks_is_read_whole)
{
	unsigned sent = 0;

	send_thick();
	got.datagrams = got.batches = 0;
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 60; i++, sent++)
			peer_send(CHECK);
		wait_for(sent);
	}
	ck_assert_uint_lt(got.batches, sent / 4);
}
END_TEST

START_TEST(port_closed_by_a_check_hears_no_more)
{
	send_thick();
	got.datagrams = 0;
	got.close_number = number;
	for (unsigned i = 0; i < 5; i++)
		peer_send(CHECK);
	wait_for(1);
	turn_for(loop, 5 * UDP_ASIDE_WAIT_MS);
	ck_assert_uint_eq(got.datagrams, 1);
}
END_TEST

START_TEST(what_a_full_buffer_of_checks_loses_is_known)
{
	const unsigned sent = 60000;

	for (unsigned i = 0; i < sent; i++)
		peer_send(CHECK);
	ck_assert_uint_gt(udp_lost(udp), 0);
	ck_assert_uint_lt(udp_lost(udp), sent);
	udp_close(udp, number);
	ck_assert_uint_gt(udp_lost(udp), 0);
}
END_TEST

START_TEST(without_memory_for_it_there_is_one_socket)
{
	udp_close(udp, number);
	for (unsigned long n = 1;; n++) {
		uint32_t opened;
		enum err err;

		mem_fail_at(n);
		err = udp_open_shared(udp, &local, &opened);
		if (!mem_failed())
			break;
		mem_fail_at(0);
		if (err != ERR_OK)
			continue;
		got.datagrams = 0;
		peer_send(CHECK);
		peer_send(DATA);
		wait_for(2);
		ck_assert_uint_eq(got.marks[0], 0); /* in the order they came */
		udp_close(udp, opened);
	}
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io/udp_aside");
	TCase *t = tcase_create("aside");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, stun_and_all_else_are_one_port_to_its_owner_and_to_its_peers);
	tcase_add_test(t, shared_port_can_be_had_by_nobody_else);
	tcase_add_test(t, lone_check_does_not_wait);
	tcase_add_test(t, checks_that_come_thick_wait_for_one_another_and_data_overtakes_them);
	tcase_add_test(t, pause_ends_when_nothing_came_in_it);
	tcase_add_test(t, flood_of_checks_is_read_whole);
	tcase_add_test(t, port_closed_by_a_check_hears_no_more);
	tcase_add_test(t, what_a_full_buffer_of_checks_loses_is_known);
	tcase_add_test(t, without_memory_for_it_there_is_one_socket);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
