/*
 * relay.c: the relay as a whole: its indexes, which media a datagram
 * belongs to, time, and the end of a turn.
 */
#include "dcmf/relay/relay.h"

#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/relay/parts.h"
#include "dcmf/relay/wire.h"

enum { FORESEEN_MAX = 64 };

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
	sources_init(&r->sources);
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

/* Where its port belongs to one media alone, else by a path that was proved. */
static struct source *find_source(const struct relay *r, const struct path *path)
{
	struct source_key key = { .port = path->port };
	struct source *src = sources_find(&r->sources, &key);

	if (src != NULL)
		return src;
	key.remote = path->remote;
	return sources_find(&r->sources, &key);
}

/* What a check names comes first: a phone may call again from the address of an old call. */
static void row_input(struct relay *r, const struct path *path, struct span row, size_t piece)
{
	struct media *m = named_by_stun(r, path, row);
	struct source *src = m == NULL ? find_source(r, path) : NULL;

	if (src != NULL)
		m = src->media;
	if (m != NULL)
		media_input(m, src, path, row, piece);
	else
		count_add(datagrams_unknown_total, train_count(row.len, piece));
}

/* The first datagram of a train, with those behind it where all are DTLS. */
static struct span first_row(struct span bytes, size_t piece)
{
	size_t len = span_first(bytes, piece).len;

	if (wire_kind(bytes) != WIRE_DTLS)
		return span_first(bytes, len);
	while (len < bytes.len && wire_kind(span_skip(bytes, len)) == WIRE_DTLS)
		len += span_first(span_skip(bytes, len), piece).len;
	return span_first(bytes, len);
}

void relay_input_train(
	struct relay *r, tick_t now, const struct path *path, struct span bytes, size_t piece)
{
	r->now = now;
	do {
		struct span row = first_row(bytes, piece);

		row_input(r, path, row, piece);
		bytes = span_skip(bytes, row.len);
	} while (bytes.len > 0);
}

void relay_input(struct relay *r, tick_t now, const struct path *path, struct span dgram)
{
	relay_input_train(r, now, path, dgram, dgram.len);
}

/* What each datagram needs of a media (parts.h); it writes there, too. */
static void prefetch_media(const struct media *m)
{
	const uint8_t *from = (const uint8_t *)&m->relay,
		      *last = (const uint8_t *)(&m->path + 1) - 1;

	for (; from < last; from += 64)
		__builtin_prefetch(from, 1);
	__builtin_prefetch(last, 1);
}

/*
 * One step after the other for all of them: each needs what the one before has fetched, and in the
 * meantime the others are under way.
 */
void relay_foresee(const struct relay *r, const struct path *paths, size_t n)
{
	uint64_t hash[FORESEEN_MAX];
	const struct source *source[FORESEEN_MAX];

	n = n < FORESEEN_MAX ? n : FORESEEN_MAX;
	for (size_t i = 0; i < n; i++) {
		hash[i] = sources_hash(&r->sources,
			&(struct source_key){ .port = paths[i].port, .remote = paths[i].remote });
		sources_prefetch(&r->sources, hash[i]);
	}
	for (size_t i = 0; i < n; i++)
		if ((source[i] = sources_guess(&r->sources, hash[i])) != NULL)
			__builtin_prefetch(source[i]);
	for (size_t i = 0; i < n; i++)
		if (source[i] != NULL)
			prefetch_media(source[i]->media);
	for (size_t i = 0; i < n; i++)
		if (source[i] != NULL && source[i]->media->twin != NULL)
			prefetch_media(source[i]->media->twin);
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
