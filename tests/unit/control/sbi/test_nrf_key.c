/* test_nrf_key.c: keys of access tokens, asked of NRFs. */
#include <openssl/x509.h>
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "tests/unit/control/sbi/nrf_play.h"
#include "tests/unit/control/sbi/token_forge.h"

static char *raw_key_answer(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	char *text = mem_alloc((size_t)len * 2), *body;

	EVP_EncodeBlock((unsigned char *)text, der, len);
	body = mem_printf("{\"rawPubKey\":\"%s\"}", text);
	OPENSSL_free(der);
	mem_free(text);
	return body;
}

START_TEST(a_key_is_asked_for_once_and_told)
{
	EVP_PKEY *key = forge_ec("P-256");
	struct nrf_key told;
	char *body = raw_key_answer(key), *pem = forge_pem(key);

	start(1);
	nrf_ask_key(n, now, ISS, "k1", "ES256");
	nrf_ask_key(n, now, ISS, "k1", "ES256");
	wants("POST", A "/oauth2/retrieve-key");
	ck_assert_str_eq(request.content_type, "application/json");
	ck_assert_str_eq(request.body, "{\"headerParameters\":{\"alg\":\"ES256\",\"kid\":\"k1\"},"
				       "\"issuer\":\"" ISS "\"}");
	nrf_ask_key(n, now, ISS, "k1", "ES256");
	is_idle();
	ck_assert(!nrf_next_key(n, &told));
	reply(200, body);
	ck_assert(nrf_next_key(n, &told));
	ck_assert_str_eq(told.issuer, ISS);
	ck_assert_str_eq(told.kid, "k1");
	ck_assert_str_eq(told.key.pem, pem);
	ck_assert(!nrf_next_key(n, &told));
	public_key_finish(&told.key);
	nrf_ask_key(n, now, ISS, "", "RS256");
	wants("POST", A "/oauth2/retrieve-key");
	ck_assert_str_eq(
		request.body, "{\"headerParameters\":{\"alg\":\"RS256\"},\"issuer\":\"" ISS "\"}");
	nrf_destroy(n);
	mem_free(body);
	mem_free(pem);
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(a_key_comes_as_a_certificate_in_a_part_of_its_own_too)
{
	static const char type[] =
		"multipart/related; type=\"application/json\"; boundary=\"-xx-\"";
	EVP_PKEY *key = forge_ec("P-256");
	unsigned char *der = NULL, *body;
	int len = i2d_PUBKEY(key, &der);
	char *pem = forge_pem(key), *head;
	struct nrf_key told;
	size_t total;

	head = mem_printf("\r\n---xx-\r\nContent-Type: application/json\r\n\r\n"
			  "{\"x509Cert\":{\"contentId\":\"c1\"}}\r\n---xx-\r\n"
			  "Content-Type: application/pkix-cert\r\nContent-ID: <c1>\r\n\r\n");
	total = strlen(head) + (size_t)len + 12;
	body = mem_alloc(total);
	memcpy(body, head, strlen(head));
	memcpy(body + strlen(head), der, (size_t)len);
	memcpy(body + strlen(head) + len, "\r\n---xx---\r\n", 12);
	start(1);
	for (size_t cut = 0; cut <= 12; cut += 12) {
		nrf_ask_key(n, now, ISS, "k1", "ES256");
		wants("POST", A "/oauth2/retrieve-key");
		reply_with(200, (struct nrf_reply){ .content_type = SPAN_LIT(type),
					.body = SPAN(body, total - cut) });
		ck_assert_int_eq(nrf_next_key(n, &told), cut == 0);
		if (cut != 0)
			break;
		ck_assert_str_eq(told.key.pem, pem);
		public_key_finish(&told.key);
	}
	nrf_destroy(n);
	mem_free(head);
	mem_free(body);
	mem_free(pem);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(keys_that_nobody_knows_make_room_for_one_that_somebody_knows)
{
	char kid[16];

	start(1);
	for (int i = 0; i < 16; i++) {
		snprintf(kid, sizeof(kid), "made up %d", i);
		nrf_ask_key(n, now, ISS, kid, "ES256");
		wants("POST", A "/oauth2/retrieve-key");
		reply(404, "");
	}
	nrf_ask_key(n, now, ISS, "genuine", "ES256");
	is_idle(); /* nor are the NRFs kept busy */
	wait_s(3);
	nrf_ask_key(n, now, ISS, "made up 0", "ES256");
	is_idle();
	nrf_ask_key(n, now, ISS, "genuine", "ES256");
	wants("POST", A "/oauth2/retrieve-key");
	ck_assert_ptr_nonnull(strstr(request.body, "genuine"));
	nrf_destroy(n);
}
END_TEST

START_TEST(where_no_nrf_knows_a_key_nobody_is_asked_again_at_once)
{
	start(2);
	nrf_ask_key(n, now, ISS, "k1", "ES256");
	wants("POST", A "/oauth2/retrieve-key");
	reply(404, "");
	wants("POST", B "/oauth2/retrieve-key");
	reply(200, "{\"rawPubKey\":\"AAAA\"}");
	is_idle();
	nrf_ask_key(n, now, ISS, "k1", "ES256");
	is_idle();
	nrf_ask_key(n, now, ISS, "k2", "ES256"); /* another one is another matter */
	wants("POST", A "/oauth2/retrieve-key");
	wait_s(30);
	nrf_ask_key(n, now, ISS, "k1", "ES256");
	wants("POST", A "/oauth2/retrieve-key");
	stop();
}
END_TEST

START_TEST(keys_that_are_asked_for_are_bounded)
{
	char kid[8];
	int asked = 0;

	start(1);
	for (int i = 0; i < 100; i++) {
		snprintf(kid, sizeof(kid), "%d", i);
		nrf_ask_key(n, now, ISS, kid, "ES256");
	}
	while (nrf_next_request(n, now, &request)) {
		reply(404, "");
		asked++;
	}
	ck_assert_int_eq(asked, 16);
	stop();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("nrf_key");
	TCase *tc = tcase_create("nrf_key");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_key_is_asked_for_once_and_told);
	tcase_add_test(tc, a_key_comes_as_a_certificate_in_a_part_of_its_own_too);
	tcase_add_test(tc, keys_that_nobody_knows_make_room_for_one_that_somebody_knows);
	tcase_add_test(tc, where_no_nrf_knows_a_key_nobody_is_asked_again_at_once);
	tcase_add_test(tc, keys_that_are_asked_for_are_bounded);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(make_suite)
