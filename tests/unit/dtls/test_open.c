/* test_open.c: what an open connection makes of records that are no data, or that nobody sealed. */
#include "dcmf/base/counters.h"
#include "dtls/dtls_parts.h"
#include "open_pair.h"
#include "tests/unit/main.h"

START_TEST(a_fatal_alert_closes_and_a_warning_does_not)
{
	for (unsigned code = 1; code < 256; code++) {
		const uint8_t warning[] = { 1, (uint8_t)code }, fatal[] = { 2, (uint8_t)code };
		unsigned before;

		if (code > 2 && code % 10 > 0)
			continue;
		open_pair();
		before = sim.sent;
		inject(_i, RECORD_ALERT, SPAN_OF(warning));
		expect_working();
		before = sim.sent;
		inject(_i, RECORD_ALERT, SPAN_OF(fatal));
		ck_assert_int_eq(dtls_close_reason(ours(!_i)), CLOSE_DTLS_ALERT);
		ck_assert_uint_eq(sim.sent, before + 1); /* not answered */
		sim_finish(&sim);
	}
}
END_TEST

START_TEST(an_alert_that_is_none_is_counted_and_changes_nothing)
{
	static const uint8_t odd[] = { 0, 0, 3, 0, 255, 40, 2, 40, 1, 0 };
	int64_t malformed = counter_value[CNT_dtls_malformed_total];

	open_pair();
	for (size_t i = 0; i < 6; i += 2)
		inject(_i, RECORD_ALERT, SPAN(odd + i, 2));
	inject(_i, RECORD_ALERT, SPAN(odd + 6, 4)); /* two at once, which DTLS has not */
	inject(_i, RECORD_ALERT, SPAN(odd + 6, 1));
	inject(_i, RECORD_ALERT, SPAN_NONE);
	ck_assert_int_eq(counter_value[CNT_dtls_malformed_total], malformed + 6);
	expect_working();
	sim_finish(&sim);
}
END_TEST

START_TEST(nothing_behind_an_end_is_delivered)
{
	const uint8_t bye[] = { 1, 0 };
	uint8_t dgram[1200];
	size_t len;

	open_pair();
	len = seal(_i, RECORD_DATA, SPAN_LIT("before"), dgram);
	len += seal(_i, RECORD_ALERT, SPAN_OF(bye), dgram + len);
	len += seal(_i, RECORD_DATA, SPAN_LIT("behind"), dgram + len);
	sim_send(&sim, _i, SPAN(dgram, len));
	sim_run(&sim, 1);
	ck_assert_uint_eq(sim.end[!_i].messages, 1);
	ck_assert_int_eq(dtls_close_reason(ours(!_i)), CLOSE_PEER_CLOSE_NOTIFY);
	ck_assert_uint_eq(ours(!_i)->in.len, 0); /* it was borrowed */
	sim_finish(&sim);
}
END_TEST

static unsigned alerts_to[2];

/* Alerts are told by their length: two bytes, nonce and tag. */
static bool count_alerts(struct sim *s, int from, struct span dgram)
{
	alerts_to[!from] += dgram.p[0] == RECORD_ALERT && dgram.len == RECORD_HEADER + 26;
	return true;
}

/*
 * HelloRequest comes of a server, ClientHello of a client; from the wrong side they are late copies
 * of something.
 */
START_TEST(who_asks_to_negotiate_anew_is_told_no)
{
	static const uint8_t hello_request[FRAGMENT_HEADER] = { 0 };
	static const uint8_t client_hello[FRAGMENT_HEADER + 2] = { 1, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0,
		2 };
	static const uint8_t later_piece[FRAGMENT_HEADER + 2] = { 1, 0, 0, 40, 0, 0, 0, 0, 2, 0, 0,
		2 };

	open_pair();
	sim.wire.tap = count_alerts;
	alerts_to[CLIENT] = alerts_to[SERVER] = 0;
	inject(CLIENT, RECORD_HANDSHAKE, SPAN_OF(client_hello));
	ck_assert_uint_eq(alerts_to[CLIENT], 1);
	inject(CLIENT, RECORD_HANDSHAKE, SPAN_OF(later_piece));
	inject(CLIENT, RECORD_HANDSHAKE, SPAN_OF(hello_request));
	ck_assert_uint_eq(alerts_to[CLIENT], 1);
	inject(SERVER, RECORD_HANDSHAKE, SPAN_OF(hello_request));
	ck_assert_uint_eq(alerts_to[SERVER], 1);
	inject(SERVER, RECORD_HANDSHAKE, SPAN_OF(client_hello));
	ck_assert_uint_eq(alerts_to[SERVER], 1);
	expect_working();
	sim_finish(&sim);
}
END_TEST

START_TEST(other_records_change_nothing)
{
	static const uint8_t one[] = { 1 }, stump[FRAGMENT_HEADER - 1] = { 20 };
	uint8_t long_hello[2000] = { 1 };
	int64_t malformed = counter_value[CNT_dtls_malformed_total];

	open_pair();
	inject(_i, RECORD_CHANGE_CIPHER_SPEC, SPAN_OF(one));
	inject(_i, RECORD_HANDSHAKE, SPAN_OF(stump));
	inject(_i, RECORD_HANDSHAKE, SPAN_NONE);
	inject(_i, RECORD_HANDSHAKE, SPAN_OF(long_hello)); /* longer than any datagram */
	ck_assert_int_eq(counter_value[CNT_dtls_malformed_total], malformed + 4);
	inject(_i, RECORD_DATA, SPAN_NONE); /* legal, and nothing */
	ck_assert_int_eq(counter_value[CNT_dtls_malformed_total], malformed + 4);
	ck_assert_uint_eq(sim.end[!_i].messages, 0);
	expect_working();
	sim_finish(&sim);
}
END_TEST

/* A close_notify, an alert, a handshake: without protection nobody said that. */
START_TEST(plaintext_and_other_epochs_change_nothing)
{
	uint8_t wire[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 1, 0 };
	unsigned before;

	open_pair();
	before = sim.sent;
	for (uint8_t type = 20; type <= 23; type++) {
		for (uint8_t epoch = 0; epoch < 4; epoch++) {
			for (uint8_t level = 1; level <= 2; level++) {
				wire[0] = type;
				wire[4] = epoch;
				wire[10]++;
				wire[13] = level;
				sim_send(&sim, _i, SPAN_OF(wire));
				before++;
			}
		}
	}
	sim_run(&sim, 1);
	ck_assert_uint_eq(sim.sent, before);
	ck_assert_uint_eq(sim.end[!_i].messages, 0);
	expect_working();
	sim_finish(&sim);
}
END_TEST

START_TEST(a_record_that_is_not_authentic_does_not_keep_the_next_ones_away)
{
	uint8_t dgram[1200];
	size_t first, len;

	open_pair();
	first = seal(_i, RECORD_DATA, SPAN_LIT("broken"), dgram);
	dgram[first - 1] ^= 1;
	len = first + seal(_i, RECORD_DATA, SPAN_LIT("whole"), dgram + first);
	sim_send(&sim, _i, SPAN(dgram, len));
	sim_run(&sim, 1);
	ck_assert_uint_eq(sim.end[!_i].messages, 1);
	ck_assert_uint_eq(sim.end[!_i].last_len, 5);
	sim_finish(&sim);
}
END_TEST

static Suite *open_suite(void)
{
	Suite *suite = suite_create("dtls/open");
	TCase *c = tcase_create("open");

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, a_fatal_alert_closes_and_a_warning_does_not, 0, 2);
	tcase_add_loop_test(c, an_alert_that_is_none_is_counted_and_changes_nothing, 0, 2);
	tcase_add_loop_test(c, nothing_behind_an_end_is_delivered, 0, 2);
	tcase_add_test(c, who_asks_to_negotiate_anew_is_told_no);
	tcase_add_loop_test(c, other_records_change_nothing, 0, 2);
	tcase_add_loop_test(c, plaintext_and_other_epochs_change_nothing, 0, 2);
	tcase_add_loop_test(
		c, a_record_that_is_not_authentic_does_not_keep_the_next_ones_away, 0, 2);
	tcase_add_unchecked_fixture(c, NULL, sim_ctx_free);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(open_suite)
