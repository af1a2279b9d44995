/* sdp_local.c: the gateway's side of a section, from the document with its endpoints, as lines. */
#include "control/sdp/sdp_parts.h"

#include <stdarg.h>
#include <stdio.h>

#include "control/json.h"
#include "dcmf/base/alloc.h"

#define KIB             1024
#define LINE_MAX_       1024        /* ours: one composed line; what is repeated may be longer */
#define HOST_PREFERENCE 2130706431u /* RFC 8445 5.1.2: host, one address, component 1 */

/* ---- writing ---------------------------------------------------------------------------- */

void sdp_put(struct sdp_writer *w, struct span text)
{
	w->failed |= !bytes_append(&w->text, text);
}

void sdp_put_end(struct sdp_writer *w)
{
	struct span so_far = bytes_view(&w->text);

	if (so_far.len == 0 || so_far.p[so_far.len - 1] == '\n')
		return;
	sdp_put(w, so_far.p[so_far.len - 1] == '\r' ? SPAN_LIT("\n") : span_str(w->eol));
}

void sdp_put_text(struct sdp_writer *w, struct span line)
{
	sdp_put(w, line);
	sdp_put(w, span_str(w->eol));
}

void sdp_put_line(struct sdp_writer *w, const char *fmt, ...)
{
	char line[LINE_MAX_];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	w->failed |= n < 0 || (size_t)n >= sizeof(line);
	if (!w->failed)
		sdp_put_text(w, SPAN(line, (size_t)n));
}

char *sdp_writer_done(struct sdp_writer *w, struct problem *p)
{
	char *text = w->failed ? NULL : mem_span_dup(bytes_view(&w->text));

	bytes_finish(&w->text);
	if (text == NULL)
		problem_set(p, PROBLEM_NO_RESOURCES, "out of memory");
	return text;
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

/* Everything but ICE, and complete. */
static bool is_complete(const struct sdp_local *l, const char *id, struct problem *p)
{
	const char *mode = js_get_text(json_object_get(l->media, "dcmf"), "securityMode");
	bool passes = mode != NULL && strcmp(mode, "E2E") == 0;

	if (l->ip == NULL || l->port == 0)
		return problem_set(p, PROBLEM_FAILURE, "media %s was given no localMbEndpoint", id);
	if (!passes && json_array_size(json_object_get(l->dc_endpoint, "fingerprints")) == 0)
		return problem_set(p, PROBLEM_FAILURE, "media %s was given no fingerprint", id);
	return true;
}

bool sdp_local_read(struct sdp_local *to, const json_t *filled, const char *termination,
	const char *media_id, struct problem *p)
{
	const json_t *t =
		find_in(json_object_get(filled, "terminations"), "terminationId", termination);
	const json_t *media = find_in(json_object_get(t, "medias"), "mediaId", media_id);
	const json_t *dc = json_object_get(media, "dcMedia"),
		     *endpoint = json_object_get(media, "localMbEndpoint"),
		     *ip = json_object_get(endpoint, "ip"),
		     *ice = json_object_get(json_object_get(media, "dcmf"), "ice");
	const char *v4 = js_get_text(ip, "ipv4Addr");

	*to = (struct sdp_local){
		.media = media,
		.streams = json_object_get(dc, "streams"),
		.dc_endpoint = json_object_get(dc, "localDcEndpoint"),
		.ip_type = v4 != NULL ? "IP4" : "IP6",
		.ip = v4 != NULL ? v4 : js_get_text(ip, "ipv6Addr"),
		.port = (uint16_t)js_get_integer(endpoint, "portNumber", 0),
	};
	if (js_get_text(ice, "ufrag") != NULL && js_get_text(ice, "pwd") != NULL) {
		to->ufrag = js_get_text(ice, "ufrag");
		to->pwd = js_get_text(ice, "pwd");
	}
	return media == NULL || is_complete(to, media_id, p);
}

long long sdp_local_sctp_port(const struct sdp_local *l)
{
	return js_get_integer(l->dc_endpoint, "sctpPort", 5000);
}

int64_t sdp_max_message(const struct sdp_local *l)
{
	int64_t kib = js_get_integer(json_object_get(l->media, "dcMedia"), "maxMessageSize", 64);

	return js_get_integer(json_object_get(l->media, "dcmf"), "maxMessageSize", kib * KIB);
}

const char *sdp_setup_word(const struct sdp_local *l, enum setup offered)
{
	const char *resolved = js_get_text(l->dc_endpoint, "securitySetup");

	if (resolved != NULL && strcmp(resolved, "ACTIVE") == 0)
		return "active";
	if (resolved != NULL && strcmp(resolved, "PASSIVE") == 0)
		return "passive";
	if (offered == SETUP_NONE)
		return "actpass";
	return offered == SETUP_PASSIVE ? "active" : "passive"; /* RFC 8842 5.3 */
}

/* ---- lines ------------------------------------------------------------------------------ */

void sdp_put_m_line(struct sdp_writer *w, const struct sdp_media *m, uint16_t port, struct span fmt)
{
	char number[8];

	snprintf(number, sizeof(number), " %u ", port);
	sdp_put(w, SPAN_LIT("m="));
	sdp_put(w, m->type);
	sdp_put(w, span_str(number));
	sdp_put(w, m->proto);
	sdp_put(w, SPAN_LIT(" "));
	sdp_put_text(w, fmt);
}

static void put_mid(struct sdp_writer *w, const struct sdp_media *m)
{
	if (m->mid.len > 0)
		sdp_put_line(w, "a=mid:%.*s", SPAN_FMT(m->mid));
}

void sdp_put_refused(struct sdp_writer *w, const struct sdp_media *m)
{
	sdp_put_m_line(w, m, 0, m->fmt);
	put_mid(w, m);
}

/* "sha-256 AB:CD": RFC 8122 writes the hash's name small, TS 29.571 large. */
void sdp_put_fingerprints(struct sdp_writer *w, const struct sdp_local *l)
{
	json_t *f;
	size_t i;

	json_array_foreach (json_object_get(l->dc_endpoint, "fingerprints"), i, f) {
		struct span hex = span_str(json_string_value(f)), name = span_cut(&hex, ' ');
		char small[16] = "";

		for (size_t k = 0; k < name.len && k + 1 < sizeof(small); k++)
			small[k] = (char)(name.p[k] >= 'A' && name.p[k] <= 'Z' ? name.p[k] | 0x20
									       : name.p[k]);
		sdp_put_line(w, "a=fingerprint:%s %.*s", small, SPAN_FMT(hex));
	}
}

void sdp_put_ice(struct sdp_writer *w, const struct sdp_local *l, bool ice2)
{
	if (l->ufrag == NULL)
		return;
	sdp_put_line(w, "a=ice-ufrag:%s", l->ufrag);
	sdp_put_line(w, "a=ice-pwd:%s", l->pwd);
	if (ice2)
		sdp_put_line(w, "a=ice-options:ice2");
	sdp_put_line(w, "a=candidate:1 1 UDP %u %s %u typ host", HOST_PREFERENCE, l->ip, l->port);
	sdp_put_line(w, "a=end-of-candidates");
}

/* ---- a whole section -------------------------------------------------------------------- */

static void put_transport(
	struct sdp_writer *w, const struct sdp_media *m, const struct sdp_local *l)
{
	const char *tls_id = js_get_text(l->dc_endpoint, "tlsId");

	sdp_put_line(w, "a=sctp-port:%lld", sdp_local_sctp_port(l));
	sdp_put_line(w, "a=max-message-size:%lld", (long long)sdp_max_message(l));
	sdp_put_line(w, "a=setup:%s", sdp_setup_word(l, m->setup));
	sdp_put_fingerprints(w, l);
	if (m->tls_id.len > 0 && tls_id != NULL) /* RFC 8842 5.3: only if the offer had one */
		sdp_put_line(w, "a=tls-id:%s", tls_id);
}

static bool is_kept(const struct sdp_local *l, struct span name, struct span value)
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
	return json_object_get(l->streams, key) != NULL;
}

/* Lines that are repeated as they are, in their order. */
static void put_repeated(struct sdp_writer *w, const struct sdp_media *m, const struct sdp_local *l)
{
	struct sdp_lines lines = sdp_section_lines(m);
	struct sdp_line line;
	struct span name, value;

	while (sdp_next_line(&lines, &line)) {
		if (sdp_attribute(&line, &name, &value) && is_kept(l, name, value))
			sdp_put_text(w, line.text);
	}
}

void sdp_put_local(struct sdp_writer *w, const struct sdp_media *m, const struct sdp_local *l)
{
	struct span map = m->sctpmap;
	char port[24];

	snprintf(port, sizeof(port), "%lld", sdp_local_sctp_port(l));
	sdp_put_m_line(w, m, l->port, map.len > 0 ? span_str(port) : m->fmt);
	sdp_put_line(w, "c=IN %s %s", l->ip_type, l->ip);
	put_mid(w, m);
	if (map.len > 0) {
		span_cut(&map, ' ');
		sdp_put_line(w, "a=sctpmap:%s %.*s", port, SPAN_FMT(map));
	}
	put_transport(w, m, l);
	if (sdp_does_checks(m))
		sdp_put_ice(w, l, m->ice2);
	put_repeated(w, m, l);
}
