/*
 * token.h: access tokens (TS 33.501 13.4.1, TS 29.510 6.3, RFC 6750): may the one who sends this
 * request ask anything of us?
 *
 *     tokens = tokens_create(&config)
 *     tokens_use(tokens, keys)                                   again when there are others
 *     tokens_check(tokens, now_s, authorization, &peer, &verdict)
 *
 * A token is looked at from the outside inwards: three parts, an algorithm of the list (ES256,
 * RS256), an issuer of the list, a signature by a key of it (libjwt), then the claims. What has
 * been verified is remembered by its SHA-256 until it expires, in at most TOKENS_CACHED places;
 * the least used makes room. No token is ever logged, and no word of one is quoted.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "control/sbi/token_keys.h"
#include "dcmf/base/uuid.h"

/* Ours: those of NRFs are a quarter of it. */
#define TOKEN_BYTES_MAX 8192
/* Ours: the claims of TS 29.510 have three levels. */
#define TOKEN_DEPTH_MAX 8
#define TOKENS_CACHED   1024

struct tokens_config {
	const char *nf_instance_id; /* ours */
	const char *const *issuers; /* NF instance ids of NRFs */
	unsigned issuer_count;      /* 0: whoever has signed with one of the keys */
	int64_t skew_s;             /* how far clocks may be apart */
	const char *plmn;           /* ours, "262-01"; "": none is known */
	const char *nf_set_id;      /* ours; "": we are in none */
	bool can_ask;               /* a key that is not known can be asked for */
};

struct tokens;

struct tokens *tokens_create(const struct tokens_config *config); /* copied; without a key */
void tokens_destroy(struct tokens *t);                            /* NULL is fine */
/* Takes the keys over. What the old ones have verified is forgotten. */
void tokens_use(struct tokens *t, struct token_keys *keys);
/* As token_keys_learn(), for the issuer of a token whose key was not known. */
bool tokens_learn(struct tokens *t, const char *issuer, const char *kid, int64_t until_s,
	struct public_key *key);

/* Who is on the other end of the connection, by its certificate. */
struct token_peer {
	bool is_known;              /* there is TLS */
	const char *nf_instance_id; /* in the certificate; NULL: there is none in it */
};

enum token_answer {
	TOKEN_GOOD,
	TOKEN_MISSING,     /* 401 */
	TOKEN_INVALID,     /* 401 */
	TOKEN_SCOPE,       /* 403: genuine, but for something else */
	TOKEN_KEY_UNKNOWN, /* 503 */
	TOKEN_NO_MEMORY,   /* 503 */
};

struct token_verdict {
	enum token_answer answer;
	const char *why;              /* static, fit for a ProblemDetails; NULL when it is good */
	char consumer[UUID_TEXT_MAX]; /* NF instance id of the one who asks, when it is good */
	bool from_cache;
	bool wants_key; /* of TOKEN_KEY_UNKNOWN, or the key of a good one ends soon: ask for it */
	/* where a key is wanted */
	char issuer[UUID_TEXT_MAX], kid[TOKEN_KID_MAX]; /* kid "": the token has none */
	const char *algorithm;                          /* "ES256" */
};

/*
 * `authorization` is the value of the header field, p NULL: there was none; now_s the seconds
 * since the epoch.
 */
void tokens_check(struct tokens *t, int64_t now_s, struct span authorization,
	const struct token_peer *peer, struct token_verdict *out);

int token_status(enum token_answer answer); /* of HTTP; 200 when it is good */
/* The value of WWW-Authenticate; NULL: none belongs to the answer. */
const char *token_challenge(enum token_answer answer);

/* "262-01", "310-410": three digits and two or three. */
bool token_plmn_is(struct span text);

/* For token*.c and tests */

struct token_claims {
	char subject[UUID_TEXT_MAX];
	int64_t expires_s;
};

/* Is the issuer one of the list? Before anything is asked of its keys. */
bool token_issuer_is_trusted(const struct tokens_config *c, const json_t *claims);
/*
 * All that a genuine token of a trusted issuer says besides. TOKEN_GOOD, or why not; *out is whole
 * only when it is good.
 */
enum token_answer token_claims_check(const struct tokens_config *c, int64_t now_s,
	const json_t *claims, struct token_claims *out, const char **why);
