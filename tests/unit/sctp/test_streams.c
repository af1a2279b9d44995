/* test_streams.c: channels that come and go by the thousand, and need more streams. */
#include "dcmf/base/counters.h"
#include "tests/unit/main.h"
#include "tests/unit/sctp/talk.h"

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
		ck_assert_int_eq(propose(s, ev->sid, false), ERR_OK);
		send_message(s, ev->sid, PPID_STRING, SPAN_LIT("ping"));
	}
}

static void storm_answerer(struct side *s, const struct assoc_event *ev)
{
	/* WRITABLE: our stream was still being reset for the channel before. */
	if (ev->kind == CHANNEL_MESSAGE || ev->kind == CHANNEL_WRITABLE)
		send_message(s, ev->sid, PPID_STRING, SPAN_LIT("pong"));
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
		send_message(&w->left, c.sid, PPID_STRING, SPAN_LIT("ping"));
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

/* ---- who gets what ---- */

#define CROWD 120

/* Of one side, by id: which of its channels that is, and what it said and heard on it. */
struct crowd {
	bool open[CROWD];
	uint32_t life[CROWD], said[CROWD];
	uint32_t their_life[CROWD], heard[CROWD];
	unsigned messages;
};

static void crowd_hears(struct crowd *crowd, const struct assoc_event *ev)
{
	uint32_t word[3];
	uint16_t sid = ev->sid;

	ck_assert_uint_eq(ev->message.len, sizeof(word));
	memcpy(word, ev->message.p, sizeof(word));
	ck_assert_uint_eq(word[0], sid);
	ck_assert_uint_ge(word[1], crowd->their_life[sid]);
	if (word[1] > crowd->their_life[sid])
		crowd->heard[sid] = 0;
	ck_assert_uint_eq(word[2], crowd->heard[sid]);
	crowd->their_life[sid] = word[1];
	crowd->heard[sid]++;
	crowd->messages++;
}

static void crowd_event(struct side *s, const struct assoc_event *ev)
{
	struct crowd *crowd = s->arg;

	switch (ev->kind) {
	case CHANNEL_OPEN:
		if (!crowd->open[ev->sid]) {
			crowd->life[ev->sid]++;
			crowd->said[ev->sid] = 0;
		}
		crowd->open[ev->sid] = true;
		break;
	case CHANNEL_CLOSED: crowd->open[ev->sid] = false; break;
	case CHANNEL_MESSAGE: crowd_hears(crowd, ev); break;
	default: break;
	}
}

static void crowd_acts(struct side *s, uint16_t sid, uint32_t chance)
{
	struct channel_config c = { .sid = sid, .label = SPAN_LIT("crowd") };
	struct crowd *crowd = s->arg;
	uint32_t word[3] = { sid, crowd->life[sid], crowd->said[sid] };

	if (chance < 15)
		assoc_close_channel(s->a, sid, s->world->now);
	else if (crowd->open[sid])
		crowd->said[sid] +=
			send_message(s, sid, PPID_BINARY, SPAN(word, sizeof(word))) == ERR_OK;
	else if (assoc_add_channel(s->a, &c) == ERR_OK) {
		crowd->open[sid] = true;
		crowd->life[sid]++;
		crowd->said[sid] = 0;
	}
}

START_TEST(each_channel_hears_what_was_said_on_it_in_order_and_nothing_else)
{
	static struct crowd left, right;
	struct world w;

	left = right = (struct crowd){ 0 };
	world_start(&w);
	world_connect(&w);
	w.loss_percent = w.reorder_percent = w.duplicate_percent = 8;
	w.left.arg = &left;
	w.right.arg = &right;
	w.left.on_event = w.right.on_event = crowd_event;
	for (int i = 0; i < 40000; i++) {
		struct side *s = i % 2 ? &w.left : &w.right;
		uint16_t sid = (uint16_t)(world_random(&w) % CROWD);

		crowd_acts(s, sid, world_random(&w) % 100);
		if (i % 20 == 19)
			world_run(&w, 40);
	}
	world_run(&w, 60000);
	ck_assert_int_eq(w.left.closes + w.right.closes, 0);
	ck_assert_uint_gt(left.messages, 3000);
	ck_assert_uint_gt(right.messages, 3000);
	world_finish(&w);
}
END_TEST

/* ---- streams ---- */

START_TEST(streams_grow_when_a_channel_needs_them)
{
	struct world w;

	world_start(&w);
	w.left.config.accept_dcep = w.right.config.accept_dcep = false;
	world_connect(&w);
	ck_assert_int_eq(w.left.streams, 2048);
	ck_assert_int_eq(propose(&w.left, 1000, true), ERR_OK);
	ck_assert_int_eq(propose(&w.right, 1000, true), ERR_OK);
	ck_assert_int_eq(w.left.channel_opens, 0);
	world_run(&w, 1000);
	ck_assert_int_eq(w.left.channel_opens, 1);
	ck_assert_int_eq(w.right.channel_opens, 1);
	ck_assert_int_eq(send_message(&w.left, 1000, PPID_STRING, SPAN_LIT("up here")), ERR_OK);
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
	ck_assert_int_eq(propose(&w.left, 65535, true), ERR_STREAM_RANGE);
	ck_assert_int_eq(propose(&w.left, 65534, true), ERR_OK);
	ck_assert_int_eq(propose(&w.right, 65534, true), ERR_OK);
	world_run(&w, 1000);
	ck_assert_int_eq(send_message(&w.left, 65534, PPID_STRING, SPAN_LIT("the last")), ERR_OK);
	ck_assert_int_eq(send_message(&w.right, 65534, PPID_STRING, SPAN_LIT("the last")), ERR_OK);
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
	ck_assert_int_eq(propose(&w.left, 99, true), ERR_OK);
	ck_assert_int_eq(propose(&w.left, 100, true), ERR_STREAM_RANGE);
	world_finish(&w);
}
END_TEST

START_TEST(a_channel_beyond_the_limit_of_the_peer_is_closed_and_the_rest_lives)
{
	struct world w;

	world_start(&w);
	w.right.config.max_streams = 32;
	world_connect(&w);
	ck_assert_int_eq(propose(&w.left, 500, true), ERR_OK);
	ck_assert_int_eq(propose(&w.left, 2, false), ERR_OK);
	world_run(&w, 3000);
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(w.left.channel_reason, CLOSE_STREAM_REFUSED);
	ck_assert_int_eq(w.right.channel_opens, 1);
	ck_assert_int_eq(send_message(&w.left, 2, PPID_STRING, SPAN_LIT("lives")), ERR_OK);
	world_run(&w, 100);
	ck_assert_int_eq(w.right.messages, 1);
	world_finish(&w);
}
END_TEST

START_TEST(an_open_beyond_our_streams_makes_us_grow)
{
	struct world w;

	world_start(&w);
	world_connect(&w);
	ck_assert_int_eq(propose(&w.left, 1000, false), ERR_OK);
	world_run(&w, 1000);
	ck_assert_int_eq(w.left.channel_opens, 1);
	ck_assert_int_eq(w.right.channel_opens, 1);
	ck_assert_int_eq(send_message(&w.right, 1000, PPID_STRING, SPAN_LIT("me too")), ERR_OK);
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
		propose(&w.left, sid, true);
		propose(&w.right, sid, true);
	}
	world_run(&w, 100);
	w.loss_percent = 5;
	for (uint16_t round = 0; round < 30; round++) {
		for (uint16_t sid = 0; sid < 4; sid++)
			sent += send_message(&w.left, sid, PPID_BINARY,
					SPAN(big, 20000 + 977u * round)) == ERR_OK;
		propose(&w.left, (uint16_t)(100 + 50 * round), true);
		propose(&w.right, (uint16_t)(100 + 50 * round), true);
		world_run(&w, 700);
	}
	world_run(&w, 60000);
	ck_assert_int_eq(w.left.closes + w.right.closes, 0);
	ck_assert_int_eq(w.left.channel_opens, 34);
	ck_assert_int_ge(w.right.messages, sent / 2);
	world_finish(&w);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sctp/streams");
	TCase *t = talk_case("streams");

	tcase_add_test(t, ten_thousand_channels_open_and_close_on_the_same_ids);
	tcase_add_test(t, storms_through_loss_reordering_and_repetition_do_not_lose_a_channel);
	tcase_add_test(t, each_channel_hears_what_was_said_on_it_in_order_and_nothing_else);
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
