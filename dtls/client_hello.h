/*
 * client_hello.h: the beginning of a ClientHello (RFC 6347 4.2.1),
 * which its first fragment must hold.
 */
#pragma once

#include "dtls/record.h"

#define HELLO_RANDOM 32
/* Ours: a client that has obeyed more HelloVerifyRequests is playing. */
#define HELLO_ROUNDS_MAX 4

struct client_hello {
	uint64_t record_seq;
	/* message_seq: how many HelloVerifyRequests the client has obeyed; of later parts too. */
	uint16_t message;
	uint16_t version;   /* what it offers, before extensions */
	struct span random; /* HELLO_RANDOM bytes, in the datagram as the others */
	struct span session_id;
	struct span cookie;
};

enum client_hello_part {
	CLIENT_HELLO_NONE, /* a sound record, but something else */
	/* No record, or a hello that is not one or breaks off before its cookie ends. */
	CLIENT_HELLO_MALFORMED,
	CLIENT_HELLO_LATER, /* not the first fragment */
	CLIENT_HELLO_FIRST, /* the first or the only one: *out is filled */
};

enum client_hello_part client_hello_read(struct span dgram, struct client_hello *out);

#define BARE_HELLO_MAX 80

/*
 * A datagram with a complete ClientHello of the same client, message `message`,
 * without cookie and extensions. Its length.
 */
size_t client_hello_write_bare(const struct client_hello *h, uint16_t message, uint64_t record_seq,
	uint8_t buf[BARE_HELLO_MAX]);
