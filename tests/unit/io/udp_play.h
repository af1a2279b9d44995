/*
 * udp_play.h: media sockets under test, the peers that speak to them, and what came in.
 *
 *     fixture: play_start, play_end for each test
 *     path = open_toward("127.0.0.1", &fd)     a port of ours, a socket of the peer's
 *     peer_send(fd, &path.local, SPAN_LIT("x")); wait_for(1);
 *     send_row(&path, 0, 40, 1200, 300); udp_flush(udp); expect_row(fd, 0, 40, 1200, 300);
 */
#pragma once

#include "dcmf/io/udp.h"
#include "tests/unit/io/turn.h"

extern struct loop *loop;
extern struct udp *udp;
extern const struct udp_config play_config; /* of `udp`: datagrams one by one */

/* What came in last, and what to do then. */
extern struct arrivals {
	unsigned datagrams, batches;
	struct path path;
	uint8_t bytes[70000];
	size_t len;
	size_t lengths[256];       /* of the first ones */
	uint8_t marks[256];        /* their first bytes */
	bool echo, keep;           /* keep: what is sent waits for the end of the turn */
	unsigned trains, foreseen; /* handed over whole; paths in hints */
	uint32_t close_number;     /* closed from inside input() */
} got;

void play_start(void);
void play_end(void);
/* Trains are handed over whole from now on, by another `udp`. */
void take_trains(void);
void wait_for(unsigned datagrams);

struct addr at(const char *ip, uint16_t port);
/* A port that was free a moment ago. */
uint16_t free_port(const char *ip);

/* A plain socket of the other side, on a port the kernel chooses. */
int peer_open(const char *ip, struct addr *self);
void peer_send(int fd, const struct addr *to, struct span s);
/* All of `bytes`, cut into pieces by the kernel. */
void peer_send_train(int fd, const struct addr *to, uint8_t *bytes, size_t len, uint16_t piece);
/* At most `*len` bytes. Who sent them. */
struct addr peer_receive(int fd, void *buf, size_t *len);

/* For tests that run once with each. */
extern const char *const loopback[2];
/* A port of ours at `ip`, and the way from it to a new peer there. */
struct path open_toward(const char *ip, int *fd);

/* Datagram i of a row, with its number in it. */
struct span numbered(unsigned i, size_t len);
void send_row(const struct path *path, unsigned first, unsigned n, size_t len, size_t last);
void expect_row(int fd, unsigned first, unsigned n, size_t len, size_t last);
