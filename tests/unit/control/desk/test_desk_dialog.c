/*
 * test_desk_dialog.c: sdp.offer and sdp.answer through the desk, with one controller and one worker
 * that this file plays itself.
 *
 *     say(method, sdp, more)    the controller sends a request
 *     heard()                   the next line it gets
 *     asked()                   the next request of the worker, "method {...}"
 *     grant(), refuse()         the worker answers it
 */
#include <stdio.h>
#include <stdlib.h>

#include "control/desk/desk.h"
#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "tests/unit/control/sdp/dialog_gateway.h"
#include "tests/unit/main.h"

#define LINES     32
#define LINE_MAX_ 32768

struct mailbox {
	char *line[LINES];
	unsigned in, out;
};

static struct desk *desk;
static struct mailbox to_controller, to_worker;
static const tick_t now = { TICK_S(1000) };

static void put(struct mailbox *m, struct span line)
{
	ck_assert_uint_lt(m->in, LINES);
	m->line[m->in++] = strndup((const char *)line.p, line.len);
}

static void send_controller(void *front, uint64_t controller, struct span line)
{
	put(&to_controller, line);
}

static bool send_worker(void *front, unsigned worker, struct span line)
{
	put(&to_worker, line);
	return true;
}

static void resolve(void *front, const char *host, uint16_t port, uint64_t ticket)
{
	ck_abort_msg("nobody asked for a name");
}

static int64_t wall_us(void *front)
{
	return 0;
}

static void drained(void *front)
{
}

static bool has_hung_up(void *front, uint64_t controller)
{
	(void)front;
	(void)controller;
	return false;
}

static const struct desk_ops ops = {
	.to_controller = send_controller,
	.has_hung_up = has_hung_up,
	.to_worker = send_worker,
	.resolve = resolve,
	.wall_us = wall_us,
	.drained = drained,
};

static void open_desk(void)
{
	static const struct desk_config config = { .ops = &ops,
		.name = "mf1",
		.version = "1",
		.nf_instance_id = "x",
		.workers = 1,
		.max_requests_per_controller = 4,
		.limits = { .contexts = 2 } };

	desk = desk_create(&config, now);
	if (desk == NULL)
		return;
	desk_worker_up(desk, now, 0);
	desk_controller_joined(desk, 1, "test");
}

static void empty(struct mailbox *m)
{
	while (m->out < m->in)
		free(m->line[m->out++]);
	m->in = m->out = 0;
}

static void close_desk(void)
{
	desk_destroy(desk);
	desk = NULL;
	empty(&to_controller);
	empty(&to_worker);
}

/* ---- what is said ----------------------------------------------------------------------- */

#define SDP_HEAD(session) "v=0\\r\\no=- " session " 1 IN IP4 192.0.2.1\\r\\ns=-\\r\\nt=0 0\\r\\n"
#define FINGERPRINT                                                        \
	"a=fingerprint:sha-256 2B:6F:0C:91:7D:3E:AA:54:18:C2:9F:60:E1:77:" \
	"05:BD:42:8A:D3:1C:66:F9:0E:B5:20:74:CB:39:58:EF:13:A7\\r\\n"
#define LINE(port, setup)                                                                 \
	"m=application " port " UDP/DTLS/SCTP webrtc-datachannel\\r\\nc=IN IP4 192.0.2.1" \
	"\\r\\na=setup:" setup "\\r\\n" FINGERPRINT "a=dcmap:1000\\r\\n"
#define OFFER  SDP_HEAD("1") LINE("4000", "actpass")
#define ANSWER SDP_HEAD("2") LINE("5000", "passive")

static unsigned next_id;

static void say(const char *method, const char *sdp, const char *more)
{
	static char line[LINE_MAX_];

	snprintf(line, sizeof(line),
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"%s\",\"params\":{\"sdp\":\"%s\"%s}}",
		++next_id, method, sdp, more);
	desk_controller_line(desk, now, 1, SPAN_STR(line));
}

static const char *next_line(struct mailbox *m)
{
	static char line[LINE_MAX_];

	if (m->out == m->in)
		return "(nothing)";
	snprintf(line, sizeof(line), "%s", m->line[m->out]);
	free(m->line[m->out++]);
	return line;
}

#define assert_heard(part)                                                            \
	do {                                                                          \
		const char *is = next_line(&to_controller);                           \
		ck_assert_msg(strstr(is, part) != NULL, "%s is not in %s", part, is); \
	} while (0)

/*
 * The worker's answer to what it was asked last; `result` as text, or NULL: the document with the
 * gateway's side.
 */
static void reply(const char *method, const char *result)
{
	bool no_memory = false;
	json_t *asked = js_parse(SPAN_STR(next_line(&to_worker)), &no_memory), *filled = NULL;
	const json_t *params = json_object_get(asked, "params");
	char line[LINE_MAX_], *text = NULL;

	if (asked == NULL)
		return;
	ck_assert_str_eq(js_get_text(asked, "method"), method);
	if (result == NULL) {
		filled = gateway_fill(json_object_get(params, "context"), "203.0.113.5");
		text = filled != NULL ? js_line(filled) : NULL;
	}
	if (text != NULL || result != NULL) {
		snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%lld,%s%s}",
			(long long)js_get_integer(asked, "id", 0),
			result != NULL ? result : "\"result\":", text != NULL ? text : "");
		desk_worker_line(desk, now, 0, SPAN_STR(line));
	}
	mem_free(text);
	json_decref(filled);
	json_decref(asked);
}

#define IN_CONTEXT ",\"contextId\":\"0-c0ffee\""
#define REFUSAL                                                                   \
	"\"error\":{\"code\":-32000,\"message\":\"no\",\"data\":{\"status\":403," \
	"\"cause\":\"SECURITY_POLICY\"}}"

static void begin_call(void)
{
	say("sdp.offer", OFFER, ",\"owner\":\"alice\"");
	reply("context.create", NULL);
	assert_heard("\"contextId\":\"0-c0ffee\",\"sdp\":\"v=0");
}

START_TEST(a_call_is_carried_from_side_to_side)
{
	say("sdp.offer", OFFER, ",\"owner\":\"alice\",\"securityMode\":\"E2E\"");
	ck_assert(strstr(to_worker.line[0], "\"owner\":\"alice\"") != NULL);
	ck_assert(strstr(to_worker.line[0], "\"mediaProxyConfig\":\"UDP_PROXY\"") != NULL);
	reply("context.create", NULL);
	assert_heard("m=application 20100 UDP/DTLS/SCTP");
	ck_assert_uint_eq(desk_contexts(desk), 1);
	say("sdp.answer", ANSWER, IN_CONTEXT);
	ck_assert(strstr(to_worker.line[to_worker.out], "\"owner\":\"alice\"") != NULL);
	reply("context.replace", NULL);
	assert_heard("m=application 20000 UDP/DTLS/SCTP");
	say("sdp.offer", OFFER, IN_CONTEXT);
	reply("context.replace", NULL);
	assert_heard("m=application 20100 UDP/DTLS/SCTP");
	ck_assert_uint_eq(desk_contexts(desk), 1);
}
END_TEST

START_TEST(what_the_worker_refuses_leaves_the_call_as_it_was)
{
	begin_call();
	say("sdp.answer", ANSWER, IN_CONTEXT);
	reply("context.replace", REFUSAL);
	assert_heard("SECURITY_POLICY");
	say("sdp.answer", ANSWER, IN_CONTEXT);
	reply("context.replace", NULL);
	assert_heard("m=application 20000");
	say("sdp.offer", OFFER LINE("4002", "actpass"), IN_CONTEXT);
	reply("context.replace", REFUSAL);
	assert_heard("SECURITY_POLICY");
	say("sdp.answer", ANSWER, IN_CONTEXT); /* one line is all that was ever offered */
	reply("context.replace", NULL);
	assert_heard("m=application 20000");
}
END_TEST

START_TEST(messages_of_one_call_follow_each_other)
{
	begin_call();
	say("sdp.answer", ANSWER, IN_CONTEXT);
	say("sdp.offer", OFFER, IN_CONTEXT);
	assert_heard("another offer or answer of this context is under way");
	reply("context.replace", NULL);
	assert_heard("m=application 20000");
	say("sdp.offer", OFFER, IN_CONTEXT);
	reply("context.replace", NULL);
	assert_heard("m=application 20100");
}
END_TEST

START_TEST(a_context_is_of_one_kind)
{
	begin_call();
	say("sdp.terminate", OFFER, IN_CONTEXT ",\"dcMedia\":{}");
	assert_heard("the context stands between two sides");
	say("sdp.terminate", OFFER, ",\"dcMedia\":{\"*\":{\"mediaProxyConfig\":\"HTTP_PROXY\"}}");
	reply("context.create", "\"result\":{\"contextId\":\"0-other\"}");
	assert_heard("\"contextId\":\"0-other\"");
	say("sdp.answer", ANSWER, ",\"contextId\":\"0-other\"");
	assert_heard("the context was not made by sdp.offer");
}
END_TEST

START_TEST(a_controller_that_leaves_leaves_no_half_made_call)
{
	say("sdp.offer", OFFER, "");
	desk_controller_left(desk, now, 1);
	reply("context.create", NULL);
	reply("context.delete", "\"result\":{}");
	ck_assert_uint_eq(desk_contexts(desk), 0);
}
END_TEST

START_TEST(a_message_that_cannot_be_written_leaves_no_context)
{
	say("sdp.offer", OFFER, "");
	reply("context.create",
		"\"result\":{\"contextId\":\"0-c0ffee\",\"terminations\":[{\"terminationId\":"
		"\"b\",\"medias\":[{\"mediaId\":\"0\"}]}]}");
	assert_heard("media 0 was given no localMbEndpoint");
	reply("context.delete", "\"result\":{}");
	ck_assert_uint_eq(desk_contexts(desk), 0);
}
END_TEST

START_TEST(a_full_node_takes_no_new_call_and_goes_on_with_the_old)
{
	begin_call();
	say("sdp.offer", OFFER, "");
	reply("context.create", "\"result\":{\"contextId\":\"0-2\"}");
	assert_heard("0-2");
	say("sdp.offer", OFFER, "");
	assert_heard("limits.contexts is reached");
	say("sdp.answer", ANSWER, IN_CONTEXT);
	reply("context.replace", NULL);
	assert_heard("m=application 20000");
}
END_TEST

START_TEST(running_out_of_memory_leaks_nothing)
{
	long live;

	close_desk();
	live = mem_live();
	for (unsigned long n = 1;; n++) {
		mem_fail_at(n);
		open_desk();
		if (desk != NULL) {
			say("sdp.offer", OFFER, "");
			if (to_worker.in > to_worker.out)
				reply("context.create", NULL);
			say("sdp.answer", ANSWER, IN_CONTEXT);
			if (to_worker.in > to_worker.out &&
				strstr(to_worker.line[to_worker.out], "context.replace") != NULL)
				reply("context.replace", NULL);
		}
		close_desk();
		if (!mem_failed())
			break;
		ck_assert_int_eq(mem_live(), live);
	}
	mem_fail_at(0);
	ck_assert_int_eq(mem_live(), live);
	open_desk();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("desk_dialog");
	TCase *t = tcase_create("calls");

	control_init();
	log_open(fopen("/dev/null", "w"), false);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, open_desk, close_desk);
	tcase_add_test(t, a_call_is_carried_from_side_to_side);
	tcase_add_test(t, what_the_worker_refuses_leaves_the_call_as_it_was);
	tcase_add_test(t, messages_of_one_call_follow_each_other);
	tcase_add_test(t, a_context_is_of_one_kind);
	tcase_add_test(t, a_controller_that_leaves_leaves_no_half_made_call);
	tcase_add_test(t, a_message_that_cannot_be_written_leaves_no_context);
	tcase_add_test(t, a_full_node_takes_no_new_call_and_goes_on_with_the_old);
	tcase_add_test(t, running_out_of_memory_leaks_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
