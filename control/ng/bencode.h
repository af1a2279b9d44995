/*
 * bencode.h: bencoding (BEP 3) as JSON values: strings, integers, lists and dictionaries are texts,
 * integers, arrays and objects.
 *
 * Strict in its form, and bounded: `i-0e`, `i03e` and `01:a` are no bencoding, texts are UTF-8
 * without NUL. Two things real clients do are taken: keys in any order, and a key that comes again,
 * of which the first counts.
 */
#pragma once

#include <jansson.h>

#include "dcmf/base/span.h"

#define BENCODE_DEPTH_MAX 16   /* ours: lists and dictionaries in each other */
#define BENCODE_ITEMS_MAX 4096 /* ours: values of a whole */

/* The value that the whole text stands for; NULL: *why says what is wrong, or "out of memory". */
json_t *bencode_read(struct span text, const char **why);

/*
 * mem_alloc'ed and terminated, *len bytes; NULL: out of memory, or nested deeper than JSON of ours.
 * true, false and null are 1, 0 and an empty string, reals are texts. Keys are sorted.
 */
char *bencode_write(const json_t *value, size_t *len);
