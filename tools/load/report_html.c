/* report_html.c: what a run did, as one self-contained page. */
#include <stdio.h>

#include "tools/load/plot.h"
#include "tools/load/report.h"

typedef unsigned long long ull;

#define MIB 1048576.0

static const char style[] =
	"body{font:15px/1.5 sans-serif;max-width:52em;margin:2em auto;padding:0 1em}"
	"table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right;border-bottom:1px "
	"solid #ccc}"
	"td:first-child,th:first-child{text-align:left}svg{width:100%;height:auto}.bad{color:#b00}";

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
}

static void put_failures(FILE *f, const struct report *r)
{
	if (r->sum.failed == 0)
		return;
	fputs("<h2>Failures</h2><table><tr><th>why<th>how often<th>the first</tr>", f);
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

/* What grew between a sample and the one before, a second. */
static double rate(double from, double to, double seconds)
{
	return seconds > 0 && to >= from ? (to - from) / seconds : 0;
}

enum series { MESSAGES, HANDSHAKES, MEGABYTES, UP, MEMORY, CPU };

static double value_of(const struct report *r, enum series s, unsigned i)
{
	const struct sample *b = &r->samples[i], *a = &r->samples[i - 1];
	double t = b->at - a->at;

	switch (s) {
	case MESSAGES: return rate((double)a->messages, (double)b->messages, t);
	case HANDSHAKES: return rate((double)a->set_ups, (double)b->set_ups, t);
	case MEGABYTES: return rate((double)a->bytes, (double)b->bytes, t) / 1e6;
	case UP: return (double)b->up;
	case MEMORY: return b->memory_bytes / MIB;
	case CPU: return 100 * rate(a->cpu_seconds, b->cpu_seconds, t);
	}
	return 0;
}

static void put_over_time(
	FILE *f, const struct report *r, enum series s, const char *title, const char *unit)
{
	struct plot p = { .title = title, .x_unit = "seconds", .y_unit = unit, .count = 1 };
	double most = 0;

	for (unsigned i = 1; i < r->sample_count; i++) {
		room[0][i - 1] = (struct plot_point){ r->samples[i].at, value_of(r, s, i) };
		if (room[0][i - 1].y > most)
			most = room[0][i - 1].y;
	}
	if (!(most > 0))
		return;
	p.curves[0] =
		(struct plot_curve){ .name = "", .points = room[0], .count = r->sample_count - 1 };
	plot_write(f, &p);
}

static void put_page(FILE *f, const struct report *r)
{
	const char *name = scenario_info[r->plan->scenario].name;

	fprintf(f,
		"<!doctype html><html lang=en><meta charset=utf-8><title>dcmf-load "
		"%s</title><style>%s</style><h1>dcmf-load %s</h1>",
		name, style, name);
	put_summary(f, r);
	put_parts(f, r);
	put_failures(f, r);
	put_times(f, r);
	put_costs(f, r);
	put_distributions(f, r);
	put_over_time(f, r, MESSAGES, "Messages received", "a second");
	put_over_time(f, r, MEGABYTES, "Bytes of messages and bodies received", "MB a second");
	put_over_time(f, r, HANDSHAKES, "Handshakes", "a second");
	put_over_time(f, r, UP, "Arrivals that are up", "so many");
	put_over_time(f, r, MEMORY, "Memory of the workers", "MiB");
	put_over_time(f, r, CPU, "CPU of the workers", "% of a core");
	put_waves(f, r);
	fputs("</html>\n", f);
}

bool report_save_html(const struct report *r, const char *path)
{
	FILE *f = fopen(path, "w");
	bool ok;

	if (f != NULL)
		put_page(f, r);
	ok = f != NULL && !ferror(f);
	if (f != NULL && fclose(f) != 0)
		ok = false;
	if (!ok)
		fprintf(stderr, "dcmf-load: %s could not be written\n", path);
	return ok;
}
