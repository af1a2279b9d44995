/*
 * config_yaml.c: the events of libyaml into options, strictly: each key known, each once, each of
 * its type.
 */
#include <stdio.h>
#include <yaml.h>

#include "dcmf/config/config_options.h"

#define DEPTH_MAX 6
#define KEYS_MAX  24 /* no section has more keys */
#define WHERE_MAX 96
#define KEY_MAX   48 /* no key is longer */

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the present one, owned */
	bool has_event;
	const char *name;
	struct config *config;
	unsigned *lines;
	char *error;
};

/* Where the reader stands: the path in the option table, and as the operator would write it. */
struct where {
	char path[WHERE_MAX], shown[WHERE_MAX];
	void *base;
	unsigned depth;
};

static bool fail(struct reader *r, const char *shown, const char *why)
{
	unsigned line = r->has_event ? (unsigned)r->event.start_mark.line + 1 : 1;

	if (shown[0] != '\0')
		snprintf(r->error, CONFIG_ERROR_MAX, "%.200s:%u: %.120s: %.160s", r->name, line,
			shown, why);
	else
		snprintf(r->error, CONFIG_ERROR_MAX, "%.200s:%u: %.280s", r->name, line, why);
	return false;
}

static bool next(struct reader *r)
{
	if (r->has_event)
		yaml_event_delete(&r->event);
	r->has_event = yaml_parser_parse(&r->parser, &r->event) != 0;
	if (r->has_event)
		return true;
	snprintf(r->error, CONFIG_ERROR_MAX, "%s:%zu: not YAML: %s", r->name,
		r->parser.problem_mark.line + 1,
		r->parser.problem != NULL ? r->parser.problem : "it cannot be read");
	return false;
}

static struct span scalar_text(const struct reader *r)
{
	return SPAN(r->event.data.scalar.value, r->event.data.scalar.length);
}

static bool scalar_is_quoted(const struct reader *r)
{
	return r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
}

/* Nothing after the colon: the section or value is left out. */
static bool is_nothing(const struct reader *r)
{
	struct span text;

	if (r->event.type != YAML_SCALAR_EVENT || scalar_is_quoted(r))
		return false;
	text = scalar_text(r);
	return text.len == 0 || span_eq(text, SPAN_LIT("~")) || span_eq(text, SPAN_LIT("null"));
}

static bool refuse_later(
	struct reader *r, const struct option *o, const struct where *w, void *base)
{
	struct config defaults = { .workers = 0 };
	bool same;

	if (o->later == NULL)
		return true;
	if (!option_set_default(o, &defaults))
		return fail(r, w->shown, "out of memory");
	same = option_equal(o, base, &defaults);
	option_clear(o, &defaults);
	return same || fail(r, w->shown, o->later);
}

/* The keys of a map so far: each may stand there once. */
struct keys {
	char seen[KEYS_MAX][WHERE_MAX];
	unsigned count;
};

static bool note_key(struct reader *r, struct keys *keys, const char *key, const char *shown)
{
	for (unsigned i = 0; i < keys->count; i++) {
		if (strcmp(keys->seen[i], key) == 0)
			return fail(r, shown, "stands here twice");
	}
	if (keys->count == KEYS_MAX)
		return fail(r, shown, "too many keys");
	snprintf(keys->seen[keys->count++], WHERE_MAX, "%s", key);
	return true;
}

/* Rules of the security policy. */

typedef bool rule_setter(
	struct policy_rule *rule, const char *key, const char *value, const char **why);

static bool read_rule_value(struct reader *r, struct policy_rule *rule, const struct where *w,
	const char *key, rule_setter *set)
{
	const char *why;

	if (is_nothing(r))
		return fail(r, w->shown, "a value is missing");
	if (r->event.type != YAML_SCALAR_EVENT)
		return fail(r, w->shown, "a word or text is expected");
	if (strlen((const char *)r->event.data.scalar.value) != scalar_text(r).len)
		return fail(r, w->shown, "a text without NUL is expected");
	return set(rule, key, (const char *)r->event.data.scalar.value, &why) ||
	       fail(r, w->shown, why);
}

/* A rule, or with `is_match` what it matches: from after the start of the map to its end. */
static bool read_rule(
	struct reader *r, struct policy_rule *rule, const struct where *w, bool is_match)
{
	struct keys keys = { .count = 0 };
	bool has_then = false;

	for (;;) {
		struct where inner = { .depth = w->depth + 1 };
		char key[KEY_MAX + 1];
		bool fine;

		if (!next(r))
			return false;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return is_match || has_then || fail(r, w->shown, "then is missing");
		if (r->event.type != YAML_SCALAR_EVENT || scalar_text(r).len > KEY_MAX)
			return fail(r, w->shown, "a key is expected");
		snprintf(key, sizeof(key), "%s", (const char *)r->event.data.scalar.value);
		snprintf(inner.shown, WHERE_MAX, "%.40s.%s", w->shown, key);
		has_then = has_then || strcmp(key, "then") == 0;
		if (!note_key(r, &keys, key, inner.shown) || !next(r))
			return false;
		if (is_match || strcmp(key, "match") != 0)
			fine = read_rule_value(r, rule, &inner, key,
				is_match ? policy_rule_match : policy_rule_set);
		else if (r->event.type == YAML_MAPPING_START_EVENT)
			fine = read_rule(r, rule, &inner, true);
		else
			fine = fail(r, inner.shown, "a map is expected");
		if (!fine)
			return false;
	}
}

static bool add_rule(struct reader *r, const struct option *o, const struct where *w)
{
	struct policy *policy = &r->config->policy;
	struct where entry = { .depth = w->depth + 1 };
	struct policy_rule *rule;

	snprintf(entry.shown, WHERE_MAX, "%.40s[%u]", w->shown, policy->rule_count);
	if (r->event.type != YAML_MAPPING_START_EVENT)
		return fail(r, entry.shown, "a map is expected");
	if (policy->rule_count >= (unsigned)o->max)
		return fail(r, w->shown, "too many rules");
	if ((rule = policy_add_rule(policy)) == NULL)
		return fail(r, w->shown, "out of memory");
	rule->line = (unsigned)r->event.start_mark.line + 1;
	return read_rule(r, rule, &entry, false);
}

/* Lists. */

static bool add_network(struct reader *r, const struct option *o, const struct where *w)
{
	struct policy *policy = &r->config->policy;
	struct span text = scalar_text(r);
	char sentence[CONFIG_ERROR_MAX];
	const char *why;

	if (policy->network_count >= (unsigned)o->max)
		return fail(r, w->shown, "too many networks");
	if (policy_add_network(policy, text, &why))
		return true;
	snprintf(sentence, sizeof(sentence), "\"%.*s\": %s", (int)(text.len > 80 ? 80 : text.len),
		(const char *)text.p, why);
	return fail(r, w->shown, sentence);
}

static bool read_entry(struct reader *r, const struct option *o, const struct where *w)
{
	char why[CONFIG_ERROR_MAX];

	if (o->type == OPTION_RULES)
		return add_rule(r, o, w);
	if (r->event.type != YAML_SCALAR_EVENT)
		return fail(r, w->shown, "its entries must be texts");
	if (o->type == OPTION_NETWORKS)
		return add_network(r, o, w);
	return option_add_text(o, w->base, scalar_text(r), why) || fail(r, w->shown, why);
}

static bool read_list(struct reader *r, const struct option *o, const struct where *w)
{
	for (;;) {
		if (!next(r))
			return false;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			return refuse_later(r, o, w, w->base);
		if (o->later != NULL)
			return fail(r, w->shown, o->later);
		if (!read_entry(r, o, w))
			return false;
	}
}

/* Values. */

static bool read_option(struct reader *r, const struct option *o, const struct where *w)
{
	char why[CONFIG_ERROR_MAX];

	r->lines[o - config_option] = (unsigned)r->event.start_mark.line + 1;
	if (r->event.type == YAML_MAPPING_START_EVENT)
		return fail(r, w->shown, "a value is expected, not a map");
	if (r->event.type == YAML_SEQUENCE_START_EVENT) {
		if (!option_is_list(o))
			return fail(r, w->shown, "a value is expected, not a list");
		return read_list(r, o, w);
	}
	if (r->event.type != YAML_SCALAR_EVENT)
		return fail(r, w->shown, "an alias is not taken here");
	if (is_nothing(r))
		return fail(r, w->shown, "a value is missing");
	if (!option_set(o, w->base, scalar_text(r), scalar_is_quoted(r), why))
		return fail(r, w->shown, why);
	return refuse_later(r, o, w, w->base);
}

static bool read_map(struct reader *r, const struct where *w);

static bool set_item_defaults(struct config_media *m)
{
	for (unsigned i = 0; i < CONFIG_OPTIONS; i++) {
		if (config_option[i].is_item && !option_set_default(&config_option[i], m))
			return false;
	}
	return true;
}

static bool read_item(struct reader *r, unsigned index)
{
	struct config_media *m = &r->config->media[index];
	struct where w = { .path = "media[]", .base = m, .depth = 2 };

	snprintf(w.shown, sizeof(w.shown), "media[%u]", index);
	if (r->event.type != YAML_MAPPING_START_EVENT)
		return fail(r, w.shown, "a map is expected");
	m->line = (unsigned)r->event.start_mark.line + 1;
	if (!set_item_defaults(m))
		return fail(r, w.shown, "out of memory");
	r->config->media_count = index + 1; /* from here on config_finish() frees it */
	if (!read_map(r, &w))
		return false;
	if (m->name[0] == '\0')
		return fail(r, w.shown, "name is missing");
	if (m->address.family == ADDR_NONE)
		return fail(r, w.shown, "address is missing");
	return true;
}

static bool read_media(struct reader *r)
{
	if (is_nothing(r))
		return true;
	if (r->event.type != YAML_SEQUENCE_START_EVENT)
		return fail(r, "media", "a list of maps is expected");
	for (unsigned i = 0;; i++) {
		if (!next(r))
			return false;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			return i > 0 || fail(r, "media", "at least one interface is needed");
		if (i == CONFIG_MEDIA_MAX)
			return fail(r, "media", "too many interfaces");
		if (!read_item(r, i))
			return false;
	}
}

static bool read_value(struct reader *r, const struct where *w)
{
	const struct option *o = option_find(w->path);

	if (o != NULL)
		return read_option(r, o, w);
	if (strcmp(w->path, "media") == 0)
		return read_media(r);
	if (is_nothing(r))
		return true;
	if (r->event.type != YAML_MAPPING_START_EVENT)
		return fail(r, w->shown, "a map is expected");
	return read_map(r, w);
}

static bool enter(struct where *inner, const struct where *outer, const char *key)
{
	const char *dot = outer->depth > 0 ? "." : "";

	inner->base = outer->base;
	inner->depth = outer->depth + 1;
	return snprintf(inner->path, WHERE_MAX, "%s%s%s", outer->path, dot, key) < WHERE_MAX &&
	       snprintf(inner->shown, WHERE_MAX, "%s%s%s", outer->shown, dot, key) < WHERE_MAX;
}

static bool is_known(const char *path)
{
	return option_find(path) != NULL || option_is_section(path) || strcmp(path, "media") == 0;
}

/* From after the start of a map to its end. */
static bool read_map(struct reader *r, const struct where *w)
{
	struct keys keys = { .count = 0 };

	if (w->depth >= DEPTH_MAX)
		return fail(r, w->shown, "nested too deep");
	for (;;) {
		struct where inner;

		if (!next(r))
			return false;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return true;
		if (r->event.type != YAML_SCALAR_EVENT || scalar_text(r).len > KEY_MAX)
			return fail(r, w->shown, "a key is expected");
		if (!enter(&inner, w, (const char *)r->event.data.scalar.value) ||
			!is_known(inner.path))
			return fail(r, inner.shown, "unknown key");
		if (!note_key(r, &keys, inner.path, inner.shown) || !next(r) ||
			!read_value(r, &inner))
			return false;
	}
}

/*
 * Stream start, document start, the map, document end, stream end; an empty file has no document.
 */
static bool read_stream(struct reader *r)
{
	const struct where top = { .base = r->config };

	if (!next(r) || !next(r)) /* the stream starts; what is in it? */
		return false;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return true;
	if (!next(r))
		return false;
	if (is_nothing(r))
		return next(r) && next(r);
	if (r->event.type != YAML_MAPPING_START_EVENT)
		return fail(r, "", "a map of sections is expected");
	if (!read_map(r, &top) || !next(r) || !next(r))
		return false;
	return r->event.type == YAML_STREAM_END_EVENT ||
	       fail(r, "", "only one document is expected");
}

bool config_yaml_read(const char *text, const char *name, struct config *c, unsigned *lines,
	char error[CONFIG_ERROR_MAX])
{
	struct reader r = { .name = name, .config = c, .lines = lines, .error = error };
	bool ok;

	if (!yaml_parser_initialize(&r.parser)) {
		snprintf(error, CONFIG_ERROR_MAX, "%s: out of memory", name);
		return false;
	}
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, strlen(text));
	ok = read_stream(&r);
	if (r.has_event)
		yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return ok;
}
