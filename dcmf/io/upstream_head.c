/* upstream_head.c: collects the lines of a response head until it is complete. */
#include "dcmf/io/upstream_head.h"

#include "dcmf/base/alloc.h"

void upstream_head_init(struct upstream_head *h)
{
	*h = (struct upstream_head){ .text = { .limit = UPSTREAM_HEAD_BYTES }, .length = -1 };
}

void upstream_head_finish(struct upstream_head *h)
{
	bytes_finish(&h->text);
	mem_free(h->header);
	h->header = NULL;
}

static enum upstream_head_state bad(struct upstream_head *h, const char *why)
{
	h->failed = why;
	return HEAD_BAD;
}

/* "HTTP/1.1 200 OK": a head begins, also after a 1xx. */
static enum upstream_head_state begin(struct upstream_head *h, struct span line)
{
	struct span rest = line;
	uint64_t status;

	upstream_head_finish(h);
	upstream_head_init(h);
	span_cut(&rest, ' ');
	if (!span_to_u64(span_trim(span_cut(&rest, ' ')), 999, &status) || status < 100)
		return bad(h, "the server's status line is malformed");
	h->status = (int)status;
	return HEAD_MORE;
}

static enum upstream_head_state add(struct upstream_head *h, struct span line)
{
	bool is_folded = line.p[0] == ' ' || line.p[0] == '\t';
	struct span text = span_trim(line);

	if (is_folded && h->count > 0)
		h->text.len--; /* goes on where the line before it ended (RFC 9112 5.2) */
	else
		h->count++;
	if (h->count > UPSTREAM_HEAD_LINES || text.len + 2 > bytes_room(&h->text))
		return bad(h, "the server's response head is too large");
	if (!bytes_append(&h->text, is_folded ? SPAN_LIT(" ") : SPAN_NONE) ||
		!bytes_append(&h->text, text) || !bytes_append(&h->text, SPAN_LIT("\n")))
		return bad(h, "out of memory");
	return HEAD_MORE;
}

static bool split(struct upstream_head *h)
{
	struct span rest = bytes_view(&h->text);

	if (h->count > 0 && (h->header = mem_alloc(h->count * sizeof(*h->header))) == NULL)
		return false;
	for (size_t i = 0; i < h->count; i++) {
		struct span line = span_cut(&rest, '\n');

		h->header[i].name = span_cut(&line, ':');
		h->header[i].value = span_trim(line);
	}
	return true;
}

/*
 * RFC 9112 6.3: chunked wins over a length; two lengths that differ
 * are an attack or a broken server.
 */
static bool find_length(struct upstream_head *h)
{
	bool is_chunked = false;

	for (size_t i = 0; i < h->count; i++) {
		uint64_t n;

		if (span_eq_nocase(h->header[i].name, SPAN_LIT("transfer-encoding")))
			is_chunked = true;
		if (!span_eq_nocase(h->header[i].name, SPAN_LIT("content-length")))
			continue;
		if (!span_to_u64(h->header[i].value, INT64_MAX, &n) ||
			(h->length >= 0 && h->length != (int64_t)n))
			return false;
		h->length = (int64_t)n;
	}
	if (is_chunked)
		h->length = -1;
	return true;
}

static enum upstream_head_state complete(struct upstream_head *h)
{
	if (h->status < 200)
		return HEAD_MORE; /* interim: the real one follows */
	if (!split(h))
		return bad(h, "out of memory");
	if (!find_length(h))
		return bad(h, "the server's Content-Length is malformed or contradicts itself");
	h->is_complete = true;
	return HEAD_COMPLETE;
}

enum upstream_head_state upstream_head_line(struct upstream_head *h, struct span line)
{
	if (h->is_complete)
		return HEAD_MORE;
	if (span_starts(line, SPAN_LIT("HTTP/")))
		return begin(h, line);
	return span_trim(line).len == 0 ? complete(h) : add(h, line);
}
