/* test_chars.c: which bytes are a digit, which are a character. */
#include "dcmf/base/chars.h"
#include "tests/unit/main.h"

START_TEST(hexadecimal_digits_have_a_value_in_either_case_and_nothing_else_has)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	unsigned found = 0;

	for (int i = 0; i < 32; i++)
		ck_assert_int_eq(char_hex((uint8_t)digits[i]), i % 16);
	for (unsigned c = 0; c < 256; c++)
		found += char_hex((uint8_t)c) >= 0;
	ck_assert_uint_eq(found, 22);
}
END_TEST

/* RFC 3629 3, independent of the table: UTF-8 of a code point. */
static size_t encode(uint32_t code, uint8_t out[4])
{
	static const uint8_t heads[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };
	size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = len - 1; i > 0; i--, code >>= 6)
		out[i] = 0x80 | (code & 0x3f);
	out[0] = (uint8_t)(heads[len] | code);
	return len;
}

START_TEST(every_character_has_its_length_and_surrogates_are_none)
{
	uint8_t text[5] = { 0 };

	for (uint32_t code = 1; code <= 0x10ffff; code++) {
		size_t len = encode(code, text);
		bool is_surrogate = code >= 0xd800 && code <= 0xdfff;

		text[len] = 'x';
		ck_assert_msg(
			char_utf8(SPAN(text, len + 1)) == (is_surrogate ? 0 : len), "U+%04X", code);
		for (size_t cut = 1; cut < len; cut++)
			ck_assert_msg(char_utf8(SPAN(text, cut)) == 0, "U+%04X, cut", code);
	}
	ck_assert_uint_eq(char_utf8(SPAN_NONE), 0);
	ck_assert_uint_eq(char_utf8(SPAN("", 1)), 0);
}
END_TEST

/* All of three bytes: as many are characters as there are code points for them. */
START_TEST(nothing_else_of_up_to_three_bytes_is_a_character)
{
	unsigned count[5] = { 0 };

	for (uint32_t bytes = 0; bytes < 1u << 24; bytes++) {
		const uint8_t text[] = { (uint8_t)(bytes >> 16), (uint8_t)(bytes >> 8),
			(uint8_t)bytes };

		count[char_utf8(SPAN_OF(text))]++;
	}
	ck_assert_uint_eq(count[1], 0x7f << 16);
	ck_assert_uint_eq(count[2], (0x800 - 0x80) << 8);
	ck_assert_uint_eq(count[3], 0x10000 - 0x800 - 0x800);
	ck_assert_uint_eq(count[4], 0);
}
END_TEST

START_TEST(overlong_forms_and_what_is_beyond_the_last_character_are_none)
{
	static const uint8_t wrong[][4] = {
		{ 0xf0, 0x8f, 0xbf, 0xbf },
		{ 0xf4, 0x90, 0x80, 0x80 },
		{ 0xf5, 0x80, 0x80, 0x80 },
		{ 0xf8, 0x88, 0x80, 0x80 },
		{ 0xf1, 0x80, 0x80, 0x7f },
		{ 0xf1, 0x80, 0xc0, 0x80 },
		{ 0xf1, 0x7f, 0x80, 0x80 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(char_utf8(SPAN_OF(wrong[i])) == 0, "row %zu", i);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("base/chars");
	TCase *t = tcase_create("chars");

	tcase_add_test(t, hexadecimal_digits_have_a_value_in_either_case_and_nothing_else_has);
	tcase_add_test(t, every_character_has_its_length_and_surrogates_are_none);
	tcase_add_test(t, nothing_else_of_up_to_three_bytes_is_a_character);
	tcase_add_test(t, overlong_forms_and_what_is_beyond_the_last_character_are_none);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
