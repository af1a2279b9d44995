/*
 * udp_socket.h: one UDP socket as the kernel sees it: opening, and which of our
 * addresses a datagram uses. For udp.c only.
 */
#pragma once

#include <sys/socket.h>

#include "dcmf/base/addr.h"
#include "dcmf/base/err.h"

/* Room for the one control message that names our address, of either family. */
#define UDP_CONTROL_MAX 64

/*
 * Non-blocking, bound, and told to report the destination of each
 * datagram. See udp_open() for the errors.
 */
enum err udp_socket_open(const struct addr *local, int *fd);

/*
 * The address a received datagram was sent to; untouched when the
 * kernel did not say. The port stays.
 */
void udp_socket_destination(struct msghdr *msg, struct addr *local);

/*
 * Makes `msg` leave from `local`; writes into `control`, which has UDP_CONTROL_MAX
 * bytes and the alignment of a cmsghdr.
 */
void udp_socket_source(struct msghdr *msg, void *control, const struct addr *local);
