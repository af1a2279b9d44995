/* nrf_profile.c: what an NRF is told, and what it answers: profiles, heartbeats, tokens. */
#include <strings.h>

#include "control/json.h"
#include "control/sbi/nrf_parts.h"
#include "dcmf/base/alloc.h"

/* TS 29.176 V19.5.0. */
#define API_VERSION "1.1.1"
/* TS 29.510: capacity is a 16-bit number. */
#define CAPACITY_MAX 65535
/* Ours: what we wish for; the NRF's answer decides. */
#define HEARTBEAT_WISH_S 10
#define HEARTBEAT_MAX_S  3600
/* Ours: of a token that does not tell its life (RFC 6749 5.1), or tells nonsense. */
#define TOKEN_LIFE_S     300
#define TOKEN_LIFE_MAX_S 86400

/*
 * The value, or NULL with the object given back. NULL goes through all of json.h: what is put into
 * no object is freed.
 */
static json_t *whole(json_t *value, bool is_whole)
{
	if (is_whole)
		return value;
	json_decref(value);
	return NULL;
}

static json_t *list_of(json_t *item)
{
	json_t *list = json_array();

	return whole(list, js_append(list, item));
}

static json_t *map_of(const char *key, json_t *value)
{
	json_t *map = json_object();

	return whole(map, js_put(map, key, value));
}

static bool put_text(json_t *o, const char *key, const char *text)
{
	return text[0] == '\0' || js_put_text(o, key, text);
}

/* ipv4Addresses or ipv6Addresses: not of a node that is known by its name alone. */
static bool put_addresses(json_t *o, const struct nrf_profile *p)
{
	char text[ADDR_TEXT_MAX];

	return addr_is_any(&p->at) || p->at.family == ADDR_NONE ||
	       js_put(o, p->at.family == ADDR_IPV4 ? "ipv4Addresses" : "ipv6Addresses",
		       list_of(json_string(addr_ip_text(&p->at, text))));
}

static json_t *end_point(const struct nrf_profile *p)
{
	json_t *o = json_object();
	char text[ADDR_TEXT_MAX];
	bool has_address = !addr_is_any(&p->at) && p->at.family != ADDR_NONE, ok = o != NULL;

	if (ok && has_address)
		ok = js_put_text(o, p->at.family == ADDR_IPV4 ? "ipv4Address" : "ipv6Address",
			addr_ip_text(&p->at, text));
	return whole(o,
		ok && js_put_text(o, "transport", "TCP") && js_put_integer(o, "port", p->at.port));
}

static json_t *version(void)
{
	json_t *o = json_object();

	return whole(o, o != NULL && js_put_text(o, "apiVersionInUri", "v1") &&
				js_put_text(o, "apiFullVersion", API_VERSION));
}

static json_t *service(const struct nrf_profile *p)
{
	json_t *o = json_object();

	return whole(o, o != NULL && js_put_text(o, "serviceInstanceId", "mrm") &&
				js_put_text(o, "serviceName", "nmf-mrm") &&
				js_put(o, "versions", list_of(version())) &&
				js_put_text(o, "scheme", p->has_tls ? "https" : "http") &&
				js_put_text(o, "nfServiceStatus", "REGISTERED") &&
				put_text(o, "fqdn", p->fqdn) &&
				js_put(o, "ipEndPoints", list_of(end_point(p))) &&
				js_put(o, "allowedNfTypes", list_of(json_string("IMS_AS"))) &&
				js_put_bool(o, "oauth2Required", p->needs_token));
}

static json_t *plmn_of(const char *text)
{
	json_t *o = json_object();

	return whole(o, o != NULL && js_put(o, "mcc", json_stringn(text, 3)) &&
				js_put_text(o, "mnc", text + 4));
}

static json_t *media_functions(void)
{
	return map_of("default", map_of("mediaCapabilityList", list_of(json_string("DC"))));
}

char *nrf_profile_text(const struct nrf *n)
{
	const struct nrf_profile *p = &n->profile;
	json_t *o = json_object();
	char *text;

	o = whole(o,
		o != NULL && js_put_text(o, "nfInstanceId", p->nf_instance_id) &&
			js_put_text(o, "nfType", "MF") &&
			js_put_text(o, "nfStatus", "REGISTERED") &&
			js_put_integer(o, "heartBeatTimer", HEARTBEAT_WISH_S) &&
			put_text(o, "fqdn", p->fqdn) && put_addresses(o, p) &&
			put_text(o, "locality", p->locality) &&
			(p->plmn[0] == '\0' || js_put(o, "plmnList", list_of(plmn_of(p->plmn)))) &&
			(p->nf_set_id[0] == '\0' ||
				js_put(o, "nfSetIdList", list_of(json_string(p->nf_set_id)))) &&
			js_put(o, "allowedNfTypes", list_of(json_string("IMS_AS"))) &&
			js_put_integer(o, "capacity",
				p->capacity < CAPACITY_MAX ? p->capacity : CAPACITY_MAX) &&
			js_put_integer(o, "load", n->load) &&
			js_put_text(o, "recoveryTime", n->started) &&
			js_put(o, "mfInfoList", media_functions()) &&
			js_put(o, "nfServiceList", map_of("mrm", service(p))));
	text = o != NULL ? js_line(o) : NULL;
	json_decref(o);
	return text;
}

/* Both attributes are in the profile, so both can be replaced. */
char *nrf_heartbeat_text(const struct nrf *n)
{
	return mem_printf("[{\"op\":\"replace\",\"path\":\"/nfStatus\",\"value\":\"REGISTERED\"},"
			  "{\"op\":\"replace\",\"path\":\"/load\",\"value\":%u}]",
		n->load);
}

/* Form fields (RFC 6749 4.4.2); nothing in them needs an escape. */
char *nrf_token_text(const struct nrf *n)
{
	return mem_printf("grant_type=client_credentials&nfInstanceId=%s&nfType=MF&targetNfType=NRF"
			  "&scope=nnrf-nfm",
		n->profile.nf_instance_id);
}

char *nrf_key_text(const struct nrf_ask *ask)
{
	json_t *header = json_object(), *o = json_object();
	bool ok = header != NULL && o != NULL && js_put_text(header, "alg", ask->algorithm) &&
		  put_text(header, "kid", ask->key.kid);
	char *text;

	if (ok) {
		ok = js_put(o, "headerParameters", header);
		header = NULL;
	}
	o = whole(o, ok && js_put_text(o, "issuer", ask->key.issuer));
	text = o != NULL ? js_line(o) : NULL;
	json_decref(header);
	json_decref(o);
	return text;
}

/* Answers */

/* NULL: none that could be one of ours. */
static json_t *read_object(struct span body)
{
	bool no_memory;
	json_t *o = body.len <= NRF_BODY_MAX ? js_parse(body, &no_memory) : NULL;

	if (json_is_object(o) && !js_is_deeper(o, JS_DEPTH_MAX))
		return o;
	json_decref(o);
	return NULL;
}

int64_t nrf_heartbeat_of(struct span body, int64_t absent)
{
	json_t *o = read_object(body);
	int64_t seconds = o != NULL ? js_get_integer(o, "heartBeatTimer", absent) : absent;

	json_decref(o);
	return seconds >= 1 && seconds <= HEARTBEAT_MAX_S ? seconds : absent;
}

/* What may stand behind "Bearer" (RFC 6750 2.1), and in a header field. */
static bool is_token(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= NRF_BODY_MAX / 4 &&
	       strspn(text,
		       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") ==
		       len;
}

char *nrf_token_of(struct span body, int64_t *life_s)
{
	json_t *o;
	const char *text, *type;
	char *token = NULL;

	js_wipe(true);
	o = read_object(body);
	text = js_get_text(o, "access_token");
	type = js_get_text(o, "token_type");
	if (text != NULL && is_token(text) && type != NULL && strcasecmp(type, "Bearer") == 0)
		token = mem_strdup(text);
	*life_s = js_get_integer(o, "expires_in", TOKEN_LIFE_S);
	if (*life_s < 1 || *life_s > TOKEN_LIFE_MAX_S)
		*life_s = TOKEN_LIFE_S;
	json_decref(o);
	js_wipe(false);
	return token;
}

const char *nrf_token_error(struct span body)
{
	static const char *const words[] = { "invalid_request", "invalid_client", "invalid_grant",
		"unauthorized_client", "unsupported_grant_type", "invalid_scope" };
	json_t *o = read_object(body);
	const char *text = js_get_text(o, "error"), *found = "";

	for (size_t i = 0; text != NULL && i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(text, words[i]) == 0)
			found = words[i];
	}
	json_decref(o);
	return found;
}
