/*
 * fuzz_sctp_input.c: chunks at an association, during set-up or once it is up.
 *
 * The first byte: bit 0, the peer is there and the handshake is done first. Then records: a byte of
 * what to do besides, a length, so many bytes of chunks. Ports and verification tag are filled in;
 * where bit 0 of the record says so, TSNs and request numbers count from what the association
 * expects. So the fuzzer gets past the doors.
 */
#include <assert.h>
#include <stdlib.h>

#include "sctp/assoc.h"
#include "sctp/sctp.h"

#define QUEUE_MAX 256

enum { RELATIVE = 1, PEER_SPEAKS = 2, TIME_PASSES = 4, CLOSE = 8, HOLD = 16, SEND = 32, OPEN = 64 };

struct end {
	struct assoc *a;
	struct end *peer;
	struct span queue[QUEUE_MAX];
	size_t queued;
	uint32_t tag, tsn; /* as the other end uses them */
};

static tick_t now;

static void output(void *arg, struct span packet)
{
	struct end *e = arg;
	uint8_t *copy;

	if (packet.p[12] == 1) { /* INIT: what the peer will put into its packets */
		struct rd r = RD(span_skip(packet, 16));

		e->tag = rd_u32(&r);
		rd_u32(&r);
		rd_u32(&r);
		e->tsn = rd_u32(&r);
	}
	if (e->queued == QUEUE_MAX)
		return;
	copy = malloc(packet.len);
	memcpy(copy, packet.p, packet.len);
	e->queue[e->queued++] = SPAN(copy, packet.len);
}

static void flush(struct end *e, bool deliver)
{
	for (size_t i = 0; i < e->queued; i++) {
		if (deliver && e->peer->a != NULL)
			assoc_input(e->peer->a, now, e->queue[i]);
		free((void *)(uintptr_t)e->queue[i].p);
	}
	e->queued = 0;
}

static void drain(struct end *e)
{
	struct assoc_event ev;
	bool over = false;

	while (e->a != NULL && assoc_next_event(e->a, now, &ev)) {
		assert(!over);
		over = ev.kind == ASSOC_CLOSED;
		assert(ev.kind != CHANNEL_MESSAGE || ev.message.len <= 20000);
	}
}

static void pass(struct end *us, struct end *peer, int64_t ms)
{
	now = tick_add(now, TICK_MS(ms));
	sctp_expire(now);
	for (int round = 0; round < 4; round++) {
		flush(us, true);
		flush(peer, true);
		drain(us);
		drain(peer);
	}
	if (us->a != NULL && tick_due(assoc_deadline(us->a), now))
		assoc_expire(us->a, now);
}

static void end_init(struct end *e, struct end *peer, bool client)
{
	struct assoc_config config = { .local_port = 5000,
		.remote_port = 5000,
		.mtu = 1163,
		.max_streams = 300,
		.send_buffer = 40000,
		.receive_buffer = 40000,
		.local_max_message = 20000,
		.dtls_client = client,
		.accept_dcep = true,
		.output = output,
		.arg = e };
	struct channel_config agreed = { .sid = 0, .negotiated = true };

	e->peer = peer;
	e->a = assoc_create(&config, now);
	if (e->a != NULL)
		assoc_add_channel(e->a, &agreed);
}

static void add_u32(uint8_t *p, uint32_t base)
{
	uint32_t v = base + p[3];

	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Numbers become small distances from what is expected. */
static void make_relative(uint8_t *chunks, size_t len, const struct end *us, const struct end *peer)
{
	for (size_t at = 0; at + 8 <= len;) {
		size_t chunk = (size_t)chunks[at + 2] << 8 | chunks[at + 3];
		uint8_t type = chunks[at];

		if (type == 0 || type == 7 || type == 0xc0)
			add_u32(chunks + at + 4, type == 7 ? us->tsn : peer->tsn);
		else if (type == 3)
			add_u32(chunks + at + 4, us->tsn - 1);
		else if (type == 0x82 && at + 12 <= len) {
			bool answers = chunks[at + 5] == 16;

			add_u32(chunks + at + 8, answers ? us->tsn : peer->tsn);
			if (chunks[at + 5] == 13 && at + 20 <= len)
				add_u32(chunks + at + 16, peer->tsn - 1);
		}
		if (chunk < 4)
			return;
		at += (chunk + 3) & ~(size_t)3;
	}
}

static void feed(struct end *us, struct end *peer, uint8_t what, struct span chunks)
{
	uint8_t *packet = malloc(12 + chunks.len);
	struct wr w = WR(packet, 12 + chunks.len);

	wr_u16(&w, 5000);
	wr_u16(&w, 5000);
	wr_u32(&w, chunks.len > 0 && chunks.p[0] == 1 ? 0 : us->tag);
	wr_u32(&w, 0);
	wr_span(&w, chunks);
	if (what & RELATIVE)
		make_relative(packet + 12, chunks.len, us, peer);
	assoc_input(us->a, now, SPAN(packet, w.len));
	free(packet);
}

static void act(struct end *us, uint8_t what)
{
	struct channel_config asked = { .sid = 298, .label = SPAN_LIT("asked") };

	if (what & CLOSE)
		assoc_close_channel(us->a, 0, now);
	if (what & HOLD)
		assoc_hold(us->a, (what & CLOSE) == 0);
	if (what & SEND)
		assoc_send(us->a, now, 0, 51, SPAN_LIT("from us"));
	if (what & OPEN)
		assoc_add_channel(us->a, &asked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct end us = { 0 }, peer = { 0 };
	struct rd r = RD(SPAN(data, size));
	bool with_peer = (rd_u8(&r) & 1) != 0;

	sctp_start();
	now = tick_add(now, TICK_S(1));
	end_init(&us, &peer, true);
	if (with_peer)
		end_init(&peer, &us, false);
	if (with_peer && us.a != NULL && peer.a != NULL)
		pass(&us, &peer, 10);
	while (us.a != NULL && r.rest.len > 0) {
		uint8_t what = rd_u8(&r);
		struct span chunks = rd_span(&r, rd_u16(&r));

		if (r.failed)
			break;
		feed(&us, &peer, what, chunks);
		drain(&us);
		act(&us, what);
		flush(&us, (what & PEER_SPEAKS) != 0);
		flush(&peer, (what & PEER_SPEAKS) != 0);
		if (what & TIME_PASSES)
			pass(&us, &peer, 500);
	}
	assoc_destroy(us.a);
	us.a = NULL;
	assoc_destroy(peer.a);
	peer.a = NULL;
	flush(&us, false);
	flush(&peer, false);
	return 0;
}
