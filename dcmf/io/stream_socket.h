/* stream_socket.h: the socket of a stream as the kernel sees it. For the other files of this folder only. */
#pragma once

#include "dcmf/base/addr.h"

#define STREAM_PEER_MAX 96

/* Non-blocking, close-on-exec, and without Nagle's delay. */
void stream_socket_prepare(int fd);
/*
 * A TCP connection that is on its way. *why: NULL, or what stands in the way already, whatever
 * the descriptor, which may be -1.
 */
int stream_socket_connect(const struct addr *to, const char **why);
/* "unix uid 0 pid 42", "127.0.0.1:4711". */
void stream_socket_peer(int fd, char text[STREAM_PEER_MAX]);
/* What errno says, in words for an operator. */
const char *stream_socket_words(int error);
