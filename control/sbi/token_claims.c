/* token_claims.c: what a genuine access token says, against who and where we are (TS 29.510). */
#include <strings.h>

#include "control/json.h"
#include "control/sbi/token.h"

#define NF_TYPE "MF"
#define SCOPE   "nmf-mrm"

/* Texts, terminated. */
static bool take_uuid(const json_t *claims, const char *name, char out[UUID_TEXT_MAX])
{
	const char *text = js_get_text(claims, name);

	if (text == NULL || !uuid_is(SPAN_STR(text)))
		return false;
	memcpy(out, text, UUID_TEXT_MAX);
	return true;
}

bool token_issuer_is_trusted(const struct tokens_config *c, const json_t *claims)
{
	char issuer[UUID_TEXT_MAX];

	if (!take_uuid(claims, "iss", issuer))
		return false;
	for (unsigned i = 0; i < c->issuer_count; i++) {
		if (strcasecmp(c->issuers[i], issuer) == 0)
			return true;
	}
	return c->issuer_count == 0;
}

/* The NF type as a text, or a list of instance ids. */
static bool is_for_us(const struct tokens_config *c, const json_t *aud)
{
	const json_t *id;
	size_t i;

	if (json_is_string(aud))
		return strcmp(json_string_value(aud), NF_TYPE) == 0 ||
		       strcasecmp(json_string_value(aud), c->nf_instance_id) == 0;
	json_array_foreach (aud, i, id) {
		if (json_is_string(id) && strcasecmp(json_string_value(id), c->nf_instance_id) == 0)
			return true;
	}
	return false;
}

static bool has_scope(const json_t *claims)
{
	struct span rest = SPAN_STR(js_get_text(claims, "scope"));

	while (rest.len > 0) {
		if (span_eq(span_cut(&rest, ' '), SPAN_LIT(SCOPE)))
			return true;
	}
	return false;
}

/* Why the token is not good at this moment; NULL: it is. */
static const char *check_times(
	const struct tokens_config *c, int64_t now_s, const json_t *claims, int64_t *expires_s)
{
	static const struct {
		const char *name, *why;
	} begins[] = {
		{ "nbf", "the token is not valid yet" },
		{ "iat", "the token was issued in the future" },
	};
	const json_t *exp = json_object_get(claims, "exp");

	if (!json_is_integer(exp))
		return "the token does not say when it expires";
	*expires_s = json_integer_value(exp);
	if (now_s - c->skew_s >= *expires_s)
		return "the token has expired";
	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++) {
		const json_t *begin = json_object_get(claims, begins[i].name);

		if (begin != NULL && !json_is_integer(begin))
			return "a time in the token is no integer";
		if (begin != NULL && json_integer_value(begin) > now_s + c->skew_s)
			return begins[i].why;
	}
	return NULL;
}

bool token_plmn_is(struct span text)
{
	if (text.len != 6 && text.len != 7)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (i == 3 ? text.p[i] != '-' : text.p[i] < '0' || text.p[i] > '9')
			return false;
	}
	return true;
}

static bool is_our_plmn(const struct tokens_config *c, const json_t *plmn)
{
	const char *mcc = js_get_text(plmn, "mcc"), *mnc = js_get_text(plmn, "mnc");

	return c->plmn[0] != '\0' && mcc != NULL && mnc != NULL && strlen(mcc) == 3 &&
	       strncmp(c->plmn, mcc, 3) == 0 && strcmp(c->plmn + 4, mnc) == 0;
}

/*
 * Which producers the token is for, where it says so. We have no slices of our own, so one that is
 * for producers of a slice is for us, too.
 */
static const char *check_producer(const struct tokens_config *c, const json_t *claims)
{
	const json_t *plmn = json_object_get(claims, "producerPlmnId"),
		     *set = json_object_get(claims, "producerNfSetId");

	if (plmn != NULL && !is_our_plmn(c, plmn))
		return "the token is for producers of another PLMN";
	if (json_object_get(claims, "producerSnpnId") != NULL)
		return "the token is for producers of a private network";
	if (set != NULL && (!json_is_string(set) || c->nf_set_id[0] == '\0' ||
				   strcmp(json_string_value(set), c->nf_set_id) != 0))
		return "the token is for producers of another NF set";
	if (json_object_get(claims, "producerNfServiceSetId") != NULL)
		return "the token is for producers of another NF service set";
	return NULL;
}

enum token_answer token_claims_check(const struct tokens_config *c, int64_t now_s,
	const json_t *claims, struct token_claims *out, const char **why)
{
	*why = "the token names no consumer";
	if (!take_uuid(claims, "sub", out->subject))
		return TOKEN_INVALID;
	*why = "the token is for another audience";
	if (!is_for_us(c, json_object_get(claims, "aud")))
		return TOKEN_INVALID;
	if ((*why = check_times(c, now_s, claims, &out->expires_s)) != NULL ||
		(*why = check_producer(c, claims)) != NULL)
		return TOKEN_INVALID;
	*why = "the token's scope is not " SCOPE;
	if (!has_scope(claims))
		return TOKEN_SCOPE;
	*why = NULL;
	return TOKEN_GOOD;
}
