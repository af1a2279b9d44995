/* report.h: what a run did, what that cost the gateway, and the same told as text, JSON and a page. */
#pragma once

#include "tools/load/plan.h"
#include "tools/load/tally.h"

/* One wave, and the gateway before, during and after it. */
struct wave {
	double seconds; /* first arrival to last context deleted */
	uint64_t begun, failed, peak;
	bool clean; /* every object gauge of the gateway was back to zero in time */
	struct metrics before, up, worked, after; /* up, worked: with --together only */
	tick_t went;                              /* with --together: when the work began, */
	double work_seconds;                      /* and how long it took */
	uint64_t set_ups, messages;               /* of this wave: handshakes, messages received */
};

/* One look at everything while the run goes on. */
struct sample {
	double at;                        /* seconds from the beginning of the run */
	double cpu_seconds, memory_bytes; /* of all workers; 0: not known */
	uint64_t up, set_ups, messages, bytes;
};

#define SAMPLES_MAX \
	2400 /* beyond, every second one is dropped, and half as many are taken from then on */

struct report {
	const struct plan *plan;
	struct tally tally;
	struct part sum; /* of all parts */
	uint64_t peak_up;
	double set_up_seconds; /* first arrival due to last channel open, over all waves */
	double talk_seconds;   /* first message to last, over all waves */
	double seconds;
	double busiest_cpu_seconds; /* of the process of the generator that used most */
	uint64_t udp_overflows;     /* of this host while it ran */
	struct wave waves[LOAD_WAVES_MAX];
	unsigned wave_count;
	struct sample samples[SAMPLES_MAX];
	unsigned sample_count;
	double worker_memory_peak[METRICS_WORKERS_MAX]; /* the most that was seen of each */
	double memory_before, memory_peak;              /* of all together */
	unsigned worker_count;
	const char *gave_up; /* why it ended early; NULL: it did not */
};

/* What the gateway spent. Negative: not known. */
struct cost {
	double cpu_seconds; /* all in all */
	double set_up_us; /* CPU of a handshake with its ICE, SCTP and first channels; with --together without the work */
	double message_us; /* CPU of a message; with --together without set-up */
	double packet_us;  /* CPU of a datagram received or sent */
	double work_share; /* of a core, while everybody was at work, or idle; with --together */
	double leg_bytes;  /* memory of a connected leg or splice, with --together */
};

void report_cost(const struct report *r, struct cost *out);
double report_set_ups_a_second(const struct report *r);
double report_messages_a_second(const struct report *r);
double report_bytes_a_second(const struct report *r); /* of messages */
double report_own_load(const struct report *r);       /* of the busiest process: 1 is a core */
/* What the workers may have grown by, bytes; 0: any. */
double report_memory_bound(const struct report *r);
/*
 * What the workers held after the last wave more than after the first (which fills their caches), bytes. False: there was one wave, or
 * nobody knows.
 */
bool report_growth(const struct report *r, double *out);
bool report_is_within_bound(const struct report *r);
/* A plain sentence when the generator, not the gateway, set the limit; NULL otherwise. */
const char *report_bottleneck(const struct report *r);

extern const double report_percents[];
extern const unsigned report_percent_count;

void report_print(const struct report *r);
/* False: the file could not be written; why was printed. */
bool report_save_json(const struct report *r, const char *path);
bool report_save_html(const struct report *r, const char *path);
