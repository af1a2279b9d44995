/* conductor.h: starts the processes that play, gives them their waves, watches gateway and players, and adds up what they did. */
#pragma once

#include "tools/load/report.h"

/* False: it could not even begin; why was printed. Otherwise *out is filled, also when the run was given up or interrupted. */
bool conduct(const struct plan *plan, struct report *out);
/* The run was interrupted. */
bool conductor_was_interrupted(void);
