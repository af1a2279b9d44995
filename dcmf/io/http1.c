/* http1.c: what the folder's two HTTP/1.1 servers have in common. */
#include "dcmf/io/http1.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <unistd.h>

#include "dcmf/io/listen.h"

/* ours: neither operators nor SIP proxies have reason to send more */
enum { HEAD_BYTES = 16384 };

void http1_answer(
	struct evhttp_request *request, int status, const char *content_type, struct span body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	char length[24];

	snprintf(length, sizeof(length), "%zu", body.len);
	evhttp_add_header(headers, "Content-Length", length);
	evhttp_add_header(headers, "Content-Type", content_type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	if (body.len > 0 && evhttp_request_get_command(request) != EVHTTP_REQ_HEAD)
		evbuffer_add(evhttp_request_get_output_buffer(request), body.p, body.len);
	evhttp_send_reply(request, status, NULL, NULL);
}

void http1_answer_text(struct evhttp_request *request, int status, const char *text)
{
	http1_answer(request, status, "text/plain; charset=utf-8", SPAN_STR(text));
}

static bool accept_from(struct evhttp *http, const struct addr *at, char failed[256])
{
	int fd = listen_tcp(at, failed);

	if (fd < 0)
		return false;
	if (evhttp_accept_socket_with_handle(http, fd) != NULL)
		return true;
	snprintf(failed, 256, "out of memory");
	close(fd);
	return false;
}

struct evhttp *http1_open(
	struct loop *l, const struct addr *at, const struct http1_config *config, char failed[256])
{
	struct evhttp *http = evhttp_new(loop_base(l));

	if (http == NULL) {
		snprintf(failed, 256, "out of memory");
		return NULL;
	}
	evhttp_set_max_headers_size(http, HEAD_BYTES);
	evhttp_set_max_body_size(http, (ssize_t)config->max_body);
	evhttp_set_timeout(http, config->idle_s);
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
						 EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
						 EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
						 EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(http, config->on_request, config->arg);
	if (accept_from(http, at, failed))
		return http;
	evhttp_free(http);
	return NULL;
}
