/* test_ue_traffic.c: what the ledger of numbered messages finds out. */
#include "tests/unit/main.h"

#include "dcmf/base/alloc.h"
#include "sctp/dcep.h"
#include "tools/ue/ue_traffic.h"

static struct ue_ledger ledger;
static uint8_t buf[1000];

static void begin(void)
{
	ledger = (struct ue_ledger){ .flow = 7 };
}

static void end(void)
{
	ue_ledger_finish(&ledger);
	ck_assert_int_eq(mem_live(), 0);
}

static void take(uint32_t number, size_t len)
{
	ue_traffic_fill(buf, len, 7, number);
	ck_assert(ue_ledger_take(&ledger, ue_traffic_ppid(number), SPAN(buf, len)));
}

START_TEST(messages_in_order_are_received_and_nothing_else)
{
	for (uint32_t i = 0; i < 5000; i++)
		take(i, UE_TRAFFIC_MIN + i % 500);
	ck_assert_uint_eq(ledger.received, 5000);
	ck_assert_uint_eq(ledger.next, 5000);
	ck_assert_uint_eq(ledger.doubled + ledger.overtaken + ledger.wrong, 0);
}
END_TEST

START_TEST(what_is_doubled_or_overtaken_is_found)
{
	take(0, 100);
	take(2, 100);
	take(1, 100);
	take(2, 100);
	ck_assert_uint_eq(ledger.received, 3);
	ck_assert_uint_eq(ledger.doubled, 1);
	ck_assert_uint_eq(ledger.overtaken, 1);
}
END_TEST

START_TEST(any_changed_byte_is_found)
{
	ue_traffic_fill(buf, 100, 7, 0);
	buf[_i] ^= 1;
	ck_assert(ue_ledger_take(&ledger, PPID_STRING, SPAN(buf, 100)));
	ck_assert_uint_eq(ledger.wrong, 1);
	ck_assert_uint_eq(ledger.received, 0);
}
END_TEST

START_TEST(a_ledger_of_numbers_looks_at_nothing_else)
{
	uint32_t number;

	memset(buf, 0, sizeof(buf));
	ledger.numbers_only = true;
	for (uint32_t n = 0; n < 3; n++) {
		ue_traffic_head(buf, sizeof(buf), ledger.flow, n);
		ck_assert(ue_traffic_number(SPAN_OF(buf), &number));
		ck_assert_uint_eq(number, n);
		ck_assert(ue_ledger_take(&ledger, ue_traffic_ppid(n), SPAN_OF(buf)));
	}
	ck_assert(ue_ledger_take(&ledger, ue_traffic_ppid(2), SPAN_OF(buf)));
	buf[0] ^= 1;
	ck_assert(!ue_traffic_number(SPAN_OF(buf), &number));
	ck_assert(!ue_traffic_number(SPAN(buf, 7), &number));
	ck_assert_uint_eq(ledger.received, 3);
	ck_assert_uint_eq(ledger.doubled, 1);
	ck_assert_uint_eq(ledger.wrong, 0);
}
END_TEST

START_TEST(another_length_ppid_or_flow_is_found)
{
	ue_traffic_fill(buf, 100, 7, 0);
	ue_ledger_take(&ledger, PPID_STRING, SPAN(buf, 99));
	ue_ledger_take(&ledger, PPID_STRING, SPAN(buf, 5));
	ue_ledger_take(&ledger, PPID_STRING, SPAN_NONE);
	ue_ledger_take(&ledger, PPID_BINARY, SPAN(buf, 100));
	ue_traffic_fill(buf, 100, 8, 0);
	ue_ledger_take(&ledger, PPID_STRING, SPAN(buf, 100));
	ck_assert_uint_eq(ledger.wrong, 5);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ue/traffic");
	TCase *tc = tcase_create("traffic");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, messages_in_order_are_received_and_nothing_else);
	tcase_add_test(tc, what_is_doubled_or_overtaken_is_found);
	tcase_add_loop_test(tc, any_changed_byte_is_found, 0, 100);
	tcase_add_test(tc, a_ledger_of_numbers_looks_at_nothing_else);
	tcase_add_test(tc, another_length_ppid_or_flow_is_found);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
