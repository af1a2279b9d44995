/* stream.c: one byte stream, plain or through a filter: connecting, reading, writing, ending. */
#include "dcmf/io/stream.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/bytes.h"
#include "dcmf/io/stream_socket.h"

enum {
	/* ours: a peer that has not proved who it is by then has to come again */
	HANDSHAKE_MS = 10000,
	/* ours: how long the last bytes may take */
	FINISH_MS = 2000,
};

struct stream {
	struct loop *loop;
	const struct stream_ops *ops;
	void *arg;
	struct event readable, writable;
	struct alarm *deadline; /* of connecting, of a handshake, of the last bytes */
	struct filter *filter;  /* NULL: none */
	int fd;                 /* -1: there is none */
	struct bytes out;       /* not taken by the kernel */
	size_t low_water;       /* writable() is told at so many of them */
	bool is_connecting;
	bool is_paused, is_resumed; /* input() is owed */
	bool is_at_end;             /* the peer sends no more */
	bool has_more;              /* the filter holds text that the owner was too busy for */
	bool wants_room;            /* stream_write() found none */
	bool is_finishing, is_shut; /* what is queued leaves; and has left */
	bool is_unwritable;         /* the peer takes no more; its last words are still read */
	bool is_broken;             /* given up; closed() follows */
	bool is_refused;
	bool is_busy, is_doomed; /* a callback runs; it destroyed us */
	const char *failure;
	char peer[STREAM_PEER_MAX + FILTER_TEXT_MAX];
};

/* ---- who is there ---- */

/* Behind the address: what the peer has proved. */
static void name_filtered_peer(struct stream *s)
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

static bool is_in_state(const struct stream *s, enum filter_state state)
{
	return s->filter != NULL && s->filter->ops->state(s->filter) == state;
}

/* ---- endings ---- */

static void stream_free(struct stream *s)
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

static void stream_closed(struct stream *s)
{
	if (is_in_state(s, FILTER_FAILED)) {
		s->failure = s->filter->ops->failure(s->filter);
		s->is_refused = true;
	}
	s->is_busy = s->is_broken = true;
	s->ops->closed(s->arg, s);
	stream_free(s);
}

/* Never from inside a call of the owner: the handler of the next turn tells it. */
static void give_up(struct stream *s, const char *why)
{
	if (!s->is_broken)
		s->failure = why;
	s->is_broken = true;
	bytes_finish(&s->out);
	event_del(&s->readable);
	event_active(&s->readable, EV_READ, 0);
}

void stream_fail(struct stream *s, const char *why)
{
	give_up(s, why);
}

bool stream_is_over(const struct stream *s)
{
	return s->is_broken;
}

/* ---- out ---- */

/* What the socket gets next: the text itself, or what the filter makes of it, a piece at a time. */
static struct span next_out(struct stream *s)
{
	struct filter *f = s->filter;
	struct span text = bytes_view(&s->out);

	if (f == NULL)
		return text;
	if (f->ops->pending(f).len == 0 && text.len > 0)
		bytes_take(&s->out, f->ops->write(f, text));
	return f->ops->pending(f);
}

static void sent(struct stream *s, size_t n)
{
	if (s->filter == NULL)
		bytes_take(&s->out, n);
	else
		s->filter->ops->sent(s->filter, n);
}

/* It may have said why, as TLS does, before it left. */
static void hear_last_words(struct stream *s, const char *why)
{
	s->is_unwritable = true;
	s->failure = why;
	bytes_finish(&s->out);
	event_active(&s->readable, EV_READ, 0);
}

/* As far as the kernel takes it. False: not all, or it broke. */
static bool write_out(struct stream *s)
{
	struct span bytes;

	if (s->is_connecting || s->is_unwritable)
		return false;
	while ((bytes = next_out(s)).len > 0) {
		ssize_t n = send(s->fd, bytes.p, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			sent(s, (size_t)n);
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			event_add(&s->writable, NULL);
			return false;
		} else {
			hear_last_words(s, stream_socket_words(n < 0 ? errno : EPIPE));
			return false;
		}
	}
	if (is_in_state(s, FILTER_FAILED))
		give_up(s, "");
	return !s->is_broken && s->out.len == 0;
}

/* What is queued, and a filter's goodbye behind it. */
static bool write_last(struct stream *s)
{
	if (!write_out(s))
		return false;
	if (s->filter == NULL)
		return true;
	s->filter->ops->close(s->filter);
	return write_out(s);
}

/* Everything has left: the peer is told, and what it still says is thrown away until it ends, too. */
static void go_on_finishing(struct stream *s)
{
	if (s->is_shut || !write_last(s))
		return;
	s->is_shut = true;
	if (shutdown(s->fd, SHUT_WR) != 0 || s->is_at_end)
		give_up(s, "finished");
}

static void tell_of_room(struct stream *s)
{
	if (!s->wants_room || s->is_broken || s->out.len > s->low_water)
		return;
	s->wants_room = false;
	if (s->ops->writable == NULL)
		return;
	s->is_busy = true;
	s->ops->writable(s->arg, s);
	s->is_busy = false;
	if (s->is_doomed)
		stream_free(s);
}

bool stream_write(struct stream *s, struct span bytes)
{
	bool was_empty = s->out.len == 0;

	if (s->is_broken || s->is_finishing || s->is_unwritable)
		return false;
	if (bytes.len > bytes_room(&s->out)) {
		s->wants_room = true;
		return false;
	}
	if (!bytes_append(&s->out, bytes)) {
		give_up(s, "out of memory");
		return false;
	}
	/* what is written in one turn leaves together */
	if (was_empty && !s->is_connecting)
		event_active(&s->writable, EV_WRITE, 0);
	return true;
}

void stream_await_room(struct stream *s)
{
	s->wants_room = true;
}

size_t stream_room(const struct stream *s)
{
	return s->is_broken || s->is_finishing ? 0 : bytes_room(&s->out);
}

size_t stream_queued(const struct stream *s)
{
	return s->out.len;
}

/* ---- in ---- */

/* The owner hears nothing now. */
static bool is_quiet(const struct stream *s)
{
	return s->is_paused || s->is_broken || s->is_doomed || s->is_finishing;
}

bool stream_is_half_closed(const struct stream *s)
{
	struct pollfd p = { .fd = s->fd };

	return poll(&p, 1, 0) == 0 || !(p.revents & (POLLHUP | POLLERR));
}

bool stream_has_hung_up(const struct stream *s)
{
	return s->is_broken || !stream_is_half_closed(s);
}

static bool refused(struct stream *s, const char *why)
{
	s->failure = why;
	s->is_refused = true;
	return false;
}

/* The peer sends no more. False: that is the end. */
static bool meet_end(struct stream *s)
{
	s->failure = "the peer closed the connection";
	if (is_in_state(s, FILTER_HANDSHAKING))
		return refused(s, "the peer left during the handshake");
	if (s->ops->ended == NULL || !stream_is_half_closed(s))
		return false;
	s->is_at_end = true;
	event_del(&s->readable);
	s->ops->ended(s->arg, s);
	return true;
}

/* The filter's handshake goes on; text waits in it for take_text(). False: the connection ended. */
static bool feed(struct stream *s, struct span wire)
{
	bool was_handshaking = is_in_state(s, FILTER_HANDSHAKING);
	bool is_good = s->filter->ops->feed(s->filter, wire);

	write_out(s); /* its answer, or its last word */
	if (!is_good || !was_handshaking || is_in_state(s, FILTER_HANDSHAKING))
		return is_good;
	alarm_set(s->deadline, TICK_NEVER);
	name_filtered_peer(s);
	if (s->ops->opened != NULL)
		s->ops->opened(s->arg, s);
	return true;
}

/* False: the connection is over. */
static bool read_in(struct stream *s)
{
	uint8_t chunk[STREAM_CHUNK];
	ssize_t n = recv(s->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n <= 0 && s->is_unwritable)
		return false;
	if (n == 0)
		return meet_end(s);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return true;
	if (n < 0) {
		if (is_in_state(s, FILTER_HANDSHAKING))
			return refused(s, "the peer left during the handshake");
		s->failure = stream_socket_words(errno);
		return false;
	}
	if (s->filter != NULL)
		return feed(s, SPAN(chunk, n));
	s->ops->input(s->arg, s, SPAN(chunk, n));
	return true;
}

/* Out of the filter, as far as the owner wants it. False: the connection is over. */
static bool take_text(struct stream *s)
{
	struct filter *f = s->filter;
	uint8_t chunk[STREAM_CHUNK];
	size_t n;

	while (!is_quiet(s) && (n = f->ops->read(f, chunk, sizeof(chunk))) > 0)
		s->ops->input(s->arg, s, SPAN(chunk, n));
	s->has_more = is_quiet(s);
	if (s->is_doomed)
		return true;
	write_out(s); /* a filter may answer on its own */
	if (is_in_state(s, FILTER_ENDED) && !s->has_more && !s->is_at_end)
		return meet_end(s);
	return !s->is_broken;
}

/*
 * What is there of the past, then something new; nothing while the owner
 * pauses. False: the connection is over.
 */
static bool take_in(struct stream *s)
{
	if (s->is_resumed) {
		s->is_resumed = false;
		s->ops->input(s->arg, s, SPAN_NONE);
	}
	if (is_quiet(s))
		return true;
	if (!s->has_more && !s->is_at_end && !read_in(s))
		return false;
	return s->filter == NULL || take_text(s);
}

/* Nobody wants it any more; the kernel would reset a connection that is closed with something unread. */
static bool throw_away(struct stream *s)
{
	uint8_t chunk[STREAM_CHUNK];
	ssize_t n = recv(s->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	bool is_alive = false;

	if (!s->is_broken && !(s->is_unwritable && is_quiet(s))) {
		s->is_busy = true;
		is_alive = s->is_finishing ? throw_away(s) : take_in(s);
		s->is_busy = false;
	}
	if (s->is_doomed)
		stream_free(s);
	else if (!is_alive)
		stream_closed(s);
	else if (s->has_more && !is_quiet(s))
		event_active(&s->readable, EV_READ, 0);
}

void stream_pause(struct stream *s, bool pause)
{
	if (pause == s->is_paused || s->is_finishing)
		return;
	s->is_paused = pause;
	if (s->is_broken || s->is_connecting)
		return;
	if (pause) {
		event_del(&s->readable);
		return;
	}
	if (!s->is_at_end)
		event_add(&s->readable, NULL);
	s->is_resumed = true; /* the owner may have kept something */
	event_active(&s->readable, EV_READ, 0);
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
		give_up(s, stream_socket_words(error));
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
		go_on_finishing(s);
		return;
	}
	write_out(s);
	tell_of_room(s);
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
		refused(s, "the handshake was not finished in 10 s");
	stream_closed(s);
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
	event_assign(&s->readable, loop_base(l), fd, EV_READ | EV_PERSIST, on_readable, s);
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
		give_up(s, why);
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
	if (s->is_connecting || is_in_state(s, FILTER_HANDSHAKING)) {
		give_up(s, "finished"); /* nothing that was queued can leave */
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
	write_last(s);
	give_up(s, "the peer closed the connection");
}

void stream_destroy(struct stream *s)
{
	if (s == NULL)
		return;
	if (!s->is_broken && !s->is_shut)
		write_last(s);
	s->is_broken = true;
	if (s->is_busy)
		s->is_doomed = true;
	else
		stream_free(s);
}
