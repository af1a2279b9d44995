/* app_server.c: application servers that take messages over TCP, TCP/TLS or UDP, made up. */
#include "tests/flow/app_server.h"

#include <stdlib.h>
#include <string.h>

#include "tests/flow/sim.h"

#define CONNS_MAX 512
#define ROOM      65536
#define CHUNK     16384
#define DELAY_US  TICK_MS(5)
#define PACE_US   TICK_MS(10)
#define UNSAID    (64u << 20)

enum state { CONNECTING, OPEN, BROKEN, GONE };

/* A connection; there are few, and none is forgotten. */
struct conn {
	enum state state;
	uint64_t tag;
	struct link_spec to; /* texts are not ours */
	tick_t at;           /* when it comes up; when the server reads next */
	const char *why;     /* BROKEN: the relay is to be told */
	uint8_t *in, *out;   /* from the relay, to it */
	size_t in_len, in_cap, out_len, out_cap;
	size_t credit; /* bytes that the server may still read; with a pace only */
	bool paused, writer_waits;
};

struct app_server {
	struct app_server_ways ways;
	struct conn conns[CONNS_MAX];
	unsigned count;
	bool was_finished;
	struct heard heard[HEARD_MAX];
	unsigned heard_count, by_type[4];
	uint64_t bytes;
};

struct app_server *app_server_create(void)
{
	struct app_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	return s;
}

void app_server_destroy(struct app_server *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->count; i++) {
		free(s->conns[i].in);
		free(s->conns[i].out);
	}
	free(s);
}

struct app_server_ways *app_server_ways(struct app_server *s)
{
	return &s->ways;
}

/* ---- what came ---- */

unsigned app_server_count(const struct app_server *s, int type)
{
	return type < 0 ? s->heard_count : s->by_type[type];
}

const struct heard *app_server_heard(const struct app_server *s, unsigned back)
{
	return back < s->heard_count ? &s->heard[(s->heard_count - 1 - back) % HEARD_MAX] : NULL;
}

uint64_t app_server_bytes(const struct app_server *s)
{
	return s->bytes;
}

unsigned app_server_conns(const struct app_server *s)
{
	return s->count;
}

static const struct conn *last(const struct app_server *s)
{
	return s->count > 0 ? &s->conns[s->count - 1] : NULL;
}

bool app_server_is_connected(const struct app_server *s)
{
	return s->count > 0 && last(s)->state == OPEN;
}

bool app_server_was_finished(const struct app_server *s)
{
	return s->was_finished;
}

const struct link_spec *app_server_called(const struct app_server *s)
{
	return s->count > 0 ? &last(s)->to : NULL;
}

bool app_server_is_paused(const struct app_server *s)
{
	return s->count > 0 && last(s)->paused;
}

size_t app_server_unsaid(const struct app_server *s)
{
	return s->count > 0 ? last(s)->out_len : 0;
}

/* ---- bytes ---- */

static void append(uint8_t **to, size_t *len, size_t *cap, struct span bytes)
{
	while (*len + bytes.len > *cap) {
		*cap = *cap ? *cap * 2 : 65536;
		if ((*to = realloc(*to, *cap)) == NULL)
			abort();
	}
	if (bytes.len > 0)
		memcpy(*to + *len, bytes.p, bytes.len);
	*len += bytes.len;
}

static void take(uint8_t *from, size_t *len, size_t n)
{
	if (n < *len)
		memmove(from, from + n, *len - n);
	*len -= n;
}

void app_server_say(struct app_server *s, struct span bytes)
{
	struct conn *c = &s->conns[s->count - 1];

	if (c->out_len + bytes.len > UNSAID)
		abort();
	append(&c->out, &c->out_len, &c->out_cap, bytes);
}

static bool is_udp(const struct conn *c)
{
	return c->to.protocol == LINK_UDP;
}

/* Of UDP the length of each datagram stands before it. */
void app_server_frame(
	struct app_server *s, uint16_t sid, unsigned type, uint32_t value, struct span payload)
{
	uint8_t head[FRAME_HEAD];

	frame_head(head, sid, (enum frame_type)type, value, payload.len);
	app_server_say(s, SPAN(head, is_udp(last(s)) ? 4 : FRAME_HEAD));
	app_server_say(s, payload);
}

void app_server_break(struct app_server *s, const char *why)
{
	struct conn *c = &s->conns[s->count - 1];

	c->state = BROKEN;
	c->why = why;
}

/* ---- what the relay calls ---- */

uint64_t app_server_open(struct app_server *s, uint64_t tag, const struct link_spec *to)
{
	struct conn *c = &s->conns[s->count];

	if (s->count++ == CONNS_MAX)
		abort();
	*c = (struct conn){ .tag = tag,
		.to = *to,
		.why = s->ways.refuses,
		.at = s->ways.hangs ? TICK_NEVER : tick_add(sim_now(), DELAY_US) };
	return s->count;
}

bool app_server_write(struct app_server *s, uint64_t conn, struct span head, struct span body)
{
	struct conn *c = &s->conns[conn - 1];

	if (c->state != OPEN)
		return false;
	if (is_udp(c)) {
		uint8_t length[FRAME_HEAD];

		frame_head(length, 0, 0, 0, body.len);
		append(&c->in, &c->in_len, &c->in_cap, SPAN_OF(length));
	} else if (c->in_len >= ROOM) {
		c->writer_waits = true;
		return false;
	}
	append(&c->in, &c->in_len, &c->in_cap, head);
	append(&c->in, &c->in_len, &c->in_cap, body);
	return true;
}

void app_server_pause(struct app_server *s, uint64_t conn, bool pause)
{
	s->conns[conn - 1].paused = pause;
}

/* What was written is still read. */
void app_server_close(struct app_server *s, uint64_t conn)
{
	struct conn *c = &s->conns[conn - 1];

	s->was_finished = c->state == OPEN;
	c->state = c->state == OPEN && !s->ways.deaf ? BROKEN : GONE;
	c->tag = 0;
}

/* ---- what it does in its own time ---- */

static void answer(struct app_server *s, const struct conn *c, const struct frame *f)
{
	if (c->tag == 0 || c->state != OPEN)
		return;
	if (f->type == FRAME_MESSAGE && s->ways.echo)
		app_server_frame(s, f->sid, FRAME_MESSAGE, f->value, f->payload);
	else if (f->type == FRAME_CLOSE && !s->ways.never_closes)
		app_server_frame(s, f->sid, FRAME_CLOSE, 0, SPAN_NONE);
}

static void hear(struct app_server *s, const struct conn *c, const struct frame *f)
{
	struct heard *h = &s->heard[s->heard_count++ % HEARD_MAX];

	*h = (struct heard){ .conn = (unsigned)(c - s->conns),
		.sid = f->sid,
		.type = f->type,
		.value = f->value,
		.len = f->payload.len };
	for (size_t i = 0; i < h->len && i < sizeof(h->text) - 1; i++)
		h->text[i] = (char)f->payload.p[i];
	s->by_type[f->type]++;
	s->bytes += f->type == FRAME_MESSAGE ? f->payload.len : 0;
	answer(s, c, f);
}

/* The first frame, if all of it is there: its length on the wire; 0 otherwise. */
static size_t first_frame(const struct conn *c, struct frame *f)
{
	struct rd rd = RD(SPAN(c->in, c->in_len));
	size_t payload = rd_u32(&rd) - 8;

	f->sid = rd_u16(&rd);
	f->type = rd_u16(&rd);
	f->value = rd_u32(&rd);
	f->payload = rd_span(&rd, payload);
	return rd.failed ? 0 : FRAME_HEAD + payload;
}

static void read_in(struct app_server *s, struct conn *c, struct relay *r, tick_t now)
{
	struct frame f;
	size_t n;

	c->at = tick_add(now, PACE_US);
	c->credit = s->ways.pace > 0 ? c->credit + s->ways.pace : SIZE_MAX;
	while (c->in_len > 0 && (n = first_frame(c, &f)) > 0 && n <= c->credit) {
		c->credit -= s->ways.pace > 0 ? n : 0;
		hear(s, c, &f);
		take(c->in, &c->in_len, n);
	}
	if (c->writer_waits && c->in_len < ROOM / 2) {
		c->writer_waits = false;
		relay_link_writable(r, now, c->tag);
	}
}

static void come_up(struct conn *c, struct relay *r, tick_t now)
{
	struct addr local;

	addr_parse(SPAN_LIT("203.0.113.1:40000"), &local);
	c->state = OPEN;
	c->at = now;
	relay_link_opened(r, now, c->tag, &local,
		c->to.protocol == LINK_TLS ? "TLSv1.3 TLS_AES_128_GCM_SHA256" : "none");
}

static void tell_broken(struct conn *c, struct relay *r, tick_t now)
{
	uint64_t tag = c->tag;

	c->state = GONE;
	if (tag != 0)
		relay_link_closed(r, now, tag, c->why);
}

static void speak(struct conn *c, struct relay *r, tick_t now)
{
	uint8_t piece[CHUNK];
	size_t n = c->out_len < CHUNK ? c->out_len : CHUNK;

	if (is_udp(c)) {
		struct rd rd = RD(SPAN(c->out, c->out_len));

		n = rd_u32(&rd) - 8;
		take(c->out, &c->out_len, 4);
	}
	memcpy(piece, c->out, n);
	take(c->out, &c->out_len, n);
	relay_link_input(r, now, c->tag, SPAN(piece, n));
}

static bool may_speak(const struct conn *c)
{
	return c->state == OPEN && c->out_len > 0 && !c->paused;
}

static bool may_read(const struct app_server *s, const struct conn *c)
{
	return (c->state == OPEN || c->state == BROKEN) && c->in_len > 0 && !s->ways.deaf;
}

tick_t app_server_next(const struct app_server *s)
{
	tick_t at = TICK_NEVER;

	for (unsigned i = 0; i < s->count; i++) {
		const struct conn *c = &s->conns[i];

		if (c->state == CONNECTING || may_read(s, c))
			at = tick_min(at, c->at);
		if (c->state == BROKEN || may_speak(c))
			at = tick_min(at, sim_now());
	}
	return at;
}

static void run_one(struct app_server *s, struct conn *c, struct relay *r, tick_t now)
{
	if (c->state == CONNECTING && c->tag != 0 && tick_due(c->at, now)) {
		if (c->why == NULL)
			come_up(c, r, now);
		else
			tell_broken(c, r, now);
	}
	if (may_read(s, c) && (tick_due(c->at, now) || c->state == BROKEN))
		read_in(s, c, r, now);
	if (may_speak(c))
		speak(c, r, now);
	if (c->state == BROKEN)
		tell_broken(c, r, now);
	if (c->tag == 0 && c->state == CONNECTING)
		c->state = GONE;
}

void app_server_run(struct app_server *s, struct relay *r, tick_t now)
{
	for (unsigned i = 0; i < s->count; i++)
		run_one(s, &s->conns[i], r, now);
}
