/*
 * fuzz_http_url.c: base, line feed, target: what comes out stays below the base, and a Location
 * finds its way back.
 */
#include <assert.h>

#include "dcmf/base/alloc.h"
#include "dcmf/http/http.h"

static void check_rewritten(const char *url, const struct http_url *base)
{
	struct http_url u;
	struct span root = base->path;

	assert(http_url_parse(SPAN_STR(url), &u) == ERR_OK);
	assert(u.https == base->https && u.port == base->port && span_eq(u.host, base->host));
	if (root.len > 0 && root.p[root.len - 1] == '/')
		root.len--;
	assert(span_starts(u.path, root));
	u.path = span_skip(u.path, root.len);
	assert(u.path.len == 0 || memmem(u.path.p, u.path.len, "/../", 4) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span target = SPAN(data, size), base = span_cut(&target, '\n');
	struct http_url b = { 0 };
	bool is_url = http_url_parse(base, &b) == ERR_OK;
	char *location, *url = NULL;

	if (http_rewrite_target(base, target, &url) == ERR_OK) {
		assert(is_url);
		check_rewritten(url, &b);
		mem_free(url);
	}
	location = http_rewrite_location(base, target);
	assert(location != NULL);
	mem_free(location);
	assert(mem_live() == 0);
	return 0;
}
