/* base64.h: base64 back into bytes (RFC 4648), strictly: no blanks, no bits left over. */
#pragma once

#include <stdbool.h>

#include "dcmf/base/span.h"

/* Bytes that so many characters may become. */
#define BASE64_BYTES(characters) ((characters) / 4 * 3 + 2)

/* The alphabet of JWT, without padding. False: it is none, or more than `cap` bytes. */
bool base64url_decode(struct span text, uint8_t *out, size_t cap, size_t *len);
/* The alphabet of MIME, with padding. */
bool base64_decode(struct span text, uint8_t *out, size_t cap, size_t *len);
