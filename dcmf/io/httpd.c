/* httpd.c: a small HTTP server for operators, on libevent's evhttp. */
#include "dcmf/io/httpd.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/listen.h"

/* Ours: nobody has reason to send more to a page that only shows. */
enum { HEAD_BYTES = 16384, BODY_BYTES = 16384, IDLE_S = 15 };

struct httpd {
	struct evhttp *http;
	httpd_handler *handler;
	void *arg;
};

struct httpd_reply {
	struct evhttp_request *request;
	bool is_answered;
};

void httpd_answer(struct httpd_reply *r, int status, const char *content_type, struct span body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(r->request);
	struct evbuffer *out = evhttp_request_get_output_buffer(r->request);
	char length[24];

	if (r->is_answered)
		return;
	r->is_answered = true;
	snprintf(length, sizeof(length), "%zu", body.len);
	evhttp_add_header(headers, "Content-Length", length);
	evhttp_add_header(headers, "Content-Type", content_type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	if (body.len > 0 && evhttp_request_get_command(r->request) != EVHTTP_REQ_HEAD)
		evbuffer_add(out, body.p, body.len);
	evhttp_send_reply(r->request, status, NULL, NULL);
}

static void answer_text(struct httpd_reply *r, int status, const char *text)
{
	httpd_answer(r, status, "text/plain; charset=utf-8", SPAN_STR(text));
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct httpd *h = arg;
	struct httpd_reply reply = { .request = request };
	const char *raw = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
	size_t len = 0;
	char *path;

	switch (evhttp_request_get_command(request)) {
	case EVHTTP_REQ_GET:
	case EVHTTP_REQ_HEAD: break;
	default:
		evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "GET, HEAD");
		answer_text(&reply, 405, "only GET and HEAD\n");
		return;
	}
	path = evhttp_uridecode(raw != NULL && raw[0] != '\0' ? raw : "/", 0, &len);
	if (path == NULL || strlen(path) != len)
		answer_text(&reply, 400, "bad path\n");
	else
		h->handler(h->arg, path, &reply);
	free(path);
	if (!reply.is_answered)
		answer_text(&reply, 404, "not found\n");
}

static int accept_from(struct httpd *h, const struct addr *at, char failed[256])
{
	int fd = listen_tcp(at, failed);

	if (fd < 0)
		return -1;
	if (evhttp_accept_socket_with_handle(h->http, fd) != NULL)
		return 0;
	snprintf(failed, 256, "out of memory");
	close(fd);
	return -1;
}

struct httpd *httpd_create(
	struct loop *l, const struct addr *at, httpd_handler *handler, void *arg, char failed[256])
{
	struct httpd *h = mem_zalloc(sizeof(*h));

	if (h == NULL || (h->http = evhttp_new(loop_base(l))) == NULL) {
		snprintf(failed, 256, "out of memory");
		httpd_destroy(h);
		return NULL;
	}
	h->handler = handler;
	h->arg = arg;
	evhttp_set_max_headers_size(h->http, HEAD_BYTES);
	evhttp_set_max_body_size(h->http, BODY_BYTES);
	evhttp_set_timeout(h->http, IDLE_S);
	/* all of them, so that it is we who say 405 */
	evhttp_set_allowed_methods(h->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
						    EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
						    EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
						    EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(h->http, on_request, h);
	if (accept_from(h, at, failed) != 0) {
		httpd_destroy(h);
		return NULL;
	}
	return h;
}

void httpd_destroy(struct httpd *h)
{
	if (h == NULL)
		return;
	if (h->http != NULL)
		evhttp_free(h->http);
	mem_free(h);
}
