/*
 * document_server.c: what a media says of the server behind it: mdc1Info or mdc2Info, and what
 * dcmf.mdc1 or dcmf.mdc2 add to it.
 */
#include "control/document/document_schema.h"

#include <string.h>

#include "control/json.h"

static const char DATA_CHANNELS[] = "UDP/DTLS/SCTP";

static bool begins(const char *text, const char *with)
{
	return text != NULL && strncmp(text, with, strlen(with)) == 0;
}

uint8_t media_proxy(const json_t *media)
{
	const char *word = js_get_text(json_object_get(media, "dcMedia"), "mediaProxyConfig");

	if (word == NULL)
		return PROXY_HTTP; /* of the early shape, where it may be absent */
	if (strcmp(word, "UDP_PROXY") == 0 || strcmp(word, "UDP") == 0)
		return PROXY_UDP;
	return strcmp(word, "DC_APPLICATION_PROXY") == 0 ? PROXY_DC_APPLICATION : PROXY_HTTP;
}

/* Of `info`, or, in the early shape, of DcMedia itself. */
static const json_t *member(const json_t *dc, const char *info, const char *key)
{
	const json_t *value = json_object_get(json_object_get(dc, info), key);

	return value != NULL ? value : json_object_get(dc, key);
}

static bool find_mdc2(const json_t *media, struct media_server *out)
{
	const json_t *dc = json_object_get(media, "dcMedia");
	const char *protocol = json_string_value(member(dc, "mdc2Info", "mdc2Protocol"));

	out->endpoint = member(dc, "mdc2Info", "remoteMdc2Endpoint");
	if (json_object_get(dc, "mdc2Info") == NULL && out->endpoint == NULL && protocol == NULL)
		return false;
	out->hop = HOP_MDC2;
	out->place = json_object_get(dc, "mdc2Info") != NULL ? "dcMedia/mdc2Info/remoteMdc2Endpoint"
							     : "dcMedia/remoteMdc2Endpoint";
	out->more = json_object_get(json_object_get(media, "dcmf"), "mdc2");
	out->protocol = protocol;
	return true;
}

/* TS 29.176 names no protocol of MDC1: HTTP, or what dcmf.mdc1 says, or data channels. */
static bool find_mdc1(const json_t *media, struct media_server *out)
{
	const json_t *dc = json_object_get(media, "dcMedia");
	bool is_http = media_proxy(media) == PROXY_HTTP;

	out->endpoint = member(dc, "mdc1Info", "remoteMdc1Endpoint");
	if (out->endpoint == NULL && (is_http || json_object_get(dc, "mdc1Info") == NULL))
		return false;
	out->hop = HOP_MDC1;
	out->place = json_object_get(dc, "mdc1Info") != NULL ? "dcMedia/mdc1Info/remoteMdc1Endpoint"
							     : "dcMedia/remoteMdc1Endpoint";
	out->more = json_object_get(json_object_get(media, "dcmf"), "mdc1");
	out->protocol = js_get_text(out->more, "protocol");
	if (out->protocol == NULL && !is_http)
		out->protocol = DATA_CHANNELS;
	return true;
}

static enum server_way way_of(uint8_t proxy, const char *protocol)
{
	if (proxy == PROXY_HTTP)
		return WAY_HTTP;
	if (proxy == PROXY_UDP || protocol == NULL || strcmp(protocol, DATA_CHANNELS) == 0)
		return WAY_PEER;
	return begins(protocol, "SCTP") ? WAY_UNBUILT : WAY_LINK;
}

bool media_server(const json_t *media, struct media_server *out)
{
	uint8_t proxy = media_proxy(media);

	*out = (struct media_server){ 0 };
	if (!find_mdc2(media, out) && !find_mdc1(media, out))
		return false;
	if (proxy == PROXY_UDP && out->protocol == NULL)
		out->protocol = DATA_CHANNELS;
	out->way = way_of(proxy, out->protocol);
	out->is_tls = out->protocol != NULL && strcmp(out->protocol, "TCP/TLS") == 0;
	return true;
}

const char *media_server_transport(const struct media_server *s)
{
	return s->way == WAY_HTTP || begins(s->protocol, "TCP") ? "TCP" : "UDP";
}

/* ---- the rules ---- */

/* A member of dcmf.mdc1 or dcmf.mdc2, or of the endpoint, that means nothing here. */
static void forbid(
	struct check *k, const json_t *object, const char *place, const char *key, const char *why)
{
	char name[96];

	if (json_object_get(object, key) == NULL)
		return;
	snprintf(name, sizeof(name), "%s/%s", place, key);
	check_wrong(k, PROBLEM_OPTIONAL_INCORRECT, name, "%s", why);
}

static void rule_protocol(struct check *k, const struct media_server *s, uint8_t proxy)
{
	static const char place[] = "dcMedia/mdc2Info/mdc2Protocol";
	/* others are refused by their name */
	bool is_tcp = begins(s->protocol, "TCP"), is_udp = begins(s->protocol, "UDP"),
	     is_sctp = begins(s->protocol, "SCTP");
	const char *at = s->hop == HOP_MDC1 ? "dcmf/mdc1/protocol"
			 : k->rel18         ? "dcMedia/mdc2Protocol"
					    : place;

	if (proxy == PROXY_DC_APPLICATION && s->protocol == NULL)
		check_wrong(k, PROBLEM_OPTIONAL_INCORRECT, at,
			"missing: with DC_APPLICATION_PROXY it says how the server is reached");
	else if (proxy == PROXY_HTTP && (is_udp || is_sctp))
		check_wrong(k, PROBLEM_OPTIONAL_INCORRECT, at, "HTTP goes over TCP, not over %s",
			s->protocol);
	else if (proxy == PROXY_UDP && (is_tcp || is_sctp))
		check_wrong(k, PROBLEM_OPTIONAL_INCORRECT, at,
			"what passes through goes over UDP, not over %s", s->protocol);
}

/* The early shape says there what the protocol says later. */
static void rule_transport(struct check *k, const struct media_server *s)
{
	const char *transport = js_get_text(s->endpoint, "transport");
	const char *right = media_server_transport(s);
	char name[96];

	snprintf(name, sizeof(name), "%s/transport", s->place);
	if (transport == NULL || s->way == WAY_UNBUILT || strcmp(transport, right) == 0)
		return;
	check_refused(k, PROBLEM_NOT_BUILT, name, "the server is reached over %s, not over %s",
		right, transport);
}

static void rule_endpoint(struct check *k, const struct media_server *s)
{
	static const char *const dtls[] = { "sctpPort", "tlsId", "securitySetup" };
	static const char why[] = "only data channels know it, and none go to this server";

	for (size_t i = 0; s->way != WAY_PEER && i < sizeof(dtls) / sizeof(dtls[0]); i++)
		forbid(k, s->endpoint, s->place, dtls[i], why);
	if (s->way == WAY_PEER || (s->way == WAY_LINK && s->is_tls))
		return;
	forbid(k, s->endpoint, s->place, "fingerprint", "only DTLS and TCP/TLS have certificates");
	forbid(k, s->endpoint, s->place, "fingerprints",
		s->way == WAY_HTTP ? "HTTPS is trusted by its authority and the host's name"
				   : "only DTLS and TCP/TLS have certificates");
}

static void rule_more(struct check *k, const struct media_server *s)
{
	const char *place = s->hop == HOP_MDC2 ? "dcmf/mdc2" : "dcmf/mdc1";

	if (s->way != WAY_PEER) {
		forbid(k, s->more, place, "ice", "only what goes over UDP with DTLS can have ICE");
		forbid(k, s->more, place, "interface", "the connection leaves from any address");
	}
	if (s->way == WAY_HTTP)
		forbid(k, s->more, place, "maxMessageSize", "HTTP has no messages");
	if (s->way != WAY_LINK || !s->is_tls)
		forbid(k, s->more, place, "serverName",
			s->way == WAY_HTTP ? "the URL names the host" : "only TCP/TLS verifies it");
}

/* RFC 768 knows neither streams nor channels that come and go. */
static void rule_datagrams(struct check *k, const json_t *media, const struct media_server *s)
{
	const json_t *streams = json_object_get(json_object_get(media, "dcMedia"), "streams");

	if (s->way != WAY_LINK || strcmp(s->protocol, "UDP") != 0)
		return;
	if (json_object_size(streams) != 1)
		check_wrong(k, PROBLEM_OPTIONAL_INCORRECT, "dcMedia/streams",
			"UDP carries the messages of one stream: exactly one must be agreed");
	else if (media_accepts_dcep(media))
		check_wrong(k, PROBLEM_OPTIONAL_INCORRECT, "dcmf/acceptDcep",
			"UDP carries the messages of one stream: no other may be opened by DCEP");
}

void rule_server(struct check *k, const json_t *media)
{
	const json_t *dcmf = json_object_get(media, "dcmf");
	struct media_server s, other = { 0 };
	bool has_server = media_server(media, &s);

	if (!has_server || s.hop != HOP_MDC1)
		forbid(k, dcmf, "dcmf", "mdc1", "no server at MDC1 is named");
	if (!has_server || s.hop != HOP_MDC2)
		forbid(k, dcmf, "dcmf", "mdc2", "no server at MDC2 is named");
	if (!has_server)
		return;
	if (s.hop == HOP_MDC2 && find_mdc1(media, &other))
		check_refused(k, PROBLEM_NOT_BUILT, "dcMedia",
			"a media goes to one server: mdc1Info or mdc2Info");
	if (s.way != WAY_HTTP && json_object_get(media, "associatedMediaId") != NULL)
		check_wrong(k, PROBLEM_OPTIONAL_INCORRECT, "associatedMediaId",
			"a media that goes to a server is joined with no other");
	rule_protocol(k, &s, media_proxy(media));
	if (k->wrong->kind != PROBLEM_NONE)
		return;
	rule_transport(k, &s);
	rule_endpoint(k, &s);
	rule_more(k, &s);
	rule_datagrams(k, media, &s);
}
