/*
 * test_stranger.c: what somebody can do who knows both addresses, but no keys, and puts records of
 * his own between the genuine ones.
 *
 *     client ══ wire ══ server        the wire gives each record a datagram of its own
 */
#include "dtls/dtls_parts.h"
#include "sim.h"
#include "tests/unit/main.h"

#define FORGERY_MAX 400

static struct sim sim;

/* What comes before each genuine record, to its receiver. */
static struct {
	uint8_t type;
	size_t len; /* of the body */
	unsigned times;
	bool passing;
} forgery;

static void forge(struct sim *s, int from)
{
	uint8_t dgram[RECORD_HEADER + FORGERY_MAX] = { 0 };
	struct wr w = WR(dgram, sizeof(dgram));
	struct record rec = { .type = forgery.type,
		.version = DTLS_1_2,
		.epoch = EPOCH_SEALED,
		.seq = 1000,
		.body = SPAN(dgram, forgery.len) };

	record_write_header(&w, &rec);
	sim_send(s, from, SPAN(dgram, RECORD_HEADER + forgery.len));
}

static bool precede_each_record(struct sim *s, int from, struct span dgram)
{
	struct rd r = RD(dgram);
	struct record rec;

	if (forgery.passing)
		return true;
	forgery.passing = true;
	for (struct span at = dgram; record_read(&r, &rec); at = r.rest) {
		for (unsigned i = 0; i < forgery.times; i++)
			forge(s, from);
		sim_send(s, from, SPAN(at.p, at.len - r.rest.len));
	}
	forgery.passing = false;
	return false;
}

static const char *const suites[] = { "ECDHE-ECDSA-AES128-GCM-SHA256",
	"ECDHE-ECDSA-CHACHA20-POLY1305" };

static void shake_hands(const char *suite)
{
	sim_init(&sim);
	sim_pair(&sim, 1200, false);
	ck_assert_int_eq(SSL_set_cipher_list(sim.end[CLIENT].dtls->ssl, suite), 1);
	sim.wire.tap = precede_each_record;
	sim_run(&sim, 5);
}

static void expect_working(void)
{
	ck_assert_msg(sim_both_open(&sim), "%zu bytes of type %d", forgery.len, (int)forgery.type);
	ck_assert_uint_eq(ERR_peek_error(), 0);
	ck_assert_int_eq(dtls_send(sim.end[CLIENT].dtls, SPAN_LIT("up")), ERR_OK);
	ck_assert_int_eq(dtls_send(sim.end[SERVER].dtls, SPAN_LIT("down")), ERR_OK);
	sim_run(&sim, 1);
	ck_assert_uint_eq(sim.end[SERVER].bytes, 2);
	ck_assert_uint_eq(sim.end[CLIENT].bytes, 4);
}

/* _i: the type. Also of those that are shorter than any record could be that somebody sealed. */
START_TEST(encrypted_records_of_a_stranger_end_no_handshake)
{
	forgery.type = (uint8_t)_i;
	forgery.times = 1;
	for (size_t i = 0; i < 2; i++) {
		for (forgery.len = 1; forgery.len <= 60; forgery.len++) {
			shake_hands(suites[i]);
			expect_working();
			sim_finish(&sim);
		}
	}
}
END_TEST

/* There is no room for what else comes early then, and nobody needs it. */
START_TEST(as_many_as_fill_the_room_for_early_records_end_none_either)
{
	forgery.type = (uint8_t)_i;
	forgery.len = FORGERY_MAX;
	forgery.times = 20;
	shake_hands(suites[0]);
	expect_working();
	for (int side = 0; side < 2; side++)
		ck_assert_ptr_null(sim.end[side].dtls->early);
	sim_finish(&sim);
}
END_TEST

static Suite *stranger_suite(void)
{
	Suite *suite = suite_create("dtls/stranger");
	TCase *c = tcase_create("stranger");

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, encrypted_records_of_a_stranger_end_no_handshake,
		RECORD_CHANGE_CIPHER_SPEC, RECORD_DATA + 1);
	tcase_add_loop_test(c, as_many_as_fill_the_room_for_early_records_end_none_either,
		RECORD_CHANGE_CIPHER_SPEC, RECORD_DATA + 1);
	tcase_add_unchecked_fixture(c, NULL, sim_ctx_free);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(stranger_suite)
