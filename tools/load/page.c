/* page.c: what the generator's pages have in common: how they look, and how they are saved. */
#include "tools/load/page.h"

#include <errno.h>
#include <string.h>

const char page_style[] =
	"body{font:15px/1.5 sans-serif;max-width:52em;margin:2em auto;padding:0 1em}"
	"table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right;"
	"border-bottom:1px solid #8886}"
	"td:first-child,th:first-child,.words td:last-child,.words th:last-child{text-align:left}"
	".bad{color:#b00}@media(prefers-color-scheme:dark){.bad{color:#f77}}";

bool page_save(const char *path, void (*put)(FILE *f, const void *what), const void *what)
{
	FILE *f = fopen(path, "w");
	bool ok = f != NULL;

	if (ok) {
		put(f, what);
		ok = !ferror(f);
		ok = fclose(f) == 0 && ok;
	}
	if (!ok)
		fprintf(stderr, "dcmf-load: %s could not be written: %s\n", path, strerror(errno));
	return ok;
}
