/*
 * test_loss.c: networks that lose, reorder and repeat datagrams, and peers
 * that fall silent at the worst moment.
 *
 *     phone ── loses, delays, repeats ──► relay ──► server
 *           ◄── loses, delays, repeats ──
 */
#include "tests/flow/world.h"

#define MIB (1u << 20)

static const struct page big = { .url = BASE "/big", .size = MIB };

static void fetches_one_mebibyte(struct world *w, struct phone *p, double seconds)
{
	const struct reply *r;

	ck_assert(phone_call(p, NULL));
	ck_assert_msg(world_until(w, 120, all_up), "not up");
	r = phone_fetch(p, 0, "/big", seconds);
	ck_assert_int_eq(r->status, 200);
	ck_assert_uint_eq(r->received, MIB);
	ck_assert(!r->wrong);
}

static void patient(struct relay_config *config)
{
	config->handshake_us = TICK_S(120);
	config->channel_hold_us = TICK_S(300);
}

/*
 * With 30 % loss both ways six consent checks in a row fail once in sixty times, and the transfer
 * takes many minutes: the checks themselves are spared.
 */
START_TEST(a_mebibyte_arrives_with_30_percent_loss_both_ways)
{
	struct world *w = world_create_with(__func__, patient);
	struct phone *p = phone_create(w, &(struct phone_options){ .ice = _i & 1,
						  .setup = _i & 2 ? SETUP_PASSIVE : SETUP_ACTIVE });

	dcsf_page(w->dcsf, &big);
	p->up.loss_permille = p->down.loss_permille = 300;
	p->up.spare_checks = p->down.spare_checks = true;
	fetches_one_mebibyte(w, p, 7200);
	ck_assert_uint_gt(p->down.lost, p->down.sent / 5);
	world_finish(w);
}
END_TEST

START_TEST(reordered_and_repeated_datagrams_change_nothing)
{
	struct world *w = world_create(__func__);
	struct phone *p = phone_create(w, &(struct phone_options){ .ice = _i & 1,
						  .setup = _i & 2 ? SETUP_PASSIVE : SETUP_ACTIVE });

	dcsf_page(w->dcsf, &big);
	p->up.jitter_us = p->down.jitter_us = TICK_MS(50);
	p->up.twice_permille = p->down.twice_permille = 300;
	fetches_one_mebibyte(w, p, 600);
	ck_assert_uint_eq(w->seen_count, world_count(w, p, RELAY_EVENT_CONTEXT_CREATED) + 3);
	world_finish(w);
}
END_TEST

/*     server ──► relay ══ full send buffer ══ ✗ ── phone    10 s of nothing, then it is back */
START_TEST(a_silent_peer_with_a_full_send_buffer_recovers)
{
	struct world *w = world_create(__func__);
	struct phone *p = phone_create(w, &(struct phone_options){ .ice = _i });

	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/huge", .size = 4 * MIB });
	phone_set_up(p);
	phone_get(p, 0, "/huge");
	world_run(w, 0.5);
	ck_assert_uint_gt(p->body_bytes, 0);
	p->down.cut = true; /* all that the relay sends is lost: no SACK comes back */
	world_run(w, 10);
	ck_assert_uint_lt(p->body_bytes, 4 * MIB);
	p->down.cut = false;
	ck_assert_msg(world_until(w, 300, all_answered), "stalled for ever at %llu bytes",
		(unsigned long long)p->body_bytes);
	ck_assert(!phone_reply(p, 0)->wrong);
	world_finish(w);
}
END_TEST

/* The same the other way: the phone posts, and the relay's SACKs are lost. */
START_TEST(a_phone_that_hears_nothing_while_it_posts_recovers)
{
	static uint8_t body[2 * MIB];
	struct world *w = world_create(__func__);
	struct phone *p = phone_create(w, NULL);

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = dcsf_byte(i);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/post", .text = "thanks" });
	phone_set_up(p);
	phone_ask(p,
		&(struct ue_request){ .method = "POST", .target = "/post", .body = SPAN_OF(body) });
	world_run(w, 0.5);
	p->down.cut = true;
	world_run(w, 10);
	p->down.cut = false;
	ck_assert(world_until(w, 300, all_answered));
	ck_assert_str_eq(phone_reply(p, 0)->text, "thanks");
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->body, sizeof(body));
	ck_assert(!dcsf_seen(w->dcsf)->body_wrong);
	world_finish(w);
}
END_TEST

/*     phone ✗ gone without a word    the relay notices, says why, gives all back on delete */
START_TEST(a_phone_that_vanishes_is_a_path_loss)
{
	struct world *w = world_create(__func__);
	struct phone *p = phone_create(w, &(struct phone_options){ .ice = _i });
	const struct seen *closed;

	phone_set_up(p);
	p->up.cut = true;
	world_run(w, 150);
	closed = world_last(w, p, RELAY_EVENT_SCTP_CLOSED);
	ck_assert_ptr_nonnull(closed);
	ck_assert_int_eq(closed->reason, CLOSE_PATH_LOSS);
	phone_hang_up(p);
	ck_assert(world_until(w, 10, nothing_left));
	world_finish(w);
}
END_TEST

/* Idle for ten minutes: signs of life keep it up, and it still works. */
START_TEST(an_idle_phone_stays_connected)
{
	struct world *w = world_create(__func__);
	struct phone *p = phone_create(w, &(struct phone_options){ .ice = _i });

	dcsf_page(w->dcsf, &big);
	phone_set_up(p);
	world_run(w, 600);
	ck_assert_uint_eq(p->closed, 0);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_SCTP_CLOSED), 0);
	ck_assert(!phone_fetch(p, 0, "/big", 60)->wrong);
	world_finish(w);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_mebibyte_arrives_with_30_percent_loss_both_ways, 0, 4);
	tcase_add_loop_test(tc, reordered_and_repeated_datagrams_change_nothing, 0, 4);
	tcase_add_loop_test(tc, a_silent_peer_with_a_full_send_buffer_recovers, 0, 2);
	tcase_add_test(tc, a_phone_that_hears_nothing_while_it_posts_recovers);
	tcase_add_loop_test(tc, a_phone_that_vanishes_is_a_path_loss, 0, 2);
	tcase_add_loop_test(tc, an_idle_phone_stays_connected, 0, 2);
}

int main(void)
{
	return world_main("loss", add);
}
