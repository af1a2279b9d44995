/* test_relay.c: a relay walks its contexts, tells of their lives, counts what is for nobody. */
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "tests/unit/main.h"
#include "tests/unit/relay/wish.h"
#include "tests/unit/relay/world.h"

START_TEST(a_relay_that_finds_no_memory_is_not_there)
{
	for (unsigned n = 1;; n++) {
		long live = mem_live();
		struct relay *r;

		mem_fail_at(n);
		r = relay_create(&config, now);
		mem_fail_at(0);
		if (r != NULL) {
			relay_destroy(r);
			break;
		}
		ck_assert_int_eq(mem_live(), live);
	}
}
END_TEST

START_TEST(the_life_of_a_context_is_told_once_to_its_owner)
{
	struct relay_context *c = create("0-1", "ue:0 ue:1+");

	ck_assert_uint_eq(events_of(RELAY_EVENT_CONTEXT_CREATED), 1);
	ck_assert_str_eq(world.events[0].owner, "me");
	ck_assert(update(c, "ue:0"));
	relay_turn_end(relay, now);
	relay_context_delete(relay, now, c, CLOSE_IDLE);
	relay_turn_end(relay, now);
	ck_assert_uint_eq(events_of(RELAY_EVENT_CONTEXT_DELETED), 1);
	ck_assert_int_eq(world.events[world.event_count - 1].reason, CLOSE_IDLE);
	ck_assert_uint_eq(world.event_count, 2); /* medias that never lived have nothing to tell */
}
END_TEST

START_TEST(all_contexts_are_walked)
{
	static const char *const ids[] = { "0-1", "0-2", "0-3" };
	unsigned seen = 0;
	size_t at = 0;
	const struct relay_context *c;

	for (unsigned i = 0; i < 3; i++)
		create(ids[i], "ue:0");
	ck_assert_uint_eq(relay_context_count(relay), 3);
	while ((c = relay_context_next(relay, &at)) != NULL)
		seen |= 1u << (relay_context_id(c)[2] - '1');
	ck_assert_uint_eq(seen, 7);
	relay_destroy(relay); /* with all of them */
	ck_assert_uint_eq(world.ports, 0);
	ck_assert_uint_eq(events_of(RELAY_EVENT_CONTEXT_DELETED), 3);
	relay = NULL;
}
END_TEST

START_TEST(a_datagram_for_nobody_is_counted)
{
	int64_t unknown = counter_value[CNT_datagrams_unknown_total];
	int64_t other = counter_value[CNT_datagrams_other_total];
	struct path path = { .port = 1 };
	const uint8_t noise[] = { 200, 1, 2 };

	addr_parse_ip(SPAN_LIT("192.0.2.66"), 1000, &path.remote);
	relay_input(relay, now, &path, SPAN_OF(noise));
	ck_assert_int_eq(counter_value[CNT_datagrams_unknown_total], unknown + 1);
	create("0-1", "ue:0");
	relay_input(relay, now, &path, SPAN_OF(noise));
	relay_input(relay, now, &path, SPAN_NONE);
	ck_assert_int_eq(counter_value[CNT_datagrams_other_total], other + 2);
	ck_assert_uint_eq(world.datagrams, 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("relay/relay");
	TCase *tc = tcase_create("relay");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, world_start, world_end);
	tcase_add_test(tc, a_relay_that_finds_no_memory_is_not_there);
	tcase_add_test(tc, the_life_of_a_context_is_told_once_to_its_owner);
	tcase_add_test(tc, all_contexts_are_walked);
	tcase_add_test(tc, a_datagram_for_nobody_is_counted);
	return s;
}

UNIT_MAIN(make_suite)
