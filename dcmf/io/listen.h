/*
 * listen.h: sockets that listen, with a sentence about what stood in the way. For
 * the other files of this folder only.
 */
#pragma once

#include <sys/types.h>

#include "dcmf/base/addr.h"

/* Non-blocking, close-on-exec, listening. -1: `failed` says why, naming the culprit. */
int listen_tcp(const struct addr *at, char failed[256]);

/*
 * As above, at a path with the given mode. The folder is made when it is missing.
 * A socket file nobody listens on is replaced; one that answers, and anything
 * that is not a socket, is left alone.
 */
int listen_unix(const char *path, mode_t mode, char failed[256]);
