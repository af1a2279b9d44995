/* token_keys.c: the keys that access tokens are signed with. */
#include "control/sbi/token_keys.h"

#include <stdio.h>
#include <strings.h>

#include "control/sbi/base64.h"
#include "control/json.h"
#include "dcmf/base/alloc.h"

/* Of a number in a JWK: RSA of 8192 bits. */
#define NUMBER_BYTES_MAX 1024

struct token_key {
	char *issuer; /* NULL: any that is trusted */
	char *kid;    /* NULL: none */
	int64_t until_s;
	struct public_key key;
};

struct token_keys {
	struct token_key key[TOKEN_KEYS_MAX];
	unsigned count;
};

static void key_finish(struct token_key *k)
{
	mem_free(k->issuer);
	mem_free(k->kid);
	public_key_finish(&k->key);
	*k = (struct token_key){ .issuer = NULL };
}

struct token_keys *token_keys_create(void)
{
	return mem_zalloc(sizeof(struct token_keys));
}

void token_keys_destroy(struct token_keys *keys)
{
	if (keys == NULL)
		return;
	for (unsigned i = 0; i < keys->count; i++)
		key_finish(&keys->key[i]);
	mem_free(keys);
}

unsigned token_keys_count(const struct token_keys *keys)
{
	return keys->count;
}

/* JWKS */

/* A number of a JWK. False: absent, no text, no base64url, too long. */
static bool read_number(
	const json_t *jwk, const char *name, uint8_t buf[NUMBER_BYTES_MAX], struct span *out)
{
	const char *text = js_get_text(jwk, name);
	size_t len;

	if (text == NULL || !base64url_decode(SPAN_STR(text), buf, NUMBER_BYTES_MAX, &len))
		return false;
	*out = SPAN(buf, len);
	return true;
}

static bool verifies(const json_t *operations)
{
	size_t i;
	const json_t *word;

	if (operations == NULL)
		return true;
	json_array_foreach (operations, i, word) {
		if (json_is_string(word) && strcmp(json_string_value(word), "verify") == 0)
			return true;
	}
	return false;
}

/* What a JWK says it is for (RFC 7517 4.2 to 4.4). */
static bool is_for_tokens(const json_t *jwk, const char *algorithm)
{
	const char *use = js_get_text(jwk, "use"), *alg = js_get_text(jwk, "alg");

	return (use == NULL || strcmp(use, "sig") == 0) &&
	       (alg == NULL || strcmp(alg, algorithm) == 0) &&
	       verifies(json_object_get(jwk, "key_ops"));
}

/* False: it is none that we can use; `*why` says why. */
static bool read_jwk(const json_t *jwk, struct public_key *out, const char **why)
{
	const char *kty = js_get_text(jwk, "kty"), *curve = js_get_text(jwk, "crv"),
		   *kid = js_get_text(jwk, "kid");
	uint8_t buf[2][NUMBER_BYTES_MAX];
	struct span a, b;

	*why = "a key is neither EC P-256 for ES256 nor RSA for RS256";
	if (kty == NULL || (kid != NULL && strlen(kid) >= TOKEN_KID_MAX))
		return false;
	if (strcmp(kty, "EC") == 0 && curve != NULL && strcmp(curve, "P-256") == 0 &&
		is_for_tokens(jwk, "ES256"))
		return read_number(jwk, "x", buf[0], &a) && read_number(jwk, "y", buf[1], &b) &&
		       public_key_from_ec(a, b, out, why);
	if (strcmp(kty, "RSA") == 0 && is_for_tokens(jwk, "RS256"))
		return read_number(jwk, "n", buf[0], &a) && read_number(jwk, "e", buf[1], &b) &&
		       public_key_from_rsa(a, b, out, why);
	return false;
}

/* Takes the key over. */
static bool add(struct token_keys *keys, const char *kid, struct public_key *key)
{
	struct token_key *k = &keys->key[keys->count];

	*k = (struct token_key){ .kid = mem_strdup(kid), .until_s = INT64_MAX, .key = *key };
	if (kid != NULL && k->kid == NULL) {
		key_finish(k);
		return false;
	}
	keys->count++;
	return true;
}

/* `*why` is there when nothing was added. */
static bool add_jwk(struct token_keys *keys, const json_t *jwk, const char **why)
{
	struct public_key key;

	if (keys->count >= TOKEN_KEYS_MAX) {
		*why = "more keys than we keep";
		return false;
	}
	if (!read_jwk(jwk, &key, why))
		return false;
	*why = "out of memory";
	return add(keys, js_get_text(jwk, "kid"), &key);
}

static bool read_jwks(
	struct token_keys *keys, const json_t *root, unsigned *passed_over, const char **why)
{
	const json_t *list = json_object_get(root, "keys"), *jwk;
	size_t i;

	*why = "neither a JWKS nor a JWK";
	if (list == NULL)
		return add_jwk(keys, root, why);
	json_array_foreach (list, i, jwk) {
		if (!add_jwk(keys, jwk, why))
			++*passed_over;
	}
	return keys->count > 0;
}

/* PEM */

static bool read_pem(struct token_keys *keys, struct span text, const char **why)
{
	struct public_key key;

	while (public_key_from_pem(&text, &key, why)) {
		if (keys->count >= TOKEN_KEYS_MAX) {
			public_key_finish(&key);
			*why = "more keys than we keep";
			return false;
		}
		add(keys, NULL, &key); /* without a kid there is nothing to run out of memory */
	}
	if (*why == NULL && keys->count == 0)
		*why = "neither JSON nor a PEM block CERTIFICATE or PUBLIC KEY in it";
	return *why == NULL;
}

struct token_keys *token_keys_read(struct span text, unsigned *passed_over, char why[160])
{
	struct token_keys *keys = token_keys_create();
	bool no_memory = keys == NULL, ok = false;
	const char *words = "out of memory";
	json_t *root = NULL;

	*passed_over = 0;
	text = span_trim(text);
	if (keys != NULL && text.len > 0 && text.p[0] == '{') {
		root = js_parse(text, &no_memory);
		if (root == NULL)
			words = no_memory ? "out of memory" : "it is no JSON";
		else if (js_is_deeper(root, JS_DEPTH_MAX))
			words = "it is nested too deep";
		else
			ok = read_jwks(keys, root, passed_over, &words);
		json_decref(root);
	} else if (keys != NULL) {
		ok = read_pem(keys, text, &words);
	}
	if (ok)
		return keys;
	snprintf(why, 160, "%s", words);
	token_keys_destroy(keys);
	return NULL;
}

/* Keys of an NRF */

static bool same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The place of what was told before, a free one, or that of the one that ends first. */
static struct token_key *place_for(struct token_keys *keys, const char *issuer, const char *kid)
{
	struct token_key *first = &keys->key[0];

	for (unsigned i = 0; i < keys->count; i++) {
		struct token_key *k = &keys->key[i];

		if (k->issuer != NULL && strcasecmp(k->issuer, issuer) == 0 && same(k->kid, kid))
			return k;
		if (k->until_s < first->until_s)
			first = k;
	}
	return keys->count < TOKEN_KEYS_MAX ? &keys->key[keys->count++] : first;
}

bool token_keys_learn(struct token_keys *keys, const char *issuer, const char *kid, int64_t until_s,
	struct public_key *key)
{
	struct token_key fresh = { mem_strdup(issuer), mem_strdup(kid), until_s, *key };
	struct token_key *at;

	*key = (struct public_key){ .pem = NULL };
	if (fresh.issuer == NULL || (kid != NULL && fresh.kid == NULL)) {
		key_finish(&fresh);
		return false;
	}
	at = place_for(keys, issuer, kid);
	key_finish(at);
	*at = fresh;
	return true;
}

/*
 * What an issuer told us is for that kid alone, what stands in a file for those that do not
 * contradict.
 */
static bool is_for(const struct token_key *k, const char *issuer, const char *kid)
{
	if (k->issuer != NULL)
		return strcasecmp(k->issuer, issuer) == 0 && same(k->kid, kid);
	return k->kid == NULL || kid == NULL || strcmp(k->kid, kid) == 0;
}

const struct public_key *token_keys_next(const struct token_keys *keys, int64_t now_s,
	enum public_key_kind kind, const char *issuer, const char *kid, unsigned *at)
{
	while (*at < keys->count) {
		const struct token_key *k = &keys->key[(*at)++];

		if (k->key.kind == kind && now_s < k->until_s && is_for(k, issuer, kid))
			return &k->key;
	}
	return NULL;
}

int64_t token_keys_until(const struct public_key *key)
{
	const char *at = (const char *)key - offsetof(struct token_key, key);

	return ((const struct token_key *)(const void *)at)->until_s;
}
