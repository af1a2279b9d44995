/*
 * fuzz_dtls_open.c: any records into an open connection, most of them authentic, so that what
 * stands behind the tag is reached.
 *
 * The first byte chooses cipher and role. Then come steps of four bytes: what, type, a number, a
 * length; and so many bytes of input. What, by its lowest two bits: 0 a datagram as it is; else a
 * record of that type with that content, sealed with the peer's key and its next number, or, with
 * 2, as many numbers on, or, with 3, with one byte changed. Bit 2: it waits, and goes out in one
 * datagram with the next. Bit 3: the connection sends something itself. Bit 4: half a second
 * passes.
 */
#include <assert.h>
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "dtls/ctx.h"
#include "dtls/dtls_parts.h"
#include "tests/unit/dtls/known_keys.h"

static struct dtls_ctx *ctx;
static struct protect peer;
static tick_t now;
/* What waits to go out to the connection. */
static uint8_t dgram[65536];
static size_t dgram_len;

/* What it sends is authentic, of its epoch, and of a number that was not there yet. */
static void output(void *arg, struct span sent)
{
	static uint8_t plain[DTLS_PLAINTEXT_MAX];
	struct rd r = RD(sent);
	struct record rec;
	size_t len;

	(void)arg;
	while (r.rest.len > 0) {
		bool ok = record_read(&r, &rec);

		assert(ok);
		if (rec.epoch == 0) {
			assert(rec.type == RECORD_CHANGE_CIPHER_SPEC);
			continue;
		}
		ok = protect_open(&peer, &rec, plain, sizeof(plain), &len);
		assert(ok);
	}
}

static void begin_protect(struct protect *p, const struct known *k)
{
	struct secrets secrets;
	struct protect_config config = known_config(k, &ctx->algorithms, &secrets);
	uint8_t proved[64];
	size_t len;
	bool ok;

	config.next_seq = 1;
	ok = protect_init(p, &config, proved, sizeof(proved), &len);
	assert(ok);
}

/* As the handshake would leave it. */
static struct dtls *open_connection(uint8_t choice)
{
	const struct known *k = &known[choice % KNOWN_COUNT];
	struct dtls *d = mem_zalloc(sizeof(*d));

	if (ctx == NULL) {
		struct cert *cert = cert_generate(1);

		ctx = dtls_ctx_create(cert);
		cert_unref(cert);
	}
	if (d == NULL)
		abort();
	d->ctx = dtls_ctx_ref(ctx);
	d->role = k->by_client ? DTLS_CLIENT : DTLS_SERVER;
	d->deadline = TICK_NEVER;
	d->wire = (struct wire){ .mtu = 1200, .output = output };
	d->finished_len = sizeof(d->finished);
	d->info.plaintext_max = DTLS_PLAINTEXT_MAX;
	begin_protect(&d->protect, k);
	begin_protect(&peer, &known[choice % KNOWN_COUNT ^ 1]);
	open_begin(d);
	return d;
}

static void deliver(struct dtls *d)
{
	static uint8_t buf[DTLS_PLAINTEXT_MAX];
	size_t len;

	dtls_input(d, now, SPAN(dgram, dgram_len));
	while (dtls_read(d, buf, sizeof(buf), &len))
		assert(len > 0 && len <= sizeof(buf));
	dgram_len = 0;
}

static void add_sealed(uint8_t what, uint8_t type, uint8_t number, struct span content)
{
	uint8_t *record = dgram + dgram_len;
	size_t len;

	if ((what & 3) == 2)
		peer.next_seq += number;
	len = protect_seal(&peer, (uint8_t)(20 + type % 4), content, record);
	assert(len > 0);
	if ((what & 3) == 3)
		record[(size_t)number * len / 256] ^= (uint8_t)(1 << type % 8);
	dgram_len += len;
}

static void step(struct dtls *d, struct rd *r)
{
	uint8_t what = rd_u8(r), type = rd_u8(r), number = rd_u8(r), wanted = rd_u8(r);
	struct span content = rd_span(r, wanted < r->rest.len ? wanted : r->rest.len);

	if (dgram_len + RECORD_MAX > sizeof(dgram))
		dgram_len = 0;
	if (what & 16)
		now = tick_add(now, TICK_MS(500));
	if (what & 8)
		dtls_send(d, SPAN_LIT("news"));
	if ((what & 3) == 0) {
		if (content.len > 0)
			memcpy(dgram + dgram_len, content.p, content.len);
		dgram_len += content.len;
	} else {
		add_sealed(what, type, number, content);
	}
	if ((what & 4) == 0)
		deliver(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = RD(SPAN(data, size));
	struct dtls *d;

	if (size == 0 || size > 16384)
		return 0;
	now = (tick_t){ TICK_S(1) };
	dgram_len = 0;
	d = open_connection(rd_u8(&r));
	while (r.rest.len >= 4)
		step(d, &r);
	deliver(d);
	dtls_close(d);
	assert(dtls_state(d) == DTLS_CLOSED);
	dtls_destroy(d);
	protect_finish(&peer);
	return 0;
}
