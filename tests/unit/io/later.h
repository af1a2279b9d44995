/* later.h: the clock of a test program, libevent's included: what is real, and what the test skipped. */
#pragma once

#include <stdint.h>

extern int64_t skipped_s;
