/* worker_upstream.c: the relay's HTTP exchanges on the worker's HTTP client. */
#include <stdio.h>

#include "dcmf/base/counters.h"
#include "dcmf/worker/worker_parts.h"
#include "dtls/describe.h"

static void head(void *arg, uint64_t tag, int status, const struct upstream_header *h, size_t n,
	int64_t length, const char *protection)
{
	struct worker *w = arg;
	struct http_headers *hs = mem_zalloc(sizeof(*hs));

	if (hs == NULL) {
		count(allocation_failed_total);
		relay_upstream_end(w->relay, loop_now(w->loop), tag, "out of memory", false);
		return;
	}
	for (size_t i = 0; i < n && hs->count < HTTP_HEADERS_MAX; i++)
		hs->h[hs->count++] = (struct http_header){ h[i].name, h[i].value };
	relay_upstream_head(w->relay, loop_now(w->loop), tag, status, hs, length, protection);
	mem_free(hs);
}

static bool body(void *arg, uint64_t tag, struct span bytes)
{
	struct worker *w = arg;

	return relay_upstream_body(w->relay, loop_now(w->loop), tag, bytes);
}

static void end(void *arg, uint64_t tag, const char *failed, bool timed_out)
{
	struct worker *w = arg;

	relay_upstream_end(w->relay, loop_now(w->loop), tag, failed, timed_out);
}

static void writable(void *arg, uint64_t tag)
{
	struct worker *w = arg;

	relay_upstream_writable(w->relay, loop_now(w->loop), tag);
}

bool worker_upstream_open(struct worker *w, char failed[256])
{
	w->upstream = upstream_create(
		w->loop, &(struct upstream_config){
				 .connect_timeout_ms = 5000,
				 .response_timeout_ms = 15000,
				 /* ours: a slow phone keeps one for as long as its reply lasts */
				 .max_connections_per_host = 512,
				 .describe_tls = tls_describe,
				 .head = head,
				 .body = body,
				 .end = end,
				 .writable = writable,
				 .arg = w,
			 });
	if (w->upstream == NULL)
		snprintf(failed, 256, "the HTTP client cannot be started: out of memory");
	return w->upstream != NULL;
}

void worker_upstream_close(struct worker *w)
{
	upstream_destroy(w->upstream);
}

uint64_t worker_request_start(void *world, const struct relay_request *request)
{
	struct worker *w = world;
	struct upstream_header headers[HTTP_HEADERS_MAX + 4];
	size_t n = 0;

	for (; n < request->header_count && n < sizeof(headers) / sizeof(headers[0]); n++)
		headers[n] = (struct upstream_header){ request->headers[n].name,
			request->headers[n].value };
	return upstream_start(w->upstream, &(struct upstream_request){
						   .tag = request->tag,
						   .method = request->method,
						   .url = request->url,
						   .connect = request->connect,
						   .headers = headers,
						   .header_count = n,
						   .body_length = request->body_length,
						   .tls = &w->tls[request->hop]->http,
					   });
}

size_t worker_request_write(void *world, uint64_t request, struct span bytes)
{
	struct worker *w = world;

	return upstream_write(w->upstream, request, bytes);
}

void worker_request_finish(void *world, uint64_t request)
{
	struct worker *w = world;

	upstream_finish(w->upstream, request);
}

void worker_request_resume(void *world, uint64_t request)
{
	struct worker *w = world;

	upstream_resume(w->upstream, request);
}

void worker_request_cancel(void *world, uint64_t request)
{
	struct worker *w = world;

	upstream_cancel(w->upstream, request);
}
