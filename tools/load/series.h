/* series.h: what a run did over its time, as curves of its samples. */
#pragma once

#include "tools/load/plot.h"
#include "tools/load/report.h"

enum series {
#define SERIES(name, words, unit) SERIES_##name,
#include "tools/load/series.def"
#undef SERIES
	SERIES_MAX
};

/* One run among those that are plotted together. */
struct series_of {
	const char *name; /* "": there is only one */
	const struct sample *samples;
	unsigned count; /* SAMPLES_MAX at most */
};

#define SERIES_RUNS_MAX 2

/* One plot with a curve of each run; nothing where nothing happened in any of them. */
void series_write(FILE *f, enum series s, const struct series_of *runs, unsigned run_count);
