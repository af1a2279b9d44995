/*
 * tally.h: what happened, counted: by each process of the generator on its own, added up at the end.
 *
 * Plain data without anything to free, so that it can lie in memory that processes share.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dcmf/base/tick.h"
#include "tools/load/histogram.h"
#include "tools/load/metrics.h"
#include "tools/load/options.h"

enum failure {
#define FAILURE(name, words) FAILURE_##name,
#include "tools/load/failures.def"
#undef FAILURE
	FAILURE_MAX
};

const char *failure_name(enum failure f);
const char *failure_words(enum failure f);

enum measure {
#define MEASURE(name, key, words) MEASURE_##name,
#include "tools/load/measures.def"
#undef MEASURE
	MEASURE_MAX
};

const char *measure_key(enum measure m);
const char *measure_words(enum measure m);

/* What one scenario did. */
struct part {
	struct histogram measure[MEASURE_MAX];
	uint64_t begun, up, done, failed;
	uint64_t with_ice; /* UEs */
	uint64_t
		handshakes; /* of UEs; those that were passed through have two ends, and both count */
	uint64_t certificates; /* UEs that saw whose they should */
	uint64_t lists, packages, not_modified;
	uint64_t sent, received, lost; /* messages; lost: where that is allowed */
	char checked[64];              /* how packages were checked, in words */
	uint64_t bytes;                /* of bodies and messages received */
};

struct tally {
	struct part parts[PARTS_MAX];
	uint64_t failures[FAILURE_MAX];
	char detail[FAILURE_MAX][256]; /* of the first one */
	/* by the worker that the context was on; the last one: arrivals that got no context */
	uint64_t failed_on[METRICS_WORKERS_MAX + 1];
	uint64_t datagrams_in, datagrams_out;
	uint64_t dropped;   /* that were to be sent and could not */
	uint64_t lost;      /* that came while a receive buffer of the generator was full */
	double cpu_seconds; /* of the generator */
	tick_t last_up;     /* of the present wave, like those below; NEVER: none yet */
	tick_t talk_first, talk_last;
};

void tally_init(struct tally *t);
/* A new wave begins. */
void tally_begin_wave(struct tally *t);
/* `context_id` begins with the number of the worker it is on; "": there was no context. */
void tally_fail(
	struct tally *t, unsigned part, enum failure f, const char *context_id, const char *detail);
void tally_add(struct tally *into, const struct tally *from);
/* All parts in one. */
void tally_sum(const struct tally *t, struct part *out);
