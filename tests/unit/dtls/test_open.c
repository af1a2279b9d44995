/*
 * test_open.c: what an open connection does with records: beside OpenSSL's own, behind a handshake
 * that arrives in pieces, and with everything that is not data.
 *
 *     client ══ wire ══ server        both ours, or one of them OpenSSL alone
 */
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dtls/dtls_parts.h"
#include "sim.h"
#include "tests/unit/main.h"

/* Bytes that OpenSSL keeps; each block knows its length. */
static long openssl_bytes;

static void *ssl_alloc(size_t n, const char *file, int line)
{
	size_t *p = malloc(n + 16);

	if (p == NULL)
		return NULL;
	*p = n;
	openssl_bytes += (long)n;
	return p + 2;
}

static void ssl_free(void *p, const char *file, int line)
{
	if (p == NULL)
		return;
	openssl_bytes -= (long)((size_t *)p)[-2];
	free((size_t *)p - 2);
}

static void *ssl_realloc(void *old, size_t n, const char *file, int line)
{
	void *p = ssl_alloc(n, file, line);

	if (p != NULL && old != NULL) {
		size_t had = ((size_t *)old)[-2];

		memcpy(p, old, had < n ? had : n);
		ssl_free(old, file, line);
	}
	return p;
}

static struct sim sim;

static void open_pair(void)
{
	sim_init(&sim);
	sim_pair(&sim, 1200, false);
	sim_run(&sim, 1);
	ck_assert(sim_both_open(&sim));
}

static struct dtls *ours(int side)
{
	return sim.end[side].dtls;
}

/* A record as that side could send it: authentic, whatever it says. */
static size_t seal(int from, uint8_t type, struct span plain, uint8_t *out)
{
	size_t len = protect_seal(&ours(from)->protect, type, plain, out);

	ck_assert_uint_gt(len, 0);
	return len;
}

static void inject(int from, uint8_t type, struct span plain)
{
	static uint8_t record[RECORD_MAX];

	sim_send(&sim, from, SPAN(record, seal(from, type, plain, record)));
	sim_run(&sim, 1);
}

static void expect_working(void)
{
	size_t got[2] = { sim.end[CLIENT].messages, sim.end[SERVER].messages };

	ck_assert(sim_both_open(&sim));
	for (int side = 0; side < 2; side++)
		ck_assert_int_eq(dtls_send(ours(side), SPAN_LIT("still here")), ERR_OK);
	sim_run(&sim, 1);
	for (int side = 0; side < 2; side++) {
		ck_assert_uint_eq(sim.end[side].messages, got[side] + 1);
		ck_assert_uint_eq(sim.end[side].last_len, 10);
	}
}

/* ---- with OpenSSL at the other end ---- */

static const char *const suites[] = { "ECDHE-ECDSA-AES128-GCM-SHA256",
	"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305" };

/* i / 2 is the suite, i % 2 the side of OpenSSL. */
static void open_with_openssl(int i)
{
	sim_init(&sim);
	end_raw(&sim, i % 2, true);
	ck_assert_int_eq(SSL_CTX_set_cipher_list(sim.end[i % 2].raw_ctx, suites[i / 2]), 1);
	end_ours(&sim, !(i % 2), 1200);
	raw_open(&sim, i % 2);
	sim_run(&sim, 1);
	ck_assert(sim_both_open(&sim));
}

START_TEST(openssl_reads_our_records_and_we_read_its)
{
	uint8_t text[1500];
	struct end *raw = &sim.end[_i % 2], *us = &sim.end[!(_i % 2)];

	open_with_openssl(_i);
	for (unsigned n = 1; n < 1000; n++) {
		size_t len = n % sizeof(text) + 1;

		memset(text, (int)n, len);
		ck_assert_int_eq(dtls_send(us->dtls, SPAN(text, len)), ERR_OK);
		ck_assert_int_eq(SSL_write(raw->raw, text, (int)len), len);
		sim_run(&sim, 1);
		ck_assert_uint_eq(raw->messages, n);
		ck_assert_uint_eq(us->messages, n);
		ck_assert(span_eq(SPAN(raw->last, raw->last_len), SPAN(text, len)));
		ck_assert(span_eq(SPAN(us->last, us->last_len), SPAN(text, len)));
	}
	sim_finish(&sim);
}
END_TEST

START_TEST(openssl_takes_our_close_notify_and_we_take_its)
{
	for (int who = 0; who < 2; who++) {
		struct end *raw = &sim.end[_i % 2], *us = &sim.end[!(_i % 2)];

		open_with_openssl(_i);
		if (who == 0)
			dtls_close(us->dtls);
		else
			SSL_shutdown(raw->raw);
		sim_run(&sim, 1);
		if (who == 1)
			raw_poll(raw);
		ck_assert(SSL_get_shutdown(raw->raw) & SSL_RECEIVED_SHUTDOWN);
		ck_assert_int_eq(dtls_state(us->dtls), DTLS_CLOSED);
		ck_assert_int_eq(dtls_close_reason(us->dtls),
			who == 0 ? CLOSE_LOCAL : CLOSE_PEER_CLOSE_NOTIFY);
		sim_finish(&sim);
	}
}
END_TEST

/* ---- numbers ---- */

#define NOTED_MAX 4000

static struct {
	struct {
		uint64_t seq, nonce;
		bool has_nonce;
	} of[2][NOTED_MAX];
	unsigned n[2];
} noted;

/* Of each encrypted record that is sent, lost or not. */
static bool note_numbers(struct sim *s, int from, struct span dgram)
{
	struct rd r = RD(dgram);
	struct record rec;

	while (r.rest.len > 0 && record_read(&r, &rec)) {
		struct rd body = RD(rec.body);
		uint64_t high;

		if (rec.epoch == 0)
			continue;
		ck_assert_uint_lt(noted.n[from], NOTED_MAX);
		noted.of[from][noted.n[from]].seq = rec.seq;
		high = rd_u32(&body);
		noted.of[from][noted.n[from]++].nonce = high << 32 | rd_u32(&body);
	}
	return true;
}

static void expect_numbers_once(int side, bool has_nonces)
{
	for (unsigned i = 0; i < noted.n[side]; i++) {
		for (unsigned k = 0; k < i; k++) {
			ck_assert_uint_ne(noted.of[side][i].seq, noted.of[side][k].seq);
			if (has_nonces)
				ck_assert_uint_ne(noted.of[side][i].nonce, noted.of[side][k].nonce);
		}
	}
}

/*
 * Handshakes that lose a third of their datagrams, and so repeat a good deal; then data,
 * repetitions, an end.
 */
START_TEST(no_number_and_no_nonce_is_used_twice)
{
	unsigned most = 0;

	for (uint32_t seed = 1; seed <= 60; seed++) {
		memset(&noted, 0, sizeof(noted));
		sim_init(&sim);
		sim_pair(&sim, 576, seed % 2);
		sim.wire.tap = note_numbers;
		sim.wire.seed = seed * 7919;
		sim.wire.loss_percent = 35;
		sim_run(&sim, 60);
		if (!sim_both_open(&sim)) {
			sim_finish(&sim); /* bad luck: one in a hundred */
			continue;
		}
		most = noted.n[CLIENT] > most ? noted.n[CLIENT] : most;
		for (int i = 0; i < 30; i++)
			for (int side = 0; side < 2; side++)
				dtls_send(ours(side), SPAN_LIT("data"));
		dtls_close(ours(CLIENT));
		sim_run(&sim, 1);
		ck_assert_uint_gt(noted.n[CLIENT], 30);
		expect_numbers_once(CLIENT, true);
		expect_numbers_once(SERVER, true);
		sim_finish(&sim);
	}
	ck_assert_uint_gt(most, 2); /* Finished was repeated */
}
END_TEST

START_TEST(with_every_suite_numbers_go_on_where_openssl_stopped)
{
	int us = !(_i % 2);

	memset(&noted, 0, sizeof(noted));
	sim_init(&sim);
	end_raw(&sim, _i % 2, true);
	ck_assert_int_eq(SSL_CTX_set_cipher_list(sim.end[_i % 2].raw_ctx, suites[_i / 2]), 1);
	end_ours(&sim, us, 1200);
	sim.wire.tap = note_numbers;
	raw_open(&sim, _i % 2);
	sim_run(&sim, 1);
	for (int i = 0; i < 100; i++)
		dtls_send(sim.end[us].dtls, SPAN_LIT("data"));
	ck_assert_uint_eq(noted.n[us], 101);
	for (unsigned i = 0; i < noted.n[us]; i++) {
		ck_assert_uint_eq(noted.of[us][i].seq, i);
		if (_i / 2 < 2 && i > 0)
			ck_assert_uint_eq(noted.of[us][i].nonce, noted.of[us][i - 1].nonce + 1);
	}
	expect_numbers_once(us, _i / 2 < 2);
	sim_finish(&sim);
}
END_TEST

START_TEST(a_connection_that_has_used_up_its_numbers_says_goodbye)
{
	open_pair();
	ours(_i)->protect.next_seq = RECORD_SEQ_MASK - 1;
	ck_assert_int_eq(dtls_send(ours(_i), SPAN_LIT("the last")), ERR_OK);
	ck_assert_int_eq(dtls_send(ours(_i), SPAN_LIT("one too many")), ERR_CLOSED);
	ck_assert_int_eq(dtls_close_reason(ours(_i)), CLOSE_DTLS_KEYS);
	sim_run(&sim, 1);
	ck_assert_uint_eq(sim.end[!_i].messages, 1);
	ck_assert_int_eq(dtls_close_reason(ours(!_i)), CLOSE_PEER_CLOSE_NOTIFY);
	sim_finish(&sim);
}
END_TEST

/* ---- keys that are not proved ---- */

static void (*spoil)(struct numbers *);
static int spoiled;

static void spoil_nonce(struct numbers *n)
{
	n->nonce_leaps = true;
}

static void spoil_epoch(struct numbers *n)
{
	n->epoch_leaps = true;
}

static void spoil_finished(struct numbers *n)
{
	n->finished[n->finished_len - 1] ^= 1;
}

static void lose_finished(struct numbers *n)
{
	n->finished_len = 0;
}

static void spoil_nothing(struct numbers *n)
{
}

/*
 * As soon as that side's Finished is under way, which with a client is before the connection is
 * open.
 */
static bool spoil_on_the_way(struct sim *s, int from, struct span dgram)
{
	struct dtls *d = s->end[from].dtls;

	if (from == spoiled && d->state == DTLS_HANDSHAKING && d->wire.numbers.sealed_next > 0)
		spoil(&d->wire.numbers);
	return true;
}

START_TEST(keys_that_do_not_open_our_own_finished_are_not_used)
{
	static void (*const ways[])(
		struct numbers *) = { spoil_nonce, spoil_epoch, spoil_finished, lose_finished };
	int64_t failed = counter_value[CNT_dtls_failed_total];

	spoil = ways[_i];
	spoiled = CLIENT;
	sim_init(&sim);
	sim_pair(&sim, 1200, false);
	sim.wire.tap = spoil_on_the_way;
	sim_run(&sim, 1);
	ck_assert_int_eq(dtls_close_reason(ours(CLIENT)), CLOSE_DTLS_KEYS);
	ck_assert_int_eq(counter_value[CNT_dtls_failed_total], failed + 1);
	ck_assert_int_eq(dtls_send(ours(CLIENT), SPAN_LIT("x")), ERR_CLOSED);
	/* OpenSSL, which had the right ones, took leave with them */
	ck_assert_int_eq(dtls_close_reason(ours(SERVER)), CLOSE_PEER_CLOSE_NOTIFY);
	ck_assert_uint_eq(ERR_peek_error(), 0);
	sim_finish(&sim);
}
END_TEST

START_TEST(a_server_whose_nonces_are_not_known_does_not_open_either)
{
	sim_init(&sim);
	sim_pair(&sim, 1200, false);
	ours(SERVER)->wire.numbers.nonce_leaps = true;
	sim_run(&sim, 1);
	ck_assert_int_eq(dtls_close_reason(ours(SERVER)), CLOSE_DTLS_KEYS);
	ck_assert_int_eq(dtls_close_reason(ours(CLIENT)), CLOSE_PEER_CLOSE_NOTIFY);
	sim_finish(&sim);

	spoil = spoil_nothing;
	spoiled = CLIENT;
	sim_init(&sim);
	sim_pair(&sim, 1200, false);
	sim.wire.tap = spoil_on_the_way;
	sim_run(&sim, 1);
	expect_working();
	sim_finish(&sim);
}
END_TEST

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

/* ---- alerts, and everything else that is not data ---- */

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

/* ---- memory ---- */

#define PAIRS 20

START_TEST(an_open_connection_keeps_little)
{
	static struct sim sims[PAIRS];
	long before, shaking, open;

	sim_ctx(CLIENT);
	sim_ctx(SERVER);
	open_pair(); /* what OpenSSL makes once */
	sim_finish(&sim);
	before = openssl_bytes;
	for (int i = 0; i < PAIRS; i++) {
		sim_init(&sims[i]);
		sim_pair(&sims[i], 1200, false);
	}
	shaking = openssl_bytes - before;
	for (int i = 0; i < PAIRS; i++) {
		sim_run(&sims[i], 1);
		ck_assert(sim_both_open(&sims[i]));
		for (int side = 0; side < 2; side++) {
			ck_assert_ptr_null(sims[i].end[side].dtls->ssl);
			ck_assert_ptr_null(sims[i].end[side].dtls->early);
		}
	}
	open = openssl_bytes - before;
	ck_assert_int_gt(shaking / PAIRS / 2, 8000); /* and this is before the first message */
	ck_assert_int_lt(open / PAIRS / 2, 3000);
	ck_assert_uint_lt(sizeof(struct dtls) + sizeof(struct fingerprint), 1024);
	for (int i = 0; i < PAIRS; i++)
		sim_finish(&sims[i]);
}
END_TEST

static void add_suites(TCase *c)
{
	tcase_add_loop_test(c, openssl_reads_our_records_and_we_read_its, 0, 6);
	tcase_add_loop_test(c, openssl_takes_our_close_notify_and_we_take_its, 0, 6);
	tcase_add_test(c, no_number_and_no_nonce_is_used_twice);
	tcase_add_loop_test(c, with_every_suite_numbers_go_on_where_openssl_stopped, 0, 6);
	tcase_add_loop_test(c, a_connection_that_has_used_up_its_numbers_says_goodbye, 0, 2);
	tcase_add_loop_test(c, keys_that_do_not_open_our_own_finished_are_not_used, 0, 4);
	tcase_add_test(c, a_server_whose_nonces_are_not_known_does_not_open_either);
}

static void add_ends_of_handshakes(TCase *c)
{
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
}

static void add_others(TCase *c)
{
	tcase_add_loop_test(c, a_fatal_alert_closes_and_a_warning_does_not, 0, 2);
	tcase_add_loop_test(c, an_alert_that_is_none_is_counted_and_changes_nothing, 0, 2);
	tcase_add_loop_test(c, nothing_behind_an_end_is_delivered, 0, 2);
	tcase_add_test(c, who_asks_to_negotiate_anew_is_told_no);
	tcase_add_loop_test(c, other_records_change_nothing, 0, 2);
	tcase_add_loop_test(c, plaintext_and_other_epochs_change_nothing, 0, 2);
	tcase_add_loop_test(
		c, a_record_that_is_not_authentic_does_not_keep_the_next_ones_away, 0, 2);
	tcase_add_test(c, an_open_connection_keeps_little);
}

static Suite *open_suite(void)
{
	Suite *suite = suite_create("dtls/open");
	TCase *c = tcase_create("open");

	/* before the first word with OpenSSL */
	if (CRYPTO_set_mem_functions(ssl_alloc, ssl_realloc, ssl_free) != 1)
		abort();
	tcase_set_timeout(c, 60);
	add_suites(c);
	add_ends_of_handshakes(c);
	add_others(c);
	tcase_add_unchecked_fixture(c, NULL, sim_ctx_free);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(open_suite)
