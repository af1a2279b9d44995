/*
 * record.h: the outer forms of DTLS 1.2 on the wire: records (RFC 6347 4.1) and
 * pieces of handshake messages (4.2.2).
 */
#pragma once

#include "dcmf/base/span.h"

#define RECORD_HEADER   13
#define FRAGMENT_HEADER 12
/* Where the epoch and the 48-bit sequence number lie in a record's header. */
#define RECORD_EPOCH_AT 3
#define RECORD_SEQ_AT   5
#define RECORD_SEQ_MASK 0xffffffffffffULL

enum record_type { RECORD_CHANGE_CIPHER_SPEC = 20, RECORD_ALERT, RECORD_HANDSHAKE, RECORD_DATA };

enum handshake_type {
	HANDSHAKE_HELLO_REQUEST = 0,
	HANDSHAKE_CLIENT_HELLO = 1,
	HANDSHAKE_HELLO_VERIFY_REQUEST = 3,
	HANDSHAKE_FINISHED = 20,
	HANDSHAKE_MAX = 32, /* no type of a DTLS 1.2 handshake we could agree to reaches this */
};

#define DTLS_1_0 0xfeff
#define DTLS_1_2 0xfefd

struct record {
	uint8_t type; /* enum record_type */
	uint16_t version;
	uint16_t epoch; /* 0 is plaintext */
	uint64_t seq;
	struct span body; /* in the datagram */
};

struct fragment {
	uint8_t type;     /* enum handshake_type */
	uint32_t length;  /* of the whole message */
	uint16_t message; /* message_seq */
	uint32_t offset;  /* of this piece */
	struct span body; /* in the record */
};

/* False: no record stands here, or it says more bytes than came. */
bool record_read(struct rd *r, struct record *out);
void record_write_header(struct wr *w, const struct record *rec);

/* False: the piece does not fit its record or its message. */
bool fragment_read(struct rd *r, struct fragment *out);
void fragment_write_header(struct wr *w, const struct fragment *f);

/* A record with one whole handshake message; the lengths in *rec and *f are set. w->len. */
size_t record_write_message(struct wr *w, struct record *rec, struct fragment *f, struct span body);

/*
 * May OpenSSL see this record of a client (or server)? It takes a plaintext
 * record with senseless content for a fault of the peer and ends the handshake,
 * where RFC 6347 4.1.2.7 wants garbage ignored.
 */
bool record_is_sound(const struct record *rec, bool from_client);

/* Adds `shift` to the sequence number of every plaintext record of the datagram. */
void records_shift(uint8_t *dgram, size_t len, uint64_t shift);
