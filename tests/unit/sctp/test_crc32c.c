/* test_crc32c.c: both ways to the checksum, against known values and against each other. */
#include "../main.h"

#include "sctp/crc32c.h"

START_TEST(known_values_come_out)
{
	uint8_t zeros[32] = { 0 }, ones[32], rising[32];

	memset(ones, 0xff, sizeof(ones));
	for (int i = 0; i < 32; i++)
		rising[i] = (uint8_t)i;
	/* RFC 3720 B.4 */
	ck_assert_uint_eq(crc32c(SPAN_OF(zeros)), 0x8a9136aa);
	ck_assert_uint_eq(crc32c(SPAN_OF(ones)), 0x62a8ab43);
	ck_assert_uint_eq(crc32c(SPAN_OF(rising)), 0x46dd794e);
	ck_assert_uint_eq(crc32c(SPAN_LIT("123456789")), 0xe3069283);
	ck_assert_uint_eq(crc32c_by_table(SPAN_OF(rising)), 0x46dd794e);
	ck_assert_uint_eq(crc32c_by_table(SPAN_LIT("123456789")), 0xe3069283);
	ck_assert_uint_eq(crc32c(SPAN_NONE), 0);
}
END_TEST

START_TEST(cpu_and_table_agree_on_every_length_and_alignment)
{
	uint8_t bytes[300];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * i * 7 + i);
	for (size_t start = 0; start < 8; start++)
		for (size_t len = 0; len + start <= sizeof(bytes); len++)
			ck_assert_uint_eq(crc32c(SPAN(bytes + start, len)),
				crc32c_by_table(SPAN(bytes + start, len)));
}
END_TEST

START_TEST(one_changed_bit_is_noticed)
{
	uint8_t bytes[64] = { 0 };
	uint32_t clean = crc32c(SPAN_OF(bytes));

	for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_uint_ne(crc32c(SPAN_OF(bytes)), clean);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sctp/crc32c");
	TCase *t = tcase_create("crc32c");

	tcase_add_test(t, known_values_come_out);
	tcase_add_test(t, cpu_and_table_agree_on_every_length_and_alignment);
	tcase_add_test(t, one_changed_bit_is_noticed);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
