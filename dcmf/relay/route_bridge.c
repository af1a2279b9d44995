/*
 * route_bridge.c: a channel joined with the same channel of the twin's leg (e2ae): each message
 * goes on with its PPID, in the order and with the reliability that the far channel was agreed with.
 *
 *     leg A: channel 1000 ──► queue ──► channel 1000 of leg B          and the same the other way
 *
 * A queue stands between, for a far side that is slow or not up yet. When it is full, the sender's
 * window is shut; after a while a reliable channel ends, and a partially reliable one drops its
 * oldest messages until the far side has caught up. A channel opened by DCEP is opened on the far
 * leg too, under the same id, or where our role there forbids its parity (RFC 8832 6), another one.
 *
 * A channel that ends takes its counterpart with it; what its peer had said before still goes out first.
 */
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/relay/message.h"
#include "dcmf/relay/parts.h"

struct bridge {
	struct list_node queue;
	struct list_node last; /* what the counterpart still held when it ended, to go out here */
	uint16_t far_sid;      /* of the counterpart, there or yet to come */
	bool dropping; /* the far side was slow for too long: the newest messages push the oldest out */
	bool ending; /* the counterpart has ended: this one does when `last` is out */
};

static tick_t now_of(const struct channel *ch)
{
	return channel_relay(ch)->now;
}

static struct bridge *bridge_of(const struct channel *ch)
{
	return ch->state;
}

/* The twin's leg, while it has an association; NULL otherwise. */
static struct leg *far_leg(const struct leg *l)
{
	struct leg *far = l->media->twin ? l->media->twin->leg : NULL;

	return far != NULL && far->assoc != NULL && far->state != LEG_CLOSING ? far : NULL;
}

static bool is_ending(const struct channel *ch)
{
	return ch->state != NULL && bridge_of(ch)->ending;
}

/* The channel of `l` that takes `sid` of the twin's leg for its counterpart; NULL: none. */
static struct channel *counterpart_on(struct leg *l, uint16_t sid)
{
	list_for_each (n, &l->channels) {
		struct channel *ch = container_of(n, struct channel, on_leg);

		if (ch->state != NULL && !is_ending(ch) && bridge_of(ch)->far_sid == sid)
			return ch;
	}
	return NULL;
}

static struct channel *far_channel(const struct channel *ch)
{
	struct leg *far = ch->state != NULL ? far_leg(ch->leg) : NULL;
	struct channel *other = far ? leg_channel(far, bridge_of(ch)->far_sid) : NULL;

	return other != NULL && other->why == CLOSE_NONE && !is_ending(other) ? other : NULL;
}

/* --- messages --- */

static struct message *oldest(const struct bridge *b)
{
	return message_first(&b->queue);
}

static void forget_last(struct channel *ch, struct message *m)
{
	list_unlink(&m->on_queue);
	relay_buffered(channel_relay(ch), -message_cost(m));
	mem_free(m);
}

static void discard(struct channel *ch)
{
	struct message *m;

	if (ch->state == NULL)
		return;
	while ((m = oldest(bridge_of(ch))) != NULL)
		channel_forget(ch, m);
	while ((m = message_first(&bridge_of(ch)->last)) != NULL)
		forget_last(ch, m);
}

/*
 * The peer was told how much the far side takes: whoever sends more loses the message, or where none
 * may be lost the channel.
 */
static void refuse(struct channel *ch, size_t len)
{
	char subject[SUBJECT_MAX];

	count(messages_refused_total);
	log_warn(media_subject(ch->leg->media, subject),
		"channel %u: %zu bytes are more than the far side takes", ch->sid, len);
	if (channel_is_reliable(ch))
		channel_close(ch, CLOSE_MESSAGE_SIZE);
}

/* False: the far side cannot take it now. */
static bool pass_on(struct channel *ch, uint32_t ppid, struct span bytes)
{
	struct channel *far = far_channel(ch);

	if (far == NULL)
		return false;
	switch (assoc_send(far->leg->assoc, now_of(ch), far->sid, ppid, bytes)) {
	case ERR_OK: count(messages_bridged_total); return true;
	case ERR_MESSAGE_SIZE: refuse(ch, bytes.len); return true;
	case ERR_UNSUPPORTED:
		return true; /* a PPID that says one thing and a length that says another */
	default: return false;
	}
}

static void drain(struct channel *ch)
{
	struct message *m;

	while (ch->why == CLOSE_NONE && (m = oldest(bridge_of(ch))) != NULL &&
		pass_on(ch, m->ppid, message_bytes(m))) {
		if (ch->why == CLOSE_NONE)
			channel_forget(ch, m);
	}
	if (oldest(bridge_of(ch)) == NULL)
		bridge_of(ch)->dropping = false;
	channel_look(ch);
}

static void drop(struct channel *ch)
{
	count(messages_dropped_total);
	channel_forget(ch, oldest(bridge_of(ch)));
}

/* Until the window opens again: see channel_look(). */
static bool overdue(struct channel *ch, tick_t now)
{
	(void)now;
	if (channel_is_reliable(ch) || is_ending(ch))
		return false;
	bridge_of(ch)->dropping = true;
	while (ch->queued >= ch->enough && oldest(bridge_of(ch)) != NULL)
		drop(ch);
	channel_look(ch);
	return true;
}

static void message(struct channel *ch, tick_t now, uint32_t ppid, struct span bytes)
{
	struct message *m;

	(void)now;
	if (is_ending(ch))
		return; /* nobody is there any more */
	if (list_is_empty(&bridge_of(ch)->queue) && pass_on(ch, ppid, bytes))
		return;
	if ((m = channel_copy(ch, ppid, bytes)) != NULL)
		channel_keep(ch, &bridge_of(ch)->queue, m);
	while (bridge_of(ch)->dropping && channel_is_full(ch) && oldest(bridge_of(ch)) != NULL)
		drop(ch);
	channel_look(ch);
}

/* As long as some goes out, the rest is waited for. */
static void say_last(struct channel *ch)
{
	struct message *m;

	while ((m = message_first(&bridge_of(ch)->last)) != NULL) {
		switch (assoc_send(
			ch->leg->assoc, now_of(ch), ch->sid, m->ppid, message_bytes(m))) {
		case ERR_OK: count(messages_bridged_total); break;
		case ERR_MESSAGE_SIZE: count(messages_refused_total); break;
		case ERR_UNSUPPORTED: break;
		default: return;
		}
		forget_last(ch, m);
		timer_set(&channel_relay(ch)->timers, &ch->hold,
			tick_add(now_of(ch), channel_relay(ch)->config.channel_hold_us));
	}
	channel_close(ch, CLOSE_PEER_RESET);
}

/* A channel ends and still holds messages: they leave on its counterpart, which then ends too. */
static void hand_over(struct channel *ch)
{
	struct channel *far = far_channel(ch);
	struct relay *r = channel_relay(ch);

	if (far == NULL || ch->why != CLOSE_NONE || oldest(bridge_of(ch)) == NULL)
		return;
	discard(far);
	channel_look(far);
	list_for_each_safe (n, next, &bridge_of(ch)->queue) {
		struct message *m = container_of(n, struct message, on_queue);

		channel_queued(ch, -message_cost(m));
		relay_buffered(r, message_cost(m));
		list_append(&bridge_of(far)->last, n);
	}
	bridge_of(far)->ending = true;
	timer_set(&r->timers, &far->hold, tick_add(r->now, r->config.channel_hold_us));
	say_last(far);
}

/* This channel takes more: what waits for it, waits with its counterpart. */
static void writable(struct channel *ch, tick_t now)
{
	struct channel *from = far_channel(ch);

	(void)now;
	if (is_ending(ch) && ch->why == CLOSE_NONE)
		say_last(ch);
	else if (from != NULL)
		drain(from);
}

/* --- opening --- */

/* RFC 8832 6: a DTLS client opens even ids, a server odd ones; the others are the peer's. */
static bool is_of_our_parity(const struct leg *l, uint16_t sid)
{
	return (sid & 1) == (l->role == DTLS_SERVER);
}

static bool make_bridge(struct channel *ch, uint16_t far_sid)
{
	struct bridge *b = mem_alloc(sizeof(*b));

	if (b == NULL) {
		count(allocation_failed_total);
		return false;
	}
	*b = (struct bridge){ .far_sid = far_sid };
	list_init(&b->queue);
	list_init(&b->last);
	ch->state = b;
	return true;
}

/* The counterpart takes messages from the moment its OPEN is asked for, before that is acknowledged. */
static bool make_far(struct channel *ch, struct leg *far, uint16_t sid)
{
	struct channel *other = channel_open(far, sid, &route_bridge);

	if (other == NULL || !make_bridge(other, ch->sid)) {
		channel_destroy(other);
		assoc_close_channel(far->assoc, sid, now_of(ch));
		return false;
	}
	bridge_of(ch)->far_sid = sid;
	leg_busy(far);
	return true;
}

/* The same id, or from its neighbour on the first one that is free and of the parity of our role. */
static void open_far(struct channel *ch, struct leg *far, const struct channel_view *view)
{
	struct channel_config config = {
		.sid = ch->sid,
		.quality = view->quality,
		.label = span_str(view->label),
		.protocol = span_str(view->protocol),
	};
	bool is_ours = is_of_our_parity(far, ch->sid);
	enum err err = is_ours ? assoc_add_channel(far->assoc, &config) : ERR_EXISTS;

	for (uint32_t sid = ch->sid ^ 1u; !is_ours && err == ERR_EXISTS && sid <= SCTP_SID_MAX;
		sid += 2) {
		config.sid = (uint16_t)sid;
		if (counterpart_on(ch->leg, config.sid) == NULL)
			err = assoc_add_channel(far->assoc, &config);
	}
	if (err == ERR_EXISTS && config.sid == ch->sid)
		return; /* not fully reset there: bridge_freed() tries again */
	if (err != ERR_OK)
		channel_close(ch, CLOSE_STREAM_REFUSED);
	else if (!make_far(ch, far, config.sid))
		channel_close(ch, CLOSE_NO_MEMORY);
}

/* What a peer opened in band is opened on the other side in band. */
static void mirror(struct channel *ch)
{
	const struct channel_view *view = assoc_channel(ch->leg->assoc, ch->sid);
	struct leg *far = far_leg(ch->leg);

	if (view == NULL || view->negotiated || far == NULL || ch->why != CLOSE_NONE ||
		is_of_our_parity(ch->leg, ch->sid))
		return;
	if (!far->media->spec.accept_dcep)
		channel_close(ch, CLOSE_STREAM_REFUSED);
	else if (!is_of_our_parity(far, bridge_of(ch)->far_sid) ||
		 assoc_channel(far->assoc, bridge_of(ch)->far_sid) == NULL)
		open_far(ch, far, view);
}

static void opened(struct channel *ch, tick_t now)
{
	struct leg *far = far_leg(ch->leg);
	struct channel *other = far ? counterpart_on(far, ch->sid) : NULL;

	if (ch->state != NULL)
		writable(ch, now);
	else if (!make_bridge(ch, other ? other->sid : ch->sid))
		channel_close(ch, CLOSE_NO_MEMORY);
	else if (other != NULL)
		drain(other);
	else
		mirror(ch);
}

void bridge_freed(struct leg *l, uint16_t sid)
{
	struct leg *far = far_leg(l);
	struct channel *waiting = far ? counterpart_on(far, sid) : NULL;

	if (waiting != NULL)
		mirror(waiting);
}

void bridge_leg_ready(struct leg *l)
{
	struct leg *far = far_leg(l);

	if (far == NULL)
		return;
	list_for_each_safe (n, next, &far->channels)
		mirror(container_of(n, struct channel, on_leg));
	leg_reopen_streams(far);
}

/* --- ends --- */

bool bridge_is_wanted(struct leg *l, uint16_t sid)
{
	struct leg *far = far_leg(l);
	const struct channel_view *view = far ? assoc_channel(far->assoc, sid) : NULL;
	struct channel *other = far ? leg_channel(far, sid) : NULL;

	/* without a channel here, it is still to be opened there */
	return view != NULL && (other == NULL || (other->why == CLOSE_NONE && !is_ending(other)));
}

void bridge_far_closed(struct leg *far, uint16_t sid)
{
	struct leg *l = far_leg(far);
	struct channel *ch = l ? counterpart_on(l, sid) : NULL;

	if (ch != NULL)
		channel_close(ch, CLOSE_PEER_RESET);
}

static void destroy(struct channel *ch)
{
	if (ch->state == NULL)
		return;
	hand_over(ch);
	/* where it was the far side that began, it may be open anew by now */
	if (ch->why != CLOSE_PEER_RESET && !is_ending(ch))
		bridge_far_closed(ch->leg, ch->sid);
	discard(ch);
	mem_free(ch->state);
	ch->state = NULL;
}

const struct route_ops route_bridge = {
	.name = "bridge",
	.opened = opened,
	.message = message,
	.writable = writable,
	.overdue = overdue,
	.discard = discard,
	.destroy = destroy,
};
