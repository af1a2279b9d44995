/* talk.c: channels, texts and a pump of bytes for tests of associations. */
#include "tests/unit/sctp/talk.h"

static void start(void)
{
	sctp_start();
}

static void stop(void)
{
	ck_assert(sctp_stop());
}

TCase *talk_case(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_unchecked_fixture(t, start, stop);
	tcase_add_checked_fixture(t, NULL, world_tidy);
	tcase_set_timeout(t, 60);
	return t;
}

void add_channel(struct side *s, uint16_t sid, bool negotiated)
{
	struct channel_config c = { .sid = sid,
		.negotiated = negotiated,
		.label = SPAN_LIT("label"),
		.protocol = SPAN_LIT("proto") };

	ck_assert_int_eq(assoc_add_channel(s->a, &c), ERR_OK);
}

enum err propose(struct side *s, uint16_t sid, bool negotiated)
{
	struct channel_config c = { .sid = sid,
		.negotiated = negotiated,
		.quality = { .unordered = true,
			.reliability = MAX_RETRANSMITS,
			.priority = 512,
			.limit = 7 },
		.label = SPAN_LIT("the label"),
		.protocol = SPAN_LIT("http") };

	return assoc_add_channel(s->a, &c);
}

void connect_with_channel(struct world *w)
{
	world_connect(w);
	add_channel(&w->left, 0, true);
	add_channel(&w->right, 0, true);
	world_run(w, 0);
}

enum err send_message(struct side *s, uint16_t sid, uint32_t ppid, struct span message)
{
	return assoc_send(s->a, s->world->now, sid, ppid, message);
}

enum err say(struct side *s, uint16_t sid, const char *text)
{
	return send_message(s, sid, PPID_STRING, SPAN_STR(text));
}

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i ^ (i >> 8) ^ (i >> 16) * 31);
}

void pump_more(struct side *s)
{
	static uint8_t buf[256 * 1024];
	struct pump *p = s->arg;

	while (p->sent < p->total) {
		size_t n =
			p->total - p->sent < p->message ? (size_t)(p->total - p->sent) : p->message;

		for (size_t i = 0; i < n; i++)
			buf[i] = byte_at(p->sent + i);
		if (assoc_send(s->a, s->world->now, 0, PPID_BINARY, SPAN(buf, n)) != ERR_OK)
			return;
		p->sent += n;
	}
}

void pump_event(struct side *s, const struct assoc_event *ev)
{
	struct pump *p = s->arg;

	if (ev->kind == CHANNEL_WRITABLE)
		pump_more(s);
	if (ev->kind != CHANNEL_MESSAGE)
		return;
	for (size_t i = 0; i < ev->message.len; i++)
		p->damaged |= ev->message.p[i] != byte_at(p->received + i);
	p->received += ev->message.len;
}

bool pump_is_done(struct world *w)
{
	struct pump *p = w->left.arg;

	return p->received == p->total;
}

void transfer(struct world *w, struct pump *p, int64_t limit_ms)
{
	w->left.arg = w->right.arg = p;
	w->left.on_event = w->right.on_event = pump_event;
	pump_more(&w->left);
	ck_assert_msg(world_run_until(w, pump_is_done, limit_ms), "%d of %d bytes, closed: %s, %s",
		(int)p->received, (int)p->total, close_name(w->left.reason),
		close_name(w->right.reason));
	ck_assert(!p->damaged);
}
