/* ue_sdp.c: the offers and answers a UE writes. */
#include "tools/ue/ue_sdp.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/bytes.h"

#define SDP_MAX 65536

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

/* "a=dcmap:1000 subprotocol="chat";label="a b";ordered=false;max-retr=3;priority=128"; what is normal is not said. */
static void put_dcmap(struct text *t, const struct ue_stream *s)
{
	char sep = ' ';

	put(t, "a=dcmap:%u", s->sid);
#define OPT(is, ...)                 \
	if (is) {                    \
		put(t, "%c", sep);   \
		put(t, __VA_ARGS__); \
		sep = ';';           \
	}
	OPT(s->protocol[0] != '\0', "subprotocol=\"%s\"", s->protocol)
	OPT(s->label[0] != '\0' && s->sid >= 1000, "label=\"%s\"", s->label)
	OPT(s->quality.unordered, "ordered=false")
	OPT(s->quality.reliability == MAX_RETRANSMITS, "max-retr=%u", s->quality.limit)
	OPT(s->quality.reliability == MAX_LIFETIME, "max-time=%u", s->quality.limit)
	OPT(s->quality.priority != 256 && s->quality.priority != 0, "priority=%u",
		s->quality.priority)
#undef OPT
	put(t, "\r\n");
}

/* `mid` as it goes into the line; empty: none. */
static void put_media(struct text *t, const struct ue_media *m, struct span mid)
{
	char ip[ADDR_TEXT_MAX], fp[FINGERPRINT_TEXT_MAX];
	bool webrtc = m->style == UE_STYLE_WEBRTC;

	put(t, "m=application %u UDP/DTLS/SCTP webrtc-datachannel\r\n", webrtc ? 9 : m->local.port);
	if (webrtc)
		put(t, "c=IN IP4 0.0.0.0\r\n");
	else
		put(t, "c=IN %s %s\r\nb=AS:500\r\n", family_word(&m->local),
			addr_ip_text(&m->local, ip));
	if (mid.len > 0)
		put(t, "a=mid:%.*s\r\n", SPAN_FMT(mid));
	if (m->ice)
		put_ice(t, m);
	put(t, "a=max-message-size:%u\r\na=sctp-port:%u\r\na=setup:%s\r\n", m->max_message,
		m->sctp_port, setup_word(m->setup));
	put(t, "a=fingerprint:%s\r\na=tls-id:%s\r\n", fingerprint_text(&m->fingerprint, fp),
		m->tls_id);
	for (unsigned i = 0; i < m->stream_count && !webrtc; i++)
		put_dcmap(t, &m->streams[i]);
	/* Channels of the other side's network (TS 24.186 9.3.2.2.1). */
	if (!webrtc && m->stream_count > 0 && m->streams[0].sid >= 100 && m->streams[0].sid < 1000)
		put(t, "a=3gpp-bdc-used-by:sender\r\n");
}

static char *finish(struct text *t)
{
	char *out = t->failed ? NULL : mem_span_dup(bytes_view(&t->bytes));

	bytes_finish(&t->bytes);
	return out;
}

static void put_session(struct text *t, const struct addr *at)
{
	char ip[ADDR_TEXT_MAX];

	put(t, "v=0\r\no=- 3918 1 IN %s %s\r\ns=-\r\nt=0 0\r\n", family_word(at),
		addr_ip_text(at, ip));
}

char *ue_sdp_write_offer(const struct ue_media *medias, unsigned count, bool speech)
{
	struct text t = { .bytes.limit = SDP_MAX };
	char ip[ADDR_TEXT_MAX], mid[16];
	const struct addr *at = &medias[0].local;

	put_session(&t, at);
	if (speech)
		put(&t, "m=audio 49170 RTP/AVP 96\r\nc=IN %s %s\r\na=rtpmap:96 EVS/16000\r\n",
			family_word(at), addr_ip_text(at, ip));
	for (unsigned i = 0; i < count; i++) {
		bool named = medias[i].style == UE_STYLE_WEBRTC;

		snprintf(mid, sizeof(mid), "%u", i);
		put_media(&t, &medias[i], named ? SPAN_STR(mid) : SPAN_NONE);
	}
	return finish(&t);
}

/* ---- answering ---- */

/* The value of the first such line of a media, "a=mid:" say; empty when there is none. */
static struct span value_of(struct span media, struct span name)
{
	while (media.len > 0) {
		struct span line = span_trim(span_cut(&media, '\n'));

		if (span_starts(line, name))
			return span_skip(line, name.len);
	}
	return SPAN_NONE;
}

/* Everything up to the next m-line. */
static struct span cut_media(struct span *sdp)
{
	struct span whole = *sdp;

	do
		span_cut(sdp, '\n');
	while (sdp->len > 0 && !span_starts(*sdp, SPAN_LIT("m=")));
	return SPAN(whole.p, whole.len - sdp->len);
}

/* "m=audio 49170 RTP/AVP 96": the same with another port. */
static void put_same_line(struct text *t, struct span line, uint16_t port)
{
	struct span kind = span_cut(&line, ' ');

	span_cut(&line, ' ');
	put(t, "%.*s %u %.*s\r\n", SPAN_FMT(kind), port, SPAN_FMT(line));
}

static void put_speech(struct text *t, struct span line, const struct addr *at)
{
	char ip[ADDR_TEXT_MAX];

	put_same_line(t, line, 49172);
	put(t, "c=IN %s %s\r\n", family_word(at), addr_ip_text(at, ip));
}

static bool is_refused(struct span line)
{
	span_cut(&line, ' ');
	return span_eq(span_cut(&line, ' '), SPAN_LIT("0"));
}

char *ue_sdp_write_answer(struct span offer, const struct ue_media *medias, unsigned count)
{
	struct text t = { .bytes.limit = SDP_MAX };
	struct span session = cut_media(&offer);
	struct span group = value_of(session, SPAN_LIT("a=group:"));
	unsigned next = 0;

	put_session(&t, &medias[0].local);
	if (group.len > 0)
		put(&t, "a=group:%.*s\r\n", SPAN_FMT(group));
	while (offer.len > 0) {
		struct span media = cut_media(&offer), rest = media;
		struct span line = span_trim(span_cut(&rest, '\n'));
		struct span mid = value_of(media, SPAN_LIT("a=mid:"));
		bool data = span_starts(line, SPAN_LIT("m=application "));

		if (data && next < count && !is_refused(line))
			put_media(&t, &medias[next], mid);
		else if (span_starts(line, SPAN_LIT("m=audio ")) && !is_refused(line))
			put_speech(&t, line, &medias[0].local);
		else
			put_same_line(&t, line, 0);
		next += data;
	}
	return finish(&t);
}
