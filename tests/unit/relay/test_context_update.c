/* test_context_update.c: contexts changed as a whole or not at all; what stays is not disturbed. */
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "tests/unit/main.h"
#include "tests/unit/relay/wish.h"
#include "tests/unit/relay/world.h"

START_TEST(what_stays_the_same_is_not_disturbed)
{
	struct relay_context *c = create("0-1", "ue:0 ue:1+ as:0");
	struct media_view before, after;

	ck_assert(relay_media_view(relay, c, 0, 1, &before));
	ck_assert(update(c, "ue:0 ue:1+ as:0"));
	ck_assert_uint_eq(world.opened, 3);
	ck_assert(relay_media_view(relay, c, 0, 1, &after));
	ck_assert_str_eq(before.ice_ufrag, after.ice_ufrag);
	ck_assert_uint_eq(before.local.port, after.local.port);
}
END_TEST

START_TEST(medias_come_go_and_change_places)
{
	struct relay_context *c = create("0-1", "ue:0 ue:1 ue:2");
	uint16_t first = port_of(c, 0, 0), last = port_of(c, 0, 2);

	ck_assert(update(c, "as:0 ue:2 ue:0 ue:3"));
	ck_assert_uint_eq(port_of(c, 1, 0), last);
	ck_assert_uint_eq(port_of(c, 1, 1), first);
	ck_assert_uint_eq(world.opened, 5);
	relay_turn_end(relay, now);
	ck_assert_uint_eq(world.ports, 4);
}
END_TEST

START_TEST(an_id_that_was_removed_begins_anew)
{
	struct relay_context *c = create("0-1", "ue:0 ue:1");
	uint16_t first = port_of(c, 0, 1);

	ck_assert(update(c, "ue:0"));
	ck_assert(update(c, "ue:0 ue:1")); /* while the old one is still going */
	ck_assert_uint_ne(port_of(c, 0, 1), first);
	relay_turn_end(relay, now);
	ck_assert_uint_eq(world.ports, 2);
}
END_TEST

START_TEST(another_kind_of_port_is_another_port)
{
	static const struct {
		const char *before, *after;
		bool stays;
	} cases[] = {
		{ "ue:0", "ue:0+", false }, { "ue:0+", "ue:0", false },
		{ "ue:0", "ue:04", true },  /* it was an IPv4 port, and fits */
		{ "ue:0", "ue:06", false }, /* the peer turns out to be elsewhere */
		{ "ue:06", "ue:04", false }, { "ue:06", "ue:0", true },
		{ "ue:0+", "ue:0+6", true }, /* ICE finds its way */
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct relay_context *c = create("0-1", cases[i].before);
		uint16_t port = port_of(c, 0, 0);
		struct media_view view;

		ck_assert(update(c, cases[i].after));
		ck_assert_msg((port_of(c, 0, 0) == port) == cases[i].stays, "%s to %s",
			cases[i].before, cases[i].after);
		ck_assert(relay_media_view(relay, c, 0, 0, &view));
		ck_assert(view.path == NULL || view.path->remote.family == view.bound.family);
		relay_context_delete(relay, now, c, CLOSE_LOCAL);
		relay_turn_end(relay, now);
		ck_assert_uint_eq(world.ports, 0);
	}
}
END_TEST

START_TEST(another_interface_is_another_port)
{
	struct relay_context *c = create("0-1", "ue:0");
	struct context_spec spec;

	wish(&spec, "ue:0");
	spec.terminations[0].medias[0].interface = mem_strdup("core");
	ck_assert(relay_context_update(relay, now, c, &spec, &refusal));
	ck_assert_uint_eq(world.opened, 2);
	ck_assert_str_eq(world.interface, "core");
	ck_assert(relay_context_update(relay, now, c, &spec, &refusal));
	ck_assert_uint_eq(world.opened, 2);
	context_spec_finish(&spec);
}
END_TEST

/* Ports, places and credentials are what they were. */
static void is_untouched(const struct relay_context *c, const uint16_t ports[3], const char *ufrag)
{
	struct media_view view;

	ck_assert_uint_eq(world.ports, 3);
	ck_assert_uint_eq(port_of(c, 0, 0), ports[0]);
	ck_assert_uint_eq(port_of(c, 0, 1), ports[1]);
	ck_assert_uint_eq(port_of(c, 1, 0), ports[2]);
	ck_assert(relay_media_view(relay, c, 0, 1, &view));
	ck_assert_str_eq(view.ice_ufrag, ufrag);
	ck_assert(!relay_media_view(relay, c, 0, 2, &view));
	ck_assert(!relay_media_view(relay, c, 2, 0, &view));
	ck_assert_int_eq(counter_value[CNT_legs], 3);
}

#define BEFORE "ue:0 ue:1+ as:0"
#define AFTER  "ue:2 ue:1+ ue:3+ xx:0 xx:1"

START_TEST(an_update_that_finds_no_memory_changes_nothing)
{
	struct relay_context *c = create("0-1", BEFORE);
	const uint16_t ports[3] = { port_of(c, 0, 0), port_of(c, 0, 1), port_of(c, 1, 0) };
	struct media_view view;
	char ufrag[64];
	unsigned n;

	ck_assert(relay_media_view(relay, c, 0, 1, &view));
	snprintf(ufrag, sizeof(ufrag), "%s", view.ice_ufrag);
	for (n = 1;; n++) {
		struct context_spec spec;
		bool done;

		wish(&spec, AFTER);
		world.opened = 10; /* the world has ports enough */
		mem_fail_at(n);
		done = relay_context_update(relay, now, c, &spec, &refusal);
		if (!mem_failed()) {
			mem_fail_at(0);
			context_spec_finish(&spec);
			ck_assert(done);
			break;
		}
		mem_fail_at(0);
		context_spec_finish(&spec);
		ck_assert(!done);
		ck_assert_int_eq(refusal.err, ERR_NO_MEMORY);
		is_untouched(c, ports, ufrag);
	}
	ck_assert_uint_gt(n, 20);
	relay_turn_end(relay, now);
	ck_assert_uint_eq(world.ports, 5);
}
END_TEST

START_TEST(an_update_that_finds_no_port_changes_nothing)
{
	struct relay_context *c = create("0-1", BEFORE);
	const uint16_t ports[3] = { port_of(c, 0, 0), port_of(c, 0, 1), port_of(c, 1, 0) };
	struct media_view view;
	char ufrag[64];

	ck_assert(relay_media_view(relay, c, 0, 1, &view));
	snprintf(ufrag, sizeof(ufrag), "%s", view.ice_ufrag);
	for (unsigned n = 1; n <= 4; n++) {
		world.fail_at = n;
		world.error = ERR_NO_PORT;
		ck_assert(!update(c, AFTER));
		ck_assert_int_eq(refusal.err, ERR_NO_PORT);
		is_untouched(c, ports, ufrag);
	}
	ck_assert(update(c, AFTER));
	relay_turn_end(relay, now);
	ck_assert_uint_eq(world.ports, 5);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("relay/context_update");
	TCase *tc = tcase_create("update");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, world_start, world_end);
	tcase_add_test(tc, what_stays_the_same_is_not_disturbed);
	tcase_add_test(tc, medias_come_go_and_change_places);
	tcase_add_test(tc, an_id_that_was_removed_begins_anew);
	tcase_add_test(tc, another_kind_of_port_is_another_port);
	tcase_add_test(tc, another_interface_is_another_port);
	tcase_add_test(tc, an_update_that_finds_no_memory_changes_nothing);
	tcase_add_test(tc, an_update_that_finds_no_port_changes_nothing);
	return s;
}

UNIT_MAIN(make_suite)
