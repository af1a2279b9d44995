/*
 * test_last_flights.c: the last flights of a handshake when the wire changes their order, brings
 * data before them, or asks for them again.
 */
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dtls/dtls_parts.h"
#include "open_pair.h"
#include "tests/unit/main.h"

/* ---- a handshake whose end arrives in another order ---- */

static struct {
	uint8_t bytes[2048];
	size_t len;
	bool done;
} held;

/* The server's last flight, once. */
static bool hold_last_flight(struct sim *s, int from, struct span dgram)
{
	if (from != SERVER || dgram.p[0] != RECORD_CHANGE_CIPHER_SPEC || held.done)
		return true;
	memcpy(held.bytes, dgram.p, dgram.len);
	held.len = dgram.len;
	held.done = true;
	return false;
}

/* A server that is open, and a client that waits for its last flight. */
static void open_server_only(void)
{
	memset(&held, 0, sizeof(held));
	sim_init(&sim);
	sim_pair(&sim, 1200, false);
	sim.wire.tap = hold_last_flight;
	for (int ms = 0; ms < 200 && !held.done; ms++) { /* not so long that the client repeats */
		sim_run(&sim, 0);
		sim.now = tick_add(sim.now, TICK_MS(1));
	}
	ck_assert_int_eq(dtls_state(ours(SERVER)), DTLS_OPEN);
	ck_assert_int_eq(dtls_state(ours(CLIENT)), DTLS_HANDSHAKING);
	sim.wire.delay_us = 0;
}

static void pass_all(void)
{
	sim_run(&sim, 0);
}

START_TEST(data_that_overtakes_the_finished_waits_and_comes_in_order)
{
	open_server_only();
	for (uint8_t i = 0; i < 4; i++)
		ck_assert_int_eq(dtls_send(ours(SERVER), SPAN(&i, 1)), ERR_OK);
	pass_all();
	ck_assert_uint_eq(sim.end[CLIENT].messages, 0);
	ck_assert_uint_gt(ours(CLIENT)->early_len, 0);
	sim_send(&sim, SERVER, SPAN(held.bytes, held.len));
	pass_all();
	ck_assert_int_eq(dtls_state(ours(CLIENT)), DTLS_OPEN);
	ck_assert_uint_eq(sim.end[CLIENT].messages, 4);
	ck_assert_uint_eq(sim.end[CLIENT].last[0], 3);
	ck_assert_ptr_null(ours(CLIENT)->early);
	sim.wire.tap = NULL;
	expect_working();
	sim_finish(&sim);
}
END_TEST

START_TEST(early_data_that_comes_twice_is_delivered_once)
{
	open_server_only();
	sim.wire.double_percent = 100;
	ck_assert_int_eq(dtls_send(ours(SERVER), SPAN_LIT("once")), ERR_OK);
	pass_all();
	sim_send(&sim, SERVER, SPAN(held.bytes, held.len));
	pass_all();
	ck_assert_uint_eq(sim.end[CLIENT].messages, 1);
	sim_finish(&sim);
}
END_TEST

/* Five full datagrams have room; the others are lost, as on any network. */
START_TEST(more_early_data_than_there_is_room_for_is_lost)
{
	uint8_t text[1163] = { 0 };

	open_server_only();
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(dtls_send(ours(SERVER), SPAN_OF(text)), ERR_OK);
	pass_all();
	ck_assert_uint_le(ours(CLIENT)->early_len, 6000);
	sim_send(&sim, SERVER, SPAN(held.bytes, held.len));
	pass_all();
	ck_assert_uint_eq(sim.end[CLIENT].messages, 5);
	sim.wire.tap = NULL;
	expect_working();
	sim_finish(&sim);
}
END_TEST

START_TEST(early_forgeries_are_counted_and_the_genuine_passes)
{
	uint8_t forged[40] = { 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 27 };
	int64_t before = counter_value[CNT_dtls_forged_total], malformed;
	size_t kept;

	open_server_only();
	sim_send(&sim, SERVER, SPAN_OF(forged));
	ck_assert_int_eq(dtls_send(ours(SERVER), SPAN_LIT("genuine")), ERR_OK);
	pass_all();
	kept = ours(CLIENT)->early_len;
	malformed = counter_value[CNT_dtls_malformed_total];
	forged[4] = 2; /* an epoch that cannot be */
	sim_send(&sim, SERVER, SPAN_OF(forged));
	pass_all();
	ck_assert_uint_eq(ours(CLIENT)->early_len, kept);
	ck_assert_int_eq(counter_value[CNT_dtls_malformed_total], malformed + 1);
	sim_send(&sim, SERVER, SPAN(held.bytes, held.len));
	pass_all();
	ck_assert_uint_eq(sim.end[CLIENT].messages, 1);
	ck_assert_int_eq(counter_value[CNT_dtls_forged_total], before + 1);
	sim_finish(&sim);
}
END_TEST

START_TEST(data_behind_the_finished_in_its_datagram_is_delivered)
{
	uint8_t dgram[RECORD_MAX];
	size_t len;

	open_server_only();
	memcpy(dgram, held.bytes, held.len);
	len = held.len + seal(SERVER, RECORD_DATA, SPAN_LIT("at once"), dgram + held.len);
	sim_send(&sim, SERVER, SPAN(dgram, len));
	pass_all();
	ck_assert_uint_eq(sim.end[CLIENT].messages, 1);
	ck_assert_uint_eq(sim.end[CLIENT].last_len, 7);
	sim_finish(&sim);
}
END_TEST

/* _i: in the datagram of the Finished, or before it. */
START_TEST(a_close_notify_around_the_finished_is_heard)
{
	const uint8_t bye[] = { 1, 0 };
	uint8_t dgram[RECORD_MAX];
	size_t len = 0;

	open_server_only();
	if (_i == 0) {
		memcpy(dgram, held.bytes, held.len);
		len = held.len;
	}
	len += seal(SERVER, RECORD_ALERT, SPAN_OF(bye), dgram + len);
	sim_send(&sim, SERVER, SPAN(dgram, len));
	pass_all();
	if (_i == 1) {
		ck_assert_int_eq(dtls_state(ours(CLIENT)), DTLS_HANDSHAKING);
		sim_send(&sim, SERVER, SPAN(held.bytes, held.len));
		pass_all();
	}
	ck_assert_int_eq(dtls_close_reason(ours(CLIENT)), CLOSE_PEER_CLOSE_NOTIFY);
	sim_finish(&sim);
}
END_TEST

/*
 * The Finished alone, then its ChangeCipherSpec: it waits here, OpenSSL never sees what it cannot
 * read.
 */
START_TEST(a_finished_that_overtakes_its_change_cipher_spec_waits)
{
	size_t first = RECORD_HEADER + 1;

	open_server_only();
	ck_assert_uint_gt(held.len, first);
	sim_send(&sim, SERVER, SPAN(held.bytes + first, held.len - first));
	pass_all();
	ck_assert_int_eq(dtls_state(ours(CLIENT)), DTLS_HANDSHAKING);
	ck_assert_uint_eq(ours(CLIENT)->early_len, held.len - first);
	sim_send(&sim, SERVER, SPAN(held.bytes, first));
	pass_all();
	ck_assert_int_eq(dtls_state(ours(CLIENT)), DTLS_OPEN);
	sim.wire.tap = NULL;
	expect_working();
	sim_finish(&sim);
}
END_TEST

START_TEST(without_memory_for_early_data_only_that_is_lost)
{
	open_server_only();
	ck_assert_int_eq(dtls_send(ours(SERVER), SPAN_LIT("lost")), ERR_OK);
	mem_fail_at(1);
	pass_all();
	ck_assert(mem_failed());
	mem_fail_at(0);
	sim_send(&sim, SERVER, SPAN(held.bytes, held.len));
	pass_all();
	ck_assert_uint_eq(sim.end[CLIENT].messages, 0);
	sim.wire.tap = NULL;
	expect_working();
	sim_finish(&sim);
}
END_TEST

/* ---- the last flight again ---- */

/* A Finished, as the peer's; nobody looks at its verify_data any more. */
static void say_finished(int from)
{
	static const uint8_t finished[FINISHED_MAX] = { 20, 0, 0, 12, 0, 5, 0, 0, 0, 0, 0, 12 };

	inject(from, RECORD_HANDSHAKE, SPAN_OF(finished));
}

START_TEST(the_last_flight_is_repeated_so_often_and_no_oftener)
{
	unsigned before;

	open_pair();
	before = sim.sent;
	for (unsigned i = 1; i <= 20; i++) {
		say_finished(CLIENT);
		ck_assert_uint_eq(sim.sent - before, i + (i < 12 ? i : 12));
	}
	sim.wire.tap = NULL;
	expect_working();
	sim_finish(&sim);
}
END_TEST

START_TEST(many_at_once_are_answered_once)
{
	uint8_t dgram[1200];
	static const uint8_t finished[FINISHED_MAX] = { 20, 0, 0, 12, 0, 5, 0, 0, 0, 0, 0, 12 };
	size_t len = 0;
	unsigned before;

	open_pair();
	before = sim.sent;
	for (int i = 0; i < 10; i++)
		len += seal(CLIENT, RECORD_HANDSHAKE, SPAN_OF(finished), dgram + len);
	sim_send(&sim, CLIENT, SPAN(dgram, len));
	sim_run(&sim, 1);
	ck_assert_uint_eq(sim.sent, before + 2);
	sim_finish(&sim);
}
END_TEST

START_TEST(a_client_repeats_nothing)
{
	unsigned before;

	open_pair();
	before = sim.sent;
	say_finished(SERVER);
	ck_assert_uint_eq(sim.sent, before + 1);
	expect_working();
	sim_finish(&sim);
}
END_TEST

/* A copy of the genuine one is a replay: the network doubled it, or somebody recorded it. */
static bool keep_finished(struct sim *s, int from, struct span dgram)
{
	if (from == CLIENT && s->end[SERVER].dtls->state == DTLS_HANDSHAKING) {
		memcpy(held.bytes, dgram.p, dgram.len);
		held.len = dgram.len;
	}
	return true;
}

START_TEST(a_copy_of_the_peers_finished_makes_nobody_send)
{
	int64_t replayed = counter_value[CNT_dtls_replayed_total];
	unsigned before;

	sim_init(&sim);
	sim_pair(&sim, 1200, false);
	sim.wire.tap = keep_finished;
	sim_run(&sim, 2);
	before = sim.sent;
	for (int i = 0; i < 3; i++) {
		sim_send(&sim, CLIENT, SPAN(held.bytes, held.len));
		sim_run(&sim, 1);
	}
	ck_assert_uint_eq(sim.sent, before + 3);
	ck_assert_int_eq(counter_value[CNT_dtls_replayed_total], replayed + 3);
	expect_working();
	sim_finish(&sim);
}
END_TEST

static Suite *last_flights_suite(void)
{
	Suite *suite = suite_create("dtls/last_flights");
	TCase *c = tcase_create("last flights");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, data_that_overtakes_the_finished_waits_and_comes_in_order);
	tcase_add_test(c, early_data_that_comes_twice_is_delivered_once);
	tcase_add_test(c, more_early_data_than_there_is_room_for_is_lost);
	tcase_add_test(c, early_forgeries_are_counted_and_the_genuine_passes);
	tcase_add_test(c, data_behind_the_finished_in_its_datagram_is_delivered);
	tcase_add_loop_test(c, a_close_notify_around_the_finished_is_heard, 0, 2);
	tcase_add_test(c, a_finished_that_overtakes_its_change_cipher_spec_waits);
	tcase_add_test(c, without_memory_for_early_data_only_that_is_lost);
	tcase_add_test(c, the_last_flight_is_repeated_so_often_and_no_oftener);
	tcase_add_test(c, many_at_once_are_answered_once);
	tcase_add_test(c, a_client_repeats_nothing);
	tcase_add_test(c, a_copy_of_the_peers_finished_makes_nobody_send);
	tcase_add_unchecked_fixture(c, NULL, sim_ctx_free);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(last_flights_suite)
