/* report.c: what happened, counted, and told as text and JSON. */
#include "tools/load/report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define OWN_CPU_LIMIT  0.85        /* of a core: above, the generator is taken for the limit */
#define OWN_LATE_LIMIT TICK_MS(50) /* p99 of arrivals that began late */

static const char *const failure_texts[] = {
#define FAILURE(name, words) [FAILURE_##name] = (words),
#include "tools/load/failures.def"
#undef FAILURE
};

static const char *const failure_names[] = {
#define FAILURE(name, words) [FAILURE_##name] = #name,
#include "tools/load/failures.def"
#undef FAILURE
};

static const struct {
	const char *name, *words;
} measures[] = {
	[MEASURE_ANSWER] = { "answer", "offer to answer" },
	[MEASURE_SECURE] = { "secure", "answer to DTLS connected" },
	[MEASURE_OPEN] = { "open", "DTLS connected to channel open" },
	[MEASURE_SET_UP] = { "setUp", "whole set-up, from when it was due" },
	[MEASURE_LIST] = { "list", "application list" },
	[MEASURE_PACKAGE] = { "package", "package" },
	[MEASURE_LATE] = { "late", "arrival begun late" },
};

static const double percents[] = { 50, 90, 99, 99.9 };
#define PERCENTS (sizeof(percents) / sizeof(percents[0]))

const char *failure_words(enum failure f)
{
	return failure_texts[f];
}

const char *measure_words(enum measure m)
{
	return measures[m].words;
}

static unsigned worker_of(const char *context_id)
{
	char *end;
	unsigned long worker = strtoul(context_id, &end, 10);

	if (end == context_id || worker > METRICS_WORKERS_MAX)
		return METRICS_WORKERS_MAX;
	return (unsigned)worker;
}

void report_fail(struct report *r, enum failure f, const char *context_id, const char *detail)
{
	r->failed_on[worker_of(context_id)]++;
	if (r->failures[f]++ == 0)
		snprintf(r->detail[f], sizeof(r->detail[f]), "%s", detail ? detail : "");
	r->failed++;
}

void report_measure(struct report *r, enum measure m, tick_t from, tick_t to)
{
	histogram_add(&r->measure[m], tick_since(from, to));
}

/* ---- what follows from the figures ---- */

static double own_load(const struct report *r)
{
	return r->seconds > 0 ? r->cpu_seconds / r->seconds : 0;
}

const char *report_bottleneck(const struct report *r)
{
	if (own_load(r) > OWN_CPU_LIMIT)
		return "The generator used its core up: it, not the gateway, set the limit.";
	if (histogram_percentile(&r->measure[MEASURE_LATE], 99) > OWN_LATE_LIMIT)
		return "The generator began arrivals late: it, not the gateway, set the limit.";
	if (r->dropped > 0)
		return "The generator dropped datagrams of its own: figures say less about the "
		       "gateway than they should.";
	return NULL;
}

static const struct metrics *last_metrics(const struct report *r)
{
	const struct wave *w = r->wave_count > 0 ? &r->waves[r->wave_count - 1] : NULL;

	return r->before.known && w != NULL && w->after.known ? &w->after : NULL;
}

static double handshakes_a_second(const struct report *r)
{
	return r->set_up_seconds > 0 ? (double)r->handshakes / r->set_up_seconds : 0;
}

/* ---- text ---- */

static void print_measure(const struct report *r, enum measure m)
{
	const struct histogram *h = &r->measure[m];

	if (h->count == 0)
		return;
	printf("  %-36s", measures[m].words);
	for (size_t i = 0; i < PERCENTS; i++)
		printf(" %9.2f", (double)histogram_percentile(h, percents[i]) / 1e3);
	printf(" %9.2f\n", (double)h->max / 1e3);
}

static void print_failures(const struct report *r)
{
	printf("failed: %u\n", r->failed);
	for (unsigned f = 0; f < FAILURE_MAX; f++)
		if (r->failures[f] > 0)
			printf("  %6llu  %s (the first: %s)\n", (unsigned long long)r->failures[f],
				failure_texts[f], r->detail[f]);
	for (unsigned w = 0; w <= METRICS_WORKERS_MAX; w++)
		if (r->failed_on[w] > 0 && w < METRICS_WORKERS_MAX)
			printf("  %6u  on worker %u\n", r->failed_on[w], w);
		else if (r->failed_on[w] > 0)
			printf("  %6u  without a context\n", r->failed_on[w]);
}

static void print_waves(const struct report *r)
{
	for (unsigned i = 0; i < r->wave_count; i++) {
		const struct wave *w = &r->waves[i];

		printf("wave %u: %u UEs, %u up at once, %u failed, %.1f s", i + 1, w->ues, w->peak,
			w->failed, w->seconds);
		for (unsigned k = 0; k < w->after.workers; k++)
			printf("%s%.1f", k ? " + " : "; worker memory after it, MiB: ",
				w->after.memory_bytes[k] / 1048576);
		if (w->after.known)
			printf("; %s%s", w->clean ? "object gauges back to zero" : "still there: ",
				w->clean ? "" : w->after.busiest);
		putchar('\n');
	}
}

static void print_gateway(const struct report *r)
{
	const struct metrics *m = last_metrics(r);
	double cpu;

	if (m == NULL)
		return;
	cpu = metrics_cpu(m) - metrics_cpu(&r->before);
	printf("gateway: %u workers, %.2f s CPU", m->workers, cpu);
	if (r->handshakes > 0)
		printf(", %.2f ms CPU a set-up with its fetches",
			cpu * 1e3 / (double)r->handshakes);
	printf("; worker memory %.1f MiB before, %.1f MiB after\n",
		metrics_memory(&r->before) / 1048576, metrics_memory(m) / 1048576);
}

static void print_self(const struct report *r)
{
	const char *bottleneck = report_bottleneck(r);

	printf("generator: %.2f s CPU in %.1f s (%.0f %% of a core), %llu datagrams dropped; on "
	       "this host %llu datagrams lost to full receive "
	       "buffers\n",
		r->cpu_seconds, r->seconds, 100 * own_load(r), (unsigned long long)r->dropped,
		(unsigned long long)r->udp_overflows);
	if (bottleneck != NULL)
		puts(bottleneck);
}

void report_print(const struct report *r)
{
	printf("%u UEs, %u of them with ICE; %u up, %u at once\n", r->ues, r->ice_ues, r->up,
		r->peak_up);
	printf("%llu handshakes, %.0f a second; %llu lists, %llu packages, %llu times 304; %llu "
	       "bytes fetched\n",
		(unsigned long long)r->handshakes, handshakes_a_second(r),
		(unsigned long long)r->lists, (unsigned long long)r->packages,
		(unsigned long long)r->not_modified, (unsigned long long)r->bytes_in);
	printf("packages checked: %s\n", r->checked);
	printf("  %-36s %9s %9s %9s %9s %9s\n", "milliseconds", "p50", "p90", "p99", "p99.9",
		"max");
	for (unsigned m = 0; m < MEASURE_MAX; m++)
		print_measure(r, m);
	print_waves(r);
	print_gateway(r);
	print_self(r);
	print_failures(r);
}

/* ---- JSON ---- */

static json_t *measure_json(const struct histogram *h)
{
	json_t *o = json_pack("{s:I, s:I, s:I, s:I}", "count", (json_int_t)h->count, "minUs",
		(json_int_t)h->min, "maxUs", (json_int_t)h->max, "meanUs",
		(json_int_t)histogram_mean(h));
	char name[24];

	for (size_t i = 0; i < PERCENTS; i++) {
		snprintf(name, sizeof(name), "p%gUs", percents[i]);
		json_object_set_new(o, name, json_integer(histogram_percentile(h, percents[i])));
	}
	return o;
}

static json_t *failures_json(const struct report *r)
{
	json_t *o = json_object();

	for (unsigned f = 0; f < FAILURE_MAX; f++)
		if (r->failures[f] > 0)
			json_object_set_new(o, failure_names[f],
				json_pack("{s:I, s:s, s:s}", "count", (json_int_t)r->failures[f],
					"words", failure_texts[f], "first", r->detail[f]));
	return o;
}

static json_t *failed_on_json(const struct report *r)
{
	json_t *o = json_object();
	char name[24];

	for (unsigned w = 0; w <= METRICS_WORKERS_MAX; w++) {
		snprintf(name, sizeof(name), "%u", w);
		if (r->failed_on[w] > 0)
			json_object_set_new(o, w < METRICS_WORKERS_MAX ? name : "none",
				json_integer(r->failed_on[w]));
	}
	return o;
}

static json_t *memory_json(const struct metrics *m)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < m->workers; i++)
		json_array_append_new(list, json_integer((json_int_t)m->memory_bytes[i]));
	return list;
}

static json_t *waves_json(const struct report *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < r->wave_count; i++) {
		const struct wave *w = &r->waves[i];
		json_t *o = json_pack("{s:i, s:i, s:i, s:f}", "ues", w->ues, "atOnce", w->peak,
			"failed", w->failed, "seconds", w->seconds);

		if (w->after.known) {
			json_object_set_new(o, "workerMemoryBytes", memory_json(&w->after));
			json_object_set_new(o, "gaugesBackToZero", json_boolean(w->clean));
		}
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *gateway_json(const struct report *r)
{
	const struct metrics *m = last_metrics(r);
	double cpu;

	if (m == NULL)
		return json_null();
	cpu = metrics_cpu(m) - metrics_cpu(&r->before);
	return json_pack("{s:i, s:f, s:f, s:o, s:o}", "workers", m->workers, "cpuSeconds", cpu,
		"cpuUsPerSetUp", r->handshakes > 0 ? cpu * 1e6 / (double)r->handshakes : 0.0,
		"memoryBytesBefore", memory_json(&r->before), "memoryBytesAfter", memory_json(m));
}

static json_t *report_json(const struct report *r)
{
	const char *bottleneck = report_bottleneck(r);
	json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i}", "program",
		"dcmf-load " DCMF_VERSION, "scenario", "bootstrap", "ues", r->ues, "withIce",
		r->ice_ues, "up", r->up, "atOnce", r->peak_up, "failed", r->failed);
	json_t *latency = json_object();

	for (unsigned m = 0; m < MEASURE_MAX; m++)
		json_object_set_new(latency, measures[m].name, measure_json(&r->measure[m]));
	json_object_set_new(o, "latency", latency);
	json_object_set_new(o, "failures", failures_json(r));
	json_object_set_new(o, "failedOnWorker", failed_on_json(r));
	json_object_set_new(o, "traffic",
		json_pack("{s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "handshakes",
			(json_int_t)r->handshakes, "handshakesPerSecond", handshakes_a_second(r),
			"lists", (json_int_t)r->lists, "packages", (json_int_t)r->packages,
			"notModified", (json_int_t)r->not_modified, "bodyBytes",
			(json_int_t)r->bytes_in, "datagramsIn", (json_int_t)r->datagrams_in,
			"datagramsOut", (json_int_t)r->datagrams_out, "checked", r->checked));
	json_object_set_new(o, "waves", waves_json(r));
	json_object_set_new(o, "gateway", gateway_json(r));
	json_object_set_new(o, "generator",
		json_pack("{s:f, s:f, s:I, s:I, s:s?}", "cpuSeconds", r->cpu_seconds, "seconds",
			r->seconds, "datagramsDropped", (json_int_t)r->dropped, "hostUdpOverflows",
			(json_int_t)r->udp_overflows, "bottleneck", bottleneck));
	return o;
}

bool report_save_json(const struct report *r, const char *path)
{
	json_t *o = report_json(r);
	bool ok = json_dump_file(o, path, JSON_INDENT(2)) == 0;

	json_decref(o);
	if (!ok)
		fprintf(stderr, "dcmf-load: %s could not be written\n", path);
	return ok;
}
