/*
 * test_channel.c: channels that open, are refused, close, come again by
 * the thousand, and need more streams.
 */
#include "../main.h"

#include <stdlib.h>

#include "dcmf/base/counters.h"
#include "world.h"

#define counted(name) (counter_value[CNT_##name])

static enum err add(struct side *s, uint16_t sid, bool negotiated)
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

static enum err send(struct side *s, uint16_t sid, uint32_t ppid, struct span message)
{
	return assoc_send(s->a, s->world->now, sid, ppid, message);
}

/* Bytes on a stream as a careless or hostile peer would send them, without a channel of its own. */
static void send_raw(struct side *s, uint16_t sid, uint32_t ppid, struct span message);

/* ---- DCEP ---- */

START_TEST(a_channel_asked_for_is_granted_and_carries_messages_both_ways)
{
	const struct channel_view *v;
	struct world w;
	size_t at = 0;

	world_start(&w);
	world_connect(&w);
	ck_assert_int_eq(add(&w.left, 4, false), ERR_OK);
	world_run(&w, 100);
	ck_assert_int_eq(w.left.channel_opens, 1);
	ck_assert_int_eq(w.right.channel_opens, 1);
	ck_assert_ptr_nonnull(v = assoc_channel(w.right.a, 4));
	ck_assert_str_eq(v->label, "the label");
	ck_assert_str_eq(v->protocol, "http");
	ck_assert(v->quality.unordered && v->open && !v->negotiated);
	ck_assert_int_eq(v->quality.reliability, MAX_RETRANSMITS);
	ck_assert_int_eq(v->quality.priority, 512);
	ck_assert_int_eq(v->quality.limit, 7);
	ck_assert_int_eq(send(&w.left, 4, PPID_STRING, SPAN_LIT("there")), ERR_OK);
	ck_assert_int_eq(send(&w.right, 4, PPID_STRING, SPAN_LIT("back")), ERR_OK);
	world_run(&w, 100);
	ck_assert_int_eq(w.left.messages, 1);
	ck_assert_int_eq(w.right.messages, 1);
	v = assoc_next_channel(w.left.a, &at);
	ck_assert_int_eq(v->sid, 4);
	ck_assert_int_eq(v->messages_in, 1);
	ck_assert_int_eq(v->bytes_out, 5);
	ck_assert_ptr_null(assoc_next_channel(w.left.a, &at));
	world_finish(&w);
}
END_TEST

START_TEST(a_channel_added_before_the_association_is_up_opens_with_it)
{
	struct world w;

	world_start(&w);
	ck_assert(world_add(&w, &w.left, true));
	ck_assert(world_add(&w, &w.right, false));
	ck_assert_int_eq(add(&w.left, 0, true), ERR_OK);
	ck_assert_int_eq(add(&w.right, 0, true), ERR_OK);
	ck_assert_int_eq(add(&w.right, 1, false), ERR_OK);
	ck_assert_int_eq(send(&w.left, 0, PPID_STRING, SPAN_LIT("early")), ERR_STATE);
	world_run(&w, 500);
	ck_assert_int_eq(w.left.channel_opens, 2);
	ck_assert_int_eq(w.right.channel_opens, 2);
	world_finish(&w);
}
END_TEST

START_TEST(ids_of_the_wrong_parity_are_refused_to_us)
{
	struct world w;

	world_start(&w);
	world_connect(&w);
	ck_assert_int_eq(add(&w.left, 1, false), ERR_DCEP_PARITY);
	ck_assert_int_eq(add(&w.right, 2, false), ERR_DCEP_PARITY);
	ck_assert_int_eq(add(&w.left, 1, true), ERR_OK);
	ck_assert_int_eq(add(&w.left, 1, true), ERR_EXISTS);
	world_finish(&w);
}
END_TEST

START_TEST(messages_may_follow_the_open_at_once_and_do_not_overtake_it)
{
	for (unsigned seed = 0; seed < 20; seed++) {
		struct world w;

		world_start(&w);
		w.random = seed;
		world_connect(&w);
		w.reorder_percent = 50;
		ck_assert_int_eq(add(&w.left, 4, false), ERR_OK);
		for (int i = 0; i < 5; i++) {
			ck_assert_int_eq(send(&w.left, 4, PPID_STRING, SPAN_LIT("early")), ERR_OK);
			world_run(&w, 1);
		}
		world_run(&w, 3000);
		ck_assert_int_eq(w.right.channel_opens, 1);
		ck_assert_int_eq(w.right.messages, 5);
		ck_assert_int_eq(w.right.channel_closes, 0);
		world_finish(&w);
	}
}
END_TEST

static void answer_at_once(struct side *s, const struct assoc_event *ev)
{
	if (ev->kind == CHANNEL_OPEN)
		for (int i = 0; i < 5; i++)
			send(s, ev->sid, PPID_STRING, SPAN_LIT("unordered"));
	if (ev->kind == CHANNEL_MESSAGE)
		ck_assert_int_eq(s->channel_opens, 1);
}

START_TEST(a_message_that_overtakes_the_ack_stands_for_it)
{
	for (unsigned seed = 0; seed < 40; seed++) {
		struct world w;

		world_start(&w);
		w.random = seed;
		world_connect(&w);
		w.left.on_event = w.right.on_event = answer_at_once;
		w.loss_percent = 30;
		ck_assert_int_eq(add(&w.left, 4, false), ERR_OK);
		world_run(&w, 30000);
		ck_assert_int_eq(w.left.channel_opens, 1);
		ck_assert_int_gt(w.left.messages, 0);
		world_finish(&w);
	}
}
END_TEST

START_TEST(an_open_is_refused_where_dcep_is_not_accepted)
{
	struct world w;
	int64_t refused = counted(dcep_refused_total);

	world_start(&w);
	w.right.config.accept_dcep = false;
	world_connect(&w);
	ck_assert_int_eq(w.right.streams, 16);
	ck_assert_int_eq(add(&w.left, 4, false), ERR_OK);
	world_run(&w, 1000);
	ck_assert_int_eq(counted(dcep_refused_total), refused + 1);
	ck_assert_int_eq(w.right.channel_opens + w.right.channel_closes, 0);
	ck_assert_ptr_null(assoc_channel(w.right.a, 4));
	ck_assert_int_eq(w.left.channel_opens, 0);
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(w.left.channel_reason, CLOSE_PEER_RESET);
	ck_assert_int_eq(add(&w.left, 4, true), ERR_OK); /* the id is free again */
	ck_assert_int_eq(add(&w.right, 4, true), ERR_OK);
	world_finish(&w);
}
END_TEST

START_TEST(an_open_of_the_wrong_parity_is_refused)
{
	struct world w;
	int64_t refused = counted(dcep_refused_total);

	world_start(&w);
	ck_assert(world_add(&w, &w.left, true));
	ck_assert(world_add(&w, &w.right, true)); /* both believe to be the client */
	ck_assert(world_run_until(&w, both_are_up, 1000));
	ck_assert_int_eq(add(&w.left, 4, false), ERR_OK);
	world_run(&w, 1000);
	ck_assert_int_eq(counted(dcep_refused_total), refused + 1);
	ck_assert_int_eq(w.left.channel_reason, CLOSE_PEER_RESET);
	ck_assert_int_eq(w.right.channel_opens, 0);
	world_finish(&w);
}
END_TEST

START_TEST(an_open_on_an_agreed_stream_resets_it)
{
	struct world w;
	int64_t refused = counted(dcep_refused_total);

	world_start(&w);
	world_connect(&w);
	ck_assert_int_eq(add(&w.right, 4, true), ERR_OK);
	ck_assert_int_eq(add(&w.left, 4, false), ERR_OK);
	world_run(&w, 1000);
	ck_assert_int_eq(counted(dcep_refused_total), refused + 1);
	ck_assert_int_eq(w.right.messages, 0);
	ck_assert_int_eq(w.right.channel_closes, 1);
	ck_assert_int_eq(w.right.channel_reason, CLOSE_DCEP_PROTOCOL);
	ck_assert_int_eq(w.left.channel_closes, 1);
	world_finish(&w);
}
END_TEST

/*
 * Rewrites what the left side sends: the PPID of its DATA chunks becomes `raw_ppid`. So a channel
 * that is agreed on the left alone says anything to the right.
 */
static uint32_t raw_ppid;

static bool rewrite_ppid(struct world *w, const struct packet *p)
{
	uint8_t *b = ((struct packet *)(uintptr_t)p)->bytes;

	for (size_t at = 12; p->to == &w->right && at + 16 <= p->len;) {
		size_t len = (size_t)b[at + 2] << 8 | b[at + 3];

		if (b[at] == 0)
			for (int i = 0; i < 4; i++)
				b[at + 12 + i] = (uint8_t)(raw_ppid >> (24 - 8 * i));
		at += (len + 3) & ~(size_t)3;
	}
	return false;
}

static void send_raw(struct side *s, uint16_t sid, uint32_t ppid, struct span message)
{
	struct world *w = s->world;

	raw_ppid = ppid;
	w->drop = rewrite_ppid;
	if (assoc_channel(s->a, sid) == NULL)
		ck_assert_int_eq(add(s, sid, true), ERR_OK);
	ck_assert_int_eq(send(s, sid, PPID_BINARY, message), ERR_OK);
	world_run(w, 1000);
	w->drop = NULL;
}

START_TEST(malformed_dcep_resets_the_stream_and_delivers_nothing)
{
	static const struct span bad[] = { { (const uint8_t *)"\x03\x00", 2 },
		{ (const uint8_t *)"\x07", 1 },
		{ (const uint8_t *)"\x03\x00\x01\x00\x00\x00\x00\x00\x00\xc8\x00\x00", 12 },
		{ (const uint8_t *)"\x03\x55\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00", 12 } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct world w;
		int64_t malformed = counted(dcep_malformed_total);

		world_start(&w);
		world_connect(&w);
		send_raw(&w.left, 4, PPID_DCEP, bad[i]);
		ck_assert_int_eq(counted(dcep_malformed_total), malformed + 1);
		ck_assert_int_eq(w.right.channel_opens + w.right.messages, 0);
		ck_assert_int_eq(w.left.channel_reason, CLOSE_PEER_RESET);
		world_finish(&w);
	}
}
END_TEST

START_TEST(a_wellformed_open_sent_by_hand_is_accepted)
{
	struct world w;

	world_start(&w);
	world_connect(&w);
	send_raw(&w.left, 4, PPID_DCEP,
		SPAN_LIT("\x03\x00\x01\x00\x00\x00\x00\x00\x00\x01\x00\x00x"));
	ck_assert_int_eq(w.right.channel_opens, 1);
	ck_assert_str_eq(assoc_channel(w.right.a, 4)->label, "x");
	world_finish(&w);
}
END_TEST

START_TEST(labels_are_cut_between_characters_and_cleaned)
{
	uint8_t open[12 + 400] = { 3, 0, 1, 0, 0, 0, 0, 0, 1, 0x90, 0, 0 };
	const char *label;
	struct world w;

	for (size_t i = 12; i < sizeof(open); i += 2)
		memcpy(open + i, "\xc3\xa9", 2);
	world_start(&w);
	world_connect(&w);
	send_raw(&w.left, 4, PPID_DCEP, SPAN_OF(open));
	label = assoc_channel(w.right.a, 4)->label;
	ck_assert_int_eq(strlen(label), 254);
	memcpy(open + 12, "a\0b\nc\xff\xc3z\xed\xa0\x80\xf0\x9f\x98\x80", 15);
	open[8] = 0;
	open[9] = 15;
	send_raw(&w.left, 6, PPID_DCEP, SPAN(open, 27));
	ck_assert_str_eq(assoc_channel(w.right.a, 6)->label, "a?b?c??z???\xf0\x9f\x98\x80");
	world_finish(&w);
}
END_TEST

START_TEST(a_second_open_on_an_open_channel_closes_it)
{
	struct world w;

	world_start(&w);
	world_connect(&w);
	ck_assert_int_eq(add(&w.left, 4, false), ERR_OK);
	world_run(&w, 500);
	send_raw(&w.left, 4, PPID_DCEP,
		SPAN_LIT("\x03\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"));
	ck_assert_int_eq(w.right.channel_opens, 1);
	ck_assert_int_eq(w.right.channel_closes, 1);
	ck_assert_int_eq(w.right.channel_reason, CLOSE_DCEP_PROTOCOL);
	world_finish(&w);
}
END_TEST

START_TEST(data_on_a_stream_nobody_agreed_to_is_refused)
{
	struct world w;
	int64_t refused = counted(stream_refused_total);

	world_start(&w);
	world_connect(&w);
	ck_assert_int_eq(add(&w.left, 4, true), ERR_OK);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(send(&w.left, 4, PPID_STRING, SPAN_LIT("who listens?")), ERR_OK);
	world_run(&w, 1000);
	ck_assert_int_eq(w.right.messages, 0);
	ck_assert_int_eq(counted(stream_refused_total), refused + 1);
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(w.left.channel_reason, CLOSE_PEER_RESET);
	ck_assert_int_eq(w.right.channel_closes, 0); /* there was none */
	world_finish(&w);
}
END_TEST

/* ---- closing ---- */

START_TEST(closing_tells_both_sides_and_frees_the_id)
{
	struct world w;

	world_start(&w);
	world_connect(&w);
	ck_assert_int_eq(add(&w.left, 4, false), ERR_OK);
	world_run(&w, 100);
	ck_assert_int_eq(send(&w.left, 4, PPID_STRING, SPAN_LIT("last words")), ERR_OK);
	assoc_close_channel(w.left.a, 4, w.now);
	assoc_close_channel(w.left.a, 4, w.now); /* twice is once */
	assoc_close_channel(w.left.a, 77, w.now);
	ck_assert_int_eq(send(&w.left, 4, PPID_STRING, SPAN_LIT("too late")), ERR_STATE);
	ck_assert_int_eq(send(&w.left, 77, PPID_STRING, SPAN_LIT("nobody")), ERR_NOT_FOUND);
	ck_assert_int_eq(add(&w.left, 4, false), ERR_EXISTS);
	world_run(&w, 1000);
	ck_assert_int_eq(w.right.messages, 1);
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(w.left.channel_reason, CLOSE_LOCAL);
	ck_assert_int_eq(w.right.channel_closes, 1);
	ck_assert_int_eq(w.right.channel_reason, CLOSE_PEER_RESET);
	ck_assert_int_eq(add(&w.left, 4, false), ERR_OK);
	world_run(&w, 1000);
	ck_assert_int_eq(w.right.channel_opens, 2);
	world_finish(&w);
}
END_TEST

START_TEST(both_sides_may_close_at_once)
{
	struct world w;

	world_start(&w);
	world_connect(&w);
	ck_assert_int_eq(add(&w.left, 4, true), ERR_OK);
	ck_assert_int_eq(add(&w.right, 4, true), ERR_OK);
	world_run(&w, 100);
	assoc_close_channel(w.left.a, 4, w.now);
	assoc_close_channel(w.right.a, 4, w.now);
	world_run(&w, 3000);
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(w.right.channel_closes, 1);
	ck_assert_int_eq(w.left.channel_reason, CLOSE_LOCAL);
	ck_assert_int_eq(w.right.channel_reason, CLOSE_LOCAL);
	ck_assert_int_eq(add(&w.right, 4, true), ERR_OK);
	world_finish(&w);
}
END_TEST

START_TEST(a_channel_nobody_was_asked_for_closes_at_once)
{
	struct world w;

	world_start(&w);
	ck_assert(world_add(&w, &w.left, true));
	ck_assert_int_eq(add(&w.left, 4, false), ERR_OK);
	assoc_close_channel(w.left.a, 4, w.now);
	ck_assert_int_eq(add(&w.left, 4, false), ERR_EXISTS); /* until it is told */
	world_run(&w, 0);
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(w.left.channel_opens, 0);
	ck_assert_int_eq(add(&w.left, 4, false), ERR_OK);
	world_finish(&w);
}
END_TEST

START_TEST(many_channels_close_together)
{
	struct world w;

	world_start(&w);
	world_connect(&w);
	for (uint16_t sid = 0; sid < 250; sid++) {
		ck_assert_int_eq(add(&w.left, sid, true), ERR_OK);
		ck_assert_int_eq(add(&w.right, sid, true), ERR_OK);
	}
	world_run(&w, 100);
	for (uint16_t sid = 0; sid < 250; sid++) {
		send(&w.left, sid, PPID_STRING, SPAN_LIT("bye"));
		assoc_close_channel(w.left.a, sid, w.now);
	}
	w.loss_percent = 20;
	world_run(&w, 30000);
	ck_assert_int_eq(w.left.channel_closes, 250);
	ck_assert_int_eq(w.right.channel_closes, 250);
	ck_assert_int_eq(w.right.messages, 250);
	world_finish(&w);
}
END_TEST

START_TEST(a_peer_that_never_resets_its_side_does_not_block_for_ever)
{
	struct world w;

	world_start(&w);
	world_connect(&w);
	ck_assert_int_eq(add(&w.left, 4, true), ERR_OK); /* the right knows nothing of it */
	world_run(&w, 100);
	assoc_close_channel(w.left.a, 4, w.now);
	world_run(&w, 29000);
	ck_assert_int_eq(w.left.channel_closes, 0);
	world_run(&w, 2000);
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(w.left.channel_reason, CLOSE_LOCAL);
	ck_assert_ptr_null(assoc_channel(w.left.a, 4));
	ck_assert_int_eq(add(&w.left, 4, true), ERR_EXISTS); /* a late reset must not hit it */
	world_run(&w, 120000);
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(add(&w.left, 4, true), ERR_OK);
	world_finish(&w);
}
END_TEST

static bool lose_all_reconfig(struct world *w, const struct packet *p)
{
	return p->bytes[12] == 0x82;
}

START_TEST(a_channel_whose_reset_is_never_answered_ends_and_keeps_its_id)
{
	struct world w;

	world_start(&w);
	world_connect(&w);
	for (uint16_t sid = 4; sid <= 6; sid += 2) {
		ck_assert_int_eq(add(&w.left, sid, true), ERR_OK);
		ck_assert_int_eq(add(&w.right, sid, true), ERR_OK);
	}
	world_run(&w, 100);
	w.drop = lose_all_reconfig;
	assoc_close_channel(w.left.a, 4, w.now);
	for (int i = 0; i < 31; i++) {
		send(&w.left, 6, PPID_STRING, SPAN_LIT("alive"));
		world_run(&w, 1000);
	}
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(w.left.closes, 0);
	ck_assert_ptr_null(assoc_channel(w.left.a, 4));
	ck_assert_int_eq(add(&w.left, 4, true), ERR_EXISTS);
	w.drop = NULL;
	world_run(&w, 5000);
	ck_assert_int_eq(add(&w.left, 4, true), ERR_OK); /* the late answer frees it */
	world_finish(&w);
}
END_TEST

/* ---- storms ---- */

struct storm {
	unsigned cycles, done;
};

/*
 * The opener opens, says something, and closes when it has been
 * answered; then the next, on the same id.
 */
static void storm_opener(struct side *s, const struct assoc_event *ev)
{
	struct storm *storm = s->arg;

	if (ev->kind == CHANNEL_MESSAGE)
		assoc_close_channel(s->a, ev->sid, s->world->now);
	if (ev->kind == CHANNEL_CLOSED) {
		ck_assert_int_eq(ev->reason, CLOSE_LOCAL);
		if (++storm->done >= storm->cycles)
			return;
		ck_assert_int_eq(add(s, ev->sid, false), ERR_OK);
		send(s, ev->sid, PPID_STRING, SPAN_LIT("ping"));
	}
}

static void storm_answerer(struct side *s, const struct assoc_event *ev)
{
	/* WRITABLE: our stream was still being reset for the channel before. */
	if (ev->kind == CHANNEL_MESSAGE || ev->kind == CHANNEL_WRITABLE)
		send(s, ev->sid, PPID_STRING, SPAN_LIT("pong"));
}

static bool storm_is_over(struct world *w)
{
	struct storm *storm = w->left.arg;

	return storm->done >= storm->cycles;
}

static void run_storm(struct world *w, unsigned cycles, uint16_t ids)
{
	static struct storm storm;
	struct channel_config c = { .label = SPAN_LIT("storm") };

	storm = (struct storm){ .cycles = cycles };
	world_connect(w);
	w->left.arg = &storm;
	w->left.on_event = storm_opener;
	w->right.on_event = storm_answerer;
	for (uint16_t i = 0; i < ids; i++) {
		c.sid = (uint16_t)(2 * i);
		ck_assert_int_eq(assoc_add_channel(w->left.a, &c), ERR_OK);
		send(&w->left, c.sid, PPID_STRING, SPAN_LIT("ping"));
	}
	ck_assert_msg(world_run_until(w, storm_is_over, 24 * 3600 * 1000),
		"%u of %u cycles, left %s, right %s", storm.done, cycles,
		close_name(w->left.reason), close_name(w->right.reason));
}

START_TEST(ten_thousand_channels_open_and_close_on_the_same_ids)
{
	int64_t open = counted(channels);
	struct world w;

	world_start(&w);
	w.left.config.accept_dcep = false;
	run_storm(&w, 10000, 8);
	world_run(&w, 31000);
	ck_assert_int_eq(counted(channels),
		open + w.left.channel_opens * 2 - w.left.channel_closes - w.right.channel_closes);
	world_finish(&w);
	ck_assert_int_eq(counted(channels), open);
}
END_TEST

static void storm_through_loss(unsigned percent, unsigned cycles)
{
	struct world w;

	world_start(&w);
	w.random = 4711 + percent;
	w.loss_percent = percent;
	w.reorder_percent = 10;
	w.duplicate_percent = 10;
	run_storm(&w, cycles, 4);
	ck_assert_int_eq(w.left.closes + w.right.closes, 0);
	world_finish(&w);
}

START_TEST(storms_through_loss_reordering_and_repetition_do_not_lose_a_channel)
{
	storm_through_loss(5, 1000);
	storm_through_loss(15, 500);
}
END_TEST

/* ---- streams ---- */

START_TEST(streams_grow_when_a_channel_needs_them)
{
	struct world w;

	world_start(&w);
	w.left.config.accept_dcep = w.right.config.accept_dcep = false;
	world_connect(&w);
	ck_assert_int_eq(w.left.streams, 16);
	ck_assert_int_eq(add(&w.left, 1000, true), ERR_OK);
	ck_assert_int_eq(add(&w.right, 1000, true), ERR_OK);
	ck_assert_int_eq(w.left.channel_opens, 0);
	world_run(&w, 1000);
	ck_assert_int_eq(w.left.channel_opens, 1);
	ck_assert_int_eq(w.right.channel_opens, 1);
	ck_assert_int_eq(send(&w.left, 1000, PPID_STRING, SPAN_LIT("up here")), ERR_OK);
	world_run(&w, 100);
	ck_assert_int_eq(w.right.messages, 1);
	world_finish(&w);
}
END_TEST

START_TEST(the_last_stream_of_all_works_and_the_one_after_it_is_refused)
{
	struct world w;

	world_start(&w);
	w.left.config.max_streams = w.right.config.max_streams = 65535;
	world_connect(&w);
	ck_assert_int_eq(add(&w.left, 65535, true), ERR_STREAM_RANGE);
	ck_assert_int_eq(add(&w.left, 65534, true), ERR_OK);
	ck_assert_int_eq(add(&w.right, 65534, true), ERR_OK);
	world_run(&w, 1000);
	ck_assert_int_eq(send(&w.left, 65534, PPID_STRING, SPAN_LIT("the last")), ERR_OK);
	ck_assert_int_eq(send(&w.right, 65534, PPID_STRING, SPAN_LIT("the last")), ERR_OK);
	world_run(&w, 100);
	ck_assert_int_eq(w.right.messages + w.left.messages, 2);
	assoc_close_channel(w.left.a, 65534, w.now);
	world_run(&w, 1000);
	ck_assert_int_eq(w.right.channel_closes + w.left.channel_closes, 2);
	world_finish(&w);
}
END_TEST

START_TEST(ids_beyond_our_limit_are_refused)
{
	struct world w;

	world_start(&w);
	w.left.config.max_streams = 100;
	world_connect(&w);
	ck_assert_int_eq(add(&w.left, 99, true), ERR_OK);
	ck_assert_int_eq(add(&w.left, 100, true), ERR_STREAM_RANGE);
	world_finish(&w);
}
END_TEST

START_TEST(a_channel_beyond_the_limit_of_the_peer_is_closed_and_the_rest_lives)
{
	struct world w;

	world_start(&w);
	w.right.config.max_streams = 32;
	world_connect(&w);
	ck_assert_int_eq(add(&w.left, 500, true), ERR_OK);
	ck_assert_int_eq(add(&w.left, 2, false), ERR_OK);
	world_run(&w, 3000);
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(w.left.channel_reason, CLOSE_STREAM_REFUSED);
	ck_assert_int_eq(w.right.channel_opens, 1);
	ck_assert_int_eq(send(&w.left, 2, PPID_STRING, SPAN_LIT("lives")), ERR_OK);
	world_run(&w, 100);
	ck_assert_int_eq(w.right.messages, 1);
	world_finish(&w);
}
END_TEST

START_TEST(an_open_beyond_our_streams_makes_us_grow)
{
	struct world w;

	world_start(&w);
	w.left.config.streams = 1001;
	world_connect(&w);
	ck_assert_int_eq(w.right.streams, 256);
	ck_assert_int_eq(add(&w.left, 1000, false), ERR_OK);
	world_run(&w, 1000);
	ck_assert_int_eq(w.left.channel_opens, 1);
	ck_assert_int_eq(w.right.channel_opens, 1);
	ck_assert_int_eq(send(&w.right, 1000, PPID_STRING, SPAN_LIT("me too")), ERR_OK);
	world_run(&w, 100);
	ck_assert_int_eq(w.left.messages, 1);
	world_finish(&w);
}
END_TEST

START_TEST(growing_in_the_middle_of_large_messages_mixes_nothing)
{
	static uint8_t big[100000];
	struct world w;
	unsigned sent = 0;

	world_start(&w);
	w.left.config.accept_dcep = w.right.config.accept_dcep = false;
	world_connect(&w);
	for (uint16_t sid = 0; sid < 4; sid++) {
		add(&w.left, sid, true);
		add(&w.right, sid, true);
	}
	world_run(&w, 100);
	w.loss_percent = 5;
	for (uint16_t round = 0; round < 30; round++) {
		for (uint16_t sid = 0; sid < 4; sid++)
			sent += send(&w.left, sid, PPID_BINARY, SPAN(big, 20000 + 977u * round)) ==
				ERR_OK;
		add(&w.left, (uint16_t)(100 + 50 * round), true);
		add(&w.right, (uint16_t)(100 + 50 * round), true);
		world_run(&w, 700);
	}
	world_run(&w, 60000);
	ck_assert_int_eq(w.left.closes + w.right.closes, 0);
	ck_assert_int_eq(w.left.channel_opens, 34);
	ck_assert_int_ge(w.right.messages, sent / 2);
	world_finish(&w);
}
END_TEST

static void start(void)
{
	sctp_start();
}

static void stop(void)
{
	ck_assert(sctp_stop());
}

static Suite *make_suite(void)
{
	Suite *s = suite_create("sctp/channel");
	TCase *t = tcase_create("channel");

	tcase_add_unchecked_fixture(t, start, stop);
	tcase_add_checked_fixture(t, NULL, world_tidy);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_channel_asked_for_is_granted_and_carries_messages_both_ways);
	tcase_add_test(t, a_channel_added_before_the_association_is_up_opens_with_it);
	tcase_add_test(t, ids_of_the_wrong_parity_are_refused_to_us);
	tcase_add_test(t, messages_may_follow_the_open_at_once_and_do_not_overtake_it);
	tcase_add_test(t, a_message_that_overtakes_the_ack_stands_for_it);
	tcase_add_test(t, an_open_is_refused_where_dcep_is_not_accepted);
	tcase_add_test(t, an_open_of_the_wrong_parity_is_refused);
	tcase_add_test(t, an_open_on_an_agreed_stream_resets_it);
	tcase_add_test(t, malformed_dcep_resets_the_stream_and_delivers_nothing);
	tcase_add_test(t, a_wellformed_open_sent_by_hand_is_accepted);
	tcase_add_test(t, labels_are_cut_between_characters_and_cleaned);
	tcase_add_test(t, a_second_open_on_an_open_channel_closes_it);
	tcase_add_test(t, data_on_a_stream_nobody_agreed_to_is_refused);
	tcase_add_test(t, closing_tells_both_sides_and_frees_the_id);
	tcase_add_test(t, both_sides_may_close_at_once);
	tcase_add_test(t, a_channel_nobody_was_asked_for_closes_at_once);
	tcase_add_test(t, many_channels_close_together);
	tcase_add_test(t, a_peer_that_never_resets_its_side_does_not_block_for_ever);
	tcase_add_test(t, a_channel_whose_reset_is_never_answered_ends_and_keeps_its_id);
	tcase_add_test(t, ten_thousand_channels_open_and_close_on_the_same_ids);
	tcase_add_test(t, storms_through_loss_reordering_and_repetition_do_not_lose_a_channel);
	tcase_add_test(t, streams_grow_when_a_channel_needs_them);
	tcase_add_test(t, the_last_stream_of_all_works_and_the_one_after_it_is_refused);
	tcase_add_test(t, ids_beyond_our_limit_are_refused);
	tcase_add_test(t, a_channel_beyond_the_limit_of_the_peer_is_closed_and_the_rest_lives);
	tcase_add_test(t, an_open_beyond_our_streams_makes_us_grow);
	tcase_add_test(t, growing_in_the_middle_of_large_messages_mixes_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
