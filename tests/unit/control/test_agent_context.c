/* test_agent_context.c: the context methods of the worker's half of control, as a transcript. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "tests/unit/control/fake_front.h"
#include "tests/unit/control/fake_relay.h"
#include "tests/unit/main.h"

START_TEST(a_context_is_made_shown_changed_and_deleted)
{
	struct front f;
	const char *id;
	char line[256];

	front_start_now(&f);
	id = make(&f, CONTEXT(""));
	ck_assert_uint_eq(strlen(id), strlen("3-0123456789ab"));
	ck_assert_int_eq(strncmp(id, "3-", 2), 0);
	ck_assert_str_eq(fake_relay(f.relay)->wish,
		"owner=alice ue{m0 http if=- remote=- ice=- fp=0 setup=none sctp=5000 max=65536 "
		"tls=- dcep=no "
		"0[ordered reliable 256 label=- -] 0>http://127.0.0.1/a@127.0.0.1:80}");

	ask(&f, "context.get", "{\"contextId\":\"%s\"}", id);
	hear(&f, RESULT("2", "{*\"status\":{\"state\":\"waiting\",*"));

	ask(&f, "context.update",
		"{\"contextId\":\"%s\",\"patch\":[{\"op\":\"add\",\"path\":\"/terminations/0/"
		"medias/0/remoteMbEndpoint\",\"value\":{"
		"\"ip\":{\"ipv4Addr\":\"192.0.2.1\"},\"transport\":\"UDP\",\"portNumber\":4000}}]}",
		id);
	hear(&f, RESULT("2", "{*\"remoteMbEndpoint\":{*\"portNumber\":4000}*"));
	ck_assert_ptr_nonnull(strstr(fake_relay(f.relay)->wish, "remote=192.0.2.1:4000"));

	ask(&f, "context.replace", "{\"contextId\":\"%s\",\"context\":" CONTEXT("") "}", id);
	hear(&f, RESULT("2", "{*"));
	ck_assert_ptr_nonnull(strstr(fake_relay(f.relay)->wish, "remote=- "));
	ck_assert_uint_eq(fake_relay(f.relay)->updated, 2);

	say(&f, CALL("3", "context.list", "{}"));
	snprintf(line, sizeof(line),
		RESULT("3", "{\"contexts\":[{\"contextId\":\"%s\",\"owner\":\"alice\",\"medias\":1,"
			    "\"open\":0}]}"),
		id);
	hear(&f, line);

	ask(&f, "context.delete", "{\"contextId\":\"%s\"}", id);
	hear(&f, RESULT("2", "{}"));
	ck_assert_int_eq(fake_relay(f.relay)->delete_reason, CLOSE_LOCAL);
	ask(&f, "context.delete", "{\"contextId\":\"%s\"}", id);
	hear(&f, REFUSED("2", "404", "CONTEXT_NOT_FOUND"));
	hear_nothing(&f);
	front_close(&f);
}
END_TEST

START_TEST(who_asks_for_no_context_is_told)
{
	static const char *const methods[] = { "context.get", "context.update", "context.replace",
		"context.delete" };
	struct front f;

	front_start_now(&f);
	for (size_t i = 0; i < 4; i++) {
		ask(&f, methods[i], "{\"contextId\":\"%s\",\"patch\":[],\"context\":{}}",
			"3-nothing");
		hear(&f, ERROR("2", "-32000",
				 "\"message\":\"there is no context "
				 "3-nothing\",*\"CONTEXT_NOT_FOUND\"}"));
		ask(&f, methods[i], "{\"context\":\"%s\"}", "x");
		hear(&f, ERROR("2", "-32602", "\"message\":\"contextId is missing or no text\""));
	}
	front_close(&f);
}
END_TEST

#define WITH_SERVER                                                                            \
	"{\"context\":{\"terminations\":[{\"terminationId\":\"ue\",\"medias\":[" MEDIA(        \
		"") ",{\"mediaId\":\"m1\",\"mediaResourceType\":\"DC\",\"dcMedia\":{"          \
		    "\"mediaProxyConfig\":\"UDP_PROXY\",\"mdc2Info\":{}},\"dcmf\":{\"mdc2\":{" \
		    "\"interface\":\"core\"}}}]}]}}"

START_TEST(a_refused_create_leaves_nothing_behind)
{
	struct front f;
	struct fake_relay *fake;

	front_start_now(&f);
	fake = fake_relay(f.relay);
	say(&f, CALL("1", "context.create", "{\"context\":{}}"));
	hear(&f, REFUSED("1", "400", "MANDATORY_IE_MISSING"));
	say(&f, CALL("1", "context.create",
			"{\"context\":{\"terminations\":[{\"terminationId\":\"ue\",\"medias\":"
			"[" MEDIA(",\"arMedia\":{"
				  "\"mediaProcessingSpec\":\"x\"}") "]}]}}"));
	hear(&f, REFUSED("1", "501", "UNSPECIFIED_NF_FAILURE"));
	fake->refuse = ERR_NO_PORT;
	fake->refuse_termination = 0;
	fake->refuse_media = 0;
	say(&f, CALL("1", "context.create", "{\"context\":" CONTEXT("") "}"));
	hear(&f, ERROR("1", "-32000",
			 "\"message\":\"/terminations/0/medias/0: the fake "
			 "refuses\",\"data\":{*\"status\":500,*"
			 "\"cause\":\"INSUFFICIENT_RESOURCES\",\"invalidParams\":[{\"param\":\"/"
			 "terminations/0/medias/0\","
			 "\"reason\":\"the fake refuses\"}]}"));
	fake->refuse = ERR_NOT_FOUND;
	say(&f, CALL("1", "context.create", "{\"context\":" CONTEXT("") "}"));
	hear(&f, ERROR("1", "-32000",
			 "\"message\":\"/terminations/0/medias/0/dcmf/interface: there is no media "
			 "interface*"));
	/* of the server's side, which the document does not know as a termination */
	fake->refuse_termination = 1;
	say(&f, CALL("1", "context.create", WITH_SERVER));
	hear(&f, ERROR("1", "-32000",
			 "\"message\":\"/terminations/0/medias/1/dcmf/mdc2/interface: there is*"));
	fake->refuse = ERR_CRYPTO;
	fake->refuse_termination = -1;
	say(&f, CALL("1", "context.create", "{\"context\":" CONTEXT("") "}"));
	hear(&f, REFUSED("1", "500", "SYSTEM_FAILURE"));
	say(&f, CALL("9", "context.list", "{}"));
	hear(&f, RESULT("9", "{\"contexts\":[]}"));
	ck_assert_uint_eq(fake->created, 0);
	front_close(&f);
}
END_TEST

START_TEST(a_refusal_by_policy_is_an_event)
{
	struct front f;

	front_start_now(&f);
	say(&f, CALL("1", "context.create",
			"{\"context\":{\"dcmf\":{\"owner\":\"bob\"},\"terminations\":[{"
			"\"terminationId\":\"ue\",\"medias\":[{\"mediaId\":"
			"\"m\",\"mediaResourceType\":\"DC\",\"dcMedia\":{\"mediaProxyConfig\":"
			"\"UDP_PROXY\",\"streams\":{\"0\":{"
			"\"streamId\":0}}}}]}]}}"));
	hear(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"type\":\"policy."
		 "refused\",\"time\":\"*Z\",\"owner\":\"bob\","
		 "\"detail\":\"*built-in tail: bdc ends here*\"}}");
	hear(&f, REFUSED("1", "403", "SECURITY_POLICY"));
	front_close(&f);
}
END_TEST

START_TEST(a_patch_is_done_whole_or_not_at_all)
{
	struct front f;
	char *before;
	const char *id;

	front_start_now(&f);
	id = make(&f, CONTEXT(""));
	ask(&f, "context.get", "{\"contextId\":\"%s\"}", id);
	before = strdup(f.lines[0]);
	front_forget(&f);
	for (int fail_at = 0; fail_at < 5; fail_at++) {
		char params[1024] = "{\"contextId\":\"%s\",\"patch\":[";

		for (int i = 0; i < 5; i++)
			sprintf(params + strlen(params),
				"%s{\"op\":\"%s\",\"path\":\"/terminations/0/medias/0/dcMedia/"
				"maxMessageSize\",\"value\":%d}",
				i > 0 ? "," : "", i == fail_at ? "test" : "add", i + 40);
		strcat(params, "]}");
		ask(&f, "context.update", params, id);
		hear(&f, REFUSED("2", "409", "UNSPECIFIED_MSG_FAILURE"));
		ask(&f, "context.get", "{\"contextId\":\"%s\"}", id);
		hear(&f, before);
		front_forget(&f);
	}
	/* as a document it is wrong; the relay does not want it */
	ask(&f, "context.update",
		"{\"contextId\":\"%s\",\"patch\":[{\"op\":\"remove\",\"path\":\"/terminations/0/"
		"medias/0/dcMedia/streams/0\"}]}",
		id);
	hear(&f, REFUSED("2", "400", "MANDATORY_IE_MISSING"));
	fake_relay(f.relay)->refuse = ERR_STATE;
	ask(&f, "context.update",
		"{\"contextId\":\"%s\",\"patch\":[{\"op\":\"add\",\"path\":\"/terminations/0/"
		"medias/0/dcMedia/streams/10\",\"value\":{"
		"\"streamId\":10}}]}",
		id);
	hear(&f, REFUSED("2", "409", "UNSPECIFIED_MSG_FAILURE"));
	ask(&f, "context.get", "{\"contextId\":\"%s\"}", id);
	hear(&f, before);
	ck_assert_uint_eq(fake_relay(f.relay)->updated, 0);
	free(before);
	front_close(&f);
}
END_TEST

START_TEST(a_context_keeps_its_id_and_its_own_endpoints)
{
	struct front f;
	const char *id;

	front_start_now(&f);
	id = make(&f, CONTEXT(""));
	ask(&f, "context.update",
		"{\"contextId\":\"%s\",\"patch\":[{\"op\":\"replace\",\"path\":\"/"
		"contextId\",\"value\":\"3-x\"}]}",
		id);
	hear(&f, REFUSED("2", "403", "MODIFICATION_NOT_ALLOWED"));
	ask(&f, "context.update",
		"{\"contextId\":\"%s\",\"patch\":[{\"op\":\"remove\",\"path\":\"/terminations/0/"
		"medias/0/localMbEndpoint\"}]}",
		id);
	hear(&f, RESULT("2", "{*\"localMbEndpoint\":{*"));
	ask(&f, "context.update",
		"{\"contextId\":\"%s\",\"patch\":[{\"op\":\"test\",\"path\":\"/terminations/0/"
		"medias/0/localMbEndpoint/portNumber\","
		"\"value\":20000}]}",
		id);
	hear(&f, RESULT("2", "{*"));
	front_close(&f);
}
END_TEST

START_TEST(the_remote_sides_ice_is_not_mixed_up_with_ours)
{
	static const char with_ice[] =
		"{\"terminations\":[{\"terminationId\":\"ue\",\"medias\":[" MEDIA(
			",\"dcmf\":{\"ice\":{\"ufrag\":\"abcd\",\"pwd\":\"aaaaaaaaaaaaaaaaaaaaaa\","
			"\"restart\":true}}") "]}]}";
	struct front f;
	json_t *answer, *params;
	const char *id;
	char *line, *text;

	front_start_now(&f);
	id = make(&f, with_ice);
	ck_assert_ptr_nonnull(
		strstr(fake_relay(f.relay)->wish, "ice=abcd:aaaaaaaaaaaaaaaaaaaaaa! "));
	ask(&f, "context.get", "{\"contextId\":\"%s\"}", id);
	hear(&f, RESULT("2", "{*\"ice\":{\"ufrag\":\"oursoursours\",*"));
	/* the whole of it back: nothing changes, and no second restart */
	answer = json_loads(f.lines[0], 0, NULL);
	params = json_pack(
		"{s:s,s:O}", "contextId", id, "context", json_object_get(answer, "result"));
	text = js_line(params);
	line = mem_printf(
		"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"context.replace\",\"params\":%s}",
		text);
	mem_free(text);
	say(&f, line);
	hear(&f, RESULT("5", "{*"));
	ck_assert_ptr_nonnull(
		strstr(fake_relay(f.relay)->wish, "ice=abcd:aaaaaaaaaaaaaaaaaaaaaa fp"));
	/* a patch speaks of the remote side */
	ask(&f, "context.update",
		"{\"contextId\":\"%s\",\"patch\":[{\"op\":\"test\",\"path\":\"/terminations/0/"
		"medias/0/dcmf/ice/ufrag\",\"value\":\"abcd\"},"
		"{\"op\":\"replace\",\"path\":\"/terminations/0/medias/0/dcmf/ice/"
		"ufrag\",\"value\":\"anew\"}]}",
		id);
	hear(&f, RESULT("2", "{*\"ice\":{\"ufrag\":\"oursoursours\",*"));
	ck_assert_ptr_nonnull(strstr(fake_relay(f.relay)->wish, "ice=anew:"));
	mem_free(line);
	json_decref(params);
	json_decref(answer);
	front_close(&f);
}
END_TEST

START_TEST(addresses_that_were_resolved_are_remembered)
{
	static const char with_name[] =
		"{\"context\":{\"terminations\":[{\"terminationId\":\"ue\",\"medias\":[{"
		"\"mediaId\":\"m\",\"mediaResourceType\":\"DC\","
		"\"dcMedia\":{\"mediaProxyConfig\":\"HTTP_PROXY\",\"streams\":{\"0\":{\"streamId\":"
		"0}},\"replaceHttpUrl\":{\"0\":{"
		"\"replaceHttpUrl\":\"https://a.example/"
		"\"}}}}]}]},\"resolved\":{\"a.example:443\":\"192.0.2.8:443\"}%s";
	struct front f;
	json_t *answer;
	char id[64];

	front_start_now(&f);
	ask(&f, "context.create", with_name, "}");
	answer = json_loads(f.lines[f.count - 1], 0, NULL);
	snprintf(id, sizeof(id), "%s", js_get_text(json_object_get(answer, "result"), "contextId"));
	json_decref(answer);
	front_forget(&f);
	ask(&f, "context.update",
		"{\"contextId\":\"%s\",\"patch\":[{\"op\":\"add\",\"path\":\"/terminations/0/"
		"medias/0/dcMedia/streams/10\",\"value\":{"
		"\"streamId\":10}}]}",
		id);
	hear(&f, RESULT("2", "{*"));
	ck_assert_ptr_nonnull(
		strstr(fake_relay(f.relay)->wish, "0>https://a.example/@192.0.2.8:443"));
	ask(&f, "context.update",
		"{\"contextId\":\"%s\",\"patch\":[{\"op\":\"replace\",\"path\":\"/terminations/0/"
		"medias/0/dcMedia/replaceHttpUrl/0/"
		"replaceHttpUrl\",\"value\":\"https://b.example/\"}]}",
		id);
	hear(&f, REFUSED("2", "400", "OPTIONAL_IE_INCORRECT"));
	ask(&f, "context.update",
		"{\"contextId\":\"%s\",\"resolved\":{\"b.example:443\":\"192.0.2.9:443\"},"
		"\"patch\":[{\"op\":\"replace\",\"path\":"
		"\"/terminations/0/medias/0/dcMedia/replaceHttpUrl/0/"
		"replaceHttpUrl\",\"value\":\"https://b.example/\"}]}",
		id);
	hear(&f, RESULT("2", "{*"));
	ck_assert_ptr_nonnull(
		strstr(fake_relay(f.relay)->wish, "0>https://b.example/@192.0.2.9:443"));
	front_close(&f);
}
END_TEST

START_TEST(a_context_is_answered_in_the_shape_it_came_in)
{
	static const char early[] = "{\"terminations\":[{\"terminationId\":\"ue\",\"medias\":[{"
				    "\"mediaId\":\"m\",\"mediaResourceType\":\"DC\",\"dcMedia\":{"
				    "\"mediaProxyConfig\":\"HTTP\",\"streams\":{\"0\":{}},"
				    "\"securitySetup\":\"ACTPASS\"}}]}]}";
	struct front f;
	const char *id;

	front_start_now(&f);
	id = make(&f, early);
	ask(&f, "context.get", "{\"contextId\":\"%s\"}", id);
	hear(&f, RESULT("2", "{*\"mediaProxyConfig\":\"HTTP\",*\"localDcEndpoint\":{\"sctpPort\":"
			     "5000,\"tlsId\":*,\"fingerprint\":\"SHA-256 *"
			     "\"securitySetup\":\"PASSIVE\"*"));
	ck_assert_ptr_nonnull(strstr(fake_relay(f.relay)->wish, "setup=actpass"));
	/* patches have its paths, and the setup role in them is the remote side's */
	ask(&f, "context.update",
		"{\"contextId\":\"%s\",\"patch\":[{\"op\":\"test\",\"path\":\"/terminations/0/"
		"medias/0/dcMedia/securitySetup\",\"value\":"
		"\"ACTPASS\"},{\"op\":\"replace\",\"path\":\"/terminations/0/medias/0/dcMedia/"
		"securitySetup\",\"value\":\"ACTIVE\"}]}",
		id);
	hear(&f, RESULT("2", "{*\"mediaProxyConfig\":\"HTTP\",*"));
	ck_assert_ptr_nonnull(strstr(fake_relay(f.relay)->wish, "setup=active"));
	/* replaced by the newer shape, it is answered in that */
	ask(&f, "context.replace", "{\"contextId\":\"%s\",\"context\":" CONTEXT("") "}", id);
	hear(&f, RESULT("2", "{*\"mediaProxyConfig\":\"HTTP_PROXY\",*"));
	front_close(&f);
}
END_TEST

START_TEST(lists_come_in_pages)
{
	struct front f;
	json_t *answer, *result;
	char line[256], after[64] = "", one[64] = "";
	unsigned seen = 0, pages = 0;

	front_start_now(&f);
	for (int i = 0; i < 25; i++)
		make(&f, CONTEXT(""));
	do {
		const char *next;
		size_t i;
		json_t *entry;

		snprintf(line, sizeof(line),
			CALL("1", "context.list", "{\"limit\":10,\"after\":\"%s\"}"), after);
		say(&f, line);
		answer = json_loads(f.lines[0], 0, NULL);
		result = json_object_get(answer, "result");
		json_array_foreach (json_object_get(result, "contexts"), i, entry) {
			ck_assert_str_gt(js_get_text(entry, "contextId"), after);
			snprintf(after, sizeof(after), "%s", js_get_text(entry, "contextId"));
			snprintf(one, sizeof(one), "%s", after);
			seen++;
		}
		next = js_get_text(result, "next");
		pages += 1;
		ck_assert(next == NULL || strcmp(next, after) == 0);
		if (next == NULL)
			after[0] = '\0';
		json_decref(answer);
		front_forget(&f);
	} while (after[0] != '\0');
	ck_assert_uint_eq(seen, 25);
	ck_assert_uint_eq(pages, 3);
	say(&f, CALL("1", "context.list", "{\"limit\":0}"));
	hear(&f, ERROR("1", "-32602", "*"));
	snprintf(line, sizeof(line),
		CALL("2", "context.delete_all", "{\"contextIds\":[\"%s\",\"0-gone\",\"%s\",7]}"),
		one, one);
	say(&f, line);
	hear(&f, RESULT("2", "{\"deleted\":1}"));
	ck_assert_int_eq(fake_relay(f.relay)->delete_reason, CLOSE_LOCAL);
	say(&f, CALL("2", "context.delete_all", "{}"));
	hear(&f, RESULT("2", "{\"deleted\":24}"));
	ck_assert_int_eq(fake_relay(f.relay)->delete_reason, CLOSE_SHUTDOWN);
	ck_assert_uint_eq(fake_relay(f.relay)->deleted, 25);
	front_close(&f);
}
END_TEST

/* Memory */

START_TEST(a_create_without_memory_leaves_nothing_behind)
{
	struct front f;
	long before;

	front_start_now(&f);
	front_forget(&f);
	before = mem_live();
	for (unsigned long n = 1;; n++) {
		char last[4096] = "silence";
		int failed;

		mem_fail_at(n);
		say(&f, CALL("1", "context.create", "{\"context\":" CONTEXT("") "}"));
		failed = mem_failed();
		mem_fail_at(0);
		if (!failed)
			break;
		if (f.count > 0)
			snprintf(last, sizeof(last), "%s", f.lines[f.count - 1]);
		/* a failure that was got over leaves a context that was answered */
		if (f.count == 1 && strstr(f.lines[0], "\"result\"") != NULL)
			say(&f, CALL("2", "context.delete_all", "{}"));
		front_forget(&f);
		ck_assert_msg(fake_relay(f.relay)->created == fake_relay(f.relay)->deleted,
			"at allocation %lu: %s", n, last);
		ck_assert_msg(
			mem_live() == before, "at allocation %lu: %ld", n, mem_live() - before);
	}
	hear(&f, RESULT("1", "{*"));
	front_close(&f);
}
END_TEST

START_TEST(an_update_without_memory_is_done_or_not_but_never_half)
{
	struct front f;
	const char *id;
	long before;

	front_start_now(&f);
	id = make(&f, CONTEXT(""));
	before = mem_live();
	for (unsigned long n = 1;; n++) {
		unsigned updated = fake_relay(f.relay)->updated;
		bool has_stream;
		int failed;

		mem_fail_at(n);
		ask(&f, "context.update",
			"{\"contextId\":\"%s\",\"patch\":[{\"op\":\"add\",\"path\":\"/terminations/"
			"0/medias/0/dcMedia/streams/10\","
			"\"value\":{\"streamId\":10}}]}",
			id);
		failed = mem_failed();
		mem_fail_at(0);
		front_forget(&f);
		ask(&f, "context.get", "{\"contextId\":\"%s\"}", id);
		has_stream = strstr(f.lines[0], "\"streamId\":10,") != NULL ||
			     strstr(f.lines[0], "\"streamId\":10}") != NULL;
		ck_assert_msg(has_stream == (fake_relay(f.relay)->updated > updated),
			"at allocation %lu", n);
		front_forget(&f);
		if (!failed)
			break;
		if (has_stream)
			ask(&f, "context.replace",
				"{\"contextId\":\"%s\",\"context\":" CONTEXT("") "}", id);
		front_forget(&f);
		ck_assert_msg(
			mem_live() == before, "at allocation %lu: %ld", n, mem_live() - before);
	}
	front_close(&f);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("agent_context");
	TCase *t = tcase_create("agent_context");

	log_set_level(LOG_ERROR);
	control_init();
	tcase_add_test(t, a_context_is_made_shown_changed_and_deleted);
	tcase_add_test(t, who_asks_for_no_context_is_told);
	tcase_add_test(t, a_refused_create_leaves_nothing_behind);
	tcase_add_test(t, a_refusal_by_policy_is_an_event);
	tcase_add_test(t, a_patch_is_done_whole_or_not_at_all);
	tcase_add_test(t, a_context_keeps_its_id_and_its_own_endpoints);
	tcase_add_test(t, the_remote_sides_ice_is_not_mixed_up_with_ours);
	tcase_add_test(t, addresses_that_were_resolved_are_remembered);
	tcase_add_test(t, a_context_is_answered_in_the_shape_it_came_in);
	tcase_add_test(t, lists_come_in_pages);
	tcase_add_test(t, a_create_without_memory_leaves_nothing_behind);
	tcase_add_test(t, an_update_without_memory_is_done_or_not_but_never_half);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
