/* test_slots.c: ids with a generation. */
#include "dcmf/base/slots.h"

#include "dcmf/base/alloc.h"
#include "tests/unit/main.h"

static int objects[100];

START_TEST(an_id_finds_its_object_until_it_is_removed)
{
	struct slots s = { 0 };
	slot_id id = slots_add(&s, &objects[0]);

	ck_assert(id != 0);
	ck_assert_ptr_eq(slots_get(&s, id), &objects[0]);
	ck_assert_uint_eq(slots_count(&s), 1);
	slots_remove(&s, id);
	ck_assert_ptr_null(slots_get(&s, id));
	slots_remove(&s, id);
	ck_assert_uint_eq(slots_count(&s), 0);
	slots_finish(&s);
}
END_TEST

START_TEST(a_stale_id_finds_nobody_in_a_slot_that_is_taken_again)
{
	struct slots s = { 0 };
	slot_id first = slots_add(&s, &objects[0]), second;

	slots_remove(&s, first);
	second = slots_add(&s, &objects[1]);
	ck_assert_uint_eq((uint32_t)first, (uint32_t)second);
	ck_assert(first != second);
	ck_assert_ptr_null(slots_get(&s, first));
	slots_remove(&s, first);
	ck_assert_ptr_eq(slots_get(&s, second), &objects[1]);
	slots_finish(&s);
}
END_TEST

START_TEST(ids_that_were_never_given_find_nobody)
{
	struct slots s = { 0 };

	ck_assert_ptr_null(slots_get(&s, 0));
	ck_assert_ptr_null(slots_get(&s, 1));
	slots_remove(&s, 1);
	slots_add(&s, &objects[0]);
	ck_assert_ptr_null(slots_get(&s, 0));
	ck_assert_ptr_null(slots_get(&s, 2));
	ck_assert_ptr_null(slots_get(&s, UINT64_MAX));
	ck_assert_ptr_null(slots_get(&s, (slot_id)1 << 32 | 1));
	slots_finish(&s);
}
END_TEST

START_TEST(all_objects_are_walked_also_while_they_are_removed)
{
	struct slots s = { 0 };
	slot_id ids[100];
	size_t at = 0, seen = 0;
	int *o;

	for (int i = 0; i < 100; i++)
		ids[i] = slots_add(&s, &objects[i]);
	for (int i = 0; i < 100; i += 3)
		slots_remove(&s, ids[i]);
	while ((o = slots_next(&s, &at)) != NULL) {
		ck_assert_int_ne((int)(o - objects) % 3, 0);
		slots_remove(&s, ids[o - objects]);
		seen++;
	}
	ck_assert_uint_eq(seen, 66);
	ck_assert_uint_eq(slots_count(&s), 0);
	slots_finish(&s);
}
END_TEST

START_TEST(without_memory_there_is_no_id_and_nothing_is_lost)
{
	struct slots s = { 0 };
	long live = mem_live();
	slot_id id;

	mem_fail_at(1);
	ck_assert(slots_add(&s, &objects[0]) == 0);
	id = slots_add(&s, &objects[0]);
	for (int i = 1; i < 16; i++)
		ck_assert(slots_add(&s, &objects[i]) != 0);
	mem_fail_at(1);
	ck_assert(slots_add(&s, &objects[16]) == 0);
	ck_assert_ptr_eq(slots_get(&s, id), &objects[0]);
	ck_assert_uint_eq(slots_count(&s), 16);
	mem_fail_at(0);
	slots_finish(&s);
	ck_assert_int_eq(mem_live(), live);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base/slots");
	TCase *tc = tcase_create("slots");

	tcase_add_test(tc, an_id_finds_its_object_until_it_is_removed);
	tcase_add_test(tc, a_stale_id_finds_nobody_in_a_slot_that_is_taken_again);
	tcase_add_test(tc, ids_that_were_never_given_find_nobody);
	tcase_add_test(tc, all_objects_are_walked_also_while_they_are_removed);
	tcase_add_test(tc, without_memory_there_is_no_id_and_nothing_is_lost);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
