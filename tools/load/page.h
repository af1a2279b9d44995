/* page.h: what the generator's pages have in common: how they look, and how they are saved. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Without that of plots. Of a table of class "words" the last column is text. */
extern const char page_style[];

/* False: the file could not be written; why was printed. */
bool page_save(const char *path, void (*put)(FILE *f, const void *what), const void *what);
