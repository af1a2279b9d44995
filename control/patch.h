/* patch.h: JSON Patch (RFC 6902) and JSON Pointer (RFC 6901): all operations or none. */
#pragma once

#include <jansson.h>

#include "control/problem.h"

/*
 * A new document with the patch applied; `doc` is not changed. NULL: *p names the index of the
 * failing operation in invalidParams (400 for a bad operation or pointer, 409 for a `test` that
 * fails or a path that is not there). At most 256 operations.
 */
json_t *patch_apply(const json_t *doc, const json_t *patch, struct problem *p);
