/* compare.c: two reports beside one another, figure by figure. */
#include "tools/load/compare.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* Where a figure stands in a report: members separated by dots. */
static const struct row {
	const char *words, *path;
	double unit; /* of the table in units of the report */
} rows[] = {
	{ "failed", "failed", 1 },
	{ "handshakes a second", "rates.handshakesPerSecond", 1 },
	{ "messages a second", "rates.messagesPerSecond", 1 },
	{ "MB a second", "rates.bytesPerSecond", 1e6 },
	{ "CPU a set-up, us", "gateway.cpuUsPerSetUp", 1 },
	{ "CPU a message, us", "gateway.cpuUsPerMessage", 1 },
	{ "CPU a packet, us", "gateway.cpuUsPerPacket", 1 },
	{ "bytes a leg", "gateway.bytesPerLeg", 1 },
	{ "share of a core at work, %", "gateway.workShareOfACore", 0.01 },
	{ "memory at the most, MiB", "gateway.memoryPeakBytes", 1048576 },
	{ "memory grown since the first wave, MiB", "gateway.memoryGrowthBytes", 1048576 },
	{ "generator, share of a core, %", "generator.busiestShareOfACore", 0.01 },
};

static const char *const percents[] = { "p50Us", "p90Us", "p99Us", "p99.9Us" };

static json_t *load(const char *path)
{
	json_error_t error;
	json_t *o = json_load_file(path, 0, &error);

	if (o == NULL)
		fprintf(stderr, "dcmf-load: %s: %s\n", path, error.text);
	else if (!json_is_array(json_object_get(o, "parts"))) {
		fprintf(stderr, "dcmf-load: %s is no report of this program\n", path);
		json_decref(o);
		return NULL;
	}
	return o;
}

/* NULL: it is not there, or nobody knows it. */
static const json_t *find(const json_t *o, const char *path)
{
	char name[64];

	while (o != NULL && *path != '\0') {
		size_t len = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		o = json_object_get(o, name);
		path += len + (path[len] == '.');
	}
	return json_is_number(o) ? o : NULL;
}

static void print_figures(const char *words, const json_t *a, const json_t *b, double unit)
{
	double x = json_number_value(a) / unit, y = json_number_value(b) / unit;

	if (a == NULL || b == NULL)
		return;
	printf("%-52s %14.3f %14.3f", words, x, y);
	if (x != 0)
		printf(" %+9.1f %%", (y - x) / x * 100);
	putchar('\n');
}

static bool is_measured(const json_t *times)
{
	return json_integer_value(json_object_get(times, "count")) > 0;
}

static void print_times(const char *scenario, const json_t *a, const json_t *b)
{
	json_t *times_a = json_object_get(a, "latency"), *times_b = json_object_get(b, "latency");
	char words[80];

	for (void *i = json_object_iter(times_a); i != NULL;
		i = json_object_iter_next(times_a, i)) {
		const char *key = json_object_iter_key(i);
		const json_t *x = json_object_iter_value(i), *y = json_object_get(times_b, key);

		for (unsigned k = 0; k < sizeof(percents) / sizeof(percents[0]); k++) {
			snprintf(words, sizeof(words), "%s %s %.*s, ms", scenario, key,
				(int)strcspn(percents[k], "U"), percents[k]);
			if (is_measured(x) && is_measured(y))
				print_figures(words, json_object_get(x, percents[k]),
					json_object_get(y, percents[k]), 1000);
		}
	}
}

static const char *name_of(const json_t *o)
{
	const char *name = json_string_value(json_object_get(o, "scenario"));

	return name ? name : "?";
}

bool compare_reports(const char *path_a, const char *path_b)
{
	json_t *a = load(path_a), *b = a ? load(path_b) : NULL;
	const json_t *parts_a = json_object_get(a, "parts"), *parts_b = json_object_get(b, "parts");

	if (b != NULL) {
		printf("A: %s (%s)\nB: %s (%s)\n", path_a, name_of(a), path_b, name_of(b));
		printf("%-52s %14s %14s %11s\n", "", "A", "B", "B to A");
		for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			print_figures(rows[i].words, find(a, rows[i].path), find(b, rows[i].path),
				rows[i].unit);
		for (size_t i = 0; i < json_array_size(parts_a) && i < json_array_size(parts_b);
			i++)
			if (strcmp(name_of(json_array_get(parts_a, i)),
				    name_of(json_array_get(parts_b, i))) == 0)
				print_times(name_of(json_array_get(parts_a, i)),
					json_array_get(parts_a, i), json_array_get(parts_b, i));
	}
	json_decref(a);
	json_decref(b);
	return b != NULL;
}
