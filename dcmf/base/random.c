/* random.c: unpredictable bytes and tokens from the kernel. */
#include "dcmf/base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *out, size_t len)
{
	uint8_t *p = out;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno != EINTR)
			abort();
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
}

uint64_t random_u64(void)
{
	uint64_t v;

	random_bytes(&v, sizeof(v));
	return v;
}

static void random_letters(char *out, size_t len, const char *set, uint8_t mask)
{
	random_bytes(out, len);
	for (size_t i = 0; i < len; i++)
		out[i] = set[(uint8_t)out[i] & mask];
	out[len] = '\0';
}

void random_token(char *out, size_t len)
{
	random_letters(
		out, len, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 63);
}

void random_hex(char *out, size_t len)
{
	random_letters(out, len, "0123456789abcdef", 15);
}
