/* agent_parts.h: what the agent_*.c files share. */
#pragma once

#include "control/agent.h"
#include "control/json.h"
#include "control/patch.h"
#include "control/rpc.h"
#include "dcmf/base/map.h"

/* What controllers said of a context; what the relay made of it is the relay's to tell. */
struct stored {
	char *id;
	json_t *doc;      /* checked, Release 19 shape */
	json_t *resolved; /* addresses of the hosts in it: later patches may leave its URLs alone */
	bool rel18;       /* answer in the early shape */
	UT_hash_handle hh;
};

struct agent {
	struct agent_ops ops;
	struct relay *relay; /* NULL before worker.start */
	struct document_rules rules;
	unsigned index;
	struct stored *contexts;
};

/* One request under way. */
struct call {
	struct agent *a;
	tick_t now;
	const json_t *params;
	struct problem p;       /* why the gateway refuses */
	const char *bad_params; /* why the request is not one, a static sentence */
	/* ContextId of a context that must go again if the answer cannot be written. */
	const char *made;
};

/*
 * The methods: each returns the result, or NULL with c->p or c->bad_params
 * telling why; with neither, memory ran out.
 */
json_t *agent_context_create(struct call *c);
json_t *agent_context_replace(struct call *c);
json_t *agent_context_update(struct call *c);
json_t *agent_context_get(struct call *c);
json_t *agent_context_list(struct call *c);
json_t *agent_context_delete(struct call *c);
json_t *agent_context_delete_all(struct call *c);

/* Ends a context with all that belongs to it. */
void agent_drop(struct agent *a, tick_t now, const char *id, enum close_reason reason);
void agent_forget(struct agent *a, struct stored *s); /* the stored part alone */
struct stored *agent_find(const struct agent *a, const char *id);

/* Tells the front. Texts may be NULL. */
struct agent_news {
	const char *type, *context_id, *termination_id, *media_id, *owner, *reason, *detail;
	const char *hop; /* NULL: Mb, or about the whole context */
	int32_t sid;     /* -1: not about a channel */
};
void agent_tell(struct agent *a, const struct agent_news *news);
