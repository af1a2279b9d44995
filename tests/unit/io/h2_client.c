/* h2_client.c: a client of HTTP/2 and the session under test, joined in memory. */
#include "tests/unit/io/h2_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct h2_session *session;
nghttp2_session *client;
tick_t now;
size_t held;
struct reply replies[REPLIES];
struct asked requests[REPLIES];
unsigned request_count, gone_count;
bool answers_at_once, is_deaf;
int goaway_code;
struct h2_limits limits;

static char letters[2 << 20];

/* ---- the owner of the session ---- */

void answer(int32_t stream, int status, size_t body)
{
	const struct h2_header location = { SPAN_LIT("location"), SPAN_LIT("/here") };
	const struct h2_answer a = { status, &location, 1, SPAN(letters, body) };

	h2_session_answer(session, now, stream, &a);
}

static void on_request(void *arg, const struct h2_request *r)
{
	struct asked *a = &requests[request_count++ % REPLIES];

	a->stream = r->stream;
	a->body = r->body.len;
	a->excess = r->excess;
	snprintf(a->line, sizeof(a->line), "%.*s %.*s %.*s %.*s %.*s", SPAN_FMT(r->method),
		SPAN_FMT(r->scheme), SPAN_FMT(r->authority), SPAN_FMT(r->path),
		SPAN_FMT(h2_header(r, "x-test")));
	if (answers_at_once)
		answer(r->stream, r->excess == H2_NO_EXCESS ? 200 : 413, 5);
}

static void on_gone(void *arg, int32_t stream)
{
	gone_count++;
}

static const struct h2_session_ops ops = { on_request, on_gone };

/* ---- the client ---- */

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
	size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
	struct reply *r = &replies[frame->hd.stream_id % REPLIES];

	if (span_eq(SPAN(name, name_len), SPAN_LIT(":status")))
		r->status = atoi((const char *)value);
	if (span_eq(SPAN(name, name_len), SPAN_LIT("location")))
		snprintf(r->location, sizeof(r->location), "%.*s", (int)value_len, value);
	return 0;
}

static int on_data(
	nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *arg)
{
	struct reply *r = &replies[id % REPLIES];

	if (r->body == 0)
		snprintf(r->text, sizeof(r->text), "%.*s", (int)len, data);
	r->body += len;
	return 0;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	struct reply *r = &replies[frame->hd.stream_id % REPLIES];

	if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
		(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		r->is_complete = true;
	if (frame->hd.type == NGHTTP2_RST_STREAM) {
		r->is_reset = true;
		r->reset_code = frame->rst_stream.error_code;
	}
	if (frame->hd.type == NGHTTP2_GOAWAY)
		goaway_code = (int)frame->goaway.error_code;
	return 0;
}

/* The body of a request is so many letters; a negative source never ends. */
struct sending {
	int64_t left;
	bool is_endless;
};

static struct sending sendings[REPLIES];

static ssize_t give_body(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t cap, uint32_t *flags,
	nghttp2_data_source *source, void *arg)
{
	struct sending *s = source->ptr;
	size_t n = (int64_t)cap < s->left ? cap : (size_t)s->left;

	if (n == 0 && s->is_endless)
		return NGHTTP2_ERR_DEFERRED;
	memset(buf, 'b', n);
	s->left -= (int64_t)n;
	if (s->left == 0 && !s->is_endless)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static nghttp2_nv field(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
		strlen(value), NGHTTP2_NV_FLAG_NONE };
}

static int32_t submit(
	const char *method, const char *path, size_t body, bool is_endless, const char *length)
{
	static unsigned turn;
	struct sending *s = &sendings[turn++ % REPLIES];
	nghttp2_data_provider provider = { .source.ptr = s, .read_callback = give_body };
	nghttp2_nv fields[] = { field(":method", method), field(":scheme", "http"),
		field(":authority", "mf1"), field(":path", path), field("x-test", "yes"),
		field("content-length", length) };

	*s = (struct sending){ (int64_t)body, is_endless };
	return nghttp2_submit_request(client, NULL, fields, length[0] != '\0' ? 6 : 5,
		body > 0 || is_endless ? &provider : NULL, NULL);
}

int32_t ask(const char *method, const char *path, size_t body)
{
	return submit(method, path, body, false, "");
}

int32_t ask_unfinished(const char *path, size_t announced)
{
	char length[24] = "";

	if (announced > 0)
		snprintf(length, sizeof(length), "%zu", announced);
	return submit("POST", path, 3, true, length);
}

void say_frame(uint8_t type, uint8_t flags, int32_t stream, const void *payload, size_t len)
{
	uint8_t wire[9 + 16384] = { (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len, type,
		flags, (uint8_t)(stream >> 24), (uint8_t)(stream >> 16), (uint8_t)(stream >> 8),
		(uint8_t)stream };

	ck_assert_uint_le(len, 16384);
	if (len > 0)
		memcpy(wire + 9, payload, len);
	h2_session_feed(session, now, SPAN(wire, 9 + len));
}

void say_get(int32_t stream)
{
	/* GET, /, http by HPACK's static table; the authority in letters */
	static const uint8_t head[] = { 0x82, 0x84, 0x86, 0x41, 3, 'm', 'f', '1' };

	say_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, stream, head,
		sizeof(head));
}

static void overhear_frame(uint8_t type, uint32_t stream, struct rd payload)
{
	if (type == NGHTTP2_GOAWAY) {
		rd_u32(&payload);
		goaway_code = (int)rd_u32(&payload);
	} else if (type == NGHTTP2_RST_STREAM) {
		replies[stream % REPLIES].is_reset = true;
		replies[stream % REPLIES].reset_code = rd_u32(&payload);
	}
}

void overhear(void)
{
	struct span s;

	while ((s = h2_session_pending(session)).len > 0) {
		struct rd r = RD(s);

		while (r.rest.len > 0) {
			uint32_t len = rd_u24(&r);
			uint8_t type = rd_u8(&r);

			rd_u8(&r); /* flags */
			uint32_t stream = rd_u32(&r);

			overhear_frame(type, stream, RD(rd_span(&r, len)));
			ck_assert(!r.failed);
		}
		h2_session_sent(session, s.len);
	}
}

/* ---- both ---- */

void talk(void)
{
	for (bool is_silent = false; !is_silent;) {
		const uint8_t *data;
		ssize_t n = nghttp2_session_mem_send(client, &data);
		struct span s;

		is_silent = n <= 0;
		if (n > 0)
			h2_session_feed(session, now, SPAN(data, (size_t)n));
		s = is_deaf ? SPAN_NONE : h2_session_pending(session);
		if (s.len > 0) {
			is_silent = false;
			ck_assert_int_ge(nghttp2_session_mem_recv(client, s.p, s.len), 0);
			h2_session_sent(session, s.len);
		}
	}
}

void wait_us(int64_t us)
{
	tick_t until = tick_add(now, us), at;

	while (tick_due(at = h2_session_deadline(session), until)) {
		now = tick_before(now, at) ? at : tick_add(now, 1);
		h2_session_expire(session, now);
		talk();
		if (h2_session_is_over(session))
			break;
	}
	now = until;
}

void open_pair(void)
{
	const struct h2_session_config config = { &limits, &ops, NULL, &held };
	nghttp2_session_callbacks *callbacks;

	memset(letters, 'a', sizeof(letters));
	memset(replies, 0, sizeof(replies));
	request_count = gone_count = 0;
	answers_at_once = true;
	is_deaf = false;
	goaway_code = -1;
	now = (tick_t){ TICK_S(100) };
	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_client_new(&client, callbacks, NULL);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_submit_settings(client, NGHTTP2_FLAG_NONE, NULL, 0);
	session = h2_session_create(&config, now);
}

void close_pair(void)
{
	h2_session_destroy(session);
	nghttp2_session_del(client);
	session = NULL;
	ck_assert_uint_eq(held, 0);
}
