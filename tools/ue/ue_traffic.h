/*
 * ue_traffic.h: numbered messages, so that whoever receives them finds out what was lost, doubled, overtaken or changed.
 *
 *     ue_traffic_fill(buf, len, flow, number)        the message with that number; its PPID is ue_traffic_ppid(number)
 *     ue_ledger_take(&ledger, ppid, message)         enters one that came
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcmf/base/span.h"

#define UE_TRAFFIC_MIN 12 /* bytes: what tells a message from all others */

/* `len` is at least UE_TRAFFIC_MIN. Every byte depends on flow, number, length and place. */
void ue_traffic_fill(uint8_t *buf, size_t len, uint16_t flow, uint32_t number);
/* Only the first UE_TRAFFIC_MIN bytes of it, for a ledger of numbers only. */
void ue_traffic_head(uint8_t *buf, size_t len, uint16_t flow, uint32_t number);
/* What number it has, whether it is right or not; false: none. */
bool ue_traffic_number(struct span message, uint32_t *number);
/* Strings and binaries in turn. */
uint32_t ue_traffic_ppid(uint32_t number);

/* What came of one flow, whose messages are numbered from 0. Zeroed with a flow is empty. */
struct ue_ledger {
	uint16_t flow;
	bool numbers_only; /* the bytes behind the first UE_TRAFFIC_MIN are not looked at */
	uint64_t received, bytes;
	uint32_t next;      /* one more than the highest number that came */
	uint64_t doubled;   /* came before */
	uint64_t overtaken; /* came after one with a higher number */
	uint64_t wrong;     /* of another flow, with a wrong byte, length or PPID */
	uint8_t *seen;      /* a bit a number */
	size_t room;        /* bytes of it */
};

void ue_ledger_finish(struct ue_ledger *l);
/* False: out of memory, and it was not entered. */
bool ue_ledger_take(struct ue_ledger *l, uint32_t ppid, struct span message);
