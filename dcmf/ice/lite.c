/* lite.c: the ICE Lite side of a media: answers checks, remembers which paths are proved. */
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/random.h"
#include "dcmf/ice/stun.h"

/* Credentials of ours. An empty ufrag: none. */
struct secret {
	char ufrag[ICE_UFRAG_LEN + 1];
	char pwd[ICE_PWD_LEN + 1];
};

/* A path over which a valid check came. */
struct seen {
	struct path path;
	tick_t checked;
	bool before_restart; /* proved with the previous credentials only */
};

struct ice_lite {
	struct secret now, previous;
	char *remote_ufrag; /* NULL: not known yet. Their password is for those who send checks */
	struct seen seen[ICE_PATHS_MAX];
	size_t count;
	struct seen *selected, *latest; /* into seen[], or NULL */
	tick_t last_check;
};

static void make_secret(struct secret *s)
{
	random_token(s->ufrag, ICE_UFRAG_LEN);
	random_token(s->pwd, ICE_PWD_LEN);
}

struct ice_lite *ice_lite_create(const struct ice_credentials *remote, tick_t now)
{
	struct ice_lite *ice = mem_zalloc(sizeof(*ice));

	if (ice == NULL)
		return NULL;
	make_secret(&ice->now);
	ice->last_check = TICK_NEVER;
	if (!ice_lite_set_remote(ice, remote)) {
		ice_lite_destroy(ice);
		return NULL;
	}
	return ice;
}

void ice_lite_destroy(struct ice_lite *ice)
{
	if (ice == NULL)
		return;
	mem_free(ice->remote_ufrag);
	mem_wipe(&ice->now, sizeof(ice->now));
	mem_wipe(&ice->previous, sizeof(ice->previous));
	mem_free(ice);
}

const char *ice_lite_ufrag(const struct ice_lite *ice)
{
	return ice->now.ufrag;
}

const char *ice_lite_pwd(const struct ice_lite *ice)
{
	return ice->now.pwd;
}

bool ice_lite_set_remote(struct ice_lite *ice, const struct ice_credentials *remote)
{
	char *ufrag = NULL;

	if (remote != NULL && remote->ufrag[0] != '\0' &&
		(ufrag = mem_strdup(remote->ufrag)) == NULL)
		return false;
	mem_free(ice->remote_ufrag);
	ice->remote_ufrag = ufrag;
	return true;
}

void ice_lite_restart(struct ice_lite *ice)
{
	ice->previous = ice->now;
	make_secret(&ice->now);
	for (size_t i = 0; i < ice->count; i++)
		ice->seen[i].before_restart = true;
	count(ice_restarts_total);
}

static bool is_now(const struct ice_lite *ice, struct span receiver)
{
	return span_eq(receiver, SPAN_STR(ice->now.ufrag));
}

static const char *password(void *arg, struct span receiver, struct span sender)
{
	const struct ice_lite *ice = arg;

	if (is_now(ice, receiver)) {
		bool fits =
			ice->remote_ufrag == NULL || span_eq(sender, SPAN_STR(ice->remote_ufrag));

		return fits ? ice->now.pwd : NULL;
	}
	/* RFC 8445 7.3 asks for our half only; the other half of before the restart is forgotten */
	if (ice->previous.ufrag[0] != '\0' && span_eq(receiver, SPAN_STR(ice->previous.ufrag)))
		return ice->previous.pwd;
	return NULL;
}

/* Place in seen[]; `count` when it is not there. */
static size_t find(const struct ice_lite *ice, const struct path *path)
{
	size_t i = 0;

	while (i < ice->count && !path_eq(&ice->seen[i].path, path))
		i++;
	return i;
}

/*
 * A place for one more path: a free one, or that of the path longest
 * unchecked that is not selected.
 */
static struct seen *make_place(struct ice_lite *ice)
{
	struct seen *oldest = NULL;

	if (ice->count < ICE_PATHS_MAX)
		return &ice->seen[ice->count++];
	for (struct seen *s = ice->seen; s < ice->seen + ICE_PATHS_MAX; s++) {
		if (s != ice->selected &&
			(oldest == NULL || tick_before(s->checked, oldest->checked)))
			oldest = s;
	}
	return oldest;
}

static struct seen *remember(
	struct ice_lite *ice, const struct path *path, tick_t now, bool is_previous)
{
	size_t i = find(ice, path);
	struct seen *s = i < ice->count ? &ice->seen[i] : NULL;

	if (s == NULL) {
		s = make_place(ice);
		*s = (struct seen){ .path = *path, .before_restart = is_previous };
	}
	s->checked = now;
	s->before_restart = s->before_restart && is_previous;
	ice->last_check = now;
	ice->latest = s;
	return s;
}

/*
 * The restart is complete: what was proved with the previous credentials only is forgotten, and
 * they are too.
 */
static void forget_previous(struct ice_lite *ice)
{
	struct seen selected = *ice->selected;
	size_t kept = 0;

	mem_wipe(&ice->previous, sizeof(ice->previous));
	for (size_t i = 0; i < ice->count; i++) {
		if (!ice->seen[i].before_restart)
			ice->seen[kept++] = ice->seen[i];
	}
	ice->count = kept;
	ice->selected = ice->latest = &ice->seen[find(ice, &selected.path)];
}

static void select_path(struct ice_lite *ice, struct seen *s, bool is_previous)
{
	if (ice->selected != s)
		count(ice_nominated_total);
	ice->selected = s;
	if (!is_previous && ice->previous.ufrag[0] != '\0')
		forget_previous(ice);
}

static enum ice_verdict take_check(struct ice_lite *ice, struct stun_codec *codec, tick_t now,
	const struct path *from, const struct stun_shape *shape, const struct stun_request *req,
	struct ice_reply *reply)
{
	struct span receiver = SPAN_NONE, sender;
	struct seen *s;
	bool is_previous;

	/* RFC 8445 7.3.1.1: a lite agent stays controlled, so it is the peer that changes */
	if (req->role == STUN_ROLE_CONTROLLED) {
		count(ice_refused_total);
		stun_refuse(codec, req, STUN_ERROR_ROLE_CONFLICT, reply);
		return ICE_UNAUTHORIZED;
	}
	count(ice_checks_total);
	stun_split_user(shape->user, &receiver, &sender);
	is_previous = !is_now(ice, receiver);
	s = remember(ice, from, now, is_previous);
	stun_answer(codec, req, &from->remote, reply);
	if (!req->use_candidate)
		return ICE_CHECKED;
	select_path(ice, s, is_previous);
	return ICE_SELECTED;
}

enum ice_verdict ice_lite_input(struct ice_lite *ice, struct stun_codec *codec, tick_t now,
	const struct path *from, struct span dgram, struct ice_reply *reply)
{
	struct stun_shape shape;
	struct stun_request req;

	reply->len = 0;
	if (!stun_shape(dgram, &shape)) {
		count(ice_malformed_total);
		return ICE_MALFORMED;
	}
	if (shape.type == STUN_TYPE_INDICATION)
		return ICE_MALFORMED; /* a keepalive (RFC 8445 11) asks for nothing */
	if (shape.type != STUN_TYPE_REQUEST) {
		count(ice_malformed_total); /* a response to nothing we sent, or another method */
		return ICE_MALFORMED;
	}
	switch (stun_prove_request(codec, dgram, &shape, password, ice, &req, reply)) {
	case STUN_BROKEN: break;
	case STUN_STRANGER: count(ice_unauthorized_total); return ICE_UNAUTHORIZED;
	case STUN_UNKNOWN: count(ice_refused_total); return ICE_UNAUTHORIZED;
	case STUN_PROVED: return take_check(ice, codec, now, from, &shape, &req, reply);
	}
	count(ice_malformed_total);
	return ICE_MALFORMED;
}

bool ice_lite_knows(const struct ice_lite *ice, const struct path *path)
{
	return find(ice, path) < ice->count;
}

const struct path *ice_lite_path(const struct ice_lite *ice)
{
	const struct seen *s = ice->selected ? ice->selected : ice->latest;

	return s ? &s->path : NULL;
}

tick_t ice_lite_last_check(const struct ice_lite *ice)
{
	return ice->last_check;
}
