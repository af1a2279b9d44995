/*
 * route_http_reply.c: what the server says of an exchange, on its way to the phone:
 * head, body, end, and every way it can lie.
 */
#include <stdio.h>

#include "dcmf/base/counters.h"
#include "dcmf/relay/route_http.h"

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
		http_route_forget_headers(h);
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
		if (keep_headers(h, headers))
			return;
		http_route_server_failed(h, 503, "out of memory");
		http_route_pump(h);
		return;
	}
	head = make_head(h, headers, length, &len);
	http_route_reply(h, head, len);
	http_route_pump(h);
}

static bool collect(struct relay *r, struct http_route *h, struct span bytes)
{
	char why[96];
	bool fits = bytes.len <= bytes_room(&h->whole);

	if (relay_has_room(r, bytes.len) && http_route_hold(h, &h->whole, bytes))
		return true;
	snprintf(why, sizeof(why), "the reply has no Content-Length and more than %zu bytes",
		h->whole.limit);
	http_route_server_failed(h, fits ? 503 : 502, fits ? "no room to collect the reply" : why);
	http_route_pump(h);
	return true;
}

bool relay_upstream_body(struct relay *r, tick_t now, uint64_t tag, struct span bytes)
{
	struct http_route *h = find_exchange(r, now, tag);

	if (h == NULL || h->answered || has_no_body(h))
		return true;
	if (h->left < 0)
		return collect(r, h, bytes);
	if ((int64_t)bytes.len > h->left) {
		http_route_server_failed(h, 502, "the server sent more than its Content-Length");
		http_route_pump(h);
		return true;
	}
	if (h->to_phone.len >= TO_PHONE_BYTES) {
		h->paused = true;
		return false;
	}
	if (http_route_hold(h, &h->to_phone, bytes))
		h->left -= (int64_t)bytes.len;
	else
		http_route_server_failed(h, 503, "out of memory");
	http_route_pump(h);
	return true;
}

/* A reply of unknown length is complete: now its length is known. */
static void reply_collected(struct http_route *h)
{
	size_t len = 0;
	uint8_t *head = make_head(h, h->headers, (int64_t)h->whole.len, &len);

	http_route_reply(h, head, len);
	if (h->tag == 0)
		return;
	h->to_phone.limit += h->whole.len;
	if (!http_route_hold(h, &h->to_phone, bytes_view(&h->whole)))
		http_route_give_up(h, CLOSE_NO_MEMORY);
	h->to_phone.limit = TO_PHONE_BYTES + (HTTP_HEAD_MAX << 1);
	http_route_release_all(h, &h->whole);
	http_route_forget_headers(h);
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
	/* of a reply that is whole it does not matter how the connection ends */
	if (h->status != 0 && h->left == 0)
		failed = NULL;
	if (failed != NULL)
		http_route_failed(h, timed_out ? 504 : 502, failed,
			timed_out ? "the server did not answer in time" : "the server failed");
	else if (h->status == 0)
		http_route_server_failed(h, 502, "the server closed without a reply");
	else if (h->left > 0)
		http_route_server_failed(h, 502, "the server sent less than its Content-Length");
	else if (h->left < 0)
		reply_collected(h);
	if (!h->answered && failed == NULL && h->tag != 0) {
		count(http_responses_total);
		h->answered = true;
	}
	h->discard = true; /* the server has said all: the rest of the request is read past */
	http_route_release_all(h, &h->to_server);
	http_route_pump(h);
}

void relay_upstream_writable(struct relay *r, tick_t now, uint64_t tag)
{
	struct http_route *h = find_exchange(r, now, tag);

	if (h == NULL)
		return;
	http_route_send_to_server(h);
	http_route_pump(h);
}
