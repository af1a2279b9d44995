/*
 * test_trust.c: who is believed: certificates against fingerprints, sources and streams against
 * what was signalled or proved.
 *
 *     phone    ──► relay       the one the controller named
 *     stranger ──► relay       anybody who can reach the port
 */
#include "dcmf/base/counters.h"
#include "tests/flow/world.h"

static const struct page page = { .url = BASE "/page", .text = "page" };

static void latches(struct relay_config *config)
{
	config->latch = true;
}

/* ---- certificates ---- */

START_TEST(a_certificate_that_matches_no_fingerprint_is_refused)
{
	struct world *w = world_create(__func__);
	struct phone *p = phone_create(w, &(struct phone_options){ .ice = _i & 1,
						  .setup = _i & 2 ? SETUP_PASSIVE : SETUP_ACTIVE });
	const struct seen *failed;
	int64_t refused = counter_value[CNT_dtls_fingerprint_total];
	int64_t messages = counter_value[CNT_messages_received_total];

	dcsf_page(w->dcsf, &page);
	p->wrong_fingerprint = true;
	ck_assert(phone_call(p, NULL));
	phone_get(p, 0, "/page");
	world_run(w, 40);
	ck_assert_uint_eq(p->opened, 0);
	ck_assert_uint_eq(p->complete, 0);
	failed = world_last(w, p, RELAY_EVENT_DTLS_FAILED);
	ck_assert_ptr_nonnull(failed);
	ck_assert_int_eq(failed->reason, CLOSE_DTLS_FINGERPRINT);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_CONNECTED), 0);
	ck_assert_int_gt(counter_value[CNT_dtls_fingerprint_total], refused);
	ck_assert_int_eq(counter_value[CNT_messages_received_total], messages);
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->requests, 0);
	world_finish(w);
}
END_TEST

/* The controller corrects itself: the right fingerprint makes a new attempt possible. */
START_TEST(after_a_wrong_fingerprint_the_right_one_works)
{
	struct world *w = world_create(__func__);
	struct phone *p = phone_create(w, &(struct phone_options){ .setup = SETUP_ACTIVE });

	dcsf_page(w->dcsf, &page);
	p->wrong_fingerprint = true;
	ck_assert(phone_call(p, NULL));
	world_run(w, 5);
	ck_assert_uint_eq(p->closed, 1);
	p->wrong_fingerprint = false;
	ue_renew(p->ue, NULL);
	ck_assert(phone_update(p));
	ck_assert(world_until(w, 20, all_up));
	ck_assert_str_eq(phone_fetch(p, 0, "/page", 10)->text, "page");
	world_finish(w);
}
END_TEST

/* ---- strangers ---- */

static struct addr stranger(unsigned n)
{
	struct addr a;

	addr_parse_ip(SPAN_LIT("192.0.2.66"), (uint16_t)(1000 + n), &a);
	return a;
}

/*     stranger ── anything, for ever ──► relay ◄── call ──► phone */
START_TEST(datagrams_of_strangers_disturb_nobody)
{
	static const uint8_t noise[][16] = {
		{ 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 },        /* STUN without anything in it */
		{ 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, /* DTLS handshake, empty */
		{ 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0 }, /* DTLS data */
		/* DTLS alert: fatal close_notify */
		{ 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 0 },
		{ 128, 0 },
		{ 255 },
	};
	struct world *w = world_create(__func__);
	struct phone *p = phone_create(w, &(struct phone_options){ .ice = _i & 1,
						  .setup = _i & 2 ? SETUP_PASSIVE : SETUP_ACTIVE });

	dcsf_page(w->dcsf, &page);
	ck_assert(phone_call(p, NULL));
	for (unsigned i = 0; i < 600; i++) {
		struct addr from = stranger(i % 50);

		/* Also with the phone's own address: anybody can write that. */
		net_send(w->net, i % 7 == 0 ? &p->at.local : &from, &p->remote.addr,
			SPAN_OF(noise[i % 6]));
		world_run(w, 0.01);
	}
	ck_assert(all_up(w));
	ck_assert_str_eq(phone_fetch(p, 0, "/page", 10)->text, "page");
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 0);
	world_finish(w);
}
END_TEST

/*
 * The second phone was never signalled; it knows port and certificate and
 * wants in with a certificate of its own.
 */
START_TEST(a_handshake_of_a_stranger_goes_nowhere)
{
	struct world *w = world_create_with(__func__, _i ? latches : NULL);
	struct phone *p = phone_create(w, &(struct phone_options){ .setup = SETUP_ACTIVE });
	struct phone *thief = phone_create(w, &(struct phone_options){ .setup = SETUP_ACTIVE });

	dcsf_page(w->dcsf, &page);
	p->up.cut = true; /* the real one comes late */
	ck_assert(phone_call(p, NULL));
	ck_assert_int_eq(ue_connect(thief->ue, sim_now(), &p->remote), ERR_OK);
	thief->touched = true;
	world_run(w, 10);
	ck_assert_uint_eq(thief->opened, 0);
	p->up.cut = false;
	while (!phone_is_up(p)) {
		ck_assert_int_lt(sim_now().us, INT64_MAX / 2);
		world_run(w, 1);
		ck_assert_uint_eq(p->closed, 0);
	}
	phone_get(p, 0, "/page");
	world_run(w, 5);
	ck_assert_uint_eq(p->complete, 1);
	ck_assert_uint_eq(thief->opened, 0);
	world_finish(w);
}
END_TEST

/*
 * ---- the phone that comes from another address than signalled (a NAT
 * the controller does not know) ----
 */

static void calls_from_elsewhere(struct world *w, struct phone *p)
{
	struct context_spec spec;
	struct media_view view;

	ck_assert(phone_call(p, NULL));
	phone_spec(p, &spec);
	spec.terminations[0].medias[0].remote.port += 1000;
	ck_assert(phone_update_to(p, &spec));
	context_spec_finish(&spec);
	world_run(w, 20);
	phone_view(p, &view);
	ck_assert_int_eq(view.state == LEG_OPEN, phone_is_up(p));
}

START_TEST(without_latching_another_source_is_not_believed)
{
	struct world *w = world_create(__func__);
	struct phone *p = phone_create(w, &(struct phone_options){ .setup = SETUP_ACTIVE });
	int64_t before = counter_value[CNT_datagrams_source_total];

	calls_from_elsewhere(w, p);
	ck_assert(!phone_is_up(p));
	ck_assert_int_gt(counter_value[CNT_datagrams_source_total], before);
	world_finish(w);
}
END_TEST

START_TEST(with_latching_the_source_that_shows_the_certificate_is_believed)
{
	struct world *w = world_create_with(__func__, latches);
	struct phone *p = phone_create(w, &(struct phone_options){ .setup = SETUP_ACTIVE });
	struct media_view view;

	dcsf_page(w->dcsf, &page);
	calls_from_elsewhere(w, p);
	ck_assert(phone_is_up(p));
	phone_view(p, &view);
	ck_assert(addr_eq(&view.path->remote, &p->at.local));
	ck_assert_str_eq(phone_fetch(p, 0, "/page", 10)->text, "page");
	world_finish(w);
}
END_TEST

/* ---- paths on a shared port ---- */

/*
 *     phone A ── 10.0.0.10:50000 ──╮
 *                                  ├── shared port ── relay   A has vanished, its context has not
 *     phone B ── 10.0.0.10:50000 ──╯
 */
START_TEST(a_path_belongs_to_whoever_uses_it_now)
{
	struct world *w = world_create(__func__);
	struct phone *p = phone_create(w, &(struct phone_options){ .ice = true });
	struct phone *second;

	dcsf_page(w->dcsf, &page);
	w->shared_port = true;
	phone_set_up(p);
	world_run(w, 1);
	if (_i)
		phone_hang_up(p);
	phone_destroy(p);
	w->phone_count = 0; /* the next one gets its address */
	second = phone_create(w, &(struct phone_options){ .ice = true });
	ck_assert(phone_call(second, NULL));
	ck_assert(world_until(w, _i ? 10 : 30, all_up));
	ck_assert_str_eq(phone_fetch(second, 0, "/page", 20)->text, "page");
	world_finish(w);
}
END_TEST

/* Whoever may speak for himself cannot take what another one still uses. */
START_TEST(a_path_in_use_is_not_taken_by_a_neighbour)
{
	struct world *w = world_create(__func__);
	struct phone *p = phone_create(w, &(struct phone_options){ .ice = true });
	struct phone *thief;

	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/big", .size = 1 << 20 });
	w->shared_port = true;
	phone_set_up(p);
	thief = phone_create(w, &(struct phone_options){ .ice = true });
	thief->down.cut = true;
	ue_move(thief->ue, &p->at); /* it writes the phone's address */
	ck_assert(phone_call(thief, NULL));
	phone_get(p, 0, "/big");
	world_run(w, 20);
	ck_assert_uint_eq(p->complete, 1);
	ck_assert_uint_eq(p->closed, 0);
	ck_assert(!phone_reply(p, 0)->wrong);
	world_finish(w);
}
END_TEST

/* ---- channels nobody agreed to ---- */

START_TEST(a_message_on_a_stream_that_was_not_agreed_is_refused)
{
	struct world *w = world_create(__func__);
	struct phone *p = phone_create(w, NULL);
	int64_t before = counter_value[CNT_stream_refused_total];

	dcsf_page(w->dcsf, &page);
	phone_set_up(p);
	ck_assert_int_eq(ue_add_channel(p->ue, 4), ERR_OK); /* only the phone thinks so */
	phone_raw(p, 4, "GET / HTTP/1.1\r\n\r\n", 0);
	world_run(w, 5);
	ck_assert_int_eq(counter_value[CNT_stream_refused_total], before + 1);
	ck_assert_uint_eq(p->channels_closed, 1);
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->requests, 0);
	ck_assert_str_eq(phone_fetch(p, 0, "/page", 10)->text, "page");
	world_finish(w);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_certificate_that_matches_no_fingerprint_is_refused, 0, 4);
	tcase_add_test(tc, after_a_wrong_fingerprint_the_right_one_works);
	tcase_add_loop_test(tc, datagrams_of_strangers_disturb_nobody, 0, 4);
	tcase_add_loop_test(tc, a_handshake_of_a_stranger_goes_nowhere, 0, 2);
	tcase_add_test(tc, without_latching_another_source_is_not_believed);
	tcase_add_test(tc, with_latching_the_source_that_shows_the_certificate_is_believed);
	tcase_add_loop_test(tc, a_path_belongs_to_whoever_uses_it_now, 0, 2);
	tcase_add_test(tc, a_path_in_use_is_not_taken_by_a_neighbour);
	tcase_add_test(tc, a_message_on_a_stream_that_was_not_agreed_is_refused);
}

int main(void)
{
	return world_main("trust", add);
}
