/* figure.c: processor time, counted instructions, and the lines that tell of them. */
#include "tests/bench/figure.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_CALLGRIND
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_TOGGLE_COLLECT
#endif

static int64_t thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t cpu_begin(void)
{
	int64_t now = thread_ns();

	CALLGRIND_TOGGLE_COLLECT;
	return now;
}

int64_t cpu_end(int64_t begin)
{
	CALLGRIND_TOGGLE_COLLECT;
	return thread_ns() - begin;
}

void cpu_pin(unsigned number)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(number % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

void figure_init(struct figures *f, int *argc, char **argv)
{
	*f = (struct figures){ .rounds = 5 };
	if (*argc < 3 || strcmp(argv[1], "--rounds") != 0)
		return;
	f->rounds = (unsigned)strtoul(argv[2], NULL, 10);
	if (f->rounds < 1 || f->rounds > ROUNDS_MAX) {
		fprintf(stderr, "--rounds: 1 to %d\n", ROUNDS_MAX);
		exit(2);
	}
	memmove(argv + 1, argv + 3, (size_t)(*argc - 2) * sizeof(*argv));
	*argc -= 2;
}

bool figure_is_wanted(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc < 2;
}

bool figure_round(struct figures *f)
{
	return f->round++ < f->rounds;
}

static struct figure *figure_of(struct figures *f, const char *name)
{
	for (unsigned i = 0; i < f->used; i++)
		if (strcmp(f->at[i].name, name) == 0)
			return &f->at[i];
	if (f->used == FIGURES_MAX)
		abort();
	f->at[f->used].name = name;
	return &f->at[f->used++];
}

void figure_add(struct figures *f, const char *name, int64_t ns, uint64_t units)
{
	struct figure *at = figure_of(f, name);

	if (at->count == ROUNDS_MAX || units == 0)
		abort();
	at->value[at->count++] = (double)ns / (double)units;
	at->units += units;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void figure_print(struct figures *f)
{
	for (unsigned i = 0; i < f->used; i++) {
		struct figure *at = &f->at[i];

		qsort(at->value, at->count, sizeof(double), by_value);
		printf("%-28s ns  min %10.1f  median %10.1f  max %10.1f  counted %llu\n", at->name,
			at->value[0], at->value[at->count / 2], at->value[at->count - 1],
			(unsigned long long)at->units);
	}
	fflush(stdout);
}
