/* uuid.c: UUIDs as text. */
#include "dcmf/base/uuid.h"

#include "dcmf/base/chars.h"

bool uuid_is(struct span text)
{
	if (text.len != UUID_TEXT_MAX - 1)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text.p[i] != '-' : char_hex(text.p[i]) < 0)
			return false;
	}
	return true;
}
