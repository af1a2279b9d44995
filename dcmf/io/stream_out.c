/* stream_out.c: what the owner of a stream writes, on its way through the filter into the socket. */
#include <errno.h>
#include <event2/event.h>

#include "dcmf/io/stream_parts.h"

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

bool stream_write_out(struct stream *s)
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
	if (stream_filter_is(s, FILTER_FAILED))
		stream_fail(s, "");
	return !s->is_broken && s->out.len == 0;
}

bool stream_write_last(struct stream *s)
{
	if (!stream_write_out(s))
		return false;
	if (s->filter == NULL)
		return true;
	s->filter->ops->close(s->filter);
	return stream_write_out(s);
}

void stream_go_on_finishing(struct stream *s)
{
	if (s->is_shut || !stream_write_last(s))
		return;
	s->is_shut = true;
	if (shutdown(s->fd, SHUT_WR) != 0 || s->is_at_end)
		stream_fail(s, "finished");
}

void stream_tell_of_room(struct stream *s)
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
		stream_fail(s, "out of memory");
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
