/*
 * sdp_parts.h: what the sdp_*.c files share: lines, attributes, and the two
 * values that have a grammar of their own.
 */
#pragma once

#include "control/sdp/sdp.h"
#include "dcmf/base/bytes.h"

/* Walks the lines of a text; `number` counts from the number of the line before the first. */
struct sdp_lines {
	struct span rest;
	unsigned number;
};

struct sdp_line {
	struct span text;  /* without its end */
	struct span whole; /* with it */
	char type;         /* 'm' of "m="; 0 for an empty line and for one that is no SDP line */
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

/* ---- a section as parts of a document --------------------------------------------------- */

#define SDP_POINTER_MAX 200

/* "/dcMedia/<id>/<member>", escaped (RFC 6901 3). Returns buf. */
const char *sdp_pointer(char buf[SDP_POINTER_MAX], const char *id, const char *member);
/*
 * Is there a section for every mediaId but "*" and `extra` (may be NULL), and something usable in
 * every entry?
 */
bool sdp_check_dc_media(
	const struct sdp *s, const json_t *dc_media, const char *extra, struct problem *p);
/* Is there enough, and strong enough, to know the peer by? */
bool sdp_check_remote(const struct sdp_media *m, struct problem *p);
/* Puts the peer into a MediaInfo that has dcMedia and dcmf already. False: out of memory. */
bool sdp_put_remote(json_t *media, const struct sdp_media *m);
/*
 * `dc`, what the controller decided, may take some of the offered channels only, or name those that
 * were agreed elsewhere; NULL: all.
 */
bool sdp_is_wanted(const json_t *dc, uint16_t sid);
json_t *sdp_streams(const struct sdp_media *m, const json_t *dc);
json_t *sdp_labels(const struct sdp_media *m, const json_t *streams);
bool sdp_are_bootstrap(const json_t *streams);
bool sdp_is_local_bootstrap(const struct sdp_media *m);
/*
 * What the controller says of the gateway beside the SDP, in the `dcmf` of its partial DcMedia,
 * goes into that of the MediaInfo. False: *p says what is wrong, or out of memory.
 */
bool sdp_take_extensions(json_t *dc, json_t *dcmf, const char *id, struct problem *p);
/* Is enough said of the server to answer for it, where DTLS passes? `offered`: the UE's role. */
bool sdp_check_passing(const json_t *dc, const char *id, enum setup offered, struct problem *p);
/*
 * "*" speaks for many sections, and each takes the roots of its own channels. False: out of memory.
 */
bool sdp_reduce_roots(json_t *dc, const json_t *streams);

/* ---- text ------------------------------------------------------------------------------- */

struct sdp_writer {
	struct bytes text;
	const char *eol;
	bool failed; /* out of memory, or too long */
};

void sdp_put(struct sdp_writer *w, struct span text);
/* The end of a line, where the last one has none. */
void sdp_put_end(struct sdp_writer *w);
/* A whole line, its end added. */
void sdp_put_text(struct sdp_writer *w, struct span line);
__attribute__((format(printf, 2, 3))) void sdp_put_line(struct sdp_writer *w, const char *fmt, ...);
/* The text, mem_alloc'ed; NULL: *p says why. Finishes the writer. */
char *sdp_writer_done(struct sdp_writer *w, struct problem *p);

/* The gateway's side of a section, as the filled document tells it. */
struct sdp_local {
	const json_t *media; /* its MediaInfo; NULL: the section has none */
	const json_t *streams;
	const json_t *dc_endpoint; /* NULL: DTLS passes through, and the far side is not known */
	const char *ip_type;       /* "IP4" */
	const char *ip;
	uint16_t port;
	const char *ufrag, *pwd; /* NULL without ICE */
};

/*
 * `termination` may be NULL. False: *p says what is missing; *to has no media when the document has
 * none.
 */
bool sdp_local_read(struct sdp_local *to, const json_t *filled, const char *termination,
	const char *media_id, struct problem *p);
void sdp_put_m_line(
	struct sdp_writer *w, const struct sdp_media *m, uint16_t port, struct span fmt);
/* Port 0, format and mid kept. */
void sdp_put_refused(struct sdp_writer *w, const struct sdp_media *m);
void sdp_put_fingerprints(struct sdp_writer *w, const struct sdp_local *l);
/*
 * "active", "passive", "actpass"; `offered`: what the peer's offer leaves, where the document is
 * silent.
 */
const char *sdp_setup_word(const struct sdp_local *l, enum setup offered);
int64_t sdp_max_message(const struct sdp_local *l);
long long sdp_local_sctp_port(const struct sdp_local *l);
void sdp_put_ice(struct sdp_writer *w, const struct sdp_local *l, bool ice2);
/* A whole section of ours: what `m`, the peer's, says of channels and applications is repeated. */
void sdp_put_local(struct sdp_writer *w, const struct sdp_media *m, const struct sdp_local *l);
