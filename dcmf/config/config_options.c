/* config_options.c: one option's text into its value. */
#include "dcmf/config/config_options.h"

#include <stdio.h>

#include "dcmf/base/alloc.h"

const struct option config_option[CONFIG_OPTIONS] = {
#define OPT(path, type, def, min, max, words, live, later, help)                                  \
	{ #path, OPTION_##type, offsetof(struct config, path), def, min, max, words, live, later, \
		false },
#define ITEM(path, type, def, min, max, words, live, later, help)                              \
	{ "media[]." #path, OPTION_##type, offsetof(struct config_media, path), def, min, max, \
		words, live, later, true },
#include "dcmf/config/options.def"
#undef OPT
#undef ITEM
};

struct unit {
	const char *word;
	int64_t factor;
};

static const struct unit durations[] = {
	{ "ms", 1000 },
	{ "s", 1000000 },
	{ "m", INT64_C(60) * 1000000 },
	{ "h", INT64_C(3600) * 1000000 },
	{ "d", INT64_C(86400) * 1000000 },
	{ NULL, 0 },
};

static const struct unit sizes[] = {
	{ "", 1 },
	{ "KiB", 1024 },
	{ "MiB", 1024 * 1024 },
	{ NULL, 0 },
};

static const struct unit plain[] = { { "", 1 }, { NULL, 0 } };

const struct option *option_find(const char *path)
{
	for (unsigned i = 0; i < CONFIG_OPTIONS; i++) {
		if (strcmp(config_option[i].path, path) == 0)
			return &config_option[i];
	}
	return NULL;
}

bool option_is_section(const char *path)
{
	size_t len = strlen(path);

	for (unsigned i = 0; i < CONFIG_OPTIONS; i++) {
		if (strncmp(config_option[i].path, path, len) == 0 &&
			config_option[i].path[len] == '.')
			return true;
	}
	return false;
}

static void *place(const struct option *o, void *base)
{
	return (char *)base + o->offset;
}

static const void *const_place(const struct option *o, const void *base)
{
	return (const char *)base + o->offset;
}

static bool refuse(char why[CONFIG_ERROR_MAX], struct span text, const char *what)
{
	snprintf(why, CONFIG_ERROR_MAX, "\"%.*s\" is not %s", (int)(text.len > 80 ? 80 : text.len),
		(const char *)text.p, what);
	return false;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool scaled(struct span text, const struct unit *units, int64_t *out)
{
	size_t digits = 0;
	uint64_t value;

	while (digits < text.len && is_digit(text.p[digits]))
		digits++;
	if (!span_to_u64(SPAN(text.p, digits), INT64_MAX, &value))
		return false;
	if (value == 0 && digits == text.len) { /* nothing needs no unit */
		*out = 0;
		return true;
	}
	for (const struct unit *u = units; u->word != NULL; u++) {
		if (!span_eq(SPAN(text.p + digits, text.len - digits), SPAN_STR(u->word)))
			continue;
		if (value > (uint64_t)(INT64_MAX / u->factor))
			return false;
		*out = (int64_t)value * u->factor;
		return true;
	}
	return false;
}

/* A bound as an operator would write it. */
static const char *written(const struct option *o, int64_t value, char buf[32])
{
	const struct unit *units = o->type == OPTION_DURATION ? durations
				   : o->type == OPTION_SIZE   ? sizes
							      : plain;
	const struct unit *best = &units[0];

	for (const struct unit *u = units; u->word != NULL; u++) {
		if (value % u->factor == 0)
			best = u;
	}
	snprintf(buf, 32, "%lld%s", (long long)(value / best->factor), best->word);
	return buf;
}

static bool set_scaled(const struct option *o, int64_t *out, struct span text,
	const struct unit *units, const char *what, char why[CONFIG_ERROR_MAX])
{
	char low[32], high[32];
	int64_t value;

	if (o->words[0] != '\0' && span_eq(text, SPAN_STR(o->words))) {
		*out = 0;
		return true;
	}
	if (!scaled(text, units, &value))
		return refuse(why, text, what);
	if (value < o->min || value > o->max) {
		snprintf(why, CONFIG_ERROR_MAX, "%.*s is not between %s and %s", SPAN_FMT(text),
			written(o, o->min, low), written(o, o->max, high));
		return false;
	}
	*out = value;
	return true;
}

static bool set_text(
	const struct option *o, char **out, struct span text, char why[CONFIG_ERROR_MAX])
{
	char *copy;

	if ((int64_t)text.len < o->min || (int64_t)text.len > o->max) {
		snprintf(why, CONFIG_ERROR_MAX,
			"a text of %zu bytes is not between %lld and %lld bytes long", text.len,
			(long long)o->min, (long long)o->max);
		return false;
	}
	if (text.len > 0 && memchr(text.p, '\0', text.len) != NULL)
		return refuse(why, text, "a text without NUL");
	copy = mem_span_dup(text);
	if (copy == NULL) {
		snprintf(why, CONFIG_ERROR_MAX, "out of memory");
		return false;
	}
	mem_free(*out);
	*out = copy;
	return true;
}

static bool set_word(
	const struct option *o, int64_t *out, struct span text, char why[CONFIG_ERROR_MAX])
{
	struct span rest = SPAN_STR(o->words);

	for (int64_t i = 0; rest.len > 0; i++) {
		if (span_eq(span_cut(&rest, '|'), text)) {
			*out = i;
			return true;
		}
	}
	snprintf(why, CONFIG_ERROR_MAX, "\"%.*s\" is none of %s",
		(int)(text.len > 80 ? 80 : text.len), (const char *)text.p, o->words);
	return false;
}

static bool set_ports(const struct option *o, struct config_ports *out, struct span text,
	char why[CONFIG_ERROR_MAX])
{
	struct span rest = text, low = span_cut(&rest, '-');
	uint64_t first, last;

	if (!span_to_u64(low, 65535, &first) || !span_to_u64(rest, 65535, &last) || first == 0 ||
		last < first)
		return refuse(why, text, "a range of ports, first-last");
	out->first = (uint16_t)first;
	out->last = (uint16_t)last;
	return true;
}

static bool set_addr(
	const struct option *o, struct addr *out, struct span text, char why[CONFIG_ERROR_MAX])
{
	struct addr value = { .family = ADDR_NONE };

	if (text.len > 0 && o->type == OPTION_ADDR && !addr_parse(text, &value))
		return refuse(why, text, "an address and port, as in 127.0.0.1:9650 or [::1]:9650");
	if (text.len > 0 && o->type == OPTION_IP && !addr_parse_ip(text, 0, &value))
		return refuse(why, text, "an IPv4 or IPv6 address");
	*out = value;
	return true;
}

static bool set_bool(bool *out, struct span text, char why[CONFIG_ERROR_MAX])
{
	*out = span_eq(text, SPAN_LIT("true"));
	return *out || span_eq(text, SPAN_LIT("false")) || refuse(why, text, "true or false");
}

bool option_set(const struct option *o, void *base, struct span text, bool quoted,
	char why[CONFIG_ERROR_MAX])
{
	void *at = place(o, base);

	switch (o->type) {
	case OPTION_TEXT:
	case OPTION_FILE: return set_text(o, at, text, why);
	case OPTION_WORD: return set_word(o, at, text, why);
	case OPTION_ADDR:
	case OPTION_IP: return set_addr(o, at, text, why);
	case OPTION_PORTS: return set_ports(o, at, text, why);
	case OPTION_TEXTS:
	case OPTION_NETWORKS:
	case OPTION_RULES: return refuse(why, text, "a list");
	default: break;
	}
	if (quoted)
		return refuse(
			why, text, "possible here: a text in quotes where a value is expected");
	switch (o->type) {
	case OPTION_BOOL: return set_bool(at, text, why);
	case OPTION_NUMBER: return set_scaled(o, at, text, plain, "a number", why);
	case OPTION_DURATION:
		return set_scaled(
			o, at, text, durations, "a duration, as in 500ms, 10s, 5m, 24h or 7d", why);
	case OPTION_SIZE:
		return set_scaled(o, at, text, sizes, "a size, as in 65536, 256KiB or 1MiB", why);
	default: return refuse(why, text, "understood");
	}
}

bool option_add_text(
	const struct option *o, void *base, struct span text, char why[CONFIG_ERROR_MAX])
{
	struct config_texts *list = place(o, base);
	char *copy;

	if (list->count >= (unsigned)o->max) {
		snprintf(why, CONFIG_ERROR_MAX, "more than %lld entries", (long long)o->max);
		return false;
	}
	copy = mem_span_dup(text);
	if (copy == NULL) {
		snprintf(why, CONFIG_ERROR_MAX, "out of memory");
		return false;
	}
	list->text[list->count++] = copy;
	return true;
}

bool option_is_list(const struct option *o)
{
	return o->type == OPTION_TEXTS || o->type == OPTION_NETWORKS || o->type == OPTION_RULES;
}

bool option_set_default(const struct option *o, void *base)
{
	char ignored[CONFIG_ERROR_MAX];

	if (option_is_list(o))
		return true; /* empty */
	if (o->by_default[0] == '\0' && (o->type == OPTION_TEXT || o->type == OPTION_FILE)) {
		char **text = place(o, base);

		mem_free(*text);
		*text = mem_strdup("");
		return *text != NULL;
	}
	return option_set(o, base, SPAN_STR(o->by_default), false, ignored);
}

void option_clear(const struct option *o, void *base)
{
	if (o->type == OPTION_TEXT || o->type == OPTION_FILE) {
		char **text = place(o, base);

		mem_free(*text);
		*text = NULL;
	}
	if (o->type == OPTION_TEXTS) {
		struct config_texts *list = place(o, base);

		for (unsigned i = 0; i < list->count; i++)
			mem_free(list->text[i]);
		*list = (struct config_texts){ .count = 0 };
	}
}

static bool texts_equal(const struct config_texts *a, const struct config_texts *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++) {
		if (strcmp(a->text[i], b->text[i]) != 0)
			return false;
	}
	return true;
}

bool option_equal(const struct option *o, const void *base_a, const void *base_b)
{
	const void *a = const_place(o, base_a), *b = const_place(o, base_b);

	switch (o->type) {
	case OPTION_TEXT:
	case OPTION_FILE: return strcmp(*(char *const *)a, *(char *const *)b) == 0;
	case OPTION_BOOL: return *(const bool *)a == *(const bool *)b;
	case OPTION_NUMBER:
	case OPTION_DURATION:
	case OPTION_SIZE:
	case OPTION_WORD: return *(const int64_t *)a == *(const int64_t *)b;
	case OPTION_ADDR:
	case OPTION_IP: return addr_eq(a, b);
	case OPTION_PORTS: return memcmp(a, b, sizeof(struct config_ports)) == 0;
	case OPTION_TEXTS: return texts_equal(a, b);
	case OPTION_NETWORKS:
		return policy_networks_equal(&((const struct config *)base_a)->policy,
			&((const struct config *)base_b)->policy);
	case OPTION_RULES:
		return policy_rules_equal(&((const struct config *)base_a)->policy,
			&((const struct config *)base_b)->policy);
	}
	return false;
}

static size_t size_of(const struct option *o)
{
	switch (o->type) {
	case OPTION_TEXT:
	case OPTION_FILE: return sizeof(char *);
	case OPTION_BOOL: return sizeof(bool);
	case OPTION_ADDR:
	case OPTION_IP: return sizeof(struct addr);
	case OPTION_PORTS: return sizeof(struct config_ports);
	case OPTION_TEXTS: return sizeof(struct config_texts);
	case OPTION_NETWORKS:
	case OPTION_RULES: return 0;
	default: return sizeof(int64_t);
	}
}

void option_swap(const struct option *o, struct config *a, struct config *b)
{
	uint8_t *in_a = place(o, a), *in_b = place(o, b);

	for (size_t i = 0; i < size_of(o); i++) {
		uint8_t byte = in_a[i];

		in_a[i] = in_b[i];
		in_b[i] = byte;
	}
}
