/* line.c: text lines on a stream: cut out of what comes, one after the other. */
#include "dcmf/io/line.h"

#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/bytes.h"
#include "dcmf/io/stream.h"

/* ours: how long answers may still come for a peer that only stopped sending */
#define HALF_CLOSED_MS 2000

struct line_conn {
	struct loop *loop;
	struct line_config config;
	struct stream *stream;
	struct alarm *last_call;     /* of a connection that is half closed */
	struct bytes in;             /* lines not handed over, and the beginning of one */
	size_t searched;             /* bytes of `in` that are known to hold no line end */
	bool is_paused, is_skipping; /* the rest of a line that is too long */
	bool is_at_end;              /* the peer sends no more */
	bool is_busy, is_doomed;     /* a callback runs; it destroyed us */
};

const char *line_peer(const struct line_conn *c)
{
	return stream_peer(c->stream);
}

const char *line_failure(const struct line_conn *c)
{
	return stream_is_refused(c->stream) ? stream_failure(c->stream) : "";
}

bool line_has_hung_up(const struct line_conn *c)
{
	return stream_has_hung_up(c->stream);
}

static void conn_free(struct line_conn *c)
{
	alarm_destroy(c->last_call);
	bytes_finish(&c->in);
	mem_free(c);
}

/* ---- out ---- */

bool line_send(struct line_conn *c, struct span text)
{
	if (text.len + 1 > stream_room(c->stream) || !stream_write(c->stream, text) ||
		!stream_write(c->stream, SPAN_LIT("\n"))) {
		stream_fail(c->stream, "the peer does not read");
		return false;
	}
	if (c->is_at_end)
		alarm_set(c->last_call, tick_add(loop_now(c->loop), TICK_MS(HALF_CLOSED_MS)));
	return true;
}

size_t line_room(const struct line_conn *c)
{
	return stream_room(c->stream);
}

/* ---- in ---- */

static void hand_over_line(struct line_conn *c, struct span line)
{
	if (line.len > c->config.max_line) {
		c->config.ops->too_long(c->config.arg, c);
		return;
	}
	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	c->config.ops->line(c->config.arg, c, line);
}

/*
 * Hands over the next line of what came in; false: there is none. A line that is too
 * long shows up as soon as that is clear.
 */
static bool next_line(struct line_conn *c)
{
	struct span all = bytes_view(&c->in);
	const uint8_t *end = NULL;
	bool was_skipping = c->is_skipping;
	size_t len;

	if (all.len > c->searched)
		end = memchr(all.p + c->searched, '\n', all.len - c->searched);
	if (end == NULL && (all.len > c->config.max_line || was_skipping)) {
		bytes_take(&c->in, all.len);
		c->searched = 0;
		c->is_skipping = true;
		if (!was_skipping && all.len > 0)
			c->config.ops->too_long(c->config.arg, c);
		return false;
	}
	if (end == NULL) {
		c->searched = all.len;
		return false;
	}
	len = (size_t)(end - all.p);
	c->is_skipping = false;
	c->searched = 0;
	if (!was_skipping)
		hand_over_line(c, SPAN(all.p, len));
	bytes_take(&c->in, len + 1);
	return true;
}

static void hand_over(struct line_conn *c)
{
	c->is_busy = true;
	while (!c->is_paused && !stream_is_over(c->stream) && !c->is_doomed && next_line(c))
		;
	c->is_busy = false;
	if (c->is_doomed)
		conn_free(c);
}

static void on_input(void *arg, struct stream *s, struct span bytes)
{
	struct line_conn *c = arg;

	if (bytes_append(&c->in, bytes))
		hand_over(c);
	else
		stream_fail(s, "out of memory");
}

static void on_opened(void *arg, struct stream *s)
{
	struct line_conn *c = arg;

	(void)s;
	if (c->config.ops->opened == NULL)
		return;
	c->is_busy = true;
	c->config.ops->opened(c->config.arg, c);
	c->is_busy = false;
	if (c->is_doomed)
		conn_free(c);
}

/* ---- ends ---- */

/* No more will come, but answers may still go. */
static void on_ended(void *arg, struct stream *s)
{
	struct line_conn *c = arg;

	(void)s;
	c->is_at_end = true;
	alarm_set(c->last_call, tick_add(loop_now(c->loop), TICK_MS(HALF_CLOSED_MS)));
}

static void on_closed(void *arg, struct stream *s)
{
	struct line_conn *c = arg;

	(void)s;
	c->is_busy = true;
	c->config.ops->closed(c->config.arg, c);
	conn_free(c); /* the stream frees itself */
}

static void on_last_call(void *arg, tick_t now)
{
	struct line_conn *c = arg;

	if (c->is_paused && stream_is_half_closed(c->stream)) /* its requests are still worked on */
		alarm_set(c->last_call, tick_add(now, TICK_MS(HALF_CLOSED_MS)));
	else
		stream_end(c->stream);
}

void line_pause(struct line_conn *c, bool pause)
{
	c->is_paused = pause;
	stream_pause(c->stream, pause);
}

/* ---- life ---- */

static const struct stream_ops stream_ops = {
	.opened = on_opened, .input = on_input, .ended = on_ended, .closed = on_closed
};

struct line_conn *line_conn_create(struct loop *l, int fd, const struct line_config *config)
{
	struct line_conn *c = mem_zalloc(sizeof(*c));
	const struct stream_config stream = { .ops = &stream_ops,
		.arg = c,
		.max_queued = config->max_queued,
		.filter = config->filter };

	if (c == NULL || (c->last_call = loop_alarm(l, on_last_call, c)) == NULL) {
		mem_free(c);
		close(fd);
		return NULL;
	}
	c->loop = l;
	c->config = *config;
	c->config.filter = NULL;
	c->in.limit = config->max_line + STREAM_CHUNK;
	if ((c->stream = stream_adopt(l, fd, &stream)) != NULL)
		return c;
	conn_free(c);
	return NULL;
}

void line_conn_destroy(struct line_conn *c)
{
	if (c == NULL)
		return;
	stream_destroy(c->stream);
	if (c->is_busy)
		c->is_doomed = true;
	else
		conn_free(c);
}

void line_set_arg(struct line_conn *c, void *arg)
{
	c->config.arg = arg;
}

void *line_arg(const struct line_conn *c)
{
	return c->config.arg;
}
