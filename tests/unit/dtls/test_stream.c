/*
 * test_stream.c: TLS as a stream filter: what works, which
 * certificates may be used, and little memory.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "tests/unit/dtls/tls_pair.h"
#include "tests/unit/main.h"

/* ---- what works ---- */

START_TEST(both_versions_carry_text_both_ways_and_both_ends_are_named)
{
	use_version(versions[_i]);
	connect_ends();
	ck_assert_str_eq(tls_ops.peer(tls_end[SERVER]), "");
	ck_assert_uint_eq(tls_ops.write(tls_end[CLIENT], SPAN_LIT("too early")), 0);
	carry_all();
	ck_assert_int_eq(SSL_version(ssl_of(SERVER)), versions[_i]);
	expect_talk();
	ck_assert_str_eq(tls_ops.peer(tls_end[SERVER]), "CN=as1.example DNS:as1.example");
	ck_assert_str_eq(tls_ops.peer(tls_end[CLIENT]),
		"CN=mf1 DNS:mf1.example IP:127.0.0.1 IP:2001:db8:0:0:0:0:0:1");
	ck_assert_str_eq(tls_ops.failure(tls_end[SERVER]), "");
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
	carry_step = 1;
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
		size_t n = tls_ops.write(tls_end[SERVER], rest);

		ck_assert_uint_gt(n, 0);
		ck_assert_uint_le(n, FILTER_WRITE_MAX);
		rest = span_skip(rest, n);
		while (carry(SERVER))
			got += read_all(CLIENT, copy + got, sizeof(copy) - got);
	}
	ck_assert_uint_eq(got, sizeof(text));
	ck_assert_int_eq(memcmp(text, copy, sizeof(text)), 0);
	ck_assert_uint_le(carry_largest, FILTER_WRITE_MAX + 64);
}
END_TEST

START_TEST(an_end_that_says_no_more_may_still_listen)
{
	use_version(versions[_i]);
	connect_ends();
	carry_all();
	say(CLIENT, "last\n");
	tls_ops.close(tls_end[CLIENT]);
	tls_ops.close(tls_end[CLIENT]);
	ck_assert_uint_eq(tls_ops.write(tls_end[CLIENT], SPAN_LIT("after the last")), 0);
	carry_all();
	ck_assert_int_eq(state_of(SERVER), FILTER_OPEN);
	expect_text(SERVER, "last\n");
	ck_assert_int_eq(state_of(SERVER), FILTER_ENDED);
	say(SERVER, "understood\n");
	carry_all();
	expect_text(CLIENT, "understood\n");
	tls_ops.close(tls_end[SERVER]);
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
	factory[SERVER] = make_factory(&config);
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
	factory[CLIENT] = make_factory(&config);
	connect_ends();
	carry_all();
	expect_talk();
	ck_assert_str_eq(tls_ops.peer(tls_end[SERVER]), "CN=leaf.example DNS:leaf.example");
	tls_ops.destroy(tls_end[SERVER]);
	tls_ops.destroy(tls_end[CLIENT]);

	/* the one in between alone is named as authority */
	config = config_of(TLS_SERVER, &server_cert);
	config.ca = SPAN_STR(middle.pem);
	tls_factory_destroy(factory[SERVER]);
	factory[SERVER] = make_factory(&config);
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
	factory[CLIENT] = make_factory(&config);
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
	ck_assert_str_eq(tls_ops.peer(tls_end[SERVER]),
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
	peer = tls_ops.peer(tls_end[SERVER]);
	ck_assert(span_starts(SPAN_STR(peer), SPAN_LIT("CN=rich DNS:first.example DNS:00.")));
	ck_assert_uint_lt(strlen(peer), FILTER_TEXT_MAX);
	ck_assert_str_eq(peer + strlen(peer) - 8, ".example");
	pki_free(&rich);
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
	struct filter_factory *f = make_factory(&config);

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
		tls_end[i] = f[i] != NULL ? f[i]->ops->create(f[i]) : NULL;
		is_good = is_good && tls_end[i] != NULL;
	}
	if (is_good) {
		carry_all();
		tls_ops.write(tls_end[CLIENT], SPAN_LIT("question\n"));
		carry_all();
		is_good = state_of(SERVER) == FILTER_OPEN && state_of(CLIENT) == FILTER_OPEN;
	}
	for (int i = 0; i < 2; i++) {
		tls_ops.destroy(tls_end[i]);
		tls_factory_destroy(f[i]);
		tls_end[i] = NULL;
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

/* ---- the protocol inside ---- */

/* A client that names a protocol, or none, calls a server that speaks h2. */
static void call_h2_server(const char *protocol)
{
	struct tls_config server = config_of(TLS_SERVER, &server_cert),
			  client = config_of(TLS_CLIENT, &client_cert);

	server.protocol = "h2";
	client.protocol = protocol;
	tls_factory_destroy(factory[SERVER]);
	tls_factory_destroy(factory[CLIENT]);
	factory[SERVER] = make_factory(&server);
	factory[CLIENT] = make_factory(&client);
	connect_ends();
	carry_all();
}

START_TEST(a_client_that_names_our_protocol_or_none_is_served)
{
	call_h2_server(_i == 0 ? "h2" : NULL);
	expect_talk();
}
END_TEST

START_TEST(a_client_that_names_other_protocols_only_is_refused)
{
	call_h2_server("http/1.1");
	ck_assert_int_eq(state_of(SERVER), FILTER_FAILED);
	ck_assert_int_eq(state_of(CLIENT), FILTER_FAILED);
	ck_assert_str_eq(tls_end[SERVER]->ops->failure(tls_end[SERVER]),
		"the peer names other protocols only than ours");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("dtls/stream");
	TCase *t = tcase_create("works"), *f = tcase_create("certificates");

	tcase_add_unchecked_fixture(t, make_authorities, free_authorities);
	tcase_add_checked_fixture(t, pair_setup, pair_teardown);
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
	tcase_add_loop_test(t, a_client_that_names_our_protocol_or_none_is_served, 0, 2);
	tcase_add_test(t, a_client_that_names_other_protocols_only_is_refused);
	suite_add_tcase(s, t);

	tcase_add_unchecked_fixture(f, make_authorities, free_authorities);
	tcase_add_checked_fixture(f, pair_setup, pair_teardown);
	tcase_set_timeout(f, 60);
	tcase_add_test(f, files_that_cannot_be_used_are_named_with_a_reason);
	tcase_add_test(f, certificate_that_has_expired_is_doubted_and_a_good_one_is_not);
	tcase_add_test(f, every_failed_allocation_is_survived_and_nothing_leaks);
	suite_add_tcase(s, f);
	return s;
}

UNIT_MAIN(suite)
