/* test_sdp_hostile.c: texts that are no offers, too long, cut, or more than there is memory for. */
#include "tests/unit/main.h"

#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "tests/unit/control/sdp/sdp_refusal.h"

START_TEST(texts_that_are_no_sdp_are_refused)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "", "empty" },
		{ "\r\n", "line 1: v=0" },
		{ "v=1\r\n", "line 1: v=0" },
		{ "s=-\r\nv=0\r\n", "line 1: v=0" },
		{ "v=0\r\nhello\r\n", "line 2: not of the form" },
		{ "v=0\r\n=\r\n", "line 2: not of the form" },
		{ "v=0\r\na=x\ry\r\n", "line 2: a CR within" },
		{ "v=0\rs=-\r", "line 1: v=0" },
		{ "v=0\r\nm=\r\n", "line 2: m=" },
		{ "v=0\r\nm=audio\r\n", "line 2: m=" },
		{ "v=0\r\nm=audio x RTP/AVP 0\r\n", "line 2: m=" },
		{ "v=0\r\nm=audio 65536 RTP/AVP 0\r\n", "line 2: m=" },
		{ "v=0\r\nm=audio 1 RTP/AVP \r\n", "line 2: m=" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_refused(rows[i].text, rows[i].words);
	sdp_destroy(parsed("v=0"));
	sdp_destroy(parsed("v=0\r\n\r\n"));
	sdp_destroy(parsed("v=0\nz=what is this\nm=audio 2/2 RTP/AVP 0 8\na\x3d\xff\xfe\n"));
}
END_TEST

START_TEST(a_nul_byte_is_refused)
{
	static const char text[] = "v=0\r\ns=a\0b\r\n";
	struct problem p = { PROBLEM_NONE };

	ck_assert_ptr_null(sdp_parse(SPAN(text, sizeof(text) - 1), &p));
	ck_assert_str_eq(p.detail, "line 2: a NUL byte");
}
END_TEST

START_TEST(too_long_too_many_and_just_enough)
{
	size_t room = SDP_MAX + 1;
	char *text = malloc(room);
	struct problem p = { PROBLEM_NONE };
	struct sdp *s;

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', room);
	memcpy(text, "v=0\na=", 6);
	s = sdp_parse(SPAN(text, SDP_MAX), &p); /* one attribute of 256 KiB */
	ck_assert_ptr_nonnull(s);
	sdp_destroy(s);
	ck_assert_ptr_null(sdp_parse(SPAN(text, SDP_MAX + 1), &p));
	ck_assert_int_eq(p.kind, PROBLEM_TOO_LARGE);

	strcpy(text, "v=0\n");
	for (int i = 0; i < 10000; i++)
		strcpy(text + 4 + i * 4, "a=y\n");
	sdp_destroy(parsed(text));

	strcpy(text, "v=0\n");
	for (int i = 0; i < SDP_MEDIAS_MAX; i++)
		strcat(text, "m=audio 1 RTP/AVP 0\n");
	s = parsed(text);
	ck_assert_uint_eq(s->media_count, SDP_MEDIAS_MAX);
	sdp_destroy(s);
	strcat(text, "m=audio 1 RTP/AVP 0\n");
	assert_refused(text, "more than 64");

	strcpy(text, ONE(""));
	for (int i = 0; i < SDP_DCMAPS_MAX; i++)
		sprintf(text + strlen(text), "a=dcmap:%d label=\"c%%20%d\"\n", 1000 - i, i);
	s = parsed(text);
	ck_assert_uint_eq(only(s)->dcmap_count, SDP_DCMAPS_MAX);
	ck_assert_uint_eq(only(s)->dcmaps[0].sid, 1000 - SDP_DCMAPS_MAX + 1);
	assert_span(only(s)->dcmaps[SDP_DCMAPS_MAX - 1].label, "c 0");
	sdp_destroy(s);
	strcat(text, "a=dcmap:2000\n");
	assert_refused(text, "more than 256");
	free(text);
}
END_TEST

START_TEST(every_cut_of_an_offer_is_taken_or_refused_cleanly)
{
	static const char *const samples[] = { CHROMIUM, FIREFOX, AIORTC, IMS_UE };
	long live = mem_live();

	for (size_t i = 0; i < 4; i++) {
		for (size_t len = 0; len <= strlen(samples[i]); len++) {
			struct problem p = { PROBLEM_NONE };
			struct sdp *s = sdp_parse(SPAN(samples[i], len), &p);

			ck_assert(s != NULL || p.kind == PROBLEM_BAD_SDP);
			sdp_destroy(s);
		}
	}
	ck_assert_int_eq(mem_live(), live);
}
END_TEST

START_TEST(running_out_of_memory_is_said_and_leaks_nothing)
{
	static const char *const samples[] = { FIREFOX, IMS_UE };
	long live = mem_live();

	for (size_t i = 0; i < 2; i++) {
		for (unsigned long n = 1;; n++) {
			struct problem p = { PROBLEM_NONE };
			struct sdp *s;

			mem_fail_at(n);
			s = sdp_parse(span_str(samples[i]), &p);
			if (!mem_failed()) {
				ck_assert_ptr_nonnull(s);
				ck_assert_uint_gt(n, 4);
				sdp_destroy(s);
				break;
			}
			ck_assert_ptr_null(s);
			ck_assert_int_eq(p.kind, PROBLEM_NO_RESOURCES);
		}
	}
	mem_fail_at(0);
	ck_assert_int_eq(mem_live(), live);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sdp_hostile");
	TCase *t = tcase_create("sdp_hostile");

	tcase_add_test(t, texts_that_are_no_sdp_are_refused);
	tcase_add_test(t, a_nul_byte_is_refused);
	tcase_add_test(t, too_long_too_many_and_just_enough);
	tcase_add_test(t, every_cut_of_an_offer_is_taken_or_refused_cleanly);
	tcase_add_test(t, running_out_of_memory_is_said_and_leaks_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
