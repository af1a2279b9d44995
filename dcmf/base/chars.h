/* chars.h: single characters of texts that come from outside. */
#pragma once

#include "dcmf/base/span.h"

/* The value of a hexadecimal digit, in either case; -1: it is none. */
int char_hex(uint8_t c);

/*
 * How many bytes the character at the front of `s` takes in UTF-8 (RFC 3629 4): no overlong form,
 * no surrogate, nothing beyond U+10FFFF. 0: it is none, or cut short. U+0000 is none either: texts
 * end with it here.
 */
size_t char_utf8(struct span s);
