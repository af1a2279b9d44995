/* checker.c: a small controlling ICE agent with one remote candidate. */
#include "dcmf/ice/checker.h"

#include "dcmf/base/alloc.h"
#include "dcmf/base/random.h"
#include "dcmf/ice/stun.h"

enum {
	RTO_MS = 500,        /* RFC 8445 14.3: at least 500 ms, and doubled each time */
	RC = 7,              /* RFC 8489 6.2.1: requests in all, */
	RM = 16,             /* and this many RTOs of waiting after the last */
	CONSENT_MS = 5000,   /* RFC 7675 5.1: a check every 5 s, times 0.8 to 1.2 */
	CONSENT_LOST_S = 30, /* RFC 7675 5.1 */
	ID_BYTES = 16,
	PENDING_MAX = 8, /* checks that may still be answered: 30 s, one every 4 s at most */
};

struct ice_checker {
	char *user; /* "theirs:ours", as we send it */
	char *our_ufrag, *our_pwd, *their_pwd;
	enum ice_checker_state state;

	/* checking: one request, sent again and again */
	uint8_t check[ICE_REPLY_MAX];
	size_t check_len;
	unsigned sent;

	uint8_t pending[PENDING_MAX][ID_BYTES]; /* a ring; all zero: none */
	size_t newest;
	tick_t next_send;
	tick_t lost_at; /* consent ends unless a response comes before; TICK_NEVER while checking */

	struct ice_reply answer; /* to a check of the peer's */
	tick_t answer_at;
};

struct ice_checker *ice_checker_create(
	const struct ice_credentials *local, const struct ice_credentials *remote, tick_t now)
{
	struct ice_checker *c = mem_zalloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	c->next_send = now;
	c->lost_at = TICK_NEVER;
	if ((c->user = mem_printf("%s:%s", remote->ufrag, local->ufrag)) == NULL ||
		(c->our_ufrag = mem_strdup(local->ufrag)) == NULL ||
		(c->our_pwd = mem_strdup(local->pwd)) == NULL ||
		(c->their_pwd = mem_strdup(remote->pwd)) == NULL) {
		ice_checker_destroy(c);
		return NULL;
	}
	return c;
}

static void free_secret(char *text)
{
	if (text != NULL)
		mem_wipe(text, strlen(text));
	mem_free(text);
}

void ice_checker_destroy(struct ice_checker *c)
{
	if (c == NULL)
		return;
	mem_free(c->user);
	mem_free(c->our_ufrag);
	free_secret(c->our_pwd);
	free_secret(c->their_pwd);
	mem_free(c);
}

enum ice_checker_state ice_checker_state(const struct ice_checker *c)
{
	return c->state;
}

tick_t ice_checker_deadline(const struct ice_checker *c)
{
	if (c->answer.len > 0)
		return c->answer_at;
	return c->state == CHECKER_FAILED ? TICK_NEVER : tick_min(c->next_send, c->lost_at);
}

tick_t ice_checker_last_response(const struct ice_checker *c)
{
	return tick_is_never(c->lost_at) ? TICK_NEVER
					 : tick_add(c->lost_at, -TICK_S(CONSENT_LOST_S));
}

static int64_t consent_interval(void)
{
	return TICK_MS(CONSENT_MS) / 10 * 8 +
	       (int64_t)(random_u64() % (TICK_MS(CONSENT_MS) / 10 * 4));
}

static bool write_check(struct ice_checker *c, struct stun_codec *codec)
{
	struct span id;

	/*
	 * the largest tie-breaker: against a full agent that controls too,
	 * it is the other that gives in
	 */
	c->check_len = stun_write_check(
		codec, c->user, c->their_pwd, UINT64_MAX, &id, c->check, sizeof(c->check));
	if (c->check_len == 0)
		return false;
	c->newest = (c->newest + 1) % PENDING_MAX;
	memcpy(c->pending[c->newest], id.p, ID_BYTES);
	return true;
}

/*
 * Prepares what is due in c->check and says when the next one will be.
 * False: nothing can be sent any more.
 */
static bool turn(struct ice_checker *c, struct stun_codec *codec, tick_t now)
{
	bool is_last = c->sent + 1 == RC;

	if (c->state == CHECKER_CONNECTED) {
		c->next_send = tick_add(now, consent_interval());
		return write_check(c, codec);
	}
	if (c->sent == RC || (c->sent == 0 && !write_check(c, codec)))
		return false;
	c->next_send = tick_add(now, TICK_MS(is_last ? RM * RTO_MS : RTO_MS << c->sent));
	c->sent++;
	return true;
}

bool ice_checker_next(
	struct ice_checker *c, struct stun_codec *codec, tick_t now, uint8_t *buf, size_t *len)
{
	if (c->answer.len > 0) {
		*len = c->answer.len;
		memcpy(buf, c->answer.bytes, *len);
		c->answer.len = 0;
		return true;
	}
	if (c->state == CHECKER_FAILED)
		return false;
	if (tick_due(c->lost_at, now))
		c->state = CHECKER_FAILED;
	else if (!tick_due(c->next_send, now))
		return false;
	else if (!turn(c, codec, now))
		c->state = CHECKER_FAILED;
	if (c->state == CHECKER_FAILED)
		return false;
	*len = c->check_len;
	memcpy(buf, c->check, *len);
	return true;
}

static const char *password(void *arg, struct span receiver, struct span sender)
{
	const struct ice_checker *c = arg;

	return span_eq(receiver, SPAN_STR(c->our_ufrag)) ? c->our_pwd : NULL;
}

static bool take_request(struct ice_checker *c, struct stun_codec *codec, tick_t now,
	const struct addr *from, struct span dgram, const struct stun_shape *shape)
{
	struct stun_request req;

	c->answer_at = now;
	if (stun_prove_request(codec, dgram, shape, password, c, &req, &c->answer) != STUN_PROVED)
		return false;
	if (req.role == STUN_ROLE_CONTROLLING)
		stun_refuse(codec, &req, STUN_ERROR_ROLE_CONFLICT, &c->answer);
	else
		stun_answer(codec, &req, from, &c->answer);
	return true;
}

/* Is it one of ours that waits? It stops waiting. */
static bool take_pending(struct ice_checker *c, struct span id)
{
	static const uint8_t none[ID_BYTES];

	for (size_t i = 0; i < PENDING_MAX; i++) {
		if (memcmp(c->pending[i], id.p, ID_BYTES) != 0)
			continue;
		memcpy(c->pending[i], none, ID_BYTES);
		return true;
	}
	return false;
}

/*
 * Error responses change nothing: most are unsigned, and a peer that does not know us yet may know
 * us by the next request. Time decides.
 */
static bool take_response(struct ice_checker *c, struct stun_codec *codec, tick_t now,
	struct span dgram, const struct stun_shape *shape)
{
	struct addr mapped;

	if (c->state == CHECKER_FAILED || !shape->has_integrity ||
		!stun_prove_response(codec, dgram, shape->id, c->their_pwd, &mapped) ||
		!take_pending(c, shape->id))
		return false;
	if (c->state == CHECKER_CHECKING) {
		c->state = CHECKER_CONNECTED;
		c->next_send = tick_add(now, consent_interval());
	}
	c->lost_at = tick_add(now, TICK_S(CONSENT_LOST_S));
	return true;
}

bool ice_checker_input(struct ice_checker *c, struct stun_codec *codec, tick_t now,
	const struct addr *from, struct span dgram)
{
	struct stun_shape shape;

	if (!stun_shape(dgram, &shape))
		return false;
	switch (shape.type) {
	case STUN_TYPE_REQUEST: return take_request(c, codec, now, from, dgram, &shape);
	case STUN_TYPE_SUCCESS: return take_response(c, codec, now, dgram, &shape);
	default: return false;
	}
}
