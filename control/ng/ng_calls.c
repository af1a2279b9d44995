/* ng_calls.c: which call of a SIP proxy is which context. */
#include "control/ng/ng_calls.h"

#include <string.h>

#include "dcmf/base/alloc.h"

void ng_calls_init(struct ng_calls *cs)
{
	cs->by_id = NULL;
	cs->branch_count = 0;
	list_init(&cs->all);
}

void ng_calls_finish(struct ng_calls *cs)
{
	while (!list_is_empty(&cs->all))
		ng_branch_forget(cs, container_of(cs->all.next, struct ng_branch, on_all));
}

struct ng_call *ng_call_find(const struct ng_calls *cs, const char *id)
{
	struct ng_call *call;

	HASH_FIND_STR(cs->by_id, id, call);
	return call;
}

/* ---- which one -------------------------------------------------------------------------- */

int ng_branch_side(const struct ng_branch *b, const char *tag)
{
	for (unsigned i = 0; i < b->tag_count; i++) {
		if (strcmp(b->tags[i].text, tag) == 0)
			return b->tags[i].side;
	}
	return -1;
}

static bool has_side(const struct ng_branch *b, int side)
{
	for (unsigned i = 0; i < b->tag_count; i++) {
		if (b->tags[i].side == side)
			return true;
	}
	return false;
}

static bool has_via(const struct ng_branch *b, const char *via)
{
	return via == NULL || b->via == NULL ? via == b->via : strcmp(via, b->via) == 0;
}

/*
 * How well the two tags fit, 0: not at all. A side whose tags are not known yet may still have
 * any tag, but both sides cannot.
 */
static unsigned likeness(const struct ng_branch *b, const struct ng_dialog *d)
{
	int from = ng_branch_side(b, d->from_tag);
	int to = d->to_tag != NULL ? ng_branch_side(b, d->to_tag) : -1;

	if (from >= 0 && to >= 0)
		return from != to ? 3 : 0;
	if (from >= 0)
		return d->to_tag == NULL || !has_side(b, 1 - from) ? 2 : 0;
	return to >= 0 && !has_side(b, 1 - to) ? 1 : 0;
}

/* The best one; among equals the youngest. */
static struct ng_branch *best(const struct ng_calls *cs, const struct ng_dialog *d,
	unsigned (*rank)(const struct ng_branch *b, const struct ng_dialog *d))
{
	const struct ng_call *call = ng_call_find(cs, d->call_id);
	struct ng_branch *found = NULL;
	unsigned best_rank = 1;

	if (call == NULL)
		return NULL;
	list_for_each (n, &call->branches) {
		struct ng_branch *b = container_of(n, struct ng_branch, on_call);
		unsigned r = rank(b, d);

		if (r >= best_rank) {
			found = b;
			best_rank = r;
		}
	}
	return found;
}

/* Without a To tag it is a first offer again, and each branch has its own. */
static unsigned rank_for_offer(const struct ng_branch *b, const struct ng_dialog *d)
{
	if (d->to_tag == NULL)
		return ng_branch_side(b, d->from_tag) == 0 && has_via(b, d->via);
	return likeness(b, d);
}

/* An answer may come from a phone that nobody knew of: a call forks behind the proxy too. */
static unsigned rank_for_answer(const struct ng_branch *b, const struct ng_dialog *d)
{
	int from = ng_branch_side(b, d->from_tag);

	if (from < 0 || from != b->offerer)
		return 0;
	return 1 + likeness(b, d) + (d->via != NULL && has_via(b, d->via) ? 4 : 0);
}

struct ng_branch *ng_branch_of_offer(const struct ng_calls *cs, const struct ng_dialog *d)
{
	return best(cs, d, rank_for_offer);
}

struct ng_branch *ng_branch_of_answer(const struct ng_calls *cs, const struct ng_dialog *d)
{
	return best(cs, d, rank_for_answer);
}

bool ng_branch_is_meant(const struct ng_branch *b, const struct ng_dialog *d)
{
	if (d->via != NULL && !has_via(b, d->via))
		return false;
	return d->from_tag == NULL || likeness(b, d) > 0;
}

/* ---- coming and going ------------------------------------------------------------------- */

static struct ng_call *call_new(struct ng_calls *cs, const char *id)
{
	struct ng_call *call = mem_zalloc(sizeof(*call));

	if (call == NULL || (call->id = mem_strdup(id)) == NULL) {
		mem_free(call);
		return NULL;
	}
	list_init(&call->branches);
	HASH_ADD_KEYPTR(hh, cs->by_id, call->id, strlen(call->id), call);
	if (map_has(call))
		return call;
	mem_free(call->id);
	mem_free(call);
	return NULL;
}

static void call_forget_if_empty(struct ng_calls *cs, struct ng_call *call)
{
	if (!list_is_empty(&call->branches))
		return;
	HASH_DEL(cs->by_id, call);
	mem_free(call->id);
	mem_free(call);
}

bool ng_calls_have_room(const struct ng_calls *cs, const char *call_id)
{
	const struct ng_call *call = ng_call_find(cs, call_id);

	return cs->branch_count < NG_BRANCHES_MAX &&
	       (call == NULL || call->branch_count < NG_FORKS_MAX);
}

struct ng_branch *ng_branch_new(struct ng_calls *cs, const struct ng_dialog *d, int64_t now_us)
{
	struct ng_call *call = ng_call_find(cs, d->call_id);
	struct ng_branch *b;

	if (call == NULL && (call = call_new(cs, d->call_id)) == NULL)
		return NULL;
	if ((b = mem_zalloc(sizeof(*b))) == NULL) {
		call_forget_if_empty(cs, call);
		return NULL;
	}
	b->call = call;
	b->created_us = b->last_us = now_us;
	list_init(&b->on_call);
	list_init(&b->on_all);
	list_init(&b->waiting);
	list_append(&call->branches, &b->on_call);
	list_append(&cs->all, &b->on_all);
	call->branch_count++;
	cs->branch_count++;
	b->via = mem_strdup(d->via);
	if ((b->via == NULL && d->via != NULL) || !ng_branch_tag(b, d->from_tag, 0, now_us)) {
		ng_branch_forget(cs, b);
		return NULL;
	}
	return b;
}

static void tag_finish(struct ng_tag *t)
{
	mem_free(t->text);
	mem_free(t->label);
}

void ng_branch_forget(struct ng_calls *cs, struct ng_branch *b)
{
	list_unlink(&b->on_call);
	list_unlink(&b->on_all);
	b->call->branch_count--;
	cs->branch_count--;
	call_forget_if_empty(cs, b->call);
	for (unsigned i = 0; i < b->tag_count; i++)
		tag_finish(&b->tags[i]);
	mem_free(b->via);
	mem_free(b->metadata);
	mem_free(b);
}

struct ng_tag *ng_branch_tag(struct ng_branch *b, const char *tag, unsigned side, int64_t now_us)
{
	char *copy;

	for (unsigned i = 0; i < b->tag_count; i++) {
		if (strcmp(b->tags[i].text, tag) == 0)
			return &b->tags[i];
	}
	if ((copy = mem_strdup(tag)) == NULL)
		return NULL;
	if (b->tag_count == NG_TAGS_MAX) { /* the first one is the caller's, who stays */
		tag_finish(&b->tags[1]);
		memmove(&b->tags[1], &b->tags[2], (NG_TAGS_MAX - 2) * sizeof(b->tags[0]));
		b->tag_count--;
	}
	b->tags[b->tag_count] = (struct ng_tag){ copy, NULL, (uint8_t)side, now_us };
	return &b->tags[b->tag_count++];
}
