/*
 * fuzz_fingerprint.c: any text as a fingerprint; what parses must come
 * back the same from its own text.
 */
#include <assert.h>

#include "dtls/fingerprint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fingerprint f, again;
	char text[FINGERPRINT_TEXT_MAX];
	enum err e = fingerprint_parse(SPAN(data, size), &f);

	if (e != ERR_OK && e != ERR_WEAK_HASH)
		return 0;
	assert(hash_is_strong(f.hash) == (e == ERR_OK));
	assert(fingerprint_parse(span_str(fingerprint_text(&f, text)), &again) == e);
	assert(fingerprint_eq(&f, &again));
	return 0;
}
