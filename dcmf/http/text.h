/* text.h: which bytes may stand where in HTTP (RFC 9110 5.6.2 and 5.5). Inside this folder only. */
#pragma once

#include <stdbool.h>

#include "dcmf/base/span.h"

/* How many bytes at the front belong to a token: a method or the name of a header. */
size_t text_token_len(struct span s);

static inline bool text_is_token(struct span s)
{
	return s.len > 0 && text_token_len(s) == s.len;
}

/* A header's value: no control bytes but the tab. Empty is fine. */
bool text_is_value(struct span s);
/* The part of a URL: no control bytes, no blanks. Empty is fine. */
bool text_is_url_part(struct span s);
/* As span_starts(), ASCII letters compared without case. */
bool text_starts_nocase(struct span s, struct span prefix);

/* Cuts path?query. Returns the path, leaves the query in *s; has_query tells "?" from nothing. */
struct span text_cut_query(struct span *s, bool *has_query);

/*
 * Does a segment of this path climb, as any server might read it? Counted are "..",
 * percent-encoded ones however often, with "%2f", with UTF-8 longer than needed, with
 * ";parameters"; and so is what no path may hold: a backslash, a control byte, also
 * encoded, and a percent sign without two digits.
 */
bool text_path_climbs(struct span path, char *scratch); /* scratch: room for path.len bytes */
