/*
 * sdp_dialog_text.c: what goes to the other side: the message as it came, with the gateway in the
 * lines that are its own.
 */
#include "control/sdp/sdp_dialog_parts.h"

#include <stdio.h>

#define TEXT_MAX (2 * SDP_MAX) /* ours */

struct composing {
	const struct sdp_dialog *d;
	const struct sdp *message;
	unsigned from, to;
	struct sdp_local locals[SDP_MEDIAS_MAX]; /* ours toward the other side, by its lines */
	struct sdp_writer w;
};

static const struct sdp_media *message_media(const struct composing *c, const struct sdp_pair *pair)
{
	int at = pair->at[c->from];

	return at >= 0 ? &c->message->medias[at] : NULL;
}

/* ---- the lines of a section that is ours ------------------------------------------------ */

/*
 * What stands in for an attribute of the other side; each is written once, where the first of its
 * kind stood.
 */
enum part {
	PART_NONE, /* goes through */
	PART_ICE,
	PART_FINGERPRINT,
	PART_SETUP,
	PART_TLS_ID,
	PART_SCTP_PORT,
	PART_SCTPMAP,
	PART_MAX_MESSAGE,
	PART_BUNDLE_ONLY,
	PART_CHANNEL, /* goes through where the channel does */
	PART_MAX
};

static const struct {
	const char *name;
	uint8_t part;
	bool of_dtls; /* belongs to whoever ends DTLS, which is the other side where it passes */
} owned[] = {
	{ "candidate", PART_ICE, false },
	{ "end-of-candidates", PART_ICE, false },
	{ "remote-candidates", PART_ICE, false },
	{ "ice-ufrag", PART_ICE, false },
	{ "ice-pwd", PART_ICE, false },
	{ "ice-options", PART_ICE, false },
	{ "ice-pacing", PART_ICE, false },
	{ "ice-mismatch", PART_ICE, false },
	{ "ice-lite", PART_ICE, false },
	{ "bundle-only", PART_BUNDLE_ONLY, false },
	{ "dcmap", PART_CHANNEL, false },
	{ "dcsa", PART_CHANNEL, false },
	{ "fingerprint", PART_FINGERPRINT, true },
	{ "setup", PART_SETUP, true },
	{ "tls-id", PART_TLS_ID, true },
	{ "tlsId", PART_TLS_ID, true },
	{ "sctp-port", PART_SCTP_PORT, true },
	{ "sctpmap", PART_SCTPMAP, true },
	{ "max-message-size", PART_MAX_MESSAGE, true },
};

static enum part part_of(struct span name, bool passes)
{
	for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
		if (span_eq_nocase(name, span_str(owned[i].name)) && !(passes && owned[i].of_dtls))
			return (enum part)owned[i].part;
	}
	return PART_NONE;
}

/* A section on its way. */
struct section {
	struct composing *c;
	const struct sdp_media *m;
	const struct sdp_pair *pair;
	const struct sdp_local *l;
	bool has[PART_MAX], has_c;
};

static void put_c(struct section *s)
{
	if (!s->has_c)
		sdp_put_line(&s->c->w, "c=IN %s %s", s->l->ip_type, s->l->ip);
	s->has_c = true;
}

static void put_part(struct section *s, enum part part)
{
	struct sdp_writer *w = &s->c->w;
	const char *tls_id = js_get_text(s->l->dc_endpoint, "tlsId");
	struct span map = s->m->sctpmap;

	if (s->has[part])
		return;
	s->has[part] = true;
	switch (part) {
	case PART_ICE: sdp_put_ice(w, s->l, s->m->ice2); return;
	case PART_FINGERPRINT: sdp_put_fingerprints(w, s->l); return;
	case PART_SETUP:
		sdp_put_line(w, "a=setup:%s",
			sdp_setup_word(s->l, s->c->d->is_answer ? SETUP_ACTPASS : SETUP_NONE));
		return;
	case PART_TLS_ID:
		if (tls_id != NULL)
			sdp_put_line(w, "a=tls-id:%s", tls_id);
		return;
	case PART_SCTP_PORT: sdp_put_line(w, "a=sctp-port:%lld", sdp_local_sctp_port(s->l)); return;
	case PART_SCTPMAP:
		span_cut(&map, ' ');
		sdp_put_line(w, "a=sctpmap:%lld %.*s", sdp_local_sctp_port(s->l), SPAN_FMT(map));
		return;
	case PART_MAX_MESSAGE:
		sdp_put_line(w, "a=max-message-size:%lld", (long long)sdp_max_message(s->l));
		return;
	default: return;
	}
}

static void put_attribute(
	struct section *s, const struct sdp_line *line, struct span name, struct span value)
{
	enum part part = part_of(name, s->pair->passes);
	uint16_t sid;

	if (part == PART_NONE || (part == PART_CHANNEL && (!sdp_dcmap_sid(value, &sid) ||
								  sdp_is_wanted(s->pair->dc, sid))))
		sdp_put(&s->c->w, line->whole);
	else if (part != PART_CHANNEL)
		put_part(s, part);
}

/* What the session said for the section, or what nobody said and is not as the default has it. */
static void put_missing(struct section *s)
{
	sdp_put_end(&s->c->w);
	put_c(s);
	if (s->l->ufrag != NULL)
		put_part(s, PART_ICE);
	if (s->pair->passes)
		return;
	if (!s->has[PART_SCTP_PORT] && s->m->sctpmap.len == 0 && sdp_local_sctp_port(s->l) != 5000)
		put_part(s, PART_SCTP_PORT);
	if (!s->has[PART_MAX_MESSAGE] && sdp_max_message(s->l) != 65536)
		put_part(s, PART_MAX_MESSAGE);
	put_part(s, PART_SETUP);
	put_part(s, PART_FINGERPRINT);
	if (s->m->tls_id.len > 0)
		put_part(s, PART_TLS_ID);
}

static void put_m(struct section *s)
{
	char port[24];

	snprintf(port, sizeof(port), "%lld", sdp_local_sctp_port(s->l));
	sdp_put_m_line(&s->c->w, s->m, s->l->port,
		s->m->sctpmap.len > 0 && !s->pair->passes ? span_str(port) : s->m->fmt);
}

static void put_joined(struct composing *c, const struct sdp_pair *pair, const struct sdp_media *m,
	const struct sdp_local *l)
{
	struct section s = { .c = c, .m = m, .pair = pair, .l = l };
	struct sdp_lines lines = sdp_section_lines(m);
	struct sdp_line line;
	struct span name, value;

	while (sdp_next_line(&lines, &line)) {
		/* after m= and i= comes c= (RFC 8866 5) */
		if (line.type == 'm')
			put_m(&s);
		else if (line.type == 'i')
			sdp_put(&c->w, line.whole);
		else
			put_c(&s);
		if (line.type == 'm' || line.type == 'i' || line.type == 'c' || line.type == 0)
			continue;
		if (sdp_attribute(&line, &name, &value))
			put_attribute(&s, &line, name, value);
		else
			sdp_put(&c->w, line.whole);
	}
	put_missing(&s);
}

/* ---- sections that only the other side has ---------------------------------------------- */

/* Offered for the first time: channels as the document has them. */
static void put_added(struct composing *c, const struct sdp_local *l)
{
	static const struct sdp_media plain = {
		.type = { (const uint8_t *)"application", 11 },
		.proto = { (const uint8_t *)"UDP/DTLS/SCTP", 13 },
		.fmt = { (const uint8_t *)"webrtc-datachannel", 18 },
	};
	struct sdp_media m = plain;
	json_t *stream;
	const char *key;

	for (unsigned i = 0; i < c->message->media_count; i++) {
		if (c->message->medias[i].mid.len > 0)
			m.mid = SPAN_LIT(SDP_BOOTSTRAP);
	}
	m.tls_id = span_str(js_get_text(l->dc_endpoint, "tlsId"));
	sdp_put_local(&c->w, &m, l);
	sdp_put_ice(&c->w, l, false);
	json_object_foreach ((json_t *)(uintptr_t)l->streams, key, stream)
		sdp_put_line(&c->w, "a=dcmap:%s subprotocol=\"http\"", key);
}

static void put_ended(struct composing *c, const struct sdp_pair *pair, const struct sdp_local *l)
{
	const struct sdp *said = c->d->sides[c->to].sdp;
	unsigned at = (unsigned)pair->at[c->to];

	if (said == NULL || at >= said->media_count ||
		(pair->added && !sdp_is_alive(&said->medias[at])))
		put_added(c, l);
	else
		sdp_put_local(&c->w, &said->medias[at], l);
}

/* ---- one line after the other ----------------------------------------------------------- */

/* Some end with an empty line, which must not come to stand in the middle. */
static void put_whole(struct composing *c, const struct sdp_media *m, bool is_last)
{
	struct span whole = m->whole;

	while (!is_last && whole.len >= 2 && whole.p[whole.len - 1] == '\n' &&
		(whole.p[whole.len - 2] == '\n' ||
			(whole.len >= 3 && whole.p[whole.len - 2] == '\r' &&
				whole.p[whole.len - 3] == '\n')))
		whole.len -= whole.p[whole.len - 2] == '\r' ? 2 : 1;
	sdp_put(&c->w, whole);
}

static void put_line_of(struct composing *c, unsigned at)
{
	static const struct sdp_media gone = {
		.type = { (const uint8_t *)"application", 11 },
		.proto = { (const uint8_t *)"UDP/DTLS/SCTP", 13 },
		.fmt = { (const uint8_t *)"webrtc-datachannel", 18 },
	};
	const struct sdp_pair *pair = sdp_pair_at(c->d, c->to, at);
	const struct sdp_media *m = message_media(c, pair);
	const struct sdp *said = c->d->sides[c->to].sdp;
	bool is_last = at + 1 == c->d->sides[c->to].lines;

	sdp_put_end(&c->w);
	if (m != NULL &&
		(pair->fate == PAIR_FOREIGN || (pair->off && m->port == 0 && !m->bundle_only)))
		put_whole(c, m, is_last);
	else if (c->locals[at].media != NULL && pair->fate == PAIR_ENDED)
		put_ended(c, pair, &c->locals[at]);
	else if (c->locals[at].media != NULL && m != NULL)
		put_joined(c, pair, m, &c->locals[at]);
	else if (m != NULL)
		sdp_put_refused(&c->w, m);
	else
		sdp_put_refused(
			&c->w, said != NULL && at < said->media_count ? &said->medias[at] : &gone);
}

/* ---- the session part ------------------------------------------------------------------- */

/*
 * Is the line the only one of its bundle that lives? Then it keeps the transport to itself, bundle
 * or not.
 */
static bool is_alone(const struct composing *c, const struct sdp_pair *pair)
{
	unsigned side = c->d->is_answer ? c->to : c->from; /* who offered the bundle */
	const struct sdp *offer = c->d->sides[side].sdp;
	int bundle = offer->medias[pair->at[side]].bundle;
	unsigned alive = 0;

	for (unsigned i = 0; bundle >= 0 && i < offer->media_count; i++) {
		const struct sdp_pair *other = sdp_pair_at(c->d, side, i);

		bool is_there = !other->off && other->at[c->to] >= 0 &&
				(other->fate != PAIR_ENDED || other->end == c->to);

		alive += offer->medias[i].bundle == bundle && is_there;
	}
	return alive == 1;
}

/* A section that is ours has its own transport, so it cannot share that of others. */
static bool stays_bundled(const struct composing *c, struct span mid)
{
	for (unsigned i = 0; i < c->message->media_count; i++) {
		const struct sdp_pair *pair = sdp_pair_at(c->d, c->from, i);

		if (!span_eq(c->message->medias[i].mid, mid))
			continue;
		if (pair->fate == PAIR_FOREIGN)
			return true;
		return pair->fate == PAIR_JOINED && !pair->off && is_alone(c, pair);
	}
	return true; /* nobody's */
}

static void put_group(struct composing *c, const struct sdp_line *line, struct span mids)
{
	struct span rest = mids;
	bool all = true, any = false;

	while (rest.len > 0) {
		bool stays = stays_bundled(c, span_cut(&rest, ' '));

		all = all && stays;
		any = any || stays;
	}
	if (all)
		sdp_put(&c->w, line->whole);
	if (all || !any)
		return;
	sdp_put(&c->w, SPAN_LIT("a=group:BUNDLE"));
	while (mids.len > 0) {
		struct span mid = span_cut(&mids, ' ');

		if (!stays_bundled(c, mid))
			continue;
		sdp_put(&c->w, SPAN_LIT(" "));
		sdp_put(&c->w, mid);
	}
	sdp_put_end(&c->w);
}

/* Lines that end here are answered by us, bundles of their own too. */
static void put_own_groups(struct composing *c)
{
	for (unsigned at = 0; c->d->is_answer && at < c->d->sides[c->to].lines; at++) {
		const struct sdp_pair *pair = sdp_pair_at(c->d, c->to, at);

		if (pair->fate == PAIR_ENDED && !pair->off && is_alone(c, pair))
			sdp_put_line(&c->w, "a=group:BUNDLE %.*s",
				SPAN_FMT(c->d->sides[c->to].sdp->medias[at].mid));
	}
}

static bool needs_lite(const struct composing *c)
{
	for (unsigned at = 0; at < c->d->sides[c->to].lines; at++) {
		if (c->locals[at].media != NULL && c->locals[at].ufrag != NULL)
			return true;
	}
	return false;
}

static void put_session(struct composing *c)
{
	struct sdp_lines lines = { .rest = c->message->session };
	bool is_lite = false;
	struct sdp_line line;
	struct span name, value, mids;

	while (sdp_next_line(&lines, &line)) {
		if (line.type == 0)
			continue;
		if (!sdp_attribute(&line, &name, &value)) {
			sdp_put(&c->w, line.whole);
			continue;
		}
		is_lite = is_lite || span_eq_nocase(name, SPAN_LIT("ice-lite"));
		mids = span_trim(value);
		if (span_eq_nocase(name, SPAN_LIT("group")) &&
			span_eq_nocase(span_cut(&mids, ' '), SPAN_LIT("BUNDLE")))
			put_group(c, &line, mids);
		else
			sdp_put(&c->w, line.whole);
	}
	sdp_put_end(&c->w);
	put_own_groups(c);
	if (!is_lite && needs_lite(c))
		sdp_put_line(&c->w, "a=ice-lite");
}

/* ---- the whole -------------------------------------------------------------------------- */

/* As the message ends its lines, so do we. */
static const char *eol_of(const struct sdp *message)
{
	const char *first = memchr(message->text, '\n', message->len);

	return first != NULL && first > message->text && first[-1] == '\r' ? "\r\n"
	       : first != NULL                                             ? "\n"
									   : "\r\n";
}

static bool read_locals(struct composing *c, const json_t *filled, struct problem *p)
{
	for (unsigned at = 0; at < c->d->sides[c->to].lines; at++) {
		const struct sdp_pair *pair = sdp_pair_at(c->d, c->to, at);

		if (pair->off || pair->fate == PAIR_FOREIGN ||
			(pair->fate == PAIR_ENDED && pair->end != c->to))
			continue;
		if (!sdp_local_read(&c->locals[at], filled, sdp_side_name(c->to), pair->id, p))
			return false;
	}
	return true;
}

char *sdp_dialog_text(const struct sdp_dialog *d, const json_t *filled, struct problem *p)
{
	struct composing c = {
		.d = d, .message = d->sides[d->from].sdp, .from = d->from, .to = 1 - d->from
	};

	c.w = (struct sdp_writer){ .text.limit = TEXT_MAX, .eol = eol_of(c.message) };
	if (!read_locals(&c, filled, p))
		return NULL;
	put_session(&c);
	for (unsigned at = 0; at < d->sides[c.to].lines; at++)
		put_line_of(&c, at);
	return sdp_writer_done(&c.w, p);
}
