/* test_list.c: intrusive lists. */
#include "dcmf/base/list.h"

#include "tests/unit/main.h"

struct item {
	int number;
	struct list_node node;
};

static struct item item[4];
static struct list_node list, other;

static void set_up(void)
{
	list_init(&list);
	list_init(&other);
	for (int i = 0; i < 4; i++) {
		item[i].number = i;
		list_init(&item[i].node);
	}
}

/* The numbers as digits, first to last. */
static int numbers(struct list_node *l)
{
	int n = 0;

	list_for_each (at, l)
		n = 10 * n + container_of(at, struct item, node)->number;
	return n;
}

START_TEST(items_stand_in_the_order_they_were_appended)
{
	ck_assert(list_is_empty(&list));
	for (int i = 1; i < 4; i++)
		list_append(&list, &item[i].node);
	ck_assert_int_eq(numbers(&list), 123);
	list_append(&list, &item[1].node);
	ck_assert_int_eq(numbers(&list), 231);
	list_append(&list, &item[1].node);
	ck_assert_int_eq(numbers(&list), 231);
}
END_TEST

START_TEST(an_item_is_in_one_list_only)
{
	list_append(&list, &item[1].node);
	list_append(&list, &item[2].node);
	list_append(&other, &item[1].node);
	ck_assert_int_eq(numbers(&list), 2);
	ck_assert_int_eq(numbers(&other), 1);
}
END_TEST

START_TEST(unlinking_twice_is_harmless)
{
	list_append(&list, &item[1].node);
	list_append(&list, &item[2].node);
	list_unlink(&item[1].node);
	list_unlink(&item[1].node);
	ck_assert_int_eq(numbers(&list), 2);
	list_unlink(&item[2].node);
	ck_assert(list_is_empty(&list));
}
END_TEST

START_TEST(items_may_leave_while_the_list_is_walked)
{
	for (int i = 0; i < 4; i++)
		list_append(&list, &item[i].node);
	list_for_each_safe (at, next, &list) {
		if (container_of(at, struct item, node)->number != 2)
			list_unlink(at);
	}
	ck_assert_int_eq(numbers(&list), 2);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base/list");
	TCase *tc = tcase_create("list");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, items_stand_in_the_order_they_were_appended);
	tcase_add_test(tc, an_item_is_in_one_list_only);
	tcase_add_test(tc, unlinking_twice_is_harmless);
	tcase_add_test(tc, items_may_leave_while_the_list_is_walked);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
