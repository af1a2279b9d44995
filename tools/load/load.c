/* load.c: dcmf-load: what it was told, the run, the report. */
#include <stdio.h>

#include "dcmf/base/log.h"
#include "tools/load/conductor.h"

static bool tell(const struct options *o, const struct report *r)
{
	bool ok = r->sum.failed == 0 && r->gave_up == NULL && report_is_within_bound(r) &&
		  !conductor_was_interrupted();

	report_print(r);
	fflush(stdout);
	if (r->gave_up != NULL)
		fprintf(stderr, "dcmf-load: given up: %s\n", r->gave_up);
	if (o->json != NULL)
		ok = report_save_json(r, o->json) && ok;
	if (o->html != NULL)
		ok = report_save_html(r, o->html) && ok;
	return ok;
}

int main(int argc, char **argv)
{
	static struct options options;
	static struct report report;

	if (!options_parse(&options, argc, argv))
		return 2;
	if (options.help) {
		options_print_help();
		return 0;
	}
	if (options.version) {
		puts("dcmf-load " DCMF_VERSION);
		return 0;
	}
	log_set_who("load");
	log_set_level(LOG_WARN);
	if (!conduct(&options, 1, &report))
		return 2;
	return tell(&options, &report) ? 0 : 1;
}
