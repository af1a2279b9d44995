/* test_addr.c: IP addresses as values. */
#include "dcmf/base/addr.h"

#include <arpa/inet.h>

#include "tests/unit/main.h"

static const char *text(const char *in)
{
	static char buf[ADDR_TEXT_MAX];
	struct addr a;

	return addr_parse(SPAN_STR(in), &a) ? addr_text(&a, buf) : "refused";
}

START_TEST(addresses_with_ports_print_as_they_parse)
{
	ck_assert_str_eq(text("192.0.2.1:80"), "192.0.2.1:80");
	ck_assert_str_eq(text("0.0.0.0:0"), "0.0.0.0:0");
	ck_assert_str_eq(text("[2001:DB8::0:1]:65535"), "[2001:db8::1]:65535");
	ck_assert_str_eq(text("[::]:1"), "[::]:1");
}
END_TEST

START_TEST(what_is_no_address_with_port_is_refused)
{
	static const char *const bad[] = { "", ":", ":80", "192.0.2.1",
		"192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:8x", "192.0.2:80",
		"192.0.2.256:80", "192.0.2.1 :80", "host:80", "::1:80", "[::1]", "[::1]80",
		"[::1:80", "::1]:80", "[]:80", "[::1%lo]:80", "[::g]:80", "1:2:3:4:5:6:7:8:80" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(strcmp(text(bad[i]), "refused") == 0, "%s", bad[i]);
}
END_TEST

START_TEST(addresses_without_ports_may_have_brackets)
{
	char buf[ADDR_TEXT_MAX];
	struct addr a;

	ck_assert(addr_parse_ip(SPAN_LIT("2001:db8::1"), 7, &a));
	ck_assert_str_eq(addr_text(&a, buf), "[2001:db8::1]:7");
	ck_assert_str_eq(addr_ip_text(&a, buf), "2001:db8::1");
	ck_assert(addr_parse_ip(SPAN_LIT("[2001:db8::1]"), 7, &a));
	ck_assert(addr_parse_ip(SPAN_LIT("192.0.2.1"), 7, &a));
	ck_assert_str_eq(addr_ip_text(&a, buf), "192.0.2.1");
	ck_assert(!addr_parse_ip(SPAN_LIT("192.0.2.1:80"), 7, &a));
	ck_assert(!addr_parse_ip(SPAN_LIT("localhost"), 7, &a));
	ck_assert(!addr_parse_ip(SPAN_LIT("192.0.2.1\0x"), 7, &a));
	ck_assert(!addr_parse_ip(
		SPAN_LIT("2001:0db8:0000:0000:0000:0000:0000:0001:0000:0000:0000"), 7, &a));
}
END_TEST

START_TEST(addresses_compare_by_all_that_they_are)
{
	struct addr a, b;

	ck_assert(addr_parse(SPAN_LIT("192.0.2.1:80"), &a));
	b = a;
	ck_assert(addr_eq(&a, &b));
	b.port = 81;
	ck_assert(!addr_eq(&a, &b));
	ck_assert(addr_eq_ip(&a, &b));
	b.family = ADDR_IPV6;
	ck_assert(!addr_eq_ip(&a, &b));
	b = a;
	b.scope = 1;
	ck_assert(!addr_eq_ip(&a, &b));
}
END_TEST

START_TEST(any_loopback_and_set_are_told)
{
	struct addr a, none = { 0 };

	ck_assert(addr_parse(SPAN_LIT("0.0.0.0:80"), &a));
	ck_assert(addr_is_any(&a) && !addr_is_set(&a) && !addr_is_loopback(&a));
	ck_assert(addr_parse(SPAN_LIT("[::]:80"), &a));
	ck_assert(addr_is_any(&a));
	ck_assert(addr_parse(SPAN_LIT("127.9.9.9:80"), &a));
	ck_assert(addr_is_loopback(&a) && addr_is_set(&a));
	ck_assert(addr_parse(SPAN_LIT("[::1]:80"), &a));
	ck_assert(addr_is_loopback(&a));
	ck_assert(addr_parse(SPAN_LIT("[::2]:80"), &a));
	ck_assert(!addr_is_loopback(&a));
	ck_assert(addr_parse(SPAN_LIT("192.0.2.1:0"), &a));
	ck_assert(!addr_is_set(&a));
	ck_assert(!addr_is_any(&none) && !addr_is_set(&none) && !addr_is_loopback(&none));
}
END_TEST

START_TEST(socket_addresses_go_there_and_back)
{
	static const char *const in[] = { "192.0.2.1:80", "[2001:db8::1]:443" };
	struct sockaddr_storage ss;
	struct addr a, b;

	for (size_t i = 0; i < 2; i++) {
		ck_assert(addr_parse(SPAN_STR(in[i]), &a));
		a.scope = i == 1 ? 3 : 0;
		ck_assert_uint_eq(addr_to_sockaddr(&a, &ss),
			i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		ck_assert(addr_from_sockaddr((const struct sockaddr *)&ss, &b));
		ck_assert(addr_eq(&a, &b));
		ck_assert_mem_eq(&a, &b, sizeof(a));
	}
	ss.ss_family = AF_UNIX;
	ck_assert(!addr_from_sockaddr((const struct sockaddr *)&ss, &b));
}
END_TEST

START_TEST(a_mapped_ipv4_address_is_an_ipv4_address)
{
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(80), .sin6_scope_id = 2
	};
	struct addr a, b;

	ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:192.0.2.1", &in6.sin6_addr), 1);
	ck_assert(addr_from_sockaddr((const struct sockaddr *)&in6, &a));
	ck_assert(addr_parse(SPAN_LIT("192.0.2.1:80"), &b));
	ck_assert_mem_eq(&a, &b, sizeof(a));
}
END_TEST

START_TEST(nowhere_prints_too)
{
	struct addr none = { 0 };
	char buf[ADDR_TEXT_MAX];

	ck_assert_str_eq(addr_text(&none, buf), "none:0");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base/addr");
	TCase *tc = tcase_create("addr");

	tcase_add_test(tc, addresses_with_ports_print_as_they_parse);
	tcase_add_test(tc, what_is_no_address_with_port_is_refused);
	tcase_add_test(tc, addresses_without_ports_may_have_brackets);
	tcase_add_test(tc, addresses_compare_by_all_that_they_are);
	tcase_add_test(tc, any_loopback_and_set_are_told);
	tcase_add_test(tc, socket_addresses_go_there_and_back);
	tcase_add_test(tc, a_mapped_ipv4_address_is_an_ipv4_address);
	tcase_add_test(tc, nowhere_prints_too);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
