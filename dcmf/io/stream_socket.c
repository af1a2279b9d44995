/* stream_socket.c: the socket of a stream as the kernel sees it. */
#include "dcmf/io/stream_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	/* ours: a peer that is silent is asked after so long, and answers or is given up */
	KEEPALIVE_S = 30,
	KEEPALIVE_PROBE_S = 10,
	KEEPALIVE_PROBES = 3,
	/* ours: so is one that takes nothing of what was sent */
	UNTAKEN_MS = 60000,
};

const char *stream_socket_words(int error)
{
	switch (error) {
	case ECONNREFUSED: return "connection refused";
	case ECONNRESET: return "the peer reset the connection";
	case EPIPE: return "the peer closed the connection";
	case ETIMEDOUT: return "the peer does not answer any more";
	case EHOSTUNREACH:
	case ENETUNREACH: return "no route to the host";
	case EADDRNOTAVAIL: return "no local address or port for it";
	case EACCES:
	case EPERM: return "forbidden by the system";
	case EMFILE:
	case ENFILE: return "too many open files";
	case ENOMEM:
	case ENOBUFS: return "out of memory";
	default: return "input or output failed";
	}
}

static void set(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

/*
 * A turn's bytes leave together, so nothing is won by waiting for more (40 ms
 * with a peer that delays its ACKs). Others than TCP have no such option.
 */
void stream_socket_prepare(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

int stream_socket_connect(const struct addr *to, const char **why)
{
	int family = to->family == ADDR_IPV6 ? AF_INET6 : AF_INET;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(to, &ss);

	if (fd >= 0) {
		stream_socket_prepare(fd);
		set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
		set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S);
		set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_PROBE_S);
		set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
		set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNTAKEN_MS);
	}
	if (fd < 0 || (connect(fd, (struct sockaddr *)&ss, len) != 0 && errno != EINPROGRESS))
		*why = stream_socket_words(errno);
	return fd;
}

void stream_socket_peer(int fd, char text[STREAM_PEER_MAX])
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	struct ucred cred;
	struct addr addr;

	snprintf(text, STREAM_PEER_MAX, "unknown");
	if (getpeername(fd, (struct sockaddr *)&ss, &len) != 0)
		return;
	if (ss.ss_family != AF_UNIX) {
		if (addr_from_sockaddr((struct sockaddr *)&ss, &addr))
			addr_text(&addr, text);
		return;
	}
	len = sizeof(cred);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
		snprintf(text, STREAM_PEER_MAX, "unix uid %u pid %d", (unsigned)cred.uid,
			(int)cred.pid);
}
