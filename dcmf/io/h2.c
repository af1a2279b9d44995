/* h2.c: an HTTP/2 server: sessions on streams, and how many strangers may wait at its door. */
#include "dcmf/io/h2.h"

#include <stdio.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/slots.h"
#include "dcmf/io/line.h"
#include "dcmf/io/stream.h"

enum {
	CONNECTIONS_MAX = 512, /* ours: consumers keep a few each */
	HANDSHAKES_MAX = 128,  /* ours: strangers at once; who comes then comes again */
	QUEUED_MAX = 131072,   /* ours: bytes for a peer that is slow to read */
	STALLED_MS = 30000,    /* ours: then it does not read at all */
};

struct h2_conn {
	struct h2_server *h;
	slot_id id;
	struct stream *stream;
	struct h2_session *session;
	struct alarm *alarm;
	tick_t stalled; /* when it must have read something; TICK_NEVER: nothing waits for it */
	bool is_open;   /* the owner knows it */
	bool is_busy;   /* flushed when the call is over */
	bool is_over;   /* only closed() is left to come */
	char reason[160];
};

struct h2_server {
	struct loop *loop;
	struct h2_server_config config;
	struct line_listener *listener;
	struct filter_factory *filter;
	struct slots conns;
	size_t held;
	unsigned handshakes;
};

/* ---- out ---- */

static void arm(struct h2_conn *c)
{
	tick_t at = c->stalled;

	if (c->is_open)
		at = tick_min(at, h2_session_deadline(c->session));
	alarm_set(c->alarm, at);
}

/* Keeps the session's last word, for closed(). */
static void finish(struct h2_conn *c)
{
	c->is_over = true;
	snprintf(c->reason, sizeof(c->reason), "%s", h2_session_failure(c->session));
	alarm_set(c->alarm, TICK_NEVER);
	stream_finish(c->stream);
}

/* While the peer does not take what we have to say, we do not listen to it. */
static void stall(struct h2_conn *c, bool stalled)
{
	if (stalled == !tick_is_never(c->stalled))
		return;
	c->stalled = stalled ? tick_add(loop_now(c->h->loop), TICK_MS(STALLED_MS)) : TICK_NEVER;
	stream_pause(c->stream, stalled);
}

static void flush(struct h2_conn *c)
{
	struct span s;
	size_t room;

	if (c->is_over)
		return;
	while ((s = h2_session_pending(c->session)).len > 0) {
		room = stream_room(c->stream);
		if (s.len > room && room > 0)
			s.len = room;
		if (!stream_write(c->stream, s))
			break; /* writable() follows, or closed() */
		h2_session_sent(c->session, s.len);
	}
	if (h2_session_is_over(c->session)) {
		finish(c);
		return;
	}
	stall(c, s.len > 0);
	arm(c);
}

/* ---- the stream's calls ---- */

static void opened(void *arg, struct stream *s)
{
	struct h2_conn *c = arg;

	c->is_open = true;
	c->h->handshakes--;
	c->h->config.ops->opened(c->h->config.arg, c->id);
	flush(c); /* our SETTINGS */
}

static void input(void *arg, struct stream *s, struct span bytes)
{
	struct h2_conn *c = arg;

	if (c->is_over)
		return;
	c->is_busy = true;
	h2_session_feed(c->session, loop_now(c->h->loop), bytes);
	c->is_busy = false;
	flush(c);
}

static void writable(void *arg, struct stream *s)
{
	flush(arg);
}

/* A peer that sends no more can take no more either: it owes us acknowledgements. */
static void ended(void *arg, struct stream *s)
{
	finish(arg);
}

static void conn_free(struct h2_conn *c)
{
	c->h->handshakes -= !c->is_open;
	slots_remove(&c->h->conns, c->id);
	h2_session_destroy(c->session);
	alarm_destroy(c->alarm);
	mem_free(c);
}

static void closed(void *arg, struct stream *s)
{
	struct h2_conn *c = arg;
	const char *why = c->is_over ? c->reason : stream_failure(s);

	c->is_over = true;
	c->h->config.ops->closed(c->h->config.arg, c->id, why, stream_is_refused(s));
	conn_free(c);
}

static const struct stream_ops stream_ops = {
	.opened = opened,
	.input = input,
	.ended = ended,
	.writable = writable,
	.closed = closed,
};

/* ---- the session's calls ---- */

static void request(void *arg, const struct h2_request *r)
{
	struct h2_conn *c = arg;

	c->h->config.ops->request(c->h->config.arg, c->id, r);
}

static void gone(void *arg, int32_t stream)
{
	struct h2_conn *c = arg;

	c->h->config.ops->gone(c->h->config.arg, c->id, stream);
}

static const struct h2_session_ops session_ops = { request, gone };

static void due(void *arg, tick_t now)
{
	struct h2_conn *c = arg;

	if (tick_due(c->stalled, now)) {
		stream_fail(c->stream, "the peer does not read");
		return;
	}
	c->is_busy = true;
	h2_session_expire(c->session, now);
	c->is_busy = false;
	flush(c);
}

/* ---- connections ---- */

static bool open_conn(struct h2_conn *c)
{
	struct h2_server *h = c->h;
	const struct h2_session_config config = {
		.limits = h->config.limits,
		.ops = &session_ops,
		.arg = c,
		.held = &h->held,
	};

	c->alarm = loop_alarm(h->loop, due, c);
	c->session = h2_session_create(&config, loop_now(h->loop));
	c->id = slots_add(&h->conns, c);
	return c->alarm != NULL && c->session != NULL && c->id != 0;
}

static void take(struct h2_server *h, int fd)
{
	const struct stream_config config = {
		.ops = &stream_ops,
		.max_queued = QUEUED_MAX,
		.filter = h->filter,
	};
	struct h2_conn *c = mem_zalloc(sizeof(*c));
	struct stream_config mine = config;

	if (c == NULL) {
		close(fd);
		return;
	}
	c->h = h;
	c->stalled = TICK_NEVER;
	h->handshakes++;
	mine.arg = c;
	if (!open_conn(c)) {
		close(fd);
		conn_free(c);
	} else if ((c->stream = stream_adopt(h->loop, fd, &mine)) == NULL) {
		conn_free(c);
	} else if (h->filter == NULL) {
		opened(c, c->stream);
	}
}

static void accepted(void *arg, int fd)
{
	struct h2_server *h = arg;

	if (slots_count(&h->conns) < CONNECTIONS_MAX && h->handshakes < HANDSHAKES_MAX)
		take(h, fd);
	else
		close(fd);
}

/* ---- for the owner ---- */

static struct h2_conn *find(const struct h2_server *h, uint64_t conn)
{
	return slots_get(&h->conns, conn);
}

void h2_server_answer(
	struct h2_server *h, uint64_t conn, int32_t stream, const struct h2_answer *answer)
{
	struct h2_conn *c = find(h, conn);

	if (c == NULL || c->is_over)
		return;
	h2_session_answer(c->session, loop_now(h->loop), stream, answer);
	if (!c->is_busy)
		alarm_set(c->alarm, loop_now(h->loop)); /* the answers of a turn leave together */
}

void h2_server_bow_out(struct h2_server *h)
{
	struct h2_conn *c;
	size_t at = 0;

	line_listener_destroy(h->listener);
	h->listener = NULL;
	while ((c = slots_next(&h->conns, &at)) != NULL) {
		if (c->is_open && !c->is_over) {
			h2_session_bow_out(c->session);
			alarm_set(c->alarm, loop_now(h->loop));
		}
	}
}

const char *h2_server_peer(const struct h2_server *h, uint64_t conn)
{
	const struct h2_conn *c = find(h, conn);

	return c != NULL ? stream_peer(c->stream) : "";
}

const char *h2_server_names(const struct h2_server *h, uint64_t conn)
{
	const char *names = strchr(h2_server_peer(h, conn), ' ');

	return names != NULL ? names + 1 : "";
}

bool h2_server_has_hung_up(const struct h2_server *h, uint64_t conn)
{
	const struct h2_conn *c = find(h, conn);

	return c == NULL || c->is_over || stream_has_hung_up(c->stream);
}

unsigned h2_server_connections(const struct h2_server *h)
{
	return (unsigned)slots_count(&h->conns);
}

void h2_server_set_filter(struct h2_server *h, struct filter_factory *filter)
{
	h->filter = filter;
}

struct h2_server *h2_server_create(struct loop *l, const struct addr *at,
	const struct h2_server_config *config, char failed[256])
{
	struct h2_server *h = mem_zalloc(sizeof(*h));

	if (h == NULL) {
		snprintf(failed, 256, "out of memory");
		return NULL;
	}
	h->loop = l;
	h->config = *config;
	if (h->config.limits == NULL)
		h->config.limits = &h2_usual_limits;
	if ((h->listener = line_listen_tcp(l, at, accepted, h, failed)) != NULL)
		return h;
	h2_server_destroy(h);
	return NULL;
}

void h2_server_destroy(struct h2_server *h)
{
	struct h2_conn *c;
	size_t at = 0;

	if (h == NULL)
		return;
	line_listener_destroy(h->listener);
	while ((c = slots_next(&h->conns, &at)) != NULL) {
		stream_destroy(c->stream);
		conn_free(c);
	}
	slots_finish(&h->conns);
	mem_free(h);
}
