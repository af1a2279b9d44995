/*
 * sdp_dialog_stance.c: what a controller wishes of the gateway's own lines: interface, DTLS role,
 * hash, ICE.
 */
#include <stdio.h>

#include "control/sdp/sdp_dialog_parts.h"

static const char *const setups[] = { "ACTIVE", "PASSIVE", NULL };
static const char *const hashes[] = { "SHA-256", "SHA-384", "SHA-512", NULL };
static const char *const ice_words[] = { "force", "remove", NULL };

struct wishing {
	const char *side; /* "own" or "other", for the complaint */
	struct problem *p;
};

static bool refuse(const struct wishing *w, const char *key, const char *why)
{
	char where[80];

	snprintf(where, sizeof(where), "/%s/%.40s", w->side, key);
	return problem_param(w->p, PROBLEM_IE_INCORRECT, where, "%s", why);
}

/* The word of ours; NULL: it is none of them. */
static const char *word_of(const char *const *words, const json_t *value)
{
	const char *text = json_string_value(value);

	for (; text != NULL && *words != NULL; words++) {
		if (strcmp(*words, text) == 0)
			return *words;
	}
	return NULL;
}

static bool take_interface(const struct wishing *w, struct sdp_stance *stance, const json_t *value)
{
	const char *name = json_string_value(value);

	if (name == NULL || name[0] == '\0' || strlen(name) >= sizeof(stance->interface))
		return refuse(w, "interface", "is no name of a media interface");
	if (stance->interface[0] == '\0')
		strcpy(stance->interface, name);
	return true;
}

static bool take_one(
	const struct wishing *w, struct sdp_stance *stance, const char *key, const json_t *value)
{
	const char *word;

	if (strcmp(key, "interface") == 0)
		return take_interface(w, stance, value);
	if (strcmp(key, "setup") == 0) {
		if ((word = word_of(setups, value)) == NULL)
			return refuse(w, key, "must be ACTIVE or PASSIVE");
		stance->setup = word;
		return true;
	}
	if (strcmp(key, "fingerprint") == 0) {
		if ((word = word_of(hashes, value)) == NULL)
			return refuse(w, key, "must be SHA-256, SHA-384 or SHA-512");
		stance->fingerprint = word;
		return true;
	}
	if (strcmp(key, "ice") != 0)
		return refuse(w, key, "is unknown");
	if (strcmp(w->side, "other") != 0)
		return refuse(w, key, "is the offer's own affair");
	return word_of(ice_words, value) != NULL || refuse(w, key, "must be force or remove");
}

static bool take_stance(const struct wishing *w, struct sdp_stance *stance, const json_t *wish)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)wish, key, value) {
		if (!take_one(w, stance, key, value))
			return false;
	}
	return true;
}

bool sdp_take_stances(struct sdp_dialog *d, const struct sdp_stances *stances, struct problem *p)
{
	return take_stance(
		       &(struct wishing){ "own", p }, &d->sides[d->from].stance, stances->own) &&
	       take_stance(&(struct wishing){ "other", p }, &d->sides[1 - d->from].stance,
		       stances->other);
}

bool sdp_dialog_stand(struct sdp_dialog *d, const struct sdp_stances *stances, struct problem *p)
{
	d->from = 1 - d->offerer;
	return sdp_take_stances(d, stances, p);
}

bool sdp_wants_ice(const struct sdp_stances *stances, bool offered)
{
	const char *wish = js_get_text(stances->other, "ice");

	return wish != NULL ? strcmp(wish, "force") == 0 : offered;
}

bool sdp_put_stance(json_t *dcmf, const struct sdp_stance *stance)
{
	return js_put_text(dcmf, "interface",
		       stance->interface[0] != '\0' ? stance->interface : NULL) &&
	       js_put_text(dcmf, "setup", stance->setup) &&
	       js_put_text(dcmf, "fingerprintHash", stance->fingerprint);
}
