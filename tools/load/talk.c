/* talk.c: numbered messages, sent as fast as they are taken or at a rate, and checked where they arrive. */
#include "tools/load/talk.h"

#include <stdio.h>

#include "dcmf/base/alloc.h"

#define QUIET_US    TICK_S(1) /* ours: what is missing then was given up on the way */
#define BURST       64        /* messages one way in one turn: the others want theirs */
#define LIFETIME_MS 2000      /* of messages on partially reliable channels */

static struct load *load_of(const struct talk *t)
{
	return t->owner->load;
}

static void on_pace(void *arg, tick_t now)
{
	(void)now;
	load_actor_touch(((struct talk *)arg)->owner);
}

/* ---- a slow reader ---- */

static void on_reading(void *arg, tick_t now)
{
	struct talk_reader *r = arg;

	(void)now;
	ue_hold(r->line->ue, false);
	load_actor_touch(r->talk->owner);
}

static void read_slowly(struct talk *t, const struct load_line *line, size_t bytes)
{
	double rate = (double)t->owner->options->slow_reader;

	for (unsigned i = 0; i < t->slow_count; i++) {
		struct talk_reader *r = &t->slow[i];
		tick_t at;

		if (r->line != line)
			continue;
		r->read += bytes;
		at = tick_add(t->began, (int64_t)((double)r->read / rate * 1e6));
		if (tick_due(at, load_actor_now(t->owner)))
			continue;
		ue_hold(line->ue, true);
		timer_set(&load_of(t)->timers, &r->timer, at);
	}
}

/* Nobody talks any more: what is under way may come as fast as it can. */
static void read_the_rest(struct talk *t)
{
	for (unsigned i = 0; i < t->slow_count; i++) {
		timer_cancel(&load_of(t)->timers, &t->slow[i].timer);
		if (t->slow[i].line->ue != NULL)
			ue_hold(t->slow[i].line->ue, false);
	}
	t->slow_count = 0;
	load_actor_touch(t->owner);
}

void talk_slow(struct talk *t, struct load_line *line)
{
	struct talk_reader *r = &t->slow[t->slow_count++];

	r->talk = t;
	r->line = line;
	r->read = 0;
	timer_init(&r->timer, on_reading, r);
}

/* ---- is it over? ---- */

static bool is_complete(const struct talk_channel *c)
{
	return c->ledger.received == c->count;
}

static bool is_sent_and_must_have_come(const struct talk_channel *c)
{
	return c->sent == c->count && (!c->reliable || is_complete(c));
}

static bool all_channels(const struct talk *t, bool (*is)(const struct talk_channel *c))
{
	for (unsigned w = 0; w < t->way_count; w++)
		for (unsigned i = 0; i < t->ways[w].count; i++)
			if (!is(t->ways[w].channels[i]))
				return false;
	return true;
}

static void look_whether_done(struct talk *t)
{
	if (all_channels(t, is_complete))
		load_actor_done(t->owner);
	else if (!timer_is_pending(&t->settle) && all_channels(t, is_sent_and_must_have_come))
		timer_set(&load_of(t)->timers, &t->settle, tick_add(t->heard, QUIET_US));
}

static void on_settle(void *arg, tick_t now)
{
	struct talk *t = arg;

	if (!t->is_on)
		return;
	if (tick_since(t->heard, now) < QUIET_US) {
		look_whether_done(t);
		return;
	}
	for (unsigned w = 0; w < t->way_count; w++)
		for (unsigned i = 0; i < t->ways[w].count; i++)
			t->owner->part->lost += t->ways[w].channels[i]->count -
						t->ways[w].channels[i]->ledger.received;
	load_actor_done(t->owner);
}

void talk_late(struct talk *t, tick_t now)
{
	double left = t->owner->options->timeout - (double)tick_since(t->heard, now) / 1e6;

	if (t->is_sending && t->owner->options->message_rate > 0 && !t->ways[0].pace.is_behind)
		left = t->owner->options->timeout; /* they are few, and none is missing yet */
	if (left > 0)
		load_actor_wait(t->owner, left);
	else
		load_actor_fail(t->owner, FAILURE_MESSAGE_TIME,
			"messages are missing, and nothing more comes");
}

/* ---- speaking ---- */

static bool may_send(const struct talk *t, const struct talk_channel *c)
{
	long window = t->owner->options->window;

	return c->sent < c->count &&
	       (window == 0 || c->sent < (uint64_t)c->ledger.next + (uint64_t)window);
}

/* False: not taken now. */
static bool send_one(
	struct talk *t, struct talk_way *w, struct talk_channel *c, tick_t now, tick_t stamp)
{
	static uint8_t buf[LOAD_PAYLOAD_MAX];
	const struct options *o = t->owner->options;
	size_t len = (size_t)o->payload;
	struct tally *tally = load_of(t)->tally;
	enum err err;

	if (!may_send(t, c))
		return false;
	if (o->no_verify)
		ue_traffic_head(buf, len, c->ledger.flow, c->sent);
	else
		ue_traffic_fill(buf, len, c->ledger.flow, c->sent);
	err = ue_send(w->from->ue, now, c->sid_from,
		t->binary ? PPID_BINARY : ue_traffic_ppid(c->sent), SPAN(buf, len));
	if (err == ERR_MESSAGE_SIZE)
		load_actor_fail(t->owner, FAILURE_MESSAGES, "the payload is larger than agreed");
	if (err != ERR_OK)
		return false;
	if (c->sent % t->stride == 0)
		c->sent_at[c->sent / t->stride % TALK_RING] = stamp;
	c->sent++;
	t->owner->part->sent++;
	tally->talk_first = tick_min(tally->talk_first, now);
	return true;
}

/* On whichever channel takes it, in turn. */
static bool send_somewhere(struct talk *t, struct talk_way *w, tick_t now, tick_t stamp)
{
	for (unsigned tries = 0; tries < w->count; tries++)
		if (send_one(t, w, w->channels[w->next++ % w->count], now, stamp))
			return true;
	return false;
}

static bool way_is_over(const struct talk_way *w)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->channels[i]->sent < w->channels[i]->count)
			return false;
	return true;
}

/* False: there is more to say at once. */
static bool speak_at_rate(struct talk *t, struct talk_way *w, tick_t now)
{
	for (unsigned burst = 0; burst < BURST && !way_is_over(w); burst++) {
		int64_t delay = pace_own_delay(&w->pace, now);

		if (!pace_is_due(&w->pace, now))
			return true;
		if (!send_somewhere(t, w, now, pace_stamp(&w->pace, now))) {
			pace_blocked(&w->pace); /* goes on when something is taken again */
			return true;
		}
		if (!w->pace.is_behind)
			histogram_add(&t->owner->part->measure[MEASURE_SEND_LATE], delay);
		pace_done(&w->pace);
	}
	return way_is_over(w);
}

static bool speak_freely(struct talk *t, struct talk_way *w, tick_t now)
{
	for (unsigned burst = 0; burst < BURST; burst++)
		if (!send_somewhere(t, w, now, now))
			return true;
	return false;
}

static void say_no_more(struct talk *t)
{
	t->is_sending = false;
	for (unsigned w = 0; w < t->way_count; w++)
		for (unsigned i = 0; i < t->ways[w].count; i++)
			t->ways[w].channels[i]->count = t->ways[w].channels[i]->sent;
	read_the_rest(t);
}

static void set_pace(struct talk *t)
{
	const struct options *o = t->owner->options;
	tick_t at = o->talk > 0 ? tick_add(t->began, (int64_t)(o->talk * 1e6)) : TICK_NEVER;

	for (unsigned w = 0; w < t->way_count && o->message_rate > 0; w++)
		if (!way_is_over(&t->ways[w]) && !t->ways[w].pace.is_behind)
			at = tick_min(at, pace_due(&t->ways[w].pace));
	timer_set(&load_of(t)->timers, &t->pace, at);
}

static void speak(struct talk *t, tick_t now)
{
	const struct options *o = t->owner->options;
	bool said_all = true, over = true;

	if (o->talk > 0 && tick_since(t->began, now) >= (int64_t)(o->talk * 1e6)) {
		say_no_more(t);
		return;
	}
	for (unsigned w = 0; w < t->way_count; w++) {
		said_all &= o->message_rate > 0 ? speak_at_rate(t, &t->ways[w], now)
						: speak_freely(t, &t->ways[w], now);
		over &= way_is_over(&t->ways[w]);
	}
	if (over)
		say_no_more(t);
	else if (!said_all)
		load_actor_touch_later(t->owner);
	else
		set_pace(t);
}

void talk_turned(struct talk *t, tick_t now)
{
	if (t->is_on && t->is_sending)
		speak(t, now);
	if (t->is_on)
		look_whether_done(t);
}

/* ---- hearing ---- */

static struct talk_channel *channel_to(struct talk *t, struct load_line *line, uint16_t sid)
{
	for (unsigned w = 0; w < t->way_count; w++)
		for (unsigned i = 0; i < t->ways[w].count && t->ways[w].to == line; i++)
			if (t->ways[w].channels[i]->sid_to == sid)
				return t->ways[w].channels[i];
	return NULL;
}

static void measure(struct talk *t, const struct talk_channel *c, struct span message, tick_t now)
{
	uint32_t number;

	if (ue_traffic_number(message, &number) && number < c->sent && number % t->stride == 0 &&
		(c->sent - 1) / t->stride - number / t->stride < TALK_RING)
		load_actor_measure(
			t->owner, MEASURE_MESSAGE, c->sent_at[number / t->stride % TALK_RING], now);
}

/* What came is right so far: only of this much one can be sure before the end. */
static void check_channel(struct talk *t, const struct talk_channel *c)
{
	const struct ue_ledger *l = &c->ledger;
	char detail[160];

	if (l->wrong + l->doubled == 0 && (!c->in_order || l->overtaken == 0))
		return;
	snprintf(detail, sizeof(detail),
		"channel %u: %llu changed, %llu doubled, %llu overtaken of %llu", c->sid_to,
		(unsigned long long)l->wrong, (unsigned long long)l->doubled,
		(unsigned long long)l->overtaken, (unsigned long long)l->received);
	load_actor_fail(t->owner, FAILURE_MESSAGES, detail);
}

/* Where all is bytes, that a message was a string cannot be known. */
static uint32_t ppid_of(const struct talk *t, const struct ue_event *ev)
{
	uint32_t number;

	if (t->binary && ev->ppid == PPID_BINARY && ue_traffic_number(ev->bytes, &number))
		return ue_traffic_ppid(number);
	return ev->ppid;
}

static void on_message(struct talk *t, struct load_line *line, const struct ue_event *ev)
{
	struct talk_channel *c = channel_to(t, line, ev->sid);
	tick_t now = load_actor_now(t->owner);

	if (c == NULL) {
		load_actor_fail(t->owner, FAILURE_MESSAGES, "a message on a strange channel");
		return;
	}
	measure(t, c, ev->bytes, now);
	if (!ue_ledger_take(&c->ledger, ppid_of(t, ev), ev->bytes)) {
		load_actor_fail(t->owner, FAILURE_MEMORY, "the ledger does not fit");
		return;
	}
	t->heard = load_of(t)->tally->talk_last = now;
	t->owner->part->received++;
	t->owner->part->bytes += ev->bytes.len;
	check_channel(t, c);
	read_slowly(t, line, ev->bytes.len);
}

void talk_event(struct talk *t, struct load_line *line, const struct ue_event *ev)
{
	if (t->is_on && ev->kind == UE_MESSAGE)
		on_message(t, line, ev);
}

/* ---- beginning and end ---- */

struct ue_stream talk_stream(const struct options *o, unsigned i)
{
	/* as browsers number theirs: others' servers may know no more than a few hundred streams */
	unsigned first = o->scenario == SCENARIO_echo ? 0 : UE_APPLICATION_SID;
	struct ue_stream s = { .sid = (uint16_t)(first + 2 * i), .protocol = "load" };
	unsigned kind = o->kind == LOAD_MIXED ? i % 3 : o->kind;

	snprintf(s.label, sizeof(s.label), "load %u", i);
	s.quality.priority = 256;
	s.quality.unordered = kind == LOAD_UNORDERED;
	if (kind == LOAD_PARTIAL) {
		s.quality.reliability = MAX_LIFETIME;
		s.quality.limit = LIFETIME_MS;
	}
	return s;
}

void talk_init(struct talk *t, struct load_actor *owner)
{
	t->owner = owner;
	timer_init(&t->pace, on_pace, t);
	timer_init(&t->settle, on_settle, t);
}

struct talk_way *talk_add_way(struct talk *t, struct load_line *from, struct load_line *to)
{
	struct talk_way *w = &t->ways[t->way_count++];

	w->from = from;
	w->to = to;
	return w;
}

bool talk_add_channel(struct talk *t, struct talk_way *w, const struct ue_stream *stream,
	uint16_t sid_from, uint16_t sid_to)
{
	const struct options *o = t->owner->options;
	struct talk_channel *c = mem_zalloc(sizeof(*c));
	unsigned i = w->count;

	if (c == NULL)
		return false;
	c->sid_from = sid_from;
	c->sid_to = sid_to;
	c->in_order = !stream->quality.unordered;
	c->reliable = stream->quality.reliability == RELIABLE;
	c->count =
		o->talk > 0
			? UINT32_MAX
			: (uint32_t)(o->messages / o->channels + (i < o->messages % o->channels));
	c->ledger.flow = (uint16_t)(2 * i + (w == &t->ways[1]));
	c->ledger.numbers_only = o->no_verify;
	w->channels[w->count++] = c;
	return true;
}

void talk_begin(struct talk *t, tick_t now)
{
	const struct options *o = t->owner->options;

	t->is_on = t->is_sending = true;
	t->began = t->heard = now;
	for (unsigned w = 0; w < t->way_count; w++)
		pace_begin(&t->ways[w].pace, now, o->message_rate);
	/* where many are under way, a sample of them */
	t->stride = o->message_rate > 0 || o->window > 0 ? 1 : o->payload >= 1024 ? 4 : 16;
	load_actor_touch(t->owner);
}

void talk_stop(struct talk *t)
{
	struct timers *ts = &load_of(t)->timers;

	t->is_on = t->is_sending = false;
	timer_cancel(ts, &t->pace);
	timer_cancel(ts, &t->settle);
	for (unsigned i = 0; i < t->slow_count; i++)
		timer_cancel(ts, &t->slow[i].timer);
	t->slow_count = 0;
}

void talk_finish(struct talk *t)
{
	for (unsigned w = 0; w < t->way_count; w++) {
		for (unsigned i = 0; i < t->ways[w].count; i++) {
			ue_ledger_finish(&t->ways[w].channels[i]->ledger);
			mem_free(t->ways[w].channels[i]);
		}
		t->ways[w].count = 0;
	}
}
