/*
 * test_stream_refusal.c: TLS as a stream filter: peers that are wrong,
 * hostile, or speak something else.
 */
#include "tests/unit/dtls/tls_pair.h"
#include "tests/unit/main.h"

static void expect_failed(int side, const char *why)
{
	uint8_t buf[16];

	ck_assert_int_eq(state_of(side), FILTER_FAILED);
	ck_assert_str_eq(tls_ops.failure(tls_end[side]), why);
	ck_assert(!tls_ops.feed(tls_end[side], SPAN_LIT("more")));
	ck_assert_uint_eq(tls_ops.read(tls_end[side], buf, sizeof(buf)), 0);
	ck_assert_uint_eq(tls_ops.write(tls_end[side], SPAN_LIT("more")), 0);
}

/* A TLS 1.3 client is through before the server has judged it, and hears of it when it reads. */
static void expect_told(const char *why)
{
	expect_text(CLIENT, "");
	ck_assert_int_eq(state_of(CLIENT), FILTER_FAILED);
	ck_assert_str_eq(tls_ops.failure(tls_end[CLIENT]), why);
}

START_TEST(client_without_certificate_is_refused_and_told)
{
	use_version(versions[_i]);
	connect_ends();
	SSL_certs_clear(ssl_of(CLIENT));
	carry_all();
	expect_failed(SERVER, "the peer showed no certificate");
	expect_told(versions[_i] == TLS1_3_VERSION ? "the peer refused: certificate required"
						   : "the peer refused: handshake failure");
}
END_TEST

START_TEST(client_of_another_authority_is_refused_and_told)
{
	use_version(versions[_i]);
	client_shows(&stranger);
	connect_ends();
	carry_all();
	expect_failed(SERVER,
		"the peer's certificate is refused: unable to get local issuer certificate");
	expect_told("the peer refused: unknown CA");
}
END_TEST

START_TEST(client_whose_certificate_has_expired_is_refused_and_told)
{
	use_version(versions[_i]);
	client_shows(&expired);
	connect_ends();
	carry_all();
	expect_failed(SERVER, "the peer's certificate is refused: certificate has expired");
	expect_told("the peer refused: certificate expired");
}
END_TEST

START_TEST(server_of_another_authority_or_name_is_refused)
{
	struct tls_config config = config_of(TLS_CLIENT, &client_cert);

	if (_i == 0)
		config.ca = SPAN_STR(other_ca.pem);
	else
		config.server_name = _i == 1 ? "mf2.example" : "127.0.0.2";
	tls_factory_destroy(factory[CLIENT]);
	factory[CLIENT] = make_factory(&config);
	connect_ends();
	carry_all();
	expect_failed(
		CLIENT, _i == 0   ? "the peer's certificate is refused: unable to get local issuer "
				    "certificate"
			: _i == 1 ? "the peer's certificate is refused: hostname mismatch"
				  : "the peer's certificate is refused: IP address mismatch");
	ck_assert_int_eq(state_of(SERVER), FILTER_FAILED);
}
END_TEST

static const struct {
	const char *wire, *why;
} no_tls[] = {
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"node.info\"}\n",
		"the peer does not speak TLS" },
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "the peer speaks HTTP without TLS" },
	{ "\n\n\n\n\n\n\n\n\n\n\n\n", "the peer does not speak TLS" },
	{ "\x16\x03\x01\xff\xff garbage", "the peer does not speak TLS" },
	{ "\x16\x03\x01\x01\x01\x02 a server's word first", NULL },
	{ "\x17\x03\x03\x01\x04 no handshake before", NULL },
};

START_TEST(garbage_and_plain_text_are_refused_with_a_sentence)
{
	uint8_t wire[1024] = { 0 };

	memcpy(wire, no_tls[_i].wire, strlen(no_tls[_i].wire));
	ck_assert_ptr_nonnull(tls_end[SERVER] = tls_ops.create(factory[SERVER]));
	ck_assert(!tls_ops.feed(tls_end[SERVER], SPAN_OF(wire)));
	ck_assert_int_eq(state_of(SERVER), FILTER_FAILED);
	if (no_tls[_i].why != NULL)
		ck_assert_str_eq(tls_ops.failure(tls_end[SERVER]), no_tls[_i].why);
	ck_assert_str_ne(tls_ops.failure(tls_end[SERVER]), "");
	ck_assert_uint_le(tls_ops.pending(tls_end[SERVER]).len, 64);
}
END_TEST

START_TEST(old_versions_and_suites_without_forward_secrecy_are_refused)
{
	SSL_CTX_set_security_level(rules_of(CLIENT), 0);
	if (_i == 0) {
		use_version(TLS1_1_VERSION);
		SSL_CTX_set_cipher_list(rules_of(CLIENT), "ALL:@SECLEVEL=0");
	} else {
		use_version(TLS1_2_VERSION);
		SSL_CTX_set_cipher_list(rules_of(CLIENT),
			"AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA256");
	}
	connect_ends();
	carry_all();
	expect_failed(SERVER, _i == 0 ? "the peer offers neither TLS 1.2 nor 1.3"
				      : "no cipher suite in common: ECDHE with AEAD is needed");
}
END_TEST

START_TEST(a_byte_changed_on_the_way_ends_the_connection_and_delivers_nothing)
{
	uint8_t record[256];
	struct span s;

	use_version(versions[_i]);
	connect_ends();
	carry_all();
	say(CLIENT, "transfer 100\n");
	s = tls_ops.pending(tls_end[CLIENT]);
	memcpy(record, s.p, s.len);
	record[s.len - 20] ^= 1;
	ck_assert(tls_ops.feed(tls_end[SERVER], SPAN(record, s.len)));
	expect_text(SERVER, "");
	ck_assert_int_eq(state_of(SERVER), FILTER_FAILED);
}
END_TEST

START_TEST(renegotiation_is_refused)
{
	use_version(TLS1_2_VERSION);
	SSL_CTX_clear_options(rules_of(CLIENT), SSL_OP_NO_RENEGOTIATION);
	connect_ends();
	carry_all();
	ck_assert_int_eq(SSL_renegotiate(ssl_of(CLIENT)), 1);
	SSL_do_handshake(ssl_of(CLIENT));
	carry_all();
	expect_text(SERVER, "");
	carry_all();
	expect_text(CLIENT, "");
	ck_assert_int_eq(SSL_num_renegotiations(ssl_of(SERVER)), 0);
	ck_assert_int_eq(state_of(CLIENT), FILTER_FAILED);
}
END_TEST

/* A client asks for new keys again and again and reads none of the answers. */
START_TEST(peer_that_makes_us_talk_and_does_not_listen_costs_bounded_memory)
{
	use_version(TLS1_3_VERSION);
	connect_ends();
	carry_all();
	for (int i = 0; i < 10000 && state_of(SERVER) == FILTER_OPEN; i++) {
		SSL_key_update(ssl_of(CLIENT), SSL_KEY_UPDATE_REQUESTED);
		SSL_do_handshake(ssl_of(CLIENT));
		carry(CLIENT);
		expect_text(SERVER, "");
	}
	ck_assert_uint_le(tls_ops.pending(tls_end[SERVER]).len, 131072);
}
END_TEST

START_TEST(handshake_message_without_end_is_cut_off)
{
	uint8_t record[5 + 8192] = { 0x16, 3, 1, 0x20, 0, 1, 0xff, 0xff, 0xff, 3, 3 };
	size_t fed = 0;

	ck_assert_ptr_nonnull(tls_end[SERVER] = tls_ops.create(factory[SERVER]));
	while (fed < (1u << 20) && tls_ops.feed(tls_end[SERVER], SPAN_OF(record)))
		fed += sizeof(record);
	ck_assert_uint_le(fed, 5 * sizeof(record));
	ck_assert_int_eq(state_of(SERVER), FILTER_FAILED);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("dtls/stream_refusal");
	TCase *t = tcase_create("refused");

	tcase_add_unchecked_fixture(t, make_authorities, free_authorities);
	tcase_add_checked_fixture(t, pair_setup, pair_teardown);
	tcase_add_loop_test(t, client_without_certificate_is_refused_and_told, 0, 2);
	tcase_add_loop_test(t, client_of_another_authority_is_refused_and_told, 0, 2);
	tcase_add_loop_test(t, client_whose_certificate_has_expired_is_refused_and_told, 0, 2);
	tcase_add_loop_test(t, server_of_another_authority_or_name_is_refused, 0, 3);
	tcase_add_loop_test(t, garbage_and_plain_text_are_refused_with_a_sentence, 0,
		sizeof(no_tls) / sizeof(*no_tls));
	tcase_add_loop_test(t, old_versions_and_suites_without_forward_secrecy_are_refused, 0, 2);
	tcase_add_loop_test(
		t, a_byte_changed_on_the_way_ends_the_connection_and_delivers_nothing, 0, 2);
	tcase_add_test(t, renegotiation_is_refused);
	tcase_add_test(t, peer_that_makes_us_talk_and_does_not_listen_costs_bounded_memory);
	tcase_add_test(t, handshake_message_without_end_is_cut_off);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
