/* options.c: what dcmf-load was told on its command line, from one table. */
#include "tools/load/options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { FLAG, NUMBER, REAL, TEXT };

static const struct row {
	const char *name, *argument;
	enum kind kind;
	size_t offset;
	const char *initial, *help;
} rows[] = {
#define OPTION(name, argument, kind, field, initial, help) \
	{ name, argument, kind, offsetof(struct options, field), initial, help },
#include "tools/load/options.def"
#undef OPTION
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

void options_print_help(void)
{
	char left[64];

	puts("dcmf-load bootstrap [options]\n\n"
	     "UEs with certificates of their own set up a bootstrap data channel through a "
	     "gateway, fetch the list and a package,\n"
	     "check every byte, and leave. Ends with 0 only when nothing failed.\n");
	for (size_t i = 0; i < ROWS; i++) {
		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
			rows[i].argument ? rows[i].argument : "");
		printf("  %-38s %s", left, rows[i].help);
		if (rows[i].initial != NULL)
			printf(" (%s)", rows[i].initial);
		putchar('\n');
	}
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

static bool check(struct options *o)
{
	static const char *const setups[] = { "actpass", "active", "passive", "mixed", NULL };
	static const char *const styles[] = { "ims", "webrtc", NULL };

	if (!one_of("setup", o->setup, setups) || !one_of("style", o->style, styles) ||
		!parse_ice(o) || !parse_hold(o) || !parse_bind(o))
		return false;
	o->webrtc = strcmp(o->style, "webrtc") == 0;
	if (!(o->rate > 0))
		return wrong("rate", "0", "arrivals need a rate");
	if (o->duration > 0)
		o->ues = (long)(o->rate * o->duration);
	if (o->ues < 1 || o->ues > 1000000)
		return wrong("ues", NULL, "1 to 1000000 are possible");
	if (o->lines < 1 || o->lines > 2)
		return wrong("lines", NULL, "1 or 2 are possible");
	if (o->message_size < 16 || o->message_size > 262144)
		return wrong("message-size", NULL, "16 to 262144 bytes are possible");
	if (o->mtu < 576 || o->mtu > 1500)
		return wrong("mtu", NULL, "576 to 1500 bytes are possible");
	return true;
}

bool options_parse(struct options *o, int argc, char **argv)
{
	struct option list[ROWS + 1] = { 0 };
	int c, at = 0;

	*o = (struct options){ 0 };
	for (size_t i = 0; i < ROWS; i++) {
		list[i] = (struct option){ .name = rows[i].name,
			.has_arg = rows[i].kind == FLAG ? no_argument : required_argument };
		if (rows[i].initial != NULL)
			set(o, &rows[i], rows[i].initial);
	}
	while ((c = getopt_long(argc, argv, "", list, &at)) != -1)
		if (c != 0 || !set(o, &rows[at], optarg))
			return false;
	if (o->help || o->version)
		return true;
	if (optind != argc - 1 || strcmp(argv[optind], "bootstrap") != 0) {
		fputs("dcmf-load: the scenario is missing or unknown; there is: bootstrap (see "
		      "--help)\n",
			stderr);
		return false;
	}
	return check(o);
}
