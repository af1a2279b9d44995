/* ng_flags.c: the keys of an ng dictionary, one row each. */
#include "control/ng/ng_flags.h"

#include <stdlib.h>
#include <string.h>

#include "control/json.h"

#define NAME_MAX_  64 /* longer names are nothing we know */
#define LIST_LIMIT 32
/* Ours: what is kept of a call for as long as it lasts, and comes from phones. */
#define ID_MAX       512 /* bytes */
#define METADATA_MAX 2048

struct reading {
	struct ng_flags *f;
	struct problem *p;
};

/* ---- values ----------------------------------------------------------------------------- */

struct word {
	const char *word;
	int value;
};

/* -1: none of them. */
static int value_of(const struct word *words, const char *text)
{
	for (; words->word != NULL; words++) {
		if (strcasecmp(words->word, text) == 0)
			return words->value;
	}
	return -1;
}

static void take_ice(struct reading *r, const char *text)
{
	/* what rtpengine calls optional offers ICE too, among what was there */
	static const struct word words[] = { { "remove", NG_ICE_REMOVE }, { "force", NG_ICE_FORCE },
		{ "optional", NG_ICE_FORCE }, { "default", NG_ICE_AS_OFFERED }, { NULL, 0 } };
	int value = value_of(words, text);

	if (value >= 0)
		r->f->ice = (enum ng_ice)value;
	else if (strcasecmp(text, "force-relay") == 0)
		problem_set(r->p, PROBLEM_NOT_BUILT,
			"ICE=force-relay: the gateway is no relay candidate");
}

/* off, no and disable speak of SRTP: a data channel without DTLS does not exist. */
static const struct word roles[] = { { "passive", SETUP_PASSIVE }, { "active", SETUP_ACTIVE },
	{ NULL, 0 } };

static void take_dtls(struct reading *r, const char *text)
{
	int value = value_of(roles, text);

	if (value >= 0)
		r->f->setup = (enum setup)value;
}

static void take_dtls_reverse(struct reading *r, const char *text)
{
	int value = value_of(roles, text);

	if (value >= 0)
		r->f->setup_reverse = (enum setup)value;
}

static void take_fingerprint(struct reading *r, const char *text)
{
	static const char *const hashes[] = { "SHA-256", "SHA-384", "SHA-512" };
	static const char *const weak[] = { "SHA-1", "SHA-224", "MD5", "MD2" };

	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		if (strcasecmp(hashes[i], text) == 0)
			r->f->fingerprint = hashes[i];
	}
	for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
		if (strcasecmp(weak[i], text) == 0)
			problem_set(r->p, PROBLEM_SECURITY_POLICY,
				"DTLS-fingerprint=%s: weaker than SHA-256", weak[i]);
	}
}

static void take_family(struct reading *r, const char *text)
{
	static const struct word words[] = { { "IP4", ADDR_IPV4 }, { "IP6", ADDR_IPV6 },
		{ NULL, 0 } };
	int value = value_of(words, text);

	if (value >= 0)
		r->f->family = (enum addr_family)value;
}

static void take_replace(struct reading *r, const char *text)
{
	static const struct word words[] = { { "origin", NG_REPLACE_ORIGIN },
		{ "session-connection", NG_REPLACE_CONNECTION },
		{ "session connection", NG_REPLACE_CONNECTION }, { NULL, 0 } };
	int value = value_of(words, text);

	if (value >= 0)
		r->f->replace |= (unsigned)value;
}

static void take_direction(struct reading *r, const char *text)
{
	if (r->f->direction[0] == NULL)
		r->f->direction[0] = text;
	else if (r->f->direction[1] == NULL)
		r->f->direction[1] = text;
}

static void take_supports(struct reading *r, const char *text)
{
	if (strcmp(text, "load limit") == 0 || strcmp(text, "load-limit") == 0)
		r->f->takes_load_limit = true;
}

static void take_limit(struct reading *r, const char *text)
{
	uint64_t value;

	if (span_to_u64(span_str(text), UINT32_MAX, &value))
		r->f->limit = (int64_t)value;
}

static void take_mode(struct reading *r, const char *text)
{
	if (strcasecmp(text, "e2ae") == 0)
		r->f->mode = "E2AE";
	else if (strcasecmp(text, "e2e") == 0)
		r->f->mode = "E2E";
	else
		problem_set(r->p, PROBLEM_IE_INCORRECT, "dcmf-mode is e2ae or e2e");
}

static void take_bootstrap(struct reading *r, const char *text)
{
	if (strcmp(text, "add") == 0)
		r->f->add_bootstrap = true;
	else
		problem_set(r->p, PROBLEM_IE_INCORRECT, "dcmf-bootstrap is add");
}

static void take_fatal(struct reading *r, const char *text)
{
	r->f->fatal = true;
}

/* ---- names ------------------------------------------------------------------------------ */

static void take_flag(struct reading *r, const char *text);
static void take_flags(struct reading *r, const char *text);

#define TEXT_OF(member)     .text = offsetof(struct ng_flags, member)
#define KEPT(member, bytes) TEXT_OF(member), .most = (bytes)

static const struct key {
	const char *name; /* with hyphens */
	size_t text;      /* without `take`: the member that takes it as it is */
	size_t most;      /* bytes; 0: as long as a message may be */
	void (*take)(struct reading *r, const char *text);
	bool bare; /* has no value */
} keys[] = {
	{ "call-id", KEPT(call_id, ID_MAX) },
	{ "from-tag", KEPT(from_tag, ID_MAX) },
	{ "to-tag", KEPT(to_tag, ID_MAX) },
	{ "via-branch", KEPT(via_branch, ID_MAX) },
	{ "sdp", TEXT_OF(sdp) },
	{ "label", KEPT(label, ID_MAX) },
	{ "from-label", KEPT(label, ID_MAX) },
	{ "metadata", KEPT(metadata, METADATA_MAX) },
	{ "address-family", .take = take_family },
	{ "direction", .take = take_direction },
	{ "replace", .take = take_replace },
	{ "supports", .take = take_supports },
	{ "flags", .take = take_flag },
	{ "rtpp-flags", .take = take_flags },
	{ "ICE", .take = take_ice },
	{ "DTLS", .take = take_dtls },
	{ "DTLS-reverse", .take = take_dtls_reverse },
	{ "DTLS-fingerprint", .take = take_fingerprint },
	{ "limit", .take = take_limit },
	{ "dcmf-mode", .take = take_mode },
	{ "dcmf-root", TEXT_OF(root) },
	{ "dcmf-bootstrap", .take = take_bootstrap },
	{ "dcmf-bootstrap-root", TEXT_OF(bootstrap_root) },
	{ "fatal", .take = take_fatal, .bare = true },
	{ "internal", .take = take_direction, .bare = true },
	{ "external", .take = take_direction, .bare = true },
};

/* NULL: nothing we know. */
static const struct key *key_of(struct span name)
{
	char hyphens[NAME_MAX_];

	if (name.len >= sizeof(hyphens))
		return NULL;
	for (size_t i = 0; i < name.len; i++)
		hyphens[i] = name.p[i] == ' ' ? '-' : (char)name.p[i];
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (span_eq(SPAN(hyphens, name.len), span_str(keys[i].name)))
			return &keys[i];
	}
	return NULL;
}

/* The text of a member is there already: the first one counts, as in a dictionary. */
static void take(struct reading *r, const struct key *key, const char *text)
{
	const char **member = (const char **)(void *)((char *)r->f + key->text);

	if (key->take != NULL)
		key->take(r, text);
	else if (key->most > 0 && strlen(text) > key->most)
		problem_set(r->p, PROBLEM_IE_INCORRECT, "%s: longer than %zu bytes", key->name,
			key->most);
	else if (*member == NULL && text[0] != '\0')
		*member = text;
}

/* Where a part of a text is needed as a text of its own. */
static const char *own_text(struct reading *r, struct span s)
{
	json_t *text = json_stringn((const char *)s.p, s.len);

	if (text != NULL && r->f->words == NULL)
		r->f->words = json_array();
	if (text != NULL && js_append(r->f->words, text))
		return json_string_value(text);
	problem_set(r->p, PROBLEM_NO_RESOURCES, "out of memory");
	return NULL;
}

/* "ICE=force", "replace-origin", "fatal" */
static void take_flag(struct reading *r, const char *text)
{
	struct span value = span_str(text), name = span_cut(&value, '=');
	bool has_value = strchr(text, '=') != NULL;
	const struct key *key = key_of(name);
	const char *own;

	if (!has_value && span_starts(name, SPAN_LIT("replace-"))) {
		take_replace(r, text + 8);
		return;
	}
	if (key == NULL || key->take == take_flag || key->bare == has_value)
		return;
	own = own_text(r, has_value ? value : name);
	if (own != NULL)
		take(r, key, own);
}

/* As one text, with blanks between. */
static void take_flags(struct reading *r, const char *text)
{
	struct span rest = span_str(text);

	while (rest.len > 0) {
		struct span one = span_cut(&rest, ' ');
		const char *own = one.len > 0 ? own_text(r, one) : NULL;

		/* a text in a text in a text would have no end */
		if (own != NULL && strncmp(own, "rtpp", 4) != 0)
			take_flag(r, own);
	}
}

static void take_value(struct reading *r, const struct key *key, const json_t *value)
{
	char digits[32];
	json_t *one;
	const char *own;
	size_t i;

	if (json_is_string(value)) {
		take(r, key, json_string_value(value));
	} else if (json_is_integer(value)) {
		snprintf(digits, sizeof(digits), "%lld", (long long)json_integer_value(value));
		if ((own = own_text(r, span_str(digits))) != NULL)
			take(r, key, own);
	}
	json_array_foreach (value, i, one) {
		if (json_is_string(one) && key->take != NULL)
			key->take(r, json_string_value(one));
	}
}

bool ng_flags_read(struct ng_flags *f, const json_t *dictionary, struct problem *p)
{
	struct reading r = { f, p };
	const char *name;
	json_t *value;

	*f = (struct ng_flags){ .limit = LIST_LIMIT };
	json_object_foreach ((json_t *)(uintptr_t)dictionary, name, value) {
		const struct key *key = key_of(span_str(name));

		if (key != NULL)
			take_value(&r, key, value);
	}
	return p->kind == PROBLEM_NONE;
}

void ng_flags_finish(struct ng_flags *f)
{
	json_decref(f->words);
	f->words = NULL;
}
