/* ue_traffic.c: numbered messages and the ledger of those that came. */
#include "tools/ue/ue_traffic.h"

#include <string.h>

#include "dcmf/base/alloc.h"
#include "sctp/dcep.h"

#define MAGIC 0x4443 /* "DC" */

uint32_t ue_traffic_ppid(uint32_t number)
{
	return number & 1 ? PPID_BINARY : PPID_STRING;
}

/* A small generator (xorshift), eight bytes at a time: verification must not be what limits the traffic. */
static uint64_t next_word(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t seed_of(uint16_t flow, uint32_t number)
{
	return ((uint64_t)flow << 32 | number) * 0x9e3779b97f4a7c15u + 1;
}

void ue_traffic_head(uint8_t *buf, size_t len, uint16_t flow, uint32_t number)
{
	struct wr w = WR(buf, UE_TRAFFIC_MIN);

	wr_u16(&w, MAGIC);
	wr_u16(&w, flow);
	wr_u32(&w, number);
	wr_u32(&w, (uint32_t)len);
}

void ue_traffic_fill(uint8_t *buf, size_t len, uint16_t flow, uint32_t number)
{
	uint64_t state = seed_of(flow, number), word;

	ue_traffic_head(buf, len, flow, number);
	for (size_t i = UE_TRAFFIC_MIN; i < len; i += sizeof(word)) {
		word = next_word(&state);
		memcpy(buf + i, &word, len - i < sizeof(word) ? len - i : sizeof(word));
	}
}

bool ue_traffic_number(struct span message, uint32_t *number)
{
	struct rd r = RD(message);
	bool is_ours = rd_u16(&r) == MAGIC;

	rd_u16(&r);
	*number = rd_u32(&r);
	return is_ours && !r.failed;
}

/* False: not one of this flow, or changed on the way. */
static bool read_message(const struct ue_ledger *l, struct span m, uint32_t *number)
{
	struct rd r = RD(m);
	bool is_ours = rd_u16(&r) == MAGIC;
	uint64_t state, word;

	is_ours &= rd_u16(&r) == l->flow;
	*number = rd_u32(&r);
	is_ours &= rd_u32(&r) == m.len && !r.failed;
	state = seed_of(l->flow, *number);
	for (size_t i = UE_TRAFFIC_MIN; is_ours && !l->numbers_only && i < m.len;
		i += sizeof(word)) {
		word = next_word(&state);
		is_ours = memcmp(m.p + i, &word,
				  m.len - i < sizeof(word) ? m.len - i : sizeof(word)) == 0;
	}
	return is_ours;
}

static bool make_room(struct ue_ledger *l, uint32_t number)
{
	size_t room = l->room ? l->room : 128;
	uint8_t *seen;

	while (room <= number / 8)
		room *= 2;
	if (room == l->room)
		return true;
	if ((seen = mem_realloc(l->seen, room)) == NULL)
		return false;
	memset(seen + l->room, 0, room - l->room);
	l->seen = seen;
	l->room = room;
	return true;
}

#define NUMBER_MAX (1u << 26) /* ours: a ledger of 8 MiB */

bool ue_ledger_take(struct ue_ledger *l, uint32_t ppid, struct span message)
{
	uint32_t number;
	uint8_t bit;

	if (!read_message(l, message, &number) || ppid != ue_traffic_ppid(number) ||
		number >= NUMBER_MAX) {
		l->wrong++;
		return true;
	}
	if (!make_room(l, number))
		return false;
	bit = (uint8_t)(1u << number % 8);
	if (l->seen[number / 8] & bit) {
		l->doubled++;
		return true;
	}
	l->seen[number / 8] |= bit;
	l->received++;
	l->bytes += message.len;
	if (number < l->next)
		l->overtaken++;
	else
		l->next = number + 1;
	return true;
}

void ue_ledger_finish(struct ue_ledger *l)
{
	mem_free(l->seen);
	*l = (struct ue_ledger){ 0 };
}
