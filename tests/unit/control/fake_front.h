/* fake_front.h: the front as a transcript: what is said to an agent, and what is heard from it. */
#pragma once

#include "control/agent.h"

#define LINES 64

/* A front that keeps what it was sent. */
struct front {
	struct agent *agent;
	struct relay *relay;
	bool may_start;
	char *lines[LINES];
	unsigned count, read;
	char start[512];  /* what ops.start was handed */
	char reload[128]; /* likewise ops.reload */
};

#define CALL(id, method, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}"
#define RESULT(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}"
#define ERROR(id, code, rest) \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":" code "," rest "}}"
#define REFUSED(id, status, cause) \
	ERROR(id, "-32000",        \
		"\"message\":*,\"data\":{*\"status\":" status ",*\"cause\":\"" cause "\"*}")

#define START CALL("0", "worker.start", "{\"index\":3,\"workers\":4,\"certificate\":\"pem\"}")

#define MEDIA(extra)                                                                          \
	"{\"mediaId\":\"m0\",\"mediaResourceType\":\"DC\",\"dcMedia\":{\"mediaProxyConfig\":" \
	"\"HTTP_PROXY\",\"streams\":{\"0\":{"                                                 \
	"\"streamId\":0}},\"replaceHttpUrl\":{\"0\":{\"replaceHttpUrl\":\"http://127.0.0.1/"  \
	"a\"}}}" extra "}"
#define CONTEXT(extra)                                                     \
	"{\"terminations\":[{\"terminationId\":\"ue\",\"medias\":[" MEDIA( \
		"") "]}],\"dcmf\":{\"owner\":\"alice\"}" extra "}"

void front_open(struct front *f);      /* an agent that has not been started */
void front_start_now(struct front *f); /* one that has */
void front_close(struct front *f);
void front_forget(struct front *f); /* what was said so far */

void say(struct front *f, const char *line);
/* The next line must be this; '*' stands for anything. */
void hear(struct front *f, const char *pattern);
void hear_nothing(const struct front *f);

/* Makes a context and returns its id, valid until the next call. */
const char *make(struct front *f, const char *context);
/* A request about a context: "%s" in `params` is its id. */
void ask(struct front *f, const char *method, const char *params, const char *id);
