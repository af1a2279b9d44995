/* test_wire.c: what a datagram is, by its first bytes. */
#include "dcmf/relay/wire.h"

#include <string.h>

#include "tests/unit/main.h"

START_TEST(the_first_byte_tells_the_protocol)
{
	for (unsigned b = 0; b < 256; b++) {
		uint8_t byte = (uint8_t)b;
		enum wire_kind expected = b <= 3                 ? WIRE_STUN
					  : b >= 20 && b <= 63   ? WIRE_DTLS
					  : b >= 128 && b <= 191 ? WIRE_RTP
								 : WIRE_OTHER;

		ck_assert_int_eq(wire_kind(SPAN(&byte, 1)), expected);
	}
}
END_TEST

START_TEST(an_empty_datagram_is_nothing_we_know)
{
	ck_assert_int_eq(wire_kind(SPAN_NONE), WIRE_OTHER);
}
END_TEST

/* A handshake record of epoch 0 with the beginning of a ClientHello: headers, version, random. */
static void make_hello(uint8_t out[64])
{
	memset(out, 0, 64);
	out[0] = DTLS_HANDSHAKE_RECORD;
	out[1] = 0xfe;
	out[2] = 0xfd;
	out[12] = 64 - 13;
	out[13] = 1; /* client_hello */
	for (uint8_t i = 0; i < 32; i++)
		out[27 + i] = (uint8_t)(0xa0 + i);
}

START_TEST(a_record_tells_its_type_and_epoch)
{
	uint8_t hello[64], type;
	bool clear;

	make_hello(hello);
	ck_assert(wire_dtls_first(SPAN_OF(hello), &type, &clear));
	ck_assert_uint_eq(type, DTLS_HANDSHAKE_RECORD);
	ck_assert(clear);
	hello[4] = 1;
	ck_assert(wire_dtls_first(SPAN_OF(hello), &type, &clear));
	ck_assert(!clear);
	hello[3] = 1;
	hello[4] = 0;
	ck_assert(wire_dtls_first(SPAN_OF(hello), &type, &clear));
	ck_assert(!clear);
}
END_TEST

START_TEST(less_than_a_record_header_is_no_record)
{
	uint8_t hello[64], type;
	bool clear;

	make_hello(hello);
	for (size_t n = 0; n < 13; n++)
		ck_assert(!wire_dtls_first(SPAN(hello, n), &type, &clear));
}
END_TEST

START_TEST(a_client_hello_is_one_by_type_epoch_and_message)
{
	uint8_t hello[64];

	make_hello(hello);
	ck_assert(wire_is_client_hello(SPAN_OF(hello)));
	for (size_t n = 0; n <= 13; n++)
		ck_assert(!wire_is_client_hello(SPAN(hello, n)));
	hello[13] = 2; /* server_hello */
	ck_assert(!wire_is_client_hello(SPAN_OF(hello)));
	hello[13] = 1;
	hello[4] = 1; /* encrypted: who knows what it is */
	ck_assert(!wire_is_client_hello(SPAN_OF(hello)));
	hello[4] = 0;
	hello[0] = DTLS_ALERT_RECORD;
	ck_assert(!wire_is_client_hello(SPAN_OF(hello)));
}
END_TEST

START_TEST(the_random_is_read_from_the_first_fragment_alone)
{
	static const uint8_t expected[8] = { 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7 };
	uint8_t hello[64], random[8];

	make_hello(hello);
	ck_assert(wire_hello_random(SPAN(hello, 27 + 8), random));
	ck_assert_mem_eq(random, expected, 8);
	ck_assert(!wire_hello_random(SPAN(hello, 27 + 7), random));
	for (int at = 19; at < 22; at++) { /* fragment offset */
		hello[at] = 1;
		ck_assert(!wire_hello_random(SPAN_OF(hello), random));
		hello[at] = 0;
	}
	hello[13] = 2;
	ck_assert(!wire_hello_random(SPAN_OF(hello), random));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("relay/wire");
	TCase *tc = tcase_create("wire");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, the_first_byte_tells_the_protocol);
	tcase_add_test(tc, an_empty_datagram_is_nothing_we_know);
	tcase_add_test(tc, a_record_tells_its_type_and_epoch);
	tcase_add_test(tc, less_than_a_record_header_is_no_record);
	tcase_add_test(tc, a_client_hello_is_one_by_type_epoch_and_message);
	tcase_add_test(tc, the_random_is_read_from_the_first_fragment_alone);
	return s;
}

UNIT_MAIN(make_suite)
