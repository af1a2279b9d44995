/* test_upstream_failure.c: requests and servers that fail, and whom an upstream trusts. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "tests/unit/io/fetcher.h"
#include "tests/unit/io/loopback.h"
#include "tests/unit/io/pki.h"
#include "tests/unit/main.h"

/* ---- refusals and failures ---- */

START_TEST(requests_that_cannot_be_are_refused_at_once)
{
	const struct upstream_header split[] = { { SPAN_LIT("X"), SPAN_LIT("a\r\nHost: b") } };
	struct upstream_request r = { .headers = split, .header_count = 1 };

	ck_assert_uint_eq(begin(0, r, "http://x/plain")->id, 0);
	r = (struct upstream_request){ .method = SPAN_LIT("CONNECT") };
	ck_assert_uint_eq(begin(0, r, "http://x/plain")->id, 0);
	r = (struct upstream_request){ .method = SPAN_LIT("G T") };
	ck_assert_uint_eq(begin(0, r, "http://x/plain")->id, 0);
	turn_for(loop, 5);
	ck_assert_uint_eq(client[0].ends, 0);
}
END_TEST

START_TEST(files_and_user_names_in_urls_fail)
{
	static const char *const urls[] = { "file:///etc/passwd", "ftp://x/",
		"http://user:pw@x/plain" };

	for (size_t i = 0; i < 3; i++) {
		struct client *c = &client[i];

		if (begin((unsigned)i, (struct upstream_request){ 0 }, urls[i])->id == 0)
			continue;
		turn_until(loop, has_ended, c);
		ck_assert_msg(!c->is_complete, "%s", urls[i]);
	}
	ck_assert_uint_eq(server.connections, 0);
}
END_TEST

START_TEST(lying_servers_are_found_out)
{
	static const char *const urls[] = { "http://x/too-short", "http://x/cut-chunk",
		"http://x/two-lengths", "http://x/bad-length", "http://x/garbage", "http://x/gone",
		"http://x/huge-head" };

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct client *c = fetch(urls[i]);

		ck_assert_msg(!c->is_complete, "%s", urls[i]);
		ck_assert_msg(!c->timed_out && c->failed[0] != '\0', "%s", urls[i]);
	}
	check_failed(fetch("http://x/huge-head"), "too large");
	check_failed(fetch("http://x/two-lengths"), "Content-Length");
	check_failed(fetch("http://x/too-short"), "95 bytes");
}
END_TEST

START_TEST(silent_and_stalled_servers_time_out)
{
	struct client *c = fetch("http://x/silent");

	check_failed(c, "sent nothing for 1000 ms");
	ck_assert(c->timed_out);
	ck_assert_uint_eq(c->heads, 0);
	c = fetch("http://x/stalled");
	check_failed(c, "sent nothing for 1000 ms");
	ck_assert(c->timed_out);
	ck_assert_uint_eq(c->heads, 1);
	ck_assert_uint_eq(c->body_bytes, 5);
}
END_TEST

START_TEST(server_that_is_not_there_refuses_and_one_that_does_not_accept_times_out)
{
	struct upstream_request r = { 0 };
	struct sockaddr_storage ss;
	struct client *c;
	int fd = loopback_bind(SOCK_STREAM, &r.connect), fill[3];
	socklen_t len = addr_to_sockaddr(&r.connect, &ss);

	c = fetch_as(0, r, "http://x/plain");
	check_failed(c, "connect");
	ck_assert(!c->timed_out);
	/* a full backlog: the kernel lets further ones wait */
	listen(fd, 0);
	for (int i = 0; i < 3; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fill[i], (struct sockaddr *)&ss, len);
	}
	c = fetch_as(1, r, "http://x/plain");
	check_failed(c, "could not be connected within 1000 ms");
	ck_assert(c->timed_out);
	for (int i = 0; i < 3; i++)
		close(fill[i]);
	close(fd);
}
END_TEST

START_TEST(requests_that_never_get_a_connection_time_out)
{
	for (unsigned i = 0; i < 4; i++) {
		client[i].room = 0;
		begin(i, (struct upstream_request){ 0 }, "http://x/big");
	}
	check_failed(fetch_as(4, (struct upstream_request){ 0 }, "http://x/plain"),
		"no free connection");
	ck_assert(client[4].timed_out);
}
END_TEST

/* Both that are cancelled on the way have come as far as that. */
static bool were_cancelled(void *arg)
{
	(void)arg;
	return client[1].heads == 1 && client[2].body_bytes > 0;
}

START_TEST(cancelled_requests_call_back_no_more)
{
	struct client *at_once = begin(0, (struct upstream_request){ 0 }, "http://x/plain"),
		      *at_head, *at_body;

	inside = true;
	upstream_cancel(upstream, at_once->id);
	upstream_cancel(upstream, at_once->id);
	inside = false;
	client[1].cancel_at_head = client[2].cancel_at_body = true;
	at_head = begin(1, (struct upstream_request){ 0 }, "http://x/big");
	at_body = begin(2, (struct upstream_request){ 0 }, "http://x/big");
	turn_until(loop, were_cancelled, NULL);
	turn_for(loop, 20); /* whatever else might come */
	ck_assert_uint_eq(at_once->heads + at_once->ends, 0);
	ck_assert_uint_eq(at_head->heads, 1);
	ck_assert_uint_eq(at_head->body_bytes + at_head->ends, 0);
	ck_assert_uint_eq(at_body->ends, 0);
	ck_assert_uint_le(at_body->body_bytes, 16384);
	upstream_resume(upstream, at_body->id);
	upstream_finish(upstream, at_body->id);
	upstream_cancel(upstream, 0);
	ck_assert(fetch_as(3, (struct upstream_request){ 0 }, "http://x/plain")->is_complete);
}
END_TEST

START_TEST(destroying_with_requests_under_way_is_quiet)
{
	begin(0, (struct upstream_request){ 0 }, "http://x/silent");
	begin(1, (struct upstream_request){ .method = SPAN_LIT("POST"), .body_length = -1 },
		"http://x/count");
	turn_for(loop, 10);
	begin(2, (struct upstream_request){ 0 }, "http://x/plain");
	upstream_destroy(upstream);
	upstream = NULL;
	turn_for(loop, 10);
	ck_assert_uint_eq(client[0].ends + client[1].ends + client[2].ends, 0);
}
END_TEST

START_TEST(starting_survives_every_failed_allocation)
{
	const struct upstream_header headers[] = { { SPAN_LIT("A"), SPAN_LIT("b") } };
	long live = mem_live();

	for (unsigned long n = 1;; n++) {
		struct upstream_request r = { .method = SPAN_LIT("POST"),
			.url = "http://x/plain",
			.connect = server.at,
			.headers = headers,
			.header_count = 1,
			.body_length = 3 };
		struct upstream *u;

		mem_fail_at(n);
		if ((u = upstream_create(loop, &fetcher_config)) != NULL) {
			slot_id id = upstream_start(u, &r);

			upstream_write(u, id, SPAN_LIT("abc"));
		}
		upstream_destroy(u);
		if (!mem_failed())
			break;
		ck_assert_int_eq(mem_live(), live);
	}
	mem_fail_at(0);
}
END_TEST

/* ---- TLS ---- */

static struct pki_cert ca, other_ca, server_cert, client_cert;
static SSL_CTX *server_ctx;

static void setup_tls(const struct pki_cert *client_ca)
{
	raw_server_close(&server);
	server_ctx = pki_server(&server_cert, client_ca);
	raw_server_open(&server, loop, server_ctx);
}

static void setup_pki(void)
{
	fetcher_open();
	pki_make(&ca, "test ca", NULL);
	pki_make(&other_ca, "other ca", NULL);
	pki_make(&server_cert, "dcsf.example", &ca);
	pki_make(&client_cert, "mf.example", &ca);
	setup_tls(NULL);
}

static void teardown_pki(void)
{
	fetcher_close();
	SSL_CTX_free(server_ctx);
	pki_free(&ca);
	pki_free(&other_ca);
	pki_free(&server_cert);
	pki_free(&client_cert);
}

START_TEST(https_is_verified_and_described)
{
	struct upstream_tls tls = { .ca = ca.pem };
	struct client *c =
		fetch_as(0, (struct upstream_request){ .tls = &tls }, "https://dcsf.example/plain");

	ck_assert_msg(c->is_complete, "%s", c->failed);
	ck_assert_str_eq(c->protection, "TLSv1.3 TLS_AES_256_GCM_SHA384");
	/* and again, on the same connection */
	c = fetch_as(1, (struct upstream_request){ .tls = &tls }, "https://dcsf.example/plain");
	ck_assert_str_eq(c->protection, "TLSv1.3 TLS_AES_256_GCM_SHA384");
	ck_assert_uint_eq(server.connections, 1);
}
END_TEST

START_TEST(wrong_name_unknown_ca_and_no_ca_are_refused)
{
	struct upstream_tls tls = { .ca = ca.pem }, other = { .ca = other_ca.pem }, none = { 0 };

	check_failed(
		fetch_as(0, (struct upstream_request){ .tls = &tls }, "https://evil.example/plain"),
		"evil.example");
	check_failed(fetch_as(1, (struct upstream_request){ .tls = &other },
			     "https://dcsf.example/plain"),
		"certificate");
	check_failed(fetch_as(2, (struct upstream_request){ .tls = &none },
			     "https://dcsf.example/plain"),
		"CA");
	check_failed(
		fetch_as(3, (struct upstream_request){ 0 }, "HTTPS://dcsf.example/plain"), "CA");
	ck_assert_uint_eq(server.requests, 0);
	ck_assert_uint_eq(client[0].heads + client[1].heads + client[2].heads + client[3].heads, 0);
}
END_TEST

START_TEST(connection_of_one_trust_is_not_used_for_another)
{
	struct upstream_tls tls = { .ca = ca.pem }, other = { .ca = other_ca.pem };

	ck_assert(
		fetch_as(0, (struct upstream_request){ .tls = &tls }, "https://dcsf.example/plain")
			->is_complete);
	ck_assert(!fetch_as(
		1, (struct upstream_request){ .tls = &other }, "https://dcsf.example/plain")
			   ->is_complete);
}
END_TEST

START_TEST(client_certificate_is_shown_where_it_is_asked_for)
{
	struct upstream_tls with = {
		.ca = ca.pem, .certificate = client_cert.pem, .key = client_cert.key_pem
	};
	struct upstream_tls without = { .ca = ca.pem };
	struct client *c;

	SSL_CTX_free(server_ctx);
	setup_tls(&ca);
	c = fetch_as(0, (struct upstream_request){ .tls = &with }, "https://dcsf.example/plain");
	ck_assert_msg(c->is_complete, "%s", c->failed);
	ck_assert(!fetch_as(
		1, (struct upstream_request){ .tls = &without }, "https://dcsf.example/plain")
			   ->is_complete);
}
END_TEST

START_TEST(old_tls_is_refused)
{
	struct upstream_tls tls = { .ca = ca.pem };

	SSL_CTX_set_security_level(server_ctx, 0);
	SSL_CTX_set_max_proto_version(server_ctx, TLS1_1_VERSION);
	ck_assert(
		!fetch_as(0, (struct upstream_request){ .tls = &tls }, "https://dcsf.example/plain")
			 ->is_complete);
	SSL_CTX_set_max_proto_version(server_ctx, TLS1_2_VERSION);
	ck_assert_str_eq(
		fetch_as(1, (struct upstream_request){ .tls = &tls }, "https://dcsf.example/plain")
			->protection,
		"TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384");
}
END_TEST

START_TEST(https_that_never_shakes_hands_times_out_as_a_connection)
{
	struct upstream_tls tls = { .ca = ca.pem };
	struct client *c;

	raw_server_close(&server);
	raw_server_open(&server, loop, NULL); /* waits for a request head, politely */
	c = fetch_as(0, (struct upstream_request){ .tls = &tls }, "https://dcsf.example/plain");
	check_failed(c, "could not be connected within 1000 ms");
	ck_assert(c->timed_out);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io/upstream_failure");
	TCase *f = tcase_create("failures"), *t = tcase_create("tls");

	tcase_add_checked_fixture(f, fetcher_open, fetcher_close);
	tcase_add_test(f, requests_that_cannot_be_are_refused_at_once);
	tcase_add_test(f, files_and_user_names_in_urls_fail);
	tcase_add_test(f, lying_servers_are_found_out);
	tcase_add_test(f, silent_and_stalled_servers_time_out);
	tcase_add_test(f, server_that_is_not_there_refuses_and_one_that_does_not_accept_times_out);
	tcase_add_test(f, requests_that_never_get_a_connection_time_out);
	tcase_add_test(f, cancelled_requests_call_back_no_more);
	tcase_add_test(f, destroying_with_requests_under_way_is_quiet);
	tcase_add_test(f, starting_survives_every_failed_allocation);
	suite_add_tcase(s, f);
	tcase_add_checked_fixture(t, setup_pki, teardown_pki);
	tcase_add_test(t, https_is_verified_and_described);
	tcase_add_test(t, wrong_name_unknown_ca_and_no_ca_are_refused);
	tcase_add_test(t, connection_of_one_trust_is_not_used_for_another);
	tcase_add_test(t, client_certificate_is_shown_where_it_is_asked_for);
	tcase_add_test(t, old_tls_is_refused);
	tcase_add_test(t, https_that_never_shakes_hands_times_out_as_a_connection);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
