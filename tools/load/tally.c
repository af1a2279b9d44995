/* tally.c: what happened, counted. */
#include "tools/load/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *words;
} failures[] = {
#define FAILURE(name, words) [FAILURE_##name] = { #name, words },
#include "tools/load/failures.def"
#undef FAILURE
};

static const struct {
	const char *key, *words;
} measures[] = {
#define MEASURE(name, key, words) [MEASURE_##name] = { key, words },
#include "tools/load/measures.def"
#undef MEASURE
};

const char *failure_name(enum failure f)
{
	return failures[f].name;
}

const char *failure_words(enum failure f)
{
	return failures[f].words;
}

const char *measure_key(enum measure m)
{
	return measures[m].key;
}

const char *measure_words(enum measure m)
{
	return measures[m].words;
}

void tally_init(struct tally *t)
{
	memset(t, 0, sizeof(*t));
	tally_begin_wave(t);
}

void tally_begin_wave(struct tally *t)
{
	t->last_up = t->talk_first = t->talk_last = TICK_NEVER;
}

static unsigned worker_of(const char *context_id)
{
	char *end;
	unsigned long worker = strtoul(context_id, &end, 10);

	if (end == context_id || worker > METRICS_WORKERS_MAX)
		return METRICS_WORKERS_MAX;
	return (unsigned)worker;
}

void tally_fail(
	struct tally *t, unsigned part, enum failure f, const char *context_id, const char *detail)
{
	t->failed_on[worker_of(context_id)]++;
	if (t->failures[f]++ == 0)
		snprintf(t->detail[f], sizeof(t->detail[f]), "%s", detail ? detail : "");
	t->parts[part].failed++;
}

static void add_part(struct part *into, const struct part *from)
{
	for (unsigned m = 0; m < MEASURE_MAX; m++)
		histogram_merge(&into->measure[m], &from->measure[m]);
	into->begun += from->begun;
	into->up += from->up;
	into->done += from->done;
	into->failed += from->failed;
	into->with_ice += from->with_ice;
	into->handshakes += from->handshakes;
	into->certificates += from->certificates;
	into->lists += from->lists;
	into->packages += from->packages;
	into->not_modified += from->not_modified;
	into->sent += from->sent;
	into->received += from->received;
	into->lost += from->lost;
	into->bytes += from->bytes;
	if (into->checked[0] == '\0')
		memcpy(into->checked, from->checked, sizeof(into->checked));
}

static tick_t later(tick_t a, tick_t b)
{
	if (tick_is_never(a) || tick_is_never(b))
		return tick_min(a, b);
	return tick_before(a, b) ? b : a;
}

void tally_add(struct tally *into, const struct tally *from)
{
	for (unsigned i = 0; i < PARTS_MAX; i++)
		add_part(&into->parts[i], &from->parts[i]);
	for (unsigned f = 0; f < FAILURE_MAX; f++) {
		if (into->failures[f] == 0)
			memcpy(into->detail[f], from->detail[f], sizeof(into->detail[f]));
		into->failures[f] += from->failures[f];
	}
	for (unsigned w = 0; w <= METRICS_WORKERS_MAX; w++)
		into->failed_on[w] += from->failed_on[w];
	into->datagrams_in += from->datagrams_in;
	into->datagrams_out += from->datagrams_out;
	into->dropped += from->dropped;
	into->lost += from->lost;
	into->cpu_seconds += from->cpu_seconds;
	into->last_up = later(into->last_up, from->last_up);
	into->talk_first = tick_min(into->talk_first, from->talk_first);
	into->talk_last = later(into->talk_last, from->talk_last);
}

void tally_sum(const struct tally *t, struct part *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < PARTS_MAX; i++)
		add_part(out, &t->parts[i]);
}
