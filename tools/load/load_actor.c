/* load_actor.c: the life of whoever arrives, from the first request to the end of the context. */
#include "tools/load/load_actor.h"

#include <stdio.h>
#include <string.h>

#include "dcmf/base/alloc.h"

#define LINGER_S 3.0 /* for the gateway's last words, a little longer than it takes */

static const struct load_ops *const all_ops[SCENARIO_MAX] = {
	[SCENARIO_bootstrap] = &bootstrap_ops,
	[SCENARIO_direct] = &pair_ops,
	[SCENARIO_echo] = &echo_ops,
	[SCENARIO_p2a] = &p2a_ops,
	[SCENARIO_p2p] = &pair_ops,
	[SCENARIO_passthrough] = &pair_ops,
};

void load_actor_touch(struct load_actor *a)
{
	list_append(&a->load->ready, &a->on_ready);
}

void load_actor_touch_later(struct load_actor *a)
{
	list_append(&a->load->later, &a->on_ready);
}

void load_actor_wait(struct load_actor *a, double seconds)
{
	timer_set(
		&a->load->timers, &a->timer, tick_add(load_actor_now(a), (int64_t)(seconds * 1e6)));
	load_actor_touch(a);
}

static void wait_in(struct load_actor *a, enum load_state state, double seconds)
{
	a->state = state;
	load_actor_wait(a, seconds);
}

static void wait_without_end(struct load_actor *a, enum load_state state)
{
	a->state = state;
	timer_cancel(&a->load->timers, &a->timer);
}

void load_actor_measure(struct load_actor *a, enum measure m, tick_t from, tick_t to)
{
	histogram_add(&a->part->measure[m], tick_since(from, to));
}

/* ---- the end ---- */

static void drop_lines(struct load_actor *a)
{
	struct load *l = a->load;

	for (unsigned i = 0; i < a->line_count; i++) {
		struct load_line *line = &a->lines[i];

		timer_cancel(&l->timers, &line->timer);
		ue_destroy(line->ue);
		line->ue = NULL;
		if (line->number == 0)
			continue;
		HASH_DEL(l->by_number, line);
		udp_close(l->udp, line->number);
		line->number = 0;
	}
}

static void stop(struct load_actor *a)
{
	if (a->stopped)
		return;
	a->stopped = true;
	if (a->ops->stop != NULL)
		a->ops->stop(a);
}

static void go(struct load_actor *a)
{
	struct load *l = a->load;

	a->state = LOAD_GONE;
	stop(a);
	l->seat->present--;
	l->seat->up_now -= a->was_up;
	timer_cancel(&l->timers, &a->timer);
	drop_lines(a);
	list_unlink(&a->on_ready);
	list_append(&l->dead, &a->on_all);
}

static void on_deleted(void *arg, json_t *result, const char *failed)
{
	struct load_actor *a = arg;

	a->request_due = false;
	if (result == NULL)
		load_actor_fail(a, FAILURE_DELETE, failed);
	load_actor_touch(a);
}

/* It stays until everybody is done; who holds for a time of its own leaves when that is over. */
static bool waits_for_all(const struct load_actor *a)
{
	return a->options->hold_all || a->options->together;
}

static void leave(struct load_actor *a)
{
	if (a->state >= LOAD_LEAVING)
		return;
	wait_in(a, LOAD_LEAVING, LINGER_S);
	stop(a);
	if (a->context_id[0] == '\0') {
		if (a->ops->part != NULL)
			a->ops->part(a, load_actor_now(a));
		return;
	}
	a->request_due = true;
	load_control_call(a->load->control, "context.delete",
		json_pack("{s:s}", "contextId", a->context_id), on_deleted, a);
}

void load_actor_fail(struct load_actor *a, enum failure f, const char *detail)
{
	if (a->failed)
		return; /* what follows from the first failure is no failure of its own */
	a->failed = true;
	a->load->seat->failed++;
	tally_fail(a->load->tally, a->part_index, f, a->context_id, detail);
	stop(a);
	if (!a->request_due)
		leave(a); /* else the answer may still come, and with it a context to delete */
}

void load_actor_dismiss(struct load_actor *a)
{
	if ((a->state == LOAD_HOLDING && waits_for_all(a)) || a->state == LOAD_WAITING)
		leave(a);
}

void load_actor_give_up(struct load_actor *a)
{
	a->failed = true;
	stop(a);
	if (!a->request_due)
		leave(a);
}

static bool all_closed(const struct load_actor *a)
{
	for (unsigned i = 0; i < a->line_count; i++)
		if (a->lines[i].ue != NULL && !a->lines[i].closed &&
			ue_dtls(a->lines[i].ue) != NULL)
			return a->ends_silently;
	return true;
}

/* ---- work ---- */

void load_actor_done(struct load_actor *a)
{
	a->part->done++;
	a->load->seat->done++;
	stop(a);
	if (waits_for_all(a))
		wait_without_end(a, LOAD_HOLDING);
	else if (a->options->hold_s > 0)
		wait_in(a, LOAD_HOLDING, a->options->hold_s);
	else
		leave(a);
}

static void work(struct load_actor *a)
{
	wait_in(a, LOAD_WORKING, a->options->timeout);
	if (a->options->idles) {
		load_actor_done(a);
		return;
	}
	a->ops->work(a, load_actor_now(a));
}

void load_actor_release(struct load_actor *a)
{
	if (a->state == LOAD_WAITING)
		work(a);
}

static void all_open(struct load_actor *a)
{
	struct load *l = a->load;
	tick_t now = load_actor_now(a);

	load_actor_measure(a, MEASURE_OPEN, a->secured, now);
	load_actor_measure(a, MEASURE_SET_UP, a->due, now);
	a->was_up = true;
	a->part->up++;
	l->seat->up++;
	l->tally->last_up = now;
	if (++l->seat->up_now > l->seat->peak)
		l->seat->peak = l->seat->up_now;
	if (a->options->together && l->board->go < l->board->wave)
		wait_without_end(a, LOAD_WAITING);
	else
		work(a);
}

/* ---- asking ---- */

static void on_answer(void *arg, json_t *result, const char *failed)
{
	struct load_actor *a = arg;
	const char *id = json_string_value(json_object_get(result, "contextId"));
	const char *sdp = json_string_value(json_object_get(result, "sdp"));

	a->request_due = false;
	if (id != NULL)
		snprintf(a->context_id, sizeof(a->context_id), "%s", id);
	if (a->failed) /* it was given up before: only the context is to be deleted */
		leave(a);
	else if (result == NULL || id == NULL || sdp == NULL)
		load_actor_fail(
			a, FAILURE_CONTROL, result ? "a result without contextId or sdp" : failed);
	else
		a->answered(a, sdp, result);
}

void load_actor_ask(
	struct load_actor *a, const char *method, json_t *params, load_answered *answered)
{
	wait_in(a, LOAD_ASKING, a->options->timeout);
	a->request_due = true;
	a->answered = answered;
	load_control_call(a->load->control, method, params, on_answer, a);
}

void load_actor_set_up(struct load_actor *a)
{
	wait_in(a, LOAD_SETTING_UP, a->options->timeout);
}

/* ---- what lines tell ---- */

static void on_secured(struct load_actor *a, struct load_line *line)
{
	line->secured = true;
	a->secured = load_actor_now(a);
	a->part->handshakes++;
	load_actor_measure(a, MEASURE_SECURE, a->connected, a->secured);
}

static void on_open(struct load_actor *a, struct load_line *line)
{
	line->open++;
	for (unsigned i = 0; i < a->line_count; i++)
		if (a->lines[i].open < a->lines[i].wanted)
			return;
	if (a->state == LOAD_SETTING_UP)
		all_open(a);
}

/* Words about a line: "the caller: the handshake did not finish". */
static void fail_line(struct load_line *line, enum failure f, const char *what)
{
	char detail[160];

	snprintf(detail, sizeof(detail), "%s: %s", line->who, what);
	load_actor_fail(line->owner, f, detail);
}

static void on_closed(struct load_actor *a, struct load_line *line, const struct ue_event *ev)
{
	line->closed = true;
	if (a->state < LOAD_LEAVING)
		fail_line(line, line->secured ? FAILURE_CLOSED : FAILURE_DTLS,
			close_text(ev->reason));
}

static void on_event(struct load_actor *a, struct load_line *line, const struct ue_event *ev)
{
	switch (ev->kind) {
	case UE_SECURED: on_secured(a, line); break;
	case UE_CHANNEL_OPEN: on_open(a, line); break;
	case UE_CHANNEL_CLOSED:
		if (a->state < LOAD_LEAVING)
			fail_line(line, FAILURE_CHANNEL, close_text(ev->reason));
		break;
	case UE_CLOSED: on_closed(a, line, ev); break;
	default: a->ops->event(a, line, ev); break;
	}
}

/* ---- time ---- */

static void on_setting_up_time(struct load_actor *a)
{
	struct load_line *line = a->lines;

	while (line->open >= line->wanted)
		line++;
	if (line->secured)
		fail_line(line, FAILURE_SCTP, "the association or its channels did not open");
	else if (line->ice && !ue_has_path(line->ue))
		fail_line(line, FAILURE_ICE, "no check was answered");
	else
		fail_line(line, FAILURE_DTLS, "the handshake did not finish");
}

/* Late is a failure of this one; never means that the gateway has stopped working. */
static void on_no_answer(struct load_actor *a)
{
	if (a->failed) {
		a->load->gave_up = "the gateway does not answer on its control socket";
		loop_stop(a->load->loop);
		return;
	}
	load_actor_wait(a, a->options->timeout);
	load_actor_fail(a, FAILURE_NO_ANSWER,
		a->request_due ? "the control socket is silent" : "the command is silent");
}

static void on_time(void *arg, tick_t now)
{
	struct load_actor *a = arg;

	switch (a->state) {
	case LOAD_ASKING: on_no_answer(a); break;
	case LOAD_SETTING_UP: on_setting_up_time(a); break;
	case LOAD_WORKING: a->ops->late(a, now); break;
	case LOAD_HOLDING: leave(a); break;
	case LOAD_LEAVING:
		if (a->request_due)
			load_actor_wait(a, 1); /* the gateway's answer is still to come */
		else
			go(a);
		break;
	case LOAD_WAITING:
	case LOAD_GONE: break;
	}
}

/* ---- beginning ---- */

bool load_actor_begin(struct load *l, unsigned index, tick_t due, tick_t now)
{
	unsigned part = plan_part(l->plan, index);
	const struct load_ops *ops = all_ops[l->plan->parts[part].scenario];
	struct load_actor *a = mem_zalloc(ops->size);

	if (a == NULL)
		return false;
	a->ops = ops;
	a->load = l;
	a->options = &l->plan->parts[part];
	a->part = &l->tally->parts[part];
	a->part_index = part;
	a->index = index;
	a->due = due;
	a->begun = now;
	timer_init(&a->timer, on_time, a);
	list_init(&a->on_ready);
	list_init(&a->on_all);
	list_append(&l->all, &a->on_all);
	l->seat->begun++;
	l->seat->present++;
	a->part->begun++;
	load_actor_measure(a, MEASURE_LATE, due, now);
	a->ops->begin(a);
	return true;
}

void load_actor_destroy(struct load_actor *a)
{
	timer_cancel(&a->load->timers, &a->timer);
	stop(a);
	drop_lines(a);
	list_unlink(&a->on_ready);
	list_unlink(&a->on_all);
	if (a->ops->finish != NULL)
		a->ops->finish(a);
	mem_free(a);
}

/* ---- datagrams and turns ---- */

void load_input(struct load *l, tick_t now, const struct path *path, struct span dgram)
{
	struct load_line *line;

	HASH_FIND(hh, l->by_number, &path->port, sizeof(path->port), line);
	if (line == NULL)
		return;
	l->tally->datagrams_in++;
	ue_input(line->ue, now, &path->remote, dgram);
	load_actor_touch(line->owner);
}

static void read_events(struct load_line *line, tick_t now)
{
	struct ue_event ev;

	while (line->ue != NULL && ue_next_event(line->ue, now, &ev))
		on_event(line->owner, line, &ev);
}

static void send_datagrams(struct load_line *line)
{
	struct load *l = line->owner->load;
	struct dgram *d;

	if (line->ue == NULL)
		return;
	while ((d = ue_next_dgram(line->ue)) != NULL) {
		l->tally->datagrams_out++;
		udp_send(l->udp, &d->path, dgram_span(d));
		dgram_free(d);
	}
	timer_set(&l->timers, &line->timer, ue_deadline(line->ue));
}

static void turn_of(struct load_actor *a, tick_t now)
{
	for (unsigned i = 0; i < a->line_count; i++)
		read_events(&a->lines[i], now);
	if (a->ops->turned != NULL && a->state < LOAD_LEAVING)
		a->ops->turned(a, now);
	for (unsigned i = 0; i < a->line_count; i++)
		send_datagrams(&a->lines[i]);
	if (a->state == LOAD_LEAVING && !a->request_due && all_closed(a))
		go(a);
}

void load_turn(struct load *l, tick_t now)
{
	/* who has more to say than fits a turn was put off to this one */
	while (!list_is_empty(&l->later))
		load_actor_touch(container_of(l->later.next, struct load_actor, on_ready));
	while (!list_is_empty(&l->ready)) {
		struct load_actor *a = container_of(l->ready.next, struct load_actor, on_ready);

		list_unlink(&a->on_ready);
		turn_of(a, now);
	}
	while (!list_is_empty(&l->dead))
		load_actor_destroy(container_of(l->dead.next, struct load_actor, on_all));
}
