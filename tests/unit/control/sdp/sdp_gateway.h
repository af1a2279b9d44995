/* sdp_gateway.h: fills the gateway's side into the document of an offer, for tests of answers. */
#pragma once

#include <string.h>

#include "control/json.h"

#define GATEWAY_FINGERPRINT                                                                       \
	"77:1D:0C:91:7D:3E:AA:54:18:C2:9F:60:E1:77:05:BD:42:8A:D3:1C:66:F9:0E:B5:20:74:CB:39:58:" \
	"EF:13:A7"

/*
 * As the relay and control/document do it: endpoints, role, sizes, ICE. Media i
 * has port 20000 + i. NULL: out of memory.
 */
static inline bool fill(json_t *doc, const char *ip)
{
	json_t *medias =
		json_object_get(json_array_get(json_object_get(doc, "terminations"), 0), "medias");
	json_t *media;
	size_t i;
	bool fine = js_put_text(doc, "contextId", "0-c0ffee");

	json_array_foreach (medias, i, media) {
		json_t *dc = json_object_get(media, "dcMedia"),
		       *dcmf = json_object_get(media, "dcmf");
		const char *setup =
			js_get_text(json_object_get(dc, "remoteDcEndpoint"), "securitySetup");
		bool passive = strcmp(setup, "PASSIVE") != 0;

		fine = fine &&
		       js_put(media, "localMbEndpoint",
			       json_pack("{s:{s:s}, s:s, s:i}", "ip",
				       strchr(ip, ':') ? "ipv6Addr" : "ipv4Addr", ip, "transport",
				       "UDP", "portNumber", 20000 + (int)i)) &&
		       js_put(dc, "localDcEndpoint",
			       json_pack("{s:i, s:[s], s:s, s:s}", "sctpPort", 5000, "fingerprints",
				       "SHA-256 " GATEWAY_FINGERPRINT, "tlsId",
				       "Mf0aa11bb22cc33dd44ee5", "securitySetup",
				       passive ? "PASSIVE" : "ACTIVE")) &&
		       js_put_integer(dcmf, "maxMessageSize", 262144);
		if (fine && json_object_get(dcmf, "ice") != NULL)
			fine = js_put(dcmf, "ice",
				json_pack("{s:s, s:s, s:b}", "ufrag", "gwUfrag1", "pwd",
					"gwPasswordgwPasswordgwPa", "lite", 1));
	}
	return fine;
}
