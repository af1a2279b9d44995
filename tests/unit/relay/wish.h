/*
 * wish.h: contexts wished for in a line of text.
 *
 *     c = create("0-1", "ue:0 ue:1+ as:0")     NULL: refused, see `refusal`
 *     update(c, "ue:0")                        false: likewise
 *
 * "ue:0 ue:1 as:0": terminations and medias; a '+' behind one: with ICE, a '!': an
 * application channel, '6': an IPv6 peer, 'A', 'P': we are to be active or passive,
 * 'a', 'p': the peer is.
 */
#pragma once

#include "tests/unit/relay/world.h"

extern struct relay_refusal refusal; /* of the last wish */

struct relay_context *create(const char *id, const char *text);
bool update(struct relay_context *c, const char *text);
/* Only what is wished for; the caller finishes it. */
void wish(struct context_spec *spec, const char *text);

/* Where media `m` of termination `t` is heard. */
uint16_t port_of(const struct relay_context *c, unsigned t, unsigned m);
