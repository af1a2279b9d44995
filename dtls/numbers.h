/*
 * numbers.h: the record numbers and nonces that OpenSSL used up while it shook hands.
 *
 * Whoever goes on with its keys must not use a nonce twice (RFC 5288 3), so every record that it
 * wrote is noted here, sent or not.
 */
#pragma once

#include "dcmf/base/span.h"

#define NONCE_EXPLICIT 8
/* Header, explicit nonce, the message's header, verify_data (RFC 5246 7.4.9), tag. */
#define FINISHED_RECORD_MAX (13 + NONCE_EXPLICIT + 12 + 12 + 16)

/* All zero: nothing was written. */
struct numbers {
	uint64_t plain_next;  /* epoch 0: one above the highest record number */
	uint64_t sealed_next; /* epoch 1: likewise */
	uint64_t nonce_next;  /* what would follow the last explicit nonce; of GCM only */
	/*
	 * An explicit nonce did not follow the one before it, which no GCM of OpenSSL does: then
	 * nobody knows which are left.
	 */
	bool nonce_leaps;
	bool epoch_leaps; /* there was another epoch: those of 1 are not all */
	/*
	 * Our last handshake record of epoch 1 as it was written, which is our Finished; len 0:
	 * none, or too long.
	 */
	uint8_t finished[FINISHED_RECORD_MAX];
	size_t finished_len;
};

/* Whole records, as they are written. */
void numbers_note(struct numbers *n, struct span records);
