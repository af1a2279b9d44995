/* fetcher.c: the callers of an upstream: what they are told, and checks of it. */
#include "tests/unit/io/fetcher.h"

#include <stdio.h>
#include <string.h>

struct client client[CLIENTS];
struct loop *loop;
struct upstream *upstream;
struct raw_server server;
bool inside;

static void on_head(void *arg, uint64_t tag, int status, const struct upstream_header *h,
	size_t count, int64_t length, const char *protection)
{
	struct client *c = &client[tag];

	ck_assert(!inside);
	c->heads++;
	c->status = status;
	c->length = length;
	snprintf(c->protection, sizeof(c->protection), "%s", protection);
	for (size_t i = 0; i < count; i++) {
		size_t have = strlen(c->headers);

		snprintf(c->headers + have, sizeof(c->headers) - have, "%.*s=%.*s\n",
			SPAN_FMT(h[i].name), SPAN_FMT(h[i].value));
	}
	if (c->cancel_at_head)
		upstream_cancel(upstream, c->id);
}

static bool on_body(void *arg, uint64_t tag, struct span bytes)
{
	struct client *c = &client[tag];

	ck_assert(!inside);
	ck_assert_uint_eq(c->heads, 1);
	if (c->cancel_at_body)
		upstream_cancel(upstream, c->id);
	if (bytes.len > c->room)
		return false;
	c->room -= bytes.len;
	for (size_t i = 0; i < bytes.len; i++, c->body_bytes++) {
		if (c->body_bytes < sizeof(c->body) - 1)
			c->body[c->body_bytes] = bytes.p[i];
		c->body_is_right &= bytes.p[i] == raw_byte(c->body_bytes);
	}
	return true;
}

static void on_end(void *arg, uint64_t tag, const char *failed, bool timed_out)
{
	struct client *c = &client[tag];

	ck_assert(!inside);
	c->ends++;
	c->is_complete = failed == NULL;
	c->timed_out = timed_out;
	if (failed != NULL)
		snprintf(c->failed, sizeof(c->failed), "%s", failed);
	ck_assert_uint_eq(upstream_write(upstream, c->id, SPAN_LIT("late")), 0);
}

static void on_writable(void *arg, uint64_t tag)
{
	client[tag].writables++;
}

static const char *describe(void *ssl)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s %s", SSL_get_version(ssl), SSL_get_cipher_name(ssl));
	return text;
}

const struct upstream_config fetcher_config = {
	.connect_timeout_ms = TIMEOUT_MS,
	.response_timeout_ms = TIMEOUT_MS,
	.max_connections_per_host = 4,
	.describe_tls = describe,
	.head = on_head,
	.body = on_body,
	.end = on_end,
	.writable = on_writable,
};

void fetcher_open(void)
{
	memset(client, 0, sizeof(client));
	for (int i = 0; i < CLIENTS; i++) {
		client[i].room = UINT64_MAX;
		client[i].body_is_right = true;
	}
	loop = loop_create();
	upstream = upstream_create(loop, &fetcher_config);
	raw_server_open(&server, loop, NULL);
}

void fetcher_close(void)
{
	upstream_destroy(upstream);
	raw_server_close(&server);
	loop_destroy(loop);
}

bool has_ended(void *arg)
{
	return ((struct client *)arg)->ends > 0;
}

struct client *begin(unsigned tag, struct upstream_request r, const char *url)
{
	r.tag = tag;
	r.url = url;
	if (r.method.len == 0)
		r.method = SPAN_LIT("GET");
	if (!addr_is_set(&r.connect))
		r.connect = server.at;
	inside = true;
	client[tag].id = upstream_start(upstream, &r);
	inside = false;
	return &client[tag];
}

struct client *fetch_as(unsigned tag, struct upstream_request r, const char *url)
{
	struct client *c = begin(tag, r, url);

	ck_assert_uint_ne(c->id, 0);
	turn_until(loop, has_ended, c);
	turn_for(loop, 5);
	ck_assert_msg(c->ends == 1, "tag %u: %u ends, %s", tag, c->ends, c->failed);
	return c;
}

struct client *fetch(const char *url)
{
	client[0] = (struct client){ .room = UINT64_MAX, .body_is_right = true };
	return fetch_as(0, (struct upstream_request){ 0 }, url);
}

void check_failed(const struct client *c, const char *words)
{
	ck_assert_msg(!c->is_complete && strstr(c->failed, words) != NULL, "%s", c->failed);
}
