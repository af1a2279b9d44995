/* series.c: what a run did over its time, as curves of its samples. */
#include "tools/load/series.h"

#define MIB 1048576.0

static const struct {
	const char *words, *unit;
} rows[SERIES_MAX] = {
#define SERIES(name, words, unit) { words, unit },
#include "tools/load/series.def"
#undef SERIES
};

/* What grew between a sample and the one before, a second. */
static double rate(double from, double to, double seconds)
{
	return seconds > 0 && to >= from ? (to - from) / seconds : 0;
}

static double value_at(enum series s, const struct sample *a, const struct sample *b)
{
	double t = b->at - a->at;

	switch (s) {
	case SERIES_MESSAGES: return rate((double)a->messages, (double)b->messages, t);
	case SERIES_MEGABYTES: return rate((double)a->bytes, (double)b->bytes, t) / 1e6;
	case SERIES_HANDSHAKES: return rate((double)a->set_ups, (double)b->set_ups, t);
	case SERIES_UP: return (double)b->up;
	case SERIES_MEMORY: return b->memory_bytes / MIB;
	case SERIES_CPU: return 100 * rate(a->cpu_seconds, b->cpu_seconds, t);
	case SERIES_MAX: break;
	}
	return 0;
}

void series_write(FILE *f, enum series s, const struct series_of *runs, unsigned run_count)
{
	static struct plot_point room[SERIES_RUNS_MAX][SAMPLES_MAX];
	struct plot p = { .title = rows[s].words, .x_unit = "seconds", .y_unit = rows[s].unit };
	double most = 0;

	for (; p.count < run_count; p.count++) {
		const struct series_of *run = &runs[p.count];
		struct plot_point *points = room[p.count];
		unsigned count = 0;

		for (unsigned i = 1; i < run->count; i++) {
			const struct sample *b = &run->samples[i];

			points[count] = (struct plot_point){ b->at, value_at(s, b - 1, b) };
			if (points[count].y > most)
				most = points[count].y;
			count++;
		}
		p.curves[p.count] =
			(struct plot_curve){ .name = run->name, .points = points, .count = count };
	}
	if (most > 0)
		plot_write(f, &p);
}
