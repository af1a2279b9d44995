/* inside.h: what world.c and phone.c know of one another and tests do not need. */
#pragma once

#include "tests/flow/world.h"

/* Relay calls during which planned allocation failures happen. */
struct relay_context *world_create_context(struct world *w, const char *id,
	const struct context_spec *spec, struct relay_refusal *refusal);
bool world_update_context(struct world *w, const char *id, const struct context_spec *spec);
void world_delete_context(struct world *w, const char *id);

/* Certificates of this program, as many as are needed at once; 0 is the gateway's. */
struct dtls_ctx *world_identity(unsigned i);

/* What the controller knows of this phone's media: everything but what it shall be connected to. */
void phone_media_spec(const struct phone *p, struct media_spec *out);
/* An application message came; there is room to send more; pair.c. */
void pair_on_message(struct pair *pair, struct phone *p, const struct ue_event *ev);
void pair_on_turn(struct pair *pair, struct phone *p);

/* What is due for the phone, its events, and its datagrams out. */
void phone_turn(struct phone *p);
