/*
 * fuzz_dtls_input.c: any datagrams into a connection, in every phase of its life.
 *
 * The first byte is the phase. Then come steps of two bytes, a length. With its highest bit set the
 * genuine peer's next datagram is delivered, changed in (length mod 8) places, each given as two
 * bytes position and one byte to add; without, so many bytes of input are a datagram of their own.
 */
#include <assert.h>
#include <stdlib.h>

#include "dtls/dtls.h"
#include "dtls/hello.h"

enum phase { FRESH_SERVER, PROVEN_SERVER, FRESH_CLIENT, OPEN_SERVER, OPEN_CLIENT, PHASES };

#define PENDING 64

struct side {
	struct dtls *dtls;
	struct {
		size_t len;
		uint8_t bytes[2048];
	} pending[PENDING]; /* sent by this side and not delivered */
	size_t first, last;
};

static struct side victim, peer;
static struct dtls_ctx *ctx;
static struct fingerprint fingerprint;
static const tick_t now;

static void output(void *arg, struct span dgram)
{
	struct side *s = arg;

	if (s->last - s->first == PENDING || dgram.len > sizeof(s->pending[0].bytes))
		return;
	memcpy(s->pending[s->last % PENDING].bytes, dgram.p, dgram.len);
	s->pending[s->last++ % PENDING].len = dgram.len;
}

static struct dtls *create(struct side *s, enum dtls_role role, bool cookie_shown)
{
	struct dtls_config config = {
		.ctx = ctx,
		.role = role,
		.mtu = 700,
		.peer = &fingerprint,
		.peer_count = 1,
		.output = output,
		.arg = s,
		.cookie_shown = cookie_shown,
	};

	s->first = s->last = 0;
	return dtls_create(&config);
}

static void drain(struct dtls *d)
{
	static uint8_t buf[DTLS_PLAINTEXT_MAX];
	size_t len;

	while (dtls_read(d, buf, sizeof(buf), &len))
		assert(len > 0 && len <= sizeof(buf));
}

/* Delivers the next datagram of `from`; false when there is none. */
static bool pass(struct side *from, struct side *to, struct span patches)
{
	struct rd r = RD(patches);
	uint8_t *bytes = from->pending[from->first % PENDING].bytes;
	size_t len;

	if (from->first == from->last)
		return false;
	len = from->pending[from->first++ % PENDING].len;
	while (r.rest.len >= 3) {
		size_t at = rd_u16(&r);

		bytes[at % len] = (uint8_t)(bytes[at % len] + rd_u8(&r));
	}
	dtls_input(to->dtls, now, SPAN(bytes, len));
	drain(to->dtls);
	return true;
}

static void run_handshake(void)
{
	while (pass(&peer, &victim, SPAN_NONE) || pass(&victim, &peer, SPAN_NONE))
		;
	assert(dtls_state(victim.dtls) == DTLS_OPEN && dtls_state(peer.dtls) == DTLS_OPEN);
	for (int i = 0; i < 8; i++)
		dtls_send(peer.dtls, SPAN_LIT("some data of the genuine peer"));
}

static void set_up(enum phase phase)
{
	bool victim_is_client = phase == FRESH_CLIENT || phase == OPEN_CLIENT;
	struct cert *cert;

	if (ctx == NULL) {
		cert = cert_generate(1);
		cert_fingerprint(cert, HASH_SHA256, &fingerprint);
		ctx = dtls_ctx_create(cert);
		cert_unref(cert);
	}
	victim.dtls = create(
		&victim, victim_is_client ? DTLS_CLIENT : DTLS_SERVER, phase == PROVEN_SERVER);
	peer.dtls = create(&peer, victim_is_client ? DTLS_SERVER : DTLS_CLIENT, false);
	dtls_start(victim.dtls, now);
	dtls_start(peer.dtls, now);
	if (phase == OPEN_SERVER || phase == OPEN_CLIENT)
		run_handshake();
}

static void step(struct rd *r)
{
	uint16_t word = rd_u16(r);

	if (word & 0x8000) {
		size_t patches = word & 7u;

		pass(&peer, &victim,
			rd_span(r, patches * 3 < r->rest.len ? patches * 3 : r->rest.len));
		pass(&victim, &peer, SPAN_NONE);
	} else {
		dtls_input(victim.dtls, now, rd_span(r, word < r->rest.len ? word : r->rest.len));
		drain(victim.dtls);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = RD(SPAN(data, size));

	if (size == 0 || size > 16384)
		return 0;
	set_up(rd_u8(&r) % PHASES);
	while (r.rest.len >= 2)
		step(&r);
	dtls_send(victim.dtls, SPAN_LIT("x"));
	dtls_close(victim.dtls);
	dtls_destroy(victim.dtls);
	dtls_destroy(peer.dtls);
	return 0;
}
