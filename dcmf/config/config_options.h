/*
 * config_options.h: the option table of options.def, for the files that parse, check and compare
 * configurations.
 */
#pragma once

#include <stddef.h>

#include "dcmf/config/config.h"

enum option_type {
	OPTION_TEXT,
	OPTION_FILE, /* a text that is a path */
	OPTION_BOOL,
	OPTION_NUMBER,
	OPTION_DURATION,
	OPTION_SIZE,
	OPTION_WORD,
	OPTION_ADDR, /* address and port; empty: none */
	OPTION_IP,   /* address; empty: none */
	OPTION_PORTS,
	OPTION_TEXTS,
	OPTION_NETWORKS, /* those of struct policy */
	OPTION_RULES,    /* its rules */
};

struct option {
	const char *path; /* "dtls.mtu"; of a media entry "media[].ports" */
	enum option_type type;
	size_t offset; /* in struct config, or in struct config_media */
	const char *by_default;
	int64_t min, max;
	const char *words;
	bool live;
	const char *later;
	bool is_item;
};

enum {
	CONFIG_OPTIONS = 0
#define OPT(...)  +1
#define ITEM(...) +1
#include "dcmf/config/options.def"
#undef OPT
#undef ITEM
};

extern const struct option config_option[CONFIG_OPTIONS];

/* The option of that path, or NULL. */
const struct option *option_find(const char *path);
bool option_is_list(const struct option *o);
/* Is there an option below it? */
bool option_is_section(const char *path);

/*
 * Puts a scalar into its place below `base` (struct config or struct config_media). `quoted`: it
 * stood in quotes, so it is a text. False: `why` says what is wrong with it.
 */
bool option_set(const struct option *o, void *base, struct span text, bool quoted,
	char why[CONFIG_ERROR_MAX]);
/* One more text of an OPTION_TEXTS. */
bool option_add_text(
	const struct option *o, void *base, struct span text, char why[CONFIG_ERROR_MAX]);
bool option_set_default(const struct option *o, void *base);
void option_clear(const struct option *o, void *base);
bool option_equal(const struct option *o, const void *a, const void *b);
/* The values of a and b change places; not of lists in struct policy, nor of media entries. */
void option_swap(const struct option *o, struct config *a, struct config *b);

/* In config_yaml.c: events of libyaml into options. */
bool config_yaml_read(const char *text, const char *name, struct config *c, unsigned *lines,
	char error[CONFIG_ERROR_MAX]);
/*
 * In config_check.c: values that are right one by one and impossible together. `lines` has the line
 * of each option, 0: not given.
 */
bool config_check(const struct config *c, const char *name, const unsigned *lines,
	char error[CONFIG_ERROR_MAX]);
