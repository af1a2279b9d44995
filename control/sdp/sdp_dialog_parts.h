/*
 * sdp_dialog_parts.h: what the sdp_dialog*.c files share: sides and pairs; nobody else includes it.
 */
#pragma once

#include "control/json.h"
#include "control/sdp/sdp_dialog.h"
#include "control/sdp/sdp_parts.h"

#define SDP_PAIRS_MAX (2 * SDP_MEDIAS_MAX)
#define SDP_BOOTSTRAP "bootstrap" /* mediaId and mid of the line that the gateway adds */

enum pair_fate { PAIR_FOREIGN, PAIR_JOINED, PAIR_ENDED };

struct sdp_pair {
	int at[2];       /* index of the section on each side; -1: that side has none */
	char id[72];     /* mediaId in both terminations */
	uint8_t fate;    /* enum pair_fate */
	uint8_t end;     /* ended: the side it has */
	bool has_server; /* ended: at a server that dcMedia names, else by HTTP */
	bool passes;     /* joined, or ended at a server: UDP_PROXY, else DC_APPLICATION_PROXY */
	bool off;        /* port 0 */
	bool is_ours;    /* was joined or ended once */
	bool added;      /* by addBootstrap */
	bool ice[2];     /* does the peer of that leg do checks? It holds while the leg lives */
	bool is_named;   /* `dc` stood at this line's own mediaId, not at "*" */
	json_t *dc; /* what the controller decided of it, a partial DcMedia or null; NULL: nothing */
};

/* Of the gateway toward a side. */
struct sdp_stance {
	char interface[64];      /* "": the first that fits */
	const char *setup;       /* "ACTIVE", "PASSIVE"; NULL: as the gateway likes */
	const char *fingerprint; /* "SHA-384"; NULL: the usual one */
};

struct sdp_side {
	struct sdp_stance stance;
	char *text;      /* its last offer or answer, foreign sections reduced; NULL: none yet */
	struct sdp *sdp; /* the same; or the message under way. NULL at rest */
	unsigned lines;
};

struct sdp_dialog {
	struct sdp_side sides[2];
	struct sdp_pair *pairs;
	unsigned pair_count;
	uint8_t offerer; /* of the last offer */
	bool answered;
	/* the message under way */
	uint8_t from;
	bool is_answer;
};

/* "a", "b" */
const char *sdp_side_name(unsigned side);
/* NULL: that side has no such line. */
struct sdp_pair *sdp_pair_at(const struct sdp_dialog *d, unsigned side, unsigned line);
/* What the side said last of the line, when it is no refusal; NULL: nothing yet. */
const struct sdp_media *sdp_pair_media(
	const struct sdp_dialog *d, const struct sdp_pair *pair, unsigned side);
/* Is the section a data channel line, and not refused? */
bool sdp_is_alive(const struct sdp_media *m);

/* sdp_dialog_stance.c */
/* False: *p says what cannot be. */
bool sdp_take_stances(struct sdp_dialog *d, const struct sdp_stances *stances, struct problem *p);
/* Does it want ICE toward the other side? `offered`: where nothing is said. */
bool sdp_wants_ice(const struct sdp_stances *stances, bool offered);
bool sdp_put_stance(json_t *dcmf, const struct sdp_stance *stance);

/* sdp_dialog_document.c */
json_t *sdp_dialog_document(const struct sdp_dialog *d, const char *owner, struct problem *p);
