/*
 * document_rel18.c: between the Release 19 shape of a document and the early
 * Release 18 one (TS 29.176 V18.1.0).
 */
#include "control/document/document_schema.h"

#include <string.h>

#include "control/json.h"

/* How mediaProxyConfig was called; the early enumeration has no more. */
static const struct {
	const char *early, *now;
} proxies[] = { { "HTTP", "HTTP_PROXY" }, { "UDP", "UDP_PROXY" } };

#define PROXIES (sizeof(proxies) / sizeof(proxies[0]))

size_t document_terminations(const json_t *doc)
{
	return json_array_size(json_object_get(doc, "terminations"));
}

json_t *document_termination(const json_t *doc, size_t t)
{
	return json_array_get(json_object_get(doc, "terminations"), t);
}

size_t document_medias(const json_t *termination)
{
	return json_array_size(json_object_get(termination, "medias"));
}

json_t *document_media(const json_t *termination, size_t m)
{
	return json_array_get(json_object_get(termination, "medias"), m);
}

/*
 * The next DcMedia of a document, in order; start with both 0. NULL at the
 * end. Media without one are passed over.
 */
static json_t *next_dc_media(const json_t *doc, size_t *t, size_t *m)
{
	for (; *t < document_terminations(doc); ++*t, *m = 0) {
		while (*m < document_medias(document_termination(doc, *t))) {
			json_t *media = document_media(document_termination(doc, *t), (*m)++);
			json_t *dc = json_object_get(media, "dcMedia");

			if (dc != NULL)
				return dc;
		}
	}
	return NULL;
}

static bool is_early(const json_t *dc)
{
	static const char *const flat[] = { "remoteMdc1Endpoint", "localMdc1Endpoint",
		"remoteMdc2Endpoint", "localMdc2Endpoint", "mdc2Protocol", "securitySetup" };
	const char *proxy = js_get_text(dc, "mediaProxyConfig"), *key;
	json_t *stream;

	for (size_t i = 0; i < sizeof(flat) / sizeof(flat[0]); i++) {
		if (json_object_get(dc, flat[i]) != NULL)
			return true;
	}
	for (size_t i = 0; proxy != NULL && i < PROXIES; i++) {
		if (strcmp(proxy, proxies[i].early) == 0)
			return true;
	}
	json_object_foreach (json_object_get(dc, "streams"), key, stream) {
		if (json_object_get(stream, "appBindingInfo") != NULL)
			return true;
	}
	return proxy == NULL &&
	       json_object_get(json_object_get(dc, "remoteDcEndpoint"), "fingerprint") != NULL;
}

bool document_is_rel18(const json_t *doc)
{
	size_t t = 0, m = 0;
	const json_t *dc;

	while ((dc = next_dc_media(doc, &t, &m)) != NULL) {
		if (is_early(dc))
			return true;
	}
	return false;
}

/* The member `key` of `object`, an object, made when it is not there. NULL: out of memory. */
static json_t *sub_object(json_t *object, const char *key)
{
	json_t *sub = json_object_get(object, key);

	if (sub == NULL && js_put(object, key, json_object()))
		sub = json_object_get(object, key);
	return sub;
}

/* Moves a member from one object to another, under another name, over what is there. */
static bool move_member(json_t *from, const char *key, json_t *to, const char *new_key)
{
	json_t *value = json_object_get(from, key);
	bool done = value == NULL || (to != NULL && json_object_set(to, new_key, value) == 0);

	json_object_del(from, key);
	return done;
}

/* The flat members of MDC2 into mdc2Info, which has no transport. */
static bool modernise_mdc2(json_t *dc)
{
	json_t *mdc2 = json_object_get(dc, "mdc2Info");

	if (json_object_get(dc, "remoteMdc2Endpoint") != NULL ||
		json_object_get(dc, "mdc2Protocol") != NULL)
		mdc2 = sub_object(dc, "mdc2Info");
	if (!move_member(dc, "remoteMdc2Endpoint", mdc2, "remoteMdc2Endpoint") ||
		!move_member(dc, "mdc2Protocol", mdc2, "mdc2Protocol"))
		return false;
	json_object_del(json_object_get(mdc2, "remoteMdc2Endpoint"), "transport");
	return true;
}

static bool modernise(json_t *dc)
{
	const char *proxy = js_get_text(dc, "mediaProxyConfig");
	json_t *mdc1 = json_object_get(dc, "mdc1Info");

	for (size_t i = 0; i < PROXIES; i++) {
		if (proxy != NULL && strcmp(proxy, proxies[i].early) != 0)
			continue;
		if (!js_put_text(dc, "mediaProxyConfig", proxies[i].now))
			return false;
		break;
	}
	if (json_object_get(dc, "remoteMdc1Endpoint") != NULL) {
		mdc1 = sub_object(dc, "mdc1Info");
		if (!move_member(dc, "remoteMdc1Endpoint", mdc1, "remoteMdc1Endpoint"))
			return false;
	}
	json_object_del(json_object_get(mdc1, "remoteMdc1Endpoint"), "transport");
	if (!modernise_mdc2(dc))
		return false;
	if (json_object_get(dc, "securitySetup") == NULL)
		return true;
	return move_member(
		dc, "securitySetup", sub_object(dc, "remoteDcEndpoint"), "securitySetup");
}

bool document_from_rel18(json_t *doc)
{
	size_t t = 0, m = 0;
	json_t *dc;

	while ((dc = next_dc_media(doc, &t, &m)) != NULL) {
		if (!modernise(dc))
			return false;
	}
	return true;
}

/* One fingerprint is all the early shape can say: the first. */
static bool single_fingerprint(json_t *endpoint)
{
	json_t *first = json_array_get(json_object_get(endpoint, "fingerprints"), 0);

	if (first != NULL && json_object_set(endpoint, "fingerprint", first) != 0)
		return false;
	json_object_del(endpoint, "fingerprints");
	return true;
}

/*
 * There an endpoint has a transport. What it says of DTLS is kept: without it nobody could reach a
 * server that way.
 */
static bool age_endpoint(json_t *info, const char *key, const char *transport, json_t *dc)
{
	json_t *endpoint = json_object_get(info, key);

	return endpoint == NULL ||
	       (js_put_text(endpoint, "transport", transport) && single_fingerprint(endpoint) &&
		       move_member(info, key, dc, key));
}

static bool age_mdc1(json_t *dc, const char *transport)
{
	json_t *mdc1 = json_object_get(dc, "mdc1Info");

	if (!age_endpoint(mdc1, "remoteMdc1Endpoint", transport, dc) ||
		!age_endpoint(mdc1, "localMdc1Endpoint", transport, dc))
		return false;
	json_object_del(dc, "mdc1Info");
	return true;
}

static bool age_mdc2(json_t *dc, const char *transport)
{
	json_t *mdc2 = json_object_get(dc, "mdc2Info");

	if (mdc2 == NULL)
		return true;
	if (!age_endpoint(mdc2, "remoteMdc2Endpoint", transport, dc) ||
		!age_endpoint(mdc2, "localMdc2Endpoint", transport, dc) ||
		!move_member(mdc2, "mdc2Protocol", dc, "mdc2Protocol"))
		return false;
	json_object_del(dc, "mdc2Info");
	return true;
}

static bool age_servers(json_t *media, json_t *dc)
{
	const char *transport = "TCP";
	struct media_server server;

	if (media_server(media, &server))
		transport = media_server_transport(&server);
	return age_mdc1(dc, transport) && age_mdc2(dc, transport);
}

static bool age(json_t *media, json_t *dc)
{
	const char *proxy = js_get_text(dc, "mediaProxyConfig");
	json_t *local = json_object_get(dc, "localDcEndpoint"),
	       *remote = json_object_get(dc, "remoteDcEndpoint");

	if (!age_servers(media, dc))
		return false;
	for (size_t i = 0; proxy != NULL && i < PROXIES; i++) {
		if (strcmp(proxy, proxies[i].now) != 0)
			continue;
		if (!js_put_text(dc, "mediaProxyConfig", proxies[i].early))
			return false;
		break;
	}
	/* one setup role, ours where it is known: that one goes into the SDP answer */
	return move_member(remote, "securitySetup", dc, "securitySetup") &&
	       move_member(local, "securitySetup", dc, "securitySetup") &&
	       single_fingerprint(local) && single_fingerprint(remote);
}

json_t *document_to_rel18(const json_t *doc)
{
	json_t *early = json_deep_copy(doc), *dc;
	size_t t = 0, m = 0;

	while ((dc = next_dc_media(early, &t, &m)) != NULL) {
		if (!age(document_media(document_termination(early, t), m - 1), dc)) {
			json_decref(early);
			return NULL;
		}
	}
	return early;
}
