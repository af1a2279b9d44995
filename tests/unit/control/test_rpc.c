/* test_rpc.c: JSON-RPC lines in and out. */
#include <string.h>

#include "control/json.h"
#include "control/rpc.h"
#include "dcmf/base/alloc.h"
#include "tests/unit/main.h"

static int parse(const char *line)
{
	struct rpc_request r;
	const char *why = NULL;
	int error = rpc_parse(span_str(line), &r, &why);

	ck_assert((error != 0) == (why != NULL));
	rpc_request_finish(&r);
	return error;
}

START_TEST(a_request_is_taken_apart)
{
	struct rpc_request r;
	const char *why;

	ck_assert_int_eq(rpc_parse(SPAN_LIT("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"node."
					    "info\",\"params\":{\"a\":1}}"),
				 &r, &why),
		0);
	ck_assert_int_eq(json_integer_value(r.id), 7);
	ck_assert_str_eq(r.method, "node.info");
	ck_assert_int_eq(js_get_integer(r.params, "a", 0), 1);
	rpc_request_finish(&r);
}
END_TEST

START_TEST(a_notification_has_no_id)
{
	struct rpc_request r;
	const char *why;

	ck_assert_int_eq(
		rpc_parse(SPAN_LIT("{\"jsonrpc\":\"2.0\",\"method\":\"x\"}"), &r, &why), 0);
	ck_assert_ptr_null(r.id);
	ck_assert_ptr_null(r.params);
	rpc_request_finish(&r);
}
END_TEST

START_TEST(what_is_no_request_gets_the_standard_error)
{
	static const struct {
		const char *line;
		int error;
	} cases[] = {
		{ "", RPC_PARSE_ERROR },
		{ "hello", RPC_PARSE_ERROR },
		{ "{\"jsonrpc\":\"2.0\"", RPC_PARSE_ERROR },
		{ "{} {}", RPC_PARSE_ERROR },
		{ "{\"a\":1,\"a\":2}", RPC_PARSE_ERROR },
		{ "\"\xff\"", RPC_PARSE_ERROR },
		{ "[]", RPC_INVALID_REQUEST },
		{ "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}]", RPC_INVALID_REQUEST },
		{ "5", RPC_INVALID_REQUEST },
		{ "{\"id\":1,\"method\":\"x\"}", RPC_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"x\"}", RPC_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1}", RPC_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", RPC_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"x\"}", RPC_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":3}",
			RPC_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"x\",\"params\":[]}", 0 },
		{ " {\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"x\",\"params\":{}} \r", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(parse(cases[i].line) == cases[i].error, "%s", cases[i].line);
}
END_TEST

START_TEST(the_id_of_a_bad_request_is_still_read)
{
	struct rpc_request r;
	const char *why;
	char *line;

	ck_assert_int_eq(rpc_parse(SPAN_LIT("{\"id\":\"q\"}"), &r, &why), RPC_INVALID_REQUEST);
	line = rpc_error(r.id, RPC_INVALID_REQUEST, why);
	ck_assert_str_eq(line, "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"error\":{\"code\":-32600,"
			       "\"message\":\"jsonrpc is not "
			       "\\\"2.0\\\"\"}}");
	mem_free(line);
	rpc_request_finish(&r);
}
END_TEST

START_TEST(nesting_without_end_is_refused)
{
	char deep[8192];

	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	ck_assert_int_eq(parse(deep), RPC_PARSE_ERROR);
}
END_TEST

START_TEST(answers_and_notifications_are_one_line)
{
	json_t *id = json_integer(3), *value = json_pack("{s:s}", "text", "two\nlines");
	struct problem p = { .kind = PROBLEM_NONE };
	char *line;

	line = rpc_result(id, value);
	ck_assert_str_eq(
		line, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"text\":\"two\\nlines\"}}");
	mem_free(line);
	line = rpc_error(NULL, RPC_PARSE_ERROR, "no");
	ck_assert_str_eq(line,
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"no\"}}");
	mem_free(line);
	line = rpc_request(id, "worker.start", NULL);
	ck_assert_str_eq(line, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"worker.start\"}");
	mem_free(line);
	line = rpc_notification("event", value);
	ck_assert_str_eq(line,
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"text\":\"two\\nlines\"}}");
	mem_free(line);
	problem_set(&p, PROBLEM_NO_CONTEXT, "gone");
	line = rpc_refusal(id, &p);
	ck_assert_str_eq(line,
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32000,\"message\":\"gone\","
		"\"data\":{\"title\":"
		"\"There is no such "
		"context\",\"status\":404,\"detail\":\"gone\",\"cause\":\"CONTEXT_NOT_FOUND\"}}}");
	mem_free(line);
	problem_finish(&p);
	json_decref(id);
	json_decref(value);
}
END_TEST

START_TEST(without_memory_nothing_leaks)
{
	static const char text[] =
		"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"m\",\"params\":{\"a\":[1,\"b\"]}}";
	long before = mem_live();

	for (unsigned long n = 1;; n++) {
		struct rpc_request r;
		struct problem p = { .kind = PROBLEM_NO_CONTEXT };
		const char *why;
		int failed;

		mem_fail_at(n);
		if (rpc_parse(SPAN_LIT(text), &r, &why) == 0) {
			mem_free(rpc_result(r.id, r.params));
			mem_free(rpc_refusal(r.id, &p));
		}
		failed = mem_failed();
		mem_fail_at(0);
		rpc_request_finish(&r);
		ck_assert_int_eq(mem_live(), before);
		if (!failed)
			break;
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("rpc");
	TCase *t = tcase_create("rpc");

	control_init();
	tcase_add_test(t, a_request_is_taken_apart);
	tcase_add_test(t, a_notification_has_no_id);
	tcase_add_test(t, what_is_no_request_gets_the_standard_error);
	tcase_add_test(t, the_id_of_a_bad_request_is_still_read);
	tcase_add_test(t, nesting_without_end_is_refused);
	tcase_add_test(t, answers_and_notifications_are_one_line);
	tcase_add_test(t, without_memory_nothing_leaks);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
