/*
 * sdp_dialog.c: the call itself: which line of one side is which of the other, and what the last
 * words of both were.
 */
#include "control/sdp/sdp_dialog_parts.h"

#include <stdio.h>

#include "control/policy/policy.h"
#include "dcmf/base/alloc.h"

const char *sdp_side_name(unsigned side)
{
	return side == 0 ? "a" : "b";
}

struct sdp_pair *sdp_pair_at(const struct sdp_dialog *d, unsigned side, unsigned line)
{
	for (unsigned i = 0; i < d->pair_count; i++) {
		if (d->pairs[i].at[side] == (int)line)
			return &d->pairs[i];
	}
	return NULL;
}

bool sdp_is_alive(const struct sdp_media *m)
{
	return m->is_datachannel && (m->port != 0 || m->bundle_only);
}

const struct sdp_media *sdp_pair_media(
	const struct sdp_dialog *d, const struct sdp_pair *pair, unsigned side)
{
	const struct sdp *sdp = d->sides[side].sdp;
	int at = pair->at[side];

	if (sdp == NULL || at < 0 || (unsigned)at >= sdp->media_count ||
		!sdp_is_alive(&sdp->medias[at]))
		return NULL;
	return &sdp->medias[at];
}

/* ---- its life --------------------------------------------------------------------------- */

void sdp_dialog_destroy(struct sdp_dialog *d)
{
	if (d == NULL)
		return;
	for (unsigned s = 0; s < 2; s++) {
		sdp_destroy(d->sides[s].sdp);
		mem_free(d->sides[s].text);
	}
	for (unsigned i = 0; i < d->pair_count; i++)
		json_decref(d->pairs[i].dc);
	mem_free(d->pairs);
	mem_free(d);
}

static bool copy_side(struct sdp_side *to, const struct sdp_side *from)
{
	struct problem p = { PROBLEM_NONE };

	to->lines = from->lines;
	to->stance = from->stance;
	if (from->text == NULL)
		return true;
	to->text = mem_strdup(from->text);
	to->sdp = to->text != NULL ? sdp_parse(span_str(to->text), &p) : NULL;
	problem_finish(&p);
	return to->sdp != NULL;
}

struct sdp_dialog *sdp_dialog_next(const struct sdp_dialog *stored)
{
	struct sdp_dialog *d = mem_zalloc(sizeof(*d));

	if (d == NULL || (d->pairs = mem_zalloc(SDP_PAIRS_MAX * sizeof(*d->pairs))) == NULL) {
		sdp_dialog_destroy(d);
		return NULL;
	}
	if (stored == NULL)
		return d;
	d->offerer = stored->offerer;
	d->answered = stored->answered;
	for (; d->pair_count < stored->pair_count; d->pair_count++) {
		d->pairs[d->pair_count] = stored->pairs[d->pair_count];
		json_incref(d->pairs[d->pair_count].dc);
	}
	if (copy_side(&d->sides[0], &stored->sides[0]) &&
		copy_side(&d->sides[1], &stored->sides[1]))
		return d;
	sdp_dialog_destroy(d);
	return NULL;
}

/* Of sections that are not ours only their place is needed later. */
static char *reduced(const struct sdp *s)
{
	struct sdp_writer w = { .text.limit = SDP_MAX, .eol = "\r\n" };
	struct problem p = { PROBLEM_NONE };
	char *text;

	sdp_put(&w, s->session);
	for (unsigned i = 0; i < s->media_count; i++) {
		const struct sdp_media *m = &s->medias[i];

		if (m->is_datachannel) {
			sdp_put(&w, m->whole);
			sdp_put_end(&w);
		} else {
			sdp_put_refused(&w, m);
		}
	}
	text = sdp_writer_done(&w, &p);
	problem_finish(&p);
	return text;
}

bool sdp_dialog_rest(struct sdp_dialog *d)
{
	struct sdp_side *said = &d->sides[d->from];
	char *text = reduced(said->sdp);
	struct sdp_pair *pairs;

	if (text == NULL)
		return false;
	mem_free(said->text);
	said->text = text;
	for (unsigned s = 0; s < 2; s++) {
		sdp_destroy(d->sides[s].sdp);
		d->sides[s].sdp = NULL;
	}
	pairs = mem_realloc(d->pairs, (d->pair_count + 1) * sizeof(*pairs));
	if (pairs != NULL)
		d->pairs = pairs;
	return true;
}

/* ---- who speaks ------------------------------------------------------------------------- */

/*
 * "- 3918 1 IN IP4 198.51.100.10": everything but the version, which grows, is the session's name
 * (RFC 8866 5.2).
 */
struct origin {
	struct span user, session, rest;
};

static struct origin origin_of(const struct sdp *s)
{
	struct sdp_lines lines = { .rest = s->session };
	struct origin o = { .user = SPAN_NONE };
	struct sdp_line line;

	while (sdp_next_line(&lines, &line)) {
		if (line.type != 'o')
			continue;
		o.rest = line.value;
		o.user = span_cut(&o.rest, ' ');
		o.session = span_cut(&o.rest, ' ');
		span_cut(&o.rest, ' ');
		break;
	}
	return o;
}

/* 0: another session; 1: the same with another address; 2: the same */
static int likeness(const struct sdp *now, const struct sdp *before)
{
	struct origin a, b;

	if (before == NULL)
		return 0;
	a = origin_of(now);
	b = origin_of(before);
	if (!span_eq(a.user, b.user) || !span_eq(a.session, b.session))
		return 0;
	return span_eq(a.rest, b.rest) ? 2 : 1;
}

static bool find_speaker(struct sdp_dialog *d, const struct sdp *s, struct problem *p)
{
	int a = likeness(s, d->sides[0].sdp), b = likeness(s, d->sides[1].sdp);

	d->from = b > a;
	if (d->sides[0].sdp == NULL || a != b)
		return true;
	return problem_set(p, PROBLEM_CONFLICT,
		a == 0 ? "the o= line is that of neither side of the call"
		       : "the o= lines of both sides are the same");
}

/* The message takes the place of what its side said before. */
static void take_message(struct sdp_dialog *d, struct sdp *s)
{
	sdp_destroy(d->sides[d->from].sdp);
	d->sides[d->from].sdp = s;
}

/* ---- offers ----------------------------------------------------------------------------- */

struct offering {
	struct sdp_dialog *d;
	const struct sdp *sdp;
	const struct sdp_wish *wish;
	struct problem *p;
};

static bool refuse_line(
	const struct offering *o, const struct sdp_pair *pair, const char *member, const char *why)
{
	char where[SDP_POINTER_MAX];
	char id[72];

	sdp_media_id(o->sdp, (unsigned)pair->at[o->d->from], id);
	return problem_param(o->p, PROBLEM_IE_INCORRECT, sdp_pointer(where, id, member), "%s", why);
}

static bool id_is_free(const struct sdp_dialog *d, const char *id)
{
	for (unsigned i = 0; i < d->pair_count; i++) {
		if (strcmp(d->pairs[i].id, id) == 0)
			return false;
	}
	return true;
}

/*
 * NULL: too many. Both sides may give their own lines the same index, so an id that is taken is
 * made longer.
 */
static struct sdp_pair *pair_new(struct sdp_dialog *d, const char *id)
{
	struct sdp_pair *pair = &d->pairs[d->pair_count];

	if (d->pair_count == SDP_PAIRS_MAX)
		return NULL;
	*pair = (struct sdp_pair){ .at = { -1, -1 } };
	snprintf(pair->id, sizeof(pair->id), "%s", id);
	for (unsigned n = 2; !id_is_free(d, pair->id); n++)
		snprintf(pair->id, sizeof(pair->id), "%.60s.%u", id, n);
	d->pair_count++;
	return pair;
}

/* What the controller said of the line now, or else before. */
static void note_decision(const struct offering *o, struct sdp_pair *pair, const char *id)
{
	json_t *named = json_object_get(o->wish->dc_media, id);
	json_t *dc = named != NULL || pair->added ? named : json_object_get(o->wish->dc_media, "*");

	if (dc == NULL)
		return;
	json_decref(pair->dc);
	pair->dc = json_incref(dc);
	pair->is_named = named != NULL;
}

static bool has_bootstrap(const struct sdp_media *m)
{
	for (unsigned i = 0; i < m->dcmap_count; i++) {
		if (policy_bdc_side(m->dcmaps[i].sid) != POLICY_BDC_ANY)
			return true;
	}
	return false;
}

static bool names_server(const json_t *dc)
{
	return json_object_get(dc, "mdc2Info") != NULL || json_object_get(dc, "mdc1Info") != NULL;
}

/* A line ends here where HTTP is fetched for it, or a server is named that it goes to. */
static bool decide_by_proxy(const struct offering *o, struct sdp_pair *pair, const char *proxy)
{
	bool is_http = strcmp(proxy, "HTTP_PROXY") == 0;

	if (!is_http && strcmp(proxy, "UDP_PROXY") != 0 &&
		strcmp(proxy, "DC_APPLICATION_PROXY") != 0)
		return refuse_line(o, pair, "mediaProxyConfig",
			"HTTP_PROXY, UDP_PROXY or DC_APPLICATION_PROXY is wanted");
	pair->has_server = !is_http && names_server(pair->dc);
	pair->passes = proxy[0] == 'U';
	pair->fate = is_http || pair->has_server ? PAIR_ENDED : PAIR_JOINED;
	pair->end = o->d->from;
	return true;
}

/* Bootstrap channels that go on are ended in between always: their policy knows nothing else. */
static void decide_by_channels(
	const struct offering *o, struct sdp_pair *pair, const struct sdp_media *m)
{
	const char *mode = o->wish->security_mode;
	bool is_known = pair->is_ours;

	pair->fate = sdp_is_local_bootstrap(m) ? PAIR_ENDED : PAIR_JOINED;
	pair->end = o->d->from;
	pair->has_server = false;
	if (has_bootstrap(m))
		pair->passes = false;
	else if (mode != NULL || !is_known)
		pair->passes = mode != NULL && strcmp(mode, "E2E") == 0;
}

/*
 * A bundle-only line has no transport of its own, and cannot be given one beside others of its
 * bundle (RFC 8843 6).
 */
static bool is_crowded(const struct sdp *s, const struct sdp_media *m)
{
	unsigned alive = 0;

	for (unsigned i = 0; i < s->media_count; i++) {
		const struct sdp_media *other = &s->medias[i];

		alive += other->bundle == m->bundle && (other->port != 0 || other->bundle_only);
	}
	return m->bundle_only && m->bundle >= 0 && alive > 1;
}

static bool decide_line(
	const struct offering *o, struct sdp_pair *pair, const struct sdp_media *m, const char *id)
{
	const char *proxy;

	pair->off = m->port == 0 && !m->bundle_only;
	if (pair->off)
		return true;
	if (!m->is_datachannel) {
		pair->fate = PAIR_FOREIGN;
		return true;
	}
	note_decision(o, pair, id);
	if (json_is_null(pair->dc)) {
		pair->fate = PAIR_FOREIGN;
		return true;
	}
	proxy = js_get_text(pair->dc, "mediaProxyConfig");
	if (proxy == NULL)
		decide_by_channels(o, pair, m);
	else if (!decide_by_proxy(o, pair, proxy))
		return false;
	pair->is_ours = true;
	pair->ice[o->d->from] = sdp_does_checks(m);
	pair->off = is_crowded(o->sdp, m);
	if (pair->off && pair->is_named)
		return refuse_line(o, pair, "", "bundle-only beside another section of its bundle");
	return pair->off || sdp_check_remote(m, o->p);
}

static bool decide_lines(const struct offering *o)
{
	struct sdp_dialog *d = o->d;
	unsigned from = d->from;

	for (unsigned i = 0; i < o->sdp->media_count; i++) {
		struct sdp_pair *pair = sdp_pair_at(d, from, i);
		char id[72];

		sdp_media_id(o->sdp, i, id);
		if (pair == NULL) {
			if ((pair = pair_new(d, id)) == NULL)
				return problem_set(o->p, PROBLEM_BAD_SDP, "too many m= lines");
			pair->at[from] = (int)i;
		}
		if (!decide_line(o, pair, &o->sdp->medias[i], id))
			return false;
	}
	d->sides[from].lines = o->sdp->media_count;
	return true;
}

/*
 * Lines that go on and have no place on the other side yet stand behind those that have, in their
 * order.
 */
static bool place_lines(const struct offering *o)
{
	struct sdp_dialog *d = o->d;
	unsigned from = d->from, to = 1 - from;

	for (unsigned i = 0; i < d->sides[from].lines; i++) {
		struct sdp_pair *pair = sdp_pair_at(d, from, i);

		if (pair->at[to] < 0 && pair->fate != PAIR_ENDED)
			pair->at[to] = (int)d->sides[to].lines++;
		if (sdp_pair_media(d, pair, to) == NULL)
			pair->ice[to] = /* offered as it is offered to us */
				sdp_wants_ice(&o->wish->stances, pair->ice[from]);
	}
	return d->sides[to].lines <= SDP_MEDIAS_MAX ||
	       problem_set(o->p, PROBLEM_BAD_SDP, "too many m= lines on the other side");
}

static struct sdp_pair *added_pair(const struct sdp_dialog *d, unsigned side)
{
	for (unsigned i = 0; i < d->pair_count; i++) {
		if (d->pairs[i].added && d->pairs[i].end == side)
			return &d->pairs[i];
	}
	return NULL;
}

static bool uses_ice(const struct sdp *s)
{
	for (unsigned i = 0; i < s->media_count; i++) {
		if (s->medias[i].port != 0 && sdp_does_checks(&s->medias[i]))
			return true;
	}
	return false;
}

static bool add_bootstrap(const struct offering *o)
{
	struct sdp_dialog *d = o->d;
	unsigned to = 1 - d->from;
	struct sdp_pair *pair = added_pair(d, to);
	const char *proxy;

	if (!o->wish->add_bootstrap && pair == NULL)
		return true;
	if (pair == NULL) {
		if (!id_is_free(d, SDP_BOOTSTRAP) || (pair = pair_new(d, SDP_BOOTSTRAP)) == NULL)
			return problem_set(o->p, PROBLEM_CONFLICT, "a line is called %s already",
				SDP_BOOTSTRAP);
		*pair = (struct sdp_pair){ .at = { -1, -1 }, .id = SDP_BOOTSTRAP };
		pair->at[to] = (int)d->sides[to].lines++;
		pair->fate = PAIR_ENDED;
		pair->end = (uint8_t)to;
		pair->added = pair->is_ours = true;
		pair->ice[to] = sdp_wants_ice(&o->wish->stances, uses_ice(o->sdp));
	} else if (o->wish->add_bootstrap) {
		pair->off = false;
	}
	note_decision(o, pair, SDP_BOOTSTRAP);
	proxy = js_get_text(pair->dc, "mediaProxyConfig");
	return proxy == NULL || strcmp(proxy, "HTTP_PROXY") == 0 ||
	       problem_param(o->p, PROBLEM_IE_INCORRECT,
		       "/dcMedia/" SDP_BOOTSTRAP "/mediaProxyConfig",
		       "what the gateway adds ends here: HTTP_PROXY");
}

/* A mid of ours on the other side that the offer uses for a line of its own. */
static bool mids_are_free(const struct offering *o)
{
	const struct sdp_dialog *d = o->d;
	unsigned to = 1 - d->from;

	for (unsigned i = 0; i < d->pair_count; i++) {
		const struct sdp_pair *pair = &d->pairs[i];
		const struct sdp *theirs = d->sides[to].sdp;
		struct span mid = span_str(pair->added ? SDP_BOOTSTRAP : "");

		if (pair->at[to] < 0 || pair->at[d->from] >= 0)
			continue;
		if (theirs != NULL && (unsigned)pair->at[to] < theirs->media_count)
			mid = theirs->medias[pair->at[to]].mid;
		for (unsigned k = 0; mid.len > 0 && k < o->sdp->media_count; k++) {
			if (span_eq(o->sdp->medias[k].mid, mid))
				return problem_set(o->p, PROBLEM_CONFLICT,
					"line %u: the mid %.*s belongs to another line of the "
					"other side",
					o->sdp->medias[k].line, SPAN_FMT(mid));
		}
	}
	return true;
}

json_t *sdp_dialog_offer(
	struct sdp_dialog *d, struct span text, const struct sdp_wish *wish, struct problem *p)
{
	struct sdp *s = sdp_parse(text, p);
	struct offering o = { d, s, wish, p };
	bool may_add;

	if (s == NULL)
		return NULL;
	may_add = find_speaker(d, s, p) && sdp_take_stances(d, &wish->stances, p) &&
		  (wish->add_bootstrap || added_pair(d, 1 - d->from) != NULL);
	if (p->kind != PROBLEM_NONE ||
		!sdp_check_dc_media(s, wish->dc_media, may_add ? SDP_BOOTSTRAP : NULL, p)) {
		sdp_destroy(s);
		return NULL;
	}
	take_message(d, s);
	if (s->media_count < d->sides[d->from].lines) {
		problem_set(p, PROBLEM_BAD_SDP, "%u m= lines, and there were %u before",
			s->media_count, d->sides[d->from].lines);
		return NULL;
	}
	d->offerer = d->from;
	d->answered = d->is_answer = false;
	if (!decide_lines(&o) || !place_lines(&o) || !add_bootstrap(&o) || !mids_are_free(&o))
		return NULL;
	return sdp_dialog_document(d, wish->owner, p);
}

/* ---- answers ---------------------------------------------------------------------------- */

static bool read_answered_line(
	struct sdp_dialog *d, struct sdp_pair *pair, const struct sdp_media *m, struct problem *p)
{
	if (pair->off || pair->fate == PAIR_FOREIGN)
		return true;
	pair->off = m->port == 0;
	if (pair->off)
		return true;
	if (!m->is_datachannel)
		return problem_set(p, PROBLEM_BAD_SDP,
			"line %u: a data channel line was offered here", m->line);
	if (pair->ice[d->from] && !sdp_does_checks(m)) /* a leg keeps the kind of port it has */
		return problem_set(p, PROBLEM_NOT_BUILT,
			"line %u: offered with ICE and answered without checks: that is not built "
			"yet",
			m->line);
	return sdp_check_remote(m, p);
}

static bool read_answer(struct sdp_dialog *d, const struct sdp *s, struct problem *p)
{
	if (s->media_count != d->sides[d->from].lines)
		return problem_set(p, PROBLEM_BAD_SDP, "%u m= lines, and %u were offered",
			s->media_count, d->sides[d->from].lines);
	for (unsigned i = 0; i < s->media_count; i++) {
		if (!read_answered_line(d, sdp_pair_at(d, d->from, i), &s->medias[i], p))
			return false;
	}
	return true;
}

json_t *sdp_dialog_answer(
	struct sdp_dialog *d, struct span text, const char *owner, struct problem *p)
{
	struct sdp *s = sdp_parse(text, p);

	if (s == NULL)
		return NULL;
	d->from = 1 - d->offerer;
	d->answered = d->is_answer = true;
	take_message(d, s);
	return read_answer(d, s, p) ? sdp_dialog_document(d, owner, p) : NULL;
}
