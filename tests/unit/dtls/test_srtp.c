/* test_srtp.c: clients that say they could do SRTP, toward servers that insist on it and servers that do not care. */
#include "sim.h"
#include "tests/unit/main.h"

/* What a server that knows one profile took; NULL: nothing was offered. */
static const char *taken_by_server(bool client_offers)
{
	struct sim s;
	const SRTP_PROTECTION_PROFILE *taken;

	sim_init(&s);
	if (client_offers)
		ck_assert(dtls_ctx_offer_srtp(sim_ctx(CLIENT)));
	end_raw(&s, SERVER, true);
	ck_assert_int_eq(
		SSL_CTX_set_tlsext_use_srtp(s.end[SERVER].raw_ctx, "SRTP_AES128_CM_SHA1_80"), 0);
	end_ours(&s, CLIENT, 1200);
	raw_open(&s, SERVER);
	sim_run(&s, 2);
	ck_assert_int_eq(dtls_state(s.end[CLIENT].dtls), DTLS_OPEN);
	taken = SSL_get_selected_srtp_profile(s.end[SERVER].raw);
	sim_finish(&s);
	sim_ctx_free();
	return taken ? taken->name : NULL; /* of a table of OpenSSL's */
}

START_TEST(a_server_that_wants_srtp_finds_it_offered)
{
	ck_assert_str_eq(taken_by_server(true), "SRTP_AES128_CM_SHA1_80");
}
END_TEST

START_TEST(nothing_is_offered_unasked)
{
	ck_assert_ptr_null(taken_by_server(false));
}
END_TEST

START_TEST(a_server_that_knows_no_srtp_takes_the_client_as_any_other)
{
	struct sim s;

	sim_init(&s);
	ck_assert(dtls_ctx_offer_srtp(sim_ctx(CLIENT)));
	sim_pair(&s, 1200, true);
	sim_run(&s, 2);
	ck_assert(sim_both_open(&s));
	sim_finish(&s);
	sim_ctx_free();
}
END_TEST

static Suite *srtp_suite(void)
{
	Suite *suite = suite_create("dtls/srtp");
	TCase *c = tcase_create("srtp");

	tcase_add_test(c, a_server_that_wants_srtp_finds_it_offered);
	tcase_add_test(c, nothing_is_offered_unasked);
	tcase_add_test(c, a_server_that_knows_no_srtp_takes_the_client_as_any_other);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(srtp_suite)
