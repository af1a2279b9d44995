/* test_sdp_dcmap.c: a=dcmap, option by option. */
#include "tests/unit/main.h"

#include "control/sdp/sdp_parts.h"

static uint8_t words[4096];
static size_t words_len;

static bool parse(const char *value, struct sdp_dcmap *out, const char **why)
{
	words_len = 0;
	*why = "";
	return sdp_dcmap_parse(span_str(value), out, words, &words_len, why);
}

START_TEST(qualities_are_read)
{
	static const struct {
		const char *value;
		uint16_t sid;
		bool unordered;
		enum reliability reliability;
		uint32_t limit;
		uint16_t priority;
	} rows[] = {
		{ "0", 0, false, RELIABLE, 0, 256 },
		{ "65535", 65535, false, RELIABLE, 0, 256 },
		{ "1000 ordered=true", 1000, false, RELIABLE, 0, 256 },
		{ "1002 ordered=false;max-retr=0", 1002, true, MAX_RETRANSMITS, 0, 256 },
		{ "7 max-time=1500;priority=512", 7, false, MAX_LIFETIME, 1500, 512 },
		{ "7 max-retr=4294967295;priority=65535", 7, false, MAX_RETRANSMITS, UINT32_MAX,
			65535 },
		{ "7 ; ORDERED = FALSE ;; max-retr = 3 ;", 7, true, MAX_RETRANSMITS, 3, 256 },
		{ "7 new-option=9;max-retr=1", 7, false, MAX_RETRANSMITS, 1, 256 },
		{ "  7   max-retr=1", 7, false, MAX_RETRANSMITS, 1, 256 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sdp_dcmap m;
		const char *why;

		ck_assert_msg(parse(rows[i].value, &m, &why), "row %zu: %s", i, why);
		ck_assert_uint_eq(m.sid, rows[i].sid);
		ck_assert_msg(m.quality.unordered == rows[i].unordered, "row %zu", i);
		ck_assert_uint_eq(m.quality.reliability, rows[i].reliability);
		ck_assert_uint_eq(m.quality.limit, rows[i].limit);
		ck_assert_uint_eq(m.quality.priority, rows[i].priority);
	}
}
END_TEST

START_TEST(texts_are_unescaped)
{
	static const struct {
		const char *value, *label, *subprotocol;
	} rows[] = {
		{ "1", "", "" },
		{ "1 label=\"\"", "", "" },
		{ "1 label=\"chat\";subprotocol=\"http\"", "chat", "http" },
		{ "1 subprotocol=http;label=chat", "chat", "http" },
		{ "1 label=\"a;b=c\";subprotocol=\"x\"", "a;b=c", "x" },
		{ "1 label=\"100%25 %22sure%22\"", "100% \"sure\"", "" },
		{ "1 label=\"gr%C3%BCn\"", "gr\xc3\xbcn", "" },
		{ "1 label=\"gr\xc3\xbcn\"", "gr\xc3\xbcn", "" },
		{ "1 label=\"%f0%9f%8e%a8\"", "\xf0\x9f\x8e\xa8", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sdp_dcmap m;
		const char *why;

		ck_assert_msg(parse(rows[i].value, &m, &why), "row %zu: %s", i, why);
		ck_assert_msg(span_eq(m.label, span_str(rows[i].label)), "row %zu", i);
		ck_assert_msg(span_eq(m.subprotocol, span_str(rows[i].subprotocol)), "row %zu", i);
		ck_assert_uint_le(words_len, strlen(rows[i].value));
	}
}
END_TEST

START_TEST(what_cannot_be_understood_is_refused_with_a_reason)
{
	static const struct {
		const char *value, *words;
	} rows[] = {
		{ "", "stream id" },
		{ "x", "stream id" },
		{ "-1", "stream id" },
		{ "65536", "stream id" },
		{ "1;ordered=true", "stream id" },
		{ "1 ordered=perhaps", "ordered" },
		{ "1 ordered", "ordered" },
		{ "1 max-retr=1;max-time=1", "not both" },
		{ "1 max-retr=1;max-retr=1", "once" },
		{ "1 max-retr=-1", "numbers" },
		{ "1 max-time=4294967296", "numbers" },
		{ "1 priority=65536", "priority" },
		{ "1 label=\"%\"", "%" },
		{ "1 label=\"%4\"", "%" },
		{ "1 label=\"%zz\"", "%" },
		{ "1 label=\"%00\"", "UTF-8" },
		{ "1 label=\"%ff\"", "UTF-8" },
		{ "1 label=\"%c3\"", "UTF-8" },
		{ "1 label=\"%c0%80\"", "UTF-8" },
		{ "1 label=\"%ed%a0%80\"", "UTF-8" },
		{ "1 label=\"%f4%90%80%80\"", "UTF-8" },
		{ "1 label=\"\xe2\x28\xa1\"", "UTF-8" },
		{ "1 label=\"unclosed", "quote" },
		{ "1 label=\"a\"b\"", "quote" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sdp_dcmap m;
		const char *why;

		ck_assert_msg(!parse(rows[i].value, &m, &why), "row %zu was taken", i);
		ck_assert_msg(strstr(why, rows[i].words) != NULL, "row %zu: %s", i, why);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sdp_dcmap");
	TCase *t = tcase_create("dcmap");

	tcase_add_test(t, qualities_are_read);
	tcase_add_test(t, texts_are_unescaped);
	tcase_add_test(t, what_cannot_be_understood_is_refused_with_a_reason);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
