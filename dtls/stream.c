/* stream.c: one TLS connection as bytes in and bytes out. */
#include "dtls/stream.h"

#include "dcmf/base/alloc.h"
#include "dtls/describe.h"
#include "dtls/stream_parts.h"

/*
 * Ours: a record that was written, a flight of the handshake with our chain, and
 * answers to a peer that asks for some.
 */
#define OUT_MAX 131072

static struct tls *tls_of(struct filter *f)
{
	return (struct tls *)f;
}

static const struct tls *const_tls_of(const struct filter *f)
{
	return (const struct tls *)f;
}

/* ---- states ---- */

static void fail(struct tls *t)
{
	t->state = FILTER_FAILED;
	tls_name_failure(t->ssl, t->failure);
}

/* What OpenSSL's last answer means for us. */
static void take_answer(struct tls *t, int answer)
{
	switch (SSL_get_error(t->ssl, answer)) {
	case SSL_ERROR_NONE:
	case SSL_ERROR_WANT_READ: return;
	case SSL_ERROR_ZERO_RETURN: t->state = FILTER_ENDED; return;
	default: fail(t);
	}
}

static void handshake(struct tls *t)
{
	int answer;

	ERR_clear_error();
	answer = SSL_do_handshake(t->ssl);
	take_answer(t, answer);
	if (answer != 1)
		return;
	t->state = FILTER_OPEN;
	tls_name_peer(t->ssl, t->peer);
}

/* ---- bytes ---- */

static bool tls_feed(struct filter *f, struct span wire)
{
	struct tls *t = tls_of(f);

	if (t->state == FILTER_FAILED)
		return false;
	if (!bytes_append(&t->in, wire)) {
		fail(t);
		return false;
	}
	if (t->state == FILTER_HANDSHAKING)
		handshake(t);
	return t->state != FILTER_FAILED;
}

static size_t tls_read(struct filter *f, uint8_t *buf, size_t cap)
{
	struct tls *t = tls_of(f);
	size_t n = 0;
	int answer;

	if (t->state != FILTER_OPEN)
		return 0;
	ERR_clear_error();
	answer = SSL_read_ex(t->ssl, buf, cap, &n);
	take_answer(t, answer);
	return answer == 1 ? n : 0;
}

static size_t tls_write(struct filter *f, struct span text)
{
	struct tls *t = tls_of(f);
	size_t n = text.len < FILTER_WRITE_MAX ? text.len : FILTER_WRITE_MAX, written = 0;
	int answer;

	if ((t->state != FILTER_OPEN && t->state != FILTER_ENDED) || t->is_closed || n == 0)
		return 0;
	ERR_clear_error();
	answer = SSL_write_ex(t->ssl, text.p, n, &written);
	take_answer(t, answer);
	return answer == 1 ? written : 0;
}

static void tls_close(struct filter *f)
{
	struct tls *t = tls_of(f);

	if ((t->state != FILTER_OPEN && t->state != FILTER_ENDED) || t->is_closed)
		return;
	t->is_closed = true;
	SSL_shutdown(t->ssl);
	ERR_clear_error();
}

static struct span tls_pending(const struct filter *f)
{
	return bytes_view(&const_tls_of(f)->out);
}

static void tls_sent(struct filter *f, size_t n)
{
	bytes_take(&tls_of(f)->out, n);
}

/* ---- what is known ---- */

static enum filter_state tls_state(const struct filter *f)
{
	return const_tls_of(f)->state;
}

static const char *tls_peer(const struct filter *f)
{
	return const_tls_of(f)->peer;
}

static const char *tls_protection(const struct filter *f)
{
	return tls_describe(const_tls_of(f)->ssl);
}

static const char *tls_failure(const struct filter *f)
{
	return const_tls_of(f)->failure;
}

/* ---- life ---- */

static void tls_destroy(struct filter *f)
{
	struct tls *t = tls_of(f);

	if (t == NULL)
		return;
	SSL_free(t->ssl);
	tls_factory_unref(t->factory);
	bytes_finish(&t->in);
	bytes_finish(&t->out);
	mem_free(t);
}

/*
 * A client insists on the name it called: an address only where the certificate has it. Where
 * fingerprints decide (stream_factory.c), the name is only said.
 */
static bool set_server_name(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
		return true;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 &&
	       SSL_set_tlsext_host_name(ssl, name) == 1;
}

static bool open_ssl(struct tls *t)
{
	BIO *bio;

	if ((t->ssl = SSL_new(t->factory->ssl)) == NULL ||
		(bio = tls_wire_create(t->factory->wire, t)) == NULL)
		return false;
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_app_data(t->ssl, t);
	if (t->factory->side == TLS_SERVER) {
		SSL_set_accept_state(t->ssl);
		return true;
	}
	SSL_set_connect_state(t->ssl);
	if (t->factory->server_name == NULL || !set_server_name(t->ssl, t->factory->server_name))
		return false;
	handshake(t);
	return t->state == FILTER_HANDSHAKING;
}

static struct filter *tls_create(struct filter_factory *factory)
{
	struct tls *t = mem_zalloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	t->filter.ops = &tls_ops;
	t->factory = (struct tls_factory *)factory;
	t->factory->refs++;
	t->in.limit = FILTER_FEED_MAX;
	t->out.limit = OUT_MAX;
	t->state = FILTER_HANDSHAKING;
	if (open_ssl(t))
		return &t->filter;
	ERR_clear_error();
	tls_destroy(&t->filter);
	return NULL;
}

const struct filter_ops tls_ops = {
	.create = tls_create,
	.destroy = tls_destroy,
	.feed = tls_feed,
	.read = tls_read,
	.write = tls_write,
	.close = tls_close,
	.pending = tls_pending,
	.sent = tls_sent,
	.state = tls_state,
	.peer = tls_peer,
	.protection = tls_protection,
	.failure = tls_failure,
};
