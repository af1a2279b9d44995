/* counters.c: what happened and how much there is, in one table with words. */
#include "dcmf/base/counters.h"

const struct counter_info counter_info[COUNTER_MAX] = {
#define COUNTER(name, help) [CNT_##name] = { #name, help, 0 },
#define GAUGE(name, help)   [CNT_##name] = { #name, help, 1 },
#include "dcmf/base/counters.def"
#undef COUNTER
#undef GAUGE
};

int64_t counter_value[COUNTER_MAX];
