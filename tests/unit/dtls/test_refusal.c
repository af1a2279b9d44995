/*
 * test_refusal.c: what we accept of a foreign stack and what we refuse, with the
 * reason we give. OpenSSL plays the stranger.
 */
#include "dtls/dtls.h"

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "sim.h"
#include "tests/unit/main.h"

/* A stranger at `side`, ready for its rules; ours at the other. */
static SSL_CTX *set_up(struct sim *s, int side, bool with_certificate)
{
	sim_init(s);
	end_raw(s, side, with_certificate);
	end_ours(s, !side, 1200);
	return s->end[side].raw_ctx;
}

static void expect_end(struct sim *s, int ours, enum close_reason reason)
{
	int64_t failed = counter_value[CNT_dtls_failed_total];

	raw_open(s, !ours);
	sim_run(s, 5);
	ck_assert_str_eq(close_name(dtls_close_reason(s->end[ours].dtls)), close_name(reason));
	ck_assert_int_eq(dtls_state(s->end[ours].dtls), DTLS_CLOSED);
	ck_assert_int_eq(counter_value[CNT_dtls_failed_total], failed + 1);
	ck_assert_uint_eq(s->end[ours].messages, 0);
	sim_finish(s);
}

START_TEST(a_client_that_knows_only_dtls_1_0_is_refused)
{
	struct sim s;

	SSL_CTX_set_max_proto_version(set_up(&s, CLIENT, true), DTLS1_VERSION);
	expect_end(&s, SERVER, CLOSE_DTLS_VERSION);
}
END_TEST

START_TEST(a_server_that_knows_only_dtls_1_0_ends_the_handshake_itself)
{
	struct sim s;

	SSL_CTX_set_max_proto_version(set_up(&s, SERVER, true), DTLS1_VERSION);
	expect_end(&s, CLIENT, CLOSE_DTLS_ALERT);
}
END_TEST

START_TEST(a_client_without_aead_or_ecdhe_is_refused)
{
	static const char *const poor[] = { "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA",
		"AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM8" };

	for (size_t i = 0; i < sizeof(poor) / sizeof(*poor); i++) {
		struct sim s;

		ck_assert_int_eq(SSL_CTX_set_cipher_list(set_up(&s, CLIENT, true), poor[i]), 1);
		expect_end(&s, SERVER, CLOSE_DTLS_CIPHER);
	}
}
END_TEST

START_TEST(a_server_without_aead_ends_the_handshake_itself)
{
	struct sim s;

	SSL_CTX_set_cipher_list(set_up(&s, SERVER, true), "ECDHE-ECDSA-AES128-SHA256");
	expect_end(&s, CLIENT, CLOSE_DTLS_ALERT);
}
END_TEST

START_TEST(a_client_with_no_group_of_ours_is_refused)
{
	struct sim s;

	SSL_CTX_set1_groups_list(set_up(&s, CLIENT, true), "P-521");
	expect_end(&s, SERVER, CLOSE_DTLS_CIPHER);
}
END_TEST

START_TEST(a_client_without_certificate_is_refused)
{
	struct sim s;

	set_up(&s, CLIENT, false);
	expect_end(&s, SERVER, CLOSE_DTLS_NO_CERTIFICATE);
}
END_TEST

START_TEST(every_suite_of_ours_is_accepted)
{
	static const char *const good[] = { "ECDHE-ECDSA-AES128-GCM-SHA256",
		"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305" };

	for (size_t i = 0; i < 6; i++) {
		struct sim s;
		struct dtls_info info;

		ck_assert_int_eq(SSL_CTX_set_cipher_list(set_up(&s, i % 2, true), good[i / 2]), 1);
		raw_open(&s, i % 2);
		sim_run(&s, 1);
		ck_assert(sim_both_open(&s));
		dtls_info(s.end[!(i % 2)].dtls, &info);
		ck_assert_str_eq(info.cipher, good[i / 2]);
		sim_finish(&s);
	}
}
END_TEST

START_TEST(every_group_of_ours_is_accepted)
{
	static const char *const groups[] = { "X25519:P-256", "P-256", "P-384:P-256" };
	static const char *const names[] = { "X25519", "P-256", "P-384" };

	for (size_t i = 0; i < 6; i++) {
		struct sim s;
		struct dtls_info info;

		SSL_CTX_set1_groups_list(set_up(&s, i % 2, true), groups[i / 2]);
		SSL_CTX_set_options(s.end[i % 2].raw_ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
		raw_open(&s, i % 2);
		sim_run(&s, 1);
		ck_assert(sim_both_open(&s));
		dtls_info(s.end[!(i % 2)].dtls, &info);
		if (i / 2 < 2 || i % 2 == SERVER)
			ck_assert_str_eq(info.group, names[i / 2]);
		sim_finish(&s);
	}
}
END_TEST

/* A client may have little room (RFC 6066 4). _i: its wish; 0: none. */
START_TEST(no_record_is_longer_than_the_client_asked_for)
{
	static const uint8_t text[DTLS_PLAINTEXT_MAX + 1];
	size_t most = _i == 0 ? DTLS_PLAINTEXT_MAX : (size_t)256 << _i;
	struct sim s;
	struct dtls_info info;

	ck_assert_int_eq(
		SSL_CTX_set_tlsext_max_fragment_length(set_up(&s, CLIENT, true), (uint8_t)_i), 1);
	raw_open(&s, CLIENT);
	sim_run(&s, 1);
	ck_assert(sim_both_open(&s));
	dtls_info(s.end[SERVER].dtls, &info);
	ck_assert_uint_eq(info.plaintext_max, most);
	ck_assert_int_eq(dtls_send(s.end[SERVER].dtls, SPAN(text, most + 1)), ERR_TOO_LONG);
	if (_i > 0 && _i < 3) { /* what a datagram of the sim has room for */
		ck_assert_int_eq(dtls_send(s.end[SERVER].dtls, SPAN(text, most)), ERR_OK);
		sim_run(&s, 1);
		ck_assert_uint_eq(s.end[CLIENT].bytes, most);
	}
	sim_finish(&s);
}
END_TEST

/* An RSA certificate of `bits`, its fingerprint known to nobody yet. */
static struct cert *rsa_cert(int bits)
{
	EVP_PKEY *key = EVP_RSA_gen((unsigned)bits);
	X509 *x509 = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	struct cert *c;
	const char *why;
	char *bytes;
	long n;

	ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
	X509_gmtime_adj(X509_getm_notBefore(x509), 0);
	X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
	X509_set_pubkey(x509, key);
	X509_sign(x509, key, EVP_sha256());
	PEM_write_bio_X509(bio, x509);
	PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	n = BIO_get_mem_data(bio, &bytes);
	c = cert_from_pem(SPAN(bytes, n), SPAN(bytes, n), &why);
	ck_assert_str_eq(why, "ok");
	BIO_free(bio);
	X509_free(x509);
	EVP_PKEY_free(key);
	return c;
}

START_TEST(rsa_certificates_work_and_their_long_flights_keep_to_the_mtu)
{
	struct cert *cert = rsa_cert(3072);
	struct dtls_ctx *ctx = dtls_ctx_create(cert);
	struct fingerprint f;

	cert_fingerprint(cert, HASH_SHA384, &f);
	for (uint16_t mtu = DTLS_MTU_MIN; mtu <= 1500; mtu += mtu < 700 ? 1 : 50) {
		struct sim s;
		struct dtls_info info;

		sim_init(&s);
		for (int side = CLIENT; side <= SERVER; side++) {
			end_ours(&s, side, mtu);
			dtls_destroy(s.end[side].dtls);
			s.end[side].config.ctx = ctx;
			s.end[side].config.peer = &f;
			s.end[side].dtls = dtls_create(&s.end[side].config);
		}
		sim_run(&s, 1);
		ck_assert(sim_both_open(&s));
		ck_assert_uint_le(s.largest[CLIENT], mtu);
		ck_assert_uint_le(s.largest[SERVER], mtu);
		dtls_info(s.end[CLIENT].dtls, &info);
		ck_assert_str_eq(info.cipher, "ECDHE-RSA-AES128-GCM-SHA256");
		sim_finish(&s);
	}
	dtls_ctx_unref(ctx);
	cert_unref(cert);
}
END_TEST

/*
 * After its request nothing of the stranger arrives any more: OpenSSL takes
 * a refusal for the end and says so.
 */
static unsigned last_allowed;

static bool swallow_second_thoughts(struct sim *s, int from, struct span dgram)
{
	return s->end[from].raw == NULL || s->sent <= last_allowed;
}

/* _i: who asks. */
START_TEST(renegotiation_is_declined_and_the_connection_goes_on)
{
	struct sim s;
	struct end *raw, *ours;

	set_up(&s, _i, true);
	raw_open(&s, _i);
	sim_run(&s, 1);
	raw = &s.end[_i];
	ours = &s.end[!_i];
	ck_assert(sim_both_open(&s));
	last_allowed = s.sent + 1;
	s.wire.tap = swallow_second_thoughts;
	SSL_renegotiate(raw->raw);
	SSL_do_handshake(raw->raw);
	sim_run(&s, 3);
	ck_assert(raw->raw_failed); /* it took our refusal */
	ck_assert_int_eq(dtls_state(ours->dtls), DTLS_OPEN);
	ck_assert_int_eq(dtls_send(ours->dtls, SPAN_LIT("still here")), ERR_OK);
	ck_assert_int_eq(dtls_state(ours->dtls), DTLS_OPEN);
	sim_finish(&s);
}
END_TEST

START_TEST(nothing_of_a_session_can_be_resumed)
{
	struct sim s;
	SSL_SESSION *session;

	set_up(&s, CLIENT, true);
	raw_open(&s, CLIENT);
	sim_run(&s, 1);
	session = SSL_get1_session(s.end[CLIENT].raw);
	ck_assert(!SSL_SESSION_has_ticket(session));
	SSL_shutdown(s.end[CLIENT].raw);
	sim_finish(&s);

	set_up(&s, CLIENT, true);
	raw_open(&s, CLIENT);
	SSL_set_session(s.end[CLIENT].raw, session);
	sim_run(&s, 1);
	ck_assert(sim_both_open(&s));
	ck_assert(!SSL_session_reused(s.end[CLIENT].raw));
	SSL_SESSION_free(session);
	sim_finish(&s);
}
END_TEST

static void raw_output(void *arg, struct span dgram)
{
	struct end *e = arg;

	dtls_input(e->sim->end[!e->side].dtls, e->sim->now, dgram);
}

START_TEST(the_longest_record_passes_both_ways)
{
	static uint8_t text[DTLS_PLAINTEXT_MAX], got[DTLS_PLAINTEXT_MAX];
	int64_t malformed = counter_value[CNT_dtls_malformed_total];
	struct sim s;
	struct end *raw;
	size_t len;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7);
	set_up(&s, CLIENT, true);
	raw_open(&s, CLIENT);
	sim_run(&s, 1);
	raw = &s.end[CLIENT];
	raw->raw_wire.output = raw_output; /* such a datagram is too long for the sim */
	ck_assert_int_eq(SSL_write(raw->raw, text, sizeof(text)), sizeof(text));
	ck_assert(dtls_read(s.end[SERVER].dtls, got, sizeof(got), &len));
	ck_assert_uint_eq(len, sizeof(got));
	ck_assert_mem_eq(got, text, sizeof(got));
	ck_assert(!dtls_read(s.end[SERVER].dtls, got, sizeof(got), &len));
	/* a piece of a record would be nothing: it is lost where the room is short */
	ck_assert_int_eq(SSL_write(raw->raw, text, sizeof(text)), sizeof(text));
	ck_assert(!dtls_read(s.end[SERVER].dtls, got, sizeof(got) - 1, &len));
	ck_assert_int_eq(counter_value[CNT_dtls_malformed_total], malformed + 1);
	ck_assert(!dtls_read(s.end[SERVER].dtls, got, sizeof(got), &len));
	sim_finish(&s);
}
END_TEST

static Suite *refusal_suite(void)
{
	Suite *suite = suite_create("dtls/refusal");
	TCase *c = tcase_create("refusal");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_client_that_knows_only_dtls_1_0_is_refused);
	tcase_add_test(c, a_server_that_knows_only_dtls_1_0_ends_the_handshake_itself);
	tcase_add_test(c, a_client_without_aead_or_ecdhe_is_refused);
	tcase_add_test(c, a_server_without_aead_ends_the_handshake_itself);
	tcase_add_test(c, a_client_with_no_group_of_ours_is_refused);
	tcase_add_test(c, a_client_without_certificate_is_refused);
	tcase_add_test(c, every_suite_of_ours_is_accepted);
	tcase_add_test(c, every_group_of_ours_is_accepted);
	tcase_add_loop_test(c, no_record_is_longer_than_the_client_asked_for, 0, 5);
	tcase_add_test(c, rsa_certificates_work_and_their_long_flights_keep_to_the_mtu);
	tcase_add_loop_test(c, renegotiation_is_declined_and_the_connection_goes_on, 0, 2);
	tcase_add_test(c, nothing_of_a_session_can_be_resumed);
	tcase_add_test(c, the_longest_record_passes_both_ways);
	tcase_add_unchecked_fixture(c, NULL, sim_ctx_free);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(refusal_suite)
