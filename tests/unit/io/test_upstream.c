/*
 * test_upstream.c: requests to a server that is good, slow, lying,
 * dead, or not the one it says it is.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/upstream.h"
#include "tests/unit/io/pki.h"
#include "tests/unit/io/raw_server.h"
#include "tests/unit/io/turn.h"
#include "tests/unit/main.h"

enum { CLIENTS = 8, TIMEOUT_MS = 150 };

/* One request as its caller sees it; its tag is its index. */
static struct client {
	slot_id id;
	unsigned heads, ends, writables;
	int status;
	int64_t length;
	char headers[4096], protection[64], failed[300];
	bool is_complete, timed_out;
	uint8_t body[64];
	uint64_t body_bytes;
	bool body_is_right; /* against raw_byte() */
	uint64_t room;      /* for so many bytes; then no more */
	bool cancel_at_head, cancel_at_body;
} client[CLIENTS];

static struct loop *loop;
static struct upstream *upstream;
static struct raw_server server;
static bool inside; /* upstream_start() and friends run */

static void on_head(void *arg, uint64_t tag, int status, const struct upstream_header *h,
	size_t count, int64_t length, const char *protection)
{
	struct client *c = &client[tag];

	ck_assert(!inside);
	c->heads++;
	c->status = status;
	c->length = length;
	snprintf(c->protection, sizeof(c->protection), "%s", protection);
	for (size_t i = 0; i < count; i++) {
		size_t have = strlen(c->headers);

		snprintf(c->headers + have, sizeof(c->headers) - have, "%.*s=%.*s\n",
			SPAN_FMT(h[i].name), SPAN_FMT(h[i].value));
	}
	if (c->cancel_at_head)
		upstream_cancel(upstream, c->id);
}

static bool on_body(void *arg, uint64_t tag, struct span bytes)
{
	struct client *c = &client[tag];

	ck_assert(!inside);
	ck_assert_uint_eq(c->heads, 1);
	if (c->cancel_at_body)
		upstream_cancel(upstream, c->id);
	if (bytes.len > c->room)
		return false;
	c->room -= bytes.len;
	for (size_t i = 0; i < bytes.len; i++, c->body_bytes++) {
		if (c->body_bytes < sizeof(c->body) - 1)
			c->body[c->body_bytes] = bytes.p[i];
		c->body_is_right &= bytes.p[i] == raw_byte(c->body_bytes);
	}
	return true;
}

static void on_end(void *arg, uint64_t tag, const char *failed, bool timed_out)
{
	struct client *c = &client[tag];

	ck_assert(!inside);
	c->ends++;
	c->is_complete = failed == NULL;
	c->timed_out = timed_out;
	if (failed != NULL)
		snprintf(c->failed, sizeof(c->failed), "%s", failed);
	ck_assert_uint_eq(upstream_write(upstream, c->id, SPAN_LIT("late")), 0);
}

static void on_writable(void *arg, uint64_t tag)
{
	client[tag].writables++;
}

static const char *describe(void *ssl)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s %s", SSL_get_version(ssl), SSL_get_cipher_name(ssl));
	return text;
}

static void setup(void)
{
	struct upstream_config config = {
		.connect_timeout_ms = TIMEOUT_MS,
		.response_timeout_ms = TIMEOUT_MS,
		.max_connections_per_host = 4,
		.describe_tls = describe,
		.head = on_head,
		.body = on_body,
		.end = on_end,
		.writable = on_writable,
	};

	memset(client, 0, sizeof(client));
	for (int i = 0; i < CLIENTS; i++) {
		client[i].room = UINT64_MAX;
		client[i].body_is_right = true;
	}
	loop = loop_create();
	upstream = upstream_create(loop, &config);
	raw_server_open(&server, loop, NULL);
}

static void teardown(void)
{
	upstream_destroy(upstream);
	raw_server_close(&server);
	loop_destroy(loop);
}

static bool has_ended(void *arg)
{
	return ((struct client *)arg)->ends > 0;
}

static struct client *begin(unsigned tag, struct upstream_request r, const char *url)
{
	r.tag = tag;
	r.url = url;
	if (r.method.len == 0)
		r.method = SPAN_LIT("GET");
	if (!addr_is_set(&r.connect))
		r.connect = server.at;
	inside = true;
	client[tag].id = upstream_start(upstream, &r);
	inside = false;
	return &client[tag];
}

static struct client *fetch_as(unsigned tag, struct upstream_request r, const char *url)
{
	struct client *c = begin(tag, r, url);

	ck_assert_uint_ne(c->id, 0);
	turn_until(loop, has_ended, c);
	turn_for(loop, 5);
	ck_assert_msg(c->ends == 1, "tag %u: %u ends, %s", tag, c->ends, c->failed);
	return c;
}

static struct client *fetch(const char *url)
{
	client[0] = (struct client){ .room = UINT64_MAX, .body_is_right = true };
	return fetch_as(0, (struct upstream_request){ 0 }, url);
}

static void check_failed(const struct client *c, const char *words)
{
	ck_assert_msg(!c->is_complete && strstr(c->failed, words) != NULL, "%s", c->failed);
}

/* ---- answers ---- */

START_TEST(answer_arrives_with_headers_length_and_body)
{
	struct client *c = fetch("http://dcsf.example/plain");

	ck_assert(c->is_complete);
	ck_assert_int_eq(c->status, 200);
	ck_assert_int_eq(c->length, 5);
	ck_assert_str_eq((char *)c->body, "hello");
	ck_assert_str_eq(c->protection, "none");
	ck_assert_str_eq(c->headers, "Content-Length=5\nETag=\"v1\"\nX-Empty=\n");
	ck_assert_ptr_nonnull(strstr(server.last_head, "GET /plain HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(server.last_head, "Host: dcsf.example\r\n"));
	ck_assert_ptr_null(strstr(server.last_head, "Accept"));
}
END_TEST

START_TEST(heads_of_every_kind_are_understood)
{
	static const struct {
		const char *url;
		int status;
		int64_t length;
		const char *body, *header;
	} cases[] = {
		{ "http://x/none", 204, -1, "", "" },
		{ "http://x/same", 304, 5, "", "ETag=\"v1\"\n" },
		{ "http://x/interim", 200, 2, "ok", "X-Final=1\n" },
		{ "http://x/chunked", 200, -1, "abcde", "" },
		{ "http://x/until-close", 200, -1, "all of it", "" },
		{ "http://x/folded", 200, 0, "", "X-Long=one two\n" },
		{ "http://x/moved", 302, 0, "", "Location=/plain\n" },
		{ "http://x/zipped", 200, 3, "raw", "Content-Encoding=gzip\n" },
		{ "http://x/unknown", 404, 0, "", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client *c = fetch(cases[i].url);

		ck_assert_msg(c->is_complete, "%s: %s", cases[i].url, c->failed);
		ck_assert_uint_eq(c->heads, 1);
		ck_assert_int_eq(c->status, cases[i].status);
		ck_assert_int_eq(c->length, cases[i].length);
		ck_assert_str_eq((char *)c->body, cases[i].body);
		ck_assert_msg(strstr(c->headers, cases[i].header) != NULL, "%s: %s", cases[i].url,
			c->headers);
	}
}
END_TEST

START_TEST(head_request_has_a_length_and_no_body)
{
	struct client *c = fetch_as(
		0, (struct upstream_request){ .method = SPAN_LIT("HEAD") }, "http://x/head");

	ck_assert(c->is_complete);
	ck_assert_int_eq(c->length, 1234);
	ck_assert_uint_eq(c->body_bytes, 0);
	ck_assert_ptr_nonnull(strstr(server.last_head, "HEAD /head"));
}
END_TEST

START_TEST(connection_is_used_again_and_a_dead_one_is_replaced)
{
	for (int i = 0; i < 5; i++)
		ck_assert(fetch("http://x/plain")->is_complete);
	ck_assert_uint_eq(server.connections, 1);
	/* the server closes after this one, which shows only when the next request is sent */
	ck_assert(fetch("http://x/last")->is_complete);
	ck_assert(fetch("http://x/plain")->is_complete);
	ck_assert_uint_eq(server.connections, 2);
}
END_TEST

START_TEST(requests_beyond_the_bound_wait_for_a_connection)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		begin(i, (struct upstream_request){ 0 }, "http://x/plain");
	for (unsigned i = 0; i < CLIENTS; i++) {
		turn_until(loop, has_ended, &client[i]);
		ck_assert_msg(client[i].is_complete, "%s", client[i].failed);
	}
	ck_assert_uint_le(server.connections, 4);
}
END_TEST

START_TEST(answer_waits_for_a_slow_reader_and_nobody_loses_patience_meanwhile)
{
	struct client *c = begin(0, (struct upstream_request){ 0 }, "http://x/big");

	c->room = 100000;
	turn_for(loop, 3 * TIMEOUT_MS);
	ck_assert_uint_eq(c->ends, 0);
	ck_assert_uint_le(c->body_bytes, 100000);
	ck_assert_uint_gt(c->body_bytes, 50000);
	for (int i = 0; i < 10; i++) {
		c->room = 50000;
		inside = true;
		upstream_resume(upstream, c->id);
		inside = false;
		turn_for(loop, 10);
	}
	ck_assert_uint_lt(c->body_bytes, RAW_BIG);
	c->room = UINT64_MAX;
	upstream_resume(upstream, c->id);
	turn_until(loop, has_ended, c);
	ck_assert(c->is_complete && c->body_is_right);
	ck_assert_uint_eq(c->body_bytes, RAW_BIG);
}
END_TEST

START_TEST(slow_reader_does_not_hold_up_others)
{
	client[0].room = 0;
	begin(0, (struct upstream_request){ 0 }, "http://x/big");
	turn_for(loop, 20);
	ck_assert(fetch_as(1, (struct upstream_request){ 0 }, "http://x/plain")->is_complete);
}
END_TEST

/* ---- request bodies ---- */

/*
 * Writes `total` bytes as room comes; -1 tells the length beforehand.
 * Returns what the first attempt took.
 */
static size_t upload(struct client *c, uint64_t total, uint64_t *at)
{
	static uint8_t block[1 << 20];
	size_t n = total - *at < sizeof(block) ? (size_t)(total - *at) : sizeof(block);
	size_t taken;

	for (size_t i = 0; i < n; i++)
		block[i] = raw_byte(*at + i);
	inside = true;
	taken = upstream_write(upstream, c->id, SPAN(block, n));
	inside = false;
	*at += taken;
	return taken;
}

static void check_upload(int64_t declared, uint64_t total)
{
	struct client *c;
	unsigned served = 0;
	uint64_t at = 0;

	client[0] = (struct client){ .room = UINT64_MAX, .body_is_right = true };
	c = begin(0,
		(struct upstream_request){ .method = SPAN_LIT("POST"), .body_length = declared },
		"http://x/count");
	upload(c, total, &at);
	ck_assert_uint_le(at, 65536);
	for (int i = 0; i < 2000 && at < total; i++) {
		turn_for(loop, 1);
		if (c->writables != served)
			upload(c, total, &at);
		served = c->writables;
	}
	ck_assert_uint_eq(at, total);
	upstream_finish(upstream, c->id);
	turn_until(loop, has_ended, c);
	ck_assert_msg(c->is_complete, "%s", c->failed);
	ck_assert_uint_eq(server.body_bytes, total);
	ck_assert(server.body_is_right);
}

START_TEST(bodies_of_known_and_unknown_length_stream_through_a_bounded_buffer)
{
	check_upload(1, 1);
	ck_assert_ptr_null(strstr(server.last_head, "Expect"));
	check_upload(3000000, 3000000);
	ck_assert_ptr_nonnull(strstr(server.last_head, "Content-Length: 3000000\r\n"));
	ck_assert_ptr_null(strstr(server.last_head, "Expect"));
	check_upload(-1, 700000);
	ck_assert_ptr_nonnull(strstr(server.last_head, "Transfer-Encoding: chunked\r\n"));
	check_upload(-1, 0);
}
END_TEST

START_TEST(server_that_does_not_read_stops_the_writer)
{
	struct client *c;
	uint64_t at = 0, before;

	server.stop_reading = true;
	c = begin(0, (struct upstream_request){ .method = SPAN_LIT("PUT"), .body_length = 1 << 28 },
		"http://x/count");
	/* until nothing moves for twenty rounds */
	for (int still = 0; still < 20; still++) {
		before = at;
		upload(c, 1 << 28, &at);
		turn_for(loop, 1);
		if (at != before)
			still = 0;
		ck_assert_uint_lt(at, 32 << 20); /* what kernels hold for a connection */
	}
	ck_assert_uint_eq(c->ends, 0);
	upstream_cancel(upstream, c->id);
}
END_TEST

START_TEST(body_that_comes_late_does_not_count_against_the_server)
{
	struct client *c =
		begin(0, (struct upstream_request){ .method = SPAN_LIT("POST"), .body_length = 10 },
			"http://x/count");
	uint64_t at = 0;

	turn_for(loop, 2 * TIMEOUT_MS);
	ck_assert_uint_eq(c->ends, 0);
	upload(c, 10, &at);
	ck_assert_uint_eq(at, 10);
	/* beyond what was declared */
	ck_assert_uint_eq(upstream_write(upstream, c->id, SPAN_LIT("x")), 0);
	turn_until(loop, has_ended, c);
	ck_assert(c->is_complete);
}
END_TEST

START_TEST(body_shorter_than_declared_fails_the_request)
{
	struct client *c =
		begin(0, (struct upstream_request){ .method = SPAN_LIT("POST"), .body_length = 10 },
			"http://x/count");
	uint64_t at = 0;

	upload(c, 5, &at);
	upstream_finish(upstream, c->id);
	turn_until(loop, has_ended, c);
	ck_assert(!c->is_complete);
}
END_TEST

START_TEST(methods_without_body_say_so_where_one_was_to_be_expected)
{
	fetch_as(0, (struct upstream_request){ .method = SPAN_LIT("POST") }, "http://x/plain");
	ck_assert_ptr_nonnull(strstr(server.last_head, "POST /plain"));
	ck_assert_ptr_nonnull(strstr(server.last_head, "Content-Length: 0\r\n"));
	fetch_as(1, (struct upstream_request){ .method = SPAN_LIT("DELETE") }, "http://x/plain");
	ck_assert_ptr_nonnull(strstr(server.last_head, "DELETE /plain"));
	ck_assert_ptr_null(strstr(server.last_head, "Content-Length"));
}
END_TEST

START_TEST(headers_pass_except_those_that_frame_the_message)
{
	const struct upstream_header headers[] = {
		{ SPAN_LIT("If-None-Match"), SPAN_LIT("\"v1\"") },
		{ SPAN_LIT("X-Empty"), SPAN_NONE },
		{ SPAN_LIT("Accept"), SPAN_LIT("text/html") },
		{ SPAN_LIT("Host"), SPAN_LIT("evil") },
		{ SPAN_LIT("content-length"), SPAN_LIT("77") },
		{ SPAN_LIT("Transfer-Encoding"), SPAN_LIT("chunked") },
	};

	fetch_as(0, (struct upstream_request){ .headers = headers, .header_count = 6 },
		"http://x:8080/plain?a=b&c=%20");
	ck_assert_ptr_nonnull(
		strstr(server.last_head, "GET /plain?a=b&c=%20 HTTP/1.1\r\nHost: x:8080\r\n"));
	ck_assert_ptr_nonnull(strstr(server.last_head, "If-None-Match: \"v1\"\r\n"));
	ck_assert_ptr_nonnull(strstr(server.last_head, "X-Empty:\r\n"));
	ck_assert_ptr_nonnull(strstr(server.last_head, "Accept: text/html\r\n"));
	ck_assert_ptr_null(strstr(server.last_head, "evil"));
	ck_assert_ptr_null(strstr(server.last_head, "77"));
	ck_assert_ptr_null(strstr(server.last_head, "chunked"));
}
END_TEST

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

	check_failed(c, "sent nothing for 150 ms");
	ck_assert(c->timed_out);
	ck_assert_uint_eq(c->heads, 0);
	c = fetch("http://x/stalled");
	check_failed(c, "sent nothing for 150 ms");
	ck_assert(c->timed_out);
	ck_assert_uint_eq(c->heads, 1);
	ck_assert_uint_eq(c->body_bytes, 5);
}
END_TEST

START_TEST(server_that_is_not_there_refuses_and_one_that_does_not_accept_times_out)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	struct upstream_request r = { 0 };
	struct client *c;
	int fd = socket(AF_INET, SOCK_STREAM, 0), fill[3];

	bind(fd, (struct sockaddr *)&in, len);
	getsockname(fd, (struct sockaddr *)&in, &len);
	addr_from_sockaddr((struct sockaddr *)&in, &r.connect);
	c = fetch_as(0, r, "http://x/plain");
	check_failed(c, "connect");
	ck_assert(!c->timed_out);
	/* a full backlog: the kernel lets further ones wait */
	listen(fd, 0);
	for (int i = 0; i < 3; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fill[i], (struct sockaddr *)&in, sizeof(in));
	}
	c = fetch_as(1, r, "http://x/plain");
	check_failed(c, "could not be connected within 150 ms");
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
	turn_for(loop, 50);
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
		struct upstream_config config = {
			.end = on_end, .head = on_head, .body = on_body, .writable = on_writable
		};
		struct upstream_request r = { .method = SPAN_LIT("POST"),
			.url = "http://x/plain",
			.connect = server.at,
			.headers = headers,
			.header_count = 1,
			.body_length = 3 };
		struct upstream *u;

		mem_fail_at(n);
		if ((u = upstream_create(loop, &config)) != NULL) {
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
	setup();
	pki_make(&ca, "test ca", NULL);
	pki_make(&other_ca, "other ca", NULL);
	pki_make(&server_cert, "dcsf.example", &ca);
	pki_make(&client_cert, "mf.example", &ca);
	setup_tls(NULL);
}

static void teardown_pki(void)
{
	teardown();
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
	check_failed(c, "could not be connected within 150 ms");
	ck_assert(c->timed_out);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io/upstream");
	TCase *a = tcase_create("answers"), *b = tcase_create("bodies"),
	      *f = tcase_create("failures"), *t = tcase_create("tls");

	tcase_add_checked_fixture(a, setup, teardown);
	tcase_add_test(a, answer_arrives_with_headers_length_and_body);
	tcase_add_test(a, heads_of_every_kind_are_understood);
	tcase_add_test(a, head_request_has_a_length_and_no_body);
	tcase_add_test(a, connection_is_used_again_and_a_dead_one_is_replaced);
	tcase_add_test(a, requests_beyond_the_bound_wait_for_a_connection);
	tcase_add_test(a, answer_waits_for_a_slow_reader_and_nobody_loses_patience_meanwhile);
	tcase_add_test(a, slow_reader_does_not_hold_up_others);
	suite_add_tcase(s, a);
	tcase_add_checked_fixture(b, setup, teardown);
	tcase_add_test(b, bodies_of_known_and_unknown_length_stream_through_a_bounded_buffer);
	tcase_add_test(b, server_that_does_not_read_stops_the_writer);
	tcase_add_test(b, body_that_comes_late_does_not_count_against_the_server);
	tcase_add_test(b, body_shorter_than_declared_fails_the_request);
	tcase_add_test(b, methods_without_body_say_so_where_one_was_to_be_expected);
	tcase_add_test(b, headers_pass_except_those_that_frame_the_message);
	suite_add_tcase(s, b);
	tcase_add_checked_fixture(f, setup, teardown);
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
