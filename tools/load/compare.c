/* compare.c: two reports beside one another: which figures both have, and as text. */
#include "tools/load/compare.h"

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

/* Nothing when one of them does not know it. */
static void enter(
	struct comparison *c, const char *words, const json_t *a, const json_t *b, double unit)
{
	struct compared *row = &c->figures[c->count];

	if (a == NULL || b == NULL || c->count == COMPARED_MAX)
		return;
	snprintf(row->words, sizeof(row->words), "%s", words);
	row->a = json_number_value(a) / unit;
	row->b = json_number_value(b) / unit;
	c->count++;
}

static bool is_measured(const json_t *times)
{
	return json_integer_value(json_object_get(times, "count")) > 0;
}

static void enter_times(
	struct comparison *c, const char *scenario, const json_t *a, const json_t *b)
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
				enter(c, words, json_object_get(x, percents[k]),
					json_object_get(y, percents[k]), 1000);
		}
	}
}

const char *compare_scenario(const json_t *report)
{
	const char *name = json_string_value(json_object_get(report, "scenario"));

	return name ? name : "?";
}

const json_t *compare_part(const struct comparison *c, unsigned i)
{
	const json_t *a = json_array_get(json_object_get(c->reports[0], "parts"), i),
		     *b = json_array_get(json_object_get(c->reports[1], "parts"), i);

	return a && b && strcmp(compare_scenario(a), compare_scenario(b)) == 0 ? b : NULL;
}

bool compare_open(struct comparison *c, const char *path_a, const char *path_b)
{
	const json_t *parts;

	*c = (struct comparison){ .paths = { path_a, path_b } };
	if ((c->reports[0] = load(path_a)) == NULL || (c->reports[1] = load(path_b)) == NULL) {
		compare_close(c);
		return false;
	}
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		enter(c, rows[i].words, find(c->reports[0], rows[i].path),
			find(c->reports[1], rows[i].path), rows[i].unit);
	parts = json_object_get(c->reports[0], "parts");
	for (unsigned i = 0; i < json_array_size(parts); i++)
		if (compare_part(c, i) != NULL)
			enter_times(c, compare_scenario(json_array_get(parts, i)),
				json_array_get(parts, i), compare_part(c, i));
	return true;
}

void compare_close(struct comparison *c)
{
	json_decref(c->reports[0]);
	json_decref(c->reports[1]);
}

void compare_print(const struct comparison *c)
{
	for (unsigned i = 0; i < 2; i++)
		printf("%c: %s (%s)\n", 'A' + i, c->paths[i], compare_scenario(c->reports[i]));
	printf("%-52s %14s %14s %11s\n", "", "A", "B", "B to A");
	for (unsigned i = 0; i < c->count; i++) {
		const struct compared *row = &c->figures[i];

		printf("%-52s %14.3f %14.3f", row->words, row->a, row->b);
		if (row->a != 0)
			printf(" %+9.1f %%", (row->b - row->a) / row->a * 100);
		putchar('\n');
	}
}
