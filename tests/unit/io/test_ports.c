/* test_ports.c: a range of port numbers, each resting before it is taken again. */
#include "dcmf/base/alloc.h"
#include "dcmf/io/ports.h"
#include "tests/unit/main.h"

static const tick_t T0 = { 1000000 };

START_TEST(every_port_of_the_range_is_taken_once_and_then_there_is_none)
{
	struct ports *p = ports_create(65530, 65535, TICK_S(5));

	ck_assert_uint_eq(ports_free(p), 6);
	for (unsigned port = 65530; port <= 65535; port++)
		ck_assert_uint_eq(ports_take(p, T0), port);
	ck_assert_uint_eq(ports_take(p, T0), 0);
	ck_assert_uint_eq(ports_free(p), 0);
	ports_destroy(p);
}
END_TEST

START_TEST(freed_port_rests_before_it_is_taken_again)
{
	struct ports *p = ports_create(1000, 1000, TICK_S(5));
	uint16_t port = ports_take(p, T0);

	ports_give(p, port, T0);
	ck_assert_uint_eq(ports_free(p), 1);
	ck_assert_uint_eq(ports_take(p, tick_add(T0, TICK_S(5) - 1)), 0);
	ck_assert_uint_eq(ports_take(p, tick_add(T0, TICK_S(5))), 1000);
	ports_destroy(p);
}
END_TEST

START_TEST(port_that_rested_longest_comes_first)
{
	struct ports *p = ports_create(10, 12, TICK_S(1));

	for (int i = 0; i < 3; i++)
		ports_take(p, T0);
	ports_give(p, 11, T0);
	ports_give(p, 10, tick_add(T0, 1));
	ports_give(p, 12, tick_add(T0, 2));
	ck_assert_uint_eq(ports_take(p, tick_add(T0, TICK_S(2))), 11);
	ck_assert_uint_eq(ports_take(p, tick_add(T0, TICK_S(2))), 10);
	ck_assert_uint_eq(ports_take(p, tick_add(T0, TICK_S(2))), 12);
	ports_destroy(p);
}
END_TEST

START_TEST(port_given_twice_or_never_taken_is_ignored)
{
	struct ports *p = ports_create(10, 11, 0);

	ports_give(p, 10, T0);
	ports_give(p, 9, T0);
	ports_give(p, 12, T0);
	ck_assert_uint_eq(ports_free(p), 2);
	ck_assert_uint_eq(ports_take(p, T0), 10);
	ports_give(p, 10, T0);
	ports_give(p, 10, T0);
	ck_assert_uint_eq(ports_free(p), 2);
	ports_destroy(p);
}
END_TEST

START_TEST(empty_range_never_gives_a_port)
{
	struct ports *p = ports_create(11, 10, 0), *q = ports_create(0, 0, 0);

	ck_assert_uint_eq(ports_take(p, T0), 0);
	ck_assert_uint_eq(ports_take(q, T0), 0);
	ports_give(q, 0, T0);
	ck_assert_uint_eq(ports_free(q), 0);
	ports_destroy(p);
	ports_destroy(q);
}
END_TEST

START_TEST(creation_survives_every_failed_allocation)
{
	long live = mem_live();

	for (unsigned long n = 1;; n++) {
		struct ports *p;

		mem_fail_at(n);
		p = ports_create(1, 100, 0);
		ports_destroy(p);
		if (!mem_failed())
			break;
		ck_assert_ptr_null(p);
	}
	mem_fail_at(0);
	ck_assert_int_eq(mem_live(), live);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io/ports");
	TCase *t = tcase_create("ports");

	tcase_add_test(t, every_port_of_the_range_is_taken_once_and_then_there_is_none);
	tcase_add_test(t, freed_port_rests_before_it_is_taken_again);
	tcase_add_test(t, port_that_rested_longest_comes_first);
	tcase_add_test(t, port_given_twice_or_never_taken_is_ignored);
	tcase_add_test(t, empty_range_never_gives_a_port);
	tcase_add_test(t, creation_survives_every_failed_allocation);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
