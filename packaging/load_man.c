/* load_man.c: writes dcmf-load(1) from the table of options of the load generator. */
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *words, *example;
} scenarios[] = {
#define SCENARIO(name, noun, ues, passes, words, example) { #name, words, example },
#include "tools/load/scenarios.def"
#undef SCENARIO
};

static const struct {
	const char *name, *argument, *preset, *help;
} options[] = {
#define GROUP(words, scope)                               { NULL, NULL, NULL, words },
#define OPTION(name, argument, kind, field, preset, help) { name, argument, preset, help },
#include "tools/load/options.def"
#undef OPTION
#undef GROUP
};

static void put_scenarios(void)
{
	puts(".SH SCENARIOS");
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		printf(".TP\n.B %s\n%s.\n.br\nExample:\n.B dcmf\\-load %s\n", scenarios[i].name,
			scenarios[i].words, scenarios[i].example);
}

static void put_options(void)
{
	puts(".SH OPTIONS");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (options[i].name == NULL) {
			printf(".SS %s\n", options[i].help);
			continue;
		}
		printf(".TP\n.B \\-\\-%s", options[i].name);
		if (options[i].argument != NULL)
			printf(" \\fI%s\\fR", options[i].argument);
		printf("\n%s.\n", options[i].help);
		if (options[i].preset != NULL)
			printf("Default: %s.\n", options[i].preset);
	}
}

int main(void)
{
	printf(".TH DCMF-LOAD 1 \"2026-11-21\" \"dcmf %s\" \"User commands\"\n", DCMF_VERSION);
	puts(".SH NAME\ndcmf\\-load \\- data channel traffic generator");
	puts(".SH SYNOPSIS\n.B dcmf\\-load\n.I SCENARIO\n.RI [ OPTION ...]");
	puts(".SH DESCRIPTION\nMany UEs with certificates of their own load a gateway through its "
	     "control socket: real ICE, DTLS, SCTP and data channels. What a scenario brings "
	     "arrives in waves, at a rate, whatever the gateway does (open loop).\nThe report "
	     "names failures by reason, gives percentiles and what the gateway spent, and says "
	     "when the generator, not the gateway, was the limit.");
	put_scenarios();
	put_options();
	puts(".SH OPEN FILES\nA UE takes a socket for each of its lines, and a process as many as "
	     "the hard "
	     "limit of open files allows\n.RB ( \"ulimit \\-Hn\" ).\nWhat cannot fit is refused "
	     "before it begins, with the number that would be needed;\n.B \\-\\-processes\n"
	     "divides it.");
	puts(".SH EXIT STATUS\n0 when nothing failed, 1 when something did, 2 for wrong usage or "
	     "no connection.");
	puts(".SH SEE ALSO\n.BR dcmf (8),\n.BR dcmfctl (1)");
	return 0;
}
