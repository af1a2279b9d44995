/* plot.h: curves as SVG, without any help from outside the page, in its light and its dark form. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#define PLOT_CURVES_MAX 6

struct plot_point {
	double x, y;
};

struct plot_curve {
	const char *name;
	const struct plot_point *points;
	unsigned count;
};

struct plot {
	const char *title;
	const char *x_unit, *y_unit; /* "": none */
	bool nines; /* x is a share below 1, and 0.9, 0.99, 0.999 are equally far apart */
	struct plot_curve curves[PLOT_CURVES_MAX];
	unsigned count;
};

/* What the page's style has to contain. */
extern const char plot_style[];

/* Nothing at all when no curve has two points. */
void plot_write(FILE *f, const struct plot *p);
/* As page text: <, > and & are written so that they show. */
void plot_text(FILE *f, const char *text);
/* A number that is at least `v` and looks well at the end of an axis: its quarters do, too */
double plot_round_up(double v);
/* How far along the axis of nines a share is: 0 for none, 1 for 0.9, 2 for 0.99. */
double plot_nines(double share);
