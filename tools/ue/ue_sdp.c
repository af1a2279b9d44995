/* ue_sdp.c: the offer a UE writes and the answer it reads. */
#include "tools/ue/ue_sdp.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/bytes.h"

#define OFFER_MAX 65536

/* ---- writing ---- */

/* Text that grows; remembers that it failed. */
struct text {
	struct bytes bytes;
	bool failed;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line) || !bytes_append(&t->bytes, SPAN(line, (size_t)n)))
		t->failed = true;
}

static const char *family_word(const struct addr *a)
{
	return a->family == ADDR_IPV6 ? "IP6" : "IP4";
}

static const char *setup_word(enum setup s)
{
	return s == SETUP_ACTIVE ? "active" : s == SETUP_PASSIVE ? "passive" : "actpass";
}

static void put_ice(struct text *t, const struct ue_media *m)
{
	char ip[ADDR_TEXT_MAX];

	put(t, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", m->credentials.ufrag, m->credentials.pwd);
	put(t, "a=candidate:1 1 udp 2130706431 %s %u typ host\r\n", addr_ip_text(&m->local, ip),
		m->local.port);
	if (m->style == UE_STYLE_WEBRTC)
		put(t, "a=ice-options:trickle\r\n");
	put(t, "a=end-of-candidates\r\n");
}

static void put_media(struct text *t, const struct ue_media *m, unsigned mid)
{
	char ip[ADDR_TEXT_MAX], fp[FINGERPRINT_TEXT_MAX];
	bool webrtc = m->style == UE_STYLE_WEBRTC;

	put(t, "m=application %u UDP/DTLS/SCTP webrtc-datachannel\r\n", webrtc ? 9 : m->local.port);
	if (webrtc)
		put(t, "c=IN IP4 0.0.0.0\r\n");
	else
		put(t, "c=IN %s %s\r\nb=AS:500\r\n", family_word(&m->local),
			addr_ip_text(&m->local, ip));
	if (webrtc)
		put(t, "a=mid:%u\r\n", mid);
	if (m->ice)
		put_ice(t, m);
	put(t, "a=max-message-size:%u\r\na=sctp-port:%u\r\na=setup:%s\r\n", m->max_message,
		m->sctp_port, setup_word(m->setup));
	put(t, "a=fingerprint:%s\r\na=tls-id:%s\r\n", fingerprint_text(&m->fingerprint, fp),
		m->tls_id);
	for (unsigned i = 0; i < m->sid_count && !webrtc; i++)
		put(t, "a=dcmap:%u subprotocol=\"http\"\r\n", m->sids[i]);
	/* Channels of the other side's network (TS 24.186 9.3.2.2.1). */
	if (!webrtc && m->sid_count > 0 && m->sids[0] >= 100 && m->sids[0] < 1000)
		put(t, "a=3gpp-bdc-used-by:sender\r\n");
}

char *ue_sdp_offer(const struct ue_media *medias, unsigned count, bool speech)
{
	struct text t = { .bytes.limit = OFFER_MAX };
	char ip[ADDR_TEXT_MAX], *out;
	const struct addr *at = &medias[0].local;

	put(&t, "v=0\r\no=- 3918 1 IN %s %s\r\ns=-\r\n", family_word(at), addr_ip_text(at, ip));
	put(&t, "t=0 0\r\n");
	if (speech)
		put(&t, "m=audio 49170 RTP/AVP 96\r\nc=IN %s %s\r\na=rtpmap:96 EVS/16000\r\n",
			family_word(at), ip);
	for (unsigned i = 0; i < count; i++)
		put_media(&t, &medias[i], i);
	out = t.failed ? NULL : mem_span_dup(bytes_view(&t.bytes));
	bytes_finish(&t.bytes);
	return out;
}

/* ---- reading ---- */

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

/* "foundation 1 udp priority address port typ host" */
static bool read_candidate(struct ue_remote *m, struct span v)
{
	struct span transport, ip;
	struct addr a;
	uint16_t port;

	span_cut(&v, ' ');
	span_cut(&v, ' ');
	transport = span_cut(&v, ' ');
	span_cut(&v, ' ');
	ip = span_cut(&v, ' ');
	if (!span_eq_nocase(transport, SPAN_LIT("udp")))
		return true;
	if (!read_u16(span_cut(&v, ' '), &port) || !addr_parse_ip(ip, port, &a))
		return false;
	m->addr = a;
	return true;
}

static bool read_setup(struct ue_remote *m, struct span v)
{
	m->setup = span_eq(v, SPAN_LIT("active"))    ? SETUP_ACTIVE
		   : span_eq(v, SPAN_LIT("passive")) ? SETUP_PASSIVE
						     : SETUP_NONE;
	return m->setup != SETUP_NONE; /* an answer decides: actpass is wrong here */
}

static bool read_dcmap(struct ue_remote *m, struct span v)
{
	return m->sid_count < UE_SIDS_MAX && read_u16(span_cut(&v, ' '), &m->sids[m->sid_count++]);
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

static const char *missing(const struct ue_remote *m)
{
	if (!m->accepted)
		return NULL;
	if (!addr_is_set(&m->addr))
		return "answer without a usable address";
	if (m->fingerprint.len == 0)
		return "answer without fingerprint";
	if (m->setup == SETUP_NONE)
		return "answer without setup";
	return m->ice && m->credentials.pwd[0] == '\0' ? "answer without ice-pwd" : NULL;
}

const char *ue_sdp_answer(struct span sdp, struct ue_remote *medias, unsigned *count)
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
				return "answer with more lines than were offered";
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
		why = missing(&medias[i]);
	return ok ? why : "answer that cannot be understood";
}
