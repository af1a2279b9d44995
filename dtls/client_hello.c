/*
 * client_hello.c: the beginning of a ClientHello (RFC 6347 4.2.1),
 * which its first fragment must hold.
 */
#include "dtls/client_hello.h"

static bool read_body(struct span body, struct client_hello *out)
{
	struct rd r = RD(body);

	out->version = rd_u16(&r);
	out->random = rd_span(&r, HELLO_RANDOM);
	out->session_id = rd_span(&r, rd_u8(&r));
	out->cookie = rd_span(&r, rd_u8(&r));
	return !r.failed && out->version >> 8 == 0xfe && out->session_id.len <= 32;
}

enum client_hello_part client_hello_read(struct span dgram, struct client_hello *out)
{
	struct rd r = RD(dgram), body;
	struct record rec;
	struct fragment f;

	if (!record_read(&r, &rec))
		return CLIENT_HELLO_MALFORMED;
	if (rec.type != RECORD_HANDSHAKE || rec.epoch != 0)
		return CLIENT_HELLO_NONE;
	body = RD(rec.body);
	if (!fragment_read(&body, &f))
		return CLIENT_HELLO_MALFORMED;
	if (f.type != HANDSHAKE_CLIENT_HELLO)
		return CLIENT_HELLO_NONE;
	out->record_seq = rec.seq;
	out->message = f.message;
	if (f.offset > 0)
		return CLIENT_HELLO_LATER;
	return read_body(f.body, out) ? CLIENT_HELLO_FIRST : CLIENT_HELLO_MALFORMED;
}

size_t client_hello_write_bare(const struct client_hello *h, uint16_t message, uint64_t record_seq,
	uint8_t buf[BARE_HELLO_MAX])
{
	/* One suite that any table of ours holds, and no compression. */
	static const uint8_t suites_and_compression[] = { 0, 2, 0xc0, 0x2b, 1, 0 };
	uint8_t body[BARE_HELLO_MAX];
	struct wr b = WR(body, sizeof(body)), w = WR(buf, BARE_HELLO_MAX);
	struct fragment f = { .type = HANDSHAKE_CLIENT_HELLO, .message = message };
	struct record rec = { .type = RECORD_HANDSHAKE, .version = DTLS_1_0, .seq = record_seq };

	wr_u16(&b, h->version);
	wr_span(&b, h->random);
	wr_u8(&b, 0); /* session_id */
	wr_u8(&b, 0); /* cookie */
	wr_span(&b, SPAN_OF(suites_and_compression));

	return record_write_message(&w, &rec, &f, SPAN(body, b.len));
}
