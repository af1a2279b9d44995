/*
 * handshake.c: the DTLS handshakes of a leg: who may begin one, and which one wins.
 *
 * A source that proved nothing gets a cookie and no memory. Several sources may be under way at
 * once (where policy latches, or when a peer comes back while its old association still stands);
 * the first with the right certificate wins, the others end.
 */
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/relay/parts.h"
#include "dcmf/relay/wire.h"

static struct relay *relay_of(const struct leg *l)
{
	return l->media->context->relay;
}

static void output(void *arg, struct span dgram)
{
	struct shake *s = arg;
	struct media *m = s->leg->media;

	media_send(m, m->ice != NULL ? &m->path : &s->path, dgram);
}

void shake_destroy(struct shake *s)
{
	dtls_destroy(s->dtls);
	mem_free(s);
}

static void shake_join(struct shake *s)
{
	list_append(&s->leg->shakes, &s->on_leg);
	s->leg->shake_count++;
	relay_half_open(relay_of(s->leg), 1);
}

void shake_leave(struct shake *s)
{
	list_unlink(&s->on_leg);
	s->leg->shake_count--;
	relay_half_open(relay_of(s->leg), -1);
}

static void shake_end(struct shake *s)
{
	shake_leave(s);
	shake_destroy(s);
}

static struct shake *first_shake(const struct leg *l)
{
	return list_is_empty(&l->shakes) ? NULL
					 : container_of(l->shakes.next, struct shake, on_leg);
}

void shakes_finish(struct leg *l)
{
	while (l->shake_count > 0)
		shake_end(first_shake(l));
}

void shakes_move(struct leg *l)
{
	list_for_each_safe (n, next, &l->shakes) {
		struct shake *s = container_of(n, struct shake, on_leg);

		if (l->role == DTLS_CLIENT)
			s->path = l->media->path;
		else if (!source_is_allowed(l, &s->path))
			shake_end(s);
	}
}

/* A bucket that holds one second's worth. */
static bool take_token(struct relay *r)
{
	int64_t rate = r->config.setup_rate;
	int64_t full = rate * 1000000;
	int64_t since = tick_since(r->setup_filled, r->now);

	if (rate == 0)
		return true;
	r->setup_tokens += since > 1000000 ? full : since * rate;
	if (r->setup_tokens > full)
		r->setup_tokens = full;
	r->setup_filled = r->now;
	if (r->setup_tokens < 1000000)
		return false;
	r->setup_tokens -= 1000000;
	return true;
}

static unsigned shakes_of_host(const struct leg *l, const struct addr *host)
{
	unsigned n = 0;

	list_for_each (node, &l->shakes)
		n += addr_eq_ip(&container_of(node, struct shake, on_leg)->path.remote, host);
	return n;
}

/*
 * Who makes room on a leg that has enough: the oldest of a host that is there more than once, so
 * that one host keeps nobody else out; for the signalled source anybody. NULL: nobody.
 */
static struct shake *dispensable(const struct leg *l, const struct path *newcomer)
{
	const struct addr *signalled = &l->media->spec.remote;

	list_for_each (n, &l->shakes) {
		struct shake *s = container_of(n, struct shake, on_leg);

		if (!addr_eq(&s->path.remote, signalled) &&
			(addr_eq(&newcomer->remote, signalled) ||
				shakes_of_host(l, &s->path.remote) > 1))
			return s;
	}
	return NULL;
}

static bool make_room(struct leg *l, const struct path *newcomer)
{
	struct relay *r = relay_of(l);
	struct shake *leaves = l->shake_count < SHAKES_MAX ? NULL : dispensable(l, newcomer);

	if ((l->shake_count >= SHAKES_MAX && leaves == NULL) ||
		r->half_open >= r->config.half_open || !take_token(r))
		return false;
	if (leaves != NULL) {
		count(dtls_failed_total);
		shake_end(leaves);
	}
	return true;
}

static struct shake *shake_create(struct leg *l, const struct path *path, bool cookie_shown)
{
	struct media *m = l->media;
	struct shake *s;

	if (!make_room(l, path))
		return NULL; /* the peer repeats its hello */
	if ((s = mem_zalloc(sizeof(*s))) == NULL) {
		count(allocation_failed_total);
		return NULL;
	}
	s->leg = l;
	s->path = *path;
	s->begun = relay_of(l)->now;
	list_init(&s->on_leg);
	s->dtls = dtls_create(&(struct dtls_config){
		.ctx = m->dtls,
		.role = l->role,
		.mtu = relay_of(l)->config.mtu,
		.peer = m->spec.fingerprints,
		.peer_count = m->spec.fingerprint_count,
		.output = output,
		.arg = s,
		.cookie_shown = cookie_shown,
	});
	if (s->dtls == NULL) {
		count(allocation_failed_total);
		shake_destroy(s);
		return NULL;
	}
	shake_join(s);
	return s;
}

/*
 * A handshake that failed beside another one, or an association, is nobody's
 * loss; the last one tells the controller.
 */
static void shake_failed(struct shake *s, enum close_reason reason)
{
	struct leg *l = s->leg;
	char subject[SUBJECT_MAX];

	shake_end(s);
	log_warn(media_subject(l->media, subject), "handshake failed: %s", close_text(reason));
	if (l->secured == NULL && l->shake_count == 0)
		leg_failed(l, reason, NULL);
}

static void shake_look(struct shake *s)
{
	switch (dtls_state(s->dtls)) {
	case DTLS_HANDSHAKING: break;
	case DTLS_OPEN: leg_secured(s->leg, s); break;
	case DTLS_CLOSED: shake_failed(s, dtls_close_reason(s->dtls)); break;
	}
}

static void shake_feed(struct shake *s, struct span dgram)
{
	dtls_input(s->dtls, relay_of(s->leg)->now, dgram);
	shake_look(s);
}

bool shake_start_client(struct leg *l)
{
	struct shake *s = shake_create(l, &l->media->path, false);

	if (s == NULL)
		return false;
	dtls_start(s->dtls, relay_of(l)->now);
	shake_look(s);
	return true;
}

/* With ICE every validated path is the same peer; without, each source is on its own. */
struct shake *shake_find(const struct leg *l, const struct path *path)
{
	list_for_each (n, &l->shakes) {
		struct shake *s = container_of(n, struct shake, on_leg);

		if (l->media->ice != NULL || addr_eq(&s->path.remote, &path->remote))
			return s;
	}
	return NULL;
}

/*
 * A hello with another random is the beginning of another handshake:
 * its peer has given this one up.
 */
static bool is_of_shake(struct shake *s, struct span dgram)
{
	uint8_t random[8];

	if (s->leg->role != DTLS_SERVER || !wire_hello_random(dgram, random))
		return true;
	if (!s->has_random)
		memcpy(s->client_random, random, sizeof(random));
	s->has_random = true;
	return memcmp(random, s->client_random, sizeof(random)) == 0;
}

static bool is_late_copy(const struct leg *l, struct span dgram)
{
	uint8_t random[8];

	return l->has_random && wire_hello_random(dgram, random) &&
	       memcmp(random, l->client_random, sizeof(random)) == 0;
}

/* Enough to tell the peer from a stranger. */
static bool remote_is_told(const struct leg *l)
{
	const struct media *m = l->media;

	return m->spec.fingerprint_count > 0 &&
	       (m->ice != NULL || relay_of(l)->config.latch || addr_is_set(&m->spec.remote));
}

/*
 * The controller has not told the remote side yet: one hello waits (TS
 * 23.334 6.2.22.3 knows the race).
 */
static void keep_early(struct leg *l, const struct path *path, struct span dgram)
{
	if (wire_is_client_hello(dgram) && l->early.bytes + dgram.len > EARLY_BYTES)
		dgram_queue_finish(&l->early);
	if (dgram_queue_push(&l->early, path, dgram))
		count(dtls_early_total);
}

static void hello_accept(
	struct leg *l, const struct path *path, struct span dgram, bool cookie_shown)
{
	struct shake *s;

	if (!remote_is_told(l)) {
		keep_early(l, path, dgram);
		return;
	}
	if (is_late_copy(l, dgram))
		return; /* of the hello of the last association, whether it stands or not */
	if ((s = shake_find(l, path)) != NULL)
		shake_end(s);
	if ((s = shake_create(l, path, cookie_shown)) == NULL)
		return;
	is_of_shake(s, dgram);
	shake_feed(s, dgram);
}

static const struct dgram *first_early(const struct leg *l)
{
	return dgram_queue_is_empty(&l->early)
		       ? NULL
		       : container_of(l->early.list.next, struct dgram, on_queue);
}

static void hello_screened(struct leg *l, const struct path *path, struct span dgram)
{
	struct relay *r = relay_of(l);
	const struct dgram *early = first_early(l);
	uint8_t reply[HELLO_REPLY_MAX];
	size_t len = 0;

	switch (hello_screen(&r->hello, r->now, path, dgram, reply, &len)) {
	case HELLO_CHALLENGED: media_send(l->media, path, SPAN(reply, len)); break;
	case HELLO_PROVEN: hello_accept(l, path, dgram, true); break;
	case HELLO_LATER_PART:
		if (early != NULL && addr_eq(&early->path.remote, &path->remote))
			keep_early(l, path, dgram);
		break;
	case HELLO_NOT_ONE:
	case HELLO_MALFORMED: break;
	}
}

void shake_input(struct leg *l, const struct path *path, struct span dgram)
{
	struct shake *s = shake_find(l, path);

	if (s != NULL && is_of_shake(s, dgram)) {
		if (l->media->ice == NULL)
			s->path.local = path->local;
		shake_feed(s, dgram);
		return;
	}
	if (l->role != DTLS_SERVER) {
		count(datagrams_source_total);
		return;
	}
	/*
	 * a proved path needs no cookie; beside something that stands one shows that
	 * the hello is neither late nor made up
	 */
	if (l->media->ice != NULL && l->secured == NULL && s == NULL) {
		if (wire_is_client_hello(dgram))
			hello_accept(l, path, dgram, false);
		return;
	}
	hello_screened(l, path, dgram);
}

void shakes_replay_early(struct leg *l)
{
	struct dgram *d;

	while (remote_is_told(l) && (d = dgram_queue_pop(&l->early)) != NULL) {
		struct shake *s = shake_find(l, &d->path);
		struct span dgram = dgram_span(d);

		if (!source_is_allowed(l, &d->path))
			count(datagrams_source_total);
		else if (s != NULL && is_of_shake(s, dgram))
			shake_feed(s, dgram);
		else if (l->secured == NULL && wire_is_client_hello(dgram))
			hello_accept(l, &d->path, dgram, l->media->ice == NULL);
		dgram_free(d);
	}
}

tick_t shakes_deadline(const struct leg *l)
{
	tick_t at = TICK_NEVER;

	list_for_each (n, &l->shakes) {
		struct shake *s = container_of(n, struct shake, on_leg);

		at = tick_min(at, dtls_deadline(s->dtls));
		at = tick_min(at, tick_add(s->begun, relay_of(l)->config.handshake_us));
	}
	return at;
}

void shakes_expire(struct leg *l)
{
	tick_t now = relay_of(l)->now;
	const struct shake *secured = l->secured;

	list_for_each_safe (n, next, &l->shakes) {
		struct shake *s = container_of(n, struct shake, on_leg);

		if (tick_due(tick_add(s->begun, relay_of(l)->config.handshake_us), now)) {
			count(dtls_failed_total); /* the connection itself knows no such limit */
			shake_failed(s, CLOSE_DTLS_TIMEOUT);
		} else if (tick_due(dtls_deadline(s->dtls), now)) {
			dtls_expire(s->dtls, now);
			shake_look(s);
		}
		if (l->secured != secured || list_is_empty(&l->shakes))
			return; /* one came through or the last one failed: another list */
	}
}
