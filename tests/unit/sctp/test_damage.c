/* test_damage.c: bytes that mean nothing, and packets damaged on their way. */
#include "tests/unit/main.h"
#include "tests/unit/sctp/talk.h"

START_TEST(random_bytes_do_no_harm)
{
	struct world w;
	uint8_t bytes[200];

	world_start(&w);
	connect_with_channel(&w);
	for (int i = 0; i < 5000; i++) {
		size_t len = world_random(&w) % sizeof(bytes);

		for (size_t j = 0; j < len; j++)
			bytes[j] = (uint8_t)world_random(&w);
		if (i % 2 && len > 4)
			memcpy(bytes, "\x13\x88\x13\x88", 4); /* 5000, 5000 */
		assoc_input(w.right.a, w.now, SPAN(bytes, len));
	}
	say(&w.left, 0, "unharmed");
	world_run(&w, 1000);
	ck_assert_int_eq(w.right.messages, 1);
	world_finish(&w);
}
END_TEST

static bool flip_a_bit(struct world *w, const struct packet *p)
{
	if (world_random(w) % 4 == 0) {
		size_t at = 12 + world_random(w) % (p->len - 12);

		((struct packet *)(uintptr_t)p)->bytes[at] ^= (uint8_t)(1 << world_random(w) % 8);
	}
	return false;
}

START_TEST(damaged_packets_end_the_association_at_worst)
{
	for (unsigned seed = 0; seed < 60; seed++) {
		struct world w;
		struct pump p = { .total = 30000, .message = 700 };

		world_start(&w);
		w.random = seed;
		connect_with_channel(&w);
		w.drop = flip_a_bit;
		w.left.arg = w.right.arg = &p;
		w.left.on_event = pump_event;
		pump_more(&w.left);
		assoc_close_channel(w.right.a, 0, w.now);
		world_run(&w, 10000);
		world_finish(&w);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sctp/damage");
	TCase *t = talk_case("damage");

	tcase_add_test(t, random_bytes_do_no_harm);
	tcase_add_test(t, damaged_packets_end_the_association_at_worst);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
