/* handshake.c: the handshake of a connection, which OpenSSL does, up to the keys that it leaves. */
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dtls/client_hello.h"
#include "dtls/ctx.h"
#include "dtls/dtls_parts.h"
#include "dtls/failure.h"

/*
 * The first retransmission comes after 0.3 s, the next after twice that, up to 3 s. Ours: RFC
 * 6347 4.2.4.1 has 1 s and 60 s, but somebody waits for a call, and whoever tries seven times in
 * half a minute fails one time in a hundred where a third of all datagrams gets lost. OpenSSL
 * gives up after 12 repetitions, here 31.5 s.
 */
#define RETRANSMIT_US     300000U
#define RETRANSMIT_MAX_US 3000000U
/* OpenSSL forgets nonce and tag of an encrypted record when it cuts a flight to the MTU. */
#define AEAD_COST 24
/* No record of a handshake is longer than a datagram; OpenSSL sizes a buffer by it. */
#define SEND_MAX DTLS_MTU_MAX
/*
 * Encrypted records that come before they can be read: a Finished that overtook its Certificate,
 * data that overtook the Finished, or forgeries. Ours: four full datagrams; more is lost, as on any
 * network, and repeated.
 */
#define EARLY_MAX ((size_t)4 * DTLS_MTU_MAX)

static unsigned next_timeout(SSL *ssl, unsigned last_us)
{
	if (last_us == 0)
		return RETRANSMIT_US;
	return last_us < RETRANSMIT_MAX_US / 2 ? last_us * 2 : RETRANSMIT_MAX_US;
}

bool handshake_init(struct dtls *d, const struct dtls_config *config)
{
	BIO *bio;

	if ((d->ssl = SSL_new(d->ctx->ssl)) == NULL ||
		(bio = wire_bio_create(d->ctx->wire, &d->wire)) == NULL)
		return false;
	SSL_set_bio(d->ssl, bio, bio);
	SSL_set_app_data(d->ssl, d);
	SSL_set_mtu(d->ssl, config->mtu - AEAD_COST);
	SSL_set_max_send_fragment(d->ssl, SEND_MAX);
	DTLS_set_timer_cb(d->ssl, next_timeout);
	if (config->role == DTLS_CLIENT)
		SSL_set_connect_state(d->ssl);
	else
		SSL_set_accept_state(d->ssl);
	return true;
}

/* ---- the peer's certificate ---- */

/*
 * One is enough: SDP names the certificates a peer may use, and the same
 * one by several hashes (RFC 8122 5.1).
 */
static bool peer_is_known(struct dtls *d, const X509 *x509)
{
	struct fingerprint seen;

	for (size_t i = 0; i < d->peer_count; i++) {
		if (hash_is_strong(d->peer[i].hash) &&
			x509_fingerprint(x509, d->peer[i].hash, &seen) == ERR_OK &&
			fingerprint_eq(&seen, &d->peer[i])) {
			d->info.peer = seen;
			return true;
		}
	}
	return false;
}

int dtls_verify_peer(X509_STORE_CTX *store, void *unused)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct dtls *d = SSL_get_app_data(ssl);

	if (peer_is_known(d, X509_STORE_CTX_get0_cert(store))) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	d->refusal = CLOSE_DTLS_FINGERPRINT;
	/* bad_certificate (RFC 8122 6.2) */
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

/* ---- the end: OpenSSL's keys become ours ---- */

/* As SDP and RFC 8446 would write them. */
static const char *group_name(int nid)
{
	switch (nid) {
	case NID_X25519: return "X25519";
	case NID_X9_62_prime256v1: return "P-256";
	case NID_secp384r1: return "P-384";
	default: return "unknown";
	}
}

/* OpenSSL grants a client the length that it asks for (RFC 6066 4), and obeys. */
static uint16_t plaintext_max(const SSL *ssl)
{
	uint8_t wish = SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl));

	return wish == TLSEXT_max_fragment_length_DISABLED ? DTLS_PLAINTEXT_MAX
							   : (uint16_t)(256U << wish);
}

/* The texts are constants of OpenSSL's and stay when the connection goes. */
static void note_info(struct dtls *d)
{
	d->info.version = SSL_get_version(d->ssl);
	d->info.cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(d->ssl));
	d->info.group = group_name((int)SSL_get_negotiated_group(d->ssl));
	d->info.plaintext_max = plaintext_max(d->ssl);
}

static bool take_secrets(const SSL *ssl, struct secrets *s)
{
	return SSL_SESSION_get_master_key(SSL_get_session(ssl), s->master, MASTER_SECRET) ==
		       MASTER_SECRET &&
	       SSL_get_client_random(ssl, s->client_random, TLS_RANDOM) == TLS_RANDOM &&
	       SSL_get_server_random(ssl, s->server_random, TLS_RANDOM) == TLS_RANDOM;
}

/* Are the numbers known that OpenSSL has used? Otherwise a nonce might be used twice. */
static bool numbers_are_known(const struct numbers *n, enum aead aead)
{
	return !n->epoch_leaps && n->sealed_next > 0 &&
	       (aead == AEAD_CHACHA20_POLY1305 || !n->nonce_leaps);
}

static bool take_keys(struct dtls *d)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(d->ssl);
	const EVP_MD *hash = SSL_CIPHER_get_handshake_digest(cipher);
	const struct numbers *n = &d->wire.numbers;
	struct secrets secrets;
	struct protect_config config = {
		.algorithms = &d->ctx->algorithms,
		.aead = aead_of_nid(SSL_CIPHER_get_cipher_nid(cipher)),
		.secrets = &secrets,
		.is_client = d->role == DTLS_CLIENT,
		.next_seq = n->sealed_next,
		.next_nonce = n->nonce_next,
		.proof = SPAN(n->finished, n->finished_len),
	};
	bool ok;

	if (hash == NULL || !numbers_are_known(n, config.aead))
		return false;
	config.hash = EVP_MD_get0_name(hash);
	ok = take_secrets(d->ssl, &secrets) &&
	     protect_init(&d->protect, &config, d->finished, sizeof(d->finished), &d->finished_len);
	mem_wipe(&secrets, sizeof(secrets));
	return ok;
}

/*
 * Whatever else is wanted of OpenSSL's connection is taken here, before it goes: keys for SRTP (RFC
 * 5764 4.2, SSL_export_keying_material()) among it.
 */
static void set_open(struct dtls *d)
{
	if (d->info.peer.len == 0) { /* cannot be: OpenSSL was told to insist on a certificate */
		dtls_set_closed(d, CLOSE_DTLS_NO_CERTIFICATE);
		return;
	}
	if (!take_keys(d)) {
		SSL_shutdown(d->ssl); /* it still can say goodbye */
		ERR_clear_error();
		dtls_set_closed(d, CLOSE_DTLS_KEYS);
		return;
	}
	note_info(d);
	SSL_free(d->ssl);
	d->ssl = NULL;
	d->deadline = TICK_NEVER;
	count(dtls_connected_total);
	open_begin(d);
}

/* ---- steps ---- */

/*
 * What OpenSSL returns and SSL_get_error() cannot be trusted here: a fatal alert looks
 * like a want of input, and a forged record that was rightly ignored
 * may leave an error behind. Its state tells.
 */
static bool is_broken(const struct dtls *d)
{
	return strcmp(SSL_state_string(d->ssl), "SSLERR") == 0;
}

/* OpenSSL stopped. For want of a datagram, which is how every step ends, or for good? */
static void settle(struct dtls *d)
{
	if (is_broken(d))
		dtls_set_closed(d, d->refusal ? d->refusal : failure_reason());
	else if (SSL_get_shutdown(d->ssl) & SSL_RECEIVED_SHUTDOWN)
		dtls_set_closed(d, CLOSE_PEER_CLOSE_NOTIFY);
}

static void shake(struct dtls *d)
{
	if (SSL_do_handshake(d->ssl) == 1)
		set_open(d);
	else
		settle(d);
}

static void repeat_flight(struct dtls *d)
{
	if (DTLSv1_handle_timeout(d->ssl) < 0)
		dtls_set_closed(d, failure_reason());
}

/*
 * Lets OpenSSL do one thing. `records` are gone from d->wire afterwards,
 * whoever lent them, and the answer is out.
 */
static void step(struct dtls *d, struct span records, void (*what)(struct dtls *))
{
	uint8_t store[DTLS_MTU_MAX];
	struct wr flight = WR(store, d->wire.mtu);

	/* so that the last error, if one comes, is ours; to look first is ten times as fast */
	if (ERR_peek_error() != 0)
		ERR_clear_error();
	d->wire.in = records;
	d->wire.flight = &flight;
	what(d);
	wire_flush(&d->wire);
	d->wire.flight = NULL;
	d->wire.in = SPAN_NONE;
}

static void set_deadline(struct dtls *d)
{
	struct timeval left;

	if (d->state != DTLS_HANDSHAKING || !DTLSv1_get_timeout(d->ssl, &left))
		d->deadline = TICK_NEVER;
	else
		d->deadline = tick_add(d->now, left.tv_sec * TICK_S(1) + left.tv_usec);
}

void handshake_start(struct dtls *d)
{
	step(d, SPAN_NONE, shake);
	set_deadline(d);
}

void handshake_expire(struct dtls *d)
{
	step(d, SPAN_NONE, repeat_flight);
	set_deadline(d);
}

/* ---- encrypted records ---- */

static bool can_decrypt(const struct dtls *d)
{
	OSSL_HANDSHAKE_STATE at = SSL_get_state(d->ssl);

	return at == TLS_ST_SR_CHANGE || at == TLS_ST_CR_CHANGE;
}

static void keep_early(struct dtls *d, struct span record)
{
	uint8_t *longer;

	if (record.len > EARLY_MAX - d->early_len)
		return;
	if ((longer = mem_realloc(d->early, d->early_len + record.len)) == NULL) {
		count(allocation_failed_total);
		return;
	}
	memcpy(longer + d->early_len, record.p, record.len);
	d->early = longer;
	d->early_len += record.len;
}

/*
 * A handshake message, the only kind of encrypted record that OpenSSL sees: data is ours, and so is
 * an alert behind the Finished.
 */
static void feed_sealed(struct dtls *d, struct span whole, uint64_t seq)
{
	if (d->state != DTLS_HANDSHAKING)
		return; /* one before it was the last */
	step(d, whole, shake);
	if (d->state == DTLS_OPEN)
		protect_was_taken(&d->protect, seq);
}

/* Handshake messages leave the early ones; the others stay until the connection is open. */
static void feed_early(struct dtls *d)
{
	struct rd r = RD(SPAN(d->early, d->early_len));
	struct record rec;
	size_t kept = 0;

	while (r.rest.len > 0) {
		struct span whole = r.rest;

		if (!record_read(&r, &rec))
			break; /* cannot be: it was read when it came */
		whole.len -= r.rest.len;
		if (rec.type == RECORD_HANDSHAKE) {
			feed_sealed(d, whole, rec.seq);
			continue;
		}
		memmove(d->early + kept, whole.p, whole.len);
		kept += whole.len;
	}
	d->early_len = kept;
	d->early_rest = SPAN(d->early, kept);
}

static void sealed_input(struct dtls *d, const struct record *rec, struct span whole)
{
	if (rec->epoch != EPOCH_SEALED)
		count(dtls_malformed_total);
	else if (rec->type == RECORD_HANDSHAKE && can_decrypt(d))
		feed_sealed(d, whole, rec->seq);
	else
		keep_early(d, whole);
}

/* ---- plaintext records ---- */

/*
 * The client has obeyed HelloVerifyRequests that OpenSSL knows nothing of. So it is given the
 * cookie-less hellos it missed, which put it into the right state and stay out of the transcript,
 * and its answers are thrown away. Those used up record numbers; shifted, the ServerHello carries
 * the number of the hello it answers (RFC 6347 4.2.1).
 */
static void play_prelude(struct dtls *d, const struct client_hello *h)
{
	uint8_t bare[BARE_HELLO_MAX];
	/*
	 * Numbers the client has used up already, or if it has not, will
	 * hardly use: OpenSSL takes each once.
	 */
	uint64_t seq = h->record_seq >= h->message ? h->record_seq - h->message : h->record_seq + 1;

	SSL_set_options(d->ssl, SSL_OP_COOKIE_EXCHANGE);
	d->wire.is_mute = true;
	for (uint16_t i = 0; i < h->message && d->state == DTLS_HANDSHAKING; i++)
		step(d, SPAN(bare, client_hello_write_bare(h, i, seq + i, bare)), shake);
	d->wire.is_mute = false;
	d->wire.seq_shift = (h->record_seq - h->message) & RECORD_SEQ_MASK;
}

/*
 * Before a hello has begun nothing else is let in: an alert left over from an
 * earlier association would end this one.
 */
static bool begins_here(struct dtls *d, struct span records)
{
	struct client_hello h;

	switch (client_hello_read(records, &h)) {
	case CLIENT_HELLO_LATER: return !d->cookie_shown && h.message == 0; /* overtook the first */
	case CLIENT_HELLO_FIRST: break;
	default: return false;
	}
	if (h.message > HELLO_ROUNDS_MAX)
		return false;
	if (h.message > 0)
		play_prelude(d, &h);
	d->awaits_hello = false;
	return d->state == DTLS_HANDSHAKING;
}

static void plain_input(struct dtls *d, struct span records)
{
	step(d, records, shake);
	if (d->state == DTLS_HANDSHAKING && d->early_len > 0 && can_decrypt(d))
		feed_early(d);
}

/* ---- datagrams ---- */

/*
 * Records that OpenSSL gets at once: plaintext in a row, or one that is encrypted; each of those
 * may be the last of the handshake.
 */
struct run {
	struct span records;
	bool is_sealed;
	struct record last;
};

/* False: the datagram is over, or the rest of it is garbage, which is thrown away. */
static bool next_run(struct dtls *d, struct rd *r, struct run *run)
{
	*run = (struct run){ .records = SPAN(r->rest.p, 0) };
	while (!run->is_sealed && r->rest.len > 0) {
		struct rd at = *r;
		struct record rec;

		if (!record_read(&at, &rec) || !record_is_sound(&rec, d->role == DTLS_SERVER)) {
			count(dtls_malformed_total);
			r->rest = SPAN_NONE;
			break;
		}
		if (rec.epoch > 0 && run->records.len > 0)
			break;
		run->is_sealed = rec.epoch > 0;
		run->last = rec;
		run->records.len += r->rest.len - at.rest.len;
		*r = at;
	}
	return run->records.len > 0;
}

void handshake_input(struct dtls *d, struct span dgram)
{
	struct rd r = RD(dgram);
	struct run run;

	while (d->state == DTLS_HANDSHAKING && next_run(d, &r, &run)) {
		if (d->awaits_hello && (run.is_sealed || !begins_here(d, run.records)))
			break;
		if (run.is_sealed)
			sealed_input(d, &run.last, run.records);
		else
			plain_input(d, run.records);
	}
	if (d->state == DTLS_OPEN)
		d->in = r.rest;
	set_deadline(d);
}
