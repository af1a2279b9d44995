/* dcsf.c: the server behind the relay, made up. */
#include "tests/flow/dcsf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/flow/sim.h"

#define PAGES_MAX     32
#define EXCHANGES_MAX 1024
#define PIECE         16384
#define TIMEOUT_US    TICK_S(30)

enum step { FREE, BEFORE_HEAD, IN_BODY, HANGING };

struct exchange {
	enum step step;
	uint64_t id; /* place + 1, and above it a serial number: a stale id finds nobody */
	uint64_t tag;
	struct page page;
	bool head_only, not_modified;
	tick_t at; /* of the next step; TICK_NEVER: waits for room or for the request body */
	size_t sent;
	uint8_t *post; /* request body, for echo */
	size_t post_len, post_cap;
	size_t waiting; /* bytes of it that the server has not taken in yet */
	tick_t reads_at;
	bool complete, writer_waits;
};

struct dcsf {
	struct page pages[PAGES_MAX];
	unsigned page_count;
	struct exchange exchanges[EXCHANGES_MAX];
	struct dcsf_seen seen;
};

struct dcsf *dcsf_create(void)
{
	struct dcsf *d = calloc(1, sizeof(*d));

	if (d == NULL)
		abort();
	return d;
}

void dcsf_destroy(struct dcsf *d)
{
	if (d == NULL)
		return;
	for (unsigned i = 0; i < EXCHANGES_MAX; i++)
		free(d->exchanges[i].post);
	free(d);
}

void dcsf_page(struct dcsf *d, const struct page *page)
{
	struct page *p = &d->pages[d->page_count];

	if (d->page_count++ == PAGES_MAX)
		abort();
	*p = *page;
	p->status = p->status ? p->status : 200;
	p->piece = p->piece ? p->piece : PIECE;
	p->timeout_us = p->timeout_us ? p->timeout_us : TIMEOUT_US;
	if (p->text != NULL)
		p->size = strlen(p->text);
	if (!p->lies)
		p->length = (int64_t)p->size;
}

const struct dcsf_seen *dcsf_seen(const struct dcsf *d)
{
	return &d->seen;
}

/* ---- what the relay calls ---- */

static const struct page *page_of(const struct dcsf *d, const char *url)
{
	static const struct page not_found = { .status = 404,
		.text = "no such page\n",
		.size = 13,
		.length = 13,
		.piece = PIECE,
		.timeout_us = TIMEOUT_US };

	for (unsigned i = d->page_count; i-- > 0;)
		if (strcmp(d->pages[i].url, url) == 0)
			return &d->pages[i];
	return &not_found;
}

static void remember(struct dcsf_seen *s, const struct relay_request *r)
{
	size_t at = 0;

	s->requests++;
	s->under_way++;
	snprintf(s->method, sizeof(s->method), "%.*s", SPAN_FMT(r->method));
	snprintf(s->url, sizeof(s->url), "%s", r->url);
	s->body_length = r->body_length;
	s->body = 0;
	s->body_wrong = s->body_complete = false;
	s->headers[0] = '\0';
	for (size_t i = 0; i < r->header_count && at < sizeof(s->headers); i++)
		at += (size_t)snprintf(s->headers + at, sizeof(s->headers) - at, "%.*s: %.*s\n",
			SPAN_FMT(r->headers[i].name), SPAN_FMT(r->headers[i].value));
}

static bool matches_etag(const struct page *p, const struct relay_request *r)
{
	for (size_t i = 0; i < r->header_count && p->etag != NULL; i++)
		if (span_eq_nocase(r->headers[i].name, SPAN_LIT("If-None-Match")))
			return span_eq(r->headers[i].value, SPAN_STR(p->etag));
	return false;
}

uint64_t dcsf_start(struct dcsf *d, const struct relay_request *r)
{
	const struct page *page = page_of(d, r->url);
	struct exchange *x = d->exchanges;
	bool waits_for_body = r->body_length != 0 && !page->early;

	if (page->refused)
		return 0;
	while (x < d->exchanges + EXCHANGES_MAX && x->step != FREE)
		x++;
	if (x == d->exchanges + EXCHANGES_MAX)
		abort();
	remember(&d->seen, r);
	*x = (struct exchange){ .step = BEFORE_HEAD,
		.id = (uint64_t)d->seen.requests << 16 | (uint64_t)(x - d->exchanges + 1),
		.tag = r->tag,
		.page = *page,
		.head_only = span_eq(r->method, SPAN_LIT("HEAD")),
		.not_modified = matches_etag(page, r),
		.at = waits_for_body ? TICK_NEVER : tick_add(sim_now(), page->delay_us),
		.reads_at = TICK_NEVER,
		.complete = !waits_for_body };
	return x->id;
}

static struct exchange *exchange_of(struct dcsf *d, uint64_t id)
{
	struct exchange *x = &d->exchanges[(id & 0xffff) - 1];

	return id != 0 && x->step != FREE && x->id == id ? x : NULL;
}

static void keep(struct exchange *x, struct span bytes)
{
	while (x->post_len + bytes.len > x->post_cap) {
		x->post_cap = x->post_cap ? x->post_cap * 2 : 65536;
		if ((x->post = realloc(x->post, x->post_cap)) == NULL)
			abort();
	}
	memcpy(x->post + x->post_len, bytes.p, bytes.len);
	x->post_len += bytes.len;
}

size_t dcsf_write(struct dcsf *d, uint64_t id, struct span bytes)
{
	struct exchange *x = exchange_of(d, id);
	size_t n;

	if (x == NULL)
		return 0;
	n = PIECE - x->waiting;
	n = bytes.len < n ? bytes.len : n;
	x->writer_waits = n < bytes.len;
	for (size_t i = 0; i < n; i++)
		if (bytes.p[i] != dcsf_byte(d->seen.body + i))
			d->seen.body_wrong = true;
	d->seen.body += n;
	if (n > 0)
		keep(x, SPAN(bytes.p, n));
	x->waiting += n;
	if (x->waiting > 0 && tick_is_never(x->reads_at))
		x->reads_at = tick_add(sim_now(), x->page.read_us);
	return n;
}

void dcsf_finish(struct dcsf *d, uint64_t id)
{
	struct exchange *x = exchange_of(d, id);

	if (x == NULL)
		return;
	d->seen.body_complete = true;
	if (x->complete)
		return; /* it has answered already, or is about to */
	x->complete = true;
	x->at = tick_add(sim_now(), x->page.delay_us);
	if (x->page.echo) {
		x->page.size = x->post_len;
		x->page.length = (int64_t)x->post_len;
	}
}

void dcsf_resume(struct dcsf *d, uint64_t id)
{
	struct exchange *x = exchange_of(d, id);

	if (x != NULL && x->step == IN_BODY && tick_is_never(x->at))
		x->at = sim_now();
}

static void leave(struct dcsf *d, struct exchange *x)
{
	x->step = FREE;
	d->seen.under_way--;
	free(x->post);
	x->post = NULL;
}

void dcsf_cancel(struct dcsf *d, uint64_t id)
{
	struct exchange *x = exchange_of(d, id);

	if (x == NULL)
		return;
	d->seen.cancelled++;
	leave(d, x);
}

/* ---- what it does in its own time ---- */

static void add_header(struct http_headers *hs, struct span name, struct span value)
{
	hs->h[hs->count++] = (struct http_header){ .name = name, .value = value };
}

static void add_headers(struct http_headers *hs, const struct page *p)
{
	struct span rest = SPAN_STR(p->headers), line;

	if (p->etag != NULL)
		add_header(hs, SPAN_LIT("ETag"), SPAN_STR(p->etag));
	while (rest.len > 0) {
		line = span_cut(&rest, '\n');
		struct span name = span_cut(&line, ':');

		add_header(hs, name, span_trim(line));
	}
}

static void end(struct dcsf *d, struct exchange *x, struct relay *r, tick_t now, const char *failed,
	bool timed_out)
{
	uint64_t tag = x->tag;

	leave(d, x);
	relay_upstream_end(r, now, tag, failed, timed_out);
}

static void send_head(struct dcsf *d, struct exchange *x, struct relay *r, tick_t now)
{
	struct http_headers hs = { .count = 0 };
	int status = x->not_modified ? 304 : x->page.status;

	add_headers(&hs, &x->page);
	relay_upstream_head(r, now, x->tag, status, &hs, x->page.length, "none");
	if (x->step == FREE)
		return; /* it was cancelled on the way */
	x->step = IN_BODY;
	x->at = tick_add(now, x->page.pace_us);
	if (x->not_modified || x->head_only)
		x->page.size = 0;
}

static bool send_piece(struct dcsf *d, struct exchange *x, struct relay *r, tick_t now)
{
	static uint8_t pattern[PIECE];
	size_t left = x->page.size - x->sent, n = left < x->page.piece ? left : x->page.piece;
	const uint8_t *from = pattern;

	if (x->page.echo)
		from = x->post + x->sent;
	else if (x->page.text != NULL)
		from = (const uint8_t *)x->page.text + x->sent;
	else
		for (size_t i = 0; i < n; i++)
			pattern[i] = dcsf_byte(x->sent + i);
	if (!relay_upstream_body(r, now, x->tag, SPAN(from, n))) {
		if (x->step != FREE)
			x->at = TICK_NEVER; /* until dcsf_resume() */
		return false;
	}
	d->seen.offered += n;
	x->sent += n;
	return x->step != FREE;
}

static void send_body(struct dcsf *d, struct exchange *x, struct relay *r, tick_t now)
{
	while (x->sent < x->page.size) {
		if (!send_piece(d, x, r, now))
			return;
		if (x->page.pace_us > 0) {
			x->at = tick_add(now, x->page.pace_us);
			return;
		}
	}
	if (x->page.hangs) {
		x->step = HANGING;
		x->at = tick_add(now, x->page.timeout_us);
		return;
	}
	end(d, x, r, now, x->page.breaks ? "connection reset by the server" : NULL, false);
}

static void step(struct dcsf *d, struct exchange *x, struct relay *r, tick_t now)
{
	switch (x->step) {
	case BEFORE_HEAD:
		if (x->page.dead)
			end(d, x, r, now, "connection refused", false);
		else if (x->page.hangs && x->page.size == 0) {
			x->step = HANGING;
			x->at = tick_add(now, x->page.timeout_us);
		} else
			send_head(d, x, r, now);
		break;
	case IN_BODY: send_body(d, x, r, now); break;
	case HANGING: end(d, x, r, now, "no answer in time", true); break;
	case FREE: break;
	}
}

tick_t dcsf_next(const struct dcsf *d)
{
	tick_t at = TICK_NEVER;

	for (unsigned i = 0; i < EXCHANGES_MAX && d->seen.under_way > 0; i++)
		if (d->exchanges[i].step != FREE)
			at = tick_min(at, tick_min(d->exchanges[i].at, d->exchanges[i].reads_at));
	return at;
}

static void take_in(struct exchange *x, struct relay *r, tick_t now)
{
	x->waiting = 0;
	x->reads_at = TICK_NEVER;
	if (!x->writer_waits)
		return;
	x->writer_waits = false;
	relay_upstream_writable(r, now, x->tag);
}

void dcsf_run(struct dcsf *d, struct relay *r, tick_t now)
{
	for (unsigned i = 0; i < EXCHANGES_MAX && d->seen.under_way > 0; i++) {
		struct exchange *x = &d->exchanges[i];

		if (x->step != FREE && tick_due(x->reads_at, now))
			take_in(x, r, now);
		if (x->step != FREE && tick_due(x->at, now))
			step(d, x, r, now);
	}
}
