/* h2_parts.h: what the h2*.c files share; nobody else includes it. */
#pragma once

#include "dcmf/base/bytes.h"
#include "dcmf/base/list.h"
#include "dcmf/io/h2_session.h"

enum h2_pseudo { H2_METHOD, H2_SCHEME, H2_AUTHORITY, H2_PATH, H2_PSEUDO_MAX, H2_PLAIN };

/* A field in h2_stream.head: its name, then its value. */
struct h2_field {
	uint32_t at;
	uint16_t name, value; /* bytes */
	uint8_t pseudo;       /* enum h2_pseudo */
};

/* A request as it comes, and its answer as it goes. */
struct h2_stream {
	struct list_node
		on_list; /* of receiving or taking ones, by deadline; alone between the two */
	tick_t deadline;
	int32_t id;
	size_t *held; /* of all sessions */
	struct bytes head, body, answer;
	size_t head_size; /* as RFC 9113 6.5.2 counts */
	struct h2_field fields[H2_HEADERS_MAX];
	unsigned field_count;
	uint64_t announced; /* content-length */
	enum h2_excess excess;
	bool has_head, is_whole;     /* nothing more of it comes */
	bool is_handed, is_answered; /* the owner has it; it has answered */
};

struct h2_stream *h2_stream_create(int32_t id, size_t *held); /* NULL: out of memory */
void h2_stream_destroy(struct h2_stream *st);
void h2_stream_add_field(
	struct h2_stream *st, const struct h2_limits *limits, struct span name, struct span value);
void h2_stream_end_head(struct h2_stream *st, const struct h2_limits *limits);
void h2_stream_add_body(struct h2_stream *st, const struct h2_limits *limits, struct span data);
/* Nobody needs what came any more. */
void h2_stream_forget_request(struct h2_stream *st);
/* `headers` has room for H2_HEADERS_MAX. */
void h2_stream_request(
	const struct h2_stream *st, struct h2_header *headers, struct h2_request *out);
bool h2_stream_take_answer(struct h2_stream *st, struct span body); /* false: out of memory */
/* The next bytes of the answer's body. */
size_t h2_stream_give(struct h2_stream *st, uint8_t *buf, size_t cap);
