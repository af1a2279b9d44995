/* test_channel.c: channels that open, are refused, and close. */
#include "dcmf/base/counters.h"
#include "tests/unit/main.h"
#include "tests/unit/sctp/talk.h"

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
	ck_assert_int_eq(propose(&w.left, 4, false), ERR_OK);
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
	ck_assert_int_eq(send_message(&w.left, 4, PPID_STRING, SPAN_LIT("there")), ERR_OK);
	ck_assert_int_eq(send_message(&w.right, 4, PPID_STRING, SPAN_LIT("back")), ERR_OK);
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
	ck_assert_int_eq(propose(&w.left, 0, true), ERR_OK);
	ck_assert_int_eq(propose(&w.right, 0, true), ERR_OK);
	ck_assert_int_eq(propose(&w.right, 1, false), ERR_OK);
	ck_assert_int_eq(send_message(&w.left, 0, PPID_STRING, SPAN_LIT("early")), ERR_STATE);
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
	ck_assert_int_eq(propose(&w.left, 1, false), ERR_DCEP_PARITY);
	ck_assert_int_eq(propose(&w.right, 2, false), ERR_DCEP_PARITY);
	ck_assert_int_eq(propose(&w.left, 1, true), ERR_OK);
	ck_assert_int_eq(propose(&w.left, 1, true), ERR_EXISTS);
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
		ck_assert_int_eq(propose(&w.left, 4, false), ERR_OK);
		for (int i = 0; i < 5; i++) {
			ck_assert_int_eq(
				send_message(&w.left, 4, PPID_STRING, SPAN_LIT("early")), ERR_OK);
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
			send_message(s, ev->sid, PPID_STRING, SPAN_LIT("unordered"));
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
		ck_assert_int_eq(propose(&w.left, 4, false), ERR_OK);
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
	ck_assert_int_eq(w.right.streams, 2048);
	ck_assert_int_eq(propose(&w.left, 4, false), ERR_OK);
	world_run(&w, 1000);
	ck_assert_int_eq(counted(dcep_refused_total), refused + 1);
	ck_assert_int_eq(w.right.channel_opens + w.right.channel_closes, 0);
	ck_assert_ptr_null(assoc_channel(w.right.a, 4));
	ck_assert_int_eq(w.left.channel_opens, 0);
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(w.left.channel_reason, CLOSE_PEER_RESET);
	ck_assert_int_eq(propose(&w.left, 4, true), ERR_OK); /* the id is free again */
	ck_assert_int_eq(propose(&w.right, 4, true), ERR_OK);
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
	ck_assert_int_eq(propose(&w.left, 4, false), ERR_OK);
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
	ck_assert_int_eq(propose(&w.right, 4, true), ERR_OK);
	ck_assert_int_eq(propose(&w.left, 4, false), ERR_OK);
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
		ck_assert_int_eq(propose(s, sid, true), ERR_OK);
	ck_assert_int_eq(send_message(s, sid, PPID_BINARY, message), ERR_OK);
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
	ck_assert_int_eq(propose(&w.left, 4, false), ERR_OK);
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
	ck_assert_int_eq(propose(&w.left, 4, true), ERR_OK);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(
			send_message(&w.left, 4, PPID_STRING, SPAN_LIT("who listens?")), ERR_OK);
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
	ck_assert_int_eq(propose(&w.left, 4, false), ERR_OK);
	world_run(&w, 100);
	ck_assert_int_eq(send_message(&w.left, 4, PPID_STRING, SPAN_LIT("last words")), ERR_OK);
	assoc_close_channel(w.left.a, 4, w.now);
	assoc_close_channel(w.left.a, 4, w.now); /* twice is once */
	assoc_close_channel(w.left.a, 77, w.now);
	ck_assert_int_eq(send_message(&w.left, 4, PPID_STRING, SPAN_LIT("too late")), ERR_STATE);
	ck_assert_int_eq(send_message(&w.left, 77, PPID_STRING, SPAN_LIT("nobody")), ERR_NOT_FOUND);
	ck_assert_int_eq(propose(&w.left, 4, false), ERR_EXISTS);
	world_run(&w, 1000);
	ck_assert_int_eq(w.right.messages, 1);
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(w.left.channel_reason, CLOSE_LOCAL);
	ck_assert_int_eq(w.right.channel_closes, 1);
	ck_assert_int_eq(w.right.channel_reason, CLOSE_PEER_RESET);
	ck_assert_int_eq(propose(&w.left, 4, false), ERR_OK);
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
	ck_assert_int_eq(propose(&w.left, 4, true), ERR_OK);
	ck_assert_int_eq(propose(&w.right, 4, true), ERR_OK);
	world_run(&w, 100);
	assoc_close_channel(w.left.a, 4, w.now);
	assoc_close_channel(w.right.a, 4, w.now);
	world_run(&w, 3000);
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(w.right.channel_closes, 1);
	ck_assert_int_eq(w.left.channel_reason, CLOSE_LOCAL);
	ck_assert_int_eq(w.right.channel_reason, CLOSE_LOCAL);
	ck_assert_int_eq(propose(&w.right, 4, true), ERR_OK);
	world_finish(&w);
}
END_TEST

START_TEST(a_channel_nobody_was_asked_for_closes_at_once)
{
	struct world w;

	world_start(&w);
	ck_assert(world_add(&w, &w.left, true));
	ck_assert_int_eq(propose(&w.left, 4, false), ERR_OK);
	assoc_close_channel(w.left.a, 4, w.now);
	ck_assert_int_eq(propose(&w.left, 4, false), ERR_EXISTS); /* until it is told */
	world_run(&w, 0);
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(w.left.channel_opens, 0);
	ck_assert_int_eq(propose(&w.left, 4, false), ERR_OK);
	world_finish(&w);
}
END_TEST

START_TEST(many_channels_close_together)
{
	struct world w;

	world_start(&w);
	world_connect(&w);
	for (uint16_t sid = 0; sid < 250; sid++) {
		ck_assert_int_eq(propose(&w.left, sid, true), ERR_OK);
		ck_assert_int_eq(propose(&w.right, sid, true), ERR_OK);
	}
	world_run(&w, 100);
	for (uint16_t sid = 0; sid < 250; sid++) {
		send_message(&w.left, sid, PPID_STRING, SPAN_LIT("bye"));
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
	ck_assert_int_eq(propose(&w.left, 4, true), ERR_OK); /* the right knows nothing of it */
	world_run(&w, 100);
	assoc_close_channel(w.left.a, 4, w.now);
	world_run(&w, 29000);
	ck_assert_int_eq(w.left.channel_closes, 0);
	world_run(&w, 2000);
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(w.left.channel_reason, CLOSE_LOCAL);
	ck_assert_ptr_null(assoc_channel(w.left.a, 4));
	ck_assert_int_eq(propose(&w.left, 4, true), ERR_EXISTS); /* a late reset must not hit it */
	world_run(&w, 120000);
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(propose(&w.left, 4, true), ERR_OK);
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
		ck_assert_int_eq(propose(&w.left, sid, true), ERR_OK);
		ck_assert_int_eq(propose(&w.right, sid, true), ERR_OK);
	}
	world_run(&w, 100);
	w.drop = lose_all_reconfig;
	assoc_close_channel(w.left.a, 4, w.now);
	for (int i = 0; i < 31; i++) {
		send_message(&w.left, 6, PPID_STRING, SPAN_LIT("alive"));
		world_run(&w, 1000);
	}
	ck_assert_int_eq(w.left.channel_closes, 1);
	ck_assert_int_eq(w.left.closes, 0);
	ck_assert_ptr_null(assoc_channel(w.left.a, 4));
	ck_assert_int_eq(propose(&w.left, 4, true), ERR_EXISTS);
	w.drop = NULL;
	world_run(&w, 5000);
	ck_assert_int_eq(propose(&w.left, 4, true), ERR_OK); /* the late answer frees it */
	world_finish(&w);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sctp/channel");
	TCase *t = talk_case("channel");

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
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
