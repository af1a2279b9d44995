/*
 * wire.c: the packets of an association: what comes is screened for the stack, what goes gets its
 * port and checksum.
 */
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "sctp/assoc_impl.h"
#include "sctp/chunk.h"
#include "sctp/crc32c.h"
#include "sctp/packet.h"
#include "sctp/stack.h"

#define BURST_MS 150 /* ours: less than the least time before a repetition */

void assoc_touch(struct assoc *a)
{
	a->touched = true;
	assoc_news(a);
}

/* ---- out ---- */

static void put_crc(uint8_t *packet, size_t len)
{
	uint32_t crc;

	memset(packet + 8, 0, 4);
	crc = crc32c(SPAN(packet, len));
	for (int i = 0; i < 4; i++)
		packet[8 + i] = (uint8_t)(crc >> 8 * i);
}

/* Packets of one burst are one try. */
static void note_try(struct assoc *a)
{
	if (a->tries > 0 && tick_since(a->tried, stack_now()) < TICK_MS(BURST_MS))
		return;
	a->tried = stack_now();
	a->tries++;
}

/*
 * A sign of life that is asked for or given, and nothing else. No timer hangs on it, since the stack
 * sends none by itself: thousands of idle associations do not keep it ticking.
 */
static bool is_sign_of_life(const struct assoc *a, struct span packet)
{
	struct rd r = RD(span_skip(packet, COMMON_HEADER));
	uint8_t type = rd_u8(&r);
	size_t len;

	rd_u8(&r);
	len = rd_u16(&r);
	return a->state == ASSOC_UP && !r.failed && len + 3 >= packet.len - COMMON_HEADER &&
	       (type == CHUNK_HEARTBEAT || type == CHUNK_HEARTBEAT_ACK);
}

void assoc_output(struct assoc *a, uint8_t *packet, size_t len)
{
	struct packet_facts facts;

	if (len < COMMON_HEADER)
		return;
	packet_sent_facts(SPAN(packet, len), &facts);
	if (facts.has_sack)
		a->received_tsn = facts.cum_tsn;
	if (facts.has_data)
		note_try(a);
	if (!is_sign_of_life(a, SPAN(packet, len))) {
		assoc_touch(a);
		stack_traffic();
	}
	len = renumber_out(&a->numbers, packet, len);
	if (len <= COMMON_HEADER)
		return; /* what was in it stays inside */
	put_u16(packet, a->config.local_port);
	put_crc(packet, len);
	a->config.output(a->config.arg, SPAN(packet, len));
}

/* ---- what stays inside ---- */

static void feed(struct assoc *a, uint8_t packet[RENUMBER_PACKET])
{
	put_u16(packet, a->config.remote_port);
	put_u16(packet + 2, a->private_port);
	sock_input(a->id, SPAN(packet, RENUMBER_PACKET));
}

bool wire_more(void *arg, uint16_t inner)
{
	uint8_t packet[RENUMBER_PACKET];
	struct assoc *a = arg;

	renumber_ask(&a->numbers, inner, packet);
	feed(a, packet);
	return inner < a->numbers.in_count;
}

void wire_grant(struct assoc *a)
{
	uint8_t packet[RENUMBER_PACKET];

	if (!renumber_grant(&a->numbers, packet))
		return;
	feed(a, packet);
	a->out_streams = a->granted;
}

/* ---- in ---- */

/* To the stack, with its own numbers of streams. */
static void pass(struct assoc *a, uint8_t *packet, size_t len)
{
	wire_grant(a);
	len = renumber_in(&a->numbers, a->received_tsn, packet, len);
	if (len > COMMON_HEADER)
		sock_input(a->id, SPAN(packet, len));
}

static void note_facts(struct assoc *a, tick_t now, const struct packet_facts *facts)
{
	a->heard = now;
	if (facts->has_init && !a->numbers.established)
		a->received_tsn = facts->first_tsn - 1;
	if (!facts->has_sack || facts->cum_tsn == a->cum_tsn)
		return;
	a->cum_tsn = facts->cum_tsn;
	a->progress = now;
	a->tries = 0;
}

/*
 * A request to reset streams may overtake the data before it. The stack then answers "in progress"
 * and sets aside what comes later, but afterwards takes unordered messages among it for ordered
 * ones: they spoil the order of their stream, or end the association with a protocol violation that
 * nobody committed. So a request waits here until our SACKs say that everything before it has come.
 * The peer would repeat it anyway. There should never be more than one of a peer's; where there
 * are, the first waits, and the others are repeated.
 */
static void keep_reset(struct assoc *a, struct span packet, const struct packet_facts *facts)
{
	size_t len = COMMON_HEADER + facts->reset.len;
	uint8_t *kept;

	if (a->kept_reset != NULL && (int32_t)(facts->reset_tsn - a->kept_tsn) >= 0)
		return;
	if ((kept = mem_alloc(len)) == NULL) {
		count(allocation_failed_total);
		return;
	}
	memcpy(kept, packet.p, COMMON_HEADER);
	memcpy(kept + COMMON_HEADER, facts->reset.p, facts->reset.len);
	mem_free(a->kept_reset);
	a->kept_reset = kept;
	a->kept_len = len;
	a->kept_tsn = facts->reset_tsn;
}

static bool has_come(const struct assoc *a, uint32_t tsn)
{
	return (int32_t)(a->received_tsn - tsn) >= 0;
}

void wire_pump(struct assoc *a)
{
	uint8_t *kept = a->kept_reset;

	if (kept == NULL || !has_come(a, a->kept_tsn))
		return;
	a->kept_reset = NULL;
	stack_traffic();
	pass(a, kept, a->kept_len);
	mem_free(kept);
}

void wire_finish(struct assoc *a)
{
	mem_free(a->kept_reset);
	a->kept_reset = NULL;
}

/*
 * No requests before the set-up is done. And when one got through that the stack had to set aside,
 * the peer named two first TSNs to deceive us: it would set aside as many as come.
 */
static bool may_reconfigure(const struct assoc *a, const struct packet_facts *facts)
{
	if (facts->reconfigs > 0 && !a->numbers.established)
		return false;
	return !facts->has_reset || !a->numbers.set_aside;
}

void assoc_input(struct assoc *a, tick_t now, struct span packet)
{
	static uint8_t ours[SCTP_PACKET_MAX]; /* the stack wants the private port in it */
	bool is_work = !is_sign_of_life(a, packet);
	struct packet_facts facts;
	size_t len = packet.len;

	if (a->state == ASSOC_DOWN)
		return;
	if (is_work)
		stack_advance(now);
	else
		stack_clock(now);
	if (packet_screen(packet, a->config.remote_port, a->config.local_port, &facts) != ERR_OK ||
		!may_reconfigure(a, &facts)) {
		count(sctp_malformed_total);
		return;
	}
	memcpy(ours, packet.p, len);
	put_u16(ours + 2, a->private_port);
	note_facts(a, now, &facts);
	if (facts.has_skip)
		count(sctp_forward_tsn_total);
	if (is_work) {
		assoc_touch(a);
		stack_traffic();
	}
	if (facts.has_reset && !has_come(a, facts.reset_tsn)) {
		keep_reset(a, SPAN(ours, len), &facts);
		len = chunk_cut(ours, len, (size_t)(facts.reset.p - packet.p), facts.reset.len);
	}
	pass(a, ours, len);
	wire_pump(a);
}
