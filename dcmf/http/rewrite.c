/* rewrite.c: from the target a phone sent to the URL of its root, and back. */
#include "dcmf/base/alloc.h"
#include "dcmf/http/http.h"
#include "dcmf/http/text.h"

/* What is legal nowhere in a URL though phones send it raw: everything else is left as it came. */
static bool wants_encoding(uint8_t c)
{
	return c >= 0x80 || strchr("\"<>^`{|}", c) != NULL;
}

static void put_encoded(struct wr *w, struct span s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (!wants_encoding(c)) {
			wr_u8(w, c);
			continue;
		}
		wr_u8(w, '%');
		wr_u8(w, (uint8_t)hex[c >> 4]);
		wr_u8(w, (uint8_t)hex[c & 15]);
	}
}

static struct span without_last_slash(struct span path)
{
	if (path.len > 0 && path.p[path.len - 1] == '/')
		path.len--;
	return path;
}

/*
 * Cuts scheme and authority off an absolute-form target. Phones send "http:/path" too, which by the
 * letter has no authority; "http://host" and "http://host?query" mean its root.
 */
static struct span cut_origin(struct span target)
{
	size_t n = 0;

	if (text_starts_nocase(target, SPAN_LIT("http:")))
		target = span_skip(target, 5);
	else if (text_starts_nocase(target, SPAN_LIT("https:")))
		target = span_skip(target, 6);
	else
		return target;
	if (!span_starts(target, SPAN_LIT("//")))
		return target;
	target = span_skip(target, 2);
	while (n < target.len && target.p[n] != '/' && target.p[n] != '?')
		n++;
	return n < target.len ? span_skip(target, n) : SPAN_LIT("/");
}

/* Joined: "/" is the base itself; a query of the base stays in front. */
static void put_url(struct wr *w, const struct http_url *base, struct span path, struct span query)
{
	bool is_root = path.len <= 1;

	wr_span(w, base->https ? SPAN_LIT("https://") : SPAN_LIT("http://"));
	wr_span(w, base->authority);
	wr_span(w, is_root ? base->path : without_last_slash(base->path));
	if (!is_root)
		put_encoded(w, path);
	else if (base->path.len == 0)
		wr_u8(w, '/');
	if (base->query.len > 0 || query.len > 0)
		wr_u8(w, '?');
	wr_span(w, base->query);
	if (base->query.len > 0 && query.len > 0)
		wr_u8(w, '&');
	put_encoded(w, query);
}

static enum err check_target(struct span path, struct span query)
{
	char scratch[HTTP_TARGET_MAX];

	if (path.len > 0 && path.p[0] != '/')
		return ERR_MALFORMED;
	if (!text_is_url_part(path) || !text_is_url_part(query) ||
		(query.len > 0 && memchr(query.p, '\\', query.len) != NULL))
		return ERR_MALFORMED;
	return text_path_climbs(path, scratch) ? ERR_MALFORMED : ERR_OK;
}

enum err http_rewrite_target(struct span base, struct span target, char **url)
{
	struct http_url b;
	struct span path, query;
	size_t room;
	bool has_query;
	enum err e;

	if (target.len > HTTP_TARGET_MAX)
		return ERR_TOO_LONG;
	if (http_url_parse(base, &b) != ERR_OK || target.len == 0 || target.p[0] == '?' ||
		memchr(target.p, '#', target.len) != NULL)
		return ERR_MALFORMED;
	query = cut_origin(target);
	path = text_cut_query(&query, &has_query);
	if (query.p == NULL && path.len == 0)
		return ERR_MALFORMED;
	if ((e = check_target(path, query)) != ERR_OK)
		return e;
	if (path.len <= 1 && query.len == 0)
		return (*url = mem_span_dup(base)) != NULL ? ERR_OK : ERR_NO_MEMORY;

	room = base.len + 3 * (path.len + query.len) + sizeof("/?&");
	if ((*url = mem_alloc(room)) == NULL)
		return ERR_NO_MEMORY;
	struct wr w = WR(*url, room);

	put_url(&w, &b, path, query);
	wr_u8(&w, '\0');
	return ERR_OK;
}

static bool same_origin(const struct http_url *a, const struct http_url *b)
{
	return a->https == b->https && a->port == b->port && span_eq_nocase(a->host, b->host);
}

/* The part of `path` below `root` ("" or "/x..."); a span without pointer when it is not below. */
static struct span below(struct span root, struct span path)
{
	root = without_last_slash(root);
	if (!span_starts(path, root) || (path.len > root.len && path.p[root.len] != '/'))
		return SPAN_NONE;
	return path.len > root.len ? span_skip(path, root.len) : SPAN_LIT("/");
}

/* The query without that of the base, which http_rewrite_target() will put in front again. */
static struct span without_base_query(struct span base, struct span query)
{
	if (base.len == 0 || !span_starts(query, base))
		return query;
	if (query.len == base.len)
		return SPAN_NONE;
	return query.p[base.len] == '&' ? span_skip(query, base.len + 1) : query;
}

/* "//host/path" and "/path" of a server are relative to the base; all else stands for itself. */
static char *make_absolute(const struct http_url *base, struct span location)
{
	const char *scheme = base->https ? "https:" : "http:";

	if (span_starts(location, SPAN_LIT("//")))
		return mem_printf("%s%.*s", scheme, SPAN_FMT(location));
	if (span_starts(location, SPAN_LIT("/")))
		return mem_printf(
			"%s//%.*s%.*s", scheme, SPAN_FMT(base->authority), SPAN_FMT(location));
	return mem_span_dup(location);
}

/* *target stays NULL when the location does not lie below the base. False: out of memory. */
static bool find_target(struct span base, struct span location, struct span fragment, char **target)
{
	struct http_url b, l;
	struct span path, query;
	char *absolute, *scratch = NULL;
	bool is_enough = true;

	*target = NULL;
	if (http_url_parse(base, &b) != ERR_OK)
		return true;
	if ((absolute = make_absolute(&b, location)) == NULL)
		return false;
	if (http_url_parse(SPAN_STR(absolute), &l) == ERR_OK && same_origin(&b, &l) &&
		(path = below(b.path, l.path)).p != NULL) {
		query = without_base_query(b.query, l.query);
		if ((scratch = mem_alloc(path.len)) == NULL)
			is_enough = false;
		else if (!text_path_climbs(path, scratch))
			is_enough = (*target = mem_printf("%.*s%s%.*s%.*s", SPAN_FMT(path),
					     query.len > 0 ? "?" : "", SPAN_FMT(query),
					     SPAN_FMT(fragment))) != NULL;
	}
	mem_free(scratch);
	mem_free(absolute);
	return is_enough;
}

char *http_rewrite_location(struct span base, struct span location)
{
	struct span rest = location, fragment, front = span_cut(&rest, '#');
	char *target;

	fragment = span_skip(location, front.len);
	if (!find_target(base, front, fragment, &target))
		return NULL;
	return target != NULL ? target : mem_span_dup(location);
}
