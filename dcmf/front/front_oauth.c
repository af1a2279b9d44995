/*
 * front_oauth.c: access tokens at the door of Nmf_MRM: the keys they are checked by, from a file
 * or from an NRF, and what a request is told.
 */
#include <ctype.h>
#include <stdio.h>
#include <time.h>

#include "control/sbi/nrf.h"
#include "control/sbi/token.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "dcmf/front/front_parts.h"

static int64_t wall_s(void)
{
	return (int64_t)time(NULL);
}

struct token_keys *oauth_keys_load(
	const char *path, unsigned *passed_over, char error[CONFIG_ERROR_MAX])
{
	char why[160];
	char *text = config_read_file(path, error);
	struct token_keys *keys;

	if (text == NULL)
		return NULL;
	keys = token_keys_read(SPAN_STR(text), passed_over, why);
	mem_wipe(text, strlen(text)); /* a private key may have been put there by mistake */
	mem_free(text);
	if (keys == NULL)
		snprintf(error, CONFIG_ERROR_MAX, "%.300s: %s", path, why);
	return keys;
}

/* As the configuration is now. NULL: `error` says why. */
static struct tokens *make(const struct front *f, char error[CONFIG_ERROR_MAX])
{
	const struct config *c = &f->config;
	struct tokens *tokens = tokens_create(&(struct tokens_config){
		.nf_instance_id = f->nf_instance_id,
		.issuers = (const char *const *)c->sbi.oauth2.issuers.text,
		.issuer_count = c->sbi.oauth2.issuers.count,
		.skew_s = c->sbi.oauth2.skew / 1000000,
		.plmn = c->node.plmn,
		.nf_set_id = c->node.nf_set_id,
		.can_ask = c->sbi.oauth2.keys[0] == '\0',
	});
	unsigned passed_over = 0;
	struct token_keys *keys;

	if (tokens == NULL) {
		snprintf(error, CONFIG_ERROR_MAX, "out of memory");
		return NULL;
	}
	if (c->sbi.oauth2.keys[0] == '\0')
		return tokens;
	if ((keys = oauth_keys_load(c->sbi.oauth2.keys, &passed_over, error)) == NULL) {
		tokens_destroy(tokens);
		return NULL;
	}
	if (passed_over > 0)
		log_warn(NULL, "sbi.oauth2.keys %s: %u keys are neither for ES256 nor for RS256",
			c->sbi.oauth2.keys, passed_over);
	tokens_use(tokens, keys);
	return tokens;
}

bool oauth_open(struct front *f, char error[CONFIG_ERROR_MAX])
{
	char why[CONFIG_ERROR_MAX];

	if (!f->config.sbi.oauth2.required)
		return true;
	if ((f->tokens = make(f, why)) != NULL)
		return true;
	snprintf(error, CONFIG_ERROR_MAX, "sbi.oauth2.keys: %.480s", why);
	return false;
}

bool oauth_reload(struct front *f)
{
	struct tokens *fresh;
	char why[CONFIG_ERROR_MAX];

	if (!f->config.sbi.oauth2.required) {
		bool was = f->tokens != NULL;

		oauth_close(f);
		return was;
	}
	if ((fresh = make(f, why)) == NULL) {
		log_error(NULL, "reload: sbi.oauth2 stays as it was: %s", why);
		return true;
	}
	tokens_destroy(f->tokens);
	f->tokens = fresh;
	log_info(NULL, "reload: sbi.oauth2 was read again; every token is verified anew");
	return true;
}

void oauth_close(struct front *f)
{
	tokens_destroy(f->tokens);
	f->tokens = NULL;
}

void oauth_learn(struct front *f, const char *issuer, const char *kid, struct public_key *key)
{
	if (f->tokens == NULL)
		public_key_finish(key);
	else if (tokens_learn(f->tokens, issuer, kid[0] != '\0' ? kid : NULL,
			 wall_s() + NRF_KEY_LIFE_S, key))
		log_info(NULL, "a key of issuer %s was told by an NRF", issuer);
	else
		count(allocation_failed_total);
}

static enum problem_kind problem_of(enum token_answer answer)
{
	switch (token_status(answer)) {
	case 401: return PROBLEM_NOT_AUTHENTICATED;
	case 403: return PROBLEM_NOT_AUTHORIZED;
	default: return PROBLEM_CONGESTION;
	}
}

void oauth_authorize(struct front *f, const struct sbi_origin *from, const struct h2_request *r,
	struct sbi_access *out)
{
	char instance[NF_INSTANCE_MAX];
	struct token_peer peer = { .is_known = from->names[0] != '\0' };
	struct token_verdict v;

	if (f->tokens == NULL)
		return;
	peer.nf_instance_id = client_nf_instance(from->names, instance) ? instance : NULL;
	tokens_check(f->tokens, wall_s(), h2_header(r, "authorization"), &peer, &v);
	if (v.wants_key)
		front_ask_key(f, v.issuer, v.kid, v.algorithm);
	if (v.answer == TOKEN_GOOD) {
		count(tokens_accepted_total);
		count_add(tokens_remembered_total, v.from_cache);
		for (size_t i = 0; i <= strlen(v.consumer); i++)
			out->identity[i] = (char)tolower((unsigned char)v.consumer[i]);
		return;
	}
	count(tokens_refused_total);
	out->refused = problem_of(v.answer);
	out->challenge = token_challenge(v.answer);
	snprintf(out->detail, sizeof(out->detail), "%s", v.why);
}
