/*
 * compare.h: two reports beside one another: the figures that both have.
 *
 *     compare_open(&c, "a.json", "b.json"); compare_print(&c); compare_save_html(&c, "page.html"); compare_close(&c);
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#define COMPARED_MAX 512 /* figures: some, and four of each time in each part */

struct compared {
	char words[80];
	double a, b;
};

struct comparison {
	const char *paths[2];
	json_t *reports[2];
	struct compared figures[COMPARED_MAX];
	unsigned count;
};

/* False: what is wrong was printed, and there is nothing to close. */
bool compare_open(struct comparison *c, const char *path_a, const char *path_b);
void compare_close(struct comparison *c);
/* What a report is of. */
const char *compare_scenario(const json_t *report);
/* The part of B that part `i` of A is compared with; NULL: none. */
const json_t *compare_part(const struct comparison *c, unsigned i);

void compare_print(const struct comparison *c);
/* The same as a page, with curves of both over percentiles and time. False: why not was printed. */
bool compare_save_html(const struct comparison *c, const char *path);
