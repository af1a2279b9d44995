/*
 * sim.c: two DTLS ends, a wire that loses, delays and doubles, and one
 * clock for all, OpenSSL included.
 */
#include "sim.h"

#include <check.h>
#include <stdlib.h>
#include <sys/time.h>

#include "dcmf/base/alloc.h"

static const struct sim *clock_of;

/* Overrides the C library's for everybody in this process. */
int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	int64_t us = clock_of ? clock_of->now.us : 0;

	tv->tv_sec = 1000000000 + us / 1000000;
	tv->tv_usec = us % 1000000;
	return 0;
}

static struct dtls_ctx *contexts[2];

struct dtls_ctx *sim_ctx(int side)
{
	if (contexts[side] == NULL) {
		struct cert *c = cert_generate(30);

		ck_assert_ptr_nonnull(c);
		contexts[side] = dtls_ctx_create(c);
		ck_assert_ptr_nonnull(contexts[side]);
		cert_unref(c);
	}
	return contexts[side];
}

void sim_ctx_free(void)
{
	for (int i = 0; i < 2; i++) {
		dtls_ctx_unref(contexts[i]);
		contexts[i] = NULL;
	}
}

void sim_init(struct sim *s)
{
	memset(s, 0, sizeof(*s));
	s->wire.delay_us = TICK_MS(20);
	s->wire.seed = 1;
	s->end[CLIENT].sim = s->end[SERVER].sim = s;
	s->end[SERVER].side = SERVER;
	clock_of = s;
}

static void end_finish(struct end *e)
{
	dtls_destroy(e->dtls);
	SSL_free(e->raw);
	SSL_CTX_free(e->raw_ctx);
	BIO_meth_free(e->raw_method);
}

void sim_finish(struct sim *s)
{
	end_finish(&s->end[CLIENT]);
	end_finish(&s->end[SERVER]);
	free(s->queue);
	clock_of = NULL;
}

static uint32_t dice(struct sim *s, uint32_t sides)
{
	uint64_t z = s->wire.seed += 0x9e3779b97f4a7c15u; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) % sides);
}

static void put_on_wire(struct sim *s, int to, struct span dgram)
{
	struct sim_dgram *d;

	if (s->queued == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 16;
		s->queue = realloc(s->queue, s->cap * sizeof(*s->queue));
	}
	d = &s->queue[s->queued++];
	d->at = tick_add(s->now, s->wire.delay_us);
	if (s->wire.jitter_us > 0)
		d->at = tick_add(d->at, dice(s, (uint32_t)s->wire.jitter_us));
	d->to = to;
	d->len = dgram.len;
	ck_assert_uint_le(dgram.len, sizeof(d->bytes));
	memcpy(d->bytes, dgram.p, dgram.len);
}

void sim_send(struct sim *s, int from, struct span dgram)
{
	s->sent++;
	if (dgram.len > s->largest[from])
		s->largest[from] = dgram.len;
	if (s->wire.tap != NULL && !s->wire.tap(s, from, dgram))
		return;
	if (s->sent == s->wire.drop || dice(s, 100) < s->wire.loss_percent)
		return;
	put_on_wire(s, !from, dgram);
	if (dice(s, 100) < s->wire.double_percent)
		put_on_wire(s, !from, dgram);
}

static void output(void *arg, struct span dgram)
{
	struct end *e = arg;

	sim_send(e->sim, e->side, dgram);
}

static void prepare(struct sim *s, int side, uint16_t mtu)
{
	struct end *e = &s->end[side];

	ck_assert_int_eq(
		cert_fingerprint(dtls_ctx_cert(sim_ctx(!side)), HASH_SHA256, &e->peer), ERR_OK);
	e->config = (struct dtls_config){
		.ctx = sim_ctx(side),
		.role = side == CLIENT ? DTLS_CLIENT : DTLS_SERVER,
		.mtu = mtu,
		.peer = &e->peer,
		.peer_count = 1,
		.output = output,
		.arg = e,
	};
}

void end_ours(struct sim *s, int side, uint16_t mtu)
{
	prepare(s, side, mtu);
	s->end[side].dtls = dtls_create(&s->end[side].config);
}

void end_gate(struct sim *s, uint16_t mtu)
{
	struct end *e = &s->end[SERVER];

	prepare(s, SERVER, mtu);
	e->is_gate = true;
	e->config.cookie_shown = true;
	e->path.port = 1;
	addr_parse(SPAN_LIT("192.0.2.1:5000"), &e->path.local);
	addr_parse(SPAN_LIT("198.51.100.7:40000"), &e->path.remote);
	hello_keys_init(&e->keys, s->now);
}

static int accept_any(X509_STORE_CTX *store, void *arg)
{
	return 1;
}

void end_raw(struct sim *s, int side, bool with_certificate)
{
	struct end *e = &s->end[side];
	const struct cert *cert = dtls_ctx_cert(sim_ctx(side));

	e->raw_ctx = SSL_CTX_new(DTLS_method());
	SSL_CTX_set_security_level(e->raw_ctx, 0);
	SSL_CTX_set_min_proto_version(e->raw_ctx, DTLS1_VERSION);
	SSL_CTX_set_verify(e->raw_ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(e->raw_ctx, accept_any, NULL);
	SSL_CTX_set_options(e->raw_ctx, SSL_OP_NO_QUERY_MTU);
	if (with_certificate) {
		struct span pem;
		BIO *bio;
		X509 *x509;
		EVP_PKEY *key;

		pem.p = (const uint8_t *)cert_to_pem(cert, &pem.len);
		bio = BIO_new_mem_buf(pem.p, (int)pem.len);
		x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
		SSL_CTX_use_certificate(e->raw_ctx, x509);
		SSL_CTX_use_PrivateKey(e->raw_ctx, key);
		X509_free(x509);
		EVP_PKEY_free(key);
		BIO_free(bio);
		mem_free((void *)(uintptr_t)pem.p);
	}
}

void raw_open(struct sim *s, int side)
{
	struct end *e = &s->end[side];
	BIO *bio;

	e->raw_method = wire_method_create();
	e->raw_wire = (struct wire){ .mtu = 1400, .output = output, .arg = e };
	e->raw = SSL_new(e->raw_ctx);
	bio = wire_bio_create(e->raw_method, &e->raw_wire);
	SSL_set_bio(e->raw, bio, bio);
	SSL_set_mtu(e->raw, 1400);
	if (side == CLIENT)
		SSL_set_connect_state(e->raw);
	else
		SSL_set_accept_state(e->raw);
}

void raw_poll(struct end *e)
{
	int n;

	ERR_clear_error();
	if (!SSL_is_init_finished(e->raw)) {
		n = SSL_do_handshake(e->raw);
		e->raw_failed |= n <= 0 && SSL_get_error(e->raw, n) == SSL_ERROR_SSL;
		if (n <= 0)
			return;
	}
	while ((n = SSL_read(e->raw, e->last, sizeof(e->last))) > 0) {
		e->messages++;
		e->bytes += (size_t)n;
		e->last_len = (size_t)n;
	}
	e->raw_failed |= SSL_get_error(e->raw, n) == SSL_ERROR_SSL;
}

static void gate_input(struct end *e, struct span dgram)
{
	uint8_t reply[HELLO_REPLY_MAX];
	size_t len;

	switch (hello_screen(&e->keys, e->sim->now, &e->path, dgram, reply, &len)) {
	case HELLO_CHALLENGED:
		e->sim->hello_verify++;
		sim_send(e->sim, SERVER, SPAN(reply, len));
		break;
	case HELLO_PROVEN:
		e->dtls = dtls_create(&e->config);
		if (e->dtls != NULL)
			dtls_input(e->dtls, e->sim->now, dgram);
		break;
	default: break;
	}
}

static void drain(struct end *e)
{
	while (dtls_read(e->dtls, e->last, sizeof(e->last), &e->last_len)) {
		e->messages++;
		e->bytes += e->last_len;
	}
}

static void end_input(struct end *e, struct span dgram)
{
	if (e->raw != NULL) {
		e->raw_wire.in = dgram;
		raw_poll(e);
		e->raw_wire.in = SPAN_NONE;
	} else if (e->dtls != NULL) {
		dtls_input(e->dtls, e->sim->now, dgram);
	} else if (e->is_gate) {
		gate_input(e, dgram);
	}
	if (e->dtls != NULL)
		drain(e);
}

static tick_t end_deadline(const struct end *e)
{
	struct timeval left;

	if (e->dtls != NULL)
		return dtls_deadline(e->dtls);
	if (e->raw != NULL && !e->raw_failed && DTLSv1_get_timeout(e->raw, &left))
		return tick_add(e->sim->now, left.tv_sec * TICK_S(1) + left.tv_usec);
	return TICK_NEVER;
}

static void end_expire(struct end *e)
{
	if (e->dtls != NULL)
		dtls_expire(e->dtls, e->sim->now);
	else if (e->raw != NULL && DTLSv1_handle_timeout(e->raw) < 0)
		e->raw_failed = true;
}

static size_t earliest(const struct sim *s)
{
	size_t best = s->queued;

	for (size_t i = 0; i < s->queued; i++) {
		if (best == s->queued || tick_before(s->queue[i].at, s->queue[best].at))
			best = i;
	}
	return best;
}

static void deliver(struct sim *s, size_t i)
{
	struct sim_dgram d = s->queue[i];

	memmove(s->queue + i, s->queue + i + 1, (--s->queued - i) * sizeof(d));
	end_input(&s->end[d.to], SPAN(d.bytes, d.len));
}

static void start(struct sim *s)
{
	struct end *e = &s->end[CLIENT];

	if (s->sent > 0)
		return;
	if (e->raw != NULL)
		raw_poll(e);
	else
		dtls_start(e->dtls, s->now);
}

void sim_run(struct sim *s, int seconds)
{
	tick_t end = tick_add(s->now, TICK_S(seconds));

	start(s);
	for (;;) {
		size_t i = earliest(s);
		tick_t at = i < s->queued ? s->queue[i].at : TICK_NEVER;
		tick_t due[2] = { end_deadline(&s->end[CLIENT]), end_deadline(&s->end[SERVER]) };
		tick_t next = tick_min(at, tick_min(due[0], due[1]));

		if (tick_is_never(next) || tick_before(end, next))
			break;
		if (tick_before(s->now, next))
			s->now = next;
		if (at.us == next.us)
			deliver(s, i);
		else
			end_expire(&s->end[due[0].us == next.us ? CLIENT : SERVER]);
	}
	if (tick_before(s->now, end))
		s->now = end;
}

void sim_pair(struct sim *s, uint16_t mtu, bool gate)
{
	end_ours(s, CLIENT, mtu);
	if (gate)
		end_gate(s, mtu);
	else
		end_ours(s, SERVER, mtu);
}

static bool end_is_open(const struct end *e)
{
	if (e->raw != NULL)
		return SSL_is_init_finished(e->raw);
	return e->dtls != NULL && dtls_state(e->dtls) == DTLS_OPEN;
}

bool sim_both_open(const struct sim *s)
{
	return end_is_open(&s->end[CLIENT]) && end_is_open(&s->end[SERVER]);
}
