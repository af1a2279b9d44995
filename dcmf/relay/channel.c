/* channel.c: one data channel and what it is connected to: bounded in bytes and in time. */
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/relay/frame.h"
#include "dcmf/relay/message.h"
#include "dcmf/relay/parts.h"

static void held_too_long(void *arg, tick_t now)
{
	struct channel *ch = arg;

	if (ch->route->overdue == NULL || !ch->route->overdue(ch, now))
		channel_close(ch, CLOSE_QUEUE_LIMIT);
}

struct channel *channel_open(struct leg *l, uint16_t sid, const struct route_ops *route)
{
	struct relay *r = l->media->context->relay;
	struct channel *ch = mem_zalloc(sizeof(*ch));

	if (ch == NULL || !timers_reserve(&r->timers)) {
		mem_free(ch);
		return NULL;
	}
	ch->leg = l;
	ch->sid = sid;
	ch->route = route;
	ch->full_since = TICK_NEVER;
	/*
	 * a message that was fetched must find room: the bound stops the
	 * fetching, not the message in hand
	 */
	ch->in.limit = (size_t)r->config.channel_queue + r->config.max_message;
	timer_init(&ch->hold, held_too_long, ch);
	list_init(&ch->on_leg);
	list_append(&l->channels, &ch->on_leg);
	return ch;
}

bool channel_is_full(const struct channel *ch)
{
	return ch->queued >= channel_relay(ch)->config.channel_queue;
}

bool channel_is_reliable(const struct channel *ch)
{
	const struct assoc *a = ch->leg->assoc;
	const struct channel_view *view = a != NULL ? assoc_channel(a, ch->sid) : NULL;

	return view == NULL || view->quality.reliability == RELIABLE;
}

void channel_queued(struct channel *ch, int64_t n)
{
	ch->queued += (size_t)n;
	ch->leg->queued += (size_t)n;
	relay_buffered(channel_relay(ch), n);
}

struct message *channel_copy(struct channel *ch, uint32_t ppid, struct span bytes)
{
	struct message *m = message_create(FRAME_MESSAGE, ppid, bytes);

	if (m == NULL && channel_is_reliable(ch))
		channel_close(ch, CLOSE_NO_MEMORY);
	else if (m == NULL)
		count(messages_dropped_total);
	return m;
}

void channel_keep(struct channel *ch, struct list_node *before, struct message *m)
{
	list_append(before, &m->on_queue);
	channel_queued(ch, message_cost(m));
}

void channel_forget(struct channel *ch, struct message *m)
{
	list_unlink(&m->on_queue);
	channel_queued(ch, -message_cost(m));
	mem_free(m);
}

/* The window is shut for its sake, for at most the hold time after `since`. */
static void blame(struct channel *ch, size_t enough, tick_t since)
{
	struct relay *r = channel_relay(ch);

	ch->full_since = since;
	ch->enough = enough;
	count(channel_queue_full_total);
	timer_set(&r->timers, &ch->hold, tick_add(since, r->config.channel_hold_us));
}

static bool is_blamed(const struct channel *ch)
{
	return !tick_is_never(ch->full_since);
}

static bool anybody_is_blamed(const struct leg *l)
{
	list_for_each (n, &l->channels) {
		if (is_blamed(container_of(n, struct channel, on_leg)))
			return true;
	}
	return false;
}

/* Of those that live and hold something; NULL: none. */
static struct channel *fullest(const struct leg *l)
{
	struct channel *most = NULL;

	list_for_each (n, &l->channels) {
		struct channel *ch = container_of(n, struct channel, on_leg);

		if (ch->why == CLOSE_NONE && ch->queued > (most != NULL ? most->queued : 0))
			most = ch;
	}
	return most;
}

/*
 * One window serves all channels of an association: it is shut while one is full, or
 * all of them together hold as much as two. Where none alone is to blame the one that holds most is, and
 * after it the next, for no longer than the window has been shut already: nobody waits for ever.
 */
static void update_hold(struct leg *l)
{
	struct relay *r = l->media->context->relay;
	size_t queue = r->config.channel_queue;
	bool crowded = l->queued >= (l->held ? queue : 2 * queue);
	bool blamed = anybody_is_blamed(l), hold = crowded || blamed;
	struct channel *ch;

	if (hold && !l->held)
		l->held_since = r->now;
	if (crowded && !blamed && (ch = fullest(l)) != NULL)
		blame(ch, (ch->queued + 1) / 2, l->held_since);
	if (hold == l->held || l->assoc == NULL)
		return;
	l->held = hold;
	assoc_hold(l->assoc, hold);
	if (!hold)
		leg_busy(l);
}

void channel_destroy(struct channel *ch)
{
	struct leg *l;

	if (ch == NULL)
		return;
	l = ch->leg;
	if (ch->route->destroy != NULL)
		ch->route->destroy(ch);
	timer_cancel(&channel_relay(ch)->timers, &ch->hold);
	timers_release(&channel_relay(ch)->timers);
	list_unlink(&ch->on_leg);
	channel_queued(ch, -(int64_t)ch->in.len);
	bytes_finish(&ch->in);
	mem_free(ch);
	update_hold(l);
}

struct channel *leg_channel(struct leg *l, uint16_t sid)
{
	list_for_each (n, &l->channels) {
		struct channel *ch = container_of(n, struct channel, on_leg);

		if (ch->sid == sid)
			return ch;
	}
	return NULL;
}

void channel_message(struct channel *ch, uint32_t ppid, struct span message)
{
	if (ch->why == CLOSE_NONE) /* what comes after our reset means nothing to anybody */
		ch->route->message(ch, channel_relay(ch)->now, ppid, message);
}

bool channel_append(struct channel *ch, struct span bytes)
{
	if (!bytes_append(&ch->in, bytes)) {
		count(allocation_failed_total);
		channel_close(ch, CLOSE_NO_MEMORY);
		return false;
	}
	channel_queued(ch, (int64_t)bytes.len);
	return true;
}

void channel_took(struct channel *ch, size_t n)
{
	bytes_take(&ch->in, n);
	channel_queued(ch, -(int64_t)n);
	channel_look(ch);
}

void channel_look(struct channel *ch)
{
	struct relay *r = channel_relay(ch);

	if (channel_is_full(ch) && !is_blamed(ch)) {
		blame(ch, r->config.channel_queue / 2, r->now);
	} else if (is_blamed(ch) && ch->queued < ch->enough) {
		ch->full_since = TICK_NEVER;
		timer_cancel(&r->timers, &ch->hold);
	}
	update_hold(ch->leg);
}

size_t channel_piece(const struct channel *ch)
{
	/* what the association was told binds it; what the peer has said since then, us */
	const uint32_t bounds[] = { ch->leg->peer_max_message,
		ch->leg->media->spec.remote_max_message };
	uint32_t most = 16384; /* RFC 8831 6.6: above, a message blocks the other streams */

	for (int i = 0; i < 2; i++) {
		if (bounds[i] > 0 && bounds[i] < most)
			most = bounds[i];
	}
	return most;
}

enum err channel_send(struct channel *ch, struct span bytes)
{
	if (ch->leg->assoc == NULL)
		return ERR_CLOSED;
	return assoc_send(ch->leg->assoc, channel_relay(ch)->now, ch->sid, PPID_BINARY, bytes);
}

void channel_close(struct channel *ch, enum close_reason reason)
{
	struct leg *l = ch->leg;
	char subject[SUBJECT_MAX];

	if (ch->why != CLOSE_NONE)
		return;
	ch->why = reason;
	log_line(close_is_fault(reason) ? LOG_WARN : LOG_DEBUG, media_subject(l->media, subject),
		"channel %u reset: %s", ch->sid, close_text(reason));
	if (ch->route->discard != NULL)
		ch->route->discard(ch);
	channel_took(ch, ch->in.len);
	if (l->assoc != NULL)
		assoc_close_channel(l->assoc, ch->sid, channel_relay(ch)->now);
	leg_busy(l);
}
