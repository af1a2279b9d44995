/* posts.c: a small HTTP server for posted messages, on libevent's evhttp. */
#include "dcmf/io/posts.h"

#include <event2/buffer.h>
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/slots.h"
#include "dcmf/io/http1.h"

/* Ours: connections are kept for the next message so long. */
enum { IDLE_S = 60 };

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
		http1_answer_text(request, 403, "not from there\n");
		return;
	}
	if (evhttp_request_get_command(request) != EVHTTP_REQ_POST) {
		evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "POST");
		http1_answer_text(request, 405, "only POST\n");
		return;
	}
	if ((post = post_new(p, request)) == NULL) {
		http1_answer_text(request, 503, "out of memory\n");
		return;
	}
	p->config.posted(p->config.arg, post->id, path != NULL ? path : "",
		type != NULL ? type : "", SPAN(len > 0 ? evbuffer_pullup(in, -1) : NULL, len));
}

struct posts *posts_create(
	struct loop *l, const struct addr *at, const struct posts_config *config, char failed[256])
{
	struct posts *p = mem_zalloc(sizeof(*p));
	const struct http1_config http = { on_request, p, config->max_body, IDLE_S };

	if (p == NULL) {
		snprintf(failed, 256, "out of memory");
		return NULL;
	}
	p->config = *config;
	if ((p->http = http1_open(l, at, &http, failed)) == NULL) {
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
	http1_answer(request, status, content_type, body);
}
