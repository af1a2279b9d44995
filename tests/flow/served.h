/*
 * served.h: one phone and an application server at the other end of a link (app_server.h): what the
 * tests of links begin with.
 *
 *     begin(__func__)         a call with three channels, connected
 *     begin_with(...)         another configuration; then call(), or with options at once
 *     say(), serve()          the phone speaks, the server does
 *     end()                   hangs up, and nothing is left
 */
#pragma once

#include "tests/flow/inside.h"
#include "tools/ue/ue_traffic.h"

#define KIB 1024u

/* What both sides agree on: reliable, partially reliable, reliable. */
extern const struct ue_stream streams[3];
extern const struct phone_options three; /* a phone with these */

extern struct world *w;
extern struct phone *p;
extern struct app_server *server;
extern struct app_server_ways *ways;
/* Set before begin() where it shall not be plain TCP to 198.51.100.7:7000. */
extern struct link_spec to;

/* What the phone heard, all in all and last. */
struct phone_heard {
	unsigned count;
	uint16_t sid;
	uint32_t ppid;
	size_t len, bytes;
	char text[64];
};
extern struct phone_heard got;
extern struct ue_ledger ledger; /* of numbered messages, where the phone hears such */
extern bool is_numbered;

/* 64 KiB a channel for 5 s, messages of 64 KiB. */
void small_queues(struct relay_config *config);
void call(const struct phone_options *more);
void begin_with(
	const char *name, void (*change)(struct relay_config *), const struct phone_options *o);
void begin(const char *name);
void end(void);
/* For a phone that is made by hand. */
void hear(struct phone *phone, const struct ue_event *ev);

enum err say(uint16_t sid, const char *text);
void say_much(uint16_t sid, size_t bytes); /* as much of it as the window lets through */
void serve(uint16_t sid, const char *text);
void serve_much(uint16_t sid, size_t bytes);

/* The last such frame that the server heard; NULL: none. */
const struct heard *find(unsigned type, uint16_t sid);
const char *failure(void); /* the last mdc.failed; "": none */
enum close_reason closed_by(uint16_t sid);
void view(struct media_view *out);
