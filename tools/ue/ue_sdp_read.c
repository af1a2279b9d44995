/* ue_sdp_read.c: the offers and answers a UE reads. */
#include <stdio.h>
#include <string.h>

#include "tools/ue/ue_sdp.h"

static bool copy_text(char *out, size_t cap, struct span s)
{
	if (s.len >= cap)
		return false;
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return true;
}

static bool read_u32(struct span s, uint32_t max, uint32_t *out)
{
	uint64_t v;

	if (!span_to_u64(span_trim(s), max, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool read_u16(struct span s, uint16_t *out)
{
	uint32_t v;

	if (!read_u32(s, UINT16_MAX, &v))
		return false;
	*out = (uint16_t)v;
	return true;
}

/* "IN IP4 192.0.2.1"; the port is the m-line's. */
static bool read_connection(struct ue_remote *m, struct span v)
{
	uint16_t port = m->addr.port;

	span_cut(&v, ' ');
	span_cut(&v, ' ');
	return addr_parse_ip(span_trim(v), port, &m->addr);
}

/* Of each address family the one with the highest priority. */
static void take_candidate(struct ue_remote *m, const struct addr *a, uint32_t priority)
{
	if (m->priority == 0 || a->family == m->addr.family) {
		if (priority <= m->priority)
			return;
		m->addr = *a;
		m->priority = priority;
	} else if (priority > m->other_priority) {
		m->other = *a;
		m->other_priority = priority;
	}
}

/* "foundation 1 udp priority address port typ host"; a name instead of an address (mDNS) is of no use here. */
static bool read_candidate(struct ue_remote *m, struct span v)
{
	struct span transport, ip;
	uint32_t priority;
	struct addr a;
	uint16_t port;

	span_cut(&v, ' ');
	span_cut(&v, ' ');
	transport = span_cut(&v, ' ');
	if (!read_u32(span_cut(&v, ' '), UINT32_MAX, &priority))
		return false;
	ip = span_cut(&v, ' ');
	if (!span_eq_nocase(transport, SPAN_LIT("udp")))
		return true;
	if (!read_u16(span_cut(&v, ' '), &port))
		return false;
	if (addr_parse_ip(ip, port, &a))
		take_candidate(m, &a, priority);
	return true;
}

static bool read_setup(struct ue_remote *m, struct span v)
{
	m->setup = span_eq(v, SPAN_LIT("active"))    ? SETUP_ACTIVE
		   : span_eq(v, SPAN_LIT("passive")) ? SETUP_PASSIVE
		   : span_eq(v, SPAN_LIT("actpass")) ? SETUP_ACTPASS
						     : SETUP_NONE;
	return m->setup != SETUP_NONE;
}

static bool read_quoted(char out[UE_TEXT_MAX], struct span v)
{
	if (v.len < 2 || v.p[0] != '"' || v.p[v.len - 1] != '"')
		return false;
	return copy_text(out, UE_TEXT_MAX, SPAN(v.p + 1, v.len - 2));
}

static bool read_limit(struct channel_quality *q, uint8_t reliability, struct span v)
{
	if (q->reliability != RELIABLE) /* RFC 8864 5.1.6: one of the two at most */
		return false;
	q->reliability = reliability;
	return read_u32(v, UINT32_MAX, &q->limit);
}

static bool read_dcmap_option(struct ue_stream *s, struct span v)
{
	struct span name = span_cut(&v, '=');

#define IS(text) span_eq(name, SPAN_LIT(text))
	if (IS("subprotocol"))
		return read_quoted(s->protocol, v);
	if (IS("label"))
		return read_quoted(s->label, v);
	if (IS("max-retr"))
		return read_limit(&s->quality, MAX_RETRANSMITS, v);
	if (IS("max-time"))
		return read_limit(&s->quality, MAX_LIFETIME, v);
	if (IS("priority"))
		return read_u16(v, &s->quality.priority);
	if (IS("ordered")) {
		s->quality.unordered = span_eq(v, SPAN_LIT("false"));
		return s->quality.unordered || span_eq(v, SPAN_LIT("true"));
	}
#undef IS
	return true;
}

/* The next option, up to a semicolon that stands in no quotes. */
static struct span cut_option(struct span *v)
{
	struct span whole = *v;
	bool quoted = false;

	for (size_t i = 0; i < whole.len; i++) {
		quoted ^= whole.p[i] == '"';
		if (whole.p[i] != ';' || quoted)
			continue;
		*v = span_skip(whole, i + 1);
		return SPAN(whole.p, i);
	}
	*v = SPAN_NONE;
	return whole;
}

static bool read_dcmap(struct ue_remote *m, struct span v)
{
	struct ue_stream s = { .quality.priority = 256 };
	bool ok = m->stream_count < UE_STREAMS_MAX && read_u16(span_cut(&v, ' '), &s.sid);

	while (ok && v.len > 0)
		ok = read_dcmap_option(&s, cut_option(&v));
	if (ok)
		m->streams[m->stream_count++] = s;
	return ok;
}

static bool read_fingerprint(struct ue_remote *m, struct span v)
{
	return m->fingerprint.len > 0 || fingerprint_parse(v, &m->fingerprint) == ERR_OK;
}

static bool read_attribute(struct ue_remote *m, struct span line)
{
	struct span name = span_cut(&line, ':'), v = span_trim(line);

#define IS(text) span_eq(name, SPAN_LIT(text))
	if (IS("setup"))
		return read_setup(m, v);
	if (IS("fingerprint"))
		return read_fingerprint(m, v);
	if (IS("tls-id"))
		return copy_text(m->tls_id, sizeof(m->tls_id), v);
	if (IS("sctp-port"))
		return read_u16(v, &m->sctp_port);
	if (IS("max-message-size"))
		return read_u32(v, UINT32_MAX, &m->max_message);
	if (IS("candidate"))
		return read_candidate(m, v);
	if (IS("dcmap"))
		return read_dcmap(m, v);
	if (IS("ice-lite"))
		return m->ice_lite = true;
	if (IS("ice-ufrag"))
		return m->ice = copy_text(m->credentials.ufrag, sizeof(m->credentials.ufrag), v);
	if (IS("ice-pwd"))
		return copy_text(m->credentials.pwd, sizeof(m->credentials.pwd), v);
#undef IS
	return true;
}

/* "m=application 30010 UDP/DTLS/SCTP webrtc-datachannel", on top of what the session said. */
static bool begin_media(struct ue_remote *m, const struct ue_remote *session, struct span v)
{
	uint16_t port;

	span_cut(&v, ' ');
	if (!read_u16(span_cut(&v, ' '), &port) ||
		!span_eq(span_cut(&v, ' '), SPAN_LIT("UDP/DTLS/SCTP")))
		return false;
	*m = *session;
	m->addr.port = port;
	m->accepted = port != 0;
	return true;
}

static const char *missing(const struct ue_remote *m, bool is_answer)
{
	if (!m->accepted)
		return NULL;
	if (!addr_is_set(&m->addr))
		return "no usable address";
	if (m->fingerprint.len == 0)
		return "no fingerprint";
	if (m->setup == SETUP_NONE)
		return "no setup";
	if (is_answer && m->setup == SETUP_ACTPASS)
		return "an answer that does not decide the role";
	return m->ice && m->credentials.pwd[0] == '\0' ? "no ice-pwd" : NULL;
}

static const char *read_all(
	struct span sdp, struct ue_remote *medias, unsigned *count, bool is_answer)
{
	struct ue_remote session = { .sctp_port = 5000, .max_message = 65536 }, other,
			 *m = &session;
	unsigned room = *count;
	const char *why = NULL;
	bool ok = span_starts(sdp, SPAN_LIT("v=0"));

	*count = 0;
	while (ok && sdp.len > 0) {
		struct span line = span_trim(span_cut(&sdp, '\n'));

		if (span_starts(line, SPAN_LIT("m=application "))) {
			if (*count == room)
				return "more m=application lines than expected";
			m = &medias[(*count)++];
			ok = begin_media(m, &session, span_skip(line, 2));
		} else if (span_starts(line, SPAN_LIT("m="))) {
			other = session;
			m = &other;
		} else if (span_starts(line, SPAN_LIT("c="))) {
			ok = read_connection(m, span_skip(line, 2));
		} else if (span_starts(line, SPAN_LIT("a="))) {
			ok = read_attribute(m, span_skip(line, 2));
		}
	}
	for (unsigned i = 0; ok && why == NULL && i < *count; i++)
		why = missing(&medias[i], is_answer);
	return ok ? why : "cannot be understood";
}

const char *ue_sdp_read_offer(struct span sdp, struct ue_remote *medias, unsigned *count)
{
	return read_all(sdp, medias, count, false);
}

const char *ue_sdp_read_answer(struct span sdp, struct ue_remote *medias, unsigned *count)
{
	return read_all(sdp, medias, count, true);
}
