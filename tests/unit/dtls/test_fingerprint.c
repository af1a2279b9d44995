/* test_fingerprint.c: fingerprints as text, both ways. */
#include "dtls/fingerprint.h"

#include "tests/unit/main.h"

#define BYTES_16 "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
#define BYTES_32 BYTES_16 ":" BYTES_16

START_TEST(what_sdp_writes_is_read_and_written_again)
{
	static const char text[] = "SHA-256 " BYTES_32;
	struct fingerprint f;
	char buf[FINGERPRINT_TEXT_MAX];

	ck_assert_int_eq(fingerprint_parse(SPAN_LIT(text), &f), ERR_OK);
	ck_assert_int_eq(f.hash, HASH_SHA256);
	ck_assert_uint_eq(f.len, 32);
	ck_assert_uint_eq(f.md[31], 0xff);
	ck_assert_str_eq(fingerprint_text(&f, buf), text);
}
END_TEST

START_TEST(case_and_blanks_do_not_matter)
{
	struct fingerprint a, b;

	ck_assert_int_eq(fingerprint_parse(SPAN_LIT("SHA-256 " BYTES_32), &a), ERR_OK);
	ck_assert_int_eq(
		fingerprint_parse(
			SPAN_LIT(" sha-256  00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:"
				 "00:11:22:33:44:55:66:77:88:99:Aa:bB:cc:dd:ee:ff\r\n"),
			&b),
		ERR_OK);
	ck_assert(fingerprint_eq(&a, &b));
}
END_TEST

START_TEST(the_longest_one_fits_its_buffer)
{
	char text[] = "SHA-512 " BYTES_32 ":" BYTES_32, buf[FINGERPRINT_TEXT_MAX];
	struct fingerprint f;

	ck_assert_int_eq(fingerprint_parse(SPAN_LIT(text), &f), ERR_OK);
	ck_assert_str_eq(fingerprint_text(&f, buf), text);
	ck_assert_uint_lt(strlen(text), FINGERPRINT_TEXT_MAX);
}
END_TEST

START_TEST(weak_hashes_parse_so_that_a_refusal_can_name_them)
{
	static const char *const weak[] = { "md2 " BYTES_16, "MD5 " BYTES_16,
		"sha-1 " BYTES_16 ":01:02:03:04",
		"SHA-224 " BYTES_16 ":01:02:03:04:05:06:07:08:09:0A:0B:0C" };

	for (size_t i = 0; i < 4; i++) {
		struct fingerprint f;

		ck_assert_int_eq(fingerprint_parse(SPAN_STR(weak[i]), &f), ERR_WEAK_HASH);
		ck_assert_int_eq(f.hash, (int)i);
		ck_assert(!hash_is_strong(f.hash));
	}
	ck_assert(hash_is_strong(HASH_SHA256) && hash_is_strong(HASH_SHA384));
	ck_assert(!hash_is_strong(HASH_MAX));
}
END_TEST

START_TEST(anything_else_is_malformed_and_leaves_the_result_alone)
{
	static const char *const bad[] = { "", " ", "SHA-256", "SHA-256 ", BYTES_32,
		"SHA-3 " BYTES_32, "SHA256 " BYTES_32, "SHA-256 " BYTES_16,
		"SHA-256 " BYTES_32 ":00", "SHA-256 " BYTES_32 ":", "SHA-384 " BYTES_32,
		"SHA-256 G0:11:22:33:44:55:66:77:88:99:AA"
		":BB:CC:DD:EE:FF:" BYTES_16,
		"SHA-256 00-11-22-33-44-55-66-77-88-99-AA-BB-CC-DD-EE-FF-" BYTES_16,
		"SHA-256 " BYTES_16 " " BYTES_16 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct fingerprint f = { .hash = 77 };

		ck_assert_int_eq(fingerprint_parse(SPAN_STR(bad[i]), &f), ERR_MALFORMED);
		ck_assert_int_eq(f.hash, 77);
	}
}
END_TEST

START_TEST(equal_means_hash_and_every_byte)
{
	struct fingerprint a, b;

	fingerprint_parse(SPAN_LIT("SHA-256 " BYTES_32), &a);
	b = a;
	b.md[0] ^= 1;
	ck_assert(!fingerprint_eq(&a, &b));
	b = a;
	b.hash = HASH_SHA384;
	ck_assert(!fingerprint_eq(&a, &b));
	b = a;
	b.md[32] ^= 1; /* beyond its length */
	ck_assert(fingerprint_eq(&a, &b));
}
END_TEST

static Suite *fingerprint_suite(void)
{
	Suite *suite = suite_create("dtls/fingerprint");
	TCase *c = tcase_create("fingerprint");

	tcase_add_test(c, what_sdp_writes_is_read_and_written_again);
	tcase_add_test(c, case_and_blanks_do_not_matter);
	tcase_add_test(c, the_longest_one_fits_its_buffer);
	tcase_add_test(c, weak_hashes_parse_so_that_a_refusal_can_name_them);
	tcase_add_test(c, anything_else_is_malformed_and_leaves_the_result_alone);
	tcase_add_test(c, equal_means_hash_and_every_byte);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(fingerprint_suite)
