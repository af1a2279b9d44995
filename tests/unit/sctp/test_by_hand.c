/* test_by_hand.c: packets that the other stack would not write, at an association that is up. */
#include "dcmf/base/counters.h"
#include "sctp/assoc_impl.h"
#include "sctp/chunk.h"
#include "sctp/packet.h"
#include "tests/unit/main.h"
#include "tests/unit/sctp/talk.h"

/* A packet of the left side's, for the right one. */
static uint8_t packet[2048];
static size_t len;

static void begin_packet(struct world *w)
{
	memset(packet, 0, sizeof(packet));
	put_u16(packet, 5000);
	put_u16(packet + 2, 5000);
	put_u32(packet + 4, w->right.a->numbers.tag);
	len = COMMON_HEADER;
}

static void deliver(struct world *w)
{
	assoc_input(w->right.a, w->now, SPAN(packet, len));
	world_run(w, 100);
}

/* What the right one has not got yet: the first is 1. */
static uint32_t tsn(const struct world *w, uint32_t number)
{
	return w->right.a->received_tsn + number;
}

static void put_data(struct world *w, uint32_t t, uint16_t sid, uint16_t ssn)
{
	uint8_t *c = packet + len;

	c[1] = 3; /* all of it in one piece, in order */
	put_u16(c + 2, 17);
	put_u32(c + 4, t);
	put_u16(c + 8, sid);
	put_u16(c + 10, ssn);
	put_u32(c + 12, PPID_STRING);
	c[16] = 'x';
	len += 20;
}

static void put_reset(struct world *w, uint32_t t, uint16_t sid)
{
	const struct renumber *n = &w->right.a->numbers;
	uint8_t *c = packet + len;

	c[0] = CHUNK_RE_CONFIG;
	put_u16(c + 2, 22);
	put_u16(c + 4, RESET_OUTGOING);
	put_u16(c + 6, 18);
	put_u32(c + 8, n->in_next - n->in_shift);
	put_u32(c + 16, t);
	put_u16(c + 20, sid);
	len += 24;
}

/* An INIT of the left side's. */
static uint8_t init[256];
static size_t init_len;

static bool note_init(struct world *w, const struct packet *p)
{
	if (p->to == &w->right && p->bytes[12] == CHUNK_INIT && p->len <= sizeof(init)) {
		memcpy(init, p->bytes, p->len);
		init_len = p->len;
	}
	return false;
}

static void start(struct world *w)
{
	init_len = 0;
	world_start(w);
	w->drop = note_init;
	connect_with_channel(w);
	add_channel(&w->right, 40, true);
	world_run(w, 100);
	w->drop = NULL;
	w->cut = true; /* the left side would not understand the answers */
}

START_TEST(what_is_behind_a_reset_that_has_to_wait_is_read)
{
	uint32_t first;
	struct world w;

	start(&w);
	first = tsn(&w, 1);
	begin_packet(&w);
	put_reset(&w, first + 1, 40);
	put_data(&w, first + 1, 0, 1);
	deliver(&w);
	ck_assert_int_eq(w.right.closes, 0);
	ck_assert_uint_eq(w.right.channel_closes, 0); /* what is before it has not come */
	begin_packet(&w);
	put_data(&w, first, 0, 0);
	deliver(&w);
	ck_assert_int_eq(w.right.closes, 0);
	ck_assert_uint_eq(w.right.messages, 2);
	ck_assert_int_eq(w.right.a->received_tsn, first + 1);
	ck_assert_ptr_null(w.right.a->kept_reset);
	ck_assert_int_eq(channel_find(w.right.a, 40)->in_reset, true);
	world_finish(&w);
}
END_TEST

/* Some peers have several under way: the stack would refuse the second without the first. */
START_TEST(of_two_resets_that_have_to_wait_the_first_is_kept)
{
	uint32_t first;
	struct world w;

	start(&w);
	first = tsn(&w, 1);
	for (uint32_t i = 0; i < 2; i++) {
		begin_packet(&w);
		put_reset(&w, first, i == 0 ? 40 : 0);
		put_u32(packet + 20, get_u32(packet + 20) + i);
		deliver(&w);
	}
	begin_packet(&w);
	put_data(&w, first, 0, 0);
	deliver(&w);
	ck_assert(channel_find(w.right.a, 40)->in_reset);
	begin_packet(&w);
	put_reset(&w, first, 0);
	deliver(&w);
	ck_assert(channel_find(w.right.a, 0)->in_reset);
	world_finish(&w);
}
END_TEST

/* The first of it may have been late, or its answer. */
START_TEST(an_init_repeated_late_does_not_keep_streams_from_growing)
{
	struct world w;

	start(&w);
	w.cut = false;
	ck_assert_uint_gt(init_len, 0);
	assoc_input(w.right.a, w.now, SPAN(init, init_len));
	world_run(&w, 1000);
	ck_assert_int_eq(w.right.closes + w.left.closes, 0);
	for (uint16_t i = 1; i <= 60; i++)
		ck_assert_int_eq(propose(&w.left, (uint16_t)(2 * i + 100), false), ERR_OK);
	world_run(&w, 3000);
	ck_assert_uint_eq(w.right.channel_opens, 62);
	for (uint16_t i = 1; i <= 60; i++)
		ck_assert_int_eq(say(&w.right, (uint16_t)(2 * i + 100), "well"), ERR_OK);
	world_run(&w, 3000);
	ck_assert_uint_eq(w.left.messages, 60);
	world_finish(&w);
}
END_TEST

START_TEST(a_reset_beside_data_that_needs_more_streams_is_performed)
{
	struct world w;

	start(&w);
	begin_packet(&w);
	put_reset(&w, tsn(&w, 0), 40);
	for (uint16_t i = 0; i < 40; i++)
		put_data(&w, tsn(&w, 1u + i), (uint16_t)(1000 + i), 0);
	deliver(&w);
	ck_assert_uint_gt(w.right.a->numbers.in_count, 32);
	ck_assert_int_eq(channel_find(w.right.a, 40)->in_reset, true);
	ck_assert_uint_eq(w.right.a->numbers.answered.number + 1,
		w.right.a->numbers.in_next - w.right.a->numbers.in_shift);
	world_finish(&w);
}
END_TEST

/* How often the right one says that a request has to wait, and grants one. */
static unsigned set_aside, granted;

static bool note_results(struct world *w, const struct packet *p)
{
	for (size_t at = 12; p->to == &w->left && at + 16 <= p->len;
		at += chunk_padded(get_u16(p->bytes + at + 2))) {
		if (p->bytes[at] != CHUNK_RE_CONFIG ||
			get_u16(p->bytes + at + 4) != RECONFIG_RESPONSE)
			continue;
		set_aside += get_u32(p->bytes + at + 12) == RESULT_IN_PROGRESS;
		granted += get_u32(p->bytes + at + 12) == RESULT_PERFORMED;
	}
	return true;
}

/* The stack sets aside as many requests as it is sent for a time that never comes. */
START_TEST(requests_for_later_do_not_pile_up_in_the_stack)
{
	int64_t malformed = counted(sctp_malformed_total);
	struct world w;

	start(&w);
	w.cut = false;
	w.drop = note_results;
	set_aside = granted = 0;
	for (int i = 0; i < 100; i++) {
		begin_packet(&w);
		put_reset(&w, tsn(&w, 5000), 40);
		put_reset(&w, tsn(&w, 0), 40);
		deliver(&w);
	}
	ck_assert_uint_eq(set_aside, 0);
	ck_assert_int_eq(counted(sctp_malformed_total), malformed + 100);
	begin_packet(&w);
	put_reset(&w, tsn(&w, 0), 40);
	deliver(&w);
	ck_assert_uint_eq(granted, 1);
	world_finish(&w);
}
END_TEST

/* Its INIT came with a first TSN that suits it, and it does not go on. */
START_TEST(requests_before_the_set_up_is_done_are_refused)
{
	int64_t malformed;
	struct world w;

	start(&w); /* for an INIT */
	world_finish(&w);
	world_start(&w);
	ck_assert(world_add(&w, &w.right, false));
	malformed = counted(sctp_malformed_total);
	w.drop = note_results;
	set_aside = 0;
	assoc_input(w.right.a, w.now, SPAN(init, init_len));
	for (uint32_t i = 0; i < 100; i++) {
		begin_packet(&w);
		put_reset(&w, tsn(&w, 0), 40);
		put_u32(packet + 20, i);
		deliver(&w);
	}
	ck_assert_uint_eq(set_aside, 0);
	ck_assert_int_eq(counted(sctp_malformed_total), malformed + 100);
	world_finish(&w);
}
END_TEST

START_TEST(a_reset_of_ids_named_twice_or_never_used_resets_the_one_that_is)
{
	struct world w;

	start(&w);
	begin_packet(&w);
	put_reset(&w, tsn(&w, 0), 40);
	put_u16(packet + 14, 28);
	put_u16(packet + 18, 24);
	put_u16(packet + 34, 40);
	put_u16(packet + 36, 1999);
	put_u16(packet + 38, STREAM_NONE);
	len += 4;
	deliver(&w);
	ck_assert_int_eq(w.right.closes, 0);
	ck_assert_uint_eq(w.right.a->numbers.answered.result, RESULT_PERFORMED);
	ck_assert(channel_find(w.right.a, 40)->in_reset);
	ck_assert_ptr_nonnull(assoc_channel(w.right.a, 0));
	ck_assert_uint_eq(w.right.a->numbers.map.count, 2);
	world_finish(&w);
}
END_TEST

/* The left side has one stream, and takes one. */
static bool has_one(struct world *w, const struct packet *p)
{
	uint8_t *b = ((struct packet *)(uintptr_t)p)->bytes;

	if (p->to == &w->right && (b[12] == CHUNK_INIT || b[12] == CHUNK_INIT_ACK)) {
		put_u16(b + 24, 1);
		put_u16(b + 26, 1);
	}
	return false;
}

START_TEST(a_peer_with_one_stream_has_one_channel)
{
	int64_t refused = counted(sctp_stream_refused_total);
	struct world w;

	world_start(&w);
	w.drop = has_one;
	connect_with_channel(&w);
	ck_assert_uint_eq(w.right.streams, 1);
	ck_assert_int_eq(propose(&w.right, 1, true), ERR_OK);
	world_run(&w, 1000);
	ck_assert_int_eq(w.right.channel_reason, CLOSE_STREAM_REFUSED);
	ck_assert_int_eq(propose(&w.left, 2, true), ERR_OK); /* beyond its own word */
	ck_assert_int_eq(say(&w.left, 2, "beyond"), ERR_OK);
	world_run(&w, 1000);
	ck_assert_int_eq(counted(sctp_stream_refused_total), refused + 1);
	ck_assert_uint_eq(w.right.messages, 0);
	ck_assert_int_eq(say(&w.left, 0, "one"), ERR_OK);
	ck_assert_int_eq(say(&w.right, 0, "one"), ERR_OK);
	world_run(&w, 1000);
	ck_assert_uint_eq(w.left.messages + w.right.messages, 2);
	world_finish(&w);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sctp/by_hand");
	TCase *t = talk_case("by hand");

	tcase_add_test(t, what_is_behind_a_reset_that_has_to_wait_is_read);
	tcase_add_test(t, of_two_resets_that_have_to_wait_the_first_is_kept);
	tcase_add_test(t, an_init_repeated_late_does_not_keep_streams_from_growing);
	tcase_add_test(t, a_reset_beside_data_that_needs_more_streams_is_performed);
	tcase_add_test(t, requests_for_later_do_not_pile_up_in_the_stack);
	tcase_add_test(t, requests_before_the_set_up_is_done_are_refused);
	tcase_add_test(t, a_reset_of_ids_named_twice_or_never_used_resets_the_one_that_is);
	tcase_add_test(t, a_peer_with_one_stream_has_one_channel);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
