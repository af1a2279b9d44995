/* stream.c: the life of a stream: how it comes to be, who is there, how it ends. */
#include <event2/event.h>
#include <stdio.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/stream_parts.h"

enum {
	/* ours: a peer that has not proved who it is by then has to come again */
	HANDSHAKE_MS = 10000,
	/* ours: how long the last bytes may take */
	FINISH_MS = 2000,
};

/* ---- who is there ---- */

void stream_name_filtered_peer(struct stream *s)
{
	size_t len = strlen(s->peer);

	snprintf(s->peer + len, sizeof(s->peer) - len, " %s", s->filter->ops->peer(s->filter));
}

const char *stream_peer(const struct stream *s)
{
	return s->peer;
}

const char *stream_protection(const struct stream *s)
{
	return s->filter != NULL ? s->filter->ops->protection(s->filter) : "none";
}

bool stream_local(const struct stream *s, struct addr *out)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	return s->fd >= 0 && getsockname(s->fd, (struct sockaddr *)&ss, &len) == 0 &&
	       addr_from_sockaddr((struct sockaddr *)&ss, out);
}

const char *stream_failure(const struct stream *s)
{
	return s->failure;
}

bool stream_is_refused(const struct stream *s)
{
	return s->is_refused;
}

/* ---- endings ---- */

void stream_free(struct stream *s)
{
	event_del(&s->readable);
	event_del(&s->writable);
	alarm_destroy(s->deadline);
	if (s->filter != NULL)
		s->filter->ops->destroy(s->filter);
	if (s->fd >= 0)
		close(s->fd);
	bytes_finish(&s->out);
	mem_free(s);
}

void stream_close(struct stream *s)
{
	if (stream_filter_is(s, FILTER_FAILED)) {
		s->failure = s->filter->ops->failure(s->filter);
		s->is_refused = true;
	}
	s->is_busy = s->is_broken = true;
	s->ops->closed(s->arg, s);
	stream_free(s);
}

/* Never from inside a call of the owner: the handler of the next turn tells it. */
void stream_fail(struct stream *s, const char *why)
{
	if (!s->is_broken)
		s->failure = why;
	s->is_broken = true;
	bytes_finish(&s->out);
	event_del(&s->readable);
	event_active(&s->readable, EV_READ, 0);
}

bool stream_refuse(struct stream *s, const char *why)
{
	s->failure = why;
	s->is_refused = true;
	return false;
}

bool stream_is_over(const struct stream *s)
{
	return s->is_broken;
}

/* ---- life ---- */

static void expect_handshake(struct stream *s)
{
	alarm_set(s->deadline, tick_add(loop_now(s->loop), TICK_MS(HANDSHAKE_MS)));
}

/* The connection that was asked for is there, or is not. */
static void connected(struct stream *s)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0) {
		stream_fail(s, stream_socket_words(error));
		return;
	}
	s->is_connecting = false;
	alarm_set(s->deadline, TICK_NEVER);
	stream_socket_peer(s->fd, s->peer);
	if (!s->is_paused)
		event_add(&s->readable, NULL);
	if (s->filter != NULL) {
		expect_handshake(s);
		return;
	}
	s->is_busy = true;
	if (s->ops->opened != NULL)
		s->ops->opened(s->arg, s);
	s->is_busy = false;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	if (s->is_broken)
		return;
	if (s->is_connecting)
		connected(s);
	if (s->is_doomed) {
		stream_free(s);
		return;
	}
	if (s->is_finishing) {
		stream_go_on_finishing(s);
		return;
	}
	stream_write_out(s);
	stream_tell_of_room(s);
}

static void on_deadline(void *arg, tick_t now)
{
	struct stream *s = arg;

	(void)now;
	if (s->is_broken)
		return;
	if (s->is_connecting)
		s->failure = "no answer in 5 s";
	else if (!s->is_finishing)
		stream_refuse(s, "the handshake was not finished in 10 s");
	stream_close(s);
}

/* False: out of memory. A client's handshake begins with our words. */
static bool open_filter(struct stream *s, struct filter_factory *factory)
{
	return factory == NULL || (s->filter = factory->ops->create(factory)) != NULL;
}

/* Takes fd over. */
static struct stream *stream_new(struct loop *l, int fd, const struct stream_config *config)
{
	struct stream *s = mem_zalloc(sizeof(*s));
	struct alarm *deadline = NULL;

	if (s != NULL)
		deadline = loop_alarm(l, on_deadline, s);
	if (deadline == NULL) {
		mem_free(s);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	*s = (struct stream){ .loop = l,
		.ops = config->ops,
		.arg = config->arg,
		.deadline = deadline,
		.fd = fd,
		.out.limit = config->max_queued,
		.low_water = config->low_water ? config->low_water : config->max_queued / 2,
		.failure = "" };
	event_assign(&s->readable, loop_base(l), fd, EV_READ | EV_PERSIST, stream_on_readable, s);
	event_assign(&s->writable, loop_base(l), fd, EV_WRITE, on_writable, s);
	if (open_filter(s, config->filter))
		return s;
	stream_free(s);
	return NULL;
}

struct stream *stream_adopt(struct loop *l, int fd, const struct stream_config *config)
{
	struct stream *s = stream_new(l, fd, config);

	if (s == NULL)
		return NULL;
	stream_socket_prepare(fd);
	stream_socket_peer(s->fd, s->peer);
	if (event_add(&s->readable, NULL) != 0) {
		stream_free(s);
		return NULL;
	}
	if (s->filter != NULL) {
		expect_handshake(s);
		event_active(&s->writable, EV_WRITE, 0);
	}
	return s;
}

struct stream *stream_connect(
	struct loop *l, const struct addr *to, const struct stream_config *config)
{
	const char *why = NULL;
	struct stream *s = stream_new(l, stream_socket_connect(to, &why), config);

	if (s == NULL)
		return NULL;
	addr_text(to, s->peer);
	s->is_connecting = true;
	if (why == NULL && event_add(&s->writable, NULL) != 0)
		why = "out of memory";
	if (why != NULL)
		stream_fail(s, why);
	else
		alarm_set(s->deadline, tick_add(loop_now(l), TICK_MS(STREAM_CONNECT_MS)));
	return s;
}

void stream_finish(struct stream *s)
{
	if (s->is_broken || s->is_finishing)
		return;
	s->is_finishing = true;
	s->failure = "finished";
	if (s->is_connecting || stream_filter_is(s, FILTER_HANDSHAKING)) {
		stream_fail(s, "finished"); /* nothing that was queued can leave */
		return;
	}
	alarm_set(s->deadline, tick_add(loop_now(s->loop), TICK_MS(FINISH_MS)));
	if (!s->is_at_end)
		event_add(&s->readable, NULL);
	event_active(&s->writable, EV_WRITE, 0);
}

void stream_end(struct stream *s)
{
	if (s->is_broken)
		return;
	stream_write_last(s);
	stream_fail(s, "the peer closed the connection");
}

void stream_destroy(struct stream *s)
{
	if (s == NULL)
		return;
	if (!s->is_broken && !s->is_shut)
		stream_write_last(s);
	s->is_broken = true;
	if (s->is_busy)
		s->is_doomed = true;
	else
		stream_free(s);
}
