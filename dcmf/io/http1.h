/* http1.h: what the folder's two HTTP/1.1 servers have in common (libevent's evhttp). For the other files of this folder only. */
#pragma once

#include <event2/http.h>

#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"
#include "dcmf/io/loop.h"

struct http1_config {
	/* Every method comes here, so that it is we who say 405. */
	void (*on_request)(struct evhttp_request *request, void *arg);
	void *arg;
	size_t max_body; /* bytes; longer ones get 413 */
	int idle_s;      /* a connection is kept so long for its next request */
};

/* Listens; evhttp_free() ends it. NULL: `failed` says why, naming the address. */
struct evhttp *http1_open(
	struct loop *l, const struct addr *at, const struct http1_config *config, char failed[256]);
/* Sends the answer, to HEAD without its body. Nobody is to store it. */
void http1_answer(
	struct evhttp_request *request, int status, const char *content_type, struct span body);
void http1_answer_text(struct evhttp_request *request, int status, const char *text);
