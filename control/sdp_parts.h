/*
 * sdp_parts.h: what the sdp_*.c files share: lines, attributes, and the two
 * values that have a grammar of their own.
 */
#pragma once

#include "control/sdp.h"

/* Walks the lines of a text; `number` counts from the number of the line before the first. */
struct sdp_lines {
	struct span rest;
	unsigned number;
};

struct sdp_line {
	struct span text; /* without its end */
	char type;        /* 'm' of "m="; 0 for an empty line and for one that is no SDP line */
	struct span value;
	unsigned number;
};

bool sdp_next_line(struct sdp_lines *lines, struct sdp_line *out);
/* The lines of a section, its m= line first. */
struct sdp_lines sdp_section_lines(const struct sdp_media *m);
/* "a=name:value" or "a=name". False: another kind of line. */
bool sdp_attribute(const struct sdp_line *line, struct span *name, struct span *value);

/*
 * The value of a=dcmap, into *out but its line. Unescaped texts are appended to `words`, which has
 * room for as many bytes as `value` has. False: *why says what is wrong.
 */
bool sdp_dcmap_parse(struct span value, struct sdp_dcmap *out, uint8_t *words, size_t *words_len,
	const char **why);
/* The stream id at the front of a dcmap or dcsa value. */
bool sdp_dcmap_sid(struct span value, uint16_t *sid);

struct sdp_candidate {
	uint32_t priority;
	/* ADDR_NONE: nothing we can send to: TCP, a name, another component, an unknown type */
	struct addr addr;
};

/* The value of a=candidate (RFC 8839 5.1). False: not one at all. */
bool sdp_candidate_parse(struct span value, struct sdp_candidate *out);

/* Could a datagram be sent there? Port 9 is "discard": the real port comes later (RFC 8840 4.1). */
bool sdp_addr_is_usable(const struct addr *a);

/*
 * Does the peer check paths? A Lite one waits for checks, as we do: to each other we
 * are peers without ICE (RFC 8445 6.1.1).
 */
static inline bool sdp_does_checks(const struct sdp_media *m)
{
	return m->ice_ufrag.len > 0 && !m->ice_lite;
}

/* Which attributes are read where. */
enum sdp_place {
	SDP_SESSION, /* only what sections inherit */
	/*
	 * Not a section of ours: what it says of its transport, and what
	 * is wrong there is its own affair.
	 */
	SDP_FOREIGN,
	/* A data channel section: everything, and what cannot be understood is a problem. */
	SDP_CHANNEL,
};

/* Reads c= and attributes of these lines into *m. False: *p names the line. */
bool sdp_read_attributes(struct sdp *s, struct sdp_media *m, struct sdp_lines lines,
	enum sdp_place place, struct problem *p);
/* What `m` does not say, and `from` (the session, or the section it is bundled with) does. */
void sdp_inherit(struct sdp_media *m, const struct sdp_media *from);
