/*
 * page.h: what a subscriber sees of the catalog: the menu as HTML, the list
 * as phones in the field expect it.
 */
#pragma once

#include "tools/dcsf/catalog.h"

/* Terminated texts, freed with free(); NULL: out of memory. */
char *page_menu(const struct app *const *apps, size_t count, const char *subscriber);
/* Applications begin..begin+count of those given; `begin` beyond the end gives an empty list. */
char *page_list(const struct app *const *apps, size_t total, size_t begin, size_t count);
