/* counters.c: what happened and how much there is, in one table with words. */
#include "dcmf/base/counters.h"

const struct counter_info counter_info[COUNTER_MAX] = {
#define COUNTER(name, help) [CNT_##name] = { #name, help, 0 },
#define GAUGE(name, help)   [CNT_##name] = { #name, help, 1 },
#include "dcmf/base/counters.def"
#undef COUNTER
#undef GAUGE
};

static int64_t own[COUNTER_MAX];
int64_t *counter_value = own;

void counters_use(int64_t *shared)
{
	for (int i = 0; i < COUNTER_MAX; i++)
		shared[i] += counter_value[i];
	counter_value = shared;
}
