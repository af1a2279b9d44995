/*
 * test_stun.c: the codec against the vectors of RFC 5769, and against
 * messages that only look like STUN.
 */
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "dcmf/ice/stun.h"
#include "tests/unit/main.h"

/*
 * RFC 5769 2.1: a request. SOFTWARE, PRIORITY, ICE-CONTROLLED,
 * USERNAME, MESSAGE-INTEGRITY, FINGERPRINT.
 */
static const uint8_t sample_request[] = { 0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7,
	0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10,
	0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e,
	0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f,
	0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a,
	0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c,
	0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71,
	0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf };

/* RFC 5769 2.2: its IPv4 response, 192.0.2.1:32853. */
static const uint8_t sample_ipv4[] = { 0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7,
	0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74,
	0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x08,
	0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43, 0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5,
	0x99, 0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b,
	0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96 };

/* RFC 5769 2.3: its IPv6 response, [2001:db8:1234:5678:11:2233:4455:6677]:32853. */
static const uint8_t sample_ipv6[] = { 0x01, 0x01, 0x00, 0x48, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7,
	0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74,
	0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x14,
	0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4,
	0xb5, 0xbe, 0xd2, 0xb9, 0xd9, 0x00, 0x08, 0x00, 0x14, 0xa3, 0x82, 0x95, 0x4e, 0x4b, 0xe6,
	0x7b, 0xf1, 0x17, 0x84, 0xc9, 0x7c, 0x82, 0x92, 0xc2, 0x75, 0xbf, 0xe3, 0xed, 0x41, 0x80,
	0x28, 0x00, 0x04, 0xc8, 0xfb, 0x0b, 0x4c };

/* RFC 5769 2.4: long-term credentials, no FINGERPRINT: nothing for ICE. */
static const uint8_t sample_long_term[] = { 0x00, 0x01, 0x00, 0x60, 0x21, 0x12, 0xa4, 0x42, 0x78,
	0xad, 0x34, 0x33, 0xc6, 0xad, 0x72, 0xc0, 0x29, 0xda, 0x41, 0x2e, 0x00, 0x06, 0x00, 0x12,
	0xe3, 0x83, 0x9e, 0xe3, 0x83, 0x88, 0xe3, 0x83, 0xaa, 0xe3, 0x83, 0x83, 0xe3, 0x82, 0xaf,
	0xe3, 0x82, 0xb9, 0x00, 0x00, 0x00, 0x15, 0x00, 0x1c, 0x66, 0x2f, 0x2f, 0x34, 0x39, 0x39,
	0x6b, 0x39, 0x35, 0x34, 0x64, 0x36, 0x4f, 0x4c, 0x33, 0x34, 0x6f, 0x4c, 0x39, 0x46, 0x53,
	0x54, 0x76, 0x79, 0x36, 0x34, 0x73, 0x41, 0x00, 0x14, 0x00, 0x0b, 0x65, 0x78, 0x61, 0x6d,
	0x70, 0x6c, 0x65, 0x2e, 0x6f, 0x72, 0x67, 0x00, 0x00, 0x08, 0x00, 0x14, 0xf6, 0x70, 0x24,
	0x65, 0x6d, 0xd6, 0x4a, 0x3e, 0x02, 0xb8, 0xe0, 0x71, 0x2e, 0x85, 0xc9, 0xa2, 0x8c, 0xa8,
	0x96, 0x66 };

static const char sample_password[] = "VOkJxbRl1RmTxUk/WvJxBt";

static struct stun_codec *codec;

static void set_up(void)
{
	codec = stun_codec_create();
	ck_assert_ptr_nonnull(codec);
}

static void tear_down(void)
{
	stun_codec_destroy(codec);
}

static const char *sample_lookup(void *arg, struct span receiver, struct span sender)
{
	const char *password = arg;

	return span_eq(receiver, SPAN_LIT("evtj")) && span_eq(sender, SPAN_LIT("h6vY")) ? password
											: NULL;
}

static enum stun_proof prove(struct span wire, char *password, struct stun_request *req)
{
	struct stun_shape shape;
	struct ice_reply reply;

	if (!stun_shape(wire, &shape))
		return STUN_BROKEN;
	return stun_prove_request(codec, wire, &shape, sample_lookup, password, req, &reply);
}

START_TEST(the_sample_request_is_proved)
{
	struct span ufrag;
	struct stun_request req;
	char password[] = "VOkJxbRl1RmTxUk/WvJxBt";

	ck_assert(stun_is_one(SPAN_OF(sample_request)));
	ck_assert(stun_receiver(SPAN_OF(sample_request), &ufrag));
	ck_assert(span_eq(ufrag, SPAN_LIT("evtj")));
	ck_assert_int_eq(prove(SPAN_OF(sample_request), password, &req), STUN_PROVED);
	ck_assert_int_eq(req.role, STUN_ROLE_CONTROLLED);
	ck_assert(req.tie_breaker == 0x932ff9b151263b36);
	ck_assert(!req.use_candidate);
}
END_TEST

START_TEST(the_sample_request_with_another_password_is_a_strangers)
{
	struct stun_request req;
	char password[] = "VOkJxbRl1RmTxUk/WvJxBT";

	ck_assert_int_eq(prove(SPAN_OF(sample_request), password, &req), STUN_STRANGER);
}
END_TEST

static bool prove_response(struct span wire, const char *password, struct addr *mapped)
{
	struct stun_shape shape;

	return stun_shape(wire, &shape) && shape.has_integrity &&
	       stun_prove_response(codec, wire, shape.id, password, mapped);
}

START_TEST(the_sample_responses_are_proved)
{
	char text[ADDR_TEXT_MAX];
	struct addr mapped;

	ck_assert(prove_response(SPAN_OF(sample_ipv4), sample_password, &mapped));
	ck_assert_str_eq(addr_text(&mapped, text), "192.0.2.1:32853");
	ck_assert(prove_response(SPAN_OF(sample_ipv6), sample_password, &mapped));
	ck_assert_str_eq(addr_text(&mapped, text), "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
}
END_TEST

START_TEST(the_sample_responses_do_not_fit_another_password_or_request)
{
	static const uint8_t other[16] = { 0x21, 0x12, 0xa4, 0x42, 1 };
	struct addr mapped;

	ck_assert(!prove_response(SPAN_OF(sample_ipv4), "VOkJxbRl1RmTxUk/WvJxBT", &mapped));
	ck_assert(!stun_prove_response(
		codec, SPAN_OF(sample_ipv4), SPAN_OF(other), sample_password, &mapped));
}
END_TEST

START_TEST(a_message_without_fingerprint_is_broken)
{
	struct stun_request req;
	char password[] = "any";

	ck_assert(stun_is_one(SPAN_OF(sample_long_term)));
	ck_assert_int_eq(prove(SPAN_OF(sample_long_term), password, &req), STUN_BROKEN);
}
END_TEST

/* Copies of the exact size, so that reading beyond is seen. */
static void prove_copy(const uint8_t *wire, size_t len, enum stun_proof expected)
{
	char password[] = "VOkJxbRl1RmTxUk/WvJxBt";
	uint8_t *copy = malloc(len);
	struct stun_request req;
	struct span ufrag;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, wire, len);
	stun_receiver(SPAN(copy, len), &ufrag);
	ck_assert_int_eq(prove(SPAN(copy, len), password, &req), expected);
	free(copy);
}

START_TEST(a_truncated_message_is_broken_at_every_length)
{
	for (size_t len = 1; len < sizeof(sample_request); len++) {
		uint8_t wire[sizeof(sample_request)];

		prove_copy(sample_request, len, STUN_BROKEN);
		if (len < 20)
			continue;
		/* and with a length field that agrees */
		memcpy(wire, sample_request, len);
		wire[3] = (uint8_t)(len - 20);
		prove_copy(wire, len, STUN_BROKEN);
	}
	prove_copy(sample_request, sizeof(sample_request), STUN_PROVED);
}
END_TEST

START_TEST(no_flipped_bit_goes_unseen)
{
	uint8_t wire[sizeof(sample_request)];

	for (size_t bit = 0; bit < 8 * sizeof(wire); bit++) {
		memcpy(wire, sample_request, sizeof(wire));
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		prove_copy(wire, sizeof(wire), STUN_BROKEN);
	}
}
END_TEST

START_TEST(integrity_of_a_wrong_length_is_broken_before_libnice_reads_it)
{
	/* MESSAGE-INTEGRITY without value, then FINGERPRINT: libnice would read 20 bytes */
	static const uint8_t wire[] = { 0x00, 0x01, 0x00, 0x18, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4,
		5, 6, 7, 8, 9, 10, 11, 12, 0x00, 0x06, 0x00, 0x03, 'a', ':', 'b', 0, 0x00, 0x08,
		0x00, 0x00, 0x80, 0x28, 0x00, 0x04, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct stun_shape shape;

	ck_assert(!stun_shape(SPAN(wire, 44), &shape));
	prove_copy(wire, 44, STUN_BROKEN);
}
END_TEST

START_TEST(an_attribute_longer_than_the_message_is_broken)
{
	uint8_t wire[] = { 0x00, 0x01, 0x00, 0x08, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8,
		9, 10, 11, 12, 0x00, 0x06, 0x00, 0x04, 'a', ':', 'b', 'c' };
	struct stun_shape shape;

	ck_assert(stun_shape(SPAN_OF(wire), &shape));
	wire[23] = 5;
	ck_assert(!stun_shape(SPAN_OF(wire), &shape));
	wire[22] = 0xff;
	wire[23] = 0xff;
	ck_assert(!stun_shape(SPAN_OF(wire), &shape));
}
END_TEST

START_TEST(only_what_looks_like_stun_is_taken_for_it)
{
	uint8_t wire[] = { 0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8,
		9, 10, 11, 12, 0, 0, 0, 0 };
	struct span ufrag;

	ck_assert(stun_is_one(SPAN(wire, 20)));
	ck_assert(!stun_is_one(SPAN(wire, 19)));
	ck_assert(!stun_is_one(SPAN(wire, 24)));
	ck_assert(!stun_is_one(SPAN_NONE));
	ck_assert(!stun_receiver(SPAN(wire, 20), &ufrag));
	wire[0] = 0x40;
	ck_assert(!stun_is_one(SPAN(wire, 20)));
	wire[0] = 0;
	wire[4] = 0;
	ck_assert(!stun_is_one(SPAN(wire, 20)));
}
END_TEST

START_TEST(the_receiver_is_found_only_in_a_request_with_a_colon)
{
	uint8_t wire[] = { 0x00, 0x01, 0x00, 0x08, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8,
		9, 10, 11, 12, 0x00, 0x06, 0x00, 0x04, 'a', 'b', ':', 'c' };
	struct span ufrag;

	ck_assert(stun_receiver(SPAN_OF(wire), &ufrag));
	ck_assert(span_eq(ufrag, SPAN_LIT("ab")));
	wire[1] = 0x11;
	ck_assert(!stun_receiver(SPAN_OF(wire), &ufrag));
	wire[1] = 0x01;
	wire[26] = 'x';
	ck_assert(!stun_receiver(SPAN_OF(wire), &ufrag));
}
END_TEST

START_TEST(a_check_with_the_longest_user_name_fits)
{
	static char user[514];
	uint8_t wire[ICE_REPLY_MAX];
	struct span id, ufrag;
	size_t len;

	memset(user, 'u', 513);
	user[256] = ':';
	len = stun_write_check(codec, user, sample_password, 1, &id, wire, sizeof(wire));
	ck_assert_uint_gt(len, 0);
	ck_assert(stun_receiver(SPAN(wire, len), &ufrag));
	ck_assert_uint_eq(ufrag.len, 256);
	ck_assert_uint_eq(stun_write_check(codec, user, sample_password, 1, &id, wire, 300), 0);
}
END_TEST

START_TEST(more_checks_than_libnice_remembers_can_be_written)
{
	uint8_t wire[ICE_REPLY_MAX];
	struct span id;

	for (int i = 0; i < 1000; i++)
		ck_assert_uint_gt(
			stun_write_check(codec, "a:b", sample_password, 1, &id, wire, sizeof(wire)),
			0);
}
END_TEST

START_TEST(a_codec_without_memory_is_none)
{
	mem_fail_at(1);
	ck_assert_ptr_null(stun_codec_create());
	mem_fail_at(0);
	stun_codec_destroy(NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ice/stun");
	TCase *tc = tcase_create("stun");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, the_sample_request_is_proved);
	tcase_add_test(tc, the_sample_request_with_another_password_is_a_strangers);
	tcase_add_test(tc, the_sample_responses_are_proved);
	tcase_add_test(tc, the_sample_responses_do_not_fit_another_password_or_request);
	tcase_add_test(tc, a_message_without_fingerprint_is_broken);
	tcase_add_test(tc, a_truncated_message_is_broken_at_every_length);
	tcase_add_test(tc, no_flipped_bit_goes_unseen);
	tcase_add_test(tc, integrity_of_a_wrong_length_is_broken_before_libnice_reads_it);
	tcase_add_test(tc, an_attribute_longer_than_the_message_is_broken);
	tcase_add_test(tc, only_what_looks_like_stun_is_taken_for_it);
	tcase_add_test(tc, the_receiver_is_found_only_in_a_request_with_a_colon);
	tcase_add_test(tc, a_check_with_the_longest_user_name_fits);
	tcase_add_test(tc, more_checks_than_libnice_remembers_can_be_written);
	tcase_add_test(tc, a_codec_without_memory_is_none);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
