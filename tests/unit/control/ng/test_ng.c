/*
 * test_ng.c: messages of the ng protocol: cookies, dictionaries, and calls as a proxy tells them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "tests/unit/control/ng/ng_play.h"

#define AUDIO "m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n"

/* ---- messages --------------------------------------------------------------------------- */

START_TEST(a_ping_is_answered_in_the_form_it_came_in)
{
	say("5323_1", "d7:command4:pinge");
	ck_assert_str_eq(heard(), "5323_1 d6:result4:ponge");
	say("abc-7", "{\"command\":\"ping\"}");
	ck_assert_str_eq(heard(), "abc-7 {\"result\":\"pong\"}");
	say("8", "{\"command\":\"ping\",\"of no use\":{\"a\":[1,2.5,null,true]}}");
	ck_assert_str_eq(heard(), "8 {\"result\":\"pong\"}");
}
END_TEST

#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *bytes;
	size_t len;
} nothing_to_answer[] = {
	{ BYTES("") },
	{ BYTES(" ") },
	{ BYTES("d7:command4:pinge") },
	{ BYTES("{\"command\":\"ping\"}") },
	{ BYTES("cookie") },
	{ BYTES("cookie ") },
	{ BYTES("coo\1kie d7:command4:pinge") },
	{ BYTES("coo\0kie d7:command4:pinge") },
	{ BYTES("\xff d7:command4:pinge") },
};

START_TEST(without_a_cookie_nobody_can_be_answered)
{
	int64_t before = counter_value[CNT_ng_malformed_total];

	say_bytes(SPAN(nothing_to_answer[_i].bytes, nothing_to_answer[_i].len));
	ck_assert_str_eq(heard(), "(nothing)");
	ck_assert_int_eq(counter_value[CNT_ng_malformed_total], before + 1);
}
END_TEST

static const struct {
	const char *dictionary, *answer;
} bad[] = {
	{ "x", "neither bencode nor JSON" },
	{ "i7e", "neither bencode nor JSON" },
	{ "le", "neither bencode nor JSON" },
	{ "\"ping\"", "neither bencode nor JSON" },
	{ "d7:command4:ping", "it ends in the middle" },
	{ "d7:command4:pinge7", "something stands behind it" },
	{ "d7:command9:pinge", "longer than what is there" },
	{ "dlelee", "a key that is no string" },
	{ "d1:alllllllllllllllllleeeeeeeeeeeeeeeeeee", "nested too deep" },
	{ "{\"command\":\"ping\"", "is not JSON" },
	{ "{\"command\":\"ping\",\"command\":\"ping\"}", "is not JSON" },
	{ "{}", "Dictionary contains no key" },
	{ "de", "Dictionary contains no key" },
	{ "{\"command\":7}", "Dictionary contains no key" },
	{ "{\"command\":\"dance\"}", "Unrecognized command" },
	{ "d7:command15:start recordinge", "Unrecognized command" },
	{ "{\"command\":\"offer\"}", "No SDP body in message" },
	{ "{\"command\":\"offer\",\"sdp\":\"v=0\"}", "No call-id in message" },
	{ "{\"command\":\"offer\",\"sdp\":\"\",\"call-id\":\"x\"}", "No SDP body in message" },
	{ "{\"command\":\"offer\",\"sdp\":\"v=0\",\"call-id\":\"x\"}", "No from-tag in message" },
	{ "{\"command\":\"offer\",\"sdp\":\"v=0\",\"call-id\":[1],\"from-tag\":\"t\"}",
		"No call-id in message" },
	{ "{\"command\":\"offer\",\"sdp\":\"hello\",\"call-id\":\"x\",\"from-tag\":\"t\"}",
		"error-reason" },
	{ "{\"command\":\"answer\",\"sdp\":\"v=0\",\"call-id\":\"x\",\"from-tag\":\"t\"}",
		"No to-tag in message" },
	{ "{\"command\":\"answer\",\"sdp\":\"v=0\",\"call-id\":\"x\",\"from-tag\":\"t\",\"to-tag\":"
	  "\"u\"}",
		"Unknown call-id" },
	{ "{\"command\":\"delete\"}", "No call-id in message" },
	{ "{\"command\":\"query\"}", "No call-id in message" },
	{ "{\"command\":\"query\",\"call-id\":\"x\"}", "Unknown call-id" },
	{ NG_OFFER("x", "t", "\"direction\":[\"access\",\"moon\"],", "v=0"),
		"there is no media interface \\\"moon\\\"" },
	{ NG_OFFER("x", "t", "\"dcmf-mode\":\"open\",", "v=0"), "dcmf-mode is e2ae or e2e" },
	{ NG_OFFER("x", "t", "\"DTLS-fingerprint\":\"sha-1\",", "v=0"), "weaker than SHA-256" },
	{ NG_OFFER("x", "t", "\"ICE\":\"force-relay\",", "v=0"), "ICE=force-relay" },
	{ NG_OFFER("x", "t", "\"dcmf-mode\":\"e2e\",",
		  NG_SDP("1", NG_LINE("5000", "0")) NG_LINE("5002", "1000")),
		"result\":\"ok" },
};

START_TEST(what_cannot_be_done_is_answered_with_the_reason)
{
	const char *answer = asked_for(bad[_i].dictionary);

	assert_says(answer, bad[_i].answer);
	if (strstr(bad[_i].answer, "ok") == NULL)
		assert_says(answer, "error-reason");
	assert_says(asked_for("d7:command4:pinge"), "pong");
	ck_assert(ng_contexts == 0 || strstr(bad[_i].answer, "ok") != NULL);
}
END_TEST

START_TEST(a_message_that_is_cut_anywhere_is_an_error_or_nothing)
{
	char whole[] = "7_1 d7:call-id1:x7:command5:offer8:from-tag1:t3:sdp3:v=0e";

	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		char *part = malloc(n + 1);
		const char *answer;

		whole[0] = 'a' + (char)(n % 26); /* a cookie of its own */
		whole[2] = 'a' + (char)(n / 26);
		memcpy(part, whole, n);
		say_bytes(SPAN(part, n));
		free(part);
		answer = heard();
		ck_assert(strcmp(answer, "(nothing)") == 0 || strstr(answer, "5:error") != NULL);
	}
	ck_assert_uint_eq(work(), 0);
}
END_TEST

/* ---- repetitions ------------------------------------------------------------------------ */

START_TEST(what_comes_again_is_answered_as_before_and_not_done_again)
{
	char first[4096];

	say("9", OFFER);
	say("9", OFFER);
	ck_assert_str_eq(heard(), "(nothing)"); /* it is still worked on */
	ck_assert_uint_eq(work(), 1);
	snprintf(first, sizeof(first), "%s", heard());
	assert_says(first, "\"result\":\"ok\"");
	ck_assert_str_eq(heard(), "(nothing)");
	say("9", OFFER);
	ck_assert_str_eq(heard(), first);
	ck_assert_uint_eq(work(), 0);
	ck_assert_uint_eq(ng_contexts, 1);
	ng_now = tick_add(ng_now, TICK_S(31));
	ng_expire(ng, ng_now);
	say("9", "{\"command\":\"ping\"}"); /* long ago: nobody repeats that */
	assert_says(heard(), "pong");
}
END_TEST

START_TEST(a_cookie_with_another_message_is_refused)
{
	int64_t before = counter_value[CNT_ng_replayed_total];

	say("9", "{\"command\":\"ping\"}");
	assert_says(heard(), "pong");
	say("9", NG_DELETE("call", "alice"));
	assert_says(heard(), "another message came with this cookie before");
	say("9", "d7:command4:pinge");
	assert_says(heard(), "5:error");
	say_from(2, "9", "d7:command4:pinge"); /* of somebody else */
	ck_assert_str_eq(heard(), "9 d6:result4:ponge");
	say("9", "{\"command\":\"ping\"}");
	ck_assert_str_eq(heard(), "9 {\"result\":\"pong\"}");
	ck_assert_int_eq(counter_value[CNT_ng_replayed_total], before + 2);
}
END_TEST

/* ---- calls ------------------------------------------------------------------------------ */

START_TEST(a_call_is_a_context_from_offer_to_delete)
{
	const char *answer = asked_for(OFFER);

	assert_says(member(answer, "result"), "ok");
	assert_says(member(answer, "sdp"), AUDIO
		"m=application 20101 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 203.0.113.5\r\n");
	ck_assert_uint_eq(ng_contexts, 1);
	assert_says(js_get_text(json_object_get(ng_asked, "dcmf"), "owner"), "call");
	answer = asked_for(ANSWER);
	assert_says(member(answer, "sdp"), AUDIO "m=application 20001 UDP/DTLS/SCTP");
	ck_assert_str_eq(asked_for(NG_DELETE("call", "alice")) + 3, "{\"result\":\"ok\"}");
	ck_assert_uint_eq(ng_contexts, 0);
	assert_says(asked_for(NG_DELETE("call", "alice")), "\"warning\":");
	assert_says(
		asked_for("{\"command\":\"delete\",\"call-id\":\"call\",\"flags\":[\"fatal\"]}"),
		"error-reason");
}
END_TEST

START_TEST(a_call_without_data_channels_passes_and_makes_no_context)
{
	const char *plain = NG_OFFER("call", "alice", "\"replace\":[\"origin\"],", NG_SDP("1", ""));

	assert_says(member(asked_for(plain), "sdp"), "o=- 1 1 IN IP4 192.0.2.1\r\n");
	assert_says(member(asked_for(NG_ANSWER("call", "alice", "bob", NG_SDP("2", ""))), "sdp"),
		AUDIO);
	ck_assert_uint_eq(ng_contexts, 0);
	/* data channels come later, from the other side */
	assert_says(member(asked_for(NG_OFFER("call", "bob", "\"to-tag\":\"alice\",",
				   NG_SDP("2", NG_LINE("6000", "1000")))),
			    "sdp"),
		"203.0.113.5");
	ck_assert_uint_eq(ng_contexts, 1);
	assert_says(asked_for(NG_DELETE("call", "bob")), "ok");
	ck_assert_uint_eq(ng_contexts, 0);
}
END_TEST

START_TEST(an_answer_must_follow_the_offer_of_its_call)
{
	asked_for(OFFER);
	assert_says(asked_for(NG_ANSWER("call", "carol", "bob", NG_SDP("2", ""))),
		"the last offer of this call was not made by this from-tag");
	assert_says(asked_for(NG_ANSWER("call", "bob", "alice", NG_SDP("2", ""))),
		"the last offer of this call was not made by this from-tag");
	assert_says(asked_for(ANSWER), "\"result\":\"ok\"");
	assert_says(asked_for(ANSWER), "\"result\":\"ok\""); /* 183 and 200 both have it */
	assert_says(asked_for(NG_ANSWER("call", "alice", "bob", NG_SDP("2", ""))),
		"1 m= lines, and 2 were offered"); /* the desk's words */
}
END_TEST

START_TEST(either_side_may_offer_again)
{
	asked_for(OFFER);
	asked_for(ANSWER);
	assert_says(member(asked_for(NG_OFFER("call", "bob", "\"to-tag\":\"alice\",",
				   NG_SDP("2", NG_LINE("6000", "1000")))),
			    "sdp"),
		"m=application 20001");
	assert_says(asked_for(ANSWER), "was not made by this from-tag");
	assert_says(member(asked_for(NG_ANSWER(
				   "call", "bob", "alice", NG_SDP("1", NG_LINE("5000", "1000")))),
			    "sdp"),
		"m=application 20101");
	ck_assert_uint_eq(ng_contexts, 1);
	assert_says(asked_for(NG_DELETE("call", "bob")), "ok");
	ck_assert_uint_eq(ng_contexts, 0);
}
END_TEST

START_TEST(each_branch_of_a_forked_call_has_a_context)
{
	asked_for(NG_OFFER(
		"call", "alice", "\"via-branch\":\"z1\",", NG_SDP("1", NG_LINE("5000", "1000"))));
	asked_for(NG_OFFER(
		"call", "alice", "\"via-branch\":\"z2\",", NG_SDP("1", NG_LINE("5000", "1000"))));
	ck_assert_uint_eq(ng_contexts, 2);
	assert_says(asked_for("{\"command\":\"answer\",\"call-id\":\"call\",\"from-tag\":\"alice\","
			      "\"to-tag\":\"bob2\",\"via-branch\":\"z2\",\"sdp\":\"" NG_SDP(
				      "2", NG_LINE("6000", "1000")) "\"}"),
		"ok");
	assert_says(asked_for("{\"command\":\"delete\",\"call-id\":\"call\",\"from-tag\":\"alice\","
			      "\"via-branch\":\"z1\"}"),
		"ok");
	ck_assert_uint_eq(ng_contexts, 1);
	assert_says(asked_for(NG_DELETE("call", "carol")), "warning");
	assert_says(asked_for(NG_DELETE("call", "bob2")), "ok");
	ck_assert_uint_eq(ng_contexts, 0);
}
END_TEST

START_TEST(messages_of_one_call_follow_each_other)
{
	asked_for(OFFER);
	say("183", ANSWER);
	say("200", ANSWER);
	ck_assert_str_eq(heard(), "(nothing)");
	ck_assert_uint_eq(work(), 2);
	assert_says(heard(), "183 {");
	assert_says(heard(), "200 {");
	for (int i = 0; i < 12; i++) {
		char cookie[16];

		snprintf(cookie, sizeof(cookie), "m%d", i);
		say(cookie, ANSWER);
	}
	assert_says(heard(), "too many requests of this call");
	work();
}
END_TEST

/*
 * Whoever is refused when its turn comes must not hold up those behind it, nor be waited for in
 * vain.
 */
START_TEST(a_message_that_is_refused_when_its_turn_comes_lets_the_next_one_go)
{
	asked_for(OFFER);
	asked_for(ANSWER);
	say("o", NG_OFFER("call", "bob", "\"to-tag\":\"alice\",",
			 NG_SDP("2", NG_LINE("6000", "1000"))));
	say("a", ANSWER); /* alice was asked, and now bob asks */
	say("b", ANSWER);
	ck_assert_str_eq(heard(), "(nothing)");
	work();
	assert_says(heard(), "o {");
	assert_says(heard(), "a {\"result\":\"error\"");
	assert_says(heard(), "b {\"result\":\"error\"");
	ck_assert_str_eq(heard(), "(nothing)");
	desk_worker_lost(ng_desk, ng_now, 0, "killed");
	ng_now = tick_add(ng_now, TICK_S(2));
	ng_expire(ng, ng_now); /* the call is forgotten, and nobody waits in it */
	assert_says(asked_for("{\"command\":\"list\"}"), "\"calls\":[]");
}
END_TEST

START_TEST(a_call_that_is_deleted_while_its_offer_is_under_way_leaves_nothing)
{
	say("1", OFFER);
	say("2", OFFER); /* waits */
	say("3", NG_DELETE("call", "alice"));
	assert_says(heard(),
		"2 {\"result\":\"error\",\"error-reason\":\"the call was deleted meanwhile\"");
	assert_says(heard(),
		"1 {\"result\":\"error\",\"error-reason\":\"the call was deleted meanwhile\"");
	assert_says(heard(), "3 {\"result\":\"ok\"}");
	work();
	ck_assert_uint_eq(ng_contexts, 0);
	ck_assert_uint_eq(desk_contexts(ng_desk), 0);
	ck_assert_str_eq(heard(), "(nothing)");
}
END_TEST

START_TEST(a_call_whose_context_has_gone_goes_on_in_a_new_one)
{
	asked_for(OFFER);
	asked_for(ANSWER);
	desk_worker_lost(ng_desk, ng_now, 0, "killed");
	desk_worker_up(ng_desk, ng_now, 0);
	assert_says(asked_for(ANSWER), "there is no context");
	assert_says(member(asked_for(NG_OFFER("call", "alice", "\"to-tag\":\"bob\",",
				   NG_SDP("1", NG_LINE("5000", "1000")))),
			    "result"),
		"ok");
	ck_assert_uint_eq(desk_contexts(ng_desk), 1);
}
END_TEST

START_TEST(calls_that_ended_elsewhere_are_forgotten)
{
	asked_for(OFFER);
	asked_for(NG_OFFER("plain", "carol", "", NG_SDP("1", "")));
	assert_says(asked_for("{\"command\":\"list\"}"), "\"calls\":[\"call\",\"plain\"]");
	desk_worker_lost(ng_desk, ng_now, 0, "killed");
	ng_now = tick_add(ng_now, TICK_S(2));
	ng_expire(ng, ng_now);
	assert_says(asked_for("{\"command\":\"list\"}"), "\"calls\":[\"plain\"]");
	ng_now = tick_add(ng_now, TICK_S(3601));
	ng_expire(ng, ng_now);
	assert_says(asked_for("{\"command\":\"list\"}"), "\"calls\":[]");
	ck_assert(tick_is_never(ng_deadline(ng)) || tick_before(ng_now, ng_deadline(ng)));
}
END_TEST

/* ---- a node that wants no more ---------------------------------------------------------- */

START_TEST(while_the_node_drains_new_calls_get_load_limit_and_old_ones_go_on)
{
	asked_for(OFFER);
	desk_drain(ng_desk, ng_now);
	assert_says(asked_for(NG_OFFER("new", "carol", "\"supports\":[\"load limit\"],",
			    NG_SDP("1", NG_LINE("5000", "1000")))),
		"\"result\":\"load limit\"");
	assert_says(asked_for(NG_OFFER("new", "carol", "", NG_SDP("1", NG_LINE("5000", "1000")))),
		"\"error-reason\":\"Parallel session limit reached\"");
	assert_says(asked_for(NG_OFFER(
			    "voice", "carol", "\"supports\":[\"load limit\"],", NG_SDP("1", ""))),
		"\"result\":\"load limit\"");
	assert_says(asked_for(ANSWER), "\"result\":\"ok\"");
	assert_says(asked_for(NG_DELETE("call", "alice")), "\"result\":\"ok\"");
	assert_says(asked_for("{\"command\":\"list\"}"), "\"calls\":[]");
}
END_TEST

START_TEST(a_full_node_says_load_limit_too)
{
	char offer[4096];

	for (int i = 0; i < 8; i++) {
		snprintf(offer, sizeof(offer), "%s",
			NG_OFFER("call@", "alice", "", NG_SDP("1", NG_LINE("5000", "1000"))));
		*strchr(offer, '@') = (char)('a' + i);
		assert_says(asked_for(offer), "\"result\":\"ok\"");
	}
	assert_says(asked_for(NG_OFFER("ninth", "alice", "\"supports\":[\"load limit\"],",
			    NG_SDP("1", NG_LINE("5000", "1000")))),
		"\"result\":\"load limit\"");
	assert_says(asked_for("{\"command\":\"list\",\"limit\":3}"),
		"\"calls\":[\"calla\",\"callb\",\"callc\"]");
}
END_TEST

/* ---- memory ----------------------------------------------------------------------------- */

/* A call with all that a message can say; false: something was refused. */
static bool scenario(void)
{
	static const char *const messages[] = {
		NG_OFFER("call", "alice",
			"\"dcmf-root\":\"https://dcsf.example/\",\"label\":\"l\","
			"\"replace\":[\"origin\"],\"via-branch\":\"z\",\"flags\":[\"a=b\"],",
			NG_SDP("1", NG_LINE("5000", "0") NG_LINE("5002", "1000"))),
		NG_ANSWER("call", "alice", "bob", NG_SDP("2", NG_LINE("6000", "1000"))),
		"{\"command\":\"query\",\"call-id\":\"call\"}",
		NG_DELETE("call", "alice"),
	};
	bool fine = open_ng();

	for (size_t i = 0; fine && i < sizeof(messages) / sizeof(messages[0]); i++) {
		const char *answer = asked_for(messages[i]);

		fine = strstr(answer, "\"ok\"") != NULL;
		if (!fine && !mem_failed())
			ck_abort_msg("%.3000s", answer);
	}
	return fine;
}

START_TEST(without_memory_there_is_an_error_or_nothing_and_no_leak)
{
	close_ng();
	ck_assert(scenario());
	close_ng();
	for (unsigned long n = 1; n < 100000; n++) {
		long live = mem_live();
		bool failed;

		mem_fail_at(n);
		scenario();
		failed = mem_failed();
		mem_fail_at(0);
		close_ng();
		ck_assert_msg(
			mem_live() == live, "allocation %lu: %ld are left", n, mem_live() - live);
		if (!failed)
			break;
	}
	ck_assert(scenario());
}
END_TEST

static Suite *make_suite(void)
{
	TCase *t;
	Suite *s = ng_suite("ng", &t);

	tcase_add_test(t, a_ping_is_answered_in_the_form_it_came_in);
	tcase_add_loop_test(t, without_a_cookie_nobody_can_be_answered, 0,
		sizeof(nothing_to_answer) / sizeof(nothing_to_answer[0]));
	tcase_add_loop_test(t, what_cannot_be_done_is_answered_with_the_reason, 0,
		sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(t, a_message_that_is_cut_anywhere_is_an_error_or_nothing);
	tcase_add_test(t, what_comes_again_is_answered_as_before_and_not_done_again);
	tcase_add_test(t, a_cookie_with_another_message_is_refused);
	tcase_add_test(t, a_call_is_a_context_from_offer_to_delete);
	tcase_add_test(t, a_call_without_data_channels_passes_and_makes_no_context);
	tcase_add_test(t, an_answer_must_follow_the_offer_of_its_call);
	tcase_add_test(t, either_side_may_offer_again);
	tcase_add_test(t, each_branch_of_a_forked_call_has_a_context);
	tcase_add_test(t, messages_of_one_call_follow_each_other);
	tcase_add_test(t, a_message_that_is_refused_when_its_turn_comes_lets_the_next_one_go);
	tcase_add_test(t, a_call_that_is_deleted_while_its_offer_is_under_way_leaves_nothing);
	tcase_add_test(t, a_call_whose_context_has_gone_goes_on_in_a_new_one);
	tcase_add_test(t, calls_that_ended_elsewhere_are_forgotten);
	tcase_add_test(t, while_the_node_drains_new_calls_get_load_limit_and_old_ones_go_on);
	tcase_add_test(t, a_full_node_says_load_limit_too);
	tcase_add_test(t, without_memory_there_is_an_error_or_nothing_and_no_leak);
	return s;
}

UNIT_MAIN(make_suite)
