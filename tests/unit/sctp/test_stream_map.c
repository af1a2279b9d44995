/* test_stream_map.c: ids of the wire and the small numbers that stand for them. */
#include "tests/unit/main.h"

#include "dcmf/base/alloc.h"
#include "sctp/stream_map.h"

static struct stream_map map;

static void setup(void)
{
	ck_assert(stream_map_init(&map, 4));
}

static void teardown(void)
{
	stream_map_finish(&map);
}

START_TEST(ids_get_small_numbers_in_turn_and_keep_them)
{
	ck_assert_uint_eq(stream_bind(&map, 65534), 1);
	ck_assert_uint_eq(stream_bind(&map, 0), 2);
	ck_assert_uint_eq(stream_bind(&map, 1000), 3);
	ck_assert_uint_eq(stream_bind(&map, 0), 2);
	ck_assert_uint_eq(stream_inner(&map, 65534), 1);
	ck_assert_uint_eq(stream_inner(&map, 1000), 3);
	ck_assert_uint_eq(stream_wire(&map, 1), 65534);
	ck_assert_uint_eq(stream_wire(&map, 2), 0);
}
END_TEST

START_TEST(what_is_not_bound_has_no_number_and_no_id)
{
	ck_assert_uint_eq(stream_inner(&map, 7), STREAM_NONE);
	ck_assert_uint_eq(stream_bind(&map, STREAM_NONE), STREAM_NONE);
	stream_bind(&map, 5);
	ck_assert_uint_eq(stream_inner(&map, 4), STREAM_NONE);
	ck_assert_uint_eq(stream_inner(&map, 6), STREAM_NONE);
	ck_assert_uint_eq(stream_wire(&map, 0), STREAM_NONE);
	ck_assert_uint_eq(stream_wire(&map, 2), STREAM_NONE);
	ck_assert_uint_eq(stream_wire(&map, STREAM_NONE), STREAM_NONE);
	ck_assert_ptr_null(stream_slot(&map, 0));
	ck_assert_ptr_null(stream_slot(&map, 2));
}
END_TEST

START_TEST(a_number_given_back_is_used_again_first)
{
	stream_bind(&map, 10);
	stream_bind(&map, 20);
	stream_bind(&map, 30);
	stream_unbind(&map, 2);
	ck_assert_uint_eq(stream_inner(&map, 20), STREAM_NONE);
	ck_assert_uint_eq(stream_inner(&map, 30), 3);
	ck_assert_uint_eq(stream_bind(&map, 40), 2);
	ck_assert_uint_eq(stream_bind(&map, 20), 4);
	stream_unbind(&map, 9); /* nobody's */
	ck_assert_uint_eq(map.count, 4);
}
END_TEST

START_TEST(a_stream_is_idle_only_when_both_directions_are_as_new)
{
	struct stream_slot *s = stream_slot(&map, stream_bind(&map, 1));
	bool *const marks[] = { &s->in_used, &s->out_used, &s->out_wanted, &s->out_flight };

	ck_assert(stream_is_idle(s));
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		*marks[i] = true;
		ck_assert(!stream_is_idle(s));
		*marks[i] = false;
	}
}
END_TEST

START_TEST(ids_in_any_order_are_found_again)
{
	for (uint32_t i = 0; i < 5000; i++) {
		uint16_t wire = (uint16_t)(i * 7919 % 65521); /* a prime: all differ */

		ck_assert_uint_eq(stream_bind(&map, wire), i + 1);
	}
	for (uint32_t i = 0; i < 5000; i++)
		ck_assert_uint_eq(stream_inner(&map, (uint16_t)(i * 7919 % 65521)), i + 1);
}
END_TEST

START_TEST(the_last_number_is_the_last)
{
	for (uint32_t wire = 0; wire < STREAM_MAP_LAST; wire++)
		ck_assert_uint_eq(stream_bind(&map, (uint16_t)wire), wire + 1);
	ck_assert_uint_eq(stream_bind(&map, STREAM_MAP_LAST), STREAM_NONE);
	stream_unbind(&map, 77);
	ck_assert_uint_eq(stream_bind(&map, STREAM_MAP_LAST), 77);
}
END_TEST

START_TEST(running_out_of_memory_binds_nothing_and_spoils_nothing)
{
	struct stream_map m;

	for (unsigned long n = 1;; n++) {
		bool failed = false;

		mem_fail_at(n);
		if (!stream_map_init(&m, 2)) {
			stream_map_finish(&m);
			continue;
		}
		for (uint16_t wire = 0; wire < 100; wire += 10) {
			uint16_t inner = stream_bind(&m, wire);

			failed |= inner == STREAM_NONE;
			ck_assert_uint_eq(stream_inner(&m, wire), inner);
		}
		stream_map_finish(&m);
		if (!mem_failed()) {
			ck_assert(!failed);
			break;
		}
	}
	mem_fail_at(0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sctp/stream_map");
	TCase *t = tcase_create("map");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, ids_get_small_numbers_in_turn_and_keep_them);
	tcase_add_test(t, what_is_not_bound_has_no_number_and_no_id);
	tcase_add_test(t, a_number_given_back_is_used_again_first);
	tcase_add_test(t, a_stream_is_idle_only_when_both_directions_are_as_new);
	tcase_add_test(t, ids_in_any_order_are_found_again);
	tcase_add_test(t, the_last_number_is_the_last);
	tcase_add_test(t, running_out_of_memory_binds_nothing_and_spoils_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
