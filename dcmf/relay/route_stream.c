/*
 * route_stream.c: channels joined with an application server over one connection (link.c): each
 * message goes on as a frame with its stream id and PPID, and each frame as a message (FRAMING.md).
 *
 *     channel 1000 ──► to_server ──┐                      ┌──► to_phone ──► channel 1000
 *     channel 1002 ──► to_server ──┴► link ══ server ══ link ► to_phone ──► channel 1002
 *
 * Both queues are bounded. A server that is slow, or not there yet, shuts the phone's window; a phone
 * that is slow keeps the connection from being read. After a while reliable channels that are full
 * end, and partially reliable ones drop their oldest.
 *
 * What the server is told of a channel stands in the same queue as its messages: OPEN before them,
 * CLOSE behind. Of a channel that has ended, that queue goes on as a parting.
 */
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/relay/link.h"
#include "dcmf/relay/parting.h"

struct stream_route {
	struct list_node to_server; /* frames, OPEN first; counted as the channel's */
	struct list_node to_phone;
	size_t phone_bytes;  /* what to_phone costs */
	bool announced;      /* OPEN has left */
	bool dropping;       /* the server was slow for too long: the newest push the oldest out */
	bool phone_dropping; /* likewise the phone */
	bool server_closed;  /* its CLOSE has come */
	bool complained;     /* of a message that was too large */
	enum close_reason after; /* resets the channel when to_phone is empty; CLOSE_NONE: lives */
};

static struct link *link_of(const struct channel *ch)
{
	return ch->leg->media->link;
}

static struct stream_route *route_of(const struct channel *ch)
{
	return ch->state;
}

static size_t bound_of(const struct channel *ch)
{
	return channel_relay(ch)->config.channel_queue;
}

/* It is open, and the server may hear of it and speak on it. */
static bool is_alive(const struct channel *ch)
{
	return ch->state != NULL && ch->why == CLOSE_NONE && route_of(ch)->after == CLOSE_NONE;
}

static struct channel *find_channel(const struct link *k, uint16_t sid)
{
	struct channel *ch = leg_channel(k->media->leg, sid);

	return ch != NULL && is_alive(ch) ? ch : NULL;
}

/* ---- queues ---- */

/* The first that is a message: what is told of the channel itself is never dropped. */
static struct message *oldest(const struct channel *ch)
{
	list_for_each (n, &route_of(ch)->to_server) {
		struct message *m = container_of(n, struct message, on_queue);

		if (m->type == FRAME_MESSAGE)
			return m;
	}
	return NULL;
}

static void hold_for_phone(struct channel *ch, int64_t cost)
{
	route_of(ch)->phone_bytes += (size_t)cost;
	link_of(ch)->held += (size_t)cost;
	relay_buffered(channel_relay(ch), cost);
}

static void take_off_phone(struct channel *ch, struct message *m)
{
	list_unlink(&m->on_queue);
	hold_for_phone(ch, -message_cost(m));
	mem_free(m);
}

static void clear(struct channel *ch)
{
	struct message *m;

	while ((m = message_first(&route_of(ch)->to_server)) != NULL)
		channel_forget(ch, m);
}

static void clear_phone(struct channel *ch)
{
	struct message *m;

	while ((m = message_first(&route_of(ch)->to_phone)) != NULL)
		take_off_phone(ch, m);
}

/* ---- a stream that has ended ---- */

/* What the phone said before it closed leaves first, unless that is too much. */
static void hand_over(struct channel *ch, struct parting *p)
{
	struct link *k = link_of(ch);
	bool fits = k->parted + ch->queued <= bound_of(ch);

	list_for_each_safe (n, next, &route_of(ch)->to_server) {
		struct message *m = container_of(n, struct message, on_queue);

		if (!fits && m->type == FRAME_MESSAGE) {
			count(messages_dropped_total);
			continue;
		}
		channel_queued(ch, -message_cost(m));
		parting_add(k, p, m);
	}
}

/* The server is told that the channel is over, if it was told that it began. */
static void leave(struct channel *ch, bool with_messages)
{
	struct stream_route *s = route_of(ch);
	struct link *k = link_of(ch);
	bool has_news = s->announced || (with_messages && oldest(ch) != NULL);
	struct parting *p = NULL;

	if (has_news && k->state != LINK_IDLE && link_spec(k)->protocol != LINK_UDP)
		p = parting_make(k, ch->sid, s->server_closed);
	if (p != NULL && with_messages)
		hand_over(ch, p);
	s->announced = false;
	clear(ch);
	if (p != NULL)
		partings_send(k);
}

/* ---- toward the server ---- */

/* Whoever sends more than the other side takes loses the message, or where none may be lost the channel. */
static void refuse(struct channel *ch, const char *what)
{
	count(messages_refused_total);
	if (!route_of(ch)->complained)
		link_complain(link_of(ch), ch->sid, what);
	route_of(ch)->complained = true;
	if (channel_is_reliable(ch))
		channel_close(ch, CLOSE_MESSAGE_SIZE);
}

static bool is_too_large(const struct channel *ch, size_t len)
{
	uint32_t most = link_spec(link_of(ch))->max_message;

	return len > FRAME_PAYLOAD_MAX || (most != 0 && len > most);
}

/* As far as there is room: all frames of one channel, or one message. False: no room. */
static bool send_some(struct channel *ch, bool one)
{
	struct stream_route *s = route_of(ch);
	struct message *m;

	while ((m = message_first(&s->to_server)) != NULL) {
		bool was_message = m->type == FRAME_MESSAGE;

		if (!link_put(link_of(ch), ch->sid, m->type, m->ppid, message_bytes(m)))
			return false;
		s->announced = true;
		channel_forget(ch, m);
		if (one && was_message)
			break;
	}
	if (oldest(ch) == NULL)
		s->dropping = false;
	channel_look(ch);
	return true;
}

static bool has_frames(const struct channel *ch)
{
	return is_alive(ch) && !list_is_empty(&route_of(ch)->to_server);
}

/* The channel that comes after the one with the id `sid`, around the corner. */
static struct channel *next_in_turn(const struct leg *l, uint16_t sid)
{
	struct channel *first = NULL, *after = NULL;

	list_for_each (n, &l->channels) {
		struct channel *ch = container_of(n, struct channel, on_leg);

		if (!has_frames(ch))
			continue;
		if (first == NULL || ch->sid < first->sid)
			first = ch;
		if (ch->sid > sid && (after == NULL || ch->sid < after->sid))
			after = ch;
	}
	return after != NULL ? after : first;
}

void route_stream_room(struct link *k)
{
	struct channel *ch;

	if (!partings_send(k))
		return;
	while ((ch = next_in_turn(k->media->leg, k->turn)) != NULL && send_some(ch, true))
		k->turn = ch->sid;
}

static void message(struct channel *ch, tick_t now, uint32_t ppid, struct span bytes)
{
	struct message *m;

	(void)now;
	if (!is_alive(ch))
		return;
	if (is_too_large(ch, bytes.len)) {
		refuse(ch, "a message of the phone is larger than the server takes");
		return;
	}
	if (list_is_empty(&route_of(ch)->to_server) &&
		link_put(link_of(ch), ch->sid, FRAME_MESSAGE, ppid, bytes))
		return;
	if ((m = channel_copy(ch, ppid, bytes)) != NULL)
		channel_keep(ch, &route_of(ch)->to_server, m);
	while (route_of(ch)->dropping && channel_is_full(ch) && (m = oldest(ch)) != NULL) {
		count(messages_dropped_total);
		channel_forget(ch, m);
	}
	channel_look(ch);
}

/* Until the window opens again: see channel_look(). */
static bool overdue(struct channel *ch, tick_t now)
{
	struct message *m;

	(void)now;
	if (channel_is_reliable(ch) || !is_alive(ch))
		return false;
	route_of(ch)->dropping = true;
	while (ch->queued >= ch->enough && (m = oldest(ch)) != NULL) {
		count(messages_dropped_total);
		channel_forget(ch, m);
	}
	channel_look(ch);
	return true;
}

/* ---- toward the phone ---- */

/* Opens or shuts the connection as the bounds say: one channel's, and twice as much for all of them. */
static void look(struct link *k)
{
	size_t bound = k->media->context->relay->config.channel_queue;
	bool is_full = k->held >= (k->is_paused ? bound : 2 * bound);

	list_for_each (n, &k->media->leg->channels) {
		struct channel *ch = container_of(n, struct channel, on_leg);

		if (ch->state != NULL)
			is_full |= route_of(ch)->phone_bytes >= (k->is_paused ? bound / 2 : bound);
	}
	link_pause(k, is_full);
}

/* False: the phone cannot take it now. */
static bool pass_on(struct channel *ch, uint32_t ppid, struct span bytes)
{
	switch (assoc_send(ch->leg->assoc, channel_relay(ch)->now, ch->sid, ppid, bytes)) {
	case ERR_BLOCKED: return false;
	case ERR_MESSAGE_SIZE:
		refuse(ch, "a message of the server is larger than the phone takes");
		return true;
	case ERR_UNSUPPORTED: /* a PPID that cannot be, or that says one thing and the length another */
		count(messages_refused_total);
		return true;
	default: return true; /* it left, or the channel is about to end */
	}
}

static void end_if_empty(struct channel *ch)
{
	if (route_of(ch)->after != CLOSE_NONE && list_is_empty(&route_of(ch)->to_phone))
		channel_close(ch, route_of(ch)->after);
}

static void writable(struct channel *ch, tick_t now)
{
	struct message *m;

	(void)now;
	if (ch->state == NULL)
		return;
	while (ch->why == CLOSE_NONE && (m = message_first(&route_of(ch)->to_phone)) != NULL &&
		pass_on(ch, m->ppid, message_bytes(m))) {
		if (ch->why == CLOSE_NONE)
			take_off_phone(ch, m);
	}
	if (list_is_empty(&route_of(ch)->to_phone))
		route_of(ch)->phone_dropping = false;
	end_if_empty(ch);
	look(link_of(ch));
}

static void drop_for_phone(struct channel *ch, size_t enough)
{
	struct message *m;

	while (route_of(ch)->phone_bytes >= enough &&
		(m = message_first(&route_of(ch)->to_phone)) != NULL) {
		count(messages_dropped_total);
		take_off_phone(ch, m);
	}
}

static void keep_for_phone(struct channel *ch, uint32_t ppid, struct span bytes)
{
	struct message *m = channel_copy(ch, ppid, bytes);

	if (m == NULL)
		return;
	list_append(&route_of(ch)->to_phone, &m->on_queue);
	hold_for_phone(ch, message_cost(m));
	if (route_of(ch)->phone_dropping)
		drop_for_phone(ch, bound_of(ch));
	look(link_of(ch));
}

/* Nobody is there: the server is told so once, and then its own CLOSE is waited for. */
static void refuse_stream(struct link *k, uint16_t sid, const char *what)
{
	count(link_stream_unknown_total);
	link_complain(k, sid, what);
	if (parting_make(k, sid, false) != NULL)
		partings_send(k);
}

void route_stream_message(struct link *k, uint16_t sid, uint32_t ppid, struct span bytes)
{
	const struct parting *p = parting_find(k, sid);
	struct channel *ch = find_channel(k, sid);

	if (p != NULL && p->awaited > 0)
		return; /* of a channel that has ended */
	if (ch != NULL && route_of(ch)->announced) {
		if (!list_is_empty(&route_of(ch)->to_phone) || !pass_on(ch, ppid, bytes))
			keep_for_phone(ch, ppid, bytes);
	} else if (link_spec(k)->protocol != LINK_UDP) {
		refuse_stream(k, sid, "it sent a message on a stream that is not open");
	}
}

void route_stream_too_large(struct link *k, uint16_t sid)
{
	struct channel *ch = find_channel(k, sid);

	if (ch != NULL)
		refuse(ch, "a message of the server is larger than the phone takes");
}

void route_stream_closed(struct link *k, uint16_t sid)
{
	struct parting *p = parting_find(k, sid);
	struct channel *ch = find_channel(k, sid);

	if (p != NULL && p->awaited > 0) {
		parting_confirmed(k, p);
	} else if (ch != NULL && route_of(ch)->announced) {
		route_of(ch)->server_closed = true;
		route_of(ch)->after = CLOSE_PEER_RESET;
		leave(ch, false);
		end_if_empty(ch); /* what it said before goes out first */
	} else {
		count(link_stream_unknown_total);
	}
}

/* The one that holds most, where none alone is to blame. */
static struct channel *fullest(const struct link *k)
{
	struct channel *most = NULL;

	list_for_each (n, &k->media->leg->channels) {
		struct channel *ch = container_of(n, struct channel, on_leg);

		if (ch->state != NULL && ch->why == CLOSE_NONE &&
			(most == NULL || route_of(ch)->phone_bytes > route_of(most)->phone_bytes))
			most = ch;
	}
	return most;
}

/* From the fullest on, until the server may speak again. */
void route_stream_overdue(struct link *k)
{
	size_t half = k->media->context->relay->config.channel_queue / 2;
	struct channel *ch;

	while (k->is_paused && (ch = fullest(k)) != NULL && route_of(ch)->phone_bytes > 0) {
		if (channel_is_reliable(ch) || !is_alive(ch)) {
			channel_close(ch, CLOSE_QUEUE_LIMIT);
		} else {
			route_of(ch)->phone_dropping = true;
			drop_for_phone(ch, route_of(ch)->phone_bytes >= half ? half : 1);
		}
		look(k);
	}
}

/* ---- beginnings and ends ---- */

/* OPEN: what the channel is, and how much a message to it may hold. */
static bool announce(struct channel *ch)
{
	const struct channel_view *view = assoc_channel(ch->leg->assoc, ch->sid);
	uint8_t wire[12 + 2 * SCTP_LABEL_MAX];
	uint32_t theirs = ch->leg->peer_max_message, most = channel_relay(ch)->config.send_buffer;
	struct message *m;
	size_t len;

	if (view == NULL)
		return false;
	len = dcep_write_open(&(struct dcep_open){ .quality = view->quality,
				      .label = span_str(view->label),
				      .protocol = span_str(view->protocol) },
		wire, sizeof(wire));
	if (theirs != 0 && theirs < most)
		most = theirs;
	if (most > FRAME_PAYLOAD_MAX)
		most = FRAME_PAYLOAD_MAX;
	if ((m = message_create(FRAME_OPEN, most, SPAN(wire, len))) == NULL)
		return false;
	channel_keep(ch, route_of(ch)->to_server.next, m); /* before everything else */
	return true;
}

static void opened(struct channel *ch, tick_t now)
{
	struct stream_route *s = mem_zalloc(sizeof(*s));

	(void)now;
	if (s == NULL) {
		count(allocation_failed_total);
		channel_close(ch, CLOSE_NO_MEMORY);
		return;
	}
	list_init(&s->to_server);
	list_init(&s->to_phone);
	ch->state = s;
	if (announce(ch))
		route_stream_room(link_of(ch));
	else
		channel_close(ch, CLOSE_NO_MEMORY);
}

/* Of a reliable channel nobody can tell which messages arrived. */
static void lose(struct channel *ch, bool is_udp)
{
	struct stream_route *s = route_of(ch);

	if (!is_alive(ch) || !s->announced)
		return;
	s->announced = false;
	if (!is_udp && channel_is_reliable(ch)) {
		clear(ch);
		s->after = CLOSE_SERVER_LOST;
		end_if_empty(ch);
	} else if (!announce(ch)) {
		channel_close(ch, CLOSE_NO_MEMORY);
	}
}

void route_stream_lost(struct link *k)
{
	bool is_udp = link_spec(k)->protocol == LINK_UDP;

	partings_forget(k);
	list_for_each_safe (n, next, &k->media->leg->channels)
		lose(container_of(n, struct channel, on_leg), is_udp);
}

static void discard(struct channel *ch)
{
	if (ch->state == NULL)
		return;
	leave(ch, false);
	clear_phone(ch);
	look(link_of(ch));
}

static void destroy(struct channel *ch)
{
	struct link *k = link_of(ch);

	if (ch->state == NULL)
		return;
	leave(ch, true);
	clear_phone(ch);
	mem_free(ch->state);
	ch->state = NULL;
	look(k);
}

const struct route_ops route_stream = {
	.name = "stream",
	.opened = opened,
	.message = message,
	.writable = writable,
	.overdue = overdue,
	.discard = discard,
	.destroy = destroy,
};
