/* dcep.h: the Data Channel Establishment Protocol, byte for byte (RFC 8832 5). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dcmf/base/err.h"
#include "dcmf/base/span.h"

/* Payload protocol identifiers (RFC 8831 8). */
enum ppid {
	PPID_DCEP = 50,
	PPID_STRING = 51,
	PPID_BINARY_PARTIAL = 52, /* deprecated: accepted, never sent */
	PPID_BINARY = 53,
	PPID_STRING_PARTIAL = 54, /* deprecated: accepted, never sent */
	PPID_STRING_EMPTY = 56,   /* one zero byte stands for the empty message */
	PPID_BINARY_EMPTY = 57,
};

enum reliability { RELIABLE, MAX_RETRANSMITS, MAX_LIFETIME };

/* How a channel carries its messages (a=dcmap, RFC 8864 5.1; channel type, RFC 8832 5.1). */
struct channel_quality {
	bool unordered;
	uint8_t reliability; /* enum reliability */
	uint16_t priority;   /* 256 is normal */
	uint32_t limit;      /* retransmissions, or ms of lifetime; 0 when reliable */
};

struct dcep_open {
	struct channel_quality quality;
	struct span label, protocol; /* point into the message */
};

/* ERR_DCEP_MALFORMED: too short, an unknown channel type, lengths that do not add up. */
enum err dcep_parse_open(struct span msg, struct dcep_open *out);
/* Bytes written, 0 if `cap` is too small or label or protocol exceed 65535. */
size_t dcep_write_open(const struct dcep_open *open, uint8_t *buf, size_t cap);

bool dcep_is_open(struct span msg);
bool dcep_is_ack(struct span msg);
#define DCEP_ACK SPAN_LIT("\x02")
