/*
 * posts.h: a small HTTP server for programs that post a message and wait for the answer, which may
 * take its time (libevent's evhttp).
 */
#pragma once

#include <stdint.h>

#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"
#include "dcmf/io/loop.h"

struct posts;

struct posts_config {
	/*
	 * A message, valid during the call; `type` is its Content-Type, "" where it has none. Other
	 * methods than POST get 405 by themselves.
	 */
	void (*posted)(
		void *arg, uint64_t id, const char *path, const char *type, struct span body);
	/* May this address post? NULL: any. */
	bool (*may_post)(void *arg, const struct addr *from);
	void *arg;
	size_t max_body; /* bytes; longer ones get 413 */
};

/* NULL: `failed` says why, naming the address. */
struct posts *posts_create(
	struct loop *l, const struct addr *at, const struct posts_config *config, char failed[256]);
void posts_destroy(struct posts *p); /* who waits is hung up on */
/* Once for each message, at any time; for a client that is gone nothing happens. */
void posts_answer(
	struct posts *p, uint64_t id, int status, const char *content_type, struct span body);
