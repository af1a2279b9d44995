/* sdp_refusal.h: offers that are refused, and the one section of those that are not. */
#pragma once

#include "dcmf/base/counters.h"
#include "tests/unit/control/sdp/sdp_samples.h"

#define assert_span(span, text) \
	ck_assert_msg(span_eq(span, SPAN_LIT(text)), "\"%.*s\" is not \"%s\"", SPAN_FMT(span), text)

/* The refusal names this line and says this. */
static inline void assert_refused(const char *text, const char *words)
{
	struct problem p = { PROBLEM_NONE };
	int64_t before = counter_value[CNT_sdp_malformed_total];
	struct sdp *s = sdp_parse(span_str(text), &p);

	ck_assert_msg(s == NULL, "taken, though: %s", words);
	ck_assert_int_eq(p.kind, PROBLEM_BAD_SDP);
	ck_assert_msg(strstr(p.detail, words) != NULL, "\"%s\" lacks \"%s\"", p.detail, words);
	ck_assert_int_eq(counter_value[CNT_sdp_malformed_total], before + 1);
	problem_finish(&p);
}

static inline const struct sdp_media *only(const struct sdp *s)
{
	ck_assert_uint_eq(s->media_count, 1);
	return &s->medias[0];
}
