/*
 * test_alloc.c: the one allocator, its planned failures, and hash tables and random tokens that
 * stand beside it.
 */
#include "dcmf/base/alloc.h"

#include "dcmf/base/map.h"
#include "dcmf/base/random.h"
#include "tests/unit/main.h"

START_TEST(what_is_alive_is_counted)
{
	long live = mem_live();
	char *a = mem_alloc(0), *b = mem_zalloc(10), *c = mem_realloc(NULL, 5);

	ck_assert(a != NULL && b != NULL && c != NULL);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(b[i], 0);
	ck_assert_int_eq(mem_live(), live + 3);
	c = mem_realloc(c, 5000);
	ck_assert_int_eq(mem_live(), live + 3);
	mem_free(a);
	mem_free(b);
	mem_free(c);
	mem_free(NULL);
	ck_assert_int_eq(mem_live(), live);
}
END_TEST

START_TEST(exactly_the_planned_allocation_fails)
{
	unsigned long asked = mem_count();
	char *a, *b;

	mem_fail_at(2);
	a = mem_alloc(1);
	ck_assert(a != NULL && !mem_failed());
	ck_assert_ptr_null(mem_zalloc(1));
	ck_assert(mem_failed());
	b = mem_alloc(1);
	ck_assert_ptr_nonnull(b);
	ck_assert_uint_eq(mem_count(), asked + 3);
	mem_fail_at(1);
	ck_assert(!mem_failed());
	ck_assert_ptr_null(mem_realloc(a, 100)); /* a stays valid */
	mem_fail_at(0);
	mem_free(a);
	mem_free(b);
}
END_TEST

START_TEST(texts_are_copied_and_printed)
{
	char *a = mem_strdup("abc"), *b = mem_span_dup(SPAN_LIT("a\0b")),
	     *c = mem_printf("%d-%s", 7, "x");
	char *d = mem_span_dup(SPAN_NONE);

	ck_assert_str_eq(a, "abc");
	ck_assert_mem_eq(b, "a\0b", 4);
	ck_assert_str_eq(c, "7-x");
	ck_assert_str_eq(d, "");
	ck_assert_ptr_null(mem_strdup(NULL));
	mem_free(a);
	mem_free(b);
	mem_free(c);
	mem_free(d);
	mem_fail_at(1);
	ck_assert_ptr_null(mem_strdup("abc"));
	mem_fail_at(1);
	ck_assert_ptr_null(mem_printf("%d", 1));
	mem_fail_at(0);
}
END_TEST

struct element {
	int key;
	UT_hash_handle hh;
};

START_TEST(a_map_without_memory_does_not_hold_the_element_and_loses_no_other)
{
	long live = mem_live();

	for (unsigned n = 1;; n++) {
		static struct element element[200];
		struct element *map = NULL, *found;

		memset(element, 0, sizeof(element));
		mem_fail_at(n);
		for (int i = 0; i < 200; i++) {
			element[i].key = i;
			HASH_ADD_INT(map, key, &element[i]);
		}
		for (int i = 0; i < 200; i++) {
			HASH_FIND_INT(map, &i, found);
			ck_assert((found != NULL) == map_has(&element[i]));
			if (found != NULL)
				HASH_DEL(map, found);
		}
		ck_assert_ptr_null(map);
		ck_assert_int_eq(mem_live(), live);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
}
END_TEST

START_TEST(random_tokens_differ_and_use_their_alphabet)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char a[33], b[33];

	random_token(a, 32);
	random_token(b, 32);
	ck_assert_str_ne(a, b);
	ck_assert_uint_eq(strlen(a), 32);
	ck_assert_uint_eq(strspn(a, set), 32);
	random_token(a, 0);
	ck_assert_str_eq(a, "");
	ck_assert(random_u64() != random_u64());
}
END_TEST

START_TEST(secrets_are_wiped)
{
	char secret[8] = "secret";

	mem_wipe(secret, sizeof(secret));
	ck_assert_mem_eq(secret, "\0\0\0\0\0\0\0", 8);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base/alloc");
	TCase *tc = tcase_create("alloc");

	tcase_add_test(tc, what_is_alive_is_counted);
	tcase_add_test(tc, exactly_the_planned_allocation_fails);
	tcase_add_test(tc, texts_are_copied_and_printed);
	tcase_add_test(tc, a_map_without_memory_does_not_hold_the_element_and_loses_no_other);
	tcase_add_test(tc, random_tokens_differ_and_use_their_alphabet);
	tcase_add_test(tc, secrets_are_wiped);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
