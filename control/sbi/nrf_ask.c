/* nrf_ask.c: the keys that NRFs are asked for, one NRF after the other. */
#include <strings.h>

#include "control/sbi/nrf_parts.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"

#define REFUSED_US TICK_S(30) /* ours: nobody knew it, nobody is asked again for so long */
/* Ours: where all places are taken, one that was refused so long ago makes room. */
#define ROOM_US  TICK_S(2)
#define KEY_PATH "/oauth2/retrieve-key"

/* The next NRF to ask after the one that did not know; false: there is none left. */
static void ask_on(struct nrf *n, struct nrf_ask *a, tick_t now)
{
	if (a->left > 1) {
		a->left--;
		a->peer = (a->peer + 1) % n->count;
		a->state = ASK_WAITING;
		return;
	}
	a->state = ASK_REFUSED;
	a->until = tick_add(now, REFUSED_US);
	log_warn(NULL, "no NRF tells the key that a token of issuer %s was signed with",
		a->key.issuer);
}

static void answered(struct nrf *n, struct nrf_ask *a, tick_t now, const struct nrf_reply *r)
{
	if (r->status == 200 && nrf_key_of(r->content_type, r->body, &a->key.key))
		a->state = ASK_ANSWERED;
	else
		ask_on(n, a, now);
}

/* Whoever makes up keys must not keep all others from theirs, nor the NRFs busy. */
static struct nrf_ask *make_room(struct nrf *n, tick_t now)
{
	struct nrf_ask *oldest = NULL;

	for (unsigned i = 0; i < NRF_ASKS_MAX; i++) {
		struct nrf_ask *a = &n->ask[i];

		if (a->state == ASK_REFUSED &&
			(oldest == NULL || tick_before(a->until, oldest->until)))
			oldest = a;
	}
	if (oldest == NULL || !tick_due(oldest->until, tick_add(now, REFUSED_US - ROOM_US)))
		return NULL;
	oldest->state = ASK_FREE;
	return oldest;
}

/* The ask for that key, or a place for one; NULL: there is none. */
static struct nrf_ask *find_ask(struct nrf *n, tick_t now, const char *issuer, const char *kid)
{
	struct nrf_ask *place = NULL;

	for (unsigned i = 0; i < NRF_ASKS_MAX; i++) {
		struct nrf_ask *a = &n->ask[i];

		if (a->state == ASK_REFUSED && tick_due(a->until, now))
			a->state = ASK_FREE;
		if (a->state == ASK_FREE)
			place = a;
		else if (strcasecmp(a->key.issuer, issuer) == 0 && strcmp(a->key.kid, kid) == 0)
			return a;
	}
	return place != NULL ? place : make_room(n, now);
}

/* One that answered last is the best to ask. */
static unsigned best_peer(const struct nrf *n)
{
	for (unsigned i = 0; i < n->count; i++) {
		if (n->peer[i].knows_us && n->peer[i].failures == 0)
			return i;
	}
	return 0;
}

void nrf_ask_key(
	struct nrf *n, tick_t now, const char *issuer, const char *kid, const char *algorithm)
{
	struct nrf_ask *a = find_ask(n, now, issuer, kid);

	if (a == NULL || a->state != ASK_FREE || n->count == 0 || strlen(issuer) >= UUID_TEXT_MAX ||
		strlen(kid) >= TOKEN_KID_MAX)
		return;
	*a = (struct nrf_ask){
		.state = ASK_WAITING,
		.algorithm = algorithm,
		.peer = best_peer(n),
		.left = n->count,
	};
	memcpy(a->key.issuer, issuer, strlen(issuer));
	memcpy(a->key.kid, kid, strlen(kid));
}

bool nrf_next_key(struct nrf *n, struct nrf_key *out)
{
	for (unsigned i = 0; i < NRF_ASKS_MAX; i++) {
		struct nrf_ask *a = &n->ask[i];

		if (a->state != ASK_ANSWERED)
			continue;
		*out = a->key;
		*a = (struct nrf_ask){ .state = ASK_FREE };
		return true;
	}
	return false;
}

static bool key_request(struct nrf *n, struct nrf_ask *a, struct nrf_request *out)
{
	*out = (struct nrf_request){ .method = "POST", .content_type = "application/json" };
	return (n->body = nrf_key_text(a)) != NULL && nrf_hand_out(n, a->peer, KEY_PATH, "", out);
}

bool nrf_next_ask(struct nrf *n, struct nrf_request *out)
{
	for (unsigned i = 0; i < NRF_ASKS_MAX; i++) {
		struct nrf_ask *a = &n->ask[i];

		if (a->state != ASK_WAITING)
			continue;
		if (key_request(n, a, out)) {
			a->state = ASK_SENT;
			a->id = out->id;
			return true;
		}
		nrf_drop_request(n);
		count(allocation_failed_total);
		a->state = ASK_FREE; /* whoever needs it asks again */
	}
	return false;
}

void nrf_ask_reply(struct nrf *n, tick_t now, uint64_t id, const struct nrf_reply *reply)
{
	for (unsigned i = 0; i < NRF_ASKS_MAX; i++) {
		if (n->ask[i].state == ASK_SENT && n->ask[i].id == id) {
			answered(n, &n->ask[i], now, reply);
			return;
		}
	}
}
