/* test_stream_toward.c: TLS as a stream filter: servers that a client is told to trust, one by one. */
#include "dcmf/base/alloc.h"
#include "dtls/cert_openssl.h"
#include "tests/unit/dtls/tls_pair.h"
#include "tests/unit/main.h"

static struct fingerprint pin[2];

static void pin_to(const struct pki_cert *c)
{
	ck_assert_int_eq(x509_fingerprint(c->x509, HASH_SHA384, &pin[1]), ERR_OK);
	pin[0] = pin[1];
	pin[0].md[0] ^= 1; /* the first of two does not fit */
}

static void server_is(const struct pki_cert *c)
{
	struct tls_config config = config_of(TLS_SERVER, c);

	tls_factory_destroy(factory[SERVER]);
	factory[SERVER] = make_factory(&config);
}

/* The client's factory from now on: made of one without a name, which is gone. */
static void call(const char *name, unsigned pins, bool with_ca, const struct pki_cert *shown)
{
	struct tls_config config = { .side = TLS_CLIENT };
	struct filter_factory *base;

	if (with_ca)
		config.ca = SPAN_STR(ca.pem);
	if (shown != NULL) {
		config.certificate = SPAN_STR(shown->pem);
		config.key = SPAN_STR(shown->key_pem);
	}
	base = make_factory(&config);
	tls_factory_destroy(factory[CLIENT]);
	factory[CLIENT] =
		tls_factory_toward(base, &(struct tls_server){ name, pins > 0 ? pin : NULL, pins });
	ck_assert_ptr_nonnull(factory[CLIENT]);
	tls_factory_destroy(base);
}

static void expect_refused(const char *why)
{
	connect_ends();
	carry_all();
	ck_assert_int_eq(state_of(CLIENT), FILTER_FAILED);
	ck_assert_str_eq(tls_ops.failure(tls_end[CLIENT]), why);
	ck_assert_int_ne(state_of(SERVER), FILTER_OPEN);
}

START_TEST(server_is_checked_by_the_name_that_was_called)
{
	call("127.0.0.1", 0, true, &client_cert);
	connect_ends();
	carry_all();
	expect_talk();
}
END_TEST

START_TEST(server_of_another_name_is_refused)
{
	call("as1.example", 0, true, &client_cert);
	expect_refused("the peer's certificate is refused: hostname mismatch");
}
END_TEST

START_TEST(server_of_no_authority_of_ours_is_refused)
{
	call("mf1.example", 0, false, &client_cert);
	expect_refused("the peer's certificate is refused: unable to get local issuer certificate");
}
END_TEST

START_TEST(fingerprint_stands_for_authority_and_name)
{
	pin_to(&stranger);
	server_is(&stranger);
	call("192.0.2.7", 2, _i == 1, &client_cert);
	connect_ends();
	carry_all();
	expect_talk();
}
END_TEST

START_TEST(other_certificate_is_refused_whoever_vouches_for_it)
{
	pin_to(&stranger);
	call("mf1.example", 2, true, &client_cert);
	expect_refused("the peer's certificate does not match the fingerprint");
}
END_TEST

START_TEST(weak_hash_proves_nothing)
{
	server_is(&stranger);
	ck_assert_int_eq(x509_fingerprint(stranger.x509, HASH_SHA1, &pin[0]), ERR_OK);
	call("mf1.example", 1, true, &client_cert);
	expect_refused("the peer's certificate does not match the fingerprint");
}
END_TEST

START_TEST(client_without_certificate_is_taken_where_none_is_asked_for_only)
{
	call("mf1.example", 0, true, NULL);
	connect_ends();
	if (_i == 0) {
		SSL_set_verify(ssl_of(SERVER), SSL_VERIFY_NONE, NULL);
		carry_all();
		ck_assert_int_eq(state_of(CLIENT), FILTER_OPEN);
	} else {
		carry_all();
		ck_assert_int_eq(state_of(SERVER), FILTER_FAILED);
		ck_assert_str_eq(
			tls_ops.failure(tls_end[SERVER]), "the peer showed no certificate");
	}
}
END_TEST

START_TEST(factory_without_a_name_calls_nobody)
{
	struct tls_config config = config_of(TLS_CLIENT, &client_cert);

	config.server_name = NULL;
	tls_factory_destroy(factory[CLIENT]);
	factory[CLIENT] = make_factory(&config);
	ck_assert_ptr_null(factory[CLIENT]->ops->create(factory[CLIENT]));
}
END_TEST

START_TEST(every_failed_allocation_is_survived)
{
	struct filter_factory *base = factory[CLIENT];

	pin_to(&server_cert);
	for (unsigned long n = 1;; n++) {
		struct filter_factory *f;
		struct filter *end = NULL;

		mem_fail_at(n);
		f = tls_factory_toward(base, &(struct tls_server){ "mf1.example", pin, 2 });
		if (f != NULL)
			end = f->ops->create(f);
		if (end != NULL)
			tls_ops.destroy(end);
		tls_factory_destroy(f);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("dtls/stream_toward");
	TCase *t = tcase_create("TLS");

	tcase_add_unchecked_fixture(t, make_authorities, free_authorities);
	tcase_add_checked_fixture(t, pair_setup, pair_teardown);
	tcase_add_test(t, server_is_checked_by_the_name_that_was_called);
	tcase_add_test(t, server_of_another_name_is_refused);
	tcase_add_test(t, server_of_no_authority_of_ours_is_refused);
	tcase_add_loop_test(t, fingerprint_stands_for_authority_and_name, 0, 2);
	tcase_add_test(t, other_certificate_is_refused_whoever_vouches_for_it);
	tcase_add_test(t, weak_hash_proves_nothing);
	tcase_add_loop_test(
		t, client_without_certificate_is_taken_where_none_is_asked_for_only, 0, 2);
	tcase_add_test(t, factory_without_a_name_calls_nobody);
	tcase_add_test(t, every_failed_allocation_is_survived);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
