/* test_renumber.c: packets at the boundary of the stack, byte for byte. */
#include "tests/unit/main.h"

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "sctp/renumber.h"

#define counted(name) (counter_value[CNT_##name])

enum { OFFERED = 2048, STREAMS = 4, FIRST_TSN = 0x1000, OUR_TSN = 0x5000 };

#define SUPPORTS_RECONFIG 0x80, 8, 0, 6, 0x82, 0xc0, 0, 0
#define INIT(type, len, os, mis) \
	type, 0, 0, len, 1, 2, 3, 4, 0, 1, 0, 0, (os) >> 8, (os)&0xff, (mis) >> 8, (mis)&0xff
#define DATA(tsn, sid)                                                                             \
	0, 3, 0, 17, 0, 0, (tsn) >> 8, (tsn)&0xff, (sid) >> 8, (sid)&0xff, 0, 0, 0, 0, 0, 51, 'x', \
		0, 0, 0
#define RECONFIG 0x82, 0, 0

static struct renumber r;
static uint8_t packet[1024];
static size_t len;
static unsigned asked;
static bool deny; /* the stack gives no more streams */

static void set_chunks(const uint8_t *chunks, size_t n)
{
	memset(packet, 0, sizeof(packet));
	memcpy(packet + COMMON_HEADER, chunks, n);
	len = COMMON_HEADER + n;
}

/* From the peer: what the stack gets of it. */
#define IN(...)                                                    \
	do {                                                       \
		const uint8_t bytes_[] = { __VA_ARGS__ };          \
		set_chunks(bytes_, sizeof(bytes_));                \
		len = renumber_in(&r, FIRST_TSN - 1, packet, len); \
	} while (0)
/* From the stack: what the peer gets of it. */
#define OUT(...)                                          \
	do {                                              \
		const uint8_t bytes_[] = { __VA_ARGS__ }; \
		set_chunks(bytes_, sizeof(bytes_));       \
		len = renumber_out(&r, packet, len);      \
	} while (0)
/* The packet is now this. */
#define IS(...)                                                                   \
	do {                                                                      \
		const uint8_t bytes_[] = { __VA_ARGS__ };                         \
		ck_assert_uint_eq(len, COMMON_HEADER + sizeof(bytes_));           \
		ck_assert_mem_eq(packet + COMMON_HEADER, bytes_, sizeof(bytes_)); \
	} while (0)
#define IS_EMPTY() ck_assert_uint_eq(len, COMMON_HEADER)

/* The stack's answer to what it is asked. */
static bool more(void *arg, uint16_t inner)
{
	uint8_t request[RENUMBER_PACKET], answer[RENUMBER_PACKET];

	asked++;
	renumber_ask(&r, inner, request);
	ck_assert_uint_eq(get_u16(request + 16), ADD_OUTGOING);
	memcpy(answer, request, sizeof(answer));
	put_u16(answer + 16, RECONFIG_RESPONSE);
	put_u32(answer + 24, deny ? 2 : RESULT_PERFORMED);
	ck_assert_uint_eq(renumber_out(&r, answer, sizeof(answer)), COMMON_HEADER);
	return inner < r.in_count;
}

static void setup(void)
{
	asked = 0;
	deny = false;
	ck_assert(renumber_init(&r, OFFERED, STREAMS));
	r.more = more;
	OUT(INIT(1, 20, STREAMS, 0xffff), 0, 0, OUR_TSN >> 8, OUR_TSN & 0xff);
	IN(INIT(2, 28, 1024, 1024), 0, 0, FIRST_TSN >> 8, FIRST_TSN & 0xff, SUPPORTS_RECONFIG);
	IN(0x0b, 0, 0, 4);
}

static void teardown(void)
{
	renumber_finish(&r);
}

/* ---- set-up ---- */

START_TEST(the_peer_is_told_the_ids_and_the_stack_its_streams)
{
	struct renumber n;

	ck_assert(renumber_init(&n, OFFERED, STREAMS));
	renumber_finish(&r);
	r = n;
	OUT(INIT(1, 20, STREAMS, 0xffff), 0, 0, 80, 0);
	IS(INIT(1, 20, OFFERED, OFFERED), 0, 0, 80, 0);
	ck_assert_uint_eq(r.tag, 0x01020304);
	IN(INIT(1, 28, 65535, 300), 0, 0, 16, 0, SUPPORTS_RECONFIG);
	IS(INIT(1, 28, STREAMS, STREAMS), 0, 0, 16, 0, SUPPORTS_RECONFIG);
	ck_assert_uint_eq(r.in_limit, OFFERED);
	ck_assert_uint_eq(r.out_limit, 300);
	ck_assert(r.peer_reconfigures);
	ck_assert_uint_eq(r.in_next, 0x1000);
	OUT(INIT(2, 20, STREAMS, 0xffff), 0, 0, 80, 0);
	IS(INIT(2, 20, 300, OFFERED), 0, 0, 80, 0); /* not more than the peer takes */
}
END_TEST

START_TEST(a_peer_without_streams_is_left_to_the_stack)
{
	r.established = false;
	IN(INIT(1, 20, 0, 5), 0, 0, 16, 0);
	IS(INIT(1, 20, 0, STREAMS), 0, 0, 16, 0);
	IN(INIT(1, 20, 5, 0), 0, 0, 16, 0);
	IS(INIT(1, 20, STREAMS, 0), 0, 0, 16, 0);
	ck_assert(!r.peer_reconfigures);
}
END_TEST

START_TEST(an_init_after_the_set_up_changes_no_limits)
{
	IN(INIT(1, 20, 7, 7), 0, 0, 99, 0);
	ck_assert_uint_eq(r.in_limit, 1024);
	ck_assert_uint_eq(r.out_limit, 1024);
	ck_assert_uint_eq(r.in_next, FIRST_TSN);
}
END_TEST

/* ---- DATA ---- */

START_TEST(data_gets_the_number_of_the_stack_and_back)
{
	IN(DATA(FIRST_TSN, 1000), DATA(FIRST_TSN + 1, 0), DATA(FIRST_TSN + 2, 1000));
	IS(DATA(FIRST_TSN, 1), DATA(FIRST_TSN + 1, 2), DATA(FIRST_TSN + 2, 1));
	OUT(3, 0, 0, 16, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0, 0, DATA(OUR_TSN, 2),
		DATA(OUR_TSN + 1, 1));
	IS(3, 0, 0, 16, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0, 0, DATA(OUR_TSN, 0),
		DATA(OUR_TSN + 1, 1000));
	ck_assert(stream_slot(&r.map, 1)->in_used);
}
END_TEST

START_TEST(ids_beyond_the_limits_go_to_no_stream_and_are_named_in_the_error)
{
	int64_t refused = counted(sctp_stream_refused_total);

	IN(DATA(FIRST_TSN, 1023), DATA(FIRST_TSN + 1, 1024), DATA(FIRST_TSN + 2, 65535));
	IS(DATA(FIRST_TSN, 1), DATA(FIRST_TSN + 1, 65535), DATA(FIRST_TSN + 2, 65535));
	ck_assert_int_eq(counted(sctp_stream_refused_total), refused + 2);
	IN(DATA(FIRST_TSN + 3, 5000));
	OUT(9, 0, 0, 12, 0, 1, 0, 8, 0xff, 0xff, 0, 0);
	IS(9, 0, 0, 12, 0, 1, 0, 8, 5000 >> 8, 5000 & 0xff, 0, 0);
	ck_assert_uint_eq(r.map.count, 1);
}
END_TEST

START_TEST(data_that_has_come_before_binds_nothing)
{
	IN(DATA(FIRST_TSN - 1, 8));
	IS(DATA(FIRST_TSN - 1, 65535));
	ck_assert_uint_eq(r.map.count, 0);
	IN(0xc0, 0, 0, 12, 0, 0, (FIRST_TSN - 1) >> 8, (FIRST_TSN - 1) & 0xff, 0, 8, 0, 1);
	ck_assert_uint_eq(r.map.count, 0);
}
END_TEST

START_TEST(the_stack_is_asked_for_more_streams_when_its_numbers_run_out)
{
	for (uint8_t i = 0; i < 3; i++)
		IN(DATA(FIRST_TSN + i, 100 + i));
	ck_assert_uint_eq(asked, 0);
	IN(DATA(FIRST_TSN + 3, 103));
	IS(DATA(FIRST_TSN + 3, 4));
	ck_assert_uint_eq(asked, 1);
	ck_assert_uint_eq(r.in_count, 8); /* twice as many */
}
END_TEST

START_TEST(a_chunk_whose_stream_cannot_be_had_now_is_lost_alone)
{
	deny = true;
	IN(DATA(FIRST_TSN, 1), DATA(FIRST_TSN + 1, 2), DATA(FIRST_TSN + 2, 3),
		DATA(FIRST_TSN + 3, 4), DATA(FIRST_TSN + 4, 1));
	IS(DATA(FIRST_TSN, 1), DATA(FIRST_TSN + 1, 2), DATA(FIRST_TSN + 2, 3),
		DATA(FIRST_TSN + 4, 1));
	deny = false;
	IN(DATA(FIRST_TSN + 3, 4));
	IS(DATA(FIRST_TSN + 3, 4));
	/* before the association is up the stack answers no requests */
	r.established = false;
	for (uint8_t i = 0; i < 4; i++)
		IN(DATA(FIRST_TSN + 4, 10 + i));
	IS_EMPTY();
}
END_TEST

START_TEST(a_peer_that_knows_no_requests_has_the_first_streams_only)
{
	r.peer_reconfigures = false;
	IN(DATA(FIRST_TSN, 7), DATA(FIRST_TSN, 8), DATA(FIRST_TSN, 9), DATA(FIRST_TSN, 10));
	IS(DATA(FIRST_TSN, 1), DATA(FIRST_TSN, 2), DATA(FIRST_TSN, 3), DATA(FIRST_TSN, 65535));
	ck_assert_uint_eq(asked, 0);
}
END_TEST

/* ---- FORWARD-TSN ---- */

START_TEST(forward_tsn_names_streams_of_the_other_side)
{
	IN(DATA(FIRST_TSN, 500));
	IN(0xc0, 0, 0, 20, 0, 0, 0x10, 9, 1, 244, 0, 3, 1, 245, 0, 4, 0xff, 0xff, 0, 1);
	IS(0xc0, 0, 0, 20, 0, 0, 0x10, 9, 0, 1, 0, 3, 0, 2, 0, 4, 0xff, 0xff, 0xff, 0xff);
	ck_assert(stream_slot(&r.map, 2)->in_used); /* its numbers have moved */
	OUT(0xc0, 0, 0, 16, 0, 0, 0x50, 9, 0, 2, 0, 3, 0, 1, 0, 4);
	IS(0xc0, 0, 0, 16, 0, 0, 0x50, 9, 1, 245, 0, 3, 1, 244, 0, 4);
}
END_TEST

START_TEST(pairs_of_no_stream_come_last_lest_the_others_be_overlooked)
{
	IN(0xc0, 0, 0, 16, 0, 0, 0x10, 9, 0xff, 0xff, 0, 9, 0, 7, 0, 4);
	IS(0xc0, 0, 0, 16, 0, 0, 0x10, 9, 0, 1, 0, 4, 0xff, 0xff, 0xff, 0xff);
	deny = true;
	IN(0xc0, 0, 0, 24, 0, 0, 0x10, 9, 0, 8, 0, 0, 0, 9, 0, 0, 0, 10, 0, 0, 0, 11, 0, 0);
	IS_EMPTY(); /* it will be repeated */
}
END_TEST

/* ---- resets ---- */

#define N(n) 0, 0, (n) >> 8, (n)&0xff

START_TEST(a_peers_reset_makes_its_direction_as_new)
{
	IN(DATA(FIRST_TSN, 1000), DATA(FIRST_TSN + 1, 1002));
	IN(RECONFIG, 26, 0, 13, 0, 22, N(FIRST_TSN), N(OUR_TSN - 1), N(FIRST_TSN - 1), 1000 >> 8,
		1000 & 0xff, 0, 9, 0xff, 0xff, 0, 0);
	IS(RECONFIG, 26, 0, 13, 0, 22, N(FIRST_TSN), N(OUR_TSN - 1), N(FIRST_TSN - 1), 0, 1, 0xff,
		0xff, 0xff, 0xff, 0, 0);
	ck_assert(!stream_slot(&r.map, 1)->in_used);
	ck_assert(stream_slot(&r.map, 2)->in_used);
	ck_assert(r.map.loose);
}
END_TEST

START_TEST(a_repeated_reset_does_not_touch_what_came_after_it)
{
	IN(DATA(FIRST_TSN, 1000));
	IN(RECONFIG, 22, 0, 13, 0, 18, N(FIRST_TSN), N(OUR_TSN - 1), N(FIRST_TSN - 1), 1000 >> 8,
		1000 & 0xff, 0, 0);
	OUT(RECONFIG, 16, 0, 16, 0, 12, N(FIRST_TSN), N(1));
	IS(RECONFIG, 16, 0, 16, 0, 12, N(FIRST_TSN), N(1));
	IN(DATA(FIRST_TSN + 1, 1000));
	IN(RECONFIG, 22, 0, 13, 0, 18, N(FIRST_TSN), N(OUR_TSN - 1), N(FIRST_TSN - 1), 1000 >> 8,
		1000 & 0xff, 0, 0);
	ck_assert(stream_slot(&r.map, 1)->in_used);
}
END_TEST

START_TEST(a_reset_that_overtook_another_is_not_performed_yet)
{
	IN(DATA(FIRST_TSN, 1000));
	IN(RECONFIG, 22, 0, 13, 0, 18, N(FIRST_TSN + 1), N(OUR_TSN - 1), N(FIRST_TSN - 1),
		1000 >> 8, 1000 & 0xff, 0, 0);
	ck_assert(stream_slot(&r.map, 1)->in_used);
	/* both in one packet: in order */
	IN(RECONFIG, 34, 0, 14, 0, 12, N(FIRST_TSN), 0, 9, 0, 8, 0, 13, 0, 18, N(FIRST_TSN + 1),
		N(OUR_TSN - 1), N(FIRST_TSN - 1), 1000 >> 8, 1000 & 0xff, 0, 0);
	ck_assert(!stream_slot(&r.map, 1)->in_used);
}
END_TEST

START_TEST(an_empty_list_means_all_streams_in_either_direction)
{
	IN(DATA(FIRST_TSN, 1000), DATA(FIRST_TSN + 1, 1002));
	IN(RECONFIG, 20, 0, 13, 0, 16, N(FIRST_TSN), N(OUR_TSN - 1), N(FIRST_TSN - 1));
	IS(RECONFIG, 20, 0, 13, 0, 16, N(FIRST_TSN), N(OUR_TSN - 1), N(FIRST_TSN - 1));
	ck_assert(!stream_slot(&r.map, 1)->in_used);
	ck_assert(!stream_slot(&r.map, 2)->in_used);
	OUT(RECONFIG, 20, 0, 13, 0, 16, N(OUR_TSN), N(FIRST_TSN), N(OUR_TSN - 1));
	IS(RECONFIG, 20, 0, 13, 0, 16, N(OUR_TSN), N(FIRST_TSN), N(OUR_TSN - 1));
	ck_assert(stream_slot(&r.map, 1)->out_flight);
	ck_assert(stream_slot(&r.map, 2)->out_flight);
}
END_TEST

static void reset_ours(void)
{
	struct stream_slot *s = stream_slot(&r.map, stream_bind(&r.map, 1000));

	s->out_used = s->out_wanted = true;
	OUT(RECONFIG, 22, 0, 13, 0, 18, N(OUR_TSN), N(FIRST_TSN - 1), N(OUR_TSN - 1), 0, 1, 0, 0);
	IS(RECONFIG, 22, 0, 13, 0, 18, N(OUR_TSN), N(FIRST_TSN - 1), N(OUR_TSN - 1), 1000 >> 8,
		1000 & 0xff, 0, 0);
	ck_assert(!stream_is_idle(s));
}

START_TEST(our_direction_is_as_new_when_the_peer_says_so)
{
	reset_ours();
	IN(RECONFIG, 16, 0, 16, 0, 12, N(OUR_TSN), N(6)); /* in progress */
	ck_assert(stream_slot(&r.map, 1)->out_flight);
	IN(RECONFIG, 16, 0, 16, 0, 12, N(OUR_TSN - 1), N(1)); /* of another request */
	ck_assert(stream_slot(&r.map, 1)->out_flight);
	IN(RECONFIG, 16, 0, 16, 0, 12, N(OUR_TSN), N(1));
	ck_assert(stream_is_idle(stream_slot(&r.map, 1)));
}
END_TEST

START_TEST(a_reset_that_is_denied_leaves_our_direction_used)
{
	reset_ours();
	IN(RECONFIG, 16, 0, 16, 0, 12, N(OUR_TSN), N(2));
	ck_assert(!stream_slot(&r.map, 1)->out_flight);
	ck_assert(!stream_is_idle(stream_slot(&r.map, 1)));
}
END_TEST

START_TEST(a_peers_request_may_answer_ours)
{
	reset_ours();
	IN(RECONFIG, 22, 0, 13, 0, 18, N(FIRST_TSN), N(OUR_TSN), N(FIRST_TSN - 1), 1000 >> 8,
		1000 & 0xff, 0, 0);
	ck_assert(stream_is_idle(stream_slot(&r.map, 1)));
}
END_TEST

START_TEST(being_asked_to_reset_names_our_streams_and_none_for_unknown_ids)
{
	stream_bind(&r.map, 1000);
	IN(RECONFIG, 16, 0, 14, 0, 12, N(FIRST_TSN), 1000 >> 8, 1000 & 0xff, 0, 9);
	IS(RECONFIG, 16, 0, 14, 0, 12, N(FIRST_TSN), 0, 1, 0xff, 0xff);
}
END_TEST

/* ---- more streams ---- */

START_TEST(a_peer_gets_more_ids_within_what_was_offered_and_no_more)
{
	IN(RECONFIG, 16, 0, 17, 0, 12, N(FIRST_TSN), 4, 0, 0, 0); /* 1024 + 1024 */
	IS(RECONFIG, 16, 0, 17, 0, 12, N(FIRST_TSN), 0, 0, 0, 0);
	ck_assert_uint_eq(r.in_limit, 2048);
	OUT(RECONFIG, 16, 0, 16, 0, 12, N(FIRST_TSN), N(1));
	IN(RECONFIG, 16, 0, 17, 0, 12, N(FIRST_TSN), 4, 0, 0, 0); /* the answer was lost */
	IS(RECONFIG, 16, 0, 17, 0, 12, N(FIRST_TSN), 0, 0, 0, 0);
	IN(RECONFIG, 16, 0, 17, 0, 12, N(FIRST_TSN + 1), 0, 1, 0, 0);
	IS(RECONFIG, 16, 0, 17, 0, 12, N(FIRST_TSN + 1), 0xff, 0xff, 0, 0);
	ck_assert_uint_eq(r.in_limit, 2048);
}
END_TEST

START_TEST(a_peer_that_asks_for_no_ids_at_all_is_denied)
{
	IN(RECONFIG, 16, 0, 17, 0, 12, N(FIRST_TSN), 0, 0, 0, 0);
	IS(RECONFIG, 16, 0, 17, 0, 12, N(FIRST_TSN), 0xff, 0xff, 0, 0);
	ck_assert_uint_eq(r.in_limit, 1024);
}
END_TEST

START_TEST(a_list_that_the_stack_denies_makes_nothing_as_new)
{
	uint8_t chunk[4 + 16 + 2 * 249] = { 0x82 };

	for (int ids = 249; ids >= 248; ids--) {
		IN(DATA(FIRST_TSN, 1000));
		put_u16(chunk + 2, (uint16_t)(20 + 2 * ids));
		put_u16(chunk + 4, RESET_OUTGOING);
		put_u16(chunk + 6, (uint16_t)(16 + 2 * ids));
		put_u32(chunk + 8, FIRST_TSN);
		for (int i = 0; i < ids; i++)
			put_u16(chunk + 20 + 2 * i, 1000);
		set_chunks(chunk, 20 + 2 * (size_t)ids);
		renumber_in(&r, FIRST_TSN, packet, len);
		ck_assert(stream_slot(&r.map, 1)->in_used == (ids == 249));
	}
}
END_TEST

static void grow_once(uint16_t first)
{
	for (uint16_t i = 0; r.map.fresh < r.in_count; i++)
		stream_bind(&r.map, (uint16_t)(first + i));
	IN(DATA(FIRST_TSN, 999));
}

START_TEST(requests_that_stay_inside_shift_the_numbers_of_those_that_do_not)
{
	grow_once(100);
	IN(RECONFIG, 22, 0, 13, 0, 18, N(FIRST_TSN), N(OUR_TSN - 1), N(FIRST_TSN - 1), 0, 100, 0,
		0);
	IS(RECONFIG, 22, 0, 13, 0, 18, N(FIRST_TSN + 1), N(OUR_TSN - 1), N(FIRST_TSN - 1), 0, 1, 0,
		0);
	OUT(RECONFIG, 16, 0, 16, 0, 12, N(FIRST_TSN + 1), N(1));
	IS(RECONFIG, 16, 0, 16, 0, 12, N(FIRST_TSN), N(1));
	OUT(RECONFIG, 22, 0, 13, 0, 18, N(OUR_TSN), N(FIRST_TSN + 1), N(OUR_TSN - 1), 0, 1, 0, 0);
	IS(RECONFIG, 22, 0, 13, 0, 18, N(OUR_TSN), N(FIRST_TSN), N(OUR_TSN - 1), 0, 100, 0, 0);
}
END_TEST

START_TEST(numbers_of_requests_begin_anew_after_the_last_of_all)
{
	uint8_t grant[RENUMBER_PACKET];

	r.established = false;
	OUT(INIT(1, 20, STREAMS, 0xffff), 0xff, 0xff, 0xff, 0xff);
	IN(INIT(2, 28, 1024, 1024), 0xff, 0xff, 0xff, 0xff, SUPPORTS_RECONFIG);
	IN(0x0b, 0, 0, 4);
	grow_once(100); /* this one has the number */
	ck_assert_uint_eq(r.in_next, 0);
	IN(RECONFIG, 22, 0, 13, 0, 18, 0xff, 0xff, 0xff, 0xff, N(0), N(FIRST_TSN - 1), 0, 100, 0,
		0);
	IS(RECONFIG, 22, 0, 13, 0, 18, N(0), N(0), N(FIRST_TSN - 1), 0, 1, 0, 0);
	OUT(RECONFIG, 16, 0, 16, 0, 12, N(0), N(1));
	IS(RECONFIG, 16, 0, 16, 0, 12, 0xff, 0xff, 0xff, 0xff, N(1));
	ck_assert_uint_eq(r.in_next, 1);
	/* and ours: what the stack asks for has the last number, the reset after it the one on the wire */
	OUT(RECONFIG, 16, 0, 17, 0, 12, 0xff, 0xff, 0xff, 0xff, 0, 4, 0, 0);
	ck_assert(renumber_grant(&r, grant));
	OUT(RECONFIG, 22, 0, 13, 0, 18, N(0), N(0), N(OUR_TSN - 1), 0, 1, 0, 0);
	IS(RECONFIG, 22, 0, 13, 0, 18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		N(OUR_TSN - 1), 0, 100, 0, 0);
	ck_assert(stream_slot(&r.map, 1)->out_flight);
	IN(RECONFIG, 16, 0, 16, 0, 12, 0xff, 0xff, 0xff, 0xff, N(1));
	IS(RECONFIG, 16, 0, 16, 0, 12, N(0), N(1));
	ck_assert(!stream_slot(&r.map, 1)->out_flight);
}
END_TEST

START_TEST(an_answer_repeated_over_a_request_of_ours_is_the_one_it_was)
{
	IN(RECONFIG, 16, 0, 17, 0, 12, N(FIRST_TSN), 0xff, 0, 0, 0);
	OUT(RECONFIG, 16, 0, 16, 0, 12, N(FIRST_TSN), N(2));
	IS(RECONFIG, 16, 0, 16, 0, 12, N(FIRST_TSN), N(2));
	grow_once(100);
	IN(RECONFIG, 16, 0, 17, 0, 12, N(FIRST_TSN), 0xff, 0, 0, 0);
	IS(RECONFIG, 16, 0, 17, 0, 12, N(FIRST_TSN + 1), 0, 0, 0, 0);
	/* the stack repeats what it answered last: to us */
	OUT(RECONFIG, 16, 0, 16, 0, 12, N(FIRST_TSN + 1), N(1));
	IS(RECONFIG, 16, 0, 16, 0, 12, N(FIRST_TSN), N(2));
}
END_TEST

START_TEST(what_the_stack_asks_for_itself_is_granted_here)
{
	uint8_t grant[RENUMBER_PACKET];

	ck_assert(!renumber_grant(&r, grant));
	OUT(3, 0, 0, 16, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0, 0, RECONFIG, 16, 0, 17, 0, 12, N(OUR_TSN),
		0, 4, 0, 0);
	IS(3, 0, 0, 16, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0, 0); /* the peer need not know */
	OUT(RECONFIG, 16, 0, 17, 0, 12, N(OUR_TSN), 0, 4, 0, 0);
	IS_EMPTY(); /* nor the repetition */
	ck_assert(renumber_grant(&r, grant));
	ck_assert(!renumber_grant(&r, packet));
	ck_assert_uint_eq(get_u32(grant + 4), 0x01020304);
	ck_assert_uint_eq(get_u16(grant + 16), RECONFIG_RESPONSE);
	ck_assert_uint_eq(get_u32(grant + 20), OUR_TSN);
	ck_assert_uint_eq(get_u32(grant + 24), RESULT_PERFORMED);
	stream_bind(&r.map, 1000);
	OUT(RECONFIG, 22, 0, 13, 0, 18, N(OUR_TSN + 1), N(FIRST_TSN - 1), N(OUR_TSN - 1), 0, 1, 0,
		0);
	IS(RECONFIG, 22, 0, 13, 0, 18, N(OUR_TSN), N(FIRST_TSN - 1), N(OUR_TSN - 1), 1000 >> 8,
		1000 & 0xff, 0, 0);
	IN(RECONFIG, 16, 0, 16, 0, 12, N(OUR_TSN), N(1));
	IS(RECONFIG, 16, 0, 16, 0, 12, N(OUR_TSN + 1), N(1));
	ck_assert(stream_is_idle(stream_slot(&r.map, 1)));
}
END_TEST

/* ---- ERROR, and the rest ---- */

START_TEST(errors_name_streams_of_the_other_side)
{
	stream_bind(&r.map, 1000);
	IN(9, 0, 0, 20, 0, 3, 0, 8, 1, 1, 1, 1, 0, 1, 0, 8, 1000 >> 8, 1000 & 0xff, 0, 0);
	IS(9, 0, 0, 20, 0, 3, 0, 8, 1, 1, 1, 1, 0, 1, 0, 8, 0, 1, 0, 0);
	IN(9, 0, 0, 12, 0, 1, 0, 8, 0, 5, 0, 0);
	IS(9, 0, 0, 12, 0, 1, 0, 8, 0xff, 0xff, 0, 0);
	IN(9, 0, 0, 10, 0, 1, 0, 6, 0, 5, 0, 0); /* cut short: left alone */
	IS(9, 0, 0, 10, 0, 1, 0, 6, 0, 5, 0, 0);
	OUT(9, 0, 0, 12, 0, 1, 0, 8, 0, 1, 0, 0);
	IS(9, 0, 0, 12, 0, 1, 0, 8, 1000 >> 8, 1000 & 0xff, 0, 0);
}
END_TEST

START_TEST(other_chunks_stay_as_they_are)
{
	IN(4, 0, 0, 12, 0, 1, 0, 8, 1, 2, 3, 4, 0xfe, 0, 0, 8, 0, 7, 0, 7);
	IS(4, 0, 0, 12, 0, 1, 0, 8, 1, 2, 3, 4, 0xfe, 0, 0, 8, 0, 7, 0, 7);
	OUT(6, 0, 0, 4);
	IS(6, 0, 0, 4);
}
END_TEST

START_TEST(memory_that_runs_out_costs_a_chunk_and_not_the_table)
{
	int64_t failed = counted(allocation_failed_total);

	for (uint16_t i = 0; i < 3; i++)
		stream_bind(&r.map, i);
	mem_fail_at(1);
	IN(DATA(FIRST_TSN, 1000), DATA(FIRST_TSN + 1, 1));
	mem_fail_at(0);
	IS(DATA(FIRST_TSN + 1, 2));
	ck_assert_int_eq(counted(allocation_failed_total), failed + 1);
	IN(DATA(FIRST_TSN, 1000));
	IS(DATA(FIRST_TSN, 4));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sctp/renumber");
	TCase *t = tcase_create("renumber");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_peer_is_told_the_ids_and_the_stack_its_streams);
	tcase_add_test(t, a_peer_without_streams_is_left_to_the_stack);
	tcase_add_test(t, an_init_after_the_set_up_changes_no_limits);
	tcase_add_test(t, data_gets_the_number_of_the_stack_and_back);
	tcase_add_test(t, ids_beyond_the_limits_go_to_no_stream_and_are_named_in_the_error);
	tcase_add_test(t, data_that_has_come_before_binds_nothing);
	tcase_add_test(t, the_stack_is_asked_for_more_streams_when_its_numbers_run_out);
	tcase_add_test(t, a_chunk_whose_stream_cannot_be_had_now_is_lost_alone);
	tcase_add_test(t, a_peer_that_knows_no_requests_has_the_first_streams_only);
	tcase_add_test(t, forward_tsn_names_streams_of_the_other_side);
	tcase_add_test(t, pairs_of_no_stream_come_last_lest_the_others_be_overlooked);
	tcase_add_test(t, a_peers_reset_makes_its_direction_as_new);
	tcase_add_test(t, a_repeated_reset_does_not_touch_what_came_after_it);
	tcase_add_test(t, a_reset_that_overtook_another_is_not_performed_yet);
	tcase_add_test(t, an_empty_list_means_all_streams_in_either_direction);
	tcase_add_test(t, our_direction_is_as_new_when_the_peer_says_so);
	tcase_add_test(t, a_reset_that_is_denied_leaves_our_direction_used);
	tcase_add_test(t, a_peers_request_may_answer_ours);
	tcase_add_test(t, being_asked_to_reset_names_our_streams_and_none_for_unknown_ids);
	tcase_add_test(t, a_peer_gets_more_ids_within_what_was_offered_and_no_more);
	tcase_add_test(t, a_peer_that_asks_for_no_ids_at_all_is_denied);
	tcase_add_test(t, a_list_that_the_stack_denies_makes_nothing_as_new);
	tcase_add_test(t, requests_that_stay_inside_shift_the_numbers_of_those_that_do_not);
	tcase_add_test(t, numbers_of_requests_begin_anew_after_the_last_of_all);
	tcase_add_test(t, an_answer_repeated_over_a_request_of_ours_is_the_one_it_was);
	tcase_add_test(t, what_the_stack_asks_for_itself_is_granted_here);
	tcase_add_test(t, errors_name_streams_of_the_other_side);
	tcase_add_test(t, other_chunks_stay_as_they_are);
	tcase_add_test(t, memory_that_runs_out_costs_a_chunk_and_not_the_table);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
