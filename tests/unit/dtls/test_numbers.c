/*
 * test_numbers.c: what is noted of the records that OpenSSL writes, and what makes the notes
 * worthless.
 */
#include "dtls/numbers.h"

#include "dtls/record.h"
#include "tests/unit/main.h"

/* A record with `nonce` in front and so many bytes in all behind the header. */
static void note(
	struct numbers *n, uint8_t type, uint16_t epoch, uint64_t seq, uint64_t nonce, size_t len)
{
	uint8_t bytes[200] = { 0 };
	struct wr w = WR(bytes, sizeof(bytes));
	struct record rec = {
		.type = type, .version = DTLS_1_2, .epoch = epoch, .seq = seq, .body.len = len
	};

	record_write_header(&w, &rec);
	wr_u32(&w, (uint32_t)(nonce >> 32));
	wr_u32(&w, (uint32_t)nonce);
	numbers_note(n, SPAN(bytes, RECORD_HEADER + len));
}

START_TEST(the_next_number_of_each_epoch_is_one_above_the_highest)
{
	struct numbers n = { 0 };

	note(&n, RECORD_HANDSHAKE, 0, 0, 0, 20);
	note(&n, RECORD_HANDSHAKE, 0, 7, 0, 20);
	note(&n, RECORD_CHANGE_CIPHER_SPEC, 0, 5, 0, 8);
	ck_assert_uint_eq(n.plain_next, 8);
	ck_assert_uint_eq(n.sealed_next, 0);
	note(&n, RECORD_HANDSHAKE, 1, 3, 10, 48);
	note(&n, RECORD_HANDSHAKE, 1, 2, 11, 48);
	ck_assert_uint_eq(n.sealed_next, 4);
	ck_assert_uint_eq(n.plain_next, 8);
	ck_assert(!n.nonce_leaps && !n.epoch_leaps);
}
END_TEST

START_TEST(nonces_that_follow_one_another_are_known_and_others_are_not)
{
	struct numbers n = { 0 };

	note(&n, RECORD_HANDSHAKE, 1, 0, UINT64_MAX - 1, 48);
	note(&n, RECORD_HANDSHAKE, 1, 1, UINT64_MAX, 48);
	note(&n, RECORD_ALERT, 1, 2, 0, 26); /* counted over the end */
	ck_assert(!n.nonce_leaps);
	ck_assert_uint_eq(n.nonce_next, 1);
	note(&n, RECORD_HANDSHAKE, 1, 3, 3, 48);
	ck_assert(n.nonce_leaps);
	note(&n, RECORD_HANDSHAKE, 1, 4, 4, 48);
	ck_assert(n.nonce_leaps); /* for good */

	n = (struct numbers){ 0 };
	note(&n, RECORD_ALERT, 1, 0, 0, 7); /* too short for one */
	ck_assert(n.nonce_leaps);
}
END_TEST

START_TEST(another_epoch_and_what_is_no_record_are_told)
{
	struct numbers n = { 0 };

	note(&n, RECORD_HANDSHAKE, 1, 0, 9, 48);
	ck_assert(!n.epoch_leaps);
	note(&n, RECORD_HANDSHAKE, 2, 0, 10, 48);
	ck_assert(n.epoch_leaps);
	n = (struct numbers){ 0 };
	numbers_note(&n, SPAN_LIT("no record"));
	ck_assert(n.epoch_leaps);
	n = (struct numbers){ 0 };
	numbers_note(&n, SPAN_NONE);
	ck_assert(!n.epoch_leaps);
}
END_TEST

START_TEST(the_last_encrypted_handshake_record_is_kept_as_it_was_written)
{
	struct numbers n = { 0 };

	note(&n, RECORD_HANDSHAKE, 1, 0, 1, 48);
	note(&n, RECORD_HANDSHAKE, 1, 1, 2, 40);
	note(&n, RECORD_ALERT, 1, 2, 3, 26);
	ck_assert_uint_eq(n.finished_len, RECORD_HEADER + 40);
	ck_assert_uint_eq(n.finished[RECORD_SEQ_AT + 5], 1);
	ck_assert_uint_eq(n.finished[RECORD_HEADER + 7], 2);
	note(&n, RECORD_HANDSHAKE, 1, 3, 4, 48);
	ck_assert_uint_eq(n.finished_len, FINISHED_RECORD_MAX);
	note(&n, RECORD_HANDSHAKE, 1, 4, 5, 49);
	ck_assert_uint_eq(n.finished_len, 0); /* nobody could prove anything with another one */
}
END_TEST

START_TEST(several_records_at_once_are_several)
{
	struct numbers n = { 0 };
	uint8_t bytes[] = { 20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1, 1, /* */
		21, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 0 };

	numbers_note(&n, SPAN_OF(bytes));
	ck_assert_uint_eq(n.plain_next, 7);
	ck_assert_uint_eq(n.sealed_next, 1);
	ck_assert_uint_eq(n.nonce_next, 257);
}
END_TEST

static Suite *numbers_suite(void)
{
	Suite *suite = suite_create("dtls/numbers");
	TCase *c = tcase_create("numbers");

	tcase_add_test(c, the_next_number_of_each_epoch_is_one_above_the_highest);
	tcase_add_test(c, nonces_that_follow_one_another_are_known_and_others_are_not);
	tcase_add_test(c, another_epoch_and_what_is_no_record_are_told);
	tcase_add_test(c, the_last_encrypted_handshake_record_is_kept_as_it_was_written);
	tcase_add_test(c, several_records_at_once_are_several);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(numbers_suite)
