/* test_ids.c: stream ids of every size and number, on few streams of the stack. */
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "sctp/assoc_impl.h"
#include "sctp/chunk.h"
#include "tests/unit/main.h"
#include "tests/unit/sctp/talk.h"

static uint32_t streams_of(const struct side *s)
{
	uint32_t in = s->a->numbers.in_count, out = s->a->out_streams;

	return in > out ? in : out;
}

static void agree(struct world *w, uint16_t sid)
{
	add_channel(&w->left, sid, true);
	add_channel(&w->right, sid, true);
}

START_TEST(ids_of_every_size_live_in_one_association)
{
	static const uint16_t ids[] = { 0, 1000, 65534 };
	struct world w;

	world_start(&w);
	w.left.config.max_streams = w.right.config.max_streams = 65535;
	w.left.config.accept_dcep = w.right.config.accept_dcep = false;
	world_connect(&w);
	for (int i = 0; i < 3; i++)
		agree(&w, ids[i]);
	w.loss_percent = 10;
	for (int round = 0; round < 20; round++) {
		struct side *from = round % 2 ? &w.left : &w.right;

		ck_assert_int_eq(say(from, ids[round % 3], "hello"), ERR_OK);
		world_run(&w, 3000);
		ck_assert_uint_eq(from->peer->last.sid, ids[round % 3]);
	}
	ck_assert_uint_eq(w.left.messages + w.right.messages, 20);
	ck_assert_uint_eq(streams_of(&w.left), 16);
	ck_assert_uint_eq(streams_of(&w.right), 16);
	world_finish(&w);
}
END_TEST

START_TEST(thousands_of_ids_pass_through_few_streams)
{
	struct world w;
	uint32_t first;

	world_start(&w);
	w.left.config.max_streams = w.right.config.max_streams = 65535;
	world_connect(&w);
	first = streams_of(&w.right);
	for (uint16_t sid = 0; sid < 4000; sid += 2) {
		ck_assert_int_eq(propose(&w.left, (uint16_t)(sid * 16), false), ERR_OK);
		ck_assert_int_eq(say(&w.left, (uint16_t)(sid * 16), "a"), ERR_OK);
		world_run(&w, 60);
		ck_assert_int_eq(say(&w.right, (uint16_t)(sid * 16), "b"), ERR_OK);
		world_run(&w, 60);
		assoc_close_channel(w.left.a, (uint16_t)(sid * 16), w.now);
		world_run(&w, 300);
	}
	ck_assert_uint_eq(w.left.channel_closes, 2000);
	ck_assert_uint_eq(w.right.channel_closes, 2000);
	ck_assert_uint_eq(w.right.messages, 2000);
	ck_assert_uint_eq(w.left.messages, 2000);
	ck_assert_uint_eq(streams_of(&w.left), first);
	ck_assert_uint_eq(streams_of(&w.right), first);
	ck_assert_uint_le(w.left.a->numbers.map.count, 1);
	ck_assert_uint_le(w.right.a->numbers.map.count, 1);
	world_finish(&w);
}
END_TEST

START_TEST(streams_are_given_back_through_loss_too)
{
	struct world w;

	world_start(&w);
	w.loss_percent = w.reorder_percent = w.duplicate_percent = 10;
	world_connect(&w);
	for (uint16_t sid = 0; sid < 400; sid += 2) {
		ck_assert_int_eq(propose(&w.left, sid, false), ERR_OK);
		for (int i = 0; i < 3; i++)
			say(&w.left, sid, "perhaps");
		world_run(&w, 2000);
		say(&w.right, sid, "perhaps not");
		assoc_close_channel(sid % 4 ? w.left.a : w.right.a, sid, w.now);
		world_run(&w, 5000);
	}
	w.loss_percent = w.reorder_percent = w.duplicate_percent = 0;
	world_run(&w, 200000);
	ck_assert_int_eq(w.left.closes + w.right.closes, 0);
	ck_assert_uint_eq(w.left.channel_opens, w.left.channel_closes);
	ck_assert_uint_eq(w.right.channel_opens, w.right.channel_closes);
	ck_assert_uint_eq(w.left.a->numbers.map.count, 0);
	ck_assert_uint_eq(w.right.a->numbers.map.count, 0);
	ck_assert_int_eq(propose(&w.left, 2, false), ERR_OK);
	world_run(&w, 200);
	ck_assert_int_eq(say(&w.right, 2, "fresh"), ERR_OK);
	world_run(&w, 200);
	ck_assert_mem_eq(w.left.head, "fresh", 5);
	world_finish(&w);
}
END_TEST

static void open_many(struct world *w, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		ck_assert_int_eq(propose(&w->left, (uint16_t)(2 * i), false), ERR_OK);
}

static void all_work(struct world *w, uint16_t count)
{
	unsigned before = w->left.messages + w->right.messages;

	for (uint16_t i = 0; i < count; i++) {
		ck_assert_int_eq(say(&w->left, (uint16_t)(2 * i), "one"), ERR_OK);
		ck_assert_int_eq(say(&w->right, (uint16_t)(2 * i), "two"), ERR_OK);
	}
	world_run(w, 5000);
	ck_assert_uint_eq(w->left.messages + w->right.messages, before + 2 * count);
}

START_TEST(hundreds_of_channels_asked_for_at_once_are_granted)
{
	struct world w;

	world_start(&w);
	world_connect(&w);
	open_many(&w, 500);
	world_run(&w, 20000);
	ck_assert_uint_eq(w.left.channel_opens, 500);
	ck_assert_uint_eq(w.right.channel_opens, 500);
	all_work(&w, 500);
	for (uint16_t i = 0; i < 500; i++)
		assoc_close_channel(i % 2 ? w.left.a : w.right.a, (uint16_t)(2 * i), w.now);
	world_run(&w, 20000);
	ck_assert_uint_eq(w.left.channel_closes, 500);
	ck_assert_uint_eq(w.right.channel_closes, 500);
	ck_assert_uint_eq(w.right.a->numbers.map.count, 0);
	world_finish(&w);
}
END_TEST

START_TEST(channels_asked_for_before_it_is_up_open_with_it)
{
	struct world w;

	world_start(&w);
	ck_assert(world_add(&w, &w.left, true));
	ck_assert(world_add(&w, &w.right, false));
	open_many(&w, 200);
	world_run(&w, 10000);
	ck_assert_uint_eq(w.right.channel_opens, 200);
	all_work(&w, 200);
	world_finish(&w);
}
END_TEST

START_TEST(agreed_channels_have_their_streams_from_the_start)
{
	struct world w;

	world_start(&w);
	w.left.config.channels = w.right.config.channels = 100;
	ck_assert(world_add(&w, &w.left, true));
	ck_assert(world_add(&w, &w.right, false));
	for (uint16_t i = 0; i < 100; i++)
		agree(&w, (uint16_t)(2 * i));
	world_run(&w, 1000);
	all_work(&w, 100);
	ck_assert_uint_eq(streams_of(&w.left), 101);
	world_finish(&w);
}
END_TEST

/* Streams are asked for at both ends while a reset of either is under way. */
START_TEST(growing_and_closing_at_once_disturb_neither)
{
	struct world w;

	world_start(&w);
	w.loss_percent = 5;
	world_connect(&w);
	for (uint16_t i = 0; i < 300; i++) {
		struct side *s = i % 2 ? &w.left : &w.right;
		uint16_t sid = (uint16_t)(2 * i + (s == &w.right));

		ck_assert_int_eq(propose(s, sid, false), ERR_OK);
		if (i % 3 == 2)
			assoc_close_channel(w.left.a, (uint16_t)(sid - 2), w.now);
		if (i % 10 == 0)
			world_run(&w, 70);
	}
	world_run(&w, 100000);
	ck_assert_int_eq(w.left.closes + w.right.closes, 0);
	ck_assert_uint_eq(w.left.a->channels.count, w.right.a->channels.count);
	ck_assert_uint_eq(w.left.a->numbers.map.count, w.left.a->channels.count);
	ck_assert_uint_eq(w.right.a->numbers.map.count, w.right.a->channels.count);
	world_finish(&w);
}
END_TEST

/* ---- partial reliability ---- */

START_TEST(what_is_given_up_on_many_ids_does_not_stop_what_follows)
{
	static const uint16_t ids[] = { 65534, 3, 1000, 1002, 40000 };
	struct world w;

	world_start(&w);
	w.left.config.max_streams = w.right.config.max_streams = 65535;
	world_connect(&w);
	for (int i = 0; i < 5; i++) {
		struct channel_config c = { .sid = ids[i],
			.negotiated = true,
			.quality = { .reliability = MAX_RETRANSMITS, .limit = 0 } };

		ck_assert_int_eq(assoc_add_channel(w.left.a, &c), ERR_OK);
		ck_assert_int_eq(assoc_add_channel(w.right.a, &c), ERR_OK);
	}
	w.loss_percent = 40; /* the first messages of a stream among them */
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 5; i++)
			say(&w.left, ids[i], "perhaps");
		world_run(&w, 100);
	}
	w.loss_percent = 0;
	world_run(&w, 5000);
	ck_assert_uint_lt(w.right.messages, 900);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(say(&w.left, ids[i], "now"), ERR_OK);
		world_run(&w, 1000);
		ck_assert_uint_eq(w.right.last.sid, ids[i]);
		ck_assert_mem_eq(w.right.head, "now", 3);
	}
	ck_assert_int_eq(w.left.closes + w.right.closes, 0);
	world_finish(&w);
}
END_TEST

/* ---- peers that do as they like ---- */

/* Each DATA chunk of the left side names another id. */
static uint32_t sprayed;
static uint16_t spray_from;

static bool spray(struct world *w, const struct packet *p)
{
	uint8_t *b = ((struct packet *)(uintptr_t)p)->bytes;

	for (size_t at = 12; p->to == &w->right && at + 16 <= p->len;
		at += chunk_padded(get_u16(b + at + 2))) {
		if (b[at] != CHUNK_DATA || get_u16(b + at + 8) == 0)
			continue;
		put_u16(b + at + 8, (uint16_t)(spray_from + sprayed++ % (65535u - spray_from)));
		put_u16(b + at + 10, 0);
	}
	return false;
}

static void sprays(struct world *w, unsigned messages)
{
	add_channel(&w->left, 2, true);
	for (unsigned i = 0; i < messages; i++) {
		say(&w->left, 2, "spray");
		if (i % 20 == 19)
			world_run(w, 50);
	}
	world_run(w, 1000);
}

START_TEST(a_peer_that_sprays_ids_gets_each_of_them_refused)
{
	int64_t refused = counted(stream_refused_total);
	struct world w;

	world_start(&w);
	connect_with_channel(&w);
	sprayed = 0;
	spray_from = 100;
	w.drop = spray;
	sprays(&w, 1000);
	w.drop = NULL;
	ck_assert_int_eq(w.right.closes, 0);
	ck_assert_uint_eq(w.right.messages, 0);
	ck_assert_int_ge(counted(stream_refused_total), refused + 900);
	ck_assert_uint_le(streams_of(&w.right), 2048);
	ck_assert_int_eq(say(&w.left, 0, "and now?"), ERR_OK);
	world_run(&w, 2000);
	ck_assert_uint_eq(w.right.messages, 1);
	world_finish(&w);
}
END_TEST

START_TEST(ids_beyond_the_limit_cost_nothing_and_stop_nobody)
{
	int64_t refused = counted(sctp_stream_refused_total);
	struct world w;

	world_start(&w);
	connect_with_channel(&w);
	sprayed = 0;
	spray_from = 2048;
	w.drop = spray;
	sprays(&w, 3000);
	w.drop = NULL;
	ck_assert_int_eq(w.right.closes, 0);
	ck_assert_uint_eq(streams_of(&w.right), 32);
	ck_assert_uint_eq(w.right.a->numbers.map.count, 1);
	ck_assert_int_ge(counted(sctp_stream_refused_total), refused + 2900);
	ck_assert_int_eq(say(&w.left, 0, "and now?"), ERR_OK);
	world_run(&w, 2000);
	ck_assert_uint_eq(w.right.messages, 1);
	world_finish(&w);
}
END_TEST

/* A peer without RFC 6525: its INIT and INIT ACK do not name RE-CONFIG. */
static bool no_reconfig(struct world *w, const struct packet *p)
{
	uint8_t *b = ((struct packet *)(uintptr_t)p)->bytes;

	if (p->to != &w->right || (b[12] != CHUNK_INIT && b[12] != CHUNK_INIT_ACK))
		return false;
	for (size_t at = 32; at + 4 <= p->len && get_u16(b + at + 2) >= 4;
		at += chunk_padded(get_u16(b + at + 2)))
		if (get_u16(b + at) == 0x8008)
			memset(b + at + 4, CHUNK_FORWARD_TSN, get_u16(b + at + 2) - 4u);
	return false;
}

START_TEST(a_peer_without_reconfiguration_has_the_first_streams_and_no_more)
{
	int64_t refused = counted(sctp_stream_refused_total);
	struct world w;

	world_start(&w);
	w.drop = no_reconfig;
	world_connect(&w);
	open_many(&w, 60);
	world_run(&w, 3000);
	ck_assert_uint_eq(w.right.channel_opens, 31);
	ck_assert_int_ge(counted(sctp_stream_refused_total), refused + 29);
	ck_assert_int_eq(w.right.closes, 0);
	ck_assert_int_eq(say(&w.left, 20, "lives"), ERR_OK);
	world_run(&w, 1000);
	ck_assert_mem_eq(w.right.head, "lives", 5);
	ck_assert_int_eq(propose(&w.right, 101, true), ERR_OK); /* we cannot either */
	world_run(&w, 1000);
	ck_assert_int_eq(w.right.channel_reason, CLOSE_STREAM_REFUSED);
	world_finish(&w);
}
END_TEST

/* The left side takes 32 streams of ours, and has more itself. */
static bool takes_few(struct world *w, const struct packet *p)
{
	uint8_t *b = ((struct packet *)(uintptr_t)p)->bytes;

	if (p->to == &w->right && (b[12] == CHUNK_INIT || b[12] == CHUNK_INIT_ACK))
		put_u16(b + 12 + 14, 32);
	return false;
}

START_TEST(a_channel_beyond_what_the_peer_takes_is_not_opened_for_it_either)
{
	int64_t refused = counted(dcep_refused_total);
	struct world w;

	world_start(&w);
	w.drop = takes_few;
	world_connect(&w);
	ck_assert_uint_eq(w.right.streams, 32);
	ck_assert_uint_eq(w.left.streams, 2048);
	ck_assert_int_eq(propose(&w.left, 30, false), ERR_OK);
	ck_assert_int_eq(propose(&w.left, 100, false), ERR_OK);
	world_run(&w, 1000);
	ck_assert_uint_eq(w.right.channel_opens, 1);
	ck_assert_int_eq(counted(dcep_refused_total), refused + 1);
	ck_assert_int_eq(w.right.closes, 0);
	world_finish(&w);
}
END_TEST

/* The left side asks the right one to reset streams: all, where `sid` is STREAM_NONE (RFC 6525 4.2). */
static void ask_for_reset(struct world *w, uint16_t sid)
{
	const struct renumber *n = &w->right.a->numbers;
	size_t list = sid == STREAM_NONE ? 0 : 2;
	uint8_t p[28] = { 0 };

	put_u16(p, 5000);
	put_u16(p + 2, 5000);
	put_u32(p + 4, n->tag);
	p[12] = CHUNK_RE_CONFIG;
	put_u16(p + 14, (uint16_t)(12 + list));
	put_u16(p + 16, RESET_INCOMING);
	put_u16(p + 18, (uint16_t)(8 + list));
	put_u32(p + 20, n->in_next - n->in_shift);
	put_u16(p + 24, sid);
	assoc_input(w->right.a, w->now, SPAN(p, 24 + (list > 0 ? 4 : 0)));
	world_run(w, 1000);
}

static void connect_with_many(struct world *w)
{
	world_start(w);
	world_connect(w);
	open_many(w, 50); /* the stack has asked for more streams meanwhile */
	world_run(w, 3000);
	all_work(w, 50);
}

START_TEST(a_peer_may_ask_for_the_reset_of_one_of_our_streams)
{
	struct world w;

	connect_with_many(&w);
	ask_for_reset(&w, 1999);
	ck_assert_uint_eq(w.left.channel_closes, 0); /* it has none */
	ask_for_reset(&w, 40);
	ck_assert_uint_eq(w.left.channel_closes, 1);
	ck_assert_ptr_null(assoc_channel(w.left.a, 40));
	ck_assert_ptr_nonnull(assoc_channel(w.left.a, 42));
	ck_assert_int_eq(say(&w.right, 42, "lives"), ERR_OK);
	world_run(&w, 200);
	ck_assert_mem_eq(w.left.head, "lives", 5);
	world_finish(&w);
}
END_TEST

START_TEST(a_peer_may_ask_for_the_reset_of_all_our_streams)
{
	struct world w;

	connect_with_many(&w);
	ask_for_reset(&w, STREAM_NONE);
	ck_assert_uint_eq(w.left.channel_closes, 50);
	ck_assert_int_eq(w.left.closes + w.right.closes, 0);
	world_finish(&w);
}
END_TEST

/* ---- memory ---- */

static void scenario(void)
{
	struct world w;

	world_start(&w);
	if (!world_add(&w, &w.left, true) || !world_add(&w, &w.right, false)) {
		world_finish(&w);
		return;
	}
	world_run(&w, 300);
	for (uint16_t i = 0; i < 40; i++)
		propose(&w.left, (uint16_t)(1000 + 2 * i), false);
	world_run(&w, 2000);
	for (uint16_t i = 0; i < 40; i++)
		assoc_close_channel(w.left.a, (uint16_t)(1000 + 2 * i), w.now);
	world_run(&w, 2000);
	world_finish(&w);
}

START_TEST(running_out_of_memory_while_streams_grow_is_survived)
{
	long live;

	scenario();
	live = mem_live();
	for (unsigned long n = 1;; n++) {
		mem_fail_at(n);
		scenario();
		ck_assert_int_eq(mem_live(), live);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sctp/ids");
	TCase *t = talk_case("ids");

	tcase_add_test(t, ids_of_every_size_live_in_one_association);
	tcase_add_test(t, thousands_of_ids_pass_through_few_streams);
	tcase_add_test(t, streams_are_given_back_through_loss_too);
	tcase_add_test(t, hundreds_of_channels_asked_for_at_once_are_granted);
	tcase_add_test(t, channels_asked_for_before_it_is_up_open_with_it);
	tcase_add_test(t, agreed_channels_have_their_streams_from_the_start);
	tcase_add_test(t, growing_and_closing_at_once_disturb_neither);
	tcase_add_test(t, what_is_given_up_on_many_ids_does_not_stop_what_follows);
	tcase_add_test(t, a_peer_that_sprays_ids_gets_each_of_them_refused);
	tcase_add_test(t, ids_beyond_the_limit_cost_nothing_and_stop_nobody);
	tcase_add_test(t, a_peer_without_reconfiguration_has_the_first_streams_and_no_more);
	tcase_add_test(t, a_channel_beyond_what_the_peer_takes_is_not_opened_for_it_either);
	tcase_add_test(t, a_peer_may_ask_for_the_reset_of_one_of_our_streams);
	tcase_add_test(t, a_peer_may_ask_for_the_reset_of_all_our_streams);
	tcase_add_test(t, running_out_of_memory_while_streams_grow_is_survived);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
