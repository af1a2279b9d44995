/* link.c: the connection of a media to an application server: made, watched, made again. */
#include "dcmf/relay/link.h"

#include <stdio.h>

#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/relay/parting.h"

#define DELAY_US     TICK_S(1)
#define DELAY_MAX_US TICK_S(30)
/* Ours: a connection that lasted so long was a good one. */
#define GOOD_US TICK_S(30)
/* Ours: of the channels of one connection; a server in a hurry shall not flood the controller. */
#define COMPLAINTS_MAX 10

static struct relay *relay_of(const struct link *k)
{
	return k->media->context->relay;
}

const struct link_spec *link_spec(const struct link *k)
{
	return k->media->spec.link;
}

static void set_state(struct link *k, enum link_state state)
{
	count_add(links_open, (state == LINK_OPEN) - (k->state == LINK_OPEN));
	k->state = state;
}

/* "TCP/TLS 192.0.2.9:7000" */
static const char *name(const struct link *k, char buf[96])
{
	const struct link_spec *spec = link_spec(k);
	char at[ADDR_TEXT_MAX];

	snprintf(buf, 96, "%s %s", link_protocol_name((enum link_protocol)spec->protocol),
		addr_is_set(&spec->remote) ? addr_text(&spec->remote, at) : "not known yet");
	return buf;
}

/* ---- what goes wrong ---- */

void link_complain(struct link *k, int32_t sid, const char *what)
{
	char subject[SUBJECT_MAX], server[96], detail[FILTER_TEXT_MAX];

	if (sid >= 0 && k->complaints++ >= COMPLAINTS_MAX)
		return;
	snprintf(detail, sizeof(detail), "%s: %.200s", name(k, server), what);
	log_warn(media_subject(k->media, subject), "server %s", detail);
	relay_say_of(k->media, (enum hop)link_spec(k)->hop, RELAY_EVENT_MDC_FAILED, sid, CLOSE_NONE,
		detail);
}

/* The connection, if there is one, ends without more words. */
static void hang_up(struct link *k)
{
	struct relay *r = relay_of(k);

	if (k->handle != 0)
		r->config.ops->link_close(r->config.world, k->handle);
	slots_remove(&r->links, k->tag);
	k->handle = k->tag = 0;
	frame_reader_finish(&k->reader);
	timer_cancel(&r->timers, &k->timer);
	k->is_paused = false;
	k->local = (struct addr){ 0 };
}

/* The first time after 1 s, then twice as late each time, until a connection has lasted. */
static void wait_a_while(struct link *k, bool was_open)
{
	struct relay *r = relay_of(k);

	if (was_open && tick_since(k->opened, r->now) >= GOOD_US)
		k->delay_us = DELAY_US;
	timer_set(&r->timers, &k->timer, tick_add(r->now, k->delay_us));
	k->delay_us = k->delay_us * 2 < DELAY_MAX_US ? k->delay_us * 2 : DELAY_MAX_US;
}

void link_fail(struct link *k, const char *why)
{
	bool was_open = k->state == LINK_OPEN;
	char text[FILTER_TEXT_MAX];

	snprintf(text, sizeof(text), "%s", why); /* it may be the connection's own */
	count(links_failed_total);
	hang_up(k);
	set_state(k, LINK_WAITING);
	wait_a_while(k, was_open);
	if (was_open || strcmp(k->failure, text) != 0) /* not the same again and again */
		link_complain(k, -1, text);
	snprintf(k->failure, sizeof(k->failure), "%s", text);
	if (was_open)
		route_stream_lost(k);
}

/* ---- the connection ---- */

static void try_it(struct link *k)
{
	struct relay *r = relay_of(k);

	if (!addr_is_set(&link_spec(k)->remote)) {
		set_state(k, LINK_WAITING); /* the controller will tell */
		return;
	}
	set_state(k, LINK_CONNECTING);
	if ((k->tag = slots_add(&r->links, k)) != 0)
		k->handle = r->config.ops->link_open(r->config.world, k->tag, link_spec(k));
	if (k->handle == 0) {
		count(allocation_failed_total);
		link_fail(k, "out of memory");
	}
}

static void due(void *arg, tick_t now)
{
	struct link *k = arg;

	(void)now;
	if (k->state == LINK_WAITING)
		try_it(k);
	else if (k->is_paused)
		route_stream_overdue(k);
}

/* Its first words: which call, which media. */
static bool say_hello(struct link *k)
{
	char text[FILTER_TEXT_MAX];
	int len = snprintf(text, sizeof(text), "%.60s\n%.240s", k->media->context->id,
		k->media->spec.media_id);

	return link_put(k, 0, FRAME_HELLO, FRAME_VERSION, SPAN(text, len));
}

void relay_link_opened(
	struct relay *r, tick_t now, uint64_t tag, const struct addr *local, const char *protection)
{
	struct link *k = slots_get(&r->links, tag);
	char subject[SUBJECT_MAX], server[96];
	size_t most = r->config.send_buffer;

	r->now = now;
	if (k == NULL || k->state != LINK_CONNECTING)
		return;
	k->local = *local;
	k->opened = now;
	k->complaints = 0;
	k->failure[0] = '\0';
	snprintf(k->protection, sizeof(k->protection), "%s", protection);
	frame_reader_init(&k->reader, most < FRAME_PAYLOAD_MAX ? most : FRAME_PAYLOAD_MAX);
	set_state(k, LINK_OPEN);
	count(links_connected_total);
	log_info(media_subject(k->media, subject), "server %s is there, protection %s",
		name(k, server), protection);
	if (say_hello(k))
		route_stream_room(k);
	else
		link_fail(k, "out of memory");
}

void relay_link_closed(struct relay *r, tick_t now, uint64_t tag, const char *why)
{
	struct link *k = slots_get(&r->links, tag);

	r->now = now;
	if (k == NULL)
		return;
	k->handle = 0; /* it is gone already */
	link_fail(k, why);
}

void relay_link_writable(struct relay *r, tick_t now, uint64_t tag)
{
	struct link *k = slots_get(&r->links, tag);

	r->now = now;
	if (k != NULL && k->state == LINK_OPEN)
		route_stream_room(k);
}

bool link_put(struct link *k, uint16_t sid, uint16_t type, uint32_t value, struct span payload)
{
	struct relay *r = relay_of(k);
	bool is_udp = link_spec(k)->protocol == LINK_UDP;
	uint8_t head[FRAME_HEAD];

	if (k->state != LINK_OPEN)
		return false;
	if (is_udp && type != FRAME_MESSAGE)
		return true;
	frame_head(head, sid, (enum frame_type)type, value, payload.len);
	if (!r->config.ops->link_write(
		    r->config.world, k->handle, is_udp ? SPAN_NONE : SPAN_OF(head), payload))
		return false;
	if (type == FRAME_MESSAGE) {
		count(link_messages_sent_total);
		k->messages_out++;
		k->bytes_out += payload.len;
	}
	return true;
}

void link_pause(struct link *k, bool pause)
{
	struct relay *r = relay_of(k);

	if (pause == k->is_paused || k->state != LINK_OPEN)
		return;
	k->is_paused = pause;
	r->config.ops->link_pause(r->config.world, k->handle, pause);
	timer_set(&r->timers, &k->timer,
		pause ? tick_add(r->now, r->config.channel_hold_us) : TICK_NEVER);
}

/* ---- what the server says ---- */

static void take_message(struct link *k, const struct frame *f)
{
	count(link_messages_received_total);
	k->messages_in++;
	k->bytes_in += f->payload.len;
	route_stream_message(k, f->sid, f->value, f->payload);
}

/* NULL: a frame like it may come. */
static const char *find_fault(const struct link *k, const struct frame *f)
{
	switch (f->type) {
	case FRAME_OPEN: return "it wants to open a channel, which only phones do";
	case FRAME_HELLO: return "it sent a HELLO, which only the gateway does";
	case FRAME_CLOSE:
		if (f->payload.len > 0)
			return "it sent a CLOSE with a payload";
		break;
	case FRAME_MESSAGE: break;
	default: return NULL;
	}
	return f->sid < relay_of(k)->config.max_streams ? NULL
							: "it sent a stream id that cannot be";
}

static void take_frame(struct link *k, enum frame_got got, const struct frame *f)
{
	const char *fault = got == FRAME_BROKEN      ? "it sent a frame of impossible length"
			    : got == FRAME_NO_MEMORY ? "out of memory"
						     : find_fault(k, f);

	if (fault != NULL) {
		if (got != FRAME_NO_MEMORY)
			count(link_frames_bad_total);
		link_fail(k, fault);
	} else if (f->type == FRAME_MESSAGE && got == FRAME_TOO_LARGE) {
		route_stream_too_large(k, f->sid);
	} else if (f->type == FRAME_MESSAGE) {
		take_message(k, f);
	} else if (f->type == FRAME_CLOSE) {
		route_stream_closed(k, f->sid);
	}
}

/* A datagram is a message of the only stream there is. */
static void take_datagram(struct link *k, struct span bytes)
{
	const struct media_spec *spec = &k->media->spec;

	if (spec->stream_count > 0)
		take_message(k, &(struct frame){ .sid = spec->streams[0].sid,
					.value = PPID_BINARY,
					.payload = bytes });
}

void relay_link_input(struct relay *r, tick_t now, uint64_t tag, struct span bytes)
{
	struct link *k = slots_get(&r->links, tag);
	enum frame_got got;
	struct frame f;

	r->now = now;
	if (k == NULL || k->state != LINK_OPEN)
		return;
	if (link_spec(k)->protocol == LINK_UDP) {
		take_datagram(k, bytes);
		return;
	}
	while (k->tag == tag && (got = frame_next(&k->reader, &bytes, &f)) != FRAME_MORE)
		take_frame(k, got, &f);
}

/* ---- life ---- */

struct link *link_create(struct media *m)
{
	struct relay *r = m->context->relay;
	struct link *k = mem_zalloc(sizeof(*k));

	if (k == NULL)
		return NULL;
	if (!timers_reserve(&r->timers)) {
		mem_free(k);
		return NULL;
	}
	k->media = m;
	k->delay_us = DELAY_US;
	timer_init(&k->timer, due, k);
	list_init(&k->partings);
	count_add(links, 1);
	return k;
}

void link_destroy(struct link *k)
{
	struct relay *r;

	if (k == NULL)
		return;
	r = relay_of(k);
	link_stop(k);
	timers_release(&r->timers);
	count_add(links, -1);
	mem_free(k);
}

void link_start(struct link *k)
{
	if (k->state == LINK_IDLE)
		try_it(k);
}

void link_stop(struct link *k)
{
	partings_forget(k);
	hang_up(k);
	set_state(k, LINK_IDLE);
	k->delay_us = DELAY_US;
	k->failure[0] = '\0';
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_server(const struct link_spec *a, const struct link_spec *b)
{
	if (a->protocol != b->protocol || a->hop != b->hop || !addr_eq(&a->remote, &b->remote) ||
		!same_text(a->server_name, b->server_name) ||
		a->fingerprint_count != b->fingerprint_count)
		return false;
	for (unsigned i = 0; i < a->fingerprint_count; i++) {
		if (!fingerprint_eq(&a->fingerprints[i], &b->fingerprints[i]))
			return false;
	}
	return true;
}

/* Another server: the channels begin anew there. The same again: what waits is tried at once. */
void link_apply(struct link *k, const struct link_spec *old)
{
	bool was_open = k->state == LINK_OPEN;

	if (k->state == LINK_IDLE || (k->state != LINK_WAITING && same_server(old, link_spec(k))))
		return;
	hang_up(k);
	set_state(k, LINK_WAITING);
	k->delay_us = DELAY_US;
	if (was_open)
		route_stream_lost(k);
	try_it(k);
}
