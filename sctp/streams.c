/*
 * streams.c: how channels open and close on their streams, and how the number of streams grows (RFC
 * 8831 6, RFC 6525).
 */
#include "dcmf/base/counters.h"
#include "sctp/assoc_impl.h"
#include "sctp/stack.h"

/*
 * Ours: how long a closing channel waits for the peer. A stream with queued data is reset only when
 * that has arrived, so it is as long as the watchdog of the data.
 */
#define RESET_PATIENCE_S 30
#define LATE_RESET_S \
	120 /* ours: how long after that the id stays taken, lest a late reset hits its next user */
#define RESET_TRIES 3

static const struct channel_quality dcep_quality = { .reliability = RELIABLE };

static void set_open(struct channel *c, bool open)
{
	if (c->view.open == open)
		return;
	c->view.open = open;
	count_add(channels, open ? 1 : -1);
	if (open)
		count(channels_opened_total);
	else
		count(channels_closed_total);
}

static void become_usable(struct assoc *a, struct channel *c)
{
	c->state = CHANNEL_USABLE;
	set_open(c, true);
	channel_tell(a, c, TELL_OPEN);
}

bool streams_is_mute(const struct assoc *a, const struct channel *c)
{
	return c->inner >= a->out_streams || c->old_reset || c->owes_ack;
}

/* ---- sending ---- */

/*
 * The stack bounds its queue in bytes only, and tiny messages cost it some hundred times their
 * size; so we bound their number: as long as the messages of a whole round of marks ago are not
 * acknowledged, nothing more goes in.
 */
static bool backlog_is_full(struct assoc *a)
{
	struct backlog *b = &a->backlog;
	uint64_t unsent;

	if (b->since < BACKLOG_STEP)
		return false;
	unsent = sock_unsent(a->so);
	if (unsent < b->sent_bytes ? b->mark[b->next] > b->sent_bytes - unsent
				   : b->mark[b->next] > 0)
		return true;
	b->mark[b->next] = b->sent_bytes;
	b->next = (b->next + 1) % BACKLOG_MARKS;
	b->since = 0;
	return false;
}

/*
 * To grow, the stack moves its streams to a new place and forgets which message it was cutting into
 * packets; the pieces of two messages would mix. So it must have nothing left to cut, and until
 * then it gets nothing new.
 */
static bool waits_to_grow(const struct assoc *a)
{
	return a->wanted_streams > a->out_streams;
}

enum err streams_send(struct assoc *a, struct channel *c, uint32_t ppid,
	const struct channel_quality *quality, struct span message)
{
	enum err e;

	if (backlog_is_full(a) || waits_to_grow(a))
		return ERR_BLOCKED;
	stack_traffic();
	e = sock_send(a->so, c->inner, ppid, quality, message);
	if (e != ERR_OK)
		return e;
	stream_slot(&a->numbers.map, c->inner)->out_used = true;
	a->backlog.sent_bytes += message.len;
	a->backlog.since++;
	a->partial |= quality->reliability != RELIABLE;
	assoc_watch(a);
	return ERR_OK;
}

/* ---- opening ---- */

static void wait_for_stream(struct assoc *a, struct channel *c)
{
	if (list_is_empty(&c->on_waiting))
		list_append(&a->waiting, &c->on_waiting);
	if (c->inner >= a->out_streams && a->wanted_streams <= c->inner)
		a->wanted_streams = c->inner + 1u;
}

static enum err send_open(struct assoc *a, struct channel *c)
{
	uint8_t wire[12 + 2 * SCTP_LABEL_MAX];
	struct dcep_open open = {
		.quality = c->view.quality,
		.label = SPAN_STR(c->view.label),
		.protocol = SPAN_STR(c->view.protocol),
	};
	size_t len = dcep_write_open(&open, wire, sizeof(wire));

	return streams_send(a, c, PPID_DCEP, &dcep_quality, SPAN(wire, len));
}

static bool peer_takes(const struct assoc *a, uint16_t sid)
{
	return sid < a->numbers.out_limit;
}

/* Association and stream are there: agreed channels are open, others ask. */
static void start(struct assoc *a, struct channel *c)
{
	if (!peer_takes(a, c->view.sid)) {
		streams_close(a, c, CLOSE_STREAM_REFUSED);
		return;
	}
	if (streams_is_mute(a, c)) {
		wait_for_stream(a, c);
		return;
	}
	if (c->view.negotiated) {
		list_unlink(&c->on_waiting);
		become_usable(a, c);
		return;
	}
	switch (send_open(a, c)) {
	case ERR_OK:
		list_unlink(&c->on_waiting);
		c->state = CHANNEL_OPENING;
		break;
	case ERR_BLOCKED: wait_for_stream(a, c); break;
	default: streams_close(a, c, CLOSE_SCTP_PROTOCOL); break;
	}
}

void streams_open(struct assoc *a, struct channel *c)
{
	if (a->state != ASSOC_UP)
		return;
	start(a, c);
	streams_pump(a);
}

void streams_up(struct assoc *a)
{
	struct channel *c;

	for (uint32_t sid = 0; (c = channel_from(a, sid)) != NULL;) {
		sid = c->view.sid + 1u;
		if (c->state == CHANNEL_WAITING)
			start(a, c);
	}
	streams_pump(a);
}

static void send_ack(struct assoc *a, struct channel *c)
{
	c->owes_ack = false;
	if (streams_is_mute(a, c) ||
		streams_send(a, c, PPID_DCEP, &dcep_quality, DCEP_ACK) != ERR_OK) {
		c->owes_ack = true;
		wait_for_stream(a, c);
		return;
	}
	list_unlink(&c->on_waiting);
	if (c->needs > 0) {
		c->needs = 0;
		list_unlink(&c->on_blocked);
		channel_tell(a, c, TELL_WRITABLE);
	}
}

/* ---- closing ---- */

static void finish(struct assoc *a, struct channel *c)
{
	channel_tell(a, c, TELL_CLOSED);
	channel_over(a, c);
}

/* Both directions, or ours and the peer has had its time. */
static void finish_if_reset(struct assoc *a, struct channel *c)
{
	if (c->out_reset && (c->in_reset || tick_is_never(c->patience)))
		finish(a, c);
}

static enum err reset_stream(struct assoc *a, uint16_t inner)
{
	struct stream_slot *s = stream_slot(&a->numbers.map, inner);
	enum err e;

	if (s == NULL)
		return ERR_NOT_FOUND;
	s->out_wanted = true; /* the answer may come before this returns */
	stack_traffic();
	if ((e = sock_reset_stream(a->so, inner)) != ERR_OK)
		s->out_wanted = s->out_flight;
	return e;
}

/*
 * The channel may be over and gone then. A peer that opened a channel beyond the streams we have
 * learns of its end by the reset of a stream that the stack needs first.
 */
static void reset_our_stream(struct assoc *a, struct channel *c)
{
	bool exists = peer_takes(a, c->view.sid);

	if (c->old_reset)
		return; /* first that of the channel before; its notice comes */
	if (a->state == ASSOC_UP && exists && c->inner >= a->out_streams) {
		wait_for_stream(a, c);
		return;
	}
	if ((exists && reset_stream(a, c->inner) == ERR_OK) || a->state != ASSOC_UP)
		return;
	/* The peer cannot reset streams, or the stream never was: there is nothing to wait for. */
	finish(a, c);
}

/* Channels that nobody was asked for yet end at once; the others when both directions are reset. */
void streams_close(struct assoc *a, struct channel *c, enum close_reason reason)
{
	bool on_the_wire = c->state != CHANNEL_WAITING;

	if (c->state == CHANNEL_CLOSING)
		return;
	c->state = CHANNEL_CLOSING;
	c->reason = reason;
	c->owes_ack = false;
	c->needs = 0;
	list_unlink(&c->on_waiting);
	list_unlink(&c->on_blocked);
	set_open(c, false);
	if (!on_the_wire) {
		finish(a, c);
		return;
	}
	c->patience = tick_add(stack_now(), TICK_S(RESET_PATIENCE_S));
	a->patience = tick_min(a->patience, c->patience);
	reset_our_stream(a, c);
}

/*
 * Something came on a stream that nobody agreed to. The stream is
 * reset, and watched until that is done.
 */
static void refuse_stream(struct assoc *a, uint16_t sid)
{
	struct channel *c = channel_create(a, sid, SPAN_NONE, SPAN_NONE);

	if (c == NULL) {
		reset_stream(a, stream_inner(&a->numbers.map, sid));
		return;
	}
	c->state = CHANNEL_USABLE;
	streams_close(a, c, CLOSE_STREAM_REFUSED);
}

/*
 * The peer used a stream anew, so for it the old channel is over; its last reset response to us was
 * lost and will be repeated. The old channel ends here; our stream becomes usable when that
 * response comes.
 */
static void end_for_successor(struct assoc *a, struct channel *c)
{
	c->out_reset = true;
	finish(a, c);
}

/* The peer has reset its stream: nothing more comes. We do the same (RFC 8831 6.7). */
static void peer_has_reset(struct assoc *a, struct channel *c)
{
	c->in_reset = true;
	if (c->state != CHANNEL_CLOSING) {
		streams_close(a, c, CLOSE_PEER_RESET);
		return;
	}
	finish_if_reset(a, c);
}

static void we_have_reset(struct assoc *a, struct channel *c, bool failed)
{
	if (c->old_reset) {
		c->old_reset = false;
		if (c->state == CHANNEL_CLOSING)
			reset_our_stream(a, c);
		else if (c->owes_ack)
			send_ack(a, c);
		else if (c->state == CHANNEL_WAITING && a->state == ASSOC_UP)
			start(a, c);
		return;
	}
	if (c->state != CHANNEL_CLOSING) {
		/* Not our doing: the peer asked the stack for it (RFC 6525 4.2). */
		c->out_reset = !failed;
		if (!failed)
			streams_close(a, c, CLOSE_PEER_RESET);
		return;
	}
	if (failed && ++c->reset_tries < RESET_TRIES) {
		reset_our_stream(a, c);
		return;
	}
	/* or refused for good: the stream is as it was, and as good as reset */
	c->out_reset = true;
	finish_if_reset(a, c);
}

/*
 * For the outside it is closed; the id is free when the peer has reset its
 * side too, or after some more time.
 */
static void give_up(struct assoc *a, struct channel *c, tick_t now)
{
	c->given_up = true;
	c->patience = tick_add(now, TICK_S(LATE_RESET_S));
	a->patience = tick_min(a->patience, c->patience);
	channel_tell(a, c, TELL_CLOSED);
}

void streams_expire(struct assoc *a, tick_t now)
{
	struct channel *c;

	a->patience = TICK_NEVER;
	for (uint32_t sid = 0; (c = channel_from(a, sid)) != NULL;) {
		sid = c->view.sid + 1u;
		if (c->state != CHANNEL_CLOSING)
			continue;
		if (!tick_due(c->patience, now)) {
			a->patience = tick_min(a->patience, c->patience);
			continue;
		}
		if (!c->given_up)
			give_up(a, c, now);
		else if (c->out_reset)
			finish(a, c);
		else
			c->patience = TICK_NEVER; /* with our own reset it is over */
	}
}

/* ---- growing ---- */

static void refuse_those_beyond(struct assoc *a)
{
	struct channel *c;

	a->wanted_streams = 0;
	for (uint32_t sid = 0; (c = channel_from(a, sid)) != NULL;) {
		sid = c->view.sid + 1u;
		if (c->inner < a->out_streams)
			continue;
		list_unlink(&c->on_waiting);
		if (c->state == CHANNEL_CLOSING)
			finish(a, c);
		else
			streams_close(a, c, CLOSE_STREAM_REFUSED);
	}
}

/*
 * The stack asks the peer, and we answer in its place: on the wire all ids were there from the
 * start. Only a peer that does not know RFC 6525 at all keeps the stack from asking.
 */
static void grow(struct assoc *a)
{
	uint32_t target = 2 * a->out_streams;

	if (!waits_to_grow(a) || a->state != ASSOC_UP || sock_unsent(a->so) > 0)
		return;
	if (target < a->wanted_streams)
		target = a->wanted_streams;
	if (target > UINT16_MAX)
		target = UINT16_MAX;
	switch (sock_add_streams(a->so, (uint16_t)(target - a->out_streams))) {
	case ERR_BLOCKED:
	case ERR_CLOSED: break; /* when the request before is answered */
	case ERR_OK:
		a->granted = target;
		wire_grant(a);
		break;
	default: refuse_those_beyond(a);
	}
}

void streams_sweep(struct assoc *a)
{
	struct stream_map *m = &a->numbers.map;

	if (!m->loose)
		return;
	m->loose = false;
	for (uint32_t i = 1; i < m->fresh; i++) {
		const struct stream_slot *s = stream_slot(m, (uint16_t)i);

		if (s != NULL && stream_is_idle(s) && channel_find(a, s->wire) == NULL)
			stream_unbind(m, (uint16_t)i);
	}
}

/* ---- notices, receiving ---- */

static void on_streams(struct assoc *a, const struct notice *n)
{
	bool ours = n->kind == NOTICE_RESET_OUT;
	struct channel *c;

	for (size_t i = 0; i < n->sid_count; i++) {
		uint16_t sid = stream_wire(&a->numbers.map, n->sids[i]);

		if ((c = channel_find(a, sid)) == NULL)
			continue;
		if (ours)
			we_have_reset(a, c, n->failed);
		else
			peer_has_reset(a, c);
	}
	if (n->sid_count > 0)
		return;
	for (uint32_t sid = 0; (c = channel_from(a, sid)) != NULL;) {
		sid = c->view.sid + 1u;
		if (ours)
			we_have_reset(a, c, n->failed);
		else
			peer_has_reset(a, c);
	}
}

void streams_notice(struct assoc *a, const struct notice *n)
{
	on_streams(a, n);
	streams_pump(a);
}

static void accept_open(struct assoc *a, uint16_t sid, const struct dcep_open *open, bool old_reset)
{
	struct channel *c = channel_create(a, sid, open->label, open->protocol);

	if (c == NULL) {
		reset_stream(a, stream_inner(&a->numbers.map, sid));
		return;
	}
	c->hidden = false;
	c->view.quality = open->quality;
	c->old_reset = old_reset;
	become_usable(a, c);
	send_ack(a, c);
}

static bool is_peers_parity(const struct assoc *a, uint16_t sid)
{
	return sid % 2 == (a->config.dtls_client ? 1 : 0); /* RFC 8832 6: the client's are even */
}

static void on_open(struct assoc *a, uint16_t sid, struct span message, struct channel *c)
{
	bool again = c != NULL && c->state == CHANNEL_CLOSING && c->in_reset;
	bool old_reset = false;
	struct dcep_open open;

	if (dcep_parse_open(message, &open) != ERR_OK) {
		count(dcep_malformed_total);
		if (c != NULL)
			streams_close(a, c, CLOSE_DCEP_PROTOCOL);
		else
			refuse_stream(a, sid);
		return;
	}
	if ((c != NULL && !again) || !a->config.accept_dcep || !is_peers_parity(a, sid) ||
		!peer_takes(a, sid)) {
		count(dcep_refused_total);
		if (c != NULL)
			streams_close(a, c, CLOSE_DCEP_PROTOCOL);
		else
			refuse_stream(a, sid);
		return;
	}
	if (again) {
		old_reset = !c->out_reset;
		end_for_successor(a, c);
	}
	accept_open(a, sid, &open, old_reset);
}

static void on_dcep(struct assoc *a, uint16_t sid, struct span message, struct channel *c)
{
	if (dcep_is_open(message)) {
		on_open(a, sid, message, c);
		return;
	}
	if (dcep_is_ack(message) && c != NULL) {
		if (c->state == CHANNEL_OPENING)
			become_usable(a, c);
		return; /* an ACK too many changes nothing */
	}
	count(dcep_malformed_total);
	if (c != NULL)
		streams_close(a, c, CLOSE_DCEP_PROTOCOL);
	else
		refuse_stream(a, sid);
}

bool streams_receive(struct assoc *a, const struct reception *r, struct channel **out)
{
	struct channel *c = channel_find(a, r->sid);

	if (r->ppid == PPID_DCEP) {
		on_dcep(a, r->sid, r->message, c);
		return false;
	}
	if (c == NULL) {
		count(stream_refused_total);
		refuse_stream(a, r->sid);
		return false;
	}
	if (c->state == CHANNEL_CLOSING)
		return false; /* nobody listens any more */
	if (c->state != CHANNEL_USABLE)
		become_usable(a, c); /* its ACK was overtaken: this tells as much */
	*out = c;
	return true;
}

/* ---- room ---- */

static void tell_writable(struct assoc *a)
{
	size_t unsent, room;

	if (list_is_empty(&a->blocked) || backlog_is_full(a) || waits_to_grow(a))
		return;
	unsent = sock_unsent(a->so);
	room = unsent < a->config.send_buffer ? a->config.send_buffer - unsent : 0;
	list_for_each_safe (n, tmp, &a->blocked) {
		struct channel *c = container_of(n, struct channel, on_blocked);
		/* Not for every little gap: whoever is woken should get something done. */
		size_t worth = a->config.send_buffer / 4;
		size_t wanted = c->needs > worth ? c->needs : worth;

		if (streams_is_mute(a, c) || wanted > room)
			continue;
		room -= c->needs;
		c->needs = 0;
		list_unlink(&c->on_blocked);
		channel_tell(a, c, TELL_WRITABLE);
	}
}

void streams_pump(struct assoc *a)
{
	if (a->state != ASSOC_UP)
		return;
	grow(a);
	list_for_each_safe (n, tmp, &a->waiting) {
		struct channel *c = container_of(n, struct channel, on_waiting);

		if (streams_is_mute(a, c) && !c->owes_ack)
			continue;
		if (c->state == CHANNEL_CLOSING) {
			list_unlink(&c->on_waiting);
			reset_our_stream(a, c);
		} else if (c->owes_ack)
			send_ack(a, c);
		else
			start(a, c);
	}
	tell_writable(a);
}
