/*
 * sdp_dialog_document.c: a call as the MediaContext document of TS 29.176: two terminations, with a
 * media in both for what is joined.
 */
#include "control/sdp/sdp_dialog_parts.h"

#include <stdio.h>

#include "control/policy/policy.h"

/* ---- channels --------------------------------------------------------------------------- */

/* The section whose word counts: the offer's, or the only one there is. */
static const struct sdp_media *leading_media(
	const struct sdp_dialog *d, const struct sdp_pair *pair)
{
	const struct sdp_media *m;

	if (pair->fate == PAIR_ENDED)
		return sdp_pair_media(d, pair, pair->end);
	m = sdp_pair_media(d, pair, d->offerer);
	return m != NULL ? m : sdp_pair_media(d, pair, 1 - d->offerer);
}

/* What the answer to it said; NULL: none, or none is wanted. */
static const struct sdp_media *answering_media(
	const struct sdp_dialog *d, const struct sdp_pair *pair)
{
	if (!d->answered || pair->fate == PAIR_ENDED)
		return NULL;
	return sdp_pair_media(d, pair, 1 - d->offerer);
}

static bool has_dcmap(const struct sdp_media *m, const char *sid)
{
	char key[8];

	for (unsigned i = 0; i < m->dcmap_count; i++) {
		snprintf(key, sizeof(key), "%u", m->dcmaps[i].sid);
		if (strcmp(key, sid) == 0)
			return true;
	}
	return false;
}

/* A channel whose line the answer does not repeat is refused (RFC 8864 6.4). */
static void keep_answered(json_t *streams, const struct sdp_media *answer)
{
	const char *key;
	json_t *stream;
	void *next;

	json_object_foreach_safe (streams, next, key, stream) {
		if (!has_dcmap(answer, key))
			json_object_del(streams, key);
	}
}

/* What is offered by the line that the gateway adds. */
static json_t *added_streams(const struct sdp_pair *pair)
{
	json_t *given = json_object_get(pair->dc, "streams");
	json_t *streams, *stream;

	if (given != NULL)
		return json_deep_copy(given);
	streams = json_object();
	stream = json_object();
	if (js_put_integer(stream, "streamId", 0) && js_put_text(stream, "subprotocol", "http"))
		js_put(streams, "0", json_incref(stream));
	json_decref(stream);
	if (json_object_size(streams) > 0)
		return streams;
	json_decref(streams);
	return NULL;
}

static json_t *streams_of(const struct sdp_dialog *d, const struct sdp_pair *pair)
{
	const struct sdp_media *lead = leading_media(d, pair), *answer = answering_media(d, pair);
	json_t *streams;

	if (lead == NULL)
		return pair->added ? added_streams(pair) : json_object();
	streams = sdp_streams(lead, pair->dc);
	if (answer != NULL && lead->dcmap_count > 0)
		keep_answered(streams, answer);
	return streams;
}

/* Without a=dcmap on a side, channels come by DCEP. */
static bool accepts_dcep(const struct sdp_dialog *d, const struct sdp_pair *pair)
{
	const struct sdp_media *lead = leading_media(d, pair), *answer = answering_media(d, pair);

	if (lead == NULL)
		return !pair->added || pair->off;
	return lead->dcmap_count == 0 || (answer != NULL && answer->dcmap_count == 0);
}

/* ---- a media ---------------------------------------------------------------------------- */

static const char *proxy_of(const struct sdp_pair *pair)
{
	if (pair->fate == PAIR_ENDED && !pair->has_server)
		return "HTTP_PROXY";
	return pair->passes ? "UDP_PROXY" : "DC_APPLICATION_PROXY";
}

/*
 * "*" speaks for lines of all kinds: what only servers need is not meant for those that have none.
 */
static bool put_decision(json_t *dc, const struct sdp_pair *pair, json_t *streams)
{
	if (!pair->is_named && pair->fate == PAIR_JOINED)
		json_object_del(dc, "replaceHttpUrl");
	else if (!pair->is_named && json_object_size(streams) > 0 &&
		 json_is_object(json_object_get(dc, "replaceHttpUrl")) &&
		 !sdp_reduce_roots(dc, streams))
		return false;
	return js_put_text(dc, "mediaProxyConfig", proxy_of(pair)) &&
	       json_object_set(dc, "streams", streams) == 0;
}

static bool put_extensions(json_t *dcmf, const struct sdp_dialog *d, const struct sdp_pair *pair,
	const json_t *streams)
{
	const struct sdp_media *lead = leading_media(d, pair);
	json_t *labels = lead != NULL ? sdp_labels(lead, streams) : json_object();
	bool fine = labels != NULL && js_put_bool(dcmf, "acceptDcep", accepts_dcep(d, pair)) &&
		    (json_object_size(labels) == 0 || json_object_set(dcmf, "labels", labels) == 0);

	json_decref(labels);
	return fine;
}

/* A peer that is not known yet may still be known to do checks. */
static bool put_peer(json_t *media, const struct sdp_media *m, bool ice)
{
	json_t *dcmf = json_object_get(media, "dcmf");

	if (m != NULL && !sdp_put_remote(media, m))
		return false;
	if (!ice)
		json_object_del(dcmf, "ice");
	return !ice || m != NULL || js_put(dcmf, "ice", json_object());
}

/* The answer of a server, which the gateway gives in its place, must be known. */
static bool has_answer(
	const struct sdp_pair *pair, const struct sdp_media *m, const json_t *dc, struct problem *p)
{
	return pair->fate != PAIR_ENDED || m == NULL ||
	       sdp_check_passing(dc, pair->id, m->setup, p);
}

static json_t *media_info(
	const struct sdp_dialog *d, const struct sdp_pair *pair, unsigned side, struct problem *p)
{
	const struct sdp_media *m = pair->off ? NULL : sdp_pair_media(d, pair, side);
	json_t *o = json_object(), *dcmf = json_object(), *streams = streams_of(d, pair);
	json_t *dc = json_is_object(pair->dc) ? json_deep_copy(pair->dc) : json_object();
	bool fine = js_put_text(o, "mediaId", pair->id) &&
		    js_put_text(o, "mediaResourceType", "DC") &&
		    sdp_take_extensions(dc, dcmf, pair->id, p) && put_decision(dc, pair, streams) &&
		    has_answer(pair, m, dc, p) && put_extensions(dcmf, d, pair, streams) &&
		    sdp_put_stance(dcmf, &d->sides[side].stance) &&
		    json_object_set(o, "dcMedia", dc) == 0 &&
		    json_object_set(o, "dcmf", dcmf) == 0 && put_peer(o, m, pair->ice[side]);

	json_decref(streams);
	json_decref(dcmf);
	json_decref(dc);
	if (fine)
		return o;
	json_decref(o);
	return NULL;
}

/* ---- the context ------------------------------------------------------------------------ */

static bool has_end(const struct sdp_pair *pair, unsigned side)
{
	return pair->fate == PAIR_JOINED || (pair->fate == PAIR_ENDED && pair->end == side);
}

static bool lives(const struct sdp_pair *pair)
{
	return !pair->off && pair->fate != PAIR_FOREIGN;
}

/*
 * A context is never empty (TS 29.176), and the call may want channels again later: when the last
 * line is refused, one of those that were ours stays in the document, without a peer.
 */
static const struct sdp_pair *last_resort(const struct sdp_dialog *d)
{
	const struct sdp_pair *kept = NULL;

	for (unsigned i = 0; i < d->pair_count; i++) {
		if (lives(&d->pairs[i]))
			return NULL;
		if (kept == NULL && d->pairs[i].is_ours && d->pairs[i].fate != PAIR_FOREIGN)
			kept = &d->pairs[i];
	}
	return kept;
}

static json_t *medias_of(const struct sdp_dialog *d, unsigned side, struct problem *p)
{
	const struct sdp_pair *kept = last_resort(d);
	json_t *medias = json_array();

	for (unsigned i = 0; i < d->pair_count; i++) {
		const struct sdp_pair *pair = &d->pairs[i];

		if (!has_end(pair, side) || !(lives(pair) || pair == kept))
			continue;
		if (!js_append(medias, media_info(d, pair, side, p))) {
			json_decref(medias);
			return NULL;
		}
	}
	return medias;
}

static bool append_termination(
	json_t *list, const struct sdp_dialog *d, unsigned side, struct problem *p)
{
	json_t *medias = medias_of(d, side, p), *t;
	bool fine;

	if (medias == NULL || json_array_size(medias) == 0) {
		fine = medias != NULL;
		json_decref(medias);
		return fine;
	}
	t = json_object();
	fine = js_put(t, "medias", medias) &&
	       js_put_text(t, "terminationId", sdp_side_name(side)) &&
	       json_array_append(list, t) == 0;
	json_decref(t);
	return fine;
}

static bool put_owner(json_t *doc, const char *owner)
{
	json_t *ext = owner != NULL ? json_object() : NULL;
	bool fine = owner == NULL ||
		    (js_put_text(ext, "owner", owner) && json_object_set(doc, "dcmf", ext) == 0);

	json_decref(ext);
	return fine;
}

json_t *sdp_dialog_document(const struct sdp_dialog *d, const char *owner, struct problem *p)
{
	json_t *doc = json_object(), *list = json_array();
	bool fine = list != NULL && append_termination(list, d, 0, p) &&
		    append_termination(list, d, 1, p) &&
		    json_object_set(doc, "terminations", list) == 0 && put_owner(doc, owner);

	if (!fine)
		problem_set(p, PROBLEM_NO_RESOURCES, "out of memory");
	else if (json_array_size(list) == 0)
		problem_set(
			p, PROBLEM_BAD_SDP, "no m=application line of the SDP is for the gateway");
	json_decref(list);
	if (p->kind == PROBLEM_NONE)
		return doc;
	json_decref(doc);
	return NULL;
}
