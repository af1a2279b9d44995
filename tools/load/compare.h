/* compare.h: two reports beside one another. */
#pragma once

#include <stdbool.h>

/* Prints the figures that both have, and how far the second is from the first. False: why not was printed. */
bool compare_reports(const char *path_a, const char *path_b);
