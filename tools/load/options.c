/* options.c: what dcmf-load was told on its command line, from one table. */
#include "tools/load/options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { FLAG, NUMBER, REAL, TEXT, HEADING };
enum scope { RUN, PART };

const struct scenario_info scenario_info[SCENARIO_MAX] = {
#define SCENARIO(name, noun, ues, passes, words, example) \
	[SCENARIO_##name] = { #name, noun, ues, passes, words, example },
#include "tools/load/scenarios.def"
#undef SCENARIO
};

const struct protocol_info protocol_info[PROTOCOL_MAX] = {
#define PROTOCOL(name, word, proxy, mdc2_protocol, has_channels, passes) \
	[PROTOCOL_##name] = { word, proxy, mdc2_protocol, has_channels, passes },
#include "tools/load/protocols.def"
#undef PROTOCOL
};

static const struct row {
	const char *name, *argument;
	enum kind kind;
	size_t offset;
	const char *initial, *help;
	enum scope scope; /* of a heading, and of what follows it */
} rows[] = {
#define GROUP(words, scope) { NULL, NULL, HEADING, 0, NULL, words, scope },
#define OPTION(name, argument, kind, field, initial, help) \
	{ name, argument, kind, offsetof(struct options, field), initial, help, RUN },
#include "tools/load/options.def"
#undef OPTION
#undef GROUP
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void print_row(const struct row *r)
{
	char left[64];

	if (r->kind == HEADING) {
		printf("\n%s:\n", r->help);
		return;
	}
	snprintf(left, sizeof(left), "--%s%s%s", r->name, r->argument ? " " : "",
		r->argument ? r->argument : "");
	printf("  %-38s %s", left, r->help);
	if (r->initial != NULL)
		printf(" (%s)", r->initial);
	putchar('\n');
}

void options_print_help(void)
{
	puts("dcmf-load SCENARIO [options]\n\n"
	     "Many UEs with certificates of their own load a gateway. Ends with 0 only when "
	     "nothing failed.\n");
	for (size_t i = 0; i < SCENARIO_MAX; i++)
		printf("%s: %s.\n    dcmf-load %s\n", scenario_info[i].name, scenario_info[i].words,
			scenario_info[i].example);
	for (size_t i = 0; i < ROWS; i++)
		print_row(&rows[i]);
}

static bool wrong(const char *name, const char *value, const char *why)
{
	fprintf(stderr, "dcmf-load: --%s %s: %s (see --help)\n", name, value ? value : "", why);
	return false;
}

static bool set(struct options *o, const struct row *r, const char *value)
{
	char *field = (char *)o + r->offset, *end;
	long number;
	double real;

	switch (r->kind) {
	case FLAG: memcpy(field, &(bool){ true }, sizeof(bool)); return true;
	case TEXT: memcpy(field, &value, sizeof(value)); return true;
	case NUMBER:
		errno = 0;
		number = strtol(value, &end, 10);
		if (*value == '\0' || *end != '\0' || errno != 0 || number < 0)
			return wrong(r->name, value, "a whole number from 0 is needed");
		memcpy(field, &number, sizeof(number));
		return true;
	case REAL:
		real = strtod(value, &end);
		if (*value == '\0' || *end != '\0' || !(real >= 0 && real < 1e9))
			return wrong(r->name, value, "a number from 0 is needed");
		memcpy(field, &real, sizeof(real));
		return true;
	case HEADING: break;
	}
	return false;
}

static bool parse_ice(struct options *o)
{
	static const struct {
		const char *word;
		unsigned percent;
	} words[] = { { "on", 100 }, { "off", 0 }, { "mixed", 50 } };
	uint64_t percent;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		o->ice_percent = words[i].percent;
		if (strcmp(o->ice, words[i].word) == 0)
			return true;
	}
	if (!span_to_u64(SPAN_STR(o->ice), 100, &percent))
		return wrong("ice", o->ice, "on, off, mixed or a percentage is needed");
	o->ice_percent = (unsigned)percent;
	return true;
}

static bool parse_hold(struct options *o)
{
	char *end;

	if ((o->hold_all = strcmp(o->hold, "all") == 0))
		return true;
	o->hold_s = strtod(o->hold, &end);
	return (*o->hold != '\0' && *end == '\0' && o->hold_s >= 0) ||
	       wrong("hold", o->hold, "seconds or all is needed");
}

/* "127.1.0.0/16": from the first host address on. "192.0.2.7": that one. */
static bool parse_bind(struct options *o)
{
	struct span rest = SPAN_STR(o->bind), ip = span_cut(&rest, '/');
	uint64_t bits = 32;

	if (!addr_parse_ip(ip, 0, &o->bind_first))
		return wrong("bind", o->bind, "a literal address is needed");
	o->bind_count = 1;
	if (rest.len == 0)
		return true;
	if (o->bind_first.family != ADDR_IPV4 || !span_to_u64(rest, 32, &bits) || bits < 8)
		return wrong("bind", o->bind, "a prefix of 8 to 32 bits, with IPv4, is needed");
	if (bits < 31) {
		o->bind_count = (1u << (32 - bits)) - 2;
		o->bind_first.ip[3] |= 1;
	}
	return true;
}

static bool one_of(const char *name, const char *value, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(value, *words) == 0)
			return true;
	return wrong(name, value, "no such word");
}

static bool parse_kind(struct options *o)
{
	static const char *const words[] = { "reliable", "unordered", "partial", "mixed", NULL };
	unsigned i = 0;

	if (!one_of("reliability", o->reliability, words))
		return false;
	while (strcmp(o->reliability, words[i]) != 0)
		i++;
	o->kind = (enum load_kind)i;
	return true;
}

static bool in_range(const char *name, long value, long min, long max)
{
	char range[80], text[24];

	if (value >= min && value <= max)
		return true;
	snprintf(text, sizeof(text), "%ld", value);
	snprintf(range, sizeof(range), "%ld to %ld are possible", min, max);
	return wrong(name, text, range);
}

static bool check_numbers(const struct options *o)
{
	return in_range("lines", o->lines, 1, 2) &&
	       in_range("per-address", o->per_address, 1, 1000000) &&
	       in_range("message-size", o->message_size, 16, 262144) &&
	       in_range("mtu", o->mtu, 576, 1500) &&
	       in_range("waves", o->waves, 1, LOAD_WAVES_MAX) &&
	       in_range("processes", o->processes, 1, LOAD_PROCESSES_MAX) &&
	       in_range("messages", o->messages, 1, 1L << 26) &&
	       in_range("payload", o->payload, 12, LOAD_PAYLOAD_MAX) &&
	       in_range("channels", o->channels, 1, LOAD_CHANNELS_MAX) &&
	       in_range("window", o->window, 0, 1L << 20) &&
	       in_range("slow-reader", o->slow_reader, 0, 1L << 30);
}

static bool parse_server(struct options *o)
{
	unsigned i = 0;

	while (i < PROTOCOL_MAX && strcmp(o->protocol_word, protocol_info[i].name) != 0)
		i++;
	if (i == PROTOCOL_MAX)
		return wrong("protocol", o->protocol_word, "no such word");
	o->protocol = (enum protocol)i;
	if (!addr_parse_ip(SPAN_STR(o->server_bind), 0, &o->server_at))
		return wrong("server-bind", o->server_bind, "a literal address is needed");
	o->passes = options_scenario(o)->passes;
	if (o->scenario == SCENARIO_direct)
		o->ice_percent = 0;
	if (o->scenario == SCENARIO_echo && o->exec_signalling == NULL)
		return wrong("exec-signalling", NULL, "the scenario echo needs a command");
	if (o->scenario != SCENARIO_p2a)
		return true;
	o->passes = protocol_info[i].passes;
	if (o->protocol == PROTOCOL_UDP)
		o->channels = 1;
	return o->protocol != PROTOCOL_TLS || o->server_pem != NULL ||
	       wrong("protocol", o->protocol_word, "needs --server-pem");
}

bool options_settle(struct options *o)
{
	static const char *const setups[] = { "actpass", "active", "passive", "mixed", NULL };
	static const char *const styles[] = { "ims", "webrtc", NULL };

	if (!one_of("setup", o->setup, setups) || !one_of("style", o->style, styles) ||
		!parse_ice(o) || !parse_hold(o) || !parse_bind(o) || !parse_kind(o) ||
		!parse_server(o))
		return false;
	o->webrtc = strcmp(o->style, "webrtc") == 0;
	if (!(o->rate > 0))
		return wrong("rate", "0", "arrivals need a rate");
	if (o->memory_bound > 0 && o->metrics == NULL)
		return wrong("memory-bound", NULL, "the gateway's --metrics are needed for it");
	return check_numbers(o);
}

void options_init(struct options *o)
{
	*o = (struct options){ 0 };
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].kind != HEADING && rows[i].initial != NULL)
			set(o, &rows[i], rows[i].initial);
}

bool options_read(struct options *o, int argc, char **argv, int *rest, bool part)
{
	const struct row *by_index[ROWS];
	enum scope scope = RUN, scopes[ROWS];
	struct option list[ROWS + 1] = { 0 };
	int c, at = 0, count = 0;

	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].kind == HEADING) {
			scope = rows[i].scope;
			continue;
		}
		by_index[count] = &rows[i];
		scopes[count] = scope;
		list[count++] = (struct option){ .name = rows[i].name,
			.has_arg = rows[i].kind == FLAG ? no_argument : required_argument };
	}
	optind = 0; /* getopt begins anew */
	while ((c = getopt_long(argc, argv, "", list, &at)) != -1) {
		if (c != 0 || !set(o, by_index[at], optarg))
			return false;
		if (part && scopes[at] == RUN)
			return wrong(list[at].name, optarg, "concerns the whole run, not a part");
	}
	*rest = optind;
	return true;
}
