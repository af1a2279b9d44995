/* plan.h: what a run consists of: one scenario, or several of them with shares. */
#pragma once

#include "tools/load/options.h"

struct plan {
	enum scenario scenario; /* that was asked for: idle, churn and mix are made of others */
	struct options all;     /* what concerns the whole run */
	struct options parts[PARTS_MAX];
	double shares[PARTS_MAX];
	unsigned count;
	const char *compare[2]; /* reports to compare instead; NULL: run */
};

/* False: what is wrong, and how to get help, was printed. */
bool plan_parse(struct plan *p, int argc, char **argv);
/* The part that an arrival belongs to: evenly mixed, the same in every run. */
unsigned plan_part(const struct plan *p, unsigned index);
/* UEs of one arrival, of the part that brings most. */
unsigned plan_ues(const struct plan *p);
/* Sockets that one process may need at once. */
unsigned long plan_sockets(const struct plan *p);
/* Everybody of a wave will be there at the same time, whatever the gateway does. */
bool plan_is_all_at_once(const struct plan *p);
bool plan_needs_gateway(const struct plan *p);
/* "UEs" or "pairs": what arrives. */
const char *plan_noun(const struct plan *p);
