/* player.c: one process that brings actors to the gateway: its loop, its share of the arrivals, its turn. */
#include "tools/load/player.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "sctp/sctp.h"
#include "tools/load/load_actor.h"
#include "tools/load/pace.h"
#include "tools/load/server.h"

#define LOOK_US        TICK_MS(10) /* at the board */
#define IDENTITIES_MAX 4096 /* certificates; more UEs share them. Even: those of a pair differ */

struct player {
	struct load load;
	struct alarm *alarm;
	const struct options *options; /* of the whole run */
	unsigned seat, begun, wave;
	bool released, dismissed, stopping;
	tick_t look_at;
};

/* ---- arrivals ---- */

/* Seats take arrivals in turn. */
static unsigned next_index(const struct player *p)
{
	return p->begun * p->load.board->seat_count + p->seat;
}

static bool all_begun(const struct player *p)
{
	return p->stopping || next_index(p) >= (unsigned)p->options->arrivals;
}

static tick_t next_arrival(const struct player *p)
{
	return pace_due_of(p->load.board->start, p->options->rate, next_index(p));
}

static void begin_due(struct player *p, tick_t now)
{
	while (!all_begun(p) && tick_due(next_arrival(p), now)) {
		if (!load_actor_begin(&p->load, next_index(p), next_arrival(p), now)) {
			p->load.gave_up = "out of memory";
			return;
		}
		p->begun++;
	}
	p->load.seat->all_begun = all_begun(p);
}

static void for_all(struct player *p, void (*fn)(struct load_actor *a))
{
	list_for_each_safe (n, next, &p->load.all)
		fn(container_of(n, struct load_actor, on_all));
}

static void look_at_board(struct player *p, tick_t now)
{
	struct board *b = p->load.board;

	p->look_at = tick_add(now, LOOK_US);
	if (b->stop && !p->stopping) {
		p->stopping = true;
		for_all(p, load_actor_give_up);
	}
	if (b->go >= p->wave && !p->released) {
		p->released = true;
		for_all(p, load_actor_release);
	}
	if (b->dismiss >= p->wave && !p->dismissed) {
		p->dismissed = true;
		for_all(p, load_actor_dismiss);
	}
}

/* ---- the loop ---- */

static tick_t next_deadline(const struct player *p)
{
	tick_t at = tick_min(timers_next(&p->load.timers), p->look_at);

	if (!all_begun(p))
		at = tick_min(at, next_arrival(p));
	if (!list_is_empty(&p->load.later))
		return p->load.board->start; /* at once */
	return tick_min(at, sctp_deadline());
}

static void on_alarm(void *arg, tick_t now)
{
	struct player *p = arg;

	if (tick_due(sctp_deadline(), now))
		sctp_expire(now);
	timers_run(&p->load.timers, now);
	begin_due(p, now);
	if (tick_due(p->look_at, now))
		look_at_board(p, now);
}

static void on_input(void *arg, tick_t now, const struct path *path, struct span dgram)
{
	load_input(&((struct player *)arg)->load, now, path, dgram);
}

static void on_turn_end(void *arg, tick_t now)
{
	struct player *p = arg;
	struct load *l = &p->load;

	load_turn(l, now);
	udp_flush(l->udp);
	if (l->control != NULL && load_control_is_lost(l->control))
		l->gave_up = "the control connection was lost";
	if (l->gave_up != NULL || (all_begun(p) && list_is_empty(&l->all)))
		loop_stop(l->loop);
	alarm_set(p->alarm, next_deadline(p));
}

/* ---- beginning and end ---- */

static bool make_identities(struct load *l, unsigned arrivals)
{
	unsigned ues = plan_ues(l->plan);
	bool as_browsers = l->plan->scenario == SCENARIO_echo; /* servers for browsers may insist */

	l->identity_count = arrivals < IDENTITIES_MAX / ues ? arrivals * ues : IDENTITIES_MAX;
	l->identities = mem_zalloc(l->identity_count * sizeof(struct dtls_ctx *));
	for (unsigned i = 0; l->identities != NULL && i < l->identity_count; i++) {
		struct cert *cert = cert_generate(30);

		l->identities[i] = cert ? dtls_ctx_create(cert) : NULL;
		cert_unref(cert);
		if (l->identities[i] == NULL ||
			(as_browsers && !dtls_ctx_offer_srtp(l->identities[i])))
			return false;
	}
	return l->identities != NULL;
}

static const char *begin(struct player *p, char failed[256])
{
	const struct options *o = p->options;
	struct load *l = &p->load;
	unsigned seats = l->board->seat_count;

	signal(SIGCHLD, SIG_IGN); /* commands of --exec-signalling are waited for by nobody */
	setenv("EVENT_PRECISE_TIMER", "1", 1); /* libevent's timers are good for 4 ms without */
	if (!sctp_start() || (l->loop = loop_create()) == NULL ||
		(l->codec = stun_codec_create()) == NULL)
		return "out of memory";
	l->udp = udp_create(l->loop, &(struct udp_config){ .input = on_input, .arg = p });
	p->alarm = loop_alarm(l->loop, on_alarm, p);
	if (l->udp == NULL || p->alarm == NULL)
		return "out of memory";
	if (plan_needs_gateway(l->plan) &&
		(l->control = load_control_open(l->loop, o->socket, failed)) == NULL)
		return failed;
	for (unsigned i = 0; i < l->plan->count; i++)
		if (l->plan->parts[i].direct != NULL &&
			!verify_direct(&l->verify[i], l->plan->parts[i].direct))
			return "the direct fetch failed";
	return make_identities(l, ((unsigned)o->arrivals + seats - 1) / seats) ? NULL
									       : "out of memory";
}

static void init(struct player *p, struct board *b, unsigned seat, const struct plan *plan)
{
	struct load *l = &p->load;

	*p = (struct player){ .options = &plan->all, .seat = seat };
	l->plan = plan;
	l->board = b;
	l->seat = &b->seats[seat];
	l->tally = &l->seat->tally;
	l->next_port = seat * 977; /* two processes do not try the same ports one after the other */
	list_init(&l->all);
	list_init(&l->ready);
	list_init(&l->later);
	list_init(&l->dead);
	timers_init(&l->timers);
	for (unsigned i = 0; i < PARTS_MAX; i++)
		verify_init(&l->verify[i], plan->parts[i].app);
	tally_init(l->tally);
}

static void destroy_all(struct player *p)
{
	for_all(p, load_actor_destroy);
	list_for_each_safe (n, next, &p->load.dead)
		load_actor_destroy(container_of(n, struct load_actor, on_all));
}

static void end(struct player *p)
{
	struct load *l = &p->load;

	load_control_close(l->control);
	destroy_all(p);
	for (unsigned i = 0; l->identities != NULL && i < l->identity_count; i++)
		dtls_ctx_unref(l->identities[i]);
	mem_free(l->identities);
	for (unsigned i = 0; i < PARTS_MAX; i++) {
		verify_finish(&l->verify[i]);
		server_destroy(l->servers[i]);
	}
	udp_destroy(l->udp);
	if (p->alarm != NULL)
		alarm_destroy(p->alarm);
	stun_codec_destroy(l->codec);
	timers_finish(&l->timers);
	if (l->loop != NULL)
		loop_destroy(l->loop);
	sctp_stop();
}

/* ---- waves ---- */

static double cpu_now(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void begin_wave(struct player *p)
{
	struct seat *s = p->load.seat;

	p->wave = p->load.board->wave;
	p->begun = 0;
	p->released = p->dismissed = false;
	s->all_begun = false;
	s->begun = s->up = s->done = s->failed = s->present = s->up_now = s->peak = 0;
	tally_begin_wave(p->load.tally);
	s->wave = p->wave;
	p->look_at = p->load.board->start;
	alarm_set(p->alarm, p->load.board->start);
}

static void play(struct player *p)
{
	struct load *l = &p->load;
	double cpu = cpu_now();

	begin_wave(p);
	loop_run(l->loop, on_turn_end, p);
	l->tally->cpu_seconds += cpu_now() - cpu;
	l->tally->lost = udp_lost(l->udp);
	l->tally->dropped = (uint64_t)counter_value[CNT_datagrams_dropped_total];
	for (unsigned i = 0; i < l->plan->count; i++)
		snprintf(l->tally->parts[i].checked, sizeof(l->tally->parts[i].checked), "%s",
			verify_words(&l->verify[i]));
	if (l->gave_up != NULL)
		snprintf(l->seat->gave_up, sizeof(l->seat->gave_up), "%s", l->gave_up);
	l->seat->waves_done = p->wave;
}

static void play_all(struct player *p)
{
	struct board *b = p->load.board;

	p->load.seat->is_ready = true;
	while (!b->end && p->load.gave_up == NULL) {
		if (b->wave > p->wave)
			play(p);
		else
			usleep(1000);
	}
}

void player_run(struct board *b, unsigned seat, const struct plan *plan)
{
	static struct player p;
	char failed[256];
	const char *why;

	init(&p, b, seat, plan);
	if ((why = begin(&p, failed)) == NULL)
		play_all(&p);
	else
		snprintf(b->seats[seat].gave_up, sizeof(b->seats[seat].gave_up), "%s", why);
	end(&p);
}
