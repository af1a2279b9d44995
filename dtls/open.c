/* open.c: an open connection: what its records do (RFC 6347 4.1.2, RFC 5246 7.2). */
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dtls/dtls_parts.h"

/*
 * How often our last flight is sent again, and no sooner than this after the last time. Ours: as
 * often as OpenSSL's clients repeat theirs, and Firefox begins with 50 ms; one that has it already
 * is not to be flooded.
 */
#define REPEATS_MAX 12
#define REPEAT_US   TICK_MS(20)

/*
 * Handshake messages and alerts that are longer are nothing that we could want. Ours: a full
 * datagram.
 */
#define CONTROL_MAX DTLS_MTU_MAX

enum alert_level { ALERT_WARNING = 1, ALERT_FATAL };
enum alert { CLOSE_NOTIFY = 0, NO_RENEGOTIATION = 100 };

void open_begin(struct dtls *d)
{
	d->state = DTLS_OPEN;
	d->repeated = d->now; /* it goes out now */
	d->early_rest = SPAN(d->early, d->early_len);
}

/* ---- out ---- */

static bool seal_and_send(struct dtls *d, enum record_type type, struct span plain)
{
	uint8_t record[RECORD_MAX];
	size_t len = protect_seal(&d->protect, type, plain, record);

	if (len > 0)
		d->wire.output(d->wire.arg, SPAN(record, len));
	return len > 0;
}

/* Best effort: an alert is never repeated (RFC 6347 4.1.2.7). */
static void send_alert(struct dtls *d, enum alert_level level, enum alert alert)
{
	const uint8_t bytes[] = { (uint8_t)level, (uint8_t)alert };

	seal_and_send(d, RECORD_ALERT, SPAN_OF(bytes));
}

void open_close(struct dtls *d)
{
	send_alert(d, ALERT_WARNING, CLOSE_NOTIFY);
}

enum err open_send(struct dtls *d, struct span plaintext)
{
	if (protect_is_spent(&d->protect)) {
		open_close(d);
		dtls_set_closed(d, CLOSE_DTLS_KEYS);
		return ERR_CLOSED;
	}
	return seal_and_send(d, RECORD_DATA, plaintext) ? ERR_OK : ERR_CRYPTO;
}

/*
 * A peer that repeats its Finished did not get ours, so ChangeCipherSpec and Finished go out once
 * more, as new records with new numbers (RFC 6347 4.2.2, 4.2.4). Only an authentic record gets
 * here: nobody else makes us send.
 */
static void repeat_last_flight(struct dtls *d)
{
	uint8_t dgram[RECORD_HEADER + 1 + RECORD_MAX];
	struct wr w = WR(dgram, sizeof(dgram));
	static const uint8_t change[] = { 1 };
	struct record rec = { .type = RECORD_CHANGE_CIPHER_SPEC,
		.version = DTLS_1_2,
		.seq = (d->wire.numbers.plain_next + d->wire.seq_shift) & RECORD_SEQ_MASK,
		.body = SPAN_OF(change) };
	size_t len;

	if (d->repeats == REPEATS_MAX || tick_before(d->now, tick_add(d->repeated, REPEAT_US)))
		return;
	d->repeats++;
	d->repeated = d->now;
	d->wire.numbers.plain_next++;
	record_write_header(&w, &rec);
	wr_span(&w, rec.body);
	len = protect_seal(
		&d->protect, RECORD_HANDSHAKE, SPAN(d->finished, d->finished_len), dgram + w.len);
	if (len > 0)
		d->wire.output(d->wire.arg, SPAN(dgram, w.len + len));
}

/* ---- in ---- */

static void on_alert(struct dtls *d, struct span alert)
{
	if (alert.len != 2 || (alert.p[0] != ALERT_WARNING && alert.p[0] != ALERT_FATAL)) {
		count(dtls_malformed_total);
	} else if (alert.p[1] == CLOSE_NOTIFY) {
		open_close(d); /* answers with ours (RFC 5246 7.2.1) */
		dtls_set_closed(d, CLOSE_PEER_CLOSE_NOTIFY);
	} else if (alert.p[0] == ALERT_FATAL) {
		dtls_set_closed(d, CLOSE_DTLS_ALERT);
	}
}

static void on_handshake(struct dtls *d, struct span message)
{
	struct rd r = RD(message);
	struct fragment f;
	uint8_t asks = d->role == DTLS_SERVER ? HANDSHAKE_CLIENT_HELLO : HANDSHAKE_HELLO_REQUEST;

	if (!fragment_read(&r, &f)) {
		count(dtls_malformed_total);
		return;
	}
	if (f.offset > 0)
		return; /* the first piece was enough */
	if (f.type == asks)
		send_alert(d, ALERT_WARNING, NO_RENEGOTIATION); /* RFC 5246 7.2.2 */
	else if (f.type == HANDSHAKE_FINISHED && d->role == DTLS_SERVER)
		repeat_last_flight(d);
	/* a client has the last word already, and everything else is late */
}

/* Whatever is not data. In plaintext there are but late repetitions of the handshake: ignored. */
static void on_control(struct dtls *d, const struct record *rec)
{
	uint8_t plain[CONTROL_MAX];
	size_t len;

	if (rec->epoch == 0) {
		if (!record_is_sound(rec, d->role == DTLS_SERVER))
			count(dtls_malformed_total);
		return;
	}
	if (!protect_open(&d->protect, rec, plain, sizeof(plain), &len))
		return;
	switch (rec->type) {
	case RECORD_ALERT: on_alert(d, SPAN(plain, len)); break;
	case RECORD_HANDSHAKE: on_handshake(d, SPAN(plain, len)); break;
	default: count(dtls_malformed_total); break;
	}
}

static void drop_early(struct dtls *d)
{
	mem_free(d->early);
	d->early = NULL;
	d->early_len = 0;
	d->early_rest = SPAN_NONE;
}

/* Where the next record is: what came early came first. */
static struct span *source(struct dtls *d)
{
	if (d->early_rest.len > 0)
		return &d->early_rest;
	if (d->early != NULL)
		drop_early(d);
	return &d->in;
}

/*
 * Reads on, acting on everything else, to a record of data; it says so itself, its tag will tell.
 * It stays where it is, *from. False: there is none.
 */
static bool find_data(struct dtls *d, struct record *rec, struct span **from, struct span *behind)
{
	while (d->state == DTLS_OPEN && (*from = source(d))->len > 0) {
		struct rd r = RD(**from);

		if (!record_read(&r, rec)) {
			count(dtls_malformed_total);
			**from = SPAN_NONE; /* nobody knows where the next one begins */
			continue;
		}
		*behind = r.rest;
		if (rec->epoch > 0 && rec->type == RECORD_DATA)
			return true;
		**from = r.rest;
		on_control(d, rec);
	}
	return false;
}

void open_absorb(struct dtls *d)
{
	struct span *from, behind;
	struct record rec;

	/* nothing to do before the first one, as nearly always: it is parsed when it is read */
	if (d->early == NULL && d->in.len > 0 && d->in.p[0] == RECORD_DATA)
		return;
	find_data(d, &rec, &from, &behind);
}

bool open_read(struct dtls *d, uint8_t *buf, size_t cap, size_t *len)
{
	struct span *from, behind;
	struct record rec;

	while (find_data(d, &rec, &from, &behind)) {
		*from = behind;
		/* an empty record is legal and says nothing (RFC 5246 6.2.1) */
		if (protect_open(&d->protect, &rec, buf, cap, len) && *len > 0)
			return true;
	}
	return false;
}
