/*
 * route_http.c: a channel as HTTP/1.1: requests of a phone go to the DCSF (MDC1) or an application
 * server (MDC2), one after the other, and come back with a Content-Length, because a phone takes
 * a reply without one as complete at once.
 *
 *     channel ─ bytes ─► request parser ─ target rewritten ─► `to_server` ─► upstream
 *     channel ◄─ pieces of the peer's size ◄─ `to_phone` ◄──── head, body ◄─ upstream
 *
 * `to_server` holds what upstream has not taken; upstream is paused while `to_phone` is full.
 * The head of a reply is kept back until KEEP_BYTES of it are there or it is complete, so that a
 * server which dies early still becomes a clean 502.
 */
#include <stdio.h>

#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/relay/route_http.h"

static void silent(void *arg, tick_t now);

static struct http_route *route_of(struct channel *ch)
{
	struct http_route *h = ch->state;

	if (h != NULL)
		return h;
	if ((h = mem_zalloc(sizeof(*h))) == NULL)
		return NULL;
	if (!timers_reserve(&channel_relay(ch)->timers)) {
		mem_free(h);
		return NULL;
	}
	if ((h->request = http_request_create()) == NULL) {
		timers_release(&channel_relay(ch)->timers);
		mem_free(h);
		return NULL;
	}
	h->channel = ch;
	timer_init(&h->silence, silent, h);
	h->to_server.limit = FEED_BYTES;
	h->to_phone.limit = TO_PHONE_BYTES + (HTTP_HEAD_MAX << 1);
	h->whole.limit = http_route_relay(h)->config.response_buffer;
	ch->state = h;
	return h;
}

bool http_route_hold(struct http_route *h, struct bytes *q, struct span s)
{
	if (!bytes_append(q, s))
		return false;
	relay_buffered(http_route_relay(h), (int64_t)s.len);
	return true;
}

static void release(struct http_route *h, struct bytes *q, size_t n)
{
	relay_buffered(http_route_relay(h), -(int64_t)n);
	bytes_take(q, n);
}

void http_route_release_all(struct http_route *h, struct bytes *q)
{
	relay_buffered(http_route_relay(h), -(int64_t)q->len);
	bytes_finish(q);
}

static const struct root_spec *find_root(const struct http_route *h)
{
	const struct media_spec *spec = &h->channel->leg->media->spec;
	const struct root_spec *any = NULL;

	for (unsigned i = 0; i < spec->root_count; i++) {
		if (spec->roots[i].sid == h->channel->sid)
			return &spec->roots[i];
		if (spec->roots[i].sid == ROOT_ANY_SID)
			any = &spec->roots[i];
	}
	return any;
}

/* --- the reply toward the phone --- */

void http_route_forget_headers(struct http_route *h)
{
	mem_free(h->headers);
	mem_free(h->header_bytes);
	h->headers = NULL;
	h->header_bytes = NULL;
}

/* The server is of no interest any more: what it still says finds nobody. */
static void forget_upstream(struct http_route *h)
{
	struct relay *r = http_route_relay(h);

	if (h->upstream != 0) {
		r->config.ops->request_cancel(r->config.world, h->upstream);
		count_add(upstream_requests, -1);
	}
	h->upstream = 0;
	slots_remove(&r->exchanges, h->tag);
	h->tag = 0;
	http_route_release_all(h, &h->to_server);
}

void http_route_give_up(struct http_route *h, enum close_reason reason)
{
	forget_upstream(h);
	count(http_aborted_total);
	channel_close(h->channel, reason);
}

void http_route_reply(struct http_route *h, uint8_t *bytes, size_t len)
{
	bool ok = bytes != NULL && http_route_hold(h, &h->to_phone, SPAN(bytes, len));

	mem_free(bytes);
	if (!ok) {
		count(allocation_failed_total);
		http_route_give_up(h, CLOSE_NO_MEMORY);
	}
}

/*
 * An answer of our own. What the server had said of this exchange, and
 * did not leave yet, is taken back.
 */
static void answer(struct http_route *h, int status, const char *sentence)
{
	size_t len = 0;
	uint8_t *bytes;

	forget_upstream(h);
	http_route_forget_headers(h);
	http_route_release_all(h, &h->whole);
	http_route_release_all(h, &h->to_phone);
	h->answered = true;
	h->discard = true;
	h->status = status;
	bytes = http_response_own(status, sentence, h->is_head, &len);
	http_route_reply(h, bytes, len);
}

static void refuse(struct http_route *h, int status, const char *sentence)
{
	char subject[SUBJECT_MAX];

	if (status != 503)
		count(http_bad_requests_total);
	else
		count(allocation_failed_total); /* or too much of it in use */
	log_debug(media_subject(h->channel->leg->media, subject), "stream %u: %d %s",
		h->channel->sid, status, sentence);
	answer(h, status, sentence);
}

void http_route_failed(struct http_route *h, int status, const char *why, const char *told)
{
	struct media *m = h->channel->leg->media;
	const struct root_spec *root = find_root(h);
	uint8_t hop = root != NULL ? root->hop : HOP_MDC1;
	char subject[SUBJECT_MAX];

	count(http_upstream_failed_total);
	log_warn(media_subject(m, subject), "stream %u: %s failed: %s", h->channel->sid,
		hop_name(hop), why);
	relay_say_of(m, (enum hop)hop, RELAY_EVENT_MDC_FAILED, h->channel->sid, CLOSE_NONE, why);
	if (h->head_out)
		http_route_give_up(h, status == 503 ? CLOSE_NO_MEMORY : CLOSE_UPSTREAM);
	else
		answer(h, status, told);
}

/* The phone broke off its request. A reply that is whole already goes out first. */
static void phone_failed(
	struct http_route *h, enum close_reason reason, int status, const char *sentence)
{
	h->request_over = true;
	h->close_after = reason;
	if (h->answered)
		return;
	if (h->head_out)
		http_route_give_up(h, reason);
	else
		refuse(h, status, sentence);
}

/*
 * What cannot be sent leaves a hole in the stream. Where the channel is ending
 * anyway, its own close tells the rest.
 */
static void cannot_send(struct http_route *h, enum err err)
{
	bool is_ending = err == ERR_CLOSED || err == ERR_STATE || err == ERR_NOT_FOUND;

	http_route_release_all(h, &h->to_phone);
	if (is_ending)
		forget_upstream(h);
	else
		http_route_give_up(h, CLOSE_NO_MEMORY);
}

/* As many pieces as the association takes. */
static void send_to_phone(struct http_route *h)
{
	struct relay *r = http_route_relay(h);
	size_t piece = channel_piece(h->channel);

	if (!h->answered && !h->head_out && h->to_phone.len < KEEP_BYTES)
		return;
	while (h->to_phone.len > 0 && h->channel->why == CLOSE_NONE) {
		struct span s = bytes_view(&h->to_phone);
		enum err err = channel_send(h->channel, SPAN(s.p, s.len < piece ? s.len : piece));

		if (err == ERR_BLOCKED)
			break;
		if (err != ERR_OK) {
			cannot_send(h, err);
			return;
		}
		h->head_out = true;
		release(h, &h->to_phone, s.len < piece ? s.len : piece);
	}
	if (h->paused && h->upstream != 0 && h->to_phone.len < TO_PHONE_BYTES / 2) {
		h->paused = false;
		r->config.ops->request_resume(r->config.world, h->upstream);
	}
}

/* Was that all? Then the next request may be read. */
static bool finish_exchange(struct http_route *h)
{
	if (!h->answered || !h->request_over || h->to_phone.len > 0)
		return false;
	if (h->close_after != CLOSE_NONE) {
		channel_close(h->channel, h->close_after);
		return false;
	}
	forget_upstream(h);
	http_route_forget_headers(h);
	mem_free(h->base);
	h->base = NULL;
	h->request_over = h->finished = h->discard = h->answered = h->head_out = h->paused =
		h->is_head = false;
	h->status = 0;
	http_request_next(h->request);
	return true;
}

/* --- the request toward the server --- */

static size_t passing_headers(const struct http_route *h, struct http_header *out)
{
	const struct http_headers *all = http_request_headers(h->request);
	size_t n = 0;

	for (size_t i = 0; i < all->count; i++) {
		if (http_header_passes(all, &all->h[i]))
			out[n++] = all->h[i];
	}
	out[n++] = (struct http_header){ SPAN_LIT("Via"), SPAN_LIT("1.1 dcmf") };
	return n;
}

static bool start_upstream(struct http_route *h, const struct root_spec *root, const char *url)
{
	struct relay *r = http_route_relay(h);
	struct http_header headers[HTTP_HEADERS_MAX + 1];

	if ((h->tag = slots_add(&r->exchanges, h)) == 0)
		return false;
	h->upstream = r->config.ops->request_start(
		r->config.world, &(struct relay_request){
					 .tag = h->tag,
					 .method = http_request_method(h->request),
					 .url = url,
					 .connect = root->connect,
					 .hop = root->hop,
					 .headers = headers,
					 .header_count = passing_headers(h, headers),
					 .body_length = http_request_length(h->request),
				 });
	if (h->upstream == 0)
		return false;
	count_add(upstream_requests, 1);
	return true;
}

static void on_head(struct http_route *h)
{
	const struct root_spec *root = find_root(h);
	char *url = NULL;
	enum err err;

	count(http_requests_total);
	h->is_head = span_eq(http_request_method(h->request), SPAN_LIT("HEAD"));
	if (!relay_has_room(http_route_relay(h), 0)) {
		refuse(h, 503, "too much is under way here, try again");
		return;
	}
	if (root == NULL) {
		refuse(h, 404, "this stream has no application list");
		return;
	}
	err = http_rewrite_target(span_str(root->url), http_request_target(h->request), &url);
	if (err != ERR_OK) {
		refuse(h,
			err == ERR_TOO_LONG    ? 414
			: err == ERR_NO_MEMORY ? 503
					       : 400,
			"the request target is not acceptable");
		return;
	}
	mem_free(h->base);
	h->base = mem_strdup(root->url);
	if (!addr_is_set(&root->connect))
		http_route_server_failed(h, 502, "the address of the server is not known");
	else if (h->base == NULL || !start_upstream(h, root, url))
		http_route_server_failed(h, 502, "the request cannot be started");
	else if (http_request_expects_continue(h->request))
		channel_send(h->channel, SPAN_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
	mem_free(url);
}

void http_route_send_to_server(struct http_route *h)
{
	struct relay *r = http_route_relay(h);

	if (h->upstream != 0 && h->to_server.len > 0)
		release(h, &h->to_server,
			r->config.ops->request_write(
				r->config.world, h->upstream, bytes_view(&h->to_server)));
	if (h->upstream == 0 || h->finished || !h->request_over || h->to_server.len > 0)
		return;
	h->finished = true;
	r->config.ops->request_finish(r->config.world, h->upstream);
}

static void on_body(struct http_route *h)
{
	if (h->discard || h->upstream == 0)
		return;
	if (!http_route_hold(h, &h->to_server, http_request_body(h->request)))
		http_route_server_failed(h, 503, "out of memory");
	http_route_send_to_server(h);
}

static void on_error(struct http_route *h)
{
	/* the border of the next request is lost: answer, then reset the stream */
	phone_failed(h, CLOSE_HTTP_PROTOCOL, http_request_status(h->request),
		http_request_reason(h->request));
}

static void on_end(struct http_route *h)
{
	h->request_over = true;
	http_route_send_to_server(h);
}

/* Parses what is there, unless the server is slow or the reply is still on its way. */
static void read_requests(struct http_route *h)
{
	struct channel *ch = h->channel;

	while (h->to_server.len == 0 && !h->request_over && ch->why == CLOSE_NONE) {
		struct span all = bytes_view(&ch->in);
		struct span in = SPAN(all.p, all.len < FEED_BYTES ? all.len : FEED_BYTES);
		size_t before = in.len;
		enum http_event ev = http_request_feed(h->request, &in);

		switch (ev) {
		case HTTP_MORE: break;
		case HTTP_HEAD: on_head(h); break;
		case HTTP_BODY: on_body(h); break;
		case HTTP_END: on_end(h); break;
		case HTTP_ERROR: on_error(h); break;
		}
		if (ch->why == CLOSE_NONE)
			channel_took(ch, before - in.len);
		if (ev == HTTP_MORE && ch->in.len == 0)
			break;
	}
	if (ch->why == CLOSE_NONE)
		channel_took(ch, 0); /* nothing taken: the bound may be reached */
}

static void watch_silence(struct http_route *h)
{
	struct relay *r = http_route_relay(h);
	bool waits_for_phone =
		http_request_is_open(h->request) && !h->request_over && h->to_server.len == 0;

	if (!waits_for_phone)
		timer_cancel(&r->timers, &h->silence);
	if (!waits_for_phone || timer_is_pending(&h->silence))
		return;
	h->fed = r->now; /* its time begins only now that nobody else keeps it waiting */
	timer_set(&r->timers, &h->silence, tick_add(h->fed, r->config.request_us));
}

void http_route_pump(struct http_route *h)
{
	do {
		read_requests(h);
		send_to_phone(h);
	} while (h->channel->why == CLOSE_NONE && finish_exchange(h));
	watch_silence(h);
}

static void silent(void *arg, tick_t now)
{
	struct http_route *h = arg;
	struct relay *r = http_route_relay(h);

	if (h->channel->leg->held)
		h->fed = now; /* it cannot speak: its neighbours have filled the window */
	if (!tick_due(tick_add(h->fed, r->config.request_us), now)) {
		timer_set(&r->timers, &h->silence, tick_add(h->fed, r->config.request_us));
		return;
	}
	phone_failed(h, CLOSE_IDLE, 408, "the rest of the request did not come");
	http_route_pump(h);
}

/* --- what the channel says --- */

static void message(struct channel *ch, tick_t now, uint32_t ppid, struct span bytes)
{
	struct http_route *h;

	(void)ppid; /* text or binary, it is one byte stream; the empty message means nothing to it */
	if (bytes.len == 0 || !channel_append(ch, bytes))
		return;
	if ((h = route_of(ch)) == NULL) {
		count(allocation_failed_total);
		channel_close(ch, CLOSE_NO_MEMORY);
		return;
	}
	h->fed = now;
	http_route_pump(h);
}

static void writable(struct channel *ch, tick_t now)
{
	(void)now;
	if (ch->state != NULL)
		http_route_pump(ch->state);
}

static void destroy(struct channel *ch)
{
	struct http_route *h = ch->state;

	if (h == NULL)
		return;
	if (h->tag != 0 && !h->answered)
		count(http_aborted_total);
	forget_upstream(h);
	http_route_forget_headers(h);
	http_route_release_all(h, &h->to_phone);
	http_route_release_all(h, &h->whole);
	timer_cancel(&http_route_relay(h)->timers, &h->silence);
	timers_release(&http_route_relay(h)->timers);
	http_request_destroy(h->request);
	mem_free(h->base);
	mem_free(h);
	ch->state = NULL;
}

const struct route_ops route_http = {
	.name = "http", .message = message, .writable = writable, .destroy = destroy
};
