/*
 * ng_cookies.h: which messages came already, and what they were answered: a datagram that nobody
 * answered in time is sent again, and must not count twice.
 *
 * A cookie belongs to who sent it. What is remembered is bounded in number, bytes and time; the
 * oldest answers go first.
 */
#pragma once

#include <stdbool.h>

#include "dcmf/base/span.h"
#include "dcmf/base/tick.h"

#define NG_COOKIES_MAX      16384 /* ours */
#define NG_COOKIE_BYTES_MAX (16u << 20)
#define NG_COOKIE_US        TICK_S(30) /* ours: Kamailio gives up after 5 s by default */

struct ng_cookies;
struct ng_cookie; /* lives until it is answered, and then as long as it is remembered */

enum ng_seen {
	NG_NEW,       /* it is remembered from now on, and must be answered */
	NG_UNDER_WAY, /* the same message is still being worked on */
	NG_ANSWERED,  /* and was answered */
	NG_REPLAYED,  /* the same cookie with another message */
	NG_NO_MEMORY,
};

struct ng_cookies *ng_cookies_create(void); /* NULL: out of memory */
void ng_cookies_destroy(struct ng_cookies *cs);

/* `sender`: any bytes that tell senders apart. *out is set for NG_NEW and NG_ANSWERED. */
enum ng_seen ng_cookies_see(struct ng_cookies *cs, tick_t now, struct span sender,
	struct span cookie, struct span message, struct ng_cookie **out);
/* Without memory, or where it is too long to be kept, it is as if it had never been seen. */
void ng_cookies_answered(
	struct ng_cookies *cs, tick_t now, struct ng_cookie *c, struct span answer);
/* Valid until the next call of the others. */
struct span ng_cookie_answer(const struct ng_cookie *c);

tick_t ng_cookies_deadline(const struct ng_cookies *cs);
void ng_cookies_expire(struct ng_cookies *cs, tick_t now);
