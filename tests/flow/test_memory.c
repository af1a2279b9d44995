/*
 * test_memory.c: every allocation of the relay fails once, and nobody but
 * the call it happened to notices.
 *
 *     phone 0 ══ relay        up all the time, and works after every failure
 *     phone 1 ── relay        sets up, fetches, hangs up; the n-th allocation on the way fails
 */
#include "dcmf/base/alloc.h"
#include "tests/flow/world.h"

#define ROUNDS_MAX \
	20000 /* more allocations than this in one small call would be a fault of its own, ours */

static struct phone *other; /* up all the time */

static void other_is_well(void)
{
	other->reply_count = other->complete = other->asked = 0;
	ck_assert(!phone_fetch(other, 0, "/page", 5)->wrong);
	ck_assert_uint_eq(other->closed, 0);
}

/* Set-up, a small fetch, an update, the end. Whatever fails on the way, the end comes. */
static void whole_call(struct world *w, const void *options)
{
	struct phone *p = phone_create(w, options);

	if (phone_call(p, NULL)) {
		world_run(w, 1);
		if (phone_is_up(p)) {
			ue_ask(p->ue, &(struct ue_request){ .target = "/page" });
			p->touched = true;
			world_run(w, 0.5);
			ue_add_channel(p->ue, 10);
			phone_update(p);
			world_run(w, 0.5);
		}
		phone_hang_up(p);
	}
	phone_destroy(p);
	world_run(w, 3);
	w->fail_at = 0;
	other_is_well();
}

START_TEST(any_allocation_of_a_call_may_fail)
{
	const struct phone_options options = {
		.ice = _i & 1, .webrtc = _i & 1, .setup = _i & 2 ? SETUP_PASSIVE : SETUP_ACTIVE
	};
	struct world *w = world_create(__func__);

	other = phone_create(w, &(struct phone_options){ .ice = true });
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/page", .size = 3000, .etag = "\"1\"" });
	phone_set_up(other);
	world_sweep(w, whole_call, &options, 30);
	world_finish(w);
}
END_TEST

/* A larger body: buffers grow in the middle of it. */
START_TEST(any_allocation_of_a_transfer_may_fail)
{
	struct world *w = world_create(__func__);
	struct phone *p = phone_create(w, NULL);
	unsigned n;

	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/known", .size = 100000 });
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/unknown",
				   .size = 100000,
				   .lies = true,
				   .length = PAGE_SILENT });
	for (n = 1; n < ROUNDS_MAX; n++) {
		if (!phone_is_up(p) || p->channels_closed > 0) {
			phone_hang_up(p);
			phone_destroy(p);
			world_run(w, 3);
			p = phone_create(w, NULL);
			phone_set_up(p);
		}
		p->reply_count = p->complete = p->asked = 0;
		phone_get(p, 0, _i ? "/unknown" : "/known");
		w->fail_at = n;
		w->failed = false;
		world_run(w, 3);
		w->fail_at = 0;
		for (unsigned i = 0; i < p->reply_count; i++)
			ck_assert_msg(p->replies[i].status != 200 || !p->replies[i].wrong,
				"wrong bytes after failure %u", n);
		if (!w->failed)
			break;
		if (p->complete == 0) { /* then the phone has to know that it will never come */
			ck_assert_msg(
				p->channels_closed + p->closed > 0, "silence after failure %u", n);
			p->opened = 0;
		}
	}
	ck_assert_uint_gt(n, 5);
	ck_assert_uint_lt(n, ROUNDS_MAX);
	world_finish(w);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, any_allocation_of_a_call_may_fail, 0, 4);
	tcase_add_loop_test(tc, any_allocation_of_a_transfer_may_fail, 0, 2);
}

int main(void)
{
	return world_main("memory", add);
}
