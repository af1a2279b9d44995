/*
 * test_server_change.c: wishes that change while a phone talks to a server, updates that fail, two
 * phones at one application, and memory that runs out.
 */
#include <stdio.h>

#include "tests/flow/server.h"

/* Everything of the server may be told later. */
START_TEST(a_server_that_is_told_later_gets_what_was_said_before)
{
	struct pair_options o = options(PROXY_DC_APPLICATION, _i);
	struct flow *f;

	make(__func__, NULL, &o);
	pair_call_without_b(p);
	f = pair_flow(p, p->a, 1000, 1000, 1000, 200);
	world_run(w, 6);
	ck_assert_uint_eq(f->sent, 200);
	p->b->unknown = false;
	ck_assert(pair_update(p));
	ck_assert(world_until(w, 20, flows_done));
	flow_is_whole(f, true);
	pair_forget_flows(p);
	end();
}
END_TEST

START_TEST(a_server_that_moves_keeps_its_association)
{
	int ice = _i / 2;

	begin(__func__, proxy_of(_i), ice);
	pair_flow_reliable(p, 2000, 500);
	world_run(w, 0.3);
	phone_move(p->b);
	if (ice == FULL_ICE)
		ue_restart_ice(p->b->ue);
	ck_assert(pair_update(p));
	ck_assert(world_until(w, 120, flows_done));
	flows_are_whole(p);
	ck_assert_uint_eq(p->a->secured, 1);
	ck_assert_uint_eq(p->b->secured, 1);
	end();
}
END_TEST

/* An ICE restart of a server that is ICE Lite: it has other credentials, and we check anew. */
START_TEST(a_lite_server_may_restart_ice)
{
	struct media_view before, after;

	begin(__func__, proxy_of(_i), LITE_ICE);
	pair_view(p, p->b, &before);
	ice_lite_restart(p->b->lite);
	ck_assert(pair_update(p));
	pair_view(p, p->b, &after);
	ck_assert_str_eq(before.ice_ufrag, after.ice_ufrag); /* the controller did not ask us to */
	world_run(w, 60);
	pair_works(p, 900, 50);
	ck_assert_uint_eq(p->b->secured, 1);
	end();
}
END_TEST

START_TEST(our_own_ice_restart_toward_a_lite_server_keeps_everything)
{
	char ufrag[ICE_UFRAG_LEN + 1];
	struct context_spec spec;
	struct ue_remote remote;
	struct media_view b;

	begin(__func__, proxy_of(_i), LITE_ICE);
	pair_view(p, p->b, &b);
	snprintf(ufrag, sizeof(ufrag), "%s", b.ice_ufrag);
	pair_spec(p, &spec);
	spec.terminations[1].medias[0].ice_restart = true;
	ck_assert(world_update_context(w, p->context_id, &spec));
	context_spec_finish(&spec);
	pair_view(p, p->b, &b);
	ck_assert_str_ne(ufrag, b.ice_ufrag);
	ck_assert(pair_remote(p, p->b, &remote)); /* and the server is told */
	world_run(w, 60);
	pair_works(p, 900, 50);
	ck_assert_uint_eq(p->b->secured, 1);
	end();
}
END_TEST

START_TEST(an_update_without_change_disturbs_nothing)
{
	begin(__func__, proxy_of(_i), _i / 2);
	pair_stands_updates(p);
	ck_assert_uint_eq(p->a->secured + p->b->secured, 2);
	end();
}
END_TEST

/* The same with a second line beside it, both sides of it, and a server that has moved. */
static void spec_with_more(struct context_spec *spec)
{
	pair_spec(p, spec);
	for (unsigned t = 0; t < 2; t++) {
		struct termination_spec *ts = &spec->terminations[t];
		struct media_spec *two = mem_zalloc(2 * sizeof(*two));

		two[0] = ts->medias[0];
		ck_assert(media_spec_copy(&two[1], &ts->medias[0]));
		two[1].media_id[0] = '1';
		mem_free(ts->medias);
		ts->medias = two;
		ts->media_count = 2;
	}
	spec->terminations[1].medias[0].remote.port++;
}

struct sides {
	struct media_view a, b;
	char a_tls_id[32], b_tls_id[32];
};

static void see(struct sides *s)
{
	pair_view(p, p->a, &s->a);
	pair_view(p, p->b, &s->b);
	snprintf(s->a_tls_id, sizeof(s->a_tls_id), "%s", s->a.tls_id);
	snprintf(s->b_tls_id, sizeof(s->b_tls_id), "%s", s->b.tls_id);
}

static void nothing_changed(const struct sides *before, uint32_t ports)
{
	struct media_view more;
	struct sides now;

	see(&now);
	ck_assert(addr_eq(&before->a.local, &now.a.local));
	ck_assert(addr_eq(&before->b.local, &now.b.local));
	ck_assert_str_eq(before->a_tls_id, now.a_tls_id);
	ck_assert_str_eq(before->b_tls_id, now.b_tls_id);
	ck_assert(addr_eq(&now.b.path->remote, &p->b->at.local));
	ck_assert(!relay_media_view(w->relay, phone_context(p->a), 0, 1, &more));
	ck_assert_uint_eq(w->ports_open, ports);
}

static bool try_update(unsigned fail_at, unsigned no_ports_after)
{
	struct context_spec spec;
	bool done;

	spec_with_more(&spec);
	w->fail_at = fail_at;
	w->no_ports_after = no_ports_after;
	done = world_update_context(w, p->context_id, &spec);
	w->fail_at = 0;
	w->no_ports_after = 0;
	context_spec_finish(&spec);
	return done;
}

/* First ports run out, then memory: both sides stay as they were, with their traffic. */
START_TEST(an_update_that_fails_leaves_both_sides_as_they_were)
{
	struct sides before;
	uint32_t ports;
	unsigned n = 1;

	begin(__func__, proxy_of(_i), _i / 2);
	see(&before);
	ports = w->ports_open;
	for (unsigned more = 0; more < 2; more++) {
		ck_assert(!try_update(0, ports + more));
		nothing_changed(&before, ports);
	}
	for (; !try_update(n, 0); n++)
		nothing_changed(&before, ports);
	ck_assert_uint_gt(n, 10);
	ck_assert(pair_update(p)); /* back to where it was */
	world_run(w, 3);
	nothing_changed(&before, ports);
	pair_works(p, 900, 50);
	ck_assert_uint_eq(p->a->secured + p->b->secured, 2);
	end();
}
END_TEST

/* One line of two goes away, with its server, while the other one talks. */
START_TEST(a_line_that_comes_and_goes_does_not_disturb_its_neighbour)
{
	struct context_spec spec;
	uint32_t ports;

	begin(__func__, proxy_of(_i), NO_ICE);
	ports = w->ports_open;
	pair_flow_reliable(p, 2000, 500);
	for (unsigned i = 0; i < 5; i++) {
		spec_with_more(&spec);
		spec.terminations[1].medias[0].remote.port--;
		ck_assert(world_update_context(w, p->context_id, &spec));
		context_spec_finish(&spec);
		ck_assert_uint_eq(w->ports_open, ports + 2);
		world_run(w, 0.1);
		pair_spec(p, &spec);
		ck_assert(world_update_context(w, p->context_id, &spec));
		context_spec_finish(&spec);
		world_run(w, 0.1);
	}
	ck_assert(world_until(w, 60, flows_done));
	flows_are_whole(p);
	world_run(w, 3);
	ck_assert_uint_eq(w->ports_open, ports);
	ck_assert_uint_eq(p->a->secured + p->b->secured, 2);
	end();
}
END_TEST

/* Streams are added and taken away on both sides at once. */
START_TEST(streams_come_and_go_on_both_sides)
{
	static const struct ue_stream more = { .sid = 1005, .label = "more" };
	struct context_spec spec;

	begin(__func__, PROXY_DC_APPLICATION, _i);
	ck_assert_int_eq(ue_open(p->a->ue, &more, false), ERR_OK);
	ck_assert(pair_update(p)); /* offered on, and answered */
	world_run(w, 2);
	pair_flow(p, p->a, 1005, 1005, 900, 50);
	pair_flow(p, p->b, 1005, 1005, 900, 50);
	ck_assert(world_until(w, 30, flows_done));
	pair_forget_flows(p);
	pair_spec(p, &spec);
	for (unsigned t = 0; t < 2; t++) {
		struct media_spec *m = &spec.terminations[t].medias[0];

		ck_assert_uint_eq(m->stream_count, 4);
		mem_free(m->streams[3].label);
		mem_free(m->streams[3].subprotocol);
		m->stream_count = 3;
	}
	ck_assert(world_update_context(w, p->context_id, &spec));
	context_spec_finish(&spec);
	world_run(w, 2);
	ck_assert_uint_eq(p->a->channels_closed, 1);
	ck_assert_uint_eq(p->b->channels_closed, 1);
	ck_assert_uint_eq(p->a->secured + p->b->secured, 2);
	end();
}
END_TEST

START_TEST(a_call_may_end_at_any_moment_of_set_up)
{
	struct pair_options o = options(proxy_of(_i), _i / 2);

	pair_ends_at_any_moment(__func__, &o);
}
END_TEST

/* ---- P2A2P: two phones at one application, with lifetimes of their own ---- */

START_TEST(two_phones_at_one_application_live_and_die_alone)
{
	struct pair_options o = options(proxy_of(_i), NO_ICE);
	struct pair *one, *two;

	w = world_create(__func__);
	one = pair_create(w, &o);
	two = pair_create(w, &o);
	ck_assert(pair_call(one, NULL) && pair_call(two, NULL));
	ck_assert(world_until(w, 10, all_up));
	world_run(w, 0.2);
	pair_hang_up(one);
	world_run(w, 3);
	ck_assert_uint_eq(relay_context_count(w->relay), 1);
	p = two;
	pair_works(p, 900, 50);
	ck_assert_uint_eq(two->a->closed + two->b->closed, 0);
	pair_destroy(one);
	end();
}
END_TEST

/* ---- memory ---- */

START_TEST(any_allocation_of_a_call_may_fail)
{
	struct pair_options o = options(proxy_of(_i), _i / 2);

	pair_sweep(__func__, &o, 20);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_server_that_is_told_later_gets_what_was_said_before, 0, 3);
	tcase_add_loop_test(tc, a_server_that_moves_keeps_its_association, 0, 6);
	tcase_add_loop_test(tc, a_lite_server_may_restart_ice, 0, 2);
	tcase_add_loop_test(tc, our_own_ice_restart_toward_a_lite_server_keeps_everything, 0, 2);
	tcase_add_loop_test(tc, an_update_without_change_disturbs_nothing, 0, 6);
	tcase_add_loop_test(tc, an_update_that_fails_leaves_both_sides_as_they_were, 0, 6);
	tcase_add_loop_test(tc, a_line_that_comes_and_goes_does_not_disturb_its_neighbour, 0, 2);
	tcase_add_loop_test(tc, streams_come_and_go_on_both_sides, 0, 3);
	tcase_add_loop_test(tc, a_call_may_end_at_any_moment_of_set_up, 0, 6);
	tcase_add_loop_test(tc, two_phones_at_one_application_live_and_die_alone, 0, 2);
	tcase_add_loop_test(tc, any_allocation_of_a_call_may_fail, 0, 6);
}

int main(void)
{
	return world_main("server_change", add);
}
