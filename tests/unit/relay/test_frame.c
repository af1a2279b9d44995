/* test_frame.c: messages on a byte stream, in whatever pieces they come. */
#include "dcmf/relay/frame.h"

#include "dcmf/base/alloc.h"
#include "tests/unit/main.h"

#define MAX 100

static struct frame_reader reader;

static void setup(void)
{
	frame_reader_init(&reader, MAX);
}

static void teardown(void)
{
	frame_reader_finish(&reader);
	ck_assert_int_eq(mem_live(), 0);
}

/* The example of FRAMING.md. */
static const uint8_t hi[] = { 0, 0, 0, 0x0a, 0x03, 0xe8, 0, 0, 0, 0, 0, 0x33, 'h', 'i' };

START_TEST(head_is_written_as_the_page_shows_it)
{
	uint8_t head[FRAME_HEAD];

	frame_head(head, 1000, FRAME_MESSAGE, 51, 2);
	ck_assert_mem_eq(head, hi, sizeof(head));
}
END_TEST

static void check_hi(const struct frame *f)
{
	ck_assert_uint_eq(f->sid, 1000);
	ck_assert_uint_eq(f->type, FRAME_MESSAGE);
	ck_assert_uint_eq(f->value, 51);
	ck_assert(span_eq(f->payload, SPAN_LIT("hi")));
}

START_TEST(frame_that_is_all_there_is_read_without_a_copy)
{
	struct span in = SPAN_OF(hi);
	struct frame f;

	ck_assert_int_eq(frame_next(&reader, &in, &f), FRAME_WHOLE);
	check_hi(&f);
	ck_assert_ptr_eq(f.payload.p, hi + FRAME_HEAD);
	ck_assert_uint_eq(mem_live(), 0);
	ck_assert_int_eq(frame_next(&reader, &in, &f), FRAME_MORE);
}
END_TEST

START_TEST(frames_cut_anywhere_are_read_the_same)
{
	uint8_t wire[3 * sizeof(hi)];

	for (int i = 0; i < 3; i++)
		memcpy(wire + (size_t)i * sizeof(hi), hi, sizeof(hi));
	for (size_t step = 1; step <= sizeof(wire); step++) {
		unsigned whole = 0;

		for (size_t at = 0; at < sizeof(wire); at += step) {
			struct span in = SPAN(
				wire + at, step < sizeof(wire) - at ? step : sizeof(wire) - at);
			struct frame f;

			while (frame_next(&reader, &in, &f) == FRAME_WHOLE) {
				check_hi(&f);
				whole++;
			}
			ck_assert_uint_eq(in.len, 0);
		}
		ck_assert_uint_eq(whole, 3);
	}
}
END_TEST

START_TEST(empty_payload_is_a_frame_too)
{
	uint8_t head[FRAME_HEAD];
	struct frame f;

	frame_head(head, 65534, FRAME_CLOSE, 0, 0);
	for (size_t cut = 1; cut <= sizeof(head); cut++) {
		struct span first = SPAN(head, cut), rest = SPAN(head + cut, sizeof(head) - cut);
		enum frame_got got = frame_next(&reader, &first, &f);

		if (cut < sizeof(head)) {
			ck_assert_int_eq(got, FRAME_MORE);
			got = frame_next(&reader, &rest, &f);
		}
		ck_assert_int_eq(got, FRAME_WHOLE);
		ck_assert_uint_eq(f.sid, 65534);
		ck_assert_uint_eq(f.type, FRAME_CLOSE);
		ck_assert_uint_eq(f.payload.len, 0);
		ck_assert_int_eq(frame_next(&reader, &rest, &f), FRAME_MORE);
	}
}
END_TEST

/* A frame of `len` bytes and behind it "hi", in pieces of `step`. */
static void read_large(size_t len, size_t step, enum frame_got expected)
{
	uint8_t wire[FRAME_HEAD + 300 + sizeof(hi)] = { 0 };
	size_t all = FRAME_HEAD + len + sizeof(hi);
	unsigned large = 0, small = 0;

	frame_head(wire, 7, FRAME_MESSAGE, 53, len);
	memcpy(wire + FRAME_HEAD + len, hi, sizeof(hi));
	for (size_t at = 0; at < all; at += step) {
		struct span in = SPAN(wire + at, step < all - at ? step : all - at);
		enum frame_got got;
		struct frame f;

		while ((got = frame_next(&reader, &in, &f)) != FRAME_MORE) {
			if (f.sid == 7) {
				ck_assert_int_eq(got, expected);
				ck_assert_uint_eq(f.value, 53);
				large++;
			} else {
				ck_assert_int_eq(got, FRAME_WHOLE);
				check_hi(&f);
				small++;
			}
		}
		ck_assert_uint_le(reader.part.len, FRAME_HEAD + MAX);
	}
	ck_assert_uint_eq(large, 1);
	ck_assert_uint_eq(small, 1);
}

START_TEST(largest_payload_is_taken_and_one_more_byte_is_skipped)
{
	for (size_t step = 1; step < 300; step++) {
		read_large(MAX, step, FRAME_WHOLE);
		read_large(MAX + 1, step, FRAME_TOO_LARGE);
		read_large(300, step, FRAME_TOO_LARGE);
	}
}
END_TEST

START_TEST(lengths_that_cannot_be_are_the_end)
{
	static const uint8_t heads[][FRAME_HEAD] = {
		{ 0, 0, 0, 0 },
		{ 0, 0, 0, 7 },
		{ 1, 0, 0, 9 }, /* 16 MiB and a byte */
		"HTTP/1.1 400",
		{ 0x16, 3, 3, 0, 0x7a, 2, 0, 0, 0x76, 3, 3, 1 }, /* TLS */
		{ 255, 255, 255, 255 },
	};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct span in = SPAN_OF(heads[i]);
		struct frame f;

		ck_assert_int_eq(frame_next(&reader, &in, &f), FRAME_BROKEN);
	}
}
END_TEST

START_TEST(promise_of_the_largest_frame_costs_nothing)
{
	uint8_t head[FRAME_HEAD];
	struct span in = SPAN_OF(head);
	struct frame f;

	frame_reader_finish(&reader);
	frame_reader_init(&reader, FRAME_PAYLOAD_MAX);
	frame_head(head, 7, FRAME_MESSAGE, 53, FRAME_PAYLOAD_MAX);
	ck_assert_int_eq(frame_next(&reader, &in, &f), FRAME_MORE);
	ck_assert_uint_le(reader.part.cap, 4096);
}
END_TEST

START_TEST(memory_that_runs_out_is_said)
{
	struct span in = SPAN(hi, 13);
	struct frame f;

	mem_fail_at(1);
	ck_assert_int_eq(frame_next(&reader, &in, &f), FRAME_NO_MEMORY);
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("relay/frame");
	TCase *t = tcase_create("frame");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, head_is_written_as_the_page_shows_it);
	tcase_add_test(t, frame_that_is_all_there_is_read_without_a_copy);
	tcase_add_test(t, frames_cut_anywhere_are_read_the_same);
	tcase_add_test(t, empty_payload_is_a_frame_too);
	tcase_add_test(t, largest_payload_is_taken_and_one_more_byte_is_skipped);
	tcase_add_test(t, lengths_that_cannot_be_are_the_end);
	tcase_add_test(t, promise_of_the_largest_frame_costs_nothing);
	tcase_add_test(t, memory_that_runs_out_is_said);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
