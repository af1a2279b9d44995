/*
 * agent.h: the worker's half of control: requests of the front as JSON-RPC lines in,
 * answers and events out, acting on the relay.
 *
 *     worker.start        the members of struct agent_start    {}
 *     worker.reload       {certificate?, log_level?, mdc1?, mdc2?}  {}
 *     context.create      {context, resolved?}                 the context
 *     context.replace     {contextId, context, resolved?}      the context
 *     context.update      {contextId, patch, resolved?}        the context
 *     context.get         {contextId}                          the context with dcmf.status
 *     context.list        {limit?, after?}                     {contexts, next?}
 *     context.delete      {contextId}                          {}
 *     context.delete_all  {contextIds?}                        {deleted}; without: all of them
 *
 * worker.start comes first, and once; its embedded_addr is text, "192.0.2.1:80", and mdc1 and mdc2
 * are objects of texts {ca?, certificate?, key?}; a reload replaces each as a whole. A list is
 * ordered by contextId. Requests may be pipelined; each is answered at once. `resolved` maps
 * "host:port" to "address:port" (document.h). An answer has the shape, Release 19 or early Release
 * 18, in which the context was last sent whole.
 */
#pragma once

#include "control/document/document.h"
#include "dcmf/base/span.h"
#include "dcmf/relay/relay.h"

/*
 * Bytes of a line to an agent. Ours: an offer of 1 MiB may become more than that, as
 * each of its media lines gets a copy of what was said of all.
 */
#define AGENT_LINE_MAX (4u << 20)

/* Trust and identity toward the servers of one reference point: PEM; NULL when not configured. */
struct agent_tls {
	const char *ca, *certificate, *key;
};

/* What the front hands to a new worker; texts are valid during the call only. */
struct agent_start {
	unsigned index, workers;
	const char *yaml;        /* the configuration file's text; empty: defaults */
	const char *yaml_name;   /* for messages */
	const char *certificate; /* certificate and key, PEM: a secret */
	struct agent_tls mdc1, mdc2;
	const char *embedded_root; /* NULL: no embedded DCSF */
	struct addr embedded_addr;
};

/* What shall be different from now on; NULL: as it is. Valid during the call only. */
struct agent_reload {
	const char *certificate; /* as above */
	const char *log_level;
	const struct agent_tls *mdc1, *mdc2;
};

struct agent_ops {
	/* A line for the front, without its end. */
	void (*send)(void *arg, struct span line);
	/*
	 * Builds the relay from what the front gave and returns it; NULL: `failed` says why. Fills
	 * the rules for documents; their texts must live as long as the agent.
	 */
	struct relay *(*start)(void *arg, const struct agent_start *s, struct document_rules *rules,
		char failed[256]);
	/* False: `failed` says why. */
	bool (*reload)(void *arg, const struct agent_reload *reload, char failed[256]);
	void *arg;
};

struct agent;

struct agent *agent_create(const struct agent_ops *ops); /* NULL: out of memory */
/*
 * The relay is not the agent's: it is destroyed before, because its
 * last events come here. NULL is fine.
 */
void agent_destroy(struct agent *a);
/*
 * A line that carries a key (worker.start, worker.reload) is wiped once it
 * is read: its bytes must be writable.
 */
void agent_line(struct agent *a, tick_t now, struct span line);
/*
 * The relay's events go through here to the front (relay_ops.event
 * calls this). NULL: nobody is told.
 */
void agent_event(struct agent *a, const struct relay_event *ev);
