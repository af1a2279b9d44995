/* context.c: contexts and their terminations, made and changed as a whole or not at all. */
#include <stdio.h>

#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/relay/parts.h"

const char *relay_context_id(const struct relay_context *c)
{
	return c->id;
}

size_t relay_context_count(const struct relay *r)
{
	return HASH_COUNT(r->contexts);
}

struct relay_context *relay_context_find(const struct relay *r, const char *id)
{
	struct relay_context *c;

	HASH_FIND_STR(r->contexts, id, c);
	return c;
}

struct relay_context *relay_context_next(const struct relay *r, size_t *at)
{
	struct relay_context *c = r->contexts;

	for (size_t i = 0; c != NULL && i < *at; i++)
		c = c->hh.next;
	*at += c != NULL;
	return c;
}

static bool refuse(struct relay_refusal *why, enum err err, int t, int m, const char *detail)
{
	why->err = err;
	why->termination = t;
	why->media = m;
	snprintf(why->detail, sizeof(why->detail), "%s", detail ? detail : err_text(err));
	if (err == ERR_NO_MEMORY)
		count(allocation_failed_total);
	return false;
}

/* Two lists of terminations: what is there and what shall be. */
struct plan {
	struct termination *terminations;
	unsigned count;
	/* one a media in order; those of medias that stay, to be applied */
	struct media_spec *specs;
	unsigned spec_count;
};

static struct media *find_media(
	struct relay_context *c, const char *termination, const struct media_spec *like)
{
	for (unsigned t = 0; t < c->termination_count; t++) {
		struct termination *term = &c->terminations[t];

		if (strcmp(term->id, termination) != 0)
			continue;
		for (unsigned m = 0; m < term->media_count; m++) {
			const struct media_spec *spec = &term->medias[m]->spec;

			if (spec->hop == like->hop && strcmp(spec->media_id, like->media_id) == 0)
				return term->medias[m];
		}
	}
	return NULL;
}

/* Without ICE there is one address to send to: can the port reach it? */
static bool port_fits(const struct media *m, const struct media_spec *spec)
{
	return (spec->has_ice && !spec->ice_checks) || !addr_is_set(&spec->remote) ||
	       spec->remote.family == m->at.local.family;
}

/*
 * A media can be kept unless its kind of port changes, with ICE coming or going or with a peer of
 * the other family, or another interface is wanted.
 */
static bool can_stay(const struct media *m, const struct media_spec *spec)
{
	const char *now = m->spec.interface ? m->spec.interface : "";
	const char *then = spec->interface ? spec->interface : "";

	return m->spec.has_ice == spec->has_ice && m->spec.ice_checks == spec->ice_checks &&
	       m->spec.proxy == spec->proxy && (m->spec.link == NULL) == (spec->link == NULL) &&
	       strcmp(now, then) == 0 && port_fits(m, spec);
}

static void terminations_free(struct termination *ts, unsigned n)
{
	for (unsigned t = 0; t < n; t++) {
		mem_free(ts[t].id);
		mem_free(ts[t].medias);
	}
	mem_free(ts);
}

static bool is_in(const struct termination *ts, unsigned n, const struct media *media)
{
	for (unsigned t = 0; t < n; t++) {
		for (unsigned m = 0; m < ts[t].media_count; m++) {
			if (ts[t].medias[m] == media)
				return true;
		}
	}
	return false;
}

/* New medias of a plan that was not carried out go as if they had never been. */
static void plan_undo(struct plan *p, struct relay_context *c)
{
	for (unsigned t = 0; t < p->count; t++) {
		for (unsigned m = 0; m < p->terminations[t].media_count; m++) {
			struct media *media = p->terminations[t].medias[m];

			if (!is_in(c->terminations, c->termination_count, media))
				media_destroy(media);
		}
	}
	for (unsigned i = 0; i < p->spec_count; i++)
		media_spec_finish(&p->specs[i]);
	mem_free(p->specs);
	terminations_free(p->terminations, p->count);
}

static void find_twin(struct relay_context *c, unsigned t, struct media *media)
{
	for (unsigned i = t + 1; i < c->termination_count; i++) {
		for (unsigned m = 0; m < c->terminations[i].media_count; m++) {
			struct media *other = c->terminations[i].medias[m];

			if (!media_specs_are_twins(media->termination_id, &media->spec,
				    other->termination_id, &other->spec))
				continue;
			if (media->twin != other)
				media_join(media, other);
			return;
		}
	}
}

static void join_twins(struct relay_context *c)
{
	for (unsigned t = 0; t < c->termination_count; t++) {
		for (unsigned m = 0; m < c->terminations[t].media_count; m++)
			find_twin(c, t, c->terminations[t].medias[m]);
	}
}

/* Everything that can fail happens here: copies, ports, new medias. */
static bool plan_media(struct plan *p, struct relay_context *c, const struct context_spec *wish,
	struct termination *term, unsigned t, unsigned m, struct relay_refusal *why)
{
	const struct termination_spec *ts = &wish->terminations[t];
	const struct media_spec *spec = &ts->medias[m];
	struct media *media = find_media(c, ts->termination_id, spec);

	for (unsigned i = 0; i < m; i++) {
		if (strcmp(ts->medias[i].media_id, spec->media_id) == 0)
			return refuse(
				why, ERR_EXISTS, (int)t, (int)m, "this mediaId is there twice");
	}
	if (spec->proxy != PROXY_HTTP && spec->link == NULL && !context_spec_has_twin(wish, t, m))
		return refuse(why, ERR_UNSUPPORTED, (int)t, (int)m, NO_TWIN_TEXT);
	if (media != NULL && can_stay(media, spec)) {
		if (!media_spec_copy(&p->specs[p->spec_count], spec))
			return refuse(why, ERR_NO_MEMORY, (int)t, (int)m, NULL);
		p->spec_count++;
	} else {
		struct relay_refusal of_media;

		if ((media = media_create(c, ts->termination_id, spec, &of_media)) == NULL)
			return refuse(why, of_media.err, (int)t, (int)m,
				of_media.detail[0] ? of_media.detail : NULL);
		p->specs[p->spec_count++] = (struct media_spec){ 0 };
	}
	term->medias[term->media_count++] = media;
	return true;
}

static bool plan_make(struct plan *p, struct relay_context *c, const struct context_spec *spec,
	struct relay_refusal *why)
{
	unsigned medias = 0;

	for (unsigned t = 0; t < spec->termination_count; t++)
		medias += spec->terminations[t].media_count;
	*p = (struct plan){ 0 };
	p->terminations = mem_zalloc(spec->termination_count * sizeof(*p->terminations));
	p->specs = mem_zalloc(medias * sizeof(*p->specs));
	if (p->terminations == NULL || p->specs == NULL)
		return refuse(why, ERR_NO_MEMORY, -1, -1, NULL);
	for (unsigned t = 0; t < spec->termination_count; t++) {
		const struct termination_spec *ts = &spec->terminations[t];
		struct termination *term = &p->terminations[p->count++];

		for (unsigned i = 0; i < t; i++) {
			if (spec->terminations[i].at_server == ts->at_server &&
				strcmp(spec->terminations[i].termination_id, ts->termination_id) ==
					0)
				return refuse(why, ERR_EXISTS, (int)t, -1,
					"this terminationId is there twice");
		}
		term->id = mem_strdup(ts->termination_id);
		term->medias = mem_zalloc(ts->media_count * sizeof(struct media *));
		if (term->id == NULL || term->medias == NULL)
			return refuse(why, ERR_NO_MEMORY, (int)t, -1, NULL);
		for (unsigned m = 0; m < ts->media_count; m++) {
			if (!plan_media(p, c, spec, term, t, m, why))
				return false;
		}
	}
	return true;
}

/* Nothing here fails as a whole. */
static void plan_carry_out(struct plan *p, struct relay_context *c)
{
	struct termination *old = c->terminations;
	unsigned old_count = c->termination_count;
	unsigned i = 0;

	c->terminations = p->terminations;
	c->termination_count = p->count;
	for (unsigned t = 0; t < old_count; t++) {
		for (unsigned m = 0; m < old[t].media_count; m++) {
			struct media *media = old[t].medias[m];

			if (is_in(c->terminations, c->termination_count, media))
				continue;
			media_close(media, CLOSE_LOCAL);
			list_append(&c->relay->dying, &media->on_dying);
		}
	}
	join_twins(c);
	for (unsigned t = 0; t < p->count; t++) {
		for (unsigned m = 0; m < p->terminations[t].media_count; m++, i++) {
			if (p->specs[i].media_id != NULL)
				media_apply(p->terminations[t].medias[m], &p->specs[i]);
		}
	}
	mem_free(p->specs);
	terminations_free(old, old_count);
}

static void say_context(
	struct relay_context *c, enum relay_event_type type, enum close_reason reason)
{
	struct relay *r = c->relay;

	r->config.ops->event(r->config.world, &(struct relay_event){ .type = type,
						      .context_id = c->id,
						      .owner = c->owner,
						      .sid = -1,
						      .reason = reason });
}

static void context_free(struct relay_context *c)
{
	struct relay *r = c->relay;

	timer_cancel(&r->timers, &c->idle);
	if (r->config.context_idle_us > 0)
		timers_release(&r->timers);
	mem_free(c->id);
	mem_free(c->owner);
	terminations_free(c->terminations, c->termination_count);
	mem_free(c);
}

void relay_context_reap(struct relay_context *c)
{
	if (c->deleted && c->media_count == 0)
		context_free(c);
}

static tick_t last_sign(const struct relay_context *c)
{
	tick_t last = c->heard;

	for (unsigned t = 0; t < c->termination_count; t++)
		for (unsigned m = 0; m < c->terminations[t].media_count; m++)
			last = tick_max(last, c->terminations[t].medias[m]->heard);
	return last;
}

/* A datagram sets no timer, it only leaves its time: the timer looks again when it is over. */
static void look_for_traffic(void *arg, tick_t now)
{
	struct relay_context *c = arg;
	struct relay *r = c->relay;
	tick_t end = tick_add(last_sign(c), r->config.context_idle_us);

	if (c->deleted)
		return;
	if (tick_due(end, now))
		relay_context_delete(r, now, c, CLOSE_IDLE);
	else
		timer_set(&r->timers, &c->idle, end);
}

static struct relay_context *context_new(struct relay *r, const char *id, const char *owner)
{
	bool may_idle = r->config.context_idle_us > 0;
	struct relay_context *c = mem_zalloc(sizeof(*c));

	if (c == NULL || (may_idle && !timers_reserve(&r->timers))) {
		mem_free(c);
		return NULL;
	}
	c->relay = r;
	c->heard = r->now;
	timer_init(&c->idle, look_for_traffic, c);
	if (may_idle)
		timer_set(&r->timers, &c->idle, tick_add(r->now, r->config.context_idle_us));
	c->id = mem_strdup(id);
	c->owner = mem_strdup(owner);
	if (c->id == NULL || (owner != NULL && c->owner == NULL)) {
		context_free(c);
		return NULL;
	}
	return c;
}

struct relay_context *relay_context_create(struct relay *r, tick_t now, const char *id,
	const struct context_spec *spec, struct relay_refusal *refusal)
{
	struct relay_context *c;
	struct plan plan;

	r->now = now;
	if (relay_context_find(r, id) != NULL) {
		refuse(refusal, ERR_EXISTS, -1, -1, NULL);
		return NULL;
	}
	if ((c = context_new(r, id, spec->owner)) == NULL) {
		refuse(refusal, ERR_NO_MEMORY, -1, -1, NULL);
		return NULL;
	}
	if (!plan_make(&plan, c, spec, refusal)) {
		plan_undo(&plan, c);
		context_free(c);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, r->contexts, c->id, strlen(c->id), c);
	if (!map_has(c)) {
		refuse(refusal, ERR_NO_MEMORY, -1, -1, NULL);
		plan_undo(&plan, c);
		context_free(c);
		return NULL;
	}
	plan_carry_out(&plan, c);
	count(contexts_created_total);
	count_add(contexts, 1);
	log_info(c->id, "created, %u media%s", c->media_count, c->owner ? ", owner known" : "");
	say_context(c, RELAY_EVENT_CONTEXT_CREATED, CLOSE_NONE);
	for (unsigned t = 0; t < c->termination_count; t++) {
		for (unsigned m = 0; m < c->terminations[t].media_count; m++)
			media_go(c->terminations[t].medias[m]);
	}
	return c;
}

bool relay_context_update(struct relay *r, tick_t now, struct relay_context *c,
	const struct context_spec *spec, struct relay_refusal *refusal)
{
	struct plan plan;

	r->now = now;
	if (!plan_make(&plan, c, spec, refusal)) {
		plan_undo(&plan, c);
		return false;
	}
	plan_carry_out(&plan, c);
	c->heard = now;
	for (unsigned t = 0; t < c->termination_count; t++) {
		for (unsigned m = 0; m < c->terminations[t].media_count; m++)
			media_go(c->terminations[t].medias[m]);
	}
	return true;
}

void relay_context_delete(
	struct relay *r, tick_t now, struct relay_context *c, enum close_reason reason)
{
	r->now = now;
	HASH_DEL(r->contexts, c);
	count(contexts_deleted_total);
	count_add(contexts, -1);
	log_info(c->id, "deleted: %s", close_text(reason));
	say_context(c, RELAY_EVENT_CONTEXT_DELETED, reason);
	c->deleted = true;
	for (unsigned t = 0; t < c->termination_count; t++) {
		for (unsigned m = 0; m < c->terminations[t].media_count; m++) {
			struct media *media = c->terminations[t].medias[m];

			media_close(media, reason);
			list_append(&r->dying, &media->on_dying);
		}
	}
	relay_context_reap(c); /* one without a media is gone at once */
}
