/* media.c: a media line: its port, its ICE side, and where its peer is. */
#include <stdio.h>

#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/base/random.h"
#include "dcmf/relay/link.h"
#include "dcmf/relay/parts.h"
#include "dcmf/relay/wire.h"

#define PATH_REST_US TICK_S(15) /* ours: three consent checks that did not come (RFC 7675 5.1) */

static struct relay *relay_of(const struct media *m)
{
	return m->relay;
}

static bool is_told(const struct media *m)
{
	return m->spec.remote_setup != SETUP_NONE || m->spec.fingerprint_count > 0;
}

/* Joined legs take opposite roles where they may, so that the ids of channels opened by DCEP never collide (RFC 8832 6). */
static enum setup opposite_of_twin(const struct media *m)
{
	return media_setup(m->twin) == SETUP_PASSIVE ? SETUP_ACTIVE : SETUP_PASSIVE;
}

static bool has_begun(const struct media *m)
{
	enum leg_state state = m->leg != NULL ? m->leg->state : LEG_WAITING;

	return state == LEG_SECURING || state == LEG_CONNECTING || state == LEG_OPEN;
}

/* What an association has become in, it stays in: the twin may change its own role meanwhile. */
static enum setup role_under_way(const struct media *m)
{
	return m->leg->role == DTLS_CLIENT ? SETUP_ACTIVE : SETUP_PASSIVE;
}

enum setup media_setup(const struct media *m)
{
	bool joined = m->twin != NULL && is_told(m->twin);

	switch (m->spec.remote_setup) {
	case SETUP_ACTIVE: return SETUP_PASSIVE;
	case SETUP_PASSIVE: return SETUP_ACTIVE;
	default: break;
	}
	if (m->spec.setup != SETUP_NONE)
		return (enum setup)m->spec.setup;
	if (is_told(m)) /* told a fingerprint but no role: as if actpass */
		return !joined || !m->is_second ? relay_of(m)->config.setup
		       : has_begun(m)           ? role_under_way(m)
						: opposite_of_twin(m);
	return joined ? opposite_of_twin(m) : SETUP_ACTPASS; /* told nothing: still free */
}

static bool refuse(struct relay_refusal *why, enum err err, const char *detail)
{
	why->err = err;
	snprintf(why->detail, sizeof(why->detail), "%s", detail ? detail : err_text(err));
	return false;
}

static void source_free(struct media *m, struct source *src)
{
	if (src == &m->first)
		m->first.media = NULL;
	else
		mem_free(src);
}

static bool source_add(struct media *m, struct source **place, const struct source_key *key,
	const struct addr *local)
{
	struct source *src = m->first.media == NULL ? &m->first : mem_alloc(sizeof(*src));

	if (src == NULL)
		return false;
	*src = (struct source){ .key = *key, .local = *local, .media = m };
	if (!sources_add(&relay_of(m)->sources, src)) {
		source_free(m, src);
		return false;
	}
	*place = src;
	return true;
}

static void source_forget(struct source **place)
{
	struct source *src = *place;

	if (src == NULL)
		return;
	sources_remove(&relay_of(src->media)->sources, src);
	source_free(src->media, src);
	*place = NULL;
}

static struct source **place_of(struct media *m, const struct source *src)
{
	for (int i = 0; i < ICE_PATHS_MAX; i++) {
		if (m->sources[i] == src)
			return &m->sources[i];
	}
	return NULL;
}

static bool is_stale(const struct source *src)
{
	const struct path path = {
		.port = src->key.port, .local = src->local, .remote = src->key.remote
	};

	return !ice_lite_knows(src->media->ice, &path);
}

/* Into the index that finds it: by user name with ICE, by the port that is its alone without. */
static bool index_add(struct media *m)
{
	struct relay *r = relay_of(m);

	if (m->ice != NULL) {
		snprintf(m->ufrag, sizeof(m->ufrag), "%s", ice_lite_ufrag(m->ice));
		HASH_ADD_STR(r->by_ufrag, ufrag, m);
		return map_has(m);
	}
	return source_add(
		m, &m->sources[0], &(struct source_key){ .port = m->at.port }, &m->at.local);
}

static void index_remove(struct media *m)
{
	struct relay *r = relay_of(m);

	if (!map_has(m))
		return;
	HASH_DEL(r->by_ufrag, m);
	m->hh.tbl = NULL;
}

static bool open_port(struct media *m, struct relay_refusal *why)
{
	struct relay *r = relay_of(m);
	bool is_found_by_ufrag = m->spec.has_ice && !m->spec.ice_checks;
	enum err err = r->config.ops->port_open(r->config.world, m->spec.interface,
		(enum addr_family)m->spec.remote.family, is_found_by_ufrag, &m->at, &m->advertise);

	return err == ERR_OK ? true : refuse(why, err, NULL);
}

/* What passes through has no end here: no leg, no DTLS, no key. */
static bool make_end(struct media *m)
{
	if (m->spec.proxy == PROXY_UDP) {
		count_add(splices, 1);
		return true;
	}
	if ((m->leg = mem_alloc(sizeof(*m->leg))) == NULL)
		return false;
	leg_init(m->leg, m);
	return true;
}

static bool make_ice(struct media *m)
{
	if (!m->spec.has_ice)
		return true;
	if (m->spec.ice_checks)
		return (m->checks = checks_create(m)) != NULL;
	return (m->ice = ice_lite_create(m->spec.ice, relay_of(m)->now)) != NULL;
}

struct media *media_create(struct relay_context *c, const char *termination_id,
	const struct media_spec *spec, struct relay_refusal *why)
{
	struct relay *r = c->relay;
	struct media *m;

	if ((m = mem_zalloc(sizeof(*m))) == NULL) {
		refuse(why, ERR_NO_MEMORY, NULL);
		return NULL;
	}
	m->relay = r;
	m->context = c;
	m->heard = r->now;
	m->consented = TICK_NEVER;
	c->media_count++;
	list_init(&m->on_dying);
	m->has_timer_room = timers_reserve(&r->timers);
	m->dtls = dtls_ctx_ref(r->config.dtls);
	random_hex(m->tls_id, TLS_ID_LEN);
	why->err = ERR_NO_MEMORY;
	why->detail[0] = '\0';
	if (!m->has_timer_room || (m->termination_id = mem_strdup(termination_id)) == NULL ||
		!media_spec_copy(&m->spec, spec) || !make_end(m) || !open_port(m, why) ||
		(spec->link != NULL && (m->link = link_create(m)) == NULL) || !make_ice(m) ||
		!index_add(m)) {
		media_destroy(m);
		return NULL;
	}
	if (!spec->has_ice && addr_is_set(&spec->remote))
		m->path = (struct path){
			.port = m->at.port, .local = m->at.local, .remote = spec->remote
		};
	return m;
}

/* A free place; what ICE has forgotten makes room. */
static struct source **free_place(struct media *m)
{
	for (int i = 0; i < ICE_PATHS_MAX; i++) {
		if (m->sources[i] != NULL && is_stale(m->sources[i]))
			source_forget(&m->sources[i]);
	}
	return place_of(m, NULL);
}

/*
 * Nobody is there any more: its call is over, or it has not been heard for so long. A neighbour who
 * can write the address of a living one, and has credentials of his own, does not get its path.
 */
static bool is_given_up(const struct source *src, tick_t now)
{
	const struct media *m = src->media;

	return is_stale(src) ||
	       (m->leg != NULL && (m->leg->state == LEG_CLOSING || m->leg->state == LEG_CLOSED)) ||
	       tick_due(tick_add(m->consented, PATH_REST_US), now);
}

/* From now on datagrams over this path are this media's, whatever they are. */
static void path_learn(struct media *m, const struct path *path)
{
	const struct source_key key = { .port = path->port, .remote = path->remote };
	struct relay *r = relay_of(m);
	struct source *src = sources_find(&r->sources, &key), **place;

	if (src != NULL && src->media == m) {
		src->local = path->local;
		return;
	}
	if (src != NULL && !is_given_up(src, r->now))
		return;
	if (src != NULL)
		source_forget(place_of(src->media, src));
	/* without room the peer's next check comes here again */
	if ((place = free_place(m)) != NULL)
		source_add(m, place, &key, &path->local);
}

/* A check was valid: which paths it proved, and which others ICE forgot for that. */
static void paths_sync(struct media *m)
{
	for (int i = 0; i < ICE_PATHS_MAX; i++) {
		if (m->sources[i] != NULL)
			m->sources[i]->is_proved = !is_stale(m->sources[i]);
	}
}

/* Neither knows the other any more. */
static void unjoin(struct media *m)
{
	if (m->twin != NULL)
		m->twin->twin = NULL;
	m->twin = NULL;
}

void media_join(struct media *first, struct media *second)
{
	unjoin(first);
	unjoin(second);
	first->twin = second;
	second->twin = first;
	first->is_second = false;
	second->is_second = true;
}

void media_destroy(struct media *m)
{
	struct relay *r;

	if (m == NULL)
		return;
	r = relay_of(m);
	if (m->leg != NULL)
		leg_finish(m->leg);
	else if (m->spec.proxy == PROXY_UDP)
		count_add(splices, -1);
	mem_free(m->leg);
	link_destroy(m->link);
	unjoin(m);
	for (int i = 0; i < ICE_PATHS_MAX; i++)
		source_forget(&m->sources[i]);
	index_remove(m);
	if (m->has_timer_room)
		timers_release(&r->timers);
	list_unlink(&m->on_dying);
	if (m->at.port != 0)
		r->config.ops->port_close(r->config.world, m->at.port);
	ice_lite_destroy(m->ice);
	checks_destroy(m->checks);
	dtls_ctx_unref(m->dtls);
	media_spec_finish(&m->spec);
	mem_free(m->upstream_protection);
	mem_free(m->termination_id);
	m->context->media_count--;
	mem_free(m);
}

void media_close(struct media *m, enum close_reason reason)
{
	if (m->leg != NULL)
		leg_close(m->leg, reason);
	unjoin(m);
}

bool media_is_done(const struct media *m)
{
	return m->leg == NULL || m->leg->state != LEG_CLOSING;
}

const char *media_ufrag(const struct media *m)
{
	if (m->checks != NULL)
		return checks_own(m->checks)->ufrag;
	return m->ice != NULL ? ice_lite_ufrag(m->ice) : NULL;
}

const char *media_pwd(const struct media *m)
{
	if (m->checks != NULL)
		return checks_own(m->checks)->pwd;
	return m->ice != NULL ? ice_lite_pwd(m->ice) : NULL;
}

tick_t media_last_check(const struct media *m)
{
	if (m->checks != NULL)
		return checks_last(m->checks);
	return m->consented;
}

void media_send(struct media *m, const struct path *path, struct span dgram)
{
	media_send_train(m, path, dgram, dgram.len);
}

void media_send_train(struct media *m, const struct path *path, struct span bytes, size_t piece)
{
	const struct relay_config *config = &relay_of(m)->config;

	m->datagrams_out += train_count(bytes.len, piece);
	m->bytes_out += bytes.len;
	if (bytes.len > piece && config->ops->send_train != NULL) {
		config->ops->send_train(config->world, path, bytes, piece);
		return;
	}
	do {
		config->ops->send(config->world, path, span_first(bytes, piece));
		bytes = span_skip(bytes, piece);
	} while (bytes.len > 0);
}

static void stun_input(struct media *m, const struct path *path, struct span dgram)
{
	struct relay *r = relay_of(m);
	struct ice_reply reply = { .len = 0 };
	enum ice_verdict verdict;

	if (m->checks != NULL) {
		checks_input(m->checks, path, dgram);
		return;
	}
	if (m->ice == NULL) {
		count(datagrams_other_total);
		return;
	}
	verdict = ice_lite_input(m->ice, r->stun, r->now, path, dgram, &reply);
	if (reply.len > 0)
		media_send(m, path, SPAN(reply.bytes, reply.len));
	if (verdict != ICE_CHECKED && verdict != ICE_SELECTED)
		return;
	m->consented = ice_lite_last_check(m->ice);
	path_learn(m, path);
	paths_sync(m);
	if (!path_eq(&m->path, ice_lite_path(m->ice))) {
		char subject[SUBJECT_MAX];

		m->path = *ice_lite_path(m->ice);
		log_debug(media_subject(m, subject), "path %s",
			verdict == ICE_SELECTED ? "selected" : "checked");
	}
	media_go(m);
}

void media_go(struct media *m)
{
	if (m->checks != NULL && !m->context->deleted)
		checks_go(m->checks);
	if (m->leg != NULL)
		leg_go(m->leg);
}

/* May what comes over this path be the peer's? With ICE only once a check proved it. */
static bool believes(const struct media *m, const struct source *source, const struct path *path)
{
	if (m->ice == NULL ||
		(source != NULL && source->is_proved && addr_eq(&source->local, &path->local)))
		return true;
	return ice_lite_knows(m->ice, path);
}

static void take_dtls(struct media *m, const struct source *source, const struct path *path,
	struct span row, size_t piece)
{
	if (!believes(m, source, path)) {
		count_add(datagrams_source_total, train_count(row.len, piece));
		return;
	}
	if (m->leg == NULL) {
		splice_input(m, path, row, piece);
		return;
	}
	for (; row.len > 0; row = span_skip(row, piece))
		leg_input(m->leg, path, span_first(row, piece));
}

void media_input(struct media *m, const struct source *source, const struct path *path,
	struct span row, size_t piece)
{
	m->heard = relay_of(m)->now;
	m->datagrams_in += train_count(row.len, piece);
	m->bytes_in += row.len;
	switch (wire_kind(row)) {
	case WIRE_STUN: stun_input(m, path, row); return;
	case WIRE_DTLS: take_dtls(m, source, path, row, piece); return;
	default: count(datagrams_other_total); return;
	}
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_fingerprints(const struct media_spec *a, const struct media_spec *b)
{
	if (a->fingerprint_count != b->fingerprint_count)
		return false;
	for (unsigned i = 0; i < a->fingerprint_count; i++) {
		bool found = false;

		for (unsigned k = 0; k < b->fingerprint_count; k++)
			found |= fingerprint_eq(&a->fingerprints[i], &b->fingerprints[k]);
		if (!found)
			return false;
	}
	return true;
}

/* RFC 8842 4: a new tls-id, other fingerprints or another role ask for a new DTLS association. */
static bool asks_for_new_association(
	const struct media *m, const struct media_spec *old, enum setup old_setup)
{
	if (old->fingerprint_count == 0)
		return false; /* nothing was agreed yet */
	return !same_fingerprints(old, &m->spec) ||
	       !same_text(old->remote_tls_id, m->spec.remote_tls_id) ||
	       old->remote_sctp_port != m->spec.remote_sctp_port || media_setup(m) != old_setup;
}

static bool ice_changed(const struct media_spec *old, const struct media_spec *now)
{
	if (old->ice == NULL || now->ice == NULL)
		return false;
	return !same_text(old->ice->ufrag, now->ice->ufrag) ||
	       !same_text(old->ice->pwd, now->ice->pwd);
}

static void apply_checks(struct media *m, const struct media_spec *old)
{
	bool anew = m->spec.ice_restart && !old->ice_restart;

	if (anew || ice_changed(old, &m->spec) || !addr_eq(&old->remote, &m->spec.remote))
		checks_restart(m->checks, anew);
}

static void apply_ice(struct media *m, const struct media_spec *old)
{
	if (m->checks != NULL)
		apply_checks(m, old);
	if (m->ice == NULL || m->spec.ice == NULL)
		return;
	if (ice_changed(old, &m->spec) || (m->spec.ice_restart && !old->ice_restart)) {
		index_remove(m);
		ice_lite_restart(m->ice);
	}
	if (!map_has(m) && !index_add(m))
		count(allocation_failed_total); /* proved paths go on; the next update tries */
	if (!ice_lite_set_remote(m->ice, m->spec.ice)) {
		count(allocation_failed_total);
		ice_lite_set_remote(m->ice, NULL); /* our own half and the password guard it */
	}
}

static void apply_remote(struct media *m, const struct media_spec *old)
{
	if (m->ice != NULL || m->checks != NULL || addr_eq(&old->remote, &m->spec.remote))
		return;
	m->path =
		(struct path){ .port = m->at.port, .local = m->at.local, .remote = m->spec.remote };
	if (!addr_is_set(&m->spec.remote))
		m->path = (struct path){ 0 };
	if (m->leg == NULL)
		return;
	if (m->leg->secured != NULL && addr_is_set(&m->spec.remote))
		m->leg->secured->path = m->path; /* moves with its peer (RFC 8842 4) */
	shakes_move(m->leg);
}

void media_apply(struct media *m, struct media_spec *spec)
{
	struct media_spec old = m->spec;
	enum setup old_setup = media_setup(m);

	m->spec = *spec;
	*spec = (struct media_spec){ 0 };
	apply_ice(m, &old);
	apply_remote(m, &old);
	if (m->leg != NULL && asks_for_new_association(m, &old, old_setup)) {
		leg_restart(m->leg);
		random_hex(m->tls_id, TLS_ID_LEN); /* RFC 8842 5.3 */
	} else if (m->leg != NULL) {
		leg_sync_streams(m->leg, &old);
		leg_revive(m->leg);
	}
	if (m->link != NULL)
		link_apply(m->link, old.link);
	media_spec_finish(&old);
}
