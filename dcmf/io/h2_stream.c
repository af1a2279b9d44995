/* h2_stream.c: one request of HTTP/2 as it comes, and its answer as it goes. */
#include "dcmf/base/alloc.h"
#include "dcmf/io/h2_parts.h"

#define FIELD_EXTRA 32 /* bytes a field counts beside its text: RFC 9113 6.5.2 */

struct h2_stream *h2_stream_create(int32_t id, size_t *held)
{
	struct h2_stream *st = mem_zalloc(sizeof(*st));

	if (st == NULL)
		return NULL;
	list_init(&st->on_list);
	st->id = id;
	st->held = held;
	st->head.limit = st->body.limit = st->answer.limit = SIZE_MAX; /* the limits decide */
	*held += sizeof(*st);
	return st;
}

static void drop(struct h2_stream *st, struct bytes *q)
{
	*st->held -= q->len;
	bytes_finish(q);
}

void h2_stream_forget_request(struct h2_stream *st)
{
	drop(st, &st->head);
	drop(st, &st->body);
	st->field_count = 0;
}

void h2_stream_destroy(struct h2_stream *st)
{
	if (st == NULL)
		return;
	list_unlink(&st->on_list);
	h2_stream_forget_request(st);
	drop(st, &st->answer);
	*st->held -= sizeof(*st);
	mem_free(st);
}

/* False: the request breaks a bound, and what was kept of that part is dropped. */
static bool keep(struct h2_stream *st, const struct h2_limits *limits, struct bytes *q,
	size_t limit, enum h2_excess excess, struct span data)
{
	if (q->len + data.len > limit)
		st->excess = excess;
	else if (*st->held + data.len > limits->held || !bytes_append(q, data))
		st->excess = H2_NO_ROOM;
	else
		*st->held += data.len;
	if (st->excess != H2_NO_EXCESS)
		drop(st, q);
	return st->excess == H2_NO_EXCESS;
}

static enum h2_pseudo pseudo_of(struct span name)
{
	static const char *const names[H2_PSEUDO_MAX] = { ":method", ":scheme", ":authority",
		":path" };

	for (int i = 0; i < H2_PSEUDO_MAX; i++) {
		if (span_eq(name, SPAN_STR(names[i])))
			return (enum h2_pseudo)i;
	}
	return H2_PLAIN;
}

static void note_length(struct h2_stream *st, struct span name, struct span value)
{
	if (span_eq(name, SPAN_LIT("content-length")))
		span_to_u64(value, UINT64_MAX, &st->announced);
}

void h2_stream_add_field(
	struct h2_stream *st, const struct h2_limits *limits, struct span name, struct span value)
{
	size_t at = st->head.len;

	if (st->excess != H2_NO_EXCESS)
		return;
	st->head_size += name.len + value.len + FIELD_EXTRA;
	if (st->head_size > limits->head || st->field_count >= H2_HEADERS_MAX) {
		st->excess = H2_HEAD_TOO_LARGE;
		h2_stream_forget_request(st);
		return;
	}
	if (!keep(st, limits, &st->head, limits->head, H2_HEAD_TOO_LARGE, name) ||
		!keep(st, limits, &st->head, limits->head, H2_HEAD_TOO_LARGE, value)) {
		st->field_count = 0;
		return;
	}
	st->fields[st->field_count++] = (struct h2_field){
		.at = (uint32_t)at,
		.name = (uint16_t)name.len,
		.value = (uint16_t)value.len,
		.pseudo = (uint8_t)pseudo_of(name),
	};
	note_length(st, name, value);
}

void h2_stream_end_head(struct h2_stream *st, const struct h2_limits *limits)
{
	st->has_head = true;
	if (st->excess == H2_NO_EXCESS && st->announced > limits->body)
		st->excess = H2_BODY_TOO_LARGE;
}

void h2_stream_add_body(struct h2_stream *st, const struct h2_limits *limits, struct span data)
{
	if (st->excess == H2_NO_EXCESS && !st->is_handed)
		keep(st, limits, &st->body, limits->body, H2_BODY_TOO_LARGE, data);
}

void h2_stream_request(
	const struct h2_stream *st, struct h2_header *headers, struct h2_request *out)
{
	struct span *const pseudo[H2_PSEUDO_MAX] = { &out->method, &out->scheme, &out->authority,
		&out->path };
	const uint8_t *head = bytes_view(&st->head).p;

	*out = (struct h2_request){
		.stream = st->id,
		.headers = headers,
		.body = bytes_view(&st->body),
		.excess = st->excess,
	};
	for (unsigned i = 0; i < st->field_count; i++) {
		const struct h2_field *f = &st->fields[i];
		struct span value = SPAN(head + f->at + f->name, f->value);

		if (f->pseudo < H2_PSEUDO_MAX)
			*pseudo[f->pseudo] = value;
		else
			headers[out->header_count++] =
				(struct h2_header){ SPAN(head + f->at, f->name), value };
	}
	if (out->authority.len == 0) /* RFC 9113 8.3.1: either will do */
		out->authority = h2_header(out, "host");
}

struct span h2_header(const struct h2_request *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++) {
		if (span_eq(r->headers[i].name, SPAN_STR(name)))
			return r->headers[i].value;
	}
	return SPAN_NONE;
}

bool h2_stream_take_answer(struct h2_stream *st, struct span body)
{
	if (!bytes_append(&st->answer, body))
		return false;
	*st->held += body.len;
	return true;
}

size_t h2_stream_give(struct h2_stream *st, uint8_t *buf, size_t cap)
{
	struct span rest = bytes_view(&st->answer);
	size_t n = rest.len < cap ? rest.len : cap;

	if (n > 0)
		memcpy(buf, rest.p, n);
	bytes_take(&st->answer, n);
	*st->held -= n;
	return n;
}
