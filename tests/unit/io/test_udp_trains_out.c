/* test_udp_trains_out.c: rows to one peer: what leaves as trains, and what the kernel refuses. */
#include <errno.h>
#include <unistd.h>

#include "dcmf/base/counters.h"
#include "tests/unit/io/udp_kernel.h"
#include "tests/unit/io/udp_play.h"
#include "tests/unit/main.h"

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

static Suite *suite(void)
{
	Suite *s = suite_create("io/udp_trains_out");
	TCase *t = tcase_create("trains out");

	tcase_add_checked_fixture(t, play_start, play_end);
	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, row_to_one_peer_leaves_as_a_train_and_arrives_one_by_one, 0, 2);
	tcase_add_test(t, train_ends_where_the_length_grows_or_after_a_shorter_one);
	tcase_add_test(t, row_longer_than_the_kernel_takes_leaves_as_several_trains);
	tcase_add_test(t, rows_of_different_peers_and_ports_keep_their_order);
	tcase_add_loop_test(t, train_that_the_kernel_refuses_leaves_one_by_one, 0, 4);
	tcase_add_test(t, train_without_room_is_dropped_and_counted_as_what_it_is);
	tcase_add_test(t, train_longer_than_the_kernel_takes_leaves_as_several);
	tcase_add_test(t, trains_and_datagrams_to_one_peer_join_as_long_as_the_pieces_fit);
	tcase_add_loop_test(t, train_pushed_as_one_leaves_one_by_one_where_it_is_refused, 0, 4);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
