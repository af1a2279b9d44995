/* test_loss.c: handshakes on bad networks: lost, doubled, overtaken and forged datagrams. */
#include "dtls/dtls.h"

#include "dcmf/base/counters.h"
#include "dtls/record.h"
#include "sim.h"
#include "tests/unit/main.h"

/* Both ends open, and data passes both ways: what is sent arrives, loss being over. */
static void expect_working(struct sim *s)
{
	ck_assert(sim_both_open(s));
	s->wire.loss_percent = s->wire.double_percent = s->wire.drop = 0;
	ck_assert_int_eq(dtls_send(s->end[CLIENT].dtls, SPAN_LIT("up")), ERR_OK);
	ck_assert_int_eq(dtls_send(s->end[SERVER].dtls, SPAN_LIT("down")), ERR_OK);
	sim_run(s, 1);
	ck_assert_uint_ge(s->end[SERVER].bytes, 2);
	ck_assert_uint_ge(s->end[CLIENT].bytes, 4);
}

/* _i: with cookie or without. */
START_TEST(losing_any_one_datagram_only_costs_time)
{
	for (unsigned n = 1;; n++) {
		struct sim s;
		bool is_over;

		sim_init(&s);
		sim_pair(&s, 576, _i);
		s.wire.drop = n;
		sim_run(&s, 5);
		is_over = s.sent < n;
		expect_working(&s);
		sim_finish(&s);
		if (is_over) {
			ck_assert_uint_gt(n, 5);
			break;
		}
	}
}
END_TEST

/* _i: with cookie or without. */
START_TEST(a_third_of_all_datagrams_may_get_lost)
{
	for (uint32_t seed = 1; seed <= 100; seed++) {
		struct sim s;

		sim_init(&s);
		sim_pair(&s, seed % 2 ? 576 : 1200, _i);
		s.wire.seed = seed * 7919;
		s.wire.loss_percent = 30;
		sim_run(&s, 60);
		expect_working(&s);
		sim_finish(&s);
	}
}
END_TEST

/* _i: with cookie or without. */
START_TEST(datagrams_may_overtake_each_other_and_come_twice)
{
	for (uint32_t seed = 1; seed <= 100; seed++) {
		struct sim s;

		sim_init(&s);
		sim_pair(&s, 576, _i);
		s.wire.seed = seed * 7919;
		s.wire.jitter_us = TICK_MS(100);
		s.wire.double_percent = 50;
		sim_run(&s, 30);
		expect_working(&s);
		sim_finish(&s);
	}
}
END_TEST

static unsigned swallowed;

/* The last flight of the server starts with ChangeCipherSpec; so does each repetition of it. */
static bool swallow_last_flights(struct sim *s, int from, struct span dgram)
{
	if (from == SERVER && s->end[SERVER].dtls &&
		dtls_state(s->end[SERVER].dtls) != DTLS_HANDSHAKING && swallowed < 6) {
		swallowed++;
		return false;
	}
	return !(from == SERVER && dgram.p[0] == RECORD_CHANGE_CIPHER_SPEC && swallowed++ < 6);
}

START_TEST(the_last_flight_is_repeated_to_a_peer_that_repeats_its_own)
{
	struct sim s;

	swallowed = 0;
	sim_init(&s);
	sim_pair(&s, 1200, false);
	s.wire.tap = swallow_last_flights;
	sim_run(&s, 30);
	ck_assert_uint_ge(swallowed, 6);
	s.wire.tap = NULL;
	expect_working(&s);
	sim_finish(&s);
}
END_TEST

static bool swallow_all_of_server(struct sim *s, int from, struct span dgram)
{
	return from == CLIENT || s->sent == 2; /* but the first flight */
}

START_TEST(a_repeated_flight_takes_no_more_datagrams_than_the_first_time)
{
	struct sim s;

	sim_init(&s);
	sim_pair(&s, 1200, false);
	s.wire.tap = swallow_all_of_server;
	sim_run(&s, 2);
	/*
	 * hello, answer, then the client's flight after 0.04 0.34 0.94 s, and
	 * each time the server's last one
	 */
	ck_assert_uint_eq(s.sent, 2 + 3 * 2);
	sim_finish(&s);
}
END_TEST

/*
 * With what a stranger, or a noisy line, might send to `to`:
 * everything between noise and nearly right.
 */
static void pester(struct sim *s, int to, unsigned times)
{
	static uint8_t plain[DTLS_PLAINTEXT_MAX];
	size_t len;

	for (unsigned i = 0; i < times; i++) {
		uint8_t junk[100];
		struct wr w = WR(junk, sizeof(junk));
		struct record rec = {
			.type = (uint8_t)(20 + i % 4), .version = DTLS_1_2, .seq = i * 3
		};

		for (size_t k = 0; k < sizeof(junk); k++)
			junk[k] = (uint8_t)(i * 31 + k * k * 17 + (k << 3));
		rec.epoch = (uint16_t)(i / 4 % 3);
		rec.body.len = i % 60 + 1;
		if (i % 3 > 0)
			record_write_header(&w, &rec);
		dtls_input(s->end[to].dtls, s->now,
			SPAN(junk, i % 7 ? RECORD_HEADER + rec.body.len : i % 90));
		ck_assert(!dtls_read(s->end[to].dtls, plain, sizeof(plain), &len));
	}
}

static bool pester_receiver(struct sim *s, int from, struct span dgram)
{
	if (s->end[!from].dtls != NULL && s->sent < 40)
		pester(s, !from, 300);
	return true;
}

START_TEST(garbage_between_the_datagrams_kills_nothing)
{
	struct sim s;
	int64_t malformed = counter_value[CNT_dtls_malformed_total];

	sim_init(&s);
	sim_pair(&s, 576, false);
	s.wire.tap = pester_receiver;
	sim_run(&s, 30);
	expect_working(&s);
	pester(&s, SERVER, 1000);
	pester(&s, CLIENT, 1000);
	expect_working(&s);
	ck_assert_int_gt(counter_value[CNT_dtls_malformed_total], malformed + 1000);
	sim_finish(&s);
}
END_TEST

/*
 * Every datagram is followed by copies of itself with one bit wrong in its
 * encrypted part or its record header.
 */
static bool follow_with_forgeries(struct sim *s, int from, struct span dgram)
{
	struct end *to = &s->end[!from];
	uint8_t forged[2048], plain[2048];
	size_t len;

	for (size_t i = 0; i < dgram.len && dtls_state(to->dtls) == DTLS_OPEN; i++) {
		memcpy(forged, dgram.p, dgram.len);
		forged[i] ^= 1;
		dtls_input(to->dtls, s->now, SPAN(forged, dgram.len));
		ck_assert(!dtls_read(to->dtls, plain, sizeof(plain), &len));
	}
	return true;
}

START_TEST(forged_data_is_not_delivered_and_harms_nobody)
{
	struct sim s;
	size_t before;

	sim_init(&s);
	sim_pair(&s, 1200, false);
	sim_run(&s, 1);
	s.wire.tap = follow_with_forgeries;
	dtls_send(s.end[CLIENT].dtls, SPAN_LIT("genuine"));
	sim_run(&s, 1);
	ck_assert_uint_eq(s.end[SERVER].messages, 1);
	ck_assert_uint_eq(s.end[SERVER].bytes, 7);
	before = s.end[SERVER].bytes;
	s.wire.tap = NULL;
	expect_working(&s);
	ck_assert_uint_eq(s.end[SERVER].bytes, before + 2);
	sim_finish(&s);
}
END_TEST

START_TEST(a_replayed_record_is_delivered_once)
{
	struct sim s;

	sim_init(&s);
	sim_pair(&s, 1200, false);
	sim_run(&s, 1);
	s.wire.double_percent = 100;
	dtls_send(s.end[CLIENT].dtls, SPAN_LIT("once"));
	sim_run(&s, 1);
	ck_assert_uint_eq(s.end[SERVER].messages, 1);
	sim_finish(&s);
}
END_TEST

static Suite *loss_suite(void)
{
	Suite *suite = suite_create("dtls/loss");
	TCase *c = tcase_create("loss");

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, losing_any_one_datagram_only_costs_time, 0, 2);
	tcase_add_loop_test(c, a_third_of_all_datagrams_may_get_lost, 0, 2);
	tcase_add_loop_test(c, datagrams_may_overtake_each_other_and_come_twice, 0, 2);
	tcase_add_test(c, the_last_flight_is_repeated_to_a_peer_that_repeats_its_own);
	tcase_add_test(c, a_repeated_flight_takes_no_more_datagrams_than_the_first_time);
	tcase_add_test(c, garbage_between_the_datagrams_kills_nothing);
	tcase_add_test(c, forged_data_is_not_delivered_and_harms_nobody);
	tcase_add_test(c, a_replayed_record_is_delivered_once);
	tcase_add_unchecked_fixture(c, NULL, sim_ctx_free);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(loss_suite)
