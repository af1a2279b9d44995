/* test_bytes.c: a bounded queue of bytes. */
#include "dcmf/base/bytes.h"

#include "dcmf/base/alloc.h"
#include "tests/unit/main.h"

START_TEST(bytes_come_out_as_they_went_in)
{
	struct bytes q = { .limit = 100 };

	ck_assert_uint_eq(bytes_view(&q).len, 0);
	ck_assert(bytes_append(&q, SPAN_LIT("hello ")));
	ck_assert(bytes_append(&q, SPAN_LIT("world")));
	ck_assert(bytes_append(&q, SPAN_NONE));
	ck_assert(span_eq(bytes_view(&q), SPAN_LIT("hello world")));
	bytes_take(&q, 6);
	ck_assert(span_eq(bytes_view(&q), SPAN_LIT("world")));
	ck_assert(bytes_append(&q, SPAN_LIT("!")));
	ck_assert(span_eq(bytes_view(&q), SPAN_LIT("world!")));
	bytes_take(&q, SIZE_MAX);
	ck_assert_uint_eq(bytes_view(&q).len, 0);
	bytes_finish(&q);
}
END_TEST

START_TEST(what_goes_beyond_the_limit_is_not_taken_at_all)
{
	struct bytes q = { .limit = 4 };

	ck_assert_uint_eq(bytes_room(&q), 4);
	ck_assert(bytes_append(&q, SPAN_LIT("abc")));
	ck_assert(!bytes_append(&q, SPAN_LIT("de")));
	ck_assert(span_eq(bytes_view(&q), SPAN_LIT("abc")));
	ck_assert_uint_eq(bytes_room(&q), 1);
	ck_assert(bytes_append(&q, SPAN_LIT("d")));
	ck_assert_uint_eq(bytes_room(&q), 0);
	q.limit = 2;
	ck_assert_uint_eq(bytes_room(&q), 0);
	bytes_finish(&q);
	ck_assert_uint_eq(q.limit, 2);
}
END_TEST

START_TEST(an_emptied_queue_gives_large_storage_back_and_keeps_small)
{
	static const uint8_t big[10000];
	struct bytes q = { .limit = 100000 };
	long live = mem_live();

	ck_assert(bytes_append(&q, SPAN_OF(big)));
	bytes_take(&q, sizeof(big));
	ck_assert_int_eq(mem_live(), live);
	ck_assert(bytes_append(&q, SPAN_LIT("a")));
	bytes_take(&q, 1);
	ck_assert_int_eq(mem_live(), live + 1);
	bytes_finish(&q);
	ck_assert_int_eq(mem_live(), live);
}
END_TEST

START_TEST(a_queue_behaves_as_a_plain_array_would)
{
	static uint8_t model[1 << 16];
	size_t first = 0, end = 0;
	struct bytes q = { .limit = 3000 };
	uint32_t dice = 1;

	for (int i = 0; i < 2000; i++) {
		size_t n = (dice = dice * 1664525 + 1013904223) >> 22;

		if (dice & 0x10000) {
			uint8_t piece[1024];

			memset(piece, (int)(dice >> 8 & 0xff), sizeof(piece));
			if (end - first + n > q.limit || end + n > sizeof(model)) {
				ck_assert(end + n > sizeof(model) ||
					  !bytes_append(&q, SPAN(piece, n)));
			} else {
				ck_assert(bytes_append(&q, SPAN(piece, n)));
				memcpy(model + end, piece, n);
				end += n;
			}
		} else {
			bytes_take(&q, n);
			first = first + n < end ? first + n : end;
		}
		ck_assert(span_eq(bytes_view(&q), SPAN(model + first, end - first)));
		if (first == end)
			first = end = 0;
	}
	bytes_finish(&q);
}
END_TEST

START_TEST(nothing_is_taken_when_memory_runs_out)
{
	struct bytes q = { .limit = 1000 };

	mem_fail_at(1);
	ck_assert(!bytes_append(&q, SPAN_LIT("a")));
	ck_assert(bytes_append(&q, SPAN_LIT("b")));
	ck_assert(span_eq(bytes_view(&q), SPAN_LIT("b")));
	mem_fail_at(1);
	for (int i = 0; i < 255; i++)
		ck_assert(bytes_append(&q, SPAN_LIT("c")));
	ck_assert(!bytes_append(&q, SPAN_LIT("d")));
	ck_assert_uint_eq(bytes_view(&q).len, 256);
	mem_fail_at(0);
	bytes_finish(&q);
	bytes_finish(&q);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base/bytes");
	TCase *tc = tcase_create("bytes");

	tcase_add_test(tc, bytes_come_out_as_they_went_in);
	tcase_add_test(tc, what_goes_beyond_the_limit_is_not_taken_at_all);
	tcase_add_test(tc, an_emptied_queue_gives_large_storage_back_and_keeps_small);
	tcase_add_test(tc, a_queue_behaves_as_a_plain_array_would);
	tcase_add_test(tc, nothing_is_taken_when_memory_runs_out);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
