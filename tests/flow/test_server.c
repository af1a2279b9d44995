/*
 * test_server.c: a phone and an application server that speaks data channels itself, on MDC2 or
 * MDC1.
 *
 *     phone a ══ DTLS, SCTP ══ relay ══ DTLS, SCTP ══ server b            DC_APPLICATION_PROXY: ended here, twice
 *     phone a ═══════════════════ relay ═══════════════ server b            UDP_PROXY: passed through
 */
#include <stdio.h>

#include "tests/flow/server.h"

/* ---- every way to come up ---- */

static const enum setup setups[] = { SETUP_ACTPASS, SETUP_ACTIVE, SETUP_PASSIVE };

/* _i: proxy, ICE of the phone, ICE of the server, role that the phone offers: 2 * 2 * 3 * 3. */
START_TEST(a_server_is_reached_in_every_role_with_every_kind_of_ice)
{
	struct pair_options o = options(proxy_of(_i), _i / 4 % 3);
	struct media_view a, b;

	o.a = side(_i / 2 % 2, setups[_i / 12]);
	o.hop = _i % 3 == 0 ? HOP_MDC1 : HOP_MDC2;
	begin_with(__func__, &o);
	ck_assert_int_ne(ue_is_client(p->a->ue), ue_is_client(p->b->ue));
	pair_view(p, p->a, &a);
	pair_view(p, p->b, &b);
	ck_assert_int_eq(a.hop, HOP_MB);
	ck_assert_int_eq(b.hop, o.hop);
	ck_assert_int_eq(b.ice_checks, o.b.ice_lite);
	ck_assert_int_eq(b.ice_ufrag != NULL, o.b.ice || o.b.ice_lite);
	ck_assert_int_eq(a.passes, !is_bridge(_i));
	ck_assert_int_eq(b.passes, !is_bridge(_i));
	pair_works(p, 900, 50);
	ck_assert_uint_eq(events(RELAY_EVENT_DTLS_CONNECTED, HOP_MB), is_bridge(_i));
	ck_assert_uint_eq(events(RELAY_EVENT_DTLS_CONNECTED, o.hop), is_bridge(_i));
	ck_assert_uint_eq(events(RELAY_EVENT_CHANNEL_OPENED, o.hop), is_bridge(_i) ? 3 : 0);
	ck_assert_int_eq(counter_value[CNT_legs], is_bridge(_i) ? 2 : 0);
	pair_hang_up(p);
	ck_assert(world_until(w, 2.1, nothing_left));
	end();
}
END_TEST

/* A server that is known beforehand, with a role of its own choice. */
START_TEST(a_server_that_was_known_before_chooses_its_role)
{
	struct pair_options o = options(PROXY_DC_APPLICATION, _i / 4);

	o.together = true;
	o.a.setup = _i & 1 ? SETUP_ACTIVE : SETUP_PASSIVE;
	o.b.setup = _i & 2 ? SETUP_ACTIVE : SETUP_PASSIVE;
	begin_with(__func__, &o);
	ck_assert_int_eq(ue_is_client(p->b->ue), (_i & 2) / 2);
	pair_works(p, 900, 50);
	end();
}
END_TEST

/* Where the server says actpass too, its leg takes the role that the phone's does not have. */
START_TEST(the_roles_toward_phone_and_server_are_opposite_where_they_may)
{
	struct media_view a, b;

	begin(__func__, PROXY_DC_APPLICATION, NO_ICE);
	pair_view(p, p->a, &a);
	pair_view(p, p->b, &b);
	ck_assert_int_ne(a.setup, b.setup);
	end();
}
END_TEST

/* The phone offers anew, with another role: its own association is made anew, the server's stays as it is. */
START_TEST(another_role_of_the_phone_is_no_matter_of_the_server)
{
	struct pair_options o = options(PROXY_DC_APPLICATION, _i);
	struct context_spec spec;
	struct media_view before, after;

	o.together = true;
	begin_with(__func__, &o);
	pair_view(p, p->b, &before);
	pair_spec(p, &spec);
	spec.terminations[1].medias[0].remote_setup = SETUP_ACTPASS; /* as it was told */
	spec.terminations[0].medias[0].remote_setup =
		before.setup == SETUP_ACTIVE ? SETUP_PASSIVE : SETUP_ACTIVE;
	ck_assert(world_update_context(w, p->context_id, &spec));
	context_spec_finish(&spec);
	pair_view(p, p->a, &after);
	ck_assert_int_eq(after.setup, before.setup);
	pair_view(p, p->b, &after);
	ck_assert_int_eq(after.setup, before.setup);
	world_run(w, 3);
	pair_view(p, p->b, &after);
	ck_assert_int_eq(after.state, LEG_OPEN);
	ck_assert_uint_eq(p->b->secured, 1);
	ck_assert_uint_eq(p->b->closed, 0);
	end();
}
END_TEST

START_TEST(channels_opened_in_band_by_either_side_keep_their_id)
{
	uint16_t from, other;

	begin(__func__, proxy_of(_i), FULL_ICE);
	pair_open(p, _i & 2 ? p->b : p->a, &chat, &from, &other);
	ck_assert_uint_eq(from, other);
	pair_flow(p, p->a, from, from, 60 * KIB, 5);
	pair_flow(p, p->b, from, from, 60 * KIB, 5);
	ck_assert(world_until(w, 30, flows_done));
	flows_are_whole(p);
	end();
}
END_TEST

/* ---- who is believed ---- */

START_TEST(a_server_with_another_certificate_gets_nothing)
{
	struct pair_options o = known_before(_i / 2);

	o.b.setup = _i & 1 ? SETUP_ACTIVE : SETUP_PASSIVE;
	make(__func__, NULL, &o);
	p->b->wrong_fingerprint = true;
	ck_assert(pair_call(p, NULL));
	pair_flow(p, p->a, 1000, 1000, 100, 3);
	world_run(w, 10);
	ck_assert_uint_eq(p->a->opened, 3);
	ck_assert_uint_eq(p->b->opened, 0);
	ck_assert_uint_eq(p->flows[0].ledger.received, 0);
	ck_assert_int_eq(
		last_of(RELAY_EVENT_DTLS_FAILED, HOP_MDC2)->reason, CLOSE_DTLS_FINGERPRINT);
	ck_assert_ptr_null(last_of(RELAY_EVENT_DTLS_FAILED, HOP_MB));
	pair_forget_flows(p);
	end();
}
END_TEST

/* Where the controller says too late which certificate is right, what was said before is not lost. */
START_TEST(the_right_fingerprint_by_an_update_mends_it)
{
	struct pair_options o = known_before(NO_ICE);
	struct flow *early;

	make(__func__, NULL, &o);
	p->b->wrong_fingerprint = true;
	ck_assert(pair_call(p, NULL));
	early = pair_flow(p, p->a, 1000, 1000, 900, 20);
	world_run(w, 3);
	ck_assert_uint_eq(early->sent, 20);
	p->b->wrong_fingerprint = false;
	ue_renew(p->b->ue, NULL);
	ck_assert(pair_update(p));
	ck_assert(world_until(w, 20, all_up));
	ck_assert(world_until(w, 20, flows_done));
	flow_is_whole(early, true);
	pair_forget_flows(p);
	pair_works(p, 900, 50);
	ck_assert_uint_eq(p->a->secured, 1);
	end();
}
END_TEST

static int64_t turned_away(void)
{
	return counter_value[CNT_datagrams_source_total] +
	       counter_value[CNT_datagrams_unknown_total];
}

START_TEST(a_stranger_on_the_port_of_the_server_is_counted_and_nothing_else)
{
	uint8_t dgram[100] = { 22, 254, 253 };
	int64_t before;
	struct addr stranger;
	struct media_view b;

	begin(__func__, proxy_of(_i), _i / 2);
	pair_view(p, p->b, &b);
	addr_parse_ip(SPAN_LIT("198.18.0.66"), 6666, &stranger);
	before = turned_away();
	net_send(w->net, &stranger, &b.local, SPAN_OF(dgram));
	world_run(w, 0.1);
	ck_assert_int_eq(turned_away(), before + 1);
	dgram[0] = 0; /* no STUN either */
	net_send(w->net, &stranger, &b.local, SPAN_OF(dgram));
	world_run(w, 0.1);
	pair_works(p, 900, 50);
	end();
}
END_TEST

/* ---- servers that do not answer ---- */

/* What the phone says waits, bounded in bytes and time; then its channels end, each by its policy. */
START_TEST(a_server_that_never_answers_is_told_and_shuts_the_window)
{
	struct pair_options o = known_before(_i);

	make(__func__, NULL, &o);
	p->b->down.cut = true;
	ck_assert(pair_call(p, NULL));
	world_run(w, 2);
	ck_assert_uint_eq(p->a->opened, 3);
	pair_flow(p, p->a, 1000, 1000, 8000, 1000);
	world_run(w, 100);
	ck_assert_uint_eq(p->b->opened, 0);
	ck_assert_uint_lt(p->flows[0].sent, 1000);
	ck_assert_int_le(counter_value[CNT_buffered_bytes], (int64_t)(2 << 20));
	ck_assert_ptr_nonnull(last_of(RELAY_EVENT_DTLS_FAILED, HOP_MDC2));
	ck_assert_int_eq(last_of(RELAY_EVENT_DTLS_FAILED, HOP_MDC2)->reason,
		_i == LITE_ICE ? CLOSE_PATH_LOSS : CLOSE_DTLS_TIMEOUT);
	ck_assert_int_eq(last_of(RELAY_EVENT_CHANNEL_CLOSED, HOP_MB)->reason, CLOSE_QUEUE_LIMIT);
	pair_forget_flows(p);
	end();
}
END_TEST

START_TEST(a_server_that_vanishes_is_a_path_loss_of_its_side_alone)
{
	begin(__func__, PROXY_DC_APPLICATION, _i);
	p->b->up.cut = p->b->down.cut = true;
	world_run(w, 150);
	ck_assert_int_eq(last_of(RELAY_EVENT_SCTP_CLOSED, HOP_MDC2)->reason, CLOSE_PATH_LOSS);
	ck_assert_ptr_null(last_of(RELAY_EVENT_SCTP_CLOSED, HOP_MB));
	ck_assert_uint_eq(p->a->channels_closed, 3);
	ck_assert_uint_eq(p->a->closed, 0);
	end();
}
END_TEST

static bool b_is_up(struct world *world)
{
	(void)world;
	return p->b->opened >= 3;
}

/* RFC 7675: nothing more is sent to a server whose consent is gone. An ICE Lite one that is back is found again. */
START_TEST(nothing_passes_to_a_server_whose_consent_is_gone)
{
	const struct seen *failed;
	int64_t before;

	begin(__func__, PROXY_UDP, _i ? FULL_ICE : LITE_ICE);
	p->b->up.cut = true;
	world_run(w, 45);
	before = counter_value[CNT_splice_dropped_total];
	pair_flow(p, p->a, 1000, 1000, 900, 10);
	world_run(w, 5);
	ck_assert_int_gt(counter_value[CNT_splice_dropped_total], before);
	failed = last_of(RELAY_EVENT_MDC_FAILED, HOP_MDC2);
	ck_assert(_i || (failed != NULL && failed->reason == CLOSE_PATH_LOSS));
	ck_assert_uint_eq(events(RELAY_EVENT_MDC_FAILED, HOP_MDC2), !_i);
	p->b->up.cut = false;
	if (_i) { /* it has given up itself, as it does the checks */
		pair_forget_flows(p);
		end();
		return;
	}
	ck_assert(world_until(w, 120, flows_done));
	flow_is_whole(&p->flows[0], true);
	pair_forget_flows(p);
	ck_assert_uint_eq(p->b->secured, 1);
	end();
}
END_TEST

/* Nobody tells anything: our hello comes again until it is heard. */
START_TEST(a_passive_server_that_starts_again_is_found_without_an_update)
{
	struct pair_options o = known_before(_i);
	struct ue_remote remote;

	begin_with(__func__, &o);
	p->b->up.cut = p->b->down.cut = true;
	world_run(w, 400);
	ck_assert_uint_eq(events(RELAY_EVENT_SCTP_CLOSED, HOP_MDC2), 1);
	ck_assert_uint_lt(events(RELAY_EVENT_DTLS_FAILED, HOP_MDC2), 8);
	p->b->up.cut = p->b->down.cut = false;
	p->b->opened = 0;
	ck_assert(pair_remote(p, p->b, &remote));
	ue_renew(p->b->ue, NULL);
	ck_assert_int_eq(ue_connect(p->b->ue, sim_now(), &remote), ERR_OK);
	p->b->touched = true;
	ck_assert(world_until(w, 200, b_is_up));
	pair_reopen(p, p->a);
	world_run(w, 1);
	pair_works(p, 900, 50);
	ck_assert_uint_eq(p->a->secured, 1);
	end();
}
END_TEST

/* The leg toward it too is set up again, when it is there again. */
START_TEST(a_lite_server_that_was_away_is_found_again)
{
	begin(__func__, PROXY_DC_APPLICATION, LITE_ICE);
	p->b->up.cut = p->b->down.cut = true;
	world_run(w, 300);
	ck_assert_uint_eq(events(RELAY_EVENT_SCTP_CLOSED, HOP_MDC2), 1);
	ck_assert_uint_eq(events(RELAY_EVENT_DTLS_FAILED, HOP_MDC2), 0);
	p->b->up.cut = p->b->down.cut = false;
	p->b->opened = 0;
	ue_renew(p->b->ue, NULL);
	ck_assert(pair_update(p));
	ck_assert(world_until(w, 120, b_is_up));
	ck_assert_uint_eq(p->a->secured, 1);
	end();
}
END_TEST

/* It comes back with a new association; the phone's stays. */
START_TEST(a_server_that_starts_again_is_reached_again)
{
	begin(__func__, PROXY_DC_APPLICATION, _i % 3);
	pair_flow_all(p, 3000, 100000);
	world_run(w, 1);
	pair_forget_flows(p);
	p->b->opened = 0;
	ue_renew(p->b->ue, _i / 3 ? world_identity(7) : NULL);
	ck_assert(pair_update(p));
	world_run(w, 5);
	ck_assert_uint_eq(p->a->channels_closed, 3);
	pair_reopen(p, p->a);
	ck_assert(world_until(w, 20, b_is_up));
	world_run(w, 1);
	p->note_count[0] = p->note_count[1] = 0;
	pair_works(p, 900, 50);
	ck_assert_uint_eq(p->a->secured, 1);
	ck_assert_uint_eq(p->b->secured, 2);
	ck_assert_int_eq(counter_value[CNT_buffered_bytes], 0);
	end();
}
END_TEST

/* ---- lines ---- */

START_TEST(bad_lines_to_both_lose_nothing)
{
	const struct ue_stream reliable = { .sid = 1000 };
	struct pair_options o = options(proxy_of(_i), _i / 2);

	o.streams = &reliable;
	o.stream_count = 1;
	make(__func__, NULL, &o);
	pair_works_over_bad_lines(p);
	end();
}
END_TEST

START_TEST(a_slow_server_slows_the_phone_and_loses_nothing)
{
	struct flow *f;

	begin(__func__, PROXY_DC_APPLICATION, _i);
	ue_hold(p->b->ue, true);
	f = pair_flow(p, p->a, 1000, 1000, 8000, 1000);
	world_run(w, 5);
	ck_assert_uint_lt(f->sent, 700);
	ck_assert_int_le(counter_value[CNT_buffered_bytes], (int64_t)(2 << 20));
	ue_hold(p->b->ue, false);
	p->b->touched = true;
	ck_assert(world_until(w, 60, flows_done));
	flow_is_whole(f, true);
	pair_forget_flows(p);
	end();
}
END_TEST

/* ---- channels ---- */

START_TEST(a_channel_that_one_side_closes_is_closed_on_the_other)
{
	struct phone *closer;

	begin(__func__, PROXY_DC_APPLICATION, NO_ICE);
	closer = _i ? p->b : p->a;
	ue_close_channel(closer->ue, sim_now(), 1000);
	closer->touched = true;
	world_run(w, 2);
	ck_assert_uint_eq(p->a->channels_closed, 1);
	ck_assert_uint_eq(p->b->channels_closed, 1);
	ck_assert_uint_eq(events(RELAY_EVENT_CHANNEL_CLOSED, HOP_MB), 1);
	ck_assert_uint_eq(events(RELAY_EVENT_CHANNEL_CLOSED, HOP_MDC2), 1);
	end();
}
END_TEST

/* The server uses a stream that nobody agreed on: that is no matter of the phone. */
START_TEST(a_stream_that_was_not_agreed_gets_nowhere)
{
	const struct ue_stream stray = { .sid = 1007, .label = "stray" };
	struct pair_options o = options(PROXY_DC_APPLICATION, NO_ICE);

	o.a.accept_dcep = o.b.accept_dcep = false;
	begin_with(__func__, &o);
	ck_assert_int_eq(ue_open(p->b->ue, &stray, _i), ERR_OK);
	pair_say(p, p->b, 1007, PPID_STRING, SPAN_LIT("hello?"));
	world_run(w, 2);
	ck_assert_uint_eq(p->note_count[0], 0);
	ck_assert_uint_eq(p->a->opened, 3);
	pair_works(p, 900, 50);
	end();
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_server_is_reached_in_every_role_with_every_kind_of_ice, 0, 36);
	tcase_add_loop_test(tc, a_server_that_was_known_before_chooses_its_role, 0, 12);
	tcase_add_test(tc, the_roles_toward_phone_and_server_are_opposite_where_they_may);
	tcase_add_loop_test(tc, another_role_of_the_phone_is_no_matter_of_the_server, 0, 3);
	tcase_add_loop_test(tc, channels_opened_in_band_by_either_side_keep_their_id, 0, 4);
	tcase_add_loop_test(tc, a_server_with_another_certificate_gets_nothing, 0, 6);
	tcase_add_test(tc, the_right_fingerprint_by_an_update_mends_it);
	tcase_add_loop_test(
		tc, a_stranger_on_the_port_of_the_server_is_counted_and_nothing_else, 0, 6);
	tcase_add_loop_test(tc, a_server_that_never_answers_is_told_and_shuts_the_window, 0, 3);
	tcase_add_loop_test(tc, a_server_that_vanishes_is_a_path_loss_of_its_side_alone, 0, 3);
	tcase_add_loop_test(tc, nothing_passes_to_a_server_whose_consent_is_gone, 0, 2);
	tcase_add_loop_test(
		tc, a_passive_server_that_starts_again_is_found_without_an_update, 0, 1);
	tcase_add_test(tc, a_lite_server_that_was_away_is_found_again);
	tcase_add_loop_test(tc, a_server_that_starts_again_is_reached_again, 0, 6);
	tcase_add_loop_test(tc, bad_lines_to_both_lose_nothing, 0, 6);
	tcase_add_loop_test(tc, a_slow_server_slows_the_phone_and_loses_nothing, 0, 3);
	tcase_add_loop_test(tc, a_channel_that_one_side_closes_is_closed_on_the_other, 0, 2);
	tcase_add_loop_test(tc, a_stream_that_was_not_agreed_gets_nowhere, 0, 2);
}

int main(void)
{
	return world_main("server", add);
}
