/* posts.c: a small HTTP server for posted messages, on libevent's evhttp. */
#include "dcmf/io/posts.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/list.h"
#include "dcmf/base/slots.h"
#include "dcmf/io/listen.h"

/* Ours. Connections are kept for the next message so long. */
enum { HEAD_BYTES = 16384, IDLE_S = 60 };

struct posts {
	struct evhttp *http;
	struct posts_config config;
	struct slots waiting;
};

/* A message whose answer is still to come. */
struct post {
	struct posts *owner;
	slot_id id;
	struct evhttp_request *request;
};

static void post_free(struct post *post)
{
	slots_remove(&post->owner->waiting, post->id);
	mem_free(post);
}

static void answer(
	struct evhttp_request *request, int status, const char *content_type, struct span body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	char length[24];

	snprintf(length, sizeof(length), "%zu", body.len);
	evhttp_add_header(headers, "Content-Length", length);
	evhttp_add_header(headers, "Content-Type", content_type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	if (body.len > 0)
		evbuffer_add(evhttp_request_get_output_buffer(request), body.p, body.len);
	evhttp_send_reply(request, status, NULL, NULL);
}

static void answer_text(struct evhttp_request *request, int status, const char *text)
{
	answer(request, status, "text/plain; charset=utf-8", SPAN_STR(text));
}

/* The client is gone, and its request with the connection. */
static void on_close(struct evhttp_connection *connection, void *arg)
{
	struct post *post = arg;

	post_free(post);
}

static bool is_welcome(const struct posts *p, struct evhttp_request *request)
{
	const struct sockaddr *sa =
		evhttp_connection_get_addr(evhttp_request_get_connection(request));
	struct addr from;

	return p->config.may_post == NULL || (sa != NULL && addr_from_sockaddr(sa, &from) &&
						     p->config.may_post(p->config.arg, &from));
}

static struct post *post_new(struct posts *p, struct evhttp_request *request)
{
	struct post *post = mem_zalloc(sizeof(*post));

	if (post == NULL || (post->id = slots_add(&p->waiting, post)) == 0) {
		mem_free(post);
		return NULL;
	}
	post->owner = p;
	post->request = request;
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_close, post);
	return post;
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct posts *p = arg;
	struct evbuffer *in = evhttp_request_get_input_buffer(request);
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
	const char *type =
		evhttp_find_header(evhttp_request_get_input_headers(request), "Content-Type");
	size_t len = evbuffer_get_length(in);
	struct post *post;

	if (!is_welcome(p, request)) {
		answer_text(request, 403, "not from there\n");
		return;
	}
	if (evhttp_request_get_command(request) != EVHTTP_REQ_POST) {
		evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "POST");
		answer_text(request, 405, "only POST\n");
		return;
	}
	if ((post = post_new(p, request)) == NULL) {
		answer_text(request, 503, "out of memory\n");
		return;
	}
	p->config.posted(p->config.arg, post->id, path != NULL ? path : "",
		type != NULL ? type : "", SPAN(len > 0 ? evbuffer_pullup(in, -1) : NULL, len));
}

static int accept_from(struct posts *p, const struct addr *at, char failed[256])
{
	int fd = listen_tcp(at, failed);

	if (fd < 0)
		return -1;
	if (evhttp_accept_socket_with_handle(p->http, fd) != NULL)
		return 0;
	snprintf(failed, 256, "out of memory");
	close(fd);
	return -1;
}

struct posts *posts_create(
	struct loop *l, const struct addr *at, const struct posts_config *config, char failed[256])
{
	struct posts *p = mem_zalloc(sizeof(*p));

	if (p == NULL || (p->http = evhttp_new(loop_base(l))) == NULL) {
		snprintf(failed, 256, "out of memory");
		posts_destroy(p);
		return NULL;
	}
	p->config = *config;
	evhttp_set_max_headers_size(p->http, HEAD_BYTES);
	evhttp_set_max_body_size(p->http, (ssize_t)config->max_body);
	evhttp_set_timeout(p->http, IDLE_S);
	/* all of them, so that it is we who say 405 */
	evhttp_set_allowed_methods(p->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
						    EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
						    EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
						    EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(p->http, on_request, p);
	if (accept_from(p, at, failed) != 0) {
		posts_destroy(p);
		return NULL;
	}
	return p;
}

void posts_destroy(struct posts *p)
{
	struct post *post;
	size_t at = 0;

	if (p == NULL)
		return;
	while ((post = slots_next(&p->waiting, &at)) != NULL) {
		evhttp_connection_set_closecb(
			evhttp_request_get_connection(post->request), NULL, NULL);
		post_free(post);
	}
	slots_finish(&p->waiting);
	if (p->http != NULL)
		evhttp_free(p->http);
	mem_free(p);
}

void posts_answer(
	struct posts *p, uint64_t id, int status, const char *content_type, struct span body)
{
	struct post *post = slots_get(&p->waiting, id);
	struct evhttp_request *request;

	if (post == NULL)
		return;
	request = post->request;
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
	post_free(post);
	answer(request, status, content_type, body);
}
