/*
 * hello.c: ClientHellos from sources that have proved nothing yet,
 * answered without state (RFC 6347 4.2.1).
 */
#include "dtls/hello.h"

#include "dcmf/base/counters.h"
#include "dcmf/base/random.h"
#include "dtls/client_hello.h"
#include "dtls/openssl.h"

/*
 * Ours: longer than any client goes on repeating one hello, short enough that a
 * stolen cookie is soon worth nothing.
 */
#define EPOCH TICK_S(60)
/* HMAC-SHA-256 cut to 128 bits (RFC 2104 5). Short: it makes the second hello longer. */
#define COOKIE 16

void hello_keys_init(struct hello_keys *k, tick_t now)
{
	random_bytes(k->key, sizeof(k->key));
	k->rotate_at = tick_add(now, EPOCH);
}

static void rotate(struct hello_keys *k, tick_t now)
{
	if (!tick_due(k->rotate_at, now))
		return;
	if (tick_due(tick_add(k->rotate_at, EPOCH), now)) { /* nobody asked for a whole epoch */
		hello_keys_init(k, now);
		return;
	}
	memcpy(k->key[1], k->key[0], sizeof(k->key[0]));
	random_bytes(k->key[0], sizeof(k->key[0]));
	k->rotate_at = tick_add(k->rotate_at, EPOCH);
}

static bool make_cookie(
	const uint8_t key[32], const struct path *path, struct span random, uint8_t cookie[COOKIE])
{
	uint8_t text[2 * sizeof(struct addr) + HELLO_RANDOM], md[EVP_MAX_MD_SIZE];
	struct wr w = WR(text, sizeof(text));

	wr_span(&w, SPAN(&path->local, sizeof(path->local)));
	wr_span(&w, SPAN(&path->remote, sizeof(path->remote)));
	wr_span(&w, random);
	if (HMAC(EVP_sha256(), key, 32, text, w.len, md, NULL) == NULL) {
		ERR_clear_error();
		return false;
	}
	memcpy(cookie, md, COOKIE);
	return true;
}

static bool cookie_is_ours(
	const struct hello_keys *k, const struct path *path, const struct client_hello *h)
{
	uint8_t right[COOKIE];

	if (h->cookie.len != COOKIE)
		return false;
	for (int i = 0; i < 2; i++) {
		if (make_cookie(k->key[i], path, h->random, right) &&
			CRYPTO_memcmp(right, h->cookie.p, COOKIE) == 0)
			return true;
	}
	return false;
}

/*
 * Record and message carry the numbers of the hello they answer. So says RFC 6347 4.2.1 of
 * the record, which keeps the replay check of a client that was challenged several times
 * from eating the ServerHello; and for the message it is what a client expects that is
 * challenged again because its cookie grew old.
 */
static size_t write_challenge(
	const struct client_hello *h, const uint8_t cookie[COOKIE], uint8_t reply[HELLO_REPLY_MAX])
{
	uint8_t body[2 + 1 + COOKIE];
	struct wr b = WR(body, sizeof(body)), w = WR(reply, HELLO_REPLY_MAX);
	struct fragment f = { .type = HANDSHAKE_HELLO_VERIFY_REQUEST, .message = h->message };
	struct record rec = { .type = RECORD_HANDSHAKE, .version = DTLS_1_0, .seq = h->record_seq };

	wr_u16(&b, DTLS_1_0); /* whatever will be agreed: it tells the format only */
	wr_u8(&b, COOKIE);
	wr_span(&b, SPAN(cookie, COOKIE));

	return record_write_message(&w, &rec, &f, SPAN(body, b.len));
}

static enum hello_verdict judge(struct hello_keys *k, tick_t now, const struct path *path,
	const struct client_hello *h, uint8_t *reply, size_t *reply_len)
{
	uint8_t cookie[COOKIE];

	if (h->message > HELLO_ROUNDS_MAX) {
		count(dtls_malformed_total);
		return HELLO_MALFORMED;
	}
	rotate(k, now);
	if (cookie_is_ours(k, path, h))
		return HELLO_PROVEN;
	if (h->cookie.len > 0)
		count(dtls_cookie_bad_total);
	if (!make_cookie(k->key[0], path, h->random, cookie)) {
		count(allocation_failed_total);
		return HELLO_NOT_ONE; /* dropped; the client asks again */
	}
	*reply_len = write_challenge(h, cookie, reply);
	count(dtls_hello_verify_total);
	return HELLO_CHALLENGED;
}

enum hello_verdict hello_screen(struct hello_keys *k, tick_t now, const struct path *path,
	struct span dgram, uint8_t *reply, size_t *reply_len)
{
	struct client_hello h;

	*reply_len = 0;
	switch (client_hello_read(dgram, &h)) {
	case CLIENT_HELLO_NONE: return HELLO_NOT_ONE;
	case CLIENT_HELLO_LATER: return HELLO_LATER_PART;
	case CLIENT_HELLO_FIRST: return judge(k, now, path, &h, reply, reply_len);
	case CLIENT_HELLO_MALFORMED: break;
	}
	count(dtls_malformed_total);
	return HELLO_MALFORMED;
}
