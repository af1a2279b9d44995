/*
 * test_takeover.c: keys and numbers that a connection takes over from OpenSSL as it opens: they are
 * proved first, others can read what they seal, and no number is used twice.
 *
 *     client ══ wire ══ server        both ours, or one of them OpenSSL alone
 */
#include "dcmf/base/counters.h"
#include "dtls/dtls_parts.h"
#include "open_pair.h"
#include "tests/unit/main.h"

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

static Suite *takeover_suite(void)
{
	Suite *suite = suite_create("dtls/takeover");
	TCase *c = tcase_create("takeover");

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, openssl_reads_our_records_and_we_read_its, 0, 6);
	tcase_add_loop_test(c, openssl_takes_our_close_notify_and_we_take_its, 0, 6);
	tcase_add_test(c, no_number_and_no_nonce_is_used_twice);
	tcase_add_loop_test(c, with_every_suite_numbers_go_on_where_openssl_stopped, 0, 6);
	tcase_add_loop_test(c, a_connection_that_has_used_up_its_numbers_says_goodbye, 0, 2);
	tcase_add_loop_test(c, keys_that_do_not_open_our_own_finished_are_not_used, 0, 4);
	tcase_add_test(c, a_server_whose_nonces_are_not_known_does_not_open_either);
	tcase_add_unchecked_fixture(c, NULL, sim_ctx_free);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(takeover_suite)
