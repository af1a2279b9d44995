/*
 * record.c: the outer forms of DTLS 1.2 on the wire: records (RFC 6347 4.1) and
 * pieces of handshake messages (4.2.2).
 */
#include "dtls/record.h"

/* RFC 5246 6.2.3: an encrypted record is at most this long. */
#define RECORD_BODY_MAX (16384 + 2048)
/* No handshake message we could agree to is longer. Ours: a certificate chain of 16 KiB. */
#define MESSAGE_MAX 17000

bool record_read(struct rd *r, struct record *out)
{
	out->type = rd_u8(r);
	out->version = rd_u16(r);
	out->epoch = rd_u16(r);
	out->seq = rd_u48(r);
	out->body = rd_span(r, rd_u16(r));
	return !r->failed && out->type >= RECORD_CHANGE_CIPHER_SPEC && out->type <= RECORD_DATA &&
	       out->version >> 8 == 0xfe && out->body.len > 0 && out->body.len <= RECORD_BODY_MAX;
}

void record_write_header(struct wr *w, const struct record *rec)
{
	wr_u8(w, rec->type);
	wr_u16(w, rec->version);
	wr_u16(w, rec->epoch);
	wr_u48(w, rec->seq);
	wr_u16(w, (uint16_t)rec->body.len);
}

bool fragment_read(struct rd *r, struct fragment *out)
{
	uint32_t len;

	out->type = rd_u8(r);
	out->length = rd_u24(r);
	out->message = rd_u16(r);
	out->offset = rd_u24(r);
	len = rd_u24(r);
	out->body = rd_span(r, len);
	return !r->failed && out->offset <= out->length && len <= out->length - out->offset &&
	       out->length <= MESSAGE_MAX;
}

void fragment_write_header(struct wr *w, const struct fragment *f)
{
	wr_u8(w, f->type);
	wr_u24(w, f->length);
	wr_u16(w, f->message);
	wr_u24(w, f->offset);
	wr_u24(w, (uint32_t)f->body.len);
}

size_t record_write_message(struct wr *w, struct record *rec, struct fragment *f, struct span body)
{
	f->body = body;
	f->length = (uint32_t)body.len;
	rec->body.len = FRAGMENT_HEADER + body.len;
	record_write_header(w, rec);
	fragment_write_header(w, f);
	wr_span(w, body);
	return w->len;
}

/*
 * Handshake messages that travel in plaintext, by sender (RFC 5246 7.4, RFC
 * 6347 4.3.2); Finished never does.
 */
static const struct {
	bool from_client, from_server;
} plaintext_messages[HANDSHAKE_MAX] = {
	[HANDSHAKE_HELLO_REQUEST] = { false, true },
	[HANDSHAKE_CLIENT_HELLO] = { true, false },
	[2] = { false, true }, /* server_hello */
	[HANDSHAKE_HELLO_VERIFY_REQUEST] = { false, true },
	[4] = { false, true },  /* new_session_ticket */
	[11] = { true, true },  /* certificate */
	[12] = { false, true }, /* server_key_exchange */
	[13] = { false, true }, /* certificate_request */
	[14] = { false, true }, /* server_hello_done */
	[15] = { true, false }, /* certificate_verify */
	[16] = { true, false }, /* client_key_exchange */
	[22] = { false, true }, /* certificate_status */
};

static bool handshake_is_sound(struct span body, bool from_client)
{
	struct rd r = RD(body);
	struct fragment f;

	while (r.rest.len > 0) {
		if (!fragment_read(&r, &f) || f.type >= HANDSHAKE_MAX)
			return false;
		if (from_client ? !plaintext_messages[f.type].from_client
				: !plaintext_messages[f.type].from_server)
			return false;
	}
	return true;
}

bool record_is_sound(const struct record *rec, bool from_client)
{
	if (rec->epoch > 0)
		return true; /* its authentication tag tells */
	switch (rec->type) {
	case RECORD_HANDSHAKE: return handshake_is_sound(rec->body, from_client);
	case RECORD_ALERT:
		return rec->body.len == 2 && (rec->body.p[0] == 1 || rec->body.p[0] == 2);
	case RECORD_CHANGE_CIPHER_SPEC: return rec->body.len == 1 && rec->body.p[0] == 1;
	default: return false; /* no data in plaintext */
	}
}

void records_shift(uint8_t *dgram, size_t len, uint64_t shift)
{
	struct rd r = RD(SPAN(dgram, len));
	struct record rec;

	for (uint8_t *at = dgram; record_read(&r, &rec); at = dgram + (len - r.rest.len)) {
		struct wr w = WR(at + RECORD_SEQ_AT, 6);

		if (rec.epoch == 0)
			wr_u48(&w, (rec.seq + shift) & RECORD_SEQ_MASK);
	}
}
