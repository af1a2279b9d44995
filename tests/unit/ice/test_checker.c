/*
 * test_checker.c: the checker against an ICE Lite media, in virtual time over a link that loses
 * what it is told to.
 *
 *     checker ──── check ────> lite
 *            <─── response ───
 */
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/ice/checker.h"
#include "dcmf/ice/stun.h"
#include "tests/unit/ice/craft.h"
#include "tests/unit/main.h"

static struct stun_codec *codec;
static struct ice_lite *lite;
static struct ice_checker *checker;
static struct ice_credentials ours = { "ours", "ourpasswordourpassword" };
static struct path path;
static tick_t now;
static long live;

static unsigned sent; /* checks so far */
static tick_t sent_at[64];
static bool (*is_lost)(unsigned nth, bool is_response);

static bool nothing(unsigned nth, bool is_response)
{
	return false;
}

static bool everything(unsigned nth, bool is_response)
{
	return true;
}

static void set_up(void)
{
	struct ice_credentials theirs = { 0 };

	live = mem_live();
	now = (tick_t){ TICK_S(100) };
	sent = 0;
	is_lost = nothing;
	ck_assert(addr_parse(SPAN_LIT("192.0.2.1:20000"), &path.local));
	ck_assert(addr_parse(SPAN_LIT("198.51.100.7:4000"), &path.remote));
	path.port = 1;
	codec = stun_codec_create();
	lite = ice_lite_create(&ours, now);
	strcpy(theirs.ufrag, ice_lite_ufrag(lite));
	strcpy(theirs.pwd, ice_lite_pwd(lite));
	checker = ice_checker_create(&ours, &theirs, now);
	ck_assert(codec != NULL && lite != NULL && checker != NULL);
}

static void tear_down(void)
{
	ice_checker_destroy(checker);
	ice_lite_destroy(lite);
	stun_codec_destroy(codec);
	ck_assert_int_eq(mem_live(), live);
}

/* Everything that is due now, there and back. */
static void turn(void)
{
	uint8_t buf[ICE_REPLY_MAX];
	struct ice_reply reply;
	size_t len;

	while (ice_checker_next(checker, codec, now, buf, &len)) {
		sent_at[sent++ % 64] = now;
		if (is_lost(sent, false))
			continue;
		ice_lite_input(lite, codec, now, &path, SPAN(buf, len), &reply);
		if (reply.len > 0 && !is_lost(sent, true))
			ice_checker_input(
				checker, codec, now, &path.local, SPAN(reply.bytes, reply.len));
	}
}

static void run_until(tick_t end)
{
	turn();
	while (tick_before(ice_checker_deadline(checker), end)) {
		ck_assert(!tick_before(ice_checker_deadline(checker), now));
		now = ice_checker_deadline(checker);
		turn();
	}
	now = end;
}

static int64_t ms_of(unsigned check)
{
	return (sent_at[check].us - TICK_S(100)) / 1000;
}

START_TEST(one_check_connects_and_selects)
{
	turn();
	ck_assert_int_eq(ice_checker_state(checker), CHECKER_CONNECTED);
	ck_assert_uint_eq(sent, 1);
	ck_assert(path_eq(ice_lite_path(lite), &path));
	ck_assert_int_eq(ice_lite_last_check(lite).us, now.us);
}
END_TEST

START_TEST(checks_are_repeated_as_rfc_8489_says_and_then_given_up)
{
	static const int64_t at_ms[] = { 0, 500, 1500, 3500, 7500, 15500, 31500 };

	is_lost = everything;
	run_until(tick_add(now, TICK_MS(39499)));
	ck_assert_int_eq(ice_checker_state(checker), CHECKER_CHECKING);
	ck_assert_uint_eq(sent, 7);
	for (unsigned i = 0; i < 7; i++)
		ck_assert_int_eq(ms_of(i), at_ms[i]);
	run_until(tick_add(now, TICK_MS(2)));
	ck_assert_int_eq(ice_checker_state(checker), CHECKER_FAILED);
	ck_assert(tick_is_never(ice_checker_deadline(checker)));
	ck_assert_uint_eq(sent, 7);
}
END_TEST

static unsigned lost_until;

static bool first_ones(unsigned nth, bool is_response)
{
	return nth <= lost_until;
}

START_TEST(any_of_the_seven_checks_connects)
{
	for (lost_until = 0; lost_until < 7; lost_until++) {
		is_lost = first_ones;
		run_until(tick_add(now, TICK_MS(39000)));
		ck_assert_int_eq(ice_checker_state(checker), CHECKER_CONNECTED);
		tear_down();
		set_up();
	}
}
END_TEST

START_TEST(the_response_to_an_earlier_copy_counts)
{
	uint8_t first[ICE_REPLY_MAX], second[ICE_REPLY_MAX];
	struct ice_reply reply;
	size_t len, len2;

	ck_assert(ice_checker_next(checker, codec, now, first, &len));
	now = ice_checker_deadline(checker);
	ck_assert(ice_checker_next(checker, codec, now, second, &len2));
	ck_assert(span_eq(SPAN(first, len), SPAN(second, len2)));
	ice_lite_input(lite, codec, now, &path, SPAN(first, len), &reply);
	ck_assert(
		ice_checker_input(checker, codec, now, &path.local, SPAN(reply.bytes, reply.len)));
	ck_assert_int_eq(ice_checker_state(checker), CHECKER_CONNECTED);
	/* and the answer to the other copy changes nothing */
	ck_assert(
		!ice_checker_input(checker, codec, now, &path.local, SPAN(reply.bytes, reply.len)));
}
END_TEST

START_TEST(consent_is_asked_for_every_four_to_six_seconds)
{
	run_until(tick_add(now, TICK_S(200)));
	ck_assert_int_eq(ice_checker_state(checker), CHECKER_CONNECTED);
	ck_assert_uint_ge(sent, 200 / 6);
	ck_assert_uint_le(sent, 200 / 4 + 1);
	for (unsigned i = 1; i < sent; i++) {
		ck_assert_int_ge(ms_of(i) - ms_of(i - 1), 4000);
		ck_assert_int_le(ms_of(i) - ms_of(i - 1), 6000);
	}
	ck_assert_int_ge(ice_lite_last_check(lite).us, now.us - TICK_S(6));
}
END_TEST

START_TEST(thirty_seconds_without_consent_are_the_end)
{
	turn();
	is_lost = everything;
	run_until(tick_add(now, TICK_MS(29999)));
	ck_assert_int_eq(ice_checker_state(checker), CHECKER_CONNECTED);
	run_until(tick_add(now, TICK_MS(2)));
	ck_assert_int_eq(ice_checker_state(checker), CHECKER_FAILED);
	is_lost = nothing;
	turn();
	ck_assert_int_eq(ice_checker_state(checker), CHECKER_FAILED);
}
END_TEST

static unsigned only_one;

static bool all_but_one(unsigned nth, bool is_response)
{
	return nth > 1 && nth != only_one;
}

START_TEST(one_answer_in_thirty_seconds_is_enough)
{
	for (only_one = 2; only_one <= 6; only_one++) {
		is_lost = all_but_one;
		run_until(tick_add(now, TICK_S(31)));
		ck_assert_int_eq(ice_checker_state(checker), CHECKER_CONNECTED);
		tear_down();
		set_up();
	}
}
END_TEST

static bool responses(unsigned nth, bool is_response)
{
	return is_response;
}

START_TEST(lost_responses_are_as_good_as_lost_checks)
{
	is_lost = responses;
	run_until(tick_add(now, TICK_S(41)));
	ck_assert_int_eq(ice_checker_state(checker), CHECKER_FAILED);
	ck_assert(path_eq(ice_lite_path(lite), &path));
}
END_TEST

static struct ice_checker *checker_with(const char *ufrag, const char *pwd)
{
	struct ice_credentials theirs = { 0 };

	snprintf(theirs.ufrag, sizeof(theirs.ufrag), "%s", ufrag);
	snprintf(theirs.pwd, sizeof(theirs.pwd), "%s", pwd);
	return ice_checker_create(&ours, &theirs, now);
}

START_TEST(wrong_credentials_never_connect_and_select_nothing)
{
	ice_checker_destroy(checker);
	checker = checker_with(ice_lite_ufrag(lite), "wrongwrongwrongwrongwrong");
	run_until(tick_add(now, TICK_S(20)));
	ck_assert_int_eq(ice_checker_state(checker), CHECKER_CHECKING);
	run_until(tick_add(now, TICK_S(20)));
	ck_assert_int_eq(ice_checker_state(checker), CHECKER_FAILED);
	ck_assert_ptr_null(ice_lite_path(lite));

	ice_checker_destroy(checker);
	checker = checker_with("nobody", ice_lite_pwd(lite));
	run_until(tick_add(now, TICK_S(40)));
	ck_assert_int_eq(ice_checker_state(checker), CHECKER_FAILED);
	ck_assert_ptr_null(ice_lite_path(lite));
}
END_TEST

START_TEST(a_peer_that_learns_our_credentials_late_is_found)
{
	static const struct ice_credentials other = { "other", "otherotherotherotherother" };

	ck_assert(ice_lite_set_remote(lite, &other));
	run_until(tick_add(now, TICK_S(3)));
	ck_assert_int_eq(ice_checker_state(checker), CHECKER_CHECKING);
	ck_assert(ice_lite_set_remote(lite, &ours));
	run_until(tick_add(now, TICK_S(3)));
	ck_assert_int_eq(ice_checker_state(checker), CHECKER_CONNECTED);
}
END_TEST

START_TEST(a_forged_response_is_refused)
{
	uint8_t check[ICE_REPLY_MAX];
	struct ice_reply reply;
	size_t len;

	ck_assert(ice_checker_next(checker, codec, now, check, &len));
	ice_lite_input(lite, codec, now, &path, SPAN(check, len), &reply);
	for (size_t bit = 0; bit < 8 * reply.len; bit++) {
		reply.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert(!ice_checker_input(
			checker, codec, now, &path.local, SPAN(reply.bytes, reply.len)));
		reply.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n < reply.len; n++)
		ck_assert(
			!ice_checker_input(checker, codec, now, &path.local, SPAN(reply.bytes, n)));
	ck_assert_int_eq(ice_checker_state(checker), CHECKER_CHECKING);
	ck_assert(
		ice_checker_input(checker, codec, now, &path.local, SPAN(reply.bytes, reply.len)));
}
END_TEST

static int answer_to(struct craft what)
{
	struct wire w = craft(what);
	uint8_t answer[ICE_REPLY_MAX];
	StunMessage msg = { .buffer = answer };
	size_t len;
	int code = 0;

	ice_checker_input(checker, codec, now, &path.local, SPAN(w.bytes, w.len));
	if (!ice_checker_next(checker, codec, now, answer, &len))
		return -1;
	msg.buffer_len = len;
	ck_assert(stun_is_one(SPAN(answer, len)));
	if (stun_message_get_class(&msg) == STUN_ERROR)
		ck_assert_int_eq(stun_message_find_error(&msg, &code), STUN_MESSAGE_RETURN_SUCCESS);
	return code;
}

START_TEST(checks_of_a_full_peer_are_answered)
{
	struct craft what = { .user = "ours:theirs", .password = ours.pwd, .controlled = true };

	turn();
	ck_assert(!tick_due(ice_checker_deadline(checker), now));
	ck_assert_int_eq(answer_to(what), 0);
	what.controlled = false;
	ck_assert_int_eq(answer_to(what), 487);
	what.password = "wrong";
	ck_assert_int_eq(answer_to(what), 401);
	what.password = NULL;
	ck_assert_int_eq(answer_to(what), 400);
	what = (struct craft){ .indication = true };
	ck_assert_int_eq(answer_to(what), -1);
}
END_TEST

START_TEST(many_checkers_share_one_codec)
{
	enum { MANY = 500 };
	static struct ice_checker *many[MANY];
	static struct wire checks[MANY];
	struct ice_reply reply;

	for (int i = 0; i < MANY; i++) {
		many[i] = checker_with(ice_lite_ufrag(lite), ice_lite_pwd(lite));
		ck_assert(ice_checker_next(many[i], codec, now, checks[i].bytes, &checks[i].len));
	}
	for (int i = MANY - 1; i >= 0; i--) {
		ice_lite_input(
			lite, codec, now, &path, SPAN(checks[i].bytes, checks[i].len), &reply);
		ck_assert(!ice_checker_input(many[(i + 1) % MANY], codec, now, &path.local,
			SPAN(reply.bytes, reply.len)));
		ck_assert(ice_checker_input(
			many[i], codec, now, &path.local, SPAN(reply.bytes, reply.len)));
	}
	for (int i = 0; i < MANY; i++) {
		ck_assert_int_eq(ice_checker_state(many[i]), CHECKER_CONNECTED);
		ice_checker_destroy(many[i]);
	}
}
END_TEST

static uint32_t dice;

static bool three_in_ten(unsigned nth, bool is_response)
{
	dice = dice * 1664525 + 1013904223;
	return (dice >> 8) % 10 < 3;
}

START_TEST(thirty_percent_loss_both_ways_mostly_connects)
{
	unsigned connected = 0;

	/* seven exchanges of which each fails with 51 %: one run in a hundred and ten gives up */
	for (unsigned i = 0; i < 200; i++) {
		dice = i * 2654435761;
		is_lost = three_in_ten;
		while (ice_checker_state(checker) == CHECKER_CHECKING)
			run_until(tick_add(now, TICK_MS(500)));
		connected += ice_checker_state(checker) == CHECKER_CONNECTED;
		tear_down();
		set_up();
	}
	ck_assert_uint_ge(connected, 190);
}
END_TEST

START_TEST(running_out_of_memory_leaks_nothing)
{
	long before = mem_live();

	for (unsigned n = 1;; n++) {
		struct ice_checker *c;

		mem_fail_at(n);
		c = ice_checker_create(&ours, &ours, now);
		ice_checker_destroy(c);
		ck_assert_int_eq(mem_live(), before);
		if (!mem_failed())
			break;
		ck_assert_ptr_null(c);
	}
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ice/checker");
	TCase *tc = tcase_create("checker");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, one_check_connects_and_selects);
	tcase_add_test(tc, checks_are_repeated_as_rfc_8489_says_and_then_given_up);
	tcase_add_test(tc, any_of_the_seven_checks_connects);
	tcase_add_test(tc, the_response_to_an_earlier_copy_counts);
	tcase_add_test(tc, consent_is_asked_for_every_four_to_six_seconds);
	tcase_add_test(tc, thirty_seconds_without_consent_are_the_end);
	tcase_add_test(tc, one_answer_in_thirty_seconds_is_enough);
	tcase_add_test(tc, lost_responses_are_as_good_as_lost_checks);
	tcase_add_test(tc, wrong_credentials_never_connect_and_select_nothing);
	tcase_add_test(tc, a_peer_that_learns_our_credentials_late_is_found);
	tcase_add_test(tc, a_forged_response_is_refused);
	tcase_add_test(tc, checks_of_a_full_peer_are_answered);
	tcase_add_test(tc, many_checkers_share_one_codec);
	tcase_add_test(tc, thirty_percent_loss_both_ways_mostly_connects);
	tcase_add_test(tc, running_out_of_memory_leaks_nothing);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
