/* test_udp.c: media ports on loopback: which address answers, their numbers, what they hear. */
#include <string.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "tests/unit/io/udp_play.h"
#include "tests/unit/main.h"

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

START_TEST(creation_survives_every_failed_allocation)
{
	struct addr local = at("127.0.0.1", free_port("127.0.0.1"));

	for (unsigned long n = 1;; n++) {
		uint32_t number;
		struct udp *u;

		mem_fail_at(n);
		if ((u = udp_create(loop, &play_config)) != NULL &&
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

	tcase_add_checked_fixture(t, play_start, play_end);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, answer_leaves_from_the_address_the_packet_came_to);
	tcase_add_test(t, ipv4_and_ipv6_can_have_the_same_port);
	tcase_add_test(t, opening_tells_a_foreign_address_from_a_taken_port);
	tcase_add_test(t, number_of_a_closed_port_is_not_given_again);
	tcase_add_test(t, flood_is_read_in_batches_and_leaves_the_turn_to_others);
	tcase_add_test(t, what_a_full_buffer_loses_is_known_also_when_the_port_is_closed);
	tcase_add_test(t, port_closed_from_inside_input_hears_no_more);
	tcase_add_test(t, largest_and_empty_datagrams_pass);
	tcase_add_test(t, peer_that_is_gone_does_not_disturb_the_port);
	tcase_add_test(t, creation_survives_every_failed_allocation);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
