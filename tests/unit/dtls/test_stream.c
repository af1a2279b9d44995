/* test_stream.c: TLS as a stream filter: two ends in memory, good ones, wrong ones and hostile ones. */
#include "dtls/stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "dtls/stream_parts.h"
#include "tests/unit/io/pki.h"
#include "tests/unit/main.h"

enum { SERVER, CLIENT };

static struct pki_cert ca, other_ca, server_cert, client_cert, stranger, expired;
static struct filter_factory *factory[2];
static struct filter *end[2];
static size_t step;    /* bytes that travel at once; 0: as many as there are */
static size_t largest; /* ever pending at one end */
static long live;

static struct tls_config config_of(enum tls_side side, const struct pki_cert *c)
{
	return (struct tls_config){
		.side = side,
		.certificate = SPAN_STR(c->pem),
		.key = SPAN_STR(c->key_pem),
		.ca = SPAN_STR(ca.pem),
		.server_name = "mf1.example",
	};
}

static struct filter_factory *make(const struct tls_config *config)
{
	struct tls_fault fault;
	struct filter_factory *f = tls_factory_create(config, &fault);

	ck_assert_msg(f != NULL, "%d: %s", fault.part, fault.why);
	return f;
}

static SSL_CTX *rules_of(int side)
{
	return ((struct tls_factory *)factory[side])->ssl;
}

static SSL *ssl_of(int side)
{
	return ((struct tls *)end[side])->ssl;
}

/* The usual client, or one that shows another certificate. */
static void client_shows(const struct pki_cert *c)
{
	struct tls_config config = config_of(TLS_CLIENT, c);

	tls_factory_destroy(factory[CLIENT]);
	factory[CLIENT] = make(&config);
}

static void make_authorities(void)
{
	const struct pki_wish past = { .from_s = -7200, .to_s = -3600 };
	const struct pki_wish names = { .from_s = -3600,
		.to_s = 86400,
		.alt_names = "DNS:mf1.example,IP:127.0.0.1,IP:2001:db8::1" };

	pki_make(&ca, "authority", NULL);
	pki_make(&other_ca, "another authority", NULL);
	pki_issue(&server_cert, "mf1", &ca, &names);
	pki_make(&client_cert, "as1.example", &ca);
	pki_make(&stranger, "stranger.example", &other_ca);
	pki_issue(&expired, "old.example", &ca, &past);
}

static void free_authorities(void)
{
	pki_free(&ca);
	pki_free(&other_ca);
	pki_free(&server_cert);
	pki_free(&client_cert);
	pki_free(&stranger);
	pki_free(&expired);
}

static void setup(void)
{
	struct tls_config config = config_of(TLS_SERVER, &server_cert);

	live = mem_live();
	step = largest = 0;
	end[SERVER] = end[CLIENT] = NULL;
	factory[SERVER] = make(&config);
	factory[CLIENT] = NULL;
	client_shows(&client_cert);
}

static void teardown(void)
{
	for (int i = 0; i < 2; i++) {
		tls_ops.destroy(end[i]);
		tls_factory_destroy(factory[i]);
	}
	ck_assert_int_eq(mem_live(), live);
}

static void connect_ends(void)
{
	for (int i = 0; i < 2; i++)
		ck_assert_ptr_nonnull(end[i] = factory[i]->ops->create(factory[i]));
}

static bool carry(int from)
{
	struct span s = tls_ops.pending(end[from]);
	size_t n = step != 0 && s.len > step ? step : s.len;

	if (n > 8192)
		n = 8192;
	if (s.len > largest)
		largest = s.len;
	if (n == 0)
		return false;
	tls_ops.feed(end[!from], SPAN(s.p, n));
	tls_ops.sent(end[from], n);
	return true;
}

/* Until nothing is under way any more. */
static void carry_all(void)
{
	while (carry(CLIENT) | carry(SERVER))
		;
}

static enum filter_state state_of(int side)
{
	return tls_ops.state(end[side]);
}

/* All text that has come. */
static size_t read_all(int side, uint8_t *buf, size_t cap)
{
	size_t n, len = 0;

	while ((n = tls_ops.read(end[side], buf + len, cap - len)) > 0)
		len += n;
	return len;
}

static void expect_text(int side, const char *text)
{
	char buf[256];
	size_t n = read_all(side, (uint8_t *)buf, sizeof(buf) - 1);

	buf[n] = '\0';
	ck_assert_str_eq(buf, text);
}

static void say(int side, const char *text)
{
	ck_assert_uint_eq(tls_ops.write(end[side], SPAN_STR(text)), strlen(text));
}

static void expect_talk(void)
{
	ck_assert_int_eq(state_of(SERVER), FILTER_OPEN);
	ck_assert_int_eq(state_of(CLIENT), FILTER_OPEN);
	say(CLIENT, "question\n");
	say(SERVER, "answer\n");
	carry_all();
	expect_text(SERVER, "question\n");
	expect_text(CLIENT, "answer\n");
}

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static void use_version(int version)
{
	SSL_CTX_set_min_proto_version(rules_of(CLIENT), version);
	SSL_CTX_set_max_proto_version(rules_of(CLIENT), version);
}

/* ---- what works ---- */

START_TEST(both_versions_carry_text_both_ways_and_both_ends_are_named)
{
	use_version(versions[_i]);
	connect_ends();
	ck_assert_str_eq(tls_ops.peer(end[SERVER]), "");
	ck_assert_uint_eq(tls_ops.write(end[CLIENT], SPAN_LIT("too early")), 0);
	carry_all();
	ck_assert_int_eq(SSL_version(ssl_of(SERVER)), versions[_i]);
	expect_talk();
	ck_assert_str_eq(tls_ops.peer(end[SERVER]), "CN=as1.example DNS:as1.example");
	ck_assert_str_eq(tls_ops.peer(end[CLIENT]),
		"CN=mf1 DNS:mf1.example IP:127.0.0.1 IP:2001:db8:0:0:0:0:0:1");
	ck_assert_str_eq(tls_ops.failure(end[SERVER]), "");
}
END_TEST

START_TEST(newest_version_is_chosen_where_both_ends_leave_it_open)
{
	connect_ends();
	carry_all();
	ck_assert_str_eq(SSL_get_version(ssl_of(SERVER)), "TLSv1.3");
}
END_TEST

START_TEST(bytes_may_come_one_by_one)
{
	use_version(versions[_i]);
	step = 1;
	connect_ends();
	carry_all();
	expect_talk();
}
END_TEST

START_TEST(a_mebibyte_passes_and_no_more_than_a_record_waits)
{
	static uint8_t text[1 << 20], copy[sizeof(text)];
	struct span rest = SPAN_OF(text);
	size_t got = 0;

	use_version(versions[_i]);
	connect_ends();
	carry_all();
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + i / 251);
	while (rest.len > 0) {
		size_t n = tls_ops.write(end[SERVER], rest);

		ck_assert_uint_gt(n, 0);
		ck_assert_uint_le(n, FILTER_WRITE_MAX);
		rest = span_skip(rest, n);
		while (carry(SERVER))
			got += read_all(CLIENT, copy + got, sizeof(copy) - got);
	}
	ck_assert_uint_eq(got, sizeof(text));
	ck_assert_int_eq(memcmp(text, copy, sizeof(text)), 0);
	ck_assert_uint_le(largest, FILTER_WRITE_MAX + 64);
}
END_TEST

START_TEST(an_end_that_says_no_more_may_still_listen)
{
	use_version(versions[_i]);
	connect_ends();
	carry_all();
	say(CLIENT, "last\n");
	tls_ops.close(end[CLIENT]);
	tls_ops.close(end[CLIENT]);
	ck_assert_uint_eq(tls_ops.write(end[CLIENT], SPAN_LIT("after the last")), 0);
	carry_all();
	ck_assert_int_eq(state_of(SERVER), FILTER_OPEN);
	expect_text(SERVER, "last\n");
	ck_assert_int_eq(state_of(SERVER), FILTER_ENDED);
	say(SERVER, "understood\n");
	carry_all();
	expect_text(CLIENT, "understood\n");
	tls_ops.close(end[SERVER]);
	carry_all();
	expect_text(CLIENT, "");
	ck_assert_int_eq(state_of(CLIENT), FILTER_ENDED);
}
END_TEST

START_TEST(new_certificates_are_for_new_connections_and_old_ones_go_on)
{
	struct tls_config config = config_of(TLS_SERVER, &server_cert);

	connect_ends();
	carry_all();
	tls_factory_destroy(factory[SERVER]);
	factory[SERVER] = make(&config);
	expect_talk();
}
END_TEST

START_TEST(chain_and_authority_may_be_in_any_link)
{
	const struct pki_wish between = { .is_ca = true, .from_s = -60, .to_s = 86400 };
	struct tls_config config = config_of(TLS_CLIENT, &client_cert);
	struct pki_cert middle, leaf;
	char both[8192];

	pki_issue(&middle, "middle", &ca, &between);
	pki_make(&leaf, "leaf.example", &middle);
	snprintf(both, sizeof(both), "%s%s", leaf.pem, middle.pem);
	config.certificate = SPAN_STR(both);
	config.key = SPAN_STR(leaf.key_pem);
	tls_factory_destroy(factory[CLIENT]);
	factory[CLIENT] = make(&config);
	connect_ends();
	carry_all();
	expect_talk();
	ck_assert_str_eq(tls_ops.peer(end[SERVER]), "CN=leaf.example DNS:leaf.example");
	tls_ops.destroy(end[SERVER]);
	tls_ops.destroy(end[CLIENT]);

	/* the one in between alone is named as authority */
	config = config_of(TLS_SERVER, &server_cert);
	config.ca = SPAN_STR(middle.pem);
	tls_factory_destroy(factory[SERVER]);
	factory[SERVER] = make(&config);
	client_shows(&leaf);
	connect_ends();
	carry_all();
	expect_talk();
	pki_free(&middle);
	pki_free(&leaf);
}
END_TEST

START_TEST(servers_are_found_by_the_addresses_in_their_certificate)
{
	static const char *const names[] = { "127.0.0.1", "2001:db8::1" };
	struct tls_config config = config_of(TLS_CLIENT, &client_cert);

	config.server_name = names[_i];
	tls_factory_destroy(factory[CLIENT]);
	factory[CLIENT] = make(&config);
	connect_ends();
	carry_all();
	expect_talk();
}
END_TEST

START_TEST(nothing_is_kept_for_resumption)
{
	use_version(versions[_i]);
	connect_ends();
	carry_all();
	expect_talk();
	ck_assert(!SSL_SESSION_is_resumable(SSL_get0_session(ssl_of(CLIENT))));
}
END_TEST

START_TEST(names_cannot_forge_a_word_or_a_line)
{
	const struct pki_wish wish = { .from_s = -60,
		.to_s = 86400,
		.alt_names =
			"URI:urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6,email:a@b.example" };
	struct pki_cert evil;

	pki_issue(&evil, "a\nb DNS:mf1%20\x7f", &ca, &wish);
	client_shows(&evil);
	connect_ends();
	carry_all();
	ck_assert_str_eq(tls_ops.peer(end[SERVER]),
		"CN=a%0Ab%20DNS:mf1%2520%7F URI:urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6 "
		"email:a@b.example");
	pki_free(&evil);
}
END_TEST

START_TEST(names_that_do_not_fit_are_left_out_whole)
{
	char names[2000] = "DNS:first.example";
	const struct pki_wish wish = { .from_s = -60, .to_s = 86400, .alt_names = names };
	struct pki_cert rich;
	const char *peer;

	for (int i = 0; i < 40; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names),
			",DNS:%02d.a-long-name.example", i);
	pki_issue(&rich, "rich", &ca, &wish);
	client_shows(&rich);
	connect_ends();
	carry_all();
	peer = tls_ops.peer(end[SERVER]);
	ck_assert(span_starts(SPAN_STR(peer), SPAN_LIT("CN=rich DNS:first.example DNS:00.")));
	ck_assert_uint_lt(strlen(peer), FILTER_TEXT_MAX);
	ck_assert_str_eq(peer + strlen(peer) - 8, ".example");
	pki_free(&rich);
}
END_TEST

/* ---- what is refused ---- */

static void expect_failed(int side, const char *why)
{
	uint8_t buf[16];

	ck_assert_int_eq(state_of(side), FILTER_FAILED);
	ck_assert_str_eq(tls_ops.failure(end[side]), why);
	ck_assert(!tls_ops.feed(end[side], SPAN_LIT("more")));
	ck_assert_uint_eq(tls_ops.read(end[side], buf, sizeof(buf)), 0);
	ck_assert_uint_eq(tls_ops.write(end[side], SPAN_LIT("more")), 0);
}

/* A TLS 1.3 client is through before the server has judged it, and hears of it when it reads. */
static void expect_told(const char *why)
{
	expect_text(CLIENT, "");
	ck_assert_int_eq(state_of(CLIENT), FILTER_FAILED);
	ck_assert_str_eq(tls_ops.failure(end[CLIENT]), why);
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
	factory[CLIENT] = make(&config);
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
	ck_assert_ptr_nonnull(end[SERVER] = tls_ops.create(factory[SERVER]));
	ck_assert(!tls_ops.feed(end[SERVER], SPAN_OF(wire)));
	ck_assert_int_eq(state_of(SERVER), FILTER_FAILED);
	if (no_tls[_i].why != NULL)
		ck_assert_str_eq(tls_ops.failure(end[SERVER]), no_tls[_i].why);
	ck_assert_str_ne(tls_ops.failure(end[SERVER]), "");
	ck_assert_uint_le(tls_ops.pending(end[SERVER]).len, 64);
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
	s = tls_ops.pending(end[CLIENT]);
	memcpy(record, s.p, s.len);
	record[s.len - 20] ^= 1;
	ck_assert(tls_ops.feed(end[SERVER], SPAN(record, s.len)));
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
	ck_assert_uint_le(tls_ops.pending(end[SERVER]).len, 131072);
}
END_TEST

START_TEST(handshake_message_without_end_is_cut_off)
{
	uint8_t record[5 + 8192] = { 0x16, 3, 1, 0x20, 0, 1, 0xff, 0xff, 0xff, 3, 3 };
	size_t fed = 0;

	ck_assert_ptr_nonnull(end[SERVER] = tls_ops.create(factory[SERVER]));
	while (fed < (1u << 20) && tls_ops.feed(end[SERVER], SPAN_OF(record)))
		fed += sizeof(record);
	ck_assert_uint_le(fed, 5 * sizeof(record));
	ck_assert_int_eq(state_of(SERVER), FILTER_FAILED);
}
END_TEST

/* ---- certificates that do not fit ---- */

static void expect_fault(const char *certificate, const char *key, const char *cas,
	enum tls_part part, const char *why)
{
	const struct tls_config config = {
		.certificate = SPAN_STR(certificate), .key = SPAN_STR(key), .ca = SPAN_STR(cas)
	};
	struct tls_fault fault;

	ck_assert_ptr_null(tls_factory_create(&config, &fault));
	ck_assert_int_eq(fault.part, part);
	ck_assert_str_eq(fault.why, why);
}

START_TEST(files_that_cannot_be_used_are_named_with_a_reason)
{
	const char *cert = server_cert.pem, *key = server_cert.key_pem, *auth = ca.pem;
	char *damaged = strdup(cert);

	memcpy(damaged + 60, "????", 4);
	expect_fault("", key, auth, TLS_CERTIFICATE, "the certificate is empty");
	expect_fault(key, key, auth, TLS_CERTIFICATE, "no PEM block CERTIFICATE in it");
	expect_fault(damaged, key, auth, TLS_CERTIFICATE, "the certificate is damaged");
	expect_fault(cert, "", auth, TLS_KEY, "the key is empty");
	expect_fault(cert, cert, auth, TLS_KEY, "no usable PEM block PRIVATE KEY in the key");
	expect_fault(cert, client_cert.key_pem, auth, TLS_KEY,
		"the key does not belong to the certificate");
	expect_fault(cert, key, "", TLS_CA, "the certificate is empty");
	expect_fault(cert, key, "authority\n", TLS_CA, "no PEM block CERTIFICATE in it");
	expect_fault(cert, key, damaged, TLS_CA, "the certificate is damaged");
	free(damaged);
}
END_TEST

START_TEST(certificate_that_has_expired_is_doubted_and_a_good_one_is_not)
{
	struct tls_config config = config_of(TLS_SERVER, &expired);
	struct filter_factory *f = make(&config);

	ck_assert_str_eq(tls_factory_doubt(f), "the certificate has expired");
	ck_assert_ptr_null(tls_factory_doubt(factory[SERVER]));
	tls_factory_destroy(f);
}
END_TEST

/* ---- memory ---- */

static bool scenario(void)
{
	struct tls_config config[2] = { config_of(TLS_SERVER, &server_cert),
		config_of(TLS_CLIENT, &client_cert) };
	struct filter_factory *f[2];
	struct tls_fault fault;
	bool is_good = true;

	for (int i = 0; i < 2; i++) {
		f[i] = tls_factory_create(&config[i], &fault);
		end[i] = f[i] != NULL ? f[i]->ops->create(f[i]) : NULL;
		is_good = is_good && end[i] != NULL;
	}
	if (is_good) {
		carry_all();
		tls_ops.write(end[CLIENT], SPAN_LIT("question\n"));
		carry_all();
		is_good = state_of(SERVER) == FILTER_OPEN && state_of(CLIENT) == FILTER_OPEN;
	}
	for (int i = 0; i < 2; i++) {
		tls_ops.destroy(end[i]);
		tls_factory_destroy(f[i]);
		end[i] = NULL;
	}
	return is_good;
}

START_TEST(every_failed_allocation_is_survived_and_nothing_leaks)
{
	long before = mem_live();
	unsigned long n;

	for (n = 1;; n++) {
		bool is_good;

		mem_fail_at(n);
		is_good = scenario();
		ck_assert_int_eq(mem_live(), before);
		if (!mem_failed()) {
			ck_assert(is_good);
			break;
		}
	}
	mem_fail_at(0);
	ck_assert_uint_gt(n, 5);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("dtls/stream");
	TCase *t = tcase_create("works"), *r = tcase_create("refused"),
	      *f = tcase_create("certificates");

	tcase_add_unchecked_fixture(t, make_authorities, free_authorities);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, both_versions_carry_text_both_ways_and_both_ends_are_named, 0, 2);
	tcase_add_test(t, newest_version_is_chosen_where_both_ends_leave_it_open);
	tcase_add_loop_test(t, bytes_may_come_one_by_one, 0, 2);
	tcase_add_loop_test(t, a_mebibyte_passes_and_no_more_than_a_record_waits, 0, 2);
	tcase_add_loop_test(t, an_end_that_says_no_more_may_still_listen, 0, 2);
	tcase_add_test(t, new_certificates_are_for_new_connections_and_old_ones_go_on);
	tcase_add_test(t, chain_and_authority_may_be_in_any_link);
	tcase_add_loop_test(t, servers_are_found_by_the_addresses_in_their_certificate, 0, 2);
	tcase_add_loop_test(t, nothing_is_kept_for_resumption, 0, 2);
	tcase_add_test(t, names_cannot_forge_a_word_or_a_line);
	tcase_add_test(t, names_that_do_not_fit_are_left_out_whole);
	suite_add_tcase(s, t);

	tcase_add_unchecked_fixture(r, make_authorities, free_authorities);
	tcase_add_checked_fixture(r, setup, teardown);
	tcase_add_loop_test(r, client_without_certificate_is_refused_and_told, 0, 2);
	tcase_add_loop_test(r, client_of_another_authority_is_refused_and_told, 0, 2);
	tcase_add_loop_test(r, client_whose_certificate_has_expired_is_refused_and_told, 0, 2);
	tcase_add_loop_test(r, server_of_another_authority_or_name_is_refused, 0, 3);
	tcase_add_loop_test(r, garbage_and_plain_text_are_refused_with_a_sentence, 0,
		sizeof(no_tls) / sizeof(*no_tls));
	tcase_add_loop_test(r, old_versions_and_suites_without_forward_secrecy_are_refused, 0, 2);
	tcase_add_loop_test(
		r, a_byte_changed_on_the_way_ends_the_connection_and_delivers_nothing, 0, 2);
	tcase_add_test(r, renegotiation_is_refused);
	tcase_add_test(r, peer_that_makes_us_talk_and_does_not_listen_costs_bounded_memory);
	tcase_add_test(r, handshake_message_without_end_is_cut_off);
	suite_add_tcase(s, r);

	tcase_add_unchecked_fixture(f, make_authorities, free_authorities);
	tcase_add_checked_fixture(f, setup, teardown);
	tcase_set_timeout(f, 60);
	tcase_add_test(f, files_that_cannot_be_used_are_named_with_a_reason);
	tcase_add_test(f, certificate_that_has_expired_is_doubted_and_a_good_one_is_not);
	tcase_add_test(f, every_failed_allocation_is_survived_and_nothing_leaks);
	suite_add_tcase(s, f);
	return s;
}

UNIT_MAIN(suite)
