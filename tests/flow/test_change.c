/*
 * test_change.c: what changes while a call lives: paths, credentials,
 * certificates, streams, and the call itself.
 *
 *     phone ══ association ══ relay        stays while the controller updates the context around it
 */
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "tests/flow/inside.h"
#include "tests/flow/world.h"

#define MIB (1u << 20)

static struct world *w;
static struct phone *p;

static void begin(const char *name, const struct phone_options *options)
{
	w = world_create(name);
	p = phone_create(w, options);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/page", .text = "page" });
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/big", .size = MIB });
	phone_set_up(p);
}

static void still_works(uint16_t sid)
{
	ck_assert_str_eq(phone_fetch(p, sid, "/page", 20)->text, "page");
}

static bool nothing_was_set_up_again(void)
{
	return world_count(w, p, RELAY_EVENT_DTLS_CONNECTED) == 1 && p->secured == 1 &&
	       p->closed == 0;
}

/* ---- paths ---- */

START_TEST(an_ice_restart_keeps_the_association)
{
	int64_t before = counter_value[CNT_ice_restarts_total];
	struct ue_remote old;

	begin(__func__, &(struct phone_options){ .ice = true });
	old = p->remote;
	phone_get(p, 0, "/big");
	world_run(w, 0.2);
	ue_restart_ice(p->ue);
	ck_assert(phone_update(p));
	ck_assert_str_ne(old.credentials.ufrag, p->remote.credentials.ufrag);
	ck_assert(world_until(w, 60, all_answered));
	ck_assert(!phone_reply(p, 0)->wrong);
	world_run(w, 60);
	ck_assert_int_eq(counter_value[CNT_ice_restarts_total], before + 1);
	still_works(0);
	ck_assert(nothing_was_set_up_again());
	world_finish(w);
}
END_TEST

/*
 *     phone at one address ══╗
 *     phone at another  ═════╩══ relay         checks from there, then everything
 */
START_TEST(a_phone_that_moves_keeps_its_association)
{
	struct media_view view;

	begin(__func__, &(struct phone_options){ .ice = true });
	phone_get(p, 0, "/big");
	world_run(w, 0.2);
	phone_move(p);
	if (_i) { /* with a restart, as phones do; without one it was a NAT that moved */
		ue_restart_ice(p->ue);
		ck_assert(phone_update(p));
	}
	ck_assert(world_until(w, 120, all_answered));
	ck_assert(!phone_reply(p, 0)->wrong);
	phone_view(p, &view);
	ck_assert(addr_eq(&view.path->remote, &p->at.local));
	still_works(0);
	ck_assert(nothing_was_set_up_again());
	world_finish(w);
}
END_TEST

/* Without ICE the controller says where the phone is now. */
START_TEST(a_phone_without_ice_moves_by_update)
{
	begin(__func__, NULL);
	phone_get(p, 0, "/big");
	world_run(w, 0.2);
	phone_move(p);
	ck_assert(phone_update(p));
	ck_assert(world_until(w, 120, all_answered));
	ck_assert(!phone_reply(p, 0)->wrong);
	ck_assert(nothing_was_set_up_again());
	world_finish(w);
}
END_TEST

START_TEST(consent_that_ends_is_a_path_loss)
{
	const struct seen *s;

	begin(__func__, &(struct phone_options){ .ice = true });
	p->up.cut = true;
	world_run(w, 25);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_SCTP_CLOSED), 0);
	world_run(w, 15);
	s = world_last(w, p, RELAY_EVENT_SCTP_CLOSED);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(s->reason, CLOSE_PATH_LOSS);
	world_finish(w);
}
END_TEST

/* ---- associations ---- */

START_TEST(a_phone_that_closed_may_connect_again)
{
	begin(__func__, &(struct phone_options){ .ice = _i & 1, .setup = SETUP_ACTIVE });
	ue_close(p->ue, sim_now());
	p->touched = true;
	ck_assert(world_until(w, 10, all_closed));
	world_run(w, 1);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_SCTP_CLOSED), 1);
	ue_renew(p->ue, NULL); /* its tls-id stays what the controller was told: no update */
	ck_assert_int_eq(ue_connect(p->ue, sim_now(), &p->remote), ERR_OK);
	p->touched = true;
	ck_assert(world_until(w, 10, all_up));
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_CONNECTED), 2);
	still_works(0);
	world_finish(w);
}
END_TEST

/* RFC 8842 4: another fingerprint asks for a new DTLS association. */
START_TEST(a_new_fingerprint_makes_a_new_association)
{
	begin(__func__, &(struct phone_options){
				.ice = _i & 1, .setup = _i & 2 ? SETUP_PASSIVE : SETUP_ACTIVE });
	ue_renew(p->ue, world_identity(7));
	p->opened = 0;
	ck_assert(phone_update(p));
	ck_assert(world_until(w, 20, all_up));
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_CONNECTED), 2);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 0);
	still_works(0);
	world_finish(w);
}
END_TEST

/* RFC 8842 5.3: a new association is answered with a new tls-id; without one it stays. */
START_TEST(a_new_association_gets_a_new_tls_id)
{
	struct ue_remote first;

	begin(__func__, &(struct phone_options){ .setup = SETUP_ACTIVE });
	first = p->remote;
	ck_assert(phone_update(p));
	ck_assert_str_eq(p->remote.tls_id, first.tls_id);
	ue_renew(p->ue, NULL);
	p->opened = 0;
	ck_assert(phone_update(p));
	ck_assert_str_ne(p->remote.tls_id, first.tls_id);
	ck_assert(world_until(w, 20, all_up));
	world_finish(w);
}
END_TEST

/* The peer says it takes larger messages now. The association keeps the bound it was told. */
START_TEST(a_new_message_size_loses_nothing)
{
	struct context_spec spec;
	static const uint32_t sizes[] = { 65536, 0, 512 };

	begin(__func__, NULL);
	phone_spec(p, &spec);
	spec.terminations[0].medias[0].remote_max_message = sizes[_i];
	ck_assert(phone_update_to(p, &spec));
	context_spec_finish(&spec);
	ck_assert_uint_eq(phone_fetch(p, 0, "/big", 60)->received, MIB);
	ck_assert(!phone_reply(p, 0)->wrong);
	world_finish(w);
}
END_TEST

/* An update that says what is true already disturbs nothing. */
START_TEST(an_update_without_change_disturbs_nothing)
{
	begin(__func__, &(struct phone_options){ .ice = _i });
	phone_get(p, 0, "/big");
	for (unsigned i = 0; i < 10; i++) {
		world_run(w, 0.05);
		ck_assert(phone_update(p));
	}
	ck_assert(world_until(w, 60, all_answered));
	ck_assert(!phone_reply(p, 0)->wrong);
	ck_assert(nothing_was_set_up_again());
	world_finish(w);
}
END_TEST

/* ---- the gateway's own certificate ---- */

START_TEST(a_new_certificate_of_the_node_is_for_new_calls)
{
	struct phone *second;
	struct media_view old_view, new_view;

	begin(__func__, NULL);
	relay_set_dtls(w->relay, world_identity(7));
	still_works(0);
	second = phone_create(w, NULL);
	ck_assert(phone_call(second, NULL));
	ck_assert(world_until(w, 10, all_up));
	phone_view(p, &old_view);
	phone_view(second, &new_view);
	ck_assert_ptr_ne(old_view.cert, new_view.cert);
	/* The first one was told of the old certificate; a new handshake still shows that one. */
	ue_renew(p->ue, NULL);
	p->opened = 0;
	ck_assert(phone_update(p));
	ck_assert(world_until(w, 20, all_up));
	world_finish(w);
}
END_TEST

/* ---- streams ---- */

START_TEST(streams_come_and_go_while_a_package_flows)
{
	struct context_spec spec;

	begin(__func__, &(struct phone_options){ .ice = _i, .sids = { 0 }, .sid_count = 1 });
	phone_get(p, 0, "/big");
	world_run(w, 0.1);
	ck_assert_int_eq(ue_add_channel(p->ue, 10), ERR_OK);
	ck_assert(phone_update(p));
	world_run(w, 1);
	ck_assert_uint_eq(p->opened, 2);
	phone_get(p, 10, "/page");
	ck_assert(world_until(w, 60, all_answered));
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_CHANNEL_OPENED), 2);

	/* And away with it: a stream reset, both ways. */
	phone_get(p, 0, "/big");
	world_run(w, 0.1);
	phone_spec(p, &spec);
	ck_assert_uint_eq(spec.terminations[0].medias[0].stream_count, 2);
	mem_free(spec.terminations[0].medias[0].streams[1].subprotocol);
	mem_free(spec.terminations[0].medias[0].streams[1].label);
	spec.terminations[0].medias[0].stream_count = 1;
	ck_assert(phone_update_to(p, &spec));
	context_spec_finish(&spec);
	ck_assert(world_until(w, 60, all_answered));
	world_run(w, 5);
	ck_assert_uint_eq(p->channels_closed, 1);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_CHANNEL_CLOSED), 1);
	for (unsigned i = 0; i < p->reply_count; i++)
		ck_assert(p->replies[i].sid == 10 || !p->replies[i].wrong);

	/* The id is free again. */
	ck_assert_int_eq(ue_add_channel(p->ue, 10), ERR_OK);
	ck_assert(phone_update(p));
	world_run(w, 1);
	still_works(10);
	ck_assert(nothing_was_set_up_again());
	world_finish(w);
}
END_TEST

START_TEST(a_channel_the_phone_closes_is_closed)
{
	begin(__func__, &(struct phone_options){ .sids = { 0, 10 }, .sid_count = 2 });
	ue_close_channel(p->ue, sim_now(), 10);
	p->touched = true;
	world_run(w, 2);
	ck_assert_uint_eq(p->channels_closed, 1);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_CHANNEL_CLOSED), 1);
	ck_assert_int_eq(world_last(w, p, RELAY_EVENT_CHANNEL_CLOSED)->sid, 10);
	still_works(0);
	world_finish(w);
}
END_TEST

/* ---- the end ---- */

START_TEST(a_call_may_end_in_the_middle_of_a_transfer)
{
	begin(__func__, &(struct phone_options){
				.ice = _i & 1, .setup = _i & 2 ? SETUP_PASSIVE : SETUP_ACTIVE });
	phone_get(p, 0, "/big");
	world_run(w, 0.15);
	ck_assert_uint_gt(p->body_bytes, 0);
	phone_hang_up(p);
	ck_assert_ptr_null(phone_context(p));
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->under_way, 0);
	ck_assert(world_until(w, 2.1, nothing_left)); /* at most so long */
	world_finish(w);
}
END_TEST

START_TEST(a_call_may_end_at_any_moment_of_set_up)
{
	w = world_create(__func__);
	for (unsigned ms = 0; ms < 300; ms += 10) {
		p = phone_create(w, &(struct phone_options){ .ice = _i & 1,
					    .setup = _i & 2 ? SETUP_PASSIVE : SETUP_ACTIVE });
		ck_assert(phone_call(p, NULL));
		world_run(w, ms / 1e3);
		phone_hang_up(p);
		ck_assert(world_until(w, 2.1, nothing_left));
		phone_destroy(p);
	}
	world_finish(w);
}
END_TEST

START_TEST(the_relay_may_end_with_calls_under_way)
{
	begin(__func__, NULL);
	for (unsigned i = 0; i < 20; i++)
		ck_assert(phone_call(
			phone_create(w, &(struct phone_options){ .ice = i & 1,
						.setup = i & 2 ? SETUP_PASSIVE : SETUP_ACTIVE }),
			NULL));
	phone_get(p, 0, "/big");
	world_run(w, 0.02 * _i);
	world_finish(w);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, an_ice_restart_keeps_the_association);
	tcase_add_loop_test(tc, a_phone_that_moves_keeps_its_association, 0, 2);
	tcase_add_test(tc, a_phone_without_ice_moves_by_update);
	tcase_add_test(tc, consent_that_ends_is_a_path_loss);
	tcase_add_loop_test(tc, a_phone_that_closed_may_connect_again, 0, 2);
	tcase_add_loop_test(tc, a_new_fingerprint_makes_a_new_association, 0, 4);
	tcase_add_test(tc, a_new_association_gets_a_new_tls_id);
	tcase_add_loop_test(tc, a_new_message_size_loses_nothing, 0, 3);
	tcase_add_loop_test(tc, an_update_without_change_disturbs_nothing, 0, 2);
	tcase_add_test(tc, a_new_certificate_of_the_node_is_for_new_calls);
	tcase_add_loop_test(tc, streams_come_and_go_while_a_package_flows, 0, 2);
	tcase_add_test(tc, a_channel_the_phone_closes_is_closed);
	tcase_add_loop_test(tc, a_call_may_end_in_the_middle_of_a_transfer, 0, 4);
	tcase_add_loop_test(tc, a_call_may_end_at_any_moment_of_set_up, 0, 4);
	tcase_add_loop_test(tc, the_relay_may_end_with_calls_under_way, 0, 8);
}

int main(void)
{
	return world_main("change", add);
}
