/* sdp_answer.c: the gateway's own answer to an offer, from the document with its endpoints. */
#include "control/sdp/sdp_parts.h"

#include "control/json.h"

#define ANSWER_MAX (2 * SDP_MAX) /* ours */

struct answer {
	const struct sdp *offer;
	struct sdp_local sections[SDP_MEDIAS_MAX]; /* without media: refused */
	const struct sdp_local *first;             /* the first accepted one; NULL: none */
	struct sdp_writer to;
};

static bool read_sections(struct answer *a, const json_t *filled, struct problem *p)
{
	char id[72];

	for (unsigned i = 0; i < a->offer->media_count; i++) {
		const struct sdp_media *m = &a->offer->medias[i];

		if (!m->is_datachannel || (m->port == 0 && !m->bundle_only))
			continue;
		if (!sdp_local_read(
			    &a->sections[i], filled, "ue", sdp_media_id(a->offer, i, id), p))
			return false;
		if (a->first == NULL && a->sections[i].media != NULL)
			a->first = &a->sections[i];
	}
	return true;
}

/* ---- the session part ------------------------------------------------------------------- */

/* FNV-1a of the contextId: stable for its life, and within what o= may hold everywhere. */
static uint64_t session_id(const json_t *filled)
{
	const char *text = js_get_text(filled, "contextId");
	uint64_t h = 0xcbf29ce484222325;

	for (; text != NULL && *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3;
	return h >> 2;
}

/*
 * A group with more than one accepted section is left out: each has a transport
 * of its own, so they are not bundled.
 */
static void put_bundle(struct answer *a, int group)
{
	const struct sdp_media *only = NULL;

	for (unsigned i = 0; i < a->offer->media_count; i++) {
		const struct sdp_media *m = &a->offer->medias[i];

		if (m->bundle != group || a->sections[i].media == NULL)
			continue;
		if (only != NULL)
			return;
		only = m;
	}
	if (only != NULL)
		sdp_put_line(&a->to, "a=group:BUNDLE %.*s", SPAN_FMT(only->mid));
}

static bool has_checks(const struct answer *a)
{
	for (unsigned i = 0; i < a->offer->media_count; i++) {
		if (a->sections[i].media != NULL && sdp_does_checks(&a->offer->medias[i]))
			return true;
	}
	return false;
}

static void put_session(struct answer *a, const json_t *filled)
{
	const char *ip_type = a->first ? a->first->ip_type : "IP4",
		   *ip = a->first ? a->first->ip : "0.0.0.0";
	int groups = 0;

	sdp_put_line(&a->to, "v=0");
	sdp_put_line(&a->to, "o=- %llu %llu IN %s %s", (unsigned long long)session_id(filled),
		(unsigned long long)a->offer->version, ip_type, ip);
	sdp_put_line(&a->to, "s=-");
	sdp_put_line(&a->to, "c=IN %s %s", ip_type, ip);
	sdp_put_line(&a->to, "t=0 0");
	for (unsigned i = 0; i < a->offer->media_count; i++) {
		if (a->offer->medias[i].bundle >= groups)
			groups = a->offer->medias[i].bundle + 1;
	}
	for (int g = 0; g < groups; g++)
		put_bundle(a, g);
	if (has_checks(a))
		sdp_put_line(&a->to, "a=ice-lite");
}

/* ---- the answer ------------------------------------------------------------------------- */

char *sdp_answer(const struct sdp *s, const json_t *filled, struct problem *p)
{
	struct answer a = { .offer = s, .to = { .text.limit = ANSWER_MAX, .eol = "\r\n" } };

	if (!read_sections(&a, filled, p))
		return NULL;
	put_session(&a, filled);
	for (unsigned i = 0; i < s->media_count; i++) {
		if (a.sections[i].media != NULL)
			sdp_put_local(&a.to, &s->medias[i], &a.sections[i]);
		else
			sdp_put_refused(&a.to, &s->medias[i]);
	}
	return sdp_writer_done(&a.to, p);
}
