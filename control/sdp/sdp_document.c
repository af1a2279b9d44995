/*
 * sdp_document.c: an offer as the MediaContext document of TS 29.176,
 * for the sections that end here.
 */
#include "control/sdp/sdp_parts.h"

#include <stdio.h>

#include "control/json.h"
#include "control/policy/policy.h"

/* A section on its way into the document. */
struct claim {
	const struct sdp_media *media;
	char id[72];
	bool is_ours;
	bool is_named;    /* by its own mediaId, not by "*" or by policy */
	const json_t *dc; /* what the controller decided, a partial DcMedia; NULL: nothing */
};

const char *sdp_pointer(char buf[SDP_POINTER_MAX], const char *id, const char *member)
{
	size_t at = (size_t)snprintf(buf, SDP_POINTER_MAX, "/dcMedia/");

	for (; *id != '\0' && at < SDP_POINTER_MAX / 2; id++) {
		if (*id == '~' || *id == '/')
			buf[at++] = '~';
		buf[at++] = (char)(*id == '~' ? '0' : *id == '/' ? '1' : *id);
	}
	snprintf(buf + at, SDP_POINTER_MAX - at, "%s%s", member[0] != '\0' ? "/" : "", member);
	return buf;
}

/* ---- who ends here ---------------------------------------------------------------------- */

/* -1: there is none. */
static int find_section(const struct sdp *s, const char *id)
{
	char own[72];

	for (unsigned i = 0; i < s->media_count; i++) {
		if (strcmp(sdp_media_id(s, i, own), id) == 0)
			return (int)i;
	}
	return -1;
}

bool sdp_check_dc_media(
	const struct sdp *s, const json_t *dc_media, const char *extra, struct problem *p)
{
	char where[SDP_POINTER_MAX];
	const char *id;
	json_t *dc;

	if (dc_media != NULL && !json_is_object(dc_media) && !json_is_null(dc_media))
		return problem_param(p, PROBLEM_IE_INCORRECT, "/dcMedia",
			"a map from mediaId to DcMedia is wanted");
	json_object_foreach ((json_t *)(uintptr_t)dc_media, id, dc) {
		const json_t *streams = json_object_get(dc, "streams");
		int at = find_section(s, id);

		if (!json_is_object(dc) && !json_is_null(dc))
			return problem_param(p, PROBLEM_IE_INCORRECT, sdp_pointer(where, id, ""),
				"an object or null is wanted");
		if (streams != NULL && !json_is_object(streams))
			return problem_param(p, PROBLEM_IE_INCORRECT,
				sdp_pointer(where, id, "streams"), "an object is wanted");
		if (strcmp(id, "*") == 0 || (extra != NULL && strcmp(id, extra) == 0))
			continue;
		if (at < 0)
			return problem_param(p, PROBLEM_IE_INCORRECT, sdp_pointer(where, id, ""),
				"the SDP has no such section");
		if (!s->medias[at].is_datachannel)
			return problem_param(p, PROBLEM_IE_INCORRECT, sdp_pointer(where, id, ""),
				"line %u of the SDP is no data channel that can end here",
				s->medias[at].line);
	}
	return true;
}

/* Streams 0 and 10: the network of the UE's own side, which is us. */
bool sdp_is_local_bootstrap(const struct sdp_media *m)
{
	for (unsigned i = 0; i < m->dcmap_count; i++) {
		if (policy_bdc_side(m->dcmaps[i].sid) != POLICY_BDC_LOCAL)
			return false;
	}
	return m->dcmap_count > 0;
}

static bool has_wanted(const struct claim *c)
{
	for (unsigned i = 0; i < c->media->dcmap_count; i++) {
		if (sdp_is_wanted(c->dc, c->media->dcmaps[i].sid))
			return true;
	}
	return c->media->dcmap_count == 0;
}

static bool claim(struct claim *c, const json_t *dc_media, struct problem *p)
{
	const json_t *named = json_object_get(dc_media, c->id);
	char where[SDP_POINTER_MAX];

	c->is_named = named != NULL;
	c->dc = named != NULL ? named : json_object_get(dc_media, "*");
	if (!c->media->is_datachannel || (c->media->port == 0 && !c->media->bundle_only))
		return true;
	c->is_ours = c->dc != NULL ? !json_is_null(c->dc) : sdp_is_local_bootstrap(c->media);
	if (!c->is_ours || has_wanted(c))
		return true;
	c->is_ours = false;
	return !c->is_named ||
	       problem_param(p, PROBLEM_IE_INCORRECT, sdp_pointer(where, c->id, "streams"),
		       "none of these channels is offered");
}

/*
 * A bundle-only section has no transport of its own, so it can only end here
 * alone, or it is the first of its kind.
 */
static bool is_crowded_out(const struct claim *claims, unsigned count, unsigned at)
{
	const struct sdp_media *m = claims[at].media;

	if (!m->bundle_only || m->bundle < 0)
		return false;
	for (unsigned i = 0; i < count; i++) {
		const struct sdp_media *other = claims[i].media;

		if (i != at && claims[i].is_ours && other->bundle == m->bundle &&
			(!other->bundle_only || i < at))
			return true;
	}
	return false;
}

static bool resolve_bundles(struct claim *claims, unsigned count, struct problem *p)
{
	char where[SDP_POINTER_MAX];

	for (unsigned i = 0; i < count; i++) {
		if (!claims[i].is_ours || !is_crowded_out(claims, count, i))
			continue;
		claims[i].is_ours = false;
		if (claims[i].is_named)
			return problem_param(p, PROBLEM_IE_INCORRECT,
				sdp_pointer(where, claims[i].id, ""),
				"bundle-only beside another section of its bundle that ends here");
	}
	return true;
}

/* ---- the section ------------------------------------------------------------------------ */

static bool put_channels(json_t *dc, const struct claim *c, json_t *streams, struct problem *p)
{
	char where[SDP_POINTER_MAX];

	if (streams == NULL || json_object_set(dc, "streams", streams) != 0)
		return false;
	if (!c->is_named && c->media->dcmap_count > 0 &&
		json_is_object(json_object_get(dc, "replaceHttpUrl")) &&
		!sdp_reduce_roots(dc, streams))
		return false;
	if (json_object_get(dc, "mediaProxyConfig") != NULL)
		return true;
	if (!sdp_are_bootstrap(streams))
		return problem_param(p, PROBLEM_IE_MISSING,
			sdp_pointer(where, c->id, "mediaProxyConfig"),
			"wanted for channels that are no bootstrap channels");
	return js_put_text(dc, "mediaProxyConfig", "HTTP_PROXY");
}

static bool put_extensions(json_t *o, const struct claim *c, const json_t *streams)
{
	json_t *labels = sdp_labels(c->media, streams);
	bool fine = labels != NULL && js_put_bool(o, "acceptDcep", c->media->dcmap_count == 0) &&
		    (json_object_size(labels) == 0 || json_object_set(o, "labels", labels) == 0);

	json_decref(labels);
	return fine;
}

/*
 * Members of MediaInfo.dcmf that a controller may give in the `dcmf` of its partial DcMedia; the
 * others are said by the SDP.
 */
static const char *const extensions[] = { "mdc1", "mdc2", "applications", "interface" };

static bool is_extension(const char *key)
{
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		if (strcmp(key, extensions[i]) == 0)
			return true;
	}
	return false;
}

bool sdp_take_extensions(json_t *dc, json_t *dcmf, const char *id, struct problem *p)
{
	json_t *given = json_object_get(dc, "dcmf"), *value;
	char where[SDP_POINTER_MAX], member[80];
	const char *key;

	if (given != NULL && !json_is_object(given))
		return problem_param(p, PROBLEM_OPTIONAL_INCORRECT, sdp_pointer(where, id, "dcmf"),
			"an object is wanted");
	json_object_foreach (given, key, value) {
		snprintf(member, sizeof(member), "dcmf/%.60s", key);
		if (!is_extension(key))
			return problem_param(p, PROBLEM_OPTIONAL_INCORRECT,
				sdp_pointer(where, id, member), "the SDP says this, or nobody");
		if (json_object_set(dcmf, key, value) != 0)
			return false;
	}
	json_object_del(dc, "dcmf");
	return true;
}

/*
 * What passes through is answered by the server, whose words the controller brings: an SDP answer
 * without a fingerprint, or with a role that is left open, is none (RFC 8842 5.3).
 */
bool sdp_check_passing(const json_t *dc, const char *id, enum setup offered, struct problem *p)
{
	const char *proxy = js_get_text(dc, "mediaProxyConfig"), *setup, *info = "mdc2Info";
	const json_t *server;
	char where[SDP_POINTER_MAX], member[80];

	if (proxy == NULL || strncmp(proxy, "UDP", 3) != 0)
		return true;
	server = json_object_get(json_object_get(dc, info), "remoteMdc2Endpoint");
	if (server == NULL) {
		server = json_object_get(json_object_get(dc, "mdc1Info"), "remoteMdc1Endpoint");
		info = server != NULL ? "mdc1Info" : info;
	}
	setup = js_get_text(server, "securitySetup");
	if (json_array_size(json_object_get(server, "fingerprints")) == 0 &&
		json_object_get(server, "fingerprint") == NULL) {
		snprintf(member, sizeof(member), "%s", info);
		return problem_param(p, PROBLEM_IE_MISSING, sdp_pointer(where, id, member),
			"the answer needs the fingerprints of the server's endpoint");
	}
	if (offered == SETUP_ACTIVE || offered == SETUP_PASSIVE ||
		(setup != NULL && strcmp(setup, "ACTPASS") != 0))
		return true;
	snprintf(member, sizeof(member), "%s", info);
	return problem_param(p, PROBLEM_IE_MISSING, sdp_pointer(where, id, member),
		"the answer needs the securitySetup that the server chose, ACTIVE or PASSIVE");
}

static json_t *media_info(const struct claim *c, struct problem *p)
{
	json_t *o, *dc, *dcmf, *streams;
	bool fine;

	if (!sdp_check_remote(c->media, p))
		return NULL;
	o = json_object();
	dc = json_is_object(c->dc) ? json_deep_copy(c->dc) : json_object();
	dcmf = json_object();
	streams = sdp_streams(c->media, c->dc);
	fine = js_put_text(o, "mediaId", c->id) && js_put_text(o, "mediaResourceType", "DC") &&
	       sdp_take_extensions(dc, dcmf, c->id, p) && put_channels(dc, c, streams, p) &&
	       sdp_check_passing(dc, c->id, c->media->setup, p) &&
	       put_extensions(dcmf, c, streams) && json_object_set(o, "dcMedia", dc) == 0 &&
	       json_object_set(o, "dcmf", dcmf) == 0 && sdp_put_remote(o, c->media);
	json_decref(dc);
	json_decref(dcmf);
	json_decref(streams);
	if (fine)
		return o;
	json_decref(o);
	return NULL;
}

/* ---- the document ----------------------------------------------------------------------- */

static json_t *medias_of(const struct claim *claims, unsigned count, struct problem *p)
{
	json_t *medias = json_array();

	for (unsigned i = 0; i < count; i++) {
		if (claims[i].is_ours && !js_append(medias, media_info(&claims[i], p))) {
			json_decref(medias);
			return NULL;
		}
	}
	if (medias != NULL && json_array_size(medias) == 0) {
		problem_set(p, PROBLEM_BAD_SDP, "no m=application line of the SDP ends here");
		json_decref(medias);
		return NULL;
	}
	return medias;
}

static json_t *context_of(json_t *medias, const char *owner)
{
	json_t *doc = json_object(), *ue = json_object(), *terminations = json_array(),
	       *ext = json_object();
	bool fine = js_put(ue, "medias", medias) && js_put_text(ue, "terminationId", "ue") &&
		    json_array_append(terminations, ue) == 0 &&
		    json_object_set(doc, "terminations", terminations) == 0 &&
		    (owner == NULL || (js_put_text(ext, "owner", owner) &&
					      json_object_set(doc, "dcmf", ext) == 0));

	json_decref(ext);
	json_decref(terminations);
	json_decref(ue);
	if (fine)
		return doc;
	json_decref(doc);
	return NULL;
}

json_t *sdp_document(
	const struct sdp *s, const json_t *dc_media, const char *owner, struct problem *p)
{
	struct claim claims[SDP_MEDIAS_MAX];
	json_t *medias, *doc;

	for (unsigned i = 0; i < s->media_count; i++) {
		claims[i] = (struct claim){ .media = &s->medias[i] };
		sdp_media_id(s, i, claims[i].id);
	}
	if (!sdp_check_dc_media(s, dc_media, NULL, p))
		return NULL;
	for (unsigned i = 0; i < s->media_count; i++) {
		if (!claim(&claims[i], dc_media, p))
			return NULL;
	}
	if (!resolve_bundles(claims, s->media_count, p))
		return NULL;
	if ((medias = medias_of(claims, s->media_count, p)) == NULL ||
		(doc = context_of(medias, owner)) == NULL) {
		problem_set(p, PROBLEM_NO_RESOURCES, "out of memory");
		return NULL;
	}
	return doc;
}
