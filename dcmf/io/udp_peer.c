/* udp_peer.c: a UDP socket of one peer. */
#include "dcmf/io/udp_peer.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/stream_socket.h"

enum { BATCH = 32 /* ours: datagrams read a turn */ };

struct udp_peer {
	const struct udp_peer_ops *ops;
	void *arg;
	struct event readable;
	int fd;              /* -1: there is none */
	const char *failure; /* closed() follows; NULL: all is well */
	bool is_open;        /* and that was told */
	bool is_paused;
	bool is_busy, is_doomed; /* a callback runs; it destroyed us */
};

static void peer_free(struct udp_peer *p)
{
	event_del(&p->readable);
	if (p->fd >= 0)
		close(p->fd);
	mem_free(p);
}

/* The handler of the next turn tells it. */
static void give_up(struct udp_peer *p, const char *why)
{
	p->failure = why;
	event_active(&p->readable, EV_READ, 0);
}

static bool is_no_news(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static bool read_one(struct udp_peer *p)
{
	uint8_t dgram[UDP_PEER_MAX];
	ssize_t n = recv(p->fd, dgram, sizeof(dgram), MSG_DONTWAIT);

	if (n >= 0)
		p->ops->input(p->arg, p, SPAN(dgram, n));
	else if (!is_no_news(errno))
		p->failure = stream_socket_words(errno);
	return n >= 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct udp_peer *p = arg;

	p->is_busy = true;
	if (!p->is_open && p->failure == NULL) {
		p->is_open = true;
		p->ops->opened(p->arg, p);
	}
	for (int i = 0; i < BATCH && p->failure == NULL && !p->is_paused && !p->is_doomed; i++) {
		if (!read_one(p))
			break;
	}
	if (p->failure != NULL && !p->is_doomed) {
		p->ops->closed(p->arg, p, p->failure);
		p->is_doomed = true;
	}
	p->is_busy = false;
	if (p->is_doomed)
		peer_free(p);
}

bool udp_peer_send(struct udp_peer *p, struct span dgram)
{
	if (p->failure != NULL)
		return false;
	if (send(p->fd, dgram.p, dgram.len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return true;
	/* an earlier one was refused; this call only brought the news */
	if (errno == ECONNREFUSED)
		give_up(p, stream_socket_words(errno));
	return false;
}

void udp_peer_pause(struct udp_peer *p, bool pause)
{
	if (pause == p->is_paused)
		return;
	p->is_paused = pause;
	if (p->failure != NULL)
		return;
	if (pause)
		event_del(&p->readable);
	else
		event_add(&p->readable, NULL);
}

bool udp_peer_local(const struct udp_peer *p, struct addr *out)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	return p->fd >= 0 && getsockname(p->fd, (struct sockaddr *)&ss, &len) == 0 &&
	       addr_from_sockaddr((struct sockaddr *)&ss, out);
}

struct udp_peer *udp_peer_create(
	struct loop *l, const struct addr *to, const struct udp_peer_ops *ops, void *arg)
{
	struct udp_peer *p = mem_zalloc(sizeof(*p));
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(to, &ss);

	if (p == NULL)
		return NULL;
	p->ops = ops;
	p->arg = arg;
	p->fd = socket(to->family == ADDR_IPV6 ? AF_INET6 : AF_INET,
		SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	event_assign(&p->readable, loop_base(l), p->fd, EV_READ | EV_PERSIST, on_readable, p);
	if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&ss, len) != 0 ||
		event_add(&p->readable, NULL) != 0)
		p->failure = stream_socket_words(errno);
	event_active(&p->readable, EV_READ, 0); /* opened(), or closed() */
	return p;
}

void udp_peer_destroy(struct udp_peer *p)
{
	if (p == NULL)
		return;
	if (p->is_busy)
		p->is_doomed = true;
	else
		peer_free(p);
}
