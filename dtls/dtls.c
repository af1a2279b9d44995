/* dtls.c: one DTLS 1.2 connection, as bytes in and bytes out. */
#include "dtls/dtls.h"

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dtls/bio.h"
#include "dtls/client_hello.h"
#include "dtls/ctx.h"
#include "dtls/failure.h"
#include "dtls/openssl.h"

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
/*
 * A send buffer that is enough for what the relay sends; a longer record
 * makes it grow to DTLS_PLAINTEXT_MAX.
 */
#define SEND_MAX DTLS_MTU_MAX
/*
 * Encrypted records that come before we can decrypt them: a Finished that overtook its
 * Certificate, or forgeries. OpenSSL keeps 17 KB for each, up to 100. Ours: this many,
 * the others are repeated with their flight.
 */
#define EARLY_MAX 4

struct dtls {
	SSL *ssl;
	struct dtls_ctx *ctx;
	struct wire wire; /* SSL's BIO points here */
	enum dtls_role role;
	enum dtls_state state;
	enum close_reason reason;
	tick_t deadline;
	bool cookie_shown;
	bool awaits_hello; /* server: no first fragment of a hello has come yet */
	bool rests;        /* without buffers: OpenSSL must not write before it has them again */
	uint8_t early;
	uint16_t send_max;          /* longest plaintext the send buffer takes */
	enum close_reason refusal;  /* of the peer's certificate */
	struct fingerprint matched; /* len 0: none yet */
	size_t peer_count;
	struct fingerprint peer[];
};

static unsigned next_timeout(SSL *ssl, unsigned last_us)
{
	if (last_us == 0)
		return RETRANSMIT_US;
	return last_us < RETRANSMIT_MAX_US / 2 ? last_us * 2 : RETRANSMIT_MAX_US;
}

static bool open_ssl(struct dtls *d, const struct dtls_config *config)
{
	BIO *bio;

	if ((d->ssl = SSL_new(d->ctx->ssl)) == NULL ||
		(bio = wire_bio_create(d->ctx->wire, &d->wire)) == NULL)
		return false;
	SSL_set_bio(d->ssl, bio, bio);
	SSL_set_app_data(d->ssl, d);
	SSL_set_mtu(d->ssl, config->mtu - AEAD_COST);
	SSL_set_max_send_fragment(d->ssl, d->send_max);
	DTLS_set_timer_cb(d->ssl, next_timeout);
	if (config->role == DTLS_CLIENT)
		SSL_set_connect_state(d->ssl);
	else
		SSL_set_accept_state(d->ssl);
	return true;
}

struct dtls *dtls_create(const struct dtls_config *config)
{
	struct dtls *d = mem_zalloc(sizeof(*d) + config->peer_count * sizeof(struct fingerprint));

	if (d == NULL)
		return NULL;
	count(dtls_connections);
	d->ctx = dtls_ctx_ref(config->ctx);
	d->role = config->role;
	d->state = DTLS_HANDSHAKING;
	d->deadline = TICK_NEVER;
	d->send_max = SEND_MAX;
	d->cookie_shown = config->cookie_shown;
	d->awaits_hello = config->role == DTLS_SERVER;
	d->wire = (struct wire){ .mtu = config->mtu, .output = config->output, .arg = config->arg };
	d->peer_count = config->peer_count;
	memcpy(d->peer, config->peer, config->peer_count * sizeof(struct fingerprint));
	if (!open_ssl(d, config)) {
		ERR_clear_error();
		dtls_destroy(d);
		return NULL;
	}
	return d;
}

void dtls_destroy(struct dtls *d)
{
	if (d == NULL)
		return;
	SSL_free(d->ssl);
	dtls_ctx_unref(d->ctx);
	mem_free(d);
	count_add(dtls_connections, -1);
}

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
			d->matched = seen;
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

static void set_closed(struct dtls *d, enum close_reason reason)
{
	if (d->state == DTLS_HANDSHAKING && reason != CLOSE_LOCAL)
		count(dtls_failed_total);
	if (reason == CLOSE_DTLS_FINGERPRINT)
		count(dtls_fingerprint_total);
	d->state = DTLS_CLOSED;
	d->reason = reason;
	d->deadline = TICK_NEVER;
	d->wire.in = SPAN_NONE;
}

static void set_open(struct dtls *d)
{
	if (d->matched.len == 0) { /* cannot be: OpenSSL was told to insist on a certificate */
		set_closed(d, CLOSE_DTLS_NO_CERTIFICATE);
		return;
	}
	d->state = DTLS_OPEN;
	d->deadline = TICK_NEVER;
	count(dtls_connected_total);
}

/*
 * What OpenSSL returns and SSL_get_error() cannot be trusted here: in a handshake a
 * fatal alert looks like a want of input, and a forged record that was rightly ignored
 * may leave an error behind. Its state tells.
 */
static bool is_broken(const struct dtls *d)
{
	return strcmp(SSL_state_string(d->ssl), "SSLERR") == 0;
}

/* OpenSSL stopped. For want of a datagram, which is how every step ends, or for good? */
static void settle(struct dtls *d)
{
	if (is_broken(d)) {
		set_closed(d, d->refusal ? d->refusal : failure_reason());
	} else if (SSL_get_shutdown(d->ssl) & SSL_RECEIVED_SHUTDOWN) {
		if (d->state == DTLS_OPEN)
			SSL_shutdown(d->ssl); /* answers with ours (RFC 5246 7.2.1) */
		set_closed(d, CLOSE_PEER_CLOSE_NOTIFY);
	}
}

static void shake(struct dtls *d)
{
	if (SSL_do_handshake(d->ssl) == 1)
		set_open(d);
	else
		settle(d);
}

/*
 * Makes OpenSSL take the datagram over and act on what is not data; a
 * record of data waits for dtls_read().
 */
static void absorb(struct dtls *d)
{
	uint8_t first;

	if (SSL_peek(d->ssl, &first, 1) <= 0)
		settle(d);
}

static void set_deadline(struct dtls *d, tick_t now)
{
	struct timeval left;

	if (d->state != DTLS_HANDSHAKING || !DTLSv1_get_timeout(d->ssl, &left))
		d->deadline = TICK_NEVER;
	else
		d->deadline = tick_add(now, left.tv_sec * TICK_S(1) + left.tv_usec);
}

void dtls_rest(struct dtls *d)
{
	if (d->state == DTLS_OPEN && !d->rests)
		d->rests = SSL_free_buffers(d->ssl) == 1;
}

/* False: out of memory. */
static bool wake(struct dtls *d)
{
	if (d->rests && SSL_alloc_buffers(d->ssl) != 1)
		return false;
	d->rests = false;
	return true;
}

static void advance(struct dtls *d)
{
	if (d->state == DTLS_HANDSHAKING)
		shake(d);
	if (d->state == DTLS_OPEN)
		absorb(d);
}

static void repeat_flight(struct dtls *d)
{
	if (DTLSv1_handle_timeout(d->ssl) < 0)
		set_closed(d, failure_reason());
}

/*
 * Lets OpenSSL do one thing. `dgram` is gone from d->wire afterwards,
 * whoever lent it, and the answer is out.
 */
static void step(struct dtls *d, struct span dgram, void (*what)(struct dtls *))
{
	uint8_t store[DTLS_MTU_MAX];
	struct wr flight = WR(store, d->wire.mtu);

	/* so that the last error, if one comes, is ours; to look first is ten times as fast */
	if (ERR_peek_error() != 0)
		ERR_clear_error();
	d->wire.in = dgram;
	d->wire.flight = &flight;
	what(d);
	wire_flush(&d->wire);
	d->wire.flight = NULL;
	d->wire.in = SPAN_NONE;
}

static bool can_decrypt(const struct dtls *d)
{
	OSSL_HANDSHAKE_STATE at = SSL_get_state(d->ssl);

	return d->state == DTLS_OPEN || at == TLS_ST_SR_CHANGE || at == TLS_ST_CR_CHANGE;
}

/* The leading records that OpenSSL may see. */
static struct span sound_part(struct dtls *d, struct span dgram)
{
	struct rd r = RD(dgram);
	struct record rec;
	size_t sound = 0;

	while (r.rest.len > 0) {
		if (!record_read(&r, &rec) || !record_is_sound(&rec, d->role == DTLS_SERVER)) {
			count(dtls_malformed_total);
			break;
		}
		if (rec.epoch > 0 && !can_decrypt(d)) {
			if (d->early == EARLY_MAX)
				break;
			d->early++;
		}
		sound = dgram.len - r.rest.len;
	}
	return SPAN(dgram.p, sound);
}

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
		step(d, SPAN(bare, client_hello_write_bare(h, i, seq + i, bare)), advance);
	d->wire.is_mute = false;
	d->wire.seq_shift = (h->record_seq - h->message) & RECORD_SEQ_MASK;
}

/*
 * Before a hello has begun nothing else is let in: an alert left over from an
 * earlier association would end this one.
 */
static bool begins_here(struct dtls *d, struct span dgram)
{
	struct client_hello h;

	switch (client_hello_read(dgram, &h)) {
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

void dtls_start(struct dtls *d, tick_t now)
{
	if (d->role != DTLS_CLIENT || d->state != DTLS_HANDSHAKING)
		return;
	step(d, SPAN_NONE, advance);
	set_deadline(d, now);
}

void dtls_input(struct dtls *d, tick_t now, struct span dgram)
{
	struct span sound;

	if (d->state == DTLS_CLOSED)
		return;
	sound = sound_part(d, dgram);
	if (sound.len == 0)
		return;
	if (!wake(d)) {
		count(allocation_failed_total);
		ERR_clear_error();
		return; /* lost, as on any network */
	}
	if (d->awaits_hello && !begins_here(d, sound))
		return;
	step(d, sound, advance);
	set_deadline(d, now);
}

tick_t dtls_deadline(const struct dtls *d)
{
	return d->deadline;
}

void dtls_expire(struct dtls *d, tick_t now)
{
	if (d->state != DTLS_HANDSHAKING || !tick_due(d->deadline, now))
		return;
	step(d, SPAN_NONE, repeat_flight);
	set_deadline(d, now);
}

bool dtls_read(struct dtls *d, uint8_t *buf, size_t cap, size_t *len)
{
	int n;

	/* has_pending spares the way through OpenSSL that only finds out that there is nothing. */
	if (d->state != DTLS_OPEN || !SSL_has_pending(d->ssl))
		return false;
	n = SSL_read(d->ssl, buf, cap < DTLS_PLAINTEXT_MAX ? (int)cap : DTLS_PLAINTEXT_MAX);
	if (n <= 0) {
		settle(d);
		return false;
	}
	*len = (size_t)n;
	return true;
}

/* The write buffer follows; it holds nothing now, because our BIO takes all at once. */
static bool grow_send_buffer(struct dtls *d)
{
	if (SSL_set_max_send_fragment(d->ssl, DTLS_PLAINTEXT_MAX) != 1 ||
		SSL_alloc_buffers(d->ssl) != 1)
		return false;
	d->send_max = DTLS_PLAINTEXT_MAX;
	return true;
}

enum err dtls_send(struct dtls *d, struct span plaintext)
{
	if (d->state != DTLS_OPEN)
		return d->state == DTLS_CLOSED ? ERR_CLOSED : ERR_STATE;
	if (plaintext.len > DTLS_PLAINTEXT_MAX)
		return ERR_TOO_LONG;
	if (plaintext.len == 0)
		return ERR_OK; /* OpenSSL makes no empty record, and nobody would see it */
	if (!wake(d) || (plaintext.len > d->send_max && !grow_send_buffer(d)))
		return ERR_NO_MEMORY;
	if (SSL_write(d->ssl, plaintext.p, (int)plaintext.len) <= 0) {
		ERR_clear_error();
		return ERR_CRYPTO;
	}
	return ERR_OK;
}

void dtls_close(struct dtls *d)
{
	if (d->state == DTLS_CLOSED)
		return;
	if (d->state == DTLS_OPEN) {
		if (wake(d))
			SSL_shutdown(d->ssl);
		ERR_clear_error();
	}
	set_closed(d, CLOSE_LOCAL);
}

enum dtls_state dtls_state(const struct dtls *d)
{
	return d->state;
}

enum close_reason dtls_close_reason(const struct dtls *d)
{
	return d->reason;
}

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

void dtls_info(const struct dtls *d, struct dtls_info *out)
{
	*out = (struct dtls_info){
		.version = SSL_get_version(d->ssl),
		.cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(d->ssl)),
		.group = group_name((int)SSL_get_negotiated_group(d->ssl)),
		.peer = d->matched,
	};
}
