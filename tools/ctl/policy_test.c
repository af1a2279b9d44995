/* policy_test.c: what the security policy of a configuration says of a document. */
#include "tools/ctl/policy_test.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "control/document/document.h"
#include "control/json.h"
#include "control/policy/policy.h"
#include "control/sdp/sdp.h"
#include "dcmf/base/alloc.h"
#include "dcmf/http/http.h"
#include "dcmf/config/rules.h"

enum { ALLOWED, REFUSED, UNDECIDED };

struct test {
	const struct policy_test *asked;
	struct config config;
	struct document_rules rules;
	json_t *doc, *resolved, *decisions;
	struct problem problem;
	bool has_refused;
	bool failed; /* out of memory */
};

/* --- names --- */

/* "name=address" of the command line; the address alone, or NULL. */
static const char *told_address(const struct policy_test *t, const char *host)
{
	size_t len = strlen(host);

	for (unsigned i = 0; i < t->resolve_count; i++) {
		if (strncmp(t->resolve[i], host, len) == 0 && t->resolve[i][len] == '=')
			return t->resolve[i] + len + 1;
	}
	return NULL;
}

static bool ask_resolver(const char *host, struct addr *at)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	bool found = getaddrinfo(host, NULL, &hints, &list) == 0 &&
		     addr_from_sockaddr(list->ai_addr, at);

	if (list != NULL)
		freeaddrinfo(list);
	return found;
}

static bool find_host(const struct policy_test *t, const char *host, uint16_t port, struct addr *at)
{
	const char *told = told_address(t, host);

	if (told != NULL ? !addr_parse_ip(span_str(told), port, at) : !ask_resolver(host, at)) {
		fprintf(stderr, "dcmfctl: %s: no address; --resolve %s=ADDRESS tells one\n", host,
			host);
		return false;
	}
	at->port = port;
	return true;
}

static void resolve(void *arg, const char *host, uint16_t port)
{
	struct test *t = arg;
	char text[ADDR_TEXT_MAX], *key;
	struct addr at;

	if (!find_host(t->asked, host, port, &at))
		return; /* the decoder says which URL it was needed for */
	key = mem_printf("%s:%u", host, port);
	t->failed =
		t->failed || key == NULL || !js_put_text(t->resolved, key, addr_text(&at, text));
	mem_free(key);
}

/* --- the configuration --- */

/* Streams without a URL go to mdc1.url, or to the embedded DCSF, somewhere on loopback. */
static bool find_root(struct test *t)
{
	const char *url = t->config.mdc1.url;
	struct http_url parts;
	char *host;
	bool found;

	if (url[0] == '\0') {
		t->rules.embedded_root = t->config.mdc1.embedded ? "http://127.0.0.1:1/" : NULL;
		return addr_parse(SPAN_LIT("127.0.0.1:1"), &t->rules.embedded_addr);
	}
	t->rules.embedded_root = url;
	if (http_url_parse(span_str(url), &parts) != ERR_OK) {
		fprintf(stderr, "dcmfctl: mdc1.url %s: no host and port that can be asked\n", url);
		return false;
	}
	if (addr_parse_ip(parts.host, parts.port, &t->rules.embedded_addr))
		return true;
	host = mem_span_dup(parts.host);
	found = host != NULL && find_host(t->asked, host, parts.port, &t->rules.embedded_addr);
	mem_free(host);
	return found;
}

static bool load_config(struct test *t)
{
	char error[CONFIG_ERROR_MAX];

	if (config_load(t->asked->config, &t->config, error)) {
		rules_of(&t->config, &t->rules);
		return find_root(t);
	}
	fprintf(stderr, "dcmfctl: %s\n", error);
	return false;
}

/* --- what is heard --- */

/* Names rather than numbers: what the document calls the termination and the media. */
static bool put_place(json_t *d, const json_t *doc, const struct document_verdict *v)
{
	const json_t *termination =
		json_array_get(json_object_get(doc, "terminations"), v->termination);
	const json_t *media = json_array_get(json_object_get(termination, "medias"), v->media);

	return js_put_text(d, "terminationId", js_get_text(termination, "terminationId")) &&
	       js_put_text(d, "mediaId", js_get_text(media, "mediaId")) &&
	       js_put_text(d, "mediaProxyConfig",
		       js_get_text(json_object_get(media, "dcMedia"), "mediaProxyConfig")) &&
	       (v->sid < 0 || js_put_integer(d, "streamId", v->sid));
}

static bool put_question(json_t *d, const struct test *t, const struct policy_question *q)
{
	const char *side = policy_word("server", (uint8_t)policy_server_of(&t->config.policy, q));
	bool is_embedded = q->own_server && t->config.mdc1.url[0] == '\0';
	char where[ADDR_TEXT_MAX];

	return js_put_text(d, "kind", policy_word("kind", q->kind)) &&
	       js_put_text(d, "bdc", policy_word("bdc", q->bdc)) &&
	       js_put_text(d, "topology", policy_word("topology", q->topology)) &&
	       js_put_text(d, "asked", policy_word("then", q->wanted)) &&
	       js_put_text(d, "server",
		       is_embedded               ? "embedded DCSF"
		       : addr_is_set(&q->server) ? addr_text(&q->server, where)
						 : NULL) &&
	       js_put_text(d, "serverSide", side) && js_put_text(d, "protocol", q->protocol) &&
	       js_put_text(d, "application", q->application) &&
	       js_put_text(d, "thirdParty", q->third_party) &&
	       js_put_bool(d, "protectedMdc", q->protected_mdc);
}

static bool put_answer(json_t *d, const struct test *t, const struct policy_answer *a)
{
	const struct policy_rule *rules = t->config.policy.rules;

	return js_put_bool(d, "allowed", a->allowed) && js_put_text(d, "rule", a->rule) &&
	       (a->number < 0 || js_put_integer(d, "line", rules[a->number].line)) &&
	       js_put_text(d, "detail", a->allowed ? NULL : a->detail);
}

static void heard(void *arg, const struct document_verdict *v)
{
	struct test *t = arg;
	json_t *d = json_object();

	t->has_refused = t->has_refused || !v->answer->allowed;
	if (put_place(d, t->doc, v) && put_question(d, t, v->question) &&
		put_answer(d, t, v->answer) && json_array_append(t->decisions, d) == 0) {
		json_decref(d);
		return;
	}
	json_decref(d);
	t->failed = true;
}

/* --- the document --- */

static json_t *document_of_offer(struct test *t)
{
	struct sdp *sdp = sdp_parse(span_str(t->asked->text), &t->problem);
	json_t *doc = sdp != NULL ? sdp_document(sdp, t->asked->dc_media, NULL, &t->problem) : NULL;

	sdp_destroy(sdp);
	return doc;
}

/* NULL: t->problem says why. */
static json_t *read_document(struct test *t)
{
	bool no_memory = false;
	json_t *doc;

	if (t->asked->is_sdp)
		return document_of_offer(t);
	doc = js_parse(span_str(t->asked->text), &no_memory);
	if (doc == NULL && !no_memory)
		problem_set(&t->problem, PROBLEM_BAD_MESSAGE, "%s is not JSON", t->asked->name);
	return doc;
}

/* As a worker does with context.create. */
static void decide(struct test *t)
{
	struct context_spec spec;
	bool rel18;

	t->rules.heard = heard;
	t->rules.heard_arg = t;
	if ((t->doc = read_document(t)) == NULL ||
		!document_check(t->doc, &t->rules, &rel18, &t->problem))
		return;
	document_hosts(t->doc, resolve, t);
	if (document_decode(t->doc, &t->rules, t->resolved, &spec, &t->problem))
		context_spec_finish(&spec);
}

/* --- what is told --- */

static const char *text(const json_t *d, const char *key)
{
	const char *value = js_get_text(d, key);

	return value != NULL ? value : "-";
}

#define ROW "%-12s %-8s %-6s %-10s %-5s %-30s %-10s %-8s %s\n"

static void show_decision(const json_t *d)
{
	const char *side = js_get_text(d, "bdc") != NULL ? text(d, "bdc") : text(d, "topology");
	int64_t sid = js_get_integer(d, "streamId", -1), line = js_get_integer(d, "line", 0);
	bool has_side = side[0] != '-', is_p2p = strcmp(side, "p2p") == 0;
	char stream[12] = "any", channel[20], server[100], rule[120];

	if (sid >= 0)
		snprintf(stream, sizeof(stream), "%d", (int)sid);
	snprintf(channel, sizeof(channel), "%s%s%s", text(d, "kind"), has_side ? " " : "",
		has_side ? side : "");
	snprintf(server, sizeof(server), "%s%s%s", text(d, "server"), is_p2p ? "" : " ",
		is_p2p ? "" : text(d, "serverSide"));
	snprintf(rule, sizeof(rule), line > 0 ? "%s, line %d" : "%s", text(d, "rule"), (int)line);
	printf(ROW, text(d, "terminationId"), text(d, "mediaId"), stream, channel, text(d, "asked"),
		server, json_is_true(json_object_get(d, "protectedMdc")) ? "protected" : "plain",
		json_is_true(json_object_get(d, "allowed")) ? "allowed" : "refused", rule);
}

static void show(const struct test *t, int status)
{
	const json_t *value;
	size_t i;

	if (json_array_size(t->decisions) > 0)
		printf(ROW, "TERMINATION", "MEDIA", "STREAM", "CHANNEL", "ASKED", "SERVER", "MDC",
			"ANSWER", "BY");
	json_array_foreach (t->decisions, i, value)
		show_decision(value);
	fflush(stdout);
	if (t->problem.kind == PROBLEM_NONE)
		return;
	fprintf(stderr, "dcmfctl: %s: %s: %s\n",
		status == ALLOWED ? "the policy allows it, and the gateway refuses" : "refused",
		problem_cause(t->problem.kind), t->problem.detail);
	json_array_foreach (t->problem.invalid_params, i, value)
		fprintf(stderr, "  %s: %s\n", text(value, "param"), text(value, "reason"));
}

static void show_json(const struct test *t, int status)
{
	json_t *all = json_object();
	char *line;

	if (status != UNDECIDED)
		js_put_bool(all, "allowed", status == ALLOWED);
	json_object_set(all, "decisions", t->decisions);
	if (t->problem.kind != PROBLEM_NONE)
		js_put(all, "refusal", problem_json(&t->problem));
	line = js_line(all);
	puts(line != NULL ? line : "null");
	mem_free(line);
	json_decref(all);
}

/* What is not built is no matter of policy; what cannot be understood cannot be decided. */
static int status_of(const struct test *t)
{
	if (t->has_refused || t->problem.kind == PROBLEM_SECURITY_POLICY)
		return REFUSED;
	if (t->problem.kind == PROBLEM_NONE)
		return ALLOWED;
	return t->problem.kind == PROBLEM_NOT_BUILT && json_array_size(t->decisions) > 0
		       ? ALLOWED
		       : UNDECIDED;
}

int policy_test(const struct policy_test *asked)
{
	struct test t = { .asked = asked, .resolved = json_object(), .decisions = json_array() };
	int status = UNDECIDED;

	if (load_config(&t)) {
		decide(&t);
		status = t.failed ? UNDECIDED : status_of(&t);
		if (t.failed)
			fprintf(stderr, "dcmfctl: out of memory\n");
		else if (asked->raw)
			show_json(&t, status);
		else
			show(&t, status);
	}
	problem_finish(&t.problem);
	json_decref(t.doc);
	json_decref(t.resolved);
	json_decref(t.decisions);
	config_finish(&t.config);
	return status;
}
