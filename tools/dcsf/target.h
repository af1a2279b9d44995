/*
 * target.h: what a request target asks for: whose root, which page,
 * which application. Pure text work.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum ask {
	ASK_ROOT,    /* <root>/                                              the menu, as HTML */
	ASK_LIST,    /* <root>/applicationlist?begin-index=..&app-num=..     the list, as JSON */
	ASK_PACKAGE, /* <root>/applications?appid=..                         a package */
	ASK_ECHO,    /* <root>/echo                                          the body comes back */
};

enum { TARGET_NAME_MAX = 64 };

struct target {
	enum ask ask;
	/* Last segment of the root; empty: nobody in particular. */
	char subscriber[TARGET_NAME_MAX + 1];
	char appid[TARGET_NAME_MAX + 1];
	size_t begin, count; /* of the list; count SIZE_MAX: all */
};

/* 0, or the status to refuse with: 400 or 404; `why` then points to a static sentence. */
int target_parse(const char *uri, struct target *out, const char **why);

/* Names of applications and subscribers: letters, digits and ._@+- ; never "." or "..". */
bool target_is_name(const char *text);
