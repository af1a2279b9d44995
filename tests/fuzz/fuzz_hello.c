/*
 * fuzz_hello.c: any datagram from a stranger; a challenge, if one is
 * given, must prove the same hello.
 */
#include <assert.h>

#include "dtls/hello.h"

/*
 * Where a hello of ours keeps the length of its cookie when it has no session
 * id, and the cookie of a challenge.
 */
#define COOKIE_LEN_AT   (13 + 12 + 2 + 32 + 1)
#define CHALLENGE_FIXED (13 + 12 + 2 + 1)

static struct path path;
static struct hello_keys keys = { .rotate_at = { INT64_MAX } };

/* The hello with the cookie of the challenge put in, its lengths mended. */
static void answer(struct span hello, const uint8_t *challenge, size_t challenge_len)
{
	uint8_t again[4096], reply[HELLO_REPLY_MAX];
	size_t cookie = challenge_len - CHALLENGE_FIXED, len = hello.len + cookie, reply_len;

	if (hello.len < COOKIE_LEN_AT + 1 || hello.p[COOKIE_LEN_AT - 1] != 0 ||
		hello.p[COOKIE_LEN_AT] != 0 || len > sizeof(again))
		return;
	memcpy(again, hello.p, COOKIE_LEN_AT + 1);
	memcpy(again + COOKIE_LEN_AT + 1, challenge + CHALLENGE_FIXED, cookie);
	memcpy(again + COOKIE_LEN_AT + 1 + cookie, hello.p + COOKIE_LEN_AT + 1,
		hello.len - COOKIE_LEN_AT - 1);
	again[COOKIE_LEN_AT] = (uint8_t)cookie;
	again[11] = (uint8_t)((len - 13) >> 8);
	again[12] = (uint8_t)(len - 13);
	again[14] = again[22] = 0;
	again[15] = again[23] = (uint8_t)((len - 25) >> 8);
	again[16] = again[24] = (uint8_t)(len - 25);
	assert(hello_screen(&keys, (tick_t){ 0 }, &path, SPAN(again, len), reply, &reply_len) ==
		HELLO_PROVEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t reply[HELLO_REPLY_MAX], none[HELLO_REPLY_MAX];
	size_t len, none_len;
	enum hello_verdict v;

	v = hello_screen(&keys, (tick_t){ 0 }, &path, SPAN(data, size), reply, &len);
	assert(len <= HELLO_REPLY_MAX && (len > 0) == (v == HELLO_CHALLENGED));
	if (v != HELLO_CHALLENGED)
		return 0;
	assert(len < size); /* no amplification */
	/* nobody takes our own challenge for a hello */
	assert(hello_screen(&keys, (tick_t){ 0 }, &path, SPAN(reply, len), none, &none_len) ==
		HELLO_NOT_ONE);
	answer(SPAN(data, size), reply, len);
	return 0;
}
