/*
 * udp_socket.c: one UDP socket as the kernel sees it: opening, and which
 * of our addresses a datagram uses.
 */
#include "dcmf/io/udp_socket.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

/*
 * Ours: a worker that is busy for a few milliseconds loses nothing. The
 * kernel cuts it to net.core.{r,w}mem_max.
 */
enum { SOCKET_BUFFER = 4 << 20 };

static enum err why(int error)
{
	switch (error) {
	case EADDRINUSE: return ERR_EXISTS;
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EACCES:
	case EINVAL: return ERR_ADDRESS;
	case EMFILE:
	case ENFILE: return ERR_NO_FILES;
	case ENOMEM:
	case ENOBUFS: return ERR_NO_MEMORY;
	default: return ERR_IO;
	}
}

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

static int tell_destination(int fd, const struct addr *local)
{
	return local->family == ADDR_IPV6 ? set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
					  : set(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

static int set_up(int fd, const struct addr *local)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(local, &ss);

	set(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
	set(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
	set(fd, SOL_UDP, UDP_GRO, 1); /* an old kernel has none of it, and hands over one by one */
	if (local->family == ADDR_IPV6 && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0)
		return -1;
	if (addr_is_any(local) && tell_destination(fd, local) != 0)
		return -1;
	return bind(fd, (struct sockaddr *)&ss, len);
}

static enum err open_socket(const struct addr *local, bool is_second, int *fd)
{
	int family = local->family == ADDR_IPV6 ? AF_INET6 : AF_INET;
	enum err err;

	if (local->family == ADDR_NONE || local->port == 0)
		return ERR_ADDRESS;
	if ((*fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
		return why(errno);
	if ((!is_second || set(*fd, SOL_SOCKET, SO_REUSEPORT, 1) == 0) && set_up(*fd, local) == 0)
		return ERR_OK;
	err = why(errno);
	close(*fd);
	return err;
}

enum err udp_socket_open(const struct addr *local, int *fd)
{
	return open_socket(local, false, fd);
}

/*
 * The first one was bound without the option, so nobody else's port was shared by mistake; nor will
 * a second program share ours, since its own first one is bound without it too.
 */
enum err udp_socket_open_beside(int first, const struct addr *local, int *fd)
{
	if (set(first, SOL_SOCKET, SO_REUSEPORT, 1) != 0)
		return ERR_IO;
	return open_socket(local, true, fd);
}

uint64_t udp_socket_lost(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) != 0)
		return 0;
	return info[SK_MEMINFO_DROPS];
}

static void take_ipv4(const struct in_addr *ip, struct addr *local)
{
	*local = (struct addr){ .family = ADDR_IPV4, .port = local->port };
	memcpy(local->ip, ip, sizeof(*ip));
}

static void take_ipv6(const struct in6_pktinfo *info, struct addr *local)
{
	*local = (struct addr){ .family = ADDR_IPV6, .port = local->port };
	memcpy(local->ip, &info->ipi6_addr, sizeof(local->ip));
	if (IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
		local->scope = info->ipi6_ifindex;
}

size_t udp_socket_received(struct msghdr *msg, struct addr *local)
{
	size_t piece = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			take_ipv4(&info.ipi_addr, local);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			take_ipv6(&info, local);
		} else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			int length;

			memcpy(&length, CMSG_DATA(c), sizeof(length));
			piece = length > 0 ? (size_t)length : 0;
		}
	}
	return piece;
}

/* Behind those that are there already. */
static void put_control(
	struct msghdr *msg, void *control, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)((uint8_t *)control + msg->msg_controllen);

	memset(c, 0, CMSG_SPACE(len));
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	msg->msg_control = control;
	msg->msg_controllen += CMSG_SPACE(len);
}

static void put_source(struct msghdr *msg, void *control, const struct addr *local)
{
	if (local->family == ADDR_IPV4) {
		struct in_pktinfo info = { 0 };

		memcpy(&info.ipi_spec_dst, local->ip, sizeof(info.ipi_spec_dst));
		put_control(msg, control, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else {
		struct in6_pktinfo info = { .ipi6_ifindex = local->scope };

		memcpy(&info.ipi6_addr, local->ip, sizeof(info.ipi6_addr));
		put_control(msg, control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
}

void udp_socket_sending(struct msghdr *msg, void *control, const struct addr *local, size_t piece)
{
	uint16_t length = (uint16_t)piece;

	msg->msg_control = NULL;
	msg->msg_controllen = 0;
	if (local != NULL)
		put_source(msg, control, local);
	if (piece > 0)
		put_control(msg, control, SOL_UDP, UDP_SEGMENT, &length, sizeof(length));
}

void udp_socket_sending_alone(struct msghdr *msg)
{
	msg->msg_controllen -= CMSG_SPACE(sizeof(uint16_t)); /* it was put last */
	if (msg->msg_controllen == 0)
		msg->msg_control = NULL;
}
