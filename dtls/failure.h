/* failure.h: why OpenSSL gave up, as one of our close reasons. */
#pragma once

#include "dcmf/base/close.h"

/* Looks at the last error of this thread's queue and empties the queue. */
enum close_reason failure_reason(void);
