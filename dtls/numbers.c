/* numbers.c: the record numbers and nonces that OpenSSL used up while it shook hands. */
#include "dtls/numbers.h"

#include "dtls/record.h"

static void note_plain(struct numbers *n, const struct record *rec)
{
	if (rec->seq >= n->plain_next)
		n->plain_next = rec->seq + 1;
}

/*
 * Where no nonce is in the record (ChaCha20) its ciphertext is taken for one: nobody asks for it
 * then.
 */
static void note_nonce(struct numbers *n, const struct record *rec)
{
	struct rd r = RD(rec->body);
	uint64_t high = rd_u32(&r), nonce = high << 32 | rd_u32(&r);

	n->nonce_leaps |= r.failed || (n->sealed_next > 0 && nonce != n->nonce_next);
	n->nonce_next = nonce + 1;
}

static void keep_finished(struct numbers *n, struct span record)
{
	n->finished_len = 0;
	if (record.len > sizeof(n->finished))
		return;
	memcpy(n->finished, record.p, record.len);
	n->finished_len = record.len;
}

static void note_sealed(struct numbers *n, const struct record *rec, struct span whole)
{
	note_nonce(n, rec);
	if (rec->seq >= n->sealed_next)
		n->sealed_next = rec->seq + 1;
	if (rec->type == RECORD_HANDSHAKE)
		keep_finished(n, whole);
}

void numbers_note(struct numbers *n, struct span records)
{
	struct rd r = RD(records);
	struct record rec;

	while (r.rest.len > 0) {
		struct span from = r.rest;

		if (!record_read(&r, &rec)) {
			n->epoch_leaps = true; /* no record of DTLS 1.2: nothing is known of it */
			return;
		}
		if (rec.epoch == 0)
			note_plain(n, &rec);
		else if (rec.epoch == 1)
			note_sealed(n, &rec, SPAN(from.p, from.len - r.rest.len));
		else
			n->epoch_leaps = true;
	}
}
