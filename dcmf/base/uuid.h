/* uuid.h: UUIDs as text: NF instance ids are such. */
#pragma once

#include <stdbool.h>

#include "dcmf/base/span.h"

#define UUID_TEXT_MAX 37 /* with its end */

bool uuid_is(struct span text); /* 8-4-4-4-12 hexadecimal digits, in any case */
