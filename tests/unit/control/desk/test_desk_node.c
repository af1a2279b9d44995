/* test_desk_node.c: events, names of servers, drain, offers, and a desk without memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "tests/unit/control/desk/desk_play.h"
#include "tests/unit/main.h"

#define EVENT(type, id)                                                          \
	"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"type\":\"" type \
	"\",\"contextId\":\"" id "\"}}"

START_TEST(events_reach_those_who_want_them)
{
	say(1, REQUEST("1", "events.subscribe", "{\"types\":[\"dtls.failed\"]}"));
	say(2, REQUEST("2", "events.subscribe", "{\"contextId\":\"0-a\"}"));
	heard(1);
	heard(2);
	tell(0, EVENT("dtls.connected", "0-a"));
	ck_assert_str_eq(heard(1), "(nothing)");
	assert_says(heard(2), "\"type\":\"dtls.connected\",\"contextId\":\"0-a\",\"time\":\"2023-"
			      "11-14T22:13:20.123Z\"");
	tell(0, EVENT("dtls.failed", "0-b"));
	assert_says(heard(1), "dtls.failed");
	ck_assert_str_eq(heard(2), "(nothing)");
}
END_TEST

START_TEST(nobody_hears_events_without_asking)
{
	tell(0, EVENT("dtls.connected", "0-a"));
	ck_assert_str_eq(heard(1), "(nothing)");
}
END_TEST

START_TEST(a_context_that_a_worker_deletes_by_itself_is_forgotten)
{
	make_context(1, "1-a", "x");
	tell(1, EVENT("context.deleted", "1-a"));
	ck_assert_uint_eq(desk_contexts(desk), 0);
}
END_TEST

#define WITH_URL(url)                                                                            \
	"{\"context\":{\"terminations\":[{\"medias\":[{\"dcMedia\":{\"replaceHttpUrl\":{\"0\":{" \
	"\"streamId\":0,"                                                                        \
	"\"replaceHttpUrl\":\"" url "\"}}}}]}]}}"

START_TEST(names_of_servers_are_resolved_before_a_worker_sees_the_document)
{
	struct addr addr;
	const char *line;

	ck_assert(addr_parse(SPAN_LIT("192.0.2.80:8080"), &addr));
	say(1, REQUEST("1", "context.create", WITH_URL("http://dcsf.example:8080/alice")));
	ck_assert_str_eq(asked(1), "(nothing)");
	ck_assert_uint_eq(question_count, 1);
	ck_assert_str_eq(questions[0].host, "dcsf.example");
	ck_assert_uint_eq(questions[0].port, 8080);
	desk_resolved(desk, now, questions[0].ticket, &addr, NULL);
	line = asked(1);
	assert_says(line, "\"resolved\":{\"dcsf.example:8080\":\"192.0.2.80:8080\"}");
	desk_resolved(desk, now, questions[0].ticket, &addr, NULL); /* a ticket is good once */
	ck_assert_str_eq(asked(1), "(nothing)");
	tell(1, RESULT("{\"contextId\":\"1-a\"}"));
	assert_says(heard(1), "1-a");
}
END_TEST

START_TEST(a_name_that_cannot_be_resolved_refuses_the_request)
{
	say(1, REQUEST("1", "context.create", WITH_URL("http://dcsf.example:8080/alice")));
	desk_resolved(desk, now, questions[0].ticket, NULL, "no such name");
	assert_says(heard(1), "dcsf.example:8080: no such name");
	ck_assert_str_eq(asked(1), "(nothing)");
}
END_TEST

START_TEST(a_controller_that_leaves_while_names_are_resolved_leaves_nothing)
{
	struct addr addr;

	ck_assert(addr_parse(SPAN_LIT("192.0.2.80:8080"), &addr));
	say(1, REQUEST("1", "context.create", WITH_URL("http://dcsf.example:8080/alice")));
	desk_controller_left(desk, now, 1);
	desk_resolved(desk, now, questions[0].ticket, &addr, NULL);
	ck_assert_str_eq(asked(0), "(nothing)");
	ck_assert_str_eq(asked(1), "(nothing)");
}
END_TEST

START_TEST(a_draining_node_refuses_new_contexts_and_is_drained_when_the_last_has_gone)
{
	make_context(1, "1-a", "x");
	say(2, REQUEST("1", "events.subscribe", "{}"));
	heard(2);
	say(1, REQUEST("1", "node.drain", "{\"deadlineSeconds\":30}"));
	assert_says(heard(1), "\"state\":\"draining\",\"contexts\":1");
	assert_says(heard(2), "\"type\":\"node.draining\"");
	ck_assert_str_eq(desk_state(desk), "draining");
	ck_assert(!desk_is_ready(desk));
	say(1, REQUEST("2", "context.create", "{\"context\":" DOCUMENT "}"));
	assert_says(heard(1), "\"status\":503");
	say(1, REQUEST("3", "context.get", "{\"contextId\":\"1-a\"}"));
	asked(1);
	tell(1, RESULT("{\"contextId\":\"1-a\"}"));
	assert_says(heard(1), "\"id\":3,\"result\"");
	tell(1, EVENT("context.deleted", "1-a"));
	assert_says(heard(2), "context.deleted");
	assert_says(heard(2), "\"type\":\"node.drained\"");
	ck_assert_uint_eq(drained_count, 1);
	say(1, REQUEST("4", "node.resume", "{}"));
	assert_says(heard(1), "\"state\":\"running\"");
	make_context(0, "0-a", "x");
}
END_TEST

#define SWEEP(owner) REQUEST("9", "context.sweep", "{\"owner\":\"" owner "\"}")

START_TEST(a_sweep_deletes_what_an_owner_has_in_every_worker_and_nothing_else)
{
	make_context(1, "1-a", "x");
	make_context(0, "0-a", "x");
	make_context(1, "1-b", "y");
	say(1, SWEEP("x"));
	ck_assert_str_eq(asked(1), "(nothing)");
	ck_assert_str_eq(asked(0), "context.delete_all {\"owner\":\"x\",\"contextIds\":[\"0-a\"]}");
	tell(0, EVENT("context.deleted", "0-a"));
	tell(0, RESULT("{\"deleted\":1}"));
	ck_assert_str_eq(asked(1), "context.delete_all {\"owner\":\"x\",\"contextIds\":[\"1-a\"]}");
	tell(1, EVENT("context.deleted", "1-a"));
	tell(1, RESULT("{\"deleted\":1}"));
	assert_says(heard(1), "\"deleted\":2");
	ck_assert_uint_eq(desk_contexts(desk), 1);
}
END_TEST

START_TEST(a_sweep_of_an_owner_without_contexts_asks_no_worker)
{
	make_context(1, "1-a", "x");
	say(1, SWEEP("z"));
	assert_says(heard(1), "\"deleted\":0");
	say(1, REQUEST("9", "context.sweep", "{}"));
	assert_says(heard(1), "owner is missing");
	ck_assert_str_eq(asked(1), "(nothing)");
}
END_TEST

START_TEST(a_sweep_goes_on_behind_a_worker_that_dies)
{
	make_context(1, "1-a", "x");
	make_context(0, "0-a", "x");
	say(1, SWEEP("x"));
	asked(0);
	desk_worker_lost(desk, now, 0, "signal 9");
	asked(1);
	tell(1, RESULT("{\"deleted\":1}"));
	assert_says(heard(1), "\"deleted\":1");
}
END_TEST

START_TEST(at_the_deadline_of_a_drain_what_is_left_is_deleted)
{
	make_context(1, "1-a", "x");
	desk_drain(desk, now);
	ck_assert_int_eq(desk_deadline(desk).us, tick_add(now, TICK_S(60)).us);
	now = tick_add(now, TICK_S(60));
	desk_expire(desk, now);
	ck_assert_str_eq(asked(1), "context.delete_all {}");
	ck_assert_uint_eq(drained_count, 0);
	tell(1, EVENT("context.deleted", "1-a"));
	tell(1, RESULT("{}"));
	ck_assert_uint_eq(drained_count, 1);
	ck_assert_str_eq(desk_state(desk), "drained");
	say(1, REQUEST("1", "node.resume", "{}"));
	assert_says(heard(1), "the node is stopping");
}
END_TEST

START_TEST(a_worker_that_does_not_delete_does_not_keep_the_node)
{
	make_context(1, "1-a", "x");
	desk_drain(desk, now);
	now = tick_add(now, TICK_S(60));
	desk_expire(desk, now);
	now = tick_add(now, TICK_S(5));
	desk_expire(desk, now);
	ck_assert_uint_eq(drained_count, 1);
}
END_TEST

START_TEST(a_drain_waits_for_contexts_that_are_being_made)
{
	say(1, REQUEST("1", "context.create", "{\"context\":" DOCUMENT "}"));
	asked(1);
	desk_drain(desk, now);
	ck_assert_uint_eq(drained_count, 0);
	tell(1, RESULT("{\"contextId\":\"1-a\"}"));
	assert_says(heard(1), "1-a");
	ck_assert_uint_eq(drained_count, 0);
	tell(1, EVENT("context.deleted", "1-a"));
	ck_assert_uint_eq(drained_count, 1);
}
END_TEST

START_TEST(an_idle_node_is_drained_at_once)
{
	desk_drain(desk, now);
	ck_assert_uint_eq(drained_count, 1);
}
END_TEST

#define OFFER                                                                                 \
	"v=0\\r\\no=- 1 1 IN IP4 127.0.0.1\\r\\ns=-\\r\\nc=IN IP4 127.0.0.1\\r\\nt=0 0\\r\\n" \
	"m=application 5000 UDP/DTLS/SCTP "                                                   \
	"webrtc-datachannel\\r\\na=mid:dc\\r\\na=sctp-port:5000\\r\\n"                        \
	"a=setup:actpass\\r\\na=fingerprint:SHA-256 "                                         \
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"                                    \
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\\r\\na=dcmap:0 "                     \
	"subprotocol=\\\"http\\\"\\r\\n"

static char filled_line[8192];

/* The worker's answer to a create: its own document back, with what it would fill in. */
static void fill_and_tell(unsigned worker, const char *question, const char *id)
{
	json_t *params = json_loads(strchr(question, ' ') + 1, 0, NULL), *doc, *media;
	char *text;

	ck_assert_ptr_nonnull(params);
	doc = json_object_get(params, "context");
	json_object_set_new(doc, "contextId", json_string(id));
	media = json_array_get(
		json_object_get(json_array_get(json_object_get(doc, "terminations"), 0), "medias"),
		0);
	json_object_set_new(media, "localMbEndpoint",
		json_loads("{\"ipv4Addr\":\"127.0.0.1\",\"portNumber\":20000}", 0, NULL));
	text = js_line(doc);
	snprintf(filled_line, sizeof(filled_line), RESULT("%s"), text);
	mem_free(text);
	json_decref(params);
	tell(worker, filled_line);
}

START_TEST(an_offer_becomes_a_context_or_leaves_none)
{
	const char *question, *line;

	say(1, REQUEST("1", "sdp.terminate",
		       "{\"sdp\":\"" OFFER "\",\"dcMedia\":{\"*\":{}},\"owner\":\"alice\"}"));
	question = asked(1);
	assert_says(question, "context.create {\"context\":{");
	assert_says(question, "\"owner\":\"alice\"");
	fill_and_tell(1, question, "1-a");
	line = heard(1);
	if (strstr(line, "\"error\"") != NULL) {
		assert_says(asked(1), "context.delete {\"contextId\":\"1-a\"}");
		ck_assert_uint_eq(desk_contexts(desk), 0);
		return;
	}
	assert_says(line, "\"contextId\":\"1-a\",\"sdp\":\"v=0");
	ck_assert_uint_eq(desk_contexts(desk), 1);
	say(1, REQUEST("2", "sdp.terminate",
		       "{\"sdp\":\"" OFFER "\",\"dcMedia\":{\"*\":{}},\"contextId\":\"1-a\"}"));
	question = asked(1);
	assert_says(question, "context.replace {");
	assert_says(question, "\"owner\":\"alice\"");
}
END_TEST

START_TEST(an_answer_that_cannot_be_written_leaves_no_context)
{
	say(1, REQUEST("1", "sdp.terminate", "{\"sdp\":\"" OFFER "\",\"dcMedia\":{\"*\":{}}}"));
	asked(1);
	tell(1, RESULT("{\"contextId\":\"1-a\"}"));
	if (strstr(heard(1), "\"error\"") == NULL)
		return; /* every line refused with port 0 is an answer too */
	assert_says(asked(1), "context.delete {\"contextId\":\"1-a\"}");
	ck_assert_uint_eq(desk_contexts(desk), 0);
}
END_TEST

/* A whole story, for the sweep. */
static void story(void)
{
	struct addr addr;

	addr_parse(SPAN_LIT("192.0.2.80:8080"), &addr);
	now = (tick_t){ 0 };
	question_count = 0;
	desk = desk_create(&desk_defaults, now);
	if (desk == NULL)
		return;
	desk_worker_up(desk, now, 1);
	desk_controller_joined(desk, 1, "a");
	say(1, REQUEST("1", "events.subscribe",
		       "{\"types\":[\"worker.lost\",\"context.deleted\"],\"contextId\":\"1-a\"}"));
	say(1, REQUEST("2", "events.subscribe", "{}"));
	say(1, REQUEST("3", "context.create", WITH_URL("http://dcsf.example:8080/alice")));
	if (question_count > 0)
		desk_resolved(desk, now, questions[0].ticket, &addr, NULL);
	if (strstr(asked(1), "context.create") != NULL)
		tell(1, RESULT("{\"contextId\":\"1-a\",\"dcmf\":{\"owner\":\"o\"}}"));
	say(1, REQUEST("4", "context.list", "{\"limit\":5}"));
	if (strstr(asked(1), "context.list") != NULL)
		tell(1, RESULT("{\"contexts\":[{\"contextId\":\"1-a\"}]}"));
	say(1, REQUEST("5", "node.info", "{}"));
	say(1, REQUEST("6", "node.stats", "{}"));
	say(1, REQUEST("7", "context.update", "{\"contextId\":\"1-a\",\"patch\":[]}"));
	say(1, REQUEST("8", "context.delete", "{\"contextId\":\"1-a\"}"));
	desk_worker_lost(desk, now, 1, "gone");
	desk_drain(desk, now);
}

/*
 * jansson 2.14 itself does not survive it: its lexer ignores that its buffer could
 * not grow and overruns it. So jansson gets a second try, and the sweep goes
 * through the allocations of our own code.
 */
static void *alloc_twice(size_t size)
{
	void *p = mem_alloc(size);

	return p != NULL ? p : mem_alloc(size);
}

START_TEST(running_out_of_memory_at_any_point_leaks_nothing)
{
	long before;
	unsigned long n;

	close_desk(); /* the fixture's */
	json_set_alloc_funcs(alloc_twice, mem_free);
	before = mem_live();
	for (n = 1;; n++) {
		bool failed;

		mem_fail_at(n);
		story();
		failed = mem_failed();
		mem_fail_at(0);
		close_desk();
		ck_assert_int_eq(mem_live(), before);
		if (!failed)
			break;
	}
	ck_assert_uint_gt(n, 100);
	json_set_alloc_funcs(mem_alloc, mem_free);
	open_desk();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("desk_node");
	TCase *t = tcase_create("desk_node");

	log_open(fopen("/dev/null", "w"), false);
	tcase_add_checked_fixture(t, open_desk, close_desk);
	tcase_add_test(t, events_reach_those_who_want_them);
	tcase_add_test(t, nobody_hears_events_without_asking);
	tcase_add_test(t, a_context_that_a_worker_deletes_by_itself_is_forgotten);
	tcase_add_test(t, names_of_servers_are_resolved_before_a_worker_sees_the_document);
	tcase_add_test(t, a_name_that_cannot_be_resolved_refuses_the_request);
	tcase_add_test(t, a_controller_that_leaves_while_names_are_resolved_leaves_nothing);
	tcase_add_test(
		t, a_draining_node_refuses_new_contexts_and_is_drained_when_the_last_has_gone);
	tcase_add_test(t, a_sweep_deletes_what_an_owner_has_in_every_worker_and_nothing_else);
	tcase_add_test(t, a_sweep_of_an_owner_without_contexts_asks_no_worker);
	tcase_add_test(t, a_sweep_goes_on_behind_a_worker_that_dies);
	tcase_add_test(t, at_the_deadline_of_a_drain_what_is_left_is_deleted);
	tcase_add_test(t, a_worker_that_does_not_delete_does_not_keep_the_node);
	tcase_add_test(t, a_drain_waits_for_contexts_that_are_being_made);
	tcase_add_test(t, an_idle_node_is_drained_at_once);
	tcase_add_test(t, an_offer_becomes_a_context_or_leaves_none);
	tcase_add_test(t, an_answer_that_cannot_be_written_leaves_no_context);
	tcase_add_test(t, running_out_of_memory_at_any_point_leaks_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
