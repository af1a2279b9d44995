/*
 * tick.h: time as a value. Read once per loop turn by dcmf/io (or made up by a test) and handed
 * down; nothing below dcmf/io asks the system for it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Microseconds on a monotonic clock. Zero is a valid time. */
typedef struct {
	int64_t us;
} tick_t;

#define TICK_NEVER ((tick_t){ INT64_MAX })
#define TICK_MS(n) ((int64_t)(n)*1000)
#define TICK_S(n)  ((int64_t)(n)*1000000)

static inline tick_t tick_add(tick_t t, int64_t us)
{
	return (tick_t){ t.us == INT64_MAX ? INT64_MAX : t.us + us };
}

/* Microseconds from `from` to `to`; negative when `to` is earlier. */
static inline int64_t tick_since(tick_t from, tick_t to)
{
	return to.us - from.us;
}

static inline bool tick_before(tick_t a, tick_t b)
{
	return a.us < b.us;
}

static inline bool tick_due(tick_t deadline, tick_t now)
{
	return deadline.us <= now.us;
}

static inline bool tick_is_never(tick_t t)
{
	return t.us == INT64_MAX;
}

static inline tick_t tick_min(tick_t a, tick_t b)
{
	return a.us < b.us ? a : b;
}

static inline tick_t tick_max(tick_t a, tick_t b)
{
	return a.us < b.us ? b : a;
}
