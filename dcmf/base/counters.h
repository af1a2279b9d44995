/* counters.h: what happened and how much there is, in one table with words. One set a process. */
#pragma once

#include <stdint.h>

enum counter {
#define COUNTER(name, help) CNT_##name,
#define GAUGE(name, help)   CNT_##name,
#include "dcmf/base/counters.def"
#undef COUNTER
#undef GAUGE
	COUNTER_MAX
};

struct counter_info {
	const char *name; /* without prefix */
	const char *help;
	int is_gauge;
};

extern const struct counter_info counter_info[COUNTER_MAX];
extern int64_t counter_value[COUNTER_MAX];

#define count(name)        ((void)counter_value[CNT_##name]++)
#define count_add(name, n) ((void)(counter_value[CNT_##name] += (int64_t)(n)))
