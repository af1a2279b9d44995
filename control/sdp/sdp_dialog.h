/*
 * sdp_dialog.h: offers and answers of two sides whose session descriptions pass through the gateway
 * (contract, section 3).
 *
 *     next = sdp_dialog_next(stored)               a working copy; of NULL: a call that begins
 *     doc  = sdp_dialog_offer(next, ...)           or _answer: the MediaContext document as it becomes
 *     ... context.create or context.replace with it; `filled` comes back ...
 *     text = sdp_dialog_text(next, filled, ...)    the session description for the other side
 *     sdp_dialog_rest(next)                        and it is the stored one
 *
 * When anything is refused, the working copy is thrown away and the stored one still holds.
 *
 * A line of one side and the line it becomes on the other are a pair. What happens to it:
 *
 *     foreign   audio, video, and what the controller leaves alone: goes through, byte for byte
 *     joined    channels between the two sides: the gateway stands in between, in both terminations, and puts itself into the line
 *     ended     ends here (HTTP_PROXY): it is on one side only, and the gateway answers or offers it itself
 *
 * Lines keep their places on each side for ever (RFC 3264 8), so a line that is taken out moves all
 * that follow on the other side. Terminations are "a", whose offer was the first, and "b".
 */
#pragma once

#include <jansson.h>

#include "control/problem.h"
#include "dcmf/base/span.h"

struct sdp_dialog;

/*
 * How the gateway stands toward a side, as the controller wishes: {interface, setup, fingerprint,
 * ice}, each may be absent. The first interface counts; the others until they are said anew.
 */
struct sdp_stances {
	const json_t *own; /* toward who speaks; may be NULL, as the next */
	const json_t
		*other; /* toward the other side; `ice` is of lines that it has not answered yet */
};

/* What the controller says beside the offer. */
struct sdp_wish {
	const json_t *
		dc_media; /* as for sdp_document(); null for a section: it goes through untouched */
	const char *
		security_mode; /* "E2AE" or "E2E", of application channels; NULL: E2AE, or as it was */
	bool add_bootstrap; /* a local bootstrap line for the answering side, mediaId "bootstrap" */
	const char *owner;  /* dcmf.owner of the document; NULL: none */
	struct sdp_stances stances;
};

/* NULL: out of memory. `stored` may be NULL. */
struct sdp_dialog *sdp_dialog_next(const struct sdp_dialog *stored);
void sdp_dialog_destroy(struct sdp_dialog *d);

/*
 * The document of the whole call; NULL: *p says why. Which side offers is told by the o= line.
 * Sections are chosen thus: `dc_media` first; then local bootstrap lines (0, 10) end here; all
 * other data channel lines are joined, bootstrap lines (100, 110) always e2ae. What was decided for
 * a line holds in later offers, unless it is decided anew.
 */
json_t *sdp_dialog_offer(
	struct sdp_dialog *d, struct span text, const struct sdp_wish *wish, struct problem *p);
/* The same for the answer to the last offer, which may come more than once. */
json_t *sdp_dialog_answer(
	struct sdp_dialog *d, struct span text, const char *owner, struct problem *p);
/* Before sdp_dialog_answer(): as in the wish of an offer. False: *p says what cannot be. */
bool sdp_dialog_stand(struct sdp_dialog *d, const struct sdp_stances *stances, struct problem *p);

/* After one of the two: what goes to the other side, mem_alloc'ed. NULL: *p says why. */
char *sdp_dialog_text(const struct sdp_dialog *d, const json_t *filled, struct problem *p);

/*
 * Lets go of everything but what the next offer or answer needs. False: out of memory, and it can
 * only be destroyed.
 */
bool sdp_dialog_rest(struct sdp_dialog *d);
