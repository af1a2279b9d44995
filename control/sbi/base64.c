/* base64.c: base64 back into bytes, strictly. */
#include "control/sbi/base64.h"

static int value_of(uint8_t c, uint8_t c62, uint8_t c63)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == c62 ? 62 : c == c63 ? 63 : -1;
}

/* Without padding. */
static bool decode(
	struct span text, uint8_t c62, uint8_t c63, uint8_t *out, size_t cap, size_t *len)
{
	uint32_t bits = 0;
	unsigned held = 0;
	size_t n = 0;

	if (text.len % 4 == 1)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		int value = value_of(text.p[i], c62, c63);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		if (n >= cap)
			return false;
		out[n++] = (uint8_t)(bits >> held);
		bits &= (1u << held) - 1;
	}
	*len = n;
	return bits == 0; /* or two texts would be the same bytes */
}

bool base64url_decode(struct span text, uint8_t *out, size_t cap, size_t *len)
{
	return decode(text, '-', '_', out, cap, len);
}

bool base64_decode(struct span text, uint8_t *out, size_t cap, size_t *len)
{
	unsigned padding = 0;

	if (text.len % 4 != 0)
		return false;
	while (padding < 2 && text.len > 0 && text.p[text.len - 1] == '=') {
		text.len--;
		padding++;
	}
	return decode(text, '+', '/', out, cap, len);
}
