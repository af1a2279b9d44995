/*
 * document_rules.c: what the tables of document_schema.c cannot say of a
 * document: how its parts fit together.
 */
#include "control/document/document_schema.h"

#include <string.h>

#include "control/json.h"
#include "dcmf/base/addr.h"
#include "dcmf/http/http.h"
#include "dtls/fingerprint.h"

/* Faults of texts */

const char *fault_name(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return "holds control characters";
	}
	return NULL;
}

const char *fault_ipv4(const char *text)
{
	struct addr a;

	return addr_parse_ip(span_str(text), 0, &a) && a.family == ADDR_IPV4
		       ? NULL
		       : "not an IPv4 address";
}

const char *fault_ipv6(const char *text)
{
	struct addr a;

	return addr_parse_ip(span_str(text), 0, &a) && a.family == ADDR_IPV6
		       ? NULL
		       : "not an IPv6 address";
}

/* A weak hash parses; whether it will do is for rule_dc_endpoint. */
const char *fault_fingerprint(const char *text)
{
	struct fingerprint f;
	enum err e = fingerprint_parse(span_str(text), &f);

	return e == ERR_OK || e == ERR_WEAK_HASH ? NULL
						 : "not a fingerprint (\"SHA-256 AB:CD:...\")";
}

const char *fault_tls_id(const char *text)
{
	size_t len = strlen(text);

	if (len < 20 || len > 255)
		return "20 to 255 characters are needed";
	for (; *text != '\0'; text++) {
		if (strchr("+/_-", *text) == NULL && !(*text >= '0' && *text <= '9') &&
			!((*text | 0x20) >= 'a' && (*text | 0x20) <= 'z'))
			return "holds other characters than A-Z a-z 0-9 + / _ -";
	}
	return NULL;
}

const char *fault_http_url(const char *text)
{
	struct http_url url;

	return http_url_parse(span_str(text), &url) == ERR_OK ? NULL
							      : "not an absolute http or https URL";
}

/* ice-char of RFC 8839 5.4. */
const char *fault_ice_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("+/", *text) == NULL && !(*text >= '0' && *text <= '9') &&
			!((*text | 0x20) >= 'a' && (*text | 0x20) <= 'z'))
			return "holds other characters than A-Z a-z 0-9 + /";
	}
	return NULL;
}

/* Rules of objects */

void rule_ip(struct check *k, const json_t *ip)
{
	if (json_object_get(ip, "ipv6Prefix") != NULL)
		check_wrong(k, PROBLEM_IE_INCORRECT, "ipv6Prefix",
			"an endpoint has an address, not a prefix");
	else if (json_object_size(ip) != 1)
		check_wrong(k, PROBLEM_IE_INCORRECT, NULL,
			"exactly one of ipv4Addr and ipv6Addr is needed");
}

/* Weak hashes beside a strong one do no harm, they are never matched (RFC 8122 5). */
static bool is_strong(const char *text)
{
	struct fingerprint f;

	return fingerprint_parse(span_str(text), &f) == ERR_OK;
}

void rule_dc_endpoint(struct check *k, const json_t *endpoint)
{
	const json_t *list = json_object_get(endpoint, "fingerprints"), *item;
	const char *single = js_get_text(endpoint, "fingerprint");
	bool strong = single == NULL && list == NULL;
	size_t i;

	strong = strong || (single != NULL && is_strong(single));
	json_array_foreach (list, i, item)
		strong = strong || is_strong(json_string_value(item));
	if (!strong)
		check_refused(k, PROBLEM_SECURITY_POLICY,
			list != NULL ? "fingerprints" : "fingerprint",
			"the hash function is too weak: SHA-256 or longer is needed");
	/* they become one list, and the only strong one must not be what has no room in it */
	if (single != NULL && json_array_size(list) >= SPEC_FINGERPRINTS_MAX)
		check_wrong(k, PROBLEM_OPTIONAL_INCORRECT, "fingerprint",
			"with those in fingerprints they are more than %d", SPEC_FINGERPRINTS_MAX);
	if (js_get_integer(endpoint, "sctpPort", 5000) == 0)
		check_wrong(k, PROBLEM_OPTIONAL_INCORRECT, "sctpPort",
			"port 0 means a closed association");
}

void rule_mdc2_endpoint(struct check *k, const json_t *endpoint)
{
	if (!k->rel18 && json_object_get(endpoint, "transport") != NULL)
		check_wrong(
			k, PROBLEM_OPTIONAL_INCORRECT, "transport", "there is no such attribute");
	rule_dc_endpoint(k, endpoint);
}

void rule_mdc1_endpoint(struct check *k, const json_t *endpoint)
{
	if (js_get_integer(endpoint, "portNumber", 0) == 0)
		check_wrong(k, PROBLEM_IE_INCORRECT, "portNumber", "nothing listens on port 0");
	rule_mdc2_endpoint(k, endpoint);
}

void rule_stream(struct check *k, const json_t *stream)
{
	if (!k->rel18 && json_object_get(stream, "streamId") == NULL)
		check_wrong(k, PROBLEM_IE_MISSING, "streamId", "missing");
	if (!k->rel18 && json_object_get(stream, "appBindingInfo") != NULL)
		check_wrong(k, PROBLEM_OPTIONAL_INCORRECT, "appBindingInfo",
			"there is no such attribute");
	/* Zeros are taken for written defaults. */
	if (js_get_integer(stream, "maxRetry", 0) > 0 && js_get_integer(stream, "maxTime", 0) > 0)
		check_wrong(k, PROBLEM_OPTIONAL_INCORRECT, NULL,
			"maxRetry and maxTime exclude each other");
}

void rule_dc_media(struct check *k, const json_t *dc)
{
	if (!k->rel18 && json_object_get(dc, "mediaProxyConfig") == NULL)
		check_wrong(k, PROBLEM_IE_MISSING, "mediaProxyConfig", "missing");
}

void rule_ice(struct check *k, const json_t *ice)
{
	if ((json_object_get(ice, "ufrag") == NULL) != (json_object_get(ice, "pwd") == NULL))
		check_wrong(k, PROBLEM_OPTIONAL_INCORRECT, NULL, "ufrag and pwd come together");
}

void rule_media(struct check *k, const json_t *media)
{
	const json_t *dc = json_object_get(media, "dcMedia");
	const char *resource = js_get_text(media, "mediaResourceType");

	if (strcmp(resource, "DC") != 0)
		return; /* refused by its name */
	if (dc == NULL) {
		check_wrong(k, PROBLEM_IE_MISSING, "dcMedia", "missing");
		return;
	}
	if (json_object_size(json_object_get(dc, "streams")) == 0 && !media_accepts_dcep(media) &&
		media_proxy(media) != PROXY_UDP)
		check_wrong(k, PROBLEM_IE_MISSING, "dcMedia/streams",
			"no stream is agreed, and none may be opened by DCEP");
	document_check_mode(k, media);
	rule_server(k, media);
	if (json_object_get(dc, "replaceHttpUrl") != NULL && media_proxy(media) != PROXY_HTTP)
		check_refused(k, PROBLEM_OPTIONAL_INCORRECT, "dcMedia/replaceHttpUrl",
			"only HTTP_PROXY fetches from a server");
}

static void check_unique(struct check *k, const json_t *list, const char *list_name, const char *id)
{
	for (size_t i = 1; i < json_array_size(list); i++) {
		const char *mine = js_get_text(json_array_get(list, i), id);

		for (size_t j = 0; j < i; j++) {
			if (strcmp(js_get_text(json_array_get(list, j), id), mine) != 0)
				continue;
			check_wrong(k, PROBLEM_IE_INCORRECT, list_name, "%s %s is there twice", id,
				mine);
			break;
		}
	}
}

void rule_termination(struct check *k, const json_t *termination)
{
	check_unique(k, json_object_get(termination, "medias"), "medias", "mediaId");
}

void rule_media_context(struct check *k, const json_t *context)
{
	check_unique(k, json_object_get(context, "terminations"), "terminations", "terminationId");
}
