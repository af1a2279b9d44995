/* server_http.c: an HTTP server with one application: its list, and its package of bytes that a client can work out. */
#include <stdio.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "tools/dcsf/synthetic.h"
#include "tools/load/server_parts.h"

#define HEAD_MAX 8192
#define ETAG     "\"server-1\""

static const char list[] = "{\"appNum\":1,\"beginIndex\":0,\"totalAppNum\":1,\"applications\":[{"
			   "\"appId\":\"" SERVER_APP "\"}]}";

static bool put(struct bytes *out, const char *status, size_t length, struct span body)
{
	char head[256];
	int n = snprintf(head, sizeof(head),
		"HTTP/1.1 %s\r\nContent-Length: %zu\r\nETag: " ETAG
		"\r\nContent-Type: application/octet-stream\r\n\r\n",
		status, length);

	return bytes_append(out, SPAN(head, (size_t)n)) && bytes_append(out, body);
}

static bool put_package(struct bytes *out)
{
	static uint8_t package[SERVER_BYTES];

	synthetic_fill(synthetic_seed(SERVER_APP), 0, package, sizeof(package));
	return put(out, "200 OK", sizeof(package), SPAN_OF(package));
}

/* `head` is terminated. Requests have no bodies here. */
static bool answer(struct bytes *out, const char *head)
{
	if (strncmp(head, "GET ", 4) != 0)
		return put(out, "405 Method Not Allowed", 0, SPAN_NONE);
	if (strstr(head, "If-None-Match: " ETAG) != NULL ||
		strstr(head, "if-none-match: " ETAG) != NULL)
		return put(out, "304 Not Modified", 0, SPAN_NONE);
	if (strstr(head, "/applicationlist?") != NULL)
		return put(out, "200 OK", sizeof(list) - 1, SPAN(list, sizeof(list) - 1));
	if (strstr(head, "/applications?") != NULL)
		return put_package(out);
	return put(out, "404 Not Found", 0, SPAN_NONE);
}

bool server_answer_http(struct bytes *in, struct bytes *out)
{
	for (;;) {
		struct span view = bytes_view(in);
		const uint8_t *end =
			memmem(view.p ? view.p : (const uint8_t *)"", view.len, "\r\n\r\n", 4);
		char head[HEAD_MAX];

		if (end == NULL)
			return view.len < HEAD_MAX;
		if ((size_t)(end - view.p) >= sizeof(head))
			return false;
		memcpy(head, view.p, (size_t)(end - view.p));
		head[end - view.p] = '\0';
		if (!answer(out, head))
			return false;
		bytes_take(in, (size_t)(end - view.p) + 4);
	}
}
