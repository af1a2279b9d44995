/* test_udp_trains_in.c: trains that come in: handed over whole, or one by one. */
#include <unistd.h>

#include "dcmf/base/counters.h"
#include "tests/unit/io/udp_play.h"
#include "tests/unit/main.h"

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

static Suite *suite(void)
{
	Suite *s = suite_create("io/udp_trains_in");
	TCase *t = tcase_create("trains in");

	tcase_add_checked_fixture(t, play_start, play_end);
	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, train_that_comes_in_is_handed_over_one_by_one, 0, 2);
	tcase_add_test(t, port_closed_within_a_train_hears_no_more);
	tcase_add_test(t, flood_of_trains_leaves_the_turn_to_others);
	tcase_add_test(t, train_is_handed_over_whole_to_who_asks_for_it_and_may_leave_as_it_is);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
