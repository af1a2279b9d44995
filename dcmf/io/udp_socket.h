/*
 * udp_socket.h: one UDP socket as the kernel sees it: opening, and which of our
 * addresses a datagram uses. For udp.c and udp_aside.c only.
 */
#pragma once

#include <sys/socket.h>

#include "dcmf/base/addr.h"
#include "dcmf/base/err.h"

/* Room for the control messages that name our address, of either family, and the pieces of a train. */
#define UDP_CONTROL_MAX 96

/*
 * A train is a row of datagrams of one peer and one length that the kernel hands over, or takes, as one; the last
 * may be shorter. It takes this many, and a UDP payload of bytes.
 */
#define UDP_TRAIN_MAX   64
#define UDP_TRAIN_BYTES 65000

/*
 * Non-blocking, bound, and told to report the destination of each datagram, where it is bound to
 * none, and to receive trains where the kernel can. See udp_open() for the errors.
 */
enum err udp_socket_open(const struct addr *local, int *fd);
/* A second one on the same address and port as `first`; the kernel shares out what comes. */
enum err udp_socket_open_beside(int first, const struct addr *local, int *fd);

/* Datagrams that came while its receive buffer was full; 0 where the kernel does not tell. */
uint64_t udp_socket_lost(int fd);

/*
 * The address a received datagram was sent to; untouched when the kernel did not say. The port stays. Returns the length
 * of the pieces where it is a train, else 0.
 */
size_t udp_socket_received(struct msghdr *msg, struct addr *local);

/*
 * Makes `msg` leave from `local` (NULL: the kernel chooses), as a train of pieces of so many bytes unless that is 0. Writes into
 * `control`, which has UDP_CONTROL_MAX bytes and the alignment of a cmsghdr.
 */
void udp_socket_sending(struct msghdr *msg, void *control, const struct addr *local, size_t piece);
/* Takes the word about the pieces of a train off again. */
void udp_socket_sending_alone(struct msghdr *msg);
