/* served.c: one phone and an application server at the other end of a link. */
#include "tests/flow/served.h"

#include <stdio.h>

#include "sctp/dcep.h"

const struct ue_stream streams[3] = {
	{ .sid = 1000, .quality = { .priority = 256 }, .label = "text", .protocol = "chat" },
	{ .sid = 1001, .quality = { true, MAX_RETRANSMITS, 256, 3 }, .label = "pointer" },
	{ .sid = 1002, .quality = { .priority = 256 }, .label = "more" },
};

struct world *w;
struct phone *p;
struct app_server *server;
struct app_server_ways *ways;
struct link_spec to;

struct phone_heard got;

struct ue_ledger ledger;
bool is_numbered;

void hear(struct phone *phone, const struct ue_event *ev)
{
	(void)phone;
	got.count++;
	got.sid = ev->sid;
	got.ppid = ev->ppid;
	got.len = ev->bytes.len;
	got.bytes += ev->bytes.len;
	snprintf(got.text, sizeof(got.text), "%.*s", SPAN_FMT(ev->bytes));
	if (is_numbered)
		ck_assert(ue_ledger_take(&ledger, ev->ppid, ev->bytes));
}

void small_queues(struct relay_config *config)
{
	config->channel_queue = 64 * KIB;
	config->channel_hold_us = TICK_S(5);
	config->max_message = 64 * KIB;
	config->send_buffer = 128 * KIB;
}

void call(const struct phone_options *more)
{
	struct phone_options o = *more;

	o.application = true;
	o.server = &to;
	if (o.max_message == 0)
		o.max_message = 64 * KIB;
	p = phone_create(w, &o);
	p->heard = hear;
	phone_set_up(p);
	world_run(w, 0.2);
}

void begin_with(
	const char *name, void (*change)(struct relay_config *), const struct phone_options *o)
{
	memset(&got, 0, sizeof(got));
	ledger = (struct ue_ledger){ 0 };
	is_numbered = false;
	w = world_create_with(name, change);
	server = w->server;
	ways = app_server_ways(server);
	if (!addr_is_set(&to.remote)) {
		to = (struct link_spec){ .protocol = LINK_TCP, .hop = HOP_MDC2 };
		addr_parse(SPAN_LIT("198.51.100.7:7000"), &to.remote);
	}
	if (o != NULL)
		call(o);
}

const struct phone_options three = { .streams = streams, .stream_count = 3 };

void begin(const char *name)
{
	begin_with(name, small_queues, &three);
}

void end(void)
{
	phone_hang_up(p);
	ck_assert(world_until(w, 3, nothing_left));
	ue_ledger_finish(&ledger);
	world_finish(w);
	to = (struct link_spec){ 0 };
}

enum err say(uint16_t sid, const char *text)
{
	p->touched = true;
	return ue_send(p->ue, sim_now(), sid, PPID_STRING, SPAN_STR(text));
}

void say_much(uint16_t sid, size_t bytes)
{
	static uint8_t piece[16 * KIB];

	while (bytes > 0) {
		size_t n = bytes < sizeof(piece) ? bytes : sizeof(piece);

		p->touched = true;
		if (ue_send(p->ue, sim_now(), sid, PPID_BINARY, SPAN(piece, n)) != ERR_OK) {
			world_run(w, 0.05);
			if (ue_send(p->ue, sim_now(), sid, PPID_BINARY, SPAN(piece, n)) != ERR_OK)
				return; /* the window is shut */
		}
		bytes -= n;
	}
}

void serve(uint16_t sid, const char *text)
{
	app_server_frame(server, sid, FRAME_MESSAGE, PPID_STRING, SPAN_STR(text));
}

void serve_much(uint16_t sid, size_t bytes)
{
	static uint8_t piece[16 * KIB];

	for (; bytes > 0; bytes -= bytes < sizeof(piece) ? bytes : sizeof(piece))
		app_server_frame(server, sid, FRAME_MESSAGE, PPID_BINARY,
			SPAN(piece, bytes < sizeof(piece) ? bytes : sizeof(piece)));
}

const struct heard *find(unsigned type, uint16_t sid)
{
	const struct heard *h;

	for (unsigned i = 0; (h = app_server_heard(server, i)) != NULL && i < HEARD_MAX; i++)
		if (h->type == type && h->sid == sid)
			return h;
	return NULL;
}

const char *failure(void)
{
	const struct seen *s = world_last(w, p, RELAY_EVENT_MDC_FAILED);

	return s != NULL ? s->detail : "";
}

enum close_reason closed_by(uint16_t sid)
{
	for (unsigned i = w->seen_count; i-- > 0;)
		if (w->seen[i].type == RELAY_EVENT_CHANNEL_CLOSED && w->seen[i].sid == sid)
			return w->seen[i].reason;
	return CLOSE_NONE;
}

void view(struct media_view *out)
{
	phone_view(p, out);
	ck_assert(out->has_link);
}
