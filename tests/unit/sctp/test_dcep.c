/* test_dcep.c: DATA_CHANNEL_OPEN and ACK, as they are and as they should not be. */
#include "../main.h"

#include "sctp/dcep.h"

START_TEST(open_with_label_and_protocol_is_understood)
{
	const uint8_t wire[] = { 3, 0x81, 1, 0, 0, 0, 0, 5, 0, 3, 0, 2, 'a', 'b', 'c', 'x', 'y' };
	struct dcep_open open;

	ck_assert_int_eq(dcep_parse_open(SPAN_OF(wire), &open), ERR_OK);
	ck_assert(open.quality.unordered);
	ck_assert_int_eq(open.quality.reliability, MAX_RETRANSMITS);
	ck_assert_int_eq(open.quality.priority, 256);
	ck_assert_int_eq(open.quality.limit, 5);
	ck_assert(span_eq(open.label, SPAN_LIT("abc")));
	ck_assert(span_eq(open.protocol, SPAN_LIT("xy")));
}
END_TEST

START_TEST(open_with_label_longer_than_the_message_is_rejected)
{
	const uint8_t wire[] = { 3, 0, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0 };
	struct dcep_open open;

	ck_assert_int_eq(dcep_parse_open(SPAN_OF(wire), &open), ERR_DCEP_MALFORMED);
}
END_TEST

START_TEST(open_cut_anywhere_is_rejected)
{
	const uint8_t wire[] = { 3, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0, 2, 'a', 'b', 'c', 'x', 'y' };
	struct dcep_open open;

	for (size_t len = 0; len < sizeof(wire); len++)
		ck_assert_int_eq(dcep_parse_open(SPAN(wire, len), &open), ERR_DCEP_MALFORMED);
	ck_assert_int_eq(dcep_parse_open(SPAN_OF(wire), &open), ERR_OK);
}
END_TEST

START_TEST(open_with_bytes_after_its_end_is_rejected)
{
	const uint8_t wire[] = { 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'z' };
	struct dcep_open open;

	ck_assert_int_eq(dcep_parse_open(SPAN_OF(wire), &open), ERR_DCEP_MALFORMED);
}
END_TEST

START_TEST(open_with_an_unknown_channel_type_is_rejected)
{
	uint8_t wire[] = { 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct dcep_open open;

	for (int type = 0; type < 256; type++) {
		bool known = (type & 0x7f) <= 2;

		wire[1] = (uint8_t)type;
		ck_assert_int_eq(
			dcep_parse_open(SPAN_OF(wire), &open), known ? ERR_OK : ERR_DCEP_MALFORMED);
	}
}
END_TEST

START_TEST(limit_of_a_reliable_channel_means_nothing)
{
	const uint8_t wire[] = { 3, 0, 1, 0, 0, 0, 0, 9, 0, 0, 0, 0 };
	struct dcep_open open;

	ck_assert_int_eq(dcep_parse_open(SPAN_OF(wire), &open), ERR_OK);
	ck_assert_int_eq(open.quality.limit, 0);
}
END_TEST

START_TEST(what_is_written_reads_the_same)
{
	struct dcep_open out = { .quality = { true, MAX_LIFETIME, 512, 700 },
		.label = SPAN_LIT("label"),
		.protocol = SPAN_LIT("proto") };
	struct dcep_open in;
	uint8_t wire[64];
	size_t len = dcep_write_open(&out, wire, sizeof(wire));

	ck_assert_int_eq(len, 22);
	ck_assert(dcep_is_open(SPAN(wire, len)));
	ck_assert_int_eq(dcep_parse_open(SPAN(wire, len), &in), ERR_OK);
	ck_assert(in.quality.unordered);
	ck_assert_int_eq(in.quality.reliability, MAX_LIFETIME);
	ck_assert_int_eq(in.quality.priority, 512);
	ck_assert_int_eq(in.quality.limit, 700);
	ck_assert(span_eq(in.label, out.label));
	ck_assert(span_eq(in.protocol, out.protocol));
}
END_TEST

START_TEST(what_does_not_fit_is_not_written)
{
	static const uint8_t long_text[65536];
	static uint8_t wire[140000];
	struct dcep_open open = { .label = SPAN_LIT("label") };

	ck_assert_int_eq(dcep_write_open(&open, wire, 16), 0);
	ck_assert_int_eq(dcep_write_open(&open, wire, 17), 17);
	open.label = SPAN_OF(long_text);
	ck_assert_int_eq(dcep_write_open(&open, wire, sizeof(wire)), 0);
	open.label.len = 65535;
	ck_assert_int_eq(dcep_write_open(&open, wire, sizeof(wire)), 65547);
	open.protocol = SPAN_OF(long_text);
	ck_assert_int_eq(dcep_write_open(&open, wire, sizeof(wire)), 0);
}
END_TEST

START_TEST(ack_is_one_byte_and_not_an_open)
{
	ck_assert(dcep_is_ack(DCEP_ACK));
	ck_assert(!dcep_is_open(DCEP_ACK));
	ck_assert(!dcep_is_ack(SPAN_NONE));
	ck_assert(!dcep_is_open(SPAN_NONE));
	ck_assert(!dcep_is_ack(SPAN_LIT("\x03")));
	ck_assert_int_eq(DCEP_ACK.len, 1);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sctp/dcep");
	TCase *t = tcase_create("dcep");

	tcase_add_test(t, open_with_label_and_protocol_is_understood);
	tcase_add_test(t, open_with_label_longer_than_the_message_is_rejected);
	tcase_add_test(t, open_cut_anywhere_is_rejected);
	tcase_add_test(t, open_with_bytes_after_its_end_is_rejected);
	tcase_add_test(t, open_with_an_unknown_channel_type_is_rejected);
	tcase_add_test(t, limit_of_a_reliable_channel_means_nothing);
	tcase_add_test(t, what_is_written_reads_the_same);
	tcase_add_test(t, what_does_not_fit_is_not_written);
	tcase_add_test(t, ack_is_one_byte_and_not_an_open);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
