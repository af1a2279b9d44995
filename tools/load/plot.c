/* plot.c: curves as SVG. */
#include "tools/load/plot.h"

#define WIDTH  640.0
#define HEIGHT 240.0
#define LEFT   70.0 /* room for the words of the axis */
#define TOP    12.0
#define TICKS  5
#define NINES  4.0 /* up to 0.9999 */

static const char *const colours[PLOT_CURVES_MAX] = { "#06c", "#c40", "#080", "#808", "#a80",
	"#088" };

void plot_text(FILE *f, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '<' || *text == '>' || *text == '&')
			fprintf(f, "&#%d;", *text);
		else
			fputc(*text, f);
	}
}

double plot_round_up(double v)
{
	static const double steps[] = { 1, 2, 2.5, 5, 10 };
	double unit = 1;

	if (!(v > 0))
		return 1;
	while (unit * 10 < v)
		unit *= 10;
	while (unit > v)
		unit /= 10;
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i] * unit >= v)
			return steps[i] * unit;
	return 10 * unit;
}

/* The logarithm to base 10 of 1 / (1 - share), by halving; the C library's would need one more library. */
double plot_nines(double share)
{
	double rest = 1 - share, nines = 0, root = 0.1, step = 1;

	if (rest <= 0)
		return NINES;
	while (rest <= 0.1 && nines < NINES) {
		rest *= 10;
		nines++;
	}
	/* rest is in (0.1, 1]: the remaining fraction, bit by bit */
	for (unsigned i = 0; i < 20; i++) {
		double low = 0, high = 1;

		for (unsigned k = 0; k < 40; k++) { /* root = sqrt(root) */
			double mid = (low + high) / 2;

			if (mid * mid < root)
				low = mid;
			else
				high = mid;
		}
		root = high;
		step /= 2;
		if (rest <= root) {
			rest /= root;
			nines += step;
		}
	}
	return nines < NINES ? nines : NINES;
}

/* ---- axes ---- */

static void range(const struct plot *p, double *x_max, double *y_max)
{
	*x_max = p->nines ? NINES : 0;
	*y_max = 0;
	for (unsigned c = 0; c < p->count; c++) {
		for (unsigned i = 0; i < p->curves[c].count; i++) {
			const struct plot_point *at = &p->curves[c].points[i];

			if (!p->nines && at->x > *x_max)
				*x_max = at->x;
			if (at->y > *y_max)
				*y_max = at->y;
		}
	}
	*y_max = plot_round_up(*y_max);
	if (!p->nines)
		*x_max = plot_round_up(*x_max);
}

static void write_grid(FILE *f, const struct plot *p, double x_max, double y_max)
{
	static const char *const shares[] = { "0", "90 %", "99 %", "99.9 %", "99.99 %" };

	for (unsigned i = 0; i < TICKS; i++) {
		double part = i / (TICKS - 1.0), y = TOP + HEIGHT * (1 - part),
		       x = LEFT + WIDTH * part;

		fprintf(f, "<line x1='%.0f' x2='%.0f' y1='%.1f' y2='%.1f' stroke='#ddd'/>", LEFT,
			LEFT + WIDTH, y, y);
		fprintf(f, "<text x='%.0f' y='%.1f' text-anchor='end'>%g</text>", LEFT - 6, y + 4,
			y_max * part);
		fprintf(f, "<text x='%.1f' y='%.0f' text-anchor='middle'>", x, TOP + HEIGHT + 18);
		if (p->nines)
			plot_text(f, shares[i]);
		else
			fprintf(f, "%.3g", x_max * part);
		fputs("</text>", f);
	}
	fprintf(f, "<text x='%.0f' y='%.0f' text-anchor='end'>", LEFT + WIDTH, TOP + HEIGHT + 36);
	plot_text(f, p->x_unit);
	fputs("</text>", f);
}

static void write_curve(FILE *f, const struct plot *p, unsigned c, double x_max, double y_max)
{
	const struct plot_curve *curve = &p->curves[c];

	fprintf(f, "<polyline fill='none' stroke='%s' stroke-width='2' points='", colours[c]);
	for (unsigned i = 0; i < curve->count; i++) {
		double x = curve->points[i].x;

		x = (p->nines ? plot_nines(x) : x) / x_max;
		fprintf(f, "%.1f,%.1f ", LEFT + WIDTH * x,
			TOP + HEIGHT * (1 - curve->points[i].y / y_max));
	}
	fputs("'/>", f);
	fprintf(f, "<text x='%.0f' y='%.0f' fill='%s'>", LEFT + 12, TOP + 16.0 + 16 * c,
		colours[c]);
	plot_text(f, curve->name);
	fputs("</text>", f);
}

void plot_write(FILE *f, const struct plot *p)
{
	double x_max, y_max;
	bool any = false;

	for (unsigned c = 0; c < p->count; c++)
		any |= p->curves[c].count > 1;
	if (!any)
		return;
	range(p, &x_max, &y_max);
	fputs("<h2>", f);
	plot_text(f, p->title);
	fputs(", ", f);
	plot_text(f, p->y_unit);
	fprintf(f, "</h2><svg viewBox='0 0 %.0f %.0f' font-size='12'>", LEFT + WIDTH + 30,
		TOP + HEIGHT + 42);
	write_grid(f, p, x_max, y_max);
	for (unsigned c = 0; c < p->count; c++)
		if (p->curves[c].count > 1)
			write_curve(f, p, c, x_max, y_max);
	fputs("</svg>\n", f);
}
