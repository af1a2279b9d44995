/*
 * histogram.h: a log-linear histogram of microseconds: every value within
 * 1/32 of itself, from 1 us to days.
 */
#pragma once

#include <stdint.h>

#define HISTOGRAM_SUB     32 /* steps an octave */
#define HISTOGRAM_OCTAVES 40
#define HISTOGRAM_CELLS   (HISTOGRAM_SUB * HISTOGRAM_OCTAVES)

/* Zeroed is empty. */
struct histogram {
	uint64_t cell[HISTOGRAM_CELLS];
	uint64_t count;
	int64_t min, max, sum;
};

void histogram_add(struct histogram *h, int64_t us); /* below 0 counts as 0 */
void histogram_merge(struct histogram *into, const struct histogram *from);
/*
 * The value that `percent` of the values do not exceed, rounded up to the end of its
 * cell and never above max; 0 when empty.
 */
int64_t histogram_percentile(const struct histogram *h, double percent);
int64_t histogram_mean(const struct histogram *h);
/* The largest value that falls into a cell. */
int64_t histogram_cell_top(unsigned cell);
