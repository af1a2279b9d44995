/*
 * sdp_document.c: an offer as the MediaContext document of TS 29.176,
 * for the sections that end here.
 */
#include "control/sdp_parts.h"

#include <stdio.h>

#include "control/json.h"
#include "control/policy.h"

#define KIB             1024
#define MAX_MESSAGE_KIB 64  /* TS 29.571 MaxMessageSize: its unit can only be kilobytes */
#define CANDIDATE_MAX   512 /* ours: longer lines take part in the choice and are not kept */
#define POINTER_MAX     200

/* A section on its way into the document. */
struct claim {
	const struct sdp_media *media;
	char id[72];
	bool is_ours;
	bool is_named;    /* by its own mediaId, not by "*" or by policy */
	const json_t *dc; /* what the controller decided, a partial DcMedia; NULL: nothing */
};

/* "/dcMedia/<id>/<member>", escaped (RFC 6901 3). */
static const char *pointer(char buf[POINTER_MAX], const char *id, const char *member)
{
	size_t at = (size_t)snprintf(buf, POINTER_MAX, "/dcMedia/");

	for (; *id != '\0' && at < POINTER_MAX / 2; id++) {
		if (*id == '~' || *id == '/')
			buf[at++] = '~';
		buf[at++] = (char)(*id == '~' ? '0' : *id == '/' ? '1' : *id);
	}
	snprintf(buf + at, POINTER_MAX - at, "%s%s", member[0] != '\0' ? "/" : "", member);
	return buf;
}

/* ---- who ends here ---------------------------------------------------------------------- */

/* Is there a section for every mediaId, and something usable in every entry? */
static bool check_dc_media(
	const struct claim *claims, unsigned count, const json_t *dc_media, struct problem *p)
{
	char where[POINTER_MAX];
	const char *id;
	json_t *dc;

	if (dc_media != NULL && !json_is_object(dc_media) && !json_is_null(dc_media))
		return problem_param(p, PROBLEM_IE_INCORRECT, "/dcMedia",
			"a map from mediaId to DcMedia is wanted");
	json_object_foreach ((json_t *)(uintptr_t)dc_media, id, dc) {
		const json_t *streams = json_object_get(dc, "streams");
		unsigned i = 0;

		if (!json_is_object(dc) && !json_is_null(dc))
			return problem_param(p, PROBLEM_IE_INCORRECT, pointer(where, id, ""),
				"an object or null is wanted");
		if (streams != NULL && !json_is_object(streams))
			return problem_param(p, PROBLEM_IE_INCORRECT, pointer(where, id, "streams"),
				"an object is wanted");
		if (strcmp(id, "*") == 0)
			continue;
		while (i < count && strcmp(claims[i].id, id) != 0)
			i++;
		if (i == count)
			return problem_param(p, PROBLEM_IE_INCORRECT, pointer(where, id, ""),
				"the SDP has no such section");
		if (!claims[i].media->is_datachannel)
			return problem_param(p, PROBLEM_IE_INCORRECT, pointer(where, id, ""),
				"line %u of the SDP is no data channel that can end here",
				claims[i].media->line);
	}
	return true;
}

/* Streams 0 and 10: the network of the UE's own side, which is us. */
static bool is_local_bootstrap(const struct sdp_media *m)
{
	for (unsigned i = 0; i < m->dcmap_count; i++) {
		if (policy_bdc_side(m->dcmaps[i].sid) != POLICY_BDC_LOCAL)
			return false;
	}
	return m->dcmap_count > 0;
}

/* The controller may take some of the offered channels only. */
static bool is_wanted(const json_t *dc, uint16_t sid)
{
	const json_t *streams = json_object_get(dc, "streams");
	char key[8];

	snprintf(key, sizeof(key), "%u", sid);
	return streams == NULL || json_object_get(streams, key) != NULL;
}

static bool has_wanted(const struct claim *c)
{
	for (unsigned i = 0; i < c->media->dcmap_count; i++) {
		if (is_wanted(c->dc, c->media->dcmaps[i].sid))
			return true;
	}
	return c->media->dcmap_count == 0;
}

static bool claim(struct claim *c, const json_t *dc_media, struct problem *p)
{
	const json_t *named = json_object_get(dc_media, c->id);
	char where[POINTER_MAX];

	c->is_named = named != NULL;
	c->dc = named != NULL ? named : json_object_get(dc_media, "*");
	if (!c->media->is_datachannel || (c->media->port == 0 && !c->media->bundle_only))
		return true;
	c->is_ours = c->dc != NULL ? !json_is_null(c->dc) : is_local_bootstrap(c->media);
	if (!c->is_ours || has_wanted(c))
		return true;
	c->is_ours = false;
	return !c->is_named ||
	       problem_param(p, PROBLEM_IE_INCORRECT, pointer(where, c->id, "streams"),
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
	char where[POINTER_MAX];

	for (unsigned i = 0; i < count; i++) {
		if (!claims[i].is_ours || !is_crowded_out(claims, count, i))
			continue;
		claims[i].is_ours = false;
		if (claims[i].is_named)
			return problem_param(p, PROBLEM_IE_INCORRECT,
				pointer(where, claims[i].id, ""),
				"bundle-only beside another section of its bundle that ends here");
	}
	return true;
}

/* ---- the remote side -------------------------------------------------------------------- */

static json_t *endpoint(const struct addr *a)
{
	json_t *e = json_object(), *ip = json_object();
	char text[ADDR_TEXT_MAX];

	if (!js_put_text(
		    ip, a->family == ADDR_IPV6 ? "ipv6Addr" : "ipv4Addr", addr_ip_text(a, text))) {
		json_decref(ip);
		ip = NULL;
	}
	if (js_put(e, "ip", ip) && js_put_text(e, "transport", "UDP") &&
		js_put_integer(e, "portNumber", a->port))
		return e;
	json_decref(e);
	return NULL;
}

static bool put_span(json_t *object, const char *key, struct span text)
{
	return js_put(object, key, json_stringn((const char *)text.p, text.len));
}

static json_t *fingerprints(const struct sdp_media *m)
{
	json_t *list = json_array();
	char text[FINGERPRINT_TEXT_MAX];

	for (unsigned i = 0; i < m->fingerprint_count; i++) {
		if (!js_append(list, json_string(fingerprint_text(&m->fingerprint[i], text)))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *remote_dc_endpoint(const struct sdp_media *m)
{
	static const char *const setups[] = {
		[SETUP_NONE] = "ACTIVE", /* RFC 4145 4: what an offer without it means */
		[SETUP_ACTPASS] = "ACTPASS",
		[SETUP_ACTIVE] = "ACTIVE",
		[SETUP_PASSIVE] = "PASSIVE",
	};
	json_t *e = json_object();

	if (js_put_integer(e, "sctpPort", m->sctp_port) &&
		js_put(e, "fingerprints", fingerprints(m)) &&
		(m->tls_id.len == 0 || put_span(e, "tlsId", m->tls_id)) &&
		js_put_text(e, "securitySetup", setups[m->setup]))
		return e;
	json_decref(e);
	return NULL;
}

static bool is_printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	}
	return true;
}

static json_t *ice(const struct sdp_media *m)
{
	json_t *o = json_object(), *candidates = json_array();
	bool fine = candidates != NULL;

	for (unsigned i = 0; fine && i < m->candidate_count; i++) {
		struct span c = m->candidates[i];

		if (c.len <= CANDIDATE_MAX && is_printable(c))
			fine = js_append(candidates, json_stringn((const char *)c.p, c.len));
	}
	if (!fine) {
		json_decref(candidates);
		candidates = NULL;
	}
	if (js_put(o, "candidates", candidates) && put_span(o, "ufrag", m->ice_ufrag) &&
		put_span(o, "pwd", m->ice_pwd) && js_put_bool(o, "lite", m->ice_lite))
		return o;
	json_decref(o);
	return NULL;
}

/* ---- channels --------------------------------------------------------------------------- */

static json_t *dc_stream(const struct sdp_dcmap *map)
{
	const struct channel_quality *q = &map->quality;
	json_t *o = json_object();

	if (js_put_integer(o, "streamId", map->sid) &&
		(map->subprotocol.len == 0 || put_span(o, "subprotocol", map->subprotocol)) &&
		(!q->unordered || js_put_bool(o, "order", false)) &&
		(q->reliability != MAX_RETRANSMITS || js_put_integer(o, "maxRetry", q->limit)) &&
		(q->reliability != MAX_LIFETIME || js_put_integer(o, "maxTime", q->limit)) &&
		(q->priority == 256 || js_put_integer(o, "priority", q->priority)))
		return o;
	json_decref(o);
	return NULL;
}

static json_t *offered_streams(const struct claim *c)
{
	json_t *streams = json_object();

	for (unsigned i = 0; i < c->media->dcmap_count; i++) {
		const struct sdp_dcmap *map = &c->media->dcmaps[i];
		char key[8];

		snprintf(key, sizeof(key), "%u", map->sid);
		if (is_wanted(c->dc, map->sid) && !js_put(streams, key, dc_stream(map))) {
			json_decref(streams);
			return NULL;
		}
	}
	return streams;
}

static json_t *streams_of(const struct claim *c)
{
	json_t *given = json_object_get(c->dc, "streams");

	if (c->media->dcmap_count > 0)
		return offered_streams(c);
	return given != NULL ? json_deep_copy(given) : json_object();
}

static json_t *labels(const struct claim *c)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < c->media->dcmap_count; i++) {
		const struct sdp_dcmap *map = &c->media->dcmaps[i];
		char key[8];

		snprintf(key, sizeof(key), "%u", map->sid);
		if (map->label.len > 0 && is_wanted(c->dc, map->sid) &&
			!put_span(o, key, map->label)) {
			json_decref(o);
			return NULL;
		}
	}
	return o;
}

static bool are_bootstrap(const json_t *streams)
{
	const char *key;
	json_t *stream;

	json_object_foreach ((json_t *)(uintptr_t)streams, key, stream) {
		if (!policy_is_bootstrap(js_get_integer(stream, "streamId", -1),
			    js_get_text(stream, "subprotocol")))
			return false;
	}
	return true;
}

/* ---- the section ------------------------------------------------------------------------ */

/* "*" speaks for many sections, and each takes the roots of its own channels. */
static bool reduce_roots(json_t *dc, const json_t *streams)
{
	json_t *roots = json_object_get(dc, "replaceHttpUrl"), *own = json_object(), *root;
	const char *key;

	json_object_foreach (roots, key, root) {
		if (json_object_get(streams, key) != NULL && json_object_set(own, key, root) != 0) {
			json_decref(own);
			return false;
		}
	}
	if (json_object_size(own) > 0)
		return js_put(dc, "replaceHttpUrl", own);
	json_decref(own);
	json_object_del(dc, "replaceHttpUrl");
	return own != NULL;
}

static bool put_channels(json_t *dc, const struct claim *c, struct problem *p)
{
	json_t *streams = streams_of(c);
	char where[POINTER_MAX];

	if (!js_put(dc, "streams", streams))
		return false;
	if (!c->is_named && c->media->dcmap_count > 0 &&
		json_is_object(json_object_get(dc, "replaceHttpUrl")) && !reduce_roots(dc, streams))
		return false;
	if (json_object_get(dc, "mediaProxyConfig") != NULL)
		return true;
	if (!are_bootstrap(streams))
		return problem_param(p, PROBLEM_IE_MISSING,
			pointer(where, c->id, "mediaProxyConfig"),
			"wanted for channels that are no bootstrap channels");
	return js_put_text(dc, "mediaProxyConfig", "HTTP_PROXY");
}

static int64_t in_kib(uint32_t bytes)
{
	if (bytes == 0 || bytes / KIB > MAX_MESSAGE_KIB)
		return MAX_MESSAGE_KIB;
	return bytes < KIB ? 1 : bytes / KIB;
}

static json_t *dc_media_of(const struct claim *c, struct problem *p)
{
	json_t *dc = json_is_object(c->dc) ? json_deep_copy(c->dc) : json_object();

	if (put_channels(dc, c, p) &&
		js_put_integer(dc, "maxMessageSize", in_kib(c->media->max_message)) &&
		js_put(dc, "remoteDcEndpoint", remote_dc_endpoint(c->media)))
		return dc;
	json_decref(dc);
	return NULL;
}

/* Where a peer with ICE is likely to be, or where one without wants its datagrams. */
static const struct addr *remote_of(const struct sdp_media *m)
{
	bool prefers_candidate = sdp_does_checks(m) || !addr_is_set(&m->connection);

	return prefers_candidate && addr_is_set(&m->candidate) ? &m->candidate : &m->connection;
}

static json_t *extensions(const struct claim *c)
{
	const struct sdp_media *m = c->media;
	json_t *o = json_object(), *texts = labels(c);
	bool fine = texts != NULL && js_put_integer(o, "maxMessageSize", m->max_message) &&
		    (m->ice_ufrag.len == 0 || js_put(o, "ice", ice(m))) &&
		    js_put_bool(o, "acceptDcep", m->dcmap_count == 0) &&
		    (json_object_size(texts) == 0 || json_object_set(o, "labels", texts) == 0);

	json_decref(texts);
	if (fine)
		return o;
	json_decref(o);
	return NULL;
}

static bool check_media(const struct sdp_media *m, struct problem *p)
{
	if (m->fingerprint_count == 0 && m->weak_fingerprints > 0)
		return problem_set(p, PROBLEM_SECURITY_POLICY,
			"line %u: fingerprint: not of SHA-256 or stronger, and no other is given",
			m->weak_line);
	if (m->fingerprint_count == 0)
		return problem_set(p, PROBLEM_BAD_SDP,
			"line %u: m=application without a=fingerprint", m->line);
	if ((m->ice_ufrag.len == 0) != (m->ice_pwd.len == 0))
		return problem_set(p, PROBLEM_BAD_SDP,
			"line %u: ice-ufrag and ice-pwd belong together", m->line);
	return true;
}

static json_t *media_info(const struct claim *c, struct problem *p)
{
	const struct sdp_media *m = c->media;
	const struct addr *remote = remote_of(m);
	json_t *o;

	if (!check_media(m, p))
		return NULL;
	o = json_object();
	if (js_put_text(o, "mediaId", c->id) && js_put_text(o, "mediaResourceType", "DC") &&
		(!addr_is_set(remote) || js_put(o, "remoteMbEndpoint", endpoint(remote))) &&
		js_put(o, "dcMedia", dc_media_of(c, p)) && js_put(o, "dcmf", extensions(c)))
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
	if (!check_dc_media(claims, s->media_count, dc_media, p))
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
