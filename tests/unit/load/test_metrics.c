/* test_metrics.c: what the generator reads out of a gateway's /metrics. */
#include "tests/unit/main.h"

#include "tools/load/metrics.h"

START_TEST(cpu_and_memory_of_each_worker_are_found)
{
	struct metrics m;

	metrics_parse("# HELP dcmf_worker_cpu_seconds_total CPU time\n"
		      "# TYPE dcmf_worker_cpu_seconds_total counter\n"
		      "dcmf_worker_cpu_seconds_total{worker=\"0\"} 1.5\n"
		      "dcmf_worker_cpu_seconds_total{worker=\"1\"} 2.25\n"
		      "dcmf_worker_memory_bytes{worker=\"1\"} 1e6\n"
		      "dcmf_contexts 0\n",
		&m);
	ck_assert_uint_eq(m.workers, 2);
	ck_assert(metrics_cpu(&m) == 3.75);
	ck_assert(metrics_memory(&m) == 1e6);
	ck_assert(m.objects == 0);
}
END_TEST

START_TEST(objects_that_are_left_are_named)
{
	struct metrics m;

	metrics_parse("dcmf_contexts 0\ndcmf_legs 3\ndcmf_legs_total 99\n", &m);
	ck_assert(m.objects == 3);
	ck_assert_str_eq(m.busiest, "dcmf_legs 3");
}
END_TEST

START_TEST(noise_is_read_past)
{
	struct metrics m;

	metrics_parse("\n\nnothing\ndcmf_worker_memory_bytes{worker=\"99999\"} "
		      "5\ndcmf_worker_memory_bytes 7\n}{ 1\n",
		&m);
	ck_assert_uint_eq(m.workers, 1);
	ck_assert(metrics_memory(&m) == 7);
	ck_assert(m.objects == 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("load/metrics");
	TCase *tc = tcase_create("metrics");

	tcase_add_test(tc, cpu_and_memory_of_each_worker_are_found);
	tcase_add_test(tc, objects_that_are_left_are_named);
	tcase_add_test(tc, noise_is_read_past);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
