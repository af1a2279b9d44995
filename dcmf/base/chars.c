/* chars.c: single characters of texts that come from outside. */
#include "dcmf/base/chars.h"

int char_hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t char_utf8(struct span s)
{
	static const struct {
		uint8_t first, last, low, high; /* of the first byte, and of the second */
		uint8_t len;
	} forms[] = {
		{ 0x01, 0x7f, 0x00, 0x00, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t f = 0; s.len > 0 && f < sizeof(forms) / sizeof(forms[0]); f++) {
		if (s.p[0] < forms[f].first || s.p[0] > forms[f].last)
			continue;
		if (s.len < forms[f].len)
			return 0;
		if (forms[f].len > 1 && (s.p[1] < forms[f].low || s.p[1] > forms[f].high))
			return 0;
		for (size_t i = 2; i < forms[f].len; i++) {
			if (s.p[i] < 0x80 || s.p[i] > 0xbf)
				return 0;
		}
		return forms[f].len;
	}
	return 0;
}
