/* report.c: what follows from the figures of a run. */
#include "tools/load/report.h"

#define OWN_CPU_LIMIT  0.85        /* of a core: above, the generator is taken for the limit */
#define OWN_CPU_BUSY   0.4         /* below, it was not its own work that made it late */
#define OWN_LATE_LIMIT TICK_MS(50) /* p99 of arrivals, or messages, that began late */

const double report_percents[] = { 50, 90, 99, 99.9 };
const unsigned report_percent_count = sizeof(report_percents) / sizeof(report_percents[0]);

double report_own_load(const struct report *r)
{
	return r->seconds > 0 ? r->busiest_cpu_seconds / r->seconds : 0;
}

static int64_t p99(const struct report *r, enum measure m)
{
	return histogram_percentile(&r->sum.measure[m], 99);
}

const char *report_bottleneck(const struct report *r)
{
	if (report_own_load(r) > OWN_CPU_LIMIT)
		return "The generator used its core up: it, not the gateway, set the limit (see "
		       "--processes).";
	if (p99(r, MEASURE_LATE) > OWN_LATE_LIMIT || p99(r, MEASURE_SEND_LATE) > OWN_LATE_LIMIT)
		return report_own_load(r) > OWN_CPU_BUSY
			       ? "The generator was late with arrivals or messages: it, not the "
				 "gateway, set the limit."
			       : "The generator was late though it used little CPU: this host was "
				 "busy otherwise, and the times tell of that too.";
	if (r->tally.dropped + r->tally.lost > 0)
		return "The generator lost datagrams of its own: figures say less about the "
		       "gateway than they should.";
	return NULL;
}

double report_set_ups_a_second(const struct report *r)
{
	return r->set_up_seconds > 0 ? (double)r->sum.handshakes / r->set_up_seconds : 0;
}

double report_messages_a_second(const struct report *r)
{
	return r->talk_seconds > 0 ? (double)r->sum.received / r->talk_seconds : 0;
}

double report_bytes_a_second(const struct report *r)
{
	return r->talk_seconds > 0 ? (double)r->sum.bytes / r->talk_seconds : 0;
}

double report_memory_bound(const struct report *r)
{
	return (double)r->plan->all.memory_bound * (double)r->peak_up;
}

bool report_is_within_bound(const struct report *r)
{
	return r->plan->all.memory_bound == 0 ||
	       r->memory_peak - r->memory_before <= report_memory_bound(r);
}

bool report_growth(const struct report *r, double *out)
{
	const struct wave *first = &r->waves[0], *last = &r->waves[r->wave_count - 1];

	if (r->wave_count < 2 || !first->after.known || !last->after.known)
		return false;
	*out = metrics_memory(&last->after) - metrics_memory(&first->after);
	return true;
}

/* ---- what the gateway spent ---- */

/* Sums over waves, for one quotient. */
struct spent {
	double what, by;
};

static void add(struct spent *s, double what, double by)
{
	s->what += what;
	s->by += by;
}

static double quotient(const struct spent *s, double unit)
{
	return s->by > 0 && s->what >= 0 ? s->what / s->by * unit : -1;
}

static double cpu_between(const struct metrics *a, const struct metrics *b)
{
	return metrics_cpu(b) - metrics_cpu(a);
}

void report_cost(const struct report *r, struct cost *out)
{
	struct spent set_up = { 0 }, message = { 0 }, packet = { 0 }, leg = { 0 }, share = { 0 };

	*out = (struct cost){ 0 };
	for (unsigned i = 0; i < r->wave_count; i++) {
		const struct wave *w = &r->waves[i];
		bool apart = w->up.known && w->worked.known;
		const struct metrics *from = apart ? &w->up : &w->before;
		const struct metrics *to = apart ? &w->worked : &w->after;

		if (!w->before.known || !w->after.known)
			continue;
		out->cpu_seconds += cpu_between(&w->before, &w->after);
		add(&message, cpu_between(from, to), (double)w->messages);
		add(&packet, cpu_between(from, to), to->datagrams - from->datagrams);
		add(&set_up, cpu_between(&w->before, apart ? &w->up : &w->after),
			(double)w->set_ups);
		if (apart)
			add(&share, cpu_between(&w->up, &w->worked), w->work_seconds);
		if (apart)
			add(&leg, metrics_memory(&w->up) - metrics_memory(&w->before), w->up.media);
	}
	out->set_up_us = quotient(&set_up, 1e6);
	out->message_us = quotient(&message, 1e6);
	out->packet_us = quotient(&packet, 1e6);
	out->work_share = quotient(&share, 1);
	out->leg_bytes =
		leg.what > 0 ? quotient(&leg, 1) : -1; /* what was used before is used again */
}
