/*
 * figure.h: what the programs of this folder share: processor time, counted instructions, and the lines they print.
 *
 *     figure_init(&f, argc, argv)        --rounds N
 *     while (figure_round(&f)) {
 *             clock = cpu_begin(); ...; figure_add(&f, "name", cpu_end(clock), count);
 *     }
 *     figure_print(&f)                   a line a name: name, unit, min, median, max of the rounds
 *
 * Under callgrind, started with --collect-atstart=no, instructions are counted between cpu_begin() and
 * cpu_end() alone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FIGURES_MAX 16
#define ROUNDS_MAX  64

struct figure {
	const char *name;
	double value[ROUNDS_MAX]; /* ns of processor time for each of what was counted */
	unsigned count;
	uint64_t units; /* of all rounds */
};

struct figures {
	unsigned rounds, round;
	struct figure at[FIGURES_MAX];
	unsigned used;
};

/* Takes --rounds N (5 if not given) off argv; the rest is left for the caller. */
void figure_init(struct figures *f, int *argc, char **argv);
/* Is it among the names on the command line, or are there none? */
bool figure_is_wanted(int argc, char **argv, const char *name);
bool figure_round(struct figures *f);
/* `ns` of processor time were spent on `units`. */
void figure_add(struct figures *f, const char *name, int64_t ns, uint64_t units);
void figure_print(struct figures *f);

/* Processor time of this thread, and instructions from here on. */
int64_t cpu_begin(void);
/* ns since `begin`; and no more instructions. */
int64_t cpu_end(int64_t begin);
/* To the processor with this number, if there is one; the others do not matter. */
void cpu_pin(unsigned number);
