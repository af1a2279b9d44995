/*
 * sim.h: two DTLS ends, a wire that loses, delays and doubles, and one
 * clock for all, OpenSSL included.
 *
 *     sim_init(&sim); sim_pair(&sim, mtu, cookie);       or end_ours(), end_raw() one by one
 *     sim.wire.drop = 3;                                 whatever shall go wrong
 *     sim_run(&sim, 30);                                 at most so many seconds of the sim's time
 *     sim_finish(&sim);
 *
 * The program exports its own gettimeofday(), so the shared OpenSSL lives in the sim's time too.
 */
#pragma once

#include "dtls/bio.h"
#include "dtls/dtls.h"
#include "dtls/hello.h"
#include "dtls/openssl.h"

enum { CLIENT, SERVER };

struct sim;

/*
 * An end is one of three: a connection of ours; a gate, which screens hellos
 * and then becomes one; OpenSSL alone.
 */
struct end {
	struct sim *sim;
	int side;                  /* CLIENT or SERVER */
	struct dtls_config config; /* of ours */
	struct fingerprint peer;   /* what config.peer points to */
	struct dtls *dtls;
	bool is_gate;
	struct hello_keys keys;
	struct path path; /* by which the gate sees the client */
	SSL *raw;
	SSL_CTX *raw_ctx;
	BIO_METHOD *raw_method;
	struct wire raw_wire;
	bool raw_failed;
	/* what came out */
	size_t messages, bytes;
	uint8_t last[DTLS_PLAINTEXT_MAX];
	size_t last_len;
};

struct sim_dgram {
	tick_t at;
	int to;
	size_t len;
	uint8_t bytes[2048];
};

struct sim {
	tick_t now;
	struct end end[2];
	struct sim_dgram *queue; /* in no order */
	size_t queued, cap;
	struct {
		int64_t delay_us;
		unsigned drop;         /* the n-th datagram sent, from 1; 0 none */
		unsigned loss_percent; /* of all */
		unsigned double_percent;
		int64_t jitter_us; /* reorders */
		uint64_t seed;
		/* Sees each datagram first; false swallows it. May be NULL. */
		bool (*tap)(struct sim *sim, int from, struct span dgram);
	} wire;
	unsigned sent, hello_verify;
	size_t largest[2]; /* sent by each side */
};

void sim_init(struct sim *s);
void sim_finish(struct sim *s);

/* Certificates and contexts made once a program; each side has its own. */
struct dtls_ctx *sim_ctx(int side);
void sim_ctx_free(void);

/* A connection of ours at `side` that knows the fingerprint of the other side's context. */
void end_ours(struct sim *s, int side, uint16_t mtu);
/* The server screens hellos and makes a connection of the proven one. */
void end_gate(struct sim *s, uint16_t mtu);
/*
 * OpenSSL without our rules, with the certificate of that side, or none. DTLS 1.2, level 0;
 * change end->raw_ctx's rules before raw_open().
 */
void end_raw(struct sim *s, int side, bool with_certificate);
void raw_open(struct sim *s, int side);
void raw_poll(struct end *e); /* handshakes and reads, after a change by hand */

void sim_pair(struct sim *s, uint16_t mtu, bool gate);
/*
 * Starts the client if it has not begun, and lets at most `seconds` pass;
 * stops when nothing is left to happen.
 */
void sim_run(struct sim *s, int seconds);
void sim_send(struct sim *s, int from, struct span dgram); /* as if that side had */
bool sim_both_open(const struct sim *s);
