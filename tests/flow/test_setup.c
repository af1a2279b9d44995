/*
 * test_setup.c: from an offer to the first application list, in every combination the field
 * knows, and with any one datagram lost on the way.
 *
 *     phone ── ICE or none ── DTLS active or passive ── SCTP ── channels ──► relay ──► server
 */
#include "tests/flow/world.h"

#define LIST "{\"appNum\":0,\"applications\":[],\"beginIndex\":0,\"totalAppNum\":0}"

static const struct page list = { .url = BASE "/applicationlist?begin-index=0&app-num=5",
	.text = LIST };

static void fetches_the_list(struct phone *p, uint16_t sid)
{
	const struct reply *r = phone_fetch(p, sid, "/applicationlist?begin-index=0&app-num=5", 30);

	ck_assert_int_eq(r->status, 200);
	ck_assert_str_eq(r->text, LIST);
	ck_assert_int_eq(r->length, (int64_t)strlen(LIST));
}

static void goes_up_and_fetches(const char *name, const struct phone_options *options)
{
	struct world *w = world_create(name);
	struct phone *p = phone_create(w, options);
	struct media_view view;

	dcsf_page(w->dcsf, &list);
	phone_set_up(p);
	fetches_the_list(p, options->sids[0]);
	phone_view(p, &view);
	ck_assert_int_eq(view.state, LEG_OPEN);
	ck_assert(view.secured);
	ck_assert_str_eq(view.info.version, "DTLSv1.2");
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_CONNECTED), 1);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_SCTP_CONNECTED), 1);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_CHANNEL_OPENED),
		options->sid_count ? options->sid_count : 1);
	ck_assert_uint_le(w->largest, 1200);
	phone_hang_up(p);
	ck_assert(world_until(w, 10, nothing_left));
	world_run(w, 0.1); /* what was said last is still on its way */
	ck_assert_uint_eq(p->closed, 1);
	world_finish(w);
}

static const struct phone_options ways[] = {
	{ .ice = false, .setup = SETUP_ACTPASS },
	{ .ice = false, .setup = SETUP_ACTIVE },
	{ .ice = false, .setup = SETUP_PASSIVE },
	{ .ice = true, .setup = SETUP_ACTPASS },
	{ .ice = true, .setup = SETUP_ACTIVE },
	{ .ice = true, .setup = SETUP_PASSIVE },
	{ .ice = true, .webrtc = true },
	{ .ice = true, .webrtc = true, .dcep = true },
	{ .ice = true, .webrtc = true, .dcep = true, .setup = SETUP_PASSIVE },
	{ .ice = false, .dcep = true },
	{ .ice = false, .ipv6 = true },
	{ .ice = true, .ipv6 = true, .setup = SETUP_PASSIVE },
	{ .sids = { 0, 10 }, .sid_count = 2 },
	{ .sids = { 100, 110 }, .sid_count = 2, .setup = SETUP_PASSIVE },
	{ .sids = { 0, 10, 100, 110 }, .sid_count = 4, .ice = true },
	{ .piece = 1 },
	{ .piece = 16 },
};

START_TEST(a_phone_goes_up_and_fetches_its_list)
{
	goes_up_and_fetches(__func__, &ways[_i]);
}
END_TEST

/* Whoever speaks first after it. */
START_TEST(a_leg_that_was_silent_for_long_goes_on_as_before)
{
	struct world *w = world_create(__func__);
	struct phone *p = phone_create(w, &(struct phone_options){ .ice = _i & 1 });

	dcsf_page(w->dcsf, &list);
	phone_set_up(p);
	for (unsigned i = 0; i < 3; i++) {
		fetches_the_list(p, 0);
		world_run(w, i == 1 ? 3600 : 3); /* over signs of life, too */
	}
	phone_hang_up(p); /* the gateway speaks first */
	ck_assert(world_until(w, 10, nothing_left));
	world_run(w, 0.1);
	ck_assert_uint_eq(p->closed, 1);
	world_finish(w);
}
END_TEST

/* ---- the gateway active, where the offer leaves it the choice ---- */

static void prefers_active(struct relay_config *config)
{
	config->setup = SETUP_ACTIVE;
}

START_TEST(the_gateway_may_be_active_where_the_offer_says_actpass)
{
	struct world *w = world_create_with(__func__, prefers_active);
	struct phone *p = phone_create(w, &(struct phone_options){ .ice = _i });

	dcsf_page(w->dcsf, &list);
	phone_set_up(p);
	ck_assert_int_eq(p->remote.setup, SETUP_ACTIVE);
	fetches_the_list(p, 0);
	world_finish(w);
}
END_TEST

/* ---- small paths ---- */

static void mtu_576(struct relay_config *config)
{
	config->mtu = 576;
}

/* Both flights with certificates need several datagrams then. */
START_TEST(no_datagram_exceeds_the_configured_mtu)
{
	struct world *w = world_create_with(__func__, mtu_576);
	struct phone *p = phone_create(w, &(struct phone_options){ .ice = _i & 1,
						  .setup = _i & 2 ? SETUP_PASSIVE : SETUP_ACTIVE,
						  .mtu = 576 });

	dcsf_page(w->dcsf, &list);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/big", .size = 100000 });
	phone_set_up(p);
	fetches_the_list(p, 0);
	ck_assert(!phone_fetch(p, 0, "/big", 60)->wrong);
	ck_assert_uint_le(w->largest, 576);
	ck_assert_uint_le(p->up.largest, 576);
	world_finish(w);
}
END_TEST

/*
 *     phone 0 ──┐
 *     phone 1 ──┼── one port for all medias with ICE
 *     phone 2 ──┘
 */
START_TEST(medias_with_ice_share_a_port)
{
	struct world *w = world_create(__func__);
	struct phone *p[3];

	w->shared_port = true;
	dcsf_page(w->dcsf, &list);
	for (unsigned i = 0; i < 3; i++) {
		p[i] = phone_create(w, &(struct phone_options){ .ice = true,
					       .setup = i == 1 ? SETUP_PASSIVE : SETUP_ACTIVE });
		ck_assert(phone_call(p[i], NULL));
	}
	ck_assert(world_until(w, 10, all_up));
	ck_assert(addr_eq(&p[0]->remote.addr, &p[2]->remote.addr));
	for (unsigned i = 0; i < 3; i++)
		fetches_the_list(p[i], 0);
	phone_hang_up(p[1]);
	world_run(w, 5);
	fetches_the_list(p[0], 0);
	fetches_the_list(p[2], 0);
	world_finish(w);
}
END_TEST

START_TEST(a_call_without_a_free_port_is_refused)
{
	struct world *w = world_create(__func__);
	struct phone *first = phone_create(w, NULL), *second = phone_create(w, NULL);
	struct relay_refusal refusal;

	w->no_ports_after = 1;
	ck_assert(phone_call(first, NULL));
	ck_assert(!phone_call(second, &refusal));
	ck_assert_int_eq(refusal.err, ERR_NO_PORT);
	ck_assert_uint_eq(relay_context_count(w->relay), 1);
	phone_hang_up(first);
	ck_assert(world_until(w, 10, nothing_left));
	ck_assert(phone_call(second, &refusal));
	world_finish(w);
}
END_TEST

/* ---- any one datagram lost ---- */

/* How many datagrams a set-up takes in each direction, the list included. */
static void one_call(struct world *w, const struct phone_options *options, unsigned lose_up,
	unsigned lose_down, unsigned *up, unsigned *down)
{
	struct phone *p = phone_create(w, options);

	p->up.drop_nth = lose_up;
	p->down.drop_nth = lose_down;
	ck_assert(phone_call(p, NULL));
	ck_assert_msg(world_until(w, 30, all_up), "not up with datagram %u up, %u down lost",
		lose_up, lose_down);
	fetches_the_list(p, 0);
	*up = p->up.sent;
	*down = p->down.sent;
	phone_hang_up(p);
	ck_assert_msg(world_until(w, 10, nothing_left),
		"left over with datagram %u up, %u down lost", lose_up, lose_down);
	phone_destroy(p);
}

/*     phone ──1 2 3 ✗ 5 6──► relay        and the same the other way */
START_TEST(any_one_datagram_of_set_up_may_be_lost)
{
	const struct phone_options options = { .ice = _i & 1,
		.setup = _i & 2 ? SETUP_PASSIVE : SETUP_ACTIVE };
	struct world *w = world_create(__func__);
	unsigned up, down, sent_up, sent_down;

	dcsf_page(w->dcsf, &list);
	one_call(w, &options, 0, 0, &up, &down);
	ck_assert_uint_ge(up, 5);
	for (unsigned n = 1; n <= up; n++)
		one_call(w, &options, n, 0, &sent_up, &sent_down);
	for (unsigned n = 1; n <= down; n++)
		one_call(w, &options, 0, n, &sent_up, &sent_down);
	world_finish(w);
}
END_TEST

/* ---- the hello that comes too early ---- */

/*
 *     controller            relay           phone
 *        │  context, remote   │                │
 *        │  side not known ──►│                │
 *        │                    │◄── ClientHello │
 *        │  remote side ─────►│                │
 *        │                    │◄── handshake ─►│
 */
START_TEST(a_hello_before_the_remote_side_is_known_is_not_lost)
{
	struct world *w = world_create(__func__);
	struct phone *p = phone_create(w, &(struct phone_options){ .setup = SETUP_ACTIVE });
	tick_t told;

	dcsf_page(w->dcsf, &list);
	p->unknown = true;
	ck_assert(phone_call(p, NULL));
	world_run(w, 0.3);
	ck_assert_uint_gt(p->up.sent, 0);
	ck_assert_uint_eq(p->secured, 0);
	p->unknown = false;
	told = sim_now();
	ck_assert(phone_update(p));
	ck_assert(world_until(w, 10, all_up));
	/* Kept, not waited for: no second of retransmission was needed. */
	ck_assert_int_lt(tick_since(told, sim_now()), TICK_MS(700));
	fetches_the_list(p, 0);
	world_finish(w);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(
		tc, a_phone_goes_up_and_fetches_its_list, 0, sizeof(ways) / sizeof(ways[0]));
	tcase_add_loop_test(tc, a_leg_that_was_silent_for_long_goes_on_as_before, 0, 2);
	tcase_add_loop_test(tc, the_gateway_may_be_active_where_the_offer_says_actpass, 0, 2);
	tcase_add_loop_test(tc, no_datagram_exceeds_the_configured_mtu, 0, 4);
	tcase_add_test(tc, medias_with_ice_share_a_port);
	tcase_add_test(tc, a_call_without_a_free_port_is_refused);
	tcase_add_loop_test(tc, any_one_datagram_of_set_up_may_be_lost, 0, 4);
	tcase_add_test(tc, a_hello_before_the_remote_side_is_known_is_not_lost);
}

int main(void)
{
	return world_main("setup", add);
}
