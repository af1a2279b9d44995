/* token.c: access tokens: their form, their signature, and those that are remembered. */
#include "control/sbi/token.h"

#include <errno.h>
#include <jwt.h>
#include <strings.h>

#include "control/sbi/base64.h"
#include "control/json.h"
#include "dcmf/base/list.h"
#include "dcmf/base/map.h"
#include "dtls/digest.h"

/* Ours: nobody reads further than so many keys for one token. */
#define KEYS_TRIED_MAX 8
/* Ours: a key that was told is asked for again so long before its end. */
#define KEY_RENEWAL_S 900
/* RSA of 8192 bits. */
#define SIGNATURE_BYTES_MAX 1024

static const struct algorithm {
	const char *name;
	jwt_alg_t id;
	enum public_key_kind kind;
} algorithms[] = {
	{ "ES256", JWT_ALG_ES256, PUBLIC_KEY_EC },
	{ "RS256", JWT_ALG_RS256, PUBLIC_KEY_RSA },
};

static const struct {
	int status;
	const char *challenge;
} answers[] = {
	[TOKEN_GOOD] = { 200, NULL },
	[TOKEN_MISSING] = { 401, "Bearer scope=\"nmf-mrm\"" },
	[TOKEN_INVALID] = { 401, "Bearer error=\"invalid_token\"" },
	[TOKEN_SCOPE] = { 403, "Bearer error=\"insufficient_scope\", scope=\"nmf-mrm\"" },
	[TOKEN_KEY_UNKNOWN] = { 503, NULL },
	[TOKEN_NO_MEMORY] = { 503, NULL },
};

/* A token that was verified. Not asked again: everything but its end and who shows it. */
struct known {
	uint8_t hash[DIGEST_BYTES];
	int64_t expires_s;
	char consumer[UUID_TEXT_MAX];
	UT_hash_handle hh;
	struct list_node by_use; /* the least used first */
};

struct tokens {
	struct tokens_config config; /* its texts are ours */
	char **issuers;
	struct token_keys *keys; /* NULL: none */
	struct known *known;     /* a map */
	struct list_node by_use;
};

int token_status(enum token_answer answer)
{
	return answers[answer].status;
}

const char *token_challenge(enum token_answer answer)
{
	return answers[answer].challenge;
}

/* What is remembered */

static void forget(struct tokens *t, struct known *k)
{
	HASH_DEL(t->known, k);
	list_unlink(&k->by_use);
	mem_free(k);
}

static void forget_all(struct tokens *t)
{
	list_for_each_safe (n, tmp, &t->by_use)
		forget(t, container_of(n, struct known, by_use));
}

/* Without memory it is verified again the next time. */
static void remember(
	struct tokens *t, const uint8_t hash[DIGEST_BYTES], const struct token_claims *claims)
{
	struct known *k;

	if (HASH_COUNT(t->known) >= TOKENS_CACHED)
		forget(t, container_of(t->by_use.next, struct known, by_use));
	if ((k = mem_zalloc(sizeof(*k))) == NULL)
		return;
	memcpy(k->hash, hash, DIGEST_BYTES);
	memcpy(k->consumer, claims->subject, UUID_TEXT_MAX);
	k->expires_s = claims->expires_s;
	list_init(&k->by_use);
	HASH_ADD(hh, t->known, hash, DIGEST_BYTES, k);
	if (map_has(k))
		list_append(&t->by_use, &k->by_use);
	else
		mem_free(k);
}

static struct known *recall(struct tokens *t, int64_t now_s, const uint8_t hash[DIGEST_BYTES])
{
	struct known *k;

	HASH_FIND(hh, t->known, hash, DIGEST_BYTES, k);
	if (k == NULL)
		return NULL;
	if (now_s - t->config.skew_s < k->expires_s) {
		list_append(&t->by_use, &k->by_use);
		return k;
	}
	forget(t, k); /* the claims say why, once more */
	return NULL;
}

/* The parts of a token */

struct parts {
	json_t *header, *claims;
	const struct algorithm *algorithm;
	const char *kid; /* in the header; NULL: none */
};

static void parts_finish(struct parts *p)
{
	json_decref(p->header);
	json_decref(p->claims);
}

static enum token_answer say(struct token_verdict *v, enum token_answer answer, const char *why)
{
	v->answer = answer;
	v->why = why;
	return answer;
}

static enum token_answer read_object(struct span part, json_t **out, struct token_verdict *v)
{
	uint8_t *bytes = mem_alloc(BASE64_BYTES(part.len));
	bool no_memory = bytes == NULL, is_text;
	size_t len = 0;

	is_text = bytes != NULL && base64url_decode(part, bytes, BASE64_BYTES(part.len), &len);
	if (is_text)
		*out = js_parse(SPAN(bytes, len), &no_memory);
	mem_free(bytes);
	if (no_memory)
		return say(v, TOKEN_NO_MEMORY, "out of memory");
	if (!json_is_object(*out))
		return say(v, TOKEN_INVALID, "a part of the token is no JSON object in base64url");
	if (js_is_deeper(*out, TOKEN_DEPTH_MAX))
		return say(v, TOKEN_INVALID, "the token is nested too deep");
	return TOKEN_GOOD;
}

/* The algorithm is chosen from our list by what the header says, and never by the key. */
static enum token_answer read_header(struct parts *p, struct token_verdict *v)
{
	const char *alg = js_get_text(p->header, "alg"), *typ = js_get_text(p->header, "typ");
	const json_t *kid = json_object_get(p->header, "kid");

	for (size_t i = 0; alg != NULL && i < sizeof(algorithms) / sizeof(*algorithms); i++) {
		if (strcmp(alg, algorithms[i].name) == 0)
			p->algorithm = &algorithms[i];
	}
	if (p->algorithm == NULL)
		return say(v, TOKEN_INVALID, "the token is signed with neither ES256 nor RS256");
	if (typ != NULL && strcasecmp(typ, "JWT") != 0)
		return say(v, TOKEN_INVALID, "the token's type is not JWT");
	if (json_object_get(p->header, "crit") != NULL)
		return say(v, TOKEN_INVALID, "the token has critical header parameters");
	if (kid != NULL && (!json_is_string(kid) || json_string_length(kid) >= TOKEN_KID_MAX))
		return say(v, TOKEN_INVALID, "the token's kid is no short text");
	p->kid = json_string_value(kid);
	return TOKEN_GOOD;
}

static enum token_answer read_parts(
	const struct tokens *t, struct span token, struct parts *p, struct token_verdict *v)
{
	struct span rest = token, header = span_cut(&rest, '.'), claims = span_cut(&rest, '.');
	uint8_t signature[SIGNATURE_BYTES_MAX];
	enum token_answer answer;
	size_t len;

	if (header.len == 0 || claims.len == 0 || rest.len == 0 ||
		memchr(rest.p, '.', rest.len) != NULL)
		return say(v, TOKEN_INVALID, "the token has not three parts");
	if (!base64url_decode(rest, signature, sizeof(signature), &len))
		return say(v, TOKEN_INVALID, "the token's signature is no base64url");
	if ((answer = read_object(header, &p->header, v)) != TOKEN_GOOD ||
		(answer = read_header(p, v)) != TOKEN_GOOD ||
		(answer = read_object(claims, &p->claims, v)) != TOKEN_GOOD)
		return answer;
	if (!token_issuer_is_trusted(&t->config, p->claims))
		return say(v, TOKEN_INVALID, "the token's issuer is not trusted");
	return TOKEN_GOOD;
}

/* The signature */

/* 0: it is by that key; or errno. */
static int verify(const char *token, const struct algorithm *a, const struct public_key *key)
{
	union {
		const char *text;
		const unsigned char *bytes;
	} pem = { .text = key->pem };
	jwt_t *jwt = NULL;
	int failed = jwt_decode(&jwt, token, pem.bytes, (int)strlen(key->pem));

	if (failed == 0 && jwt_get_alg(jwt) != a->id)
		failed = EINVAL; /* it has read another header than we have */
	jwt_free(jwt);
	return failed;
}

static void want_key(const struct parts *p, struct token_verdict *v)
{
	v->wants_key = true;
	memcpy(v->issuer, js_get_text(p->claims, "iss"), UUID_TEXT_MAX);
	if (p->kid != NULL)
		memcpy(v->kid, p->kid, strlen(p->kid) + 1);
	v->algorithm = p->algorithm->name;
}

static enum token_answer ask_for_key(
	const struct tokens *t, const struct parts *p, struct token_verdict *v)
{
	if (!t->config.can_ask)
		return say(v, TOKEN_INVALID, "the key that signed the token is not known");
	want_key(p, v);
	return say(v, TOKEN_KEY_UNKNOWN, "the key that signed the token is being asked for");
}

static enum token_answer check_signature(const struct tokens *t, int64_t now_s, struct span token,
	const struct parts *p, struct token_verdict *v)
{
	const char *issuer = js_get_text(p->claims, "iss");
	const struct public_key *key = NULL;
	unsigned at = 0, tried = 0;
	int failed = EINVAL;
	char *text;

	if (t->keys == NULL ||
		token_keys_next(t->keys, now_s, p->algorithm->kind, issuer, p->kid, &at) == NULL)
		return ask_for_key(t, p, v);
	if ((text = mem_span_dup(token)) == NULL)
		return say(v, TOKEN_NO_MEMORY, "out of memory");
	at = 0;
	while (failed != 0 && failed != ENOMEM && tried++ < KEYS_TRIED_MAX &&
		(key = token_keys_next(t->keys, now_s, p->algorithm->kind, issuer, p->kid, &at)) !=
			NULL)
		failed = verify(text, p->algorithm, key);
	mem_wipe(text, token.len);
	mem_free(text);
	if (failed == ENOMEM)
		return say(v, TOKEN_NO_MEMORY, "out of memory");
	if (failed != 0)
		return say(v, TOKEN_INVALID, "the token's signature is wrong");
	/* asked for in time, no consumer has to wait for it */
	if (token_keys_until(key) - now_s < KEY_RENEWAL_S)
		want_key(p, v);
	return TOKEN_GOOD;
}

/* All of it */

static enum token_answer examine(struct tokens *t, int64_t now_s, struct span token,
	struct token_claims *claims, struct token_verdict *v)
{
	struct parts p = { .header = NULL };
	enum token_answer answer = read_parts(t, token, &p, v);
	const char *why = NULL;

	if (answer == TOKEN_GOOD)
		answer = check_signature(t, now_s, token, &p, v);
	if (answer == TOKEN_GOOD && (answer = token_claims_check(&t->config, now_s, p.claims,
					     claims, &why)) != TOKEN_GOOD)
		say(v, answer, why);
	parts_finish(&p);
	return answer;
}

/* A token is the consumer's own: whoever is on the connection must be him. */
static void check_holder(
	const struct token_peer *peer, const char *subject, struct token_verdict *v)
{
	memcpy(v->consumer, subject, UUID_TEXT_MAX);
	if (!peer->is_known ||
		(peer->nf_instance_id != NULL && strcasecmp(peer->nf_instance_id, subject) == 0)) {
		say(v, TOKEN_GOOD, NULL);
		return;
	}
	v->consumer[0] = '\0';
	say(v, TOKEN_INVALID,
		peer->nf_instance_id != NULL
			? "the token is another consumer's than the certificate"
			: "the certificate names no NF instance, so the token may be another's");
}

/* RFC 6750 2.1. False: another scheme, or nothing after it. */
static bool take_bearer(struct span authorization, struct span *token)
{
	struct span rest = span_trim(authorization), scheme = span_cut(&rest, ' ');

	*token = span_trim(rest);
	return span_eq_nocase(scheme, SPAN_LIT("Bearer")) && token->len > 0;
}

void tokens_check(struct tokens *t, int64_t now_s, struct span authorization,
	const struct token_peer *peer, struct token_verdict *out)
{
	struct token_claims claims;
	uint8_t hash[DIGEST_BYTES];
	struct known *k;
	struct span token;

	*out = (struct token_verdict){ .answer = TOKEN_MISSING };
	if (!take_bearer(authorization, &token))
		say(out, TOKEN_MISSING, "an access token is needed");
	else if (token.len > TOKEN_BYTES_MAX)
		say(out, TOKEN_INVALID, "the token is too long");
	else if (!digest_sha256(token, hash))
		say(out, TOKEN_NO_MEMORY, "out of memory");
	else if ((k = recall(t, now_s, hash)) != NULL) {
		out->from_cache = true;
		check_holder(peer, k->consumer, out);
	} else if (examine(t, now_s, token, &claims, out) == TOKEN_GOOD) {
		remember(t, hash, &claims);
		check_holder(peer, claims.subject, out);
	}
}

/* Life */

static bool copy_config(struct tokens *t, const struct tokens_config *c)
{
	t->config = *c;
	t->config.nf_instance_id = mem_strdup(c->nf_instance_id);
	t->config.plmn = mem_strdup(c->plmn);
	t->config.nf_set_id = mem_strdup(c->nf_set_id);
	t->config.issuer_count = 0;
	t->issuers = mem_zalloc((c->issuer_count + 1) * sizeof(*t->issuers));
	if (t->issuers == NULL)
		return false;
	t->config.issuers = (const char *const *)t->issuers;
	for (unsigned i = 0; i < c->issuer_count; i++) {
		if ((t->issuers[i] = mem_strdup(c->issuers[i])) == NULL)
			return false;
		t->config.issuer_count++;
	}
	return t->config.nf_instance_id != NULL && t->config.plmn != NULL &&
	       t->config.nf_set_id != NULL;
}

struct tokens *tokens_create(const struct tokens_config *config)
{
	struct tokens *t = mem_zalloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	list_init(&t->by_use);
	if (copy_config(t, config))
		return t;
	tokens_destroy(t);
	return NULL;
}

static void free_text(const char *text)
{
	mem_free((char *)(uintptr_t)text); /* ours, const for everybody else */
}

void tokens_destroy(struct tokens *t)
{
	if (t == NULL)
		return;
	forget_all(t);
	token_keys_destroy(t->keys);
	for (unsigned i = 0; t->issuers != NULL && i < t->config.issuer_count; i++)
		mem_free(t->issuers[i]);
	mem_free(t->issuers);
	free_text(t->config.nf_instance_id);
	free_text(t->config.plmn);
	free_text(t->config.nf_set_id);
	mem_free(t);
}

void tokens_use(struct tokens *t, struct token_keys *keys)
{
	forget_all(t);
	token_keys_destroy(t->keys);
	t->keys = keys;
}

bool tokens_learn(struct tokens *t, const char *issuer, const char *kid, int64_t until_s,
	struct public_key *key)
{
	if (t->keys == NULL && (t->keys = token_keys_create()) == NULL) {
		public_key_finish(key);
		return false;
	}
	return token_keys_learn(t->keys, issuer, kid, until_s, key);
}
