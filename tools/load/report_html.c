/* report_html.c: what a run did, as one self-contained page. */
#include <stdio.h>

#include "tools/load/page.h"
#include "tools/load/report.h"
#include "tools/load/series.h"

typedef unsigned long long ull;

#define MIB 1048576.0

/* ---- in words ---- */

static void put_summary(FILE *f, const struct report *r)
{
	const char *bottleneck = report_bottleneck(r);

	fprintf(f, "<p>%llu %s, %llu up, %llu at once, <span%s>%llu failed</span>. ",
		(ull)r->sum.begun, plan_noun(r->plan), (ull)r->sum.up, (ull)r->peak_up,
		r->sum.failed ? " class=bad" : "", (ull)r->sum.failed);
	fprintf(f, "%llu handshakes, %.0f a second", (ull)r->sum.handshakes,
		report_set_ups_a_second(r));
	if (r->sum.received > 0)
		fprintf(f,
			"; %llu messages sent, %llu received (%.0f a second, %.1f MB/s), %llu lost "
			"where that is allowed",
			(ull)r->sum.sent, (ull)r->sum.received, report_messages_a_second(r),
			report_bytes_a_second(r) / 1e6, (ull)r->sum.lost);
	fprintf(f, ".</p><p>The generator used %.2f s of CPU in %.1f s. <b>%s</b></p>",
		r->tally.cpu_seconds, r->seconds, bottleneck ? bottleneck : "");
}

static void put_parts(FILE *f, const struct report *r)
{
	fputs("<table><tr><th>scenario<th>begun<th>up<th>done<th>failed<th>with "
	      "ICE<th>handshakes<th>messages<th>lost</tr>",
		f);
	for (unsigned i = 0; i < r->plan->count; i++) {
		const struct part *p = &r->tally.parts[i];

		fprintf(f,
			"<tr><td>%s<td>%llu<td>%llu<td>%llu<td>%llu<td>%llu<td>%llu<td>%llu<td>%"
			"llu</tr>",
			options_scenario(&r->plan->parts[i])->name, (ull)p->begun, (ull)p->up,
			(ull)p->done, (ull)p->failed, (ull)p->with_ice, (ull)p->handshakes,
			(ull)p->received, (ull)p->lost);
	}
	fputs("</table>", f);
}

static void put_times(FILE *f, const struct report *r)
{
	fputs("<h2>Times, milliseconds</h2><table><tr><th>", f);
	for (unsigned i = 0; i < report_percent_count; i++)
		fprintf(f, "<th>p%g", report_percents[i]);
	fputs("<th>max</tr>", f);
	for (unsigned m = 0; m < MEASURE_MAX; m++) {
		const struct histogram *h = &r->sum.measure[m];

		if (h->count == 0)
			continue;
		fprintf(f, "<tr><td>%s", measure_words(m));
		for (unsigned i = 0; i < report_percent_count; i++)
			fprintf(f, "<td>%.2f",
				(double)histogram_percentile(h, report_percents[i]) / 1e3);
		fprintf(f, "<td>%.2f</tr>", (double)h->max / 1e3);
	}
	fputs("</table>", f);
}

static void put_cost_row(FILE *f, const char *what, double value, const char *format)
{
	if (value < 0)
		return;
	fprintf(f, "<tr><td>%s<td>", what);
	fprintf(f, format[0] == 'p' ? "%.2f %%" : "%.1f", value);
	fputs("</tr>", f);
}

static void put_costs(FILE *f, const struct report *r)
{
	struct cost c;

	if (r->worker_count == 0)
		return;
	report_cost(r, &c);
	fprintf(f, "<h2>What the gateway spent, %u workers%s</h2><table>", r->worker_count,
		r->plan->all.together ? "" : ", set-up and work together");
	put_cost_row(f, "CPU seconds", c.cpu_seconds, "");
	put_cost_row(f, "CPU a set-up, us", c.set_up_us, "");
	put_cost_row(f, "CPU a message, us", c.message_us, "");
	put_cost_row(f, "CPU a packet, us", c.packet_us, "");
	put_cost_row(f, "bytes a leg", c.leg_bytes, "");
	put_cost_row(f, "of a core, while everybody was up", 100 * c.work_share, "p");
	put_cost_row(f, "memory at the most, MiB", r->memory_peak / MIB, "");
	fputs("</table>", f);
}

static void put_waves(FILE *f, const struct report *r)
{
	double growth;

	fputs("<h2>Waves</h2><table><tr><th>wave<th>begun<th>at "
	      "once<th>failed<th>seconds<th>worker memory after it, MiB</tr>",
		f);
	for (unsigned i = 0; i < r->wave_count; i++) {
		const struct wave *w = &r->waves[i];

		fprintf(f, "<tr><td>%u<td>%llu<td>%llu<td>%llu<td>%.1f<td>", i + 1, (ull)w->begun,
			(ull)w->peak, (ull)w->failed, w->seconds);
		for (unsigned k = 0; k < w->after.workers; k++)
			fprintf(f, "%s%.1f", k ? " + " : "", w->after.memory_bytes[k] / MIB);
		fputs("</tr>", f);
	}
	fputs("</table>", f);
	if (report_growth(r, &growth))
		fprintf(f, "<p>Memory of all workers since the first wave: %+.1f MiB.</p>",
			growth / MIB);
}

static void put_failures(FILE *f, const struct report *r)
{
	if (r->sum.failed == 0)
		return;
	fputs("<h2>Failures</h2><table class=words><tr><th>why<th>how often<th>the first</tr>", f);
	for (unsigned i = 0; i < FAILURE_MAX; i++) {
		if (r->tally.failures[i] == 0)
			continue;
		fprintf(f, "<tr><td>%s<td>%llu<td>", failure_words(i), (ull)r->tally.failures[i]);
		plot_text(f, r->tally.detail[i]);
		fputs("</tr>", f);
	}
	fputs("</table>", f);
}

/* ---- in curves ---- */

static struct plot_point room[PLOT_CURVES_MAX]
			     [SAMPLES_MAX > HISTOGRAM_CELLS ? SAMPLES_MAX : HISTOGRAM_CELLS];

static void add_distribution(struct plot *p, const struct report *r, enum measure m)
{
	const struct histogram *h = &r->sum.measure[m];
	struct plot_point *points = room[p->count];
	unsigned count = 0;
	uint64_t seen = 0;

	if (h->count == 0 || p->count == PLOT_CURVES_MAX)
		return;
	for (unsigned i = 0; i < HISTOGRAM_CELLS; i++) {
		int64_t top = histogram_cell_top(i);

		if (h->cell[i] == 0)
			continue;
		/* a cell holds values from the share before it to the share with it */
		points[count].x = (double)seen / (double)h->count;
		points[count++].y = (double)(top < h->max ? top : h->max) / 1e3;
		seen += h->cell[i];
	}
	p->curves[p->count++] =
		(struct plot_curve){ .name = measure_words(m), .points = points, .count = count };
}

static void put_distributions(FILE *f, const struct report *r)
{
	struct plot messages = { .title = "Messages: time by percentile",
		.x_unit = "share of messages",
		.y_unit = "milliseconds",
		.nines = true };
	struct plot set_ups = { .title = "Set-up and fetches: time by percentile",
		.x_unit = "share of them",
		.y_unit = "milliseconds",
		.nines = true };

	add_distribution(&messages, r, MEASURE_MESSAGE);
	plot_write(f, &messages);
	add_distribution(&set_ups, r, MEASURE_SET_UP);
	add_distribution(&set_ups, r, MEASURE_ANSWER);
	add_distribution(&set_ups, r, MEASURE_LIST);
	add_distribution(&set_ups, r, MEASURE_PACKAGE);
	plot_write(f, &set_ups);
}

static void put_page(FILE *f, const void *report)
{
	const struct report *r = report;
	const char *name = scenario_info[r->plan->scenario].name;
	const struct series_of over_time = {
		.name = "", .samples = r->samples, .count = r->sample_count
	};

	fprintf(f,
		"<!doctype html><html lang=en><meta charset=utf-8><title>dcmf-load "
		"%s</title><style>%s%s</style><h1>dcmf-load %s</h1>",
		name, page_style, plot_style, name);
	put_summary(f, r);
	put_parts(f, r);
	put_failures(f, r);
	put_times(f, r);
	put_costs(f, r);
	put_distributions(f, r);
	for (enum series i = 0; i < SERIES_MAX; i++)
		series_write(f, i, &over_time, 1);
	put_waves(f, r);
	fputs("</html>\n", f);
}

bool report_save_html(const struct report *r, const char *path)
{
	return page_save(path, put_page, r);
}
