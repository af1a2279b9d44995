/*
 * test_bridge_ends.c: channels that close and open again, legs that die and come back, wishes that
 * change, memory that runs out.
 *
 *     phone a ══ leg ── channels ── leg ══ phone b         what ends on one side ends on the other: channels do, associations do not
 */
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "tests/flow/inside.h"
#include "tests/flow/paired.h"

static const struct ue_stream two[] = { { .sid = 1000, .label = "text" },
	{ .sid = 1002, .label = "other" } };

static struct phone_options side(bool ice, enum setup setup)
{
	return (struct phone_options){
		.ice = ice, .setup = setup, .accept_dcep = true, .max_message = 65536
	};
}

static struct pair_options options(bool ice)
{
	return (struct pair_options){ .proxy = PROXY_DC_APPLICATION,
		.streams = two,
		.stream_count = 2,
		.a = side(ice, SETUP_NONE),
		.b = side(ice, SETUP_NONE) };
}

static void begin(const char *name, bool ice)
{
	struct pair_options o = options(ice);

	begin_with(name, &o);
}

static void works_both_ways(uint16_t sid)
{
	pair_flow(p, p->a, sid, sid, 800, 50);
	pair_flow(p, p->b, sid, sid, 800, 50);
	ck_assert(world_until(w, 20, flows_done));
	flows_are_whole(p);
	pair_forget_flows(p);
}

static void close_channel(struct phone *phone, uint16_t sid)
{
	ue_close_channel(phone->ue, sim_now(), sid);
	phone->touched = true;
}

static void open_agreed(struct phone *phone, const struct ue_stream *s)
{
	ck_assert_int_eq(ue_open(phone->ue, s, false), ERR_OK);
	phone->touched = true;
}

/* ---- channels ---- */

START_TEST(a_channel_that_one_side_closes_is_closed_on_the_other)
{
	begin(__func__, false);
	close_channel(_i ? p->b : p->a, 1000);
	world_run(w, 2);
	ck_assert_uint_eq(p->a->channels_closed, 1);
	ck_assert_uint_eq(p->b->channels_closed, 1);
	ck_assert_uint_eq(world_count(w, p->a, RELAY_EVENT_CHANNEL_CLOSED), 2);
	ck_assert_int_eq(world_last(w, p->a, RELAY_EVENT_CHANNEL_CLOSED)->reason, CLOSE_PEER_RESET);
	works_both_ways(1002);

	/* Agreed anew, the id is used anew. */
	ck_assert(pair_update(p));
	open_agreed(p->a, &two[0]);
	ck_assert(pair_update(p));
	world_run(w, 2);
	works_both_ways(1000);
	ck_assert_uint_eq(p->a->secured + p->b->secured, 2);
	end();
}
END_TEST

START_TEST(a_channel_that_both_sides_close_at_once_is_closed_once)
{
	begin(__func__, false);
	close_channel(p->a, 1000);
	close_channel(p->b, 1000);
	world_run(w, 2);
	ck_assert_uint_eq(p->a->channels_closed, 1);
	ck_assert_uint_eq(p->b->channels_closed, 1);
	ck_assert_uint_eq(world_count(w, p->a, RELAY_EVENT_CHANNEL_CLOSED), 2);
	works_both_ways(1002);
	end();
}
END_TEST

/* The controller takes a stream away: a reset on both legs. */
START_TEST(a_stream_that_is_no_longer_agreed_is_reset_on_both_sides)
{
	struct context_spec spec;

	begin(__func__, false);
	pair_spec(p, &spec);
	for (unsigned i = 0; i < 2; i++) {
		struct media_spec *m = spec.terminations[i].medias;

		mem_free(m->streams[1].label);
		mem_free(m->streams[1].subprotocol);
		m->stream_count = 1;
	}
	ck_assert(world_update_context(w, p->context_id, &spec));
	context_spec_finish(&spec);
	world_run(w, 2);
	ck_assert_uint_eq(p->a->channels_closed, 1);
	ck_assert_uint_eq(p->b->channels_closed, 1);
	works_both_ways(1000);
	end();
}
END_TEST

/*
 *     a: send, send, ... close ──► queue ──► b is busy      the last words come before the end does
 */
START_TEST(what_was_sent_before_the_close_arrives)
{
	const uint16_t sid = 1000;
	struct flow *f;

	begin(__func__, false);
	if (_i)
		ue_hold(p->b->ue, true);
	f = pair_flow(p, p->a, sid, sid, 8000, 250);
	while (f->sent < f->count)
		world_run(w, 0.01);
	close_channel(p->a, sid);
	world_run(w, 3);
	ue_hold(p->b->ue, false);
	p->b->touched = true;
	world_run(w, 5);
	flow_is_whole(f, true);
	ck_assert_uint_eq(p->b->channels_closed, 1);
	ck_assert_uint_eq(p->a->channels_closed, 1);
	ck_assert_int_eq(counter_value[CNT_buffered_bytes], 0);
	pair_forget_flows(p);
	works_both_ways(1002);
	end();
}
END_TEST

static void impatient(struct relay_config *config)
{
	config->channel_queue = 1024 * 1024;
	config->send_buffer = 128 * 1024; /* less than b takes at once */
	config->channel_hold_us = TICK_S(3);
}

static unsigned ends_by(enum close_reason reason)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->seen_count; i++)
		n += w->seen[i].type == RELAY_EVENT_CHANNEL_CLOSED && w->seen[i].reason == reason;
	return n;
}

/* Every second b reads a little, or never: as long as some goes out, the rest is waited for. */
START_TEST(last_words_have_time_as_long_as_some_leave)
{
	struct pair_options o = options(false);
	const bool reads = _i == 0;
	struct flow *f;

	make(__func__, impatient, &o);
	pair_set_up(p);
	ue_hold(p->b->ue, true);
	f = pair_flow(p, p->a, 1000, 1000, 8000, 150);
	world_run(w, 8); /* until all buffers on the way are full */
	ck_assert_uint_eq(f->sent, f->count);
	close_channel(p->a, 1000);
	world_run(w, 0.5);
	ck_assert_int_gt(counter_value[CNT_buffered_bytes], 256 * 1024);
	for (int i = 0; i < 8; i++) {
		ue_hold(p->b->ue, !reads);
		p->b->touched = true;
		world_run(w, 0.06);
		ue_hold(p->b->ue, true);
		world_run(w, 1);
	}
	ue_hold(p->b->ue, false);
	p->b->touched = true;
	world_run(w, 5);
	if (reads)
		flow_is_whole(f, true);
	else
		ck_assert_uint_lt(f->ledger.received, f->count);
	ck_assert_uint_eq(ends_by(CLOSE_QUEUE_LIMIT), reads ? 0 : 1);
	ck_assert_uint_eq(p->b->channels_closed, 1);
	ck_assert_int_eq(counter_value[CNT_buffered_bytes], 0);
	pair_forget_flows(p);
	works_both_ways(1002);
	end();
}
END_TEST

/* All of it in one breath, before the other side has heard of the channel. */
START_TEST(what_is_opened_used_and_closed_in_one_breath_arrives)
{
	const struct ue_stream brief = { .sid = 1010, .label = "brief" };
	unsigned opened;

	begin(__func__, false);
	if (_i) /* far away: the opener has closed before the other side could answer */
		p->b->up.delay_us = p->b->down.delay_us = TICK_MS(400);
	opened = p->b->opened;
	ck_assert_int_eq(ue_open(p->a->ue, &brief, true), ERR_OK);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(pair_say(p, p->a, ue_is_client(p->a->ue) ? 1010 : 1011,
					 PPID_STRING, SPAN_LIT("in passing")),
			ERR_OK);
	close_channel(p->a, ue_is_client(p->a->ue) ? 1010 : 1011);
	world_run(w, 5);
	ck_assert_uint_eq(p->b->opened, opened + 1);
	ck_assert_uint_eq(p->note_count[1], 5);
	ck_assert_uint_eq(p->a->channels_closed, 1);
	ck_assert_uint_eq(p->b->channels_closed, 1);
	end();
}
END_TEST

/* ---- reset storms ---- */

#define CYCLES 10000

static unsigned hoped_notes, hoped_closed_a, hoped_closed_b;

static bool cycle_spoken(struct world *world)
{
	(void)world;
	return p->note_count[1] >= hoped_notes;
}

static bool cycle_closed(struct world *world)
{
	(void)world;
	return p->a->channels_closed >= hoped_closed_a && p->b->channels_closed >= hoped_closed_b;
}

/* Opened, used, and closed by a, by b or by both; the id is used anew as soon as the closer sees it closed. */
static void one_cycle(unsigned i)
{
	const struct ue_stream storm = { .sid = 1010, .label = "storm" };
	uint16_t sid = ue_is_client(p->a->ue) ? 1010 : 1011;

	ck_assert_msg(ue_open(p->a->ue, &storm, true) == ERR_OK, "cycle %u", i);
	hoped_notes++;
	ck_assert_int_eq(pair_say(p, p->a, sid, PPID_STRING, SPAN_LIT("storm")), ERR_OK);
	ck_assert_msg(world_until(w, 5, cycle_spoken), "cycle %u: no message", i);
	hoped_closed_a++;
	hoped_closed_b += i % 4 != 0;
	if (i % 3 != 1)
		close_channel(p->a, sid);
	if (i % 3 != 0)
		close_channel(p->b, sid);
	ck_assert_msg(world_until(w, 5, cycle_closed), "cycle %u: not closed", i);
	hoped_closed_b += i % 4 == 0;
}

START_TEST(ten_thousand_channels_on_one_id_leave_nothing)
{
	int64_t before = counter_value[CNT_channels];
	long live = 0;

	begin(__func__, false);
	hoped_notes = hoped_closed_a = hoped_closed_b = 0;
	for (unsigned i = 0; i < CYCLES; i++) {
		one_cycle(i);
		w->seen_count = 0;
		if (i == CYCLES / 10) {
			world_run(w, 5);
			live = mem_live();
		}
	}
	world_run(w, 5);
	ck_assert_uint_eq(p->a->channels_closed, CYCLES);
	ck_assert_uint_eq(p->b->channels_closed, CYCLES);
	ck_assert_int_eq(mem_live(), live);
	ck_assert_int_eq(counter_value[CNT_channels], before + 8);
	ck_assert_uint_eq(p->a->closed + p->b->closed, 0);
	works_both_ways(1000);
	end();
}
END_TEST

/* ---- legs that die ---- */

static unsigned ends_of(enum close_reason reason)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->seen_count; i++)
		n += w->seen[i].type == RELAY_EVENT_SCTP_CLOSED && w->seen[i].reason == reason;
	return n;
}

/* a's channels end, its association does not; when b is back, the channels are agreed as before and opened anew. */
static void only_channels_of_a_ended(void)
{
	ck_assert_uint_eq(p->a->channels_closed, 2);
	ck_assert_uint_eq(p->a->closed, 0);
	ck_assert_uint_eq(p->a->secured, 1);
}

static bool b_is_back(struct world *world)
{
	(void)world;
	return p->b->opened >= 2;
}

static void come_back(void)
{
	ck_assert_msg(world_until(w, 20, b_is_back), "b does not come back");
	world_run(w, 1);
	works_both_ways(1000);
	works_both_ways(1002);
	ck_assert_uint_eq(p->a->secured, 1);
}

static void start_again(struct phone *phone)
{
	phone->opened = 0;
	ue_renew(phone->ue, NULL);
	ck_assert(pair_update(p));
}

START_TEST(a_side_that_ends_orderly_ends_the_channels_of_the_other_and_may_return)
{
	begin(__func__, _i);
	ue_close(p->b->ue, sim_now());
	p->b->touched = true;
	world_run(w, 3);
	ck_assert_uint_eq(p->b->closed, 1);
	only_channels_of_a_ended();
	pair_reopen(p, p->a);
	start_again(p->b);
	come_back();
	end();
}
END_TEST

START_TEST(
	a_side_that_aborts_in_the_middle_of_traffic_ends_the_channels_of_the_other_and_may_return)
{
	begin(__func__, _i);
	pair_flow_all(p, 3000, 100000);
	world_run(w, 1);
	pair_forget_flows(p);
	start_again(p->b); /* the old association aborts, a new one begins in the same breath */
	world_run(w, 5);
	only_channels_of_a_ended();
	p->note_count[0] = p->note_count[1] = 0;
	pair_reopen(p, p->a);
	come_back();
	ck_assert_int_eq(counter_value[CNT_buffered_bytes], 0);
	end();
}
END_TEST

START_TEST(a_side_that_vanishes_is_a_path_loss_of_its_leg_alone)
{
	begin(__func__, _i);
	p->b->up.cut = p->b->down.cut = true;
	world_run(w, 150);
	ck_assert_uint_eq(ends_of(CLOSE_PATH_LOSS), 1);
	only_channels_of_a_ended();
	end();
}
END_TEST

/* Silence that is shorter than anybody's patience costs time and nothing else. */
START_TEST(a_side_that_is_silent_for_a_while_loses_nothing)
{
	begin(__func__, _i);
	pair_flow_all(p, 3000, 1000);
	world_run(w, 0.5);
	p->b->down.cut = true;
	world_run(w, 7);
	p->b->down.cut = false;
	ck_assert(world_until(w, 120, flows_done));
	flows_are_whole(p);
	ck_assert_uint_eq(p->a->channels_closed + p->b->channels_closed, 0);
	end();
}
END_TEST

START_TEST(a_call_may_end_in_the_middle_of_traffic)
{
	begin(__func__, _i);
	pair_flow_all(p, 3000, 100000);
	world_run(w, 1);
	pair_hang_up(p);
	ck_assert(world_until(w, 2.1, nothing_left));
	world_run(w, 5);
	ck_assert_uint_ge(p->a->closed, 1);
	ck_assert_uint_ge(p->b->closed, 1);
	end();
}
END_TEST

START_TEST(a_call_may_end_at_any_moment_of_set_up)
{
	struct pair_options o = options(_i);

	pair_ends_at_any_moment(__func__, &o);
}
END_TEST

/* ---- wishes that change ---- */

/* What a says before b is there waits for it. */
START_TEST(a_side_that_is_told_later_gets_what_was_said_before)
{
	struct pair_options o = options(_i);
	struct flow *f;

	make(__func__, NULL, &o);
	pair_call_without_b(p);
	f = pair_flow(p, p->a, 1000, 1000, 1000, 200);
	world_run(w, 6);
	ck_assert_uint_eq(p->a->opened, 2);
	ck_assert_uint_eq(f->sent, 200);
	p->b->unknown = false;
	ck_assert(pair_update(p));
	ck_assert(world_until(w, 20, flows_done));
	flow_is_whole(f, true);
	pair_forget_flows(p);
	works_both_ways(1002);
	end();
}
END_TEST

/* RFC 8842 4: a new association of one leg; the other leg's stays. */
START_TEST(a_new_fingerprint_of_one_side_is_no_matter_of_the_other_leg)
{
	begin(__func__, _i);
	ue_renew(p->b->ue, world_identity(7));
	p->b->opened = 0;
	ck_assert(pair_update(p));
	world_run(w, 3);
	only_channels_of_a_ended();
	pair_reopen(p, p->a);
	come_back();
	ck_assert_uint_eq(p->b->secured, 2);
	end();
}
END_TEST

START_TEST(an_update_without_change_disturbs_nothing)
{
	begin(__func__, _i);
	pair_stands_updates(p);
	ck_assert_uint_eq(p->a->secured + p->b->secured, 2);
	end();
}
END_TEST

START_TEST(an_ice_restart_and_a_move_of_one_side_keep_everything)
{
	struct phone *moving;

	begin(__func__, true);
	moving = _i ? p->b : p->a;
	pair_flow_all(p, 2000, 500);
	world_run(w, 0.3);
	phone_move(moving);
	ue_restart_ice(moving->ue);
	ck_assert(pair_update(p));
	ck_assert(world_until(w, 120, flows_done));
	flows_are_whole(p);
	ck_assert_uint_eq(p->a->secured + p->b->secured, 2);
	end();
}
END_TEST

/* ---- memory that runs out ---- */

START_TEST(any_allocation_of_a_call_may_fail)
{
	struct pair_options o = options(_i);

	pair_sweep(__func__, &o, 60);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_channel_that_one_side_closes_is_closed_on_the_other, 0, 2);
	tcase_add_test(tc, a_channel_that_both_sides_close_at_once_is_closed_once);
	tcase_add_test(tc, a_stream_that_is_no_longer_agreed_is_reset_on_both_sides);
	tcase_add_loop_test(tc, what_was_sent_before_the_close_arrives, 0, 2);
	tcase_add_loop_test(tc, last_words_have_time_as_long_as_some_leave, 0, 2);
	tcase_add_loop_test(tc, what_is_opened_used_and_closed_in_one_breath_arrives, 0, 2);
	tcase_add_test(tc, ten_thousand_channels_on_one_id_leave_nothing);
	tcase_add_loop_test(
		tc, a_side_that_ends_orderly_ends_the_channels_of_the_other_and_may_return, 0, 2);
	tcase_add_loop_test(tc,
		a_side_that_aborts_in_the_middle_of_traffic_ends_the_channels_of_the_other_and_may_return,
		0, 2);
	tcase_add_loop_test(tc, a_side_that_vanishes_is_a_path_loss_of_its_leg_alone, 0, 2);
	tcase_add_loop_test(tc, a_side_that_is_silent_for_a_while_loses_nothing, 0, 2);
	tcase_add_loop_test(tc, a_call_may_end_in_the_middle_of_traffic, 0, 2);
	tcase_add_loop_test(tc, a_call_may_end_at_any_moment_of_set_up, 0, 2);
	tcase_add_loop_test(tc, a_side_that_is_told_later_gets_what_was_said_before, 0, 2);
	tcase_add_loop_test(tc, a_new_fingerprint_of_one_side_is_no_matter_of_the_other_leg, 0, 2);
	tcase_add_loop_test(tc, an_update_without_change_disturbs_nothing, 0, 2);
	tcase_add_loop_test(tc, an_ice_restart_and_a_move_of_one_side_keep_everything, 0, 2);
	tcase_add_loop_test(tc, any_allocation_of_a_call_may_fail, 0, 2);
}

int main(void)
{
	return world_main("bridge_ends", add);
}
