/*
 * test_desk.c: the desk between controllers and workers that this file plays itself, as transcripts.
 *
 *     say(1, "{...}")        controller 1 sends a line
 *     heard(1)               the next line the desk sent to controller 1
 *     asked(0)               the next line the desk sent to worker 0
 *     tell(0, "{...}")       worker 0 sends a line; @ stands for the id of the last line it was asked
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/desk.h"
#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "tests/unit/main.h"

#define WORKERS 2
#define LINES   64

struct mailbox {
	char *line[LINES];
	unsigned in, out;
};

static struct desk *desk;
static tick_t now;
static struct mailbox to_controller[8], to_worker[WORKERS];
static char *last_id[WORKERS];
static struct {
	char host[64];
	uint16_t port;
	uint64_t ticket;
} questions[32];
static unsigned question_count, drained_count;
static bool deaf[WORKERS]; /* to_worker says false */

static void put(struct mailbox *m, struct span line)
{
	if (m->in < LINES)
		m->line[m->in] = strndup((const char *)line.p, line.len);
	m->in++;
}

static void send_controller(void *front, uint64_t controller, struct span line)
{
	put(&to_controller[controller], line);
}

static bool send_worker(void *front, unsigned worker, struct span line)
{
	if (deaf[worker])
		return false;
	put(&to_worker[worker], line);
	return true;
}

static void resolve(void *front, const char *host, uint16_t port, uint64_t ticket)
{
	snprintf(questions[question_count].host, sizeof(questions[0].host), "%s", host);
	questions[question_count].port = port;
	questions[question_count++].ticket = ticket;
}

static bool worker_info(void *front, unsigned worker, struct desk_worker_info *out)
{
	*out = (struct desk_worker_info){ worker, 100 + (int)worker, 1, 0.5, 4096 };
	return true;
}

static int64_t counter(void *front, int which)
{
	return which == CNT_legs ? 7 : 0;
}

static int64_t wall_us(void *front)
{
	return INT64_C(1700000000123456);
}

static void drained(void *front)
{
	drained_count++;
}

static const struct desk_ops ops = { send_controller, send_worker, resolve, worker_info, counter,
	wall_us, drained, NULL };

static const struct desk_config desk_defaults = {
	.ops = &ops,
	.name = "mf1",
	.version = "1.2.3",
	.nf_instance_id = "3fa85f64-5717-4562-b3fc-2c963f66afa6",
	.workers = WORKERS,
	.max_requests_per_controller = 4,
	.limits = { .contexts = 3, .drain_deadline_us = TICK_S(60) },
};

static void empty(struct mailbox *m)
{
	for (unsigned i = m->out; i < m->in && i < LINES; i++)
		free(m->line[i]);
	m->in = m->out = 0;
}

static void open_desk(void)
{
	now = (tick_t){ TICK_S(1000) };
	desk = desk_create(&desk_defaults, now);
	ck_assert_ptr_nonnull(desk);
	question_count = drained_count = 0;
	for (unsigned w = 0; w < WORKERS; w++) {
		desk_worker_up(desk, now, w);
		deaf[w] = false;
	}
	desk_controller_joined(desk, 1, "unix uid 0 pid 42");
	desk_controller_joined(desk, 2, "unix uid 0 pid 43");
}

static void close_desk(void)
{
	desk_destroy(desk);
	for (unsigned i = 0; i < 8; i++)
		empty(&to_controller[i]);
	for (unsigned w = 0; w < WORKERS; w++) {
		empty(&to_worker[w]);
		free(last_id[w]);
		last_id[w] = NULL;
	}
}

static void say(uint64_t controller, const char *line)
{
	desk_controller_line(desk, now, controller, SPAN_STR(line));
}

static const char *next_line(struct mailbox *m)
{
	static char line[16384];

	if (m->out >= m->in)
		return "(nothing)";
	snprintf(line, sizeof(line), "%s", m->line[m->out]);
	free(m->line[m->out++]);
	return line;
}

static const char *heard(uint64_t controller)
{
	return next_line(&to_controller[controller]);
}

/* The line without its id, which is kept for tell(). */
static const char *asked(unsigned worker)
{
	static char text[16384];
	const char *line = next_line(&to_worker[worker]);
	json_t *j = json_loads(line, 0, NULL);
	char *id, *out;

	if (j == NULL)
		return line;
	id = js_line(json_object_get(j, "id"));
	free(last_id[worker]);
	last_id[worker] = strdup(id != NULL ? id : "null");
	mem_free(id);
	out = js_line(json_object_get(j, "params"));
	snprintf(text, sizeof(text), "%s %s", js_get_text(j, "method"), out);
	mem_free(out);
	json_decref(j);
	return text;
}

static void tell(unsigned worker, const char *line)
{
	const char *at = strchr(line, '@');
	char text[16384];

	if (at != NULL)
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - line), line, last_id[worker],
			at + 1);
	else
		snprintf(text, sizeof(text), "%s", line);
	desk_worker_line(desk, now, worker, SPAN_STR(text));
}

#define assert_says(text, part)                                                           \
	do {                                                                              \
		const char *said = (text);                                                \
		ck_assert_msg(strstr(said, part) != NULL, "%s is not in %s", part, said); \
	} while (0)

#define REQUEST(id, method, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}"
#define RESULT(result) "{\"jsonrpc\":\"2.0\",\"id\":@,\"result\":" result "}"
#define DOCUMENT       "{\"terminations\":[]}"

/* Controller 1 gets itself a context. */
static void make_context(unsigned worker, const char *id, const char *owner)
{
	char line[256];

	say(1, REQUEST("5", "context.create", "{\"context\":" DOCUMENT "}"));
	assert_says(asked(worker), "context.create");
	snprintf(line, sizeof(line), RESULT("{\"contextId\":\"%s\",\"dcmf\":{\"owner\":\"%s\"}}"),
		id, owner);
	tell(worker, line);
	assert_says(heard(1), id);
}

START_TEST(a_request_is_answered_with_its_own_id)
{
	say(1, REQUEST("\"abc\"", "node.info", "{}"));
	assert_says(heard(1), "\"id\":\"abc\"");
	say(1, REQUEST("7", "node.stats", "{}"));
	assert_says(heard(1), "\"id\":7");
}
END_TEST

START_TEST(node_info_says_what_the_contract_lists)
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
	say(1, REQUEST("2", "context.get", "{\"contextId\":\"1-a\"}"));
	assert_says(heard(1), "NF_CONGESTION_RISK");
	say(2, REQUEST("3", "context.get", "{\"contextId\":\"1-a\"}"));
	ck_assert_str_eq(heard(2), "(nothing)");
	for (int i = 0; i < 5; i++) {
		asked(1);
		tell(1, RESULT("{}"));
	}
	assert_says(heard(2), "\"id\":3,\"result\"");
}
END_TEST

START_TEST(without_a_worker_a_create_is_refused)
{
	desk_worker_lost(desk, now, 0, "gone");
	deaf[1] = true;
	say(1, REQUEST("1", "context.create", "{\"context\":" DOCUMENT "}"));
	assert_says(heard(1), "worker 1 is not running");
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
 * jansson 2.14 itself does not survive it: its lexer ignores that its buffer could not grow and overruns it. So jansson gets a second
 * try, and the sweep goes through the allocations of our own code.
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
	Suite *s = suite_create("desk");
	TCase *t = tcase_create("desk");

	log_open(fopen("/dev/null", "w"), false);
	tcase_add_checked_fixture(t, open_desk, close_desk);
	tcase_add_test(t, a_request_is_answered_with_its_own_id);
	tcase_add_test(t, node_info_says_what_the_contract_lists);
	tcase_add_test(t, node_stats_has_the_counters_by_their_names);
	tcase_add_loop_test(t, a_bad_line_gets_its_error_and_the_next_one_works, 0,
		(int)(sizeof(bad_lines) / sizeof(bad_lines[0])));
	tcase_add_test(t, a_line_that_is_too_long_gets_an_error_without_id);
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
	tcase_add_test(t, a_controller_that_leaves_afterwards_keeps_its_contexts);
	tcase_add_test(t, a_worker_that_does_not_answer_costs_500_and_its_late_context_is_undone);
	tcase_add_test(t, a_lost_worker_is_told_with_its_contexts_and_its_requests_fail);
	tcase_add_test(t, a_page_of_contexts_is_collected_over_the_workers);
	tcase_add_test(t, a_list_goes_on_when_a_worker_dies_meanwhile);
	tcase_add_test(t, an_empty_list_needs_no_worker);
	tcase_add_test(t, events_reach_those_who_want_them);
	tcase_add_test(t, nobody_hears_events_without_asking);
	tcase_add_test(t, a_context_that_a_worker_deletes_by_itself_is_forgotten);
	tcase_add_test(t, names_of_servers_are_resolved_before_a_worker_sees_the_document);
	tcase_add_test(t, a_name_that_cannot_be_resolved_refuses_the_request);
	tcase_add_test(t, a_controller_that_leaves_while_names_are_resolved_leaves_nothing);
	tcase_add_test(
		t, a_draining_node_refuses_new_contexts_and_is_drained_when_the_last_has_gone);
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
