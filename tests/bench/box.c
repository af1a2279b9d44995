/* box.c: one relay and its UEs in one program, without sockets and in made-up time. */
#include "tests/bench/box.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "sctp/sctp.h"
#include "tests/bench/figure.h"

#define TURN_US    50
#define QUEUE_MAX  8192
#define QUEUE_SIZE (16u << 20)
#define LINES_MAX  65536
#define IDENTITIES 8 /* certificates: making one costs more than a set-up */

/* ---- the clock ---- */

static tick_t now = { TICK_S(1000) };

tick_t box_now(void)
{
	return now;
}

/* Found by the shared libraries before the C library's own. */
int gettimeofday(struct timeval *restrict tv, void *restrict tz);
int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	(void)tz;
	tv->tv_sec = 1750000000 + now.us / 1000000;
	tv->tv_usec = now.us % 1000000;
	return 0;
}

/* ---- datagrams on their way ---- */

struct queue {
	struct path path[QUEUE_MAX];
	struct span dgram[QUEUE_MAX];
	unsigned count;
	size_t used;
	uint8_t bytes[QUEUE_SIZE];
};

static void push(struct queue *q, const struct path *path, struct span dgram)
{
	if (q->count == QUEUE_MAX || q->used + dgram.len > QUEUE_SIZE)
		return; /* lost, as on any network */
	memcpy(q->bytes + q->used, dgram.p, dgram.len);
	q->path[q->count] = *path;
	q->dgram[q->count++] = SPAN(q->bytes + q->used, dgram.len);
	q->used += dgram.len;
}

static void empty(struct queue *q)
{
	q->count = 0;
	q->used = 0;
}

/* ---- box and lines ---- */

struct line {
	struct box *box;
	struct line_config config;
	struct ue *ue;
	struct path at;  /* of the UE */
	uint32_t number; /* of the relay's port for it */
	struct addr to;  /* of the relay */
	char context_id[24];
	unsigned index;
	bool open, touched;
};

struct box {
	struct relay *relay;
	struct stun_codec *codec;
	struct dtls_ctx *identity[IDENTITIES];
	struct line *lines[LINES_MAX]; /* by port number of the relay */
	struct line *touched[LINES_MAX];
	unsigned touched_count;
	unsigned next, contexts;
	struct queue in, out; /* of the relay */
	int64_t relay_ns, heap;
	bool counts_heap; /* costs much time */
	uint64_t datagrams;
};

/* What is between these two is the relay's. */
struct inside {
	int64_t begin, heap;
};

static int64_t heap_now(const struct box *b)
{
	return b->counts_heap ? (int64_t)mallinfo2().uordblks : 0;
}

static struct inside enter(const struct box *b)
{
	return (struct inside){ .heap = heap_now(b), .begin = cpu_begin() };
}

static void leave(struct box *b, struct inside i)
{
	b->relay_ns += cpu_end(i.begin);
	b->heap += heap_now(b) - i.heap;
}

static void touch(void *arg)
{
	struct line *l = arg;

	if (l->touched)
		return;
	l->touched = true;
	l->box->touched[l->box->touched_count++] = l;
}

static enum err port_open(void *world, const char *interface, enum addr_family family, bool ice,
	struct path *at, struct addr *advertise)
{
	struct box *b = world;

	(void)interface;
	(void)family;
	(void)ice;
	*at = (struct path){ .port = b->next };
	addr_parse_ip(SPAN_LIT("203.0.113.1"), (uint16_t)b->next, &at->local);
	*advertise = at->local;
	b->next = b->next + 1 < LINES_MAX ? b->next + 1 : 1;
	return ERR_OK;
}

static void port_close(void *world, uint32_t number)
{
	((struct box *)world)->lines[number] = NULL;
}

static void port_send(void *world, const struct path *path, struct span dgram)
{
	push(&((struct box *)world)->out, path, dgram);
}

static void on_event(void *world, const struct relay_event *event)
{
	(void)world;
	(void)event;
}

static const struct relay_ops ops = {
	.port_open = port_open, .port_close = port_close, .send = port_send, .event = on_event
};

static struct dtls_ctx *make_identity(void)
{
	struct cert *cert = cert_generate(30);
	struct dtls_ctx *ctx = dtls_ctx_create(cert);

	cert_unref(cert);
	return ctx;
}

struct box *box_create(void)
{
	struct box *b = calloc(1, sizeof(*b));
	struct relay_config config;

	if (b == NULL || !sctp_start())
		abort();
	log_set_level(LOG_ERROR);
	b->next = 1;
	b->codec = stun_codec_create();
	for (unsigned i = 0; i < IDENTITIES; i++)
		b->identity[i] = make_identity();
	relay_config_init(&config);
	config.ops = &ops;
	config.world = b;
	config.dtls = b->identity[0];
	config.setup_rate = 0;
	config.half_open = LINES_MAX;
	if ((b->relay = relay_create(&config, now)) == NULL)
		abort();
	return b;
}

void box_destroy(struct box *b)
{
	relay_destroy(b->relay);
	stun_codec_destroy(b->codec);
	for (unsigned i = 0; i < IDENTITIES; i++)
		dtls_ctx_unref(b->identity[i]);
	free(b);
	sctp_stop();
}

struct line *line_create(struct box *b, const struct line_config *config)
{
	static unsigned number;
	struct line *l = calloc(1, sizeof(*l));
	struct ue_config ue;
	char ip[32];

	if (l == NULL)
		abort();
	l->box = b;
	l->config = *config;
	l->index = number++;
	snprintf(ip, sizeof(ip), "10.%u.%u.%u", 1 + l->index % 200, l->index / 200 % 200,
		1 + l->index / 40000 % 200);
	addr_parse_ip(span_str(ip), 50000, &l->at.local);
	l->at.port = 1;
	ue_config_init(&ue);
	ue.dtls = b->identity[1 + l->index % (IDENTITIES - 1)];
	ue.codec = b->codec;
	ue.ice = config->ice;
	ue.setup = SETUP_ACTPASS;
	ue.local = l->at;
	ue.max_message = 256 << 10;
	ue.send_buffer = ue.receive_buffer = 1 << 20;
	ue.sid_count = config->stream ? 0 : 1;
	ue.ready = touch;
	ue.arg = l;
	if ((l->ue = ue_create(&ue, now)) == NULL ||
		(config->stream != NULL && ue_open(l->ue, config->stream, false) != ERR_OK))
		abort();
	return l;
}

void line_destroy(struct line *l)
{
	struct box *b = l->box;

	ue_destroy(l->ue);
	for (unsigned i = 0; i < b->touched_count; i++)
		if (b->touched[i] == l)
			b->touched[i--] = b->touched[--b->touched_count];
	if (b->lines[l->number] == l)
		b->lines[l->number] = NULL;
	free(l);
}

struct ue *line_ue(const struct line *l)
{
	return l->ue;
}

bool line_is_open(const struct line *l)
{
	return l->open;
}

/* ---- the controller ---- */

static void fill_media(const struct line *l, enum setup setup, uint8_t proxy, struct media_spec *m)
{
	struct ue_media ue;

	ue_media(l->ue, &ue);
	*m = (struct media_spec){ .media_id = mem_strdup("0"),
		.proxy = proxy,
		.has_ice = ue.ice,
		.remote = l->at.local,
		.remote_setup = (uint8_t)setup,
		.remote_sctp_port = ue.sctp_port,
		.remote_max_message = ue.max_message,
		.remote_tls_id = mem_strdup(ue.tls_id),
		.stream_count = ue.stream_count,
		.fingerprint_count = 1 };
	m->streams = mem_zalloc((ue.stream_count + 1) * sizeof(*m->streams));
	for (unsigned i = 0; i < ue.stream_count; i++)
		m->streams[i] = (struct stream_spec){ .sid = ue.streams[i].sid,
			.quality = ue.streams[i].quality };
	m->fingerprints = mem_alloc(sizeof(*m->fingerprints));
	m->fingerprints[0] = ue.fingerprint;
	if (ue.ice) {
		m->ice = mem_alloc(sizeof(*m->ice));
		*m->ice = ue.credentials;
	}
	if (proxy != PROXY_HTTP)
		return;
	m->roots = mem_zalloc(sizeof(*m->roots));
	m->root_count = 1;
	m->roots[0].url = mem_strdup("http://dcsf.example/alice");
	addr_parse_ip(SPAN_LIT("192.0.2.80"), 80, &m->roots[0].connect);
}

/* What the relay tells a UE of its other end; `far` is who that is when DTLS passes through. */
static bool answer(
	struct line *l, const struct relay_context *c, unsigned termination, const struct line *far)
{
	struct ue_remote remote = { .accepted = true, .ice_lite = true };
	struct media_view view;
	struct ue_media ours, theirs;

	if (!relay_media_view(l->box->relay, c, termination, 0, &view))
		return false;
	remote.addr = view.local;
	if ((remote.ice = view.ice_ufrag != NULL)) {
		snprintf(remote.credentials.ufrag, ICE_TEXT_MAX, "%s", view.ice_ufrag);
		snprintf(remote.credentials.pwd, ICE_TEXT_MAX, "%s", view.ice_pwd);
	}
	ue_media(l->ue, &ours);
	memcpy(remote.streams, ours.streams, sizeof(remote.streams));
	remote.stream_count = ours.stream_count;
	remote.setup = view.setup;
	remote.sctp_port = view.sctp_port;
	remote.max_message = view.max_message;
	snprintf(remote.tls_id, sizeof(remote.tls_id), "%s", view.tls_id ? view.tls_id : "");
	if (view.passes) {
		ue_media(far->ue, &theirs);
		remote.setup = termination == 0 ? SETUP_PASSIVE : SETUP_ACTIVE;
		remote.sctp_port = theirs.sctp_port;
		remote.max_message = theirs.max_message;
		remote.fingerprint = theirs.fingerprint;
		snprintf(remote.tls_id, sizeof(remote.tls_id), "%s", theirs.tls_id);
	} else {
		cert_fingerprint(view.cert, HASH_SHA256, &remote.fingerprint);
	}
	l->number = view.bound.port;
	l->to = view.local;
	l->box->lines[l->number] = l;
	touch(l);
	return ue_connect(l->ue, now, &remote) == ERR_OK;
}

bool box_call(struct box *b, struct line *a, struct line *other, uint8_t proxy)
{
	struct line *lines[] = { a, other };
	unsigned n = other != NULL ? 2 : 1;
	struct context_spec spec = { .termination_count = n };
	struct relay_refusal refusal;
	struct relay_context *c;
	struct inside inside;

	spec.terminations = mem_zalloc(n * sizeof(*spec.terminations));
	for (unsigned i = 0; i < n; i++) {
		struct termination_spec *t = &spec.terminations[i];
		enum setup passing = i == 0 ? SETUP_ACTIVE : SETUP_PASSIVE;

		t->termination_id = mem_strdup(i == 0 ? "a" : "b");
		t->medias = mem_zalloc(sizeof(*t->medias));
		t->media_count = 1;
		fill_media(lines[i], proxy == PROXY_UDP ? passing : SETUP_ACTIVE, proxy, t->medias);
	}
	snprintf(a->context_id, sizeof(a->context_id), "0-%x", ++b->contexts);
	inside = enter(b);
	c = relay_context_create(b->relay, now, a->context_id, &spec, &refusal);
	leave(b, inside);
	context_spec_finish(&spec);
	if (c == NULL) {
		fprintf(stderr, "refused: %s\n", refusal.detail);
		return false;
	}
	for (unsigned i = 0; i < n; i++)
		if (!answer(lines[i], c, i, lines[!i]))
			return false;
	return true;
}

void box_hang_up(struct box *b, struct line *a)
{
	struct relay_context *c = relay_context_find(b->relay, a->context_id);
	struct inside inside = enter(b);

	if (c != NULL)
		relay_context_delete(b->relay, now, c, CLOSE_LOCAL);
	leave(b, inside);
}

/* ---- turns ---- */

static void on_ue_event(struct line *l, const struct ue_event *ev)
{
	if (ev->kind == UE_CHANNEL_OPEN)
		l->open = true;
	else if (ev->kind == UE_MESSAGE && l->config.message != NULL)
		l->config.message(l->config.arg, ev->bytes);
}

static void ue_turn(struct line *l)
{
	struct ue_event ev;
	struct dgram *d;

	if (tick_due(ue_deadline(l->ue), now))
		ue_expire(l->ue, now);
	while (ue_next_event(l->ue, now, &ev))
		on_ue_event(l, &ev);
	while ((d = ue_next_dgram(l->ue)) != NULL) {
		struct path path = { .port = l->number, .local = l->to, .remote = l->at.local };

		push(&l->box->in, &path, dgram_span(d));
		dgram_free(d);
	}
}

static void ues_turn(struct box *b)
{
	unsigned n = b->touched_count;

	for (unsigned i = 0; i < n; i++) {
		struct line *l = b->touched[i];

		l->touched = false;
		ue_turn(l);
	}
	b->touched_count -= n;
	memmove(b->touched, b->touched + n, b->touched_count * sizeof(b->touched[0]));
}

static void relay_turn(struct box *b)
{
	struct inside inside;

	if (b->in.count == 0 && !tick_due(relay_deadline(b->relay), now))
		return;
	inside = enter(b);
	if (tick_due(relay_deadline(b->relay), now))
		relay_expire(b->relay, now);
	for (unsigned i = 0; i < b->in.count; i++) {
		relay_input(b->relay, now, &b->in.path[i], b->in.dgram[i]);
		if (i % BOX_BATCH == BOX_BATCH - 1)
			relay_turn_end(b->relay, now);
	}
	relay_turn_end(b->relay, now);
	leave(b, inside);
	b->datagrams += b->in.count;
	empty(&b->in);
}

static void deliver(struct box *b)
{
	for (unsigned i = 0; i < b->out.count; i++) {
		struct line *l = b->lines[b->out.path[i].port];

		if (l == NULL)
			continue;
		touch(l);
		ue_input(l->ue, now, &b->out.path[i].local, b->out.dgram[i]);
	}
	empty(&b->out);
}

void box_turn(struct box *b)
{
	ues_turn(b);
	relay_turn(b);
	deliver(b);
	now = tick_add(now, TURN_US);
}

bool box_wait_open(struct box *b, const struct line *a, const struct line *other)
{
	for (unsigned i = 0; i < 100000; i++) {
		if (a->open && (other == NULL || other->open))
			return true;
		box_turn(b);
	}
	return false;
}

int64_t box_relay_ns(struct box *b)
{
	int64_t ns = b->relay_ns;

	b->relay_ns = 0;
	return ns;
}

void box_count_heap(struct box *b)
{
	b->counts_heap = true;
}

int64_t box_heap(const struct box *b)
{
	return b->heap;
}

uint64_t box_datagrams(const struct box *b)
{
	return b->datagrams;
}
