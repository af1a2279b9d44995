/*
 * request.c: the requests of one byte stream, read line by line.
 *
 * The request line is ours, because http_parser does not know the targets phones send. Header lines
 * are looked at for what http_parser lets through, then it takes them apart; it also does the
 * bodies, fed so that a broken frame is seen.
 */
#include "dcmf/base/alloc.h"
#include "dcmf/base/bytes.h"
#include "dcmf/http/http.h"
#include "dcmf/http/parser.h"
#include "dcmf/http/text.h"

enum {
	VERSION_BYTES = 8, /* "HTTP/1.1" */
	/* method, target and version, the blanks between them, CR LF */
	REQUEST_LINE_MAX = HTTP_METHOD_MAX + 1 + HTTP_TARGET_MAX + 1 + VERSION_BYTES + 2,
};

enum phase { READS_HEAD, READS_BODY, ENDED, FAILED };

struct http_request {
	enum phase phase;

	/* head: kept until next(); the spans of headers point into it */
	struct bytes head;
	size_t line;                   /* where the line being read begins */
	size_t method_len, target_len; /* the target follows the method and one blank */
	size_t header_lines;
	bool is_http_1_0;
	struct http_headers *headers;

	/* body */
	struct http_parser parser;
	int64_t length;     /* Content-Length; -1: chunked */
	uint64_t data_left; /* bytes of body before the next frame */
	uint8_t last_frame_byte;
	bool chunk_ended; /* the CR LF after its data is to come */
	bool is_complete;
	bool expects_continue;
	struct span body;

	int status;
	const char *reason;
};

struct http_request *http_request_create(void)
{
	struct http_request *r = mem_zalloc(sizeof(*r));

	if (r != NULL)
		r->head.limit = HTTP_HEAD_MAX;
	return r;
}

static void release_head(struct http_request *r)
{
	bytes_finish(&r->head);
	mem_free(r->headers);
}

void http_request_destroy(struct http_request *r)
{
	if (r == NULL)
		return;
	release_head(r);
	mem_free(r);
}

void http_request_next(struct http_request *r)
{
	if (r->phase != ENDED)
		return;
	release_head(r);
	*r = (struct http_request){ .head.limit = HTTP_HEAD_MAX };
}

static enum http_event fail(struct http_request *r, int status, const char *reason)
{
	r->phase = FAILED;
	r->status = status;
	r->reason = reason;
	r->body = SPAN_NONE;
	return HTTP_ERROR;
}

/* ---- the request line ---- */

static bool is_first_line(const struct http_request *r)
{
	return r->line == 0;
}

/* What has come of the line being read, its end included when it is there. */
static struct span line_so_far(const struct http_request *r)
{
	return span_skip(bytes_view(&r->head), r->line);
}

/*
 * Refuses what can no more become a request as soon as that is sure: TLS on a plain channel must
 * not wait for a line end. HTTP_MORE: nothing to say against it.
 */
static enum http_event check_method(struct http_request *r, struct span line)
{
	size_t len = text_token_len(line);

	if (len > HTTP_METHOD_MAX)
		return fail(r, 501, "the method is longer than any we know");
	if (len == line.len || line.p[len] == ' ')
		return len > 0 || line.len == 0 ? HTTP_MORE
						: fail(r, 400, "a blank before the method");
	/* empty lines before a request are dropped (RFC 9112 2.2) */
	if (line.p[0] == '\n' || (line.p[0] == '\r' && (line.len == 1 || line.p[1] == '\n')))
		return HTTP_MORE;
	return fail(r, 400, "this is no HTTP request");
}

static enum http_event check_version(struct http_request *r, struct span version)
{
	bool has_form = version.len == VERSION_BYTES && span_starts(version, SPAN_LIT("HTTP/")) &&
			version.p[5] >= '0' && version.p[5] <= '9' && version.p[6] == '.' &&
			version.p[7] >= '0' && version.p[7] <= '9';

	if (!has_form)
		return fail(r, 400, "the request line does not end with an HTTP version");
	r->is_http_1_0 = span_eq(version, SPAN_LIT("HTTP/1.0"));
	if (!r->is_http_1_0 && !span_eq(version, SPAN_LIT("HTTP/1.1")))
		return fail(r, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	return HTTP_MORE;
}

static enum http_event end_request_line(struct http_request *r, struct span line)
{
	struct span method = span_cut(&line, ' ');
	struct span target = span_cut(&line, ' ');

	r->method_len = method.len;
	r->target_len = target.len;
	if (target.len > HTTP_TARGET_MAX)
		return fail(r, 414, "the request target is too long");
	if (target.len == 0)
		return fail(r, 400, "no request target");
	for (size_t i = 0; i < target.len; i++) {
		if (target.p[i] <= ' ' || target.p[i] == 0x7f)
			return fail(r, 400, "a control byte in the request target");
	}
	/* CONNECT wants a tunnel, TRACE would show what we add */
	if (span_eq(method, SPAN_LIT("CONNECT")) || span_eq(method, SPAN_LIT("TRACE")))
		return fail(r, 501, "this method is not supported");
	return check_version(r, line);
}

/* ---- header lines ---- */

static enum http_event end_header_line(struct http_request *r, struct span line)
{
	size_t name = text_token_len(line);

	if (++r->header_lines > HTTP_HEADERS_MAX)
		return fail(r, 431, "too many headers");
	if (line.p[0] == ' ' || line.p[0] == '\t')
		return fail(r, 400, "a folded header line"); /* RFC 9112 5.2 */
	if (name == 0 || name == line.len || line.p[name] != ':')
		return fail(r, 400, "a header line without a proper name"); /* also "name :" */
	if (!text_is_value(span_skip(line, name + 1)))
		return fail(r, 400, "a control byte in a header");
	return HTTP_MORE;
}

static int on_field(http_parser *p, const char *at, size_t len)
{
	struct http_request *r = p->data;

	if (r->phase == READS_BODY)
		return 0; /* a trailer: dropped */
	r->headers->h[r->headers->count++] = (struct http_header){ .name = SPAN(at, len) };
	return 0;
}

static int on_value(http_parser *p, const char *at, size_t len)
{
	struct http_request *r = p->data;

	if (r->phase == READS_HEAD)
		r->headers->h[r->headers->count - 1].value = span_trim(SPAN(at, len));
	return 0;
}

static int on_headers_complete(http_parser *p)
{
	p->upgrade = 0; /* we upgrade to nothing; the body is a body */
	return 0;
}

static int on_chunk_header(http_parser *p)
{
	struct http_request *r = p->data;

	r->data_left = p->content_length;
	return 0;
}

static int on_body(http_parser *p, const char *at, size_t len)
{
	struct http_request *r = p->data;

	r->body = SPAN(at, len);
	return 0;
}

static int on_message_complete(http_parser *p)
{
	struct http_request *r = p->data;

	r->is_complete = true;
	return 0;
}

static const http_parser_settings callbacks = {
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers_complete,
	.on_chunk_header = on_chunk_header,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

/* All of it; http_parser takes nothing at all for the end of the stream, and never gets it. */
static bool parse(struct http_request *r, struct span s)
{
	if (s.len == 0)
		return true;
	return http_parser_execute(&r->parser, &callbacks, (const char *)s.p, s.len) == s.len &&
	       HTTP_PARSER_ERRNO(&r->parser) == HPE_OK;
}

static size_t count_headers(const struct http_request *r, struct span name)
{
	size_t n = 0;

	for (size_t i = 0; i < r->headers->count; i++)
		n += span_eq_nocase(r->headers->h[i].name, name);
	return n;
}

/* Where does the body end (RFC 9112 6.3)? One answer only, or none at all. */
static enum http_event find_length(struct http_request *r)
{
	const struct http_header *length = http_headers_get(r->headers, SPAN_LIT("Content-Length"));
	const struct http_header *coding =
		http_headers_get(r->headers, SPAN_LIT("Transfer-Encoding"));
	uint64_t bytes = 0;

	if (count_headers(r, SPAN_LIT("Content-Length")) > 1)
		return fail(r, 400, "Content-Length is given more than once");
	if (length != NULL && coding != NULL)
		return fail(r, 400, "both Content-Length and Transfer-Encoding");
	if (length != NULL && !span_to_u64(length->value, INT64_MAX, &bytes))
		return fail(r, 400, "a Content-Length that is no number");
	if (coding != NULL && r->is_http_1_0)
		return fail(r, 400, "Transfer-Encoding in HTTP/1.0");
	if (coding != NULL && (count_headers(r, SPAN_LIT("Transfer-Encoding")) > 1 ||
				      !span_eq_nocase(coding->value, SPAN_LIT("chunked"))))
		return fail(r, 501, "a transfer coding other than chunked");
	r->length = coding != NULL ? -1 : (int64_t)bytes;
	r->data_left = bytes;
	return HTTP_MORE;
}

static enum http_event check_expect(struct http_request *r)
{
	const struct http_header *expect = http_headers_get(r->headers, SPAN_LIT("Expect"));

	if (expect == NULL || r->is_http_1_0) /* RFC 9110 10.1.1: ignored in 1.0 */
		return HTTP_MORE;
	if (!span_eq_nocase(expect->value, SPAN_LIT("100-continue")))
		return fail(r, 417, "an expectation other than 100-continue");
	r->expects_continue = true;
	return HTTP_MORE;
}

/*
 * The empty line came. `end` is its place in the head; the parser
 * gets a request line that it knows.
 */
static enum http_event end_head(struct http_request *r, size_t end)
{
	struct span head = bytes_view(&r->head);
	size_t first = (size_t)((const uint8_t *)memchr(head.p, '\n', head.len) - head.p) + 1;

	if ((r->headers = mem_alloc(sizeof(*r->headers))) == NULL)
		return fail(r, 503, "out of memory");
	r->headers->count = 0;
	http_parser_init(&r->parser, HTTP_REQUEST);
	r->parser.data = r;
	if (!parse(r, SPAN_LIT("POST / HTTP/1.1\r\n")) ||
		!parse(r, SPAN(head.p + first, end - first)))
		return fail(r, 400, http_errno_description(HTTP_PARSER_ERRNO(&r->parser)));
	if (find_length(r) != HTTP_MORE || check_expect(r) != HTTP_MORE)
		return HTTP_ERROR;
	if (!parse(r, SPAN_LIT("\r\n")))
		return fail(r, 400, http_errno_description(HTTP_PARSER_ERRNO(&r->parser)));
	r->phase = READS_BODY;
	return HTTP_HEAD;
}

static enum http_event end_line(struct http_request *r)
{
	struct span line = line_so_far(r);
	size_t begin = r->line;
	enum http_event ev;

	line.len--; /* the LF */
	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0 && is_first_line(r)) {
		bytes_finish(&r->head);
		return HTTP_MORE;
	}
	if (line.len == 0)
		return end_head(r, begin);
	ev = is_first_line(r) ? end_request_line(r, line) : end_header_line(r, line);
	r->line = r->head.len;
	return ev;
}

static enum http_event feed_head(struct http_request *r, struct span *in)
{
	enum http_event ev = HTTP_MORE;

	while (in->len > 0 && ev == HTTP_MORE) {
		size_t limit = is_first_line(r) ? REQUEST_LINE_MAX : HTTP_HEAD_MAX;
		size_t room = limit - r->head.len;
		const uint8_t *lf = memchr(in->p, '\n', in->len);
		struct span piece = SPAN(in->p, lf != NULL ? (size_t)(lf - in->p) + 1 : in->len);
		bool is_over = piece.len > room;

		if (is_over)
			piece.len = room;
		if (!bytes_append(&r->head, piece))
			return fail(r, 503, "out of memory");
		*in = span_skip(*in, piece.len);
		if (is_first_line(r) && check_method(r, line_so_far(r)) != HTTP_MORE)
			return HTTP_ERROR;
		if (is_over)
			return is_first_line(r) ? fail(r, 414, "the request line is too long")
						: fail(r, 431, "the request head is too long");
		if (lf != NULL)
			ev = end_line(r);
	}
	return ev;
}

/* ---- the body ---- */

/* http_parser takes any byte for the LF after a CR, and any two for the line end after a chunk. */
static bool frame_byte_fits(struct http_request *r, uint8_t b)
{
	bool fits = r->last_frame_byte == '\r' ? b == '\n' : !r->chunk_ended || b == '\r';

	r->chunk_ended = false;
	r->last_frame_byte = b;
	return fits;
}

static enum http_event feed_body(struct http_request *r, struct span *in)
{
	while (!r->is_complete && in->len > 0) {
		bool is_data = r->data_left > 0;
		size_t n = !is_data ? 1 : in->len < r->data_left ? in->len : (size_t)r->data_left;

		if (!is_data && !frame_byte_fits(r, in->p[0]))
			return fail(r, 400, "a broken chunk");
		if (is_data) {
			r->data_left -= n;
			r->chunk_ended = r->length < 0 && r->data_left == 0;
			r->last_frame_byte = 0;
		}
		if (!parse(r, SPAN(in->p, n)))
			return HTTP_PARSER_ERRNO(&r->parser) == HPE_HEADER_OVERFLOW
				       ? fail(r, 431, "too much between two chunks")
				       : fail(r, 400, "a broken chunk");
		*in = span_skip(*in, n);
		if (r->body.len > 0)
			return HTTP_BODY;
	}
	if (!r->is_complete)
		return HTTP_MORE;
	r->phase = ENDED;
	return HTTP_END;
}

enum http_event http_request_feed(struct http_request *r, struct span *in)
{
	r->body = SPAN_NONE;
	switch (r->phase) {
	case READS_HEAD: return feed_head(r, in);
	case READS_BODY: return feed_body(r, in);
	case ENDED: return HTTP_END;
	case FAILED: break;
	}
	return HTTP_ERROR;
}

/* ---- what was read ---- */

struct span http_request_method(const struct http_request *r)
{
	return SPAN(bytes_view(&r->head).p, r->method_len);
}

struct span http_request_target(const struct http_request *r)
{
	return SPAN(span_skip(bytes_view(&r->head), r->method_len + 1).p, r->target_len);
}

const struct http_headers *http_request_headers(const struct http_request *r)
{
	return r->headers;
}

int64_t http_request_length(const struct http_request *r)
{
	return r->length;
}

struct span http_request_body(const struct http_request *r)
{
	return r->body;
}

bool http_request_expects_continue(const struct http_request *r)
{
	return r->expects_continue;
}

bool http_request_is_open(const struct http_request *r)
{
	struct span head = bytes_view(&r->head);

	if (r->phase == READS_HEAD)
		return head.len > 0 && head.p[0] != '\r';
	return r->phase == READS_BODY;
}

int http_request_status(const struct http_request *r)
{
	return r->status;
}

const char *http_request_reason(const struct http_request *r)
{
	return r->reason;
}
