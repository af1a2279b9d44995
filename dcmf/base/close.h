/* close.h: why a leg, an association or a channel ended. */
#pragma once

#include <stdbool.h>

enum close_reason {
#define CLOSE(name, fault, words) CLOSE_##name,
#include "dcmf/base/close.def"
#undef CLOSE
	CLOSE_MAX
};

const char *close_name(enum close_reason r); /* "DTLS_FINGERPRINT": stable, for machines */
const char *close_text(enum close_reason r); /* for people */
bool close_is_fault(enum close_reason r);
