/* pace.c: things that are due at a rate. */
#include "tools/load/pace.h"

tick_t pace_due_of(tick_t start, double rate, uint64_t n)
{
	return tick_add(start, (int64_t)((double)n / rate * 1e6));
}

void pace_begin(struct pace *p, tick_t start, double rate)
{
	*p = (struct pace){ .start = start, .rate = rate };
}

tick_t pace_due(const struct pace *p)
{
	return pace_due_of(p->start, p->rate, p->next);
}

bool pace_is_due(struct pace *p, tick_t now)
{
	if (tick_due(pace_due(p), now))
		return true;
	p->is_behind = false;
	return false;
}

tick_t pace_stamp(const struct pace *p, tick_t now)
{
	return p->is_behind ? pace_due(p) : now;
}

int64_t pace_own_delay(const struct pace *p, tick_t now)
{
	return p->is_behind ? 0 : tick_since(pace_due(p), now);
}

void pace_done(struct pace *p)
{
	p->next++;
}

void pace_blocked(struct pace *p)
{
	p->is_behind = true;
}
