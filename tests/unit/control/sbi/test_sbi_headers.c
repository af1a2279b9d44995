/*
 * test_sbi_headers.c: headers of the SBI as written and as read, and who is behind a certificate.
 */
#include <string.h>

#include "control/client.h"
#include "control/sbi/sbi_headers.h"
#include "tests/unit/main.h"

#define WALL INT64_C(1580806177845000)

static struct sbi_hints hints_of(
	const char *name, const char *value, const char *name2, const char *value2)
{
	struct h2_header headers[] = { { SPAN_STR(name), SPAN_STR(value) },
		{ SPAN_STR(name2), SPAN_STR(value2) } };
	struct h2_request r = { .headers = headers, .header_count = name2 != NULL ? 2 : 1 };
	struct sbi_hints hints;

	sbi_read_hints(&r, WALL, &hints);
	return hints;
}

static unsigned priority(const char *value)
{
	return hints_of("3gpp-sbi-message-priority", value, NULL, NULL).priority;
}

START_TEST(priorities_are_read_and_what_is_none_is_the_usual_one)
{
	ck_assert_uint_eq(priority("0"), 0);
	ck_assert_uint_eq(priority(" 31 "), 31);
	ck_assert_uint_eq(priority("32"), SBI_PRIORITY_USUAL);
	ck_assert_uint_eq(priority("-1"), SBI_PRIORITY_USUAL);
	ck_assert_uint_eq(priority(""), SBI_PRIORITY_USUAL);
	ck_assert_uint_eq(priority("five"), SBI_PRIORITY_USUAL);
}
END_TEST

static int64_t until(const char *most, const char *sent)
{
	return hints_of("3gpp-sbi-max-rsp-time", most,
		sent != NULL ? "3gpp-sbi-sender-timestamp" : NULL, sent)
		.until_us;
}

START_TEST(patience_counts_from_when_the_request_was_sent)
{
	ck_assert_int_eq(until("2000", NULL), WALL + TICK_S(2));
	ck_assert_int_eq(until("2000", "Tue, 04 Feb 2020 08:49:36.845 GMT"), WALL + TICK_S(1));
	ck_assert_int_eq(until("2000", "Tue, 04 Feb 2020 08:59:37.845 GMT"), WALL + TICK_S(2));
	ck_assert_int_eq(until("2000", "yesterday"), WALL + TICK_S(2));
	ck_assert_int_eq(until("123456", NULL), INT64_MAX);
	ck_assert_int_eq(until("", NULL), INT64_MAX);
}
END_TEST

static const char *const no_timestamps[] = { "", "Tue", "Tue, 04 Feb 2020 08:49:37 GMT",
	"Tue, 04 Feb 2020 08:49:37.84 GMT", "Tue, 04 Feb 2020 08:49:37.845 CET",
	"Tue, 04 February 2020 08:49:37.845 GMT", "Tue, 4 Feb 2020 08:49:37.845 GMT",
	"Tue, 04 Feb 2020 08:49:37.845 GMT!", "Die, 04 Feb 2020 08:49:37.845 GMT" };

START_TEST(timestamps_are_read_to_the_letter)
{
	int64_t us = 0;

	ck_assert(sbi_read_timestamp(SPAN_LIT(" Tue, 04 Feb 2020 08:49:37.845 GMT "), &us));
	ck_assert_int_eq(us, WALL);
	for (size_t i = 0; i < sizeof(no_timestamps) / sizeof(no_timestamps[0]); i++)
		ck_assert(!sbi_read_timestamp(SPAN_STR(no_timestamps[i]), &us));
}
END_TEST

START_TEST(at_full_load_less_is_asked_for_and_not_everything)
{
	char text[SBI_HEADER_MAX];

	ck_assert(!sbi_write_lci(WALL, 49, "x", text) && sbi_write_lci(WALL, 50, "x", text));
	ck_assert(!sbi_write_oci(WALL, 89, "x", text) && sbi_write_oci(WALL, 90, "x", text));
	ck_assert(strstr(text, "Overload-Reduction-Metric: 5%") != NULL);
	sbi_write_oci(WALL, 150, "x", text);
	ck_assert(strstr(text, "Overload-Reduction-Metric: 55%") != NULL);
	sbi_write_lci(WALL, 150, "x", text);
	ck_assert(strstr(text, "Load-Metric: 100%") != NULL);
}
END_TEST

START_TEST(a_root_that_could_break_a_header_is_none)
{
	struct h2_request r = { .scheme = SPAN_LIT("https"), .authority = SPAN_LIT("[::1]:80") };
	char root[512];

	ck_assert(sbi_read_root(&r, root));
	ck_assert_str_eq(root, "https://[::1]:80");
	r.authority = SPAN_LIT("a b");
	ck_assert(!sbi_read_root(&r, root));
	r.authority = SPAN_NONE;
	ck_assert(!sbi_read_root(&r, root));
	r.authority = SPAN_LIT("mf");
	r.scheme = SPAN_LIT("ftp");
	ck_assert(!sbi_read_root(&r, root));
}
END_TEST

/* ---- who ---- */

#define UUID "3fa85f64-5717-4562-b3fc-2c963f66afa6"

static const char *identity(const char *names)
{
	static char text[CLIENT_IDENTITY_MAX];

	client_identity(names, text);
	return text;
}

START_TEST(an_nf_instance_is_the_same_with_another_certificate)
{
	ck_assert_str_eq(identity("CN=a URI:urn:uuid:" UUID), "URI:urn:uuid:" UUID);
	ck_assert_str_eq(identity("CN=b uri:URN:uuid:3FA85F64-5717-4562-B3FC-2C963F66AFA6 DNS:x"),
		"URI:urn:uuid:" UUID);
	ck_assert_str_eq(identity("CN=a DNS:as1.example"), "CN=a DNS:as1.example");
	ck_assert_str_eq(identity("CN=urn:uuid:" UUID), "CN=urn:uuid:" UUID);
	ck_assert_str_eq(identity("URI:urn:uuid:short"), "URI:urn:uuid:short");
	ck_assert_str_eq(identity(""), CLIENT_LOOPBACK);
}
END_TEST

static bool is_listed(const char *names, const char *entry)
{
	char *list[] = { (char *)(uintptr_t) "CN=nobody", (char *)(uintptr_t)entry };

	return client_is_listed(names, list, 2);
}

START_TEST(a_client_is_listed_by_one_whole_name_with_its_kind)
{
	static const char names[] = "CN=as1 DNS:as1.example URI:urn:uuid:" UUID;

	ck_assert(is_listed(names, "CN=as1"));
	ck_assert(is_listed(names, "DNS:AS1.example"));
	ck_assert(is_listed(names, UUID));
	ck_assert(is_listed(names, "URI:urn:uuid:" UUID));
	ck_assert(is_listed(names, "uri:urn:uuid:3FA85F64-5717-4562-B3FC-2C963F66AFA6"));
	ck_assert(!is_listed(names, "URI:urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa7"));
	ck_assert(!is_listed("URI:urn:uuid:short", "URI:urn:uuid:SHORT"));
	ck_assert(!is_listed("URI:urn:uuid:zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz",
		"zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz"));
	ck_assert(!is_listed(names, "CN=AS1"));
	ck_assert(!is_listed(names, "CN=as"));
	ck_assert(!is_listed(names, "as1.example"));
	ck_assert(!is_listed(names, "DNS:as1"));
	ck_assert(!is_listed("CN=" UUID, UUID));
	ck_assert(!is_listed("", "CN=as1"));
}
END_TEST

START_TEST(only_what_a_certificate_can_say_may_be_listed)
{
	ck_assert(client_can_be_listed("CN=as1"));
	ck_assert(client_can_be_listed(UUID));
	ck_assert(client_can_be_listed("URI:urn:uuid:" UUID));
	ck_assert(!client_can_be_listed("as1.example"));
	ck_assert(!client_can_be_listed("CN="));
	ck_assert(!client_can_be_listed("CN=a b"));
	ck_assert(!client_can_be_listed(""));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sbi_headers");
	TCase *t = tcase_create("sbi_headers");

	tcase_add_test(t, priorities_are_read_and_what_is_none_is_the_usual_one);
	tcase_add_test(t, patience_counts_from_when_the_request_was_sent);
	tcase_add_test(t, timestamps_are_read_to_the_letter);
	tcase_add_test(t, at_full_load_less_is_asked_for_and_not_everything);
	tcase_add_test(t, a_root_that_could_break_a_header_is_none);
	tcase_add_test(t, an_nf_instance_is_the_same_with_another_certificate);
	tcase_add_test(t, a_client_is_listed_by_one_whole_name_with_its_kind);
	tcase_add_test(t, only_what_a_certificate_can_say_may_be_listed);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
