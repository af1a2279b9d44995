/* udp_service.c: one UDP socket for requests and their answers. */
#include "dcmf/io/udp_service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/dgram.h"

enum {
	REQUESTS_A_TURN = 64,    /* ours: then others have their turn */
	SOCKET_BUFFER = 1 << 20, /* ours: a burst of proxies after a pause */
};

struct udp_service {
	struct watch *watch;
	udp_service_handler *handler;
	void *arg;
	int fd;
	uint8_t dgram[DGRAM_MAX + 1];
};

static void on_readable(void *arg, tick_t now)
{
	struct udp_service *u = arg;

	for (int i = 0; i < REQUESTS_A_TURN; i++) {
		struct sockaddr_storage ss = { 0 };
		socklen_t len = sizeof(ss);
		ssize_t n = recvfrom(u->fd, u->dgram, sizeof(u->dgram), MSG_DONTWAIT,
			(struct sockaddr *)&ss, &len);
		struct addr from;

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		/* n < 0: an ICMP error of an earlier answer: it is not about what waits to be read */
		if (n >= 0 && addr_from_sockaddr((struct sockaddr *)&ss, &from))
			u->handler(u->arg, &from, SPAN(u->dgram, n));
	}
}

static int give_up(int fd, char failed[256], const char *what, const struct addr *at)
{
	char text[ADDR_TEXT_MAX];

	snprintf(failed, 256, "%s UDP %s: %s", what, addr_text(at, text), strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int open_socket(const struct addr *at, char failed[256])
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(at, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int size = SOCKET_BUFFER, on = 1;

	if (fd < 0)
		return give_up(fd, failed, "cannot make a socket for", at);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (at->family == ADDR_IPV6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&ss, len) != 0)
		return give_up(fd, failed, "cannot bind to", at);
	return fd;
}

struct udp_service *udp_service_create(struct loop *l, const struct addr *at,
	udp_service_handler *handler, void *arg, char failed[256])
{
	struct udp_service *u;
	int fd = open_socket(at, failed);

	if (fd < 0)
		return NULL;
	if ((u = mem_zalloc(sizeof(*u))) == NULL) {
		snprintf(failed, 256, "out of memory");
		close(fd);
		return NULL;
	}
	u->fd = fd;
	u->handler = handler;
	u->arg = arg;
	if ((u->watch = loop_watch(l, fd, on_readable, u)) != NULL)
		return u;
	snprintf(failed, 256, "out of memory");
	udp_service_destroy(u);
	return NULL;
}

void udp_service_destroy(struct udp_service *u)
{
	if (u == NULL)
		return;
	loop_unwatch(u->watch);
	close(u->fd);
	mem_free(u);
}

void udp_service_send(struct udp_service *u, const struct addr *to, struct span dgram)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(to, &ss);
	ssize_t sent;

	do
		sent = sendto(u->fd, dgram.p, dgram.len, MSG_DONTWAIT | MSG_NOSIGNAL,
			(struct sockaddr *)&ss, len);
	while (sent < 0 && errno == EINTR);
}
