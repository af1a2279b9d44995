/*
 * stream_filter.h: what may stand between a byte stream and the text in it, as
 * TLS does. Bytes in, bytes out, no I/O:
 *
 *     f = factory->ops->create(factory);
 *     f->ops->feed(f, bytes from the wire);       then read() until it gives nothing
 *     f->ops->write(f, text);                     when pending() is empty
 *     bytes for the wire = f->ops->pending(f);    after each of the calls above
 *     f->ops->sent(f, n);                         so many of them have left
 *     f->ops->destroy(f);
 *
 * Whoever carries bytes (dcmf/io) runs any filter he is handed and knows
 * none of them; dtls/stream.h is one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcmf/base/span.h"

/* The most that write() takes at once, and that feed() takes beyond what read() has used up. */
#define FILTER_WRITE_MAX 16384
#define FILTER_FEED_MAX  65536
/* Of peer() and failure(), with its end. */
#define FILTER_TEXT_MAX 320

enum filter_state {
	FILTER_HANDSHAKING, /* text waits */
	FILTER_OPEN,        /* the peer is known, text flows */
	FILTER_ENDED,       /* the peer has said that it sends no more; it may still listen */
	FILTER_FAILED,      /* for good; pending() may hold a last word for the peer */
};

/* The filter of one connection. */
struct filter {
	const struct filter_ops *ops;
};

/* Makes filters. Whoever made the factory may drop it while its filters live. */
struct filter_factory {
	const struct filter_ops *ops;
};

struct filter_ops {
	/* NULL: out of memory. Of a client the first bytes for the wire are pending then. */
	struct filter *(*create)(struct filter_factory *factory);
	void (*destroy)(struct filter *f); /* sends nothing */

	/* Bytes from the wire, copied. False: the state is FILTER_FAILED now. */
	bool (*feed)(struct filter *f, struct span wire);
	/* The next text, at most `cap` bytes; 0: none at the moment, look at the state. */
	size_t (*read)(struct filter *f, uint8_t *buf, size_t cap);
	/* Takes the front of the text, at most FILTER_WRITE_MAX; 0: nothing, look at the state. */
	size_t (*write)(struct filter *f, struct span text);
	/* We send no more: the peer is told. Twice is harmless. */
	void (*close)(struct filter *f);

	/* Bytes for the wire; valid until the next call. */
	struct span (*pending)(const struct filter *f);
	void (*sent)(struct filter *f, size_t n);

	enum filter_state (*state)(const struct filter *f);
	/*
	 * Who is there, by what it has proved: one line without control
	 * characters. "" before FILTER_OPEN.
	 */
	const char *(*peer)(const struct filter *f);
	/* What guards the stream: "TLSv1.3 TLS_AES_128_GCM_SHA256"; valid until the next call of it. */
	const char *(*protection)(const struct filter *f);
	/* Why the state is FILTER_FAILED, in words for an operator; "" otherwise. */
	const char *(*failure)(const struct filter *f);
};
