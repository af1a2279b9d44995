/*
 * desk_play.h: the desk between controllers and workers that a test plays itself, as transcripts.
 *
 *     say(1, "{...}")        controller 1 sends a line
 *     heard(1)               the next line the desk sent to controller 1
 *     asked(0)               the next line the desk sent to worker 0
 *     tell(0, "{...}")       worker 0 sends a line; @ is the id of the last line it was asked
 */
#pragma once

#include <check.h>

#include "control/desk/desk.h"

#define WORKERS 2
#define LINES   64

/* Lines that the desk sent to somebody and that nobody has looked at. */
struct mailbox {
	char *line[LINES];
	unsigned in, out;
};

/* A name that the desk wants resolved. */
struct question {
	char host[64];
	uint16_t port;
	uint64_t ticket;
};

extern struct desk *desk;
extern tick_t now;
extern struct mailbox to_controller[8], to_worker[WORKERS];
extern char *last_id[WORKERS]; /* of what a worker was asked; "@" in tell() */
extern struct question questions[32];
extern unsigned question_count, drained_count;
extern bool hung_up[8];    /* what has_hung_up says of a controller */
extern bool deaf[WORKERS]; /* to_worker says false */
extern const struct desk_config desk_defaults;

/* A desk with both workers up and controllers 1 and 2. */
void open_desk(void);
void close_desk(void);

void say(uint64_t controller, const char *line);
const char *heard(uint64_t controller);
/* Method and parameters; the id is kept for tell(). */
const char *asked(unsigned worker);
void tell(unsigned worker, const char *line);
/* Controller 1 gets itself a context. */
void make_context(unsigned worker, const char *id, const char *owner);

#define assert_says(text, part)                                                           \
	do {                                                                              \
		const char *said = (text);                                                \
		ck_assert_msg(strstr(said, part) != NULL, "%s is not in %s", part, said); \
	} while (0)

#define REQUEST(id, method, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}"
#define RESULT(result) "{\"jsonrpc\":\"2.0\",\"id\":@,\"result\":" result "}"
#define DOCUMENT       "{\"terminations\":[]}"
