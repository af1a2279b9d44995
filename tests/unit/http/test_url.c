/* test_url.c: absolute URLs, taken apart or refused. */
#include <stdio.h>

#include "dcmf/http/http.h"
#include "tests/unit/main.h"

static const char *told(struct span text)
{
	static char out[512];
	struct http_url u;

	if (http_url_parse(text, &u) != ERR_OK)
		return "refused";
	snprintf(out, sizeof(out), "%s %.*s %u %.*s %.*s%s%.*s", u.https ? "https" : "http",
		SPAN_FMT(u.host), u.port, SPAN_FMT(u.authority), SPAN_FMT(u.path),
		u.has_query ? "?" : "", SPAN_FMT(u.query));
	return out;
}

#define CHECK(text, expected) ck_assert_str_eq(told(SPAN_LIT(text)), expected)
#define REFUSE(text)          CHECK(text, "refused")

START_TEST(a_url_is_taken_apart)
{
	CHECK("http://dcsf.example", "http dcsf.example 80 dcsf.example ");
	CHECK("HTTPS://Dcsf.example/", "https Dcsf.example 443 Dcsf.example /");
	CHECK("https://d_c-s.f:8443/alice/x?a=1&b=2",
		"https d_c-s.f 8443 d_c-s.f:8443 /alice/x?a=1&b=2");
	CHECK("http://h?q", "http h 80 h ?q");
	CHECK("http://h/?", "http h 80 h /?");
	CHECK("http://h/a?b?c", "http h 80 h /a?b?c");
	CHECK("http://192.0.2.1:1/", "http 192.0.2.1 1 192.0.2.1:1 /");
	CHECK("http://[2001:db8::1]/x", "http 2001:db8::1 80 [2001:db8::1] /x");
	CHECK("http://[::1]:65535", "http ::1 65535 [::1]:65535 ");
}
END_TEST

START_TEST(what_is_no_absolute_http_url_is_refused)
{
	REFUSE("");
	REFUSE("http:");
	REFUSE("http:/path");
	REFUSE("http://");
	REFUSE("http:///path");
	REFUSE("https://?q");
	REFUSE("ftp://h/");
	REFUSE("/path");
	REFUSE("//h/path");
	REFUSE(" http://h/");
	REFUSE("http ://h/");
}
END_TEST

START_TEST(user_information_and_fragments_are_refused)
{
	REFUSE("http://user@h/");
	REFUSE("http://user:pw@h/");
	REFUSE("http://h@/");
	REFUSE("http://h/#f");
	REFUSE("http://h#");
}
END_TEST

START_TEST(bytes_that_no_url_holds_are_refused)
{
	REFUSE("http://h/a b");
	REFUSE("http://h/a\tb");
	REFUSE("http://h/a\r\nHost: x");
	REFUSE("http://h/\0");
	REFUSE("http://h\0.example/");
	REFUSE("http://h/\x7f");
	REFUSE("http://h\\x/");
	REFUSE("http://h%2f/");
	REFUSE("http://h\xc3\xa9/");
	CHECK("http://h/\xc3\xa9", "http h 80 h /\xc3\xa9");
}
END_TEST

START_TEST(bad_hosts_and_ports_are_refused)
{
	REFUSE("http://:80/");
	REFUSE("http://h:/");
	REFUSE("http://h:0/");
	REFUSE("http://h:65536/");
	REFUSE("http://h:8x/");
	REFUSE("http://h:-1/");
	REFUSE("http://h:80:80/");
	REFUSE("http://[::1/");
	REFUSE("http://[]/");
	REFUSE("http://[192.0.2.1]/");
	REFUSE("http://[::1]x/");
	REFUSE("http://[::1]:/");
	REFUSE("http://[fe80::1%25eth0]/");
	REFUSE("http://::1/");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("http/url");
	TCase *tc = tcase_create("url");

	tcase_add_test(tc, a_url_is_taken_apart);
	tcase_add_test(tc, what_is_no_absolute_http_url_is_refused);
	tcase_add_test(tc, user_information_and_fragments_are_refused);
	tcase_add_test(tc, bytes_that_no_url_holds_are_refused);
	tcase_add_test(tc, bad_hosts_and_ports_are_refused);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
