/* resolve.h: host names to addresses, without blocking; only the front does this. */
#pragma once

#include "dcmf/base/addr.h"
#include "dcmf/io/loop.h"

struct resolver;

struct resolver *resolver_create(struct loop *l);
void resolver_destroy(struct resolver *r); /* pending questions are dropped without an answer */
/*
 * Literal addresses are answered too. `done` is called later, never from inside; `addr`
 * NULL: `failed` says why. IPv4 is preferred.
 */
bool resolver_ask(struct resolver *r, const char *host, uint16_t port,
	void (*done)(void *arg, const struct addr *addr, const char *failed), void *arg);
