/* ue_http.c: the HTTP client of a phone on one bootstrap channel. */
#include "tools/ue/ue_http.h"

#include <stdio.h>
#include <string.h>

#include "dcmf/base/alloc.h"

enum { READING_HEAD, READING_BODY, AT_END, BROKEN };

void ue_http_init(struct ue_http *h)
{
	*h = (struct ue_http){ .out.limit = UE_OUT_MAX, .head.limit = UE_HEAD_MAX };
}

void ue_http_finish(struct ue_http *h)
{
	bytes_finish(&h->out);
	bytes_finish(&h->head);
}

/* ---- asking ---- */

static enum err expect(struct ue_http *h, bool head_only)
{
	if (h->pending == UE_PENDING_MAX)
		return ERR_LIMIT;
	h->head_only[h->pending++] = head_only;
	return ERR_OK;
}

enum err ue_http_ask_raw(struct ue_http *h, struct span bytes, unsigned responses)
{
	if (h->pending + responses > UE_PENDING_MAX)
		return ERR_LIMIT;
	if (!bytes_append(&h->out, bytes))
		return ERR_NO_MEMORY;
	while (responses-- > 0)
		expect(h, false);
	return ERR_OK;
}

static char *request_head(const struct ue_request *r)
{
	char length[48] = "", *text;
	char *match = r->etag ? mem_printf("If-None-Match: %s\r\n", r->etag) : mem_strdup("");

	if (match == NULL)
		return NULL;
	if (r->body.len > 0)
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n", r->body.len);
	text = mem_printf("%s %s HTTP/1.1\r\n%s%s%s%s\r\n", r->method ? r->method : "GET",
		r->target, r->form ? "Content-Type: application/x-www-form-urlencoded\r\n" : "",
		length, match, r->headers ? r->headers : "");
	mem_free(match);
	return text;
}

enum err ue_http_ask(struct ue_http *h, const struct ue_request *r)
{
	bool head_only = r->method != NULL && strcmp(r->method, "HEAD") == 0;
	char *text;
	bool taken;

	if (h->pending == UE_PENDING_MAX)
		return ERR_LIMIT;
	if ((text = request_head(r)) == NULL)
		return ERR_NO_MEMORY;
	taken = bytes_append(&h->out, SPAN_STR(text)) && bytes_append(&h->out, r->body);
	mem_free(text);
	return taken ? expect(h, head_only) : ERR_NO_MEMORY;
}

/* ---- reading ---- */

struct span ue_response_header(const struct ue_response *r, const char *name)
{
	struct span rest = r->head, line;

	span_cut(&rest, '\n'); /* the status line */
	while (rest.len > 0) {
		line = span_cut(&rest, '\n');
		if (span_eq_nocase(span_cut(&line, ':'), SPAN_STR(name)))
			return span_trim(line);
	}
	return SPAN_NONE;
}

static bool parse_head(struct ue_http *h)
{
	struct span head = bytes_view(&h->head), rest = head, line = span_cut(&rest, '\n'), length;
	uint64_t status, n;

	h->response = (struct ue_response){ .head = head, .length = -1 };
	if (!span_eq(span_cut(&line, ' '), SPAN_LIT("HTTP/1.1")) ||
		!span_to_u64(span_trim(span_cut(&line, ' ')), 999, &status))
		return false;
	h->response.status = (int)status;
	length = ue_response_header(&h->response, "Content-Length");
	if (length.len == 0)
		return true;
	if (!span_to_u64(length, INT64_MAX, &n))
		return false;
	h->response.length = (int64_t)n;
	return true;
}

static enum ue_http_got broken(struct ue_http *h)
{
	h->state = BROKEN;
	return UE_HTTP_GARBAGE;
}

static bool head_is_complete(const struct bytes *head)
{
	struct span s = bytes_view(head);

	return s.len >= 4 && memcmp(s.p + s.len - 4, "\r\n\r\n", 4) == 0;
}

static enum ue_http_got feed_head(struct ue_http *h, struct span *in)
{
	while (in->len > 0) {
		struct span rest = *in, line = span_cut(&rest, '\n');

		/* As much as stands in this line, its end included. */
		line.len = in->len - rest.len;
		if (h->pending == 0 || !bytes_append(&h->head, line))
			return broken(h);
		*in = rest;
		if (!head_is_complete(&h->head))
			continue;
		if (!parse_head(h))
			return broken(h);
		h->state = !h->head_only[0] && h->response.length > 0 ? READING_BODY : AT_END;
		return UE_HTTP_HEAD;
	}
	return UE_HTTP_MORE;
}

static enum ue_http_got feed_body(struct ue_http *h, struct span *in)
{
	uint64_t wanted = (uint64_t)h->response.length - h->response.received;

	if (in->len == 0)
		return UE_HTTP_MORE;
	h->body = SPAN(in->p, in->len < wanted ? in->len : (size_t)wanted);
	*in = span_skip(*in, h->body.len);
	h->response.received += h->body.len;
	if (h->body.len == wanted)
		h->state = AT_END;
	return UE_HTTP_BODY;
}

static enum ue_http_got end(struct ue_http *h)
{
	h->pending--;
	memmove(h->head_only, h->head_only + 1, h->pending * sizeof(h->head_only[0]));
	h->state = READING_HEAD;
	return UE_HTTP_END;
}

enum ue_http_got ue_http_feed(struct ue_http *h, struct span *in)
{
	if (h->state == READING_HEAD && h->response.status != 0) {
		h->response.status = 0; /* the last one has been looked at: its head may go */
		bytes_take(&h->head, h->head.len);
	}
	switch (h->state) {
	case READING_HEAD: return feed_head(h, in);
	case READING_BODY: return feed_body(h, in);
	case AT_END: return end(h);
	default: *in = SPAN_NONE; return UE_HTTP_MORE;
	}
}
