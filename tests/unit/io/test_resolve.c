/*
 * test_resolve.c: literal addresses, names of the hosts file, and
 * questions nobody waits for any more.
 */
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/resolve.h"
#include "tests/unit/io/turn.h"
#include "tests/unit/main.h"

static struct loop *loop;
static struct resolver *resolver;
static long live;

static struct {
	unsigned times;
	bool found;
	struct addr addr;
	char failed[256];
} got;

static void setup(void)
{
	live = mem_live();
	memset(&got, 0, sizeof(got));
	loop = loop_create();
	resolver = resolver_create(loop);
}

static void teardown(void)
{
	resolver_destroy(resolver);
	loop_destroy(loop);
	ck_assert_int_eq(mem_live(), live);
}

static void on_done(void *arg, const struct addr *addr, const char *failed)
{
	got.times++;
	ck_assert((addr == NULL) != (failed == NULL));
	got.found = addr != NULL;
	if (addr != NULL)
		got.addr = *addr;
	else
		strcpy(got.failed, failed);
}

static bool is_answered(void *arg)
{
	return got.times > 0;
}

static void ask(const char *host)
{
	got.times = 0;
	ck_assert(resolver_ask(resolver, host, 443, on_done, NULL));
	ck_assert_uint_eq(got.times, 0); /* never from inside */
	turn_until(loop, is_answered, NULL);
	ck_assert_uint_eq(got.times, 1);
}

static void check(const char *host, const char *expected)
{
	char text[ADDR_TEXT_MAX];

	ask(host);
	ck_assert_msg(got.found, "%s: %s", host, got.failed);
	ck_assert_str_eq(addr_text(&got.addr, text), expected);
}

START_TEST(literal_addresses_answer_themselves)
{
	check("192.0.2.1", "192.0.2.1:443");
	check("2001:db8::1", "[2001:db8::1]:443");
	check("[::1]", "[::1]:443");
}
END_TEST

START_TEST(localhost_is_found_in_the_hosts_file_and_ipv4_is_preferred)
{
	check("localhost", "127.0.0.1:443");
}
END_TEST

START_TEST(names_that_cannot_be_names_fail_with_a_sentence)
{
	char too_long[400];

	memset(too_long, 'a', sizeof(too_long));
	too_long[sizeof(too_long) - 1] = '\0';
	ask(too_long);
	ck_assert(!got.found);
	ck_assert_uint_gt(strlen(got.failed), 0);
}
END_TEST

START_TEST(questions_of_a_destroyed_resolver_are_dropped)
{
	ck_assert(resolver_ask(resolver, "192.0.2.1", 1, on_done, NULL));
	ck_assert(resolver_ask(resolver, "localhost", 1, on_done, NULL));
	resolver_destroy(resolver);
	resolver = NULL;
	turn_for(loop, 10);
	ck_assert_uint_eq(got.times, 0);
}
END_TEST

START_TEST(creation_survives_every_failed_allocation)
{
	for (unsigned long n = 1;; n++) {
		struct resolver *r;

		mem_fail_at(n);
		if ((r = resolver_create(loop)) != NULL)
			resolver_ask(r, "127.0.0.1", 1, on_done, NULL);
		resolver_destroy(r);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io/resolve");
	TCase *t = tcase_create("resolve");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, literal_addresses_answer_themselves);
	tcase_add_test(t, localhost_is_found_in_the_hosts_file_and_ipv4_is_preferred);
	tcase_add_test(t, names_that_cannot_be_names_fail_with_a_sentence);
	tcase_add_test(t, questions_of_a_destroyed_resolver_are_dropped);
	tcase_add_test(t, creation_survives_every_failed_allocation);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
