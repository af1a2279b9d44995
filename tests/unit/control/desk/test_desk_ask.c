/*
 * test_desk_ask.c: the desk asked in values: one answer each, whose contexts they are, and asking
 * no more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/desk/desk_ask.h"
#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "tests/unit/control/desk/desk_play.h"
#include "tests/unit/main.h"

/* One who asks, and what it heard. */
struct asker {
	unsigned answers;
	char *result, *problem;
	bool has_gone;
	uint64_t cancels; /* cancels that request from inside the answer */
};

static void answered(void *arg, json_t *result, json_t *problem)
{
	struct asker *a = arg;

	a->answers++;
	a->result = result != NULL ? js_line(result) : NULL;
	a->problem = problem != NULL ? js_line(problem) : NULL;
	desk_cancel(desk, a->cancels);
}

static bool has_gone(void *arg)
{
	return ((struct asker *)arg)->has_gone;
}

static const struct desk_asker_ops asker_ops = { answered, has_gone };

static void forget(struct asker *a)
{
	mem_free(a->result);
	mem_free(a->problem);
	*a = (struct asker){ 0 };
}

static uint64_t ask(struct asker *a, const char *identity, const char *method, const char *params)
{
	json_t *value = json_loads(params, 0, NULL);
	struct desk_ask request = { method, value, identity, &asker_ops, a };
	uint64_t id = desk_ask(desk, now, &request);

	json_decref(value);
	return id;
}

#define CREATE "{\"context\":" DOCUMENT "}"
#define UPDATE "{\"contextId\":\"0-a\",\"patch\":[]}"
#define DELETE "{\"contextId\":\"0-a\"}"

/* `identity` makes context 0-a in worker 0. */
static void make(const char *identity)
{
	struct asker a = { 0 };
	int w = 0;

	ck_assert_uint_ne(ask(&a, identity, "context.create", CREATE), 0);
	w = strcmp(asked(0), "(nothing)") == 0;
	if (w == 1)
		asked(1);
	tell((unsigned)w, RESULT("{\"contextId\":\"0-a\",\"dcmf\":{\"owner\":\"x\"}}"));
	ck_assert_uint_eq(a.answers, 1);
	assert_says(a.result, "0-a");
	forget(&a);
}

/* What `identity` hears when it changes 0-a: NULL, it waits for the worker. */
static char *change(const char *identity, const char *method, const char *params)
{
	struct asker a = { 0 };
	uint64_t id = ask(&a, identity, method, params);

	desk_cancel(desk, id);
	return a.problem;
}

static void assert_may(const char *identity, const char *method, const char *params)
{
	char *problem = change(identity, method, params);

	ck_assert_msg(problem == NULL, "%s", problem);
}

static void assert_may_not(const char *identity, const char *method, const char *params)
{
	char *problem = change(identity, method, params);

	ck_assert_ptr_nonnull(problem);
	assert_says(problem, "MODIFICATION_NOT_ALLOWED");
	assert_says(problem, "\"status\":403");
	mem_free(problem);
}

START_TEST(what_a_worker_makes_comes_back_as_a_value)
{
	struct asker a = { 0 };

	ck_assert_uint_ne(ask(&a, NULL, "context.create", CREATE), 0);
	ck_assert_uint_eq(a.answers, 0);
	assert_says(asked(1), "context.create {\"context\"");
	tell(1, RESULT("{\"contextId\":\"1-a\"}"));
	ck_assert_uint_eq(a.answers, 1);
	ck_assert_str_eq(a.result, "{\"contextId\":\"1-a\"}");
	ck_assert_ptr_null(a.problem);
	ck_assert_uint_eq(desk_contexts(desk), 1);
	forget(&a);
}
END_TEST

START_TEST(a_workers_refusal_comes_back_as_its_problem_details)
{
	struct asker a = { 0 };

	ask(&a, NULL, "context.create", CREATE);
	asked(1);
	tell(1, "{\"id\":@,\"error\":{\"code\":-32000,\"message\":\"m\",\"data\":{\"status\":403}}"
		"}");
	ck_assert_str_eq(a.problem, "{\"status\":403}");
	ck_assert_ptr_null(a.result);
	forget(&a);
}
END_TEST

START_TEST(an_error_of_json_rpc_becomes_problem_details)
{
	struct asker a = { 0 };

	ask(&a, NULL, "context.create", CREATE);
	asked(1);
	tell(1, "{\"id\":@,\"error\":{\"code\":-32603,\"message\":\"out of memory\"}}");
	assert_says(a.problem, "\"status\":500");
	assert_says(a.problem, "out of memory");
	forget(&a);
	ck_assert_uint_eq(ask(&a, NULL, "context.update", "{}"), 0);
	assert_says(a.problem, "contextId is missing");
	assert_says(a.problem, "\"status\":400");
	forget(&a);
	ck_assert_uint_eq(ask(&a, NULL, "no.such", "{}"), 0);
	ck_assert_uint_eq(a.answers, 1);
	forget(&a);
	ask(&a, NULL, "events.subscribe", "{}");
	assert_says(a.problem, "connections");
	forget(&a);
}
END_TEST

START_TEST(who_does_not_wait_gets_no_answer_and_leaves_no_context)
{
	struct asker a = { 0 };
	uint64_t id = ask(&a, NULL, "context.create", CREATE);

	asked(1);
	desk_cancel(desk, id);
	desk_cancel(desk, id);
	tell(1, RESULT("{\"contextId\":\"1-a\"}"));
	assert_says(asked(1), "context.delete {\"contextId\":\"1-a\"}");
	ck_assert_uint_eq(a.answers, 0);
	ck_assert_uint_eq(desk_contexts(desk), 0);
}
END_TEST

START_TEST(who_has_gone_unnoticed_leaves_no_context)
{
	struct asker a = { .has_gone = true };

	ask(&a, NULL, "context.create", CREATE);
	asked(1);
	tell(1, RESULT("{\"contextId\":\"1-a\"}"));
	assert_says(asked(1), "context.delete {\"contextId\":\"1-a\"}");
	ck_assert_uint_eq(a.answers, 0);
}
END_TEST

START_TEST(cancelling_inside_the_answer_is_harmless)
{
	struct asker a = { 0 };

	a.cancels = ask(&a, NULL, "context.create", CREATE);
	asked(1);
	tell(1, RESULT("{\"contextId\":\"1-a\"}"));
	ck_assert_uint_eq(a.answers, 1);
	ck_assert_uint_eq(desk_contexts(desk), 1);
	forget(&a);
}
END_TEST

START_TEST(a_worker_that_does_not_answer_is_a_problem_after_5_s)
{
	struct asker a = { 0 };

	ask(&a, NULL, "context.create", CREATE);
	asked(1);
	now = tick_add(now, TICK_S(5));
	desk_expire(desk, now);
	assert_says(a.problem, "\"status\":500");
	tell(1, RESULT("{\"contextId\":\"1-a\"}"));
	ck_assert_uint_eq(a.answers, 1);
	assert_says(asked(1), "context.delete");
	forget(&a);
}
END_TEST

START_TEST(a_context_is_changed_by_who_made_it_and_by_the_operator)
{
	make("URI:urn:uuid:1");
	assert_may("URI:urn:uuid:1", "context.update", UPDATE);
	assert_may("URI:urn:uuid:1", "context.delete", DELETE);
	assert_may(NULL, "context.update", UPDATE);
}
END_TEST

START_TEST(a_context_is_read_and_not_changed_by_others)
{
	make("URI:urn:uuid:1");
	assert_may("CN=other", "context.get", DELETE);
	assert_may_not("CN=other", "context.update", UPDATE);
	assert_may_not("CN=other", "context.delete", DELETE);
	assert_may_not("CN=other", "sdp.answer", "{\"contextId\":\"0-a\",\"sdp\":\"\"}");
	assert_may_not("CN=other", "sdp.offer", "{\"contextId\":\"0-a\",\"sdp\":\"\"}");
	assert_may_not(
		"CN=other", "sdp.terminate", "{\"contextId\":\"0-a\",\"sdp\":\"\",\"dcMedia\":{}}");
}
END_TEST

START_TEST(a_sweep_leaves_what_the_asker_may_not_change)
{
	struct asker a = { 0 };

	make("URI:urn:uuid:1");
	ask(&a, "CN=other", "context.sweep", "{\"owner\":\"x\"}");
	assert_says(a.result, "\"deleted\":0");
	forget(&a);
	ask(&a, "URI:urn:uuid:1", "context.sweep", "{\"owner\":\"x\"}");
	ck_assert_uint_eq(a.answers, 0); /* a worker is asked */
}
END_TEST

START_TEST(others_change_it_where_that_is_configured)
{
	struct desk_limits limits = { 3, TICK_S(60), true };

	make("URI:urn:uuid:1");
	desk_set_limits(desk, &limits);
	assert_may("CN=other", "context.delete", DELETE);
}
END_TEST

START_TEST(what_the_operator_made_is_changed_by_the_operator)
{
	make(NULL);
	assert_may(NULL, "context.update", UPDATE);
	assert_may_not("CN=other", "context.update", UPDATE);
}
END_TEST

START_TEST(draining_is_the_operators)
{
	struct desk_limits limits = { .contexts = 3, .others_may_change = true };
	struct asker a = { 0 };

	assert_may_not("CN=as1", "node.drain", "{\"deadlineSeconds\":0}");
	assert_may_not("CN=as1", "node.resume", "{}");
	ck_assert_str_eq(desk_state(desk), "running");
	desk_set_limits(desk, &limits);
	ask(&a, "CN=as1", "node.drain", "{}");
	ck_assert_ptr_nonnull(a.result);
	forget(&a);
	ask(&a, NULL, "node.resume", "{}");
	ck_assert_str_eq(desk_state(desk), "running");
	forget(&a);
}
END_TEST

START_TEST(a_controller_of_lines_may_be_somebody_too)
{
	make("URI:urn:uuid:1");
	desk_controller_identify(desk, 1, "CN=other");
	say(1, REQUEST("5", "context.delete", DELETE));
	assert_says(heard(1), "belongs to another controller");
	desk_controller_identify(desk, 1, "URI:urn:uuid:1");
	say(1, REQUEST("6", "context.delete", DELETE));
	assert_says(asked(1), "context.delete");
	say(2, REQUEST("7", "context.delete", DELETE));
	assert_says(asked(1), "context.delete");
}
END_TEST

START_TEST(without_memory_for_its_name_a_controller_is_nobody_rather_than_the_operator)
{
	make("URI:urn:uuid:1");
	mem_fail_at(1);
	desk_controller_identify(desk, 1, "CN=other");
	mem_fail_at(0);
	say(1, REQUEST("5", "context.delete", DELETE));
	assert_says(heard(1), "out of memory");
	ck_assert_str_eq(asked(0), "(nothing)");
	ck_assert_uint_eq(desk_contexts(desk), 1);
}
END_TEST

/*
 * A create that runs out of memory at its n-th allocation, or at the n-th of its answer's. False: n
 * was too many.
 */
static bool create_fails_at(unsigned long ask_n, unsigned long answer_n)
{
	struct asker a = { 0 };
	json_t *params = json_loads(CREATE, 0, NULL);
	struct desk_ask request = { "context.create", params, "CN=as1", &asker_ops, &a };
	bool failed;

	close_desk();
	open_desk();
	mem_fail_at(ask_n);
	desk_ask(desk, now, &request);
	failed = mem_failed();
	mem_fail_at(0);
	if (a.answers == 0) {
		asked(1);
		mem_fail_at(answer_n);
		tell(1, RESULT("{\"contextId\":\"1-a\"}"));
		failed = failed || mem_failed();
		mem_fail_at(0);
	}
	desk_expire(desk, tick_add(now, TICK_S(6))); /* the worker's line may be lost */
	ck_assert_uint_eq(a.answers, 1);
	if (a.result != NULL) { /* it is the maker's, and nobody else's */
		assert_may("CN=as1", "context.delete", "{\"contextId\":\"1-a\"}");
		assert_may_not("CN=other", "context.delete", "{\"contextId\":\"1-a\"}");
	}
	json_decref(params);
	forget(&a);
	return failed;
}

START_TEST(running_out_of_memory_is_an_answer)
{
	for (unsigned long n = 1; create_fails_at(n, 0); n++)
		;
	for (unsigned long n = 1; create_fails_at(0, n); n++)
		;
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("desk_ask");
	TCase *t = tcase_create("desk_ask");

	log_open(fopen("/dev/null", "w"), false);
	tcase_add_checked_fixture(t, open_desk, close_desk);
	tcase_add_test(t, what_a_worker_makes_comes_back_as_a_value);
	tcase_add_test(t, a_workers_refusal_comes_back_as_its_problem_details);
	tcase_add_test(t, an_error_of_json_rpc_becomes_problem_details);
	tcase_add_test(t, who_does_not_wait_gets_no_answer_and_leaves_no_context);
	tcase_add_test(t, who_has_gone_unnoticed_leaves_no_context);
	tcase_add_test(t, cancelling_inside_the_answer_is_harmless);
	tcase_add_test(t, a_worker_that_does_not_answer_is_a_problem_after_5_s);
	tcase_add_test(t, a_context_is_changed_by_who_made_it_and_by_the_operator);
	tcase_add_test(t, a_context_is_read_and_not_changed_by_others);
	tcase_add_test(t, a_sweep_leaves_what_the_asker_may_not_change);
	tcase_add_test(t, others_change_it_where_that_is_configured);
	tcase_add_test(t, what_the_operator_made_is_changed_by_the_operator);
	tcase_add_test(t, draining_is_the_operators);
	tcase_add_test(t, a_controller_of_lines_may_be_somebody_too);
	tcase_add_test(
		t, without_memory_for_its_name_a_controller_is_nobody_rather_than_the_operator);
	tcase_add_test(t, running_out_of_memory_is_an_answer);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
