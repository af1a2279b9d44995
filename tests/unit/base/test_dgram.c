/* test_dgram.c: the queue of datagrams. */
#include "dcmf/base/dgram.h"

#include "dcmf/base/alloc.h"
#include "tests/unit/main.h"

static const struct path somewhere = { .port = 3, .remote = { .family = ADDR_IPV4, .port = 9 } };

START_TEST(datagrams_come_out_in_order_with_their_paths)
{
	struct path other = somewhere;
	struct dgram_queue q;
	struct dgram *d;
	long live = mem_live();

	other.port = 4;
	dgram_queue_init(&q, 100);
	ck_assert(dgram_queue_is_empty(&q));
	ck_assert_ptr_null(dgram_queue_pop(&q));
	ck_assert(dgram_queue_push(&q, &somewhere, SPAN_LIT("one")));
	ck_assert(dgram_queue_push(&q, &other, SPAN_NONE));
	ck_assert(!dgram_queue_is_empty(&q));
	ck_assert_uint_eq(q.bytes, 3);
	d = dgram_queue_pop(&q);
	ck_assert(span_eq(dgram_span(d), SPAN_LIT("one")));
	ck_assert(path_eq(&d->path, &somewhere));
	dgram_free(d);
	d = dgram_queue_pop(&q);
	ck_assert_uint_eq(d->len, 0);
	ck_assert(path_eq(&d->path, &other));
	dgram_free(d);
	ck_assert_uint_eq(q.bytes, 0);
	dgram_queue_finish(&q);
	ck_assert_int_eq(mem_live(), live);
}
END_TEST

START_TEST(what_goes_beyond_the_limit_is_lost)
{
	static const uint8_t big[DGRAM_MAX + 1];
	struct dgram_queue q;
	long live = mem_live();

	dgram_queue_init(&q, 5);
	ck_assert(dgram_queue_push(&q, &somewhere, SPAN_LIT("four")));
	ck_assert(!dgram_queue_push(&q, &somewhere, SPAN_LIT("ab")));
	ck_assert(dgram_queue_push(&q, &somewhere, SPAN_LIT("a")));
	dgram_queue_finish(&q);
	ck_assert(dgram_queue_is_empty(&q));
	dgram_queue_init(&q, SIZE_MAX);
	ck_assert(!dgram_queue_push(&q, &somewhere, SPAN_OF(big)));
	ck_assert(dgram_queue_push(&q, &somewhere, SPAN(big, DGRAM_MAX)));
	mem_fail_at(1);
	ck_assert(!dgram_queue_push(&q, &somewhere, SPAN_LIT("a")));
	mem_fail_at(0);
	ck_assert_uint_eq(q.bytes, DGRAM_MAX);
	dgram_queue_finish(&q);
	ck_assert_int_eq(mem_live(), live);
}
END_TEST

START_TEST(paths_compare_by_socket_and_both_ends)
{
	struct path p = somewhere;

	ck_assert(path_eq(&p, &somewhere));
	p.local.port = 1;
	ck_assert(!path_eq(&p, &somewhere));
	p = somewhere;
	p.remote.port = 1;
	ck_assert(!path_eq(&p, &somewhere));
	p = somewhere;
	p.port = 1;
	ck_assert(!path_eq(&p, &somewhere));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base/dgram");
	TCase *tc = tcase_create("dgram");

	tcase_add_test(tc, datagrams_come_out_in_order_with_their_paths);
	tcase_add_test(tc, what_goes_beyond_the_limit_is_lost);
	tcase_add_test(tc, paths_compare_by_socket_and_both_ends);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
