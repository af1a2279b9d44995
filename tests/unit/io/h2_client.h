/*
 * h2_client.h: a client of HTTP/2 (nghttp2's own) and the session under test, joined in memory.
 *
 *     open_pair(&limits)             the client has said its SETTINGS
 *     id = ask("POST", "/x", body)   a request under way
 *     talk()                         bytes go to and fro until both are silent
 *     replies[id]                    what the client heard
 *
 * requests[] is what the session's owner was asked; it answers at once while `answers_at_once`.
 */
#pragma once

#include <check.h>
#include <nghttp2/nghttp2.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/h2_session.h"

#define REPLIES 1024

struct reply {
	int status;
	size_t body;   /* bytes */
	char text[64]; /* its beginning */
	char location[64];
	bool is_complete, is_reset;
	uint32_t reset_code;
};

struct asked {
	int32_t stream;
	char line[128]; /* "POST /x host 5" */
	size_t body;
	enum h2_excess excess;
};

extern struct h2_session *session;
extern nghttp2_session *client;
extern tick_t now;
extern size_t held;
extern struct reply replies[REPLIES];
extern struct asked requests[REPLIES];
extern unsigned request_count, gone_count;
extern bool answers_at_once, is_deaf; /* the client reads nothing */
extern int goaway_code;               /* -1: none came */
extern struct h2_limits limits;

void open_pair(void); /* with `limits` */
void close_pair(void);
int32_t ask(const char *method, const char *path, size_t body);
/* A request whose head and first bytes come, and the rest does not. */
int32_t ask_unfinished(const char *path, size_t announced);
void talk(void);
void wait_us(int64_t us); /* time passes; the session is told when it wants to be */
void answer(int32_t stream, int status, size_t body);
/*
 * Frames that no client of nghttp2's would say; overhear() takes what the session says to them, past
 * the client, and notes GOAWAY and resets.
 */
void say_frame(uint8_t type, uint8_t flags, int32_t stream, const void *payload, size_t len);
void say_get(int32_t stream);
void overhear(void);
