/*
 * test_agent.c: the worker's half of control as a transcript: start,
 * lines that are no requests, events.
 */
#include <stdio.h>
#include <string.h>

#include "control/json.h"
#include "dcmf/base/log.h"
#include "tests/unit/control/fake_front.h"
#include "tests/unit/control/fake_relay.h"
#include "tests/unit/main.h"

/* Start */

START_TEST(a_worker_is_started_once_and_first)
{
	struct front f;

	front_open(&f);
	say(&f, CALL("1", "context.list", "{}"));
	hear(&f, ERROR("1", "-32600", "\"message\":\"worker.start comes first\""));
	say(&f, CALL("2", "worker.start",
			"{\"index\":3,\"workers\":4,\"yaml\":\"node: "
			"{}\",\"yaml_name\":\"x.yaml\",\"certificate\":\"pem\","
			"\"mdc1\":{\"ca\":\"ca\",\"key\":null},\"embedded_root\":\"http://"
			"127.0.0.1:1/\",\"embedded_addr\":"
			"\"127.0.0.1:1\"}"));
	hear(&f, RESULT("2", "{}"));
	ck_assert_str_eq(f.start, "3/4 yaml=node: {} name=x.yaml certificate=pem ca=ca "
				  "root=http://127.0.0.1:1/ at=127.0.0.1:1");
	say(&f, START);
	hear(&f, REFUSED("0", "409", "UNSPECIFIED_MSG_FAILURE"));
	hear_nothing(&f);
	front_close(&f);
}
END_TEST

START_TEST(a_worker_that_cannot_start_says_why)
{
	struct front f;

	front_open(&f);
	f.may_start = false;
	say(&f, START);
	hear(&f, ERROR("0", "-32000",
			 "\"message\":\"media.address: 203.0.113.1 cannot be "
			 "bound\",*\"SYSTEM_FAILURE\"}"));
	say(&f, CALL("1", "worker.start", "{\"index\":3}"));
	hear(&f, ERROR("1", "-32602", "\"message\":\"certificate is missing\""));
	say(&f, CALL("1", "worker.start", "{\"certificate\":\"x\",\"yaml\":5}"));
	hear(&f, ERROR("1", "-32602", "*"));
	say(&f, CALL("1", "worker.start", "{\"certificate\":\"x\",\"embedded_addr\":\"nowhere\"}"));
	hear(&f, ERROR("1", "-32602", "*"));
	f.may_start = true;
	say(&f, START);
	hear(&f, RESULT("0", "{}"));
	front_close(&f);
}
END_TEST

START_TEST(a_line_with_a_key_is_wiped)
{
	char line[] = CALL(
		"1", "worker.start", "{\"certificate\":\"-----BEGIN PRIVATE KEY----- s3cret\"}");
	struct front f;

	front_open(&f);
	agent_line(f.agent, (tick_t){ 0 }, SPAN(line, sizeof(line) - 1));
	hear(&f, RESULT("1", "{}"));
	ck_assert_ptr_nonnull(strstr(f.start, "s3cret"));
	for (size_t i = 0; i < sizeof(line) - 1; i++)
		ck_assert_int_eq(line[i], 0);
	front_close(&f);
}
END_TEST

START_TEST(certificate_and_log_level_are_reloaded)
{
	struct front f;

	front_start_now(&f);
	say(&f, CALL("1", "worker.reload", "{\"certificate\":\"new\",\"log_level\":\"debug\"}"));
	hear(&f, RESULT("1", "{}"));
	ck_assert_str_eq(f.reload, "mdc1=- mdc2=-");
	say(&f, CALL("1", "worker.reload", "{\"mdc1\":{},\"mdc2\":{\"ca\":\"c\",\"key\":\"k\"}}"));
	hear(&f, RESULT("1", "{}"));
	ck_assert_str_eq(f.reload, "mdc1=none mdc2=k");
	say(&f, CALL("1", "worker.reload", "{\"mdc2\":\"pem\"}"));
	hear(&f, ERROR("1", "-32602", "*"));
	say(&f, CALL("1", "worker.reload", "{\"certificate\":\"bad\"}"));
	hear(&f, ERROR("1", "-32000", "\"message\":\"the key does not fit\",*"));
	front_close(&f);
}
END_TEST

START_TEST(lines_that_are_no_requests_leave_the_agent_usable)
{
	struct front f;

	front_start_now(&f);
	say(&f, "garbage");
	hear(&f, ERROR("null", "-32700", "\"message\":\"the line is not JSON\""));
	say(&f, CALL("7", "context.dance", "{}"));
	hear(&f, ERROR("7", "-32601", "\"message\":\"there is no such method\""));
	say(&f, CALL("8", "context.create", "{}"));
	hear(&f, ERROR("8", "-32602", "\"message\":\"context is missing\""));
	say(&f, CALL("8", "context.get", "[]"));
	hear(&f, ERROR("8", "-32602", "*"));
	say(&f, CALL("9", "context.list", "{}"));
	hear(&f, RESULT("9", "{\"contexts\":[]}"));
	say(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"context.list\"}");
	hear_nothing(&f);
	front_close(&f);
}
END_TEST

START_TEST(events_of_the_relay_reach_the_front)
{
	struct front f;

	front_start_now(&f);
	agent_event(f.agent, &(struct relay_event){ .type = RELAY_EVENT_DTLS_FAILED,
				     .context_id = "3-abc",
				     .termination_id = "ue",
				     .media_id = "m\n0",
				     .owner = "alice",
				     .sid = -1,
				     .reason = CLOSE_DTLS_FINGERPRINT });
	hear(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"type\":\"dtls.failed\","
		 "\"time\":\"20*T*:*.*Z\",\"contextId\":"
		 "\"3-abc\",\"terminationId\":\"ue\",\"mediaId\":\"m?0\",\"owner\":\"alice\","
		 "\"reason\":\"DTLS_FINGERPRINT\",\"detail\":"
		 "\"certificate does not match the requested fingerprint\"}}");
	agent_event(f.agent, &(struct relay_event){ .type = RELAY_EVENT_CHANNEL_OPENED,
				     .context_id = "3-abc",
				     .sid = 10,
				     .detail = "local" });
	hear(&f, "{*\"type\":\"channel.opened\",\"time\":\"*\",\"contextId\":\"3-abc\","
		 "\"streamId\":10,\"detail\":\"local\"}}");
	agent_event(f.agent, &(struct relay_event){ .type = RELAY_EVENT_SCTP_CONNECTED,
				     .context_id = "3-abc",
				     .termination_id = "ue",
				     .media_id = "m0",
				     .hop = HOP_MDC2,
				     .sid = -1 });
	hear(&f, "{*\"type\":\"sctp.connected\",\"time\":\"*\",\"contextId\":\"3-abc\","
		 "\"terminationId\":\"ue\",\"mediaId\":\"m0\",\"hop\":\"MDC2\"}}");
	agent_event(NULL, &(struct relay_event){ .type = RELAY_EVENT_CHANNEL_OPENED });
	hear_nothing(&f);
	front_close(&f);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("agent");
	TCase *t = tcase_create("agent");

	log_set_level(LOG_ERROR);
	control_init();
	tcase_add_test(t, a_worker_is_started_once_and_first);
	tcase_add_test(t, a_worker_that_cannot_start_says_why);
	tcase_add_test(t, a_line_with_a_key_is_wiped);
	tcase_add_test(t, certificate_and_log_level_are_reloaded);
	tcase_add_test(t, lines_that_are_no_requests_leave_the_agent_usable);
	tcase_add_test(t, events_of_the_relay_reach_the_front);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
