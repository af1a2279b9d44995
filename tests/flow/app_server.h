/*
 * app_server.h: application servers that take messages over TCP, TCP/TLS or UDP, made up: as many
 * connections as the relay makes, each as long as it lasts.
 *
 *     relay ── link_write ──► 64 KiB ──► frames, as far as the server reads them
 *     relay ◄── relay_link_input ◄── what the server has said
 */
#pragma once

#include "dcmf/relay/frame.h"
#include "dcmf/relay/relay.h"

struct app_server;

#define HEARD_MAX 256

/* A frame that came, without the end of a long payload. Over UDP: a datagram, all else 0. */
struct heard {
	unsigned conn; /* which connection, from 0 */
	uint16_t sid, type;
	uint32_t value;
	size_t len;
	char text[64];
};

struct app_server_ways {
	const char *refuses; /* what a connection fails with; NULL: it comes up */
	bool hangs;          /* it does not come up, and does not fail */
	bool deaf;           /* reads nothing */
	bool echo;           /* each message goes back */
	bool never_closes;   /* answers no CLOSE */
	size_t pace;         /* bytes it reads in 10 ms; 0: all */
};

struct app_server *app_server_create(void);
void app_server_destroy(struct app_server *s);
struct app_server_ways *app_server_ways(struct app_server *s);

/* What came so far, of all connections; older ones are forgotten. */
unsigned app_server_count(const struct app_server *s, int type); /* -1: of any type */
const struct heard *app_server_heard(const struct app_server *s, unsigned back); /* 0: the last */
uint64_t app_server_bytes(const struct app_server *s); /* of payloads of messages */
unsigned app_server_conns(const struct app_server *s); /* made so far */
bool app_server_is_connected(const struct app_server *s);
bool app_server_was_finished(const struct app_server *s); /* by the relay, the last one */
const struct link_spec *app_server_called(const struct app_server *s); /* as it was called last */
bool app_server_is_paused(const struct app_server *s);
size_t app_server_unsaid(const struct app_server *s); /* bytes that the relay has not taken */

/* On the last connection. */
void app_server_say(struct app_server *s, struct span bytes);
void app_server_frame(
	struct app_server *s, uint16_t sid, unsigned type, uint32_t value, struct span payload);
void app_server_break(struct app_server *s, const char *why);

/* The relay's world. */
uint64_t app_server_open(struct app_server *s, uint64_t tag, const struct link_spec *to);
bool app_server_write(struct app_server *s, uint64_t conn, struct span head, struct span body);
void app_server_pause(struct app_server *s, uint64_t conn, bool pause);
void app_server_close(struct app_server *s, uint64_t conn);

tick_t app_server_next(const struct app_server *s);
void app_server_run(struct app_server *s, struct relay *r, tick_t now);
