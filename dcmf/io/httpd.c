/* httpd.c: a small HTTP server for operators, on libevent's evhttp. */
#include "dcmf/io/httpd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/http1.h"

/* Ours: nobody has reason to send more to a page that only shows. */
enum { BODY_BYTES = 16384, IDLE_S = 15 };

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
	if (r->is_answered)
		return;
	r->is_answered = true;
	evhttp_add_header(
		evhttp_request_get_output_headers(r->request), "X-Content-Type-Options", "nosniff");
	http1_answer(r->request, status, content_type, body);
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

struct httpd *httpd_create(
	struct loop *l, const struct addr *at, httpd_handler *handler, void *arg, char failed[256])
{
	struct httpd *h = mem_zalloc(sizeof(*h));
	const struct http1_config config = { on_request, h, BODY_BYTES, IDLE_S };

	if (h == NULL) {
		snprintf(failed, 256, "out of memory");
		return NULL;
	}
	h->handler = handler;
	h->arg = arg;
	if ((h->http = http1_open(l, at, &config, failed)) == NULL) {
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
