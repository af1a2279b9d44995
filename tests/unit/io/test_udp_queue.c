/* test_udp_queue.c: what waits to be sent: when it leaves, whole and in order. */
#include <unistd.h>

#include "dcmf/base/counters.h"
#include "tests/unit/io/udp_kernel.h"
#include "tests/unit/io/udp_play.h"
#include "tests/unit/main.h"

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

static Suite *suite(void)
{
	Suite *s = suite_create("io/udp_queue");
	TCase *t = tcase_create("queue");

	tcase_add_checked_fixture(t, play_start, play_end);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, burst_beyond_queue_and_batch_leaves_whole_and_in_order);
	tcase_add_test(t, send_that_the_kernel_refuses_is_counted_and_does_not_stop_the_next);
	tcase_add_test(t, what_is_queued_is_sent_before_its_port_closes);
	tcase_add_test(t, answer_to_one_alone_leaves_at_once_those_to_several_together);
	tcase_add_test(
		t, what_is_sent_on_from_the_receive_buffers_leaves_before_they_are_read_into_again);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
