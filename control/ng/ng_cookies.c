/* ng_cookies.c: which messages came already, and what they were answered. */
#include "control/ng/ng_cookies.h"

#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/list.h"
#include "dcmf/base/map.h"

struct ng_cookie {
	struct list_node on_answered; /* by age; alone while it is under way */
	tick_t until;
	uint64_t message; /* its hash */
	size_t message_len;
	char *answer; /* NULL: under way */
	size_t answer_len, key_len;
	UT_hash_handle hh;
	uint8_t key[]; /* cookie, blank, sender */
};

struct ng_cookies {
	struct ng_cookie *all;
	struct list_node answered;
	size_t bytes; /* of answers */
};

struct ng_cookies *ng_cookies_create(void)
{
	struct ng_cookies *cs = mem_zalloc(sizeof(*cs));

	if (cs != NULL)
		list_init(&cs->answered);
	return cs;
}

static void forget(struct ng_cookies *cs, struct ng_cookie *c)
{
	HASH_DEL(cs->all, c);
	list_unlink(&c->on_answered);
	cs->bytes -= c->answer_len;
	mem_free(c->answer);
	mem_free(c);
}

void ng_cookies_destroy(struct ng_cookies *cs)
{
	if (cs == NULL)
		return;
	for (struct ng_cookie *c = cs->all, *next; c != NULL; c = next) {
		next = c->hh.next;
		forget(cs, c);
	}
	mem_free(cs);
}

static struct ng_cookie *oldest(const struct ng_cookies *cs)
{
	return container_of(cs->answered.next, struct ng_cookie, on_answered);
}

tick_t ng_cookies_deadline(const struct ng_cookies *cs)
{
	return list_is_empty(&cs->answered) ? TICK_NEVER : oldest(cs)->until;
}

void ng_cookies_expire(struct ng_cookies *cs, tick_t now)
{
	while (!list_is_empty(&cs->answered) && tick_due(oldest(cs)->until, now))
		forget(cs, oldest(cs));
}

static void make_room(struct ng_cookies *cs, size_t bytes)
{
	while (!list_is_empty(&cs->answered) &&
		(HASH_COUNT(cs->all) >= NG_COOKIES_MAX || cs->bytes + bytes > NG_COOKIE_BYTES_MAX))
		forget(cs, oldest(cs));
}

/* FNV-1a: whoever makes two messages of the same hash gets the answer to his own first one. */
static uint64_t hash_of(struct span s)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.p[i]) * 0x100000001b3;
	return h;
}

static struct ng_cookie *cookie_new(struct span cookie, struct span sender, struct span message)
{
	size_t len = cookie.len + 1 + sender.len;
	struct ng_cookie *c = mem_zalloc(sizeof(*c) + len);

	if (c == NULL)
		return NULL;
	list_init(&c->on_answered);
	c->message = hash_of(message);
	c->message_len = message.len;
	c->key_len = len;
	memcpy(c->key, cookie.p, cookie.len);
	c->key[cookie.len] = ' '; /* no cookie has one, so no two keys look alike */
	memcpy(c->key + cookie.len + 1, sender.p, sender.len);
	return c;
}

enum ng_seen ng_cookies_see(struct ng_cookies *cs, tick_t now, struct span sender,
	struct span cookie, struct span message, struct ng_cookie **out)
{
	struct ng_cookie *c = cookie_new(cookie, sender, message), *known;

	if (c == NULL)
		return NG_NO_MEMORY;
	ng_cookies_expire(cs, now);
	HASH_FIND(hh, cs->all, c->key, c->key_len, known);
	if (known != NULL) {
		bool is_same = known->message == c->message && known->message_len == c->message_len;

		mem_free(c);
		*out = known;
		return !is_same ? NG_REPLAYED : known->answer == NULL ? NG_UNDER_WAY : NG_ANSWERED;
	}
	make_room(cs, 0);
	HASH_ADD_KEYPTR(hh, cs->all, c->key, c->key_len, c);
	if (!map_has(c)) {
		mem_free(c);
		return NG_NO_MEMORY;
	}
	*out = c;
	return NG_NEW;
}

void ng_cookies_answered(struct ng_cookies *cs, tick_t now, struct ng_cookie *c, struct span answer)
{
	make_room(cs, answer.len);
	if (cs->bytes + answer.len > NG_COOKIE_BYTES_MAX ||
		(c->answer = mem_span_dup(answer)) == NULL) {
		forget(cs, c);
		return;
	}
	c->answer_len = answer.len;
	cs->bytes += answer.len;
	c->until = tick_add(now, NG_COOKIE_US);
	list_append(&cs->answered, &c->on_answered);
}

struct span ng_cookie_answer(const struct ng_cookie *c)
{
	return SPAN(c->answer, c->answer_len);
}
