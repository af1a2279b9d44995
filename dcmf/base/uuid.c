/* uuid.c: UUIDs as text. */
#include "dcmf/base/uuid.h"

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool uuid_is(struct span text)
{
	if (text.len != UUID_TEXT_MAX - 1)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text.p[i] != '-' : !is_hex(text.p[i]))
			return false;
	}
	return true;
}
