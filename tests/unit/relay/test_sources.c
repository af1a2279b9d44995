/* test_sources.c: the table that finds a media by where its datagrams come from, against a plain list. */
#include "dcmf/relay/sources.h"

#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "tests/unit/main.h"

enum { MANY = 3000 };

static struct sources all;
static struct source src[MANY];
static bool is_in[MANY];
static long live;

/* All of one port, some addresses apart by one bit. */
static void name(struct source *s, unsigned n)
{
	*s = (struct source){ .key.port = 7 + n % 3 };
	s->key.remote.family = n % 2 ? ADDR_IPV4 : ADDR_IPV6;
	s->key.remote.port = (uint16_t)(1024 + n);
	memcpy(s->key.remote.ip, &n, sizeof(n));
}

static void set_up(void)
{
	live = mem_live();
	sources_init(&all);
	memset(is_in, 0, sizeof(is_in));
	for (unsigned i = 0; i < MANY; i++)
		name(&src[i], i);
}

static void tear_down(void)
{
	for (unsigned i = 0; i < MANY; i++)
		if (is_in[i])
			sources_remove(&all, &src[i]);
	ck_assert_int_eq(mem_live(), live);
}

static void put(unsigned i)
{
	ck_assert(sources_add(&all, &src[i]));
	is_in[i] = true;
}

static void take(unsigned i)
{
	sources_remove(&all, &src[i]);
	is_in[i] = false;
}

static void expect_as_listed(void)
{
	for (unsigned i = 0; i < MANY; i++) {
		const struct source *found = sources_find(&all, &src[i].key);

		ck_assert_ptr_eq(found, is_in[i] ? &src[i] : NULL);
	}
}

START_TEST(who_was_added_is_found_and_nobody_else)
{
	expect_as_listed(); /* none */
	for (unsigned i = 0; i < MANY; i += 2)
		put(i);
	expect_as_listed();
}
END_TEST

START_TEST(those_that_stay_are_found_whoever_leaves)
{
	srand(1);
	for (unsigned i = 0; i < MANY; i++)
		put(i);
	for (int round = 0; round < 5; round++) {
		for (int k = 0; k < MANY; k++) {
			unsigned i = (unsigned)rand() % MANY;

			if (is_in[i])
				take(i);
			else
				put(i);
		}
		expect_as_listed();
	}
}
END_TEST

START_TEST(every_part_of_the_key_counts)
{
	struct source_key key = src[0].key;

	put(0);
	ck_assert_ptr_eq(sources_find(&all, &key), &src[0]);
	key.port++;
	ck_assert_ptr_null(sources_find(&all, &key));
	key = src[0].key;
	key.remote.port++;
	ck_assert_ptr_null(sources_find(&all, &key));
	key = src[0].key;
	key.remote.scope++;
	ck_assert_ptr_null(sources_find(&all, &key));
	key = (struct source_key){ .port = src[0].key.port };
	ck_assert_ptr_null(sources_find(&all, &key));
}
END_TEST

START_TEST(a_guess_is_right_for_who_is_there_and_harmless_for_others)
{
	sources_prefetch(&all, 1); /* of an empty table */
	ck_assert_ptr_null(sources_guess(&all, 1));
	for (unsigned i = 0; i < 100; i++)
		put(i);
	for (unsigned i = 0; i < 200; i++) {
		uint64_t hash = sources_hash(&all, &src[i].key);

		sources_prefetch(&all, hash);
		ck_assert_ptr_eq(sources_guess(&all, hash), i < 100 ? &src[i] : NULL);
	}
}
END_TEST

START_TEST(an_empty_table_holds_no_memory)
{
	for (unsigned i = 0; i < 1000; i++)
		put(i);
	ck_assert_int_gt(mem_live(), live);
	for (unsigned i = 0; i < 1000; i++)
		take(i);
	ck_assert_int_eq(mem_live(), live);
	put(3);
	expect_as_listed();
}
END_TEST

START_TEST(without_memory_nothing_is_added_and_nothing_lost)
{
	unsigned refused = 0;

	for (unsigned i = 0; i < MANY; i++) {
		mem_fail_at(1);
		if (!sources_add(&all, &src[i])) {
			mem_fail_at(0);
			refused++;
			ck_assert_ptr_null(sources_find(&all, &src[i].key));
			ck_assert(sources_add(&all, &src[i]));
		}
		is_in[i] = true;
	}
	mem_fail_at(0);
	ck_assert_uint_gt(refused, 3);
	expect_as_listed();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("relay/sources");
	TCase *t = tcase_create("sources");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, who_was_added_is_found_and_nobody_else);
	tcase_add_test(t, those_that_stay_are_found_whoever_leaves);
	tcase_add_test(t, every_part_of_the_key_counts);
	tcase_add_test(t, a_guess_is_right_for_who_is_there_and_harmless_for_others);
	tcase_add_test(t, an_empty_table_holds_no_memory);
	tcase_add_test(t, without_memory_nothing_is_added_and_nothing_lost);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
