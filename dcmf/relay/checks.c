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

#define FAILED "the server answers no connectivity check"

struct checks {
	struct media *media;
	struct ice_credentials own;
	struct ice_checker *checker; /* NULL: too little is known of the server */
	struct timer timer;
	bool is_open, is_lost; /* what came of it was told to the media */
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
	m->path = path_to(m);
	if (m->leg != NULL && m->leg->secured != NULL)
		m->leg->secured->path = m->path;
	if (m->leg != NULL)
		shakes_move(m->leg);
	media_go(m);
}

static void path_is_lost(struct checks *c)
{
	struct media *m = c->media;
	char subject[SUBJECT_MAX];

	c->is_lost = true;
	m->path = (struct path){ 0 };
	if (m->leg == NULL)
		log_warn(media_subject(m, subject), FAILED);
	else if (m->leg->secured != NULL)
		leg_end(m->leg, CLOSE_PATH_LOSS, FAILED);
	else
		leg_failed(m->leg, CLOSE_PATH_LOSS, FAILED);
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
	(void)now;
	turn(arg);
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
