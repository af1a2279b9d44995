/* compare_html.c: two reports beside one another, as one self-contained page. */
#include <stdint.h>

#include "tools/load/compare.h"
#include "tools/load/page.h"
#include "tools/load/series.h"

/* ---- figures ---- */

static void put_figures(FILE *f, const struct comparison *c)
{
	fputs("<table><tr><th><th>A<th>B<th>B to A</tr>", f);
	for (unsigned i = 0; i < c->count; i++) {
		const struct compared *row = &c->figures[i];

		fputs("<tr><td>", f);
		plot_text(f, row->words);
		fprintf(f, "<td>%.3f<td>%.3f<td>", row->a, row->b);
		if (row->a != 0)
			fprintf(f, "%+.1f %%", (row->b - row->a) / row->a * 100);
		fputs("</tr>", f);
	}
	fputs("</table>", f);
}

/* ---- curves ---- */

static const struct {
	const char *key;
	double share;
} percentiles[] = { { "minUs", 0 }, { "p50Us", 0.5 }, { "p90Us", 0.9 }, { "p99Us", 0.99 },
	{ "p99.9Us", 0.999 } };

#define PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

static void add_times(
	struct plot *p, struct plot_point room[PERCENTILES], const char *name, const json_t *times)
{
	for (size_t i = 0; i < PERCENTILES; i++)
		room[i] = (struct plot_point){ percentiles[i].share,
			json_number_value(json_object_get(times, percentiles[i].key)) / 1e3 };
	p->curves[p->count++] =
		(struct plot_curve){ .name = name, .points = room, .count = PERCENTILES };
}

/* One measure of a part, where both have it. */
static void put_times(FILE *f, const char *title, const json_t *a, const json_t *b)
{
	struct plot_point room[2][PERCENTILES];
	struct plot p = {
		.title = title, .x_unit = "share of them", .y_unit = "milliseconds", .nines = true
	};

	if (json_integer_value(json_object_get(a, "count")) == 0 ||
		json_integer_value(json_object_get(b, "count")) == 0)
		return;
	add_times(&p, room[0], "A", a);
	add_times(&p, room[1], "B", b);
	plot_write(f, &p);
}

static void put_part(FILE *f, const json_t *a, const json_t *b)
{
	json_t *times_a = json_object_get(a, "latency"), *times_b = json_object_get(b, "latency");
	char title[128];

	for (enum measure m = 0; m < MEASURE_MAX; m++) {
		snprintf(title, sizeof(title), "%s: %s", compare_scenario(a), measure_words(m));
		put_times(f, title, json_object_get(times_a, measure_key(m)),
			json_object_get(times_b, measure_key(m)));
	}
}

static double real_of(const json_t *o, const char *name)
{
	return json_number_value(json_object_get(o, name));
}

static uint64_t count_of(const json_t *o, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(o, name));
}

static unsigned read_samples(const json_t *report, struct sample *out)
{
	const json_t *list = json_object_get(report, "samples"), *s;
	unsigned count = 0;

	while (count < SAMPLES_MAX && (s = json_array_get(list, count)) != NULL)
		out[count++] = (struct sample){ .at = real_of(s, "seconds"),
			.cpu_seconds = real_of(s, "workerCpuSeconds"),
			.memory_bytes = real_of(s, "workerMemoryBytes"),
			.up = count_of(s, "up"),
			.set_ups = count_of(s, "handshakes"),
			.messages = count_of(s, "messages"),
			.bytes = count_of(s, "bytes") };
	return count;
}

static void put_over_time(FILE *f, const struct comparison *c)
{
	static struct sample room[2][SAMPLES_MAX];
	struct series_of runs[2] = { { .name = "A", .samples = room[0] },
		{ .name = "B", .samples = room[1] } };

	for (unsigned i = 0; i < 2; i++)
		runs[i].count = read_samples(c->reports[i], room[i]);
	for (enum series s = 0; s < SERIES_MAX; s++)
		series_write(f, s, runs, 2);
}

/* ---- the page ---- */

static void put_page(FILE *f, const void *comparison)
{
	const struct comparison *c = comparison;
	const json_t *parts = json_object_get(c->reports[0], "parts");

	fprintf(f,
		"<!doctype html><html lang=en><meta charset=utf-8><title>dcmf-load: two reports"
		"</title><style>%s%s</style><h1>dcmf-load: two reports</h1><p>",
		page_style, plot_style);
	for (unsigned i = 0; i < 2; i++) {
		fprintf(f, "<span class=c%u>%c</span>: ", i, 'A' + i);
		plot_text(f, c->paths[i]);
		fputs(" (", f);
		plot_text(f, compare_scenario(c->reports[i]));
		fputs(")<br>", f);
	}
	fputs("</p>", f);
	put_figures(f, c);
	for (unsigned i = 0; i < json_array_size(parts); i++)
		if (compare_part(c, i) != NULL)
			put_part(f, json_array_get(parts, i), compare_part(c, i));
	put_over_time(f, c);
	fputs("</html>\n", f);
}

bool compare_save_html(const struct comparison *c, const char *path)
{
	return page_save(path, put_page, c);
}
