/* test_span.c: borrowed bytes and the two cursors. */
#include "dcmf/base/span.h"

#include "tests/unit/main.h"

START_TEST(spans_are_equal_by_bytes)
{
	ck_assert(span_eq(SPAN_LIT("abc"), SPAN_STR("abc")));
	ck_assert(!span_eq(SPAN_LIT("abc"), SPAN_LIT("abC")));
	ck_assert(!span_eq(SPAN_LIT("abc"), SPAN_LIT("ab")));
	ck_assert(span_eq(SPAN_NONE, SPAN_LIT("")));
	ck_assert(span_eq(SPAN_STR(NULL), SPAN_NONE));
}
END_TEST

START_TEST(only_ascii_letters_are_compared_without_case)
{
	ck_assert(span_eq_nocase(SPAN_LIT("aBz-1"), SPAN_LIT("AbZ-1")));
	ck_assert(!span_eq_nocase(SPAN_LIT("["), SPAN_LIT("{")));
	ck_assert(!span_eq_nocase(SPAN_LIT("@"), SPAN_LIT("`")));
	ck_assert(!span_eq_nocase(SPAN_LIT("\xc4"), SPAN_LIT("\xe4")));
	ck_assert(!span_eq_nocase(SPAN_LIT("a"), SPAN_LIT("ab")));
}
END_TEST

START_TEST(a_span_starts_with_its_prefix_and_with_nothing)
{
	ck_assert(span_starts(SPAN_LIT("abc"), SPAN_LIT("ab")));
	ck_assert(span_starts(SPAN_LIT("abc"), SPAN_NONE));
	ck_assert(span_starts(SPAN_NONE, SPAN_NONE));
	ck_assert(!span_starts(SPAN_LIT("abc"), SPAN_LIT("b")));
	ck_assert(!span_starts(SPAN_LIT("a"), SPAN_LIT("ab")));
}
END_TEST

START_TEST(skipping_more_than_there_is_leaves_nothing)
{
	ck_assert(span_eq(span_skip(SPAN_LIT("abc"), 1), SPAN_LIT("bc")));
	ck_assert_uint_eq(span_skip(SPAN_LIT("abc"), 3).len, 0);
	ck_assert_uint_eq(span_skip(SPAN_LIT("abc"), SIZE_MAX).len, 0);
	ck_assert_uint_eq(span_skip(SPAN_NONE, 1).len, 0);
}
END_TEST

START_TEST(blanks_are_trimmed_at_both_ends_only)
{
	ck_assert(span_eq(span_trim(SPAN_LIT(" \t a b\r\n")), SPAN_LIT("a b")));
	ck_assert_uint_eq(span_trim(SPAN_LIT(" \r\n")).len, 0);
	ck_assert_uint_eq(span_trim(SPAN_NONE).len, 0);
	ck_assert(span_eq(span_trim(SPAN_LIT("\va")), SPAN_LIT("\va")));
}
END_TEST

START_TEST(a_span_is_cut_at_the_first_separator)
{
	struct span s = SPAN_LIT("a,,b");

	ck_assert(span_eq(span_cut(&s, ','), SPAN_LIT("a")));
	ck_assert_uint_eq(span_cut(&s, ',').len, 0);
	ck_assert(span_eq(s, SPAN_LIT("b")));
	ck_assert(span_eq(span_cut(&s, ','), SPAN_LIT("b")));
	ck_assert_uint_eq(s.len, 0);
	ck_assert_uint_eq(span_cut(&s, ',').len, 0);
}
END_TEST

START_TEST(numbers_are_digits_within_their_bound)
{
	uint64_t v = 7;

	ck_assert(span_to_u64(SPAN_LIT("0"), 10, &v) && v == 0);
	ck_assert(span_to_u64(SPAN_LIT("0010"), 10, &v) && v == 10);
	ck_assert(span_to_u64(SPAN_LIT("18446744073709551615"), UINT64_MAX, &v) && v == UINT64_MAX);
	v = 7;
	ck_assert(!span_to_u64(SPAN_LIT("11"), 10, &v));
	ck_assert(!span_to_u64(SPAN_LIT("5"), 4, &v));
	ck_assert(!span_to_u64(SPAN_LIT("18446744073709551616"), UINT64_MAX, &v));
	ck_assert(!span_to_u64(SPAN_LIT("99999999999999999999999"), UINT64_MAX, &v));
	ck_assert(!span_to_u64(SPAN_LIT(""), 10, &v));
	ck_assert(!span_to_u64(SPAN_LIT(" 1"), 10, &v));
	ck_assert(!span_to_u64(SPAN_LIT("+1"), 10, &v));
	ck_assert(!span_to_u64(SPAN_LIT("-1"), 10, &v));
	ck_assert(!span_to_u64(SPAN_LIT("1x"), 10, &v));
	ck_assert_uint_eq(v, 7);
}
END_TEST

START_TEST(a_reader_takes_numbers_in_network_order)
{
	static const uint8_t wire[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
		'x' };
	struct rd r = RD(SPAN_OF(wire));

	ck_assert_uint_eq(rd_u8(&r), 0x01);
	ck_assert_uint_eq(rd_u16(&r), 0x0203);
	ck_assert_uint_eq(rd_u24(&r), 0x040506);
	ck_assert_uint_eq(rd_u32(&r), 0x0708090a);
	ck_assert_uint_eq(rd_u48(&r), 0x0b0c0d0e0f10);
	ck_assert(span_eq(rd_span(&r, 1), SPAN_LIT("x")));
	ck_assert_uint_eq(rd_span(&r, 0).len, 0);
	ck_assert(!r.failed);
	ck_assert_uint_eq(r.rest.len, 0);
}
END_TEST

START_TEST(a_reader_that_failed_stays_failed_and_reads_zeroes)
{
	static const uint8_t wire[] = { 1, 2, 3 };
	struct rd r = RD(SPAN_OF(wire));

	ck_assert_uint_eq(rd_u32(&r), 0);
	ck_assert(r.failed);
	ck_assert_uint_eq(rd_u8(&r), 0);
	ck_assert_uint_eq(rd_span(&r, 1).len, 0);
	ck_assert_uint_eq(rd_span(&r, 0).len, 0);
	r = RD(SPAN_OF(wire));
	ck_assert_ptr_null(rd_span(&r, SIZE_MAX).p);
	ck_assert(r.failed);
	r = RD(SPAN_NONE);
	ck_assert_uint_eq(rd_u8(&r), 0);
	ck_assert(r.failed);
}
END_TEST

START_TEST(a_writer_writes_what_a_reader_reads)
{
	uint8_t store[19];
	struct wr w = WR(store, sizeof(store));
	struct rd r;

	wr_u8(&w, 0xfe);
	wr_u16(&w, 0xfedc);
	wr_u24(&w, 0xfedcba);
	wr_u32(&w, 0xfedcba98);
	wr_u48(&w, 0xfedcba987654);
	wr_span(&w, SPAN_LIT("abc"));
	wr_span(&w, SPAN_NONE);
	ck_assert(!w.failed);
	ck_assert_uint_eq(w.len, sizeof(store));
	r = RD(SPAN(store, w.len));
	ck_assert_uint_eq(rd_u8(&r), 0xfe);
	ck_assert_uint_eq(rd_u16(&r), 0xfedc);
	ck_assert_uint_eq(rd_u24(&r), 0xfedcba);
	ck_assert_uint_eq(rd_u32(&r), 0xfedcba98);
	ck_assert_uint_eq(rd_u48(&r), 0xfedcba987654);
	ck_assert(span_eq(r.rest, SPAN_LIT("abc")));
}
END_TEST

START_TEST(a_writer_without_room_fails_and_stays_failed)
{
	uint8_t store[4] = { 0 };
	struct wr w = WR(store, 3);

	wr_u16(&w, 1);
	wr_u16(&w, 2);
	ck_assert(w.failed);
	wr_u8(&w, 3);
	ck_assert(w.failed);
	ck_assert_uint_eq(w.len, 2);
	ck_assert_uint_eq(store[2], 0);
	ck_assert_uint_eq(store[3], 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base/span");
	TCase *tc = tcase_create("span");

	tcase_add_test(tc, spans_are_equal_by_bytes);
	tcase_add_test(tc, only_ascii_letters_are_compared_without_case);
	tcase_add_test(tc, a_span_starts_with_its_prefix_and_with_nothing);
	tcase_add_test(tc, skipping_more_than_there_is_leaves_nothing);
	tcase_add_test(tc, blanks_are_trimmed_at_both_ends_only);
	tcase_add_test(tc, a_span_is_cut_at_the_first_separator);
	tcase_add_test(tc, numbers_are_digits_within_their_bound);
	tcase_add_test(tc, a_reader_takes_numbers_in_network_order);
	tcase_add_test(tc, a_reader_that_failed_stays_failed_and_reads_zeroes);
	tcase_add_test(tc, a_writer_writes_what_a_reader_reads);
	tcase_add_test(tc, a_writer_without_room_fails_and_stays_failed);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
