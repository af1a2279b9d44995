/* test_packet.c: what the screen lets through to the stack, and what it does not. */
#include "../main.h"

#include "sctp/packet.h"

#define US   5000
#define THEM 5001

/* A packet from THEM to US: the common header, then the chunks. */
static struct span packet_of(struct span chunks)
{
	static uint8_t buf[2 * SCTP_PACKET_MAX];
	struct wr w = WR(buf, sizeof(buf));

	wr_u16(&w, THEM);
	wr_u16(&w, US);
	wr_u32(&w, 0x01020304);
	wr_u32(&w, 0);
	wr_span(&w, chunks);
	return SPAN(buf, w.len);
}

static enum err screen(struct span chunks)
{
	struct packet_facts facts;

	return packet_screen(packet_of(chunks), THEM, US, &facts);
}

#define BYTES(...) \
	SPAN(((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ }))

#define DATA     0, 3, 0, 17, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 51, 'x'
#define DATA_PAD DATA, 0, 0, 0
#define INIT     1, 0, 0, 20, 1, 1, 1, 1, 0, 1, 0, 0, 0, 16, 0, 16, 0, 0, 0, 1
#define SACK     3, 0, 0, 16, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0, 0

START_TEST(common_chunks_pass)
{
	ck_assert_int_eq(screen(BYTES(DATA)), ERR_OK);
	ck_assert_int_eq(screen(BYTES(SACK, DATA_PAD, DATA_PAD)), ERR_OK);
	ck_assert_int_eq(screen(BYTES(INIT)), ERR_OK);
	ck_assert_int_eq(screen(BYTES(0x0b, 0, 0, 4)), ERR_OK);
	ck_assert_int_eq(screen(BYTES(6, 0, 0, 4)), ERR_OK);
	ck_assert_int_eq(screen(BYTES(7, 0, 0, 8, 0, 0, 0, 1)), ERR_OK);
	ck_assert_int_eq(screen(BYTES(4, 0, 0, 12, 0, 1, 0, 8, 1, 2, 3, 4)), ERR_OK);
	ck_assert_int_eq(screen(BYTES(0xc0, 0, 0, 8, 0, 0, 0, 1)), ERR_OK);
}
END_TEST

START_TEST(wrong_ports_are_refused)
{
	struct packet_facts facts;
	struct span p = packet_of(BYTES(DATA));

	ck_assert_int_eq(packet_screen(p, THEM, US, &facts), ERR_OK);
	ck_assert_int_eq(packet_screen(p, US, US, &facts), ERR_MALFORMED);
	ck_assert_int_eq(packet_screen(p, THEM, THEM, &facts), ERR_MALFORMED);
}
END_TEST

START_TEST(every_cut_but_that_of_padding_is_refused)
{
	struct packet_facts facts;
	struct span p = packet_of(BYTES(SACK, DATA_PAD));

	for (size_t len = 0; len <= p.len; len++) {
		bool whole_chunks = len == 28 || len >= 45;

		ck_assert_int_eq(packet_screen(SPAN(p.p, len), THEM, US, &facts),
			whole_chunks ? ERR_OK : ERR_MALFORMED);
	}
}
END_TEST

START_TEST(chunk_lengths_that_lie_are_refused)
{
	ck_assert_int_eq(screen(BYTES(0x0b, 0, 0, 3)), ERR_MALFORMED);
	ck_assert_int_eq(screen(BYTES(0x0b, 0, 0, 0)), ERR_MALFORMED);
	ck_assert_int_eq(screen(BYTES(0x0b, 0, 0, 5, 0)), ERR_MALFORMED);
	ck_assert_int_eq(screen(BYTES(0x0b, 0, 0xff, 0xff)), ERR_MALFORMED);
	ck_assert_int_eq(screen(BYTES(7, 0, 0, 4)), ERR_MALFORMED);
	/* a SACK whose gap blocks are not there */
	ck_assert_int_eq(
		screen(BYTES(3, 0, 0, 16, 0, 0, 0, 9, 0, 1, 0, 0, 0, 2, 0, 0)), ERR_MALFORMED);
	/* DATA without data */
	ck_assert_int_eq(
		screen(BYTES(0, 3, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 51)), ERR_MALFORMED);
}
END_TEST

START_TEST(init_must_be_alone_and_its_parameters_must_add_up)
{
	ck_assert_int_eq(screen(BYTES(INIT, DATA)), ERR_MALFORMED);
	ck_assert_int_eq(screen(BYTES(DATA_PAD, INIT)), ERR_MALFORMED);
	ck_assert_int_eq(screen(BYTES(1, 0, 0, 24, 1, 1, 1, 1, 0, 1, 0, 0, 0, 16, 0, 16, 0, 0, 0, 1,
				 0xc0, 0, 0, 4)),
		ERR_OK);
	ck_assert_int_eq(screen(BYTES(1, 0, 0, 24, 1, 1, 1, 1, 0, 1, 0, 0, 0, 16, 0, 16, 0, 0, 0, 1,
				 0xc0, 0, 0, 8)),
		ERR_MALFORMED);
	ck_assert_int_eq(screen(BYTES(1, 0, 0, 24, 1, 1, 1, 1, 0, 1, 0, 0, 0, 16, 0, 16, 0, 0, 0, 1,
				 0xc0, 0, 0, 2)),
		ERR_MALFORMED);
}
END_TEST

START_TEST(chunks_never_agreed_are_refused)
{
	static const uint8_t types[] = { 0x0c, 0x0d, 0x0f, 0x10, 0x40, 0x80, 0x81, 0xc1, 0xc2 };

	for (size_t i = 0; i < sizeof(types); i++)
		ck_assert_int_eq(screen(BYTES(types[i], 0, 0, 8, 0, 0, 0, 0)), ERR_UNSUPPORTED);
	/* one nobody knows is for the stack to report or to skip (RFC 9260 3.2) */
	ck_assert_int_eq(screen(BYTES(0xfe, 0, 0, 8, 0, 0, 0, 0)), ERR_OK);
}
END_TEST

#define RESET 0, 13, 0, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 5

START_TEST(stream_resets_pass_and_resets_of_everything_do_not)
{
	ck_assert_int_eq(screen(BYTES(0x82, 0, 0, 22, RESET)), ERR_OK);
	ck_assert_int_eq(
		screen(BYTES(0x82, 0, 0, 16, 0, 17, 0, 12, 0, 0, 0, 1, 0, 4, 0, 0)), ERR_OK);
	ck_assert_int_eq(
		screen(BYTES(0x82, 0, 0, 16, 0, 16, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1)), ERR_OK);
	/* SSN/TSN reset; adding streams of ours */
	ck_assert_int_eq(screen(BYTES(0x82, 0, 0, 12, 0, 15, 0, 8, 0, 0, 0, 1)), ERR_UNSUPPORTED);
	ck_assert_int_eq(screen(BYTES(0x82, 0, 0, 16, 0, 18, 0, 12, 0, 0, 0, 1, 0, 4, 0, 0)),
		ERR_UNSUPPORTED);
	/* half a stream id; too short; three of them */
	ck_assert_int_eq(
		screen(BYTES(0x82, 0, 0, 21, 0, 13, 0, 17, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0)),
		ERR_MALFORMED);
	ck_assert_int_eq(screen(BYTES(0x82, 0, 0, 12, 0, 13, 0, 8, 0, 0, 0, 1)), ERR_MALFORMED);
	ck_assert_int_eq(screen(BYTES(0x82, 0, 0, 28, 0, 14, 0, 8, 0, 0, 0, 1, 0, 14, 0, 8, 0, 0, 0,
				 1, 0, 14, 0, 8, 0, 0, 0, 1)),
		ERR_MALFORMED);
}
END_TEST

#define ANSWER 0x82, 0, 0, 16, 0, 16, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1

START_TEST(a_packet_has_one_reset_and_few_answers)
{
	ck_assert_int_eq(screen(BYTES(ANSWER, ANSWER, ANSWER, 0x82, 0, 0, 22, RESET)), ERR_OK);
	ck_assert_int_eq(screen(BYTES(ANSWER, ANSWER, ANSWER, ANSWER, 0x82, 0, 0, 22, RESET)),
		ERR_MALFORMED);
	ck_assert_int_eq(
		screen(BYTES(0x82, 0, 0, 22, RESET, 0, 0, 0x82, 0, 0, 22, RESET)), ERR_MALFORMED);
	ck_assert_int_eq(screen(BYTES(0x82, 0, 0, 42, RESET, 0, 0, RESET)), ERR_MALFORMED);
}
END_TEST

START_TEST(oversized_packets_and_control_chunks_are_refused)
{
	static uint8_t chunk[SCTP_PACKET_MAX];
	struct wr w = WR(chunk, sizeof(chunk));

	wr_u16(&w, 0x0a00); /* COOKIE ECHO */
	wr_u16(&w, 2048);
	ck_assert_int_eq(screen(SPAN(chunk, 2048)), ERR_OK);
	w = WR(chunk, sizeof(chunk));
	wr_u16(&w, 0x0a00);
	wr_u16(&w, 2052);
	ck_assert_int_eq(screen(SPAN(chunk, 2052)), ERR_MALFORMED);
	ck_assert_int_eq(screen(SPAN(chunk, sizeof(chunk))), ERR_MALFORMED);
}
END_TEST

START_TEST(cumulative_tsn_of_a_sack_is_reported)
{
	struct packet_facts facts;

	packet_screen(packet_of(BYTES(SACK)), THEM, US, &facts);
	ck_assert(facts.has_sack);
	ck_assert_uint_eq(facts.cum_tsn, 9);
	packet_screen(packet_of(BYTES(DATA)), THEM, US, &facts);
	ck_assert(!facts.has_sack);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sctp/packet");
	TCase *t = tcase_create("packet");

	tcase_add_test(t, common_chunks_pass);
	tcase_add_test(t, wrong_ports_are_refused);
	tcase_add_test(t, every_cut_but_that_of_padding_is_refused);
	tcase_add_test(t, chunk_lengths_that_lie_are_refused);
	tcase_add_test(t, init_must_be_alone_and_its_parameters_must_add_up);
	tcase_add_test(t, chunks_never_agreed_are_refused);
	tcase_add_test(t, stream_resets_pass_and_resets_of_everything_do_not);
	tcase_add_test(t, a_packet_has_one_reset_and_few_answers);
	tcase_add_test(t, oversized_packets_and_control_chunks_are_refused);
	tcase_add_test(t, cumulative_tsn_of_a_sack_is_reported);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
