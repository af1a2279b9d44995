/* h2_session.c: one HTTP/2 connection of a server: nghttp2, and the bounds that it does not know. */
#include "dcmf/io/h2_session.h"

#include <nghttp2/nghttp2.h>
#include <stdarg.h>
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/h2_parts.h"

enum {
	OUT_BYTES = 32768, /* gathered for one write */
	OUT_ACKS = 256,    /* ours: acknowledgements a peer may make us owe */
	WINDOW = 1 << 20,  /* ours: bodies under way on a connection; each is taken at once */
	FAILURE_MAX = 160,
};

const struct h2_limits h2_usual_limits = {
	.streams = 256,
	.head = 16384,
	.body = 1u << 20,
	.held = 64u << 20,
	.idle_talk = 2000,
	.idle_talk_rate = 200,
	.resets = 512,
	.reset_rate = 50,
	.greeting_us = TICK_S(10),
	.request_us = TICK_S(10),
	.taking_us = TICK_S(30),
	.idle_us = TICK_S(300),
};

/* Something a peer may do so often at once, and so often a second for good. */
struct patience {
	unsigned left;
	tick_t since; /* when `left` was right */
};

struct h2_session {
	nghttp2_session *ng;
	struct h2_session_config config;
	struct list_node receiving, taking,
		waiting; /* streams: by deadline, and the owner's turn */
	struct bytes out;
	tick_t now;         /* of the call */
	tick_t begun, idle; /* idle: since when there was no request */
	unsigned streams;
	bool is_greeted, is_broken;
	struct patience talk, resets;
	char failure[FAILURE_MAX];
};

/* ---- endings ---- */

__attribute__((format(printf, 3, 4))) static void end(
	struct h2_session *s, uint32_t code, const char *fmt, ...)
{
	va_list ap;

	if (s->failure[0] == '\0') {
		va_start(ap, fmt);
		vsnprintf(s->failure, sizeof(s->failure), fmt, ap);
		va_end(ap);
	}
	if (nghttp2_session_terminate_session(s->ng, code) != 0)
		s->is_broken = true;
}

/* False: it was too much, and the connection ends. */
static bool endure(
	struct h2_session *s, struct patience *p, unsigned most, unsigned rate, const char *what)
{
	int64_t earned = tick_since(p->since, s->now) * (int64_t)rate / TICK_S(1);

	if (earned > 0) {
		p->left = p->left + earned < most ? p->left + (unsigned)earned : most;
		p->since = s->now;
	}
	if (p->left > 0) {
		p->left--;
		return true;
	}
	end(s, NGHTTP2_ENHANCE_YOUR_CALM, "too many %s", what);
	return false;
}

static void endure_talk(struct h2_session *s, const char *what)
{
	endure(s, &s->talk, s->config.limits->idle_talk, s->config.limits->idle_talk_rate, what);
}

static void endure_reset(struct h2_session *s)
{
	endure(s, &s->resets, s->config.limits->resets, s->config.limits->reset_rate,
		"requests that were taken back");
}

/* ---- streams ---- */

static struct h2_stream *find(const struct h2_session *s, int32_t id)
{
	return nghttp2_session_get_stream_user_data(s->ng, id);
}

static void put_on(struct list_node *list, struct h2_stream *st, tick_t deadline)
{
	st->deadline = deadline;
	list_append(list, &st->on_list);
}

static void hand_over(struct h2_session *s, struct h2_stream *st)
{
	struct h2_header headers[H2_HEADERS_MAX];
	struct h2_request request;

	st->is_handed = true;
	put_on(&s->waiting, st, TICK_NEVER);
	h2_stream_request(st, headers, &request);
	s->config.ops->request(s->config.arg, &request);
	h2_stream_forget_request(st);
}

/* As soon as it is whole, or known to be too much. */
static void hand_over_if_ready(struct h2_session *s, struct h2_stream *st)
{
	if (!st->is_handed && st->has_head && (st->is_whole || st->excess != H2_NO_EXCESS))
		hand_over(s, st);
}

static void stream_free(struct h2_session *s, struct h2_stream *st)
{
	h2_stream_destroy(st);
	if (--s->streams == 0)
		s->idle = s->now;
}

/* ---- what nghttp2 tells ---- */

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st;

	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0; /* trailers: of no use to us */
	if ((st = h2_stream_create(frame->hd.stream_id, s->config.held)) == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	s->streams++;
	put_on(&s->receiving, st, tick_add(s->now, s->config.limits->request_us));
	nghttp2_session_set_stream_user_data(ng, st->id, st);
	return 0;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
	size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st = find(s, frame->hd.stream_id);

	if (st != NULL && !st->has_head)
		h2_stream_add_field(
			st, s->config.limits, SPAN(name, name_len), SPAN(value, value_len));
	return 0;
}

static int on_data(
	nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st = find(s, id);

	if (st == NULL)
		return 0;
	h2_stream_add_body(st, s->config.limits, SPAN(data, len));
	hand_over_if_ready(s, st);
	return 0;
}

static void take_frame(struct h2_session *s, const nghttp2_frame *frame)
{
	struct h2_stream *st = find(s, frame->hd.stream_id);

	if (st == NULL)
		return;
	if (frame->hd.type == NGHTTP2_HEADERS && !st->has_head)
		h2_stream_end_head(st, s->config.limits);
	st->is_whole = st->is_whole || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	hand_over_if_ready(s, st);
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	struct h2_session *s = arg;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS: take_frame(s, frame); break;
	case NGHTTP2_DATA:
		if (frame->hd.length == 0 && !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
			endure_talk(s, "empty DATA frames");
		take_frame(s, frame);
		break;
	case NGHTTP2_SETTINGS:
		s->is_greeted = true;
		endure_talk(s, "SETTINGS frames");
		break;
	case NGHTTP2_PING: endure_talk(s, "PING frames"); break;
	case NGHTTP2_WINDOW_UPDATE: endure_talk(s, "WINDOW_UPDATE frames"); break;
	case NGHTTP2_RST_STREAM: endure_talk(s, "RST_STREAM frames"); break;
	default: break;
	}
	return 0;
}

static int on_bad_frame(nghttp2_session *ng, const nghttp2_frame *frame, int why, void *arg)
{
	endure_talk(arg, "frames that are not HTTP/2");
	return 0;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t code, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st = find(s, id);
	bool is_awaited;

	if (st == NULL)
		return 0;
	is_awaited = st->is_handed && !st->is_answered;
	if (!st->is_answered)
		endure_reset(s);
	stream_free(s, st);
	if (is_awaited)
		s->config.ops->gone(s->config.arg, id);
	return 0;
}

static int on_error(nghttp2_session *ng, int code, const char *text, size_t len, void *arg)
{
	struct h2_session *s = arg;

	/* only what a session ends with is worth a line: the last one said */
	if (s->failure[0] == '\0' && code == NGHTTP2_ERR_SETTINGS_EXPECTED)
		snprintf(s->failure, sizeof(s->failure), "no SETTINGS came first");
	return 0;
}

static ssize_t give_answer(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t cap,
	uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct h2_stream *st = find(arg, id);
	size_t n = st != NULL ? h2_stream_give(st, buf, cap) : 0;

	if (st == NULL || st->answer.len == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

/* ---- answers ---- */

static nghttp2_nv field(struct span name, struct span value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name.p, (uint8_t *)(uintptr_t)value.p, name.len,
		value.len, NGHTTP2_NV_FLAG_NONE };
}

/* False: out of memory, or more headers than there is room for. */
static bool submit(struct h2_session *s, struct h2_stream *st, const struct h2_answer *a)
{
	nghttp2_data_provider body = { .read_callback = give_answer };
	nghttp2_nv fields[H2_HEADERS_MAX + 2];
	char status[12], length[24];
	size_t n = 0;

	if (a->header_count > H2_HEADERS_MAX || !h2_stream_take_answer(st, a->body))
		return false;
	snprintf(status, sizeof(status), "%d", a->status);
	snprintf(length, sizeof(length), "%zu", a->body.len);
	fields[n++] = field(SPAN_LIT(":status"), SPAN_STR(status));
	for (size_t i = 0; i < a->header_count; i++)
		fields[n++] = field(a->headers[i].name, a->headers[i].value);
	if (a->body.len > 0)
		fields[n++] = field(SPAN_LIT("content-length"), SPAN_STR(length));
	return nghttp2_submit_response(s->ng, st->id, fields, n, a->body.len > 0 ? &body : NULL) ==
	       0;
}

void h2_session_answer(
	struct h2_session *s, tick_t now, int32_t stream, const struct h2_answer *answer)
{
	struct h2_stream *st = find(s, stream);

	if (st == NULL || st->is_answered)
		return;
	st->is_answered = true;
	put_on(&s->taking, st, tick_add(now, s->config.limits->taking_us));
	if (!submit(s, st, answer))
		nghttp2_submit_rst_stream(s->ng, NGHTTP2_FLAG_NONE, stream, NGHTTP2_INTERNAL_ERROR);
}

/* ---- bytes ---- */

static void failed(struct h2_session *s, int code)
{
	s->is_broken = true;
	if (s->failure[0] == '\0')
		snprintf(s->failure, sizeof(s->failure), "%s",
			code == NGHTTP2_ERR_BAD_CLIENT_MAGIC ? "the peer does not speak HTTP/2"
			: code == NGHTTP2_ERR_FLOODED
				? "the peer does not read our acknowledgements"
				: nghttp2_strerror(code));
}

void h2_session_feed(struct h2_session *s, tick_t now, struct span wire)
{
	ssize_t n;

	if (s->is_broken)
		return;
	s->now = now;
	n = nghttp2_session_mem_recv(s->ng, wire.p, wire.len);
	if (n < 0)
		failed(s, (int)n);
}

struct span h2_session_pending(struct h2_session *s)
{
	const uint8_t *data = NULL;
	ssize_t n = 1;

	while (!s->is_broken && s->out.len < OUT_BYTES && n > 0) {
		n = nghttp2_session_mem_send(s->ng, &data);
		if (n < 0)
			failed(s, (int)n);
		else if (!bytes_append(&s->out, SPAN(data, (size_t)n)))
			failed(s, NGHTTP2_ERR_NOMEM);
	}
	return bytes_view(&s->out);
}

void h2_session_sent(struct h2_session *s, size_t n)
{
	bytes_take(&s->out, n);
}

/* ---- time ---- */

static struct h2_stream *first(const struct list_node *list)
{
	return list_is_empty(list) ? NULL : container_of(list->next, struct h2_stream, on_list);
}

static tick_t deadline_of(const struct list_node *list)
{
	const struct h2_stream *st = first(list);

	return st != NULL ? st->deadline : TICK_NEVER;
}

tick_t h2_session_deadline(const struct h2_session *s)
{
	const struct h2_limits *limits = s->config.limits;
	tick_t at = tick_min(deadline_of(&s->receiving), deadline_of(&s->taking));

	if (!s->is_greeted)
		at = tick_min(at, tick_add(s->begun, limits->greeting_us));
	if (s->streams == 0)
		at = tick_min(at, tick_add(s->idle, limits->idle_us));
	return at;
}

/*
 * Whoever was answered before his request was whole may send the rest, to nobody, for as long as
 * anybody has to take an answer: clients that are reset while they send (curl 7.88) lose the answer.
 */
static void give_up(struct h2_session *s, struct h2_stream *st)
{
	bool was_told = st->is_answered && st->answer.len == 0;

	put_on(&s->waiting, st, TICK_NEVER);
	if (!st->has_head) /* its header block holds up the whole connection */
		end(s, NGHTTP2_ENHANCE_YOUR_CALM, "a request's head was not complete in time");
	else
		nghttp2_submit_rst_stream(s->ng, NGHTTP2_FLAG_NONE, st->id,
			was_told ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
}

static void expire_list(struct h2_session *s, struct list_node *list)
{
	struct h2_stream *st;

	while ((st = first(list)) != NULL && tick_due(st->deadline, s->now))
		give_up(s, st);
}

void h2_session_expire(struct h2_session *s, tick_t now)
{
	const struct h2_limits *limits = s->config.limits;

	if (s->is_broken)
		return;
	s->now = now;
	expire_list(s, &s->receiving);
	expire_list(s, &s->taking);
	if (!s->is_greeted && tick_due(tick_add(s->begun, limits->greeting_us), now)) {
		end(s, NGHTTP2_SETTINGS_TIMEOUT, "the peer did not speak HTTP/2 in time");
	} else if (s->streams == 0 && tick_due(tick_add(s->idle, limits->idle_us), now)) {
		s->idle = now; /* once */
		nghttp2_session_terminate_session(s->ng, NGHTTP2_NO_ERROR);
	}
}

/* ---- life ---- */

static void set_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_bad_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	nghttp2_session_callbacks_set_error_callback2(cb, on_error);
}

static void set_options(nghttp2_option *option)
{
	nghttp2_option_set_max_outbound_ack(option, OUT_ACKS);
	nghttp2_option_set_no_closed_streams(option, 1);
}

static bool open_ng(struct h2_session *s)
{
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_option *option = NULL;
	bool ok =
		nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0;

	if (ok) {
		set_callbacks(callbacks);
		set_options(option);
		ok = nghttp2_session_server_new2(&s->ng, callbacks, s, option) == 0;
	}
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(option);
	return ok;
}

static bool greet(struct h2_session *s)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, s->config.limits->streams },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)s->config.limits->head },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
	};

	return nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, settings,
		       sizeof(settings) / sizeof(settings[0])) == 0 &&
	       nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE, 0, WINDOW) == 0;
}

struct h2_session *h2_session_create(const struct h2_session_config *config, tick_t now)
{
	struct h2_session *s = mem_zalloc(sizeof(*s));

	if (s == NULL)
		return NULL;
	s->config = *config;
	s->now = s->begun = s->idle = now;
	s->talk = (struct patience){ config->limits->idle_talk, now };
	s->resets = (struct patience){ config->limits->resets, now };
	s->out.limit = SIZE_MAX; /* OUT_BYTES and one frame */
	list_init(&s->receiving);
	list_init(&s->taking);
	list_init(&s->waiting);
	if (open_ng(s) && greet(s))
		return s;
	h2_session_destroy(s);
	return NULL;
}

static void free_list(struct h2_session *s, struct list_node *list)
{
	struct h2_stream *st;

	while ((st = first(list)) != NULL)
		stream_free(s, st);
}

void h2_session_destroy(struct h2_session *s)
{
	if (s == NULL)
		return;
	nghttp2_session_del(s->ng);
	free_list(s, &s->receiving);
	free_list(s, &s->taking);
	free_list(s, &s->waiting);
	bytes_finish(&s->out);
	mem_free(s);
}

void h2_session_bow_out(struct h2_session *s)
{
	if (!s->is_broken)
		nghttp2_submit_goaway(s->ng, NGHTTP2_FLAG_NONE,
			nghttp2_session_get_last_proc_stream_id(s->ng), NGHTTP2_NO_ERROR, NULL, 0);
}

bool h2_session_is_over(const struct h2_session *s)
{
	return s->out.len == 0 && (s->is_broken || (!nghttp2_session_want_read(s->ng) &&
							   !nghttp2_session_want_write(s->ng)));
}

const char *h2_session_failure(const struct h2_session *s)
{
	return s->failure;
}
