/*
 * checks.c: ICE toward a server that is ICE Lite: the connectivity checks are ours, and so is the
 * watch over its consent.
 *
 *     told where it is ──► check, check ... answered ──► the path is open ──► a check every 5 s
 */
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/base/random.h"
#include "dcmf/ice/checker.h"
#include "dcmf/relay/parts.h"

#define FAILED   "the server answers no connectivity check"
#define AGAIN_US TICK_S(30) /* ours: a Lite server cannot say that it is back, so it is asked */

struct checks {
	struct media *media;
	struct ice_credentials own;
	struct ice_checker *checker; /* NULL: too little is known of the server */
	struct timer timer;
	bool is_open, is_lost; /* what came of it was told to the media */
	bool is_missed;        /* lost, and not back since: that is told once */
};

static struct relay *relay_of(const struct checks *c)
{
	return c->media->context->relay;
}

static void make_credentials(struct checks *c)
{
	random_token(c->own.ufrag, ICE_UFRAG_LEN);
	random_token(c->own.pwd, ICE_PWD_LEN);
}

static void stop(struct checks *c)
{
	ice_checker_destroy(c->checker);
	c->checker = NULL;
	c->is_open = c->is_lost = false;
	timer_cancel(&relay_of(c)->timers, &c->timer);
}

static struct path path_to(const struct media *m)
{
	return (struct path){ .port = m->at.port, .local = m->at.local, .remote = m->spec.remote };
}

/* What goes to the server goes this way from now on. */
static void path_opens(struct checks *c)
{
	struct media *m = c->media;

	c->is_open = true;
	c->is_missed = false;
	m->path = path_to(m);
	if (m->leg != NULL && m->leg->secured != NULL)
		m->leg->secured->path = m->path;
	if (m->leg != NULL)
		shakes_move(m->leg);
	media_go(m);
}

static void tell_of_loss(struct media *m)
{
	if (m->leg == NULL)
		relay_say(m, RELAY_EVENT_MDC_FAILED, -1, CLOSE_PATH_LOSS, FAILED);
	else if (m->leg->secured != NULL)
		leg_end(m->leg, CLOSE_PATH_LOSS, FAILED);
	else
		leg_failed(m->leg, CLOSE_PATH_LOSS, FAILED);
}

static void path_is_lost(struct checks *c)
{
	struct relay *r = relay_of(c);

	c->is_lost = true;
	c->media->path = (struct path){ 0 };
	timer_set(&r->timers, &c->timer, tick_add(r->now, AGAIN_US));
	if (!c->is_missed)
		tell_of_loss(c->media);
	c->is_missed = true;
}

/* Says what is due and sees what came of it. */
static void turn(struct checks *c)
{
	struct relay *r = relay_of(c);
	const struct path path = path_to(c->media);
	uint8_t dgram[ICE_REPLY_MAX];
	enum ice_checker_state state;
	size_t len;

	while (ice_checker_next(c->checker, r->stun, r->now, dgram, &len))
		media_send(c->media, &path, SPAN(dgram, len));
	timer_set(&r->timers, &c->timer, ice_checker_deadline(c->checker));
	state = ice_checker_state(c->checker);
	if (state == CHECKER_CONNECTED && !c->is_open)
		path_opens(c);
	else if (state == CHECKER_FAILED && !c->is_lost)
		path_is_lost(c);
}

static void expire(void *arg, tick_t now)
{
	struct checks *c = arg;

	(void)now;
	if (c->is_lost)
		checks_go(c);
	else
		turn(c);
}

struct checks *checks_create(struct media *m)
{
	struct checks *c = mem_zalloc(sizeof(*c));

	if (c == NULL || !timers_reserve(&m->context->relay->timers)) {
		mem_free(c);
		return NULL;
	}
	c->media = m;
	timer_init(&c->timer, expire, c);
	make_credentials(c);
	return c;
}

void checks_destroy(struct checks *c)
{
	if (c == NULL)
		return;
	stop(c);
	timers_release(&relay_of(c)->timers);
	mem_wipe(&c->own, sizeof(c->own));
	mem_free(c);
}

void checks_go(struct checks *c)
{
	struct media *m = c->media;

	if (c->checker != NULL && !c->is_lost)
		return;
	stop(c);
	if (!addr_is_set(&m->spec.remote))
		m->path = (struct path){ 0 };
	if (m->spec.ice == NULL || !addr_is_set(&m->spec.remote))
		return;
	c->checker = ice_checker_create(&c->own, m->spec.ice, relay_of(c)->now);
	if (c->checker == NULL)
		count(allocation_failed_total); /* the next update tries again */
	else
		turn(c);
}

void checks_restart(struct checks *c, bool anew)
{
	stop(c);
	c->is_missed = false;
	if (anew)
		make_credentials(c);
	checks_go(c);
}

void checks_input(struct checks *c, const struct path *path, struct span dgram)
{
	struct relay *r = relay_of(c);

	if (c->checker == NULL || !addr_eq(&path->remote, &c->media->spec.remote) ||
		!ice_checker_input(c->checker, r->stun, r->now, &path->remote, dgram)) {
		count(ice_malformed_total);
		return;
	}
	turn(c);
}

const struct ice_credentials *checks_own(const struct checks *c)
{
	return &c->own;
}

tick_t checks_last(const struct checks *c)
{
	return c->checker != NULL ? ice_checker_last_response(c->checker) : TICK_NEVER;
}
