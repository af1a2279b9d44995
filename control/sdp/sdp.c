/* sdp.c: a session description taken apart into its session part and its sections (RFC 8866 5). */
#include "control/sdp/sdp_parts.h"

#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"

#define SCTP_PORT_DEFAULT   5000  /* RFC 8841 5.2 */
#define MAX_MESSAGE_DEFAULT 65536 /* RFC 8841 6.1 */

/* ---- lines ------------------------------------------------------------------------------ */

bool sdp_next_line(struct sdp_lines *lines, struct sdp_line *out)
{
	struct span whole;

	if (lines->rest.len == 0)
		return false;

	whole = lines->rest;
	*out = (struct sdp_line){ .text = span_cut(&lines->rest, '\n'), .number = ++lines->number };
	out->whole = SPAN(whole.p, whole.len - lines->rest.len);
	if (out->text.len > 0 && out->text.p[out->text.len - 1] == '\r')
		out->text.len--;
	if (out->text.len >= 2 && out->text.p[1] == '=') {
		out->type = (char)out->text.p[0];
		out->value = span_skip(out->text, 2);
	}
	return true;
}

struct sdp_lines sdp_section_lines(const struct sdp_media *m)
{
	return (struct sdp_lines){ .rest = m->whole, .number = m->line - 1 };
}

bool sdp_attribute(const struct sdp_line *line, struct span *name, struct span *value)
{
	*value = line->value;
	if (line->type != 'a')
		return false;
	*name = span_trim(span_cut(value, ':'));
	return true;
}

/* The first attribute of that name. */
static bool find_attribute(const struct sdp_media *m, struct span wanted, struct span *value)
{
	struct sdp_lines lines = sdp_section_lines(m);
	struct sdp_line line;
	struct span name;

	while (sdp_next_line(&lines, &line)) {
		if (sdp_attribute(&line, &name, value) && span_eq_nocase(name, wanted)) {
			*value = span_trim(*value);
			return true;
		}
	}
	return false;
}

/* ---- the m= line ------------------------------------------------------------------------ */

#define SCTPMAP_MAX 64 /* ours */

/*
 * Before RFC 8841 the format was the SCTP port, and "a=sctpmap:5000
 * webrtc-datachannel 1024" told what it carries.
 */
static bool is_old_datachannel(struct sdp_media *m)
{
	struct span map, rest;
	uint64_t port;

	if (!span_to_u64(m->fmt, UINT16_MAX, &port) || port == 0 ||
		!find_attribute(m, SPAN_LIT("sctpmap"), &map) || map.len > SCTPMAP_MAX)
		return false;
	rest = map;
	if (!span_eq(span_cut(&rest, ' '), m->fmt) ||
		!span_eq_nocase(span_cut(&rest, ' '), SPAN_LIT("webrtc-datachannel")))
		return false;
	m->sctpmap = map;
	m->sctp_port = (uint16_t)port;
	return true;
}

/* After this the m= line is understood, and nothing else of the section. */
static bool read_m_line(struct sdp_media *m, struct span value)
{
	struct span rest = value, ports;
	uint64_t port;

	m->type = span_cut(&rest, ' ');
	ports = span_cut(&rest, ' ');
	m->proto = span_cut(&rest, ' ');
	m->fmt = span_trim(rest);
	if (m->type.len == 0 || m->proto.len == 0 || m->fmt.len == 0 ||
		!span_to_u64(span_cut(&ports, '/'), UINT16_MAX, &port))
		return false;
	m->port = (uint16_t)port;
	return true;
}

static void classify(struct sdp_media *m)
{
	bool is_named = span_eq_nocase(m->fmt, SPAN_LIT("webrtc-datachannel"));
	struct span value;

	m->bundle = -1;
	m->sctp_port = SCTP_PORT_DEFAULT;
	m->max_message = MAX_MESSAGE_DEFAULT;
	/* RFC 8843 6 */
	m->bundle_only = m->port == 0 && find_attribute(m, SPAN_LIT("bundle-only"), &value);
	if (!span_eq_nocase(m->type, SPAN_LIT("application")))
		return;
	if (span_eq_nocase(m->proto, SPAN_LIT("DTLS/SCTP"))) {
		m->is_datachannel = is_named || is_old_datachannel(m);
		m->is_legacy = m->is_datachannel;
	} else {
		m->is_datachannel = is_named && span_eq_nocase(m->proto, SPAN_LIT("UDP/DTLS/SCTP"));
	}
}

/* ---- the cut ---------------------------------------------------------------------------- */

static bool is_clean(const struct sdp_line *line, struct problem *p)
{
	if (line->number == 1 && !span_eq(span_trim(line->text), SPAN_LIT("v=0")))
		return problem_set(p, PROBLEM_BAD_SDP, "line 1: v=0 is wanted");
	if (memchr(line->text.p, '\0', line->text.len) != NULL)
		return problem_set(p, PROBLEM_BAD_SDP, "line %u: a NUL byte", line->number);
	if (memchr(line->text.p, '\r', line->text.len) != NULL)
		return problem_set(
			p, PROBLEM_BAD_SDP, "line %u: a CR within the line", line->number);
	if (line->type == 0)
		return problem_set(
			p, PROBLEM_BAD_SDP, "line %u: not of the form x=value", line->number);
	return true;
}

/* The number of sections, every line seen once; -1: *p says what is wrong. */
static int count_sections(struct span text, struct problem *p)
{
	struct sdp_lines lines = { .rest = text };
	struct sdp_line line;
	int sections = 0;

	while (sdp_next_line(&lines, &line)) {
		if (line.text.len == 0 && line.number > 1)
			continue; /* some end with an empty line */
		if (!is_clean(&line, p))
			return -1;
		sections += line.type == 'm';
	}
	if (lines.number == 0)
		problem_set(p, PROBLEM_BAD_SDP, "it is empty");
	else if (sections > SDP_MEDIAS_MAX)
		problem_set(p, PROBLEM_BAD_SDP, "more than %d m= lines", SDP_MEDIAS_MAX);
	return lines.number == 0 || sections > SDP_MEDIAS_MAX ? -1 : sections;
}

/* Third field of "o=- 3918 1 IN IP4 198.51.100.10". */
static uint64_t origin_version(struct span value)
{
	uint64_t version;

	span_cut(&value, ' ');
	span_cut(&value, ' ');
	return span_to_u64(span_cut(&value, ' '), INT64_MAX, &version) ? version : 1;
}

static bool cut_sections(struct sdp *s, struct problem *p)
{
	struct span text = SPAN(s->text, s->len);
	struct sdp_lines lines = { .rest = text };
	struct sdp_line line;
	struct span *end = &s->session;

	s->session = text;
	s->version = 1;
	while (sdp_next_line(&lines, &line)) {
		struct sdp_media *m = &s->medias[s->media_count];

		if (line.type == 'o' && s->media_count == 0)
			s->version = origin_version(line.value);
		if (line.type != 'm')
			continue;
		end->len = (size_t)(line.text.p - end->p);
		m->line = line.number;
		m->whole = SPAN(line.text.p, (size_t)(text.p + text.len - line.text.p));
		end = &m->whole;
		s->media_count++;
		if (!read_m_line(m, line.value))
			return problem_set(p, PROBLEM_BAD_SDP,
				"line %u: m=: type, port, proto and format are wanted",
				line.number);
	}
	return true;
}

/* ---- what sections say, and what they inherit ------------------------------------------- */

static bool read_sections(struct sdp *s, struct problem *p)
{
	for (unsigned i = 0; i < s->media_count; i++) {
		struct sdp_media *m = &s->medias[i];
		bool is_ours;

		classify(m);
		is_ours = m->is_datachannel && (m->port != 0 || m->bundle_only);
		if (!sdp_read_attributes(
			    s, m, sdp_section_lines(m), is_ours ? SDP_CHANNEL : SDP_FOREIGN, p))
			return false;
	}
	return true;
}

static struct sdp_media *find_mid(struct sdp *s, struct span mid)
{
	for (unsigned i = 0; i < s->media_count; i++) {
		if (mid.len > 0 && span_eq(s->medias[i].mid, mid))
			return &s->medias[i];
	}
	return NULL;
}

/*
 * "BUNDLE 0 1 2". The first one's transport is the group's (RFC 8843 7.2), and a
 * bundle-only section need not repeat what it says.
 */
static void join_bundle(struct sdp *s, struct span mids, int group)
{
	struct sdp_media *tagged = NULL;

	while (mids.len > 0) {
		struct sdp_media *m = find_mid(s, span_cut(&mids, ' '));

		if (m == NULL || m->bundle >= 0)
			continue;
		m->bundle = group;
		if (tagged == NULL)
			tagged = m;
		else if (m->bundle_only)
			sdp_inherit(m, tagged);
	}
}

static void join_bundles(struct sdp *s)
{
	struct sdp_lines lines = { .rest = s->session };
	struct sdp_line line;
	struct span name, value;
	int group = 0;

	while (sdp_next_line(&lines, &line)) {
		if (sdp_attribute(&line, &name, &value) &&
			span_eq_nocase(name, SPAN_LIT("group")) &&
			span_eq_nocase(span_cut(&value, ' '), SPAN_LIT("BUNDLE")))
			join_bundle(s, span_trim(value), group++);
	}
}

/*
 * A bundle-only section has its bundle's transport first, the session's
 * second; the others know only the session.
 */
static bool inherit(struct sdp *s, struct problem *p)
{
	struct sdp_media session = { 0 };

	if (!sdp_read_attributes(
		    s, &session, (struct sdp_lines){ .rest = s->session }, SDP_SESSION, p))
		return false;
	for (unsigned i = 0; i < s->media_count; i++) {
		if (!s->medias[i].bundle_only)
			sdp_inherit(&s->medias[i], &session);
	}
	join_bundles(s);
	for (unsigned i = 0; i < s->media_count; i++) {
		struct sdp_media *m = &s->medias[i];

		if (m->bundle_only)
			sdp_inherit(m, &session);
		if (!sdp_addr_is_usable(&m->connection))
			m->connection = (struct addr){ 0 };
	}
	return true;
}

/* Two sections that a controller could not tell apart. */
static bool ids_are_unique(const struct sdp *s, struct problem *p)
{
	char a[72], b[72];

	for (unsigned i = 1; i < s->media_count; i++) {
		for (unsigned k = 0; k < i; k++) {
			if (strcmp(sdp_media_id(s, i, a), sdp_media_id(s, k, b)) == 0)
				return problem_set(p, PROBLEM_BAD_SDP,
					"line %u: the mid or index %s belongs to line %u already",
					s->medias[i].line, a, s->medias[k].line);
		}
	}
	return true;
}

static struct sdp *copy_text(struct span text, unsigned sections)
{
	struct sdp *s = mem_zalloc(sizeof(*s));

	if (s == NULL)
		return NULL;
	s->len = text.len;
	s->text = mem_span_dup(text);
	s->words = mem_alloc(text.len);
	s->medias = mem_zalloc((sections + 1) * sizeof(*s->medias));
	if (s->text == NULL || s->words == NULL || s->medias == NULL) {
		sdp_destroy(s);
		return NULL;
	}
	return s;
}

static struct sdp *parse(struct span text, struct problem *p)
{
	int sections = count_sections(text, p);
	struct sdp *s;

	if (sections < 0)
		return NULL;
	if ((s = copy_text(text, (unsigned)sections)) == NULL) {
		problem_set(p, PROBLEM_NO_RESOURCES, "out of memory");
		return NULL;
	}
	if (!cut_sections(s, p) || !read_sections(s, p) || !ids_are_unique(s, p) ||
		!inherit(s, p)) {
		sdp_destroy(s);
		return NULL;
	}
	return s;
}

struct sdp *sdp_parse(struct span text, struct problem *p)
{
	struct sdp *s = NULL;

	if (text.len > SDP_MAX)
		problem_set(p, PROBLEM_TOO_LARGE, "the SDP is longer than %u bytes", SDP_MAX);
	else
		s = parse(text, p);
	if (s == NULL)
		count(sdp_malformed_total);
	return s;
}

void sdp_destroy(struct sdp *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; s->medias != NULL && i < s->media_count; i++) {
		mem_free(s->medias[i].candidates);
		mem_free(s->medias[i].dcmaps);
	}
	mem_free(s->medias);
	mem_free(s->words);
	mem_free(s->text);
	mem_free(s);
}

const char *sdp_media_id(const struct sdp *s, unsigned media, char buf[72])
{
	struct span mid = s->medias[media].mid;

	if (mid.len == 0)
		snprintf(buf, 72, "%u", media);
	else
		snprintf(buf, 72, "%.*s", SPAN_FMT(mid));
	return buf;
}
