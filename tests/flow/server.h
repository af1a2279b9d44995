/*
 * server.h: a phone and a server that speaks data channels itself, for the test_server*.c files: a
 * pair whose b is a server on MDC2 unless a test says otherwise.
 */
#pragma once

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "tests/flow/inside.h"
#include "tests/flow/paired.h"

#define KIB 1024u

static const struct ue_stream chat = {
	.sid = 1010, .quality = { true, MAX_RETRANSMITS, 512, 7 }, .label = "chat", .protocol = "c"
};
static const struct ue_stream three[] = {
	{ .sid = 1000, .quality = { .priority = 256 }, .label = "text", .protocol = "chat" },
	{ .sid = 1001, .quality = { true, MAX_RETRANSMITS, 256, 3 }, .label = "pointer" },
	{ .sid = 1002, .quality = { false, MAX_LIFETIME, 128, 5000 }, .label = "late" },
};

enum ice_of_server { NO_ICE, FULL_ICE, LITE_ICE };

static inline struct phone_options side(int ice, enum setup setup)
{
	return (struct phone_options){ .ice = ice == FULL_ICE,
		.ice_lite = ice == LITE_ICE,
		.setup = setup,
		.accept_dcep = true,
		.max_message = 64 * KIB };
}

static inline struct pair_options options(uint8_t proxy, int ice)
{
	return (struct pair_options){ .proxy = proxy,
		.hop = HOP_MDC2,
		.streams = three,
		.stream_count = 3,
		.a = side(NO_ICE, SETUP_NONE),
		.b = side(ice, SETUP_NONE) };
}

/* It was known before: nobody is asked, the phone begins toward us, and we toward the server. */
static inline struct pair_options known_before(int ice)
{
	struct pair_options o = options(PROXY_DC_APPLICATION, ice);

	o.together = true;
	o.a.setup = SETUP_ACTIVE;
	o.b.setup = SETUP_PASSIVE;
	return o;
}

static inline void begin(const char *name, uint8_t proxy, int ice)
{
	struct pair_options o = options(proxy, ice);

	begin_with(name, &o);
}

static inline unsigned events(enum relay_event_type type, uint8_t hop)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->seen_count; i++)
		n += w->seen[i].type == type && w->seen[i].hop == hop;
	return n;
}

static inline const struct seen *last_of(enum relay_event_type type, uint8_t hop)
{
	for (unsigned i = w->seen_count; i-- > 0;)
		if (w->seen[i].type == type && w->seen[i].hop == hop)
			return &w->seen[i];
	return NULL;
}

static inline bool is_bridge(int i)
{
	return i % 2 == 0;
}

static inline uint8_t proxy_of(int i)
{
	return is_bridge(i) ? PROXY_DC_APPLICATION : PROXY_UDP;
}
