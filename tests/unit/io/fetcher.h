/*
 * fetcher.h: requests through an upstream to a server in the same loop, as their callers see them.
 *
 *     fixture: fetcher_open, fetcher_close for each test
 *     c = fetch("http://x/plain");    from begin to end, as client 0
 *     c = begin(tag, request, url);   only begun, as client `tag`
 */
#pragma once

#include "dcmf/io/upstream.h"
#include "tests/unit/io/raw_server.h"
#include "tests/unit/io/turn.h"

enum { CLIENTS = 8, TIMEOUT_MS = 1000 };

/* One request as its caller sees it; its tag is its index. */
struct client {
	slot_id id;
	unsigned heads, ends, writables;
	int status;
	int64_t length;
	char headers[4096], protection[64], failed[300];
	bool is_complete, timed_out;
	uint8_t body[64];
	uint64_t body_bytes;
	bool body_is_right; /* against raw_byte() */
	uint64_t room;      /* for so many bytes; then no more */
	bool cancel_at_head, cancel_at_body;
};

extern struct client client[CLIENTS];
extern struct loop *loop;
extern struct upstream *upstream;
extern struct raw_server server;
extern bool inside; /* a function of the upstream runs: callbacks must not come */
extern const struct upstream_config fetcher_config;

void fetcher_open(void);
void fetcher_close(void);

/* GET, and the server's address, where the request does not say otherwise. */
struct client *begin(unsigned tag, struct upstream_request r, const char *url);
bool has_ended(void *arg); /* a client; for turn_until() */
struct client *fetch_as(unsigned tag, struct upstream_request r, const char *url);
struct client *fetch(const char *url);
void check_failed(const struct client *c, const char *words);
