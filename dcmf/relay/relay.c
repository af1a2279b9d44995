/*
 * relay.c: the relay as a whole: its indexes, which media a datagram
 * belongs to, time, and the end of a turn.
 */
#include "dcmf/relay/relay.h"

#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/relay/parts.h"
#include "dcmf/relay/wire.h"

void relay_config_init(struct relay_config *config)
{
	*config = (struct relay_config){
		.mtu = 1200,
		.setup = SETUP_PASSIVE,
		.max_streams = 2048,
		.max_message = 256 << 10,
		.send_buffer = 1 << 20,
		.receive_buffer = 1 << 20,
		.channel_queue = 1 << 20,
		.channel_hold_us = TICK_S(10),
		.consent_us = TICK_S(30), /* RFC 7675 5.1 */
		.silence_us = TICK_S(90), /* ours: three signs of life asked for in vain */
		.handshake_us = TICK_S(30),
		.request_us = TICK_S(30),
		.half_open = 4096,
		.setup_rate = 2000,
		.response_buffer = 4 << 20,
		.buffer_total = 1 << 30,
	};
}

struct relay *relay_create(const struct relay_config *config, tick_t now)
{
	struct relay *r = mem_zalloc(sizeof(*r));

	if (r == NULL)
		return NULL;
	r->config = *config;
	r->config.dtls = dtls_ctx_ref(config->dtls);
	r->now = now;
	r->setup_filled = tick_add(now, -TICK_S(2)); /* begins full */
	timers_init(&r->timers);
	list_init(&r->busy);
	list_init(&r->dying);
	hello_keys_init(&r->hello, now);
	if ((r->stun = stun_codec_create()) == NULL) {
		relay_destroy(r);
		return NULL;
	}
	return r;
}

void relay_set_dtls(struct relay *r, struct dtls_ctx *dtls)
{
	dtls_ctx_ref(dtls);
	dtls_ctx_unref(r->config.dtls);
	r->config.dtls = dtls;
}

void relay_half_open(struct relay *r, int n)
{
	r->half_open += (unsigned)n;
	count_add(half_open, n);
}

void relay_buffered(struct relay *r, int64_t n)
{
	r->buffered += (size_t)n;
	count_add(buffered_bytes, n);
}

bool relay_has_room(const struct relay *r, size_t n)
{
	return r->buffered + n <= r->config.buffer_total;
}

const char *media_subject(const struct media *m, char buf[SUBJECT_MAX])
{
	static const char *const sides[] = { "", "/mdc1", "/mdc2" };

	snprintf(buf, SUBJECT_MAX, "leg %.48s.%.40s.%.40s%s{%s}", m->context->id, m->termination_id,
		m->spec.media_id, sides[m->spec.hop],
		m->leg ? leg_state_name(m->leg->state) : "passing");
	return buf;
}

void relay_say_of(const struct media *m, enum hop hop, enum relay_event_type type, int32_t sid,
	enum close_reason reason, const char *detail)
{
	struct relay *r = m->context->relay;

	if (m->context->deleted)
		return; /* the controller has been told that all of it is gone */
	r->config.ops->event(r->config.world, &(struct relay_event){ .type = type,
						      .context_id = m->context->id,
						      .termination_id = m->termination_id,
						      .media_id = m->spec.media_id,
						      .owner = m->context->owner,
						      .hop = hop,
						      .sid = sid,
						      .reason = reason,
						      .detail = detail });
}

void relay_say(const struct media *m, enum relay_event_type type, int32_t sid,
	enum close_reason reason, const char *detail)
{
	relay_say_of(m, (enum hop)m->spec.hop, type, sid, reason, detail);
}

static struct media *named_by_stun(struct relay *r, const struct path *path, struct span dgram)
{
	struct media *m = NULL;
	struct span ufrag;

	if (wire_kind(dgram) == WIRE_STUN && stun_receiver(dgram, &ufrag))
		HASH_FIND(hh, r->by_ufrag, ufrag.p, ufrag.len, m);
	return m != NULL && m->at.port == path->port ? m : NULL;
}

/*
 * Which media is it? What a check names (a phone may call again from the address of an old call),
 * else a path that was proved, else the port where it belongs to one media alone.
 */
static struct media *find_media(struct relay *r, const struct path *path, struct span dgram)
{
	struct path_key key = { .port = path->port, .remote = path->remote };
	struct path_entry *entry;
	struct media *m = named_by_stun(r, path, dgram);

	if (m != NULL)
		return m;
	HASH_FIND(hh, r->by_path, &key, sizeof(key), entry);
	if (entry != NULL)
		return entry->media;
	HASH_FIND(hh, r->by_port, &path->port, sizeof(path->port), m);
	return m;
}

void relay_input(struct relay *r, tick_t now, const struct path *path, struct span dgram)
{
	struct media *m;

	r->now = now;
	if ((m = find_media(r, path, dgram)) == NULL) {
		count(datagrams_unknown_total);
		return;
	}
	m->datagrams_in++;
	m->bytes_in += dgram.len;
	m->context->heard = now;
	media_input(m, path, dgram);
}

tick_t relay_deadline(const struct relay *r)
{
	return tick_min(timers_next(&r->timers), sctp_deadline());
}

void relay_expire(struct relay *r, tick_t now)
{
	r->now = now;
	sctp_expire(now);
	timers_run(&r->timers, now);
}

static void reap(struct relay *r, bool all)
{
	list_for_each_safe (n, next, &r->dying) {
		struct media *m = container_of(n, struct media, on_dying);
		struct relay_context *c = m->context;

		if (!all && !media_is_done(m))
			continue;
		media_destroy(m);
		if (c->deleted)
			relay_context_reap(c);
	}
}

void relay_turn_end(struct relay *r, tick_t now)
{
	r->now = now;
	while (!list_is_empty(&r->busy)) {
		struct leg *l = container_of(r->busy.next, struct leg, on_busy);

		list_unlink(&l->on_busy);
		leg_work(l);
	}
	reap(r, false);
}

void relay_destroy(struct relay *r)
{
	if (r == NULL)
		return;
	while (r->contexts != NULL)
		relay_context_delete(r, r->now, r->contexts, CLOSE_SHUTDOWN);
	reap(r, true);
	slots_finish(&r->exchanges);
	slots_finish(&r->links);
	timers_finish(&r->timers);
	stun_codec_destroy(r->stun);
	dtls_ctx_unref(r->config.dtls);
	mem_wipe(&r->hello, sizeof(r->hello));
	mem_free(r);
}
