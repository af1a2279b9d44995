/* headers.c: finding a header, and which headers a proxy passes on. */
#include "dcmf/http/http.h"
#include "dcmf/http/text.h"

/* Names that stay on their hop, or that only a proxy may write. */
static const char *const own_names[] = {
	/* RFC 9110 7.6.1 */
	"Connection",
	"Keep-Alive",
	"TE",
	"Trailer",
	"Transfer-Encoding",
	"Upgrade",
	"HTTP2-Settings",
	/* of this message on this hop: made anew */
	"Host",
	"Content-Length",
	"Expect",
	/* who sent it and what was asked, in the words of a proxy */
	"Forwarded",
	"Via",
	"X-Real-IP",
	"X-Client-IP",
	"X-Cluster-Client-IP",
	"True-Client-IP",
	"X-Original-URL",
	"X-Rewrite-URL",
	"X-Original-Host",
	"X-Host",
};

static const char *const own_prefixes[] = { "Proxy-", "X-Forwarded-" };

const struct http_header *http_headers_get(const struct http_headers *hs, struct span name)
{
	for (size_t i = 0; i < hs->count; i++) {
		if (span_eq_nocase(hs->h[i].name, name))
			return &hs->h[i];
	}
	return NULL;
}

static bool is_own(struct span name)
{
	for (size_t i = 0; i < sizeof(own_names) / sizeof(own_names[0]); i++) {
		if (span_eq_nocase(name, SPAN_STR(own_names[i])))
			return true;
	}
	for (size_t i = 0; i < sizeof(own_prefixes) / sizeof(own_prefixes[0]); i++) {
		if (text_starts_nocase(name, SPAN_STR(own_prefixes[i])))
			return true;
	}
	return false;
}

/* Does a Connection header of this message name it? */
static bool is_named_by_connection(const struct http_headers *all, struct span name)
{
	for (size_t i = 0; i < all->count; i++) {
		struct span list = all->h[i].value;

		if (!span_eq_nocase(all->h[i].name, SPAN_LIT("Connection")))
			continue;
		while (list.len > 0) {
			if (span_eq_nocase(span_trim(span_cut(&list, ',')), name))
				return true;
		}
	}
	return false;
}

bool http_header_passes(const struct http_headers *all, const struct http_header *h)
{
	return !is_own(h->name) && !is_named_by_connection(all, h->name);
}
