/*
 * ng_flags.h: what a dictionary of the ng protocol says, as far as data channels are concerned.
 *
 * Names are written with blanks or hyphens, as clients please; what stands in the list `flags` may
 * have its value behind a `=` there. What is not known is passed over, as rtpengine does, and so is
 * an unknown value; only of our own dcmf-* flags a wrong value is an error.
 */
#pragma once

#include <jansson.h>

#include "control/problem.h"
#include "dcmf/relay/spec.h"

enum ng_ice {
	NG_ICE_AS_OFFERED,
	NG_ICE_REMOVE, /* offered without ICE */
	NG_ICE_FORCE,  /* offered with it */
};

#define NG_REPLACE_ORIGIN     1u
#define NG_REPLACE_CONNECTION 2u

/* Texts are borrowed from the dictionary, or from `words`; NULL: not there. */
struct ng_flags {
	const char *call_id, *from_tag, *to_tag, *via_branch, *sdp;
	const char *label, *metadata;
	const char *direction[2]; /* names of media interfaces: of who speaks, of the other side */
	enum addr_family family;  /* of the address the other side is told; ADDR_NONE: any */
	enum ng_ice ice;
	enum setup setup;         /* our DTLS role toward the other side; SETUP_NONE: no wish */
	enum setup setup_reverse; /* the same toward who speaks */
	const char *fingerprint;  /* hash of the fingerprint the other side is told: "SHA-384" */
	unsigned replace;         /* NG_REPLACE_* */
	bool takes_load_limit;    /* as a result of its own */
	bool fatal;               /* an unknown call is an error */
	int64_t limit;            /* of list; 32 when absent */

	const char *mode; /* "E2AE", "E2E" */
	const char *root; /* of the bootstrap channels that end here */
	bool add_bootstrap;
	const char *bootstrap_root; /* of what add_bootstrap adds */

	json_t *words; /* texts of ours */
};

/* False: *p says which flag is wrong. Finish it in any case. */
bool ng_flags_read(struct ng_flags *f, const json_t *dictionary, struct problem *p);
void ng_flags_finish(struct ng_flags *f);
