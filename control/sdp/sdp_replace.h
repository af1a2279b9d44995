/*
 * sdp_replace.h: the gateway's address in the session part of a description, where a controller
 * asks for it: rtpengine's replace-origin and replace-session-connection.
 */
#pragma once

#include "control/problem.h"
#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"

struct sdp_replacing {
	bool origin, connection;
	const struct addr *ours; /* addresses that peers are told; ports do not count */
	unsigned count;
};

/*
 * The first of our addresses that a section has is put into o= and into the session's c=; sections
 * that had theirs from there get it as a line of their own. Without one of ours nothing changes.
 * mem_alloc'ed; NULL: out of memory.
 */
char *sdp_replace(const char *text, const struct sdp_replacing *what);

/* Has it a data channel section that is alive? False too where it cannot be read: *p says why. */
bool sdp_has_channels(struct span text, struct problem *p);
