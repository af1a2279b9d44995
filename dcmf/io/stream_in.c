/* stream_in.c: what the peer of a stream says, on its way through the filter to the owner. */
#include <errno.h>
#include <event2/event.h>
#include <poll.h>

#include "dcmf/io/stream_parts.h"

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

/* The peer sends no more. False: that is the end. */
static bool meet_end(struct stream *s)
{
	s->failure = "the peer closed the connection";
	if (stream_filter_is(s, FILTER_HANDSHAKING))
		return stream_refuse(s, "the peer left during the handshake");
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
	bool was_handshaking = stream_filter_is(s, FILTER_HANDSHAKING);
	bool is_good = s->filter->ops->feed(s->filter, wire);

	stream_write_out(s); /* its answer, or its last word */
	if (!is_good || !was_handshaking || stream_filter_is(s, FILTER_HANDSHAKING))
		return is_good;
	alarm_set(s->deadline, TICK_NEVER);
	stream_name_filtered_peer(s);
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
		if (stream_filter_is(s, FILTER_HANDSHAKING))
			return stream_refuse(s, "the peer left during the handshake");
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
	stream_write_out(s); /* a filter may answer on its own */
	if (stream_filter_is(s, FILTER_ENDED) && !s->has_more && !s->is_at_end)
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

void stream_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	bool is_alive = false;

	if (!s->is_broken && !(s->is_unwritable && (is_quiet(s) || s->is_at_end))) {
		s->is_busy = true;
		is_alive = s->is_finishing ? throw_away(s) : take_in(s);
		s->is_busy = false;
	}
	if (s->is_doomed)
		stream_free(s);
	else if (!is_alive)
		stream_close(s);
	else if (s->is_unwritable) /* until nothing is left of its last words */
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
