/*
 * sdp_remote.c: what a section says of its peer and of its channels, as parts of a MediaContext
 * document.
 */
#include "control/sdp/sdp_parts.h"

#include <stdio.h>

#include "control/json.h"
#include "control/policy/policy.h"

#define KIB             1024
#define MAX_MESSAGE_KIB 64  /* TS 29.571 MaxMessageSize: its unit can only be kilobytes */
#define CANDIDATE_MAX   512 /* ours: longer lines take part in the choice and are not kept */

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

static int64_t in_kib(uint32_t bytes)
{
	if (bytes == 0 || bytes / KIB > MAX_MESSAGE_KIB)
		return MAX_MESSAGE_KIB;
	return bytes < KIB ? 1 : bytes / KIB;
}

/* Where a peer with ICE is likely to be, or where one without wants its datagrams. */
static const struct addr *remote_of(const struct sdp_media *m)
{
	bool prefers_candidate = sdp_does_checks(m) || !addr_is_set(&m->connection);

	return prefers_candidate && addr_is_set(&m->candidate) ? &m->candidate : &m->connection;
}

bool sdp_check_remote(const struct sdp_media *m, struct problem *p)
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

/* The largest message it takes, as the standard counts it and exactly. */
static bool put_max_message(json_t *media, const struct sdp_media *m)
{
	return js_put_integer(json_object_get(media, "dcMedia"), "maxMessageSize",
		       in_kib(m->max_message)) &&
	       js_put_integer(json_object_get(media, "dcmf"), "maxMessageSize", m->max_message);
}

bool sdp_put_remote(json_t *media, const struct sdp_media *m)
{
	const struct addr *remote = remote_of(m);

	return (!addr_is_set(remote) || js_put(media, "remoteMbEndpoint", endpoint(remote))) &&
	       js_put(json_object_get(media, "dcMedia"), "remoteDcEndpoint",
		       remote_dc_endpoint(m)) &&
	       put_max_message(media, m) &&
	       (m->ice_ufrag.len == 0 || js_put(json_object_get(media, "dcmf"), "ice", ice(m)));
}

/* ---- channels --------------------------------------------------------------------------- */

/* The controller may take some of the offered channels only. */
bool sdp_is_wanted(const json_t *dc, uint16_t sid)
{
	const json_t *streams = json_object_get(dc, "streams");
	char key[8];

	snprintf(key, sizeof(key), "%u", sid);
	return streams == NULL || json_object_get(streams, key) != NULL;
}

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

static json_t *offered_streams(const struct sdp_media *m, const json_t *dc)
{
	json_t *streams = json_object();

	for (unsigned i = 0; i < m->dcmap_count; i++) {
		char key[8];

		snprintf(key, sizeof(key), "%u", m->dcmaps[i].sid);
		if (sdp_is_wanted(dc, m->dcmaps[i].sid) &&
			!js_put(streams, key, dc_stream(&m->dcmaps[i]))) {
			json_decref(streams);
			return NULL;
		}
	}
	return streams;
}

json_t *sdp_streams(const struct sdp_media *m, const json_t *dc)
{
	json_t *given = json_object_get(dc, "streams");

	if (m->dcmap_count > 0)
		return offered_streams(m, dc);
	return given != NULL ? json_deep_copy(given) : json_object();
}

json_t *sdp_labels(const struct sdp_media *m, const json_t *streams)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < m->dcmap_count; i++) {
		const struct sdp_dcmap *map = &m->dcmaps[i];
		char key[8];

		snprintf(key, sizeof(key), "%u", map->sid);
		if (map->label.len > 0 && json_object_get(streams, key) != NULL &&
			!put_span(o, key, map->label)) {
			json_decref(o);
			return NULL;
		}
	}
	return o;
}

bool sdp_are_bootstrap(const json_t *streams)
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

/* "*" speaks for many sections, and each takes the roots of its own channels. */
bool sdp_reduce_roots(json_t *dc, const json_t *streams)
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
