/* load.c: dcmf-load: what it was told, the run, the report. */
#include <stdio.h>

#include "dcmf/base/log.h"
#include "tools/load/compare.h"
#include "tools/load/conductor.h"

static bool tell(const struct report *r)
{
	const struct options *o = &r->plan->all;
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

static int compare(const struct plan *p)
{
	static struct comparison c;
	bool ok = true;

	if (!compare_open(&c, p->compare[0], p->compare[1]))
		return 2;
	compare_print(&c);
	if (p->all.html != NULL)
		ok = compare_save_html(&c, p->all.html);
	compare_close(&c);
	return ok ? 0 : 2;
}

int main(int argc, char **argv)
{
	static struct plan plan;
	static struct report report;

	if (!plan_parse(&plan, argc, argv))
		return 2;
	if (plan.all.help) {
		options_print_help();
		return 0;
	}
	if (plan.all.version) {
		puts("dcmf-load " DCMF_VERSION);
		return 0;
	}
	if (plan.all.compare)
		return compare(&plan);
	log_set_who("load");
	log_set_level(LOG_WARN);
	if (!conduct(&plan, &report))
		return 2;
	return tell(&report) ? 0 : 1;
}
