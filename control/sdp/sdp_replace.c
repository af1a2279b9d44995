/* sdp_replace.c: the gateway's address in the session part of a description. */
#include "control/sdp/sdp_replace.h"

#include "control/sdp/sdp_dialog_parts.h"
#include "dcmf/base/alloc.h"

/* "IN IP4 198.51.100.10" */
static bool connection_addr(struct span value, struct addr *out)
{
	span_cut(&value, ' ');
	span_cut(&value, ' ');
	value = span_cut(&value, '/'); /* "/127": how far multicast goes */
	return addr_parse_ip(span_trim(value), 0, out);
}

struct replacing {
	const struct sdp_replacing *what;
	const struct sdp *sdp;
	struct addr ours; /* ADDR_NONE: none */
	struct sdp_writer w;
	struct span session_c; /* the line with its end; empty: none */
};

static bool is_ours(const struct sdp_replacing *what, const struct addr *a)
{
	for (unsigned i = 0; i < what->count; i++) {
		if (addr_eq_ip(&what->ours[i], a))
			return true;
	}
	return false;
}

/* The section's own c= line; false: it has none. */
static bool own_connection(const struct sdp_media *m, struct sdp_line *line)
{
	struct sdp_lines lines = sdp_section_lines(m);

	while (sdp_next_line(&lines, line)) {
		if (line->type == 'c')
			return true;
	}
	return false;
}

static void find_ours(struct replacing *r)
{
	for (unsigned i = 0; i < r->sdp->media_count && r->ours.family == ADDR_NONE; i++) {
		struct sdp_line line;
		struct addr a;

		if (own_connection(&r->sdp->medias[i], &line) && connection_addr(line.value, &a) &&
			is_ours(r->what, &a))
			r->ours = a;
	}
}

static void find_session_connection(struct replacing *r)
{
	struct sdp_lines lines = { .rest = r->sdp->session };
	struct sdp_line line;

	while (sdp_next_line(&lines, &line)) {
		if (line.type == 'c')
			r->session_c = line.whole;
	}
}

static const char *type_of(const struct addr *a)
{
	return a->family == ADDR_IPV6 ? "IP6" : "IP4";
}

/* "o=- 3918 1 IN IP4 198.51.100.10": the last two words. */
static void put_origin(struct replacing *r, struct span value)
{
	char ip[ADDR_TEXT_MAX];
	struct span word;

	sdp_put(&r->w, SPAN_LIT("o="));
	for (int i = 0; i < 4; i++) {
		word = span_cut(&value, ' ');
		sdp_put(&r->w, word);
		sdp_put(&r->w, SPAN_LIT(" "));
	}
	snprintf(ip, sizeof(ip), "%s ", type_of(&r->ours));
	sdp_put(&r->w, span_str(ip));
	sdp_put_text(&r->w, span_str(addr_ip_text(&r->ours, ip)));
}

static void put_session(struct replacing *r)
{
	struct sdp_lines lines = { .rest = r->sdp->session };
	struct sdp_line line;
	char ip[ADDR_TEXT_MAX];

	while (sdp_next_line(&lines, &line)) {
		if (line.type == 'o' && r->what->origin)
			put_origin(r, line.value);
		else if (line.type == 'c' && r->what->connection)
			sdp_put_line(
				&r->w, "c=IN %s %s", type_of(&r->ours), addr_ip_text(&r->ours, ip));
		else
			sdp_put(&r->w, line.whole);
	}
}

/* Behind m= and i= comes c= (RFC 8866 5). */
static void put_with_connection(struct replacing *r, const struct sdp_media *m)
{
	struct sdp_lines lines = sdp_section_lines(m);
	struct sdp_line line;
	bool is_put = false;

	while (sdp_next_line(&lines, &line)) {
		if (!is_put && line.type != 'm' && line.type != 'i') {
			sdp_put(&r->w, r->session_c);
			is_put = true;
		}
		sdp_put(&r->w, line.whole);
	}
	sdp_put_end(&r->w);
	if (!is_put)
		sdp_put(&r->w, r->session_c);
}

static void put_section(struct replacing *r, const struct sdp_media *m)
{
	struct sdp_line line;

	if (r->what->connection && r->session_c.len > 0 && m->port != 0 &&
		!own_connection(m, &line))
		put_with_connection(r, m);
	else
		sdp_put(&r->w, m->whole);
}

static char *replace(struct replacing *r)
{
	struct problem p = { PROBLEM_NONE };
	const char *end = strchr(r->sdp->text, '\n');
	char *text;

	r->w.text.limit = 2 * SDP_MAX;
	r->w.eol = end != NULL && (end == r->sdp->text || end[-1] != '\r') ? "\n" : "\r\n";
	find_session_connection(r);
	put_session(r);
	for (unsigned i = 0; i < r->sdp->media_count; i++)
		put_section(r, &r->sdp->medias[i]);
	text = sdp_writer_done(&r->w, &p);
	problem_finish(&p);
	return text;
}

char *sdp_replace(const char *text, const struct sdp_replacing *what)
{
	struct problem p = { PROBLEM_NONE };
	struct replacing r = { .what = what, .sdp = sdp_parse(span_str(text), &p) };
	char *replaced = NULL;

	if (r.sdp != NULL)
		find_ours(&r);
	if (r.ours.family != ADDR_NONE && (what->origin || what->connection))
		replaced = replace(&r);
	else if (p.kind != PROBLEM_NO_RESOURCES)
		replaced = mem_strdup(text);
	sdp_destroy((struct sdp *)(uintptr_t)r.sdp);
	problem_finish(&p);
	return replaced;
}

bool sdp_has_channels(struct span text, struct problem *p)
{
	struct sdp *s = sdp_parse(text, p);
	bool has = false;

	for (unsigned i = 0; s != NULL && i < s->media_count; i++)
		has = has || sdp_is_alive(&s->medias[i]);
	sdp_destroy(s);
	return has;
}
