/*
 * http.h: one phone with a bootstrap channel and the DCSF behind it, for the test_http*.c files.
 *
 *     begin(__func__)                a phone that is up; the server has its root and one good page
 *     begin_with(...)                the same with another configuration or phone
 *     answer_to(text, seconds)       to one raw request; phone_fetch() and phone_ask() for those of a UE
 *     still_works()                  whatever happened, the channel has not come out of step
 */
#pragma once

#include "dcmf/base/counters.h"
#include "tests/flow/world.h"

#define KIB 1024u

static struct world *w;
static struct phone *p;

/* Both may be NULL. */
static inline void begin_with(const char *name, void (*change)(struct relay_config *config),
	const struct phone_options *options)
{
	w = world_create_with(name, change);
	p = phone_create(w, options);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE, .text = "root" });
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/page", .text = "page", .etag = "\"v1\"" });
	phone_set_up(p);
}

static inline void begin(const char *name)
{
	begin_with(name, NULL, NULL);
}

static inline const struct reply *answer_to(const char *text, double seconds)
{
	phone_raw(p, 0, text, 1);
	ck_assert_msg(world_until(w, seconds, all_answered), "no answer to %.60s", text);
	return phone_reply(p, p->reply_count - 1);
}

static inline void still_works(void)
{
	ck_assert_str_eq(phone_fetch(p, 0, "/page", 10)->text, "page");
}

/* `header` is in the last request as it came to the server, "Name: value\n". */
static inline bool was_sent(const char *header)
{
	return strstr(dcsf_seen(w->dcsf)->headers, header) != NULL;
}

#define LOOP(test, table) tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof(table[0]))
