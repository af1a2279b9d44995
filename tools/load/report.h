/* report.h: what happened, counted, and told as text, JSON and a page. */
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

const char *failure_words(enum failure f);

/* What is measured of a UE, each in microseconds. */
enum measure {
	MEASURE_ANSWER, /* offer to answer, over the control socket */
	MEASURE_SECURE, /* answer to DTLS connected, ICE included */
	MEASURE_OPEN,   /* DTLS connected to channel open */
	/* When the arrival was due to channel open: the generator's own delay counts. */
	MEASURE_SET_UP,
	MEASURE_LIST, /* request to complete response */
	MEASURE_PACKAGE,
	MEASURE_LATE, /* when the arrival was due to when it began: the generator's own delay */
	MEASURE_MAX
};

const char *measure_words(enum measure m);

/* One wave, with the gateway as it was after it. */
struct wave {
	double seconds; /* first arrival to last context deleted */
	unsigned ues, failed, peak;
	bool clean; /* every object gauge of the gateway was back to zero in time */
	struct metrics after;
};

#define WAVES_MAX 256

struct report {
	const struct options *options;
	struct histogram measure[MEASURE_MAX];
	uint64_t failures[FAILURE_MAX];
	char detail[FAILURE_MAX][256]; /* of the first one */
	/* by the worker that the context was on; the last one: UEs that got no context */
	unsigned failed_on[METRICS_WORKERS_MAX + 1];
	unsigned ues, finished, failed, up, peak_up;
	unsigned ice_ues;
	uint64_t handshakes, lists, packages, not_modified;
	uint64_t bytes_in; /* of bodies */
	uint64_t datagrams_in, datagrams_out, dropped;
	double set_up_seconds; /* first arrival due to last channel open, over all waves */
	double seconds, cpu_seconds;
	uint64_t udp_overflows; /* of this host while it ran */
	struct wave waves[WAVES_MAX];
	unsigned wave_count;
	struct metrics before;
	const char *checked; /* how packages were checked, in words */
};

/* `context_id` begins with the number of the worker it is on; "": the UE had no context. */
void report_fail(struct report *r, enum failure f, const char *context_id, const char *detail);
void report_measure(struct report *r, enum measure m, tick_t from, tick_t to);

void report_print(const struct report *r);
/* False: the file could not be written; why was printed. */
bool report_save_json(const struct report *r, const char *path);
bool report_save_html(const struct report *r, const char *path);
/* A plain sentence when the generator, not the gateway, set the limit; NULL otherwise. */
const char *report_bottleneck(const struct report *r);
