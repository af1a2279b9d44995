/* dcmfctl.c: the operator's hand: one command, one request, its answer as a table or as it came. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/json.h"
#include "tools/ctl/client.h"
#include "tools/ctl/policy_test.h"
#include "tools/ctl/show.h"

enum { EXIT_OK, EXIT_REFUSED, EXIT_USAGE };

struct ctl {
	const char *socket;
	struct wire_place place; /* `at` NULL: the socket */
	bool raw, add_bootstrap;
	const char *dc_media, *mode, *root, *owner, *context_id, *deadline, *types;
	struct policy_test test;
	struct client *client;
	char **words; /* of the command line, after the command */
	int word_count;
};

static const char usage[] =
	"usage: dcmfctl [--socket PATH | --connect HOST:PORT [--ca FILE --certificate FILE --key "
	"FILE]]\n"
	"               [--json] COMMAND\n"
	"\n"
	"  info                     what the node is and how its workers fare\n"
	"  stats                    counters and gauges\n"
	"  top                      the same, every second\n"
	"  list                     contexts\n"
	"  show ID                  one context with its state\n"
	"  create FILE              a context from a MediaContext document; - is standard input\n"
	"  update ID PATCHFILE      a JSON Patch on a context\n"
	"  delete ID                away with it\n"
	"  sweep OWNER              away with all contexts of that owner\n"
	"  sdp terminate FILE       answer an offer; [--dc-media FILE] [--root URL] [--owner TEXT] "
	"[--context ID]\n"
	"  sdp offer FILE           an offer for the other side; [--mode E2AE|E2E] "
	"[--add-bootstrap] "
	"and as above\n"
	"  sdp answer FILE          its answer for the first side; --context ID\n"
	"  events                   what happens, as it happens; [--types a,b] [--context ID]\n"
	"  drain                    no new contexts; [--deadline SECONDS]\n"
	"  resume                   new contexts again\n"
	"  policy test FILE         which rule decides a document, and why; [-c dcmf.yaml] "
	"[--sdp]\n"
	"                           [--resolve NAME=ADDRESS]; asks no gateway\n"
	"  trace ID                 not built yet; the gateway says so\n"
	"\n"
	"Exit status: 0 done, 1 the gateway refused, 2 usage or no connection.\n";

static int usage_error(const char *what)
{
	fprintf(stderr, "dcmfctl: %s\n%s", what, usage);
	return EXIT_USAGE;
}

/* Input */

static char *read_text(const char *path)
{
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	char *text = NULL;
	size_t len = 0, got = 0;

	if (in == NULL) {
		perror(path);
		exit(EXIT_USAGE);
	}
	do {
		text = realloc(text, len + 65537);
		if (text == NULL)
			exit(EXIT_USAGE);
		got = fread(text + len, 1, 65536, in);
		len += got;
	} while (got > 0);
	text[len] = '\0';
	if (in != stdin)
		fclose(in);
	return text;
}

static json_t *read_json(const char *path)
{
	char *text = read_text(path);
	json_error_t error;
	json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	free(text);
	if (value == NULL) {
		fprintf(stderr, "dcmfctl: %s:%d: %s\n", path, error.line, error.text);
		exit(EXIT_USAGE);
	}
	return value;
}

/* Output */

static void print_json(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	puts(text != NULL ? text : "null");
	fflush(stdout);
	free(text);
}

static int print_error(const struct ctl *ctl, const json_t *error)
{
	const json_t *data = json_object_get(error, "data"), *param;
	const char *cause = json_string_value(json_object_get(data, "cause"));
	const char *message = json_string_value(json_object_get(error, "message"));
	size_t i;

	if (ctl->raw) {
		print_json(error);
		return EXIT_REFUSED;
	}
	fprintf(stderr, "dcmfctl: refused: %s%s%s\n", cause != NULL ? cause : "",
		cause != NULL ? ": " : "", message != NULL ? message : "no reason given");
	json_array_foreach (json_object_get(data, "invalidParams"), i, param)
		fprintf(stderr, "  %s: %s\n", json_string_value(json_object_get(param, "param")),
			json_string_value(json_object_get(param, "reason")));
	return EXIT_REFUSED;
}

/* The result, or NULL with *status set and everything said. */
static json_t *ask(struct ctl *ctl, const char *method, json_t *params, int *status)
{
	char why[CLIENT_WHY_MAX];
	json_t *answer = client_call(ctl->client, method, params, why), *result;
	const json_t *error = json_object_get(answer, "error");

	*status = EXIT_OK;
	if (answer == NULL) {
		fprintf(stderr, "dcmfctl: %s\n", why);
		*status = EXIT_USAGE;
		return NULL;
	}
	if (error != NULL)
		*status = print_error(ctl, error);
	result = error == NULL ? json_incref(json_object_get(answer, "result")) : NULL;
	json_decref(answer);
	return result;
}

static int ask_and_show(
	struct ctl *ctl, const char *method, json_t *params, void (*show)(const json_t *))
{
	int status;
	json_t *result = ask(ctl, method, params, &status);

	if (result != NULL && (ctl->raw || show == NULL))
		print_json(result);
	else if (result != NULL)
		show(result);
	json_decref(result);
	return status;
}

static void show_nothing(const json_t *result)
{
}

/* Commands */

static int cmd_info(struct ctl *ctl)
{
	return ask_and_show(ctl, "node.info", NULL, show_info);
}

static int cmd_stats(struct ctl *ctl)
{
	return ask_and_show(ctl, "node.stats", NULL, show_stats);
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int cmd_top(struct ctl *ctl)
{
	json_t *before = NULL;
	double then = 0;
	int status;

	for (;;) {
		json_t *info = ask(ctl, "node.info", NULL, &status);
		json_t *stats = info != NULL ? ask(ctl, "node.stats", NULL, &status) : NULL;
		double now = seconds_now();

		if (stats == NULL) {
			json_decref(info);
			json_decref(before);
			return status;
		}
		if (ctl->raw)
			print_json(stats);
		else
			show_top(info, stats, before, now - then);
		json_decref(info);
		json_decref(before);
		before = stats;
		then = now;
		sleep(1);
	}
}

/* Page after page. */
static int cmd_list(struct ctl *ctl)
{
	char *after = NULL;
	int status;

	for (;;) {
		json_t *page = ask(ctl, "context.list",
			json_pack("{s:i,s:s*}", "limit", 1000, "after", after), &status);
		const char *next = json_string_value(json_object_get(page, "next"));

		free(after);
		after = next != NULL ? strdup(next) : NULL;
		if (page != NULL && ctl->raw)
			print_json(page);
		else if (page != NULL)
			show_list(page);
		json_decref(page);
		if (after == NULL)
			return status;
	}
}

static json_t *named_context(const struct ctl *ctl)
{
	return json_pack("{s:s}", "contextId", ctl->words[0]);
}

static int cmd_show(struct ctl *ctl)
{
	return ask_and_show(ctl, "context.get", named_context(ctl), show_context);
}

static int cmd_delete(struct ctl *ctl)
{
	return ask_and_show(ctl, "context.delete", named_context(ctl), show_nothing);
}

static void show_swept(const json_t *result)
{
	printf("%lld contexts deleted\n",
		(long long)json_integer_value(json_object_get(result, "deleted")));
}

static int cmd_sweep(struct ctl *ctl)
{
	return ask_and_show(
		ctl, "context.sweep", json_pack("{s:s}", "owner", ctl->words[0]), show_swept);
}

static int cmd_create(struct ctl *ctl)
{
	json_t *params = json_pack("{s:o}", "context", read_json(ctl->words[0]));

	return ask_and_show(ctl, "context.create", params, show_context);
}

static int cmd_update(struct ctl *ctl)
{
	json_t *params = json_pack(
		"{s:s,s:o}", "contextId", ctl->words[0], "patch", read_json(ctl->words[1]));

	return ask_and_show(ctl, "context.update", params, show_context);
}

static void show_sdp(const json_t *result)
{
	const char *sdp = json_string_value(json_object_get(result, "sdp"));
	const char *id = json_string_value(json_object_get(result, "contextId"));

	fprintf(stderr, "context %s\n", id != NULL ? id : "-");
	fputs(sdp != NULL ? sdp : "", stdout);
}

/* What --dc-media says, or the usual: bootstrap channels to the DCSF, at --root where given. */
static json_t *dc_media(const struct ctl *ctl)
{
	static const char *const streams[] = { "0", "10", "100", "110" };
	json_t *all, *roots;

	if (ctl->dc_media != NULL)
		return read_json(ctl->dc_media);
	all = json_pack("{s:s}", "mediaProxyConfig", "HTTP_PROXY");
	roots = json_object();
	for (size_t i = 0; i < 4 && ctl->root != NULL; i++)
		json_object_set_new(roots, streams[i],
			json_pack("{s:i,s:s}", "streamId", atoi(streams[i]), "replaceHttpUrl",
				ctl->root));
	if (ctl->root != NULL)
		json_object_set(all, "replaceHttpUrl", roots);
	json_decref(roots);
	return json_pack("{s:o}", "*", all);
}

/* What sdp.offer may be told beside the offer. */
static void add_wishes(const struct ctl *ctl, json_t *params)
{
	if (ctl->dc_media != NULL)
		json_object_set_new(params, "dcMedia", read_json(ctl->dc_media));
	if (ctl->mode != NULL)
		json_object_set_new(params, "securityMode", json_string(ctl->mode));
	if (ctl->add_bootstrap)
		json_object_set_new(params, "addBootstrap", json_true());
}

static int cmd_sdp(struct ctl *ctl)
{
	const char *what = ctl->words[0];
	char *text = read_text(ctl->words[1]), method[32];
	json_t *params = json_pack(
		"{s:s,s:s*,s:s*}", "sdp", text, "contextId", ctl->context_id, "owner", ctl->owner);

	free(text);
	if (strcmp(what, "terminate") != 0 && strcmp(what, "offer") != 0 &&
		strcmp(what, "answer") != 0) {
		json_decref(params);
		return usage_error("sdp terminate, sdp offer or sdp answer");
	}
	if (params == NULL)
		return usage_error("the file is not UTF-8 text");
	if (strcmp(what, "terminate") == 0)
		json_object_set_new(params, "dcMedia", dc_media(ctl));
	if (strcmp(what, "offer") == 0)
		add_wishes(ctl, params);
	snprintf(method, sizeof(method), "sdp.%s", what);
	return ask_and_show(ctl, method, params, show_sdp);
}

static json_t *split_types(const char *types)
{
	json_t *list = types != NULL ? json_array() : NULL;

	for (const char *at = types; at != NULL && *at != '\0';) {
		size_t len = strcspn(at, ",");

		json_array_append_new(list, json_stringn(at, len));
		at += len + (at[len] == ',');
	}
	return list;
}

static int cmd_events(struct ctl *ctl)
{
	json_t *params = json_pack(
		"{s:o*,s:s*}", "types", split_types(ctl->types), "contextId", ctl->context_id);
	char why[CLIENT_WHY_MAX];
	json_t *line;
	int status;

	json_decref(ask(ctl, "events.subscribe", params, &status));
	while (status == EXIT_OK && (line = client_next(ctl->client, why)) != NULL) {
		if (ctl->raw)
			print_json(json_object_get(line, "params"));
		else
			show_event(json_object_get(line, "params"));
		json_decref(line);
	}
	if (status == EXIT_OK)
		fprintf(stderr, "dcmfctl: %s\n", why);
	return status == EXIT_OK ? EXIT_USAGE : status;
}

static int cmd_drain(struct ctl *ctl)
{
	json_t *params = json_object();
	char *end = NULL;

	if (ctl->deadline != NULL) {
		json_object_set_new(
			params, "deadlineSeconds", json_integer(strtoll(ctl->deadline, &end, 10)));
		if (*ctl->deadline == '\0' || *end != '\0') {
			json_decref(params);
			return usage_error("--deadline takes a number of seconds");
		}
	}
	return ask_and_show(ctl, "node.drain", params, show_state);
}

static int cmd_resume(struct ctl *ctl)
{
	return ask_and_show(ctl, "node.resume", NULL, show_state);
}

/* The gateway knows best what it does not do yet. */
static int cmd_trace(struct ctl *ctl)
{
	return ask_and_show(ctl, "context.trace", named_context(ctl), NULL);
}

static int cmd_policy(struct ctl *ctl)
{
	const char *what = ctl->words[0], *path = ctl->words[1];
	json_t *added = NULL;
	char *text;
	int status;

	if (strcmp(what, "test") != 0)
		return usage_error("policy test FILE");
	control_init();
	text = read_text(path);
	if (ctl->test.is_sdp)
		added = dc_media(ctl);
	ctl->test.text = text;
	ctl->test.name = path;
	ctl->test.dc_media = added;
	ctl->test.raw = ctl->raw;
	status = policy_test(&ctl->test);
	json_decref(added);
	free(text);
	return status;
}

static const struct command {
	const char *name;
	int (*fn)(struct ctl *ctl);
	int words;
	bool asks_nobody;
} commands[] = {
	{ "info", cmd_info, 0, false },
	{ "stats", cmd_stats, 0, false },
	{ "top", cmd_top, 0, false },
	{ "list", cmd_list, 0, false },
	{ "show", cmd_show, 1, false },
	{ "delete", cmd_delete, 1, false },
	{ "sweep", cmd_sweep, 1, false },
	{ "create", cmd_create, 1, false },
	{ "update", cmd_update, 2, false },
	{ "sdp", cmd_sdp, 2, false },
	{ "events", cmd_events, 0, false },
	{ "drain", cmd_drain, 0, false },
	{ "resume", cmd_resume, 0, false },
	{ "trace", cmd_trace, 1, false },
	{ "policy", cmd_policy, 2, true },
};

static int run(struct ctl *ctl, const struct command *command)
{
	char why[CLIENT_WHY_MAX];
	int status;

	if (command->asks_nobody)
		return command->fn(ctl);
	ctl->client = ctl->place.at != NULL ? client_connect_tcp(&ctl->place, why)
					    : client_connect(ctl->socket, why);
	if (ctl->client == NULL) {
		fprintf(stderr, "dcmfctl: %s\n", why);
		return EXIT_USAGE;
	}
	status = command->fn(ctl);
	client_close(ctl->client);
	return status;
}

static int find_and_run(struct ctl *ctl, const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		if (ctl->word_count != commands[i].words)
			return usage_error("too few or too many words for this command");
		return run(ctl, &commands[i]);
	}
	return usage_error("there is no such command");
}

/* Does what was said of the connection make one? */
static bool is_whole(const struct ctl *ctl)
{
	const struct wire_place *p = &ctl->place;
	int files = (p->ca != NULL) + (p->certificate != NULL) + (p->key != NULL);

	return p->at != NULL ? ctl->socket == NULL && files % 3 == 0 : files == 0;
}

static bool add_resolve(struct policy_test *test, const char *told)
{
	if (strchr(told, '=') == NULL || test->resolve_count == POLICY_RESOLVE_MAX)
		return false;
	test->resolve[test->resolve_count++] = told;
	return true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "connect", required_argument, NULL, 'n' },
		{ "ca", required_argument, NULL, 'a' },
		{ "certificate", required_argument, NULL, 'e' },
		{ "key", required_argument, NULL, 'k' },
		{ "json", no_argument, NULL, 'j' },
		{ "dc-media", required_argument, NULL, 'm' },
		{ "mode", required_argument, NULL, 'M' },
		{ "add-bootstrap", no_argument, NULL, 'B' },
		{ "root", required_argument, NULL, 'r' },
		{ "owner", required_argument, NULL, 'o' },
		{ "context", required_argument, NULL, 'x' },
		{ "config", required_argument, NULL, 'c' },
		{ "sdp", no_argument, NULL, 'p' },
		{ "resolve", required_argument, NULL, 'R' },
		{ "types", required_argument, NULL, 't' },
		{ "deadline", required_argument, NULL, 'd' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct ctl ctl = { .socket = NULL };
	int option;

	while ((option = getopt_long(argc, argv, "s:jhc:", options, NULL)) != -1) {
		switch (option) {
		case 's': ctl.socket = optarg; break;
		case 'n': ctl.place.at = optarg; break;
		case 'a': ctl.place.ca = optarg; break;
		case 'e': ctl.place.certificate = optarg; break;
		case 'k': ctl.place.key = optarg; break;
		case 'j': ctl.raw = true; break;
		case 'm': ctl.dc_media = optarg; break;
		case 'M': ctl.mode = optarg; break;
		case 'B': ctl.add_bootstrap = true; break;
		case 'r': ctl.root = optarg; break;
		case 'o': ctl.owner = optarg; break;
		case 'x': ctl.context_id = optarg; break;
		case 'c': ctl.test.config = optarg; break;
		case 'p': ctl.test.is_sdp = true; break;
		case 'R':
			if (!add_resolve(&ctl.test, optarg))
				return usage_error(
					"--resolve takes NAME=ADDRESS, 16 times at most");
			break;
		case 't': ctl.types = optarg; break;
		case 'd': ctl.deadline = optarg; break;
		case 'v': puts("dcmfctl " DCMF_VERSION); return EXIT_OK;
		case 'h': fputs(usage, stdout); return EXIT_OK;
		default: return usage_error("unknown option");
		}
	}
	if (!is_whole(&ctl))
		return usage_error("--ca, --certificate and --key belong together and to "
				   "--connect, which excludes --socket");
	if (optind >= argc)
		return usage_error("a command is missing");
	ctl.words = argv + optind + 1;
	ctl.word_count = argc - optind - 1;
	return find_and_run(&ctl, argv[optind]);
}
