/*
 * options.c: writes dcmf.yaml(5) from the table of options, so that the manual cannot
 * say anything else than the program does.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct option {
	const char *path, *type, *preset, *words, *later, *help;
	int64_t min, max;
	int live;
};

static const struct option options[] = {
#define OPT(path, type, preset, min, max, words, live, later, help) \
	{ #path, #type, preset, words, later, help, min, max, live },
#define ITEM(path, type, preset, min, max, words, live, later, help) \
	{ "media[]." #path, #type, preset, words, later, help, min, max, live },
#include "dcmf/config/options.def"
#undef OPT
#undef ITEM
};

/* The three units a duration may have in the file, and bytes. */
static void print_bound(const struct option *o, int64_t v)
{
	if (strcmp(o->type, "DURATION") == 0 && v >= 1000000)
		printf("%" PRId64 "s", v / 1000000);
	else if (strcmp(o->type, "DURATION") == 0)
		printf("%" PRId64 "ms", v / 1000);
	else if (strcmp(o->type, "SIZE") == 0 && v % 1024 == 0)
		printf("%" PRId64 "KiB", v / 1024);
	else
		printf("%" PRId64, v);
}

static void print_kind(const struct option *o)
{
	static const struct {
		const char *type, *words;
	} kinds[] = {
		{ "TEXT", "text" },
		{ "FILE", "file name, relative to the configuration file" },
		{ "BOOL", "true or false" },
		{ "NUMBER", "number" },
		{ "DURATION", "duration (ms, s, m, h)" },
		{ "SIZE", "size (bytes, KiB, MiB)" },
		{ "WORD", "one of" },
		{ "ADDR", "address and port" },
		{ "IP", "IPv4 or IPv6 address" },
		{ "PORTS", "port range" },
		{ "TEXTS", "list of texts" },
		{ "NETWORKS", "list of IP networks" },
		{ "RULES", "list of maps" },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].type, o->type) == 0)
			printf("%s", kinds[i].words);
	}
}

static int has_bounds(const struct option *o)
{
	return o->max != 0 && (strcmp(o->type, "NUMBER") == 0 || strcmp(o->type, "DURATION") == 0 ||
				      strcmp(o->type, "SIZE") == 0);
}

static void print_option(const struct option *o)
{
	printf(".TP\n.B %s\n%s.\n", o->path, o->help);
	printf("Type: ");
	print_kind(o);
	if (strcmp(o->type, "WORD") == 0) {
		putchar(' ');
		for (const char *w = o->words; *w != '\0'; w++)
			printf("%s", *w == '|' ? ", " : (char[2]){ *w, '\0' });
	}
	if (has_bounds(o)) {
		printf(" from ");
		print_bound(o, o->min);
		printf(" to ");
		print_bound(o, o->max);
		if (o->words[0] != '\0')
			printf(" or %s", o->words);
	}
	printf(".\n");
	if (o->preset[0] != '\0')
		printf("Default: %s.\n", o->preset);
	if (o->live)
		printf("Changes at SIGHUP.\n");
	if (o->later != NULL)
		printf("Accepts only its default: %s.\n", o->later);
}

int main(void)
{
	printf(".TH DCMF.YAML 5 \"2026-11-21\" \"dcmf %s\" \"File formats\"\n", DCMF_VERSION);
	puts(".SH NAME\ndcmf.yaml \\- configuration of the IMS data channel Media Function");
	puts(".SH DESCRIPTION\nYAML, read strictly: an unknown key, a wrong type or an impossible "
	     "value is an error that names file, "
	     "line and key.\nEvery key may be left out. A dot in a name stands for a nested map; "
	     "\\fBmedia\\fR is a list of maps.");
	puts(".SH KEYS");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		print_option(&options[i]);
	puts(".SH SEE ALSO\n.BR dcmf (8),\n.BR dcmfctl (1)");
	return 0;
}
