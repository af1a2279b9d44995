/*
 * test_splice.c: two phones whose DTLS passes through the relay untouched: it ends ICE, lends
 * addresses, and holds no key.
 *
 *     phone a ══════════════ DTLS, SCTP ══════════════ phone b
 *          └─ STUN ─ relay                 relay ─ STUN ─┘
 */
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/relay/parts.h"
#include "tests/flow/inside.h"
#include "tests/flow/paired.h"

#define KIB 1024u

static const struct ue_stream two[] = { { .sid = 1000, .label = "text" },
	{ .sid = 1001, .quality = { true, MAX_RETRANSMITS, 256, 3 }, .label = "pointer" } };

static struct phone_options side(bool ice, enum setup setup)
{
	return (struct phone_options){
		.ice = ice, .setup = setup, .accept_dcep = true, .max_message = 256 * KIB
	};
}

static struct pair_options options(bool ice)
{
	return (struct pair_options){ .proxy = PROXY_UDP,
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

static bool nothing_was_set_up_again(void)
{
	return p->a->secured == 1 && p->b->secured == 1 && p->a->closed + p->b->closed == 0;
}

/* ---- end to end ---- */

/* The certificate that each phone saw is the other's. */
static void each_saw_the_other(void)
{
	const struct phone *phones[] = { p->a, p->b };

	for (unsigned i = 0; i < 2; i++) {
		struct ue_media other, self;
		struct dtls_info seen;

		ue_media(phones[i]->ue, &self);
		ue_media(phones[!i]->ue, &other);
		dtls_info(ue_dtls(phones[i]->ue), &seen);
		ck_assert(fingerprint_eq(&seen.peer, &other.fingerprint));
		ck_assert(!fingerprint_eq(&seen.peer, &self.fingerprint));
	}
}

static const enum setup setups[] = { SETUP_ACTPASS, SETUP_ACTIVE, SETUP_PASSIVE };

START_TEST(each_phone_sees_the_other_in_every_role_with_and_without_ice)
{
	const struct pair_options o = { .proxy = PROXY_UDP,
		.streams = two,
		.stream_count = 2,
		.a = side(_i & 1, setups[_i / 4]),
		.b = side(_i & 2, SETUP_NONE) };
	struct media_view a, b;

	begin_with(__func__, &o);
	each_saw_the_other();
	pair_view(p, p->a, &a);
	pair_view(p, p->b, &b);
	ck_assert(a.passes && b.passes && !a.secured && a.assoc == NULL);
	ck_assert_int_eq(a.ice_ufrag != NULL, _i & 1);
	ck_assert_int_eq(b.ice_ufrag != NULL, (_i & 2) / 2);
	/* The only DTLS objects and associations of this program are the two phones'. */
	ck_assert_int_eq(counter_value[CNT_dtls_connections], 2);
	ck_assert_int_eq(counter_value[CNT_associations], 2);
	ck_assert_int_eq(counter_value[CNT_legs], 0);
	ck_assert_int_eq(counter_value[CNT_splices], 2);
	pair_works(p, 900, 100);
	ck_assert_uint_eq(world_count(w, NULL, RELAY_EVENT_DTLS_CONNECTED), 0);
	pair_hang_up(p);
	ck_assert(world_until(w, 2.1, nothing_left));
	ck_assert_int_eq(counter_value[CNT_splices], 0);
	end();
}
END_TEST

START_TEST(both_sides_told_at_once_and_browsers_come_up_too)
{
	struct pair_options o = options(true);

	o.together = _i;
	o.a.webrtc = o.b.webrtc = !_i;
	if (_i) {
		o.a.setup = SETUP_PASSIVE;
		o.b.setup = SETUP_ACTIVE;
	}
	begin_with(__func__, &o);
	each_saw_the_other();
	pair_works(p, 900, 100);
	end();
}
END_TEST

START_TEST(channels_opened_in_band_and_large_messages_pass)
{
	const struct ue_stream chat = { .sid = 1010, .label = "chat", .protocol = "c" };
	uint16_t of_a, of_b;

	begin(__func__, _i);
	pair_open(p, p->a, &chat, &of_a, &of_b);
	ck_assert_uint_eq(of_a, of_b);
	pair_flow(p, p->a, of_a, of_b, 200 * KIB, 10);
	pair_flow(p, p->b, of_b, of_a, 64 * KIB, 10);
	ck_assert(world_until(w, 60, flows_done));
	flows_are_whole(p);
	end();
}
END_TEST

/* The fingerprints are the phones' own affair: the relay cannot help a wrong one. */
START_TEST(a_wrong_fingerprint_fails_between_the_phones)
{
	struct pair_options o = options(false);

	make(__func__, NULL, &o);
	p->b->wrong_fingerprint = true;
	ck_assert(pair_call(p, NULL));
	world_run(w, 10);
	ck_assert_uint_eq(p->a->opened + p->b->opened, 0);
	ck_assert_int_eq(p->a->reason, CLOSE_DTLS_FINGERPRINT);
	end();
}
END_TEST

START_TEST(bad_lines_are_the_phones_own_affair)
{
	const struct ue_stream reliable = { .sid = 1000 };
	struct pair_options o = options(_i);

	o.streams = &reliable;
	o.stream_count = 1;
	make(__func__, NULL, &o);
	pair_works_over_bad_lines(p);
	end();
}
END_TEST

/* ---- what does not cross ---- */

static struct addr gateway_of(const struct phone *phone)
{
	struct media_view view;

	pair_view(p, phone, &view);
	return view.local;
}

/* First bytes of DTLS, RTP, STUN and anything else: only DTLS crosses, and only of the agreed remotes. */
static const struct {
	uint8_t first;
	bool is_dtls;
} strange[] = { { 0, false }, { 4, false }, { 19, false }, { 20, true }, { 63, true },
	{ 64, false }, { 128, false }, { 255, false } };
#define STRANGE (sizeof(strange) / sizeof(strange[0]))

static uint64_t sent_to_b(void)
{
	return w->datagrams;
}

START_TEST(only_dtls_of_the_agreed_remotes_crosses)
{
	uint8_t dgram[100] = { 0 };
	struct addr to, stranger = { 0 };
	int64_t crossed, source, other;

	begin(__func__, false);
	to = gateway_of(p->a);
	addr_parse_ip(SPAN_LIT("198.18.0.66"), 6666, &stranger);
	for (unsigned i = 0; i < STRANGE; i++) {
		dgram[0] = strange[i].first;
		crossed = counter_value[CNT_splice_datagrams_total];
		source = counter_value[CNT_datagrams_source_total];
		other = counter_value[CNT_datagrams_other_total] +
			counter_value[CNT_ice_malformed_total] +
			counter_value[CNT_datagrams_unknown_total];

		net_send(w->net, &stranger, &to, SPAN_OF(dgram));
		world_run(w, 0.1);
		ck_assert_int_eq(counter_value[CNT_splice_datagrams_total], crossed);
		ck_assert_int_eq(
			counter_value[CNT_datagrams_source_total], source + strange[i].is_dtls);

		net_send(w->net, &p->a->at.local, &to, SPAN_OF(dgram));
		world_run(w, 0.1);
		ck_assert_int_eq(
			counter_value[CNT_splice_datagrams_total], crossed + strange[i].is_dtls);
		ck_assert_msg(counter_value[CNT_datagrams_other_total] +
						      counter_value[CNT_ice_malformed_total] +
						      counter_value[CNT_datagrams_unknown_total] >
					      other ||
				      strange[i].is_dtls,
			"first byte %u is counted nowhere", strange[i].first);
	}
	ck_assert(nothing_was_set_up_again());
	pair_works(p, 900, 100);
	end();
}
END_TEST

START_TEST(with_ice_only_validated_paths_cross)
{
	uint8_t dgram[100] = { 22 };
	struct addr to, stranger = { 0 };
	int64_t crossed;
	uint64_t sent;

	begin(__func__, true);
	to = gateway_of(p->a);
	addr_parse_ip(SPAN_LIT("198.18.0.66"), 6666, &stranger);
	crossed = counter_value[CNT_splice_datagrams_total];
	sent = sent_to_b();
	net_send(w->net, &stranger, &to, SPAN_OF(dgram));
	world_step(w);
	ck_assert_int_eq(counter_value[CNT_splice_datagrams_total], crossed);
	ck_assert_uint_eq(sent_to_b(), sent);
	end();
}
END_TEST

/* A phone that is faster than the answer of the other: its hellos are counted, and repeated by itself. */
START_TEST(a_side_that_is_told_later_is_waited_for)
{
	int64_t before = counter_value[CNT_splice_dropped_total];
	struct pair_options o = options(_i);
	uint8_t hello[60] = { 22 };
	struct addr to;

	make(__func__, NULL, &o);
	pair_call_without_b(p);
	to = gateway_of(p->a);
	net_send(w->net, &p->a->at.local, &to, SPAN_OF(hello));
	world_run(w, 1);
	ck_assert(_i || counter_value[CNT_splice_dropped_total] == before + 1);
	ck_assert_uint_eq(w->datagrams, 0);
	p->b->unknown = false;
	ck_assert(pair_update(p));
	ck_assert(world_until(w, 20, all_up));
	each_saw_the_other();
	pair_works(p, 900, 100);
	end();
}
END_TEST

/* ---- what changes ---- */

START_TEST(a_phone_that_moves_keeps_its_association)
{
	struct phone *moving;

	begin(__func__, _i & 1);
	moving = _i & 2 ? p->b : p->a;
	pair_flow_all(p, 2000, 500);
	world_run(w, 0.3);
	phone_move(moving);
	if (_i & 1)
		ue_restart_ice(moving->ue);
	ck_assert(pair_update(p));
	pair_forget_flows(p); /* what is partially reliable may have lost some */
	world_run(w, 5);
	pair_works(p, 900, 100);
	ck_assert(nothing_was_set_up_again());
	end();
}
END_TEST

START_TEST(an_ice_restart_stays_on_its_side)
{
	struct ue_remote of_a, of_b, now_a, now_b;

	begin(__func__, true);
	ck_assert(pair_remote(p, p->a, &of_a) && pair_remote(p, p->b, &of_b));
	ue_restart_ice(p->a->ue);
	ck_assert(pair_update(p));
	ck_assert(pair_remote(p, p->a, &now_a) && pair_remote(p, p->b, &now_b));
	ck_assert_str_ne(of_a.credentials.ufrag, now_a.credentials.ufrag);
	ck_assert_str_eq(of_b.credentials.ufrag, now_b.credentials.ufrag);
	world_run(w, 60);
	pair_works(p, 900, 100);
	ck_assert(nothing_was_set_up_again());
	end();
}
END_TEST

/* RFC 7675: nothing more is sent to a peer whose consent is gone; the other side's datagrams are counted. */
START_TEST(nothing_is_sent_to_a_phone_whose_consent_is_gone)
{
	int64_t before;

	begin(__func__, true);
	p->b->up.cut = true;
	world_run(w, 40);
	before = counter_value[CNT_splice_dropped_total];
	pair_flow(p, p->a, 1000, 1000, 900, 10);
	world_run(w, 5);
	ck_assert_int_gt(counter_value[CNT_splice_dropped_total], before);
	end();
}
END_TEST

/* A new certificate is passed on; the phones make a new association with one another. */
START_TEST(a_new_fingerprint_is_passed_on)
{
	begin(__func__, _i);
	p->a->opened = p->b->opened = 0;
	ue_renew(p->a->ue, world_identity(7));
	ue_renew(p->b->ue, NULL);
	ck_assert(pair_update(p));
	ck_assert(world_until(w, 20, all_up));
	each_saw_the_other();
	pair_works(p, 900, 100);
	ck_assert_uint_eq(p->a->secured + p->b->secured, 4);
	end();
}
END_TEST

START_TEST(an_update_without_change_disturbs_nothing)
{
	begin(__func__, _i);
	pair_stands_updates(p);
	ck_assert(nothing_was_set_up_again());
	end();
}
END_TEST

/* ---- what it costs ---- */

START_TEST(a_splice_is_small_and_leaves_nothing)
{
	struct pair_options o = options(_i);
	struct pair *pairs[50];

	w = world_create(__func__);
	for (unsigned i = 0; i < 50; i++) {
		pairs[i] = pair_create(w, &o);
		ck_assert(pair_call(pairs[i], NULL));
	}
	ck_assert(world_until(w, 10, all_up));
	ck_assert_int_eq(counter_value[CNT_splices], 100);
	ck_assert_int_eq(counter_value[CNT_dtls_connections], 100); /* the phones' */
	printf("a splice: 2 x %zu bytes (struct media), no leg (%zu bytes)\n", sizeof(struct media),
		sizeof(struct leg));
	ck_assert_uint_le(2 * sizeof(struct media), 2048);
	for (unsigned i = 0; i < 50; i++)
		pair_hang_up(pairs[i]);
	ck_assert(world_until(w, 2.1, nothing_left));
	ck_assert_int_eq(counter_value[CNT_splices], 0);
	for (unsigned i = 0; i < 50; i++)
		pair_destroy(pairs[i]);
	world_finish(w);
}
END_TEST

START_TEST(any_allocation_of_a_call_may_fail)
{
	struct pair_options o = options(_i);

	pair_sweep(__func__, &o, 20);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(
		tc, each_phone_sees_the_other_in_every_role_with_and_without_ice, 0, 12);
	tcase_add_loop_test(tc, both_sides_told_at_once_and_browsers_come_up_too, 0, 2);
	tcase_add_loop_test(tc, channels_opened_in_band_and_large_messages_pass, 0, 2);
	tcase_add_test(tc, a_wrong_fingerprint_fails_between_the_phones);
	tcase_add_loop_test(tc, bad_lines_are_the_phones_own_affair, 0, 2);
	tcase_add_test(tc, only_dtls_of_the_agreed_remotes_crosses);
	tcase_add_test(tc, with_ice_only_validated_paths_cross);
	tcase_add_loop_test(tc, a_side_that_is_told_later_is_waited_for, 0, 2);
	tcase_add_loop_test(tc, a_phone_that_moves_keeps_its_association, 0, 4);
	tcase_add_test(tc, an_ice_restart_stays_on_its_side);
	tcase_add_test(tc, nothing_is_sent_to_a_phone_whose_consent_is_gone);
	tcase_add_loop_test(tc, a_new_fingerprint_is_passed_on, 0, 2);
	tcase_add_loop_test(tc, an_update_without_change_disturbs_nothing, 0, 2);
	tcase_add_loop_test(tc, a_splice_is_small_and_leaves_nothing, 0, 2);
	tcase_add_loop_test(tc, any_allocation_of_a_call_may_fail, 0, 2);
}

int main(void)
{
	return world_main("splice", add);
}
