/* nrf_parts.h: what the nrf*.c files share; nobody else includes it. */
#pragma once

#include <jansson.h>

#include "control/sbi/nrf.h"

/* Ours: consumers' tokens come from a handful of NRFs. */
#define NRF_ASKS_MAX 16

enum nrf_work { NRF_NOTHING, NRF_PUT, NRF_PATCH, NRF_DELETE, NRF_TOKEN };

/* One NRF and our standing with it. */
struct nrf_peer {
	char *root;  /* as configured, without a slash at its end */
	char *moved; /* where a redirect has led; NULL: nowhere */
	unsigned redirects;
	bool knows_us;
	enum nrf_work work; /* under way */
	uint64_t id;        /* of its request */
	tick_t due;         /* of the next; TICK_NEVER: there is none */
	unsigned failures;  /* since the last success */
	int64_t heartbeat_s;
	bool wants_token;
	bool token_is_new; /* no request has succeeded with it yet */
	char *token;       /* a secret; NULL: none */
	tick_t token_until;
};

enum ask_state { ASK_FREE, ASK_WAITING, ASK_SENT, ASK_ANSWERED, ASK_REFUSED };

/* One key that we want. */
struct nrf_ask {
	enum ask_state state;
	struct nrf_key key;
	const char *algorithm; /* static */
	unsigned peer;         /* the one to ask, or that is being asked */
	unsigned left;         /* to ask, that one included */
	uint64_t id;
	tick_t until; /* of ASK_REFUSED */
};

struct nrf {
	struct nrf_profile profile; /* its texts are ours */
	char started[32];           /* as the NRF is told */
	unsigned load;
	bool wants_in;
	uint64_t last_id;
	struct nrf_peer peer[NRF_ROOTS_MAX];
	unsigned count;
	struct nrf_ask ask[NRF_ASKS_MAX];
	/* of the request that was handed out last */
	char *url, *body, *authorization;
};

/* nrf.c */
/* The request whose body is in n->body. False: out of memory. */
bool nrf_hand_out(struct nrf *n, unsigned peer, const char *path, const char *resource,
	struct nrf_request *out);
void nrf_drop_request(struct nrf *n); /* of the texts that were handed out */

/* nrf_ask.c */
bool nrf_next_ask(struct nrf *n, struct nrf_request *out);
void nrf_ask_reply(struct nrf *n, tick_t now, uint64_t id, const struct nrf_reply *reply);

/* nrf_profile.c: bodies, mem_alloc'ed; NULL: out of memory */
char *nrf_profile_text(const struct nrf *n);
char *nrf_heartbeat_text(const struct nrf *n);
char *nrf_token_text(const struct nrf *n);
char *nrf_key_text(const struct nrf_ask *ask);
/* Member heartBeatTimer of a profile; `absent` where there is none that makes sense. */
int64_t nrf_heartbeat_of(struct span body, int64_t absent);
/* The token of an answer, mem_alloc'ed, and its life. NULL: there is none in it. */
char *nrf_token_of(struct span body, int64_t *life_s);
/* The word of an AccessTokenErr, where it is one of RFC 6749; else "". */
const char *nrf_token_error(struct span body);

/* nrf_key.c */
/* False: the answer holds none that we can use. */
bool nrf_key_of(struct span content_type, struct span body, struct public_key *out);
