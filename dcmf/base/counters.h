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
/* Points to an array of this process, or to memory the front shares (counters_use). */
extern int64_t *counter_value;

/* From now on count into `shared` (COUNTER_MAX values); what was counted so far is added to it. */
void counters_use(int64_t *shared);

#define count(name)        ((void)counter_value[CNT_##name]++)
#define count_add(name, n) ((void)(counter_value[CNT_##name] += (int64_t)(n)))
