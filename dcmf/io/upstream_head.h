/*
 * upstream_head.h: collects the lines of a response head until it is complete;
 * 1xx heads vanish. For upstream.c only.
 */
#pragma once

#include <stdint.h>

#include "dcmf/base/bytes.h"
#include "dcmf/io/upstream.h"

enum {
	UPSTREAM_HEAD_BYTES = 65536, /* ours: of all header lines */
	UPSTREAM_HEAD_LINES = 256,   /* ours */
};

enum upstream_head_state { HEAD_MORE, HEAD_COMPLETE, HEAD_BAD };

struct upstream_head {
	struct bytes text; /* "name: value\n" each, unfolded */
	int status;
	int64_t length; /* Content-Length, -1: not said or chunked */
	size_t count;
	bool is_complete;               /* what follows are trailers, which nobody asked for */
	const char *failed;             /* after HEAD_BAD: why */
	struct upstream_header *header; /* after HEAD_COMPLETE: `count` of them, into `text` */
};

void upstream_head_init(struct upstream_head *h);
void upstream_head_finish(struct upstream_head *h);
/* One line with its end, as curl hands them out: status line first, the blank one last. */
enum upstream_head_state upstream_head_line(struct upstream_head *h, struct span line);
