/* test_desk.c: lines, requests and contexts: who is asked, who is answered, who is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "tests/unit/control/desk/desk_play.h"
#include "tests/unit/main.h"

START_TEST(a_request_is_answered_with_its_own_id)
{
	say(1, REQUEST("\"abc\"", "node.info", "{}"));
	assert_says(heard(1), "\"id\":\"abc\"");
	say(1, REQUEST("7", "node.stats", "{}"));
	assert_says(heard(1), "\"id\":7");
}
END_TEST

START_TEST(node_info_says_who_is_there_and_how_it_fares)
{
	const char *texts[] = { "SHA-256 AB:CD" };
	const char *line;

	desk_set_fingerprints(desk, texts, 1);
	now = tick_add(now, TICK_S(12));
	say(1, REQUEST("1", "node.info", "{}"));
	line = heard(1);
	assert_says(line, "\"name\":\"mf1\",\"version\":\"1.2.3\",\"nfInstanceId\":\"3fa85f64");
	assert_says(line, "\"state\":\"running\"");
	assert_says(line,
		"\"workers\":[{\"index\":0,\"up\":true,\"pid\":100,\"starts\":1,\"contexts\":0,");
	assert_says(line, "\"fingerprints\":[{\"algorithm\":\"SHA-256\",\"value\":\"AB:CD\"}]");
	assert_says(line, "\"uptimeSeconds\":12");
	assert_says(line, "\"sdp.terminate\"");
}
END_TEST

START_TEST(node_stats_has_the_counters_by_their_names)
{
	const char *line;

	say(1, REQUEST("1", "node.stats", "{}"));
	line = heard(1);
	assert_says(line, "\"legs\":7");
	assert_says(line, "\"contexts_created_total\":0");
	assert_says(line, "\"cpuSeconds\":0.5");
}
END_TEST

/* A line and what the answer must have in it. */
static const struct {
	const char *line, *answer;
} bad_lines[] = {
	{ "{", "\"id\":null,\"error\":{\"code\":-32700" },
	{ "\xff\xfe", "-32700" },
	{ "[]", "-32600" },
	{ "{\"id\":3}", "\"id\":3,\"error\":{\"code\":-32600" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"node.info\"}", "-32600" },
	{ REQUEST("1", "node.reboot", "{}"), "\"id\":1,\"error\":{\"code\":-32601" },
	{ REQUEST("1", "node.info", "[1]"), "-32602" },
	{ REQUEST("1", "node.info", "{\"verbose\":true}"),
		"-32602,\"message\":\"params: verbose is unknown\"" },
	{ REQUEST("1", "context.create", "{}"),
		"-32602,\"message\":\"params: context is missing\"" },
	{ REQUEST("1", "context.create", "{\"context\":7}"),
		"-32602,\"message\":\"params: context must be an object\"" },
	{ REQUEST("1", "context.get", "{\"contextId\":7}"), "params: contextId must be a text" },
	{ REQUEST("1", "context.list", "{\"limit\":0}"),
		"-32602,\"message\":\"params: limit must be 1 to 1000\"" },
	{ REQUEST("1", "context.list", "{\"limit\":-1}"),
		"limit must be an integer that is not negative" },
	{ REQUEST("1", "context.list", "{\"after\":\"x\"}"), "after is no contextId" },
	{ REQUEST("1", "context.update", "{\"contextId\":\"0-1\"}"), "params: patch is missing" },
	{ REQUEST("1", "context.get", "{\"contextId\":\"0-1\"}"),
		"\"code\":-32000,\"message\":\"there is no context \\\"0-1\\\"\",\"data\":{" },
	{ REQUEST("1", "context.get", "{\"contextId\":\"0-1\"}"), "\"status\":404" },
	{ REQUEST("1", "context.delete", "{\"contextId\":\"9-1\"}"), "CONTEXT_NOT_FOUND" },
	{ REQUEST("1", "context.update", "{\"contextId\":\"\",\"patch\":[]}"),
		"CONTEXT_NOT_FOUND" },
	{ REQUEST("1", "sdp.terminate", "{\"sdp\":\"v=0\",\"dcMedia\":{},\"contextId\":\"0-1\"}"),
		"CONTEXT_NOT_FOUND" },
	{ REQUEST("1", "sdp.terminate", "{\"sdp\":\"v=0\"}"), "params: dcMedia is missing" },
	{ REQUEST("1", "sdp.terminate", "{\"sdp\":\"nonsense\",\"dcMedia\":{}}"),
		"INVALID_MSG_FORMAT" },
	{ REQUEST("1", "sdp.offer", "{\"sdp\":\"nonsense\"}"), "INVALID_MSG_FORMAT" },
	{ REQUEST("1", "sdp.offer", "{\"sdp\":\"v=0\"}"), "no m=application line" },
	{ REQUEST("1", "sdp.offer", "{\"dcMedia\":{}}"), "params: sdp is missing" },
	{ REQUEST("1", "sdp.offer", "{\"sdp\":\"v=0\",\"addBootstrap\":1}"),
		"params: addBootstrap must be true or false" },
	{ REQUEST("1", "sdp.offer", "{\"sdp\":\"v=0\",\"securityMode\":\"e2e\"}"),
		"params: securityMode is E2AE or E2E" },
	{ REQUEST("1", "sdp.offer", "{\"sdp\":\"v=0\",\"contextId\":\"0-1\"}"),
		"CONTEXT_NOT_FOUND" },
	{ REQUEST("1", "sdp.answer", "{\"sdp\":\"v=0\",\"contextId\":\"0-1\"}"),
		"CONTEXT_NOT_FOUND" },
	{ REQUEST("1", "sdp.answer", "{\"sdp\":\"v=0\"}"), "params: contextId is missing" },
	{ REQUEST("1", "events.subscribe", "{\"types\":[\"dtls.conected\"]}"),
		"types[0] is no event type: dtls.conected" },
	{ REQUEST("1", "events.subscribe", "{\"types\":[7]}"), "-32602" },
	{ REQUEST("1", "node.drain", "{\"deadlineSeconds\":99999999999}"), "-32602" },
};

START_TEST(a_bad_line_gets_its_error_and_the_next_one_works)
{
	say(1, bad_lines[_i].line);
	assert_says(heard(1), bad_lines[_i].answer);
	say(1, REQUEST("2", "node.info", "{}"));
	assert_says(heard(1), "\"id\":2,\"result\"");
}
END_TEST

START_TEST(a_line_that_is_too_long_gets_an_error_without_id)
{
	desk_controller_too_long(desk, 1);
	assert_says(heard(1), "\"id\":null,\"error\":{\"code\":-32600");
}
END_TEST

START_TEST(a_request_that_is_nested_too_deep_is_refused_before_a_worker_sees_it)
{
	char deep[512], line[1024];

	for (int levels = 30; levels <= 120; levels += 90) {
		memset(deep, '[', (size_t)levels);
		memset(deep + levels, ']', (size_t)levels);
		deep[2 * levels] = '\0';
		snprintf(line, sizeof(line),
			REQUEST("1", "context.create", "{\"context\":{\"x\":%s}}"), deep);
		say(1, line);
		if (levels == 30)
			asked(1);
		else
			assert_says(heard(1), "\"id\":1,\"error\":{\"code\":-32600");
	}
	ck_assert_uint_eq(to_worker[0].in + to_worker[1].in, 1);
}
END_TEST

START_TEST(an_offer_that_becomes_too_long_for_a_worker_is_refused)
{
	static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sdp.terminate\","
				   "\"params\":{\"dcMedia\":{\"*\":{\"x\":\"",
			  middle[] =
				  "\"}},\"sdp\":\"v=0\\r\\no=- 1 1 IN IP4 127.0.0.1\\r\\ns=-\\r\\n"
				  "c=IN IP4 127.0.0.1\\r\\nt=0 0\\r\\n"
				  "a=setup:actpass\\r\\na=fingerprint:SHA-256 "
				  "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
				  "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\\r\\n",
			  media[] = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\\r\\n";
	size_t filler = 900000, at = 0;
	char *line = malloc(filler + 65536);

	ck_assert_ptr_nonnull(line);
	at += (size_t)sprintf(line + at, "%s", head);
	memset(line + at, 'x', filler);
	at += filler;
	at += (size_t)sprintf(line + at, "%s", middle);
	for (int i = 0; i < 8; i++)
		at += (size_t)sprintf(line + at, "%sa=mid:%d\\r\\n", media, i);
	sprintf(line + at, "\"}}");
	say(1, line);
	assert_says(heard(1), "\"status\":413");
	ck_assert_uint_eq(to_worker[0].in + to_worker[1].in, 0);
	free(line);
	say(1, REQUEST("2", "node.drain", "{}"));
	heard(1);
	ck_assert_uint_eq(drained_count, 1); /* nothing of it is left that a drain would wait for */
}
END_TEST

START_TEST(notifications_and_empty_lines_are_not_answered)
{
	say(1, "{\"jsonrpc\":\"2.0\",\"method\":\"node.info\"}");
	say(1, "{\"jsonrpc\":\"2.0\",\"method\":\"no.such\"}");
	say(1, "  ");
	ck_assert_str_eq(heard(1), "(nothing)");
}
END_TEST

START_TEST(contexts_go_to_the_least_loaded_worker)
{
	make_context(1, "1-a", "x");
	make_context(0, "0-a", "x");
	say(1, REQUEST("9", "context.delete", "{\"contextId\":\"0-a\"}"));
	ck_assert_str_eq(asked(0), "context.delete {\"contextId\":\"0-a\"}");
	tell(0, RESULT("{}"));
	ck_assert_str_eq(heard(1), "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}");
	make_context(0, "0-b", "x");
	ck_assert_uint_eq(desk_contexts(desk), 2);
	ck_assert_uint_eq(desk_contexts_of(desk, 0), 1);
}
END_TEST

START_TEST(answers_may_come_out_of_order)
{
	char *first;

	say(1, REQUEST("1", "context.create", "{\"context\":" DOCUMENT "}"));
	say(1, REQUEST("2", "context.create", "{\"context\":" DOCUMENT "}"));
	asked(1);
	asked(0);
	first = last_id[1];
	ck_assert_ptr_nonnull(first);
	tell(0, RESULT("{\"contextId\":\"0-a\"}"));
	assert_says(heard(1), "\"id\":2,\"result\":{\"contextId\":\"0-a\"}");
	tell(1, RESULT("{\"contextId\":\"1-a\"}"));
	assert_says(heard(1), "\"id\":1,\"result\":{\"contextId\":\"1-a\"}");
}
END_TEST

START_TEST(an_answer_of_the_wrong_worker_or_to_nobody_is_ignored)
{
	say(1, REQUEST("1", "context.create", "{\"context\":" DOCUMENT "}"));
	asked(1);
	last_id[0] = strdup(last_id[1]);
	tell(0, RESULT("{\"contextId\":\"0-a\"}"));
	tell(0, "{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{}}");
	tell(0, "not json");
	tell(0, "{}");
	ck_assert_str_eq(heard(1), "(nothing)");
	tell(1, RESULT("{\"contextId\":\"1-a\"}"));
	assert_says(heard(1), "1-a");
}
END_TEST

START_TEST(a_refusal_of_the_worker_reaches_the_controller_unchanged)
{
	say(1, REQUEST("1", "context.create", "{\"context\":" DOCUMENT "}"));
	asked(1);
	tell(1, "{\"jsonrpc\":\"2.0\",\"id\":@,\"error\":{\"code\":-32000,\"message\":\"m\","
		"\"data\":{\"status\":400}}}");
	ck_assert_str_eq(heard(1), "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,"
				   "\"message\":\"m\",\"data\":{\"status\":400}}}");
	ck_assert_uint_eq(desk_contexts(desk), 0);
}
END_TEST

START_TEST(update_and_get_go_to_the_worker_that_has_the_context)
{
	make_context(1, "1-a", "old");
	say(1, REQUEST("1", "context.update", "{\"contextId\":\"1-a\",\"patch\":[]}"));
	ck_assert_str_eq(asked(1), "context.update {\"contextId\":\"1-a\",\"patch\":[]}");
	tell(1, RESULT("{\"contextId\":\"1-a\",\"dcmf\":{\"owner\":\"new\"}}"));
	assert_says(heard(1), "\"new\"");
	say(1, REQUEST("2", "context.get", "{\"contextId\":\"1-a\"}"));
	ck_assert_str_eq(asked(1), "context.get {\"contextId\":\"1-a\"}");
	tell(1, RESULT("{\"contextId\":\"1-a\"}"));
	assert_says(heard(1), "\"id\":2");
}
END_TEST

START_TEST(beyond_the_limit_of_contexts_a_create_is_refused)
{
	make_context(1, "1-a", "x");
	make_context(0, "0-a", "x");
	say(1, REQUEST("1", "context.create", "{\"context\":" DOCUMENT "}"));
	say(1, REQUEST("2", "context.create", "{\"context\":" DOCUMENT "}"));
	assert_says(heard(1), "\"id\":2,\"error\":{\"code\":-32000,\"message\":\"limits.contexts "
			      "is reached: 3\"");
}
END_TEST

START_TEST(too_many_unanswered_requests_of_one_controller_are_refused_and_others_are_not)
{
	make_context(1, "1-a", "x");
	for (int i = 0; i < 4; i++)
		say(1, REQUEST("1", "context.get", "{\"contextId\":\"1-a\"}"));
	ck_assert_str_eq(heard(1), "(nothing)");
	ck_assert_uint_eq(desk_controller_at_workers(desk, 1), 4);
	ck_assert_uint_eq(desk_controller_at_workers(desk, 2), 0);
	say(1, REQUEST("2", "context.get", "{\"contextId\":\"1-a\"}"));
	assert_says(heard(1), "NF_CONGESTION_RISK");
	say(2, REQUEST("3", "context.get", "{\"contextId\":\"1-a\"}"));
	ck_assert_str_eq(heard(2), "(nothing)");
	for (int i = 0; i < 5; i++) {
		asked(1);
		tell(1, RESULT("{}"));
	}
	assert_says(heard(2), "\"id\":3,\"result\"");
	ck_assert_uint_eq(desk_controller_at_workers(desk, 1), 0);
	ck_assert_uint_eq(desk_controller_at_workers(desk, 2), 0);
	ck_assert_uint_eq(desk_controller_at_workers(desk, 99), 0);
}
END_TEST

START_TEST(without_a_worker_a_create_is_refused)
{
	desk_worker_lost(desk, now, 0, "gone");
	deaf[1] = true;
	say(1, REQUEST("1", "context.create", "{\"context\":" DOCUMENT "}"));
	assert_says(heard(1), "NF_CONGESTION_RISK");
	desk_worker_lost(desk, now, 1, "gone");
	say(1, REQUEST("2", "context.create", "{\"context\":" DOCUMENT "}"));
	assert_says(heard(1), "no worker is running");
	ck_assert(!desk_is_ready(desk));
}
END_TEST

START_TEST(a_controller_that_leaves_mid_request_leaves_no_context)
{
	say(1, REQUEST("1", "context.create", "{\"context\":" DOCUMENT "}"));
	asked(1);
	desk_controller_left(desk, now, 1);
	tell(1, RESULT("{\"contextId\":\"1-a\"}"));
	ck_assert_str_eq(asked(1), "context.delete {\"contextId\":\"1-a\"}");
	tell(1, RESULT("{}"));
	ck_assert_uint_eq(desk_contexts(desk), 0);
	ck_assert_str_eq(heard(1), "(nothing)");
}
END_TEST

START_TEST(a_controller_that_has_hung_up_and_is_not_missed_yet_leaves_no_context)
{
	say(1, REQUEST("1", "context.create", "{\"context\":" DOCUMENT "}"));
	asked(1);
	hung_up[1] = true;
	tell(1, RESULT("{\"contextId\":\"1-a\"}"));
	ck_assert_str_eq(asked(1), "context.delete {\"contextId\":\"1-a\"}");
	tell(1, RESULT("{}"));
	desk_controller_left(desk, now, 1);
	ck_assert_uint_eq(desk_contexts(desk), 0);
	ck_assert_str_eq(heard(1), "(nothing)");
}
END_TEST

START_TEST(a_controller_that_leaves_afterwards_keeps_its_contexts)
{
	make_context(1, "1-a", "x");
	desk_controller_left(desk, now, 1);
	ck_assert_uint_eq(desk_contexts(desk), 1);
	ck_assert_str_eq(asked(1), "(nothing)");
}
END_TEST

START_TEST(a_worker_that_does_not_answer_costs_500_and_its_late_context_is_undone)
{
	say(1, REQUEST("1", "context.create", "{\"context\":" DOCUMENT "}"));
	asked(1);
	ck_assert_int_eq(desk_deadline(desk).us, tick_add(now, TICK_S(5)).us);
	desk_expire(desk, tick_add(now, TICK_S(4)));
	ck_assert_str_eq(heard(1), "(nothing)");
	desk_expire(desk, tick_add(now, TICK_S(5)));
	assert_says(heard(1), "\"cause\":\"SYSTEM_FAILURE\"");
	ck_assert(tick_is_never(desk_deadline(desk)));
	tell(1, RESULT("{\"contextId\":\"1-a\"}"));
	assert_says(asked(1), "context.delete");
	ck_assert_str_eq(heard(1), "(nothing)");
}
END_TEST

START_TEST(a_lost_worker_is_told_with_its_contexts_and_its_requests_fail)
{
	const char *line;

	make_context(1, "1-a", "alice");
	make_context(0, "0-a", "bob");
	say(2, REQUEST("1", "events.subscribe", "{\"types\":[\"worker.lost\"]}"));
	assert_says(heard(2), "\"result\":{}");
	say(1, REQUEST("2", "context.get", "{\"contextId\":\"1-a\"}"));
	assert_says(asked(1), "context.get");
	desk_worker_lost(desk, now, 1, "killed by signal 9");
	ck_assert_str_eq(heard(2),
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"type\":\"worker.lost\","
		"\"worker\":1,\"detail\":\"killed by signal "
		"9\",\"contexts\":[{\"contextId\":\"1-a\","
		"\"owner\":\"alice\"}],\"time\":\"2023-11-14T22:13:20.123Z\"}}");
	line = heard(1);
	assert_says(line, "worker 1 died while it worked on the request");
	ck_assert_uint_eq(desk_contexts(desk), 1);
	say(1, REQUEST("3", "context.get", "{\"contextId\":\"1-a\"}"));
	assert_says(heard(1), "CONTEXT_NOT_FOUND");
	desk_worker_up(desk, now, 1);
	ck_assert(desk_is_ready(desk));
	make_context(1, "1-b", "carol");
}
END_TEST

START_TEST(a_page_of_contexts_is_collected_over_the_workers)
{
	make_context(1, "1-a", "x");
	make_context(0, "0-a", "x");
	make_context(1, "1-b", "x");
	say(1, REQUEST("1", "context.list", "{\"limit\":2}"));
	ck_assert_str_eq(asked(0), "context.list {\"limit\":2}");
	tell(0, RESULT("{\"contexts\":[{\"contextId\":\"0-a\"}]}"));
	ck_assert_str_eq(asked(1), "context.list {\"limit\":1}");
	tell(1, RESULT("{\"contexts\":[{\"contextId\":\"1-a\"}],\"next\":\"1-a\"}"));
	ck_assert_str_eq(heard(1),
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"contexts\":[{\"contextId\":\"0-a\"},"
		"{\"contextId\":\"1-a\"}],\"next\":\"1-a\"}}");
	say(1, REQUEST("2", "context.list", "{\"limit\":2,\"after\":\"1-a\"}"));
	ck_assert_str_eq(asked(1), "context.list {\"limit\":2,\"after\":\"1-a\"}");
	tell(1, RESULT("{\"contexts\":[{\"contextId\":\"1-b\"}]}"));
	ck_assert_str_eq(heard(1), "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"contexts\":[{"
				   "\"contextId\":\"1-b\"}]}}");
}
END_TEST

START_TEST(a_list_goes_on_when_a_worker_dies_meanwhile)
{
	make_context(1, "1-a", "x");
	make_context(0, "0-a", "x");
	say(1, REQUEST("1", "context.list", "{}"));
	asked(0);
	desk_worker_lost(desk, now, 0, "gone");
	asked(1);
	tell(1, RESULT("{\"contexts\":[{\"contextId\":\"1-a\"}]}"));
	assert_says(heard(1), "\"result\":{\"contexts\":[{\"contextId\":\"1-a\"}]}");
}
END_TEST

START_TEST(an_empty_list_needs_no_worker)
{
	say(1, REQUEST("1", "context.list", "{}"));
	ck_assert_str_eq(heard(1), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"contexts\":[]}}");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("desk");
	TCase *t = tcase_create("desk");

	log_open(fopen("/dev/null", "w"), false);
	tcase_add_checked_fixture(t, open_desk, close_desk);
	tcase_add_test(t, a_request_is_answered_with_its_own_id);
	tcase_add_test(t, node_info_says_who_is_there_and_how_it_fares);
	tcase_add_test(t, node_stats_has_the_counters_by_their_names);
	tcase_add_loop_test(t, a_bad_line_gets_its_error_and_the_next_one_works, 0,
		(int)(sizeof(bad_lines) / sizeof(bad_lines[0])));
	tcase_add_test(t, a_line_that_is_too_long_gets_an_error_without_id);
	tcase_add_test(t, a_request_that_is_nested_too_deep_is_refused_before_a_worker_sees_it);
	tcase_add_test(t, an_offer_that_becomes_too_long_for_a_worker_is_refused);
	tcase_add_test(t, notifications_and_empty_lines_are_not_answered);
	tcase_add_test(t, contexts_go_to_the_least_loaded_worker);
	tcase_add_test(t, answers_may_come_out_of_order);
	tcase_add_test(t, an_answer_of_the_wrong_worker_or_to_nobody_is_ignored);
	tcase_add_test(t, a_refusal_of_the_worker_reaches_the_controller_unchanged);
	tcase_add_test(t, update_and_get_go_to_the_worker_that_has_the_context);
	tcase_add_test(t, beyond_the_limit_of_contexts_a_create_is_refused);
	tcase_add_test(
		t, too_many_unanswered_requests_of_one_controller_are_refused_and_others_are_not);
	tcase_add_test(t, without_a_worker_a_create_is_refused);
	tcase_add_test(t, a_controller_that_leaves_mid_request_leaves_no_context);
	tcase_add_test(t, a_controller_that_has_hung_up_and_is_not_missed_yet_leaves_no_context);
	tcase_add_test(t, a_controller_that_leaves_afterwards_keeps_its_contexts);
	tcase_add_test(t, a_worker_that_does_not_answer_costs_500_and_its_late_context_is_undone);
	tcase_add_test(t, a_lost_worker_is_told_with_its_contexts_and_its_requests_fail);
	tcase_add_test(t, a_page_of_contexts_is_collected_over_the_workers);
	tcase_add_test(t, a_list_goes_on_when_a_worker_dies_meanwhile);
	tcase_add_test(t, an_empty_list_needs_no_worker);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
