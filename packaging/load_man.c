/* load_man.c: writes dcmf-load(1) from the table of options of the load generator. */
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *argument, *preset, *help;
} options[] = {
#define OPTION(name, argument, kind, field, preset, help) { name, argument, preset, help },
#include "tools/load/options.def"
#undef OPTION
};

int main(void)
{
	printf(".TH DCMF-LOAD 1 \"2026-11-21\" \"dcmf %s\" \"User commands\"\n", DCMF_VERSION);
	puts(".SH NAME\ndcmf\\-load \\- data channel traffic generator");
	puts(".SH SYNOPSIS\n.B dcmf\\-load bootstrap\n.RI [ OPTION ...]");
	puts(".SH DESCRIPTION\nMany phones with certificates of their own set up a bootstrap data "
	     "channel through a gateway, fetch the "
	     "application list and a package, check every byte, and leave.\nArrivals are an open "
	     "loop: they come at their rate whatever the "
	     "gateway does.\nThe report names failures by reason, gives percentiles, and says when "
	     "the generator, not the gateway, was the "
	     "limit.");
	puts(".SH OPTIONS");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		printf(".TP\n.B \\-\\-%s", options[i].name);
		if (options[i].argument != NULL)
			printf(" \\fI%s\\fR", options[i].argument);
		printf("\n%s.\n", options[i].help);
		if (options[i].preset != NULL)
			printf("Default: %s.\n", options[i].preset);
	}
	puts(".SH EXIT STATUS\n0 when nothing failed, 1 when something did, 2 for wrong usage or "
	     "no connection.");
	puts(".SH SEE ALSO\n.BR dcmf (8),\n.BR dcmfctl (1)");
	return 0;
}
