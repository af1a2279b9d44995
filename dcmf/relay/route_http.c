/*
 * route_http.c: a bootstrap channel as HTTP/1.1: requests of a phone go to the DCSF (MDC1), one after the other, and come back with
 * a Content-Length, because a phone takes a reply without one as complete at once.
 *
 *     channel bytes ─ request parser ─ target rewritten ─► upstream          `to_server` holds what it has not taken
 *     channel ◄─ pieces of the peer's size ◄─ `to_phone` ◄─ head, body ◄──── upstream   paused while `to_phone` is full
 *
 * The head of a reply is kept back until KEEP_BYTES of it are there or it is complete, so that a server which dies early still
 * becomes a clean 502.
 */
#include <stdio.h>

#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/relay/parts.h"

enum {
	FEED_BYTES = 16384,      /* ours: parsed at a time */
	KEEP_BYTES = 65536,      /* ours: of a reply before any of it leaves */
	TO_PHONE_BYTES = 262144, /* ours: of replies waiting for the phone; then the server waits */
};

struct http_route {
	struct channel *channel;
	struct http_request *request;
	struct timer silence; /* half a request and then nothing */
	tick_t fed;

	/* of the exchange under way */
	uint64_t tag;      /* 0: none */
	uint64_t upstream; /* the world's handle; 0: none, or over */
	bool request_over; /* the whole request was read */
	bool finished;     /* and the server has all of it */
	bool discard;      /* its body is of no interest any more */
	bool is_head;      /* the method is HEAD */
	bool answered;     /* the reply is complete in to_phone */
	bool head_out;     /* a byte of the reply may have left: 502 is no longer possible */
	bool paused;       /* the server waits for us */
	bool close_after;  /* reset the channel once the reply has left */
	int status;
	int64_t left; /* bytes of the body to come; -1: unknown, collected in `whole` */
	struct http_headers *headers; /* of a reply of unknown length, until it is complete */
	uint8_t *header_bytes;        /* what they point into */
	char *base;                   /* root of this exchange, for Location */
	struct bytes to_server, to_phone, whole;
};

static struct relay *relay_of(const struct http_route *h)
{
	return h->channel->leg->media->context->relay;
}

static void pump(struct http_route *h);
static void silent(void *arg, tick_t now);

static struct http_route *route_of(struct channel *ch)
{
	struct http_route *h = ch->state;

	if (h != NULL)
		return h;
	if ((h = mem_zalloc(sizeof(*h))) == NULL)
		return NULL;
	if ((h->request = http_request_create()) == NULL) {
		mem_free(h);
		return NULL;
	}
	h->channel = ch;
	timer_init(&h->silence, silent, h);
	h->to_server.limit = FEED_BYTES;
	h->to_phone.limit = TO_PHONE_BYTES + (HTTP_HEAD_MAX << 1);
	h->whole.limit = relay_of(h)->config.response_buffer;
	ch->state = h;
	return h;
}

static bool hold(struct bytes *q, struct span s)
{
	if (!bytes_append(q, s))
		return false;
	count_add(buffered_bytes, s.len);
	return true;
}

static void release(struct bytes *q, size_t n)
{
	count_add(buffered_bytes, -(int64_t)n);
	bytes_take(q, n);
}

static void release_all(struct bytes *q)
{
	count_add(buffered_bytes, -(int64_t)q->len);
	bytes_finish(q);
}

/* --- the reply toward the phone --- */

static void forget_headers(struct http_route *h)
{
	mem_free(h->headers);
	mem_free(h->header_bytes);
	h->headers = NULL;
	h->header_bytes = NULL;
}

/* The server is of no interest any more: what it still says finds nobody. */
static void forget_upstream(struct http_route *h)
{
	struct relay *r = relay_of(h);

	if (h->upstream != 0) {
		r->config.ops->request_cancel(r->config.world, h->upstream);
		count_add(upstream_requests, -1);
	}
	h->upstream = 0;
	slots_remove(&r->exchanges, h->tag);
	h->tag = 0;
	release_all(&h->to_server);
}

static void give_up(struct http_route *h, enum close_reason reason)
{
	forget_upstream(h);
	count(http_aborted_total);
	channel_close(h->channel, reason);
}

static void reply(struct http_route *h, uint8_t *bytes, size_t len)
{
	bool ok = bytes != NULL && hold(&h->to_phone, SPAN(bytes, len));

	mem_free(bytes);
	if (!ok) {
		count(allocation_failed_total);
		give_up(h, CLOSE_NO_MEMORY);
	}
}

/* An answer of our own. What the server had said of this exchange, and did not leave yet, is taken back. */
static void answer(struct http_route *h, int status, const char *sentence)
{
	size_t len = 0;

	forget_upstream(h);
	forget_headers(h);
	release_all(&h->whole);
	release_all(&h->to_phone);
	h->answered = true;
	h->discard = true;
	h->status = status;
	reply(h, http_response_own(status, sentence, h->is_head, &len), len);
}

static void refuse(struct http_route *h, int status, const char *sentence)
{
	char subject[SUBJECT_MAX];

	count(http_bad_requests_total);
	log_debug(media_subject(h->channel->leg->media, subject), "stream %u: %d %s",
		h->channel->sid, status, sentence);
	answer(h, status, sentence);
}

/*
 * The server failed. Before a byte of its reply has left the phone gets 502 or 504; after that only the end of the channel is
 * honest. `why` is for the operator and may name addresses: the phone is told `told`.
 */
static void server_failed_told(struct http_route *h, int status, const char *why, const char *told)
{
	struct media *m = h->channel->leg->media;
	char subject[SUBJECT_MAX];

	count(http_upstream_failed_total);
	log_warn(media_subject(m, subject), "stream %u: MDC1 failed: %s", h->channel->sid, why);
	relay_say(m, RELAY_EVENT_MDC_FAILED, h->channel->sid, CLOSE_NONE, why);
	if (h->head_out)
		give_up(h, CLOSE_HTTP_PROTOCOL);
	else
		answer(h, status, told);
}

/* As above, where the reason is ours and fit for both. */
static void server_failed(struct http_route *h, int status, const char *why)
{
	server_failed_told(h, status, why, why);
}

/* As many pieces as the association takes. */
static void send_to_phone(struct http_route *h)
{
	struct relay *r = relay_of(h);
	size_t piece = channel_piece(h->channel);

	if (!h->answered && !h->head_out && h->to_phone.len < KEEP_BYTES)
		return;
	while (h->to_phone.len > 0 && h->channel->why == CLOSE_NONE) {
		struct span s = bytes_view(&h->to_phone);
		enum err err = channel_send(h->channel, SPAN(s.p, s.len < piece ? s.len : piece));

		if (err == ERR_BLOCKED)
			break;
		if (err != ERR_OK) {
			release_all(&h->to_phone);
			return; /* the channel is ending: its close tells the rest */
		}
		h->head_out = true;
		release(&h->to_phone, s.len < piece ? s.len : piece);
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
	if (h->close_after) {
		channel_close(h->channel, CLOSE_HTTP_PROTOCOL);
		return false;
	}
	forget_upstream(h);
	forget_headers(h);
	mem_free(h->base);
	h->base = NULL;
	h->request_over = h->finished = h->discard = h->answered = h->head_out = h->paused =
		h->is_head = false;
	h->status = 0;
	http_request_next(h->request);
	return true;
}

/* --- the request toward the server --- */

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
	struct relay *r = relay_of(h);
	struct http_header headers[HTTP_HEADERS_MAX + 1];

	if ((h->tag = slots_add(&r->exchanges, h)) == 0)
		return false;
	h->upstream = r->config.ops->request_start(
		r->config.world, &(struct relay_request){
					 .tag = h->tag,
					 .method = http_request_method(h->request),
					 .url = url,
					 .connect = root->connect,
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
		server_failed(h, 502, "the address of the server is not known");
	else if (h->base == NULL || !start_upstream(h, root, url))
		server_failed(h, 502, "the request cannot be started");
	else if (http_request_expects_continue(h->request))
		channel_send(h->channel, SPAN_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
	mem_free(url);
}

static void send_to_server(struct http_route *h)
{
	struct relay *r = relay_of(h);

	if (h->upstream != 0 && h->to_server.len > 0)
		release(&h->to_server, r->config.ops->request_write(r->config.world, h->upstream,
					       bytes_view(&h->to_server)));
	if (h->upstream == 0 || h->finished || !h->request_over || h->to_server.len > 0)
		return;
	h->finished = true;
	r->config.ops->request_finish(r->config.world, h->upstream);
}

static void on_body(struct http_route *h)
{
	if (h->discard || h->upstream == 0)
		return;
	if (!hold(&h->to_server, http_request_body(h->request)))
		server_failed(h, 503, "out of memory");
	send_to_server(h);
}

static void on_error(struct http_route *h)
{
	/* the border of the next request is lost: answer, then reset the stream */
	h->request_over = true;
	h->close_after = true;
	if (h->head_out)
		give_up(h, CLOSE_HTTP_PROTOCOL);
	else
		refuse(h, http_request_status(h->request), http_request_reason(h->request));
}

static void on_end(struct http_route *h)
{
	h->request_over = true;
	send_to_server(h);
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
	struct relay *r = relay_of(h);
	bool waits_for_phone =
		http_request_is_open(h->request) && !h->request_over && h->to_server.len == 0;

	if (!waits_for_phone)
		timer_cancel(&r->timers, &h->silence);
	else if (!timer_is_pending(&h->silence) &&
		 !timer_set(&r->timers, &h->silence, tick_add(h->fed, r->config.request_us)))
		count(allocation_failed_total);
}

static void pump(struct http_route *h)
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
	struct relay *r = relay_of(h);

	if (!tick_due(tick_add(h->fed, r->config.request_us), now)) {
		timer_set(&r->timers, &h->silence, tick_add(h->fed, r->config.request_us));
		return;
	}
	h->request_over = true;
	h->close_after = true;
	if (h->head_out)
		give_up(h, CLOSE_IDLE);
	else
		refuse(h, 408, "the rest of the request did not come");
	pump(h);
}

/* --- what the channel says --- */

static void input(struct channel *ch, tick_t now)
{
	struct http_route *h = route_of(ch);

	if (h == NULL) {
		count(allocation_failed_total);
		channel_close(ch, CLOSE_NO_MEMORY);
		return;
	}
	h->fed = now;
	pump(h);
}

static void writable(struct channel *ch, tick_t now)
{
	(void)now;
	if (ch->state != NULL)
		pump(ch->state);
}

static void destroy(struct channel *ch)
{
	struct http_route *h = ch->state;

	if (h == NULL)
		return;
	if (h->tag != 0 && !h->answered)
		count(http_aborted_total);
	forget_upstream(h);
	forget_headers(h);
	release_all(&h->to_phone);
	release_all(&h->whole);
	timer_cancel(&relay_of(h)->timers, &h->silence);
	http_request_destroy(h->request);
	mem_free(h->base);
	mem_free(h);
	ch->state = NULL;
}

const struct route_ops route_http = {
	.name = "http", .input = input, .writable = writable, .destroy = destroy
};

/* --- what the server says --- */

static struct http_route *find_exchange(struct relay *r, tick_t now, uint64_t tag)
{
	r->now = now;
	return slots_get(&r->exchanges, tag);
}

static bool has_no_body(const struct http_route *h)
{
	return h->is_head || h->status == 204 || h->status == 304;
}

/* Location is brought back under the root that the phone knows. */
static uint8_t *make_head(
	const struct http_route *h, const struct http_headers *from, int64_t length, size_t *len)
{
	struct http_headers *hs = mem_alloc(sizeof(*hs));
	char *location = NULL;
	uint8_t *head = NULL;

	if (hs == NULL)
		return NULL;
	*hs = *from;
	for (size_t i = 0; i < hs->count; i++) {
		if (location != NULL || !span_eq_nocase(hs->h[i].name, SPAN_LIT("Location")))
			continue;
		if ((location = http_rewrite_location(span_str(h->base), hs->h[i].value)) == NULL) {
			mem_free(hs);
			return NULL;
		}
		hs->h[i].value = span_str(location);
	}
	head = http_response_head(h->status, hs, length, len);
	mem_free(location);
	mem_free(hs);
	return head;
}

static bool keep_headers(struct http_route *h, const struct http_headers *from)
{
	size_t need = 0, at = 0;

	for (size_t i = 0; i < from->count; i++)
		need += from->h[i].name.len + from->h[i].value.len;
	h->headers = mem_alloc(sizeof(*h->headers));
	h->header_bytes = mem_alloc(need);
	if (h->headers == NULL || h->header_bytes == NULL) {
		forget_headers(h);
		return false;
	}
	h->headers->count = from->count;
	for (size_t i = 0; i < from->count; i++) {
		const struct span parts[2] = { from->h[i].name, from->h[i].value };
		struct span copies[2];

		for (int k = 0; k < 2; k++) {
			if (parts[k].len > 0)
				memcpy(h->header_bytes + at, parts[k].p, parts[k].len);
			copies[k] = SPAN(h->header_bytes + at, parts[k].len);
			at += parts[k].len;
		}
		h->headers->h[i] = (struct http_header){ copies[0], copies[1] };
	}
	return true;
}

static void remember_protection(struct media *m, const char *protection)
{
	char *copy = mem_strdup(protection);

	if (copy == NULL)
		return;
	mem_free(m->upstream_protection);
	m->upstream_protection = copy;
}

void relay_upstream_head(struct relay *r, tick_t now, uint64_t tag, int status,
	const struct http_headers *headers, int64_t length, const char *protection)
{
	struct http_route *h = find_exchange(r, now, tag);
	uint8_t *head;
	size_t len = 0;

	if (h == NULL || h->answered)
		return;
	if (protection != NULL)
		remember_protection(h->channel->leg->media, protection);
	h->status = status;
	h->left = has_no_body(h) ? 0 : length;
	if (h->left < 0) {
		if (!keep_headers(h, headers))
			server_failed(h, 503, "out of memory");
		return;
	}
	head = make_head(h, headers, length, &len);
	reply(h, head, len);
	pump(h);
}

static bool collect(struct http_route *h, struct span bytes)
{
	char why[96];

	if (hold(&h->whole, bytes))
		return true;
	snprintf(why, sizeof(why), "the reply has no Content-Length and more than %zu bytes",
		h->whole.limit);
	server_failed(h, 502, why);
	pump(h);
	return true;
}

bool relay_upstream_body(struct relay *r, tick_t now, uint64_t tag, struct span bytes)
{
	struct http_route *h = find_exchange(r, now, tag);

	if (h == NULL || h->answered || has_no_body(h))
		return true;
	if (h->left < 0)
		return collect(h, bytes);
	if ((int64_t)bytes.len > h->left) {
		server_failed(h, 502, "the server sent more than its Content-Length");
		pump(h);
		return true;
	}
	if (h->to_phone.len >= TO_PHONE_BYTES || !hold(&h->to_phone, bytes)) {
		h->paused = true;
		return false;
	}
	h->left -= (int64_t)bytes.len;
	pump(h);
	return true;
}

/* A reply of unknown length is complete: now its length is known. */
static void reply_collected(struct http_route *h)
{
	size_t len = 0;
	uint8_t *head = make_head(h, h->headers, (int64_t)h->whole.len, &len);

	reply(h, head, len);
	if (h->tag == 0)
		return;
	h->to_phone.limit += h->whole.len;
	if (!hold(&h->to_phone, bytes_view(&h->whole)))
		give_up(h, CLOSE_NO_MEMORY);
	h->to_phone.limit = TO_PHONE_BYTES + (HTTP_HEAD_MAX << 1);
	release_all(&h->whole);
	forget_headers(h);
}

void relay_upstream_end(
	struct relay *r, tick_t now, uint64_t tag, const char *failed, bool timed_out)
{
	struct http_route *h = find_exchange(r, now, tag);

	if (h == NULL)
		return;
	if (h->upstream != 0)
		count_add(upstream_requests, -1);
	h->upstream = 0;
	if (h->answered)
		return;
	if (failed != NULL)
		server_failed_told(h, timed_out ? 504 : 502, failed,
			timed_out ? "the server did not answer in time" : "the server failed");
	else if (h->status == 0)
		server_failed(h, 502, "the server closed without a reply");
	else if (h->left > 0)
		server_failed(h, 502, "the server sent less than its Content-Length");
	else if (h->left < 0)
		reply_collected(h);
	if (!h->answered && failed == NULL) {
		count(http_responses_total);
		h->answered = true;
	}
	h->discard = true; /* the server has said all: the rest of the request is read past */
	release_all(&h->to_server);
	pump(h);
}

void relay_upstream_writable(struct relay *r, tick_t now, uint64_t tag)
{
	struct http_route *h = find_exchange(r, now, tag);

	if (h == NULL)
		return;
	send_to_server(h);
	pump(h);
}
