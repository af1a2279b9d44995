/*
 * test_idle.c: contexts that nobody uses any more: with limits.context_idle they end by themselves;
 * what idle legs cost.
 *
 *     phone ══ association ══ relay        any datagram of a phone counts, and so does the controller
 */
#include "dcmf/base/counters.h"
#include "dcmf/relay/parts.h"
#include "tests/flow/inside.h"
#include "tests/flow/world.h"

#define IDLE_S 300

static struct world *w;
static struct phone *p;

static void ends_when_idle(struct relay_config *config)
{
	config->context_idle_us = TICK_S(IDLE_S);
}

static bool is_over(struct world *world)
{
	(void)world;
	return phone_context(p) == NULL;
}

START_TEST(a_context_whose_phone_never_came_ends)
{
	const struct seen *s;

	w = world_create_with(__func__, ends_when_idle);
	p = phone_create(w, &(struct phone_options){ .ice = _i & 1 });
	p->up.cut = true;
	ck_assert(phone_call(p, NULL));
	world_run(w, IDLE_S - 1);
	ck_assert_ptr_nonnull(phone_context(p));
	world_run(w, 2);
	ck_assert_ptr_null(phone_context(p));
	s = world_last(w, p, RELAY_EVENT_CONTEXT_DELETED);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(s->reason, CLOSE_IDLE);
	ck_assert_int_eq(counter_value[CNT_contexts], 0);
	world_finish(w);
}
END_TEST

START_TEST(a_context_whose_phone_has_gone_ends_so_long_after_its_last_datagram)
{
	tick_t gone;

	w = world_create_with(__func__, ends_when_idle);
	p = phone_create(w, &(struct phone_options){ .ice = true });
	phone_set_up(p);
	world_run(w, 2 * IDLE_S); /* its consent checks are traffic */
	ck_assert_ptr_nonnull(phone_context(p));
	p->up.cut = true;
	gone = sim_now();
	ck_assert(world_until(w, IDLE_S + 5, is_over));
	ck_assert_int_ge(tick_since(gone, sim_now()), TICK_S(IDLE_S - 10));
	world_finish(w);
}
END_TEST

START_TEST(what_the_controller_says_of_a_context_keeps_it)
{
	w = world_create_with(__func__, ends_when_idle);
	p = phone_create(w, NULL);
	p->up.cut = true;
	ck_assert(phone_call(p, NULL));
	for (unsigned i = 0; i < 5; i++) {
		world_run(w, IDLE_S - 1);
		ck_assert(phone_update(p));
	}
	ck_assert_ptr_nonnull(phone_context(p));
	world_run(w, IDLE_S + 1);
	ck_assert_ptr_null(phone_context(p));
	world_finish(w);
}
END_TEST

START_TEST(without_the_limit_a_context_waits_for_ever)
{
	w = world_create(__func__);
	p = phone_create(w, NULL);
	p->up.cut = true;
	ck_assert(phone_call(p, NULL));
	world_run(w, 24 * 3600);
	ck_assert_ptr_nonnull(phone_context(p));
	phone_hang_up(p);
	world_finish(w);
}
END_TEST

/* Thousands of them do not wake the relay each at its own time. */
START_TEST(limits_of_idle_legs_end_in_step)
{
	w = world_create(__func__);
	p = phone_create(w, &(struct phone_options){ .ice = _i & 1 });
	phone_set_up(p);
	for (unsigned i = 0; i < 50; i++) {
		world_run(w, 5);
		ck_assert_int_eq(timers_next(&w->relay->timers).us % TICK_MS(50), 0);
	}
	phone_hang_up(p);
	world_finish(w);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_context_whose_phone_never_came_ends, 0, 2);
	tcase_add_test(tc, a_context_whose_phone_has_gone_ends_so_long_after_its_last_datagram);
	tcase_add_test(tc, what_the_controller_says_of_a_context_keeps_it);
	tcase_add_test(tc, without_the_limit_a_context_waits_for_ever);
	tcase_add_loop_test(tc, limits_of_idle_legs_end_in_step, 0, 2);
}

int main(void)
{
	return world_main("idle", add);
}
