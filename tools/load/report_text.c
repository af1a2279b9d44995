/* report_text.c: what a run did, as text. */
#include <stdio.h>

#include "tools/load/report.h"

typedef unsigned long long ull;

#define MIB 1048576.0

static void print_measures(const struct part *p)
{
	printf("  %-38s", "milliseconds");
	for (unsigned i = 0; i < report_percent_count; i++)
		printf("     p%-5g", report_percents[i]);
	printf("      max\n");
	for (unsigned m = 0; m < MEASURE_MAX; m++) {
		const struct histogram *h = &p->measure[m];

		if (h->count == 0)
			continue;
		printf("  %-38s", measure_words(m));
		for (unsigned i = 0; i < report_percent_count; i++)
			printf(" %10.3f",
				(double)histogram_percentile(h, report_percents[i]) / 1e3);
		printf(" %10.3f\n", (double)h->max / 1e3);
	}
}

static void print_fetches(const struct part *p)
{
	printf("fetched: %llu lists, %llu packages, %llu times 304; %llu bytes; packages checked: "
	       "%s\n",
		(ull)p->lists, (ull)p->packages, (ull)p->not_modified, (ull)p->bytes, p->checked);
}

static void print_messages(const struct options *o, const struct part *p)
{
	printf("messages: %llu sent, %llu received, %llu lost where that is allowed; each checked "
	       "where it arrived: %scount, order\n",
		(ull)p->sent, (ull)p->received, (ull)p->lost, o->no_verify ? "" : "content, ");
	if (o->scenario != SCENARIO_echo)
		printf("certificates: %llu UEs saw %s\n", (ull)p->certificates,
			o->passes ? "that of the other end" : "that of the gateway");
}

static void print_part(const struct report *r, unsigned i)
{
	const struct options *o = &r->plan->parts[i];
	const struct part *p = &r->tally.parts[i];

	printf("%s: %llu %s, %llu up, %llu done, %llu failed; %llu UEs with ICE\n",
		options_scenario(o)->name, (ull)p->begun, options_scenario(o)->noun, (ull)p->up,
		(ull)p->done, (ull)p->failed, (ull)p->with_ice);
	if (o->idles)
		printf("idle for %.0f s\n", o->idle);
	else if (p->lists > 0 || o->scenario == SCENARIO_bootstrap)
		print_fetches(p);
	else
		print_messages(o, p);
	print_measures(p);
}

static void print_rates(const struct report *r)
{
	printf("%llu handshakes, %.0f a second; %llu at once", (ull)r->sum.handshakes,
		report_set_ups_a_second(r), (ull)r->peak_up);
	if (r->sum.received > 0)
		printf("; %.0f messages a second, %.1f MB/s", report_messages_a_second(r),
			report_bytes_a_second(r) / 1e6);
	putchar('\n');
}

static void print_failures(const struct report *r)
{
	const struct tally *t = &r->tally;

	printf("failed: %llu\n", (ull)r->sum.failed);
	for (unsigned f = 0; f < FAILURE_MAX; f++)
		if (t->failures[f] > 0)
			printf("  %6llu  %s (the first: %s)\n", (ull)t->failures[f],
				failure_words(f), t->detail[f]);
	for (unsigned w = 0; w <= METRICS_WORKERS_MAX; w++)
		if (t->failed_on[w] > 0 && w < METRICS_WORKERS_MAX)
			printf("  %6llu  on worker %u\n", (ull)t->failed_on[w], w);
		else if (t->failed_on[w] > 0)
			printf("  %6llu  without a context\n", (ull)t->failed_on[w]);
}

static void print_waves(const struct report *r)
{
	for (unsigned i = 0; i < r->wave_count; i++) {
		const struct wave *w = &r->waves[i];

		printf("wave %u: %llu %s, %llu up at once, %llu failed, %.1f s", i + 1,
			(ull)w->begun, plan_noun(r->plan), (ull)w->peak, (ull)w->failed,
			w->seconds);
		for (unsigned k = 0; k < w->after.workers; k++)
			printf("%s%.1f", k ? " + " : "; worker memory after it, MiB: ",
				w->after.memory_bytes[k] / MIB);
		if (w->after.known)
			printf("; %s%s", w->clean ? "object gauges back to zero" : "still there: ",
				w->clean ? "" : w->after.busiest);
		putchar('\n');
	}
}

static void print_cost(const char *words, double value, const char *unit)
{
	if (value >= 0)
		printf("; %.1f %s %s", value, unit, words);
}

static void print_gateway(const struct report *r)
{
	struct cost c;

	if (r->worker_count == 0)
		return;
	report_cost(r, &c);
	printf("gateway: %u workers, %.2f s CPU", r->worker_count, c.cpu_seconds);
	print_cost("CPU a set-up", c.set_up_us, "us");
	print_cost("CPU a message", c.message_us, "us");
	print_cost("CPU a packet", c.packet_us, "us");
	print_cost("a leg", c.leg_bytes, "bytes");
	if (c.work_share >= 0)
		printf("; %.2f %% of a core while everybody was %s", 100 * c.work_share,
			r->plan->scenario == SCENARIO_idle ? "idle" : "at work");
	if (!r->plan->all.together)
		printf(" (set-up and work together)");
	printf("\nworker memory at its peak, MiB:");
	for (unsigned k = 0; k < r->worker_count; k++)
		printf("%s%.1f", k ? " + " : " ", r->worker_memory_peak[k] / MIB);
	putchar('\n');
}

/* Whoever leaks grows with every wave. */
static void print_growth(const struct report *r)
{
	double growth;

	if (!report_growth(r, &growth))
		return;
	printf("memory of all workers after each wave, MiB:");
	for (unsigned i = 0; i < r->wave_count; i++)
		printf("%s%.1f", i ? ", " : " ", metrics_memory(&r->waves[i].after) / MIB);
	printf("; since the first: %+.1f\n", growth / MIB);
}

static void print_bound(const struct report *r)
{
	if (r->plan->all.memory_bound > 0)
		printf("memory: the workers grew by %.1f MiB at most, from %.1f to %.1f; the bound "
		       "is "
		       "%.1f MiB for %llu at once: %s\n",
			(r->memory_peak - r->memory_before) / MIB, r->memory_before / MIB,
			r->memory_peak / MIB, report_memory_bound(r) / MIB, (ull)r->peak_up,
			report_is_within_bound(r) ? "within" : "TOO MUCH");
}

static void print_self(const struct report *r)
{
	const char *bottleneck = report_bottleneck(r);

	printf("generator: %ld processes, %.2f s CPU in %.1f s (the busiest: %.0f %% of a core); "
	       "datagrams lost: %llu not sent, %llu to full receive "
	       "buffers (on this host, of anybody: %llu)\n",
		r->plan->all.processes, r->tally.cpu_seconds, r->seconds, 100 * report_own_load(r),
		(ull)r->tally.dropped, (ull)r->tally.lost, (ull)r->udp_overflows);
	if (bottleneck != NULL)
		puts(bottleneck);
}

void report_print(const struct report *r)
{
	for (unsigned i = 0; i < r->plan->count; i++)
		print_part(r, i);
	print_rates(r);
	print_waves(r);
	print_gateway(r);
	print_growth(r);
	print_bound(r);
	print_self(r);
	print_failures(r);
}
