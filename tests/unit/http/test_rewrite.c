/* test_rewrite.c: from what a phone asked to the URL of its root, and back. */
#include <stdio.h>
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "dcmf/http/http.h"
#include "tests/unit/main.h"

static const char *rewritten(struct span base, struct span target)
{
	static char out[4 * HTTP_TARGET_MAX];
	char *url = NULL;

	switch (http_rewrite_target(base, target, &url)) {
	case ERR_OK: snprintf(out, sizeof(out), "%s", url); break;
	case ERR_MALFORMED: return "malformed";
	case ERR_TOO_LONG: return "too long";
	default: return "?";
	}
	mem_free(url);
	return out;
}

#define CHECK(base, target, expected) \
	ck_assert_str_eq(rewritten(SPAN_LIT(base), SPAN_LIT(target)), expected)
#define REFUSE(target) CHECK("https://h/alice", target, "malformed")

START_TEST(the_root_is_the_base_itself)
{
	CHECK("https://h/alice", "/", "https://h/alice");
	CHECK("https://h/alice/", "/", "https://h/alice/");
	CHECK("https://h", "/", "https://h");
	CHECK("https://h/alice?token=1", "/", "https://h/alice?token=1");
	CHECK("https://h/alice", "/?", "https://h/alice");
}
END_TEST

START_TEST(a_query_on_the_root_is_appended_to_the_base)
{
	CHECK("https://h/alice", "/?V=1&M=2", "https://h/alice?V=1&M=2");
	CHECK("https://h/alice/", "/?V=1", "https://h/alice/?V=1");
	CHECK("https://h/alice?t=1", "/?V=1", "https://h/alice?t=1&V=1");
	CHECK("https://h/alice?", "/?V=1", "https://h/alice?V=1");
	CHECK("https://h", "/?V=1", "https://h/?V=1");
}
END_TEST

START_TEST(a_path_goes_below_the_base)
{
	CHECK("https://h/alice", "/applications?appid=7", "https://h/alice/applications?appid=7");
	CHECK("https://h/alice/", "/applications?appid=7", "https://h/alice/applications?appid=7");
	CHECK("http://[::1]:8080", "/a/b/", "http://[::1]:8080/a/b/");
	CHECK("https://h/alice?t=1", "/a", "https://h/alice/a?t=1");
	CHECK("https://h/alice?t=1", "/a?b", "https://h/alice/a?t=1&b");
	CHECK("https://h/alice", "//evil.example/x", "https://h/alice//evil.example/x");
	CHECK("https://h/alice", "/@evil.example", "https://h/alice/@evil.example");
}
END_TEST

START_TEST(scheme_and_authority_of_the_target_are_cut)
{
	CHECK("https://h/alice", "http:/applications?appid=7",
		"https://h/alice/applications?appid=7");
	CHECK("https://h/alice", "http://other/a", "https://h/alice/a");
	CHECK("https://h/alice", "HTTPS://other:1/a?b", "https://h/alice/a?b");
	CHECK("https://h/alice", "http:///a", "https://h/alice/a");
	CHECK("https://h/alice", "http://other", "https://h/alice");
	CHECK("https://h/alice", "http://other/", "https://h/alice");
	CHECK("https://h/alice", "http://other?V=1", "https://h/alice?V=1");
	CHECK("https://h/alice", "http://user@other/a", "https://h/alice/a");
	REFUSE("http:");
	REFUSE("http:a");
	REFUSE("ftp://other/a");
	REFUSE("other/a");
	REFUSE("?V=1");
	REFUSE("*");
	REFUSE("");
}
END_TEST

START_TEST(a_path_that_climbs_is_refused)
{
	REFUSE("/..");
	REFUSE("/../bob");
	REFUSE("/a/../../bob");
	REFUSE("/a/..");
	REFUSE("http:/../bob");
	REFUSE("http://other/../bob");
	REFUSE("/..?x");
	REFUSE("/%2e%2e/bob");
	REFUSE("/%2E./bob");
	REFUSE("/.%2e/bob");
	REFUSE("/a%2f..%2fbob");
	REFUSE("/a%2F%2E%2E%2Fbob");
	REFUSE("/..%2fbob");
	REFUSE("/%252e%252e/bob");
	REFUSE("/%25252e%25252e%25252fbob");
	REFUSE("/..;/bob");
	REFUSE("/..;x=1/bob");
	REFUSE("/%2e%2e%3b/bob");
	REFUSE("/%c0%ae%c0%ae/bob");
	REFUSE("/..%c0%afbob");
	REFUSE("/%e0%80%ae./bob");
	REFUSE("/%f0%80%80%ae./bob");
	REFUSE("/a%255c..%255cbob");
}
END_TEST

START_TEST(dots_that_do_not_climb_pass)
{
	CHECK("http://h", "/...", "http://h/...");
	CHECK("http://h", "/a..b", "http://h/a..b");
	CHECK("http://h", "/..a", "http://h/..a");
	CHECK("http://h", "/.hidden", "http://h/.hidden");
	CHECK("http://h", "/a?x=../b", "http://h/a?x=../b");
	CHECK("http://h", "/a%2fb", "http://h/a%2fb");
	CHECK("http://h", "/100%25", "http://h/100%25");
	CHECK("http://h", "/%25zz", "http://h/%25zz");
	/* a character of GBK that looks like a long full stop */
	CHECK("http://h", "/%c0%ae", "http://h/%c0%ae");
}
END_TEST

START_TEST(bytes_that_no_path_holds_are_refused)
{
	REFUSE("/a\\b");
	REFUSE("/a%5cb");
	REFUSE("/a?b\\c");
	REFUSE("/a\0b");
	REFUSE("/a%00b");
	REFUSE("/a%0d%0ab");
	REFUSE("/a%09b");
	REFUSE("/a%7fb");
	REFUSE("/a b");
	REFUSE("/a\tb");
	REFUSE("/a?b c");
	REFUSE("/a\x7f");
	REFUSE("/a%");
	REFUSE("/a%2");
	REFUSE("/a%2x");
	REFUSE("/a#b");
	REFUSE("/?#");
}
END_TEST

START_TEST(raw_bytes_of_phones_are_encoded)
{
	CHECK("http://h", "/\xe5\xba\x94?n=\xe7\x94\xa8", "http://h/%E5%BA%94?n=%E7%94%A8");
	CHECK("http://h", "/a?j={\"k\":[1]}", "http://h/a?j=%7B%22k%22:[1]%7D");
	CHECK("http://h", "/a?<>^`|", "http://h/a?%3C%3E%5E%60%7C");
}
END_TEST

START_TEST(a_target_beyond_the_bound_is_too_long)
{
	static char target[HTTP_TARGET_MAX + 1];
	const char *url;

	memset(target, '\xff', sizeof(target));
	target[0] = '/';
	url = rewritten(SPAN_LIT("http://h"), SPAN(target, HTTP_TARGET_MAX));
	ck_assert_uint_eq(strlen(url), strlen("http://h/") + 3 * (HTTP_TARGET_MAX - 1));
	ck_assert_str_eq(
		rewritten(SPAN_LIT("http://h"), SPAN(target, HTTP_TARGET_MAX + 1)), "too long");
}
END_TEST

START_TEST(a_base_that_is_no_url_is_refused)
{
	CHECK("h/alice", "/", "malformed");
	CHECK("http://u@h/alice", "/", "malformed");
}
END_TEST

static const char *back(const char *base, const char *location)
{
	static char out[512];
	char *text = http_rewrite_location(SPAN_STR(base), SPAN_STR(location));

	ck_assert_ptr_nonnull(text);
	snprintf(out, sizeof(out), "%s", text);
	mem_free(text);
	return out;
}

START_TEST(a_location_below_the_base_comes_back_under_the_root)
{
	ck_assert_str_eq(back("https://h/alice", "https://h/alice/list?x=1"), "/list?x=1");
	ck_assert_str_eq(back("https://h/alice", "https://H:443/alice"), "/");
	ck_assert_str_eq(back("https://h/alice/", "https://h/alice/"), "/");
	ck_assert_str_eq(back("https://h/alice", "https://h/alice?x"), "/?x");
	ck_assert_str_eq(back("https://h/alice", "/alice/list#top"), "/list#top");
	ck_assert_str_eq(back("https://h/alice", "//h/alice/list"), "/list");
	ck_assert_str_eq(back("http://h:8080", "http://h:8080/list"), "/list");
	ck_assert_str_eq(back("http://h:8080", "http://h:8080"), "/");
}
END_TEST

START_TEST(a_location_elsewhere_stays_as_it_is)
{
	static const char *const elsewhere[] = { "https://h/bob", "https://h/alicexy",
		"http://h/alice", "https://h:444/alice", "https://other/alice", "//other/alice",
		"/bob", "list", "?x", "mailto:x", "https://h/alice/../bob",
		"https://h/alice/%2e%2e/bob", "https://u@h/alice", "" };

	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		ck_assert_str_eq(back("https://h/alice", elsewhere[i]), elsewhere[i]);
	ck_assert_str_eq(back("no url", "https://h/alice"), "https://h/alice");
}
END_TEST

START_TEST(the_query_of_the_base_does_not_pile_up)
{
	const char *base = "https://h/alice?t=1";

	ck_assert_str_eq(back(base, "https://h/alice/a?t=1&b=2"), "/a?b=2");
	ck_assert_str_eq(back(base, "https://h/alice/a?t=1"), "/a");
	ck_assert_str_eq(back(base, "https://h/alice/a?t=10"), "/a?t=10");
	ck_assert_str_eq(back(base, "https://h/alice/a?b=2"), "/a?b=2");
}
END_TEST

START_TEST(running_out_of_memory_leaks_nothing)
{
	long live = mem_live();

	for (unsigned n = 1;; n++) {
		char *url = NULL, *location;
		enum err e;

		mem_fail_at(n);
		e = http_rewrite_target(SPAN_LIT("http://h/alice"), SPAN_LIT("/a"), &url);
		location = http_rewrite_location(SPAN_LIT("http://h/alice"), SPAN_LIT("/alice/b"));
		if (e != ERR_OK)
			ck_assert_int_eq(e, ERR_NO_MEMORY);
		else
			mem_free(url);
		mem_free(location);
		ck_assert_int_eq(mem_live(), live);
		if (!mem_failed())
			break;
		ck_assert(e != ERR_OK || location == NULL);
	}
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("http/rewrite");
	TCase *tc = tcase_create("rewrite");

	tcase_add_test(tc, the_root_is_the_base_itself);
	tcase_add_test(tc, a_query_on_the_root_is_appended_to_the_base);
	tcase_add_test(tc, a_path_goes_below_the_base);
	tcase_add_test(tc, scheme_and_authority_of_the_target_are_cut);
	tcase_add_test(tc, a_path_that_climbs_is_refused);
	tcase_add_test(tc, dots_that_do_not_climb_pass);
	tcase_add_test(tc, bytes_that_no_path_holds_are_refused);
	tcase_add_test(tc, raw_bytes_of_phones_are_encoded);
	tcase_add_test(tc, a_target_beyond_the_bound_is_too_long);
	tcase_add_test(tc, a_base_that_is_no_url_is_refused);
	tcase_add_test(tc, a_location_below_the_base_comes_back_under_the_root);
	tcase_add_test(tc, a_location_elsewhere_stays_as_it_is);
	tcase_add_test(tc, the_query_of_the_base_does_not_pile_up);
	tcase_add_test(tc, running_out_of_memory_leaks_nothing);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
