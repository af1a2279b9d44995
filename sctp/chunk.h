/* chunk.h: the chunks and parameters of an SCTP packet: their types, and how to walk over them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcmf/base/span.h"

#define COMMON_HEADER 12 /* before the first chunk (RFC 9260 3.1) */

enum chunk {
	CHUNK_DATA = 0x00,
	CHUNK_INIT = 0x01,
	CHUNK_INIT_ACK = 0x02,
	CHUNK_SACK = 0x03,
	CHUNK_HEARTBEAT = 0x04,
	CHUNK_HEARTBEAT_ACK = 0x05,
	CHUNK_ABORT = 0x06,
	CHUNK_SHUTDOWN = 0x07,
	CHUNK_SHUTDOWN_ACK = 0x08,
	CHUNK_ERROR = 0x09,
	CHUNK_COOKIE_ECHO = 0x0a,
	CHUNK_COOKIE_ACK = 0x0b,
	CHUNK_ECNE = 0x0c,
	CHUNK_CWR = 0x0d,
	CHUNK_SHUTDOWN_COMPLETE = 0x0e,
	CHUNK_AUTH = 0x0f,
	CHUNK_NR_SACK = 0x10,
	CHUNK_I_DATA = 0x40,
	CHUNK_ASCONF_ACK = 0x80,
	CHUNK_PACKET_DROPPED = 0x81,
	CHUNK_RE_CONFIG = 0x82,
	CHUNK_FORWARD_TSN = 0xc0,
	CHUNK_ASCONF = 0xc1,
	CHUNK_I_FORWARD_TSN = 0xc2,
};

/* Parameters of RE-CONFIG (RFC 6525 4). */
enum reconfig {
	RESET_OUTGOING = 13,
	RESET_INCOMING = 14,
	RECONFIG_RESPONSE = 16,
	ADD_OUTGOING = 17,
};

/* Results in a response (RFC 6525 4.4). */
enum reconfig_result {
	RESULT_PERFORMED = 1,
	RESULT_BAD_NUMBER = 5,
	RESULT_IN_PROGRESS = 6,
};

static inline size_t chunk_padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

/*
 * Takes one type-length-value item with a header of four bytes off the front of *rest, its padding
 * too. The last item of all may lack its padding. False: the length lies.
 */
bool chunk_take(struct span *rest, struct span *item, uint16_t *length);
/* The chunk at `at`, and its padding, is taken out of a packet. Returns the length that is left. */
size_t chunk_cut(uint8_t *packet, size_t len, size_t at, size_t length);

static inline uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)get_u16(p) << 16 | get_u16(p + 2);
}

static inline void put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put_u32(uint8_t *p, uint32_t v)
{
	put_u16(p, (uint16_t)(v >> 16));
	put_u16(p + 2, (uint16_t)v);
}
