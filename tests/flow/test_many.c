/*
 * test_many.c: many phones at once: mixed roles, with and without ICE, coming and going.
 *
 *     phone 0 ─┐
 *     ...      ├── relay ── server
 *     phone N ─┘
 */
#include "dcmf/base/counters.h"
#include "tests/flow/world.h"

static struct phone_options mixed(unsigned i)
{
	static const enum setup setups[] = { SETUP_ACTPASS, SETUP_ACTIVE, SETUP_PASSIVE };

	return (struct phone_options){
		.ice = i & 1, .setup = setups[i % 3], .sids = { 0, 10 }, .sid_count = 1 + i % 2
	};
}

static bool no_leg(struct world *w)
{
	return nothing_left(w) && counter_value[CNT_legs] == 0;
}

/*
 * Waves of 50 in one life of the relay: after each all gauges are back at
 * zero, phones' own objects included.
 */
START_TEST(waves_of_phones_leave_nothing_behind)
{
	struct world *w = world_create(__func__);

	w->shared_port = true;
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/package", .size = 50000 });
	for (unsigned wave = 0; wave < 3; wave++) {
		for (unsigned i = 0; i < 50; i++) {
			struct phone_options options = mixed(i);
			struct phone *p = phone_create(w, &options);

			ck_assert(phone_call(p, NULL));
			phone_get(p, 0, "/package");
			world_run(w, 0.005);
		}
		ck_assert(world_until(w, 60, all_answered));
		for (unsigned i = 0; i < w->phone_count; i++) {
			ck_assert(!w->phones[i]->replies[0].wrong);
			phone_hang_up(w->phones[i]);
		}
		ck_assert(world_until(w, 10, no_leg));
		while (w->phone_count > 0)
			phone_destroy(w->phones[--w->phone_count]);
		world_run(w, 3);
		for (unsigned i = 0; i < COUNTER_MAX; i++)
			ck_assert_msg(!counter_info[i].is_gauge || counter_value[i] == 0,
				"gauge %s is %lld after wave %u", counter_info[i].name,
				(long long)counter_value[i], wave);
	}
	world_finish(w);
}
END_TEST

/* The seed decides everything that can be counted: twice the same. */
static void shaky_wave(const char *name, unsigned *complete, uint64_t *bytes)
{
	struct world *w = world_create(name);

	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/package", .size = 20000 });
	for (unsigned i = 0; i < 20; i++) {
		struct phone_options options = mixed(i);
		struct phone *p = phone_create(w, &options);

		p->up.loss_permille = p->down.loss_permille = 50;
		p->up.jitter_us = p->down.jitter_us = TICK_MS(30);
		ck_assert(phone_call(p, NULL));
		phone_get(p, 0, "/package");
	}
	ck_assert(world_until(w, 120, all_answered));
	*complete = 0;
	*bytes = 0;
	for (unsigned i = 0; i < w->phone_count; i++) {
		ck_assert(!w->phones[i]->replies[0].wrong);
		*complete += w->phones[i]->complete;
		*bytes += w->phones[i]->body_bytes;
	}
	world_finish(w);
}

START_TEST(the_same_world_twice_gives_the_same_result)
{
	unsigned complete[2];
	uint64_t bytes[2];

	for (unsigned i = 0; i < 2; i++)
		shaky_wave(__func__, &complete[i], &bytes[i]);
	ck_assert_uint_eq(complete[0], complete[1]);
	ck_assert_uint_eq(bytes[0], bytes[1]);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, waves_of_phones_leave_nothing_behind);
	tcase_add_test(tc, the_same_world_twice_gives_the_same_result);
}

int main(void)
{
	return world_main("many", add);
}
