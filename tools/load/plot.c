/* plot.c: curves as SVG. */
#include "tools/load/plot.h"

#define WIDTH  640.0
#define HEIGHT 240.0
#define LEFT   70.0 /* room for the words of the axis */
#define TOP    12.0
#define TICKS  5
#define NINES  4.0 /* 0.9999 at the most */

/* Light and dark pages: curves name their class, and what is drawn takes the colour of that. */
const char plot_style[] =
	":root{color-scheme:light dark}svg{width:100%;height:auto}svg text{fill:currentColor}"
	".grid{stroke:currentColor;stroke-opacity:.2}.names span{margin-right:1.5em}"
	".c0{color:#06c}.c1{color:#c40}.c2{color:#080}.c3{color:#808}.c4{color:#a80}.c5{color:#088}"
	"@media(prefers-color-scheme:dark){.c0{color:#6af}.c1{color:#f95}.c2{color:#6d6}.c3{color:"
	"#d8f}.c4{color:#fc4}.c5{color:#5dd}}";

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
	static const double steps[] = { 1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10 };
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

static double x_of(const struct plot *p, const struct plot_point *at)
{
	return p->nines ? plot_nines(at->x) : at->x;
}

/* Whole nines: as many as the curves reach. */
static double round_up_nines(double most)
{
	double nines = 1;

	while (nines < most && nines < NINES)
		nines++;
	return nines;
}

static void range(const struct plot *p, double *x_max, double *y_max)
{
	*x_max = *y_max = 0;
	for (unsigned c = 0; c < p->count; c++) {
		for (unsigned i = 0; i < p->curves[c].count; i++) {
			const struct plot_point *at = &p->curves[c].points[i];

			if (x_of(p, at) > *x_max)
				*x_max = x_of(p, at);
			if (at->y > *y_max)
				*y_max = at->y;
		}
	}
	*y_max = plot_round_up(*y_max);
	*x_max = p->nines ? round_up_nines(*x_max) : plot_round_up(*x_max);
}

static void write_y_axis(FILE *f, double y_max)
{
	for (unsigned i = 0; i < TICKS; i++) {
		double part = i / (TICKS - 1.0), y = TOP + HEIGHT * (1 - part);

		fprintf(f, "<line x1='%.0f' x2='%.0f' y1='%.1f' y2='%.1f' class=grid />", LEFT,
			LEFT + WIDTH, y, y);
		fprintf(f, "<text x='%.0f' y='%.1f' text-anchor='end'>%.10g</text>", LEFT - 6,
			y + 4, y_max * part);
	}
}

static void write_x_axis(FILE *f, const struct plot *p, double x_max)
{
	static const char *const shares[] = { "0", "90 %", "99 %", "99.9 %", "99.99 %" };
	unsigned ticks = p->nines ? (unsigned)x_max + 1 : TICKS;

	for (unsigned i = 0; i < ticks; i++) {
		double part = i / (ticks - 1.0);

		fprintf(f, "<text x='%.1f' y='%.0f' text-anchor='middle'>", LEFT + WIDTH * part,
			TOP + HEIGHT + 18);
		if (p->nines)
			plot_text(f, shares[i]);
		else
			fprintf(f, "%.10g", x_max * part);
		fputs("</text>", f);
	}
	fprintf(f, "<text x='%.0f' y='%.0f' text-anchor='end'>", LEFT + WIDTH, TOP + HEIGHT + 36);
	plot_text(f, p->x_unit);
	fputs("</text>", f);
}

static void write_curve(FILE *f, const struct plot *p, unsigned c, double x_max, double y_max)
{
	const struct plot_curve *curve = &p->curves[c];

	fprintf(f,
		"<polyline class=c%u fill='none' stroke='currentColor' stroke-width='2' points='",
		c);
	for (unsigned i = 0; i < curve->count; i++) {
		const struct plot_point *at = &curve->points[i];

		fprintf(f, "%.1f,%.1f ", LEFT + WIDTH * x_of(p, at) / x_max,
			TOP + HEIGHT * (1 - at->y / y_max));
	}
	fputs("'/>", f);
}

static bool is_drawn(const struct plot_curve *c)
{
	return c->count > 1;
}

/* Above the plot, where no curve can run through them. */
static void write_names(FILE *f, const struct plot *p)
{
	fputs("<p class=names>", f);
	for (unsigned c = 0; c < p->count; c++) {
		if (!is_drawn(&p->curves[c]) || p->curves[c].name[0] == '\0')
			continue;
		fprintf(f, "<span class=c%u>&#9632; ", c);
		plot_text(f, p->curves[c].name);
		fputs("</span>", f);
	}
	fputs("</p>", f);
}

static void write_title(FILE *f, const struct plot *p)
{
	fputs("<h2>", f);
	plot_text(f, p->title);
	if (p->y_unit[0] != '\0')
		fputs(", ", f);
	plot_text(f, p->y_unit);
	fputs("</h2>", f);
}

void plot_write(FILE *f, const struct plot *p)
{
	double x_max, y_max;
	bool any = false;

	for (unsigned c = 0; c < p->count; c++)
		any |= is_drawn(&p->curves[c]);
	if (!any)
		return;
	range(p, &x_max, &y_max);
	write_title(f, p);
	write_names(f, p);
	fprintf(f, "<svg viewBox='0 0 %.0f %.0f' font-size='12'>", LEFT + WIDTH + 30,
		TOP + HEIGHT + 42);
	write_y_axis(f, y_max);
	write_x_axis(f, p, x_max);
	for (unsigned c = 0; c < p->count; c++)
		if (is_drawn(&p->curves[c]))
			write_curve(f, p, c, x_max, y_max);
	fputs("</svg>\n", f);
}
