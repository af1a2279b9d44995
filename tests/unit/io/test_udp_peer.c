/* test_udp_peer.c: one UDP peer: what it says, what others say, and that nobody is there. */
#include "dcmf/io/udp_peer.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "tests/unit/io/turn.h"
#include "tests/unit/main.h"

static struct loop *loop;
static struct udp_peer *peer;
static int other;
static struct addr at;
static long live;

static struct {
	unsigned opened, dgrams, closed;
	size_t last_len;
	char last[64], why[64];
	bool destroy, pause;
} got;

static void on_opened(void *arg, struct udp_peer *p)
{
	ck_assert_uint_eq(got.opened++ + got.dgrams, 0);
}

static void on_input(void *arg, struct udp_peer *p, struct span dgram)
{
	got.dgrams++;
	got.last_len = dgram.len;
	if (dgram.len > 0)
		memcpy(got.last, dgram.p, dgram.len < 63 ? dgram.len : 63);
	if (got.pause)
		udp_peer_pause(p, true);
	if (got.destroy) {
		udp_peer_destroy(p);
		peer = NULL;
	}
}

static void on_closed(void *arg, struct udp_peer *p, const char *why)
{
	got.closed++;
	snprintf(got.why, sizeof(got.why), "%s", why);
	ck_assert(!udp_peer_send(p, SPAN_LIT("anybody?")));
	peer = NULL;
}

static const struct udp_peer_ops ops = {
	.opened = on_opened, .input = on_input, .closed = on_closed
};

static int bound(struct addr *where)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, len), 0);
	getsockname(fd, (struct sockaddr *)&in, &len);
	addr_from_sockaddr((struct sockaddr *)&in, where);
	return fd;
}

static void setup(void)
{
	live = mem_live();
	memset(&got, 0, sizeof(got));
	loop = loop_create();
	other = bound(&at);
	peer = udp_peer_create(loop, &at, &ops, NULL);
	ck_assert_ptr_nonnull(peer);
}

static void teardown(void)
{
	udp_peer_destroy(peer);
	if (other >= 0)
		close(other);
	loop_destroy(loop);
	ck_assert_int_eq(mem_live(), live);
}

static void send_to_peer(int fd, const char *text, size_t len)
{
	struct sockaddr_storage ss;
	struct addr local;
	socklen_t size;

	ck_assert(udp_peer_local(peer, &local));
	size = addr_to_sockaddr(&local, &ss);
	ck_assert_int_eq(sendto(fd, text, len, 0, (struct sockaddr *)&ss, size), len);
}

static bool has_one(void *arg)
{
	return *(unsigned *)arg > 0;
}

START_TEST(datagrams_pass_both_ways_also_empty_and_large_ones)
{
	static uint8_t large[UDP_PEER_MAX + 1];
	char buf[16] = { 0 };

	ck_assert(udp_peer_send(peer, SPAN_LIT("ping")));
	turn_for(loop, 5);
	ck_assert_int_eq(recv(other, buf, sizeof(buf), 0), 4);
	ck_assert_str_eq(buf, "ping");
	ck_assert(udp_peer_send(peer, SPAN(large, UDP_PEER_MAX)));
	ck_assert(!udp_peer_send(peer, SPAN_OF(large)));
	send_to_peer(other, "pong", 4);
	turn_until(loop, has_one, &got.dgrams);
	ck_assert_str_eq(got.last, "pong");
	ck_assert_uint_eq(got.opened, 1);
	got.dgrams = 0;
	send_to_peer(other, "", 0);
	turn_until(loop, has_one, &got.dgrams);
	ck_assert_uint_eq(got.last_len, 0);
	ck_assert_uint_eq(got.closed, 0);
}
END_TEST

START_TEST(strangers_are_not_heard)
{
	struct addr elsewhere;
	int stranger = bound(&elsewhere);

	send_to_peer(stranger, "let me in", 9);
	turn_for(loop, 20);
	ck_assert_uint_eq(got.dgrams, 0);
	close(stranger);
}
END_TEST

START_TEST(peer_that_nobody_listens_as_is_gone)
{
	close(other);
	other = -1;
	udp_peer_send(peer, SPAN_LIT("anybody?"));
	if (_i == 1)
		udp_peer_send(peer, SPAN_LIT("this call brings the news"));
	turn_until(loop, has_one, &got.closed);
	ck_assert_str_eq(got.why, "connection refused");
}
END_TEST

START_TEST(address_that_cannot_be_reached_is_told_by_a_callback)
{
	udp_peer_destroy(peer);
	ck_assert(addr_parse(SPAN_LIT("255.255.255.255:9"), &at));
	peer = udp_peer_create(loop, &at, &ops, NULL);
	ck_assert_uint_eq(got.closed, 0);
	turn_until(loop, has_one, &got.closed);
	ck_assert_uint_eq(got.opened, 0);
	ck_assert_str_ne(got.why, "");
}
END_TEST

START_TEST(paused_peer_waits_in_the_kernel)
{
	got.pause = true;
	for (int i = 0; i < 3; i++)
		send_to_peer(other, "x", 1);
	turn_until(loop, has_one, &got.dgrams);
	turn_for(loop, 10);
	ck_assert_uint_eq(got.dgrams, 1);
	got.pause = false;
	got.dgrams = 0;
	udp_peer_pause(peer, false);
	turn_until(loop, has_one, &got.dgrams);
	turn_for(loop, 10);
	ck_assert_uint_eq(got.dgrams, 2);
}
END_TEST

START_TEST(owner_may_destroy_it_from_inside)
{
	got.destroy = true;
	send_to_peer(other, "x", 1);
	send_to_peer(other, "y", 1);
	turn_until(loop, has_one, &got.dgrams);
	turn_for(loop, 10);
	ck_assert_uint_eq(got.dgrams, 1);
	ck_assert_uint_eq(got.closed, 0);
}
END_TEST

START_TEST(memory_that_runs_out_is_survived)
{
	mem_fail_at(1);
	ck_assert_ptr_null(udp_peer_create(loop, &at, &ops, NULL));
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io/udp_peer");
	TCase *t = tcase_create("peer");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, datagrams_pass_both_ways_also_empty_and_large_ones);
	tcase_add_test(t, strangers_are_not_heard);
	tcase_add_loop_test(t, peer_that_nobody_listens_as_is_gone, 0, 2);
	tcase_add_test(t, address_that_cannot_be_reached_is_told_by_a_callback);
	tcase_add_test(t, paused_peer_waits_in_the_kernel);
	tcase_add_test(t, owner_may_destroy_it_from_inside);
	tcase_add_test(t, memory_that_runs_out_is_survived);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
