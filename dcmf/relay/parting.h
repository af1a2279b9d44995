/*
 * parting.h: a stream whose end the server is being told, or has not confirmed: what is still to
 * leave on it, in order, CLOSE at last (FRAMING.md).
 */
#pragma once

#include "dcmf/relay/link.h"

struct parting {
	struct list_node on_link;
	struct list_node frames; /* struct message */
	uint16_t sid;
	unsigned awaited; /* CLOSEs of the server that are still to come */
};

/* NULL: the stream has none. */
struct parting *parting_find(const struct link *k, uint16_t sid);
/*
 * One CLOSE more; `is_answer`: the server has sent its own. NULL: out of memory, and the connection has
 * failed: who would know what the server thinks?
 */
struct parting *parting_make(struct link *k, uint16_t sid, bool is_answer);
/* A frame that leaves before the last CLOSE; taken over. */
void parting_add(struct link *k, struct parting *p, struct message *m);
/* The server's CLOSE has come. The parting may be gone then. */
void parting_confirmed(struct link *k, struct parting *p);
/* False: no room for more. */
bool partings_send(struct link *k);
void partings_forget(struct link *k);
