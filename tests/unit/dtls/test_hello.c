/*
 * test_hello.c: hellos of strangers, one by one and as a client that
 * goes through the whole exchange.
 */
#include "dtls/hello.h"

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dtls/client_hello.h"
#include "sim.h"
#include "tests/unit/main.h"

static const struct path *home(void)
{
	static struct path p = { .port = 1 };

	addr_parse(SPAN_LIT("192.0.2.1:5000"), &p.local);
	addr_parse(SPAN_LIT("198.51.100.7:40000"), &p.remote);
	return &p;
}

/* A hello of 200 bytes, of which the first `first` bytes come in this datagram. */
struct hello {
	uint64_t record_seq;
	uint16_t message;
	uint8_t random;
	struct span cookie;
	size_t first;
};

static struct span make(const struct hello *h)
{
	static uint8_t bytes[300];
	uint8_t body[200] = { 0 };
	struct wr b = WR(body, sizeof(body)), w = WR(bytes, sizeof(bytes));
	struct record rec = { .type = RECORD_HANDSHAKE, .version = DTLS_1_0, .seq = h->record_seq };
	struct fragment f = {
		.type = HANDSHAKE_CLIENT_HELLO, .message = h->message, .length = sizeof(body)
	};

	wr_u16(&b, DTLS_1_2);
	for (int i = 0; i < HELLO_RANDOM; i++)
		wr_u8(&b, h->random);
	wr_u8(&b, 0);
	wr_u8(&b, (uint8_t)h->cookie.len);
	wr_span(&b, h->cookie);
	f.body = SPAN(body, h->first ? h->first : sizeof(body));
	rec.body.len = FRAGMENT_HEADER + f.body.len;
	record_write_header(&w, &rec);
	fragment_write_header(&w, &f);
	wr_span(&w, f.body);
	return SPAN(bytes, w.len);
}

static uint8_t reply[HELLO_REPLY_MAX];
static size_t reply_len;

static enum hello_verdict screen(
	struct hello_keys *k, int64_t at_s, const struct path *path, struct hello h)
{
	return hello_screen(k, (tick_t){ TICK_S(at_s) }, path, make(&h), reply, &reply_len);
}

/* The cookie in the last reply. */
static struct span challenge(void)
{
	static uint8_t cookie[HELLO_REPLY_MAX];

	ck_assert_uint_eq(reply_len, RECORD_HEADER + FRAGMENT_HEADER + 3 + 16);
	memcpy(cookie, reply + RECORD_HEADER + FRAGMENT_HEADER + 3, 16);
	return SPAN(cookie, 16);
}

START_TEST(a_hello_is_challenged_and_its_cookie_proves)
{
	struct hello_keys k;
	int64_t sent = counter_value[CNT_dtls_hello_verify_total];

	hello_keys_init(&k, (tick_t){ 0 });
	ck_assert_int_eq(screen(&k, 1, home(), (struct hello){ 0 }), HELLO_CHALLENGED);
	ck_assert_int_eq(
		screen(&k, 2, home(), (struct hello){ .message = 1, .cookie = challenge() }),
		HELLO_PROVEN);
	ck_assert_uint_eq(reply_len, 0);
	ck_assert_int_eq(counter_value[CNT_dtls_hello_verify_total], sent + 1);
}
END_TEST

START_TEST(a_challenge_is_a_hello_verify_request_with_the_numbers_of_its_hello)
{
	struct hello_keys k;
	struct rd r;
	struct record rec;
	struct fragment f;

	hello_keys_init(&k, (tick_t){ 0 });
	screen(&k, 1, home(), (struct hello){ .record_seq = 7, .message = 1 });
	r = RD(SPAN(reply, reply_len));
	ck_assert(record_read(&r, &rec));
	ck_assert_uint_eq(r.rest.len, 0);
	ck_assert_int_eq(rec.type, RECORD_HANDSHAKE);
	ck_assert_int_eq(rec.version, DTLS_1_0);
	ck_assert_int_eq(rec.epoch, 0);
	ck_assert_uint_eq(rec.seq, 7);
	r = RD(rec.body);
	ck_assert(fragment_read(&r, &f));
	ck_assert_int_eq(f.type, HANDSHAKE_HELLO_VERIFY_REQUEST);
	ck_assert_int_eq(f.message, 1);
	ck_assert_uint_eq(f.body.len, f.length);
}
END_TEST

START_TEST(a_cookie_is_worth_nothing_elsewhere)
{
	struct hello_keys k;
	struct span cookie;
	struct path other;
	int64_t bad;

	hello_keys_init(&k, (tick_t){ 0 });
	screen(&k, 1, home(), (struct hello){ 0 });
	cookie = challenge();
	bad = counter_value[CNT_dtls_cookie_bad_total];
	for (int i = 0; i < 5; i++) {
		struct hello h = { .message = 1, .cookie = cookie, .random = i == 4 };

		other = *home();
		other.remote.port += i == 0;
		other.remote.ip[3] += i == 1;
		other.local.port += i == 2;
		other.local.ip[3] += i == 3;
		ck_assert_int_eq(screen(&k, 1, &other, h), HELLO_CHALLENGED);
	}
	ck_assert_int_eq(counter_value[CNT_dtls_cookie_bad_total], bad + 5);
	ck_assert_int_eq(screen(&k, 1, home(), (struct hello){ .cookie = cookie }), HELLO_PROVEN);
}
END_TEST

START_TEST(a_changed_cookie_is_refused)
{
	struct hello_keys k;
	uint8_t cookie[40] = { 0 };

	hello_keys_init(&k, (tick_t){ 0 });
	screen(&k, 1, home(), (struct hello){ 0 });
	memcpy(cookie, challenge().p, 16);
	for (size_t len = 1; len <= sizeof(cookie); len++) {
		struct hello h = { .message = 1, .cookie = SPAN(cookie, len) };

		ck_assert_int_eq(
			screen(&k, 1, home(), h), len == 16 ? HELLO_PROVEN : HELLO_CHALLENGED);
	}
	for (int bit = 0; bit < 128; bit++) {
		struct hello h = { .message = 1, .cookie = SPAN(cookie, 16) };

		cookie[bit / 8] ^= 1 << bit % 8;
		ck_assert_int_eq(screen(&k, 1, home(), h), HELLO_CHALLENGED);
		cookie[bit / 8] ^= 1 << bit % 8;
	}
}
END_TEST

START_TEST(a_cookie_lives_through_one_rotation_and_no_second)
{
	static const struct {
		int64_t made, shown;
		enum hello_verdict verdict;
	} lives[] = {
		{ 0, 59, HELLO_PROVEN },
		{ 59, 61, HELLO_PROVEN },
		{ 0, 119, HELLO_PROVEN },
		{ 0, 120, HELLO_CHALLENGED },
		{ 59, 121, HELLO_CHALLENGED },
		{ 0, 5000, HELLO_CHALLENGED },
	};

	for (size_t i = 0; i < sizeof(lives) / sizeof(*lives); i++) {
		struct hello_keys k;
		struct hello h = { 0 };

		hello_keys_init(&k, (tick_t){ 0 });
		ck_assert_int_eq(screen(&k, lives[i].made, home(), h), HELLO_CHALLENGED);
		h.message = 1;
		h.cookie = challenge();
		ck_assert_int_eq(screen(&k, lives[i].shown, home(), h), lives[i].verdict);
		if (lives[i].verdict == HELLO_CHALLENGED) { /* and the new one is good */
			h.cookie = challenge();
			ck_assert_int_eq(screen(&k, lives[i].shown, home(), h), HELLO_PROVEN);
		}
	}
}
END_TEST

START_TEST(the_first_fragment_proves_and_a_later_one_is_told_apart)
{
	struct hello_keys k;
	struct hello h = { .message = 1, .first = 60 };
	struct span later;

	hello_keys_init(&k, (tick_t){ 0 });
	screen(&k, 1, home(), (struct hello){ 0 });
	h.cookie = challenge();
	ck_assert_int_eq(screen(&k, 1, home(), h), HELLO_PROVEN);
	h.first = 51; /* breaks off in its cookie */
	ck_assert_int_eq(screen(&k, 1, home(), h), HELLO_MALFORMED);
	h.first = 60;
	later = make(&h);
	((uint8_t *)(uintptr_t)later.p)[RECORD_HEADER + 8] = 60; /* fragment_offset */
	ck_assert_int_eq(hello_screen(&k, (tick_t){ TICK_S(1) }, home(), later, reply, &reply_len),
		HELLO_LATER_PART);
	ck_assert_uint_eq(reply_len, 0);
}
END_TEST

START_TEST(whatever_is_no_hello_gets_no_answer)
{
	struct hello_keys k;
	struct hello h = { 0 };
	struct span whole;
	uint8_t bytes[300];
	int64_t malformed = counter_value[CNT_dtls_malformed_total];

	hello_keys_init(&k, (tick_t){ 0 });
	whole = make(&h);
	for (size_t len = 0; len < whole.len; len++)
		ck_assert_int_eq(hello_screen(&k, (tick_t){ 0 }, home(), SPAN(whole.p, len), reply,
					 &reply_len),
			HELLO_MALFORMED);
	ck_assert_int_eq(counter_value[CNT_dtls_malformed_total], malformed + (int64_t)whole.len);

	memcpy(bytes, whole.p, whole.len);
	bytes[0] = RECORD_DATA;
	ck_assert_int_eq(
		hello_screen(&k, (tick_t){ 0 }, home(), SPAN(bytes, whole.len), reply, &reply_len),
		HELLO_NOT_ONE);
	bytes[0] = RECORD_HANDSHAKE;
	bytes[RECORD_EPOCH_AT + 1] = 1;
	ck_assert_int_eq(
		hello_screen(&k, (tick_t){ 0 }, home(), SPAN(bytes, whole.len), reply, &reply_len),
		HELLO_NOT_ONE);
	bytes[RECORD_EPOCH_AT + 1] = 0;
	bytes[RECORD_HEADER] = 2; /* server_hello */
	ck_assert_int_eq(
		hello_screen(&k, (tick_t){ 0 }, home(), SPAN(bytes, whole.len), reply, &reply_len),
		HELLO_NOT_ONE);
	ck_assert_int_eq(screen(&k, 0, home(), (struct hello){ .message = 5 }), HELLO_MALFORMED);
	ck_assert_uint_eq(reply_len, 0);
}
END_TEST

/* From here on OpenSSL is the client and goes through a gate. */

static int add_padding(SSL *ssl, unsigned type, unsigned context, const unsigned char **out,
	size_t *len, X509 *x509, size_t chain_index, int *alert, void *arg)
{
	static const unsigned char key_share[1216]; /* as long as a post-quantum one */

	*out = key_share;
	*len = sizeof(key_share);
	return 1;
}

static void client_and_gate(struct sim *s, bool is_long)
{
	sim_init(s);
	end_raw(s, CLIENT, true);
	if (is_long)
		SSL_CTX_add_custom_ext(s->end[CLIENT].raw_ctx, 65000, SSL_EXT_CLIENT_HELLO,
			add_padding, NULL, NULL, NULL, NULL);
	raw_open(s, CLIENT);
	end_gate(s, 1200);
}

static void expect_open(struct sim *s)
{
	ck_assert(sim_both_open(s));
	ck_assert_int_eq(dtls_send(s->end[SERVER].dtls, SPAN_LIT("hello")), ERR_OK);
	ck_assert_int_eq(SSL_write(s->end[CLIENT].raw, "hi", 2), 2);
	sim_run(s, 1);
	ck_assert_uint_eq(s->end[CLIENT].bytes, 5);
	ck_assert_uint_eq(s->end[SERVER].bytes, 2);
	sim_finish(s);
}

START_TEST(openssl_passes_the_gate)
{
	struct sim s;

	client_and_gate(&s, false);
	sim_run(&s, 1);
	ck_assert_uint_eq(s.hello_verify, 1);
	expect_open(&s);
}
END_TEST

/*
 * What went by: the record number of the first hello that carried a cookie, of the
 * first ServerHello, of the last challenge.
 */
static struct {
	uint64_t proven, server_hello, challenge;
	unsigned server_hellos, hellos;
} seen;

static void watch(int from, struct span dgram)
{
	struct rd r = RD(dgram), body;
	struct record rec;
	struct fragment f;

	if (!record_read(&r, &rec) || rec.type != RECORD_HANDSHAKE || rec.epoch != 0)
		return;
	body = RD(rec.body);
	if (!fragment_read(&body, &f) || f.offset > 0)
		return;
	if (from == CLIENT && f.type == HANDSHAKE_CLIENT_HELLO)
		seen.hellos++;
	if (from == CLIENT && f.type == HANDSHAKE_CLIENT_HELLO && f.message > 0 && seen.proven == 0)
		seen.proven = rec.seq;
	if (from == SERVER && f.type == HANDSHAKE_HELLO_VERIFY_REQUEST)
		seen.challenge = rec.seq;
	if (from == SERVER && f.type == 2 && seen.server_hellos++ == 0)
		seen.server_hello = rec.seq;
}

static bool watch_only(struct sim *s, int from, struct span dgram)
{
	watch(from, dgram);
	return true;
}

/*
 * All challenges arrive four seconds after the beginning; by then OpenSSL has
 * repeated its hello after 1 s and 3 s.
 */
static bool hold_challenges(struct sim *s, int from, struct span dgram)
{
	bool is_challenge = dgram.p[RECORD_HEADER] == HANDSHAKE_HELLO_VERIFY_REQUEST;

	watch(from, dgram);
	s->wire.delay_us =
		is_challenge && s->now.us < TICK_S(4) ? TICK_S(4) - s->now.us : TICK_MS(10);
	return true;
}

START_TEST(a_client_challenged_many_times_still_takes_the_server_hello)
{
	struct sim s;

	memset(&seen, 0, sizeof(seen));
	client_and_gate(&s, false);
	s.wire.tap = hold_challenges;
	sim_run(&s, 10);
	ck_assert_uint_eq(s.hello_verify, 3);
	ck_assert_uint_eq(seen.challenge, 2);
	ck_assert_uint_eq(seen.proven, 3);
	ck_assert_uint_eq(seen.server_hello, 3);  /* RFC 6347 4.2.1 */
	ck_assert_uint_eq(seen.server_hellos, 1); /* and it was taken */
	s.wire.tap = NULL;
	expect_open(&s);
}
END_TEST

START_TEST(a_hello_of_two_datagrams_passes_the_gate)
{
	struct sim s;

	memset(&seen, 0, sizeof(seen));
	client_and_gate(&s, true);
	s.wire.tap = watch_only;
	sim_run(&s, 1);
	ck_assert_uint_eq(seen.hellos, 2);
	ck_assert_uint_eq(s.hello_verify, 1);
	ck_assert_uint_gt(s.largest[CLIENT], 1200);
	s.wire.tap = NULL;
	expect_open(&s);
}
END_TEST

START_TEST(fragments_that_overtake_or_get_lost_only_cost_time)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct sim s;

		client_and_gate(&s, true);
		SSL_set_mtu(s.end[CLIENT].raw, seed % 2 ? 400 : 1400);
		s.wire.seed = seed;
		s.wire.jitter_us = TICK_MS(50);
		s.wire.loss_percent = seed % 3 ? 0 : 20;
		sim_run(&s, 60);
		s.wire.loss_percent = 0;
		s.wire.jitter_us = 0;
		expect_open(&s);
	}
}
END_TEST

/*
 * Lets only the first fragment of the proven hello through; then the client cuts its
 * hello in other places, as Firefox does.
 */
static bool swallow_later_fragment(struct sim *s, int from, struct span dgram)
{
	bool is_later = from == CLIENT && dgram.p[RECORD_HEADER] == HANDSHAKE_CLIENT_HELLO &&
			s->end[SERVER].dtls != NULL;

	watch(from, dgram);
	if (from == CLIENT && seen.hellos > 2)
		SSL_set_mtu(s->end[CLIENT].raw, 500);
	return !is_later || seen.hellos > 2;
}

START_TEST(fragments_may_be_cut_elsewhere_when_they_are_repeated)
{
	struct sim s;

	memset(&seen, 0, sizeof(seen));
	client_and_gate(&s, true);
	s.wire.tap = swallow_later_fragment;
	sim_run(&s, 10);
	s.wire.tap = NULL;
	expect_open(&s);
}
END_TEST

/* Just before the first hello with a cookie arrives the keys are others. */
static bool change_keys_once(struct sim *s, int from, struct span dgram)
{
	struct client_hello h;

	if (from == CLIENT && client_hello_read(dgram, &h) == CLIENT_HELLO_FIRST && h.message == 1)
		hello_keys_init(&s->end[SERVER].keys, s->now);
	return true;
}

START_TEST(a_client_whose_cookie_grew_old_is_challenged_again_and_passes)
{
	struct sim s;

	client_and_gate(&s, false);
	s.wire.tap = change_keys_once;
	sim_run(&s, 5);
	ck_assert_uint_eq(s.hello_verify, 2);
	s.wire.tap = NULL;
	expect_open(&s);
}
END_TEST

/* The first connection for a proven hello finds no memory. */
static bool run_out_of_memory_once(struct sim *s, int from, struct span dgram)
{
	struct client_hello h;

	if (from == CLIENT && client_hello_read(dgram, &h) == CLIENT_HELLO_FIRST &&
		h.message == 1 && !mem_failed())
		mem_fail_at(1);
	return true;
}

START_TEST(a_client_that_met_a_lack_of_memory_passes_when_it_comes_again)
{
	struct sim s;

	mem_fail_at(0);
	client_and_gate(&s, true);
	s.wire.tap = run_out_of_memory_once;
	sim_run(&s, 5);
	ck_assert(mem_failed());
	mem_fail_at(0);
	s.wire.tap = NULL;
	expect_open(&s);
	ck_assert_int_eq(counter_value[CNT_dtls_connections], 0);
}
END_TEST

START_TEST(a_connection_made_for_a_proven_hello_takes_nothing_else_first)
{
	struct sim s;
	struct dtls *d;
	uint8_t junk[64] = { 22, 0xfe, 0xfd };
	struct hello h = { .message = 1, .first = 60 };
	struct span later;

	client_and_gate(&s, false);
	d = dtls_create(&s.end[SERVER].config);
	dtls_input(d, s.now, SPAN_OF(junk));
	later = make(&h);
	((uint8_t *)(uintptr_t)later.p)[RECORD_HEADER + 8] = 60;
	dtls_input(d, s.now, later);
	dtls_input(d, s.now, SPAN_NONE);
	ck_assert_int_eq(dtls_state(d), DTLS_HANDSHAKING);
	ck_assert_uint_eq(s.sent, 0);
	dtls_destroy(d);
	sim_run(&s, 1);
	expect_open(&s);
}
END_TEST

/* As where ICE proved the path, but the client met a challenge before. */
START_TEST(a_connection_that_asks_for_no_cookie_takes_a_hello_that_shows_one)
{
	struct sim s;

	client_and_gate(&s, true);
	s.end[SERVER].config.cookie_shown = false;
	sim_run(&s, 5);
	expect_open(&s);
}
END_TEST

START_TEST(fragments_may_overtake_where_no_cookie_is_asked_for)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct sim s;

		client_and_gate(&s, true);
		SSL_set_mtu(s.end[CLIENT].raw, seed % 2 ? 400 : 1400);
		s.end[SERVER].config.cookie_shown = false;
		s.end[SERVER].dtls = dtls_create(&s.end[SERVER].config);
		s.wire.seed = seed;
		s.wire.jitter_us = TICK_MS(50);
		sim_run(&s, 60);
		s.wire.jitter_us = 0;
		expect_open(&s);
	}
}
END_TEST

START_TEST(an_alert_before_any_hello_changes_nothing)
{
	static const uint8_t alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40 };
	struct sim s;

	client_and_gate(&s, false);
	s.end[SERVER].config.cookie_shown = false;
	s.end[SERVER].dtls = dtls_create(&s.end[SERVER].config);
	dtls_input(s.end[SERVER].dtls, s.now, SPAN_OF(alert));
	ck_assert_int_eq(dtls_state(s.end[SERVER].dtls), DTLS_HANDSHAKING);
	sim_run(&s, 1);
	expect_open(&s);
}
END_TEST

static Suite *hello_suite(void)
{
	Suite *suite = suite_create("dtls/hello");
	TCase *c = tcase_create("hello");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_hello_is_challenged_and_its_cookie_proves);
	tcase_add_test(c, a_challenge_is_a_hello_verify_request_with_the_numbers_of_its_hello);
	tcase_add_test(c, a_cookie_is_worth_nothing_elsewhere);
	tcase_add_test(c, a_changed_cookie_is_refused);
	tcase_add_test(c, a_cookie_lives_through_one_rotation_and_no_second);
	tcase_add_test(c, the_first_fragment_proves_and_a_later_one_is_told_apart);
	tcase_add_test(c, whatever_is_no_hello_gets_no_answer);
	tcase_add_test(c, openssl_passes_the_gate);
	tcase_add_test(c, a_client_challenged_many_times_still_takes_the_server_hello);
	tcase_add_test(c, a_hello_of_two_datagrams_passes_the_gate);
	tcase_add_test(c, fragments_that_overtake_or_get_lost_only_cost_time);
	tcase_add_test(c, fragments_may_be_cut_elsewhere_when_they_are_repeated);
	tcase_add_test(c, a_client_whose_cookie_grew_old_is_challenged_again_and_passes);
	tcase_add_test(c, a_client_that_met_a_lack_of_memory_passes_when_it_comes_again);
	tcase_add_test(c, a_connection_made_for_a_proven_hello_takes_nothing_else_first);
	tcase_add_test(c, a_connection_that_asks_for_no_cookie_takes_a_hello_that_shows_one);
	tcase_add_test(c, fragments_may_overtake_where_no_cookie_is_asked_for);
	tcase_add_test(c, an_alert_before_any_hello_changes_nothing);
	tcase_add_unchecked_fixture(c, NULL, sim_ctx_free);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(hello_suite)
