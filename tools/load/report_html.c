/* report_html.c: the report as one self-contained page. */
#include <stdio.h>

#include "tools/load/report.h"

typedef unsigned long long ull;

#define WIDTH  640
#define HEIGHT 220
#define LEFT   50 /* room for labels */

static const char style[] =
	"body{font:15px/1.5 sans-serif;max-width:46em;margin:2em auto;padding:0 1em}"
	"table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right;border-bottom:1px "
	"solid #ccc}"
	"td:first-child,th:first-child{text-align:left}svg{width:100%;height:auto}.bad{color:#b00}";

static void put_text(FILE *f, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '<')
			fputs("&lt;", f);
		else if (*text == '&')
			fputs("&amp;", f);
		else
			fputc(*text, f);
	}
}

static void put_summary(FILE *f, const struct report *r)
{
	const char *bottleneck = report_bottleneck(r);

	fprintf(f, "<p>%llu %s, %llu up, %llu at once, <span%s>%llu failed</span>.</p>",
		(ull)r->sum.begun, report_noun(r), (ull)r->sum.up, (ull)r->peak_up,
		r->sum.failed ? " class=bad" : "", (ull)r->sum.failed);
	fprintf(f,
		"<p>%llu handshakes (%.0f a second); %llu lists, %llu packages, %llu times 304; "
		"%llu messages sent, %llu received (%.0f a second), %llu lost where that is "
		"allowed.</p>",
		(ull)r->sum.handshakes, report_set_ups_a_second(r), (ull)r->sum.lists,
		(ull)r->sum.packages, (ull)r->sum.not_modified, (ull)r->sum.sent,
		(ull)r->sum.received, report_messages_a_second(r), (ull)r->sum.lost);
	fprintf(f, "<p>The generator used %.2f s of CPU in %.1f s. %s</p>", r->tally.cpu_seconds,
		r->seconds, bottleneck ? bottleneck : "");
}

static void put_table(FILE *f, const struct report *r)
{
	static const double percents[] = { 50, 90, 99, 99.9 };

	fputs("<h2>Milliseconds</h2><table><tr><th><th>p50<th>p90<th>p99<th>p99.9<th>max</tr>", f);
	for (unsigned m = 0; m < MEASURE_MAX; m++) {
		const struct histogram *h = &r->sum.measure[m];

		if (h->count == 0)
			continue;
		fprintf(f, "<tr><td>%s", measure_words(m));
		for (unsigned i = 0; i < 4; i++)
			fprintf(f, "<td>%.2f", (double)histogram_percentile(h, percents[i]) / 1e3);
		fprintf(f, "<td>%.2f</tr>", (double)h->max / 1e3);
	}
	fputs("</table>", f);
}

/* The share of UEs (up) whose set-up took at most so long (right). */
static void put_curve(FILE *f, const struct histogram *h)
{
	uint64_t seen = 0;
	double max = (double)h->max;

	if (h->count == 0 || h->max == 0)
		return;
	fprintf(f, "<h2>Set-up: share of UEs by time</h2><svg viewBox='0 0 %d %d'>",
		WIDTH + LEFT + 50, HEIGHT + 40);
	for (unsigned i = 0; i <= 4; i++) {
		double y = 10 + HEIGHT * (1 - i / 4.0), x = LEFT + WIDTH * i / 4.0;

		fprintf(f, "<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' stroke='#ddd'/>", LEFT,
			LEFT + WIDTH, y, y);
		fprintf(f, "<text x='%d' y='%.1f' font-size='12' text-anchor='end'>%u %%</text>",
			LEFT - 6, y + 4, i * 25);
		fprintf(f,
			"<text x='%.1f' y='%d' font-size='12' text-anchor='middle'>%.1f ms</text>",
			x, HEIGHT + 28, max * i / 4e3);
	}
	fprintf(f, "<polyline fill='none' stroke='#06c' stroke-width='2' points='%d,%d", LEFT,
		HEIGHT + 10);
	for (unsigned i = 0; i < HISTOGRAM_CELLS; i++) {
		double x;

		if (h->cell[i] == 0)
			continue;
		seen += h->cell[i];
		x = (double)histogram_cell_top(i) < max ? (double)histogram_cell_top(i) / max : 1;
		fprintf(f, " %.1f,%.1f", LEFT + WIDTH * x,
			10 + HEIGHT * (1 - (double)seen / (double)h->count));
	}
	fputs("'/></svg>", f);
}

static void put_waves(FILE *f, const struct report *r)
{
	fputs("<h2>Waves</h2><table><tr><th>wave<th>begun<th>at "
	      "once<th>failed<th>seconds<th>worker "
	      "memory, MiB</tr>",
		f);
	for (unsigned i = 0; i < r->wave_count; i++) {
		const struct wave *w = &r->waves[i];

		fprintf(f, "<tr><td>%u<td>%llu<td>%llu<td>%llu<td>%.1f<td>", i + 1, (ull)w->begun,
			(ull)w->peak, (ull)w->failed, w->seconds);
		for (unsigned k = 0; k < w->after.workers; k++)
			fprintf(f, "%s%.1f", k ? " + " : "", w->after.memory_bytes[k] / 1048576);
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
		fprintf(f, "<tr><td>%s<td>%llu<td>", failure_words(i),
			(unsigned long long)r->tally.failures[i]);
		put_text(f, r->tally.detail[i]);
		fputs("</tr>", f);
	}
	fputs("</table>", f);
}

bool report_save_html(const struct report *r, const char *path)
{
	const char *name = r->part_count == 1 ? options_scenario(r->parts)->name : "mix";
	FILE *f = fopen(path, "w");
	bool ok;

	if (f != NULL) {
		fprintf(f,
			"<!doctype html><html lang=en><meta charset=utf-8><title>dcmf-load "
			"%s</title><style>%s</style>",
			name, style);
		fprintf(f, "<h1>dcmf-load %s</h1>", name);
		put_summary(f, r);
		put_table(f, r);
		put_curve(f, &r->sum.measure[MEASURE_SET_UP]);
		put_waves(f, r);
		put_failures(f, r);
		fputs("</html>\n", f);
	}
	ok = f != NULL && !ferror(f);
	if (f != NULL && fclose(f) != 0)
		ok = false;
	if (!ok)
		fprintf(stderr, "dcmf-load: %s could not be written\n", path);
	return ok;
}
