/* http_talk.h: an HTTP client that says what it is told byte by byte and hears until the server closes. */
#pragma once

#include "dcmf/base/addr.h"
#include "dcmf/io/loop.h"

/* A request without a body behind this line; it asks the server to close. */
#define HTTP_HEAD(line) line " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"

/* Connects and sends `text`; the socket is the caller's until http_hear(). */
int http_say(const struct addr *at, const char *text);
/* All that comes, terminated, until the next http_hear(); closes the socket. */
const char *http_hear(struct loop *l, int fd);
/* Both; the test fails when the answer's status is another one. */
const char *http_expect(
	struct loop *l, const struct addr *at, const char *text, const char *status);
