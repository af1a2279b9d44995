/*
 * test_handshake.c: handshakes that do not go by themselves: beside others, beyond a limit, begun
 * anew, repeated by the network, before everything is told, and with wishes or paths that change in
 * the middle.
 *
 *     phone  ── hello, cookie, hello ──► relay       at last an association, or an event that says why not
 *     others ── hello, cookie, hello ──┘
 */
#include <stdio.h>

#include "dcmf/base/counters.h"
#include "dcmf/relay/wire.h"
#include "dtls/ctx.h"
#include "tests/flow/inside.h"
#include "tests/flow/world.h"

static struct world *w;
static struct phone *p;

/* A phone that has not called yet. */
static void begin_with(const char *name, void (*change)(struct relay_config *config),
	const struct phone_options *options)
{
	w = world_create_with(name, change);
	p = phone_create(w, options);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/page", .text = "page" });
}

static void still_works(void)
{
	ck_assert_str_eq(phone_fetch(p, 0, "/page", 20)->text, "page");
}

static struct media_spec *media_of(struct context_spec *spec)
{
	return &spec->terminations[0].medias[0];
}

static enum leg_state state_of(const struct phone *q)
{
	struct media_view view;

	phone_view(q, &view);
	return view.state;
}

static void latches(struct relay_config *config)
{
	config->latch = true;
}

/* ---- beside others ---- */

static void thief_input(
	void *arg, const struct addr *from, const struct addr *to, struct span dgram)
{
	struct phone *thief = arg;

	(void)to;
	thief->touched = true;
	ue_input(thief->ue, sim_now(), from, dgram);
}

/* Somebody with a certificate of his own, on another port of one host. */
static struct phone *thief_create(unsigned n)
{
	struct phone *thief = phone_create(w, &(struct phone_options){ .setup = SETUP_ACTIVE });

	net_detach(w->net, &thief->at.local);
	addr_parse_ip(SPAN_LIT("192.0.2.66"), (uint16_t)(1000 + n), &thief->at.local);
	net_attach(w->net, &thief->at.local, &thief->up, &thief->down, thief_input, thief);
	ue_move(thief->ue, &thief->at);
	return thief;
}

static void thief_begins(struct phone *thief)
{
	ck_assert_int_eq(ue_connect(thief->ue, sim_now(), &p->remote), ERR_OK);
	thief->touched = true;
}

/*
 *     phone    ══ association ══ relay
 *     thief 1, 2 ── half a handshake ──┘    time out, one after the other; nobody else notices
 */
START_TEST(half_handshakes_beside_an_association_end)
{
	struct phone *thief[2];

	begin_with(__func__, latches, &(struct phone_options){ .setup = SETUP_ACTIVE });
	phone_set_up(p);
	for (unsigned i = 0; i < 2; i++) {
		thief[i] = thief_create(i);
		thief_begins(thief[i]);
		world_run(w, 0.07); /* hello, cookie, hello */
		thief[i]->up.cut = true;
	}
	world_run(w, 0.1);
	ck_assert_int_eq(counter_value[CNT_half_open], 2);
	world_run(w, 60);
	ck_assert_int_eq(counter_value[CNT_half_open], 0);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 0);
	still_works();
	world_finish(w);
}
END_TEST

/*
 *     phone  ◄─╳─ last flight ── relay
 *     thief ── half a handshake ──┘    the phone repeats its own, and is answered beside him
 */
START_TEST(a_last_flight_is_repeated_beside_the_half_handshake_of_another)
{
	struct phone *thief;

	begin_with(__func__, latches, &(struct phone_options){ .setup = SETUP_ACTIVE });
	p->down.drop_nth = 3; /* behind the challenge and the server's first flight */
	ck_assert(phone_call(p, NULL));
	for (unsigned ms = 0; ms < 250 && state_of(p) != LEG_CONNECTING; ms++)
		world_run(w, 0.001);
	ck_assert_int_eq(state_of(p), LEG_CONNECTING);
	ck_assert_uint_eq(p->down.lost, 1);
	thief = thief_create(0);
	thief_begins(thief);
	world_run(w, 0.07); /* hello, cookie, hello */
	thief->up.cut = true;
	ck_assert_uint_eq(p->secured, 0);
	world_run(w, 2);
	ck_assert_uint_eq(p->secured, 1);
	ck_assert(phone_is_up(p));
	ck_assert_int_eq(counter_value[CNT_half_open], 1); /* his */
	still_works();
	world_run(w, 40);
	ck_assert_int_eq(counter_value[CNT_half_open], 0);
	world_finish(w);
}
END_TEST

/*
 * Six half handshakes of one host: they take each other's place, not that
 * of the phone behind an unknown NAT.
 */
START_TEST(one_host_cannot_keep_a_phone_out)
{
	struct context_spec spec;

	begin_with(__func__, latches, &(struct phone_options){ .setup = SETUP_ACTIVE });
	p->up.cut = true;
	ck_assert(phone_call(p, NULL));
	phone_spec(p, &spec);
	media_of(&spec)->remote.port += 1000;
	ck_assert(phone_update_to(p, &spec));
	context_spec_finish(&spec);
	for (unsigned i = 0; i < 6; i++) {
		struct phone *thief = thief_create(i);

		thief_begins(thief);
		world_run(w, 0.07);
		thief->up.cut = true;
	}
	ck_assert_int_le(counter_value[CNT_half_open], 4);
	p->up.cut = false;
	for (unsigned i = 0; i < 100 && !phone_is_up(p); i++)
		world_run(w, 0.1);
	ck_assert(phone_is_up(p));
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 0);
	world_run(w, 40);
	ck_assert_int_eq(counter_value[CNT_half_open], 0);
	world_finish(w);
}
END_TEST

/* ---- with little room ---- */

/* The phone's own certificate, whose connections ask for short records (RFC 6066 4); 0: for any. */
static void wish_for(uint8_t length)
{
	SSL_CTX_set_tlsext_max_fragment_length(world_identity(7)->ssl, length);
}

static void begin_short_of_room(const char *name, uint8_t length)
{
	begin_with(name, NULL, &(struct phone_options){ .setup = SETUP_ACTIVE });
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/long", .size = 100000 });
	wish_for(length);
	ue_renew(p->ue, world_identity(7));
}

START_TEST(a_phone_that_asks_for_short_records_gets_no_longer_ones)
{
	begin_short_of_room(__func__, TLSEXT_max_fragment_length_1024);
	phone_set_up(p);
	p->down.largest = 0;
	ck_assert_uint_eq(phone_fetch(p, 0, "/long", 20)->received, 100000);
	ck_assert_uint_gt(p->down.largest, 1000);
	ck_assert_uint_le(p->down.largest, 1024 + DTLS_RECORD_OVERHEAD);
	wish_for(TLSEXT_max_fragment_length_DISABLED);
	world_finish(w);
}
END_TEST

START_TEST(a_phone_whose_records_are_too_short_for_sctp_is_refused)
{
	begin_short_of_room(__func__, TLSEXT_max_fragment_length_512);
	ck_assert(phone_call(p, NULL));
	world_run(w, 3);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_SCTP_CLOSED), 1);
	ck_assert_int_eq(world_last(w, p, RELAY_EVENT_SCTP_CLOSED)->reason, CLOSE_DTLS_PROTOCOL);
	ck_assert_int_eq(counter_value[CNT_half_open], 0);
	wish_for(TLSEXT_max_fragment_length_DISABLED);
	world_finish(w);
}
END_TEST

/* ---- more than may be at once ---- */

static void three_at_once(struct relay_config *config)
{
	config->half_open = 3;
	config->handshake_us = TICK_S(5);
}

/*     8 phones begin at once, 3 may: the others wait for a turn and get it when they try again */
START_TEST(handshakes_beyond_the_half_open_limit_wait)
{
	int64_t highest = 0;

	w = world_create_with(__func__, three_at_once);
	for (unsigned i = 0; i < 8; i++)
		ck_assert(phone_call(
			phone_create(w, &(struct phone_options){ .setup = SETUP_ACTIVE }), NULL));
	for (unsigned i = 0; i < 2000 && !all_up(w); i++) {
		world_run(w, 0.01);
		if (counter_value[CNT_half_open] > highest)
			highest = counter_value[CNT_half_open];
	}
	ck_assert_int_le(highest, 3);
	ck_assert(world_until(w, 60, all_up));
	world_run(w, 1);
	ck_assert_int_eq(counter_value[CNT_half_open], 0);
	world_finish(w);
}
END_TEST

/* A handshake that is begun and left gives its place back. */
START_TEST(a_handshake_that_is_left_does_not_stay_half_open)
{
	struct phone *left[3];

	w = world_create_with(__func__, three_at_once);
	for (unsigned i = 0; i < 3; i++) {
		left[i] = phone_create(w, &(struct phone_options){ .setup = SETUP_ACTIVE });
		ck_assert(phone_call(left[i], NULL));
	}
	world_run(w, 0.07); /* hello, cookie, hello: a connection each */
	for (unsigned i = 0; i < 3; i++)
		left[i]->up.cut = true;
	world_run(w, 0.1);
	ck_assert_int_gt(counter_value[CNT_half_open], 0);
	world_run(w, 30);
	ck_assert_int_eq(counter_value[CNT_half_open], 0);
	ck_assert_uint_ge(world_count(w, NULL, RELAY_EVENT_DTLS_FAILED), 1);
	world_finish(w);
}
END_TEST

static void one_at_once(struct relay_config *config)
{
	config->half_open = 1;
}

/*
 * A phone that waits for our hello cannot repeat anything: we have to
 * remember that it is still to be called.
 */
START_TEST(a_handshake_of_ours_beyond_the_limit_is_made_up_for)
{
	begin_with(__func__, one_at_once, &(struct phone_options){ .setup = SETUP_PASSIVE });
	ck_assert(phone_call(p, NULL));
	for (unsigned i = 0; i < 5; i++)
		ck_assert(phone_call(
			phone_create(w, &(struct phone_options){ .setup = SETUP_PASSIVE }), NULL));
	ck_assert(world_until(w, 20, all_up));
	still_works();
	world_finish(w);
}
END_TEST

/* ---- begun anew ---- */

/* The phone restarts in the middle of its handshake: what it says now belongs to a new one. */
START_TEST(a_phone_that_begins_anew_in_the_middle_of_a_handshake_is_served)
{
	begin_with(__func__, NULL, &(struct phone_options){ .ice = _i & 1, .setup = SETUP_ACTIVE });
	ck_assert(phone_call(p, NULL));
	world_run(w, 0.05);
	p->down.cut = true; /* it never hears the answer */
	world_run(w, 0.1);
	ck_assert_int_eq(state_of(p), LEG_SECURING);
	p->down.cut = false;
	ue_renew(p->ue, NULL);
	ck_assert_int_eq(ue_connect(p->ue, sim_now(), &p->remote), ERR_OK);
	p->touched = true;
	ck_assert(world_until(w, 8, all_up));
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 0);
	still_works();
	world_finish(w);
}
END_TEST

/*
 * A handshake of ours that failed is tried again when the controller says
 * again what it wants, and not before.
 */
START_TEST(a_failed_handshake_of_ours_is_tried_again_on_update)
{
	begin_with(__func__, NULL, &(struct phone_options){ .setup = SETUP_PASSIVE });
	p->down.cut = true;
	ck_assert(phone_call(p, NULL));
	world_run(w, 40);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 1);
	ck_assert_int_eq(state_of(p), LEG_CLOSED);
	p->down.cut = false;
	world_run(w, 5);
	ck_assert(!phone_is_up(p));
	ck_assert(phone_update(p));
	ck_assert(world_until(w, 5, all_up));
	world_finish(w);
}
END_TEST

/* ---- late copies ---- */

static uint8_t hello[1500]; /* the last one the phone sent */
static size_t hello_len;

static void copying_input(
	void *arg, const struct addr *from, const struct addr *to, struct span dgram)
{
	struct dgram *d;

	(void)arg;
	(void)to;
	ue_input(p->ue, sim_now(), from, dgram);
	p->touched = true;
	while ((d = ue_next_dgram(p->ue)) != NULL) {
		if (wire_is_client_hello(dgram_span(d))) {
			hello_len = d->len;
			memcpy(hello, d->bytes, d->len);
		}
		net_send(w->net, &d->path.local, &d->path.remote, dgram_span(d));
		dgram_free(d);
	}
}

/*
 * The network delivers the hello of an association once more, cookie and
 * all: beside it, and after its end.
 */
START_TEST(a_late_copy_of_a_hello_begins_nothing)
{
	bool after_the_end = _i & 2;

	hello_len = 0;
	begin_with(__func__, NULL, &(struct phone_options){ .ice = _i & 1, .setup = SETUP_ACTIVE });
	net_detach(w->net, &p->at.local);
	net_attach(w->net, &p->at.local, &p->up, &p->down, copying_input, p);
	phone_set_up(p);
	ck_assert_uint_gt(hello_len, 0);
	if (after_the_end) {
		ue_close(p->ue, sim_now());
		p->touched = true;
		ck_assert(world_until(w, 10, all_closed));
		world_run(w, 1);
	}
	net_send(w->net, &p->at.local, &p->remote.addr, SPAN(hello, hello_len));
	world_run(w, 0.5);
	ck_assert_int_eq(counter_value[CNT_half_open], 0);
	world_run(w, 40);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 0);
	if (!after_the_end)
		still_works();
	world_finish(w);
}
END_TEST

/* ---- what is told in the middle ---- */

/*
 * The remote side is told piece by piece: whoever is not the signalled
 * source does not get in between.
 */
START_TEST(a_certificate_without_an_address_lets_nobody_in)
{
	struct context_spec spec;

	begin_with(__func__, NULL, &(struct phone_options){ .setup = SETUP_ACTIVE });
	ck_assert(phone_call(p, NULL));
	phone_spec(p, &spec);
	media_of(&spec)->remote = (struct addr){ 0 };
	ck_assert(phone_update_to(p, &spec));
	context_spec_finish(&spec);
	world_run(w, 3);
	ck_assert(!phone_is_up(p));
	ck_assert_int_eq(counter_value[CNT_half_open], 0);
	ck_assert(phone_update(p)); /* and now it is told: its hello has waited */
	ck_assert(world_until(w, 0.5, all_up));
	still_works();
	world_finish(w);
}
END_TEST

START_TEST(a_handshake_follows_the_signalled_address)
{
	struct context_spec spec;
	struct relay_refusal refusal;

	begin_with(__func__, NULL, &(struct phone_options){ .setup = SETUP_PASSIVE });
	phone_spec(p, &spec);
	media_of(&spec)->remote.port += 1000;
	snprintf(p->context_id, sizeof(p->context_id), "0-1");
	ck_assert_ptr_nonnull(world_create_context(w, p->context_id, &spec, &refusal));
	context_spec_finish(&spec);
	world_run(w, 1);
	ck_assert_int_eq(state_of(p), LEG_SECURING);
	ck_assert(phone_update(p));
	ck_assert(world_until(w, 5, all_up));
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 0);
	still_works();
	world_finish(w);
}
END_TEST

/* ---- paths that end ---- */

static void impatient(struct relay_config *config)
{
	config->consent_us = TICK_S(10);
}

START_TEST(a_path_lost_in_the_middle_of_a_handshake_is_told)
{
	const struct seen *s;

	begin_with(
		__func__, impatient, &(struct phone_options){ .ice = true, .setup = SETUP_ACTIVE });
	ck_assert(phone_call(p, NULL));
	world_run(w, 0.07);
	ck_assert_int_eq(state_of(p), LEG_SECURING);
	p->up.cut = true;
	world_run(w, 15);
	s = world_last(w, p, RELAY_EVENT_DTLS_FAILED);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(s->reason, CLOSE_PATH_LOSS);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 1);
	ck_assert_int_eq(counter_value[CNT_half_open], 0);
	world_finish(w);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, half_handshakes_beside_an_association_end);
	tcase_add_test(tc, a_last_flight_is_repeated_beside_the_half_handshake_of_another);
	tcase_add_test(tc, one_host_cannot_keep_a_phone_out);
	tcase_add_test(tc, a_phone_that_asks_for_short_records_gets_no_longer_ones);
	tcase_add_test(tc, a_phone_whose_records_are_too_short_for_sctp_is_refused);
	tcase_add_test(tc, handshakes_beyond_the_half_open_limit_wait);
	tcase_add_test(tc, a_handshake_that_is_left_does_not_stay_half_open);
	tcase_add_test(tc, a_handshake_of_ours_beyond_the_limit_is_made_up_for);
	tcase_add_loop_test(
		tc, a_phone_that_begins_anew_in_the_middle_of_a_handshake_is_served, 0, 2);
	tcase_add_test(tc, a_failed_handshake_of_ours_is_tried_again_on_update);
	tcase_add_loop_test(tc, a_late_copy_of_a_hello_begins_nothing, 0, 4);
	tcase_add_test(tc, a_certificate_without_an_address_lets_nobody_in);
	tcase_add_test(tc, a_handshake_follows_the_signalled_address);
	tcase_add_test(tc, a_path_lost_in_the_middle_of_a_handshake_is_told);
}

int main(void)
{
	return world_main("handshake", add);
}
