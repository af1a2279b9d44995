/* sdp_answer.c: the gateway's own answer to an offer, from the document with its endpoints. */
#include "control/sdp_parts.h"

#include <stdarg.h>
#include <stdio.h>

#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/bytes.h"

#define KIB 1024
/* ours: one composed line; what is repeated from the offer may be longer */
#define LINE_MAX_       1024
#define ANSWER_MAX      (2 * SDP_MAX) /* ours */
#define HOST_PREFERENCE 2130706431u   /* RFC 8445 5.1.2: host, one address, component 1 */

/* What the gateway says of one section. */
struct accepted {
	const json_t *media; /* its MediaInfo in the document; NULL: refused */
	const json_t *streams;
	const char *ip_type; /* "IP4" */
	const char *ip;
	uint16_t port;
};

struct answer {
	const struct sdp *offer;
	struct accepted sections[SDP_MEDIAS_MAX];
	const struct accepted *first; /* the first accepted one; NULL: none */
	struct bytes text;
	bool failed;
};

/* ---- writing ---------------------------------------------------------------------------- */

static void put(struct answer *a, struct span s)
{
	a->failed |= !bytes_append(&a->text, s);
}

__attribute__((format(printf, 2, 3))) static void put_line(struct answer *a, const char *fmt, ...)
{
	char line[LINE_MAX_];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	a->failed |= n < 0 || (size_t)n >= sizeof(line);
	if (a->failed)
		return;
	put(a, SPAN(line, (size_t)n));
	put(a, SPAN_LIT("\r\n"));
}

static void repeat(struct answer *a, struct span line)
{
	put(a, line);
	put(a, SPAN_LIT("\r\n"));
}

/* ---- reading the document --------------------------------------------------------------- */

static const json_t *find_in(const json_t *list, const char *key, const char *id)
{
	const json_t *o;
	size_t i;

	json_array_foreach (list, i, o) {
		const char *is = js_get_text(o, key);

		if (is != NULL && strcmp(is, id) == 0)
			return o;
	}
	return NULL;
}

static bool read_section(
	struct accepted *to, const json_t *media, const char *id, struct problem *p)
{
	const json_t *endpoint = json_object_get(media, "localMbEndpoint"),
		     *ip = json_object_get(endpoint, "ip");
	const json_t *dc = json_object_get(media, "dcMedia");
	const char *v4 = js_get_text(ip, "ipv4Addr"), *v6 = js_get_text(ip, "ipv6Addr");

	*to = (struct accepted){ .media = media, .streams = json_object_get(dc, "streams") };
	to->ip = v4 != NULL ? v4 : v6;
	to->ip_type = v4 != NULL ? "IP4" : "IP6";
	to->port = (uint16_t)js_get_integer(endpoint, "portNumber", 0);
	if (to->ip == NULL || to->port == 0)
		return problem_set(p, PROBLEM_FAILURE, "media %s was given no localMbEndpoint", id);
	if (json_array_size(
		    json_object_get(json_object_get(dc, "localDcEndpoint"), "fingerprints")) == 0)
		return problem_set(p, PROBLEM_FAILURE, "media %s was given no fingerprint", id);
	return true;
}

static bool read_sections(struct answer *a, const json_t *filled, struct problem *p)
{
	const json_t *ue = find_in(json_object_get(filled, "terminations"), "terminationId", "ue");
	char id[72];

	for (unsigned i = 0; i < a->offer->media_count; i++) {
		const struct sdp_media *m = &a->offer->medias[i];
		const json_t *media = find_in(
			json_object_get(ue, "medias"), "mediaId", sdp_media_id(a->offer, i, id));

		if (media == NULL || !m->is_datachannel || (m->port == 0 && !m->bundle_only))
			continue;
		if (!read_section(&a->sections[i], media, id, p))
			return false;
		if (a->first == NULL)
			a->first = &a->sections[i];
	}
	return true;
}

/* ---- the session part ------------------------------------------------------------------- */

/* FNV-1a of the contextId: stable for its life, and within what o= may hold everywhere. */
static uint64_t session_id(const json_t *filled)
{
	const char *text = js_get_text(filled, "contextId");
	uint64_t h = 0xcbf29ce484222325;

	for (; text != NULL && *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3;
	return h >> 2;
}

/*
 * A group with more than one accepted section is left out: each has a transport
 * of its own, so they are not bundled.
 */
static void put_bundle(struct answer *a, int group)
{
	const struct sdp_media *only = NULL;

	for (unsigned i = 0; i < a->offer->media_count; i++) {
		const struct sdp_media *m = &a->offer->medias[i];

		if (m->bundle != group || a->sections[i].media == NULL)
			continue;
		if (only != NULL)
			return;
		only = m;
	}
	if (only != NULL)
		put_line(a, "a=group:BUNDLE %.*s", SPAN_FMT(only->mid));
}

static bool has_checks(const struct answer *a)
{
	for (unsigned i = 0; i < a->offer->media_count; i++) {
		if (a->sections[i].media != NULL && sdp_does_checks(&a->offer->medias[i]))
			return true;
	}
	return false;
}

static void put_session(struct answer *a, const json_t *filled)
{
	const char *ip_type = a->first ? a->first->ip_type : "IP4",
		   *ip = a->first ? a->first->ip : "0.0.0.0";
	int groups = 0;

	put_line(a, "v=0");
	put_line(a, "o=- %llu %llu IN %s %s", (unsigned long long)session_id(filled),
		(unsigned long long)a->offer->version, ip_type, ip);
	put_line(a, "s=-");
	put_line(a, "c=IN %s %s", ip_type, ip);
	put_line(a, "t=0 0");
	for (unsigned i = 0; i < a->offer->media_count; i++) {
		if (a->offer->medias[i].bundle >= groups)
			groups = a->offer->medias[i].bundle + 1;
	}
	for (int g = 0; g < groups; g++)
		put_bundle(a, g);
	if (has_checks(a))
		put_line(a, "a=ice-lite");
}

/* ---- a section -------------------------------------------------------------------------- */

static void put_m_line(struct answer *a, const struct sdp_media *m, uint16_t port, struct span fmt)
{
	char number[8];

	snprintf(number, sizeof(number), " %u ", port);
	put(a, SPAN_LIT("m="));
	put(a, m->type);
	put(a, span_str(number));
	put(a, m->proto);
	put(a, SPAN_LIT(" "));
	repeat(a, fmt);
}

static void put_mid(struct answer *a, const struct sdp_media *m)
{
	if (m->mid.len > 0)
		put_line(a, "a=mid:%.*s", SPAN_FMT(m->mid));
}

/* "sha-256 AB:CD": RFC 8122 writes the hash's name small, TS 29.571 large. */
static void put_fingerprints(struct answer *a, const json_t *dc_endpoint)
{
	json_t *f;
	size_t i;

	json_array_foreach (json_object_get(dc_endpoint, "fingerprints"), i, f) {
		struct span hex = span_str(json_string_value(f)), name = span_cut(&hex, ' ');
		char small[16] = "";

		for (size_t k = 0; k < name.len && k + 1 < sizeof(small); k++)
			small[k] = (char)(name.p[k] >= 'A' && name.p[k] <= 'Z' ? name.p[k] | 0x20
									       : name.p[k]);
		put_line(a, "a=fingerprint:%s %.*s", small, SPAN_FMT(hex));
	}
}

/* Our role: what the document says, else the rest that the offer leaves (RFC 8842 5.3). */
static const char *setup_of(const struct sdp_media *m, const json_t *dc_endpoint)
{
	const char *resolved = js_get_text(dc_endpoint, "securitySetup");

	if (resolved != NULL && strcmp(resolved, "ACTIVE") == 0)
		return "active";
	if (resolved != NULL && strcmp(resolved, "PASSIVE") == 0)
		return "passive";
	return m->setup == SETUP_PASSIVE ? "active" : "passive";
}

static int64_t max_message_of(const json_t *media)
{
	int64_t kib = js_get_integer(json_object_get(media, "dcMedia"), "maxMessageSize", 64);

	return js_get_integer(json_object_get(media, "dcmf"), "maxMessageSize", kib * KIB);
}

static void put_transport(struct answer *a, const struct sdp_media *m, const struct accepted *to)
{
	const json_t *endpoint =
		json_object_get(json_object_get(to->media, "dcMedia"), "localDcEndpoint");
	const char *tls_id = js_get_text(endpoint, "tlsId");

	put_line(a, "a=sctp-port:%lld", (long long)js_get_integer(endpoint, "sctpPort", 5000));
	put_line(a, "a=max-message-size:%lld", (long long)max_message_of(to->media));
	put_line(a, "a=setup:%s", setup_of(m, endpoint));
	put_fingerprints(a, endpoint);
	if (m->tls_id.len > 0 && tls_id != NULL) /* RFC 8842 5.3: only if the offer had one */
		put_line(a, "a=tls-id:%s", tls_id);
}

static void put_ice(struct answer *a, const struct sdp_media *m, const struct accepted *to)
{
	const json_t *ice = json_object_get(json_object_get(to->media, "dcmf"), "ice");
	const char *ufrag = js_get_text(ice, "ufrag"), *pwd = js_get_text(ice, "pwd");

	if (!sdp_does_checks(m) || ufrag == NULL || pwd == NULL)
		return;
	put_line(a, "a=ice-ufrag:%s", ufrag);
	put_line(a, "a=ice-pwd:%s", pwd);
	if (m->ice2)
		put_line(a, "a=ice-options:ice2");
	put_line(a, "a=candidate:1 1 UDP %u %s %u typ host", HOST_PREFERENCE, to->ip, to->port);
	put_line(a, "a=end-of-candidates");
}

static bool is_kept(const struct accepted *to, struct span name, struct span value)
{
	char key[8];
	uint16_t sid;

	if (span_starts(name, SPAN_LIT("3gpp-")))
		return true;
	if (!span_eq_nocase(name, SPAN_LIT("dcmap")) && !span_eq_nocase(name, SPAN_LIT("dcsa")))
		return false;
	if (!sdp_dcmap_sid(value, &sid))
		return false;
	snprintf(key, sizeof(key), "%u", sid);
	return json_object_get(to->streams, key) != NULL;
}

/* Lines of the offer that the answer repeats as they are, in their order. */
static void put_repeated(struct answer *a, const struct sdp_media *m, const struct accepted *to)
{
	struct sdp_lines lines = sdp_section_lines(m);
	struct sdp_line line;
	struct span name, value;

	while (sdp_next_line(&lines, &line)) {
		if (sdp_attribute(&line, &name, &value) && is_kept(to, name, value))
			repeat(a, line.text);
	}
}

static void put_accepted(struct answer *a, const struct sdp_media *m, const struct accepted *to)
{
	const json_t *endpoint =
		json_object_get(json_object_get(to->media, "dcMedia"), "localDcEndpoint");
	struct span map = m->sctpmap;
	char port[24];

	snprintf(port, sizeof(port), "%lld", (long long)js_get_integer(endpoint, "sctpPort", 5000));
	put_m_line(a, m, to->port, map.len > 0 ? span_str(port) : m->fmt);
	put_line(a, "c=IN %s %s", to->ip_type, to->ip);
	put_mid(a, m);
	if (map.len > 0) {
		span_cut(&map, ' ');
		put_line(a, "a=sctpmap:%s %.*s", port, SPAN_FMT(map));
	}
	put_transport(a, m, to);
	put_ice(a, m, to);
	put_repeated(a, m, to);
}

static void put_refused(struct answer *a, const struct sdp_media *m)
{
	put_m_line(a, m, 0, m->fmt);
	put_mid(a, m);
}

char *sdp_answer(const struct sdp *s, const json_t *filled, struct problem *p)
{
	struct answer a = { .offer = s, .text.limit = ANSWER_MAX };
	char *text = NULL;

	if (!read_sections(&a, filled, p))
		return NULL;
	put_session(&a, filled);
	for (unsigned i = 0; i < s->media_count; i++) {
		if (a.sections[i].media != NULL)
			put_accepted(&a, &s->medias[i], &a.sections[i]);
		else
			put_refused(&a, &s->medias[i]);
	}
	if (!a.failed)
		text = mem_span_dup(bytes_view(&a.text));
	bytes_finish(&a.text);
	if (text == NULL)
		problem_set(p, PROBLEM_NO_RESOURCES, "out of memory");
	return text;
}
