/* test_sbi.c: Nmf_MRM: what a request comes to, and every way to be sent away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "tests/unit/control/sbi/sbi_play.h"
#include "tests/unit/main.h"

#define MADE       "{\"contextId\":\"1-a\",\"terminations\":[]}"
#define PATCH_TEST "[{\"op\":\"test\",\"path\":\"/a\",\"value\":1}]"

/* A context 1-a in worker 1, made by the usual consumer. */
static void make(void)
{
	int32_t id = send_wish(POST(CONTEXTS, DOCUMENT));

	asked(1);
	tell(1, RESULT(MADE));
	ck_assert_int_eq(replies[id].status, 201);
}

START_TEST(a_context_is_made_changed_and_deleted)
{
	int32_t id = send_wish(POST(CONTEXTS, DOCUMENT));

	ck_assert_uint_eq(replies[id].count, 0);
	ck_assert_uint_eq(sbi_under_way(sbi), 1);
	ck_assert_str_eq(asked(1), "context.create {\"context\":{\"terminations\":[]}}");
	tell(1, RESULT(MADE));
	ck_assert_int_eq(replies[id].status, 201);
	ck_assert_str_eq(replies[id].body, MADE);
	ck_assert_str_eq(header(id, "content-type"), "application/json");
	ck_assert_str_eq(
		header(id, "location"), "https://mf1.example:9443/nmf-mrm/v1/contexts/1-a");
	ck_assert_str_eq(header(id, "3gpp-sbi-binding"),
		"bl=nf-instance; nfinst=3fa85f64-5717-4562-b3fc-2c963f66afa6");
	ck_assert_str_eq(header(id, "server"), "MF-3fa85f64-5717-4562-b3fc-2c963f66afa6");
	ck_assert_str_eq(header(id, "date"), "Tue, 04 Feb 2020 08:49:37 GMT");

	id = send_wish(PATCH(CONTEXTS "/1-a", PATCH_TEST));
	ck_assert_str_eq(
		asked(1), "context.update {\"patch\":" PATCH_TEST ",\"contextId\":\"1-a\"}");
	tell(1, RESULT(MADE));
	ck_assert_int_eq(replies[id].status, 200);
	ck_assert_str_eq(replies[id].body, MADE);
	ck_assert_str_eq(header(id, "location"), "");

	id = send_wish(DELETE(CONTEXTS "/1-a"));
	ck_assert_str_eq(asked(1), "context.delete {\"contextId\":\"1-a\"}");
	tell(1, RESULT("{}"));
	ck_assert_int_eq(replies[id].status, 204);
	ck_assert_str_eq(replies[id].body, "");
	ck_assert_str_eq(header(id, "content-type"), "");
	ck_assert_uint_eq(sbi_under_way(sbi), 0);
}
END_TEST

static const struct {
	struct wish wish;
	int status;
	const char *cause;
} refusals[] = {
	{ { WISH("POST", "/", JSON, DOCUMENT) }, 400, "INVALID_API" },
	{ { WISH("POST", "/nmf-mrm/v2/contexts", JSON, DOCUMENT) }, 400, "INVALID_API" },
	{ { WISH("POST", "/nmf-mrm/v11/contexts", JSON, DOCUMENT) }, 400, "INVALID_API" },
	{ { WISH("POST", CONTEXTS "?dry-run=1", JSON, DOCUMENT) }, 400, "INVALID_QUERY_PARAM" },
	{ { WISH("POST", "/nmf-mrm/v1", JSON, DOCUMENT) }, 404,
		"RESOURCE_URI_STRUCTURE_NOT_FOUND" },
	{ { WISH("POST", "/nmf-mrm/v1/calls", JSON, DOCUMENT) }, 404,
		"RESOURCE_URI_STRUCTURE_NOT_FOUND" },
	{ { WISH("DELETE", CONTEXTS "/", NULL, NULL) }, 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND" },
	{ { WISH("DELETE", CONTEXTS "/a/b", NULL, NULL) }, 404,
		"RESOURCE_URI_STRUCTURE_NOT_FOUND" },
	{ { WISH("DELETE", CONTEXTS "/%zz", NULL, NULL) }, 404,
		"RESOURCE_URI_STRUCTURE_NOT_FOUND" },
	{ { WISH("DELETE", CONTEXTS "/%4z", NULL, NULL) }, 404,
		"RESOURCE_URI_STRUCTURE_NOT_FOUND" },
	{ { WISH("DELETE", CONTEXTS "/%00", NULL, NULL) }, 404,
		"RESOURCE_URI_STRUCTURE_NOT_FOUND" },
	{ { WISH("DELETE", CONTEXTS "/0-no", NULL, NULL) }, 404, "CONTEXT_NOT_FOUND" },
	{ { WISH("PATCH", CONTEXTS "/0-no", PATCHING, PATCH_TEST) }, 404, "CONTEXT_NOT_FOUND" },
	{ { WISH("GET", CONTEXTS, NULL, NULL) }, 405, "METHOD_NOT_ALLOWED" },
	{ { WISH("PUT", CONTEXTS "/0-no", JSON, DOCUMENT) }, 405, "METHOD_NOT_ALLOWED" },
	{ { WISH("post", CONTEXTS, JSON, DOCUMENT) }, 405, "METHOD_NOT_ALLOWED" },
	{ { WISH("POST", CONTEXTS, JSON, "") }, 411, "INCORRECT_LENGTH" },
	{ { WISH("PATCH", CONTEXTS "/0-no", PATCHING, "") }, 411, "INCORRECT_LENGTH" },
	{ { WISH("POST", CONTEXTS, NULL, DOCUMENT) }, 415, "UNSUPPORTED_MEDIA_TYPE" },
	{ { WISH("POST", CONTEXTS, "text/json", DOCUMENT) }, 415, "UNSUPPORTED_MEDIA_TYPE" },
	{ { WISH("POST", CONTEXTS, PATCHING, DOCUMENT) }, 415, "UNSUPPORTED_MEDIA_TYPE" },
	{ { WISH("PATCH", CONTEXTS "/0-no", JSON, PATCH_TEST) }, 415, "UNSUPPORTED_MEDIA_TYPE" },
	{ { WISH("POST", CONTEXTS, JSON, DOCUMENT), .headers = { { "content-encoding", "gzip" } } },
		415, "UNSUPPORTED_MEDIA_TYPE" },
	{ { WISH("POST", CONTEXTS, JSON, "{") }, 400, "INVALID_MSG_FORMAT" },
	{ { WISH("POST", CONTEXTS, JSON, "[]") }, 400, "INVALID_MSG_FORMAT" },
	{ { WISH("POST", CONTEXTS, JSON, "{\"a\":1,\"a\":2}") }, 400, "INVALID_MSG_FORMAT" },
	{ { WISH("PATCH", CONTEXTS "/0-no", PATCHING, "{}") }, 400, "INVALID_MSG_FORMAT" },
	{ { WISH("PATCH", CONTEXTS "/0-no", PATCHING, "[]") }, 400, "INVALID_MSG_FORMAT" },
	{ { WISH("POST", CONTEXTS, JSON, ""), .excess = H2_BODY_TOO_LARGE }, 413,
		"INCORRECT_LENGTH" },
	{ { WISH("POST", CONTEXTS, JSON, ""), .excess = H2_HEAD_TOO_LARGE }, 431,
		"INCORRECT_LENGTH" },
	{ { WISH("POST", CONTEXTS, JSON, ""), .excess = H2_NO_ROOM }, 429, "NF_CONGESTION_RISK" },
};

START_TEST(what_cannot_be_served_is_refused_by_its_name)
{
	int32_t id = send_wish(refusals[_i].wish);
	char cause[80], status[32];

	ck_assert_int_eq(replies[id].status, refusals[_i].status);
	ck_assert_str_eq(header(id, "content-type"), "application/problem+json");
	snprintf(cause, sizeof(cause), "\"cause\":\"%s\"", refusals[_i].cause);
	snprintf(status, sizeof(status), "\"status\":%d", refusals[_i].status);
	assert_says(replies[id].body, cause);
	assert_says(replies[id].body, status);
	ck_assert_str_eq(asked(0), "(nothing)");
	ck_assert_str_eq(asked(1), "(nothing)");
	ck_assert_uint_eq(sbi_under_way(sbi), 0);
}
END_TEST

START_TEST(refusals_tell_what_would_be_taken)
{
	int32_t id = send_wish(ASK("GET", CONTEXTS));

	ck_assert_str_eq(header(id, "allow"), "POST");
	id = send_wish(ASK("GET", CONTEXTS "/0-a"));
	ck_assert_str_eq(header(id, "allow"), "PATCH, DELETE");
	id = send_wish((struct wish){ WISH("PATCH", CONTEXTS "/0-a", JSON, "[]") });
	ck_assert_str_eq(header(id, "accept-patch"), PATCHING);
	assert_says(replies[id].body, "header Content-Type");
	id = send_wish(POST("/nmf-mrm/v2/contexts", DOCUMENT));
	assert_says(replies[id].body, "\"supportedApiVersions\":[\"v1\"]");
	id = send_wish(POST(CONTEXTS "?a=b", DOCUMENT));
	assert_says(replies[id].body, "\"param\":\"query a\"");
	id = send_wish(ASK("HEAD", CONTEXTS));
	ck_assert_int_eq(replies[id].status, 405);
	ck_assert_str_eq(replies[id].body, "");
}
END_TEST

START_TEST(media_types_may_have_parameters_and_any_case)
{
	int32_t id = send_wish((struct wish){
		WISH("POST", CONTEXTS, "Application/JSON ; charset=utf-8", DOCUMENT) });

	ck_assert_uint_eq(replies[id].count, 0);
	assert_says(asked(1), "context.create");
}
END_TEST

START_TEST(an_id_may_be_written_with_percent_signs)
{
	make();
	send_wish(DELETE(CONTEXTS "/1%2da"));
	ck_assert_str_eq(asked(1), "context.delete {\"contextId\":\"1-a\"}");
}
END_TEST

START_TEST(a_workers_refusal_reaches_the_consumer_unchanged)
{
	int32_t id = send_wish(POST(CONTEXTS, DOCUMENT));

	asked(1);
	tell(1, "{\"id\":@,\"error\":{\"code\":-32000,\"message\":\"m\",\"data\":{\"status\":403,"
		"\"cause\":\"SECURITY_POLICY\",\"invalidParams\":[]}}}");
	ck_assert_int_eq(replies[id].status, 403);
	ck_assert_str_eq(replies[id].body,
		"{\"status\":403,\"cause\":\"SECURITY_POLICY\",\"invalidParams\":[]}");
}
END_TEST

START_TEST(a_lost_worker_is_a_500)
{
	int32_t id = send_wish(POST(CONTEXTS, DOCUMENT));

	asked(1);
	desk_worker_lost(desk, now, 1, "gone");
	ck_assert_int_eq(replies[id].status, 500);
	assert_says(replies[id].body, "SYSTEM_FAILURE");
}
END_TEST

/* ---- who may ---- */

START_TEST(who_may_not_is_told_with_a_challenge)
{
	int32_t id;

	access = (struct sbi_access){ PROBLEM_NOT_AUTHENTICATED, "the token has expired",
		"Bearer error=\"invalid_token\"", "" };
	id = send_wish(POST(CONTEXTS, DOCUMENT));
	ck_assert_int_eq(replies[id].status, 401);
	ck_assert_str_eq(header(id, "www-authenticate"), "Bearer error=\"invalid_token\"");
	assert_says(replies[id].body, "the token has expired");
	access = (struct sbi_access){ PROBLEM_NOT_AUTHORIZED, "not listed", NULL, "" };
	id = send_wish(POST("/secret", DOCUMENT)); /* it does not even learn what is here */
	ck_assert_int_eq(replies[id].status, 403);
	ck_assert_str_eq(header(id, "www-authenticate"), "");
	ck_assert_str_eq(asked(1), "(nothing)");
}
END_TEST

START_TEST(contexts_of_others_are_not_changed)
{
	int32_t id;

	make();
	snprintf(access.identity, sizeof(access.identity), "CN=other");
	id = send_wish(PATCH(CONTEXTS "/1-a", PATCH_TEST));
	ck_assert_int_eq(replies[id].status, 403);
	assert_says(replies[id].body, "MODIFICATION_NOT_ALLOWED");
	id = send_wish(DELETE(CONTEXTS "/1-a"));
	ck_assert_int_eq(replies[id].status, 403);
	access.identity[0] = '\0';
	send_wish(DELETE(CONTEXTS "/1-a"));
	assert_says(asked(1), "context.delete");
}
END_TEST

/* ---- out of service ---- */

START_TEST(a_draining_node_sends_new_contexts_away_and_keeps_the_old)
{
	int32_t id;

	make();
	say(1, REQUEST("9", "node.drain", "{}"));
	id = send_wish(POST(CONTEXTS, DOCUMENT));
	ck_assert_int_eq(replies[id].status, 503);
	ck_assert_str_eq(header(id, "retry-after"), "30");
	assert_says(replies[id].body, "NF_CONGESTION");
	ck_assert(sbi_set_peer(sbi, "https://mf2.example/prefix"));
	id = send_wish(POST(CONTEXTS, DOCUMENT));
	ck_assert_int_eq(replies[id].status, 307);
	ck_assert_str_eq(header(id, "location"), "https://mf2.example/prefix/nmf-mrm/v1/contexts");
	id = send_wish(PATCH(CONTEXTS "/1-a", PATCH_TEST));
	assert_says(asked(1), "context.update");
	tell(1, RESULT(MADE));
	ck_assert_int_eq(replies[id].status, 200);
	say(1, REQUEST("9", "node.resume", "{}"));
	send_wish(POST(CONTEXTS, DOCUMENT));
	assert_says(asked(0), "context.create");
}
END_TEST

START_TEST(beyond_half_of_what_may_be_under_way_urgent_requests_come_first)
{
	struct wish lazy = { WISH("POST", CONTEXTS, JSON, DOCUMENT),
		.headers = { { "3gpp-sbi-message-priority", "31" } } };
	struct wish urgent = { WISH("POST", CONTEXTS, JSON, DOCUMENT),
		.headers = { { "3gpp-sbi-message-priority", "0" } } };
	struct desk_limits limits = { .contexts = 100 };
	int32_t id;

	desk_set_limits(desk, &limits);
	for (int i = 0; i < 5; i++) {
		id = send_wish(lazy);
		ck_assert_uint_eq(replies[id].count, 0);
	}
	id = send_wish(lazy);
	ck_assert_int_eq(replies[id].status, 429);
	ck_assert_str_eq(header(id, "retry-after"), "1");
	assert_says(replies[id].body, "NF_CONGESTION_RISK");
	id = send_wish((struct wish){ WISH("DELETE", CONTEXTS "/0-no", NULL, NULL),
		.headers = { { "3gpp-sbi-message-priority", "31" } } });
	ck_assert_int_eq(replies[id].status, 404);
	for (int i = 0; i < 3; i++) {
		id = send_wish(urgent);
		ck_assert_uint_eq(replies[id].count, 0);
	}
	id = send_wish(urgent);
	ck_assert_int_eq(replies[id].status, 429);
}
END_TEST

/* ---- time ---- */

START_TEST(what_can_only_come_too_late_is_not_begun)
{
	int32_t id = send_wish((struct wish){ WISH("POST", CONTEXTS, JSON, DOCUMENT),
		.headers = { { "3gpp-sbi-sender-timestamp", "Tue, 04 Feb 2020 08:49:35.845 GMT" },
			{ "3gpp-sbi-max-rsp-time", "2000" } } });

	ck_assert_int_eq(replies[id].status, 504);
	assert_says(replies[id].body, "TIMED_OUT_REQUEST");
	ck_assert_str_eq(asked(1), "(nothing)");
}
END_TEST

START_TEST(a_consumer_that_does_not_wait_any_longer_gets_504_and_no_context)
{
	int32_t id = send_wish((struct wish){ WISH("POST", CONTEXTS, JSON, DOCUMENT),
		.headers = { { "3gpp-sbi-sender-timestamp", "Tue, 04 Feb 2020 08:49:36.845 GMT" },
			{ "3gpp-sbi-max-rsp-time", "2000" } } });

	assert_says(asked(1), "context.create");
	now = tick_add(now, TICK_MS(999));
	ck_assert(!tick_due(sbi_deadline(sbi), now));
	sbi_expire(sbi, now);
	ck_assert_uint_eq(replies[id].count, 0);
	now = tick_add(now, TICK_MS(1));
	ck_assert(tick_due(sbi_deadline(sbi), now));
	sbi_expire(sbi, now);
	ck_assert_int_eq(replies[id].status, 504);
	ck_assert(tick_is_never(sbi_deadline(sbi)));
	tell(1, RESULT(MADE));
	assert_says(asked(1), "context.delete");
	ck_assert_uint_eq(desk_contexts(desk), 0);
}
END_TEST

START_TEST(what_is_taken_back_is_undone)
{
	int32_t id = send_wish(POST(CONTEXTS, DOCUMENT));

	asked(1);
	sbi_gone(sbi, 2, id);
	ck_assert_uint_eq(sbi_under_way(sbi), 1);
	sbi_gone(sbi, 1, id);
	ck_assert_uint_eq(sbi_under_way(sbi), 0);
	tell(1, RESULT(MADE));
	assert_says(asked(1), "context.delete");
	ck_assert_uint_eq(replies[id].count, 0);
}
END_TEST

START_TEST(a_connection_that_closes_takes_its_requests_along_and_leaves_its_contexts)
{
	struct wish other = POST(CONTEXTS, DOCUMENT);
	int32_t id;

	make();
	other.conn = 2;
	id = send_wish(other);
	asked(0);
	send_wish(POST(CONTEXTS, DOCUMENT));
	asked(1);
	sbi_closed(sbi, 1);
	ck_assert_uint_eq(sbi_under_way(sbi), 1);
	tell(0, RESULT("{\"contextId\":\"0-b\"}"));
	ck_assert_int_eq(replies[id].status, 201);
	tell(1, RESULT("{\"contextId\":\"1-c\"}"));
	ck_assert_str_eq(asked(1), "context.delete {\"contextId\":\"1-c\"}");
	ck_assert_uint_eq(desk_contexts(desk), 2);
}
END_TEST

START_TEST(a_connection_that_hung_up_unnoticed_leaves_no_context)
{
	int32_t id = send_wish(POST(CONTEXTS, DOCUMENT));

	asked(1);
	conn_has_gone = true;
	tell(1, RESULT(MADE));
	assert_says(asked(1), "context.delete");
	ck_assert_uint_eq(replies[id].count, 0);
	sbi_closed(sbi, 1);
}
END_TEST

/* ---- headers ---- */

START_TEST(load_is_told_when_it_matters)
{
	int32_t id = send_wish(ASK("GET", CONTEXTS));

	ck_assert_str_eq(header(id, "3gpp-sbi-lci"), "");
	sbi_load = 55;
	id = send_wish(ASK("GET", CONTEXTS));
	ck_assert_str_eq(header(id, "3gpp-sbi-lci"),
		"Timestamp: \"Tue, 04 Feb 2020 08:49:37 GMT\"; Load-Metric: 55%; "
		"NF-Instance: 3fa85f64-5717-4562-b3fc-2c963f66afa6");
	ck_assert_str_eq(header(id, "3gpp-sbi-oci"), "");
	sbi_load = 93;
	id = send_wish(ASK("GET", CONTEXTS));
	ck_assert_str_eq(header(id, "3gpp-sbi-oci"),
		"Timestamp: \"Tue, 04 Feb 2020 08:49:37 GMT\"; Period-of-Validity: 10s; "
		"Overload-Reduction-Metric: 20%; "
		"NF-Instance: 3fa85f64-5717-4562-b3fc-2c963f66afa6");
}
END_TEST

START_TEST(behind_an_scp_the_location_is_where_the_consumer_looks)
{
	int32_t id = send_wish((struct wish){ WISH("POST", CONTEXTS, JSON, DOCUMENT),
		.headers = { { "3gpp-sbi-target-apiroot", "https://mf1.ims.example/mf" } } });

	asked(1);
	tell(1, RESULT(MADE));
	ck_assert_str_eq(
		header(id, "location"), "https://mf1.ims.example/mf/nmf-mrm/v1/contexts/1-a");
	id = send_wish((struct wish){ WISH("POST", CONTEXTS, JSON, DOCUMENT),
		.headers = { { "3gpp-sbi-target-apiroot", "https://a\"b/" } } });
	asked(0);
	tell(0, RESULT("{\"contextId\":\"0-a\"}"));
	ck_assert_str_eq(
		header(id, "location"), "https://mf1.example:9443/nmf-mrm/v1/contexts/0-a");
}
END_TEST

START_TEST(running_out_of_memory_is_a_500_or_an_answer_without_body)
{
	for (unsigned long n = 1;; n++) {
		bool failed;
		int32_t id;

		close_sbi();
		open_sbi();
		mem_fail_at(n);
		id = send_wish(POST(CONTEXTS, DOCUMENT));
		failed = mem_failed();
		mem_fail_at(0);
		if (!failed)
			break;
		desk_expire(desk, tick_add(now, TICK_S(6)));
		ck_assert_uint_eq(replies[id].count, 1);
		ck_assert_int_eq(replies[id].status, 500);
		ck_assert_uint_eq(sbi_under_way(sbi), 0);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sbi");
	TCase *t = tcase_create("sbi");

	log_open(fopen("/dev/null", "w"), false);
	tcase_add_checked_fixture(t, open_sbi, close_sbi);
	tcase_add_test(t, a_context_is_made_changed_and_deleted);
	tcase_add_loop_test(t, what_cannot_be_served_is_refused_by_its_name, 0,
		(int)(sizeof(refusals) / sizeof(refusals[0])));
	tcase_add_test(t, refusals_tell_what_would_be_taken);
	tcase_add_test(t, media_types_may_have_parameters_and_any_case);
	tcase_add_test(t, an_id_may_be_written_with_percent_signs);
	tcase_add_test(t, a_workers_refusal_reaches_the_consumer_unchanged);
	tcase_add_test(t, a_lost_worker_is_a_500);
	tcase_add_test(t, who_may_not_is_told_with_a_challenge);
	tcase_add_test(t, contexts_of_others_are_not_changed);
	tcase_add_test(t, a_draining_node_sends_new_contexts_away_and_keeps_the_old);
	tcase_add_test(t, beyond_half_of_what_may_be_under_way_urgent_requests_come_first);
	tcase_add_test(t, what_can_only_come_too_late_is_not_begun);
	tcase_add_test(t, a_consumer_that_does_not_wait_any_longer_gets_504_and_no_context);
	tcase_add_test(t, what_is_taken_back_is_undone);
	tcase_add_test(
		t, a_connection_that_closes_takes_its_requests_along_and_leaves_its_contexts);
	tcase_add_test(t, a_connection_that_hung_up_unnoticed_leaves_no_context);
	tcase_add_test(t, load_is_told_when_it_matters);
	tcase_add_test(t, behind_an_scp_the_location_is_where_the_consumer_looks);
	tcase_add_test(t, running_out_of_memory_is_a_500_or_an_answer_without_body);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
