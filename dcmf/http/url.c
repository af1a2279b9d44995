/* url.c: an absolute http or https URL, taken apart. */
#include "dcmf/base/addr.h"
#include "dcmf/http/http.h"
#include "dcmf/http/text.h"

static bool is_host_byte(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '-' || c == '.' || c == '_';
}

/* Cuts "[2001:db8::1]" from the front of *rest; the host goes without its brackets. */
static bool cut_ipv6(struct span *rest, struct span *host)
{
	struct addr a;

	if (memchr(rest->p, ']', rest->len) == NULL)
		return false;
	*host = span_skip(span_cut(rest, ']'), 1);
	return addr_parse_ip(*host, 0, &a) && a.family == ADDR_IPV6;
}

/* Cuts a host name from the front of *rest, up to the colon or the end. */
static bool cut_name(struct span *rest, struct span *host)
{
	size_t n = 0;

	while (n < rest->len && is_host_byte(rest->p[n]))
		n++;
	*host = SPAN(rest->p, n);
	*rest = span_skip(*rest, n);
	return n > 0;
}

static bool parse_authority(struct span authority, struct http_url *out)
{
	struct span rest = authority;
	uint64_t port = out->https ? 443 : 80;
	bool has_host = span_starts(rest, SPAN_LIT("[")) ? cut_ipv6(&rest, &out->host)
							 : cut_name(&rest, &out->host);

	if (!has_host || (rest.len > 0 && rest.p[0] != ':'))
		return false;
	if (rest.len > 0 && (!span_to_u64(span_skip(rest, 1), 65535, &port) || port == 0))
		return false;
	out->port = (uint16_t)port;
	out->authority = authority;
	return true;
}

enum err http_url_parse(struct span text, struct http_url *out)
{
	struct http_url u = { 0 };
	size_t end = 0;

	if (!text_is_url_part(text) || (text.len > 0 && memchr(text.p, '#', text.len) != NULL))
		return ERR_MALFORMED;
	if (text_starts_nocase(text, SPAN_LIT("https://")))
		u.https = true;
	else if (!text_starts_nocase(text, SPAN_LIT("http://")))
		return ERR_MALFORMED;
	text = span_skip(text, u.https ? 8 : 7);
	while (end < text.len && text.p[end] != '/' && text.p[end] != '?')
		end++;
	/* user information is refused with all else that no host name holds */
	if (end == 0 || !parse_authority(SPAN(text.p, end), &u))
		return ERR_MALFORMED;
	u.query = span_skip(text, end);
	u.path = text_cut_query(&u.query, &u.has_query);
	*out = u;
	return ERR_OK;
}
