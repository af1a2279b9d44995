/*
 * assoc.c: an association from its first INIT to its last event: what may
 * be asked of it, events, time limits.
 */
#include "sctp/assoc.h"

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "sctp/assoc_impl.h"
#include "sctp/stack.h"

#define SETUP_LIMIT_S    30
#define SHUTDOWN_LIMIT_S 30
#define STALL_LIMIT_S    30
#define STALL_AT_MOST_S  120
#define STALL_TRIES      12
#define STALL_LOOK_S     5
#define SILENCE_S \
	5 /* ours: a failure after that much silence is one of the path, not of the protocol */

/*
 * Ours: streams the stack begins with; it gets more when they are needed. With DCEP as many as a
 * browser may ask for in its first packet, when the association is not up yet.
 */
#define STREAMS_MIN  16
#define STREAMS_DCEP 32

static uint16_t first_streams(const struct assoc_config *config)
{
	uint16_t least = config->accept_dcep ? STREAMS_DCEP : STREAMS_MIN;

	return config->channels < least ? least : (uint16_t)(config->channels + 1);
}

static bool config_is_sane(const struct assoc_config *c)
{
	return c->output != NULL && c->local_port != 0 && c->remote_port != 0 &&
	       c->max_streams != 0 && c->channels <= SCTP_SID_MAX && c->send_buffer != 0 &&
	       c->send_buffer <= INT32_MAX && c->local_max_message != 0 &&
	       c->local_max_message < INT32_MAX / 2 && c->receive_buffer <= INT32_MAX;
}

struct assoc *assoc_create(const struct assoc_config *config, tick_t now)
{
	struct assoc *a;

	stack_advance(now);
	if (!config_is_sane(config) || (a = mem_zalloc(sizeof(*a))) == NULL)
		return NULL;
	a->config = *config;
	list_init(&a->telling);
	list_init(&a->waiting);
	list_init(&a->blocked);
	a->setup_until = tick_add(now, TICK_S(SETUP_LIMIT_S));
	a->stalled_at = a->patience = TICK_NEVER;
	a->heard = a->progress = now;
	if (!renumber_init(&a->numbers, config->max_streams, first_streams(config)) ||
		!stack_enter(a, config->local_max_message, &a->id, &a->private_port)) {
		renumber_finish(&a->numbers);
		mem_free(a);
		return NULL;
	}
	a->numbers.more = wire_more;
	a->numbers.arg = a;
	count_add(associations, 1);
	stack_traffic();
	a->so = sock_open(config, a->id, a->private_port, first_streams(config));
	if (a->so == NULL) {
		assoc_destroy(a);
		return NULL;
	}
	return a;
}

static void count_abandoned(struct assoc *a)
{
	uint64_t n = a->partial ? sock_abandoned(a->so) : 0;

	if (n <= a->abandoned)
		return;
	count_add(messages_abandoned_total, (int64_t)(n - a->abandoned));
	a->abandoned = n;
}

static void close_socket(struct assoc *a)
{
	if (a->so != NULL) {
		count_abandoned(a);
		sock_close(a->so, a->id);
	}
	a->so = NULL;
	wire_finish(a);
}

void assoc_destroy(struct assoc *a)
{
	if (a == NULL)
		return;
	a->announced = true; /* nobody wants to hear of its ABORT */
	close_socket(a);
	stack_leave(a->id, a->private_port);
	channels_finish(a);
	renumber_finish(&a->numbers);
	mem_free(a->parked);
	mem_free(a);
	count_add(associations, -1);
}

void assoc_news(struct assoc *a)
{
	if (a->announced)
		return;
	a->announced = true;
	if (a->config.ready != NULL)
		a->config.ready(a->config.arg);
}

void assoc_finish(struct assoc *a, enum close_reason reason)
{
	if (a->state == ASSOC_DOWN)
		return;
	close_socket(a);
	channels_drop(a);
	a->state = ASSOC_DOWN;
	a->reason = reason;
	a->tell_open = false;
	a->tell_closed = true;
	a->parked_event = (struct assoc_event){ 0 };
	a->setup_until = a->stalled_at = a->patience = TICK_NEVER;
	if (close_is_fault(reason))
		count(sctp_failed_total);
	assoc_news(a);
}

/* ---- time ---- */

tick_t assoc_deadline(const struct assoc *a)
{
	return tick_min(a->setup_until, tick_min(a->stalled_at, a->patience));
}

void assoc_watch(struct assoc *a)
{
	if (!tick_is_never(a->stalled_at))
		return;
	a->progress = stack_now();
	a->tries = 0;
	a->stalled_at = tick_add(a->progress, TICK_S(STALL_LIMIT_S));
}

/*
 * Thirty seconds are a dozen repetitions or more, unless lost SACKs have spoiled the stack's idea
 * of the round trip: it then waits ten seconds and longer between two, whatever RTO it was given.
 * So the repetitions count too.
 */
static bool is_stalled(const struct assoc *a, tick_t now)
{
	int64_t without = tick_since(a->progress, now);

	return without >= TICK_S(STALL_LIMIT_S) &&
	       (a->tries >= STALL_TRIES || without >= TICK_S(STALL_AT_MOST_S));
}

static void look_at_progress(struct assoc *a, tick_t now)
{
	tick_t limit = tick_add(a->progress, TICK_S(STALL_LIMIT_S));

	if (sock_unsent(a->so) == 0) {
		a->stalled_at = TICK_NEVER;
		return;
	}
	if (!is_stalled(a, now)) {
		a->stalled_at = tick_due(limit, now) ? tick_add(now, TICK_S(STALL_LOOK_S)) : limit;
		return;
	}
	count(sctp_stalled_total);
	assoc_finish(a, CLOSE_SCTP_STALLED);
}

void assoc_expire(struct assoc *a, tick_t now)
{
	stack_advance(now);
	if (tick_due(a->setup_until, now)) {
		if (a->state == ASSOC_CONNECTING)
			assoc_finish(a, CLOSE_SCTP_TIMEOUT);
		else
			assoc_finish(a, a->local_end ? CLOSE_LOCAL : CLOSE_PEER_SHUTDOWN);
	}
	if (tick_due(a->stalled_at, now))
		look_at_progress(a, now);
	if (tick_due(a->patience, now))
		streams_expire(a, now);
}

/* ---- notices ---- */

static void begin_shutdown(struct assoc *a, tick_t now)
{
	a->state = ASSOC_SHUTTING;
	a->setup_until = tick_add(now, TICK_S(SHUTDOWN_LIMIT_S));
}

static enum close_reason reason_of_loss(const struct assoc *a, tick_t now, const struct notice *n)
{
	if (a->local_end)
		return CLOSE_LOCAL;
	if (n->by_peer)
		return CLOSE_PEER_ABORT;
	if (n->in_setup)
		return CLOSE_SCTP_TIMEOUT;
	/* The stack gave up: it repeated itself too often, or the peer broke a rule. */
	return tick_since(a->heard, now) > TICK_S(SILENCE_S) ? CLOSE_PATH_LOSS
							     : CLOSE_SCTP_PROTOCOL;
}

static void come_up(struct assoc *a, const struct notice *n)
{
	if (a->state != ASSOC_CONNECTING)
		return;
	a->state = ASSOC_UP;
	a->setup_until = TICK_NEVER;
	a->out_streams = n->out_streams;
	a->tell_open = true;
	count(sctp_connected_total);
	streams_up(a);
}

static void on_notice(struct assoc *a, tick_t now, const struct notice *n)
{
	switch (n->kind) {
	case NOTICE_UP: come_up(a, n); break;
	case NOTICE_LOST: assoc_finish(a, reason_of_loss(a, now, n)); break;
	case NOTICE_ENDED: assoc_finish(a, a->local_end ? CLOSE_LOCAL : CLOSE_PEER_SHUTDOWN); break;
	case NOTICE_SHUTDOWN:
		if (a->state == ASSOC_UP)
			begin_shutdown(a, now);
		break;
	/*
	 * One DTLS connection carries one association (RFC 8841 9.3); whoever begins anew has lost
	 * the channels.
	 */
	case NOTICE_RESTART: assoc_finish(a, CLOSE_PEER_ABORT); break;
	case NOTICE_RESET_IN:
	case NOTICE_RESET_OUT: streams_notice(a, n); break;
	case NOTICE_OTHER: break;
	}
}

/* ---- events ---- */

static bool is_empty_form(uint32_t ppid)
{
	return ppid == PPID_STRING_EMPTY || ppid == PPID_BINARY_EMPTY;
}

static void describe_message(struct channel *c, const struct reception *r, struct assoc_event *out)
{
	*out = (struct assoc_event){
		.kind = CHANNEL_MESSAGE,
		.sid = r->sid,
		.ppid = r->ppid,
		.unordered = r->unordered,
		.message = is_empty_form(r->ppid) ? SPAN_NONE : r->message,
	};
	c->view.messages_in++;
	c->view.bytes_in += out->message.len;
	count(messages_received_total);
	count_add(message_bytes_received_total, out->message.len);
}

/* The channel must be told open first; the common buffer may be overwritten meanwhile. */
static void park(struct assoc *a, const struct assoc_event *event)
{
	a->parked = mem_alloc(event->message.len);
	if (a->parked == NULL) {
		count(allocation_failed_total);
		assoc_finish(a, CLOSE_NO_MEMORY); /* a message lost on a reliable channel */
		return;
	}
	if (event->message.len > 0)
		memcpy(a->parked, event->message.p, event->message.len);
	a->parked_event = *event;
	a->parked_event.message.p = a->parked;
}

static bool unpark(struct assoc *a, struct assoc_event *out)
{
	if (a->parked_event.kind != CHANNEL_MESSAGE)
		return false;
	*out = a->parked_event;
	a->parked_event = (struct assoc_event){ 0 };
	return true;
}

/* True: *out is a message to deliver now. */
static bool on_message(struct assoc *a, const struct reception *r, struct assoc_event *out)
{
	struct channel *c;

	if (r->message.len > a->config.local_max_message) {
		assoc_finish(a, CLOSE_SCTP_PROTOCOL);
		return false;
	}
	if (!streams_receive(a, r, &c))
		return false;
	describe_message(c, r, out);
	if (list_is_empty(&a->telling))
		return true;
	park(a, out);
	return false;
}

/* False: nothing can be read now. */
static bool may_read(struct assoc *a)
{
	return !a->held || sock_notice_is_next(a->so);
}

/*
 * Reads once. False: nothing more to read; otherwise *is_event says
 * whether *out is to be handed out.
 */
static bool read_once(struct assoc *a, tick_t now, struct assoc_event *out, bool *is_event)
{
	struct reception r;
	size_t cap;
	void *buf = stack_inbox(&cap);

	*is_event = false;
	if (a->state == ASSOC_DOWN)
		return false;
	if (!may_read(a)) {
		if (!sock_has_failed(a->so))
			return false;
		a->held = false; /* it is lost: what was not read is lost with it */
		a->discard = true;
	}
	switch (sock_receive(a->so, buf, cap, &r)) {
	case RECEIVED_NOTHING: return false;
	case RECEIVED_NOTICE: on_notice(a, now, &r.notice); return true;
	case RECEIVED_MESSAGE:
		r.sid = stream_wire(&a->numbers.map, r.sid);
		if (!a->discard)
			*is_event = on_message(a, &r, out);
		return true;
	case RECEIVED_TOO_MUCH: assoc_finish(a, CLOSE_SCTP_PROTOCOL); return true;
	case RECEIVED_END: break;
	}
	assoc_finish(a, a->local_end ? CLOSE_LOCAL : CLOSE_PEER_ABORT);
	return true;
}

static bool tell(struct assoc *a, struct assoc_event *out)
{
	if (a->tell_open) {
		a->tell_open = false;
		*out = (struct assoc_event){ .kind = ASSOC_OPEN, .streams = a->numbers.out_limit };
		return true;
	}
	if (a->tell_closed) {
		a->tell_closed = false;
		*out = (struct assoc_event){ .kind = ASSOC_CLOSED, .reason = a->reason };
		return true;
	}
	return channel_next_event(a, out) || unpark(a, out);
}

/* With nothing left to tell, the next news will be announced again. */
static bool tell_or_rest(struct assoc *a, struct assoc_event *out)
{
	bool told = tell(a, out);

	if (!told)
		a->announced = false;
	return told;
}

bool assoc_next_event(struct assoc *a, tick_t now, struct assoc_event *out)
{
	bool is_event = false;

	if (a->parked_event.kind != CHANNEL_MESSAGE) {
		mem_free(a->parked);
		a->parked = NULL;
	}
	if (!a->touched)
		return tell_or_rest(a, out);
	if (tell(a, out))
		return true;
	stack_advance(now);
	wire_pump(a);
	while (read_once(a, now, out, &is_event))
		if (is_event || tell(a, out))
			return true;
	if (!a->held)
		streams_sweep(a);
	streams_pump(a);
	if (a->so != NULL)
		count_abandoned(a);
	a->touched = false; /* after the pump: its own packets are no news */
	return tell_or_rest(a, out);
}

void assoc_hold(struct assoc *a, bool hold)
{
	if (a->state == ASSOC_DOWN || a->held == hold)
		return;
	a->held = hold;
	if (!hold)
		assoc_touch(a);
}

/* ---- the outside ---- */

enum assoc_state assoc_state(const struct assoc *a)
{
	return a->state;
}

void *assoc_arg(const struct assoc *a)
{
	return a->config.arg;
}

void assoc_shutdown(struct assoc *a, tick_t now)
{
	stack_advance(now);
	if (a->state == ASSOC_DOWN)
		return;
	a->local_end = true;
	if (a->state == ASSOC_CONNECTING) {
		assoc_finish(a, CLOSE_LOCAL);
		return;
	}
	if (a->state == ASSOC_SHUTTING)
		return;
	begin_shutdown(a, now);
	sock_shutdown(a->so);
}

enum err assoc_add_channel(struct assoc *a, const struct channel_config *config)
{
	struct channel *c;

	if (a->state == ASSOC_DOWN || a->state == ASSOC_SHUTTING)
		return ERR_CLOSED;
	if (config->sid > SCTP_SID_MAX || config->sid >= a->config.max_streams)
		return ERR_STREAM_RANGE;
	if (!config->negotiated && config->sid % 2 != (a->config.dtls_client ? 0 : 1))
		return ERR_DCEP_PARITY;
	if (channel_find(a, config->sid) != NULL || channel_is_ending(a, config->sid))
		return ERR_EXISTS;
	c = channel_create(a, config->sid, config->label, config->protocol);
	if (c == NULL)
		return ERR_NO_MEMORY;
	c->hidden = false;
	c->view.quality = config->quality;
	c->view.negotiated = config->negotiated;
	streams_open(a, c);
	return ERR_OK;
}

void assoc_close_channel(struct assoc *a, uint16_t sid, tick_t now)
{
	struct channel *c = channel_find(a, sid);

	stack_advance(now);
	if (c != NULL && !c->hidden)
		streams_close(a, c, CLOSE_LOCAL);
}

/* RFC 8831 6.6: SCTP has no empty messages; a zero byte with a PPID of its own stands for them. */
static enum err empty_form(uint32_t *ppid, struct span *message)
{
	bool is_string =
		*ppid == PPID_STRING || *ppid == PPID_STRING_PARTIAL || *ppid == PPID_STRING_EMPTY;
	bool is_binary =
		*ppid == PPID_BINARY || *ppid == PPID_BINARY_PARTIAL || *ppid == PPID_BINARY_EMPTY;

	if (!is_string && !is_binary)
		return ERR_UNSUPPORTED;
	*ppid = is_string ? PPID_STRING_EMPTY : PPID_BINARY_EMPTY;
	*message = SPAN_LIT("\0");
	return ERR_OK;
}

static enum err check_message(const struct assoc *a, uint32_t ppid, struct span message)
{
	uint32_t theirs = a->config.remote_max_message;

	if (ppid == PPID_DCEP || (is_empty_form(ppid) && message.len > 0))
		return ERR_UNSUPPORTED;
	if ((theirs != 0 && message.len > theirs) || message.len > a->config.send_buffer)
		return ERR_MESSAGE_SIZE;
	return ERR_OK;
}

static enum err send_on(struct assoc *a, struct channel *c, uint32_t ppid, struct span message)
{
	struct channel_quality quality = c->view.quality;
	enum err e;

	if (streams_is_mute(a, c))
		e = ERR_BLOCKED;
	else {
		if (c->state == CHANNEL_OPENING)
			quality.unordered = false; /* RFC 8832 6: nothing may overtake our OPEN */
		e = streams_send(a, c, ppid, &quality, message);
	}
	if (e == ERR_BLOCKED) {
		c->needs = message.len;
		if (list_is_empty(&c->on_blocked))
			list_append(&a->blocked, &c->on_blocked);
	}
	return e;
}

enum err assoc_send(struct assoc *a, tick_t now, uint16_t sid, uint32_t ppid, struct span message)
{
	size_t payload = message.len;
	struct channel *c;
	enum err e;

	stack_advance(now);
	if (a->state != ASSOC_CONNECTING && a->state != ASSOC_UP)
		return ERR_CLOSED;
	if ((c = channel_find(a, sid)) == NULL || c->hidden)
		return ERR_NOT_FOUND;
	if (c->state != CHANNEL_OPENING && c->state != CHANNEL_USABLE)
		return ERR_STATE;
	if ((e = check_message(a, ppid, message)) != ERR_OK ||
		(payload == 0 && (e = empty_form(&ppid, &message)) != ERR_OK) ||
		(e = send_on(a, c, ppid, message)) != ERR_OK)
		return e;
	c->view.messages_out++;
	c->view.bytes_out += payload;
	count(messages_sent_total);
	count_add(message_bytes_sent_total, payload);
	return ERR_OK;
}

const struct channel_view *assoc_channel(const struct assoc *a, uint16_t sid)
{
	const struct channel *c = channel_find(a, sid);

	return c != NULL && !c->hidden ? &c->view : NULL;
}

const struct channel_view *assoc_next_channel(const struct assoc *a, size_t *at)
{
	const struct channel *c;

	while (*at <= SCTP_SID_MAX && (c = channel_from(a, (uint32_t)*at)) != NULL) {
		*at = c->view.sid + 1u;
		if (!c->hidden)
			return &c->view;
	}
	return NULL;
}

size_t assoc_unsent(const struct assoc *a)
{
	return a->so != NULL ? sock_unsent(a->so) : 0;
}

void assoc_probe(struct assoc *a, tick_t now)
{
	stack_clock(now); /* no timer hangs on it */
	if (a->state == ASSOC_UP)
		sock_probe(a->so, a->id);
}
