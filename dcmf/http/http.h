/*
 * http.h: HTTP/1.1 as it is spoken on a bootstrap channel (TS 26.114
 * 6.2.10.1), as bytes in and events out.
 *
 * A channel is a byte stream: message borders mean nothing. Phones send no Host, sometimes an
 * absolute-form target with or without an authority ("http:/path"); they take a reply as complete
 * when Content-Length bytes have come, and at once when there is no Content-Length.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcmf/base/err.h"
#include "dcmf/base/span.h"

#define HTTP_METHOD_MAX  16
#define HTTP_TARGET_MAX  8192  /* bytes of a request target, ours */
#define HTTP_HEAD_MAX    32768 /* bytes of a whole request head, ours */
#define HTTP_HEADERS_MAX 64

struct http_header {
	struct span name, value; /* value trimmed */
};

/* One list of headers with storage of its own. Zeroed is empty. */
struct http_headers {
	struct http_header h[HTTP_HEADERS_MAX];
	size_t count;
};

/* The first header of that name (any case), or NULL. */
const struct http_header *http_headers_get(const struct http_headers *hs, struct span name);

/*
 * Requests of one byte stream.
 *
 *     do ev = http_request_feed(r, &rest) while (ev == HTTP_HEAD || ev == HTTP_BODY)
 *
 * feed() eats from the front of *in and returns the next event; HTTP_MORE when all is eaten. Call
 * it until then, also with nothing left to eat: HTTP_END follows HTTP_HEAD without a byte when
 * there is no body. After HTTP_END it eats nothing, and says HTTP_END again, until
 * http_request_next() is called: a second request that came back to back waits in the caller's
 * buffer. After HTTP_ERROR the stream is of no use any more, and every feed says so.
 *
 * An idle object owns no memory but itself.
 */
struct http_request;

enum http_event {
	HTTP_MORE,  /* all eaten, nothing complete yet */
	HTTP_HEAD,  /* method, target and headers are valid until http_request_next() */
	HTTP_BODY,  /* http_request_body(): bytes valid until the next feed */
	HTTP_END,   /* the request is complete */
	HTTP_ERROR, /* http_request_status() and http_request_reason() say what to answer */
};

struct http_request *http_request_create(void);
void http_request_destroy(struct http_request *r);

enum http_event http_request_feed(struct http_request *r, struct span *in);
void http_request_next(struct http_request *r);

struct span http_request_method(const struct http_request *r);
struct span http_request_target(const struct http_request *r); /* as sent */
const struct http_headers *http_request_headers(const struct http_request *r);
/* Content-Length; -1: chunked body (decoded before it is handed out); 0: none. */
int64_t http_request_length(const struct http_request *r);
struct span http_request_body(const struct http_request *r);
bool http_request_expects_continue(const struct http_request *r);
/* Is a request begun and not ended? Half a request and silence is somebody's timeout. */
bool http_request_is_open(const struct http_request *r);
/*
 * What to answer after HTTP_ERROR: 400, 414, 417, 431, 501, 503 (out of memory), 505; and a
 * sentence that says why.
 */
int http_request_status(const struct http_request *r);
const char *http_request_reason(const struct http_request *r);

/* An absolute http or https URL, split. The spans point into the text. */
struct http_url {
	bool https;
	struct span host;      /* without brackets */
	uint16_t port;         /* explicit, or 80 / 443 */
	struct span authority; /* host[:port] as written, userinfo refused */
	struct span path;      /* begins with '/', or is empty */
	struct span query;     /* without '?', may be empty; has_query tells "?" from nothing */
	bool has_query;
};

/*
 * ERR_MALFORMED: no absolute http(s) URL, userinfo, fragment, control
 * bytes or blanks, no host, bad port.
 */
enum err http_url_parse(struct span text, struct http_url *out);

/*
 * The URL to fetch for what the UE asked: `target` in origin or absolute form is cut to path and
 * query, refused with ERR_MALFORMED when it holds a dot-dot segment (encoded ones too), control
 * bytes or does not begin with '/', with ERR_TOO_LONG beyond HTTP_TARGET_MAX; then joined to
 * `base`. The result is mem_alloc'ed.
 */
enum err http_rewrite_target(struct span base, struct span target, char **url);
/*
 * A Location of the server, back under the channel's root: what lies below `base` becomes an
 * origin-form target, anything else is returned as it is. mem_alloc'ed; NULL: out of memory.
 */
char *http_rewrite_location(struct span base, struct span location);

/*
 * Is this header end-to-end, so that a proxy passes it on? False for the hop-by-hop ones (RFC 9110
 * 7.6.1), those that the Connection header of the same message names, Host, Content-Length,
 * Transfer-Encoding, Expect, Via-like proxy headers a client made up (Forwarded, X-Forwarded-*,
 * X-Real-IP, Proxy-*).
 */
bool http_header_passes(const struct http_headers *all, const struct http_header *h);

const char *http_status_text(int status); /* "Not Found"; "Status" for one we do not know */

/*
 * A response head: status line, the passing headers, Content-Length when `length` >= 0 and the
 * status allows a body (never on 1xx, 204, 304), and the empty line. Returns mem_alloc'ed bytes;
 * NULL: out of memory. Header names or values with control bytes are left out.
 */
uint8_t *http_response_head(
	int status, const struct http_headers *headers, int64_t length, size_t *len);
/*
 * A whole small response of our own: text/plain, Content-Length, the sentence as its body (left out
 * of the body for HEAD).
 */
uint8_t *http_response_own(int status, const char *sentence, bool head_only, size_t *len);
