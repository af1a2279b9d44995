/* page.c: what a subscriber sees of the catalog. */
#include "tools/dcsf/page.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const char menu_head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, "
	"initial-scale=1\">\n<title>Applications</title>\n<style>\n"
	":root { color-scheme: light dark; --line: #8884; --accent: #2563eb; }\n"
	"body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 34rem; padding: "
	"1.5rem; }\n"
	"h1 { font-size: 1.25rem; margin: 0 0 1rem; }\n"
	"ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .75rem; }\n"
	"a { display: block; padding: .9rem 1rem; border: 1px solid var(--line); border-radius: "
	".75rem; color: inherit;"
	" text-decoration: none; }\n"
	"a:hover, a:focus { border-color: var(--accent); }\n"
	"b { color: var(--accent); } small { display: block; opacity: .7; }\n"
	"</style>\n</head>\n<body>\n";

/* Text from a file of the operator's is still only text. */
static void put_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		case '"': fputs("&quot;", out); break;
		default: fputc(*text, out);
		}
	}
}

/* '+' means a blank in a query; nothing else of a name needs care. */
static void put_query_value(FILE *out, const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name == '+')
			fputs("%2B", out);
		else
			fputc(*name, out);
	}
}

char *page_menu(const struct app *const *apps, size_t count, const char *subscriber)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	fputs(menu_head, out);
	fputs("<h1>Applications", out);
	if (subscriber[0] != '\0') {
		fputs(" for ", out);
		put_text(out, subscriber);
	}
	fputs("</h1>\n<ul>\n", out);
	for (size_t i = 0; i < count; i++) {
		fputs("<li><a href=\"applications?appid=", out);
		put_query_value(out, apps[i]->id);
		fputs("\"><b>", out);
		put_text(out, apps[i]->name);
		fputs("</b><small>", out);
		put_text(out, apps[i]->description);
		fputs("</small></a></li>\n", out);
	}
	fputs(count > 0 ? "</ul>\n" : "</ul>\n<p>There is nothing here for you yet.</p>\n", out);
	fputs("</body>\n</html>\n", out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static json_t *entry(const struct app *a)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:s, s:b, s:s, s:s, s:i, s:s, s:s, s:I}",
		"appid", a->id, "appName", a->name, "appIcon", a->icon, "autolaunch", a->autolaunch,
		"autoload", a->autoload, "etag", a->etag, "ifWorkWithoutPeerDC",
		a->works_without_peer, "phase", a->phase, "qos-hint", a->qos_hint, "supportScene",
		a->scene, "version", a->version, "description", a->description, "size",
		(json_int_t)a->package->size);
}

char *page_list(const struct app *const *apps, size_t total, size_t begin, size_t count)
{
	json_t *list = json_array(), *whole;
	char *text;

	for (size_t i = begin; i < total && i - begin < count; i++)
		json_array_append_new(list, entry(apps[i]));
	whole = json_pack("{s:I, s:o, s:I, s:I}", "appNum", (json_int_t)json_array_size(list),
		"applications", list, "beginIndex", (json_int_t)begin, "totalAppNum",
		(json_int_t)total);
	text = whole != NULL ? json_dumps(whole, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
	json_decref(whole);
	return text;
}
