/* fingerprint.c: certificate fingerprints as SDP and TS 29.571 write them (RFC 8122 5). */
#include "dtls/fingerprint.h"

#include "dcmf/base/chars.h"

/* The hash functions of RFC 8122 5, with the length of what they make. */
static const struct {
	const char *name;
	uint8_t len;
	bool is_strong;
} hashes[HASH_MAX] = {
	[HASH_MD2] = { "MD2", 16, false },
	[HASH_MD5] = { "MD5", 16, false },
	[HASH_SHA1] = { "SHA-1", 20, false },
	[HASH_SHA224] = { "SHA-224", 28, false },
	[HASH_SHA256] = { "SHA-256", 32, true },
	[HASH_SHA384] = { "SHA-384", 48, true },
	[HASH_SHA512] = { "SHA-512", 64, true },
};

bool hash_is_strong(enum hash h)
{
	return h < HASH_MAX && hashes[h].is_strong;
}

const char *hash_name(enum hash h)
{
	return h < HASH_MAX ? hashes[h].name : "?";
}

static enum hash hash_by_name(struct span name)
{
	enum hash h = HASH_MD2;

	while (h < HASH_MAX && !span_eq_nocase(name, SPAN_STR(hashes[h].name)))
		h++;
	return h;
}

/* "AB:CD:..", exactly `len` bytes of it. */
static bool parse_bytes(struct span text, uint8_t *out, size_t len)
{
	if (text.len != len * 3 - 1)
		return false;
	for (size_t i = 0; i < len; i++) {
		const uint8_t *at = text.p + i * 3;
		int high = char_hex(at[0]), low = char_hex(at[1]);

		if (high < 0 || low < 0 || (i + 1 < len && at[2] != ':'))
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

enum err fingerprint_parse(struct span text, struct fingerprint *out)
{
	struct span value = span_trim(text);
	struct span name = span_cut(&value, ' ');
	enum hash h = hash_by_name(name);
	struct fingerprint f = { .hash = (uint8_t)h };

	if (h == HASH_MAX)
		return ERR_MALFORMED;
	f.len = hashes[h].len;
	if (!parse_bytes(span_trim(value), f.md, f.len))
		return ERR_MALFORMED;
	*out = f;
	return hash_is_strong(h) ? ERR_OK : ERR_WEAK_HASH;
}

const char *fingerprint_text(const struct fingerprint *f, char buf[FINGERPRINT_TEXT_MAX])
{
	static const char digits[] = "0123456789ABCDEF";
	const char *name = hash_name(f->hash);
	size_t at = strlen(name);

	memcpy(buf, name, at);
	for (size_t i = 0; i < f->len; i++) {
		buf[at++] = i == 0 ? ' ' : ':';
		buf[at++] = digits[f->md[i] >> 4];
		buf[at++] = digits[f->md[i] & 15];
	}
	buf[at] = '\0';
	return buf;
}

bool fingerprint_eq(const struct fingerprint *a, const struct fingerprint *b)
{
	return a->hash == b->hash && a->len == b->len && memcmp(a->md, b->md, a->len) == 0;
}
