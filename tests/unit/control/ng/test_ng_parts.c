/* test_ng_parts.c: where messages end in a stream, which cookies are remembered, what flags say. */
#include <stdio.h>
#include <stdlib.h>

#include "control/json.h"
#include "control/ng/ng_cookies.h"
#include "control/ng/ng_flags.h"
#include "control/ng/ng_frame.h"
#include "dcmf/base/alloc.h"
#include "tests/unit/main.h"

/* ---- frames ----------------------------------------------------------------------------- */

/*
 * The messages of a stream that comes in pieces of `step` bytes, each in brackets; '!' where it is
 * lost.
 */
static const char *framed(const char *stream, size_t len, size_t step)
{
	static char out[1024];
	struct ng_frame f = { 0 };
	size_t taken = 0, at = 0;

	out[0] = '\0';
	for (size_t n = 0; n <= len; n = n == len ? len + 1 : n + step > len ? len : n + step) {
		struct span message;
		size_t used;
		enum ng_frame_end end;

		while ((end = ng_frame_next(&f, SPAN(stream + taken, n - taken), &message,
				&used)) == NG_FRAME_WHOLE) {
			at += (size_t)snprintf(
				out + at, sizeof(out) - at, "[%.*s]", SPAN_FMT(message));
			taken += used;
		}
		if (end == NG_FRAME_BAD) {
			strcat(out, "!");
			return out;
		}
	}
	return out;
}

static const struct {
	const char *stream, *framed;
} streams[] = {
	{ "", "" },
	{ "1 d7:command4:pinge", "[1 d7:command4:pinge]" },
	{ "1 d7:command4:pinge2 de\r\n3 d1:ai1e1:bl1:eee",
		"[1 d7:command4:pinge][2 de][3 d1:ai1e1:bl1:eee]" },
	{ "1 {\"a\":\"}\\\"}\"}\n2 {\"b\":[{}]}", "[1 {\"a\":\"}\\\"}\"}][2 {\"b\":[{}]}]" },
	{ "\n\n 1 de", "[1 de]" },
	{ "1 d7:comm", "" },
	{ "coo", "" },
	{ "1 x", "!" },
	{ "1  de", "!" },
	{ "1\nde", "!" },
	{ "1 d99999999:", "!" },
	{ "1 dx", "" },
	{ "1 dxxxxxxxxxxxxxxxx", "!" },
	{ "1 di11111111111111111111111111111e", "!" },
	{ "1 dlllllllllllllllllllllll", "!" },
	{ "1 de2 x", "[1 de]!" },
};

START_TEST(messages_end_where_their_dictionary_ends)
{
	const char *s = streams[_i].stream;

	for (size_t step = 1; step <= strlen(s) + 1; step++)
		ck_assert_str_eq(framed(s, strlen(s), step), streams[_i].framed);
}
END_TEST

START_TEST(a_message_without_an_end_is_given_up)
{
	size_t len = NG_MESSAGE_MAX + 2;
	char *stream = malloc(len);

	memset(stream, 'x', len);
	memcpy(stream, "1 {", 3);
	ck_assert_str_eq(framed(stream, len, 65536), "!");
	memset(stream, 'c', len);
	ck_assert_str_eq(framed(stream, NG_COOKIE_MAX + 1, 1), "!");
	memcpy(stream, "1 d330000:", 10);
	ck_assert_str_eq(framed(stream, 11, 11), "!");
	free(stream);
}
END_TEST

/* ---- cookies ---------------------------------------------------------------------------- */

static const tick_t start = { TICK_S(5) };

static enum ng_seen see(
	struct ng_cookies *cs, const char *cookie, const char *message, struct ng_cookie **c)
{
	return ng_cookies_see(cs, start, SPAN_LIT("me"), span_str(cookie), span_str(message), c);
}

START_TEST(a_cookie_is_new_under_way_answered_and_forgotten)
{
	struct ng_cookies *cs = ng_cookies_create();
	struct ng_cookie *c, *again;

	ck_assert_int_eq(see(cs, "1", "ping", &c), NG_NEW);
	ck_assert_int_eq(see(cs, "1", "ping", &again), NG_UNDER_WAY);
	ck_assert_int_eq(see(cs, "1", "pong", &again), NG_REPLAYED);
	ng_cookies_answered(cs, start, c, SPAN_LIT("answer"));
	ck_assert_int_eq(see(cs, "1", "ping", &again), NG_ANSWERED);
	ck_assert(span_eq(ng_cookie_answer(again), SPAN_LIT("answer")));
	ck_assert_int_eq(see(cs, "1", "pinG", &again), NG_REPLAYED);
	ck_assert_int_eq(see(cs, "2", "ping", &again), NG_NEW);
	ck_assert_int_eq(ng_cookies_deadline(cs).us, start.us + NG_COOKIE_US);
	ng_cookies_expire(cs, tick_add(start, NG_COOKIE_US));
	ck_assert_int_eq(see(cs, "1", "ping", &c), NG_NEW);
	ck_assert_int_eq(see(cs, "2", "ping", &again), NG_UNDER_WAY);
	ck_assert(tick_is_never(ng_cookies_deadline(cs)));
	ng_cookies_destroy(cs);
}
END_TEST

START_TEST(answers_are_bounded_in_number_and_bytes)
{
	struct ng_cookies *cs = ng_cookies_create();
	struct ng_cookie *c, *again;
	char *big = malloc(1u << 20), cookie[16];

	memset(big, 'x', 1u << 20);
	for (int i = 0; i < 40; i++) {
		snprintf(cookie, sizeof(cookie), "%d", i);
		ck_assert_int_eq(see(cs, cookie, "m", &c), NG_NEW);
		ng_cookies_answered(cs, start, c, SPAN(big, 1u << 20));
	}
	ck_assert_int_eq(see(cs, "0", "m", &again), NG_NEW); /* it went first */
	ck_assert_int_eq(see(cs, "39", "m", &again), NG_ANSWERED);
	for (int i = 100; i < 100 + NG_COOKIES_MAX; i++) {
		snprintf(cookie, sizeof(cookie), "%d", i);
		ck_assert_int_eq(see(cs, cookie, "m", &c), NG_NEW);
		ng_cookies_answered(cs, start, c, SPAN_LIT("a"));
	}
	ck_assert_int_eq(see(cs, "39", "m", &again), NG_NEW);
	ck_assert_int_eq(see(cs, "0", "m", &again), NG_UNDER_WAY);
	ng_cookies_destroy(cs);
	free(big);
}
END_TEST

START_TEST(without_memory_a_cookie_is_not_remembered)
{
	long live = mem_live();

	for (unsigned long n = 1;; n++) {
		struct ng_cookies *cs;
		struct ng_cookie *c;
		bool failed;

		mem_fail_at(n);
		if ((cs = ng_cookies_create()) != NULL && see(cs, "1", "m", &c) == NG_NEW)
			ng_cookies_answered(cs, start, c, SPAN_LIT("a"));
		failed = mem_failed();
		mem_fail_at(0);
		ng_cookies_destroy(cs);
		ck_assert_int_eq(mem_live(), live);
		if (!failed)
			break;
	}
}
END_TEST

/* ---- flags ------------------------------------------------------------------------------ */

struct read {
	json_t *dictionary;
	struct ng_flags f;
	struct problem p;
};

static bool read_flags(struct read *r, const char *json)
{
	r->dictionary = json_loads(json, 0, NULL);
	r->p = (struct problem){ PROBLEM_NONE };
	return ng_flags_read(&r->f, r->dictionary, &r->p);
}

static void done(struct read *r)
{
	ng_flags_finish(&r->f);
	json_decref(r->dictionary);
	problem_finish(&r->p);
}

START_TEST(names_have_blanks_or_hyphens)
{
	struct read r;

	ck_assert(read_flags(&r,
		"{\"call-id\":\"c\",\"from tag\":\"f\",\"to-tag\":\"t\",\"via branch\":"
		"\"v\",\"address family\":\"IP6\",\"DTLS fingerprint\":\"SHA-512\","
		"\"replace\":[\"session connection\",\"origin\"],\"limit\":7,"
		"\"supports\":[\"load limit\"],\"flags\":[\"fatal\",\"external\"]}"));
	ck_assert_str_eq(r.f.call_id, "c");
	ck_assert_str_eq(r.f.from_tag, "f");
	ck_assert_str_eq(r.f.to_tag, "t");
	ck_assert_str_eq(r.f.via_branch, "v");
	ck_assert_int_eq(r.f.family, ADDR_IPV6);
	ck_assert_str_eq(r.f.fingerprint, "SHA-512");
	ck_assert_uint_eq(r.f.replace, NG_REPLACE_ORIGIN | NG_REPLACE_CONNECTION);
	ck_assert_int_eq(r.f.limit, 7);
	ck_assert(r.f.takes_load_limit && r.f.fatal);
	ck_assert_str_eq(r.f.direction[0], "external");
	done(&r);
}
END_TEST

START_TEST(what_is_not_known_is_passed_over)
{
	struct read r;

	ck_assert(read_flags(&r,
		"{\"received-from\":[\"IP4\",\"192.0.2.1\"],\"ICE\":\"hot\",\"DTLS\":\"off\","
		"\"DTLS-fingerprint\":\"crc\",\"TOS\":184,\"codec\":{\"strip\":[\"all\"]},"
		"\"address-family\":\"IP9\",\"flags\":[\"trust-address\",7,{},\"=\",\"\","
		"\"flags=fatal\"],\"rtpp-flags\":\"rtpp-flags=x  SIP-source-address\","
		"\"direction\":[1,2],\"replace\":\"SDP-version\",\"call-id\":{}}"));
	ck_assert_int_eq(r.f.ice, NG_ICE_AS_OFFERED);
	ck_assert_int_eq(r.f.setup, SETUP_NONE);
	ck_assert_int_eq(r.f.family, ADDR_NONE);
	ck_assert_uint_eq(r.f.replace, 0);
	ck_assert_ptr_null(r.f.call_id);
	ck_assert_ptr_null(r.f.direction[0]);
	ck_assert(!r.f.fatal);
	done(&r);
}
END_TEST

START_TEST(flags_in_one_text_count_too)
{
	struct read r;

	ck_assert(read_flags(&r,
		"{\"rtpp-flags\":\"ICE=remove  replace-origin direction=a direction=b "
		"dcmf-bootstrap=add dcmf-root=https://x/y?z=1 fatal\"}"));
	ck_assert_int_eq(r.f.ice, NG_ICE_REMOVE);
	ck_assert_uint_eq(r.f.replace, NG_REPLACE_ORIGIN);
	ck_assert_str_eq(r.f.direction[0], "a");
	ck_assert_str_eq(r.f.direction[1], "b");
	ck_assert(r.f.add_bootstrap && r.f.fatal);
	ck_assert_str_eq(r.f.root, "https://x/y?z=1");
	done(&r);
}
END_TEST

static const struct {
	const char *json, *why;
} refused[] = {
	{ "{\"dcmf-mode\":\"both\"}", "dcmf-mode" },
	{ "{\"flags\":[\"dcmf-bootstrap=remove\"]}", "dcmf-bootstrap" },
	{ "{\"DTLS-fingerprint\":\"sha-224\"}", "weaker" },
	{ "{\"ICE\":\"force-relay\"}", "relay" },
};

START_TEST(what_would_be_wrong_to_pass_over_is_refused)
{
	struct read r;

	ck_assert(!read_flags(&r, refused[_i].json));
	ck_assert_msg(strstr(r.p.detail, refused[_i].why) != NULL, "%s", r.p.detail);
	done(&r);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("ng_parts");
	TCase *t = tcase_create("ng_parts");

	control_init();
	tcase_add_loop_test(t, messages_end_where_their_dictionary_ends, 0,
		sizeof(streams) / sizeof(streams[0]));
	tcase_add_test(t, a_message_without_an_end_is_given_up);
	tcase_add_test(t, a_cookie_is_new_under_way_answered_and_forgotten);
	tcase_add_test(t, answers_are_bounded_in_number_and_bytes);
	tcase_add_test(t, without_memory_a_cookie_is_not_remembered);
	tcase_add_test(t, names_have_blanks_or_hyphens);
	tcase_add_test(t, what_is_not_known_is_passed_over);
	tcase_add_test(t, flags_in_one_text_count_too);
	tcase_add_loop_test(t, what_would_be_wrong_to_pass_over_is_refused, 0,
		sizeof(refused) / sizeof(refused[0]));
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
