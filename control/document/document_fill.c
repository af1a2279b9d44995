/*
 * document_fill.c: puts the gateway's side of each media into a document, and takes
 * it for what it is when it comes back.
 */
#include "control/document/document_schema.h"

#include <stdio.h>
#include <string.h>

#include "control/json.h"

#define KIB             1024
#define MAX_MESSAGE_KIB 64 /* TS 29.571 MaxMessageSize: its unit can only be kilobytes */
#define HOST_PRIORITY \
	2130706431 /* RFC 8445 5.1.2.1: type preference 126, one address, component 1 */

static const char *const setup_words[] = {
	[SETUP_NONE] = "ACTPASS",
	[SETUP_ACTPASS] = "ACTPASS",
	[SETUP_ACTIVE] = "ACTIVE",
	[SETUP_PASSIVE] = "PASSIVE",
};

/* `transport` NULL: an MdcEndpoint has none. */
static json_t *endpoint_json(const struct addr *a, const char *transport)
{
	json_t *endpoint = json_object(), *ip = json_object();
	char text[ADDR_TEXT_MAX];
	bool done = js_put_text(ip, a->family == ADDR_IPV6 ? "ipv6Addr" : "ipv4Addr",
			    addr_ip_text(a, text)) &&
		    json_object_set(endpoint, "ip", ip) == 0 &&
		    js_put_text(endpoint, "transport", transport) &&
		    js_put_integer(endpoint, "portNumber", a->port);

	json_decref(ip);
	if (done)
		return endpoint;
	json_decref(endpoint);
	return NULL;
}

static json_t *fingerprints_json(const struct fingerprint *f, unsigned count)
{
	char text[FINGERPRINT_TEXT_MAX];
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++) {
		if (!js_append(list, json_string(fingerprint_text(&f[i], text)))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* What a peer is told of whoever ends its DTLS. */
struct dtls_end {
	uint16_t sctp_port;
	const struct fingerprint *fingerprints;
	unsigned fingerprint_count;
	const char *tls_id; /* NULL: has none */
	uint8_t setup;
};

/* The members of a DcEndpoint, which an MdcEndpoint has too. */
static bool put_members(json_t *endpoint, const struct dtls_end *end)
{
	return js_put_integer(endpoint, "sctpPort", end->sctp_port) &&
	       js_put(endpoint, "fingerprints",
		       fingerprints_json(end->fingerprints, end->fingerprint_count)) &&
	       js_put_text(endpoint, "tlsId", end->tls_id) &&
	       js_put_text(endpoint, "securitySetup", setup_words[end->setup]);
}

/* The far side of a splice, once it is told. */
static bool far_is_known(const struct media_view *v)
{
	return v->far != NULL && v->far->fingerprint_count > 0;
}

/*
 * DTLS that passes through ends at the far side: that is what the peer is told, nothing while it is
 * not known.
 */
static bool put_dtls_end(json_t *endpoint, const struct media_view *v, enum hash hash)
{
	struct fingerprint own;

	if (v->passes)
		return !far_is_known(v) ||
		       put_members(
			       endpoint, &(struct dtls_end){ v->far->remote_sctp_port,
						 v->far->fingerprints, v->far->fingerprint_count,
						 v->far->remote_tls_id, v->far->remote_setup });
	return cert_fingerprint(v->cert, hash, &own) == ERR_OK &&
	       put_members(endpoint,
		       &(struct dtls_end){ v->sctp_port, &own, 1, v->tls_id, (uint8_t)v->setup });
}

/* Of the fingerprint that the peer is told. */
static enum hash wanted_hash(const json_t *media)
{
	const char *name = js_get_text(json_object_get(media, "dcmf"), "fingerprintHash");

	if (name != NULL && strcmp(name, "SHA-384") == 0)
		return HASH_SHA384;
	return name != NULL && strcmp(name, "SHA-512") == 0 ? HASH_SHA512 : HASH_SHA256;
}

static bool put_local_end(json_t *media, const struct media_view *v)
{
	json_t *dc = json_object_get(media, "dcMedia"), *endpoint;

	if (v->passes && !far_is_known(v))
		return true;
	endpoint = json_object();
	if (put_dtls_end(endpoint, v, wanted_hash(media)))
		return js_put(dc, "localDcEndpoint", endpoint);
	json_decref(endpoint);
	return false;
}

/* What the server is to be told of our side toward it. */
static bool put_server_endpoint(json_t *media, const struct media_view *v)
{
	bool is_mdc2 = v->hop == HOP_MDC2;
	json_t *info = json_object_get(
		json_object_get(media, "dcMedia"), is_mdc2 ? "mdc2Info" : "mdc1Info");
	json_t *endpoint = endpoint_json(&v->local, NULL);

	if (put_dtls_end(endpoint, v, HASH_SHA256))
		return js_put(info, is_mdc2 ? "localMdc2Endpoint" : "localMdc1Endpoint", endpoint);
	json_decref(endpoint);
	return false;
}

/* Our end of a connection to the server, while there is one. */
static bool put_link_endpoint(json_t *media, const struct link_view *k)
{
	bool is_mdc2 = k->spec->hop == HOP_MDC2;
	json_t *info = json_object_get(
		json_object_get(media, "dcMedia"), is_mdc2 ? "mdc2Info" : "mdc1Info");

	return k->local == NULL || js_put(info, is_mdc2 ? "localMdc2Endpoint" : "localMdc1Endpoint",
					   endpoint_json(k->local, NULL));
}

/* One candidate: where we are (RFC 8445 5.2). */
static json_t *ice_json(const struct media_view *v)
{
	json_t *ice = json_object(), *candidates = json_array();
	char text[ADDR_TEXT_MAX + 64], ip[ADDR_TEXT_MAX];
	bool done;

	snprintf(text, sizeof(text), "candidate:1 1 UDP %d %s %u typ host", HOST_PRIORITY,
		addr_ip_text(&v->local, ip), v->local.port);
	done = js_put_text(ice, "ufrag", v->ice_ufrag) && js_put_text(ice, "pwd", v->ice_pwd) &&
	       js_put_bool(ice, "lite", !v->ice_checks) &&
	       js_append(candidates, json_string(text)) &&
	       json_object_set(ice, "candidates", candidates) == 0;
	json_decref(candidates);
	if (done)
		return ice;
	json_decref(ice);
	return NULL;
}

/* Both sides of a media; `server` is NULL where no server speaks data channels. */
typedef bool fill_fn(json_t *media, const struct media_view *v, const struct media_view *server);

/*
 * Calls fn for each media of the document that the relay knows; both
 * keep the order of the document.
 */
static bool each_media(
	json_t *doc, const struct relay *r, const struct relay_context *c, fill_fn *fn)
{
	for (unsigned t = 0; t < document_terminations(doc); t++) {
		const json_t *termination = document_termination(doc, t);

		for (unsigned m = 0; m < document_medias(termination); m++) {
			struct media_view v, server;
			bool has_server = relay_server_view(r, c, t, m, &server);

			if (relay_media_view(r, c, t, m, &v) &&
				!fn(document_media(termination, m), &v,
					has_server ? &server : NULL))
				return false;
		}
	}
	return true;
}

static bool put_endpoints(
	json_t *media, const struct media_view *v, const struct media_view *server)
{
	return js_put(media, "localMbEndpoint", endpoint_json(&v->local, "UDP")) &&
	       put_local_end(media, v) && (server == NULL || put_server_endpoint(media, server)) &&
	       (!v->has_link || put_link_endpoint(media, &v->link));
}

/*
 * Our setup role follows from the remote side's, and the early shape has one attribute
 * for both: a patch is about the remote one.
 */
static bool put_patchable(
	json_t *media, const struct media_view *v, const struct media_view *server)
{
	if (!put_endpoints(media, v, server))
		return false;
	json_object_del(json_object_get(json_object_get(media, "dcMedia"), "localDcEndpoint"),
		"securitySetup");
	return true;
}

/* KiB that both sides take; nothing is said of less than one (0 would mean any size). */
static int64_t common_kib(const json_t *media, uint32_t ours)
{
	int64_t kib = js_get_integer(
		json_object_get(media, "dcMedia"), "maxMessageSize", MAX_MESSAGE_KIB);
	int64_t bytes = js_get_integer(json_object_get(media, "dcmf"), "maxMessageSize", kib * KIB);

	if (ours != 0 && (bytes == 0 || bytes > ours))
		bytes = ours;
	if (bytes == 0)
		return MAX_MESSAGE_KIB;
	if (bytes > MAX_MESSAGE_KIB * KIB)
		bytes = MAX_MESSAGE_KIB * KIB;
	return bytes < KIB ? 1 : bytes / KIB;
}

/* What whoever ends the DTLS of this peer takes, bytes; -1: not known yet. */
static int64_t local_max_message(const struct media_view *v)
{
	if (!v->passes)
		return v->max_message;
	return far_is_known(v) ? (int64_t)v->far->remote_max_message : -1;
}

static bool put_max_message(json_t *media, json_t *dcmf, const struct media_view *v)
{
	int64_t ours = local_max_message(v);

	return ours < 0 || (js_put_integer(json_object_get(media, "dcMedia"), "maxMessageSize",
				    common_kib(media, (uint32_t)ours)) &&
				   js_put_integer(dcmf, "maxMessageSize", ours));
}

static json_t *member_object(json_t *object, const char *key)
{
	json_t *member = json_object_get(object, key);

	if (member == NULL && js_put(object, key, json_object()))
		member = json_object_get(object, key);
	return member;
}

/* Ours in the place of the remote side's. */
static bool put_ice(json_t *object, const struct media_view *v)
{
	json_object_del(object, "ice");
	return v->ice_ufrag == NULL || js_put(object, "ice", ice_json(v));
}

static bool put_server(json_t *dcmf, const struct media_view *server)
{
	json_t *more;
	int64_t ours;

	if (server == NULL)
		return true;
	more = member_object(dcmf, server->hop == HOP_MDC2 ? "mdc2" : "mdc1");
	ours = local_max_message(server);
	return more != NULL && put_ice(more, server) &&
	       (ours < 0 || js_put_integer(more, "maxMessageSize", ours));
}

static bool put_shown(json_t *media, const struct media_view *v, const struct media_view *server)
{
	json_t *dcmf = member_object(media, "dcmf");

	return put_endpoints(media, v, server) && put_max_message(media, dcmf, v) &&
	       js_put_text(dcmf, "securityMode", v->passes ? "E2E" : "E2AE") && put_ice(dcmf, v) &&
	       put_server(dcmf, server);
}

static json_t *filled(
	const json_t *doc, const struct relay *r, const struct relay_context *c, fill_fn *fn)
{
	json_t *copy = json_deep_copy(doc);

	if (copy != NULL && js_put_text(copy, "contextId", relay_context_id(c)) &&
		each_media(copy, r, c, fn))
		return copy;
	json_decref(copy);
	return NULL;
}

json_t *document_show(const json_t *doc, const struct relay *r, const struct relay_context *c)
{
	return filled(doc, r, c, put_shown);
}

json_t *document_to_patch(const json_t *doc, const struct relay *r, const struct relay_context *c)
{
	return filled(doc, r, c, put_patchable);
}

/* Echoes */

/* The element of a list with this id; nothing is taken for granted about the list. NULL: none. */
static json_t *find_by_id(const json_t *list, const char *key, const json_t *like)
{
	const char *id = js_get_text(like, key);
	json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		const char *other = js_get_text(item, key);

		if (id != NULL && other != NULL && strcmp(id, other) == 0)
			return item;
	}
	return NULL;
}

/* Where `now` says what `shown` says of `key`, it gets what `stored` says, or nothing. */
static bool restore(json_t *now, const char *key, const json_t *shown, const json_t *stored)
{
	const json_t *ours = json_object_get(shown, key), *is = json_object_get(now, key);
	json_t *theirs = json_object_get(stored, key);

	if (is == NULL || ours == NULL || !json_equal(is, ours))
		return true;
	if (theirs == NULL)
		return json_object_del(now, key) == 0;
	return json_object_set(now, key, theirs) == 0;
}

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
	const char *x = js_get_text(a, key), *y = js_get_text(b, key);

	return x != NULL && y != NULL && strcmp(x, y) == 0;
}

/* No remote side ever has our credentials. */
static bool restore_ice(json_t *now, const json_t *shown, const json_t *stored)
{
	const json_t *is = json_object_get(now, "ice"), *ours = json_object_get(shown, "ice");
	json_t *theirs = json_object_get(stored, "ice");

	if (!same_text(is, ours, "ufrag") || !same_text(is, ours, "pwd"))
		return true;
	return theirs != NULL && json_object_set(now, "ice", theirs) == 0;
}

/* Of dcmf.mdc1 or dcmf.mdc2. */
static bool forget_in_server(
	json_t *dcmf, const char *key, const json_t *shown, const json_t *stored)
{
	json_t *now = json_object_get(dcmf, key);
	const json_t *ours = json_object_get(shown, key), *theirs = json_object_get(stored, key);

	if (!restore_ice(now, ours, theirs))
		return false;
	if (js_get_text(dcmf, "securityMode") == NULL)
		return true;
	if (!restore(now, "maxMessageSize", ours, theirs))
		return false;
	if (theirs == NULL && now != NULL && json_object_size(now) == 0)
		json_object_del(dcmf, key);
	return true;
}

static bool forget_in_media(json_t *now, const json_t *shown, const json_t *stored)
{
	json_t *dcmf = json_object_get(now, "dcmf"), *dc = json_object_get(now, "dcMedia");
	const json_t *shown_dc = json_object_get(shown, "dcMedia"),
		     *stored_dc = json_object_get(stored, "dcMedia");
	const char *setup = js_get_text(dc, "securitySetup");
	const char *ours =
		js_get_text(json_object_get(shown_dc, "localDcEndpoint"), "securitySetup");

	const json_t *shown_dcmf = json_object_get(shown, "dcmf"),
		     *stored_dcmf = json_object_get(stored, "dcmf");

	if (!restore_ice(dcmf, shown_dcmf, stored_dcmf) ||
		!forget_in_server(dcmf, "mdc1", shown_dcmf, stored_dcmf) ||
		!forget_in_server(dcmf, "mdc2", shown_dcmf, stored_dcmf))
		return false;
	if (js_get_text(dcmf, "securityMode") == NULL)
		return true;
	/* The early shape has one setup role for both sides, and ours was shown. */
	if (setup != NULL && ours != NULL && strcmp(setup, ours) == 0) {
		json_t *theirs = json_object_get(
			json_object_get(stored_dc, "remoteDcEndpoint"), "securitySetup");

		if (theirs == NULL)
			json_object_del(dc, "securitySetup");
		else if (json_object_set(dc, "securitySetup", theirs) != 0)
			return false;
	}
	return restore(dcmf, "maxMessageSize", shown_dcmf, stored_dcmf) &&
	       restore(dc, "maxMessageSize", shown_dc, stored_dc);
}

bool document_forget_echo(json_t *doc, const json_t *stored, const json_t *shown)
{
	json_t *termination, *media;
	size_t t, m;

	json_array_foreach (json_object_get(doc, "terminations"), t, termination) {
		const json_t *s = find_by_id(
			json_object_get(stored, "terminations"), "terminationId", termination);
		const json_t *o = find_by_id(
			json_object_get(shown, "terminations"), "terminationId", termination);

		json_array_foreach (json_object_get(termination, "medias"), m, media) {
			const json_t *was =
				find_by_id(json_object_get(s, "medias"), "mediaId", media);
			const json_t *ours =
				find_by_id(json_object_get(o, "medias"), "mediaId", media);

			if (was != NULL && ours != NULL && !forget_in_media(media, ours, was))
				return false;
		}
	}
	return true;
}
