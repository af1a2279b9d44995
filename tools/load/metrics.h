/*
 * metrics.h: what is read from outside: the gateway's /metrics, a package
 * fetched directly, this host's own counters.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METRICS_WORKERS_MAX 64

struct metrics {
	bool known;
	unsigned workers;
	double cpu_seconds[METRICS_WORKERS_MAX];
	double memory_bytes[METRICS_WORKERS_MAX];
	double datagrams; /* received and sent */
	double media;     /* legs and splices that exist */
	double objects;   /* sum of the gauges that have to be zero when nobody is there */
	char busiest[64]; /* one of them that is not zero */
};

/* A GET that waits. mem_alloc'ed body with an end; NULL: why was printed. */
char *http_get_body(const char *url, size_t *len);

/* False: why was printed. */
bool metrics_read(const char *url, struct metrics *out);
void metrics_parse(const char *text, struct metrics *out);
double metrics_cpu(const struct metrics *m);
double metrics_memory(const struct metrics *m);

/* UDP datagrams this host dropped because a receive buffer was full. */
uint64_t host_udp_overflows(void);
