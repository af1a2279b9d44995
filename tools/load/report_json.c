/* report_json.c: what a run did, as JSON. */
#include <jansson.h>
#include <stdio.h>

#include "tools/load/report.h"

#define INT(n) ((json_int_t)(n))

static json_t *histogram_json(const struct histogram *h)
{
	json_t *o = json_pack("{s:I, s:I, s:I, s:I}", "count", INT(h->count), "minUs", INT(h->min),
		"maxUs", INT(h->max), "meanUs", INT(histogram_mean(h)));
	char name[24];

	for (unsigned i = 0; i < report_percent_count; i++) {
		snprintf(name, sizeof(name), "p%gUs", report_percents[i]);
		json_object_set_new(
			o, name, json_integer(histogram_percentile(h, report_percents[i])));
	}
	return o;
}

static json_t *latency_json(const struct part *p)
{
	json_t *o = json_object();

	for (unsigned m = 0; m < MEASURE_MAX; m++)
		json_object_set_new(o, measure_key(m), histogram_json(&p->measure[m]));
	return o;
}

static json_t *part_json(const struct report *r, unsigned i)
{
	const struct options *o = &r->plan->parts[i];
	const struct part *p = &r->tally.parts[i];

	return json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			 "s:I, s:I, s:I, s:s, s:o}",
		"scenario", options_scenario(o)->name, "noun", options_scenario(o)->noun,
		"passedThrough", o->passes, "begun", INT(p->begun), "up", INT(p->up), "done",
		INT(p->done), "failed", INT(p->failed), "withIce", INT(p->with_ice), "handshakes",
		INT(p->handshakes), "certificates", INT(p->certificates), "lists", INT(p->lists),
		"packages", INT(p->packages), "notModified", INT(p->not_modified), "messagesSent",
		INT(p->sent), "messagesReceived", INT(p->received), "messagesLost", INT(p->lost),
		"bytes", INT(p->bytes), "checked", p->checked, "latency", latency_json(p));
}

static json_t *parts_json(const struct report *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < r->plan->count; i++)
		json_array_append_new(list, part_json(r, i));
	return list;
}

static json_t *failures_json(const struct tally *t)
{
	json_t *o = json_object();

	for (unsigned f = 0; f < FAILURE_MAX; f++)
		if (t->failures[f] > 0)
			json_object_set_new(o, failure_name(f),
				json_pack("{s:I, s:s, s:s}", "count", INT(t->failures[f]), "words",
					failure_words(f), "first", t->detail[f]));
	return o;
}

static json_t *failed_on_json(const struct tally *t)
{
	json_t *o = json_object();
	char name[24];

	for (unsigned w = 0; w <= METRICS_WORKERS_MAX; w++) {
		snprintf(name, sizeof(name), "%u", w);
		if (t->failed_on[w] > 0)
			json_object_set_new(o, w < METRICS_WORKERS_MAX ? name : "none",
				json_integer(INT(t->failed_on[w])));
	}
	return o;
}

static json_t *doubles_json(const double *v, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, json_integer(INT(v[i])));
	return list;
}

static json_t *waves_json(const struct report *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < r->wave_count; i++) {
		const struct wave *w = &r->waves[i];
		json_t *o = json_pack("{s:I, s:I, s:I, s:f}", "begun", INT(w->begun), "atOnce",
			INT(w->peak), "failed", INT(w->failed), "seconds", w->seconds);

		if (w->after.known) {
			json_object_set_new(o, "workerMemoryBytes",
				doubles_json(w->after.memory_bytes, w->after.workers));
			json_object_set_new(o, "gaugesBackToZero", json_boolean(w->clean));
		}
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *samples_json(const struct report *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < r->sample_count; i++) {
		const struct sample *s = &r->samples[i];

		json_array_append_new(
			list, json_pack("{s:f, s:f, s:I, s:I, s:I, s:I, s:I}", "seconds", s->at,
				      "workerCpuSeconds", s->cpu_seconds, "workerMemoryBytes",
				      INT(s->memory_bytes), "up", INT(s->up), "handshakes",
				      INT(s->set_ups), "messages", INT(s->messages), "bytes",
				      INT(s->bytes)));
	}
	return list;
}

/* null: not known. */
static json_t *real_or_null(double v)
{
	return v >= 0 ? json_real(v) : json_null();
}

static json_t *gateway_json(const struct report *r)
{
	struct cost c;
	double growth;

	if (r->worker_count == 0)
		return json_null();
	report_cost(r, &c);
	return json_pack("{s:i, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:I, s:I, s:o, s:I, s:b}",
		"workers", r->worker_count, "cpuSeconds", c.cpu_seconds, "cpuUsPerSetUp",
		real_or_null(c.set_up_us), "cpuUsPerMessage", real_or_null(c.message_us),
		"cpuUsPerPacket", real_or_null(c.packet_us), "bytesPerLeg",
		real_or_null(c.leg_bytes), "workerMemoryPeakBytes",
		doubles_json(r->worker_memory_peak, r->worker_count), "workShareOfACore",
		real_or_null(c.work_share), "setUpAndWorkApart", r->plan->all.together,
		"memoryBeforeBytes", INT(r->memory_before), "memoryPeakBytes", INT(r->memory_peak),
		"memoryGrowthBytes",
		report_growth(r, &growth) ? json_integer(INT(growth)) : json_null(),
		"memoryBoundBytes", INT(report_memory_bound(r)), "withinBound",
		report_is_within_bound(r));
}

static json_t *generator_json(const struct report *r)
{
	return json_pack("{s:I, s:f, s:f, s:f, s:I, s:I, s:I, s:s?}", "processes",
		INT(r->plan->all.processes), "cpuSeconds", r->tally.cpu_seconds,
		"busiestShareOfACore", report_own_load(r), "seconds", r->seconds,
		"datagramsDropped", INT(r->tally.dropped), "datagramsLost", INT(r->tally.lost),
		"hostUdpOverflows", INT(r->udp_overflows), "bottleneck", report_bottleneck(r));
}

static json_t *rates_json(const struct report *r)
{
	return json_pack("{s:f, s:f, s:f, s:I, s:I}", "handshakesPerSecond",
		report_set_ups_a_second(r), "messagesPerSecond", report_messages_a_second(r),
		"bytesPerSecond", report_bytes_a_second(r), "datagramsIn",
		INT(r->tally.datagrams_in), "datagramsOut", INT(r->tally.datagrams_out));
}

static json_t *report_json(const struct report *r)
{
	const char *name = scenario_info[r->plan->scenario].name;

	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"program", "dcmf-load " DCMF_VERSION, "scenario", name, "begun", INT(r->sum.begun),
		"up", INT(r->sum.up), "atOnce", INT(r->peak_up), "failed", INT(r->sum.failed),
		"parts", parts_json(r), "failures", failures_json(&r->tally), "failedOnWorker",
		failed_on_json(&r->tally), "rates", rates_json(r), "waves", waves_json(r),
		"gateway", gateway_json(r), "generator", generator_json(r), "samples",
		samples_json(r));
}

bool report_save_json(const struct report *r, const char *path)
{
	json_t *o = report_json(r);
	bool ok = o != NULL && json_dump_file(o, path, JSON_INDENT(2)) == 0;

	json_decref(o);
	if (!ok)
		fprintf(stderr, "dcmf-load: %s could not be written\n", path);
	return ok;
}
