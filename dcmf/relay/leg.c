/*
 * leg.c: the end of a DTLS/SCTP association: wires DTLS to SCTP to
 * channels, and ends with a reason.
 */
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/relay/link.h"
#include "dcmf/relay/parts.h"
#include "dcmf/relay/wire.h"

/* Ours: a peer without ICE that was silent for so long is asked for a sign of life. */
#define PROBE_US TICK_S(30)
/* Ours: a handshake of ours that found no room, or no memory, tries again. */
#define AGAIN_US TICK_MS(100)

/*
 * Ours: limits of many seconds end in step, a little late, so that thousands of idle legs do not
 * wake the worker each at its own time.
 */
#define STEP_US TICK_MS(50)

/*
 * Ours: a server that waits for our hello cannot say that it is back, so it gets another one, after
 * pauses that double.
 */
#define FIRST_PAUSE_US TICK_S(5)
#define LAST_PAUSE_US  TICK_S(120)

static struct relay *relay_of(const struct leg *l)
{
	return l->media->context->relay;
}

static const struct relay_config *config_of(const struct leg *l)
{
	return &relay_of(l)->config;
}

static void expire(void *arg, tick_t now);

void leg_init(struct leg *l, struct media *m)
{
	*l = (struct leg){ .media = m, .role = DTLS_SERVER, .again = TICK_NEVER };
	list_init(&l->shakes);
	list_init(&l->channels);
	list_init(&l->on_busy);
	dgram_queue_init(&l->early, EARLY_BYTES);
	timer_init(&l->timer, expire, l);
	count_add(legs, 1);
}

static void set_state(struct leg *l, enum leg_state state)
{
	count_add(legs_open, (state == LEG_OPEN) - (l->state == LEG_OPEN));
	relay_half_open(relay_of(l), (state == LEG_CONNECTING) - (l->state == LEG_CONNECTING));
	l->state = state;
}

/* A handshake began, or the only one was given up without another. */
static void look_at_shakes(struct leg *l)
{
	if (l->secured != NULL || l->state == LEG_CLOSING)
		return;
	if (l->shake_count > 0)
		set_state(l, LEG_SECURING);
	else if (l->state == LEG_SECURING)
		set_state(l, LEG_WAITING);
}

void leg_busy(struct leg *l)
{
	list_append(&relay_of(l)->busy, &l->on_busy);
}

static void ready(void *arg)
{
	leg_busy(arg);
}

/* --- time --- */

static bool watches_path(const struct leg *l)
{
	return l->state == LEG_SECURING || l->state == LEG_CONNECTING || l->state == LEG_OPEN;
}

static tick_t in_step(tick_t at)
{
	return tick_is_never(at) ? at : tick_add(at, (STEP_US - at.us % STEP_US) % STEP_US);
}

static tick_t path_deadline(const struct leg *l)
{
	const struct relay_config *config = config_of(l);
	const struct media *m = l->media;
	tick_t asked = tick_before(l->heard, l->probed) ? l->probed : l->heard;

	if (!watches_path(l))
		return TICK_NEVER;
	if (m->ice != NULL)
		return in_step(tick_add(ice_lite_last_check(m->ice), config->consent_us));
	if (l->state != LEG_OPEN)
		return TICK_NEVER;
	return in_step(tick_min(tick_add(l->heard, config->silence_us), tick_add(asked, PROBE_US)));
}

static tick_t deadline(const struct leg *l)
{
	tick_t at = tick_min(tick_min(shakes_deadline(l), path_deadline(l)), l->again);

	if (l->assoc != NULL)
		at = tick_min(at, assoc_deadline(l->assoc));
	if (l->state == LEG_CLOSING)
		at = tick_min(at, tick_add(l->begun, LINGER_US));
	return at;
}

/*
 * A timer that is pending earlier is left alone: it finds nothing due and
 * looks again. Cheap on the message path.
 */
static void arm(struct leg *l)
{
	tick_t at = deadline(l);

	if (timer_is_pending(&l->timer) && !tick_before(at, l->timer.at))
		return;
	timer_set(&relay_of(l)->timers, &l->timer, at); /* its room was reserved with the media */
}

#define NO_CHECK "no valid connectivity check (RFC 7675)"

static void watch_path(struct leg *l, tick_t now)
{
	const struct relay_config *config = config_of(l);
	const struct media *m = l->media;

	if (!watches_path(l))
		return;
	if (m->ice != NULL) {
		if (!tick_due(tick_add(ice_lite_last_check(m->ice), config->consent_us), now))
			return;
		if (l->secured != NULL)
			leg_end(l, CLOSE_PATH_LOSS, NO_CHECK);
		else
			leg_failed(l, CLOSE_PATH_LOSS, NO_CHECK);
		return;
	}
	if (l->state != LEG_OPEN)
		return;
	if (tick_due(tick_add(l->heard, config->silence_us), now)) {
		leg_end(l, CLOSE_PATH_LOSS, "the peer does not answer");
		return;
	}
	if (tick_due(tick_add(l->heard, PROBE_US), now) &&
		tick_due(tick_add(l->probed, PROBE_US), now)) {
		l->probed = now;
		assoc_probe(l->assoc, now);
	}
}

static void expire(void *arg, tick_t now)
{
	struct leg *l = arg;

	shakes_expire(l);
	if (l->assoc != NULL && tick_due(assoc_deadline(l->assoc), now))
		assoc_expire(l->assoc, now);
	if (l->state == LEG_CLOSING && tick_due(tick_add(l->begun, LINGER_US), now))
		leg_end(l, l->reason, NULL);
	watch_path(l, now);
	if (tick_due(l->again, now)) {
		leg_revive(l);
		leg_go(l);
	}
	leg_busy(l);
	arm(l);
}

/* --- ends --- */

static void drop_channels(struct leg *l)
{
	while (!list_is_empty(&l->channels))
		channel_destroy(container_of(l->channels.next, struct channel, on_leg));
	if (l->media->link != NULL)
		link_stop(l->media->link);
	l->held = false;
}

/* SCTP first: its ABORT still goes out through DTLS. */
static void drop_association(struct leg *l)
{
	drop_channels(l);
	assoc_destroy(l->assoc);
	l->assoc = NULL;
	if (l->secured == NULL)
		return;
	dtls_close(l->secured->dtls);
	shake_destroy(l->secured);
	l->secured = NULL;
}

static void call_again(struct leg *l)
{
	const struct media *m = l->media;

	/* one that does checks says so by them */
	if (m->spec.hop == HOP_MB || m->ice != NULL || l->role != DTLS_CLIENT ||
		m->context->deleted)
		return;
	l->patience_us = l->patience_us == 0 ? FIRST_PAUSE_US : 2 * l->patience_us;
	if (l->patience_us > LAST_PAUSE_US)
		l->patience_us = LAST_PAUSE_US;
	l->again = tick_add(relay_of(l)->now, l->patience_us);
}

void leg_end(struct leg *l, enum close_reason reason, const char *detail)
{
	bool was_secured = l->secured != NULL, is_over = l->state == LEG_CLOSING;
	char subject[SUBJECT_MAX];

	if (l->state == LEG_CLOSING)
		reason = l->reason; /* whatever finishes it now: that is settled */
	log_line(close_is_fault(reason) ? LOG_WARN : LOG_INFO, media_subject(l->media, subject),
		"closed: %s%s%s", close_text(reason), detail ? ": " : "", detail ? detail : "");
	shakes_finish(l);
	drop_association(l);
	l->reason = reason;
	set_state(l, LEG_CLOSED);
	if (!is_over) {
		call_again(l);
		arm(l);
	}
	if (was_secured)
		relay_say(l->media, RELAY_EVENT_SCTP_CLOSED, -1, reason,
			detail ? detail : close_text(reason));
}

void leg_failed(struct leg *l, enum close_reason reason, const char *detail)
{
	leg_end(l, reason, detail);
	relay_say(l->media, RELAY_EVENT_DTLS_FAILED, -1, reason,
		detail ? detail : close_text(reason));
}

void leg_close(struct leg *l, enum close_reason reason)
{
	struct relay *r = relay_of(l);

	if (l->state == LEG_CLOSING)
		return;
	l->reason = reason;
	dgram_queue_finish(&l->early);
	if (l->assoc == NULL || assoc_state(l->assoc) != ASSOC_UP) {
		leg_end(l, reason, NULL);
		return;
	}
	shakes_finish(l);
	drop_channels(l);
	assoc_hold(l->assoc, false);
	assoc_shutdown(l->assoc, r->now);
	l->begun = r->now;
	set_state(l, LEG_CLOSING);
	leg_busy(l);
	arm(l);
}

void leg_restart(struct leg *l)
{
	bool had_association = l->assoc != NULL;

	shakes_finish(l);
	drop_association(l);
	set_state(l, LEG_WAITING);
	l->reason = CLOSE_REPLACED;
	if (had_association)
		relay_say(l->media, RELAY_EVENT_SCTP_CLOSED, -1, CLOSE_REPLACED,
			close_text(CLOSE_REPLACED));
}

void leg_revive(struct leg *l)
{
	if (l->state == LEG_CLOSED && l->role == DTLS_CLIENT)
		set_state(l, LEG_WAITING);
}

void leg_finish(struct leg *l)
{
	shakes_finish(l);
	drop_association(l);
	dgram_queue_finish(&l->early);
	set_state(l, LEG_CLOSED);
	timer_cancel(&relay_of(l)->timers, &l->timer);
	list_unlink(&l->on_busy);
	count_add(legs, -1);
}

/* --- beginnings --- */

void leg_go(struct leg *l)
{
	struct media *m = l->media;
	enum setup setup = media_setup(m);
	bool may_begin =
		l->state == LEG_WAITING || (l->state == LEG_CLOSED && l->reason == CLOSE_PATH_LOSS);

	l->again = TICK_NEVER;
	if (m->context->deleted || l->state == LEG_CLOSING)
		return;
	l->role = setup == SETUP_ACTIVE ? DTLS_CLIENT : DTLS_SERVER;
	if (m->spec.fingerprint_count == 0)
		return;
	/*
	 * a hello that came early is of use to a server only: of two clients
	 * the peer has to learn its role
	 */
	if (l->role == DTLS_SERVER)
		shakes_replay_early(l);
	else
		dgram_queue_finish(&l->early);
	if (l->role == DTLS_CLIENT && may_begin && media_has_path(m) && !shake_start_client(l))
		l->again = tick_add(relay_of(l)->now, AGAIN_US);
	look_at_shakes(l);
	arm(l);
}

static void packet_out(void *arg, struct span packet)
{
	struct leg *l = arg;

	/* what DTLS refuses is lost, as on any network: SCTP repeats it or gives up */
	if (l->secured != NULL)
		dtls_send(l->secured->dtls, packet);
}

/* A packet is a record: as long as our MTU allows, and as the peer takes. */
static uint16_t packet_max(const struct leg *l)
{
	uint16_t ours = config_of(l)->mtu - DTLS_RECORD_OVERHEAD;

	return l->info.plaintext_max < ours ? l->info.plaintext_max : ours;
}

static struct assoc *make_association(struct leg *l)
{
	const struct relay_config *config = config_of(l);
	const struct media_spec *spec = &l->media->spec;

	l->peer_max_message = spec->remote_max_message;
	return assoc_create(
		&(struct assoc_config){
			.local_port = 5000, /* RFC 8841 12.2: what we tell every peer */
			.remote_port = spec->remote_sctp_port,
			.mtu = packet_max(l),
			.channels = (uint16_t)spec->stream_count, /* SPEC_STREAMS_MAX at most */
			.max_streams = config->max_streams,
			.send_buffer = config->send_buffer,
			.receive_buffer = config->receive_buffer,
			.remote_max_message = spec->remote_max_message,
			.local_max_message = config->max_message,
			.dtls_client = l->role == DTLS_CLIENT,
			.accept_dcep = spec->accept_dcep,
			.output = packet_out,
			.ready = ready,
			.arg = l,
		},
		relay_of(l)->now);
}

static void read_records(struct leg *l)
{
	struct relay *r = relay_of(l);
	size_t len;

	while (l->secured != NULL &&
		dtls_read(l->secured->dtls, r->plain, sizeof(r->plain), &len)) {
		l->heard = r->now;
		if (l->assoc != NULL)
			assoc_input(l->assoc, r->now, SPAN(r->plain, len));
	}
	if (l->secured != NULL && dtls_state(l->secured->dtls) == DTLS_CLOSED)
		leg_end(l, dtls_close_reason(l->secured->dtls), NULL);
	else
		leg_busy(l);
}

void leg_secured(struct leg *l, struct shake *s)
{
	struct relay *r = relay_of(l);
	struct media *m = l->media;
	char subject[SUBJECT_MAX];

	shake_leave(s);
	shakes_finish(l);
	if (l->secured != NULL)
		leg_restart(l);
	l->secured = s;
	l->secured_once = true;
	l->patience_us = 0;
	l->has_random = s->has_random;
	memcpy(l->client_random, s->client_random, sizeof(l->client_random));
	l->heard = l->probed = r->now;
	dtls_info(s->dtls, &l->info);
	/* the signalled source, or where policy latches, the one that proved itself */
	if (m->ice == NULL)
		m->path = s->path;
	log_info(media_subject(m, subject), "%s %s after %d ms", l->info.version, l->info.cipher,
		(int)(tick_since(s->begun, r->now) / 1000));
	relay_say(m, RELAY_EVENT_DTLS_CONNECTED, -1, CLOSE_NONE, l->info.cipher);
	set_state(l, LEG_CONNECTING);
	if (l->info.plaintext_max < ASSOC_MTU_MIN) {
		leg_end(l, CLOSE_DTLS_PROTOCOL,
			"the peer takes no records that are long enough for SCTP (RFC 6066)");
		return;
	}
	if ((l->assoc = make_association(l)) == NULL) {
		count(allocation_failed_total);
		leg_end(l, CLOSE_NO_MEMORY, NULL);
		return;
	}
	leg_open_streams(l);
	if (media_is_bridge(m))
		bridge_leg_ready(l);
	read_records(l);
	arm(l);
}

/* --- datagrams --- */

bool source_is_allowed(const struct leg *l, const struct path *path)
{
	const struct media *m = l->media;

	if (m->ice != NULL || !addr_is_set(&m->spec.remote) || config_of(l)->latch)
		return true;
	return addr_eq(&path->remote, &m->spec.remote);
}

/* Is it for the association that stands, or for a handshake beside it? */
static bool is_for_secured(const struct leg *l, const struct path *path, struct span dgram)
{
	uint8_t type;
	bool clear;

	if (l->secured == NULL)
		return false;
	if (l->media->ice == NULL && !addr_eq(&path->remote, &l->secured->path.remote))
		return false;
	if (l->role == DTLS_SERVER && wire_is_client_hello(dgram))
		return false;
	if (shake_find(l, path) == NULL)
		return true; /* whoever else may be shaking hands: it can be for no other */
	return wire_dtls_first(dgram, &type, &clear) && !clear && type != DTLS_HANDSHAKE_RECORD;
}

void leg_input(struct leg *l, const struct path *path, struct span dgram)
{
	if (!source_is_allowed(l, path)) {
		count(datagrams_source_total);
		return;
	}
	if (is_for_secured(l, path, dgram)) {
		if (l->media->ice == NULL)
			l->media->path.local = l->secured->path.local = path->local;
		dtls_input(l->secured->dtls, relay_of(l)->now, dgram);
		read_records(l);
	} else if (l->state != LEG_CLOSING && !l->media->context->deleted) {
		shake_input(l, path, dgram);
		look_at_shakes(l);
	}
	arm(l);
}

/* --- association events --- */

static void on_open(struct leg *l)
{
	char subject[SUBJECT_MAX];

	if (l->state != LEG_CONNECTING)
		return;
	set_state(l, LEG_OPEN);
	log_info(media_subject(l->media, subject), "association up");
	relay_say(l->media, RELAY_EVENT_SCTP_CONNECTED, -1, CLOSE_NONE, NULL);
	if (l->media->link != NULL)
		link_start(l->media->link);
}

static void on_event(struct leg *l, const struct assoc_event *ev)
{
	struct channel *ch = leg_channel(l, ev->sid);

	switch (ev->kind) {
	case ASSOC_OPEN: on_open(l); break;
	case ASSOC_CLOSED: leg_end(l, ev->reason, NULL); break;
	case CHANNEL_OPEN:
		if (l->state != LEG_CLOSING)
			leg_channel_opened(l, ev->sid);
		break;
	case CHANNEL_CLOSED: leg_channel_closed(l, ev->sid, ev->reason); break;
	case CHANNEL_MESSAGE:
		if (ch != NULL)
			channel_message(ch, ev->ppid, ev->message);
		break;
	case CHANNEL_WRITABLE:
		if (ch != NULL)
			ch->route->writable(ch, relay_of(l)->now);
		break;
	}
}

void leg_work(struct leg *l)
{
	struct assoc_event ev;

	while (l->assoc != NULL && assoc_next_event(l->assoc, relay_of(l)->now, &ev))
		on_event(l, &ev);
	arm(l);
}
