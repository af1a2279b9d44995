/*
 * dialog_gateway.h: the gateway's side of both terminations of a call, as the relay and
 * control/document fill it in.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "control/json.h"
#include "tests/unit/control/sdp/sdp_gateway.h"

static inline json_t *gateway_termination(const json_t *doc, const char *id)
{
	json_t *t;
	size_t i;

	json_array_foreach (json_object_get(doc, "terminations"), i, t) {
		if (strcmp(js_get_text(t, "terminationId"), id) == 0)
			return t;
	}
	return NULL;
}

static inline json_t *gateway_media(const json_t *doc, const char *termination, const char *id)
{
	json_t *m;
	size_t i;

	json_array_foreach (
		json_object_get(gateway_termination(doc, termination), "medias"), i, m) {
		if (strcmp(js_get_text(m, "mediaId"), id) == 0)
			return m;
	}
	return NULL;
}

static inline const json_t *gateway_remote(const json_t *media)
{
	return json_object_get(json_object_get(media, "dcMedia"), "remoteDcEndpoint");
}

/* The role of a leg: "b" takes the opposite of "a" where it may. */
static inline const char *gateway_setup(const json_t *media, const json_t *twin, bool is_b)
{
	const char *said = js_get_text(gateway_remote(media), "securitySetup");

	if (said != NULL && strcmp(said, "ACTIVE") == 0)
		return "PASSIVE";
	if (said != NULL && strcmp(said, "PASSIVE") == 0)
		return "ACTIVE";
	if (twin == NULL || (said != NULL && !is_b))
		return said != NULL ? "PASSIVE" : "ACTPASS";
	return strcmp(gateway_setup(twin, NULL, !is_b), "PASSIVE") == 0 ? "ACTIVE" : "PASSIVE";
}

/* Media "3" of "a" has port 20003, that of "b" 20103; a media whose id is no number has 99. */
static inline bool gateway_fill_media(
	json_t *media, const json_t *twin, bool is_b, const char *ip, const char *const words[3])
{
	json_t *dc = json_object_get(media, "dcMedia"), *dcmf = json_object_get(media, "dcmf");
	const json_t *ice = json_object_get(dcmf, "ice");
	const char *id = js_get_text(media, "mediaId");
	bool passes = strcmp(js_get_text(dc, "mediaProxyConfig"), "UDP_PROXY") == 0;
	bool has_ice = ice != NULL && !json_is_true(json_object_get(ice, "lite"));
	json_int_t max = js_get_integer(json_object_get(twin, "dcmf"), "maxMessageSize", 65536);
	int port = 20000 + 100 * is_b + (id[0] >= '0' && id[0] <= '9' ? atoi(id) : 99);
	bool fine = js_put(media, "localMbEndpoint",
		json_pack("{s:{s:s}, s:s, s:i}", "ip", strchr(ip, ':') ? "ipv6Addr" : "ipv4Addr",
			ip, "transport", "UDP", "portNumber", port));

	json_object_del(dcmf, "ice");
	if (has_ice)
		fine = fine && js_put(dcmf, "ice",
				       json_pack("{s:s, s:s, s:b}", "ufrag", words[0], "pwd",
					       words[1], "lite", 1));
	fine = fine && js_put_text(dcmf, "securityMode", passes ? "E2E" : "E2AE");
	if (passes)
		return fine &&
		       (gateway_remote(twin) == NULL ||
			       js_put(dc, "localDcEndpoint", json_deep_copy(gateway_remote(twin))));
	return fine &&
	       js_put(dc, "localDcEndpoint",
		       json_pack("{s:i, s:[s], s:s, s:s}", "sctpPort", 5000, "fingerprints",
			       "SHA-256 " GATEWAY_FINGERPRINT, "tlsId", words[2], "securitySetup",
			       gateway_setup(media, twin, is_b))) &&
	       js_put_integer(dcmf, "maxMessageSize",
		       twin == NULL || max == 0 || max > 262144 ? 262144 : max);
}

/* False: out of memory. `doc` stays the wish: this is a copy with the gateway's side. */
static inline json_t *gateway_fill(const json_t *doc, const char *ip)
{
	static const char *const words[2][3] = {
		{ "gwUfragA", "gwPasswordAgwPasswordA24", "TowardA0aa11bb22cc33dd" },
		{ "gwUfragB", "gwPasswordBgwPasswordB24", "TowardB0aa11bb22cc33dd" },
	};
	json_t *filled = json_deep_copy(doc), *media;
	bool fine = filled != NULL && js_put_text(filled, "contextId", "0-c0ffee");
	size_t i;

	for (unsigned side = 0; fine && side < 2; side++) {
		const json_t *t = gateway_termination(filled, side == 0 ? "a" : "b");

		json_array_foreach (json_object_get(t, "medias"), i, media) {
			const char *proxy =
				js_get_text(json_object_get(media, "dcMedia"), "mediaProxyConfig");
			const json_t *twin = strcmp(proxy, "HTTP_PROXY") == 0
						     ? NULL
						     : gateway_media(doc, side == 0 ? "b" : "a",
							       js_get_text(media, "mediaId"));

			fine = fine && gateway_fill_media(media, twin, side == 1, ip, words[side]);
		}
	}
	if (fine)
		return filled;
	json_decref(filled);
	return NULL;
}
