/* ng.c: messages of the ng protocol in, answers out: cookies, dictionaries, commands. */
#include <stdio.h>
#include <string.h>

#include "control/ng/bencode.h"
#include "control/ng/ng_parts.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"

#define DATAGRAM_MAX 65507
#define LAST_WORDS   (NG_COOKIE_MAX + 80)
#define SWEEP_US     TICK_S(1)
#define SWEEP_COUNT  1000         /* ours: branches looked at in a sweep */
#define SILENCE_US   TICK_S(3600) /* ours: a call without data channels is forgotten after it */

static void run_ping(struct ng_request *r)
{
	ng_answer(r, "pong", json_object());
}

static const struct ng_command commands[] = {
	{ "ping", run_ping, NULL },
	{ "offer", ng_run_offer, ng_offered },
	{ "answer", ng_run_answer, ng_answered },
	{ "delete", ng_run_delete, ng_deleted },
	{ "query", ng_run_query, ng_queried },
	{ "list", ng_run_list, NULL },
	{ "statistics", ng_run_statistics, ng_stats_came },
};

/* ---- life ------------------------------------------------------------------------------- */

struct ng *ng_create(const struct ng_config *config)
{
	struct ng *ng;

	control_init();
	if ((ng = mem_zalloc(sizeof(*ng))) == NULL)
		return NULL;
	ng->config = *config;
	ng->sweep = TICK_NEVER;
	list_init(&ng->requests);
	ng_calls_init(&ng->calls);
	if ((ng->cookies = ng_cookies_create()) != NULL)
		return ng;
	mem_free(ng);
	return NULL;
}

static void request_free(struct ng_request *r)
{
	list_unlink(&r->on_ng);
	list_unlink(&r->on_waiting);
	r->ng->request_count--;
	ng_flags_finish(&r->flags);
	json_decref(r->dictionary);
	json_decref(r->found);
	mem_free(r->cookie);
	mem_free(r);
}

void ng_destroy(struct ng *ng)
{
	if (ng == NULL)
		return;
	while (!list_is_empty(&ng->requests))
		request_free(container_of(ng->requests.next, struct ng_request, on_ng));
	ng_calls_finish(&ng->calls);
	ng_cookies_destroy(ng->cookies);
	mem_free(ng);
}

int64_t ng_wall_us(const struct ng *ng)
{
	return ng->config.wall_us(ng->config.front);
}

/* ---- out -------------------------------------------------------------------------------- */

/* "cookie dictionary", mem_alloc'ed; NULL: out of memory. */
static char *encode(const char *cookie, bool is_json, const json_t *dictionary, size_t *len)
{
	char *body = is_json ? js_line(dictionary) : bencode_write(dictionary, len);
	char *message;

	if (is_json && body != NULL)
		*len = strlen(body);
	if (body == NULL || cookie == NULL)
		return body;
	message = mem_printf("%s %s", cookie, body);
	*len = message != NULL ? strlen(message) : 0;
	mem_free(body);
	return message;
}

static json_t *error_of(const char *why)
{
	json_t *answer = json_object();

	if (js_put_text(answer, "result", "error") && js_put_text(answer, "error-reason", why))
		return answer;
	json_decref(answer);
	return NULL;
}

/* What is sent when there is no memory for more. */
static struct span last_words(const struct ng_request *r, char words[LAST_WORDS])
{
	int n = snprintf(words, LAST_WORDS, "%s%s%s", r->cookie != NULL ? r->cookie : "",
		r->cookie != NULL ? " " : "",
		r->is_json ? "{\"result\":\"error\",\"error-reason\":\"out of memory\"}"
			   : "d12:error-reason13:out of memory6:result5:errore");

	return SPAN(words, n);
}

/* NULL: out of memory. */
static char *encode_answer(const struct ng_request *r, const json_t *answer, size_t *len)
{
	char *text = answer != NULL ? encode(r->cookie, r->is_json, answer, len) : NULL;
	json_t *error;

	if (text == NULL || r->from.connection != 0 || *len <= DATAGRAM_MAX)
		return text;
	mem_free(text);
	error = error_of("the answer does not fit into a datagram: ask over TCP");
	text = error != NULL ? encode(r->cookie, r->is_json, error, len) : NULL;
	json_decref(error);
	return text;
}

/*
 * The next one that waited for the branch. It has the branch from the start: one that is answered
 * before it takes it, or takes another one, lets those behind it run, too.
 */
static void run_next(struct ng_branch *b)
{
	struct ng_request *r;

	b->busy = NULL;
	if (list_is_empty(&b->waiting))
		return;
	r = container_of(b->waiting.next, struct ng_request, on_waiting);
	list_unlink(&r->on_waiting);
	b->waiting_count--;
	b->busy = r;
	r->branch = b;
	r->command->run(r);
}

/* The request is over. */
static void send_answer(struct ng_request *r, const json_t *answer)
{
	struct ng *ng = r->ng;
	struct ng_branch *b = r->branch;
	char words[LAST_WORDS];
	size_t len = 0;
	char *text = encode_answer(r, answer, &len);
	struct span message = text != NULL ? SPAN(text, len) : last_words(r, words);

	if (r->remembered != NULL)
		ng_cookies_answered(
			ng->cookies, ng->config.now(ng->config.front), r->remembered, message);
	ng->config.reply(ng->config.front, &r->from, message);
	mem_free(text);
	request_free(r);
	if (b != NULL)
		run_next(b);
}

void ng_answer(struct ng_request *r, const char *result, json_t *answer)
{
	bool is_complete = answer != NULL && js_put_text(answer, "result", result);

	send_answer(r, is_complete ? answer : NULL);
	json_decref(answer);
}

static void fail(struct ng_request *r, const char *why)
{
	json_t *answer = error_of(why);
	char from[ADDR_TEXT_MAX];

	count(ng_refused_total);
	if (r->command != NULL) /* else it may be anything that somebody sends us */
		log_info(NULL, "ng %s: %s refused: %s", addr_text(&r->from.addr, from),
			r->command->name, why);
	send_answer(r, answer);
	json_decref(answer);
}

void ng_fail(struct ng_request *r, struct problem *p)
{
	json_t *details = problem_json(p);

	problem_finish(p);
	ng_fail_as(r, details);
	json_decref(details);
}

void ng_fail_as(struct ng_request *r, const json_t *problem)
{
	const json_t *first = json_array_get(json_object_get(problem, "invalidParams"), 0);
	const char *detail = js_get_text(problem, "detail"), *title = js_get_text(problem, "title"),
		   *param = js_get_text(first, "param"), *reason = js_get_text(first, "reason");
	const char *words = detail != NULL ? detail : title != NULL ? title : "out of memory";
	char why[640];

	if (param != NULL && reason != NULL && strstr(words, reason) == NULL)
		snprintf(why, sizeof(why), "%.255s: %.100s: %.255s", words, param, reason);
	else
		snprintf(why, sizeof(why), "%.512s", words);
	fail(r, why);
}

/* ---- the desk --------------------------------------------------------------------------- */

static void desk_answered(void *arg, json_t *result, json_t *problem)
{
	struct ng_request *r = arg;

	r->asked = 0;
	r->command->answered(r, result, problem);
}

void ng_ask(struct ng_request *r, const char *method, json_t *params)
{
	static const struct desk_asker_ops ops = { desk_answered, NULL };
	struct ng *ng = r->ng;
	uint64_t asked;

	if (params == NULL) {
		desk_answered(r, NULL, NULL);
		return;
	}
	asked = desk_ask(ng->config.desk, ng->config.now(ng->config.front),
		&(struct desk_ask){
			.method = method,
			.params = params,
			.identity = "ng",
			.ops = &ops,
			.arg = r,
		});
	json_decref(params);
	if (asked != 0) /* else it is answered, and the request may be over */
		r->asked = asked;
}

/* ---- one after the other ---------------------------------------------------------------- */

bool ng_take(struct ng_request *r, struct ng_branch *b)
{
	struct ng_branch *waited_for = r->branch;
	bool is_free = b->busy == NULL;

	if (waited_for == b)
		return true;
	r->branch = NULL;
	if (is_free) {
		b->busy = r;
		r->branch = b;
	} else if (b->waiting_count < NG_WAITING_MAX) {
		b->waiting_count++;
		list_append(&b->waiting, &r->on_waiting);
	} else {
		fail(r, "too many requests of this call are under way");
	}
	if (waited_for != NULL)
		run_next(waited_for);
	return is_free;
}

void ng_end_branch(struct ng *ng, struct ng_branch *b, const char *why)
{
	struct ng_request *busy = b->busy;

	while (!list_is_empty(&b->waiting)) {
		struct ng_request *r = container_of(b->waiting.next, struct ng_request, on_waiting);

		list_unlink(&r->on_waiting);
		fail(r, why);
	}
	ng_branch_forget(&ng->calls, b);
	if (busy == NULL)
		return;
	busy->branch = NULL;
	if (busy->asked != 0)
		desk_cancel(ng->config.desk, busy->asked);
	fail(busy, why);
}

struct ng_dialog ng_dialog_of(const struct ng_request *r)
{
	const struct ng_flags *f = &r->flags;

	return (struct ng_dialog){ f->call_id, f->from_tag, f->to_tag, f->via_branch };
}

/* ---- in --------------------------------------------------------------------------------- */

/* Cuts the cookie off. False: there is none, so nobody could be answered. */
static bool cut_cookie(struct span *message, struct span *cookie)
{
	*message = span_trim(*message);
	*cookie = span_cut(message, ' ');
	if (cookie->len == 0 || cookie->len > NG_COOKIE_MAX || message->len == 0)
		return false;
	for (size_t i = 0; i < cookie->len; i++) {
		if (cookie->p[i] <= ' ' || cookie->p[i] >= 0x7f)
			return false;
	}
	return true;
}

/* Datagrams come from an address; a stream or a request over HTTP is a sender of its own. */
static struct span sender_of(const struct ng_from *from)
{
	return from->connection != 0 ? SPAN(&from->connection, sizeof(from->connection))
				     : SPAN(&from->addr, sizeof(from->addr));
}

static struct ng_request *request_new(struct ng *ng, const struct ng_from *from, struct span cookie)
{
	struct ng_request *r = mem_zalloc(sizeof(*r));

	if (r == NULL)
		return NULL;
	r->ng = ng;
	r->from = *from;
	list_init(&r->on_ng);
	list_init(&r->on_waiting);
	list_append(&ng->requests, &r->on_ng);
	ng->request_count++;
	if (from->plain || (r->cookie = mem_span_dup(cookie)) != NULL)
		return r;
	request_free(r);
	return NULL;
}

static bool read_dictionary(struct ng_request *r, struct span text)
{
	const char *why = "the dictionary is not JSON";
	bool no_memory = false;

	r->is_json = text.len > 0 && text.p[0] == '{';
	if (r->is_json)
		r->dictionary = js_parse(text, &no_memory);
	else if (text.len > 0 && text.p[0] == 'd')
		r->dictionary = bencode_read(text, &why);
	else
		why = "the message is neither bencode nor JSON";
	if (r->dictionary != NULL && js_is_deeper(r->dictionary, JS_DEPTH_MAX)) {
		json_decref(r->dictionary);
		r->dictionary = NULL;
		why = "the dictionary is nested too deep";
	}
	if (r->dictionary != NULL)
		return true;
	count(ng_malformed_total);
	fail(r, no_memory ? "out of memory" : why);
	return false;
}

static const struct ng_command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static void run(struct ng_request *r, struct span text)
{
	struct problem p = { PROBLEM_NONE };
	const char *name;

	if (!read_dictionary(r, text))
		return;
	name = js_get_text(r->dictionary, "command");
	if (name == NULL)
		fail(r, "Dictionary contains no key \"command\"");
	else if ((r->command = find_command(name)) == NULL)
		fail(r, "Unrecognized command");
	else if (!ng_flags_read(&r->flags, r->dictionary, &p))
		ng_fail(r, &p);
	else
		r->command->run(r);
}

/* Has the message been dealt with: is it a repetition, or are there too many? */
static bool is_dealt_with(struct ng_request *r, struct span cookie, struct span text)
{
	struct ng *ng = r->ng;
	struct ng_cookie *c = NULL;

	if (r->from.plain)
		return false;
	switch (ng_cookies_see(ng->cookies, ng->config.now(ng->config.front), sender_of(&r->from),
		cookie, text, &c)) {
	case NG_NEW: r->remembered = c; return false;
	case NG_UNDER_WAY:
		count(ng_repeated_total);
		request_free(r);
		return true;
	case NG_ANSWERED:
		count(ng_repeated_total);
		ng->config.reply(ng->config.front, &r->from, ng_cookie_answer(c));
		request_free(r);
		return true;
	case NG_REPLAYED:
		count(ng_replayed_total);
		r->is_json = text.p[0] == '{';
		fail(r, "another message came with this cookie before");
		return true;
	case NG_NO_MEMORY: break;
	}
	return false;
}

bool ng_message(struct ng *ng, const struct ng_from *from, struct span message)
{
	struct span cookie = SPAN_NONE;
	struct ng_request *r;

	count(ng_messages_total);
	if (message.len > NG_MESSAGE_MAX || (!from->plain && !cut_cookie(&message, &cookie))) {
		count(ng_malformed_total);
		return false;
	}
	if ((r = request_new(ng, from, cookie)) == NULL) {
		count(allocation_failed_total); /* it will come again */
		return false;
	}
	if (is_dealt_with(r, cookie, message))
		return true;
	if (ng->request_count > NG_REQUESTS_MAX)
		fail(r, "too many requests are under way");
	else
		run(r, message);
	if (tick_is_never(ng->sweep) && !list_is_empty(&ng->calls.all))
		ng->sweep = tick_add(ng->config.now(ng->config.front), SWEEP_US);
	return true;
}

/* ---- time ------------------------------------------------------------------------------- */

tick_t ng_deadline(const struct ng *ng)
{
	return tick_min(ng->sweep, ng_cookies_deadline(ng->cookies));
}

/* Is it of use to nobody any more: its context has gone, or nothing was heard for long? */
static bool is_stale(const struct ng *ng, const struct ng_branch *b)
{
	if (b->busy != NULL)
		return false;
	if (b->context_id[0] != '\0')
		return !desk_has_context(ng->config.desk, b->context_id);
	return ng_wall_us(ng) - b->last_us > SILENCE_US;
}

static void sweep(struct ng *ng)
{
	const struct ng_branch *first = NULL;

	for (unsigned i = 0; i < SWEEP_COUNT && !list_is_empty(&ng->calls.all); i++) {
		struct ng_branch *b = container_of(ng->calls.all.next, struct ng_branch, on_all);

		if (b == first)
			return; /* once round */

		if (is_stale(ng, b)) {
			ng_branch_forget(&ng->calls, b);
			continue;
		}
		list_append(&ng->calls.all, &b->on_all);
		first = first != NULL ? first : b;
	}
}

void ng_expire(struct ng *ng, tick_t now)
{
	ng_cookies_expire(ng->cookies, now);
	if (!tick_due(ng->sweep, now))
		return;
	sweep(ng);
	ng->sweep = list_is_empty(&ng->calls.all) ? TICK_NEVER : tick_add(now, SWEEP_US);
}
