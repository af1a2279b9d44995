/* sdp_attributes.c: the attributes that matter to a data channel section, one row each. */
#include "control/sdp/sdp_parts.h"

#include "dcmf/base/alloc.h"

#define TLS_ID_MIN 20 /* RFC 8842 4; the characters as in TS 29.571 TlsId */
#define TLS_ID_MAX 255

/* A section, or the session's part, while it is read. */
struct reader {
	struct sdp *sdp;
	struct sdp_media *m;
	const struct sdp_line *line;
	const char *why;
	bool no_memory;
};

static bool refuse(struct reader *r, const char *why)
{
	r->why = why;
	return false;
}

/*
 * Makes room for one more in an array that doubles: at 0, 1, 2, 4, 8
 * ... elements. NULL: out of memory.
 */
static void *grow(struct reader *r, void *array, size_t count, size_t size)
{
	void *more = array;

	if ((count & (count - 1)) == 0)
		more = mem_realloc(array, (count ? count * 2 : 1) * size);
	r->no_memory = more == NULL;
	return more;
}

static bool is_made_of(struct span s, const char *marks)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i], letter = c | 0x20;

		if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') &&
			(c == 0 || strchr(marks, c) == NULL))
			return false;
	}
	return true;
}

/* ---- which section ---------------------------------------------------------------------- */

static bool read_mid(struct reader *r, struct span value)
{
	if (value.len == 0 || value.len > SDP_MID_MAX || !is_made_of(value, "!#$%&'*+-.^_`{|}~"))
		return refuse(r, "a token of 1 to 71 characters is wanted");
	r->m->mid = value;
	return true;
}

/* ---- DTLS ------------------------------------------------------------------------------- */

static bool is_known_hash(struct span name)
{
	for (unsigned h = 0; h < HASH_MAX; h++) {
		if (span_eq_nocase(name, SPAN_STR(hash_name((enum hash)h))))
			return true;
	}
	return false;
}

static bool read_fingerprint(struct reader *r, struct span value)
{
	struct span hex = value, name = span_cut(&hex, ' ');
	struct fingerprint f;
	enum err err = fingerprint_parse(value, &f);

	if (err == ERR_WEAK_HASH || (err != ERR_OK && hex.len > 0 && !is_known_hash(name))) {
		r->m->weak_fingerprints++; /* RFC 8122 5: unknown hash functions are passed over */
		r->m->weak_line = r->line->number;
		return true;
	}
	if (err != ERR_OK)
		return refuse(r, "a hash name and as many pairs of digits as it makes are wanted");
	if (r->m->fingerprint_count == SPEC_FINGERPRINTS_MAX)
		return refuse(r, "more than 8 of them");
	r->m->fingerprint[r->m->fingerprint_count++] = f;
	return true;
}

static bool read_setup(struct reader *r, struct span value)
{
	static const struct {
		const char *word;
		enum setup setup;
	} setups[] = {
		{ "actpass", SETUP_ACTPASS },
		{ "active", SETUP_ACTIVE },
		{ "passive", SETUP_PASSIVE },
	};

	for (size_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
		if (span_eq_nocase(value, SPAN_STR(setups[i].word))) {
			r->m->setup = setups[i].setup;
			return true;
		}
	}
	return refuse(r, "actpass, active or passive is wanted");
}

static bool read_tls_id(struct reader *r, struct span value)
{
	if (value.len < TLS_ID_MIN || value.len > TLS_ID_MAX || !is_made_of(value, "+/_-"))
		return refuse(r, "20 to 255 of the characters A-Z a-z 0-9 + / _ - are wanted");
	r->m->tls_id = value;
	return true;
}

/* ---- SCTP ------------------------------------------------------------------------------- */

static bool read_sctp_port(struct reader *r, struct span value)
{
	uint64_t port;

	if (!span_to_u64(value, UINT16_MAX, &port) || port == 0)
		return refuse(r, "a port from 1 to 65535 is wanted");
	r->m->sctp_port = (uint16_t)port;
	return true;
}

static bool read_max_message_size(struct reader *r, struct span value)
{
	uint64_t size;

	if (!span_to_u64(value, UINT64_MAX, &size))
		return refuse(r, "a number of bytes is wanted");
	r->m->max_message = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
	return true;
}

static bool read_dcmap(struct reader *r, struct span value)
{
	struct sdp_media *m = r->m;
	struct sdp_dcmap map, *more;
	unsigned at = m->dcmap_count;

	if (m->dcmap_count == SDP_DCMAPS_MAX)
		return refuse(r, "more than 256 of them");
	if (!sdp_dcmap_parse(
		    value, &map, r->sdp->words + r->sdp->words_len, &r->sdp->words_len, &r->why))
		return false;
	map.line = r->line->text;

	if ((more = grow(r, m->dcmaps, m->dcmap_count, sizeof(*more))) == NULL)
		return false;
	m->dcmaps = more;
	while (at > 0 && m->dcmaps[at - 1].sid > map.sid)
		at--;
	if (at > 0 && m->dcmaps[at - 1].sid == map.sid)
		return refuse(r, "this stream id stands there twice");
	memmove(m->dcmaps + at + 1, m->dcmaps + at, (m->dcmap_count - at) * sizeof(*more));
	m->dcmaps[at] = map;
	m->dcmap_count++;
	return true;
}

/* ---- ICE -------------------------------------------------------------------------------- */

static bool read_ice_ufrag(struct reader *r, struct span value)
{
	if (value.len < 4 || value.len > ICE_TEXT_MAX || !is_made_of(value, "+/"))
		return refuse(r, "4 to 256 ICE characters are wanted");
	r->m->ice_ufrag = value;
	return true;
}

static bool read_ice_pwd(struct reader *r, struct span value)
{
	if (value.len < 22 || value.len > ICE_TEXT_MAX || !is_made_of(value, "+/"))
		return refuse(r, "22 to 256 ICE characters are wanted");
	r->m->ice_pwd = value;
	return true;
}

static bool read_ice_lite(struct reader *r, struct span value)
{
	r->m->ice_lite = true;
	return true;
}

static bool read_ice_options(struct reader *r, struct span value)
{
	while (value.len > 0) {
		if (span_eq_nocase(span_cut(&value, ' '), SPAN_LIT("ice2")))
			r->m->ice2 = true;
	}
	return true;
}

static bool read_candidate(struct reader *r, struct span value)
{
	struct sdp_media *m = r->m;
	struct sdp_candidate c;
	struct span *more;

	if (!sdp_candidate_parse(value, &c))
		return refuse(r, "foundation, component, transport, priority, address, port and "
				 "typ are wanted");
	if (addr_is_set(&c.addr) &&
		(!addr_is_set(&m->candidate) || c.priority > m->candidate_priority)) {
		m->candidate = c.addr;
		m->candidate_priority = c.priority;
	}
	if (m->candidate_count == SDP_CANDIDATES_MAX)
		return true;
	if ((more = grow(r, m->candidates, m->candidate_count, sizeof(*more))) == NULL)
		return false;
	m->candidates = more;
	m->candidates[m->candidate_count++] = span_skip(r->line->text, 2);
	return true;
}

static bool read_end_of_candidates(struct reader *r, struct span value)
{
	r->m->end_of_candidates = true;
	return true;
}

/* ---- the table -------------------------------------------------------------------------- */

static const struct attribute {
	const char *name;
	unsigned places; /* bits of enum sdp_place */
	bool (*read)(struct reader *r, struct span value);
} attributes[] = {
#define EVERYWHERE (1u << SDP_SESSION | 1u << SDP_FOREIGN | 1u << SDP_CHANNEL)
#define SECTIONS   (1u << SDP_FOREIGN | 1u << SDP_CHANNEL)
#define CHANNELS   (1u << SDP_CHANNEL)
	{ "mid", SECTIONS, read_mid },                   /* RFC 5888 */
	{ "fingerprint", EVERYWHERE, read_fingerprint }, /* RFC 8122 */
	{ "setup", EVERYWHERE, read_setup },             /* RFC 4145, 8842 */
	{ "tls-id", EVERYWHERE, read_tls_id },           /* RFC 8842 */
	{ "tlsId", EVERYWHERE, read_tls_id },            /* as TS 24.186 9.3.3.2.1 writes it */
	{ "ice-ufrag", EVERYWHERE, read_ice_ufrag },     /* RFC 8839 */
	{ "ice-pwd", EVERYWHERE, read_ice_pwd },         /* RFC 8839 */
	{ "ice-lite", EVERYWHERE, read_ice_lite },       /* RFC 8839 */
	{ "ice-options", EVERYWHERE, read_ice_options }, /* RFC 8839 */
	{ "candidate", CHANNELS, read_candidate },       /* RFC 8839 */
	{ "end-of-candidates", CHANNELS, read_end_of_candidates }, /* RFC 8840 */
	{ "sctp-port", CHANNELS, read_sctp_port },                 /* RFC 8841 */
	{ "max-message-size", CHANNELS, read_max_message_size },   /* RFC 8841 */
	{ "dcmap", CHANNELS, read_dcmap },                         /* RFC 8864 */
};

static const struct attribute *find(struct span name, enum sdp_place place)
{
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		if ((attributes[i].places & 1u << place) &&
			span_eq_nocase(name, SPAN_STR(attributes[i].name)))
			return &attributes[i];
	}
	return NULL;
}

/* "IN IP4 192.0.2.1"; names and other networks are fine and not usable. */
static bool read_connection(struct reader *r, struct span value)
{
	struct span rest = value;
	struct span network = span_cut(&rest, ' '), type = span_cut(&rest, ' ');
	struct addr a;

	if (network.len == 0 || type.len == 0 || rest.len == 0)
		return refuse(r, "a network, an address type and an address are wanted");
	r->m->has_connection = true;
	r->m->connection = (struct addr){ 0 };
	if (span_eq_nocase(network, SPAN_LIT("IN")) &&
		addr_parse_ip(span_trim(rest), r->m->port, &a))
		r->m->connection = a;
	return true;
}

static bool complain(const struct reader *r, struct span name, struct problem *p)
{
	if (r->no_memory)
		return problem_set(p, PROBLEM_NO_RESOURCES, "out of memory");
	return problem_set(p, PROBLEM_BAD_SDP, "line %u: %.*s: %s", r->line->number,
		(int)(name.len < 32 ? name.len : 32), (const char *)name.p, r->why);
}

bool sdp_read_attributes(struct sdp *s, struct sdp_media *m, struct sdp_lines lines,
	enum sdp_place place, struct problem *p)
{
	struct sdp_line line;
	struct reader r = { .sdp = s, .m = m, .line = &line };

	while (sdp_next_line(&lines, &line)) {
		const struct attribute *a;
		struct span name = SPAN_LIT("c="), value;
		bool fine = true;

		if (line.type == 'c') {
			fine = read_connection(&r, span_trim(line.value));
		} else if (sdp_attribute(&line, &name, &value) && (a = find(name, place)) != NULL) {
			fine = a->read(&r, span_trim(value));
		}
		if (!fine && place != SDP_FOREIGN)
			return complain(&r, name, p);
	}
	return true;
}

void sdp_inherit(struct sdp_media *m, const struct sdp_media *from)
{
	if (m->fingerprint_count == 0 && m->weak_fingerprints == 0) {
		memcpy(m->fingerprint, from->fingerprint, sizeof(m->fingerprint));
		m->fingerprint_count = from->fingerprint_count;
		m->weak_fingerprints = from->weak_fingerprints;
		m->weak_line = from->weak_line;
	}
	if (m->setup == SETUP_NONE)
		m->setup = from->setup;
	if (m->tls_id.len == 0)
		m->tls_id = from->tls_id;
	if (m->ice_ufrag.len == 0 && m->ice_pwd.len == 0) {
		m->ice_ufrag = from->ice_ufrag;
		m->ice_pwd = from->ice_pwd;
	}
	m->ice_lite |= from->ice_lite;
	m->ice2 |= from->ice2;
	if (!m->has_connection && from->has_connection) {
		m->has_connection = true;
		m->connection = from->connection;
		m->connection.port = from->port ? from->port : m->port;
	}
}
