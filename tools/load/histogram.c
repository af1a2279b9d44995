/* histogram.c: a log-linear histogram of microseconds. */
#include "tools/load/histogram.h"

/*
 * Values below HISTOGRAM_SUB have a cell each. Above, an octave [2^k, 2^(k+1))
 * is cut into HISTOGRAM_SUB equal steps: the cell is named by the octave and
 * the bits that follow the highest one.
 */
static unsigned cell_of(uint64_t us)
{
	unsigned shift = 0, cell;

	while (us >> shift >= 2 * HISTOGRAM_SUB)
		shift++;
	cell = us < HISTOGRAM_SUB ? (unsigned)us : shift * HISTOGRAM_SUB + (unsigned)(us >> shift);
	return cell < HISTOGRAM_CELLS ? cell : HISTOGRAM_CELLS - 1;
}

int64_t histogram_cell_top(unsigned cell)
{
	unsigned shift;

	if (cell < 2 * HISTOGRAM_SUB)
		return cell;
	shift = cell / HISTOGRAM_SUB - 1;
	return ((int64_t)(cell - shift * HISTOGRAM_SUB + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, int64_t us)
{
	if (us < 0)
		us = 0;
	h->cell[cell_of((uint64_t)us)]++;
	h->min = h->count == 0 || us < h->min ? us : h->min;
	h->max = us > h->max ? us : h->max;
	h->sum += us;
	h->count++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (from->count == 0)
		return;
	for (unsigned i = 0; i < HISTOGRAM_CELLS; i++)
		into->cell[i] += from->cell[i];
	into->min = into->count == 0 || from->min < into->min ? from->min : into->min;
	into->max = from->max > into->max ? from->max : into->max;
	into->sum += from->sum;
	into->count += from->count;
}

int64_t histogram_percentile(const struct histogram *h, double percent)
{
	double wanted = (double)h->count * percent / 100;
	uint64_t seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_CELLS && h->count > 0; i++) {
		seen += h->cell[i];
		if (seen > 0 && (double)seen >= wanted)
			return histogram_cell_top(i) < h->max ? histogram_cell_top(i) : h->max;
	}
	return h->max;
}

int64_t histogram_mean(const struct histogram *h)
{
	return h->count > 0 ? h->sum / (int64_t)h->count : 0;
}
