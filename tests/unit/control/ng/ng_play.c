/* ng_play.c: a SIP proxy, and a worker that fills every document as the gateway would. */
#include "tests/unit/control/ng/ng_play.h"

#include <stdio.h>
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "tests/unit/control/sdp/dialog_gateway.h"

#define LINES 64

struct desk *ng_desk;
struct ng *ng;
tick_t ng_now;
json_t *ng_asked;
unsigned ng_contexts;

static char *answers[LINES], *requests[LINES];
static uint64_t questions[LINES]; /* tickets */
static unsigned question_count;
static unsigned answer_in, answer_out, request_in, request_out, cookies, made;

static void put(char **box, unsigned *in, struct span s)
{
	ck_assert_uint_lt(*in, LINES);
	box[(*in)++] = strndup((const char *)s.p, s.len);
}

static void reply(void *front, const struct ng_from *to, struct span message)
{
	ck_assert_int_eq(to->addr.family, ADDR_IPV4);
	put(answers, &answer_in, message);
}

static tick_t now_of(void *front)
{
	return ng_now;
}

static int64_t wall_us(void *front)
{
	return INT64_C(1700000000000000) + ng_now.us;
}

static bool to_worker(void *front, unsigned worker, struct span line)
{
	put(requests, &request_in, line);
	return true;
}

static void to_controller(void *front, uint64_t controller, struct span line)
{
}

static bool has_hung_up(void *front, uint64_t controller)
{
	return false;
}

static void resolve(void *front, const char *host, uint16_t port, uint64_t ticket)
{
	ck_assert_uint_lt(question_count, LINES);
	questions[question_count++] = ticket;
}

static void answer_questions(void)
{
	struct addr a;

	addr_parse_ip(SPAN_LIT("192.0.2.99"), 443, &a);
	for (unsigned i = 0; i < question_count; i++)
		desk_resolved(ng_desk, ng_now, questions[i], &a, NULL);
	question_count = 0;
}

static bool worker_info(void *front, unsigned worker, struct desk_worker_info *out)
{
	return true;
}

/* Each another value, so that none is taken for another. */
static int64_t counter(void *front, int which)
{
	return 1000 + which;
}

static void drained(void *front)
{
}

static const struct desk_ops ops = { to_controller, has_hung_up, to_worker, resolve, worker_info,
	counter, wall_us, drained, NULL };

static struct ng_interface interfaces[3] = { { .name = "access" }, { .name = "core" },
	{ .name = "six" } };

bool open_ng(void)
{
	static const struct desk_config config = { .ops = &ops,
		.name = "mf1",
		.version = "1",
		.nf_instance_id = "x",
		.workers = 1,
		.max_requests_per_controller = 4,
		.limits = { .contexts = 8, .drain_deadline_us = TICK_S(60) } };
	struct ng_config c = { .reply = reply,
		.now = now_of,
		.wall_us = wall_us,
		.interfaces = interfaces,
		.interface_count = 3 };

	control_init();
	ng_now = (tick_t){ TICK_S(1000) };
	addr_parse_ip(SPAN_LIT("203.0.113.5"), 0, &interfaces[0].address);
	addr_parse_ip(SPAN_LIT("10.0.0.5"), 0, &interfaces[1].address);
	addr_parse_ip(SPAN_LIT("2001:db8::5"), 0, &interfaces[2].address);
	cookies = made = ng_contexts = question_count = 0;
	ng_desk = c.desk = desk_create(&config, ng_now);
	if (ng_desk != NULL) {
		desk_worker_up(ng_desk, ng_now, 0);
		ng = ng_create(&c);
	}
	return ng != NULL;
}

static void empty(char **box, unsigned *in, unsigned *out)
{
	while (*out < *in)
		free(box[(*out)++]);
	*in = *out = 0;
}

void close_ng(void)
{
	ng_destroy(ng);
	desk_destroy(ng_desk);
	ng = NULL;
	ng_desk = NULL;
	json_decref(ng_asked);
	ng_asked = NULL;
	heard(); /* lets go of the last one */
	empty(answers, &answer_in, &answer_out);
	empty(requests, &request_in, &request_out);
	heard();
}

static struct ng_from proxy_at(unsigned proxy)
{
	struct ng_from from = { .connection = 0 };

	addr_parse_ip(SPAN_LIT("127.0.0.1"), (uint16_t)(5000 + proxy), &from.addr);
	return from;
}

void say_from(unsigned proxy, const char *cookie, const char *dictionary)
{
	struct ng_from from = proxy_at(proxy);
	size_t len = strlen(cookie) + 1 + strlen(dictionary);
	char *message = malloc(len + 1);

	sprintf(message, "%s %s", cookie, dictionary);
	message = realloc(message, len); /* so that reading behind it shows */
	ng_message(ng, &from, SPAN(message, len));
	free(message);
}

void say(const char *cookie, const char *dictionary)
{
	say_from(1, cookie, dictionary);
}

void say_bytes(struct span message)
{
	struct ng_from from = proxy_at(1);

	ng_message(ng, &from, message);
}

const char *heard(void)
{
	static char *last;

	free(last);
	last = NULL;
	if (answer_out == answer_in)
		return "(nothing)";
	last = answers[answer_out++];
	if (answer_out == answer_in)
		answer_in = answer_out = 0;
	return last;
}

static void tell(json_int_t id, json_t *result, json_t *error)
{
	json_t *m = json_object();
	char *line;

	json_object_set_new(m, "jsonrpc", json_string("2.0"));
	json_object_set_new(m, "id", json_integer(id));
	json_object_set_new(m, error != NULL ? "error" : "result", error != NULL ? error : result);
	line = js_line(m);
	json_decref(m);
	if (line != NULL)
		desk_worker_line(ng_desk, ng_now, 0, span_str(line));
	mem_free(line);
}

/* A copy of the document with the gateway's side in it. */
static json_t *filled_copy(const json_t *params)
{
	const char *id = js_get_text(params, "contextId");
	const json_t *document = json_object_get(params, "context");
	json_t *filled = document != NULL ? gateway_fill(document, "203.0.113.5") : NULL;
	char name[32];

	snprintf(name, sizeof(name), "0-%u", ++made);
	json_object_set_new(filled, "contextId", json_string(id != NULL ? id : name));
	return filled;
}

static void do_work(const json_t *request)
{
	const char *method = js_get_text(request, "method");
	json_t *params = json_object_get(request, "params");
	json_int_t id = js_get_integer(request, "id", 0);

	if (method == NULL)
		return; /* no memory to read it */
	if (strcmp(method, "context.create") == 0 || strcmp(method, "context.replace") == 0) {
		json_decref(ng_asked);
		ng_asked = json_deep_copy(json_object_get(params, "context"));
		ng_contexts += strcmp(method, "context.create") == 0;
		tell(id, filled_copy(params), NULL);
	} else if (strcmp(method, "context.delete") == 0) {
		ng_contexts--;
		tell(id, json_object(), NULL);
	} else {
		tell(id,
			json_pack("{s:s, s:[{s:s, s:[{s:{s:{s:{s:i, s:i}}}, s:{s:{s:s}, s:i}}]}]}",
				"contextId", js_get_text(params, "contextId"), "terminations",
				"terminationId", "a", "medias", "dcmf", "status", "traffic",
				"datagramsIn", 7, "bytesIn", 700, "remoteMbEndpoint", "ip",
				"ipv4Addr", "192.0.2.1", "portNumber", 5000),
			NULL);
	}
}

unsigned work(void)
{
	unsigned count = 0;

	answer_questions();
	for (; request_out < request_in; count++) {
		bool no_memory;
		json_t *request = js_parse(span_str(requests[request_out]), &no_memory);

		free(requests[request_out++]);
		if (request_out == request_in)
			request_in = request_out = 0;
		do_work(request);
		json_decref(request);
	}
	return count;
}

const char *asked_for(const char *dictionary)
{
	char cookie[16];

	snprintf(cookie, sizeof(cookie), "c%u", ++cookies);
	say(cookie, dictionary);
	work();
	return heard();
}

const char *member(const char *answer, const char *name)
{
	static char text[8192];
	const char *brace = strchr(answer, '{');
	json_t *j = brace != NULL ? json_loads(brace, 0, NULL) : NULL;
	const char *value = js_get_text(j, name);

	snprintf(text, sizeof(text), "%s", value != NULL ? value : "(none)");
	json_decref(j);
	return text;
}

static void setup(void)
{
	ck_assert(open_ng());
}

Suite *ng_suite(const char *name, TCase **t)
{
	static FILE *quiet;
	Suite *s = suite_create(name);

	if (getenv("LOUD") == NULL && (quiet = fopen("/dev/null", "w")) != NULL)
		log_open(quiet, false);
	control_init();
	*t = tcase_create(name);
	tcase_set_timeout(*t, 60);
	tcase_add_checked_fixture(*t, setup, close_ng);
	suite_add_tcase(s, *t);
	return s;
}
