/* digest.h: SHA-256 of bytes that are at hand. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dcmf/base/span.h"

#define DIGEST_BYTES 32

/* False: OpenSSL has run out of memory. */
bool digest_sha256(struct span bytes, uint8_t out[DIGEST_BYTES]);
