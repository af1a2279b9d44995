/*
 * test_dtls.c: connections of ours with each other: what a handshake agrees,
 * what it costs on the wire, how it ends.
 */
#include "dtls/dtls.h"

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "sim.h"
#include "tests/unit/main.h"

START_TEST(two_ends_agree_on_dtls_1_2_ecdhe_and_aes_128_gcm)
{
	struct sim s;
	struct dtls_info info;
	int64_t connected = counter_value[CNT_dtls_connected_total];

	sim_init(&s);
	sim_pair(&s, 1200, false);
	sim_run(&s, 1);
	ck_assert(sim_both_open(&s));
	dtls_info(s.end[SERVER].dtls, &info);
	ck_assert_str_eq(info.version, "DTLSv1.2");
	ck_assert_str_eq(info.cipher, "ECDHE-ECDSA-AES128-GCM-SHA256");
	ck_assert_str_eq(info.group, "X25519");
	ck_assert(fingerprint_eq(&info.peer, &s.end[SERVER].peer));
	dtls_info(s.end[CLIENT].dtls, &info);
	ck_assert_str_eq(info.group, "X25519");
	ck_assert(fingerprint_eq(&info.peer, &s.end[CLIENT].peer));
	ck_assert_int_eq(counter_value[CNT_dtls_connected_total], connected + 2);
	ck_assert(tick_is_never(dtls_deadline(s.end[CLIENT].dtls)));
	ck_assert(tick_is_never(dtls_deadline(s.end[SERVER].dtls)));
	sim_finish(&s);
	ck_assert_int_eq(counter_value[CNT_dtls_connections], 0);
}
END_TEST

START_TEST(each_message_is_one_record_in_one_datagram)
{
	struct sim s;
	unsigned before;
	uint8_t text[1163];

	memset(text, 'x', sizeof(text));
	sim_init(&s);
	sim_pair(&s, 1200, false);
	sim_run(&s, 1);
	before = s.sent;
	ck_assert_int_eq(dtls_send(s.end[CLIENT].dtls, SPAN_OF(text)), ERR_OK);
	ck_assert_int_eq(dtls_send(s.end[CLIENT].dtls, SPAN(text, 1)), ERR_OK);
	ck_assert_int_eq(dtls_send(s.end[SERVER].dtls, SPAN(text, 2)), ERR_OK);
	ck_assert_int_eq(dtls_send(s.end[SERVER].dtls, SPAN_NONE), ERR_OK);
	sim_run(&s, 1);
	ck_assert_uint_eq(s.sent, before + 3);
	ck_assert_uint_eq(s.end[SERVER].messages, 2);
	ck_assert_uint_eq(s.end[SERVER].bytes, 1164);
	ck_assert_uint_eq(s.end[CLIENT].bytes, 2);
	ck_assert_uint_eq(s.largest[CLIENT], sizeof(text) + DTLS_RECORD_OVERHEAD);
	sim_finish(&s);
}
END_TEST

/* Hands the datagrams of one side straight to the other, whatever their size. */
static void pipe_output(void *arg, struct span dgram)
{
	dtls_input(*(struct dtls **)arg, (tick_t){ 0 }, dgram);
}

START_TEST(the_longest_record_passes_and_a_longer_one_is_refused)
{
	static uint8_t text[DTLS_PLAINTEXT_MAX + 1], got[DTLS_PLAINTEXT_MAX];
	struct sim s;
	struct dtls *client, *server;
	size_t len;

	memset(text, 'y', sizeof(text));
	sim_init(&s);
	sim_pair(&s, 1200, false);
	s.end[CLIENT].config.output = s.end[SERVER].config.output = pipe_output;
	s.end[CLIENT].config.arg = &server;
	s.end[SERVER].config.arg = &client;
	client = dtls_create(&s.end[CLIENT].config);
	server = dtls_create(&s.end[SERVER].config);
	ck_assert_int_eq(dtls_send(client, SPAN(text, 1)), ERR_STATE);
	sim_finish(&s);
	dtls_destroy(client);
	dtls_destroy(server);

	sim_init(&s);
	sim_pair(&s, 1200, false);
	sim_run(&s, 1);
	client = s.end[CLIENT].dtls;
	ck_assert_int_eq(dtls_send(client, SPAN_OF(text)), ERR_TOO_LONG);
	ck_assert(!dtls_read(s.end[SERVER].dtls, got, sizeof(got), &len));
	sim_finish(&s);
}
END_TEST

START_TEST(no_datagram_of_the_handshake_exceeds_the_mtu)
{
	static const uint16_t mtus[] = { 576, 700, 1200, 1500 };

	for (size_t i = 0; i < 4; i++) {
		struct sim s;

		sim_init(&s);
		sim_pair(&s, mtus[i], true);
		sim_run(&s, 1);
		ck_assert(sim_both_open(&s));
		ck_assert_uint_le(s.largest[CLIENT], mtus[i]);
		ck_assert_uint_le(s.largest[SERVER], mtus[i]);
		sim_finish(&s);
	}
	/* Every length between, because what is left for a Finished decides. */
	for (uint16_t mtu = DTLS_MTU_MIN; mtu < 900; mtu++) {
		struct sim s;

		sim_init(&s);
		sim_pair(&s, mtu, false);
		sim_run(&s, 1);
		ck_assert(sim_both_open(&s));
		ck_assert_uint_le(s.largest[CLIENT], mtu);
		ck_assert_uint_le(s.largest[SERVER], mtu);
		sim_finish(&s);
	}
}
END_TEST

START_TEST(the_flights_of_a_small_handshake_are_gathered_into_few_datagrams)
{
	struct sim s;

	sim_init(&s);
	sim_pair(&s, 1200, false);
	sim_run(&s, 1);
	/* hello; hello..done; certificate..finished; finished; one to spare */
	ck_assert_uint_le(s.sent, 5);
	sim_finish(&s);
}
END_TEST

START_TEST(any_one_of_several_fingerprints_is_enough)
{
	struct sim s;
	struct fingerprint many[3];
	struct dtls_info info;

	sim_init(&s);
	sim_pair(&s, 1200, false);
	many[0] = s.end[SERVER].peer;
	many[0].md[0] ^= 1;
	cert_fingerprint(dtls_ctx_cert(sim_ctx(CLIENT)), HASH_SHA1, &many[1]);
	cert_fingerprint(dtls_ctx_cert(sim_ctx(CLIENT)), HASH_SHA512, &many[2]);
	dtls_destroy(s.end[SERVER].dtls);
	s.end[SERVER].config.peer = many;
	s.end[SERVER].config.peer_count = 3;
	s.end[SERVER].dtls = dtls_create(&s.end[SERVER].config);
	sim_run(&s, 1);
	ck_assert(sim_both_open(&s));
	dtls_info(s.end[SERVER].dtls, &info);
	ck_assert(fingerprint_eq(&info.peer, &many[2]));
	sim_finish(&s);
}
END_TEST

/* _i: which side was told a wrong fingerprint. */
START_TEST(a_certificate_that_matches_no_fingerprint_is_refused)
{
	struct sim s;
	int64_t refused = counter_value[CNT_dtls_fingerprint_total];
	int64_t failed = counter_value[CNT_dtls_failed_total];

	sim_init(&s);
	sim_pair(&s, 1200, false);
	dtls_destroy(s.end[_i].dtls);
	s.end[_i].peer.md[31] ^= 0x80;
	s.end[_i].dtls = dtls_create(&s.end[_i].config);
	sim_run(&s, 5);
	ck_assert_int_eq(dtls_close_reason(s.end[_i].dtls), CLOSE_DTLS_FINGERPRINT);
	ck_assert_int_eq(dtls_state(s.end[_i].dtls), DTLS_CLOSED);
	ck_assert_int_eq(dtls_close_reason(s.end[!_i].dtls), CLOSE_DTLS_ALERT);
	ck_assert_int_eq(counter_value[CNT_dtls_fingerprint_total], refused + 1);
	ck_assert_int_eq(counter_value[CNT_dtls_failed_total], failed + 2);
	ck_assert_int_eq(dtls_send(s.end[_i].dtls, SPAN_LIT("x")), ERR_CLOSED);
	sim_finish(&s);
}
END_TEST

START_TEST(a_fingerprint_of_a_weak_hash_matches_nothing)
{
	struct sim s;

	sim_init(&s);
	sim_pair(&s, 1200, false);
	dtls_destroy(s.end[SERVER].dtls);
	cert_fingerprint(dtls_ctx_cert(sim_ctx(CLIENT)), HASH_SHA1, &s.end[SERVER].peer);
	s.end[SERVER].dtls = dtls_create(&s.end[SERVER].config);
	sim_run(&s, 5);
	ck_assert_int_eq(dtls_close_reason(s.end[SERVER].dtls), CLOSE_DTLS_FINGERPRINT);
	sim_finish(&s);
}
END_TEST

/* _i: which side closes. */
START_TEST(close_notify_is_understood_and_answered)
{
	struct sim s;
	unsigned before;

	sim_init(&s);
	sim_pair(&s, 1200, false);
	sim_run(&s, 1);
	before = s.sent;
	ck_assert_int_eq(dtls_send(s.end[_i].dtls, SPAN_LIT("last words")), ERR_OK);
	dtls_close(s.end[_i].dtls);
	dtls_close(s.end[_i].dtls);
	sim_run(&s, 1);
	ck_assert_int_eq(dtls_close_reason(s.end[_i].dtls), CLOSE_LOCAL);
	ck_assert_int_eq(dtls_close_reason(s.end[!_i].dtls), CLOSE_PEER_CLOSE_NOTIFY);
	ck_assert_int_eq(dtls_state(s.end[!_i].dtls), DTLS_CLOSED);
	ck_assert_uint_eq(s.end[!_i].messages, 1);
	ck_assert_uint_eq(s.sent, before + 3); /* data, close_notify, close_notify */
	sim_finish(&s);
}
END_TEST

START_TEST(closing_before_the_handshake_is_done_is_silent)
{
	struct sim s;

	sim_init(&s);
	sim_pair(&s, 1200, false);
	dtls_close(s.end[CLIENT].dtls);
	dtls_start(s.end[CLIENT].dtls, s.now);
	ck_assert_int_eq(dtls_close_reason(s.end[CLIENT].dtls), CLOSE_LOCAL);
	ck_assert(tick_is_never(dtls_deadline(s.end[CLIENT].dtls)));
	ck_assert_uint_eq(s.sent, 0);
	sim_finish(&s);
}
END_TEST

START_TEST(a_peer_that_never_answers_is_given_up)
{
	struct sim s;

	sim_init(&s);
	sim_pair(&s, 1200, false);
	s.wire.loss_percent = 100;
	sim_run(&s, 20);
	ck_assert_int_eq(dtls_state(s.end[CLIENT].dtls), DTLS_HANDSHAKING);
	ck_assert_uint_eq(s.sent, 10); /* after 0 0.3 0.9 2.1 4.5 7.5 10.5 13.5 16.5 19.5 seconds */
	sim_run(&s, 20);
	ck_assert_int_eq(dtls_close_reason(s.end[CLIENT].dtls), CLOSE_DTLS_TIMEOUT);
	sim_finish(&s);
}
END_TEST

static void speak(struct sim *s, int from, unsigned times, size_t len)
{
	uint8_t text[1900];
	size_t before = s->end[!from].messages;

	memset(text, 'r', sizeof(text));
	for (unsigned i = 0; i < times; i++)
		ck_assert_int_eq(dtls_send(s->end[from].dtls, SPAN(text, len)), ERR_OK);
	sim_run(s, 1);
	ck_assert_uint_eq(s->end[!from].messages, before + times);
	ck_assert_uint_eq(s->end[!from].last_len, len);
}

START_TEST(records_of_any_length_pass_both_ways_however_long_nothing_was_said)
{
	static const size_t lengths[] = { 1, 100, 1163, 1900 };
	struct sim s;

	sim_init(&s);
	sim_pair(&s, 1200, _i & 1);
	sim_run(&s, 1);
	ck_assert(sim_both_open(&s));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		speak(&s, i & 1, 3, lengths[i]);
		sim_run(&s, 24 * 3600);
		speak(&s, !(i & 1), 3, lengths[i]);
	}
	sim_finish(&s);
}
END_TEST

START_TEST(what_is_no_news_does_not_disturb_an_open_connection)
{
	uint8_t forged[64] = { 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 99, 0, 51 };
	struct sim s;
	int64_t malformed = counter_value[CNT_dtls_malformed_total];
	int64_t not_authentic = counter_value[CNT_dtls_forged_total];

	sim_init(&s);
	sim_pair(&s, 1200, false);
	sim_run(&s, 1);
	sim_send(&s, CLIENT, SPAN_LIT("no record"));
	sim_send(&s, CLIENT, SPAN_OF(forged));
	sim_run(&s, 1);
	ck_assert_int_eq(dtls_state(s.end[SERVER].dtls), DTLS_OPEN);
	ck_assert_uint_eq(s.end[SERVER].messages, 0);
	ck_assert_int_eq(counter_value[CNT_dtls_malformed_total], malformed + 1);
	ck_assert_int_eq(counter_value[CNT_dtls_forged_total], not_authentic + 1);
	speak(&s, SERVER, 1, 100);
	speak(&s, CLIENT, 1, 100);
	sim_finish(&s);
}
END_TEST

START_TEST(failed_allocations_leave_nothing_behind)
{
	unsigned long n;

	sim_ctx(CLIENT);
	sim_ctx(SERVER);
	for (n = 1;; n++) {
		long live = mem_live();
		struct cert *c;
		struct dtls_ctx *ctx;
		struct dtls *d = NULL;
		struct fingerprint f;
		size_t len;
		char *pem;
		const char *why;
		struct sim s;

		sim_init(&s);
		end_ours(&s, CLIENT, 1200);
		mem_fail_at(n);
		c = cert_generate(1);
		ctx = c ? dtls_ctx_create(c) : NULL;
		if (ctx != NULL) {
			struct dtls_config config = s.end[CLIENT].config;

			cert_fingerprint(c, HASH_SHA256, &f);
			config.ctx = ctx;
			d = dtls_create(&config);
			pem = cert_to_pem(c, &len);
			if (pem != NULL) {
				cert_unref(c);
				c = cert_from_pem(SPAN(pem, len), SPAN(pem, len), &why);
				ck_assert_ptr_nonnull(why);
			}
			mem_free(pem);
		}
		dtls_destroy(d);
		dtls_ctx_unref(ctx);
		cert_unref(c);
		sim_finish(&s);
		ck_assert_int_eq(mem_live(), live);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
	ck_assert_uint_gt(n, 4);
	ck_assert_int_eq(counter_value[CNT_dtls_connections], 0);
}
END_TEST

static Suite *dtls_suite(void)
{
	Suite *suite = suite_create("dtls/dtls");
	TCase *c = tcase_create("dtls");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, two_ends_agree_on_dtls_1_2_ecdhe_and_aes_128_gcm);
	tcase_add_test(c, each_message_is_one_record_in_one_datagram);
	tcase_add_test(c, the_longest_record_passes_and_a_longer_one_is_refused);
	tcase_add_test(c, no_datagram_of_the_handshake_exceeds_the_mtu);
	tcase_add_test(c, the_flights_of_a_small_handshake_are_gathered_into_few_datagrams);
	tcase_add_test(c, any_one_of_several_fingerprints_is_enough);
	tcase_add_loop_test(c, a_certificate_that_matches_no_fingerprint_is_refused, 0, 2);
	tcase_add_test(c, a_fingerprint_of_a_weak_hash_matches_nothing);
	tcase_add_loop_test(c, close_notify_is_understood_and_answered, 0, 2);
	tcase_add_test(c, closing_before_the_handshake_is_done_is_silent);
	tcase_add_test(c, a_peer_that_never_answers_is_given_up);
	tcase_add_loop_test(
		c, records_of_any_length_pass_both_ways_however_long_nothing_was_said, 0, 2);
	tcase_add_test(c, what_is_no_news_does_not_disturb_an_open_connection);
	tcase_add_test(c, failed_allocations_leave_nothing_behind);
	tcase_add_checked_fixture(c, NULL, NULL);
	tcase_add_unchecked_fixture(c, NULL, sim_ctx_free);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(dtls_suite)
