/*
 * test_bridge_slow.c: a fast sender and a slow reader with the relay between them: who waits, for
 * how long, and what memory it costs.
 *
 *     phone a ══ sends ══► queue of the channel ══ window shut ══► phone b (busy)
 *             ◄══ goes on as if nothing were ═══════════════════
 */
#include <stdio.h>

#include "dcmf/base/counters.h"
#include "tests/flow/inside.h"
#include "tests/flow/paired.h"

#define KIB    1024u
#define MIB    (KIB * KIB)
#define QUEUE  (256 * KIB)
#define HOLD_S 10
#define SIZE   4000u
#define PLENTY (16 * MIB / SIZE)
/* Of the four stacks on the way, send and receive, and the queue, as configured here. */
#define BUFFERS (3 * MIB)

static const struct ue_stream streams[] = {
	{ .sid = 1000, .label = "text" },
	/* so long that SCTP itself gives nothing up: what is missing the relay has dropped, and counted */
	{ .sid = 1001, .quality = { false, MAX_LIFETIME, 256, 600000 }, .label = "lossy" },
	{ .sid = 1002, .label = "other" },
};

static int64_t peak;

static void small_queues(struct relay_config *config)
{
	config->channel_queue = QUEUE;
	config->channel_hold_us = TICK_S(HOLD_S);
}

static void begin(const char *name)
{
	struct phone_options side = { .max_message = 16 * KIB };

	make(name, small_queues,
		&(struct pair_options){ .proxy = PROXY_DC_APPLICATION,
			.streams = streams,
			.stream_count = 3,
			.a = side,
			.b = side });
	pair_set_up(p);
	peak = 0;
}

static bool watch_memory(struct world *world)
{
	(void)world;
	if (counter_value[CNT_buffered_bytes] > peak)
		peak = counter_value[CNT_buffered_bytes];
	return false;
}

static void run(double seconds)
{
	world_until(w, seconds, watch_memory);
}

static void hold(struct phone *phone, bool on)
{
	ue_hold(phone->ue, on);
	phone->touched = true;
}

static unsigned drops(void)
{
	return (unsigned)counter_value[CNT_messages_dropped_total];
}

START_TEST(a_slow_reader_slows_the_sender_and_memory_stays_bounded)
{
	struct flow *f;

	begin(__func__);
	hold(p->b, true);
	f = pair_flow(p, p->a, 1000, 1000, SIZE, PLENTY);
	run(4);
	ck_assert_uint_lt(f->sent, BUFFERS / SIZE);
	ck_assert_int_gt(peak, QUEUE);
	ck_assert_int_lt(peak, QUEUE + QUEUE / 4);
	run(4);
	ck_assert_uint_lt(f->sent, BUFFERS / SIZE);
	hold(p->b, false);
	ck_assert(world_until(w, 60, flows_done));
	flow_is_whole(f, true);
	ck_assert_uint_eq(counter_value[CNT_buffered_bytes], 0);
	ck_assert_uint_eq(p->a->channels_closed, 0);
	end();
}
END_TEST

/* A reader that is slow all the time, not stuck: everything arrives, at its pace, and no channel ends. */
START_TEST(a_reader_that_reads_now_and_then_gets_everything)
{
	struct flow *f;
	unsigned before = drops();

	begin(__func__);
	f = pair_flow(p, p->a, _i ? 1001 : 1000, _i ? 1001 : 1000, SIZE, PLENTY / 4);
	for (unsigned i = 0; i < 200 && !flows_done(w); i++) {
		hold(p->b, true);
		run(2);
		hold(p->b, false);
		run(0.1);
	}
	ck_assert(world_until(w, 60, flows_done));
	flow_is_whole(f, true);
	ck_assert_int_lt(peak, QUEUE + QUEUE / 4);
	ck_assert_uint_eq(drops(), before); /* none while the reader keeps up */
	end();
}
END_TEST

START_TEST(the_other_direction_goes_on)
{
	struct flow *stuck, *fine;

	begin(__func__);
	hold(p->b, true);
	stuck = pair_flow(p, p->a, 1000, 1000, SIZE, PLENTY);
	run(3);
	stuck->paused = true;
	fine = pair_flow(p, p->b, 1000, 1000, SIZE, 1000);
	ck_assert(world_until(w, 6, flows_done));
	flow_is_whole(fine, true);
	stuck->paused = false;
	hold(p->b, false);
	ck_assert(world_until(w, 60, flows_done));
	flow_is_whole(stuck, true);
	end();
}
END_TEST

/* Both sides are busy, and both directions full: nobody waits for the other for ever. */
START_TEST(two_slow_readers_do_not_wait_for_one_another)
{
	begin(__func__);
	pair_flow_all(p, SIZE, PLENTY / 16);
	hold(p->a, true);
	hold(p->b, true);
	run(8);
	hold(p->a, false);
	run(1);
	hold(p->b, false);
	ck_assert(world_until(w, 60, flows_done));
	flows_are_whole(p);
	ck_assert_int_lt(peak, 2 * (2 * QUEUE + 3 * 16 * KIB));
	end();
}
END_TEST

/*
 *     a: 1010 ──► relay ── not there yet ── b      only b's leg lacks it: the other channels of a's association move while the queue has
 *     a: 1000 ──► relay ──────────────────► b      room, and again when the hold time is over
 */
START_TEST(a_channel_that_is_stuck_holds_its_neighbours_for_no_longer_than_the_hold_time)
{
	const struct ue_stream lonely = { .sid = 1010, .label = "lonely" };
	struct flow *stuck, *fine;
	const struct seen *s;
	struct context_spec spec;

	begin(__func__);
	ck_assert_int_eq(ue_open(p->a->ue, &lonely, false), ERR_OK);
	pair_spec(p, &spec);
	ck_assert(world_update_context(w, p->context_id, &spec));
	context_spec_finish(&spec);
	run(1);
	stuck = pair_flow(p, p->a, 1010, 1010, SIZE, QUEUE / SIZE / 2);
	fine = pair_flow(p, p->a, 1000, 1000, SIZE, 1000);
	run(3);
	stuck->paused = true;
	ck_assert_msg(flows_done(w), "%llu", (unsigned long long)fine->ledger.received);
	flow_is_whole(fine, true);
	stuck->count = PLENTY;
	stuck->paused = false;
	run(1);
	ck_assert_int_ge(counter_value[CNT_buffered_bytes], QUEUE);
	fine->count += 1000;
	fine->from->touched = true;
	run(HOLD_S + 5);
	s = world_last(w, p->a, RELAY_EVENT_CHANNEL_CLOSED);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(s->reason, CLOSE_QUEUE_LIMIT);
	ck_assert_int_eq(s->sid, 1010);
	ck_assert_int_lt(peak, 2 * QUEUE + QUEUE / 4);
	stuck->paused = true;
	ck_assert(world_until(w, 10, flows_done));
	flow_is_whole(fine, true);
	ck_assert_uint_eq(p->b->channels_closed, 0);
	end();
}
END_TEST

START_TEST(a_reliable_channel_that_is_full_for_too_long_ends_with_a_reason)
{
	const struct seen *s;
	struct flow *f;

	begin(__func__);
	hold(p->b, true);
	f = pair_flow(p, p->a, 1000, 1000, SIZE, PLENTY);
	run(HOLD_S + 5);
	s = world_last(w, p->a, RELAY_EVENT_CHANNEL_CLOSED);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(s->reason, CLOSE_QUEUE_LIMIT);
	ck_assert_int_eq(s->sid, 1000);
	ck_assert_uint_eq(p->a->channels_closed, 1);
	ck_assert_int_lt(peak, QUEUE + QUEUE / 4);
	f->paused = true;
	/* What the reader's stack had taken already still comes; then its channel ends too, and the others live. */
	hold(p->b, false);
	run(5);
	ck_assert_uint_eq(f->ledger.wrong + f->ledger.overtaken + f->ledger.doubled, 0);
	ck_assert_uint_eq(p->b->channels_closed, 1);
	ck_assert_uint_eq(p->a->closed + p->b->closed, 0);
	f = pair_flow(p, p->a, 1002, 1002, SIZE, 100);
	ck_assert(world_until(w, 10, flows_done));
	flow_is_whole(f, true);
	ck_assert_uint_eq(counter_value[CNT_buffered_bytes], 0);
	end();
}
END_TEST

/* Partial reliability: the oldest go, the newest come, in order; the sender runs on, and the books are right. */
START_TEST(a_partially_reliable_channel_drops_its_oldest)
{
	unsigned before = drops();
	struct flow *f;

	begin(__func__);
	hold(p->b, true);
	f = pair_flow(p, p->a, 1001, 1001, SIZE, PLENTY);
	run(25); /* after 30 s of a shut window the watchdog of the association would speak */
	ck_assert_uint_eq(f->sent, PLENTY);
	ck_assert_uint_eq(p->a->channels_closed, 0);
	ck_assert_int_lt(peak, QUEUE + QUEUE / 4);
	ck_assert_uint_gt(drops(), before);
	hold(p->b, false);
	run(20);
	ck_assert_uint_eq(f->ledger.next, PLENTY); /* the newest came */
	ck_assert_uint_eq(f->ledger.received + drops() - before, f->sent);
	ck_assert_uint_eq(f->ledger.wrong + f->ledger.overtaken + f->ledger.doubled, 0);
	ck_assert_uint_eq(counter_value[CNT_buffered_bytes], 0);
	end();
}
END_TEST

/*
 * Three channels that b's leg lacks; none is full, all together are: the window is shut as well, and for no longer. Those that hold
 * most end, one after the other, until it opens.
 */
START_TEST(channels_that_are_too_much_only_together_are_not_waited_for_for_ever)
{
	struct flow *fine;

	begin(__func__);
	for (uint16_t sid = 1010; sid < 1013; sid++) {
		const struct ue_stream lonely = { .sid = sid, .label = "lonely" };
		struct context_spec spec;

		ck_assert_int_eq(ue_open(p->a->ue, &lonely, false), ERR_OK);
		pair_spec(p, &spec);
		ck_assert(world_update_context(w, p->context_id, &spec));
		context_spec_finish(&spec);
	}
	run(1);
	for (uint16_t sid = 1010; sid < 1013; sid++)
		pair_flow(p, p->a, sid, sid, SIZE, QUEUE * 7 / 10 / SIZE);
	run(HOLD_S - 1);
	ck_assert_int_ge(counter_value[CNT_buffered_bytes], 2 * QUEUE);
	ck_assert_uint_eq(p->a->channels_closed, 0);
	run(2);
	ck_assert_uint_eq(p->a->channels_closed, 2);
	ck_assert_int_eq(
		world_last(w, p->a, RELAY_EVENT_CHANNEL_CLOSED)->reason, CLOSE_QUEUE_LIMIT);
	ck_assert_int_lt(counter_value[CNT_buffered_bytes], QUEUE);
	ck_assert_int_lt(peak, 2 * QUEUE + QUEUE / 4);
	fine = pair_flow(p, p->a, 1000, 1000, SIZE, 1000);
	run(5);
	flow_is_whole(fine, true);
	ck_assert_uint_eq(p->a->closed + p->b->closed, 0);
	end();
}
END_TEST

/* Two minutes of a sender that always has more and a reader that takes little. */
START_TEST(two_minutes_of_a_slow_reader_cost_no_more_than_the_queues)
{
	unsigned before = drops();

	begin(__func__);
	for (unsigned i = 0; i < 3; i++)
		pair_flow(p, p->a, streams[i].sid, streams[i].sid, SIZE, 1u << 20);
	for (unsigned i = 0; i < 24; i++) {
		hold(p->b, true);
		run(4.8);
		hold(p->b, false);
		run(0.2);
	}
	printf("a slow reader for two minutes: %lld bytes held at most, %u messages dropped; the "
	       "queue "
	       "of a channel is %u\n",
		(long long)peak, drops() - before, QUEUE);
	ck_assert_int_lt(peak, 3 * QUEUE + 3 * 16 * KIB);
	ck_assert_uint_eq(p->a->channels_closed, 0);
	end();
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, a_slow_reader_slows_the_sender_and_memory_stays_bounded);
	tcase_add_loop_test(tc, a_reader_that_reads_now_and_then_gets_everything, 0, 2);
	tcase_add_test(tc, the_other_direction_goes_on);
	tcase_add_test(tc, two_slow_readers_do_not_wait_for_one_another);
	tcase_add_test(
		tc, a_channel_that_is_stuck_holds_its_neighbours_for_no_longer_than_the_hold_time);
	tcase_add_test(tc, a_reliable_channel_that_is_full_for_too_long_ends_with_a_reason);
	tcase_add_test(tc, a_partially_reliable_channel_drops_its_oldest);
	tcase_add_test(tc, channels_that_are_too_much_only_together_are_not_waited_for_for_ever);
	tcase_add_test(tc, two_minutes_of_a_slow_reader_cost_no_more_than_the_queues);
}

int main(void)
{
	return world_main("bridge_slow", add);
}
