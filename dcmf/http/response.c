/* response.c: response heads, and whole small responses of our own. */
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/http/http.h"
#include "dcmf/http/parser.h"
#include "dcmf/http/text.h"

enum { LINE_MAX_BYTES = 96 }; /* a status line or a Content-Length line of ours */

const char *http_status_text(int status)
{
	switch (status) {
#define XX(number, name, text) \
	case number: return #text;
		HTTP_STATUS_MAP(XX)
#undef XX
	default: return "Status";
	}
}

/* RFC 9110 8.6: a phone would wait for that many bytes. */
static bool may_have_length(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

static bool is_fit(const struct http_headers *all, const struct http_header *h)
{
	return http_header_passes(all, h) && text_is_token(h->name) && text_is_value(h->value);
}

static void put_status_line(struct wr *w, int status)
{
	char line[LINE_MAX_BYTES];
	int n = snprintf(
		line, sizeof(line), "HTTP/1.1 %03d %s\r\n", status, http_status_text(status));

	wr_span(w, SPAN(line, n));
}

static void put_length(struct wr *w, int64_t length)
{
	char line[LINE_MAX_BYTES];
	int n = snprintf(line, sizeof(line), "Content-Length: %lld\r\n", (long long)length);

	wr_span(w, SPAN(line, n));
}

static void put_header(struct wr *w, const struct http_header *h)
{
	wr_span(w, h->name);
	wr_span(w, SPAN_LIT(": "));
	wr_span(w, h->value);
	wr_span(w, SPAN_LIT("\r\n"));
}

uint8_t *http_response_head(
	int status, const struct http_headers *headers, int64_t length, size_t *len)
{
	size_t room = 2 * LINE_MAX_BYTES + 2;
	struct wr w;

	for (size_t i = 0; i < headers->count; i++)
		room += headers->h[i].name.len + headers->h[i].value.len + 4;
	w = WR(mem_alloc(room), room);
	if (w.p == NULL)
		return NULL;
	put_status_line(&w, status);
	for (size_t i = 0; i < headers->count; i++) {
		if (is_fit(headers, &headers->h[i]))
			put_header(&w, &headers->h[i]);
	}
	if (length >= 0 && may_have_length(status))
		put_length(&w, length);
	wr_span(&w, SPAN_LIT("\r\n"));
	*len = w.len;
	return w.p;
}

uint8_t *http_response_own(int status, const char *sentence, bool head_only, size_t *len)
{
	struct span body = may_have_length(status) ? SPAN_STR(sentence) : SPAN_NONE;
	size_t room = 3 * LINE_MAX_BYTES + body.len;
	struct wr w = WR(mem_alloc(room), room);

	if (w.p == NULL)
		return NULL;
	put_status_line(&w, status);
	if (may_have_length(status)) {
		wr_span(&w, SPAN_LIT("Content-Type: text/plain\r\n"));
		put_length(&w, (int64_t)body.len);
	}
	wr_span(&w, SPAN_LIT("\r\n"));
	if (!head_only)
		wr_span(&w, body);
	*len = w.len;
	return w.p;
}
