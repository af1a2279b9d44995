/* test_context.c: contexts made as a whole or not at all, and gone without a trace. */
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "tests/unit/main.h"
#include "tests/unit/relay/wish.h"
#include "tests/unit/relay/world.h"

START_TEST(a_context_takes_a_port_a_media_and_gives_them_back)
{
	struct relay_context *c = create("0-1", "ue:0 ue:1+ as:0");

	ck_assert_ptr_nonnull(c);
	ck_assert_str_eq(relay_context_id(c), "0-1");
	ck_assert_ptr_eq(relay_context_find(relay, "0-1"), c);
	ck_assert_uint_eq(world.ports, 3);
	ck_assert_int_eq(counter_value[CNT_legs], 3);
	relay_context_delete(relay, now, c, CLOSE_LOCAL);
	ck_assert_ptr_null(relay_context_find(relay, "0-1"));
	relay_turn_end(relay, now);
	ck_assert_uint_eq(world.ports, 0);
}
END_TEST

START_TEST(a_media_tells_what_was_decided_for_it)
{
	struct relay_context *c = create("0-1", "ue:0 ue:1+");
	struct media_view view;

	ck_assert(relay_media_view(relay, c, 0, 0, &view));
	ck_assert_ptr_null(view.ice_ufrag);
	ck_assert_int_eq(view.setup, SETUP_ACTPASS);
	ck_assert_int_eq(view.state, LEG_WAITING);
	ck_assert_uint_ge(strlen(view.tls_id), 20);
	ck_assert(relay_media_view(relay, c, 0, 1, &view));
	ck_assert_uint_ge(strlen(view.ice_ufrag), 4);
	ck_assert_uint_ge(strlen(view.ice_pwd), 22);
	ck_assert_ptr_null(view.path);
	ck_assert(!relay_media_view(relay, c, 0, 2, &view));
	ck_assert(!relay_media_view(relay, c, 1, 0, &view));
}
END_TEST

START_TEST(our_role_is_what_was_wished_for_unless_the_peer_has_taken_it)
{
	static const struct {
		const char *wish;
		enum setup setup;
	} rows[] = {
		{ "ue:0A", SETUP_ACTIVE },
		{ "ue:0P", SETUP_PASSIVE },
		{ "ue:0Aa", SETUP_PASSIVE },
		{ "ue:0Pa", SETUP_PASSIVE },
		{ "ue:0Ap", SETUP_ACTIVE },
		{ "ue:0Pp", SETUP_ACTIVE },
	};
	struct relay_context *c = create("0-1", rows[_i].wish);
	struct media_view view;

	ck_assert(relay_media_view(relay, c, 0, 0, &view));
	ck_assert_int_eq(view.setup, rows[_i].setup);
}
END_TEST

START_TEST(an_id_that_is_taken_is_refused)
{
	struct relay_context *c = create("0-1", "ue:0");

	ck_assert_ptr_null(create("0-1", "ue:0"));
	ck_assert_int_eq(refusal.err, ERR_EXISTS);
	ck_assert_int_eq(refusal.termination, -1);
	ck_assert_uint_eq(world.ports, 1);
	relay_context_delete(relay, now, c, CLOSE_LOCAL);
	ck_assert_ptr_nonnull(create("0-1", "ue:0")); /* free at once */
}
END_TEST

START_TEST(the_same_id_twice_in_one_wish_is_refused)
{
	struct relay_context *c;

	ck_assert_ptr_null(create("0-1", "ue:0 ue:1 ue:0"));
	ck_assert_int_eq(refusal.err, ERR_EXISTS);
	ck_assert_int_eq(refusal.termination, 0);
	ck_assert_int_eq(refusal.media, 2);
	ck_assert_ptr_null(create("0-1", "ue:0 as:0 ue:1"));
	ck_assert_int_eq(refusal.err, ERR_EXISTS);
	ck_assert_int_eq(refusal.termination, 2);
	ck_assert_int_eq(refusal.media, -1);
	ck_assert_uint_eq(world.ports, 0);
	c = create("0-1", "ue:0 as:0"); /* the same mediaId elsewhere is another media */
	ck_assert_ptr_nonnull(c);
	ck_assert(!update(c, "ue:0 ue:0"));
	ck_assert_uint_eq(world.ports, 2);
}
END_TEST

START_TEST(a_media_that_goes_nowhere_is_refused_with_its_place_and_a_sentence)
{
	ck_assert_ptr_null(create("0-1", "ue:0 as:0 as:1!"));
	ck_assert_int_eq(refusal.err, ERR_UNSUPPORTED);
	ck_assert_int_eq(refusal.termination, 1);
	ck_assert_int_eq(refusal.media, 1);
	ck_assert_ptr_nonnull(strstr(refusal.detail, "needs a server"));
	ck_assert_uint_eq(world.ports, 0);
	ck_assert_uint_eq(world.event_count, 0);
}
END_TEST

START_TEST(a_port_that_cannot_be_had_is_told_with_its_own_error)
{
	static const enum err errors[] = { ERR_NO_PORT, ERR_ADDRESS };

	for (unsigned i = 0; i < 2; i++) {
		for (unsigned n = 1; n <= 3; n++) {
			world.fail_at = n;
			world.error = errors[i];
			ck_assert_ptr_null(create("0-1", "ue:0 ue:1 ue:2"));
			ck_assert_int_eq(refusal.err, errors[i]);
			ck_assert_int_eq(refusal.media, (int)n - 1);
			ck_assert_str_eq(refusal.detail, err_text(errors[i]));
			ck_assert_uint_eq(world.ports, 0);
		}
	}
	ck_assert_ptr_nonnull(create("0-1", "ue:0 ue:1 ue:2"));
}
END_TEST

START_TEST(a_context_that_finds_no_memory_leaves_nothing)
{
	unsigned n;

	for (n = 1;; n++) {
		long live = mem_live();
		struct context_spec spec;
		struct relay_context *c;

		wish(&spec, "ue:0 ue:1+ as:0");
		mem_fail_at(n);
		c = relay_context_create(relay, now, "0-1", &spec, &refusal);
		if (!mem_failed()) {
			mem_fail_at(0);
			context_spec_finish(&spec);
			break;
		}
		mem_fail_at(0);
		context_spec_finish(&spec);
		ck_assert_ptr_null(c);
		ck_assert_int_eq(refusal.err, ERR_NO_MEMORY);
		ck_assert_uint_eq(world.ports, 0);
		ck_assert_ptr_null(relay_context_find(relay, "0-1"));
		ck_assert_int_le(mem_live(), live + 1); /* the heap of the timers stays */
	}
	ck_assert_uint_gt(n, 20);
}
END_TEST

START_TEST(a_context_of_no_media_leaves_nothing)
{
	struct relay_context *c = create("0-1", "");
	long live;

	ck_assert_ptr_nonnull(c);
	relay_context_delete(relay, now, c, CLOSE_LOCAL);
	live = mem_live();
	c = create("0-2", "ue:0");
	ck_assert(update(c, ""));
	relay_turn_end(relay, now);
	relay_context_delete(relay, now, c, CLOSE_LOCAL);
	relay_turn_end(relay, now);
	ck_assert_int_le(mem_live(), live + 1); /* the heap of the timers */
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("relay/context");
	TCase *tc = tcase_create("context");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, world_start, world_end);
	tcase_add_test(tc, a_context_takes_a_port_a_media_and_gives_them_back);
	tcase_add_test(tc, a_media_tells_what_was_decided_for_it);
	tcase_add_loop_test(tc, our_role_is_what_was_wished_for_unless_the_peer_has_taken_it, 0, 6);
	tcase_add_test(tc, an_id_that_is_taken_is_refused);
	tcase_add_test(tc, the_same_id_twice_in_one_wish_is_refused);
	tcase_add_test(tc, a_media_that_goes_nowhere_is_refused_with_its_place_and_a_sentence);
	tcase_add_test(tc, a_port_that_cannot_be_had_is_told_with_its_own_error);
	tcase_add_test(tc, a_context_that_finds_no_memory_leaves_nothing);
	tcase_add_test(tc, a_context_of_no_media_leaves_nothing);
	return s;
}

UNIT_MAIN(make_suite)
