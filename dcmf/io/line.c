/* line.c: one connection that carries a text line a message. */
#include "dcmf/io/line.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/bytes.h"

enum {
	CHUNK = 16384, /* bytes read a turn */
	/* ours: how long answers may still come for a peer that only stopped sending */
	HALF_CLOSED_MS = 2000,
	/* ours: a peer that has not proved who it is by then has to come again */
	HANDSHAKE_MS = 10000,
};

struct line_conn {
	struct loop *loop;
	struct line_config config;
	struct event readable, writable;
	struct alarm *last_call; /* of a handshake, and of a connection that is half closed */
	struct filter *filter;   /* NULL: none */
	int fd;
	struct bytes in;             /* lines not handed over, and the beginning of one */
	size_t searched;             /* bytes of `in` that are known to hold no line end */
	struct bytes out;            /* not taken by the kernel */
	bool is_paused, is_skipping; /* the rest of a line that is too long */
	bool is_at_end;              /* the peer sends no more */
	bool has_more;               /* the filter holds text that `in` had no room for */
	bool is_opening;             /* the owner has not been told that the peer is known */
	bool is_broken;              /* given up; closed() follows */
	bool is_busy, is_doomed;     /* a callback runs; it destroyed us */
	const char *failure;         /* of the filter */
	char peer[ADDR_TEXT_MAX + FILTER_TEXT_MAX];
};

/* ---- who is there ---- */

static void name_peer(struct line_conn *c)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	struct ucred cred;
	struct addr addr;

	snprintf(c->peer, sizeof(c->peer), "unknown");
	if (getpeername(c->fd, (struct sockaddr *)&ss, &len) != 0)
		return;
	if (ss.ss_family != AF_UNIX) {
		if (addr_from_sockaddr((struct sockaddr *)&ss, &addr))
			addr_text(&addr, c->peer);
		return;
	}
	len = sizeof(cred);
	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
		snprintf(c->peer, sizeof(c->peer), "unix uid %u pid %d", (unsigned)cred.uid,
			(int)cred.pid);
}

/* Behind the address: what the peer has proved. */
static void name_filtered_peer(struct line_conn *c)
{
	size_t len = strlen(c->peer);

	snprintf(c->peer + len, sizeof(c->peer) - len, " %s", c->filter->ops->peer(c->filter));
}

const char *line_peer(const struct line_conn *c)
{
	return c->peer;
}

const char *line_failure(const struct line_conn *c)
{
	return c->failure;
}

static bool is_in_state(const struct line_conn *c, enum filter_state state)
{
	return c->filter != NULL && c->filter->ops->state(c->filter) == state;
}

/* ---- endings ---- */

static void conn_free(struct line_conn *c)
{
	event_del(&c->readable);
	event_del(&c->writable);
	alarm_destroy(c->last_call);
	if (c->filter != NULL)
		c->filter->ops->destroy(c->filter);
	close(c->fd);
	bytes_finish(&c->in);
	bytes_finish(&c->out);
	mem_free(c);
}

static void conn_closed(struct line_conn *c)
{
	if (is_in_state(c, FILTER_FAILED))
		c->failure = c->filter->ops->failure(c->filter);
	c->is_busy = c->is_broken = true;
	c->config.ops->closed(c->config.arg, c);
	conn_free(c);
}

/* Never from inside a call of the owner: the handler of the next turn tells it. */
static void give_up(struct line_conn *c)
{
	c->is_broken = true;
	bytes_finish(&c->out);
	event_del(&c->readable);
	event_active(&c->readable, EV_READ, 0);
}

/* ---- out ---- */

/* What the socket gets next: the text itself, or what the filter makes of it, a piece at a time. */
static struct span next_out(struct line_conn *c)
{
	struct filter *f = c->filter;
	struct span text = bytes_view(&c->out);

	if (f == NULL)
		return text;
	if (f->ops->pending(f).len == 0 && text.len > 0)
		bytes_take(&c->out, f->ops->write(f, text));
	return f->ops->pending(f);
}

static void sent(struct line_conn *c, size_t n)
{
	if (c->filter == NULL)
		bytes_take(&c->out, n);
	else
		c->filter->ops->sent(c->filter, n);
}

static void write_out(struct line_conn *c)
{
	struct span s;

	while ((s = next_out(c)).len > 0) {
		ssize_t n = send(c->fd, s.p, s.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			sent(c, (size_t)n);
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			event_add(&c->writable, NULL);
			return;
		} else {
			give_up(c);
			return;
		}
	}
	if (is_in_state(c, FILTER_FAILED))
		give_up(c);
}

/* As far as the kernel takes it: what is queued, and a filter's goodbye behind it. */
static void write_last(struct line_conn *c)
{
	write_out(c);
	if (c->filter == NULL || c->out.len > 0 || c->is_broken)
		return;
	c->filter->ops->close(c->filter);
	write_out(c);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct line_conn *c = arg;

	if (!c->is_broken)
		write_out(c);
}

bool line_send(struct line_conn *c, struct span text)
{
	bool was_empty = c->out.len == 0;

	if (c->is_broken)
		return false;
	if (text.len + 1 > bytes_room(&c->out) || !bytes_append(&c->out, text) ||
		!bytes_append(&c->out, SPAN_LIT("\n"))) {
		give_up(c);
		return false;
	}
	/* the lines of one turn leave together */
	if (was_empty)
		event_active(&c->writable, EV_WRITE, 0);
	if (c->is_at_end)
		alarm_set(c->last_call, tick_add(loop_now(c->loop), TICK_MS(HALF_CLOSED_MS)));
	return true;
}

size_t line_room(const struct line_conn *c)
{
	return c->is_broken ? 0 : bytes_room(&c->out);
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
	bool is_opening = c->is_opening;

	c->is_busy = true;
	c->is_opening = false;
	if (is_opening && c->config.ops->opened != NULL)
		c->config.ops->opened(c->config.arg, c);
	while (!c->is_paused && !c->is_broken && !c->is_doomed && next_line(c))
		;
	c->is_busy = false;
}

/* Did the peer only stop sending (a script that typed its requests), or is it gone? */
static bool is_half_closed(const struct line_conn *c)
{
	struct pollfd p = { .fd = c->fd };

	return poll(&p, 1, 0) == 0 || !(p.revents & (POLLHUP | POLLERR));
}

bool line_has_hung_up(const struct line_conn *c)
{
	return c->is_broken || !is_half_closed(c);
}

/* No more will come, but answers may still go. */
static bool stop_reading(struct line_conn *c)
{
	c->is_at_end = true;
	event_del(&c->readable);
	alarm_set(c->last_call, tick_add(loop_now(c->loop), TICK_MS(HALF_CLOSED_MS)));
	return true;
}

/* The filter's handshake goes on; text waits in it for take_text(). False: the connection ended. */
static bool feed(struct line_conn *c, struct span wire)
{
	bool was_handshaking = is_in_state(c, FILTER_HANDSHAKING);
	bool is_good = c->filter->ops->feed(c->filter, wire);

	write_out(c); /* its answer, or its last word */
	if (is_good && was_handshaking && !is_in_state(c, FILTER_HANDSHAKING)) {
		alarm_set(c->last_call, TICK_NEVER);
		name_filtered_peer(c);
		c->is_opening = true;
	}
	return is_good;
}

/* False: the connection is over. */
static bool read_in(struct line_conn *c)
{
	uint8_t chunk[CHUNK];
	ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n > 0)
		return c->filter != NULL ? feed(c, SPAN(chunk, n))
					 : bytes_append(&c->in, SPAN(chunk, n));
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
	if (is_in_state(c, FILTER_HANDSHAKING)) {
		c->failure = "the peer left during the handshake";
		return false;
	}
	return is_half_closed(c) && stop_reading(c);
}

/* Out of the filter, as far as there is room. False: the connection is over. */
static bool take_text(struct line_conn *c)
{
	struct filter *f = c->filter;
	uint8_t chunk[CHUNK];
	size_t n;

	while (bytes_room(&c->in) >= CHUNK && (n = f->ops->read(f, chunk, sizeof(chunk))) > 0) {
		if (!bytes_append(&c->in, SPAN(chunk, n)))
			return false;
	}
	c->has_more = bytes_room(&c->in) < CHUNK;
	write_out(c); /* a filter may answer on its own */
	if (is_in_state(c, FILTER_ENDED) && !c->is_at_end)
		stop_reading(c);
	return !c->is_broken;
}

/*
 * What is there of the past, then something new; nothing while the owner
 * pauses. False: the connection is over.
 */
static bool take_in(struct line_conn *c)
{
	if (c->is_paused || bytes_room(&c->in) < CHUNK)
		return true;
	if (!c->has_more && !c->is_at_end && !read_in(c))
		return false;
	return c->filter == NULL || take_text(c);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct line_conn *c = arg;

	if (c->is_broken || !take_in(c)) {
		conn_closed(c);
		return;
	}
	hand_over(c);
	if (c->is_doomed)
		conn_free(c);
	else if (c->has_more && !c->is_paused && !c->is_broken)
		event_active(&c->readable, EV_READ, 0);
}

static void on_last_call(void *arg, tick_t now)
{
	struct line_conn *c = arg;

	if (is_in_state(c, FILTER_HANDSHAKING)) {
		c->failure = "the handshake was not finished in 10 s";
	} else if (c->is_paused && is_half_closed(c)) { /* its requests are still worked on */
		alarm_set(c->last_call, tick_add(now, TICK_MS(HALF_CLOSED_MS)));
		return;
	}
	write_last(c);
	conn_closed(c);
}

void line_pause(struct line_conn *c, bool pause)
{
	if (pause == c->is_paused)
		return;
	c->is_paused = pause;
	if (c->is_broken)
		return;
	if (pause) {
		event_del(&c->readable);
		return;
	}
	if (!c->is_at_end)
		event_add(&c->readable, NULL);
	event_active(&c->readable, EV_READ, 0); /* lines may be waiting already */
}

/* ---- life ---- */

/*
 * A turn's lines leave together, so nothing is won by waiting for more (40 ms
 * with a peer that delays its ACKs).
 */
static void prepare_socket(int fd)
{
	int on = 1;

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	/* others than TCP have no such option */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* False: out of memory. A client's handshake begins with our words. */
static bool open_filter(struct line_conn *c, struct filter_factory *factory)
{
	if (factory == NULL)
		return true;
	if ((c->filter = factory->ops->create(factory)) == NULL)
		return false;
	alarm_set(c->last_call, tick_add(loop_now(c->loop), TICK_MS(HANDSHAKE_MS)));
	event_active(&c->writable, EV_WRITE, 0);
	return true;
}

struct line_conn *line_conn_create(struct loop *l, int fd, const struct line_config *config)
{
	struct line_conn *c = mem_zalloc(sizeof(*c));
	struct alarm *last_call = NULL;

	if (c != NULL)
		last_call = loop_alarm(l, on_last_call, c);
	if (last_call == NULL) {
		mem_free(c);
		close(fd);
		return NULL;
	}
	*c = (struct line_conn){ .loop = l, .config = *config, .last_call = last_call, .fd = fd };
	c->config.filter = NULL;
	c->failure = "";
	c->in.limit = config->max_line + CHUNK;
	c->out.limit = config->max_queued;
	prepare_socket(fd);
	name_peer(c);
	event_assign(&c->readable, loop_base(l), fd, EV_READ | EV_PERSIST, on_readable, c);
	event_assign(&c->writable, loop_base(l), fd, EV_WRITE, on_writable, c);
	if (!open_filter(c, config->filter) || event_add(&c->readable, NULL) != 0) {
		conn_free(c);
		return NULL;
	}
	return c;
}

void line_conn_destroy(struct line_conn *c)
{
	if (c == NULL)
		return;
	if (!c->is_broken)
		write_last(c);
	c->is_broken = true;
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
